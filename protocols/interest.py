"""Interest: utilisation curves and the growth of indices.

Integer functions follow Aave's contracts to the last unit (v3.0.2 with stable
debt, and v3.6); float helpers at the end give the same curves, and Compound's,
for analysis. Nothing here holds state: reserves are kept by the protocols.
"""

from __future__ import annotations

from dataclasses import dataclass

from .fixed_point import (
    ARITHMETIC_PANIC,
    HALF_RAY,
    PERCENTAGE_FACTOR,
    RAY,
    SECONDS_PER_YEAR,
    WAD_RAY_RATIO,
    ray_div,
    ray_mul,
)
from .revert import Revert

_YEAR_SQUARED = SECONDS_PER_YEAR * SECONDS_PER_YEAR
_HALF_FACTOR = PERCENTAGE_FACTOR // 2


@dataclass(frozen=True, slots=True)
class KinkedCurve:
    """Variable borrow rate against utilisation, two straight pieces (MODEL 1.9).

    Parameters
    ----------
    optimal : int
        Utilisation at the kink, ray, above 0 and at most 1.
    base, slope1, slope2 : int
        Rate at zero, rise up to the kink, further rise up to full utilisation; ray per year.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    optimal: int
    base: int
    slope1: int
    slope2: int

    def __post_init__(self) -> None:
        if not 0 < self.optimal <= RAY:
            raise ValueError(f"kinked curve: optimal must be above 0 and at most {RAY}, got {self.optimal}")
        for name in ("base", "slope1", "slope2"):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"kinked curve: {name} must not be negative (ray per year), got {value}")

    @classmethod
    def from_fractions(cls, optimal: float, base: float, slope1: float, slope2: float) -> KinkedCurve:
        """Build a curve from fractions per year, exact to a millionth of a basis point.

        Parameters
        ----------
        optimal, base, slope1, slope2 : float
            As in the class, .04 for 4 %.
        """
        scale = 10**10
        return cls(*(round(x * scale) * (RAY // scale) for x in (optimal, base, slope1, slope2)))


@dataclass(frozen=True, slots=True)
class StableCurve:
    """Stable borrow rate of Aave v3.0.2, on top of a `KinkedCurve`.

    Parameters
    ----------
    base_offset : int
        Added to the variable curve's slope1 to give the rate at zero utilisation; ray per year.
    slope1, slope2 : int
        Rise up to the kink and above it; ray per year.
    excess_offset : int
        Rise as stable debt goes from its optimal share of debt to all of it; ray per year.
    optimal_ratio : int
        Stable debt over total debt above which `excess_offset` applies; ray.
    """

    base_offset: int
    slope1: int
    slope2: int
    excess_offset: int
    optimal_ratio: int


def variable_rate(curve: KinkedCurve, usage: int) -> int:
    """Variable borrow rate at a utilisation; ray per year.

    Parameters
    ----------
    curve : KinkedCurve
    usage : int
        Debt over debt and available liquidity; ray.
    """
    optimal = curve.optimal
    if usage <= optimal:
        return curve.base + ((curve.slope1 * usage + HALF_RAY) // RAY * RAY + optimal // 2) // optimal
    rest = RAY - optimal
    excess = ((usage - optimal) * RAY + rest // 2) // rest
    return curve.base + curve.slope1 + (curve.slope2 * excess + HALF_RAY) // RAY


def rates_v3_0_2(
    curve: KinkedCurve,
    available: int,
    variable_debt: int,
    reserve_factor: int,
    *,
    stable_debt: int = 0,
    average_stable_rate: int = 0,
    unbacked: int = 0,
) -> tuple[int, int]:
    """Liquidity rate and variable borrow rate of Aave v3.0.2 (DefaultReserveInterestRateStrategy).

    Parameters
    ----------
    curve : KinkedCurve
    available : int
        Underlying that would be left in the aToken; base units.
    variable_debt, stable_debt : int
        Outstanding debt; base units.
    reserve_factor : int
        Basis points of interest kept by the protocol.
    average_stable_rate : int
        Average rate of the stable debt; ray per year.
    unbacked : int
        aTokens minted without underlying; base units.

    Returns
    -------
    tuple of int
        Rate paid to suppliers, rate charged to variable borrowers; ray per year.

    Raises
    ------
    Revert
        If there is debt and `available` is negative.
    """
    debt = stable_debt + variable_debt
    if debt == 0:
        return 0, curve.base
    if available < 0:
        raise Revert(ARITHMETIC_PANIC)
    total = available + debt
    usage = (debt * RAY + total // 2) // total
    variable = variable_rate(curve, usage)
    weighted = (variable_debt * WAD_RAY_RATIO * variable + HALF_RAY) // RAY
    if stable_debt:
        weighted += (stable_debt * WAD_RAY_RATIO * average_stable_rate + HALF_RAY) // RAY
    debt_ray = debt * WAD_RAY_RATIO
    overall = (weighted * RAY + debt_ray // 2) // debt_ray
    supply_usage = usage if unbacked == 0 else ray_div(debt, total + unbacked)
    gross = (overall * supply_usage + HALF_RAY) // RAY
    return (gross * (PERCENTAGE_FACTOR - reserve_factor) + _HALF_FACTOR) // PERCENTAGE_FACTOR, variable


def stable_rate_v3_0_2(
    curve: KinkedCurve, stable: StableCurve, available: int, variable_debt: int, stable_debt: int
) -> int:
    """Stable borrow rate of Aave v3.0.2; ray per year.

    Parameters
    ----------
    curve : KinkedCurve
    stable : StableCurve
    available, variable_debt, stable_debt : int
        As in `rates_v3_0_2`.

    Raises
    ------
    Revert
        If there is debt and `available` is negative.
    """
    rate = curve.slope1 + stable.base_offset
    debt = stable_debt + variable_debt
    if debt == 0:
        return rate
    if available < 0:
        raise Revert(ARITHMETIC_PANIC)
    usage = ray_div(debt, available + debt)
    if usage <= curve.optimal:
        rate += ray_div(ray_mul(stable.slope1, usage), curve.optimal)
    else:
        excess = ray_div(usage - curve.optimal, RAY - curve.optimal)
        rate += stable.slope1 + ray_mul(stable.slope2, excess)
    ratio = ray_div(stable_debt, debt)
    if ratio > stable.optimal_ratio:
        rate += ray_mul(
            stable.excess_offset, ray_div(ratio - stable.optimal_ratio, RAY - stable.optimal_ratio)
        )
    return rate


def rates_v3_6(
    curve: KinkedCurve, available: int, debt: int, reserve_factor: int, deficit: int = 0
) -> tuple[int, int]:
    """Liquidity rate and variable borrow rate of Aave v3.6 (DefaultReserveInterestRateStrategyV2).

    Parameters
    ----------
    curve : KinkedCurve
    available : int
        Virtual underlying balance that would be left; base units.
    debt : int
        Outstanding debt; base units.
    reserve_factor : int
        Basis points of interest kept by the protocol.
    deficit : int
        Bad debt written off, which dilutes what suppliers earn; base units.

    Returns
    -------
    tuple of int
        Rate paid to suppliers, rate charged to borrowers; ray per year.

    Raises
    ------
    Revert
        If there is debt and `available` is negative.
    """
    if debt == 0:
        return 0, curve.base
    if available < 0:
        raise Revert(ARITHMETIC_PANIC)
    total = available + debt
    usage = (debt * RAY + total // 2) // total
    variable = variable_rate(curve, usage)
    supply_usage = usage if deficit == 0 else ray_div(debt, total + deficit)
    gross = (variable * supply_usage + HALF_RAY) // RAY
    return (gross * (PERCENTAGE_FACTOR - reserve_factor) + _HALF_FACTOR) // PERCENTAGE_FACTOR, variable


def linear_index(index: int, rate: int, elapsed: int) -> int:
    """Grow a supply index by simple interest; ray.

    Parameters
    ----------
    index : int
        Index as stored; ray.
    rate : int
        Ray per year.
    elapsed : int
        Seconds since it was stored.

    Raises
    ------
    Revert
        If `elapsed` is negative.
    """
    if elapsed <= 0 or rate == 0:
        return _unchanged(index, elapsed)
    return ((RAY + rate * elapsed // SECONDS_PER_YEAR) * index + HALF_RAY) // RAY


def compounded_index_v3_0_2(index: int, rate: int, elapsed: int) -> int:
    """Grow a debt index by three terms of the binomial series (Aave v3.0.2 MathUtils); ray.

    Parameters
    ----------
    index, rate, elapsed : int
        As in `linear_index`.

    Raises
    ------
    Revert
        If `elapsed` is negative.
    """
    if elapsed <= 0 or rate == 0:
        return _unchanged(index, elapsed)
    base2 = (rate * rate + HALF_RAY) // RAY // _YEAR_SQUARED
    factor = RAY + rate * elapsed // SECONDS_PER_YEAR
    if base2:
        pairs = elapsed * (elapsed - 1)
        factor += pairs * base2 // 2
        if elapsed > 2:
            factor += pairs * (elapsed - 2) * ((base2 * rate + HALF_RAY) // RAY // SECONDS_PER_YEAR) // 6
    return (factor * index + HALF_RAY) // RAY


def compounded_index_v3_6(index: int, rate: int, elapsed: int) -> int:
    """Grow a debt index by three terms of the exponential series (Aave v3.6 MathUtils); ray.

    Parameters
    ----------
    index, rate, elapsed : int
        As in `linear_index`.

    Raises
    ------
    Revert
        If `elapsed` is negative.
    """
    if elapsed <= 0 or rate == 0:
        return _unchanged(index, elapsed)
    x = rate * elapsed // SECONDS_PER_YEAR
    factor = RAY + x + ray_mul(x, x // 2 + ray_mul(x, x // 6))
    return (factor * index + HALF_RAY) // RAY


def _unchanged(index: int, elapsed: int) -> int:
    if elapsed < 0:
        raise Revert(ARITHMETIC_PANIC)
    return index


def kinked_rate(utilisation: float, kink: float, base: float, slope_low: float, slope_high: float) -> float:
    """Rate of a curve whose slopes are per unit of utilisation (Compound form, CASES L14).

    Parameters
    ----------
    utilisation, kink : float
        Fractions.
    base, slope_low, slope_high : float
        Rate at zero and slopes below and above the kink; fraction per year (per unit of utilisation).
    """
    low = min(utilisation, kink)
    return base + slope_low * low + slope_high * (utilisation - low)


def normalised_kinked_rate(
    utilisation: float, optimal: float, base: float, slope1: float, slope2: float
) -> float:
    """Rate of a curve whose slopes are rises over their whole piece (Aave form, CASES L15).

    Parameters
    ----------
    utilisation, optimal : float
        Fractions; `optimal` strictly between 0 and 1.
    base, slope1, slope2 : float
        Rate at zero, rise up to the kink, further rise up to full utilisation; fraction per year.
    """
    return kinked_rate(utilisation, optimal, base, slope1 / optimal, slope2 / (1.0 - optimal))


def supply_rate(borrow_rate: float, utilisation: float, reserve_factor: float) -> float:
    """Rate paid to suppliers when borrowers' interest is passed on (MODEL 1.9).

    Parameters
    ----------
    borrow_rate : float
        Fraction per year.
    utilisation, reserve_factor : float
        Fractions.
    """
    return borrow_rate * utilisation * (1.0 - reserve_factor)
