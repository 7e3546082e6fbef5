"""An inverse perpetual on a venue: margin in coin, exact money on a book with swapped roles."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs import RunResult
from liquidarium.experiments.runs.margin_check import check_margin
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError
from liquidarium.experiments.world.outcome import run_tables
from liquidarium.protocols.margin.perpetuals import inverse_liquidation_price

CRASH = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=900",
    "venues.perps.traders.count=300",
    "borrowers.count=50",
)
"""Fifteen minutes in which the price falls by a fifth."""

INVERSE = "assets.ETHPERP.inverse=true"
POOR = ("venues.perps.insurance_fund_usd=1000", "venues.perps.mark={kind='model'}")


@pytest.mark.parametrize(
    "changes",
    [
        (),
        (*POOR, "venues.perps.deleveraging=queue"),
        (*POOR, "venues.perps.deleveraging=capped-pro-rata"),
        (*POOR, "venues.perps.deleveraging=min-max"),
        (*POOR, "venues.perps.deleveraging=none"),
        (*POOR, "venues.perps.backstop={capital_usd=1_000_000}"),
        ("venues.perps.breaker={parameters={width=0.02, limit_s=4, pause_s=60}}",),
        ("venues.perps.funding.interval_s=60", "venues.perps.mark.haircut_deviations=2"),
        ("venues.perps.dynamic_margin={horizon_s=3600, step=0.01}",),
        ("venues.perps.liquidation={sizing='to-target', execution={kind='twap', horizon_s=20, slices=5}}",),
        ("venues.perps.liquidation={sizing='greedy', execution='percentage-of-volume'}",),
    ],
    ids=lambda changes: ",".join(changes).replace("venues.perps.", "")[-40:],
)
def test_no_coin_and_no_dollar_is_lost(changes):
    model = LiquidationMarket("perp-crash", seed=3, overrides=[*CRASH, INVERSE, *changes], collect_every=0)
    model.run()
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert venue.accounts.balances[venue.fund] >= 0
    result = RunResult(model.scenario, model.root_seed, run_tables(model), {})
    assert check_margin(result) == len(venue.records.cases)
    done = result.margin_liquidations["outcome"].isin(["sold", "deleveraged"])
    assert done.any()  # what is left of a position below a lot of the book does not keep a case open
    model.close()


@pytest.fixture(scope="module")
def world():
    model = LiquidationMarket("perp-crash", seed=3, overrides=[*CRASH, INVERSE], collect_every=0)
    for _ in range(30):
        model.step()
    yield model
    model.close()


@pytest.mark.parametrize("lots", [10**9, -(10**9), 777_777_777, -(10**11), 3])
def test_an_order_never_trades_more_dollars_than_it_is_for(world, lots):
    (listing,) = world.venues[0].listings
    before = world.ledger.balances[listing._clearing].copy()
    worst = listing.ticks * listing.tick_usd * (1.01 if lots > 0 else 0.99)
    done, value = listing.take(lots, worst)
    moved = world.ledger.balances[listing._clearing] - before
    assert 0 <= done * np.sign(lots) <= abs(lots)
    assert abs(lots) - abs(done) < 1.02 * listing.least or abs(lots) > 10**10
    assert moved[world.quote] == -done
    assert moved[listing.asset] == -value
    assert done * value <= 0


@pytest.mark.parametrize("lots", [5 * 10**9, -5 * 10**9])
@pytest.mark.parametrize("loss", [0, 10**6, 10**8])
def test_at_the_limit_the_loss_against_the_mark_is_what_was_allowed(world, lots, loss):
    (listing,) = world.venues[0].listings
    limit = listing.limit_usd(lots, loss) / listing.tick_usd
    size = listing.contract.multiplier * abs(lots)
    assert abs(size / limit - size / listing.ticks) == pytest.approx(loss, abs=1.0)
    assert (limit - listing.ticks) * np.sign(lots) >= -1e-6


def test_an_account_is_liquidated_where_the_closed_form_says(world):
    """CASES P03, with the maintenance on the present value as the venue takes it (MODEL 2.1)."""
    venue = world.venues[0]
    (listing,) = venue.listings
    entry, usd, rate = 2_000.0, 10_000.0, 0.01
    coins, leverage = usd / entry, 20
    accounts = type(venue.accounts)([listing.contract], 1, [venue.accounts.margin[0]])
    unit = world.assets[listing.asset].unit
    accounts.deposit(0, round(coins / leverage * unit))
    accounts.fill(0, 0, round(usd * 10**6), round(entry / listing.tick_usd))
    price = (1.0 + rate) * usd / (coins + coins / leverage)
    for ticks, unsafe in ((price * 1.0005, False), (price * 0.9995, True)):
        assert bool(len(accounts.reprice([round(ticks / listing.tick_usd)]))) == unsafe
    on_entry = inverse_liquidation_price(coins / leverage, usd, entry, rate)
    assert price == pytest.approx(on_entry, rel=2e-3)


def test_margin_in_coin_falls_with_the_price_so_more_are_liquidated():
    """The same crowd and crash; losses in coin are convex (MODEL 2.1)."""
    cases = [run("perp-crash", 3, overrides=[*CRASH, *more]).margin_liquidations for more in ((), (INVERSE,))]
    closed = [case["closed_usd"].sum() for case in cases]
    assert closed[1] > 1.1 * closed[0]
    assert cases[1]["account"].nunique() > cases[0]["account"].nunique()


@pytest.mark.parametrize(
    ("scenario", "change", "says"),
    [
        ("perp-crash", "assets.ETH.inverse=true", "assets.ETH.inverse needs an underlying"),
        ("perp-crash", "assets.ETHPERP.decimals=3", "tick_usd = 0.1 makes a base unit"),
        ("cross-crash", "assets.ETHPERP.inverse=true", "instruments with others does not go with"),
        ("cross-crash", "assets.ETHFUT.inverse=true", "assets.ETHFUT has future and inverse; allowed: one"),
        ("perp-crash", "venues.perps.liquidation.execution='auction'", "execution = 'auction' does not go"),
        ("perp-crash", "venues.perps.traders.trading={}", "venues.perps.traders.trading does not go with"),
    ],
)
def test_an_inverse_contract_that_cannot_be_is_refused_by_name(scenario, change, says):
    changes = [change] if "inverse" in change else [change, INVERSE]
    with pytest.raises(ScenarioError) as error:
        LiquidationMarket(scenario, overrides=changes)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
