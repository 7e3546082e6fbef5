"""The fit sees nothing of 19 May 2021, and its response to prices is the lending rule's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from liquidarium.agents.population import draw_population
from liquidarium.experiments.backtest import fit_names, load_fit
from liquidarium.experiments.backtest.fit import fit_sizes
from liquidarium.experiments.backtest.fit_data import (
    CUTOFF_TS,
    DAY_S,
    SLOTS_PER_DAY,
    SLOTS_PER_HOUR,
    FitInputs,
    collateral_days,
)
from liquidarium.experiments.backtest.replay import LendingRule, ReplayAccounts, replay
from liquidarium.experiments.backtest.standalone import standalone_backtest
from liquidarium.experiments.backtest.wall import CENTRES, EDGES, WallLaw, wall_response
from liquidarium.experiments.episodes import load_episode

RULE = LendingRule((0.8,), (0.05,))


def bars(start, hours, price):
    ts = start + 3600 * np.arange(hours)
    path = np.asarray(price, dtype=float) * np.ones(hours)
    return pd.DataFrame({"ts": ts, "open": path, "high": path, "low": path, "close": path})


def events(ts):
    row = {"ts": ts, "user": "a", "collateral": "ETH", "debt": "USDC", "debt_usd": 1e5}
    return pd.DataFrame([row])


@pytest.mark.parametrize("late", ["events", "hourly", "fine"])
def test_a_stamp_on_the_day_is_refused_wherever_it_stands(late):
    """The day itself must not choose the law: 2021-05-19T00:00Z and later raises."""
    early = CUTOFF_TS - 10 * DAY_S
    tables = {"events": events(early), "hourly": bars(early, 240, 100.0), "fine": bars(early, 10, 100.0)}
    FitInputs(tables["events"], {"ETH": tables["hourly"]}, {"ETH": tables["fine"]})
    tables[late] = events(CUTOFF_TS) if late == "events" else bars(CUTOFF_TS, 1, 100.0)
    with pytest.raises(ValueError, match=r"before 2021-05-19 00:00Z"):
        FitInputs(tables["events"], {"ETH": tables["hourly"]}, {"ETH": tables["fine"]})


def account(health, alert=0.0, delay_slots=0.0, reset_slot=np.inf, reset_health=2.0):
    one = np.ones(1)
    return ReplayAccounts(
        collateral_usd=np.array([[health / 0.8]]),
        debt_usd=one.copy(),
        alert_level=alert * one,
        target_health=health * one,
        delay_slots=delay_slots * one,
        path_of=np.zeros(1, dtype=np.int64),
        reset_slot=reset_slot * one,
        reset_health=reset_health * one,
        reset_alert_level=0.0 * one,
    )


def path(*levels):
    return np.repeat(np.array(levels, dtype=float), SLOTS_PER_HOUR)[None, :, None]


def test_a_first_passage_repays_the_close_factor_once():
    repaid = replay(account(1.1), path(1.0, 0.9, 0.9), RULE, SLOTS_PER_HOUR)
    assert repaid[0, 0].tolist() == [0.0, 0.5, 0.0]


def test_a_deeper_fall_liquidates_the_same_account_again():
    """After half is repaid at HF 1 the health is 2 - LT (1 + b) = 1.16: another 14 % are needed."""
    repaid = replay(account(1.1), path(0.9, 0.8, 0.75), RULE, SLOTS_PER_HOUR)
    assert repaid[0, 0, 0] == 0.5
    assert repaid[0, 0, 1] == 0.0
    assert repaid[0, 0, 2] == pytest.approx(0.25)


def test_a_fast_borrower_is_saved_and_a_slow_one_is_not():
    prices = path(1.0, 0.95, 0.9)
    fast = replay(account(1.1, alert=1.06, delay_slots=3), prices, RULE, SLOTS_PER_HOUR)
    slow = replay(account(1.1, alert=1.06, delay_slots=30), prices, RULE, SLOTS_PER_HOUR)
    assert fast.sum() == 0
    assert slow.sum() == 0.5


def test_a_reset_can_bring_a_safe_account_into_reach():
    prices = path(1.0, 1.0, 0.9)
    assert replay(account(2.0), prices, RULE, SLOTS_PER_HOUR).sum() == 0
    reset = account(2.0, reset_slot=SLOTS_PER_HOUR + 1, reset_health=1.05)
    assert replay(reset, prices, RULE, SLOTS_PER_HOUR)[0, 0, 2] == 0.5


def test_collateral_caps_what_is_repaid():
    """An account seen only at 0.5 of its price has too little left: seized never exceeds what is held."""
    repaid = replay(account(1.1), path(0.3), RULE, SLOTS_PER_HOUR)
    assert repaid.sum() * 1.05 <= 1.1 / 0.8 * 0.3 + 1e-12


def test_age_of_a_level_is_the_time_since_the_price_was_there():
    start = CUTOFF_TS - 4 * DAY_S
    hourly = bars(start, 96, 100.0)
    hourly.loc[48, "low"] = 90.0
    days = collateral_days(FitInputs(events(start), {"ETH": hourly}, {}), "ETH", start)
    age = days.age_of_level(4, np.array([0.05, 0.2]))
    assert age[0] == pytest.approx(2.0, abs=0.05)
    assert age[1] > 3.9


def test_the_wall_is_full_where_the_price_has_not_been():
    law = WallLaw(sigma=1.0, memory_days=5.0)
    assert law.refilled(np.array([0.0, 5.0, 1e6])) == pytest.approx([0.0, 1 - np.exp(-1), 1.0])
    assert law.mass(np.array([0.0, 50.0])).sum() == pytest.approx(1.0)
    assert law.reaction_weights().sum() == pytest.approx(1.0)


def test_volume_of_a_fall_is_half_of_the_debt_passed():
    """Passive wall, small fall: repaid = close factor x share of debt within the fall."""
    start = CUTOFF_TS - 2 * DAY_S
    hourly = bars(start, 48, 100.0)
    hourly.loc[40:, ["open", "low", "close"]] = 100.0 * np.exp(-0.05)
    days = collateral_days(FitInputs(events(start + 5), {"ETH": hourly}, {}), "ETH", start)
    assert days.paths.shape == (2, SLOTS_PER_DAY)
    response = wall_response(days, 0.8, 0.05, 4)
    law = WallLaw(sigma=1.0)
    unit = response.per_unit_debt(law, response.mixed(law))
    assert unit[0].sum() == 0
    assert unit[1].sum() == pytest.approx(0.5 * law.mass(EDGES)[CENTRES < 0.05].sum(), rel=1e-9)


def test_debt_set_during_the_day_only_meets_later_falls():
    """One fall of 5 % at 16:00: of debt set evenly over the day, two thirds stand before it."""
    start = CUTOFF_TS - 2 * DAY_S
    hourly = bars(start, 48, 100.0)
    hourly.loc[40:, ["open", "low", "close"]] = 100.0 * np.exp(-0.05)
    days = collateral_days(FitInputs(events(start + 5), {"ETH": hourly}, {}), "ETH", start)
    passive = wall_response(days, 0.8, 0.05, 24).reset_repaid[1, :, 0, 0]
    assert passive == pytest.approx(np.where(CENTRES < 0.05, 0.5 * 16 / 24, 0.0))


def test_sizes_come_back_from_a_thinned_sample():
    """Fitting every fourth account of a known law recovers its large accounts."""
    fit = load_fit("may-2021")
    rng = np.random.default_rng(0)
    prices = {entry.symbol: 1.0 for entry in fit.law.collateral}
    debts = draw_population(fit.law, 10_000, 1e9, prices, rng).debt_usd.sum(axis=1)
    sample = np.sort(rng.choice(debts, 2500, replace=False))[::-1]
    law, facts = fit_sizes(sample, 1e9)
    assert facts["rms_log_error"] < 0.3
    ranks = np.array([20.0, 200.0, 2000.0])
    known, found = fit.law.size.weights(ranks), law.weights(ranks)
    assert found / found[1] == pytest.approx(known / known[1], rel=0.4)


def test_the_packaged_fit_rests_on_earlier_days_and_says_how():
    fit = load_fit("may-2021")
    assert fit.window["end_exclusive"] <= "2021-05-19T00:00Z"
    assert [entry.symbol for entry in fit.law.collateral] == ["ETH", "BTC", "LINK", "AAVE"]
    assert sum(fit.debt_usd.values()) == pytest.approx(fit.total_debt_usd, abs=5)
    assert set(fit.law.debt_mix) == {"USDC", "USDT", "DAI"}
    assert fit.obtained
    with pytest.raises(KeyError, match="may-2021"):
        load_fit("never")
    assert fit_names() == ["may-2021"]


def test_standalone_replay_liquidates_in_the_hours_of_the_crash():
    volume = standalone_backtest(load_episode("may-2021"), load_fit("may-2021"), 2000, [0, 1])
    assert volume.shape == (2, 24)
    assert (volume[:, 11:14].sum(axis=1) > 0.5 * volume.sum(axis=1)).all()
