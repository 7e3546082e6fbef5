"""One Fluid vault: positions by ticks, liquidated in whole ranges from the top.

All positions of a tick have one ratio of debt to collateral, that of the tick. A liquidation
takes the highest and repays until their ratio is that of the next lower ones, goes on with both,
and ends where the money does or at the threshold; those it has met then share one ratio and are
one group. It never looks at a position, so its cost is that of the ticks it crosses. Groups above the
maximum are absorbed by the vault whole, at nobody's expense but its own (MODEL 1.10, CASES L32).

A group is a tick with debt or, once liquidated, what the contract calls a branch. The contract
compresses what a branch owes to 56 bits and its ratio to a 30-bit part of a tick; here both are
kept whole, so that a liquidated position needs no allowance of a hundredth of a per cent.
Source: Instadapp/fluid-contracts-public a9949b4, ``vaultT1/coreModule``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ....market.revert import Revert
from ...fixed_point import PERCENTAGE_FACTOR, RAY, ceil_div
from .parameters import THOUSAND, FluidParameters
from .ticks import ONE, ratio_at_tick, tick_at_ratio

PART_BITS = 62
WHOLE = 1 << PART_BITS
"""A part of 1 of what a position owes or has put up."""
MIN_DEBT = 10_000
"""Least raw debt of a position, and least of a liquidation."""
LEAST_SHARE = 10**9
"""Of all debt of a vault, a liquidation is of at least one part in so many."""
MAX_PRICE = 10**45


class Group(NamedTuple):
    """Positions of one ratio.

    Attributes
    ----------
    ratio : int
        Debt over collateral, 96 fractional bits.
    debt, collateral : int
        Of all of them; raw debt, base units.
    number : int
        Names the group within its vault.
    tick : bool
        Whether it lies on a tick, where other positions may join.
    """

    ratio: int
    debt: int
    collateral: int
    number: int
    tick: bool


@dataclass(frozen=True, slots=True)
class FluidVault:
    """Positions of a vault by groups.

    Parameters
    ----------
    groups : tuple of Group
        From the highest ratio to the lowest.
    absorbed_debt, absorbed_collateral : int
        What the vault has taken over and nobody has bought.
    next_number : int
    """

    groups: tuple[Group, ...] = ()
    absorbed_debt: int = 0
    absorbed_collateral: int = 0
    next_number: int = 0

    @property
    def debt(self) -> int:
        """All raw debt of positions."""
        return sum(group.debt for group in self.groups)


class Limits(NamedTuple):
    """What an oracle price means for a vault.

    Attributes
    ----------
    threshold, maximum : int
        Ratios, on ticks, above which positions are liquidated and absorbed.
    collateral_per_debt : int
        What a liquidator receives, base units for a raw unit; ray.
    """

    threshold: int
    maximum: int
    collateral_per_debt: int


class Merged(NamedTuple):
    """What is left to the positions of a group that a liquidation met: parts of `WHOLE`.

    The part of a debt is rounded up, that of collateral down.
    """

    number: int
    debt_left: int
    collateral_left: int


class Liquidation(NamedTuple):
    """Outcome of a liquidation; raw debt and base units of collateral.

    Attributes
    ----------
    vault : FluidVault
    debt, collateral : int
        Repaid and handed over, of positions.
    absorbed_debt, absorbed_collateral : int
        Repaid and handed over, of what the vault had absorbed.
    merged : tuple of Merged
    into : int
        Number of the group they are now, -1 for none.
    """

    vault: FluidVault
    debt: int
    collateral: int
    absorbed_debt: int
    absorbed_collateral: int
    merged: tuple[Merged, ...]
    into: int


def limits(parameters: FluidParameters, price: int) -> Limits:
    """Ratios that follow from a price.

    Parameters
    ----------
    parameters : FluidParameters
    price : int
        Raw debt units for a base unit of collateral; ray.

    Raises
    ------
    Revert
        ``Vault__InvalidOraclePrice`` for none.
    """
    if price <= 0:
        raise Revert("Vault__InvalidOraclePrice")
    price = min(price, MAX_PRICE)
    per_debt = RAY * RAY // price * (PERCENTAGE_FACTOR + parameters.penalty) // PERCENTAGE_FACTOR
    whole = price * ONE // RAY
    threshold, maximum = (
        ratio_at_tick(tick_at_ratio(whole * part // THOUSAND))
        for part in (parameters.liquidation_threshold, parameters.max_limit)
    )
    return Limits(threshold, maximum, per_debt)


def tick_of(debt: int, collateral: int) -> int:
    """Tick on which a position lies: its ratio rounded up."""
    tick = tick_at_ratio(debt * ONE // collateral) + 1
    return tick if debt_on_tick(tick, collateral) >= debt else tick + 1


def debt_on_tick(tick: int, collateral: int) -> int:
    """Debt that collateral has at a tick; what it exceeds a position's own by is its dust."""
    return ceil_div(ratio_at_tick(tick) * collateral, ONE)


