"""Morpho Blue in the running world: bots use it, lenders bear losses, no money is made or lost."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.protocols.lending.morpho.pool import MorphoPool

MORPHO = "protocol.kind=morpho-blue"
STALE = (
    "oracle.deviation=0.25",
    "clock.start=2021-05-19T12:00:00Z",
    "clock.duration_s=5400",
    "borrowers.reaction_scale=0",
)
"""An oracle that reports late, and borrowers who do nothing: accounts become insolvent unseen."""


def test_quickstart_runs_liquidates_and_repeats():
    runs = [run(load_scenario("quickstart", (MORPHO,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 20
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def test_bonus_follows_from_the_threshold():
    """CASES L24: 4.38 % at 86 %."""
    done = run(load_scenario("quickstart", (MORPHO,)), 3).liquidations
    assert (done.seized_usd / done.repaid_usd - 1.0).to_numpy() == pytest.approx(0.043841336, abs=1e-5)


def test_lenders_bear_what_insolvent_accounts_leave_unpaid():
    model = LiquidationMarket(load_scenario("quickstart", (MORPHO, *STALE)), 1, collect_every=0)
    model.run()
    pool = model.lending.pool
    assert isinstance(pool, MorphoPool)
    assert pool.deficit().any()
    for account in pool._shares:
        if not pool.positions.collateral[account].any():
            assert not pool.positions.debt[account].any(), "no collateral, so no debt either"
    assert not model.conservation.residual.any()
    assert (pool.positions.amounts >= 0).all()
    assert (model.ledger.balances[1:] >= 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "protocol.lltv.ETH=0.5",
            "protocol.lltv.ETH = 0.5; Morpho Blue: LLTV not enabled; allowed: 0, 0.385",
        ),
        (
            "protocol.lltv.USDC=0.86",
            "protocol.lltv.USDC is not an asset whose price moves; allowed: ETH, BTC",
        ),
        ("protocol.fee=0.3", "protocol.fee = 0.3; Morpho Blue: max fee exceeded; allowed: at most 0.25"),
        ("protocol.liquidation_cursor=0.5", "protocol.liquidation_cursor = 0.5; Morpho Blue"),
        ("protocol.max_incentive_factor=1.2", "protocol.max_incentive_factor = 1.2; Morpho Blue"),
    ],
)
def test_setting_that_the_contract_refuses_is_refused_with_its_rule(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket(load_scenario("quickstart", (MORPHO, change)), 1)


def test_unsafe_settings_run_when_asked_for():
    changes = ("protocol.lltv.ETH=0.5", "protocol.max_incentive_factor=1.3", "protocol.unsafe=true")
    scenario = load_scenario("quickstart", (MORPHO, *changes, "clock.duration_s=600"))
    model = LiquidationMarket(scenario, 1)
    assert model.lending.pool.bonus[0] == pytest.approx(1 / 0.85 - 1, abs=1e-5)


def test_collateral_without_a_market_is_refused_by_name():
    with pytest.raises(ScenarioError, match="liquidation threshold of BTC is 0"):
        LiquidationMarket(load_scenario("quickstart", (MORPHO, "protocol.lltv.BTC=0.0")), 1)
