"""Fluid in the running world: ranges liquidated in one call, the worst absorbed, no money made or lost."""

from __future__ import annotations

import pytest
from liquidarium.experiments.check import check
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.world.recorder import REPAID
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.lending.fluid.pool import FluidPool

FLUID = "protocol.kind=fluid"
STALE = (
    "oracle.deviation=0.25",
    "clock.start=2021-05-19T12:00:00Z",
    "clock.duration_s=5400",
    "borrowers.reaction_scale=0",
)
"""An oracle that reports late, and borrowers who do nothing: accounts jump over the limit."""


def test_quickstart_runs_liquidates_and_repeats():
    runs = [run(load_scenario("quickstart", (FLUID,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 20
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def test_one_call_serves_more_than_the_account_it_names():
    """Fewer calls than accounts met: those too small for gas are served with the others."""
    model = LiquidationMarket(
        load_scenario("quickstart", (FLUID, "borrowers.count=3000")), 3, collect_every=0
    )
    pool = model.lending.pool
    assert isinstance(pool, FluidPool)
    met: set[int] = set()
    follow = pool.crowd.follow

    def watched(pair, done):
        for part in done.merged:
            met.update(pool.crowd.members[pair, part.number].tolist())
        return follow(pair, done)

    pool.crowd.follow = watched
    model.run()
    done = model.recorder.liquidations
    assert len(met) > 2 * len(done) > 0
    assert not any(pool.health_factor(row, int(model.time_s)) < WAD for row in list(met)[:50])


def test_a_call_may_cost_more_than_the_account_it_names_owes():
    model = LiquidationMarket(load_scenario("quickstart", (FLUID,)), 3, collect_every=0)
    pool, beyond = model.lending.pool, []
    call = pool.liquidate

    def watched(row, collateral, debt, cover, liquidator, now_s):
        owed = pool.debt_units(row, debt, now_s)
        called = call(row, collateral, debt, cover, liquidator, now_s)
        beyond.append(called.debt_repaid + called.debt_fee > 2 * owed)
        return called

    pool.liquidate = watched
    model.run()
    assert any(beyond)


def test_accounts_too_small_for_gas_are_liquidated_with_the_others():
    """Three thousand of two thousand dollars each: 1 % of one is less than the gas of a call."""
    small = (FLUID, "borrowers.count=3000", "borrowers.total_debt_usd=6e6")
    repaid = []
    for batched in (True, False):
        model = LiquidationMarket(load_scenario("quickstart", small), 3, collect_every=0)
        model.lending.pool.batched = batched
        model.run()
        repaid.append(sum(row[REPAID] for row in model.recorder.liquidations))
    assert repaid[0] > 2 * repaid[1]


def test_nobody_is_warned_of_accounts_too_small_for_gas():
    codes = {finding.code for finding in check(load_scenario("quickstart", (FLUID,)), 1)}
    assert "gas-dearer-than-reward" not in codes


def test_accounts_that_jump_over_the_limit_are_absorbed():
    model = LiquidationMarket(load_scenario("quickstart", (FLUID, *STALE)), 1, collect_every=0)
    model.run()
    pool = model.lending.pool
    assert isinstance(pool, FluidPool)
    assert any(vault.absorbed_debt for vault in pool.crowd.vaults.values())
    assert pool.deficit().any()
    assert not model.conservation.residual.any()
    assert (model.ledger.balances[1:] >= 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "protocol.penalty=0.05",
            "vault of ETH: Fluid: max_limit and penalty together must be at most 99.7%",
        ),
        ("protocol.max_limit.ETH=0.9", "vault of ETH: Fluid: liquidation_threshold must be below max_limit"),
        ("protocol.liquidation_threshold.USDC=0.9", "liquidation_threshold.USDC is not an asset whose price"),
        ("protocol.rate_at_full=0.01", "protocol.rate_at_full must be at least rate_at_kink"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket(load_scenario("quickstart", (FLUID, change)), 1)


def test_an_unsafe_penalty_runs_when_asked_for():
    changes = ("protocol.penalty=0.05", "protocol.unsafe=true", "clock.duration_s=600")
    model = LiquidationMarket(load_scenario("quickstart", (FLUID, *changes)), 1)
    assert model.lending.pool.bonus.max() == pytest.approx(0.05)
