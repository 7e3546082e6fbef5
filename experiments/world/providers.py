"""Providers of concentrated liquidity in a world: their ranges, what these earn, and what they lose.

The loss versus rebalancing of a range (Milionis et al. 2022) is what trades against it cost at the
market's price of the moment, fees aside: when the pool has bought dx of the asset for dy of the
quote, ``dy - dx P``. It is taken block by block, at the mid of the book.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from ...agents.base import DecidingAgent, SetRange
from ...agents.strategies.range_provider import OwnRange
from ...market.pools.concentrated_pool import ConcentratedPool
from ...market.revert import Revert

if TYPE_CHECKING:
    from ..model import LiquidationMarket

Key = tuple[int, int]
"""Ledger account of a provider, and asset."""


class OpenRange(NamedTuple):
    """A range of a provider.

    Attributes
    ----------
    lower, upper : int
        Ticks.
    opened_s : float
    put_in : tuple of int
        Base units of both assets.
    counted : tuple of int
        Principal up to which losses have been counted, base units.
    """

    lower: int
    upper: int
    opened_s: float
    put_in: tuple[int, int]
    counted: tuple[int, int]


class Tally(NamedTuple):
    """What a provider's ranges in one pool have done so far; `left_s` is when it left the last time."""

    opened: int = 0
    fees_usd: float = 0.0
    loss_usd: float = 0.0
    gas_usd: float = 0.0
    left_s: float = -inf


class RangeBooks:
    """The ranges of all providers.

    Attributes
    ----------
    pools : dict of int to ConcentratedPool
        By asset.
    open : dict of Key to OpenRange
    tallies : dict of Key to Tally
    """

    def __init__(self, world: LiquidationMarket) -> None:
        self.world = world
        self.pools = {a: pool for a, pool in world.pools.items() if isinstance(pool, ConcentratedPool)}
        self.open: dict[Key, OpenRange] = {}
        self.tallies: dict[Key, Tally] = {}
        self._seen = {asset: pool.state for asset, pool in self.pools.items()}

    def ranges(self, account: int) -> list[OwnRange]:
        """Return what an account has in every concentrated pool; pools without share its cash alike."""
        world, found = self.world, []
        without = sum((account, asset) not in self.open for asset in self.pools)
        for asset, pool in self.pools.items():
            price, mine = pool.price(asset), self.open.get((account, asset))
            tokens_usd = world.tokens(account, asset) * price
            if mine is None:
                spare_usd = tokens_usd + world.cash_usd(account) / without
                left_s = self.tallies.get((account, asset), Tally()).left_s
                found.append(OwnRange(asset, 0.0, 0.0, 0.0, 0.0, spare_usd, left_s))
                continue
            principal, fees = self._worth(account, asset, mine)
            found.append(
                OwnRange(
                    asset,
                    pool.price_at(mine.lower),
                    pool.price_at(mine.upper),
                    self.usd(asset, principal, price) + self.usd(asset, fees, price),
                    self.usd(asset, mine.put_in, price),
                    tokens_usd + (0.0 if without else world.cash_usd(account) / len(self.pools)),
                    mine.opened_s,
                )
            )
        return found

    def held_for(self, account: int) -> list[tuple[int, int]]:
        """Return assets and base units that an account's ranges would pay out now."""
        return [
            (each, units + earned)
            for asset, pool in self.pools.items()
            if (mine := self.open.get((account, asset))) is not None
            for each, units, earned in zip(pool.assets, *self._worth(account, asset, mine), strict=True)
        ]

    def count_losses(self) -> None:
        """Count what trades since the last call have cost the ranges of pools that have changed."""
        for asset, pool in self.pools.items():
            if pool.state is not self._seen[asset]:
                self._seen[asset] = pool.state
                for key in [key for key in self.open if key[1] == asset]:
                    self._count(key)

    def close(self, key: Key) -> None:
        """Take all liquidity and fees out of a range."""
        account, asset = key
        self._count(key)
        mine, pool, tally = self.open[key], self.pools[asset], self.tallies[key]
        fees_usd = self.usd(asset, pool.fees(account, mine.lower, mine.upper))
        liquidity = pool.position(account, mine.lower, mine.upper).liquidity
        pool.remove_liquidity(account, mine.lower, mine.upper, liquidity, now_s=self.world.time_s)
        del self.open[key]
        self.tallies[key] = tally._replace(fees_usd=tally.fees_usd + fees_usd, left_s=self.world.time_s)

    def place(self, key: Key, ticks: tuple[int, int], units: tuple[int, int]) -> None:
        """Put as much of two amounts into a new range as fits its proportions.

        Raises
        ------
        Revert
            If nothing fits.
        """
        account, asset = key
        pool, now_s = self.pools[asset], self.world.time_s
        liquidity = pool.liquidity_for(*ticks, *units)
        if not liquidity:
            raise Revert("nothing to put in")
        put_in = pool.add_liquidity(account, *ticks, liquidity, now_s=now_s)
        self.open[key] = OpenRange(*ticks, now_s, put_in, pool.principal(account, *ticks))
        tally = self.tallies.get(key, Tally())
        self.tallies[key] = tally._replace(opened=tally.opened + 1)

    def pay_gas(self, key: Key, paid_usd: float) -> None:
        """Note what a provider's transaction has cost."""
        tally = self.tallies.get(key, Tally())
        self.tallies[key] = tally._replace(gas_usd=tally.gas_usd + paid_usd)

    def usd(self, asset: int, units: tuple[int, int], price: float | None = None) -> float:
        """Worth of base units of an asset and of the quote; at the market's price if none is given."""
        world = self.world
        if price is None:
            price = world.market_price(asset)
        return units[0] / world.assets[asset].unit * price + units[1] / world.assets[world.quote].unit

    def table(self) -> pd.DataFrame:
        """Return what providers have earned and lost in every pool, uncollected fees included."""
        rows = []
        for key in sorted(self.tallies):
            account, asset = key
            tally, mine = self.tallies[key], self.open.get(key)
            fees_usd, worth_usd = tally.fees_usd, 0.0
            if mine is not None:
                principal, fees = self._worth(account, asset, mine)
                fees_usd += self.usd(asset, fees)
                worth_usd = self.usd(asset, principal) + self.usd(asset, fees)
            rows.append(
                (
                    self.world.ledger.name(account),
                    self.world.assets[asset].symbol,
                    tally.opened,
                    fees_usd,
                    tally.loss_usd,
                    tally.gas_usd,
                    worth_usd,
                )
            )
        money = ["fees_usd", "rebalancing_loss_usd", "gas_usd", "worth_usd"]
        types = {"provider": "category", "asset": "category", "ranges": "int64"} | dict.fromkeys(
            money, "float64"
        )
        return pd.DataFrame(rows, columns=list(types)).astype(types)

    def keep(self) -> None:
        """Have everything restored to what it is now if the transaction under way reverts."""
        kept, tallies = dict(self.open), dict(self.tallies)

        def undo() -> None:
            self.open, self.tallies = kept, tallies

        self.world.on_undo(undo)

    def _worth(self, account: int, asset: int, mine: OpenRange) -> tuple[tuple[int, int], tuple[int, int]]:
        pool = self.pools[asset]
        return (
            pool.principal(account, mine.lower, mine.upper),
            pool.fees(account, mine.lower, mine.upper),
        )

    def _count(self, key: Key) -> None:
        account, asset = key
        mine, tally = self.open[key], self.tallies[key]
        now = self.pools[asset].principal(account, mine.lower, mine.upper)
        change = now[0] - mine.counted[0], now[1] - mine.counted[1]
        self.open[key] = mine._replace(counted=now)
        self.tallies[key] = tally._replace(loss_usd=tally.loss_usd - self.usd(asset, change))


class RangeMove:
    """A provider's range replaced by another: withdrawal, swap and deposit in one transaction."""

    def __init__(self, agent: DecidingAgent, intent: SetRange) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute; without a deposit the range is only left.

        Raises
        ------
        Revert
            If the pool refuses, or nothing is there to be left or put in.
        """
        intent, books = self.intent, world.range_books
        key = (self.agent.account, intent.asset)
        pool = books.pools[intent.asset]
        kept = pool.snapshot()
        world.on_undo(lambda: pool.restore(kept))
        books.keep()
        if key in books.open:
            books.close(key)
        elif intent.deposit_usd <= 0.0:
            raise Revert("no range to leave")
        if intent.deposit_usd > 0.0:
            ticks = pool.range_around(intent.lower_usd, intent.upper_usd)
            self._swap(world, pool, ticks)
            books.place(key, ticks, self._wanted(world, pool, ticks))

    def _wanted(
        self, world: LiquidationMarket, pool: ConcentratedPool, ticks: tuple[int, int]
    ) -> tuple[int, int]:
        """Return the base units that the deposit consists of, as far as the provider has them."""
        me, asset = self.agent.account, self.intent.asset
        share, price = _asset_share(pool, asset, ticks), pool.price(asset)
        quote, tokens = world.quote, share * self.intent.deposit_usd / price
        cash = min((1.0 - share) * self.intent.deposit_usd, world.cash_usd(me) - self.intent.keep_usd)
        return (
            min(int(tokens * world.assets[asset].unit), world.ledger.balance(me, asset)),
            max(int(cash * world.assets[quote].unit), 0),
        )

    def _swap(self, world: LiquidationMarket, pool: ConcentratedPool, ticks: tuple[int, int]) -> None:
        """Exchange what is too much of one asset in the pool, without moving its price far."""
        me, asset, quote = self.agent.account, self.intent.asset, world.quote
        price, tokens = pool.price(asset), world.tokens(me, asset)
        cash = world.cash_usd(me) - self.intent.keep_usd
        total = min(self.intent.deposit_usd, tokens * price + cash)
        wanted = _asset_share(pool, asset, ticks) * total / price
        least = 1.0 - self.intent.max_slippage
        if tokens > wanted and cash < total - wanted * price:
            short = (total - wanted * price - cash) / price
            sold, spent, most = asset, min(short, tokens), pool.tokens_to_price(asset, price * least)
        elif tokens < wanted:
            spent, most = min((wanted - tokens) * price, cash), pool.tokens_to_price(quote, least / price)
            sold = quote
        else:
            return
        units = int(min(spent, most) * world.assets[sold].unit)
        if units > 0:
            pool.swap(me, sold, units, now_s=world.time_s)


def _asset_share(pool: ConcentratedPool, asset: int, ticks: tuple[int, int]) -> float:
    """Share of a deposit's worth that is in the asset, between two ticks at the present price."""
    price = pool.price(asset)
    low, high = sqrt(pool.price_at(ticks[0])), sqrt(pool.price_at(ticks[1]))
    here = min(max(sqrt(price), low), high)
    base, cash = (1.0 / here - 1.0 / high) * price, here - low
    return base / (base + cash)
