"""Tiered margin: larger positions need a larger share of their notional (MODEL 2.1, CASES P01, P02).

``margin = notional * rate_i - cum_i`` in the tier that the notional falls in, with
``cum_i = cum_{i-1} + floor_i (rate_i - rate_{i-1})``, so that the requirement does not jump from
one tier to the next. Amounts are base units and rates parts in `NANO`; a requirement is rounded up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

NANO = 10**9
"""Rates are whole billionths, so that a requirement is exact in 64 bits."""

UNBOUNDED = 2**62
"""Upper bound of a last tier that has none; no position of a venue is larger."""


class TierError(ValueError):
    """A margin table that is not ordered, not continuous, or has no such rate."""


def to_nano(rate: float) -> int:
    """Return the billionths nearest to a rate given as a fraction."""
    return round(rate * NANO)


@dataclass(frozen=True, slots=True)
class MarginTiers:
    """A table of margin rates by notional.

    Parameters
    ----------
    bounds : tuple of int
        Notional up to which each tier reaches, itself included; base units, rising.
    rates : tuple of int
        Margin rate of each tier, parts in `NANO`, above 0 and at most 1, not falling.

    Attributes
    ----------
    cum : tuple of int
        Maintenance amount of each tier, base units, rounded down.

    Raises
    ------
    TierError
        If there is no tier, or the tables are not of equal length and ordered.
    """

    bounds: tuple[int, ...]
    rates: tuple[int, ...]
    cum: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.bounds or len(self.bounds) != len(self.rates):
            raise TierError(
                f"margin tiers: bounds and rates must be of one length of at least 1, "
                f"got {len(self.bounds)} and {len(self.rates)}"
            )
        for number, (lower, upper) in enumerate(pairwise((0, *self.bounds))):
            if not lower < upper <= UNBOUNDED:
                raise TierError(
                    f"margin tiers: bounds must rise from above 0 to at most {UNBOUNDED}, "
                    f"got {upper} after {lower} in tier {number + 1}"
                )
        for number, (before, rate) in enumerate(pairwise((self.rates[0], *self.rates))):
            if not 0 < before <= rate <= NANO:
                raise TierError(
                    f"margin tiers: rates must be above 0, at most 1 and not fall, "
                    f"got {rate / NANO:g} after {before / NANO:g} in tier {number + 1}"
                )
        exact = [0]
        for floor, (before, rate) in zip(self.bounds, pairwise(self.rates), strict=False):
            exact.append(exact[-1] + floor * (rate - before))
        object.__setattr__(self, "cum", tuple(amount // NANO for amount in exact))

    @classmethod
    def flat(cls, rate: float) -> MarginTiers:
        """Return one tier without a bound.

        Parameters
        ----------
        rate : float
            Fraction of the notional, above 0 and at most 1.
        """
        return cls((UNBOUNDED,), (to_nano(rate),))

    @classmethod
    def table(
        cls,
        bounds: Sequence[float],
        rates: Sequence[float],
        cum: Sequence[float] | None = None,
        unit: float = 1,
    ) -> MarginTiers:
        """Return the tiers of a published table, and check its own amounts.

        Parameters
        ----------
        bounds : sequence of float
            Upper notional bound of each tier, whole units of the settlement asset; the last may be infinite.
        rates : sequence of float
            Fractions.
        cum : sequence of float, optional
            Published maintenance amounts; each must make the requirement continuous.
        unit : float
            Base units in one whole unit of what the bounds count.

        Raises
        ------
        TierError
            If the table is not ordered, or an amount makes the requirement jump.
        """
        whole = [UNBOUNDED if bound == float("inf") else round(bound * unit) for bound in bounds]
        tiers = cls(tuple(whole), tuple(to_nano(rate) for rate in rates))
        if cum is not None and len(cum) != len(whole):
            raise TierError(f"margin tiers: cum must name {len(whole)} amounts, one per tier, got {len(cum)}")
        for number, (given, due) in enumerate(zip(cum or (), tiers.cum, strict=False)):
            if abs(given * unit - due) > 1:
                raise TierError(
                    f"margin tiers: not continuous at tier {number + 1}: its amount must be "
                    f"{due / unit:.10g}, got {given:.10g}"
                )
        return tiers

    def required(self, notional: int) -> int:
        """Margin of a position; base units, rounded up.

        Parameters
        ----------
        notional : int
            Absolute value of the position, base units; above the last bound, its last tier applies.
        """
        tier = min(bisect_left(self.bounds, notional), len(self.bounds) - 1)
        return -(-notional * self.rates[tier] // NANO) - self.cum[tier]
