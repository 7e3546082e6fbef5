"""Collateral that is sold over time, in a running world: by schedule, through the book and the ledger."""

from __future__ import annotations

import math

import pytest
from liquidarium.agents.base import Liquidate
from liquidarium.agents.strategies.exits import AlmgrenChriss, Iceberg, PercentageOfVolume, Twap
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.world.cost_table import PARTS
from liquidarium.experiments.world.execution import Liquidation
from liquidarium.experiments.world.outcome import run_tables
from liquidarium.market.chain.transaction import Transaction

WAIT = (
    "clock.start=2021-05-19T13:00:00Z",
    "clock.duration_s=1500",
    "borrowers.reaction_scale=0",
    "agents.fast-bots.parameters.min_profit_usd=1e12",
    "agents.flash-bots.count=0",
    "agents.searcher.count=0",
)
"""Accounts fall below 1 and nobody does anything about it."""


def seized(schedule, repay_usd: float = 40_000.0, slippage: float = 0.5) -> LiquidationMarket:
    """Return a world in which the first bot has just seized collateral that it sells by a schedule."""
    world = LiquidationMarket("quickstart", seed=1, overrides=WAIT)
    while not world.lending.watch.opportunities:
        world.step()
    bot, target = world.bots[0], world.lending.watch.opportunities[0]
    repay = min(target.repay_usd, repay_usd)
    action = Liquidation(bot, Liquidate(target, repay, 90.0, False, schedule, slippage))
    call = Transaction(
        bot.account, "liquidation", 600_000, 180_000, 90.0, world.time_s, 0.5, action, target.account
    )
    assert world.builder.run(call) == (600_000, 1, 0)
    return world


def followed(world: LiquidationMarket, blocks: int):
    """Step on; yield seconds since the seizure, units sold in the block and units left."""
    (plan,) = world.exits.scheduled
    lot, before = plan.lot, plan.lot.units
    since_s = plan.since_s
    for _ in range(blocks):
        world.step()
        yield world.time_s - world.block_time_s - since_s, before - lot.units, lot.units
        before = lot.units


def assert_sound(world: LiquidationMarket):
    """No money lost, costs add up, and the owner's account has what the exits say."""
    world.conservation.full()
    assert world.conservation.error_usd(world.oracle_prices) == 0.0
    while world.running:
        world.step()
    costs = run_tables(world)["costs"]
    assert not (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).any()
    gain = world.gain_usd(world.bots[0].account)
    assert costs.liquidator_net.sum() / 1e6 == pytest.approx(gain, abs=0.01)


def test_a_twap_sells_its_slices_on_time():
    schedule = Twap(horizon_s=240.0, slices=10)
    world = seized(schedule)
    (plan,) = world.exits.scheduled
    size, total = world.lot_units(plan.lot.asset), plan.total
    for elapsed, _, left in followed(world, 20):
        due = min(int(elapsed / 24.0) + 1, 10)
        assert 0 <= left - total * (10 - due) / 10 < size
    assert_sound(world)


def test_almgren_chriss_follows_its_closed_form():
    schedule = AlmgrenChriss(horizon_s=240.0, slices=10, risk_aversion_per_usd=1e-3)
    world = seized(schedule)
    (plan,) = world.exits.scheduled
    held, size = schedule.shares_held(plan.start), world.lot_units(plan.lot.asset)
    assert held[0] < 0.8, "a twap would hold 0.9"
    for elapsed, _, left in followed(world, 20):
        due = min(int(elapsed / 24.0) + 1, 10)
        assert -1 <= left - plan.total * held[due - 1] < size
    assert_sound(world)


def test_participation_stays_a_share_of_what_others_trade():
    world = seized(PercentageOfVolume(horizon_s=1e4, participation=0.1))
    (plan,) = world.exits.scheduled
    asset, size = plan.lot.asset, world.lot_units(plan.lot.asset)
    seen, sold_before, traded = plan.traded, 0, 0
    for _, sold, _ in followed(world, 30):
        now = world.floor.lots_traded(asset)
        others = now - seen - sold // size
        assert sold <= 0.1 * others * size
        traded += others
        seen = now
        sold_before += sold
    assert sold_before > 0.05 * traded * size
    assert_sound(world)


