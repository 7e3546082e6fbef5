"""Figures say what the tables say, and are drawn from any run, however empty."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.experiments.figures import FIGURES, write_figures, write_report
from liquidarium.experiments.figures.costs import cost_shares
from liquidarium.experiments.figures.liquidators import liquidator_ranking
from liquidarium.experiments.figures.survival import kaplan_meier
from liquidarium.experiments.figures.wall import liquidatable_debt, market_depth, pool_depth
from liquidarium.experiments.runs import SUMMARY_KEYS, RunResult
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.world.cost_table import PARTS as COST_PARTS

PNG = b"\x89PNG"


def made_up_result(calls: int) -> RunResult:
    scenario = load_scenario("quickstart")
    rng = np.random.default_rng(5)
    blocks = np.arange(scenario.clock.n_blocks)
    mid = 2_000 + rng.normal(0, 5, len(blocks)).cumsum()
    quotes = pd.DataFrame(
        {"block": blocks, "t_s": 12.0 * blocks, "asset": "ETH", "mid": mid, "reference": mid}
    )
    quotes = quotes.assign(bid=mid - 1, ask=mid + 1, depth_bid_usd=1e6, depth_ask_usd=1e6)
    positions = pd.DataFrame(
        {
            "snapshot": np.repeat([0, 1], 50),
            "account": np.tile(np.arange(50), 2),
            "health_factor": np.concatenate([rng.uniform(1, 4, 50), rng.uniform(0.9, 3, 50)]),
            "debt_usd": 1e4,
        }
    )
    liquidations = pd.DataFrame(
        {
            "liquidator": [f"bot-{i % 20}" for i in range(calls)],
            "collateral": "ETH",
            "t_eligible_s": np.linspace(100, 900, calls),
            "t_done_s": np.linspace(100, 900, calls) + 24,
            "repaid_usd": 1e3,
            "profit_usd": np.linspace(-50, 90, calls),
        }
    )
    costs = pd.DataFrame({name: np.arange(calls) * 10**6 for name in ("borrower_loss", *COST_PARTS)})
    costs["collateral"] = ["" if i == 0 else f"C{i % 12}" for i in range(calls)]
    costs["impact"] *= -1
    tables = {"quotes": quotes, "positions": positions, "liquidations": liquidations, "costs": costs}
    summary = {key: 0 if "text" not in unit else "x" for key, (unit, _) in SUMMARY_KEYS.items()}
    return RunResult(scenario, 7, tables, summary)


@pytest.mark.parametrize("calls", [0, 1, 40])
def test_every_figure_is_drawn_and_the_style_of_the_caller_stays(calls, tmp_path):
    settings_before = dict(mpl.rcParams)
    result = made_up_result(calls)
    figures = write_figures(result, tmp_path / "figures")
    lending = [tables for _, tables in FIGURES if all(table in result.tables for table in tables)]
    assert len(figures) == len(lending) >= 6  # a run without venues draws nothing of margins
    assert all(path.read_bytes().startswith(PNG) for path in figures)
    assert dict(mpl.rcParams) == settings_before
    page = write_report(result, tmp_path, figures).read_text()
    for path in figures:
        assert f"](figures/{path.name})" in page


def test_figure_of_a_table_that_was_not_recorded_is_left_out(tmp_path):
    result = made_up_result(3)
    tables = {name: table for name, table in result.tables.items() if name != "quotes"}
    bare = RunResult(result.scenario, 7, tables, result.summary)
    assert "price_path.png" not in {path.name for path in write_figures(bare, tmp_path)}


@given(
    st.lists(st.tuples(st.floats(0.5, 5), st.floats(0, 1e6)), min_size=1, max_size=30),
    st.lists(st.floats(0, 0.6), min_size=1, max_size=10),
)
@settings(deadline=None)
def test_wall_counts_each_account_that_the_fall_makes_liquidatable(accounts, drops):
    """MODEL 1.1, CASES L36: L(x) is the debt with HF (1 - x) < 1."""
    health, debt = np.array(accounts).T
    falls = np.array(drops)
    brute = [sum(d for h, d in accounts if h < 1 / (1 - x)) for x in drops]
    assert liquidatable_debt(health, debt, falls) == pytest.approx(brute)


def test_l36_liquidation_wall_of_three_positions():
    health, debt = np.array([1.02, 1.10, 1.30]), np.array([5e6, 10e6, 20e6])
    wall = liquidatable_debt(health, debt, np.array([0.01, 0.05, 0.10, 0.25]))
    assert wall.tolist() == [0.0, 5e6, 15e6, 35e6]
    single = liquidatable_debt(np.array([1.25]), np.array([1.0]), np.array([0.2 - 1e-12, 0.2 + 1e-12]))
    assert single.tolist() == [0.0, 1.0]


def test_pool_pays_out_half_its_quote_when_the_price_falls_by_three_quarters():
    assert pool_depth(100.0, np.array([0.0, 0.75])) == pytest.approx([0, 50])


def test_depth_beside_the_wall_is_pools_and_first_bids():
    scenario_pools = sum(asset.pool.depth_usd for asset in load_scenario("quickstart").risky)
    depth = market_depth(made_up_result(0), np.array([0.0, 0.01]))
    assert depth == pytest.approx([0, scenario_pools * (1 - np.sqrt(0.99)) + 1e6])


def test_survival_with_censoring_is_that_of_kaplan_and_meier():
    """Textbook sample: 6 events and 2 censored of 8, by hand."""
    time = np.array([3, 5, 5, 8, 10, 12, 15, 20], float)
    done = np.array([True, True, True, False, True, False, True, True])
    times, share = kaplan_meier(time, done)
    assert times.tolist() == [0, 3, 5, 10, 15, 20]
    assert share == pytest.approx([1, 7 / 8, 5 / 8, 5 / 8 * 3 / 4, 5 / 8 * 3 / 4 / 2, 0])


def test_ranking_keeps_every_dollar():
    calls = made_up_result(40).liquidations
    ranking = liquidator_ranking(calls)
    assert len(ranking) == 15
    assert ranking.index[-1] == "6 others"
    assert ranking["share"].sum() == pytest.approx(1)
    assert ranking["profit_usd"].sum() == pytest.approx(calls["profit_usd"].sum())


def test_bars_of_the_borrowers_loss_add_up_to_it_and_leave_nothing_out():
    costs = run("quickstart", 7).costs
    shares = cost_shares(costs, 10**6)
    assert shares.index[-1] == "all"
    assert len(shares) > 2
    parts = shares.drop(columns="borrower_loss").sum(axis=1)
    assert parts.to_numpy() == pytest.approx(shares.borrower_loss.to_numpy(), abs=1e-6)
    assert shares.borrower_loss["all"] == pytest.approx(costs.borrower_loss.sum() / 1e6)
    many = pd.concat([costs.assign(collateral=f"C{k}") for k in range(12)])
    assert cost_shares(many, 10**6).index[-2] == "5 others"
