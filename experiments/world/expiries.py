"""Contracts that end: at expiry a book closes, and whoever holds one is paid its final price in cash.

Venues settle the positions of their crowds; contracts outside of them are fully paid, so the rest of the
world redeems them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...market.ledger import OUTSIDE, Reason
from ...market.order_book.layout import BASE_PER_LOT, QUOTE_PER_LOT_TICK
from .contract_paths import expiry_block

if TYPE_CHECKING:
    from ..model import LiquidationMarket


class Expiry(NamedTuple):
    """When an asset ends, and at what price in USD."""

    block: int
    asset: int
    price_usd: float


class Expiries:
    """What will end in a run, the next one first.

    Parameters
    ----------
    world : LiquidationMarket
    """

    def __init__(self, world: LiquidationMarket) -> None:
        self.world = world
        self.waiting = sorted([*self._futures(), *self._options()])

    def settle(self, block: int) -> None:
        """Settle what has expired, before the books trade."""
        while self.waiting and self.waiting[0].block <= block:
            self._settle(self.waiting.pop(0), block)

    def _futures(self) -> list[Expiry]:
        scenario, path = self.world.scenario, self.world.outside.path
        ends = [
            (expiry_block(asset.future, scenario.clock.block_time_s), i)
            for i, asset in enumerate(scenario.assets)
            if asset.future is not None
        ]
        return [Expiry(end, i, float(path[end, i])) for end, i in ends if end < len(path)]

    def _options(self) -> list[Expiry]:
        options, times_s = self.world.outside.options, self.world.outside.times_s
        if options is None:
            return []
        blocks = np.searchsorted(times_s, options.terms.expiry_s).tolist()
        values = options.terms.payoff(options.final).tolist()
        ends = zip(blocks, options.assets.tolist(), values, strict=True)
        return [Expiry(*end) for end in ends if end[0] < len(times_s)]

    def _settle(self, expiry: Expiry, block: int) -> None:
        """Close the book of a contract and pay everybody its final price, to the base unit."""
        world, ledger, asset, quote = self.world, self.world.ledger, expiry.asset, self.world.quote
        book, tick_usd = world.floor.book_of_asset[asset], world.floor.spec(asset).tick_usd
        ticks = round(expiry.price_usd / tick_usd)
        for venue in world.venues:
            venue.withdraw(asset)
        world.floor.close(asset, block, ticks * tick_usd)
        for venue in world.venues:
            venue.expire(asset, ticks, block, world.time_s)
        per_lot = ticks * int(world.floor.books[book, QUOTE_PER_LOT_TICK])
        for account in np.flatnonzero(ledger.balances[: ledger.n_accounts, asset] > 0).tolist():
            units = ledger.balance(account, asset)
            paid = units * per_lot // int(world.floor.books[book, BASE_PER_LOT])
            ledger.transfer(asset, account, OUTSIDE, units, Reason.REDEMPTION)
            ledger.transfer(quote, OUTSIDE, account, paid, Reason.REDEMPTION)
