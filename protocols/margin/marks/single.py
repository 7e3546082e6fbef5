"""Marks by one price: the index, the last trade, the mid, a model."""

from __future__ import annotations

from dataclasses import dataclass

from .inputs import MarkInputs, MarkPrice, both, drift, missing, or_index, pick


@dataclass(frozen=True, slots=True)
class IndexMark:
    """The price of other venues: cheap to defend, late, and blind to this book."""

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Index, its age, and how far it may have moved since."""
        return MarkPrice(
            seen.index_price, seen.index_age_s, drift(seen.index_price, seen.volatility, seen.index_age_s)
        )


@dataclass(frozen=True, slots=True)
class LastTradeMark:
    """The last trade here, which one small order sets; the index if there was none.

    It is off by half the spread, since a trade is at the bid or the ask (without a book, by its distance from
    the index), and by how far the price may have moved since.
    """

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Last price, its age and its uncertainty."""
        price, age = or_index(seen.last, seen.last_age_s, seen)
        half = 0.5 * (seen.ask - seen.bid)
        half = pick(missing(half), abs(price - seen.index_price), half)
        return MarkPrice(price, age, both(half, drift(price, seen.volatility, age)))


@dataclass(frozen=True, slots=True)
class MidMark:
    """The middle of the book, uncertain by half the spread; the index if a side is empty."""

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Mid, the age of the book and its uncertainty."""
        price, age = or_index(seen.mid, seen.book_age_s, seen)
        half = 0.5 * (seen.ask - seen.bid)
        half = pick(missing(half), 0.0, half)
        return MarkPrice(price, age, both(half, drift(price, seen.volatility, age)))


@dataclass(frozen=True, slots=True)
class ModelMark:
    """The price of a model, right as long as the model is; the index if there is none."""

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Model price, the age of its oldest input and its uncertainty."""
        price, age = or_index(seen.model, seen.model_age_s, seen)
        own = pick(missing(seen.model), 0.0, seen.model_uncertainty)
        return MarkPrice(price, age, both(own, drift(price, seen.volatility, age)))