def test_an_iceberg_waits_for_buyers_and_shows_little():
    world = seized(Iceberg(horizon_s=1e4, shown_usd=5_000.0))
    me, (plan,) = world.bots[0], world.exits.scheduled
    symbol, total = world.assets[plan.lot.asset].symbol, plan.total
    for _, _, left in followed(world, 40):
        assert world.holdings(me.account)[plan.lot.asset] >= left, "what rests is still its own"
    assert plan.lot.units < total
    world.recorder.flush_trades(1)
    trades = run_tables(world)["trades"]
    mine = trades[trades.maker == me.name]
    assert len(mine) > 3
    assert not (trades.taker == me.name).any(), "it never crosses the spread"
    quotes = run_tables(world)["quotes"].pipe(lambda q: q[q.asset == symbol]).set_index("block")
    assert (mine.price.to_numpy() >= quotes.bid.reindex(mine.block).fillna(0.0).to_numpy()).all()
    assert (mine.quantity * mine.price).max() <= 5_000.0 * 1.01
    assert (run_tables(world)["costs"].spread_and_fee < 0).any(), "a resting order earns the spread"
    assert_sound(world)


def test_what_is_left_after_the_horizon_is_sold_at_once():
    world = seized(Iceberg(horizon_s=30.0, shown_usd=100.0))
    left = [left for _, _, left in followed(world, 4)]
    assert left[1] > 0
    assert not world.exits.scheduled
    assert left[3] < world.lot_units(0)
    assert_sound(world)


def test_leftovers_are_stated_and_credited_at_the_last_mid():
    world = seized(Twap(horizon_s=1e6, slices=100))
    (plan,) = world.exits.scheduled
    while world.running:
        world.step()
    value = plan.lot.units * world.unit_values()[plan.lot.asset]
    assert value > 0.9 * 0.99 * plan.total * world.unit_values()[plan.lot.asset]
    assert world.exits.unsold_usd == pytest.approx(value)
    assert_sound(world)


def test_slices_below_the_accepted_price_wait():
    world = seized(Twap(horizon_s=60.0, slices=5), slippage=0.0)
    sold = [sold for _, sold, _ in followed(world, 20)]
    assert sum(sold) == 0, "bids lie below the mid"
    assert_sound(world)


def test_reverted_calls_leave_no_schedule_behind():
    world = seized(Twap())
    bot, target = world.bots[0], world.lending.watch.opportunities[0]
    before = len(world.exits.scheduled)
    action = Liquidation(bot, Liquidate(target, 1_000.0, 90.0, True, Twap(), 0.5))
    call = Transaction(
        bot.account, "liquidation", 600_000, 180_000, 90.0, world.time_s, 0.5, action, target.account
    )
    assert world.builder.run(call) == (180_000, 1, 1), "a flash loan needs the pool"
    assert len(world.exits.scheduled) == before


@pytest.mark.parametrize("exit", ["twap", "iceberg", "percentage-of-volume", "almgren-chriss"])
def test_bots_of_a_scenario_sell_by_schedule_and_nothing_is_lost(exit):
    overrides = (
        f"agents.fast-bots.parameters.exit={exit}",
        "agents.fast-bots.parameters.hold_risk=0",
        "agents.flash-bots.count=0",
        "clock.start=2021-05-19T12:50:00Z",
        "clock.duration_s=1800",
    )
    world = LiquidationMarket("quickstart", 7, overrides, collect_every=0)
    longest = 0
    while world.running:
        world.step()
        longest = max(longest, len({plan.since_s for plan in world.exits.scheduled}))
    assert longest > 0
    tables = run_tables(world)
    costs = tables["costs"]
    assert len(tables["liquidations"]) > 5
    assert not (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).any()
    assert world.conservation.error_usd(world.oracle_prices) == 0.0
    assert math.isfinite(tables["liquidations"].profit_usd.sum())
    assert abs(tables["welfare"].gain_usd.sum()) < 1.0


@pytest.mark.parametrize("exit", ["hold", "twap"])
def test_the_winner_of_an_auction_sells_its_lot_as_it_said(exit):
    overrides = (
        "protocol.kind=maker-flip",
        "protocol.collateral.ETH.bid_s=60",
        "protocol.collateral.BTC.bid_s=60",
        "agents.flash-bots.count=0",
        "agents.searcher.count=0",
        "agents.fast-bots.parameters.hold_risk=0",
        f"agents.fast-bots.parameters.exit={exit}",
        "clock.start=2021-05-19T12:50:00Z",
        "clock.duration_s=1500",
    )
    world = LiquidationMarket("quickstart", 7, overrides, collect_every=0)
    by_schedule = held = 0
    while world.running:
        world.step()
        by_schedule += len(world.exits.scheduled)
        held = len(world.exits.held) if world.running else held
    assert world.recorder.sales
    assert by_schedule if exit == "twap" else held == len(world.recorder.sales)
    costs = run_tables(world)["costs"]
    assert not (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).any()