def join(vault: FluidVault, tick: int, debt: int, collateral: int) -> tuple[FluidVault, int]:
    """Add a position, or several, to a tick; return the vault and the number of the group."""
    ratio = ratio_at_tick(tick)
    place = bisect_left(vault.groups, -ratio, key=lambda group: -group.ratio)
    here = vault.groups[place : place + 1]
    while here and here[0].ratio == ratio and not here[0].tick:
        place += 1
        here = vault.groups[place : place + 1]
    if here and here[0].ratio == ratio:
        old = here[0]
        group = old._replace(debt=old.debt + debt, collateral=old.collateral + collateral)
        return replace(vault, groups=(*vault.groups[:place], group, *vault.groups[place + 1 :])), old.number
    group = Group(ratio, debt, collateral, vault.next_number, True)
    groups = (*vault.groups[:place], group, *vault.groups[place:])
    return replace(vault, groups=groups, next_number=vault.next_number + 1), group.number


def with_totals(vault: FluidVault, number: int, debt: int, collateral: int) -> FluidVault:
    """Give a group other totals; one without debt goes."""
    groups = tuple(
        group._replace(debt=debt, collateral=collateral) if group.number == number else group
        for group in vault.groups
        if group.number != number or debt > 0
    )
    return replace(vault, groups=groups)


def absorb(vault: FluidVault, maximum: int) -> tuple[FluidVault, tuple[int, ...]]:
    """Take the groups above the maximum out; return the vault and their numbers."""
    above = tuple(group.number for group in vault.groups if group.ratio > maximum)
    return replace(vault, groups=vault.groups[len(above) :]), above


def most(vault: FluidVault, terms: Limits) -> int:
    """Raw debt of positions that a liquidation may repay: down to the threshold."""
    if not vault.groups or vault.groups[0].ratio <= terms.threshold:
        return 0
    return _range(vault.groups, terms, None)[0]


def liquidate(vault: FluidVault, terms: Limits, amount: int, *, absorbed: bool) -> Liquidation:
    """Repay up to `amount` of raw debt, from the highest ratio down, and receive collateral.

    Parameters
    ----------
    vault : FluidVault
        With nothing above the maximum, see `absorb`.
    terms : Limits
    amount : int
        Raw debt.
    absorbed : bool
        Whether what the vault has absorbed is bought first, at its own ratio.

    Raises
    ------
    Revert
        ``Vault__InvalidLiquidationAmt`` for too little, ``Vault__InvalidLiquidation`` if there is
        nothing to liquidate, ``Vault__BranchDebtTooLow`` if too little would be left.
    """
    if amount < MIN_DEBT or vault.debt // LEAST_SHARE > amount:
        raise Revert("Vault__InvalidLiquidationAmt")
    bought = given = 0
    if absorbed and vault.absorbed_debt:
        bought = min(amount, vault.absorbed_debt)
        given = vault.absorbed_collateral * bought // vault.absorbed_debt
        vault = replace(
            vault,
            absorbed_debt=vault.absorbed_debt - bought,
            absorbed_collateral=vault.absorbed_collateral - given,
        )
    left = amount - bought
    if not left or not vault.groups or vault.groups[0].ratio <= terms.threshold:
        if not bought:
            raise Revert("Vault__InvalidLiquidation")
        return Liquidation(vault, 0, 0, bought, given, (), -1)
    repaid, seized, ratio, stages = _range(vault.groups, terms, left)
    met = vault.groups[: len(stages)]
    debt = sum(group.debt for group in met) - repaid
    collateral = sum(group.collateral for group in met) - seized
    if debt < 100:
        raise Revert("Vault__BranchDebtTooLow")
    group = Group(ratio, debt, collateral, vault.next_number, False)
    after = replace(vault, groups=(group, *vault.groups[len(met) :]), next_number=vault.next_number + 1)
    return Liquidation(after, repaid, seized, bought, given, _parts(met, stages), group.number)


Stage = tuple[int, int, int, int]
"""Debt and collateral before a stage, and what it took of them."""


def _range(groups: Sequence[Group], terms: Limits, amount: int | None) -> tuple[int, int, int, list[Stage]]:
    """Go down the groups; return debt repaid, collateral seized, the ratio at the end, and the stages."""
    per_debt = terms.collateral_per_debt
    debt = collateral = repaid = seized = 0
    stages: list[Stage] = []
    ratio = groups[0].ratio
    for place, group in enumerate(groups):
        debt, collateral = debt + group.debt, collateral + group.collateral
        below = groups[place + 1].ratio if place + 1 < len(groups) else 0
        target = max(below, terms.threshold)
        step = (debt - target * debt // ratio) * RAY // (RAY - per_debt * target // ONE)
        step = min(step, debt - 1)
        ends = target == terms.threshold
        if amount is not None and (step > amount - repaid or (step == amount - repaid and not ends)):
            step, ends = amount - repaid, True
            taken = min(step * per_debt // RAY, collateral - 1)
            target = min(max((debt - step) * ONE // (collateral - taken), target), ratio)
        taken = min(step * per_debt // RAY, collateral - 1)
        stages.append((debt, collateral, step, taken))
        debt, collateral = debt - step, collateral - taken
        repaid, seized, ratio = repaid + step, seized + taken, target
        if ends:
            break
    return repaid, seized, ratio, stages


def _parts(met: Sequence[Group], stages: Sequence[Stage]) -> tuple[Merged, ...]:
    """Say what each group keeps: the product of what the stages from its own on have left."""
    parts: list[Merged] = []
    debt_left = collateral_left = WHOLE
    for group, (debt, collateral, repaid, seized) in zip(reversed(met), reversed(stages), strict=True):
        debt_left = ceil_div(debt_left * (debt - repaid), debt)
        collateral_left = collateral_left * (collateral - seized) // collateral
        parts.append(Merged(group.number, debt_left, collateral_left))
    return tuple(reversed(parts))
