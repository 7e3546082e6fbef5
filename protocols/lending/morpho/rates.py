"""The adaptive interest-rate model of Morpho Blue markets, on integers.

The borrow rate is a curve through ``(target, rate at target)`` that is four times as high
at full use and a quarter as high at none; the rate at target itself grows or falls
exponentially while use is off target. Truncation and the two-term exponential follow
morpho-org/morpho-blue-irm 10be222 (`AdaptiveCurveIrm`, `ExpLib`). Rates are wads per second.
"""

from __future__ import annotations

from typing import NamedTuple

from ...fixed_point import SECONDS_PER_YEAR, WAD
from .market import Market

TARGET_UTILISATION = 9 * WAD // 10
CURVE_STEEPNESS = 4 * WAD
ADJUSTMENT_SPEED = 50 * WAD // SECONDS_PER_YEAR
INITIAL_RATE_AT_TARGET = 4 * WAD // 100 // SECONDS_PER_YEAR
MIN_RATE_AT_TARGET = WAD // 1000 // SECONDS_PER_YEAR
MAX_RATE_AT_TARGET = 2 * WAD // SECONDS_PER_YEAR

_LN_2 = 693_147_180_559_945_309
_LN_WEI = -41_446_531_673_892_822_312
_EXP_BOUND = 93_859_467_695_000_404_319
_EXP_AT_BOUND = 57_716_089_161_558_943_949_701_069_502_944_508_345_128_422_502_756_744_429_568 * WAD


class AdaptiveRate(NamedTuple):
    """Borrow rate over a period, and the rate at target at its end; wad per second."""

    borrow_rate: int
    rate_at_target: int


def adaptive_rate(market: Market, rate_at_target: int, now: int) -> AdaptiveRate:
    """Average the borrow rate from a market's last update until now.

    Parameters
    ----------
    market : Market
        Totals as of ``market.last_update``.
    rate_at_target : int
        At the last update, wad per second; 0 for a market that never had one.
    now : int
        Time, s.
    """
    used = market.total_borrow_assets * WAD // market.total_supply_assets if market.total_supply_assets else 0
    scale = WAD - TARGET_UTILISATION if used > TARGET_UTILISATION else TARGET_UTILISATION
    error = _over((used - TARGET_UTILISATION) * WAD, scale)
    start = rate_at_target
    if start == 0:
        return AdaptiveRate(_on_curve(INITIAL_RATE_AT_TARGET, error), INITIAL_RATE_AT_TARGET)
    adaptation = _over(ADJUSTMENT_SPEED * error, WAD) * (now - market.last_update)
    if adaptation == 0:
        return AdaptiveRate(_on_curve(start, error), start)
    end = _adapted(start, adaptation)
    middle = _adapted(start, _over(adaptation, 2))
    return AdaptiveRate(_on_curve((start + end + 2 * middle) // 4, error), end)


def exp_wad(x: int) -> int:
    """Approximate the exponential of a wad: a power of two times a parabola (`ExpLib.wExp`).

    Parameters
    ----------
    x : int
        Wad of either sign.

    Returns
    -------
    int
        Wad, within 1 % of the exponential where it neither vanishes nor overflows.
    """
    if x < _LN_WEI:
        return 0
    if x >= _EXP_BOUND:
        return _EXP_AT_BOUND
    power = _over(x + (-(_LN_2 // 2) if x < 0 else _LN_2 // 2), _LN_2)
    rest = x - power * _LN_2
    mantissa = WAD + rest + rest * rest // WAD // 2
    return mantissa << power if power >= 0 else mantissa >> -power


def _on_curve(rate_at_target: int, error: int) -> int:
    slope = WAD - WAD * WAD // CURVE_STEEPNESS if error < 0 else CURVE_STEEPNESS - WAD
    return (_over(slope * error, WAD) + WAD) * rate_at_target // WAD


def _adapted(rate_at_target: int, adaptation: int) -> int:
    return min(max(rate_at_target * exp_wad(adaptation) // WAD, MIN_RATE_AT_TARGET), MAX_RATE_AT_TARGET)


def _over(numerator: int, denominator: int) -> int:
    """Divide towards zero, as the contract's signed integers do."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient
