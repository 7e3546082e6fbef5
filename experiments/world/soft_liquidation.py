"""Soft liquidation in a world: what trading with a protocol's bands earns, and the trade.

Whoever buys collateral from bands that trade below the book sells it there, and the other way round when
the price comes back. That is how loans are converted; nobody else does it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ...agents.base import ConvertBands, DecidingAgent
from ...market.ledger import InsufficientFundsError
from ...market.revert import Revert
from ...market.trading_layout import ASK_DEPTH_USD, BID_DEPTH_USD
from ...protocols.lending.llamma.exchange import BORROWED, COLLATERAL
from ...protocols.lending.llamma.pool import LlammaPool
from .execution import SQUARE_UP_LIMIT
from .gaps import GROWTH, MEMORY_BLOCKS

if TYPE_CHECKING:
    from ..model import LiquidationMarket

ROUNDING = 1e-6
"""Part by which what a trade may earn at most is put higher, for what integers round."""

SIZES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03)
"""Trades looked at, as shares of the one that closes the gap: the book moves, too."""


class BandTrade(NamedTuple):
    """A trade with bands that pays.

    Attributes
    ----------
    coin_in : int
        `BORROWED` or `COLLATERAL`.
    amount : int
        What goes into the bands, base units.
    profit_usd : float
        Before gas.
    """

    coin_in: int
    amount: int
    profit_usd: float


def best_trade(
    world: LiquidationMarket,
    pool: LlammaPool,
    asset: int,
    least_usd: float,
    cash_usd: float = math.inf,
) -> BandTrade | None:
    """Return the most profitable trade of some sizes between the bands of a collateral and its book.

    Walking a book of constant depth moves the price by ``depth_band / depth`` per USD, by half of that on
    average. The bands get worse with every unit, so at their first price a trade would earn more than it
    does: sizes at which that is not even `least_usd`, before gas, are not looked at.
    """
    floor, now, unit = world.floor, int(world.time_s), world.assets[asset].unit
    usd, debt_unit = world.oracle_prices[pool.debt], world.assets[pool.debt].unit
    bid, ask = floor.touch(asset)
    price = pool.price(asset, now) * usd
    kept = 1.0 - pool.terms.fee / 1e18
    book = floor.book_of_asset[asset]
    if price < bid * kept:
        coin_in, target, depth = BORROWED, bid * kept, float(floor.state.item(book, BID_DEPTH_USD))
    elif math.isfinite(ask) and price > ask / kept:
        coin_in, target, depth = COLLATERAL, ask / kept, float(floor.state.item(book, ASK_DEPTH_USD))
    else:
        return None
    whole, pump = pool.tokens_to_price(asset, target / usd, now)
    if depth <= 0.0 or whole <= 0 or pump != (coin_in == BORROWED):
        return None
    if coin_in == BORROWED:
        most_usd = whole / debt_unit * usd * (bid / price - 1.0 + ROUNDING)
    else:
        most_usd = whole / unit * (price - ask + ROUNDING * ask)
    slope, best = floor.depth_band / (2.0 * depth), None
    for size in SIZES:
        if size * most_usd < least_usd:
            break
        taken, given = pool.trade_amounts(asset, coin_in, int(whole * size), now)
        if coin_in == BORROWED:
            spent, worth = taken / debt_unit * usd, given / unit * bid
            profit = worth * (1.0 - min(slope * worth, SQUARE_UP_LIMIT)) - spent
        else:
            worth = taken / unit * ask
            spent = worth * (1.0 + min(slope * worth, SQUARE_UP_LIMIT))
            profit = given / debt_unit * usd - spent
        if spent <= cash_usd and 2.0 * slope * worth <= SQUARE_UP_LIMIT and profit > 0.0:
            if best is not None and profit <= best.profit_usd:
                break
            best = BandTrade(coin_in, taken, profit)
    return best


class BandGaps:
    """Watches every collateral that has both bands and a book."""

    def __init__(self, world: LiquidationMarket) -> None:
        self.world = world
        self._watched = [
            (market.number, market.pool, asset)
            for market in world.credit
            if isinstance(market.pool, LlammaPool)
            for asset in market.pool.collaterals
            if asset in world.floor.book_of_asset
        ]
        self._shown: dict[tuple[int, int], float] = {}

    def news(self) -> dict[tuple[int, int], float]:
        """Return gains worth a look now, by protocol and collateral, USD: what has grown since last shown."""
        gains = self.gains()
        for key, gain in gains.items():
            if gain > GROWTH * self._shown.get(key, 0.0):
                self._shown = gains
                return gains
        if self.world.block % MEMORY_BLOCKS == 0:
            self._shown = {}
        return {}

    def gains(self) -> dict[tuple[int, int], float]:
        """Return what closing each gap earns before gas, USD, where it pays for gas."""
        world, gains = self.world, {}
        gas_usd = world.gas_usd(world.scenario.chain.gas_per_swap, world.gas.standard)
        for number, pool, asset in self._watched:
            trade = best_trade(world, pool, asset, gas_usd)
            if trade is not None and trade.profit_usd > gas_usd:
                gains[number, asset] = trade.profit_usd
        return gains


class Conversion:
    """Trade with bands as far as it pays, and square the position on the book."""

    def __init__(self, agent: DecidingAgent, intent: ConvertBands) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute: buy where it is cheap first.

        Raises
        ------
        Revert
            If the gap no longer pays, or money is short.
        """
        intent, me, now = self.intent, self.agent.account, int(world.time_s)
        pool, asset = world.credit[intent.protocol].pool, intent.collateral
        if not isinstance(pool, LlammaPool) or asset not in world.floor.book_of_asset:
            raise Revert(f"{pool.name} has no bands of asset {asset} to be squared on a book")
        found = best_trade(world, pool, asset, intent.min_profit_usd, 0.98 * world.cash_usd(me))
        if found is None or found.profit_usd < intent.min_profit_usd:
            raise Revert("no profit left")
        bid, ask = world.floor.touch(asset)
        desk, ledger, lot = world.desk, world.ledger, world.lot_units(asset)
        if found.coin_in == COLLATERAL:
            bought = world.buy_on_book(asset, me, found.amount // lot, ask * (1.0 + SQUARE_UP_LIMIT))
            if bought:
                pool.trade(asset, COLLATERAL, bought, me, now)
                desk.convert(me, pool.debt, world.quote, ledger.balance(me, pool.debt))
            return
        world.on_undo(pool.checkpoint(-1, (asset, pool.debt)))
        try:
            desk.convert(me, world.quote, pool.debt, desk.cost(world.quote, pool.debt, found.amount))
            _, bought = pool.trade(asset, BORROWED, found.amount, me, now)
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        if pool.debt != world.quote:
            desk.convert(me, pool.debt, world.quote, ledger.balance(me, pool.debt))
        sold, _ = world.sell_on_book(asset, me, bought // lot, bid * (1.0 - SQUARE_UP_LIMIT))
        world.exits.sell_rest(self.agent, asset, bought - sold, SQUARE_UP_LIMIT)
