"""Packaged option chains against the exchange's own volatilities and against published ones (MODEL 2.3)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.options import (
    analyse,
    chain_names,
    compare_marks,
    implied,
    load_chain,
    mark_inputs,
    model_free,
    volatility_at,
)
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.protocols.margin.models import ArbitrageError, violations
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def analyses():
    return {name: analyse(load_chain(name)) for name in chain_names()}


@pytest.mark.parametrize(("name", "own"), [("eth-2021-10-01", 1.0373), ("eth-2022-01-27", 0.9880)])
def test_model_free_volatility_of_14_days_is_the_published_one_within_a_point(name, own):
    chain = load_chain(name)
    found = volatility_at(model_free(chain), 14 / 365)
    assert found == pytest.approx(chain.published_14d_volatility, abs=0.01)
    assert found == pytest.approx(own, abs=5e-5)


def test_volatilities_of_marks_are_those_that_the_exchange_shows():
    quotes = implied(load_chain("btc-2020-05-21"))
    apart = (quotes.own_mark_volatility - quotes.mark_volatility).abs()
    assert apart.notna().sum() > 300
    assert apart.median() < 2e-4
    weeks_left = quotes.years > 7 / 365
    assert apart[weeks_left].quantile(0.9) < 0.01


def test_bid_volatility_is_below_ask_volatility(analyses):
    for found in analyses.values():
        both = found.quotes.dropna(subset=["bid_volatility", "ask_volatility"])
        assert len(both) > 40
        assert (both.bid_volatility < both.ask_volatility).all()


def test_fitted_surfaces_are_free_of_arbitrage_and_close_to_the_quotes(analyses):
    for found in analyses.values():
        assert violations(found.fit.surface.slices) == []
        assert max(fit.rms_volatility for fit in found.fit.slices) < 0.02
        used = found.quotes[found.quotes.fitted]
        model = found.fit.surface.volatility(used.strike, used.years)
        spread = used.ask_volatility - used.bid_volatility
        assert np.median(np.abs(model - used.volatility) / spread) < 0.5


def test_what_was_repaired_is_said_and_refused_on_request(analyses):
    assert analyses["btc-2020-05-21"].fit.repaired == ()
    assert analyses["eth-2021-10-01"].fit.repaired[0].kind == "butterfly"
    with pytest.raises(ArbitrageError, match="is refused"):
        analyse(load_chain("eth-2021-10-01"), repair=False)


def test_a_model_marks_every_option_near_the_exchange_and_mids_and_last_trades_do_not(analyses):
    rows = compare_marks(analyses["btc-2020-05-21"]).set_index("mark")
    assert rows.options["model"] == rows.options["hybrid"] == 326
    assert rows.options["mid"] < 240
    assert rows.p95_bps["hybrid"] < 20.0
    assert min(rows.p95_bps["mid"], rows.p95_bps["last"]) > 1_000.0
    assert rows.median_bps["hybrid"] < 1.5


def test_a_model_mark_is_as_uncertain_as_its_slice_misses(analyses):
    found = analyses["eth-2022-01-27"]
    seen = mark_inputs(found)
    first = found.quotes.years == found.fit.slices[0].slice.years
    at = int(np.abs(found.quotes.strike - found.quotes.underlying_usd)[first].argmin())
    by_hand = 2_481.6 * 0.3989 * np.sqrt(found.fit.slices[0].slice.years) * found.fit.slices[0].rms_volatility
    assert np.asarray(seen.model_uncertainty)[at] == pytest.approx(by_hand, rel=0.02)
    assert (np.asarray(seen.index_age_s) >= 0.0).all()


def test_an_unknown_chain_is_refused_with_the_names_there_are():
    with pytest.raises(ScenarioError, match="allowed: btc-2020-05-21, eth-2021-10-01, eth-2022-01-27"):
        load_chain("doge")


def test_the_command_saves_a_folder_and_prints_the_same(tmp_path):
    folder = tmp_path / "chain"
    done = CliRunner().invoke(app, ["options", "eth-2022-01-27", "--out", str(folder), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told == json.loads((folder / "options.json").read_text())
    assert told["model_free_14d"] == pytest.approx(0.988, abs=5e-4)
    assert [row["quotes"] for row in told["expiries"]] == [22, 26]
    assert {path.name for path in folder.iterdir()} == {
        "options.json",
        "options.png",
        "quotes.parquet",
        "table.md",
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["doge"], "chain 'doge' does not exist; allowed: btc-2020-05-21"),
        (["eth-2021-10-01", "--refuse"], "the fitted slice is refused: butterfly violated"),
    ],
)
def test_a_refused_chain_is_one_line_and_leaves_nothing(arguments, says, tmp_path):
    done = CliRunner().invoke(app, ["options", *arguments, "--out", str(tmp_path / "chain")])
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
