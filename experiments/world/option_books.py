"""Options on the books of a running world: sizes of background orders, and the public board.

Background orders follow the underlying: they are for as many options as the same money buys of it, and as
far from the fair price as the option moves when the underlying moves so far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...agents.base import OptionBoard
from .option_listing import OptionListing

if TYPE_CHECKING:
    from ..model import LiquidationMarket


class OptionBooks:
    """Books of options, from the first block to expiry.

    Parameters
    ----------
    world : LiquidationMarket
    listing : OptionListing
    """

    def __init__(self, world: LiquidationMarket, listing: OptionListing) -> None:
        self.world, self.listing = world, listing
        floor = world.floor
        self._books = np.array([floor.book_of_asset[asset] for asset in listing.assets.tolist()])
        self._tick_usd = np.array([floor.specs[b].tick_usd for b in self._books])

    def prepare(self, block: int) -> None:
        """Fit background orders to what options are worth now."""
        listing, floor = self.listing, self.world.floor
        floor.shape_flow(
            self._books, floor.scales[self._books] * listing.share[block], listing.elasticity[block]
        )

    def board(self, block: int) -> OptionBoard:
        """Return what anybody may know of the options now."""
        listing = self.listing
        return OptionBoard(
            listing.assets,
            listing.underlying,
            listing.terms,
            self._tick_usd,
            listing.volatility[block],
            listing.age_s[block],
        )
