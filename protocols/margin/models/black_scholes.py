"""Black-Scholes-Merton over whole books of options (MODEL 2.4, CASES O01 to O03)."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import black_scholes_kernels as kernels
from .inputs import Floats, book, check_volatility


class Greeks(NamedTuple):
    """Values and sensitivities, each of the book's shape.

    Attributes
    ----------
    price
        In the quote asset.
    delta, gamma
        First and second derivative by spot.
    vega, volga
        First and second derivative by volatility, per 1.00.
    theta
        Derivative by time passing, per year.
    rho
        Derivative by the rate, per 1.00.
    vanna
        Derivative of delta by volatility.
    """

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats
    vanna: Floats
    volga: Floats


class Outcome(IntEnum):
    """What became of a quote whose volatility was asked for."""

    SOLVED = kernels.SOLVED
    NO_QUOTE = kernels.NO_QUOTE
    BELOW_INTRINSIC = kernels.BELOW_INTRINSIC
    NO_TIME_VALUE = kernels.NO_TIME_VALUE
    ABOVE_LIMIT = kernels.ABOVE_LIMIT
    NOT_CONVERGED = kernels.NOT_CONVERGED


class ImpliedVolatility(NamedTuple):
    """Volatilities per square root of a year, NaN unless `outcome` is ``Outcome.SOLVED``."""

    volatility: Floats
    outcome: NDArray[np.int64]


def price(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> Floats:
    """Values of European options.

    Parameters
    ----------
    spot, strike : array_like
        In the quote asset, positive. All arguments broadcast.
    years : array_like
        To expiry, years of 365 days, positive.
    is_call : array_like of bool
    volatility : array_like
        Per square root of a year, not negative; 0 gives the discounted intrinsic value of the forward.
    rate, dividend_yield : array_like
        Continuous, per year. With a dividend yield equal to the rate, `spot` is the forward (Black 1976).

    Returns
    -------
    ndarray
        Of the common shape, in the quote asset.

    Raises
    ------
    ExpiredOptionError, InstrumentError
        With the option at fault.
    """
    s, k, t, call, (sigma, r, q) = book(spot, strike, years, is_call, volatility, rate, dividend_yield)
    check_volatility(sigma)
    out = np.empty(s.shape)
    kernels.prices(*(each.reshape(-1) for each in (s, k, t, call, sigma, r, q, out)))
    return out


def greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> Greeks:
    """Values with all sensitivities; arguments and errors as `price`, but volatility must be positive."""
    s, k, t, call, (sigma, r, q) = book(spot, strike, years, is_call, volatility, rate, dividend_yield)
    check_volatility(sigma, zero=False)
    out = np.empty((len(Greeks._fields), s.size))
    kernels.greeks(*(each.reshape(-1) for each in (s, k, t, call, sigma, r, q)), out)
    return Greeks(*(row.reshape(s.shape) for row in out))


def implied_volatility(
    quote: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> ImpliedVolatility:
    """Volatilities at which the model gives the quoted prices.

    A bad quote is no error but an outcome: missing or negative (``NO_QUOTE``), below the value of immediate
    certainty (``BELOW_INTRINSIC``), equal to it (``NO_TIME_VALUE``), above what any volatility gives
    (``ABOVE_LIMIT``).

    Parameters
    ----------
    quote : array_like
        Price of the option in the quote asset; NaN where there is none.
    spot, strike, years, is_call, rate, dividend_yield : array_like
        As `price`.

    Returns
    -------
    ImpliedVolatility

    Raises
    ------
    ExpiredOptionError, InstrumentError
        For the instrument, never for the quote.
    """
    each = np.broadcast_arrays(quote, spot, strike, years, is_call, rate, dividend_yield)
    s, k, t, call, (r, q) = book(*each[1:])
    asked = np.array(each[0], np.float64, order="C")
    volatility, outcome = np.empty(s.shape), np.empty(s.shape, np.int64)
    columns = (asked, s * np.exp((r - q) * t), k, t, call, np.exp(-r * t), volatility, outcome)
    kernels.implied(*(column.reshape(-1) for column in columns))
    return ImpliedVolatility(volatility, outcome)
