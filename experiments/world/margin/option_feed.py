"""What a margin venue sees of an option: its book, and a model's value at what the venue believes."""

from __future__ import annotations

from typing import Any

from ....protocols.margin.marks import MarkInputs
from .feed import Feed
from .underlyings import Underlyings


class OptionFeed(Feed):
    """Book, last trade and model value of one option; the value stands for a price elsewhere, too.

    Parameters
    ----------
    underlyings : Underlyings
        Has looked before this feed is asked.
    column : int
        Of the option in the venue's accounts.
    settings
        As in `Feed`; `path` holds the option's fair values outside.
    """

    def __init__(self, underlyings: Underlyings, column: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._underlyings, self._column = underlyings, column
        self._least = self.floor.spec(self.asset).tick_usd

    def look(self, block: int, time_s: float) -> MarkInputs:
        """Return what is known now; called once a block, after the books have traded."""
        seen, known = super().look(block, time_s), self._underlyings
        value, age_s = max(float(known.price[self._column]), self._least), float(known.age_s[self._column])
        return seen._replace(index_price=value, model=value, index_age_s=age_s, model_age_s=age_s)
