"""Stylised facts: statistics by the cases of their topic and on series whose answer is known; the report."""

from __future__ import annotations

import json

import numpy as np
import pytest
from liquidarium.experiments.facts import FACTS, book_histories, is_facts, measure_facts
from liquidarium.experiments.facts.aggregation import (
    excess_kurtosis,
    hurst_exponent,
    kurtosis_exponent,
    kurtosis_of_sum,
    sums_of,
)
from liquidarium.experiments.facts.autocorrelation import autocorrelations, decay_exponent
from liquidarium.experiments.facts.battery import STEPS
from liquidarium.experiments.facts.dispersion import branching_ratio, index_of_dispersion
from liquidarium.experiments.facts.impact import equilibrium_lambda, estimated_lambda, impact_exponent
from liquidarium.experiments.facts.report import verdict
from liquidarium.experiments.facts.roll import roll_spread, spread_of_bounce
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.statistics import Interval
from liquidarium.market.order_flow import HawkesArrivals

SHORT = ("borrowers.count=50", "clock.duration_s=600")


def test_b02_roll_spread():
    assert spread_of_bounce(-0.0004) == pytest.approx(0.04, rel=1e-12)


def test_b02_roll_finds_the_spread_of_a_bouncing_price():
    rng = np.random.default_rng(1)
    middle = np.cumsum(rng.normal(0.0, 0.01, 50_000))
    prices = middle + rng.choice([-0.05, 0.05], 50_000)
    assert roll_spread(prices) == pytest.approx(0.1, rel=0.03)


def test_b03_branching_ratio_from_the_dispersion_of_hawkes_arrivals():
    assert branching_ratio(25.0) == pytest.approx(0.8, rel=1e-12)
    counts = HawkesArrivals(250.0, 0.8, 1.0).counts(4_000, 100.0, np.random.default_rng(2))
    assert branching_ratio(index_of_dispersion(counts)) == pytest.approx(0.8, abs=0.02)


def test_b05_kurtosis_under_aggregation():
    assert kurtosis_of_sum(30.0, 10) == 3.0
    draws = np.random.default_rng(3).laplace(size=2_000_000)
    assert excess_kurtosis(draws) == pytest.approx(3.0, rel=0.05)
    assert excess_kurtosis(sums_of(draws, 4)) == pytest.approx(kurtosis_of_sum(3.0, 4), rel=0.1)
    assert kurtosis_exponent(draws, STEPS) == pytest.approx(1.0, abs=0.1)


def test_b06_kyle_lambda():
    assert equilibrium_lambda(2.0, 1000.0) == pytest.approx(0.001, rel=1e-12)


def test_b06_the_slope_of_value_on_flow_is_the_lambda_at_which_the_insider_trades_as_assumed():
    """Kyle 1985: flow is (v - p) / (2 lambda) + u, and the price E[v | flow] has slope lambda."""
    rng = np.random.default_rng(4)
    impact = equilibrium_lambda(2.0, 1000.0)
    value = rng.normal(0.0, 2.0, 400_000)
    flow = value / (2.0 * impact) + rng.normal(0.0, 1000.0, 400_000)
    assert estimated_lambda(value, flow) == pytest.approx(impact, rel=0.01)


def test_memory_of_an_autoregression_is_a_geometric_series():
    rng = np.random.default_rng(5)
    noise = rng.normal(size=100_000)
    series = np.zeros_like(noise)
    for t in range(1, len(noise)):
        series[t] = 0.6 * series[t - 1] + noise[t]
    assert autocorrelations(series, 3) == pytest.approx([0.6, 0.36, 0.216], abs=0.02)


def test_a_decay_that_turns_negative_at_once_has_no_exponent():
    assert np.isnan(decay_exponent(np.full(64, -0.1)))


def test_hurst_exponent_of_independent_and_of_persistent_values():
    rng = np.random.default_rng(6)
    assert hurst_exponent(rng.normal(size=50_000), STEPS) == pytest.approx(0.5, abs=0.03)
    level = np.repeat(rng.normal(size=500), 100)
    assert hurst_exponent(level, STEPS) > 0.9


def test_impact_that_is_linear_has_exponent_one():
    flow = np.linspace(-1.0, 1.0, 999)
    assert impact_exponent(3.0 * flow, flow) == pytest.approx(1.0, abs=1e-6)


@pytest.fixture(scope="module")
def report():
    return measure_facts(load_scenario("quickstart", SHORT), [1, 2])


def test_bars_hold_every_block_and_trade_of_the_run():
    result = run("quickstart", seed=1, overrides=SHORT)
    books = book_histories(result)
    assert [book.asset for book in books] == ["ETH", "BTC"]
    for book in books:
        quotes = result.quotes[result.quotes.asset == book.asset]
        trades = result.trades[result.trades.asset == book.asset]
        assert book.returns.sum() == pytest.approx(np.log(quotes.mid.iloc[-1] / quotes.mid.iloc[0]))
        assert book.trades_in_block.sum() == len(trades)
        later = trades[trades.block > 0]
        assert book.volume_usd.sum() == pytest.approx((later.price * later.quantity).sum())


def test_every_fact_is_listed_with_a_verdict_and_none_is_hidden(report):
    results = report.results()
    assert [one.fact.name for one in results] == [fact.name for fact in FACTS]
    assert sum(report.counts().values()) == len(FACTS)
    table = report.to_markdown()
    for one in results:
        assert f"| {one.fact.name} |" in table
        assert one.verdict == verdict(one.fact, one.found)


def test_a_verdict_needs_the_whole_interval():
    fact = next(fact for fact in FACTS if fact.name == "tail-index")
    assert verdict(fact, Interval(3.0, 2.5, 3.5)) == "pass"
    assert verdict(fact, Interval(1.0, 0.5, 1.9)) == "fail"
    assert verdict(fact, Interval(3.0, 1.9, 4.0)) == "unclear"
    assert verdict(fact, Interval(3.0, np.nan, np.nan)) == "unclear"
    assert verdict(fact, Interval(np.nan, np.nan, np.nan)) == "missing"


def test_a_saved_battery_holds_list_values_and_figure(report, tmp_path):
    report.save(tmp_path)
    assert is_facts(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        "facts.json",
        "values.parquet",
        "table.md",
        "facts.png",
    }
    saved = json.loads((tmp_path / "facts.json").read_text())
    assert {fact["name"] for fact in saved["facts"]} == {fact.name for fact in FACTS}


def test_a_book_in_which_nothing_trades_has_missing_facts_not_errors():
    scenario = load_scenario("quickstart", (*SHORT, "flow.orders_per_block=0"))
    still = scenario.model_copy(update={"agents": ()})
    found = {one.fact.name: one.verdict for one in measure_facts(still, [1, 2]).results()}
    for name in ("trades-bounce", "roll-spread", "trade-sizes", "kyle-lambda", "square-root-impact"):
        assert found[name] == "missing"


def test_a_scenario_without_a_book_is_refused():
    bare = load_scenario("quickstart", SHORT)
    assets = tuple(asset.model_copy(update={"book": None}) for asset in bare.assets)
    with pytest.raises(ScenarioError, match="has no order book"):
        measure_facts(bare.model_copy(update={"assets": assets}), [1])


@pytest.mark.parametrize("seeds", [[], 3])
def test_facts_without_a_list_of_seeds_are_refused(seeds):
    with pytest.raises(ScenarioError, match="allowed: a list of at least 1"):
        measure_facts("quickstart", seeds)
