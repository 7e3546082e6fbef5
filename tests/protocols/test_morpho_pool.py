"""A Morpho Blue pool moves the ledger by what its rules say, to the last unit, or not at all."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, WAD
from liquidarium.protocols.health import HealthScreen
from liquidarium.protocols.lending.morpho import (
    Market,
    MarketParameters,
    Position,
    accrue,
    adaptive_rate,
    is_healthy,
    liquidate,
    price_scale,
    repay,
    supply,
)
from liquidarium.protocols.lending.morpho.books import MarketBook, disagreement, liquidated, repaid
from liquidarium.protocols.lending.morpho.pool import SHARES_PER_UNIT, MorphoPool
from liquidarium.protocols.lending.morpho.rates import INITIAL_RATE_AT_TARGET
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = (9, 8, 6, 9)
UNIT = [10**d for d in DECIMALS]
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
HEALTHY, UNHEALTHY, INSOLVENT, BITCOIN, DAI_DEBT, DEBTLESS = range(6)
PARAMETERS = MarketParameters(lltv=86 * WAD // 100)
OWED = {HEALTHY: 9_000, UNHEALTHY: 9_000, INSOLVENT: 2_200, BITCOIN: 30_000, DAI_DEBT: 1_715}


def make_pool(fee: int = 0) -> MorphoPool:
    """Six borrowers in three markets, of whom two may be liquidated at once, and lenders."""
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    parameters = replace(PARAMETERS, fee=fee)
    pool = MorphoPool(ledger, "morpho", [parameters, parameters, None, None], 6, START)
    collateral, debt = np.zeros((6, 4), np.int64), np.zeros((6, 4), np.int64)
    for row, tokens in ((HEALTHY, 10), (UNHEALTHY, 5), (INSOLVENT, 1), (DAI_DEBT, 1), (DEBTLESS, 1)):
        collateral[row, ETH] = tokens * UNIT[ETH]
    collateral[BITCOIN, BTC] = UNIT[BTC]
    for row, tokens in OWED.items():
        asset = DAI if row == DAI_DEBT else USDC
        debt[row, asset] = tokens * UNIT[asset]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: MorphoPool):
    """Everything that a call may change."""
    return (
        pool.positions.amounts.tolist(),
        [pool._shares_of(row) for row in range(pool.lenders) if pool._loan_of[row] >= 0],
        dict(pool.books),
        list(pool.held),
        pool.ledger.balances.tolist(),
        pool.ledger.volumes.tolist(),
    )


def shares_of(pool: MorphoPool, row: int) -> int:
    return pool._shares_of(row)


def test_markets_are_pairs_and_open_at_the_wanted_utilisation():
    pool = make_pool()
    assert set(pool.books) == {(ETH, USDC), (BTC, USDC), (ETH, DAI)}
    for book in pool.books.values():
        market = book.market
        assert market.total_borrow_shares == market.total_borrow_assets * SHARES_PER_UNIT
        assert market.total_borrow_assets / market.total_supply_assets == pytest.approx(0.9)
    assert not pool.residual().any()
    assert not pool.residual_touched().any()
    assert not pool.ledger.imbalance().any()
    held = pool.ledger.balances[pool.account]
    assert held[ETH] == 18 * UNIT[ETH]
    assert held[USDC] == sum(
        b.market.total_supply_assets - b.market.total_borrow_assets
        for (_, loan), b in pool.books.items()
        if loan == USDC
    )


@pytest.mark.parametrize(
    ("collateral", "debt", "complaint"),
    [
        ({ETH: 1, BTC: 1}, {USDC: 1}, "more than one collateral"),
        ({ETH: 1}, {USDC: 1, DAI: 1}, "more than one asset"),
        ({}, {USDC: 1}, "without collateral"),
        ({DAI: 1}, {USDC: 1}, "no market takes"),
        ({ETH: 1}, {ETH: 1}, "its own collateral"),
    ],
)
def test_positions_that_no_market_can_hold_are_refused(collateral, debt, complaint):
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    pool = MorphoPool(ledger, "morpho", [PARAMETERS, PARAMETERS, None, None], 1, START)
    amounts = np.zeros((2, 1, 4), np.int64)
    for side, given_ in enumerate((collateral, debt)):
        for asset, units in given_.items():
            amounts[side, 0, asset] = units
    with pytest.raises(ValueError, match=f"account 0 .*{complaint}"):
        pool.endow(*amounts)


def bare_market(pool: MorphoPool, pair: tuple[int, int], now: int) -> Market:
    """Build the market's totals at `now` from the rules alone."""
    owed = sum(OWED[row] for row in {(ETH, USDC): (0, 1, 2), (BTC, USDC): (3,), (ETH, DAI): (4,)}[pair])
    owed *= UNIT[pair[1]]
    market = supply(Market(last_update=START), Position(), assets=int(owed / 0.9)).market
    market = replace(market, total_borrow_assets=owed, total_borrow_shares=owed * 10**6)
    rate = adaptive_rate(market, INITIAL_RATE_AT_TARGET, now)
    return accrue(market, pool.parameters[ETH], rate.borrow_rate, now).market


