"""12 March 2020: kicks, lots and tabs are inputs, all else is an output (MODEL 5.2; CASES A10, E05)."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments import load_episode
from liquidarium.experiments.backtest.auction_run import backtest_auctions, clip_twin
from liquidarium.experiments.backtest.auction_score import bidder_groups, error, paired_difference, shares
from liquidarium.experiments.backtest.auctions import simulate
from liquidarium.experiments.backtest.keeper_fit import (
    CUTOFF_TS,
    fit_keepers,
    near_zero_by_hour,
    refuse_later,
    revealed_capital,
)
from liquidarium.experiments.backtest.run import recorded_episode
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.scenarios import ScenarioError, load_scenario, validate

EPISODE = load_episode("black-thursday")
KICKS = EPISODE.kicks
EARLY = KICKS[KICKS.ts < CUTOFF_TS]

MORNING = (
    "clock.start=2020-03-12T02:50:00Z",
    "clock.duration_s=20410",
    "borrowers.until=2020-03-12T08:20:00Z",
)
"""The first kicks until 08:20, followed until 08:30."""

ONLY_LOWBALLERS = ("agents.0.count=0", "agents.1.count=0")


@pytest.fixture(scope="module")
def morning() -> LiquidationMarket:
    """Run the first hours without anybody who bids."""
    model = LiquidationMarket(
        "black-thursday", 1, [*MORNING, *ONLY_LOWBALLERS, "agents.2.count=0"], collect_every=0
    )
    model.run()
    return model


def test_the_episode_holds_the_recorded_counts():
    """MODEL 5.2: 2,546 auctions, 106,564 ETH, 11.75 M DAI; 1,032 for under 1 DAI; 585 before 15:00."""
    near_zero = KICKS.final_bid_dai < 1
    assert len(KICKS) == 2546
    assert KICKS.lot_eth.sum() == pytest.approx(106_564, abs=1)
    assert KICKS.tab_dai.sum() == pytest.approx(11.75e6, rel=1e-3)
    assert near_zero.sum() == 1032
    assert len(EARLY) == 585
    by_hour = near_zero_by_hour(KICKS, near_zero.to_numpy())
    assert [round(by_hour[h], 2) for h in range(12, 18)] == [0.84, 0.98, 0.02, 0.82, 0.94, 0.0]
    shares_of = near_zero.groupby(bidder_groups(KICKS.n_bidders.to_numpy())).agg(["mean", "size"])
    assert shares_of["mean"].round(2).tolist() == [0.50, 0.28, 0.0]
    assert shares_of["size"].tolist() == [1680, 654, 212]


def test_e05_most_of_what_two_days_lost_is_in_the_record_of_the_first():
    """MODEL 5.2, of both days: 8.32 M USD of collateral for bids of 0, 5.67 M DAI not raised."""
    bars = EPISODE.bars["ETH"]
    price = bars.close.to_numpy()[np.searchsorted(bars.ts, KICKS.ts, side="right") - 1]
    given_away = (KICKS.lot_eth * price)[KICKS.final_bid_dai < 1].sum()
    not_raised = (KICKS.tab_dai - KICKS.final_bid_dai).sum()
    assert given_away == pytest.approx(6.81e6, rel=1e-3)
    assert not_raised == pytest.approx(5.475e6, rel=1e-3)
    assert (given_away < 8.32e6, not_raised < 5.67e6) == (True, True)


def test_no_address_travels_with_the_episode():
    for table in (KICKS, EPISODE.bids):
        assert not any(pd.api.types.is_string_dtype(t) for c, t in table.dtypes.items() if c != "event")


def test_kicks_lots_and_tabs_are_the_recorded_ones(morning):
    pool = morning.credit[0].pool
    recorded = KICKS[KICKS.ts < pool.start_s + 5.5 * 3600]
    lots = list(pool.lots.values())
    assert len(lots) == len(recorded) > 50
    assert [lot.row for lot in lots] == list(range(len(lots)))
    np.testing.assert_allclose([lot.auction.lot / 1e18 for lot in lots], recorded.lot_eth, rtol=1e-15)
    np.testing.assert_allclose([lot.auction.tab / 1e45 for lot in lots], recorded.tab_dai, atol=1e-9)
    kicked = np.array([row[7] for row in morning.recorder.liquidations]) + pool.start_s
    assert ((kicked - recorded.ts >= 0) & (kicked - recorded.ts < 13)).all()


def test_how_auctions_really_ended_is_not_read_by_the_simulation(monkeypatch):
    """Other outcomes in the record leave the simulated day as it was."""
    scenario = load_scenario("black-thursday", MORNING)
    before = simulate(scenario, 1)
    changed = EPISODE.kicks.assign(final_bid_dai=0.0, final_lot_eth=0.0, n_bidders=9)

    class Other:
        kicks = changed

    monkeypatch.setattr("liquidarium.experiments.world.recorded_kicks.load_episode", lambda name: Other)
    after = simulate(scenario, 1)
    np.testing.assert_array_equal(before.paid_usd, after.paid_usd)


def test_no_money_is_made_or_lost_and_dai_changes_hands_at_its_price(morning):
    assert morning.conservation.error_usd(morning.oracle_prices) == 0.0
    dai, quote = morning.ledger.asset_index["DAI"], morning.quote
    price = morning.outside.path[morning.n_blocks - 1, dai]
    assert price > 1.02
    assert morning.desk.cost(quote, dai, 10**9) == pytest.approx(price * 1e6, abs=1)


@pytest.mark.parametrize("seed", [1, 2])
def test_with_lowballers_alone_the_flip_gives_lots_away_and_the_clip_does_not(seed):
    """A10, and its twin: the same kicks, lots, tabs, keepers and prices."""
    flip = load_scenario("black-thursday", [*MORNING, *ONLY_LOWBALLERS, "agents.2.capital_usd=5e6"])
    under_flip, under_clip = simulate(flip, seed), simulate(clip_twin(flip), seed)
    assert under_flip.near_zero.mean() > 0.95
    assert under_clip.near_zero.sum() == 0
    assert under_flip.error_usd == under_clip.error_usd == 0.0


def test_with_one_rich_keeper_that_works_no_lot_goes_for_nothing():
    changes = ["agents.0.capital_usd=5e6", "agents.0.parameters.gas_headroom=0", "agents.1.count=0"]
    day = simulate(load_scenario("black-thursday", [*MORNING, *changes]), 1)
    assert day.near_zero.sum() == 0


def test_the_twin_differs_in_the_protocol_only():
    flip = load_scenario("black-thursday")
    here, there = (s.model_dump(mode="json") for s in (flip, clip_twin(flip)))
    assert {key for key in here if here[key] != there[key]} == {"protocol"}
    assert there["protocol"]["kind"] == "maker"
    assert there == load_scenario("black-thursday", ["protocol.kind=maker"]).model_dump(mode="json")


def test_the_fit_refuses_kicks_of_the_score():
    with pytest.raises(ValueError, match="given 1961 kicks at or after"):
        fit_keepers("black-thursday", KICKS, EPISODE.bids)
    refuse_later(EARLY)


def test_capital_is_what_a_bidder_had_in_bids_at_once():
    kicks = pd.DataFrame({"ts": [CUTOFF_TS - 900, CUTOFF_TS - 800]})
    rows = [
        (CUTOFF_TS - 700, 0, "tend", 1, 100.0),
        (CUTOFF_TS - 600, 1, "tend", 1, 50.0),  # 150 at once
        (CUTOFF_TS - 500, 0, "tend", 2, 110.0),  # 1 has 50 left
        (CUTOFF_TS - 400, 0, "dent", 3, np.nan),  # takes over the same 110
        (CUTOFF_TS - 300, 1, "deal", 1, np.nan),
        (CUTOFF_TS + 10, 1, "tend", 2, 1e6),  # too late to be seen
    ]
    bids = pd.DataFrame(rows, columns=["ts", "auction", "event", "bidder", "bid_dai"])
    assert revealed_capital(kicks, bids).peak_dai.to_dict() == {1: 150.0, 2: 110.0, 3: 110.0}


def test_the_scenario_runs_with_what_the_fit_found():
    text = files("liquidarium.experiments").joinpath("data/fits/keepers/black-thursday.json").read_text()
    fit = json.loads(text)
    agents = {agent.name: agent for agent in load_scenario("black-thursday").agents}
    assert fit["kicks"] == 585
    for name, capital in fit["capital_usd"].items():
        assert agents[name].capital_usd == capital
        assert {key: agents[name].parameters[key] for key in fit["failure"]} == fit["failure"]
    for name, count in fit["counts"].items():
        assert agents[name].count == count
    assert min(point["error"] for point in fit["grid"]) == next(
        point["error"] for point in fit["grid"] if fit["failure"].items() <= point.items()
    )


def test_the_money_of_the_fit_is_what_the_record_shows():
    text = files("liquidarium.experiments").joinpath("data/fits/keepers/black-thursday.json").read_text()
    capital = revealed_capital(EARLY, EPISODE.bids[EPISODE.bids.auction < len(EARLY)])
    assert [row["peak_dai"] for row in json.loads(text)["bidders"]] == pytest.approx(
        capital.peak_dai.tolist()
    )


def test_shares_are_counted_by_group_with_intervals_over_seeds():
    labels, real = np.array(["a", "a", "b"]), np.array([True, False, False])
    simulated = np.array([[True, True, False], [True, False, False]])
    rows = shares(labels, ("a", "b"), real, simulated, np.tile(labels, (2, 1)))
    assert [(r.real, r.simulated, r.kicks) for r in rows] == [(0.5, 0.75, 2), (0.0, 0.0, 1)]
    assert [r.hit for r in rows] == [False, True]
    assert error(rows) == pytest.approx(0.25 * 2 / 3)
    assert error(rows, 0.5) == pytest.approx(0.5 / 3)


def test_a_paired_difference_is_tested_on_pairs():
    first, second = np.array([0.5, 0.7, 0.6, 0.9]), np.array([0.1, 0.3, 0.2, 0.4])
    d = paired_difference(first, second)
    assert d.mean == pytest.approx(0.425)
    assert d.low > 0.3
    assert d.p_value < 0.001


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["protocol.kind=aave-v2", "protocol.collateral={}"], "protocol"),
        (["borrowers.episode=may-2021"], "has no kicks; allowed: black-thursday"),
        (["borrowers.until=2020-03-12T02:00:00Z"], "no kick"),
        (["borrowers.until=2020-03-12T15:00:00"], "no time zone"),
        (["agents.1.parameters.gas_headroom=0.5"], "gas_headroom"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket("black-thursday", 1, changes)


@pytest.mark.parametrize("changes", [["borrowers.until=2020-03-12T15:00:00Z"], ["protocol.kind=maker"]])
def test_a_backtest_needs_the_whole_day_sold_by_bids(changes):
    with pytest.raises(ScenarioError, match="allowed"):
        backtest_auctions(load_scenario("black-thursday", changes), 1)


@pytest.mark.replay
def test_the_clip_sells_next_to_nothing_for_nothing_and_the_flip_a_large_part():
    """MODEL 9.5: flip >> clip. Three seeds show the size; the interval needs the twenty of the page."""
    report = backtest_auctions("black-thursday", 3)
    assert max(report.near_zero["clip"]) < 0.005
    assert report.difference.mean > 0.1
    assert report.difference.low < report.difference.mean < report.difference.high
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["hits"] >= 0
    assert "kicks from 15:00 on, scored" in report.to_text()


def test_an_episode_without_liquidations_cannot_score_a_lending_scenario():
    data = load_scenario("black-thursday").model_dump(mode="python", exclude_unset=True)
    data["borrowers"] = {"law": "may-2021", "count": 10}
    with pytest.raises(ScenarioError, match=r"prices.episode = 'black-thursday'; allowed: may-2021"):
        recorded_episode(validate(data))
