"""Euler v2 in the running world: bots use it, lenders bear losses, no money is made or lost."""

from __future__ import annotations

import pytest
from liquidarium.experiments.check import check
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.protocols.lending.euler.pool import EulerPool

EULER = "protocol.kind=euler-v2"
STALE = (
    "oracle.deviation=0.25",
    "clock.start=2021-05-19T12:00:00Z",
    "clock.duration_s=5400",
    "borrowers.reaction_scale=0",
)
"""An oracle that reports late, and borrowers who do nothing: accounts become insolvent unseen."""


def test_quickstart_runs_liquidates_and_repeats():
    runs = [run(load_scenario("quickstart", (EULER,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 20
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def test_the_bonus_is_the_shortfall_of_each_account():
    """MODEL 1.6: small discounts at once, none above the cap."""
    done = run(load_scenario("quickstart", (EULER, "protocol.max_discount=0.1")), 3).liquidations
    bonus = done.seized_usd / done.repaid_usd - 1.0
    assert bonus.max() <= 1 / 0.9 - 1 + 1e-6
    assert bonus.min() < 0.05
    assert bonus.nunique() > 10


def test_lenders_bear_what_insolvent_accounts_leave_unpaid():
    model = LiquidationMarket(load_scenario("quickstart", (EULER, *STALE)), 1, collect_every=0)
    model.run()
    pool = model.lending.pool
    assert isinstance(pool, EulerPool)
    assert pool.deficit().any()
    assert not model.conservation.residual.any()
    assert (model.ledger.balances[1:] >= 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("protocol.ltv.USDC=0.86", "protocol.ltv.USDC is not an asset whose price moves; allowed: ETH, BTC"),
        ("protocol.rate_at_full=0.01", "protocol.rate_at_full must be at least rate_at_kink"),
        ("protocol.ltv.BTC=0.0", "liquidation threshold of BTC is 0"),
        ("protocol.max_discount=1", "max_discount"),
        ("protocol.interest_fee=0.05", "protocol.interest_fee = 0.05; Euler v2: E_BadFee; allowed: 0.1 to 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket(load_scenario("quickstart", (EULER, change)), 1)


def test_an_unsafe_fee_runs_when_asked_for():
    changes = ("protocol.interest_fee=0.0", "protocol.unsafe=true", "clock.duration_s=600")
    model = LiquidationMarket(load_scenario("quickstart", (EULER, *changes)), 1)
    assert model.lending.pool.parameters.interest_fee == 0


def test_a_discount_that_starts_at_nothing_is_not_toxic_at_the_trigger():
    codes = {finding.code for finding in check(load_scenario("quickstart", (EULER,)), 1)}
    assert "toxic-at-trigger" not in codes
