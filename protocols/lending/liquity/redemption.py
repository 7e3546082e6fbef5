"""Redemption on Liquity v1: stablecoin for collateral at face value, from the riskiest trove upwards.

Troves below the minimum ratio are passed over, and none is redeemed while the whole system
is below it. A trove redeemed whole is closed and its owner may claim what is left; one
redeemed in part must keep the minimum debt, or the redemption ends before it. The fee is
paid in collateral: half a per cent and a base rate that rises with the share of the supply
redeemed and halves every twelve hours. Source: ``TroveManager.redeemCollateral`` of
``liquity/dev``; the first two weeks of a deployment, when it is off, are taken as over.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import WAD
from .troves import LiquitySystem

FEE_FLOOR = WAD // 200
"""Least fee of a redemption, wad."""

BETA = 2
"""The base rate rises by the redeemed share of the supply over this."""

MINUTE_DECAY_FACTOR = 999037758833783000
"""What a minute leaves of the base rate, wad: half in twelve hours."""

MAX_TROVES = 100
"""Troves that a redemption visits at most unless told otherwise, about what a block has gas for."""

_MINUTE = 60
_MAX_MINUTES = 525_600_000


@dataclass(frozen=True, slots=True)
class BaseRate:
    """The base rate as of its last change.

    Parameters
    ----------
    rate : int
        Wad.
    changed_s : int
        When decay was last counted from, Unix seconds.
    """

    rate: int = 0
    changed_s: int = 0

    def decayed(self, now_s: int) -> int:
        """Return the base rate now, wad."""
        if self.rate == 0:
            return 0
        return self.rate * decay((now_s - self.changed_s) // _MINUTE) // WAD

    def fee_rate(self, now_s: int) -> int:
        """Return the fee of the smallest redemption now, wad."""
        return min(FEE_FLOOR + self.decayed(now_s), WAD)

    def after(self, share: int, now_s: int) -> BaseRate:
        """Return the rate after redeeming a share (wad) of the supply."""
        rate = min(self.decayed(now_s) + share // BETA, WAD)
        return BaseRate(rate, now_s if now_s - self.changed_s >= _MINUTE else self.changed_s)


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a redemption did, wei.

    Parameters
    ----------
    debt : int
        Stablecoin that the redeemer pays.
    collateral, fee : int
        Collateral drawn from the troves, and the part of it that is the fee.
    troves : tuple of int
        Troves redeemed from, the riskiest first.
    closed : dict
        Those redeemed whole -> collateral that the owner may claim.
    base_rate : BaseRate
        Afterwards.
    """

    debt: int
    collateral: int
    fee: int
    troves: tuple[int, ...]
    closed: dict[int, int]
    base_rate: BaseRate


def decay(minutes: int) -> int:
    """Share of the base rate left after some minutes, wad, with the contract's rounding half up."""
    result, factor, n = WAD, MINUTE_DECAY_FACTOR, min(minutes, _MAX_MINUTES)
    if n == 0:
        return WAD
    while n > 1:
        if n % 2:
            result = _multiply(factor, result)
        factor = _multiply(factor, factor)
        n //= 2
    return _multiply(factor, result)


def redeem(
    system: LiquitySystem,
    base_rate: BaseRate,
    amount: int,
    price: int,
    now_s: int,
    max_fee: int = WAD,
    max_troves: int = MAX_TROVES,
) -> Redemption:
    """Redeem stablecoin.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place, unless the call is refused.
    base_rate : BaseRate
        As of the last redemption.
    amount : int
        Most to redeem, wei.
    price : int
        Stablecoin per collateral, wad.
    now_s : int
        Unix seconds.
    max_fee : int
        Largest fee accepted, as a share of the collateral drawn, wad.
    max_troves : int
        Troves visited at most.

    Raises
    ------
    Revert
        ``TroveManager: Amount must be greater than zero``; ``TroveManager: Cannot redeem when
        TCR < MCR``; ``TroveManager: Unable to redeem any amount``; ``TroveManager: Fee would eat
        up all returned collateral``; ``Fee exceeded provided maximum``.
    """
    terms = system.parameters
    if amount <= 0:
        raise Revert("TroveManager: Amount must be greater than zero")
    if system.total_ratio(price) < terms.minimum_ratio:
        raise Revert("TroveManager: Cannot redeem when TCR < MCR")
    lots = _lots(system, amount, price, max_troves)
    drawn = sum(collateral for _, _, collateral in lots)
    if drawn == 0:
        raise Revert("TroveManager: Unable to redeem any amount")
    after = base_rate.after(drawn * price // system.debt, now_s)
    fee = min(FEE_FLOOR + after.rate, WAD) * drawn // WAD
    if fee >= drawn:
        raise Revert("TroveManager: Fee would eat up all returned collateral")
    if fee * WAD // drawn > max_fee:
        raise Revert("Fee exceeded provided maximum")
    closed: dict[int, int] = {}
    for trove_id, debt, collateral in lots:
        whole_debt, whole_collateral = system.debt_and_collateral(system.troves[trove_id])
        if whole_debt - debt == terms.gas_compensation_debt:
            system.remove_trove(trove_id)
            system.active_debt -= whole_debt
            system.active_collateral -= whole_collateral
            closed[trove_id] = whole_collateral - collateral
        else:
            system.change_trove(trove_id, whole_debt - debt, whole_collateral - collateral)
    paid = sum(debt for _, debt, _ in lots)
    return Redemption(paid, drawn, fee, tuple(lot[0] for lot in lots), closed, after)


def _lots(system: LiquitySystem, amount: int, price: int, max_troves: int) -> list[tuple[int, int, int]]:
    """Work out what is redeemed from whom: trove, debt, collateral."""
    terms = system.parameters
    lots: list[tuple[int, int, int]] = []
    left = len(system.troves)
    for trove_id in system.from_riskiest():
        if amount == 0 or len(lots) == max_troves:
            break
        debt, _ = system.debt_and_collateral(system.troves[trove_id])
        # debts that the gas compensation covers are smaller than the contract lets anyone open
        redeemable = debt - terms.gas_compensation_debt
        if redeemable <= 0 or system.ratio(trove_id, price) < terms.minimum_ratio:
            continue
        lot = min(amount, redeemable)
        drawn = lot * WAD // price
        if lot == redeemable:
            if left == 1:
                break  # the last trove cannot be closed
            left -= 1
        elif redeemable - lot < terms.minimum_net_debt:
            break
        lots.append((trove_id, lot, drawn))
        amount -= lot
    return lots


def _multiply(a: int, b: int) -> int:
    return (a * b + WAD // 2) // WAD
