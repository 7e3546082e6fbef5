"""An inverse contract on a margin venue: so many USD, settled in coin (MODEL 2.1, CASES P03).

Counted in coin, a long inverse of N USD is a short of N USD: it is worth ``-N / p`` coins. So it trades on
an ordinary book with the roles of the book's assets swapped: the token of the book, fully paid like every
contract outside of the crowd, is the coin that margin is put up and settled in, and base units of the quote
asset are the lots. Buying contracts buys coins with borrowed USD.
"""

from __future__ import annotations

from ....market.order_book.layout import BUY, QUOTE_PER_LOT_TICK, SELL
from ....protocols.margin.contracts import ContractError, InverseContract
from ...scenarios.venues import BookConfig
from .listing import Listing

FURTHEST = 2**40
"""Ticks that no book reaches."""


def inverse_contract(symbol: str, book: BookConfig, coin_unit: int, quote_unit: int) -> InverseContract:
    """Return the contract on one base unit of the quote asset.

    Raises
    ------
    ContractError
        If it is no whole number of the coin's base units times ticks.
    """
    multiplier = coin_unit / (quote_unit * book.tick_usd)
    if multiplier < 1 or abs(multiplier - round(multiplier)) > 1e-6 * multiplier:
        raise ContractError(
            f"tick_usd = {book.tick_usd:g} makes a base unit of the quote asset {multiplier:g} coin units "
            "times ticks; allowed for an inverse contract: a whole number"
        )
    return InverseContract(symbol, round(multiplier))


class InverseListing(Listing):
    """A contract whose lots are base units of the quote asset, settled in the token of its book."""

    def take(self, lots: int, worst_usd: float) -> tuple[int, int]:
        """Buy lots (sell if negative): coins for so many USD, less than one lot of the book missing."""
        coins = self._coins_for(lots, worst_usd)
        if not coins:
            return 0, 0
        if lots < 0:
            sold, got = self.floor.sell(self.asset, self._clearing, coins, worst_usd)
            return -got, sold * self.lot_units
        bought, paid = self.floor.buy(self.asset, self._clearing, coins, worst_usd)
        return paid, -bought * self.lot_units

    def limit_usd(self, lots: int, loss: int) -> float:
        """Return the price at which buying lots (selling if negative) costs so much against the mark."""
        coins = abs(self.contract.value(lots, self.ticks))
        left = coins - loss if lots > 0 else coins + loss
        furthest = min(self.ticks * coins / left, FURTHEST) if left > 0 else FURTHEST
        return furthest * self.tick_usd

    def units_in_usd(self, unit: float) -> float:
        """Return the base units of coin that one USD buys at the mark."""
        return self._ledger.assets[self.asset].unit / (self.ticks * self.tick_usd)

    @property
    def least(self) -> int:
        """Quote units that one lot of the book costs at the mark."""
        return self.ticks * self._quote_per_lot_tick

    @property
    def lot_tokens(self) -> float:
        """Coins in a base unit of the quote asset, at the mark."""
        return self.spec.lot / self.least

    def book_lots(self, lots: int) -> int:
        """Return a position in lots of the book, at the mark."""
        return int(lots / self.least)

    def forgone_usd(self, lots: int, price_usd: float) -> float:
        """Return what closing lots of an account at a price costs others against the outside price."""
        usd = lots * self.spec.lot * self.tick_usd / self._quote_per_lot_tick
        return usd * (1.0 - self.feed.truth / price_usd)

    def lots_since(self) -> int:
        """Return the quote units that its book has traded since `mark_volume`, at the mark."""
        return super().lots_since() * self.least

    def residual(self, lots: int) -> int:
        """Return how far the clearing account's USD are from what positions have borrowed; base units."""
        held = self._ledger.balance(self._clearing, self.lots_asset)
        return abs(held - (self._float_lots - lots))

    @property
    def lots_asset(self) -> int:
        """Ledger column of the quote asset."""
        return self.floor.quote_asset

    @property
    def _quote_per_lot_tick(self) -> int:
        return int(self.floor.books[self._book, QUOTE_PER_LOT_TICK])

    def _coins_for(self, lots: int, worst_usd: float) -> int:
        """Lots of the book that cost, or bring, at most so many quote units at its prices up to the worst."""
        ticks, shown = self.floor.levels(self.asset, SELL if lots > 0 else BUY).T
        worst = worst_usd / self.tick_usd
        near = ticks <= worst + 1e-9 if lots > 0 else ticks >= worst - 1e-9
        left, coins = abs(lots) // self._quote_per_lot_tick, 0
        for tick, here in zip(ticks[near].tolist(), shown[near].tolist(), strict=True):
            taken = min(here, left // tick)
            left, coins = left - taken * tick, coins + taken
            if taken < here:
                break
        return coins
