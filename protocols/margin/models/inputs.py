"""Named errors of option models, and books of options as contiguous arrays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


class OptionModelError(ValueError):
    """An instrument, a parameter or a surface cannot be used; the text says which and why."""


class ExpiredOptionError(OptionModelError):
    """An option has no time left; its settlement value is no model's business."""


class InstrumentError(OptionModelError):
    """A strike or a price of the underlying is not positive, or a number is not finite."""


class ParameterError(OptionModelError):
    """A parameter of a model is outside its range."""


class ArbitrageError(OptionModelError):
    """A surface admits arbitrage and was not repaired."""


class NotConvergedError(OptionModelError):
    """A numerical method did not reach its accuracy."""


def book(
    underlying: ArrayLike, strike: ArrayLike, years: ArrayLike, is_call: ArrayLike, *numbers: ArrayLike
) -> tuple[Floats, Floats, Floats, Flags, tuple[Floats, ...]]:
    """Broadcast a book of options and check it.

    Parameters
    ----------
    underlying, strike, years : array_like
        Price of the underlying (spot or forward), strike, and time to expiry; all positive.
    is_call : array_like of bool
    *numbers : array_like
        Anything else there is one of for each option; finite.

    Returns
    -------
    tuple of ndarray
        All of the same shape, contiguous: float64, `is_call` bool; the last is the tuple of other numbers.

    Raises
    ------
    ExpiredOptionError, InstrumentError
        With the option at fault, counted from 0.
    """
    given = np.broadcast_arrays(underlying, strike, years, is_call, *numbers)
    flat = [np.array(each, np.float64, order="C") for i, each in enumerate(given) if i != 3]
    for name, values in zip(("price of the underlying", "strike"), flat, strict=False):
        _within(InstrumentError, name, values, 0.0, "finite and above 0")
    _within(ExpiredOptionError, "years", flat[2], 0.0, "above 0, it has expired")
    for values in flat[3:]:
        _within(InstrumentError, "a number", values, -np.inf, "finite")
    return flat[0], flat[1], flat[2], np.array(given[3], np.bool_, order="C"), tuple(flat[3:])


def _within(error: type[OptionModelError], name: str, values: Floats, above: float, allowed: str) -> None:
    """Refuse what is not finite and above a bound; books that are in order are only read."""
    if values.size and not (values.min() > above and values.max() < np.inf):
        _refuse(error, name, values, ~((values > above) & np.isfinite(values)), allowed)


def _refuse(error: type[OptionModelError], name: str, values: Floats, wrong: Flags, allowed: str) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        raise error(f"{name} of option {at} must be {allowed}; got {values.ravel()[at]:g}")


def check_volatility(volatility: Floats, *, zero: bool = True) -> None:
    """Refuse volatilities below 0, or not above it.

    Raises
    ------
    InstrumentError
        With the option at fault, counted from 0.
    """
    wrong = volatility < 0.0 if zero else volatility <= 0.0
    _refuse(InstrumentError, "volatility", volatility, wrong, "at least 0" if zero else "above 0")


def check_parameter(
    name: str, value: float, *, above: float = -np.inf, at_least: float = -np.inf, at_most: float = np.inf
) -> None:
    """Refuse a parameter outside its range.

    Raises
    ------
    ParameterError
        With name, value and range.
    """
    if not (np.isfinite(value) and value > above and at_least <= value <= at_most):
        low = f"above {above:g}" if np.isfinite(above) else f"at least {at_least:g}"
        high = f" and at most {at_most:g}" if np.isfinite(at_most) else ""
        raise ParameterError(f"{name} must be finite, {low}{high}; got {value}")
