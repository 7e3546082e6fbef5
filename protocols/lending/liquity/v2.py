"""Liquidation on a branch of Liquity v2 (BOLD): capped penalties, surplus to the owner.

Every trove below the branch's minimum ratio is open, in any mode. The pool and the other
troves take at most the debt plus their penalty in collateral, the owner keeps the rest.
The liquidator's share comes out of what the pool offsets (MODEL 1.5; CASES L18, L19, as
of commit 405f912). Debt and collateral are booked with v1's accounts. Interest set by
borrowers, its batches and redemptions before a shutdown are not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import WAD
from .liquidation import LiquidationBatch, TroveLiquidation, settle
from .parameters import BranchParameters
from .troves import LiquitySystem


@dataclass(frozen=True, slots=True)
class UrgentRedemption:
    """Debt redeemed from a trove and the collateral paid for it, wei."""

    debt: int
    collateral: int


def split_liquidation(
    trove_id: int, debt: int, collateral: int, *, in_pool: int, price: int, branch: BranchParameters
) -> TroveLiquidation:
    """Work out where the debt and collateral of a trove go.

    Parameters
    ----------
    trove_id : int
        The trove.
    debt, collateral : int
        What it holds, pending redistributions included, wei; debt positive.
    in_pool : int
        Deposits that may be used up, wei.
    price : int
        BOLD per collateral, wad.
    branch : BranchParameters
        Terms.

    Returns
    -------
    TroveLiquidation
        Its parts add up to what the trove held.
    """
    debt_offset = min(debt, in_pool)
    portion = collateral * debt_offset // debt
    gas_compensation = min(portion // branch.gas_compensation_divisor, branch.gas_compensation_cap)
    to_pool, surplus = _capped(portion - gas_compensation, debt_offset, branch.pool_penalty, price)
    debt_redistributed = debt - debt_offset
    redistributed = 0
    rest = collateral - portion
    if debt_redistributed and rest:
        # What the pool's cap left over may be taken by the higher penalty of this part.
        redistributed, surplus = _capped(
            rest + surplus, debt_redistributed, branch.redistribution_penalty, price
        )
    return TroveLiquidation(
        trove_id,
        debt,
        collateral,
        gas_compensation,
        debt_offset,
        to_pool,
        debt_redistributed,
        redistributed,
        surplus,
        capped=surplus > 0,
    )


def liquidate_branch(
    system: LiquitySystem, branch: BranchParameters, trove_ids: Sequence[int], price: int
) -> LiquidationBatch:
    """Liquidate those of the given troves that are below the minimum ratio, in that order.

    Parameters
    ----------
    system : LiquitySystem
        The branch's books; changed in place, unless the call is refused.
    branch : BranchParameters
        Terms.
    trove_ids : sequence of int
        Closed and repeated ids are skipped.
    price : int
        BOLD per collateral, wad.

    Raises
    ------
    Revert
        ``EmptyData``; ``NothingToLiquidate``; ``OnlyOneTroveLeft``.
    """
    if not trove_ids:
        raise Revert("EmptyData")
    in_pool = max(0, system.pool.deposited - branch.minimum_in_pool)
    closing: dict[int, TroveLiquidation] = {}
    for trove_id in trove_ids:
        if trove_id not in system.troves or trove_id in closing:
            continue
        if system.ratio(trove_id, price) >= branch.minimum_ratio:
            continue
        if len(system.troves) - len(closing) <= 1:
            raise Revert("OnlyOneTroveLeft")
        debt, collateral = system.debt_and_collateral(system.troves[trove_id])
        closing[trove_id] = split_liquidation(
            trove_id, debt, collateral, in_pool=in_pool, price=price, branch=branch
        )
        in_pool -= closing[trove_id].debt_offset
    if not closing:
        raise Revert("NothingToLiquidate")
    settle(system, closing.values())
    return LiquidationBatch(tuple(closing.values()), branch.gas_compensation_deposit * len(closing))


def is_shut_down(system: LiquitySystem, branch: BranchParameters, price: int) -> bool:
    """Whether the total collateral ratio at `price` (wad) lets anyone shut the branch down."""
    return system.total_ratio(price) < branch.shutdown_ratio


def urgent_redemption(
    debt: int, collateral: int, amount: int, price: int, branch: BranchParameters
) -> UrgentRedemption:
    """Redeem from one trove of a branch that is shut down, at the price plus a bonus.

    Parameters
    ----------
    debt, collateral : int
        What the trove holds, wei.
    amount : int
        BOLD offered, wei.
    price : int
        BOLD per collateral, wad.
    branch : BranchParameters
        Terms.
    """
    redeemed = min(amount, debt)
    paid = redeemed * (WAD + branch.urgent_redemption_bonus) // price
    if paid > collateral:
        paid = collateral
        redeemed = collateral * price // (WAD + branch.urgent_redemption_bonus)
    return UrgentRedemption(redeemed, paid)


def _capped(collateral: int, debt: int, penalty: int, price: int) -> tuple[int, int]:
    seized = min(collateral, debt * (WAD + penalty) // price)
    return seized, collateral - seized
