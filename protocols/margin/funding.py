"""Funding rates: what holders of one side of a perpetual pay those of the other (MODEL 2.1).

Rates are floats per funding interval, or per second where it says so; `MarginAccounts.settle_funding`
moves the money in whole units. Longs pay where a rate is positive.
"""

from __future__ import annotations

from typing import NamedTuple


def clamp(value: float, low: float, high: float) -> float:
    """Return the nearest number between two bounds."""
    return min(max(value, low), high)


def clamped_funding(premium: float, interest: float, band: float) -> float:
    """Premium pulled towards the interest rate by at most a band: ``P + clamp(I - P, -c, c)`` (CASES P07).

    Parameters
    ----------
    premium : float
        Mean of mark over index less 1.
    interest : float
        Rate inside of the band.
    band : float
        ``c``, not negative.
    """
    return premium + clamp(interest - premium, -band, band)


def capped_funding(
    rate: float, initial_margin: float, maintenance_margin: float, factor: float = 6.0
) -> float:
    """Rate kept within ``factor * (IM - MM)`` on either side (dYdX v4)."""
    limit = factor * (initial_margin - maintenance_margin)
    return clamp(rate, -limit, limit)


class SkewFunding(NamedTuple):
    """Rates of the two sides, per USD of open interest and second; positive if the side pays."""

    long_rate: float
    short_rate: float


def skew_funding(long_usd: float, short_usd: float, factor: float, exponent: float = 1.0) -> SkewFunding:
    """Funding by the imbalance of open interest (GMX v2, CASES P14).

    The heavy side pays ``factor * |L - S|**e / (L + S)``, the light side receives the same total.

    Parameters
    ----------
    long_usd, short_usd : float
        Open interest, not negative.
    factor : float
        Per second.
    exponent : float
    """
    total = long_usd + short_usd
    if total <= 0.0 or long_usd == short_usd:
        return SkewFunding(0.0, 0.0)
    heavy, light = max(long_usd, short_usd), min(long_usd, short_usd)
    paid = factor * float((heavy - light) ** exponent) / total
    received = -paid * heavy / light if light > 0.0 else 0.0
    return SkewFunding(paid, received) if long_usd > short_usd else SkewFunding(received, paid)


def skew_impact(before_usd: float, after_usd: float, factor: float, exponent: float) -> float:
    """Price impact of a trade on the skew, USD: ``factor (|d0|^e - |d1|^e)``; a reward if positive."""
    return factor * float(abs(before_usd) ** exponent - abs(after_usd) ** exponent)


def imbalance_funding(
    long_lots: float, short_lots: float, mark: float, oracle: float, kappa: float = 1.0
) -> float:
    """Rate that a long position *receives*, ``kappa (L/S - mark/oracle)`` (arXiv:2512.01112, CASES P09)."""
    return kappa * (long_lots / short_lots - mark / oracle)


def borrow_fee(utilisation: float, factor: float, exponent: float = 1.0) -> float:
    """Fee for the use of a pool's reserves, per second: ``factor * utilisation**e``."""
    return factor * float(utilisation**exponent)
