"""Gaps between pools and books: what closing them earns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...market.trading_layout import ASK_DEPTH_USD, BID_DEPTH_USD

if TYPE_CHECKING:
    from ..model import LiquidationMarket

MEMORY_BLOCKS = 8
"""Searchers look again at a gap that does not grow after this many blocks."""

GROWTH = 1.2
"""Factor by which a gain must have grown for searchers to look again at once."""


class PoolGaps:
    """Watches every asset that has both a pool and a book."""

    def __init__(self, world: LiquidationMarket) -> None:
        self.world = world
        units = world.world.units
        self._watched = [
            (
                asset,
                world.floor.book_of_asset[asset],
                pool,
                float(units[asset] / units[world.quote]),
                pool.fee_bps / 1e4,
                settings is not None and settings.kind == "concentrated",
            )
            for asset, pool in world.pools.items()
            for settings in [world.scenario.assets[asset].pool]
            if asset in world.floor.book_of_asset
        ]
        self._shown: dict[int, float] = {}

    def news(self) -> dict[int, float]:
        """Gains worth a look now, by asset, USD: none while what was shown has not grown."""
        gains = self.gains()
        for asset, gain in gains.items():
            if gain > GROWTH * self._shown.get(asset, 0.0):
                self._shown = gains
                return gains
        if self.world.block % MEMORY_BLOCKS == 0:
            self._shown = {}
        return {}

    def gains(self) -> dict[int, float]:
        """Gaps that pay for gas: what closing each earns, USD.

        Trading a pool as deep as a constant-product pool with quote reserve Y to a price off by
        g beyond the fee earns about ``Y g^2 / 4`` (MODEL 3.8), less what the book takes. A
        concentrated pool may be many times as deep as the book: there no more counts than it shows.
        """
        world = self.world
        gains: dict[int, float] = {}
        least = -1.0
        for asset, book, pool, per_unit, fee, deep in self._watched:
            base, cash = pool.virtual_reserves
            per_pool = base / (cash * per_unit)  # one over the pool's price
            ratio = world.mids[book] * per_pool
            if abs(ratio - 1.0) <= fee:
                continue
            bid, ask = world.floor.touch(asset)
            off = (bid * per_pool - 1.0 if ratio > 1.0 else 1.0 - ask * per_pool) - fee
            if off <= 0.0:
                continue
            if least < 0.0:
                least = world.gas_usd(world.scenario.chain.gas_per_swap, world.gas.standard)
            depth_usd = pool.depth_towards(bid if ratio > 1.0 else ask)
            most = off * off * depth_usd / 4.0
            if most <= least:
                continue
            scale, shown = self.scale(asset, depth_usd), self._shown_usd(book)
            gain = scale * off * off * depth_usd / 4.0
            if deep and scale * off * depth_usd > 2.0 * shown:  # the best trade is more than the book shows
                gain = shown * (off - shown / (scale * depth_usd))
            if gain > least:
                gains[asset] = gain
        return gains

    def scale(self, asset: int, depth_usd: float) -> float:
        """Share of the pool's optimal trade that remains optimal when the book side moves too.

        A pool with quote reserve Y, `depth_usd`, costs ``s^2 / Y`` to trade s, the book ``k s^2``
        with ``k = band / (2 depth)``, so the best size shrinks by ``1 / (1 + k Y)``.
        """
        floor = self.world.floor
        book = floor.book_of_asset[asset]
        depth = self._shown_usd(book)
        if depth <= 0.0:
            return 0.0
        return 1.0 / (1.0 + floor.depth_band / (2.0 * depth) * depth_usd)

    def _shown_usd(self, book: int) -> float:
        """Return what a book shows within the band of its depth on its thinner side, USD."""
        state = self.world.floor.state
        return min(state.item(book, BID_DEPTH_USD), state.item(book, ASK_DEPTH_USD))
