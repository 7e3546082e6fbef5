"""What a block executes happens whole or not at all (MODEL 3.3), and the desk swaps at par."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.base import ArbitragePool, Liquidate
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.world.execution import Arbitrage, Defence, Liquidation
from liquidarium.experiments.world.par_desk import ParDesk
from liquidarium.experiments.world.recorder import GAS as GAS_PAID
from liquidarium.market.assets import Asset
from liquidarium.market.chain.transaction import Bundle, Transaction
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.market.revert import Revert

WAIT = (
    "clock.start=2021-05-19T13:00:00Z",
    "clock.duration_s=900",
    "borrowers.reaction_scale=0",
    "agents.fast-bots.parameters.min_profit_usd=1e12",
    "agents.flash-bots.count=0",
    "agents.searcher.count=0",
)
"""Accounts fall below 1 and nobody does anything about it."""

GAS, REVERT_GAS, PRICE_GWEI = 600_000, 180_000, 90.0


@pytest.fixture
def world() -> LiquidationMarket:
    """Return a world with at least two accounts to liquidate, between two blocks."""
    model = LiquidationMarket("quickstart", seed=1, overrides=WAIT)
    while len(model.lending.watch.opportunities) < 2:
        model.step()
    assert not model.recorder.liquidations
    return model


def call(world, number=0, **changes) -> Transaction:
    """Return a liquidation of the account that stands `number`-th in the list, by the first bot."""
    agent, target = world.bots[0], world.lending.watch.opportunities[number]
    intent = Liquidate(target, min(target.repay_usd, 20_000.0), PRICE_GWEI, False, "book", 0.05)
    action = Liquidation(agent, intent._replace(**changes))
    return Transaction(
        agent.account, "liquidation", GAS, REVERT_GAS, PRICE_GWEI, world.time_s, 0.5, action, target.account
    )


def state_of(world):
    return (
        world.ledger.balances.copy(),
        world.lending.pool.positions.amounts.copy(),
        deepcopy(world.lending.pool.reserves),
        {asset: (pool.state, pool.residual()) for asset, pool in world.pools.items()},
        world.floor.state.copy(),
        len(world.exits.waiting) + len(world.exits.held),
        deepcopy(world.recorder.liquidations),
        len(world.recorder.costs),
    )


def assert_same(one, other):
    for before, after in zip(one, other, strict=True):
        if isinstance(before, np.ndarray):
            assert np.array_equal(before, after)
        else:
            assert before == after


def assert_sound(world):
    world.conservation.full()
    assert world.conservation.error_usd(world.oracle_prices) == 0.0
    assert (world.ledger.balances[1:] >= 0).all()


FLASH = {"flash_loan": True, "exit": "pool"}


@pytest.mark.parametrize(
    "changes",
    [
        FLASH | {"max_slippage": 0.0},
        FLASH | {"exit": "hold"},
        {"repay_usd": 0.0},
        {"exit": "pool", "max_slippage": 0.0},
        {"exit": "pool", "limit_price_usd": 1e5},
    ],
    ids=[
        "pool pays too little",
        "loan not paid back",
        "nothing to repay",
        "own money, pool pays too little",
        "pool below the limit that was set when sent",
    ],
)
def test_reverted_call_leaves_everything_as_it_was_except_its_gas(world, changes):
    before = state_of(world)
    me = world.bots[0].account
    transaction = call(world, **changes)
    assert world.builder.run(transaction) == (REVERT_GAS, 1, 1)
    after = state_of(world)
    paid = int(before[0][me, world.quote] - after[0][me, world.quote])
    assert paid / 1e6 == pytest.approx(REVERT_GAS * PRICE_GWEI * 1e-9 * world.oracle_prices[0], rel=1e-6)
    after[0][me, world.quote] += paid
    after[0][world.builder.validators, world.quote] -= paid
    assert_same(before, after)
    assert world.recorder.other_gas_usd == pytest.approx(paid / 1e6)
    assert_sound(world)


def test_flash_loan_costs_its_fee_and_leaves_the_rest_to_the_bot(world):
    me, lender = world.bots[0].account, world.flash_lender
    before = world.ledger.balances.copy()
    world.builder.run(call(world, **FLASH))
    moved = world.ledger.balances - before
    (row,) = world.recorder.liquidations
    repaid = row[11]
    fee = moved[lender, world.quote] / 1e6
    assert fee == pytest.approx(0.0009 * repaid, abs=1e-5)
    assert not np.delete(moved[lender], world.quote).any()
    assert moved[me, world.quote] / 1e6 == pytest.approx(row[17], abs=1e-4), "profit is what the bot has more"
    assert not np.delete(moved[me], world.quote).any(), "nothing is left in other assets"
    assert_sound(world)


def test_flash_loan_is_paid_back_from_the_sale_and_not_from_the_bot_s_own_money(world):
    """A pool far below the oracle: the sale brings less than the loan, however rich the bot is."""
    target = world.lending.watch.opportunities[0]
    sink_pool(world, target.collateral)
    assert (
        world.pools[target.collateral].price(target.collateral) < 0.9 * world.oracle_prices[target.collateral]
    )
    assert world.cash_usd(world.bots[0].account) > 1e6
    before = state_of(world)
    assert world.builder.run(call(world, **FLASH, max_slippage=0.5)) == (REVERT_GAS, 1, 1)
    assert_same(before[1:], state_of(world)[1:])
    assert_sound(world)


@pytest.mark.parametrize("together", [False, True])
def test_whoever_cannot_pay_the_gas_is_left_out(world, together):
    """A bundle needs the gas of all its members."""
    me = world.bots[0].account
    need = GAS * PRICE_GWEI * 1e-9 * world.oracle_prices[0] * 1e6 * (2 if together else 1)
    world.ledger.transfer(
        world.quote, me, 0, world.ledger.balance(me, world.quote) - int(0.99 * need), Reason.TRANSFER
    )
    before = state_of(world)
    candidate = (
        Bundle((call(world, 0, **FLASH), call(world, 1, **FLASH))) if together else call(world, **FLASH)
    )
    assert world.builder.run(candidate) == (0, 0, 0)
    assert_same(before, state_of(world))


def test_bundle_is_executed_as_a_whole(world):
    members = (call(world, 0), call(world, 1))
    used, _, reverted = world.builder.run(Bundle(members))
    assert (used, reverted) == (2 * GAS, 0)
    rows = world.recorder.liquidations
    assert [row[2] for row in rows] == [o.account for o in world.lending.watch.opportunities[:2]]
    gas_usd = GAS * PRICE_GWEI * 1e-9 * world.oracle_prices[0]
    assert [row[GAS_PAID] for row in rows] == pytest.approx([gas_usd, gas_usd], rel=1e-6)
    assert len(world.exits.waiting) == 2
    assert_sound(world)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_bundle_with_one_bad_member_leaves_no_trace_and_pays_no_gas(world, order):
    members = (call(world, 0), call(world, 1, **FLASH, max_slippage=0.0))
    before = state_of(world)
    assert world.builder.run(Bundle(tuple(members[i] for i in order))) == (0, 2, 2)
    assert_same(before, state_of(world))
    assert_sound(world)


def rich_trader(world, asset):
    """Ledger account of the background traders of an asset's book."""
    (account,) = (
        first for first, _, name in world.ledger.runs() if name == f"traders/{world.assets[asset].symbol}"
    )
    return account


