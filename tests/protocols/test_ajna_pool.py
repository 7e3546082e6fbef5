"""An Ajna pool moves the ledger by what its rules say, and lenders as far as the contract lets them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, WAD
from liquidarium.protocols.lending.ajna import kick, lowest_utilized_price, take
from liquidarium.protocols.lending.ajna.auction import auction_price, wmul
from liquidarium.protocols.lending.ajna.buckets import ladder, total
from liquidarium.protocols.lending.ajna.pool import AjnaPool, AjnaTerms
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC = range(3)
SYMBOLS, DECIMALS = ("ETH", "BTC", "USDC"), (9, 8, 6)
UNIT = [10**d for d in DECIMALS]
SCALE = [10 ** (18 - d) for d in DECIMALS]
START = 1_621_382_400
SAFE, RISKY, BIG, BITCOIN, DEBTLESS = range(5)
HELD = {SAFE: (ETH, 10), RISKY: (ETH, 10), BIG: (ETH, 100), BITCOIN: (BTC, 1), DEBTLESS: (ETH, 1)}
OWED = {SAFE: 10_000, RISKY: 17_000, BIG: 150_000, BITCOIN: 30_000}
TERMS = AjnaTerms(5 * WAD // 100, 9 * WAD // 10, Fraction(98, 100), 18)
HOUR = 3600


def prices(eth: float, btc: float = 40_000.0) -> list[int]:
    return [int(eth * 10**8), int(btc * 10**8), 10**8]


def make_pool(terms: AjnaTerms = TERMS) -> AjnaPool:
    """Five borrowers at 2,000 USD for an ETH; the one called risky is the first to be kicked."""
    ledger = Ledger([Asset(s, d) for s, d in zip(SYMBOLS, DECIMALS, strict=True)])
    pool = AjnaPool(ledger, "ajna", [ETH, BTC], USDC, terms, 5, START)
    collateral, debt = np.zeros((5, 3), np.int64), np.zeros((5, 3), np.int64)
    for row, (asset, tokens) in HELD.items():
        collateral[row, asset] = tokens * UNIT[asset]
    for row, tokens in OWED.items():
        debt[row, USDC] = tokens * UNIT[USDC]
    pool.endow(collateral, debt)
    pool.set_prices(prices(2_000))
    return pool


def fallen(customer, eth: float = 1_850.0, now_s: int = 100) -> tuple[AjnaPool, int, int]:
    """Return a pool whose risky loan has been kicked at a lower price, its kicker, and the auction."""
    pool = make_pool()
    kicker = customer(pool, 1_000_000)
    pool.set_prices(prices(eth))
    done = pool.kick(RISKY, kicker, now_s)
    assert done.bond is not None
    return pool, kicker, done.bond.number


def lup(pool: AjnaPool, asset: int) -> float:
    book = pool.books[asset]
    return lowest_utilized_price(book.deposits, book.debt) / WAD


def state_of(pool: AjnaPool):
    """Everything that a call may change."""
    return (
        pool.positions.amounts.tolist(), dict(pool.books), dict(pool.lots), dict(pool.bonds), pool.cash,
        list(pool.held), pool._asset_of.tolist(), dict(pool._remainders), pool.ledger.balances.tolist(),
        [order.highest() for order in pool._orders.values()],
    )  # fmt: skip


def test_the_pool_opens_with_lenders_on_their_ladder():
    pool = make_pool()
    assert len(pool.books[ETH].deposits) == 18
    assert total(pool.books[ETH].deposits) == pytest.approx(177_000 / 0.8 * WAD)
    threshold = TERMS.threshold(2_000 * WAD, 0.8)
    assert threshold * 1.04 * 2_000 == pytest.approx(lup(pool, ETH))
    pool.weights(0)
    assert pool.thresholds[ETH] == pytest.approx(threshold)
    assert 0.86 < threshold < 0.90
    assert pool.health_factor(RISKY, 0) / WAD == pytest.approx(threshold * 20_000 / 17_000, rel=1e-9)
    assert pool.health_factor(DEBTLESS, 0) == MAX_UINT256
    assert not pool.residual().any()
    assert not pool.ledger.imbalance().any()


@pytest.mark.parametrize(
    ("collateral", "debt", "complaint"),
    [
        ({ETH: 1, BTC: 1}, {USDC: 1}, "a loan has one collateral"),
        ({USDC: 1}, {}, "USDC is no collateral"),
        ({ETH: 1}, {BTC: 1}, "loans cannot owe BTC"),
    ],
)
def test_positions_that_no_loan_can_hold_are_refused(collateral, debt, complaint):
    ledger = Ledger([Asset(s, d) for s, d in zip(SYMBOLS, DECIMALS, strict=True)])
    pool = AjnaPool(ledger, "ajna", [ETH, BTC], USDC, TERMS, 1, START)
    amounts = np.zeros((2, 1, 3), np.int64)
    for side, of_side in enumerate((collateral, debt)):
        for asset, units in of_side.items():
            amounts[side, 0, asset] = units
    with pytest.raises(ValueError, match=complaint):
        pool.endow(*amounts)


def test_lenders_who_follow_a_falling_price_stop_at_the_worst_loan():
    """A deposit may not leave if the LUP fell below the highest threshold price."""
    pool = make_pool()
    before = lup(pool, ETH)
    pool.set_prices(prices(1_960))
    assert lup(pool, ETH) == pytest.approx(before * 0.98, rel=0.006)
    pool.set_prices(prices(1_500))
    assert 1_700 * 1.04 <= lup(pool, ETH) < 1_700 * 1.04 * 1.005
    assert pool.health_factor(RISKY, 0) < WAD < pool.health_factor(SAFE, 0)
    assert not pool.residual().any()


def test_once_the_worst_loan_is_kicked_lenders_go_on(customer):
    pool, _, _ = fallen(customer)
    before = lup(pool, ETH)
    pool.set_prices(prices(1_700))
    assert lup(pool, ETH) < before
    assert lup(pool, ETH) >= 1_500 * 1.04


def test_deposits_that_cover_debt_in_auctions_stay_where_they_are(customer):
    pool, _, _ = fallen(customer)
    top, amount = pool.books[ETH].deposits[0]
    pool.set_prices(prices(1_600))
    assert dict(pool.books[ETH].deposits)[top] == amount


def test_lenders_come_back_when_the_price_does():
    pool = make_pool()
    pool.set_prices(prices(1_900))
    pool.set_prices(prices(2_200))
    assert lup(pool, ETH) == pytest.approx(0.916 * 2_200, rel=0.01)


def test_a_kick_is_the_rule_called_directly_and_the_bond_moves(customer):
    pool = make_pool()
    kicker = customer(pool)
    pool.set_prices(prices(1_850))
    before = pool.ledger.balances.copy()
    asset, stake = pool.stake(RISKY, 100)
    done = pool.kick(RISKY, kicker, 100)
    owed = wmul(17_000 * WAD, pool._inflator(100))
    rule = kick(owed, 10 * WAD, 1, pool.ratio, wmul(owed // 10, 104 * WAD // 100), START + 100)
    assert pool.lots[1].auction == rule
    assert (done.bond.asset, done.bond.units) == (asset, stake) == (USDC, -(-rule.bond // SCALE[USDC]))
    assert stake == pytest.approx(pool.stake_share * 17_000 * UNIT[USDC], rel=1e-6)
    moved = pool.ledger.balances - before
    assert moved[kicker].tolist() == [0, 0, -stake]
    assert done.collateral == ((ETH, 10 * UNIT[ETH]),)
    assert pool.held_for(kicker) == ((USDC, rule.bond // SCALE[USDC]),)
    assert not pool.positions.amounts[RISKY].any()
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_a_take_is_the_rule_called_directly(customer):
    pool, _, number = fallen(customer)
    taker, now_s = customer(pool), 100 + 6 * HOUR
    lot = pool.lots[number]
    pay = 5_000 * UNIT[USDC]
    price = auction_price(lot.auction, START + now_s)
    wanted = pay * SCALE[USDC] * WAD // price // SCALE[ETH] * SCALE[ETH]
    rule = take(lot.auction, pool._owed(lot, now_s), 10 * WAD, wanted, SCALE[ETH], START + now_s)
    done = pool.buy(number, pay, float("inf"), taker, now_s)
    assert done.units == rule.collateral // SCALE[ETH]
    assert pay - 2 <= done.paid <= pay
    assert pool.lots[number].auction == rule.auction
    assert pool.lots[number].collateral == 10 * UNIT[ETH] - done.units
    assert pool.ledger.volumes[Reason.SEIZE, ETH] == done.units
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_the_last_take_ends_the_auction_and_leaves_the_rest_to_the_owner(customer):
    pool, kicker, number = fallen(customer)
    taker, now_s = customer(pool), 100 + 6 * HOUR
    (offer,) = pool.sales(now_s)
    assert offer.number == number
    assert offer.most < 10 * offer.price * UNIT[USDC]
    done = pool.buy(number, offer.most, offer.price, taker, now_s)
    assert (done.units, done.paid) == (offer.units, offer.most)
    assert done.returned == 10 * UNIT[ETH] - done.units > 0
    assert pool.positions.collateral[RISKY, ETH] == done.returned
    assert pool.debt_units(RISKY, USDC, now_s) == 0
    (chore,) = pool.chores(now_s)
    assert (chore.kind, chore.number, chore.beneficiary) == ("bond", kicker, kicker)
    assert pool.bonds_of(kicker) == (number,)
    held = pool.ledger.balance(kicker, USDC)
    pool.work("bond", kicker, taker, now_s)
    paid_back = pool.ledger.balance(kicker, USDC) - held
    assert paid_back / UNIT[USDC] == pytest.approx(chore.gain_usd, abs=1e-6)
    assert not pool.chores(now_s)
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize(("hours", "gains"), [(5.9, False), (6.3, True)])
def test_a_kicker_gains_below_the_neutral_price_and_loses_above(customer, hours, gains):
    pool, _, number = fallen(customer)
    staked = pool.lots[number].auction.bond
    now_s = 100 + int(hours * HOUR)
    pool.buy(number, 10**12, float("inf"), customer(pool, 10**6), now_s)
    assert (pool.bonds[number][2] > staked) is gains


def test_debt_that_no_collateral_is_left_for_costs_reserves_then_lenders(customer):
    pool, kicker, number = fallen(customer)
    now_s, taker = 100 + 8 * HOUR, customer(pool)
    deposits = total(pool._book(ETH, now_s).deposits)
    pool.buy(number, 10**12, float("inf"), taker, now_s)
    left = pool._owed(pool.lots[number], now_s)
    assert pool.lots[number].collateral == 0
    assert pool.deficit()[USDC] == -(-left // SCALE[USDC]) > 0
    reserves = pool._book(ETH, now_s).reserves
    (chore,) = pool.chores(now_s)
    assert (chore.kind, chore.beneficiary) == ("settle", kicker)
    pool.work("settle", number, taker, now_s)
    assert number not in pool.lots
    lost = deposits - total(pool.books[ETH].deposits)
    assert lost == pytest.approx(left - reserves, abs=2)
    assert pool.deficit()[USDC] == -(-left // SCALE[USDC])
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_after_three_days_lenders_get_the_collateral(customer):
    pool, _, number = fallen(customer)
    with pytest.raises(Revert, match="AuctionNotClearable"):
        pool.work("settle", number, 0, 99 + 72 * HOUR)
    now_s = 100 + 72 * HOUR
    assert [chore.kind for chore in pool.chores(now_s)] == ["settle"]
    pool.work("settle", number, 0, now_s)
    lenders, back = pool.collateral_units(pool.lenders, ETH, now_s), pool.positions.collateral[RISKY, ETH]
    assert lenders + back == 10 * UNIT[ETH]
    assert lenders > 8 * UNIT[ETH]
    assert pool.claims(now_s)["lenders"][ETH] == lenders
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_a_loan_in_an_auction_cannot_be_kicked_again_nor_change_pools(customer):
    pool, kicker, _ = fallen(customer)
    pool.ledger.endow(BTC, kicker, UNIT[BTC])
    with pytest.raises(Revert, match="BorrowerOk"):
        pool.kick(RISKY, kicker, 200)
    with pytest.raises(Revert, match="takes no other collateral"):
        pool.supply(RISKY, BTC, 1, kicker, 200)


REFUSED = {
    "kick the safe": lambda pool, me: pool.kick(SAFE, me, 10),
    "kick without money": lambda pool, me: pool.kick(BIG, pool.ledger.open_account("poor"), 10),
    "take in the second of the kick": lambda pool, me: pool.buy(1, 10**9, float("inf"), me, 100),
    "take above one's limit": lambda pool, me: pool.buy(1, 10**9, 1.0, me, 110),
    "take without money": lambda pool, me: pool.buy(
        1, 10**9, float("inf"), pool.ledger.open_account("poor"), 6 * HOUR
    ),
    "take what is not for sale": lambda pool, me: pool.buy(7, 10**9, float("inf"), me, 110),
    "settle a young auction": lambda pool, me: pool.work("settle", 1, me, 200),
    "settle what is no auction": lambda pool, me: pool.work("settle", 9, me, 200),
    "take out a bond that is at stake": lambda pool, me: pool.work("bond", pool.lots[1].kicker, me, 200),
    "do what nobody knows": lambda pool, me: pool.work("redo", 1, me, 200),
    "call": lambda pool, me: pool.liquidate(BIG, ETH, USDC, 1, me, 10),
    "repay what is not owed": lambda pool, me: pool.repay(DEBTLESS, USDC, 1, me, 10),
    "repay without money": lambda pool, me: pool.repay(BIG, USDC, 1, pool.ledger.open_account("poor"), 10),
    "supply what one lacks": lambda pool, me: pool.supply(SAFE, ETH, UNIT[ETH], me, 10),
    "withdraw into ill health": lambda pool, me: pool.withdraw(SAFE, ETH, 5 * UNIT[ETH], me, 10),
    "withdraw more than there is": lambda pool, me: pool.withdraw(DEBTLESS, ETH, 2 * UNIT[ETH], me, 10),
    "withdraw what lenders supply": lambda pool, me: pool.withdraw(pool.lenders, USDC, 1, me, 10),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused_call_changes_nothing(customer, call):
    pool, _, _ = fallen(customer)
    pool.set_prices(prices(1_500))
    me = customer(pool)
    assert not pool.residual_touched().any()
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    after = state_of(pool)
    assert before[:8] == after[:8]
    assert [row for row in before[8] if any(row)] == [row for row in after[8] if any(row)]


@pytest.mark.parametrize("step", ["kick", "take", "take all", "settle", "bond", "repay"])
def test_checkpoint_and_rollback_restore_everything(customer, step):
    pool, me, number = fallen(customer)
    now_s = 100 + 8 * HOUR
    pool.set_prices(prices(1_400))
    if step in ("settle", "bond"):
        pool.buy(number, 10**12, float("inf"), me, now_s)
    if step == "bond":
        pool.work("settle", number, me, now_s)
    pool.residual_touched()
    before = state_of(pool)
    row = BIG if step in ("kick", "repay") else RISKY
    pool.ledger.begin()
    restore = pool.checkpoint(row, (ETH, USDC))
    if step == "kick":
        pool.kick(BIG, me, now_s)
    elif step == "repay":
        pool.repay(BIG, USDC, 77 * UNIT[USDC], me, now_s)
    elif step in ("settle", "bond"):
        pool.work(step, number if step == "settle" else me, me, now_s)
    else:
        pool.buy(number, 10**12 if step == "take all" else 10**9, float("inf"), me, now_s)
    assert state_of(pool) != before
    restore()
    pool.ledger.rollback()
    assert state_of(pool) == before
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize("column", [ETH, 3 + USDC])
def test_a_corrupted_row_is_seen(customer, column):
    pool, me, _ = fallen(customer)
    pool.residual_touched()
    pool.repay(BIG, USDC, UNIT[USDC], me, 200)
    pool.positions.amounts[BIG, column] += 3
    assert pool.residual_touched()[column % 3] == 3
    assert pool.residual()[column % 3] == 3


@pytest.mark.parametrize("leg", ["reserves", "bonds", "t0_debt", "t0_auctioned", "deposits"])
def test_a_book_that_loses_a_leg_is_seen(customer, leg):
    pool, _, _ = fallen(customer)
    book = pool.books[ETH]
    index, amount = book.deposits[0]
    value = (
        ((index, amount - 7 * SCALE[USDC]), *book.deposits[1:])
        if leg == "deposits"
        else (getattr(book, leg) - 7 * SCALE[USDC])
    )
    pool.books[ETH] = replace(book, **{leg: value})
    assert pool.residual()[USDC] >= 7


def test_nothing_is_kept_for_loans_that_nobody_touched():
    pool = make_pool()
    pool.weights(0)
    assert not pool._remainders
    assert not any(order._moved or order._heap for order in pool._orders.values())


@settings(max_examples=60, deadline=None)
@given(eth=st.lists(st.floats(1_500, 2_400), min_size=1, max_size=8))
def test_lenders_move_as_far_as_the_worst_loan_allows_and_no_further(eth):
    pool = make_pool()
    for price in eth:
        book, before = pool.books[ETH], pool._placed[ETH]
        pool.set_prices(prices(price))
        placed, top, worst = pool._placed[ETH], pool._tops[ETH], wmul(pool._highest_t0(ETH), book.inflator)

        def lup_at(to, book=book):
            return lowest_utilized_price(ladder(book.deposits, book.auctioned, to, TERMS.rungs), book.debt)

        assert placed == top or (before <= placed < top and lup_at(placed + 1) < worst)
        assert placed in (before, top) or lup_at(placed) >= worst


@settings(max_examples=60, deadline=None)
@given(
    kicks=st.lists(st.tuples(st.sampled_from([RISKY, BIG, BITCOIN]), st.integers(0, 9_000)), max_size=3),
    later=st.integers(0, 80 * HOUR),
    best=st.tuples(st.floats(1, 4_000), st.floats(1, 80_000)),
)
def test_no_auction_that_could_be_sold_for_more_is_left_out(customer, kicks, later, best):
    pool, now = make_pool(), 100
    kicker = customer(pool, 10**7)
    pool.set_prices(prices(1_500, 30_000))
    for row, wait in kicks:
        now += wait
        with suppress(Revert):
            pool.kick(row, kicker, now)
    all_sales, usd = pool.sales(now + later), (1_500.0, 30_000.0, 1.0)
    worth = pool.sales_worth(now + later, (*best, 1.0), usd)
    assert all(sale in all_sales for sale in worth)
    assert all(sale in worth for sale in all_sales if sale.price <= best[sale.collateral])
    assert all(sale.price <= best[sale.collateral] * (1 + 1e-5) for sale in worth)


@settings(max_examples=60, deadline=None)
@given(
    eth=st.floats(900, 2_400),
    low=st.floats(900, 2_400),
    now=st.integers(0, 10**7),
    paid=st.integers(1, 9_000),
)
def test_screening_never_misses_a_loan_that_may_be_kicked(customer, missed, eth, low, now, paid):
    pool = make_pool()
    pool.set_prices(prices(low))
    pool.repay(BIG, USDC, paid * UNIT[USDC], customer(pool), now // 2)
    pool.set_prices(prices(eth))
    assert not missed(pool, now)


@settings(max_examples=60, deadline=None)
@given(fall=st.floats(0.5, 1.0), further=st.floats(0.5, 1.0))
def test_a_falling_price_never_makes_a_loan_healthier(fall, further):
    pool = make_pool()
    health = []
    for factor in (fall, fall * further):
        pool.set_prices(prices(2_000 * factor, 40_000 * factor))
        health.append([pool.health_factor(row, 0) for row in OWED])
    assert all(after <= before for before, after in zip(*health, strict=True))


calls = st.lists(
    st.tuples(
        st.sampled_from(["kick", "buy", "settle", "bond", "repay", "supply", "withdraw", "price"]),
        st.integers(0, 4),
        st.integers(0, 10**11),
        st.integers(0, 10 * HOUR),
    ),
    max_size=14,
)


@settings(max_examples=80, deadline=None)
@given(eth=st.floats(1_000, 2_000), calls=calls)
def test_no_sequence_of_calls_makes_or_loses_money(customer, agrees, eth, calls):
    pool = make_pool()
    me, now = customer(pool, 10**6), 0
    pool.ledger.endow(ETH, me, 10**10)
    pool.set_prices(prices(eth))
    for kind, row, amount, wait in calls:
        now += wait
        try:
            if kind == "kick":
                pool.kick(row, me, now)
            elif kind == "buy":
                pool.buy(row, amount, float("inf"), me, now)
            elif kind in ("settle", "bond"):
                pool.work(kind, row if kind == "settle" else me, me, now)
            elif kind == "repay":
                pool.repay(row, USDC, amount, me, now)
            elif kind == "supply":
                pool.supply(row, ETH, amount, me, now)
            elif kind == "withdraw":
                pool.withdraw(row, ETH, amount, me, now)
            else:
                pool.set_prices(prices(900 + amount / 10**8))
        except Revert:
            pass
        assert not pool.residual_touched().any()
    assert agrees(pool)
