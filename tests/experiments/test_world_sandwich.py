"""Sandwiches around liquidations that sell in a pool (MODEL 3.8, CASES X02), in a running world."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.scenarios import ScenarioError
from liquidarium.experiments.world.cost_table import PARTS
from liquidarium.experiments.world.execution import Liquidation, PoolSandwich
from liquidarium.experiments.world.outcome import run_tables
from liquidarium.market.pools.analytics import sandwich

BASE = (
    "clock.start=2021-05-19T12:50:00Z",
    "clock.duration_s=1800",
    "agents.fast-bots.count=0",
    "agents.searcher.parameters={sandwiches=3, copies=0, min_profit_usd=20, arbitrage_share=0.5, "
    "liquidation={min_profit_usd=1e12}}",
    "agents.searcher.inventory_usd={ETH=2e7, BTC=2e7}",
    "chain.block_gas_limit=30_000_000",
    "chain.gas={kind='constant', price_gwei=20}",
)


def victims(**parameters) -> str:
    given = "".join(f", {key}={value}" for key, value in parameters.items())
    return (
        "agents.flash-bots={kind='liquidator', name='flash-bots', count=2, latency_ms=400, capital_usd=5e6, "
        f"parameters={{exit='pool', bid_share=0.02{given}}}}}"
    )


def followed(world: LiquidationMarket) -> list[dict]:
    """Run; return what every sandwich whose victim came between its two trades did to the pool."""
    done, run, open_ = [], world.builder.run, {}

    def keep(candidate):
        action = candidate.action
        trade = getattr(action, "__self__", None)
        asset = trade.intent.asset if isinstance(trade, PoolSandwich) else None
        if isinstance(action, Liquidation):
            asset = action.intent.opportunity.collateral
        before = world.pools[asset].reserves if asset in world.pools else None
        used = run(candidate)
        if candidate.kind == "front-run" and not used[2]:
            open_[asset] = {"before": before, "tokens": trade.intent.tokens}
        elif isinstance(action, Liquidation) and not used[2] and asset in open_:
            after = world.pools[asset].reserves
            open_[asset] |= {
                "victim": action.intent,
                "in": (after[0] - before[0]) / world.assets[asset].unit,
                "out": (before[1] - after[1]) / world.assets[world.quote].unit,
            }
        elif candidate.kind == "back-run" and not used[2]:
            after = world.pools[asset].reserves
            found = open_.pop(asset)
            found["gain"] = (before[0] - after[0]) / world.assets[asset].unit - found["tokens"]
            found["asset"], found["before"] = (
                asset,
                tuple(
                    r / world.assets[a].unit
                    for r, a in zip(found["before"], (asset, world.quote), strict=True)
                ),
            )
            done.append(found)
        return used

    world.builder.run = keep
    world.run()
    return done


@pytest.mark.parametrize(
    "chain",
    [
        ("chain.inclusion=priority-fee",),
        ("chain.inclusion=priority-gas-auction", "agents.flash-bots.count=1"),  # nobody makes it raise
        ("chain.inclusion=time-boost", "chain.boost_ms=2000", "chain.boost_half_gwei=200"),
    ],
    ids=lambda chain: chain[0].split("=")[1],
)
def test_a_victim_gets_the_least_that_it_accepts_and_the_searcher_what_the_closed_form_says(chain):
    """Its limit counts from the price when it was sent, and binds (X02, with the pool's fee)."""
    world = LiquidationMarket(
        "quickstart", 7, (*BASE, victims(fixed_limit="true", max_slippage=0.05), *chain)
    )
    hit = [s for s in followed(world) if "victim" in s]
    assert len(hit) > 2
    for s in hit:
        limit = s["in"] * s["victim"].limit_price_usd * 0.95
        assert s["out"] >= limit * (1 - 1e-9), "never less than it accepts"
        plan = sandwich(*s["before"], s["in"], limit, 0.003)
        assert s["tokens"] == pytest.approx(plan.front_run, rel=0.02)
        assert s["out"] == pytest.approx(limit, rel=1e-3)
        assert s["gain"] == pytest.approx(plan.profit, rel=0.03)
        assert s["gain"] > 0
    assert world.conservation.error_usd(world.oracle_prices) == 0.0
    costs = run_tables(world)["costs"]
    assert not (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).any()


def test_a_limit_that_counts_from_what_is_found_lets_searchers_take_all_they_can():
    """The stock bounds the front-run, and the loss of the victim grows with it."""
    loose = followed(LiquidationMarket("quickstart", 7, (*BASE, victims(max_slippage=0.02))))
    hit = [s for s in loose if "victim" in s]
    assert hit
    first = hit[0]
    price = first["before"][1] / first["before"][0]
    assert first["out"] < 0.8 * first["in"] * price, "20 million in a pool of 50"


def test_a_tight_limit_leaves_nothing_to_take():
    world = LiquidationMarket("quickstart", 7, (*BASE, victims(fixed_limit="true", max_slippage=0.004)))
    assert not [s for s in followed(world) if "victim" in s]
    bids = run_tables(world)["bids"]
    assert bids.reason.str.contains("INSUFFICIENT_OUTPUT_AMOUNT").any(), (
        "the pool had fallen since it was sent"
    )


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("chain.inclusion=random",), "no price puts a trade before another"),
        (("chain.inclusion=first-come",), "who has seen a transaction comes after it"),
        (("chain.inclusion=sealed-bundle",), "nobody sees what others send"),
        (("agents.searcher.inventory_usd={}",), "needs a stock to sell: agents.searcher.inventory_usd"),
        (("agents.searcher.inventory_usd={DOGE=1.0}",), "inventory_usd.DOGE is no asset; allowed: ETH, BTC"),
        (("agents.searcher.inventory_usd={ETH=-1.0}",), "ETH = -1; allowed: a number from 0"),
        (("agents.searcher.parameters.sandwiches=-1",), "sandwiches must not be negative, got -1"),
        (("agents.flash-bots.parameters.exit=book",), "fixed_limit needs exit = 'pool'"),
    ],
)
def test_a_sandwich_that_nobody_could_make_is_refused(overrides, words):
    with pytest.raises(ScenarioError, match=words) as error:
        LiquidationMarket("quickstart", 7, (*BASE, victims(fixed_limit="true"), *overrides))
    assert "\n" not in str(error.value)


def test_where_time_is_bought_a_searcher_that_is_too_far_behind_does_not_try():
    slow = (*BASE, victims(fixed_limit="true", max_slippage=0.05), "chain.inclusion=time-boost")
    world = LiquidationMarket("quickstart", 7, (*slow, "agents.searcher.latency_ms=600"))  # a boost of 500
    assert not followed(world)
