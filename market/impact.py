"""Price impact of an order as a share of a day in its market: a closed form, nothing here executes."""

from __future__ import annotations

from math import sqrt


def square_root_impact(
    daily_volatility: float, quantity: float, daily_volume: float, prefactor: float = 1.0
) -> float:
    """Move of the price by an order, ``I = Y sigma sqrt(Q / V)`` (MODEL 2.7, CASES X08).

    Parameters
    ----------
    daily_volatility : float
        Standard deviation of a day's return.
    quantity, daily_volume : float
        Of the order and of the market in a day, in the same unit.
    prefactor : float
        Y, of order 1.

    Returns
    -------
    float
        Fraction of the price.

    Raises
    ------
    ValueError
        If an argument is negative, or the volume is not positive.
    """
    if min(daily_volatility, quantity, prefactor) < 0 or daily_volume <= 0:
        raise ValueError(
            "square-root impact: volatility, quantity and prefactor must not be negative and the volume be "
            f"positive, got {daily_volatility:g}, {quantity:g}, {prefactor:g} and {daily_volume:g}"
        )
    return prefactor * daily_volatility * sqrt(quantity / daily_volume)
