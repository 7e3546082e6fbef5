"""How a venue closes positions, and who stands on the other side: icebergs, auctions, vaults, a crowd."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs import RunResult
from liquidarium.experiments.runs.margin_check import check_margin
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.world.outcome import run_tables

CRASH = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=900",
    "venues.perps.traders.count=300",
    "borrowers.count=50",
)
"""Fifteen minutes in which the price falls by a fifth."""

POOR = ("venues.perps.insurance_fund_usd=1000", "venues.perps.mark={kind='model'}")
ICEBERG = "venues.perps.liquidation.execution={kind='iceberg', horizon_s=60, shown_usd=20000}"
AUCTION = "venues.perps.liquidation.execution={kind='auction', fast_s=20, slow_s=120, insolvent_s=60}"
BIDDERS = "agents.bidders={kind='position-bidder', count=3, capital_usd=5e6, inventory_usd={ETHPERP=5e6}}"
TRADING = "venues.perps.traders.trading={decisions_per_hour=6, newcomers=50}"
BACKSTOP = "venues.perps.backstop={capital_usd=2_000_000}"
SKEWED = "venues.perps.backstop={capital_usd=2_000_000, unload={kind='skewed'}}"
VOLUME = "venues.perps.backstop={capital_usd=2_000_000, unload={kind='volume', participation=0.5}}"


def market(*changes: str, seed: int = 3) -> LiquidationMarket:
    model = LiquidationMarket("perp-crash", seed=seed, overrides=[*CRASH, *changes], collect_every=0)
    model.run()
    return model


def crash(*changes: str, seed: int = 3) -> RunResult:
    return run("perp-crash", seed, overrides=[*CRASH, *changes])


@pytest.mark.parametrize(
    "changes",
    [
        (ICEBERG,),
        (*POOR, ICEBERG),
        (*POOR, ICEBERG, SKEWED, TRADING),
        (AUCTION, BIDDERS),
        (*POOR, AUCTION, BIDDERS, VOLUME, TRADING),
        (ICEBERG, "venues.perps.breaker={parameters={width=0.02, limit_s=4, pause_s=60}}"),
        (*POOR, "venues.perps.deleveraging=mirror-descent"),
        (TRADING, "venues.perps.funding.interval_s=60"),
        (VOLUME,),
        (SKEWED,),
    ],
    ids=lambda changes: "-".join(c.split("=")[0].split(".")[-1] for c in changes)[:60],
)
def test_no_unit_is_lost_and_every_decision_follows_from_its_inputs(changes):
    model = market(*changes)
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert not venue.residual().any()
    assert not any(map(len, venue.closing.resting))
    assert venue.accounts.balances[venue.fund] >= 0
    check_margin(RunResult(model.scenario, model.root_seed, run_tables(model), {}))
    model.close()


CROSS = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=600",
    "venues.perps.traders.count=400",
    "borrowers.count=50",
)
"""Ten minutes of two perpetuals in which the price falls by a fifth."""

CROSS_BIDDERS = BIDDERS.replace("{ETHPERP=5e6}", "{ETHPERP=5e6, BTCPERP=5e6}")


@pytest.mark.parametrize(
    "changes",
    [
        (*POOR, ICEBERG, TRADING, SKEWED),
        (*POOR, AUCTION, CROSS_BIDDERS, VOLUME, "venues.perps.deleveraging=mirror-descent"),
        (ICEBERG, TRADING, "venues.perps.margin=isolated"),
    ],
    ids=("iceberg", "auction", "isolated"),
)
def test_no_unit_is_lost_in_several_contracts(changes):
    model = LiquidationMarket("cross-crash", seed=3, overrides=[*CROSS, *changes], collect_every=0)
    model.run()
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert not venue.residual().any()
    check_margin(RunResult(model.scenario, model.root_seed, run_tables(model), {}))
    model.close()


def test_an_iceberg_costs_less_than_market_orders_and_takes_longer():
    at_once, resting = crash(), crash(ICEBERG)
    cost = [
        (r.margin_liquidations["slippage_usd"].sum() / r.margin_liquidations["closed_usd"].sum())
        for r in (at_once, resting)
    ]
    assert cost[1] < cost[0]
    times = [
        (r.margin_liquidations["t_done_s"] - r.margin_liquidations["t_s"]).median()
        for r in (at_once, resting)
    ]
    assert times[1] > times[0]
