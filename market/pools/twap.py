"""Time-weighted prices of a pool, read from its cumulative prices as an oracle would."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import nan

from .pool import Pool


class PoolTwap:
    """Time-weighted price of one asset of a pool over a sliding window.

    The arithmetic mean in a constant-product pool, the geometric one in a concentrated pool.

    A reading keeps the pool's cumulative price at that block; the average spans
    from the newest reading that is at least `window_s` old (or the oldest there is)
    to the present. It must be read at every block to follow the window closely.

    Parameters
    ----------
    pool : Pool
    asset : int
        Ledger index of the asset to price in the pool's other asset.
    window_s : float
        Seconds to average over, positive.
    times_s : sequence of float
        Block times, seconds since the start.
    """

    def __init__(self, pool: Pool, asset: int, window_s: float, times_s: Sequence[float]) -> None:
        if not window_s > 0:
            raise ValueError(f"window_s must be positive, got {window_s}")
        if asset not in pool.assets:
            raise ValueError(f"pool {pool.name} trades assets {pool.assets}, got {asset}")
        self._pool, self._asset, self._window_s, self._times_s = pool, asset, window_s, times_s
        self._readings: deque[tuple[int, int]] = deque()  # whole seconds, cumulative price

    def observe(self, block: int) -> float:
        """Average price up to `block`, whole tokens; NaN before time has passed or in an empty pool."""
        now_s = int(self._times_s[block])
        readings = self._readings
        if not all(self._pool.reserves):
            return nan
        cumulative = self._pool.cumulative_prices(now_s)[self._pool.assets.index(self._asset)]
        if not readings or readings[-1][0] < now_s:
            readings.append((now_s, cumulative))
        while len(readings) > 1 and readings[1][0] <= now_s - self._window_s:
            readings.popleft()
        earlier_s, earlier = readings[0]
        if earlier_s == now_s:
            return nan
        return self._pool.average_price(self._asset, earlier, cumulative, now_s - earlier_s)