def sink_pool(world, asset):
    """Sell so much into a pool that it falls 25 % below the book."""
    pool = world.pools[asset]
    tokens = 0.15 * pool.state.reserve0 / world.assets[asset].unit
    pool.swap(rich_trader(world, asset), asset, world.assets[asset].to_units(tokens), now_s=world.time_s)


@pytest.mark.parametrize("last", [True, False])
def test_book_trades_come_last_in_a_bundle_or_not_at_all(world, last):
    """A trade on a book cannot be undone, so nothing that may revert is allowed after it."""
    sink_pool(world, 0)
    bot = world.bots[0]
    intent = ArbitragePool(0, PRICE_GWEI, 10.0)
    trade = Transaction(
        bot.account, "arbitrage", GAS, REVERT_GAS, PRICE_GWEI, world.time_s, 0.5, Arbitrage(bot, intent), -1
    )
    healing = call(world, 1)
    before = state_of(world)
    used, _, reverted = world.builder.run(Bundle((healing, trade) if last else (trade, healing)))
    if last:
        assert (used, reverted) == (2 * GAS, 0)
        assert len(world.recorder.liquidations) == 1
    else:
        assert (used, reverted) == (0, 2)
        assert_same(before, state_of(world))
        assert world.builder.run(trade) == (GAS, 1, 0), "alone it may trade"
    assert_sound(world)


def test_seized_collateral_of_an_undone_bundle_is_not_sold_later(world):
    world.builder.run(call(world, 0, repay_usd=2_000.0))
    world.builder.run(Bundle((call(world, 1), call(world, 1, **FLASH, max_slippage=0.0))))
    assert [lot.row for lot in world.exits.waiting] == [world.recorder.liquidations[0]]
    world.exits.sell()
    assert_sound(world)


