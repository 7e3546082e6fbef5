"""Euler v1 in the running world: the discount pays the fee first, no money is made or lost."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario

V1 = "protocol.kind=euler-v1"


def test_quickstart_runs_liquidates_and_repeats():
    runs = [run(load_scenario("quickstart", (V1,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 20
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def test_the_fee_is_the_protocols_and_not_the_liquidators():
    """MODEL 1.6: borrowers lose the discount; 2 % of the debt of it goes to the reserves."""
    result = run(load_scenario("quickstart", (V1,)), 3)
    done, costs = result.liquidations, result.costs
    revenue = costs[costs.kind == "call"].protocol_revenue.to_numpy() / 1e6
    assert revenue == pytest.approx(0.02 * done.repaid_usd.to_numpy(), rel=1e-4, abs=1e-4)
    lost = done.seized_usd - done.repaid_usd
    assert (lost - done.bonus_usd).to_numpy() == pytest.approx(revenue, abs=1e-4)
    assert (lost / done.seized_usd).min() > 0.02 - 1e-6
    assert (lost / done.seized_usd).max() <= 0.2 + 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "protocol.collateral_factor.USDC=0.9",
            "protocol.collateral_factor.USDC is not an asset whose price",
        ),
        ("protocol.target_health=1.5", "protocol.target_health = 1.5; Euler v1: a constant; allowed: 1.25"),
        ("protocol.socialize_debt=true", "socialize_debt"),
        ("protocol.borrow_factor=0", "borrow_factor"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket(load_scenario("quickstart", (V1, change)), 1)


def test_funded_liquidators_get_more():
    plain, funded = (
        run(load_scenario("quickstart", (V1, f"protocol.liquidator_funding={share}")), 3).liquidations
        for share in (0, 1)
    )
    assert (funded.bonus_usd / funded.repaid_usd).mean() > (plain.bonus_usd / plain.repaid_usd).mean() + 0.015
