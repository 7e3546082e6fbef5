"""What a mark may look at, what it answers, and the little it remembers.

A mark is a frozen settings object with a pure `mark`: equal inputs give equal prices, so whoever keeps the
inputs can check a liquidation later. Every field may be a number (one instrument) or an array (a book of
options); rules work element by element.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ....market.prices.reference import YEAR_S

Value: TypeAlias = float | NDArray[np.float64]
"""One instrument's number, or those of many, shape (n_instruments,)."""

Flag: TypeAlias = bool | np.bool_ | NDArray[np.bool_]
Count: TypeAlias = int | np.int64 | NDArray[np.int64]

MISSING = float("nan")
"""A price that is not there: an empty side of the book, an instrument never traded, no model."""


class MarkInputs(NamedTuple):
    """What is known of an instrument when it is marked; prices in its quote asset.

    Attributes
    ----------
    index_price : float or ndarray
        Price of the same instrument from outside this venue: the spot index of a perpetual, a composite of
        other venues' quotes for an option. It stands in for any other price that is `MISSING`.
    bid, ask
        Best prices of the venue's book.
    depth_usd
        Size quoted near the mid, on both sides together.
    last
        Price of the last trade on this venue.
    model
        Price by a model.
    funding_rate
        Of the current funding interval, a fraction; positive when longs pay.
    funding_left
        Fraction of that interval still to come, 0 to 1.
    basis
        Moving average of mid - index, as `FundingBasisMedian` keeps it.
    model_uncertainty
        One standard deviation of the model price, from its fit or its inputs.
    volatility
        Per square root of a year; what an old price has become uncertain by.
    index_age_s, book_age_s, last_age_s, model_age_s
        Seconds since each of them was true. A model is as old as its oldest input.
    by_model
        Whether a mark that switches is in model mode, as `HybridSwitch` keeps it.
    """

    index_price: Value
    bid: Value = MISSING
    ask: Value = MISSING
    depth_usd: Value = 0.0
    last: Value = MISSING
    model: Value = MISSING
    funding_rate: Value = 0.0
    funding_left: Value = 0.0
    basis: Value = 0.0
    model_uncertainty: Value = 0.0
    volatility: Value = 0.0
    index_age_s: Value = 0.0
    book_age_s: Value = 0.0
    last_age_s: Value = 0.0
    model_age_s: Value = 0.0
    by_model: Flag = False

    @property
    def mid(self) -> Value:
        """Middle of bid and ask; missing if either is."""
        return 0.5 * (self.bid + self.ask)


class MarkPrice(NamedTuple):
    """A mark, how old it is and how sure.

    Attributes
    ----------
    price : float or ndarray
        In the quote asset.
    age_s
        Seconds since what it rests on was true.
    uncertainty
        One standard deviation, in the quote asset.
    """

    price: Value
    age_s: Value
    uncertainty: Value


class MarkMemory(NamedTuple):
    """What has to be carried from one mark to the next.

    Attributes
    ----------
    time_s : float
        When it was last brought up to date; `MISSING` before the first time.
    basis : float or ndarray
        Moving average of mid - index.
    by_model : bool or ndarray
        Whether a mark that switches shows the model's price.
    deep_checks : int or ndarray
        Checks in a row that found the book deep, while in model mode.
    """

    time_s: float = MISSING
    basis: Value = 0.0
    by_model: Flag = False
    deep_checks: Count = 0


class MarkRule(Protocol):
    """A way to mark an instrument."""

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Price, age and uncertainty from these inputs alone."""
        ...


class RememberingRule(MarkRule, Protocol):
    """A mark that rests on the past, too."""

    def remember(self, memory: MarkMemory, seen: MarkInputs, time_s: float) -> MarkMemory:
        """Return what to carry on after a look at the market at `time_s`."""
        ...


def observe(
    rule: MarkRule, seen: MarkInputs, memory: MarkMemory, time_s: float
) -> tuple[MarkInputs, MarkMemory]:
    """Complete the inputs of a mark by what it remembers.

    Parameters
    ----------
    rule : MarkRule
        One that also has `remember` is asked for its new memory first.
    seen : MarkInputs
        Whose `basis` and `by_model` are filled in.
    memory : MarkMemory
        ``MarkMemory()`` at the start.
    time_s : float
        Not before the last time.

    Returns
    -------
    MarkInputs
        What ``rule.mark`` takes, and what must be stored to check it later.
    MarkMemory
        For the next time.
    """
    remember = getattr(rule, "remember", None)
    if remember is None:
        return seen, memory
    memory = remember(memory, seen, time_s)
    return seen._replace(basis=memory.basis, by_model=memory.by_model), memory


def missing(price: Value) -> Any:
    """Whether a price is not there."""
    return price != price  # noqa: PLR0124 - only NaN differs from itself


def pick(condition: Any, yes: Any, no: Any) -> Any:
    """Choose one of two, element by element."""
    if isinstance(condition, bool | np.bool_):
        return yes if condition else no
    return np.where(condition, yes, no)


def or_index(price: Value, age_s: Value, seen: MarkInputs) -> tuple[Value, Value]:
    """Return a price and its age, or those of the index where the price is missing."""
    gone = missing(price)
    return pick(gone, seen.index_price, price), pick(gone, seen.index_age_s, age_s)


def drift(price: Value, volatility: Value, age_s: Value) -> Value:
    """How far a price may have moved since: ``price sigma sqrt(age)``, one standard deviation."""
    return price * volatility * (age_s / YEAR_S) ** 0.5


def both(first: Value, second: Value) -> Value:
    """Two independent standard deviations as one."""
    return (first * first + second * second) ** 0.5
