"""Sizings: how much debt one liquidation call may repay."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ..fixed_point import HALF_PERCENTAGE_FACTOR, PERCENTAGE_FACTOR, WAD
from .mechanism import LiquidationContext


@dataclass(frozen=True, slots=True)
class CloseFactor:
    """Share of the chosen debt, larger once the account is far under water (Aave v3.0 to v3.2).

    Parameters
    ----------
    default, full : int
        Share above `full_below`, and at or below it; basis points.
    full_below : int
        Health factor at or below which `full` applies; wad.

    Raises
    ------
    ValueError
        If a share is not between 0 (excluded) and 10000 basis points.
    """

    default: int = 5_000
    full: int = PERCENTAGE_FACTOR
    full_below: int = 95 * WAD // 100

    def __post_init__(self) -> None:
        for name in ("default", "full"):
            value = getattr(self, name)
            if not 0 < value <= PERCENTAGE_FACTOR:
                raise ValueError(f"close factor: {name} must be 1 to 10000 basis points, got {value}")

    @classmethod
    def flat(cls, share: int) -> CloseFactor:
        """Return the same share at any health factor (Aave v2: 5000).

        Parameters
        ----------
        share : int
            Basis points.
        """
        return cls(share, share)

    def max_repay(self, context: LiquidationContext) -> int:
        """Share of the account's debt in the chosen reserve; base units."""
        share = self.default if context.health_factor > self.full_below else self.full
        return (context.debt * share + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR


@dataclass(frozen=True, slots=True)
class WholePositionCloseFactor:
    """Share of the account's whole debt, of which one reserve may be repaid in full (Aave v3.3 and later).

    All of the chosen debt may be repaid if the account is far under water, or if
    the chosen debt or collateral is small.

    Parameters
    ----------
    default : int
        Share of total debt, in value; basis points.
    full_below : int
        Health factor at or below which all may be repaid; wad.
    small_base : int
        Value of the chosen debt or collateral below which all may be repaid; base currency units.

    Raises
    ------
    ValueError
        If the share is not between 0 (excluded) and 10000 basis points.
    """

    default: int = 5_000
    full_below: int = 95 * WAD // 100
    small_base: int = 2_000 * 10**8

    def __post_init__(self) -> None:
        if not 0 < self.default <= PERCENTAGE_FACTOR:
            raise ValueError(f"close factor: default must be 1 to 10000 basis points, got {self.default}")

    def max_repay(self, context: LiquidationContext) -> int:
        """Chosen debt, capped at the share of total debt; base units."""
        debt = context.debt
        if context.health_factor <= self.full_below:
            return debt
        debt_base = -(-debt * context.debt_price // context.debt_unit)
        collateral_base = context.collateral * context.collateral_price // context.collateral_unit
        if debt_base < self.small_base or collateral_base < self.small_base:
            return debt
        cap = (context.total_debt_base * self.default + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
        return debt if debt_base <= cap else cap * context.debt_unit // context.debt_price


@dataclass(frozen=True, slots=True)
class TargetHealthFactor:
    """What brings the account back to a health factor, and no more (MODEL 1.1, CASES L09).

    With debt `D`, collateral weighted by its thresholds `W`, threshold `LT` and
    bonus `b` of the chosen collateral, ``r = (H* D - W) / (H* - LT (1 + b))``.

    Parameters
    ----------
    target : int
        Health factor after the call; wad.

    Raises
    ------
    ValueError
        If the target is below 1.
    """

    target: int

    def __post_init__(self) -> None:
        if self.target < WAD:
            raise ValueError(f"target health factor: target must be at least {WAD} (wad), got {self.target}")

    def max_repay(self, context: LiquidationContext) -> int:
        """Repayment that restores the target, all of the debt if none does; base units, rounded up."""
        scale = PERCENTAGE_FACTOR * PERCENTAGE_FACTOR
        gain = self.target * scale - context.collateral_threshold * context.bonus * WAD
        if gain <= 0:
            return context.debt
        weighted = context.total_collateral_base * context.liquidation_threshold
        missing = self.target * context.total_debt_base * scale - weighted * PERCENTAGE_FACTOR * WAD
        repay = -(-max(missing, 0) * context.debt_unit // (gain * context.debt_price))
        return min(repay, context.debt)


@dataclass(frozen=True, slots=True)
class AnyAmount:
    """The taker chooses: any part of the chosen debt, up to all of it (Morpho Blue; MODEL 1.7)."""

    def max_repay(self, context: LiquidationContext) -> int:
        """Return the whole debt in the chosen reserve; base units."""
        return context.debt


@dataclass(frozen=True, slots=True)
class TrancheSchedule:
    """Shares of the debt that grow as health falls, step by step.

    Parameters
    ----------
    steps : tuple of (int, int)
        Health factor (wad) below which a share of the chosen debt (basis points) may be repaid, from
        the highest health to the lowest; the shares must not fall.

    Raises
    ------
    ValueError
        If there is no step, or they are not in this order.
    """

    steps: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("tranches: steps must name at least one health factor and share")
        for health, share in self.steps:
            if health <= 0 or not 0 < share <= PERCENTAGE_FACTOR:
                raise ValueError(
                    "tranches: steps must have health above 0 and a share of 1 to 10000 basis points, "
                    f"got {health} (wad) and {share}"
                )
        for (above, smaller), (below, larger) in pairwise(self.steps):
            if below >= above or larger < smaller:
                raise ValueError(
                    "tranches: steps must go to lower health and not to smaller shares, "
                    f"got ({above}, {smaller}) before ({below}, {larger})"
                )

    def max_repay(self, context: LiquidationContext) -> int:
        """Return the share of the lowest step that the account is below; 0 above the first; base units."""
        share = 0
        for health, part in self.steps:
            if context.health_factor < health:
                share = part
        return (context.debt * share + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR


@dataclass(frozen=True, slots=True)
class DepthAware:
    """No more than the market of the collateral can take at once.

    Selling the collateral of a repayment ``r`` in a constant-product pool with `depth_base` of
    the quote asset moves its average price by ``(1 + b) r / depth``, so a share of the depth bounds
    the slippage (MODEL 3.6, CASES X05).

    Parameters
    ----------
    depth_base : int
        Quote reserves of the market in which the collateral is sold; base currency units.
    share : int
        Largest part of them that one call may seize; basis points.

    Raises
    ------
    ValueError
        If the depth is not positive, or the share is not 1 to 10000 basis points.
    """

    depth_base: int
    share: int = 200

    def __post_init__(self) -> None:
        if self.depth_base <= 0:
            raise ValueError(f"depth-aware: depth_base must be positive, got {self.depth_base}")
        if not 0 < self.share <= PERCENTAGE_FACTOR:
            raise ValueError(f"depth-aware: share must be 1 to 10000 basis points, got {self.share}")

    def max_repay(self, context: LiquidationContext) -> int:
        """Return the debt whose collateral, bonus included, is that share of the depth; base units."""
        most_base = self.depth_base * self.share // max(context.bonus, 1)
        return min(context.debt, most_base * context.debt_unit // context.debt_price)
