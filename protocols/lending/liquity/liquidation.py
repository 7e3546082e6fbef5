"""Who is liquidated on Liquity v1, in which mode, and where debt and collateral go.

A liquidated trove is paid off by the stability pool as far as that reaches; the rest is
redistributed to the other troves. In recovery mode (total ratio below 150 %) troves up
to the total ratio are open too, if the pool covers them whole, and then lose at most 110 %
of their debt. A batch is first worked out in full, trove by trove, and booked once at its
end: what one trove leaves of the pool, and whether recovery mode ends, decides about the
next, so the outcome depends on the order. Sources: MODEL 1.5, CASES L16, L17 and the
conformance set ``liquity_v1``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ....market.revert import Revert
from ...fixed_point import WAD
from .troves import LiquitySystem, collateral_ratio

NOTHING_TO_LIQUIDATE = "TroveManager: nothing to liquidate"


@dataclass(frozen=True, slots=True)
class TroveLiquidation:
    """Where the debt and collateral of one trove go, wei.

    Parameters
    ----------
    trove_id : int
        The trove.
    debt, collateral : int
        What it held, pending redistributions included.
    gas_compensation : int
        Collateral to the liquidator.
    debt_offset, collateral_to_pool : int
        Through the stability pool.
    debt_redistributed, collateral_redistributed : int
        To the other troves.
    surplus : int
        Collateral its owner may claim.
    capped : bool
        Whether the claim on its collateral was limited (v1: recovery mode above 110 %).
    """

    trove_id: int
    debt: int
    collateral: int
    gas_compensation: int
    debt_offset: int
    collateral_to_pool: int
    debt_redistributed: int
    collateral_redistributed: int
    surplus: int = 0
    capped: bool = False


@dataclass(frozen=True, slots=True)
class LiquidationBatch:
    """Outcome of a liquidation call.

    Parameters
    ----------
    troves : tuple of TroveLiquidation
        In the order of closing.
    gas_compensation_deposit : int
        What the borrowers had set aside for the liquidator, wei: LUSD on v1, ETH on v2.
    """

    troves: tuple[TroveLiquidation, ...]
    gas_compensation_deposit: int

    @property
    def debt(self) -> int:
        """Debt liquidated, wei."""
        return sum(trove.debt for trove in self.troves)

    @property
    def collateral(self) -> int:
        """Collateral liquidated, without gas compensation and surplus, wei."""
        return sum(trove.collateral_to_pool + trove.collateral_redistributed for trove in self.troves)

    @property
    def gas_compensation(self) -> int:
        """Collateral to the liquidator, wei."""
        return sum(trove.gas_compensation for trove in self.troves)


@dataclass(slots=True)
class _Run:
    """A batch being worked out; the system is only read."""

    system: LiquitySystem
    price: int
    in_pool: int
    recovery: bool
    debt: int
    collateral: int
    closed: dict[int, TroveLiquidation] = field(default_factory=dict)

    def close(self, liquidation: TroveLiquidation) -> None:
        self.closed[liquidation.trove_id] = liquidation
        self.in_pool -= liquidation.debt_offset

    @property
    def only_one_left(self) -> bool:
        return len(self.system.troves) - len(self.closed) <= 1


def liquidate(system: LiquitySystem, trove_id: int, price: int) -> LiquidationBatch:
    """Liquidate one trove.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place, unless the call is refused.
    trove_id : int
        The trove.
    price : int
        Stablecoin per collateral, wad.

    Raises
    ------
    Revert
        ``TroveManager: Trove does not exist or is closed``; ``TroveManager: nothing to
        liquidate``.
    """
    if trove_id not in system.troves:
        raise Revert("TroveManager: Trove does not exist or is closed")
    return batch_liquidate(system, [trove_id], price)


def batch_liquidate(system: LiquitySystem, trove_ids: Sequence[int], price: int) -> LiquidationBatch:
    """Liquidate those of the given troves that are open to it, in the order given.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place, unless the call is refused.
    trove_ids : sequence of int
        Closed and repeated ids are skipped.
    price : int
        Stablecoin per collateral, wad.

    Raises
    ------
    Revert
        ``TroveManager: Calldata address array must not be empty``; ``TroveManager: nothing
        to liquidate``; ``TroveManager: Only one trove in the system``.
    """
    if not trove_ids:
        raise Revert("TroveManager: Calldata address array must not be empty")
    run = _start(system, price)
    for trove_id in trove_ids:
        if trove_id not in system.troves or trove_id in run.closed:
            continue
        if run.recovery:
            ratio = system.ratio(trove_id, price)
            if ratio >= system.parameters.minimum_ratio and run.in_pool == 0:
                continue
            liquidation = _recovery_mode(run, trove_id, ratio)
            if liquidation is not None:
                # The contract leaves a surplus in these totals here, unlike in a sequence.
                run.debt -= liquidation.debt_offset
                run.collateral -= liquidation.collateral_to_pool
            _leave_recovery_mode(run)
        elif system.ratio(trove_id, price) < system.parameters.minimum_ratio:
            _normal_mode(run, trove_id)
    return _finish(run)


def liquidate_troves(system: LiquitySystem, count: int, price: int) -> LiquidationBatch:
    """Visit up to `count` troves from the riskiest upwards and liquidate those open to it.

    Stops at the first trove that its mode cannot reach; in recovery mode the safest trove
    is never visited.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place, unless the call is refused.
    count : int
        Most troves to visit.
    price : int
        Stablecoin per collateral, wad.

    Raises
    ------
    Revert
        ``TroveManager: nothing to liquidate``; ``TroveManager: Only one trove in the system``.
    """
    run = _start(system, price)
    minimum_ratio = system.parameters.minimum_ratio
    visits = system.lowest_first[: max(count, 0)]
    if run.recovery and len(visits) == len(system.lowest_first):
        visits = visits[:-1]
    for trove_id in visits:
        ratio = system.ratio(trove_id, price)
        if run.recovery:
            if ratio >= minimum_ratio and run.in_pool == 0:
                break
            liquidation = _recovery_mode(run, trove_id, ratio)
            if liquidation is not None:
                run.debt -= liquidation.debt_offset
                run.collateral -= liquidation.collateral_to_pool + liquidation.surplus
            _leave_recovery_mode(run)
        elif ratio < minimum_ratio:
            _normal_mode(run, trove_id)
        else:
            break
    return _finish(run)


def settle(system: LiquitySystem, liquidations: Iterable[TroveLiquidation]) -> None:
    """Book a batch: close its troves, offset, redistribute, pay out, take snapshots.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place, unless the call is refused.
    liquidations : iterable of TroveLiquidation
        Worked out for the system as it is.

    Raises
    ------
    Revert
        On the contract's own arithmetic failures; nothing has changed then.
    """
    closing = tuple(liquidations)
    debt_redistributed = sum(trove.debt_redistributed for trove in closing)
    stakes_left = system.total_stakes - sum(system.troves[trove.trove_id].stake for trove in closing)
    if debt_redistributed and stakes_left == 0:
        raise Revert("SafeMath: division by zero")
    collateral_to_pool = sum(trove.collateral_to_pool for trove in closing)
    debt_offset = sum(trove.debt_offset for trove in closing)
    # The only step that can still refuse comes first.
    system.pool.offset(debt_offset, collateral_to_pool)
    for trove in closing:
        system.remove_trove(trove.trove_id)
        system.closed.add(trove.trove_id)
        if trove.surplus:
            system.surplus[trove.trove_id] = system.surplus.get(trove.trove_id, 0) + trove.surplus
    system.active_debt -= debt_offset
    system.active_collateral -= collateral_to_pool
    if debt_redistributed:
        _redistribute(system, debt_redistributed, sum(trove.collateral_redistributed for trove in closing))
    system.active_collateral -= sum(trove.surplus for trove in closing)
    system.active_collateral -= sum(trove.gas_compensation for trove in closing)
    system.total_stakes_snapshot = system.total_stakes
    system.total_collateral_snapshot = system.collateral


def _start(system: LiquitySystem, price: int) -> _Run:
    return _Run(
        system,
        price,
        in_pool=system.pool.deposited,
        recovery=system.is_recovery_mode(price),
        debt=system.debt,
        collateral=system.collateral,
    )


def _finish(run: _Run) -> LiquidationBatch:
    closing = tuple(run.closed.values())
    if not any(trove.debt for trove in closing):
        raise Revert(NOTHING_TO_LIQUIDATE)
    settle(run.system, closing)
    return LiquidationBatch(closing, run.system.parameters.gas_compensation_debt * len(closing))


def _leave_recovery_mode(run: _Run) -> None:
    total_ratio = collateral_ratio(run.collateral, run.debt, run.price)
    run.recovery = total_ratio < run.system.parameters.critical_ratio


def _normal_mode(run: _Run, trove_id: int) -> None:
    if run.only_one_left:
        raise Revert("TroveManager: Only one trove in the system")
    run.close(_split(run, trove_id, run.in_pool))


def _recovery_mode(run: _Run, trove_id: int, ratio: int) -> TroveLiquidation | None:
    if run.only_one_left:
        return None
    system = run.system
    if ratio <= WAD:
        liquidation = _split(run, trove_id, 0)
    elif ratio < system.parameters.minimum_ratio:
        liquidation = _split(run, trove_id, run.in_pool)
    else:
        debt, collateral = system.debt_and_collateral(system.troves[trove_id])
        total_ratio = collateral_ratio(run.collateral, run.debt, run.price)
        if ratio >= total_ratio or debt > run.in_pool:
            return None
        claimed = debt * system.parameters.minimum_ratio // run.price
        gas_compensation = claimed // system.parameters.gas_compensation_divisor
        liquidation = TroveLiquidation(
            trove_id,
            debt,
            collateral,
            gas_compensation,
            debt_offset=debt,
            collateral_to_pool=claimed - gas_compensation,
            debt_redistributed=0,
            collateral_redistributed=0,
            surplus=collateral - claimed,
            capped=True,
        )
    run.close(liquidation)
    return liquidation


def _split(run: _Run, trove_id: int, in_pool: int) -> TroveLiquidation:
    system = run.system
    debt, collateral = system.debt_and_collateral(system.troves[trove_id])
    gas_compensation = collateral // system.parameters.gas_compensation_divisor
    liquidated = collateral - gas_compensation
    debt_offset = min(debt, in_pool)
    collateral_to_pool = liquidated * debt_offset // debt
    return TroveLiquidation(
        trove_id,
        debt,
        collateral,
        gas_compensation,
        debt_offset,
        collateral_to_pool,
        debt - debt_offset,
        liquidated - collateral_to_pool,
    )


def _redistribute(system: LiquitySystem, debt: int, collateral: int) -> None:
    collateral_numerator = collateral * WAD + system.collateral_error
    debt_numerator = debt * WAD + system.debt_error
    collateral_share = collateral_numerator // system.total_stakes
    debt_share = debt_numerator // system.total_stakes
    system.collateral_error = collateral_numerator - collateral_share * system.total_stakes
    system.debt_error = debt_numerator - debt_share * system.total_stakes
    system.collateral_per_stake += collateral_share
    system.debt_per_stake += debt_share
    system.active_debt -= debt
    system.active_collateral -= collateral
    system.default_debt += debt
    system.default_collateral += collateral
