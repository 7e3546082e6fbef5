"""The packaged day of 19 May 2021 is whole, consistent, anonymous and says where it comes from."""

from __future__ import annotations

import gzip
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from liquidarium.experiments.episodes import (
    episode_names,
    load_episode,
    load_positions,
    position_provenance,
    position_table_names,
)

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "experiments" / "data"
ADDRESS = re.compile(rb"0x[0-9a-fA-F]{16,}")


@pytest.fixture(scope="module")
def episode():
    return load_episode("may-2021")


def test_bars_have_no_gap_and_cover_the_day(episode):
    assert sorted(episode.bars) == ["AAVE", "BTC", "ETH", "LINK"]
    for symbol, bars in episode.bars.items():
        assert (np.diff(bars.ts) == episode.bar_seconds).all(), symbol
        assert len(episode.day_bars(symbol)) == 1440


def test_each_bar_spans_its_open_and_close(episode):
    for symbol, bars in episode.bars.items():
        assert (bars.low <= bars[["open", "close"]].min(axis=1)).all(), symbol
        assert (bars.high >= bars[["open", "close"]].max(axis=1)).all(), symbol
        assert (bars.low > 0).all()
        assert (bars.volume >= 0).all()


def test_eth_fell_by_nearly_half_within_the_day(episode):
    """Binance spot, 19 May 2021: ETH opened near 3,375 USDT and traded below 2,000."""
    day = episode.day_bars("ETH")
    assert 3300 < day.open.iloc[0] < 3450
    assert 1 - day.low.min() / day.open.iloc[0] > 0.4


def test_gas_percentiles_are_ordered_and_in_gwei(episode):
    gas = episode.gas
    assert len(gas) == 144
    assert (np.diff(gas.ts) == 600).all()
    levels = gas[["p30_gwei", "p60_gwei", "p90_gwei", "p100_gwei"]].to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()
    assert 10 < np.median(levels[:, 1]) < 2000


def test_real_liquidations_have_the_recorded_totals(episode):
    """PROVENANCE: 679 events and 157 M USD of debt on 19 May 2021; 416 users."""
    calls = episode.liquidations
    assert len(calls) == 679
    assert calls.debt_usd.sum() == pytest.approx(157e6, rel=0.005)
    assert calls.user.nunique() == 416
    assert sorted(calls.user.unique()) == list(range(416))
    assert calls.ts.between(episode.start_ts, episode.end_ts - 1).all()


def test_hourly_table_sums_the_events(episode):
    main = episode.liquidations[episode.liquidations.market == "aave_v2_main"]
    assert len(episode.hourly) == 24 * 5
    assert episode.hourly.calls.sum() == len(main)
    assert episode.hourly.debt_usd.sum() == pytest.approx(main.debt_usd.sum())
    four = episode.hourly[episode.hourly.collateral != "other"]
    assert four.calls.sum() == 516
    assert four.debt_usd.sum() == pytest.approx(133e6, rel=0.01)
    assert (episode.hourly.stable_debt_usd <= episode.hourly.debt_usd + 1e-6).all()


def test_no_packaged_file_holds_an_address():
    for path in sorted(DATA.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            assert not ADDRESS.search(content) or "vectors" in path.parts, path
    for name in position_table_names():
        assert load_positions(name).select_dtypes(exclude="number").empty
    columns = load_episode("may-2021").liquidations
    for column in ("market", "collateral", "debt"):
        assert not columns[column].str.contains("0x").any()


def test_every_packaged_file_has_complete_provenance():
    episodes = {name: load_episode(name).provenance for name in episode_names()}
    listed = {(name, entry.file) for name, entries in episodes.items() for entry in entries}
    listed |= {("positions", entry.file) for entry in position_provenance()}
    present = {(path.parent.name, path.name) for path in (DATA / "episodes").rglob("*.parquet")}
    assert listed == present
    for entry in (*itertools.chain(*episodes.values()), *position_provenance()):
        assert re.fullmatch(r"[0-9a-f]{40}", entry.commit), entry
        assert entry.tier in {"A", "B", "C"}
        assert entry.repository.count("/") == 1
        assert entry.nature.startswith("facts")
        for value in (entry.path, entry.licence, entry.original_source, entry.what):
            assert value


def test_the_licence_page_names_every_packaged_data_file():
    page = (ROOT / "DATA_LICENSES.md").read_text()
    for path in sorted(DATA.rglob("*")):
        if path.is_file() and path.suffix in {".parquet", ".gz"}:
            assert f"`{path.relative_to(DATA).as_posix()}`" in page, path


def test_unknown_names_list_what_exists():
    assert episode_names() == ["black-thursday", "may-2021"]
    with pytest.raises(KeyError, match="may-2021"):
        load_episode("may-2020")
    with pytest.raises(KeyError, match="aave_v3_wsteth"):
        load_positions("nobody")


@pytest.mark.parametrize("name", position_table_names())
def test_positions_have_debt_and_a_health_factor(name):
    table = load_positions(name)
    assert (table.debt_value > 0).all()
    assert table.debt_value.is_monotonic_decreasing
    implied = table.collateral_value * table.liquidation_threshold / table.debt_value
    assert np.median(np.abs(implied / table.health_factor - 1)) < 0.01
