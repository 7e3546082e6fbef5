"""An Euler v2 pool moves the ledger by what its rules say, to the last unit, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, WAD
from liquidarium.protocols.lending.euler import (
    Collateral,
    KinkedRate,
    Quote,
    Vault,
    VaultParameters,
    accrue,
    debt_in_assets,
    liquidate,
    repay,
    with_new_rate,
)
from liquidarium.protocols.lending.euler.parameters import UTILISATION_SCALE
from liquidarium.protocols.lending.euler.pool import EulerPool
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = (9, 8, 6, 9)
UNIT = [10**d for d in DECIMALS]
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
HEALTHY, UNHEALTHY, INSOLVENT, BOTH, DAI_DEBT, DEBTLESS = range(6)
OWED = {HEALTHY: 9_000, UNHEALTHY: 8_700, INSOLVENT: 2_200, BOTH: 30_000, DAI_DEBT: 1_650}
# 4 % a year at 90 % lent, 100 % at all.
CURVE = KinkedRate(0, 328_147_112, 70_878_000_000, int(0.9 * UTILISATION_SCALE))
PARAMETERS = VaultParameters(interest=CURVE)


def make_pool(parameters: VaultParameters = PARAMETERS) -> EulerPool:
    """Six borrowers of two vaults, of whom two may be liquidated at once, and lenders."""
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    pool = EulerPool(ledger, "euler", [8_500, 8_500, 0, 0], parameters, 6, START)
    collateral, debt = np.zeros((6, 4), np.int64), np.zeros((6, 4), np.int64)
    for row, tokens in (
        (HEALTHY, 10),
        (UNHEALTHY, 5),
        (INSOLVENT, 1),
        (BOTH, 1),
        (DAI_DEBT, 1),
        (DEBTLESS, 1),
    ):
        collateral[row, ETH] = tokens * UNIT[ETH]
    collateral[BOTH, BTC] = UNIT[BTC]
    for row, tokens in OWED.items():
        asset = DAI if row == DAI_DEBT else USDC
        debt[row, asset] = tokens * UNIT[asset]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: EulerPool):
    """Everything that a call may change."""
    return (
        pool.positions.amounts.tolist(),
        dict(pool._exact),
        dict(pool._checked),
        dict(pool.books),
        list(pool.held),
        pool.ledger.balances.tolist(),
        pool.ledger.volumes.tolist(),
    )


def test_vaults_open_at_the_wanted_utilisation():
    pool = make_pool()
    assert set(pool.books) == {USDC, DAI}
    vault = pool.books[USDC].vault
    owed = debt_in_assets(vault.total_borrows)
    assert owed / (owed + vault.cash) == pytest.approx(0.9)
    assert pool.ledger.balances[pool.account, ETH] == 19 * UNIT[ETH]
    assert not pool.residual().any()
    assert not pool.residual_touched().any()
    assert not pool.ledger.imbalance().any()


@pytest.mark.parametrize(
    ("collateral", "debt", "complaint"),
    [({ETH: 1}, {USDC: 1, DAI: 1}, "owes more than one asset"), ({DAI: 1}, {USDC: 1}, "no vault takes")],
)
def test_positions_that_no_account_can_hold_are_refused(collateral, debt, complaint):
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    pool = EulerPool(ledger, "euler", [8_500, 8_500, 0, 0], PARAMETERS, 1, START)
    amounts = np.zeros((2, 1, 4), np.int64)
    for side, given_ in enumerate((collateral, debt)):
        for asset, units in given_.items():
            amounts[side, 0, asset] = units
    with pytest.raises(ValueError, match=f"account 0 .*{complaint}"):
        pool.endow(*amounts)


def test_liquidation_through_the_pool_is_the_rule_called_directly(customer):
    pool, now_s = make_pool(), 50_000
    bot, cover = customer(pool), 1_000 * UNIT[USDC]
    owed = sum(OWED[row] for row in (HEALTHY, UNHEALTHY, INSOLVENT, BOTH)) * UNIT[USDC]
    lent = int(owed / 0.9)
    vault = accrue(with_new_rate(Vault(lent - owed, owed << 31, lent), PARAMETERS), PARAMETERS, now_s)
    debt = (OWED[UNHEALTHY] * UNIT[USDC] << 31) * vault.interest_accumulator // 10**27
    held = [Collateral(5 * UNIT[ETH], Quote(2000 * WAD, 9), 8_500)]
    done = liquidate(vault, PARAMETERS, held, 0, debt, 0, Quote(WAD, 6), since_check=9, repay_assets=cover)
    after = with_new_rate(repay(done.vault, done.liquidator_debt, cover).vault, PARAMETERS)
    before = pool.ledger.balances.copy()
    called = pool.liquidate(UNHEALTHY, ETH, USDC, cover, bot, now_s)
    assert (called.debt_repaid, called.collateral_to_liquidator) == (cover, done.yield_balance)
    assert called.health_factor < WAD
    assert pool.books[USDC].vault == after
    assert pool._exact[UNHEALTHY][0] == done.violator_debt
    moved = pool.ledger.balances - before
    assert moved[bot].tolist() == [done.yield_balance, 0, -cover, 0]
    assert moved[pool.account].tolist() == (-moved[bot]).tolist()
    assert pool.ledger.volumes[Reason.SEIZE, ETH] == done.yield_balance
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_an_offer_as_quoted_takes_the_last_unit_and_the_rest_is_socialised(customer):
    pool = make_pool()
    bot = customer(pool)
    lent = pool.collateral_units(pool.lenders, USDC, 0)
    terms = pool.quote(np.array([INSOLVENT]), np.array([ETH]), np.array([USDC]), 0)
    assert terms.bonus[0] == pytest.approx(1 / 0.85 - 1, rel=1e-5)
    called = pool.liquidate(INSOLVENT, ETH, USDC, int(terms.repay_usd[0] * UNIT[USDC]), bot, 0)
    assert called.collateral_to_liquidator == UNIT[ETH]
    assert called.debt_repaid == 1_700 * UNIT[USDC]
    assert pool.deficit().tolist() == [0, 0, 500 * UNIT[USDC], 0]
    assert pool.debt_units(INSOLVENT, USDC, 0) == 0
    assert pool.health_factor(INSOLVENT, 0) == MAX_UINT256
    assert lent - pool.collateral_units(pool.lenders, USDC, 0) == pytest.approx(500 * UNIT[USDC], abs=1e5)
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_without_socialisation_the_debt_stays(customer):
    pool = make_pool(replace(PARAMETERS, socialize_debt=False))
    pool.liquidate(INSOLVENT, ETH, USDC, 9_000 * UNIT[USDC], customer(pool), 0)
    assert pool.debt_units(INSOLVENT, USDC, 0) == 500 * UNIT[USDC]
    assert not pool.deficit().any()
    assert not pool.residual().any()


def test_exact_cover_counts_as_unhealthy():
    pool = make_pool()
    pool.positions.debt[HEALTHY, USDC] = 8_500 * UNIT[USDC]
    pool.set_prices([1_000 * 10**8, *PRICES[1:]])
    assert pool.health_factor(HEALTHY, 0) == WAD - 1


def test_a_withdrawal_rests_the_account_for_the_cool_off(customer):
    pool = make_pool(replace(PARAMETERS, cool_off=60))
    me = customer(pool)
    pool.withdraw(HEALTHY, ETH, 3 * UNIT[ETH], me, 100)
    pool.set_prices([1_300 * 10**8, *PRICES[1:]])
    with pytest.raises(Revert, match="E_LiquidationCoolOff"):
        pool.liquidate(HEALTHY, ETH, USDC, UNIT[USDC], me, 159)
    assert pool.liquidate(HEALTHY, ETH, USDC, UNIT[USDC], me, 160).debt_repaid == UNIT[USDC]


REFUSED = {
    "liquidate the healthy": lambda pool, me: pool.liquidate(HEALTHY, ETH, USDC, UNIT[USDC], me, 10),
    "repay what is not owed": lambda pool, me: pool.liquidate(INSOLVENT, ETH, DAI, UNIT[DAI], me, 10),
    "seize what is no collateral": lambda pool, me: pool.liquidate(INSOLVENT, DAI, USDC, 1, me, 10),
    "pay nothing": lambda pool, me: pool.liquidate(INSOLVENT, ETH, USDC, 0, me, 10),
    "liquidate without money": lambda pool, me: pool.liquidate(
        INSOLVENT, ETH, USDC, UNIT[USDC], pool.ledger.open_account("poor"), 10
    ),
    "repay without debt": lambda pool, me: pool.repay(DEBTLESS, USDC, UNIT[USDC], me, 10),
    "repay without money": lambda pool, me: pool.repay(
        HEALTHY, USDC, UNIT[USDC], pool.ledger.open_account("poor"), 10
    ),
    "supply what one lacks": lambda pool, me: pool.supply(HEALTHY, ETH, 1, me, 10),
    "supply what is lent": lambda pool, me: pool.supply(HEALTHY, USDC, UNIT[USDC], me, 10),
    "withdraw into ill health": lambda pool, me: pool.withdraw(HEALTHY, ETH, 9 * UNIT[ETH], me, 10),
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
    assert before[:5] == after[:5]
    assert before[6] == after[6]
    assert not pool.residual_touched().any()


def test_checkpoint_and_rollback_restore_everything(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 50)
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(INSOLVENT, (ETH, USDC))
    pool.liquidate(INSOLVENT, ETH, USDC, 100 * UNIT[USDC], bot, 7_000)
    pool.liquidate(INSOLVENT, ETH, USDC, 9_000 * UNIT[USDC], bot, 7_000)
    assert pool.deficit().any()
    restore()
    pool.ledger.rollback()
    assert before == state_of(pool)
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize("column", [ETH, 4 + USDC])
def test_a_corrupted_row_is_seen(customer, column):
    pool = make_pool()
    pool.liquidate(INSOLVENT, ETH, USDC, 100 * UNIT[USDC], customer(pool), 10)
    pool.positions.amounts[INSOLVENT, column] += 3
    assert pool.residual_touched()[column % 4] == 3
    assert pool.residual()[column % 4] == 3


@pytest.mark.parametrize("field", ["cash", "total_borrows", "total_shares", "accumulated_fees"])
def test_a_vault_that_loses_a_leg_is_seen(customer, field):
    pool = make_pool()
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], customer(pool), 10)
    book = pool.books[USDC]
    lost = 7 << 31 if field == "total_borrows" else 7
    vault = replace(book.vault, **{field: getattr(book.vault, field) - lost})
    pool.books[USDC] = replace(book, vault=vault)
    assert pool.residual()[USDC] == 7
    assert pool.residual_touched()[USDC] == 7


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
    pool.set_prices([eth, btc, 10**8, 10**8])
    pool.repay(BOTH, USDC, paid * UNIT[USDC], customer(pool), now // 2)
    assert not missed(pool, now)


@settings(max_examples=60, deadline=None)
@given(eth=st.integers(5 * 10**10, 3 * 10**11), data=st.data())
def test_no_sequence_of_calls_makes_or_loses_money(customer, calls_on, play, agrees, eth, data):
    pool = make_pool()
    me = customer(pool)
    pool.ledger.endow(ETH, me, 10**10)
    pool.set_prices([eth, *PRICES[1:]])
    play(pool, me, data.draw(calls_on(pool)))
    assert agrees(pool)


@settings(max_examples=100, deadline=None)
@given(
    eth=st.integers(10**10, 4 * 10**11),
    btc=st.integers(10**11, 8 * 10**12),
    now=st.integers(100, 10**7),
    paid=st.integers(10**4, 10**10),
)
def test_estimates_are_the_terms_of_the_rule(customer, estimated, eth, btc, now, paid):
    pool = make_pool(replace(PARAMETERS, cool_off=60))
    me = customer(pool)
    pool.liquidate(INSOLVENT, ETH, USDC, paid, me, now // 2)
    pool.withdraw(HEALTHY, ETH, 1, me, now - 50)
    pool.set_prices([eth, btc, 10**8, 10**8])
    estimated(pool, np.arange(6), np.array([ETH, ETH, ETH, BTC, ETH, ETH]), np.full(6, USDC), now)