def test_second_call_on_a_healed_account_reverts(world):
    """Others were faster: the loser of the race pays for its revert."""
    number = len(world.lending.watch.opportunities) - 1
    target = world.lending.watch.opportunities[number]
    while world.lending.pool.health_factor(target.account, int(world.time_s)) < 10**18:
        assert world.builder.run(call(world, number, repay_usd=target.repay_usd))[2] == 0
    assert world.builder.run(call(world, number)) == (REVERT_GAS, 1, 1)
    assert_sound(world)


def test_searchers_see_what_is_pending_only_after_the_public_delay(world):
    """`chain.public_delay_ms` is the time until others see a transaction."""
    sent = call(world)
    for delay_ms, arrival_s, seen in ((0.0, 11.0, True), (5_000.0, 6.0, True), (5_000.0, 8.0, False)):
        chain = world.scenario.chain.model_copy(update={"public_delay_ms": delay_ms})
        world.scenario = world.scenario.model_copy(update={"chain": chain})
        world.mempool.pending = [sent._replace(arrival_s=world.time_s + arrival_s)]
        assert [p.sender for p in world.requests.pending_liquidations()] == [sent.sender] * seen


def test_defence_by_repaying_makes_the_account_healthier(world):
    row = world.lending.watch.opportunities[0].account
    wallet = world.lending.wallet(row)
    world.ledger.endow(world.quote, wallet, 10_000 * 10**6)
    before = world.lending.pool.health_factor(row, int(world.time_s))
    Defence(world.lending, row, 5_000.0, 0.0)(world)
    assert world.lending.pool.health_factor(row, int(world.time_s)) > before
    assert_sound(world)


def test_defence_by_selling_makes_the_account_healthier():
    model = LiquidationMarket("quickstart", seed=1, overrides=WAIT)
    model.step()
    health = model.lending.watch.screen.health(np.arange(model.lending.n_borrowers))
    row = int(np.flatnonzero((health > 1.3) & (health < 1.4))[0])
    before = model.lending.pool.health_factor(row, int(model.time_s))
    debt_usd = model.lending.pool.positions.debt[row] @ model.lending.pool.weights(int(model.time_s))[1]
    Defence(model.lending, row, 0.0, 0.1 * debt_usd)(model)
    assert model.lending.pool.health_factor(row, int(model.time_s)) > before
    assert_sound(model)


def test_defence_of_an_account_without_debt_is_refused_and_sells_nothing(world):
    """Somebody has repaid everything before the block: there is nothing left to defend."""
    row = world.lending.watch.opportunities[0].account
    wallet = world.lending.wallet(row)
    world.ledger.endow(world.quote, wallet, 10**13)
    for asset in range(len(world.assets)):
        owed = world.lending.pool.debt_units(row, asset, int(world.time_s))
        if owed:
            world.lending.pool.repay(row, asset, owed, wallet, int(world.time_s))
    before = state_of(world)
    with pytest.raises(Revert):
        Defence(world.lending, row, 0.0, 5_000.0)(world)
    assert_same(before, state_of(world))


DECIMALS = st.integers(0, 9)


@given(DECIMALS, DECIMALS, st.integers(0, 10**15))
def test_par_desk_costs_the_least_that_brings_what_is_wanted(first, second, wanted):
    desk = ParDesk(Ledger([Asset("USDC", first), Asset("DAI", second)]), (0, 1))
    cost = desk.cost(0, 1, wanted)
    brings = cost * 10**second // 10**first
    assert brings >= wanted
    assert cost == 0 or (cost - 1) * 10**second // 10**first < wanted
    assert desk.cost(0, 0, wanted) == wanted


@given(DECIMALS, DECIMALS, st.integers(0, 10**8))
def test_par_desk_swaps_at_par_and_rounds_against_the_customer(first, second, amount):
    ledger = Ledger([Asset("USDC", first), Asset("DAI", second)])
    desk = ParDesk(ledger, (0, 1))
    customer = ledger.open_account("customer")
    ledger.endow(0, customer, amount)
    received = desk.convert(customer, 0, 1, amount)
    assert received * 10**first <= amount * 10**second < (received + 1) * 10**first
    assert ledger.balance(customer, 0) == 0
    assert ledger.balance(customer, 1) == received
    assert not ledger.imbalance().any()
    assert desk.convert(customer, 1, 1, received) == received


def test_public_mempool_shows_the_highest_bid_on_each_account(world):
    """Whatever the order in which the bids came in."""
    calls = [
        call(world)._replace(price_gwei=price, tie=tie) for price, tie in ((50, 0.9), (90, 0.1), (90, 0.4))
    ]
    for order in (calls, calls[::-1]):
        world.mempool.pending[:] = order
        shown = world.requests.pending_liquidations()
        assert [(p.price_gwei, p.sender) for p in shown] == [(90, calls[2].sender)]
