"""Ajna in the running world: lenders follow the market, bots stake bonds and take, money is conserved."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.scenarios.loading import validate
from liquidarium.experiments.world.cost_table import PARTS, cost_table
from liquidarium.protocols.lending.ajna.pool import AjnaPool

AJNA = "protocol.kind=ajna"
LONG = (
    "clock.start=2021-05-19T10:00:00Z",
    "clock.duration_s=36000",
    "clock.block_time_s=60",
    "borrowers.reaction_scale=0",
)
"""Ten hours: an auction needs six to come down to the market."""


@pytest.fixture(scope="module")
def finished():
    model = LiquidationMarket(load_scenario("quickstart", (AJNA, *LONG)), 3, collect_every=0)
    model.run()
    return model


def test_quickstart_runs_and_repeats():
    runs = [run(load_scenario("quickstart", (AJNA,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 10
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def test_auctions_are_taken_at_the_market_about_six_hours_after_the_kick(finished):
    pool, sales = finished.lending.pool, finished.recorder.sales
    assert isinstance(pool, AjnaPool)
    assert len(finished.recorder.liquidations) > 20
    assert len(sales) > 10
    assert sales[0][7] > 5.5 * 3600  # the first sale's time, s
    assert not finished.conservation.residual.any()
    assert (finished.ledger.balances[1:] >= 0).all()


def test_bonds_are_staked_by_bots_and_their_fate_is_in_the_costs(finished):
    costs = cost_table(finished)
    assert not (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).any()
    pool = finished.lending.pool
    kickers = {lot.kicker for lot in pool.lots.values()}
    assert kickers
    staked = sum(units for bot in finished.bots for _, units in pool.held_for(bot.account))
    in_books = sum(book.bonds for book in pool.books.values()) // 10**12
    assert staked == pytest.approx(in_books, abs=len(pool.lots) + 1)
    bonds = costs[costs.kind == "chore"]
    assert len(bonds) > 5
    assert (
        bonds.liquidator_net.abs().max() < 0.03 * max(row[11] for row in finished.recorder.liquidations) * 1e6
    )


def test_bots_without_money_for_a_bond_do_not_kick():
    groups = ("fast-bots", "flash-bots", "searcher")
    gas = "chain.gas={kind='constant', price_gwei=1.0}"
    largest = {}
    for capital_usd in (3_000, 300_000):
        poor = (f"agents.{group}.capital_usd={capital_usd}" for group in groups)
        model = LiquidationMarket(load_scenario("quickstart", (AJNA, gas, *poor)), 3, collect_every=0)
        model.run()
        largest[capital_usd] = max(row[11] for row in model.recorder.liquidations)
    assert largest[3_000] < 3_000 / model.lending.pool.stake_share < largest[300_000]


def test_it_runs_beside_another_protocol_in_one_market():
    data = load_scenario("quickstart").model_dump(exclude_unset=True)
    del data["protocol"]
    data["protocols"] = [{"kind": "ajna"}, {"kind": "aave-v2"}]
    model = LiquidationMarket(validate(data), 3, collect_every=0)
    model.run()
    assert {row[1] for row in model.recorder.liquidations} == {"ajna", "aave-v2"}
    assert not model.conservation.residual.any()


def test_debt_in_another_asset_than_cash_is_staked_and_returned():
    changes = ("protocol.kind=ajna", "protocol.debt=DAI", "borrowers.count=400", "clock.block_time_s=60")
    model = LiquidationMarket(load_scenario("may-2021", changes), 3, collect_every=0)
    model.run()
    costs = cost_table(model)
    assert (costs.kind == "chore").any()
    assert not (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).any()
    assert not model.conservation.residual.any()
    dai = model.ledger.asset_index["DAI"]
    assert not np.any(model.ledger.balances[[bot.account for bot in model.bots], dai])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("protocol.debt=ETH", "protocol.debt = 'ETH'; allowed: USDC"),
        ("protocol.lowest_bucket=0.99", r"protocol.lowest_bucket must be at most highest_bucket \(0.98\)"),
        ("protocol.highest_bucket=2.0", "liquidation threshold of ETH is"),
        ("protocol.lenders_share=0.5", "lenders_share"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket(load_scenario("quickstart", (AJNA, change)), 1)
