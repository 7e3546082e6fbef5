"""Aave v4's liquidations in the running world: small bonuses first, the target met, no money made or lost."""

from __future__ import annotations

import pytest
from liquidarium.experiments.check import check
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario

V4 = "protocol.kind=aave-v4-style"


def test_quickstart_runs_liquidates_and_repeats():
    runs = [run(load_scenario("quickstart", (V4,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 20
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def test_bonus_grows_from_its_smallest_and_the_target_is_met():
    done = run(load_scenario("quickstart", (V4, "protocol.protocol_fee=0.0")), 3).liquidations
    ether = done[done.collateral == "ETH"]
    bonus = ether.seized_usd / ether.repaid_usd - 1.0
    assert 0.025 - 1e-6 <= bonus.min() < bonus.max() <= 0.05 + 1e-6
    assert done.hf_after[(done.hf_after > 1.0) & (done.hf_after < 10.0)].median() == pytest.approx(
        1.05, abs=1e-3
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("protocol.target_health_factor=0.9", "target_health_factor"),
        ("protocol.full_bonus_at=1", "full_bonus_at"),
        ("protocol.reserves.ETH.bonus=0.3", "protocol.reserves.ETH: .*toxic bonus"),
        ("protocol.close_factor=0.5", "close_factor"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket(load_scenario("quickstart", (V4, change)), 1)


def test_what_is_lost_at_the_trigger_is_the_smallest_bonus():
    changes = (V4, "protocol.reserves.ETH.bonus=0.25", "protocol.unsafe=true", "protocol.bonus_factor=0.1")
    codes = {finding.code for finding in check(load_scenario("quickstart", changes), 1)}
    assert "toxic-at-trigger" not in codes
