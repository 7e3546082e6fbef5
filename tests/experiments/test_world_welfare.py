"""What is gained by one is lost by another, and a bot's profit is what its account has more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.world.outcome import run_tables
from liquidarium.experiments.world.welfare import welfare_table

CRASH = ("clock.start=2021-05-19T13:00:00Z", "clock.duration_s=600")


def finished(seed, *overrides) -> tuple[LiquidationMarket, dict[str, pd.DataFrame]]:
    model = LiquidationMarket("quickstart", seed=seed, overrides=(*CRASH, *overrides))
    model.run()
    return model, run_tables(model)


def agent_capital(model, agent):
    """Return what each agent of the agent's group was given at the start, USD."""
    (group,) = (g for g in model.scenario.agents if agent.name in (g.name, *names_of(g)))
    return group.capital_usd


def names_of(group):
    return [f"{group.name}-{k}" for k in range(group.count)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gains_of_all_groups_sum_to_zero(seed):
    welfare = run("quickstart", seed, overrides=CRASH).tables["welfare"]
    gains = welfare.set_index("group").gain_usd
    assert {"borrowers", "lenders", "liquidators", "makers", "searchers", "traders", "validators"} <= set(
        gains.index
    )
    assert abs(gains.sum()) <= 1e-9 * gains.abs().sum()
    assert gains["validators"] > 0
    assert gains["lenders"] > 0, "interest"


def test_gains_in_mid_run_count_what_rests_in_the_books():
    """Funds of a maker's resting orders are the maker's, not the venue's."""
    model = LiquidationMarket("quickstart", seed=2, overrides=CRASH)
    resting = 0
    while model.running:
        model.step()
        resting += any(units for k in range(len(model.makers)) for _, units in model.floor.locked(k))
        gains = welfare_table(model, model.start_holdings).set_index("group").gain_usd
        assert abs(gains.sum()) <= 1e-9 * gains.abs().sum()
        for group, role in (("liquidators", "liquidator"), ("searchers", "searcher"), ("makers", "maker")):
            members = [a for a in model.world.deciders if a.role == role]
            assert gains[group] == pytest.approx(sum(model.gain_usd(a.account) for a in members), abs=1e-3)
            assert abs(gains[group]) < 0.2 * sum(agent_capital(model, a) for a in members)
    assert resting > 3


@pytest.mark.parametrize("seed", [1, 2, 6])
def test_profit_of_a_bot_is_what_its_account_has_gained(seed):
    """Profits by liquidation, less the gas of failed bids, are the change of the account's worth."""
    model, tables = finished(seed, "agents.searcher.count=0")
    done, bids = tables["liquidations"], tables["bids"]
    assert len(done) > 3
    failed = bids[(bids.kind == "liquidation") & ~bids.executed]
    for bot in model.bots:
        profit = (
            done.profit_usd[done.liquidator == bot.name].sum()
            - failed.gas_usd[failed.agent == bot.name].sum()
        )
        assert profit == pytest.approx(model.gain_usd(bot.account), abs=0.01)


def test_liquidation_rows_agree_with_the_bids_that_won():
    """Every liquidation has one executed bid, which paid the gas that the row says."""
    _, tables = finished(3)
    done, bids = tables["liquidations"], tables["bids"]
    won = bids[(bids.kind == "liquidation") & bids.executed]
    assert len(won) == len(done) > 0
    assert won.gas_usd.tolist() == done.gas_usd.tolist()
    assert won.account.tolist() == done.account.tolist()
    assert won.agent.astype(str).tolist() == done.liquidator.astype(str).tolist()
    assert won.block.tolist() == done.block.tolist()


def test_liquidation_rows_obey_the_rules_of_the_market():
    """Aave v2: health below 1, at most half of the debt, seized is repaid plus the bonus (MODEL 1.4)."""
    done = pd.concat(finished(seed)[1]["liquidations"] for seed in (1, 2, 3))
    assert (done.hf_before < 1.0).all()
    assert (done.t_eligible_s <= done.t_done_s).all()
    assert (done.t_eligible_s >= 0).all()
    bonus = {"ETH": 0.05, "BTC": 0.10}
    whole = done[done.repaid_usd > 100]
    for symbol, share in bonus.items():
        mine = whole[whole.collateral == symbol]
        assert np.allclose(mine.bonus_usd / mine.repaid_usd, share, atol=1e-4)
    assert (done.seized_usd - done.repaid_usd - done.bonus_usd).abs().max() < 1e-6


def test_snapshots_hold_every_borrower_with_a_position():
    model, tables = finished(1)
    positions = tables["positions"]
    assert positions.snapshot.unique().tolist() == [0, 1]
    last = positions[positions.snapshot == 1]
    assert last.debt_usd.sum() == pytest.approx(
        float(
            (model.lending.pool.positions.debt[:-1] @ model.lending.pool.weights(int(model.time_s))[1]).sum()
        )
    )
    exact = [model.lending.pool.health_factor(row, int(model.time_s)) / 1e18 for row in last.account[:50]]
    assert np.allclose(last.health_factor[:50], exact, rtol=2e-4)