def test_liquidation_through_the_pool_is_the_rule_called_directly(customer):
    pool, now_s = make_pool(), 50_000
    bot, cover = customer(pool), 1_000 * UNIT[USDC]
    market = bare_market(pool, (ETH, USDC), START + now_s)
    price = 2000 * price_scale(6, 9)
    position = Position(0, OWED[UNHEALTHY] * UNIT[USDC] * 10**6, 5 * UNIT[ETH])
    shares = cover * (market.total_borrow_shares + 10**6) // (market.total_borrow_assets + 1)
    pool.set_prices([1900 * 10**8, *PRICES[1:]])
    price = 1900 * price_scale(6, 9)
    expected = liquidate(market, position, PARAMETERS, price, repaid_shares=shares)
    before = pool.ledger.balances.copy()
    result = pool.liquidate(UNHEALTHY, ETH, USDC, cover, bot, now_s)
    assert (result.debt_repaid, result.collateral_to_liquidator) == (
        expected.repaid_assets,
        expected.seized_assets,
    )
    assert result.health_factor < WAD
    assert pool.books[ETH, USDC].market == expected.market
    assert shares_of(pool, UNHEALTHY) == expected.position.borrow_shares
    assert pool.positions.collateral[UNHEALTHY, ETH] == expected.position.collateral
    moved = pool.ledger.balances - before
    wanted = np.zeros_like(moved)
    wanted[bot, USDC], wanted[bot, ETH] = -expected.repaid_assets, expected.seized_assets
    wanted[pool.account] = -wanted[bot]
    assert np.array_equal(moved, wanted)
    assert pool.ledger.volumes[Reason.SEIZE, ETH] == expected.seized_assets
    assert UNHEALTHY in pool.positions.touched
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_whole_position_may_be_repaid_in_one_call(customer):
    """MODEL 1.7: there is no close factor."""
    pool = make_pool()
    bot = customer(pool)
    pool.set_prices([2050 * 10**8, *PRICES[1:]])
    owed = pool.debt_units(UNHEALTHY, USDC, 100)
    pool.set_prices([1900 * 10**8, *PRICES[1:]])
    result = pool.liquidate(UNHEALTHY, ETH, USDC, owed, bot, 100)
    assert result.debt_repaid == owed
    assert pool.debt_units(UNHEALTHY, USDC, 100) == 0
    assert pool.health_factor(UNHEALTHY, 100) == MAX_UINT256
    bonus = result.collateral_to_liquidator / UNIT[ETH] * 1900 / (owed / UNIT[USDC])
    assert bonus == pytest.approx(PARAMETERS.incentive_factor / WAD, rel=1e-6)
    assert not pool.residual().any()


