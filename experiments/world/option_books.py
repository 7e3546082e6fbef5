"""Options on the books of a running world: sizes of background orders, the public board, settlement.

Background orders follow the underlying: they are for as many options as the same money buys of it, and as
far from the fair price as the option moves when the underlying moves so far. At expiry a book closes, and
whoever holds the option is paid its final value in cash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...agents.base import OptionBoard
from ...market.ledger import OUTSIDE, Reason
from ...market.order_book.layout import BASE_PER_LOT, QUOTE_PER_LOT_TICK
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
        self._scale = np.array([floor.specs[b].size_scale for b in self._books])
        self._tick_usd = np.array([floor.specs[b].tick_usd for b in self._books])
        self._waiting = sorted(range(len(listing.terms)), key=lambda k: float(listing.terms.expiry_s[k]))

    def prepare(self, block: int, time_s: float) -> None:
        """Settle what has expired, and fit background orders to what options are worth now."""
        while self._waiting and self.listing.terms.expiry_s[self._waiting[0]] <= time_s:
            self._settle(self._waiting.pop(0), block)
        listing = self.listing
        self.world.floor.shape_flow(
            self._books, self._scale * listing.share[block], listing.elasticity[block]
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

    def _settle(self, k: int, block: int) -> None:
        """Close the book of an option and pay everybody its final value, to the base unit."""
        world, ledger = self.world, self.world.ledger
        asset, quote = int(self.listing.assets[k]), world.quote
        book = world.floor.books[self._books[k]]
        payoff = float(self.listing.terms.payoff(self.listing.final)[k])
        ticks = round(payoff / float(self._tick_usd[k]))
        world.floor.close(asset, block, ticks * float(self._tick_usd[k]))
        for venue in world.venues:
            venue.expire(asset, ticks, block, world.time_s)
        held = ledger.balances[: ledger.n_accounts, asset]
        for account in np.flatnonzero(held > 0).tolist():
            units = ledger.balance(account, asset)
            paid = units * ticks * int(book[QUOTE_PER_LOT_TICK]) // int(book[BASE_PER_LOT])
            ledger.transfer(asset, account, OUTSIDE, units, Reason.REDEMPTION)
            ledger.transfer(quote, OUTSIDE, account, paid, Reason.REDEMPTION)
