"""Price bars from arrays, tables and files, checked before anything is built on them.

A bar opens at its stamp and lasts until the next stamp. What a bar looked like
inside is not decided here (see `bridge`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .reference import Floats

TimeLike: TypeAlias = float | int | str | date | datetime
"""Unix seconds, an ISO 8601 string, a date or a datetime; without a zone it is UTC."""

_GAP_BARS = 1.5  # stamps further apart than this many bars mean that rows are missing
_LATEST_S = 1e11  # the year 5138: larger stamps are milliseconds or finer
_SHAPE = ("open", "high", "low")


class PriceDataError(ValueError):
    """Price data that cannot be replayed; says which series, row and time."""


def unix_seconds(moment: TimeLike) -> float:
    """Unix seconds of a time; what has no zone is taken as UTC, a date as its first instant.

    Raises
    ------
    ValueError
        If text is not an ISO 8601 time.
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise ValueError(
                f"{moment!r} is not a time; write ISO 8601 such as 2020-03-12T00:00:00Z or Unix seconds"
            ) from None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return float(moment)


def utc(time_s: float) -> str:
    """ISO 8601 text of Unix seconds, for messages."""
    return datetime.fromtimestamp(time_s, UTC).isoformat().replace("+00:00", "Z")


class Bars:
    """Open, high, low and close of one asset over time.

    Parameters
    ----------
    ts : array_like, shape (n_bars,)
        Unix seconds (UTC) at which each bar opens, increasing.
    close : array_like, shape (n_bars,)
        Price at the end of each bar, numeraire per token.
    open, high, low : array_like, shape (n_bars,), optional
        All or none. Without them a bar opens at the close before it and stays
        between its open and its close.
    source : str
        File or series name for error messages.
    bar_s : float, optional
        Length of a bar in seconds; by default the median distance of stamps.
    max_gap_s : float, optional
        Longest distance of stamps that is not a gap; by default 1.5 bars. The bar
        before a longer distance that is allowed here is stretched over it.

    Attributes
    ----------
    ts, open, high, low, close : float64 ndarray, shape (n_bars,)
    end_s : float
        Unix seconds at which the last bar closes.

    Raises
    ------
    PriceDataError
        For missing, non-positive or contradictory prices and for stamps that are
        missing, repeated or out of order, with the row (the first is 1) and its
        time. Gaps are refused in `window`, as they may lie where nobody looks.
    """

    def __init__(
        self,
        ts: ArrayLike,
        close: ArrayLike,
        open: ArrayLike | None = None,
        high: ArrayLike | None = None,
        low: ArrayLike | None = None,
        *,
        source: str = "series",
        bar_s: float | None = None,
        max_gap_s: float | None = None,
    ) -> None:
        self.source = source
        self.ts = np.asarray(ts, np.float64)
        self.close = np.asarray(close, np.float64)
        shape = [column for column in (open, high, low) if column is not None]
        if len(shape) not in {0, len(_SHAPE)}:
            raise PriceDataError(f"{source}: give open, high and low together, or none of them")
        for name, column in (("ts", ts), ("close", close), ("open", open), ("high", high), ("low", low)):
            if column is not None and np.shape(column) != (len(self.ts),):
                raise PriceDataError(
                    f"{source}: {name} has shape {np.shape(column)}, {len(self.ts)} values expected"
                )
        if len(self.ts) == 0:
            raise PriceDataError(f"{source}: no rows")
        self._check_stamps()
        self._check_prices("close", self.close)
        if shape:
            self.open, self.high, self.low = (np.asarray(column, np.float64) for column in shape)
            for name in _SHAPE:
                self._check_prices(name, getattr(self, name))
        else:
            self.open = np.concatenate((self.close[:1], self.close[:-1]))
            self.high = np.maximum(self.open, self.close)
            self.low = np.minimum(self.open, self.close)
        self._check_order()
        if bar_s is None:
            if len(self.ts) == 1:
                raise PriceDataError(f"{source}: one row only, so bar_s must be given")
            bar_s = float(np.median(np.diff(self.ts)))
        if not bar_s > 0:
            raise PriceDataError(f"{source}: bar_s must be positive, got {bar_s}")
        self.bar_s = bar_s
        self.max_gap_s = _GAP_BARS * bar_s if max_gap_s is None else max_gap_s
        self._first_row = 1

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def end_s(self) -> float:
        """Unix seconds at which the last bar closes."""
        return float(self.ts[-1]) + self.bar_s

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        source: str = "table",
        bar_s: float | None = None,
        max_gap_s: float | None = None,
    ) -> Bars:
        """Bars from a table with columns ``ts``, ``close`` and perhaps ``open``, ``high``, ``low``.

        ``ts`` holds Unix seconds or times (ISO 8601 text, pandas stamps); other columns are ignored.
        """
        missing = [name for name in ("ts", "close") if name not in frame.columns]
        if missing:
            raise PriceDataError(
                f"{source}: column {' and '.join(missing)} missing; "
                f"needed are ts and close, found {', '.join(map(str, frame.columns))}"
            )
        shape = [_numbers(frame[name]) if name in frame.columns else None for name in _SHAPE]
        return cls(
            _stamps(frame["ts"]),
            _numbers(frame["close"]),
            *shape,
            source=source,
            bar_s=bar_s,
            max_gap_s=max_gap_s,
        )

    @classmethod
    def read(cls, path: str | Path, *, bar_s: float | None = None, max_gap_s: float | None = None) -> Bars:
        """Bars from a CSV (also compressed) or Parquet file, as `from_frame`."""
        path = Path(path)
        if not path.is_file():
            raise PriceDataError(f"{path}: no such file")
        try:
            parquet = path.suffix in {".parquet", ".pq"}
            frame = pd.read_parquet(path) if parquet else pd.read_csv(path)
        except (ValueError, OSError) as error:
            raise PriceDataError(f"{path}: not readable as CSV or Parquet: {error}") from error
        return cls.from_frame(frame, source=str(path), bar_s=bar_s, max_gap_s=max_gap_s)

    def window(self, start: TimeLike, end: TimeLike) -> Bars:
        """Bars that cover the time from `start` to `end`, without a gap.

        Raises
        ------
        PriceDataError
            If the data does not reach that far, or rows are missing inside.
        """
        start_s, end_s = unix_seconds(start), unix_seconds(end)
        if not start_s <= end_s:
            raise PriceDataError(f"{self.source}: window ends {utc(end_s)}, before it starts {utc(start_s)}")
        if start_s < self.ts[0] or end_s > self.end_s:
            raise PriceDataError(
                f"{self.source}: window {utc(start_s)} to {utc(end_s)} is outside the data, "
                f"which covers {utc(float(self.ts[0]))} (row {self._first_row}) "
                f"to {utc(self.end_s)} (row {self._first_row + len(self) - 1})"
            )
        first = int(np.searchsorted(self.ts, start_s, "right")) - 1
        stop = max(int(np.searchsorted(self.ts, end_s, "left")), first + 1)
        # the stamp after the last bar belongs to the window: it says how long that bar lasted
        steps = np.diff(self.ts[first : stop + 1])
        if (steps > self.max_gap_s).any():
            at = first + int(np.argmax(steps > self.max_gap_s))
            raise self._error(
                at + 1,
                f"gap of {self.ts[at + 1] - self.ts[at]:g} s after {utc(float(self.ts[at]))}; "
                f"bars are {self.bar_s:g} s, at most {self.max_gap_s:g} s apart",
            )
        part = object.__new__(Bars)
        part.__dict__.update(self.__dict__)
        for name in ("ts", *_SHAPE, "close"):
            setattr(part, name, getattr(self, name)[first:stop])
        if stop < len(self):  # keeps `end_s` where the next bar opens
            part.bar_s = float(self.ts[stop] - self.ts[stop - 1])
        part._first_row = self._first_row + first
        return part

    def _error(self, at: int, message: str) -> PriceDataError:
        stamp = self.ts[at]
        when = utc(float(stamp)) if np.isfinite(stamp) and abs(stamp) < _LATEST_S else f"stamp {stamp:g}"
        return PriceDataError(f"{self.source}: row {at + 1}, {when}: {message}")

    def _refuse(self, wrong: NDArray[np.bool_], message: str, values: Floats) -> None:
        if wrong.any():
            at = int(np.argmax(wrong))
            raise self._error(at, message.format(values[at]))

    def _check_stamps(self) -> None:
        ts = self.ts
        self._refuse(~np.isfinite(ts), "stamp is missing or not a time", ts)
        self._refuse(np.abs(ts) >= _LATEST_S, "stamps must be in seconds, not in milliseconds", ts)
        steps = np.diff(ts, prepend=ts[0] - 1.0)
        self._refuse(steps == 0, "stamp is a duplicate of the row before", ts)
        self._refuse(steps < 0, "stamp is earlier than the row before; rows must be in order", ts)

    def _check_prices(self, name: str, values: Floats) -> None:
        self._refuse(np.isnan(values), f"{name} is missing or not a number", values)
        self._refuse(~np.isfinite(values) | (values <= 0), name + " must be positive, got {:g}", values)

    def _check_order(self) -> None:
        self._refuse(self.high < self.low, "high is below low {:g}", self.low)
        for name in ("open", "close"):
            values: Floats = getattr(self, name)
            self._refuse(values > self.high, name + " {:g} is above high", values)
            self._refuse(values < self.low, name + " {:g} is below low", values)


def _numbers(column: pd.Series) -> Floats:
    if not pd.api.types.is_numeric_dtype(column):
        column = pd.to_numeric(column.astype(str), errors="coerce")
    return column.to_numpy(np.float64, na_value=np.nan)


def _stamps(column: pd.Series) -> Floats:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    text = column if pd.api.types.is_datetime64_any_dtype(column) else column.astype(str)
    times = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    seconds = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return np.asarray(seconds, np.float64)