def test_bad_debt_is_socialised_only_when_no_collateral_is_left(customer):
    """MODEL 1.7, CASES L26: lenders bear what the last unit of collateral leaves unpaid."""
    pool = make_pool()
    bot = customer(pool)
    lent = pool.collateral_units(pool.lenders, USDC, 0)
    other = pool.books[ETH, DAI]
    part = pool.liquidate(INSOLVENT, ETH, USDC, 1_000 * UNIT[USDC], bot, 0)
    assert not pool.deficit().any()
    assert pool.debt_units(INSOLVENT, USDC, 0) > 0
    rest = pool.liquidate(INSOLVENT, ETH, USDC, 10_000 * UNIT[USDC], bot, 0)
    assert part.collateral_to_liquidator + rest.collateral_to_liquidator == UNIT[ETH]
    written_off = int(pool.deficit()[USDC])
    assert part.debt_repaid + rest.debt_repaid + written_off == 2_200 * UNIT[USDC]
    assert pool.debt_units(INSOLVENT, USDC, 0) == 0
    assert pool.positions.debt[INSOLVENT].tolist() == [0, 0, 0, 0]
    assert lent - pool.collateral_units(pool.lenders, USDC, 0) == pytest.approx(written_off, abs=2)
    assert pool.books[ETH, DAI] == other, "lenders of other markets bear nothing"
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_offer_for_all_collateral_takes_its_last_unit(customer):
    """What screening offers is a float; rounded to units it must still reach zero collateral."""
    pool = make_pool()
    bot = customer(pool)
    screen = HealthScreen(pool.positions, np.full(7, 1.0))
    collateral, debt, value = pool.weights(0)
    screen.reprice(collateral, debt)
    best = screen.opportunities([INSOLVENT], value, pool.bonus, pool.close_factor)
    assert best.repay_usd[0] < 2_200
    cover = int(best.repay_usd[0] / 1.0 * UNIT[USDC])
    pool.liquidate(INSOLVENT, ETH, USDC, cover, bot, 0)
    assert pool.positions.collateral[INSOLVENT, ETH] == 0
    assert pool.deficit()[USDC] > 0


def test_interest_of_each_market_follows_its_own_rate(customer):
    pool, now_s = make_pool(), 90_000
    payer = customer(pool)
    pool.repay(BITCOIN, USDC, 20_000 * UNIT[USDC], payer, 0)
    assert not pool.caution
    debt = pool.weights(30 * now_s)[1]
    assert pool.caution > 1e-4, "the market with less use has lower rates"
    for row in (UNHEALTHY, BITCOIN):
        exact = pool.debt_units(row, USDC, 30 * now_s) / UNIT[USDC]
        assert exact == pytest.approx(pool.positions.debt[row, USDC] * debt[USDC], rel=pool.caution * 1.01)


