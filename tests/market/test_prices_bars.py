"""Price data is refused by file, row and time, before a run is built on it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from liquidarium.market.prices import Bars, PriceDataError, ReplayPrice, unix_seconds

START = 1_583_971_200  # 2020-03-12T00:00:00Z


def table(rows=10, bar_s=300):
    ts = START + bar_s * np.arange(rows)
    close = 200.0 - np.arange(rows)
    opening = np.append(200.0, close[:-1])
    return pd.DataFrame(
        {
            "ts": ts,
            "open": opening,
            "high": np.maximum(opening, close) + 1,
            "low": np.minimum(opening, close) - 1,
            "close": close,
            "volume": 1.0,
        }
    )


DAMAGE = {
    "close is missing or not a number": ("close", np.nan),
    "low is missing or not a number": ("low", np.nan),
    "close must be positive, got 0": ("close", 0.0),
    "open must be positive, got -1": ("open", -1.0),
    "high must be positive, got inf": ("high", np.inf),
    "stamp is a duplicate": ("ts", START + 300 * 3),
    "stamp is earlier": ("ts", START),
    "stamp is missing": ("ts", np.nan),
    "not in milliseconds": ("ts", START * 1000.0),
    "high is below low": ("high", 100.0),
    "open 250 is above high": ("open", 250.0),
    "close 250 is above high": ("close", 250.0),
    "close 100 is below low": ("close", 100.0),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_damage_is_named_with_file_row_and_time(tmp_path, message):
    column, value = DAMAGE[message]
    frame = table()
    frame[column] = frame[column].astype(float)
    frame.loc[4, column] = value
    path = tmp_path / "eth.csv"
    frame.to_csv(path, index=False)
    with pytest.raises(PriceDataError, match=message) as error:
        Bars.read(path)
    assert f"{path}: row 5, " in str(error.value)
    if column != "ts":
        assert "2020-03-12T00:20:00Z" in str(error.value)


def test_text_in_a_price_column_is_named():
    frame = table().astype({"close": object})
    frame.loc[2, "close"] = "n/a"
    with pytest.raises(PriceDataError, match=r"ETH: row 3, 2020-03-12T00:10:00Z: close is missing"):
        ReplayPrice({"ETH": frame}, START)


def test_a_gap_inside_the_window_is_refused_and_one_outside_is_not():
    bars = Bars.from_frame(table().drop(index=6))
    with pytest.raises(PriceDataError, match=r"row 7, 2020-03-12T00:35:00Z: gap of 600 s"):
        bars.window(START, START + 300 * 9)
    assert len(bars.window(START, START + 300 * 5)) == 5


def test_a_gap_that_is_allowed_stretches_the_bar_before_it():
    bars = Bars.from_frame(table().drop(index=6), max_gap_s=600)
    part = bars.window(START, START + 300 * 7)
    assert (len(part), part.end_s) == (6, START + 300 * 7)


@pytest.mark.parametrize(("first", "last"), [(-1, 100), (0, 3001)])
def test_a_window_outside_the_data_is_refused_with_what_there_is(first, last):
    bars = Bars.from_frame(table(), source="eth.csv")
    with pytest.raises(PriceDataError, match=r"eth.csv: window .* outside the data.*00:00:00Z.*00:50:00Z"):
        bars.window(START + first, START + last)


def test_a_run_longer_than_its_window_is_refused():
    replay = ReplayPrice({"ETH": table()}, START, START + 600)
    with pytest.raises(PriceDataError, match="2020-03-12T00:10:01Z, outside the window"):
        replay.path([0.0, 601.0], lambda name: np.random.default_rng(0))


def test_a_column_that_is_needed_is_named():
    with pytest.raises(PriceDataError, match="column close missing"):
        Bars.from_frame(table()[["ts", "open"]])
    with pytest.raises(PriceDataError, match="open, high and low together"):
        Bars.from_frame(table().drop(columns="low"))


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(PriceDataError, match="no such file"):
        Bars.read(tmp_path / "nothing.csv")
    (tmp_path / "bad.parquet").write_bytes(b"no")
    with pytest.raises(PriceDataError, match="not readable"):
        Bars.read(tmp_path / "bad.parquet")
    (tmp_path / "empty.csv").write_text("ts,close\n")
    with pytest.raises(PriceDataError, match="no rows"):
        Bars.read(tmp_path / "empty.csv")
    (tmp_path / "one.csv").write_text("ts,close\n0,1\n")
    with pytest.raises(PriceDataError, match="bar_s must be given"):
        Bars.read(tmp_path / "one.csv")


def test_csv_parquet_and_iso_stamps_say_the_same(tmp_path):
    frame = table()
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    texts = frame.assign(ts=[datetime.fromtimestamp(t, UTC).isoformat() for t in frame["ts"]])
    texts.to_csv(tmp_path / "b.csv", index=False)
    stamps = frame.assign(ts=pd.to_datetime(frame["ts"], unit="s"))
    read = [Bars.read(tmp_path / name) for name in ("a.csv.gz", "a.parquet", "b.csv")]
    for bars in [*read, Bars.from_frame(stamps)]:
        assert bars.ts.tolist() == frame["ts"].tolist()
        assert bars.low.tolist() == frame["low"].tolist()


def test_closes_alone_make_bars_that_open_at_the_close_before():
    bars = Bars([0.0, 60.0, 120.0], [10.0, 12.0, 9.0])
    assert bars.open.tolist() == [10.0, 10.0, 12.0]
    assert bars.high.tolist() == [10.0, 12.0, 12.0]
    assert bars.low.tolist() == [10.0, 10.0, 9.0]


@pytest.mark.parametrize(
    "moment",
    [
        START,
        "2020-03-12",
        "2020-03-12T00:00:00Z",
        "2020-03-12T01:00:00+01:00",
        date(2020, 3, 12),
        datetime(2020, 3, 12),
        datetime(2020, 3, 12, tzinfo=UTC),
        pd.Timestamp("2020-03-12"),
    ],
)
def test_times_without_a_zone_are_utc(moment):
    assert unix_seconds(moment) == START


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ValueError, match="'Black Thursday' is not a time; write ISO 8601"):
        unix_seconds("Black Thursday")
