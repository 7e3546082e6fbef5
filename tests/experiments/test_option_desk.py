"""A venue for options in small: money is conserved, hedging works, portfolio margin closes who is unsafe."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from liquidarium.agents.strategies.option_maker import OptionMaker
from liquidarium.experiments.options import DeskPlan, Push, run_desk
from liquidarium.protocols.margin.marks import HybridMark, LastTradeMark, MidMark, ModelMark

SHORT = DeskPlan(horizon_days=3.0, step_s=7_200.0, days=(2, 9))


class Cliff:
    """A price that stands at 50,000 and after a day and a half at 38,000."""

    symbols = ("BTC",)

    def path(self, times_s, streams):
        return np.where(np.asarray(times_s) < 1.5 * 86_400, 50_000.0, 38_000.0)[:, None]


@pytest.fixture(scope="module")
def crash():
    return run_desk(replace(SHORT, prices=Cliff(), customers=30, collateral_usd=10_000, arrivals=500.0), 2)


def test_no_unit_of_cash_is_made_or_lost(crash):
    assert (crash.steps.conservation_error == 0).all()
    assert crash.steps.open_lots.max() > 0


def test_same_seed_same_tables():
    first, again = run_desk(SHORT, 3), run_desk(SHORT, 3)
    pd.testing.assert_frame_equal(first.steps, again.steps)
    assert not first.steps.equals(run_desk(SHORT, 4).steps)


def test_expired_options_are_held_by_nobody():
    done = run_desk(replace(SHORT, days=(1, 2)), 1)
    assert done.steps.open_lots[done.steps.time_s < 86_400].max() > 0
    assert done.steps.open_lots[done.steps.time_s >= 2 * 86_400].max() == 0


def test_a_hedged_maker_earns_its_spread_and_an_unhedged_one_gambles():
    gains = {}
    for band in (0.0, math.inf):
        plan = replace(SHORT, maker=OptionMaker(delta_band=band))
        runs = [run_desk(plan, seed).steps.iloc[-1] for seed in range(6)]
        gains[band] = np.array([last.maker_gain_usd for last in runs])
        if band == 0.0:
            earned = np.array([last.spread_usd - last.hedge_cost_usd for last in runs])
    assert gains[0.0].std() < 0.3 * gains[math.inf].std()
    assert np.abs(gains[0.0] - earned).mean() < 0.5 * earned.mean()


def test_a_fall_liquidates_who_is_below_maintenance_and_the_fund_pays_what_they_owe(crash):
    found = crash.liquidations
    assert len(found) > 0
    assert (found.time_s >= 1.5 * 86_400).all()
    assert (found.equity_usd < found.maintenance_usd).all()
    assert found.deficit_usd.sum() > 0.0
    assert (found.deficit_usd[found.equity_usd > 1_000.0] == 0.0).all()


def test_a_pushed_book_liquidates_sellers_by_its_last_or_mid_and_not_by_model_or_hybrid():
    false = {}
    push = Push(option=14, from_s=86_400.0, to_s=1.5 * 86_400, factor=5.0)
    busy = replace(SHORT, customers=20, collateral_usd=10_000, arrivals=500.0, push=push)
    for mark in (LastTradeMark(), MidMark(), ModelMark(), HybridMark(5_000.0, 100_000.0)):
        done = run_desk(replace(busy, mark=mark), 2)
        found = done.liquidations
        pushed = (found.time_s >= push.from_s) & (found.time_s < push.to_s)
        false[type(mark).__name__] = int((pushed & (found.model_equity_usd > found.maintenance_usd)).sum())
        assert (done.steps.conservation_error == 0).all()
        assert done.steps.manipulator_gain_usd.iloc[-1] < 0.0
    assert false["LastTradeMark"] > 0
    assert false["MidMark"] > 0
    assert false["ModelMark"] == false["HybridMark"] == 0


def test_a_push_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="factor above 1"):
        Push(option=0, from_s=0.0, to_s=1.0, factor=0.5)