def test_fee_goes_to_its_recipient_and_not_to_lenders(customer):
    free, taxed = make_pool(), make_pool(fee=WAD // 10)
    for pool in (free, taxed):
        pool.repay(UNHEALTHY, USDC, UNIT[USDC], customer(pool), 8_640_000)
        assert not pool.residual().any()
    lent = [pool.collateral_units(pool.lenders, USDC, 8_640_000) for pool in (free, taxed)]
    assert lent[0] > lent[1]
    assert taxed.books[ETH, USDC].fee_shares > 0
    assert free.claims(8_640_000)["lenders"][USDC] == lent[0]


def test_repay_supply_and_withdraw_move_the_ledger_by_what_they_return(customer):
    pool, now_s = make_pool(), 90_000
    payer = customer(pool)
    before = pool.ledger.balances.copy()
    assert pool.repay(HEALTHY, USDC, 4_000 * UNIT[USDC], payer, now_s) == 4_000 * UNIT[USDC]
    assert pool.withdraw(HEALTHY, ETH, UNIT[ETH], payer, now_s) == UNIT[ETH]
    pool.supply(HEALTHY, ETH, UNIT[ETH] // 2, payer, now_s)
    moved = pool.ledger.balances - before
    assert moved[payer].tolist() == [UNIT[ETH] // 2, 0, -4_000 * UNIT[USDC], 0]
    assert moved[pool.account].tolist() == (-moved[payer]).tolist()
    assert not pool.residual_touched().any()
    owed = pool.debt_units(HEALTHY, USDC, now_s)
    assert pool.repay(HEALTHY, USDC, 40_000 * UNIT[USDC], payer, now_s) == owed
    assert pool.withdraw(HEALTHY, ETH, pool.collateral_units(HEALTHY, ETH, now_s), payer, now_s)
    assert pool.health_factor(HEALTHY, now_s) == MAX_UINT256
    assert not pool.residual().any()


def test_emptied_account_may_begin_again_with_another_collateral(customer):
    pool = make_pool()
    payer = customer(pool)
    pool.withdraw(DEBTLESS, ETH, UNIT[ETH], payer, 0)
    pool.ledger.endow(BTC, payer, UNIT[BTC])
    pool.supply(DEBTLESS, BTC, UNIT[BTC], payer, 0)
    assert pool.collateral_units(DEBTLESS, BTC, 0) == UNIT[BTC]
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize(
    "call",
    [
        lambda pool, me: pool.liquidate(HEALTHY, ETH, USDC, UNIT[USDC], me, 10),
        lambda pool, me: pool.liquidate(INSOLVENT, BTC, USDC, UNIT[USDC], me, 10),
        lambda pool, me: pool.liquidate(INSOLVENT, ETH, DAI, UNIT[DAI], me, 10),
        lambda pool, me: pool.liquidate(INSOLVENT, ETH, USDC, 60_000 * UNIT[USDC], me, 10),
        lambda pool, me: pool.liquidate(INSOLVENT, ETH, USDC, 0, me, 10),
        lambda pool, me: pool.repay(DEBTLESS, USDC, UNIT[USDC], me, 10),
        lambda pool, me: pool.repay(HEALTHY, DAI, UNIT[DAI], me, 10),
        lambda pool, me: pool.repay(HEALTHY, USDC, 0, me, 10),
        lambda pool, me: pool.repay(HEALTHY, USDC, MAX_UINT256, pool.ledger.open_account("poor"), 10),
        lambda pool, me: pool.supply(HEALTHY, ETH, 1, me, 10),
        lambda pool, me: pool.supply(HEALTHY, USDC, UNIT[USDC], me, 10),
        lambda pool, me: pool.supply(HEALTHY, ETH, 0, me, 10),
        lambda pool, me: pool.withdraw(HEALTHY, ETH, 9 * UNIT[ETH], me, 10),
        lambda pool, me: pool.withdraw(INSOLVENT, ETH, 1, me, 10),
        lambda pool, me: pool.withdraw(DEBTLESS, ETH, 2 * UNIT[ETH], me, 10),
        lambda pool, me: pool.withdraw(HEALTHY, BTC, 1, me, 10),
        lambda pool, me: pool.withdraw(pool.lenders, USDC, 1, me, 10),
    ],
    ids=[
        "liquidate the healthy",
        "seize what is not there",
        "repay what is not owed",
        "pay more than one has",
        "pay nothing",
        "repay without debt",
        "repay another asset",
        "repay nothing",
        "repay without money",
        "supply what one lacks",
        "supply what is lent",
        "supply nothing",
        "withdraw into ill health",
        "withdraw while unhealthy",
        "withdraw more than there is",
        "withdraw another asset",
        "withdraw what lenders supply",
    ],
)
def test_refused_call_changes_nothing(customer, call):
    pool = make_pool()
    me = customer(pool)
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    after = state_of(pool)
    assert before[:4] == after[:4]
    assert before[5] == after[5]
    assert not pool.residual_touched().any()


def test_checkpoint_and_rollback_restore_everything(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 50)
    before = deepcopy(state_of(pool))
    pool.ledger.begin()
    restore = pool.checkpoint(INSOLVENT, (ETH, USDC))
    pool.liquidate(INSOLVENT, ETH, USDC, 100 * UNIT[USDC], bot, 7_000)
    pool.liquidate(INSOLVENT, ETH, USDC, 9_000 * UNIT[USDC], bot, 7_000)
    assert pool.deficit().any()
    pool.positions.touched.clear()
    restore()
    pool.ledger.rollback()
    assert before == state_of(pool)
    assert not pool.deficit().any()
    assert INSOLVENT in pool.positions.touched, "whoever screens health must look again"
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize("column", [ETH, 4 + USDC])
def test_corrupted_row_of_a_liquidated_account_is_seen_at_once(customer, column):
    pool = make_pool()
    pool.liquidate(INSOLVENT, ETH, USDC, 100 * UNIT[USDC], customer(pool), 10)
    pool.positions.amounts[INSOLVENT, column] += 3
    assert pool.residual_touched()[column % 4] == 3
    assert pool.residual()[column % 4] == 3
    assert not pool.residual_touched().any(), "what was reported is not reported again"


def test_corrupted_row_of_anybody_is_seen_by_the_full_check():
    pool = make_pool()
    pool.positions.amounts[HEALTHY, ETH] -= 1
    pool.positions.amounts[BITCOIN, 4 + USDC] += 5
    pool.positions.amounts[pool.lenders, DAI] += 2
    pool.positions.amounts[pool.lenders, 4 + DAI] += 4
    assert pool.residual().tolist() == [1, 0, 5, 6]


LEGS = {
    "cash": lambda book: replace(book, cash=book.cash - 7),
    "borrow": lambda book: replace(
        book, market=replace(book.market, total_borrow_assets=book.market.total_borrow_assets - 7)
    ),
    "supply": lambda book: replace(
        book, market=replace(book.market, total_supply_assets=book.market.total_supply_assets - 7)
    ),
    "borrow shares": lambda book: replace(
        book, market=replace(book.market, total_borrow_shares=book.market.total_borrow_shares - 7)
    ),
    "supply shares": lambda book: replace(book, lender_shares=book.lender_shares - 7),
}


@pytest.mark.parametrize("break_leg", LEGS.values(), ids=LEGS)
def test_book_that_loses_a_leg_is_seen(customer, break_leg):
    pool = make_pool()
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], customer(pool), 10)
    pool.books[ETH, USDC] = break_leg(pool.books[ETH, USDC])
    assert pool.residual()[USDC] > 0
    assert pool.residual_touched()[USDC] > 0


@pytest.mark.parametrize("by_liquidation", [False, True])
def test_unit_that_rounding_asks_for_beyond_all_debt_is_nobodys(by_liquidation):
    """Repaying all shares of a market may cost a unit more than all of its debt, which stops at 0."""
    market = Market(20, 20 * 10**6, 5, 6 * 10**6, START)
    book = MarketBook(PARAMETERS, market, INITIAL_RATE_AT_TARGET, lender_shares=20 * 10**6, cash=15)
    position = Position(0, market.total_borrow_shares, 6)
    if by_liquidation:
        done = liquidate(market, position, PARAMETERS, 10**36, repaid_shares=position.borrow_shares)
        after = liquidated(book, done)
        assert done.repaid_assets == 6
    else:
        after = repaid(book, repay(market, position, shares=position.borrow_shares))
    assert after.cash == 21
    assert after.over_paid == 1
    assert disagreement(after) == (0, 0)


def test_underlying_that_the_ledger_lacks_is_seen(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 10)
    pool.ledger.transfer(USDC, pool.account, bot, 2, Reason.TRANSFER)
    assert pool.residual_touched().tolist() == [0, 0, 2, 0]
    assert pool.residual().tolist() == [0, 0, 2, 0]


@settings(max_examples=80, deadline=None)
@given(
    eth=st.integers(10**10, 4 * 10**11),
    btc=st.integers(10**11, 8 * 10**12),
    first=st.integers(0, 10**7),
    wait=st.integers(0, 10**8),
    paid=st.integers(1, 29_000),
)
def test_screening_never_misses_an_account_that_the_rule_would_liquidate(
    customer, eth, btc, first, wait, paid
):
    pool = make_pool()
    pool.set_prices([eth, btc, 10**8, 10**8])
    pool.repay(BITCOIN, USDC, paid * UNIT[USDC], customer(pool), first)
    now = first + wait
    collateral, debt, _ = pool.weights(now)
    backed = pool.positions.collateral @ (collateral * (1.0 - pool.caution - 1e-5))
    owed = pool.positions.debt @ debt
    for row in OWED:
        if pool.health_factor(row, now) < WAD:
            assert backed[row] < owed[row]
        elif backed[row] < owed[row]:
            assert backed[row] / owed[row] > 1.0 - 4.0 * (pool.caution + 1e-5), (
                "close: the exact rule is asked"
            )


@given(st.integers(10**10, 4 * 10**11), st.integers(10**10, 4 * 10**11), st.integers(0, 10**7))
@settings(max_examples=60, deadline=None)
def test_a_falling_price_never_makes_an_account_healthy(first, second, now):
    pool = make_pool()
    market = bare_market(pool, (ETH, USDC), START + now)
    health = []
    for price in sorted((first, second)):
        pool.set_prices([price, *PRICES[1:]])
        health.append(pool.health_factor(UNHEALTHY, now))
        position = Position(0, OWED[UNHEALTHY] * UNIT[USDC] * 10**6, 5 * UNIT[ETH])
        scaled = price * price_scale(6, 9) // 10**8
        assert (health[-1] >= WAD) == is_healthy(market, position, PARAMETERS, scaled)
    assert health[0] <= health[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(10**10, 4 * 10**11), st.integers(1, 10**10), st.integers(1, 10**10))
def test_liquidations_in_different_markets_do_not_depend_on_their_order(customer, eth, one, two):
    """Markets are isolated, so what happens in one changes nothing in another (MODEL 1.7)."""
    outcomes = []
    for order in ((UNHEALTHY, DAI_DEBT), (DAI_DEBT, UNHEALTHY)):
        pool = make_pool()
        pool.set_prices([eth, *PRICES[1:]])
        me, done = customer(pool), {}
        for row in order:
            asset, cover = (USDC, one) if row == UNHEALTHY else (DAI, two)
            try:
                done[row] = pool.liquidate(row, ETH, asset, cover, me, 500)
            except Revert as error:
                done[row] = error.reason
        outcomes.append((done, state_of(pool)))
    assert outcomes[0] == outcomes[1]


CALLS = st.tuples(
    st.sampled_from(["liquidate", "liquidate", "repay", "supply", "withdraw", "undone"]),
    st.sampled_from(range(6)),
    st.sampled_from([ETH, BTC]),
    st.sampled_from([USDC, DAI]),
    st.integers(1, 10**13) | st.integers(1, 10**10),
    st.integers(0, 2_000_000),
)


def attempt(pool: MorphoPool, call, me: int, now: int) -> None:
    """Make one call; if the rules refuse it, nothing has happened."""
    kind, row, asset, loan, amount, _ = call
    try:
        if kind in ("liquidate", "undone"):
            pool.liquidate(row, asset, loan, amount, me, now)
        elif kind == "repay":
            pool.repay(row, loan, amount, me, now)
        elif kind == "supply":
            pool.supply(row, asset, amount, me, now)
        else:
            pool.withdraw(row, asset, amount, me, now)
    except Revert:
        pass


@settings(max_examples=120, deadline=None)
@given(
    st.lists(CALLS, max_size=14), st.integers(10**9, 4 * 10**11), st.sampled_from([0, WAD // 10, WAD // 4])
)
def test_no_sequence_of_calls_makes_or_loses_a_unit(customer, agrees, calls, eth_price, fee):
    pool = make_pool(fee)
    me = customer(pool, 10**6)
    pool.set_prices([eth_price, *PRICES[1:]])
    now = 0
    for call in calls:
        now += call[-1]
        if call[0] == "undone":
            before = deepcopy(state_of(pool))
            pool.ledger.begin()
            restore = pool.checkpoint(call[1], (call[2], call[3]))
            attempt(pool, call, me, now)
            restore()
            pool.ledger.rollback()
            assert before == state_of(pool)
        else:
            attempt(pool, call, me, now)
        assert not pool.residual_touched().any()
    assert agrees(pool)


@settings(max_examples=60, deadline=None)
@given(st.integers(10**9, 2 * 10**11), st.integers(1, 10**11))
def test_debt_is_repaid_or_written_off_and_never_lost(customer, eth_price, cover):
    pool = make_pool()
    me = customer(pool, 10**6)
    pool.set_prices([eth_price, *PRICES[1:]])
    owed, held = pool.debt_units(UNHEALTHY, USDC, 900), pool.collateral_units(UNHEALTHY, ETH, 900)
    try:
        result = pool.liquidate(UNHEALTHY, ETH, USDC, cover, me, 900)
    except Revert:
        return
    assert result.debt_repaid <= cover
    left = pool.debt_units(UNHEALTHY, USDC, 900)
    assert result.debt_repaid + int(pool.deficit()[USDC]) + left == pytest.approx(owed, abs=2)
    assert result.collateral_to_liquidator + pool.collateral_units(UNHEALTHY, ETH, 900) == held


def test_answers_do_not_depend_on_what_was_asked_before(customer):
    pool, untouched = make_pool(), make_pool()
    me = customer(pool)

    def seen(pool: MorphoPool, now: int) -> list[object]:
        weights = [w.tolist() for w in pool.weights(now)]
        return [pool.debt_units(UNHEALTHY, USDC, now), pool.health_factor(UNHEALTHY, now), weights]

    assert seen(pool, 90_000) == seen(untouched, 90_000)
    assert seen(pool, 600) == seen(untouched, 600)
    pool.ledger.begin()
    restore = pool.checkpoint(UNHEALTHY, (ETH, USDC))
    pool.liquidate(UNHEALTHY, ETH, USDC, 4_000 * UNIT[USDC], me, 600)
    assert seen(pool, 90_000) != seen(untouched, 90_000)
    pool.ledger.rollback()
    restore()
    for now in (90_000, 600, 0):
        assert seen(pool, now) == seen(untouched, now)
