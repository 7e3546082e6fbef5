"""Inputs of the fit of 19 May 2021 and the guard that nothing later than its midnight gets in.

Prepares price paths, the time since a price was last as low, and the volumes to match. It fits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]

#: 2021-05-19T00:00Z: the first second the fit must not see.
CUTOFF_TS = 1_621_382_400
DAY_S = 86_400
SLOT_S = 300
SLOTS_PER_DAY = DAY_S // SLOT_S
SLOTS_PER_HOUR = 3600 // SLOT_S
STABLES = ("USDC", "USDT", "DAI")


@dataclass(frozen=True, eq=False)
class FitInputs:
    """What the fit may look at; refuses any stamp at or after `CUTOFF_TS`.

    Attributes
    ----------
    events
        Liquidation calls: DataFrame(ts, user, collateral, debt, debt_usd), collateral by price symbol.
    hourly
        Symbol -> hourly bars DataFrame(ts, open, high, low, close).
    fine
        Symbol -> 1- or 5-minute bars where they exist, same columns.

    Raises
    ------
    ValueError
        A table holds a row stamped 2021-05-19T00:00Z or later.
    """

    events: pd.DataFrame
    hourly: Mapping[str, pd.DataFrame]
    fine: Mapping[str, pd.DataFrame]

    def __post_init__(self) -> None:
        tables = {"events": self.events}
        tables |= {f"hourly[{symbol}]": frame for symbol, frame in self.hourly.items()}
        tables |= {f"fine[{symbol}]": frame for symbol, frame in self.fine.items()}
        for name, table in tables.items():
            last = int(table.ts.max()) if len(table) else 0
            if last >= CUTOFF_TS:
                raise ValueError(
                    f"{name} reaches {pd.Timestamp(last, unit='s')}Z; the fit may only see stamps before "
                    "2021-05-19 00:00Z"
                )


@dataclass(frozen=True, eq=False)
class CollateralDays:
    """One collateral over the days of the fit window; d days.

    Attributes
    ----------
    symbol
        Price symbol.
    paths : ndarray, shape (d, SLOTS_PER_DAY)
        Price over the day's opening price, lowest close of each 5-minute slot.
    volume : ndarray, shape (d, 24)
        Stable debt liquidated against it by hour, USD.
    hourly_low, hourly_open : ndarray
        The whole hourly history up to the cutoff, for `age_of_level`.
    hours_before : int
        Hours of that history before the first day of the window.
    last_close
        Price at the end of the window.
    """

    symbol: str
    paths: FloatArray
    volume: FloatArray
    hourly_low: FloatArray
    hourly_open: FloatArray
    hours_before: int
    last_close: float

    def age_of_level(self, day: int, distance: FloatArray) -> FloatArray:
        """Days since the price was last at ``open(day) exp(-distance)`` or lower, as of that midnight.

        `day` may equal the number of days: the midnight of the cutoff.
        """
        hour = self.hours_before + 24 * day
        now = self.hourly_open[hour] if hour < len(self.hourly_open) else self.last_close
        # Lowest price of the last k hours, growing k: the first k that reaches the level dates it.
        lowest = np.minimum.accumulate(self.hourly_low[:hour][::-1])
        reached = np.searchsorted(-lowest, -now * np.exp(-distance), side="left")
        return np.asarray((reached + 0.5) / 24.0)


def day_paths(hourly: pd.DataFrame, fine: pd.DataFrame | None, start_ts: int, end_ts: int) -> FloatArray:
    """Relative 5-minute price paths by day, shape (days, SLOTS_PER_DAY).

    Slots covered by fine bars take the lowest close in the slot (an oracle sees closes of many venues, not
    one venue's wick); others a straight line from the hour's open by its low to its close.
    """
    grid = np.arange(start_ts, end_ts, SLOT_S)
    bars = hourly.set_index("ts").reindex(np.arange(start_ts, end_ts, 3600)).ffill()
    within = np.array([0.0, 0.5, 1.0]) * (SLOTS_PER_HOUR - 1)
    knots = bars[["open", "low", "close"]].to_numpy(dtype=np.float64)
    prices = np.array([np.interp(np.arange(SLOTS_PER_HOUR), within, knot) for knot in knots]).ravel()
    if fine is not None and len(fine):
        lowest = fine.groupby(fine.ts // SLOT_S * SLOT_S).close.min().reindex(grid).to_numpy(dtype=np.float64)
        prices = np.where(np.isnan(lowest), prices, lowest)
    opens = bars.open.to_numpy(dtype=np.float64)[::24]
    return np.asarray(prices.reshape(-1, SLOTS_PER_DAY) / opens[:, None])


def collateral_days(inputs: FitInputs, symbol: str, start_ts: int, end_ts: int = CUTOFF_TS) -> CollateralDays:
    """Cut one collateral's window ``[start_ts, end_ts)`` (whole UTC days) out of the inputs."""
    hourly = inputs.hourly[symbol].sort_values("ts")
    hourly = hourly[hourly.ts < end_ts]
    first = int(hourly.ts.iloc[0])
    full = hourly.set_index("ts").reindex(np.arange(first, end_ts, 3600)).ffill()
    fine = inputs.fine.get(symbol)
    events = inputs.events
    chosen = events[(events.collateral == symbol) & events.debt.isin(STABLES)]
    chosen = chosen[(chosen.ts >= start_ts) & (chosen.ts < end_ts)]
    volume = np.zeros((end_ts - start_ts) // 3600)
    np.add.at(volume, (chosen.ts.to_numpy() - start_ts) // 3600, chosen.debt_usd.to_numpy(dtype=np.float64))
    return CollateralDays(
        symbol=symbol,
        paths=day_paths(hourly, fine, start_ts, end_ts),
        volume=volume.reshape(-1, 24),
        hourly_low=full.low.to_numpy(dtype=np.float64),
        hourly_open=full.open.to_numpy(dtype=np.float64),
        hours_before=(start_ts - first) // 3600,
        last_close=float(full.close.iloc[-1]),
    )
