"""A Fluid pool moves the ledger by what its vaults do, to the last unit, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, RAY, WAD
from liquidarium.protocols.interest import KinkedCurve
from liquidarium.protocols.lending.fluid import FluidParameters, liquidate
from liquidarium.protocols.lending.fluid.pool import FluidPool
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = (9, 8, 6, 9)
UNIT = [10**d for d in DECIMALS]
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
HEALTHY, UNHEALTHY, WORSE, BITCOIN, DAI_DEBT, DEBTLESS, TWIN = range(7)
OWED = {HEALTHY: 8_000, UNHEALTHY: 9_100, WORSE: 9_300, BITCOIN: 30_000, DAI_DEBT: 1_850, TWIN: 1_860}
HELD = {HEALTHY: 5, UNHEALTHY: 5, WORSE: 5, DAI_DEBT: 1, DEBTLESS: 1, TWIN: 1}
VAULT = FluidParameters(900, 950, 100)
CURVE = KinkedCurve(8 * RAY // 10, 0, 4 * RAY // 100, RAY)


def make_pool() -> FluidPool:
    """Seven borrowers of three vaults; two of three ticks above the threshold, one with twins."""
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    pool = FluidPool(ledger, "fluid", [VAULT, VAULT, None, None], CURVE, 1_000, 7, START)
    collateral, debt = np.zeros((7, 4), np.int64), np.zeros((7, 4), np.int64)
    for row, tokens in HELD.items():
        collateral[row, ETH] = tokens * UNIT[ETH]
    collateral[BITCOIN, BTC] = UNIT[BTC]
    for row, tokens in OWED.items():
        asset = DAI if row == DAI_DEBT else USDC
        debt[row, asset] = tokens * UNIT[asset]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: FluidPool):
    """Everything that a call may change."""
    return (
        pool.positions.amounts.tolist(),
        pool.crowd.tick_debt.tolist(),
        pool.crowd.group_of.tolist(),
        {key: rows.tolist() for key, rows in pool.crowd.members.items()},
        dict(pool.crowd.vaults),
        dict(pool.books),
        list(pool.held),
        (list(pool.nobodys_debt), list(pool.nobodys_collateral)),
        pool.ledger.balances.tolist(),
        pool.ledger.volumes.tolist(),
    )


def test_positions_open_on_ticks_no_further_than_one_above_their_ratio():
    pool = make_pool()
    assert set(pool.crowd.vaults) == {(ETH, USDC), (BTC, USDC), (ETH, DAI)}
    owed = pool.positions.debt.sum(axis=1)[: pool.lenders]
    borrowers = owed > 0
    dust = pool.crowd.tick_debt[: pool.lenders][borrowers] / owed[borrowers]
    assert (dust >= 1.0).all()
    assert (dust <= 1.0015 + 1e-9).all()
    assert pool.crowd.group_of[WORSE] == pool.crowd.group_of[TWIN]
    assert pool.ledger.balances[pool.account, ETH] == 18 * UNIT[ETH]
    assert not pool.residual().any()
    assert not pool.residual_touched().any()


@pytest.mark.parametrize(
    ("collateral", "debt", "complaint"),
    [
        ({ETH: 1}, {USDC: 1, DAI: 1}, "owes more than one asset"),
        ({ETH: 1, BTC: 1}, {USDC: 1}, "has more than one collateral"),
        ({}, {USDC: 1}, "owes without collateral"),
        ({DAI: 1}, {USDC: 1}, "no vault takes"),
    ],
)
def test_positions_that_no_account_can_hold_are_refused(collateral, debt, complaint):
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    pool = FluidPool(ledger, "fluid", [VAULT, VAULT, None, None], CURVE, 1_000, 1, START)
    amounts = np.zeros((2, 1, 4), np.int64)
    for side, given_ in enumerate((collateral, debt)):
        for asset, units in given_.items():
            amounts[side, 0, asset] = units
    with pytest.raises(ValueError, match=f"account 0 .*{complaint}"):
        pool.endow(*amounts)


def test_one_call_brings_a_whole_range_back_to_the_threshold(customer):
    """Three accounts on two ticks; the pool moves what the rule called directly says."""
    pool, cover = make_pool(), 40_000 * UNIT[USDC]
    bot = customer(pool)
    vault, _, terms, _ = pool._ready((ETH, USDC), 0)
    done = liquidate(vault, terms, cover, absorbed=False)
    before, owed = pool.ledger.balances.copy(), pool.positions.debt[:, USDC].copy()
    called = pool.liquidate(WORSE, ETH, USDC, cover, bot, 0)
    assert (called.debt_repaid + called.debt_fee, called.collateral_to_liquidator) == (
        done.debt,
        done.collateral,
    )
    moved = pool.ledger.balances - before
    assert moved[bot].tolist() == [done.collateral, 0, -done.debt, 0]
    assert moved[pool.account].tolist() == (-moved[bot]).tolist()
    assert pool.ledger.volumes[Reason.SEIZE, ETH] == done.collateral
    met = np.flatnonzero(pool.positions.debt[:, USDC] < owed).tolist()
    assert met == [UNHEALTHY, WORSE, TWIN]
    for row in met:
        assert WAD <= pool.health_factor(row, 0) <= WAD + 10**9
        ratio = (
            pool.positions.debt[row, USDC]
            / UNIT[USDC]
            / (2000 * pool.positions.collateral[row, ETH] / UNIT[ETH])
        )
        assert 0.9 / 1.0015**2 < ratio <= 0.9
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_a_vault_is_quoted_once_at_its_worst_account(customer):
    pool = make_pool()
    rows = np.array([UNHEALTHY, WORSE, TWIN, DAI_DEBT])
    debts = np.array([USDC, USDC, USDC, DAI])
    terms = pool.quote(rows, np.array([ETH] * 4), debts, 0)
    assert (terms.repay_usd > 0).tolist() == [False, True, False, True]
    assert terms.bonus[[1, 3]] == pytest.approx(0.01, abs=1e-4)
    assert terms.least_usd[1] == pytest.approx(0.01)
    payoff = pool.payoff(WORSE, USDC, 0)
    assert int(terms.repay_usd[1] * UNIT[USDC]) == pytest.approx(payoff, rel=2e-6)
    pool.liquidate(WORSE, ETH, USDC, int(terms.repay_usd[1] * UNIT[USDC]), customer(pool), 0)
    assert pool.payoff(WORSE, USDC, 0) == 0
    assert pool.health_factor(UNHEALTHY, 0) >= WAD


def test_a_small_call_meets_only_the_worst(customer):
    pool = make_pool()
    pool.liquidate(UNHEALTHY, ETH, USDC, 100 * UNIT[USDC], customer(pool), 0)
    assert pool.debt_units(UNHEALTHY, USDC, 0) == 9_100 * UNIT[USDC]
    worst = pool.debt_units(WORSE, USDC, 0), pool.debt_units(TWIN, USDC, 0)
    assert sum(worst) == pytest.approx((9_300 + 1_860 - 100) * UNIT[USDC], abs=3)
    assert worst[0] / worst[1] == pytest.approx(5, rel=1e-6)


def test_what_is_above_the_limit_is_absorbed_and_sold_while_it_pays(customer):
    """At 1,950 the worst owe 95.4 % of what they have; a liquidator of the others has them absorbed."""
    pool = make_pool()
    pool.set_prices([1_950 * 10**8, *PRICES[1:]])
    called = pool.liquidate(WORSE, ETH, USDC, 1_000 * UNIT[USDC], customer(pool), 0)
    vault = pool.crowd.vaults[ETH, USDC]
    assert vault.absorbed_debt == (9_300 + 1_860 - 1_000) * UNIT[USDC]
    assert called.collateral_to_liquidator == pytest.approx(6 * UNIT[ETH] * 1_000 / 11_160, abs=2)
    assert (called.debt_repaid, called.debt_fee) == (11_160 * UNIT[USDC], -10_160 * UNIT[USDC])
    assert called.collateral_to_liquidator + called.protocol_fee == 6 * UNIT[ETH]
    for row in (WORSE, TWIN):
        assert pool.positions.amounts[row].tolist() == [0] * 8
        assert pool.health_factor(row, 0) == MAX_UINT256
    assert not pool.deficit().any()
    assert not pool.residual_touched().any()
    assert not pool.residual().any()
    pool.set_prices([1_500 * 10**8, *PRICES[1:]])
    short = vault.absorbed_debt - vault.absorbed_collateral * 1_500 // 1_000
    assert pool.deficit()[USDC] == pytest.approx(short, abs=2)


def test_a_borrower_who_repays_leaves_the_range(customer):
    pool = make_pool()
    me = customer(pool)
    pool.repay(WORSE, USDC, 1_000 * UNIT[USDC], me, 0)
    assert pool.health_factor(WORSE, 0) > WAD
    assert pool.health_factor(TWIN, 0) < WAD
    pool.liquidate(TWIN, ETH, USDC, 9_000 * UNIT[USDC], me, 0)
    pool.repay(TWIN, USDC, 9_000 * UNIT[USDC], me, 0)
    assert pool.debt_units(TWIN, USDC, 0) == 0
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


REFUSED = {
    "liquidate where nobody is above": lambda pool, me: pool.liquidate(
        BITCOIN, BTC, USDC, UNIT[USDC], me, 10
    ),
    "repay what is not owed": lambda pool, me: pool.liquidate(WORSE, ETH, DAI, UNIT[DAI], me, 10),
    "liquidate who owes nothing": lambda pool, me: pool.liquidate(DEBTLESS, ETH, USDC, UNIT[USDC], me, 10),
    "pay too little": lambda pool, me: pool.liquidate(WORSE, ETH, USDC, 9_000, me, 10),
    "liquidate without money": lambda pool, me: pool.liquidate(
        WORSE, ETH, USDC, UNIT[USDC], pool.ledger.open_account("poor"), 10
    ),
    "repay without debt": lambda pool, me: pool.repay(DEBTLESS, USDC, UNIT[USDC], me, 10),
    "repay without money": lambda pool, me: pool.repay(
        HEALTHY, USDC, UNIT[USDC], pool.ledger.open_account("poor"), 10
    ),
    "leave dust": lambda pool, me: pool.repay(DAI_DEBT, DAI, 1_850 * UNIT[DAI] - 9_000, me, 0),
    "supply what one lacks": lambda pool, me: pool.supply(HEALTHY, ETH, 1, me, 10),
    "supply to another vault": lambda pool, me: pool.supply(HEALTHY, BTC, 0, me, 10),
    "supply what is lent": lambda pool, me: pool.supply(HEALTHY, USDC, UNIT[USDC], me, 10),
    "withdraw above the threshold": lambda pool, me: pool.withdraw(HEALTHY, ETH, UNIT[ETH], me, 10),
    "withdraw more than there is": lambda pool, me: pool.withdraw(DEBTLESS, ETH, 2 * UNIT[ETH], me, 10),
    "withdraw what lenders supply": lambda pool, me: pool.withdraw(pool.lenders, USDC, 1, me, 10),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused_call_changes_nothing(customer, call):
    pool = make_pool()
    me = customer(pool)
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    after = state_of(pool)
    assert before[:8] == after[:8]
    assert before[9] == after[9]
    assert not pool.residual_touched().any()


@pytest.mark.parametrize("eth", [2_000, 1_950, 1_200])
def test_checkpoint_and_rollback_restore_everything(customer, eth):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 50)
    pool.set_prices([eth * 10**8, *PRICES[1:]])
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(WORSE, (ETH, USDC))
    pool.liquidate(WORSE, ETH, USDC, 100 * UNIT[USDC], bot, 7_000)
    pool.repay(DAI_DEBT, DAI, 9 * UNIT[DAI], bot, 7_000)
    restore()
    pool.ledger.rollback()
    assert before == state_of(pool)
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize("column", [ETH, 4 + USDC])
def test_a_corrupted_row_is_seen(customer, column):
    pool = make_pool()
    pool.liquidate(WORSE, ETH, USDC, 100 * UNIT[USDC], customer(pool), 10)
    pool.positions.amounts[WORSE, column] += 3
    assert pool.residual_touched()[column % 4] == 3
    assert pool.residual()[column % 4] >= 3


@pytest.mark.parametrize("field", ["deposits", "raw_debt", "revenue"])
def test_books_that_lose_a_leg_are_seen(customer, field):
    pool = make_pool()
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], customer(pool), 10)
    book = pool.books[USDC]
    pool.books[USDC] = replace(book, **{field: getattr(book, field) + 7})
    assert pool.residual()[USDC] >= 7
    assert pool.residual_touched()[USDC] >= 7


def test_a_group_that_loses_a_member_is_seen():
    pool = make_pool()
    key = ((ETH, USDC), int(pool.crowd.group_of[WORSE]))
    pool.crowd.members[key] = pool.crowd.members[key][:1]
    assert pool.residual()[USDC] > 0


@settings(max_examples=60, deadline=None)
@given(
    eth=st.integers(10**10, 4 * 10**11),
    btc=st.integers(10**11, 8 * 10**12),
    now=st.integers(0, 10**8),
    paid=st.integers(1, 29_000),
)
def test_screening_never_misses_an_account_that_the_rule_would_liquidate(
    customer, missed, eth, btc, now, paid
):
    pool = make_pool()
    pool.repay(BITCOIN, USDC, paid * UNIT[USDC], customer(pool), now // 2)
    pool.liquidate(WORSE, ETH, USDC, 500 * UNIT[USDC], customer(pool), now // 2)
    pool.set_prices([eth, btc, 10**8, 10**8])
    assert not missed(pool, now)


def test_an_account_may_be_liquidated_that_seems_to_have_part_of_a_tick_to_spare():
    """Why `caution` is what it is: of prices around its trigger, some find the exact rule earlier."""
    pool, spare = make_pool(), []
    for price in range(1_770 * 10**8, 1_790 * 10**8, 10**6):
        pool.set_prices([price, *PRICES[1:]])
        collateral, debt, _ = pool.weights(0)
        seen = (pool.positions.collateral[HEALTHY] @ collateral) / (pool.positions.debt[HEALTHY] @ debt)
        if pool.health_factor(HEALTHY, 0) < WAD:
            spare.append(seen - 1.0)
    assert 0.0005 < max(spare) < 0.0015 < pool.caution


@settings(max_examples=100, deadline=None)
@given(eth=st.integers(5 * 10**10, 3 * 10**11), data=st.data())
def test_no_sequence_of_calls_makes_or_loses_money(customer, calls_on, play, agrees, eth, data):
    pool = make_pool()
    me = customer(pool)
    pool.ledger.endow(ETH, me, 10**10)
    pool.set_prices([eth, *PRICES[1:]])
    play(pool, me, data.draw(calls_on(pool)))
    assert agrees(pool)
