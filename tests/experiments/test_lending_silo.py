"""Silo v2 in the running world: bots restore the target, no money is made or lost."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario

SILO = "protocol.kind=silo"


def test_quickstart_runs_liquidates_and_repeats():
    runs = [run(load_scenario("quickstart", (SILO,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 20
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def test_a_liquidation_restores_the_target_with_the_fee():
    """MODEL 1.10: health after is the threshold over the target, 1 / 0.9, with collateral at 105 %."""
    done = run(load_scenario("quickstart", (SILO,)), 3).liquidations
    bonus = done.seized_usd / done.repaid_usd - 1.0
    partial = done[(done.hf_after > 0) & (done.hf_after < 10)]
    assert bonus.max() <= 0.05 + 1e-6
    assert partial.hf_after.median() == pytest.approx(1 / 0.9, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("protocol.lt.USDC=0.86", "protocol.lt.USDC is not an asset whose price moves; allowed: ETH, BTC"),
        ("protocol.rate_at_full=0.01", "protocol.rate_at_full must be at least rate_at_kink"),
        ("protocol.liquidation_fee=0.2", "protocol.lt.ETH: Silo v2: InvalidLt"),
        ("protocol.target_ltv=1.1", "target_ltv"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket(load_scenario("quickstart", (SILO, change)), 1)


def test_an_unsafe_fee_runs_when_asked_for():
    changes = ("protocol.liquidation_fee=0.2", "protocol.unsafe=true", "clock.duration_s=600")
    model = LiquidationMarket(load_scenario("quickstart", (SILO, *changes)), 1)
    assert model.lending.pool.bonus.max() == pytest.approx(0.2)
