"""Reference prices from recorded bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .bars import Bars, PriceDataError, TimeLike, unix_seconds, utc
from .bridge import sample_bars
from .reference import Floats, Streams, check_times


class ReplayPrice:
    """Recorded prices of one or more assets, whose bars may differ in length.

    Parameters
    ----------
    series : mapping of str to Bars, DataFrame or path
        Asset symbol and its bars; tables and files as `Bars.from_frame` and `Bars.read`.
    start : float, str, date or datetime
        Time of block time 0 (Unix seconds, ISO 8601 text or datetime; UTC without a zone).
    end : float, str, date or datetime, optional
        End of the window; block times beyond it are refused. By default the end of the data.

    Raises
    ------
    PriceDataError
        If the data is damaged, has a gap in the window or does not cover it.
    """

    def __init__(
        self,
        series: Mapping[str, Bars | pd.DataFrame | str | Path],
        start: TimeLike,
        end: TimeLike | None = None,
    ) -> None:
        if not series:
            raise ValueError("a replay needs the bars of at least one asset")
        bars = {symbol: _as_bars(symbol, data) for symbol, data in series.items()}
        self.start_s = unix_seconds(start)
        self.end_s = min(one.end_s for one in bars.values()) if end is None else unix_seconds(end)
        self._bars = {symbol: one.window(self.start_s, self.end_s) for symbol, one in bars.items()}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Assets replayed, in the order given."""
        return tuple(self._bars)

    @property
    def duration_s(self) -> float:
        """Seconds from start to end of the window."""
        return self.end_s - self.start_s

    def path(self, times_s: ArrayLike, streams: Streams) -> Floats:
        """Prices at block times, as `ReferencePrice.path`.

        Raises
        ------
        PriceDataError
            If block times reach beyond the window.
        """
        times = check_times(times_s)
        if times[-1] > self.duration_s:
            raise PriceDataError(
                f"{', '.join(self.symbols)}: the run ends {utc(self.start_s + times[-1])}, "
                f"outside the window, which ends {utc(self.end_s)}"
            )
        at_s = self.start_s + times
        columns = [sample_bars(bars, at_s, streams(f"price.{symbol}")) for symbol, bars in self._bars.items()]
        return np.column_stack(columns)


def _as_bars(symbol: str, data: Bars | pd.DataFrame | str | Path) -> Bars:
    if isinstance(data, Bars):
        return data
    if isinstance(data, pd.DataFrame):
        return Bars.from_frame(data, source=symbol)
    return Bars.read(data)
