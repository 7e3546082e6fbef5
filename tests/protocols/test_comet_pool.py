"""A Comet's pool does to crowd and ledger what its rules say, to the last unit, or nothing at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, WAD
from liquidarium.protocols.lending.comet import (
    FACTOR_SCALE,
    absorb,
    buy_collateral,
    comet_market,
    reserves,
    store_price,
)
from liquidarium.protocols.lending.comet.pool import CometPool
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI, LINK = range(5)
DECIMALS = {"ETH": 9, "BTC": 8, "USDC": 6, "DAI": 9, "LINK": 9}
UNIT = [10**d for d in DECIMALS.values()]
PRICES = [1800 * 10**8, 40_000 * 10**8, 10**8, 10**8, 20 * 10**8]
START = 1_621_382_400
HEALTHY, SOLVENT, BASKET, DEBTLESS, DUST = range(5)
ALWAYS = float("inf")


def make_pool(*, initial: float = 0.007, target: float = 0.014) -> CometPool:
    """Five borrowers in the market of mainnet/usdc; two, and a few cents, may be absorbed."""
    listed = {asset.symbol: asset for asset in comet_market("mainnet/usdc", supply_caps=False).assets}
    assets = tuple(
        replace(listed[name], symbol=symbol, decimals=DECIMALS[symbol])
        for symbol, name in (("ETH", "WETH"), ("BTC", "WBTC"), ("LINK", "LINK"))
    )
    ledger = Ledger([Asset(symbol, decimals) for symbol, decimals in DECIMALS.items()])
    params = replace(comet_market("mainnet/usdc"), assets=assets)
    pool = CometPool(ledger, params, 5, START, initial_reserves=initial, target_reserves=target)
    collateral, debt = np.zeros((5, 5), np.int64), np.zeros((5, 5), np.int64)
    collateral[HEALTHY, ETH], debt[HEALTHY, USDC] = 10 * UNIT[ETH], 9_000 * UNIT[USDC]
    collateral[SOLVENT, ETH], debt[SOLVENT, USDC] = 10 * UNIT[ETH], 16_500 * UNIT[USDC]
    collateral[BASKET, [ETH, BTC, LINK]] = 5 * UNIT[ETH], UNIT[BTC] // 4, 100 * UNIT[LINK]
    debt[BASKET, USDC] = 18_000 * UNIT[USDC]
    collateral[DEBTLESS, LINK] = 50 * UNIT[LINK]
    collateral[DUST, LINK], debt[DUST, USDC] = UNIT[LINK] // 1000, 17_001
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: CometPool) -> tuple[object, ...]:
    """Everything that a call may change, as values that compare."""
    arrays = (pool.positions.amounts, pool.ledger.balances, pool.ledger.volumes)
    return (pool.state, pool.params, *[array.tolist() for array in arrays])


def test_opened_pool_agrees_with_the_ledger_exactly():
    pool = make_pool()
    assert not pool.residual().any()
    assert not pool.residual_touched().any()
    assert not pool.ledger.imbalance().any()
    owed = int(pool.positions.debt.sum())
    assert pool.reserves(0) == int(0.007 * owed)
    assert pool.params.target_reserves == int(0.014 * owed)
    assert pool.positions.collateral[pool.lenders, USDC] == int(owed / 0.7)
    assert [int(x) for x in pool.deficit()] == [0] * 5


def test_ledger_and_market_must_fit_together():
    params = comet_market("mainnet/usdc")
    shares = {"initial_reserves": 0.0, "target_reserves": 0.0}
    with pytest.raises(ValueError, match="the ledger has no USDC"):
        CometPool(Ledger([Asset("ETH", 9)]), params, 1, START, **shares)
    with pytest.raises(ValueError, match="USDC has 6 decimals, 7 in the ledger"):
        CometPool(Ledger([Asset("USDC", 7)]), params, 1, START, **shares)
    pool = make_pool()
    pool.positions.debt[HEALTHY, DAI] = 1
    with pytest.raises(ValueError, match="lends USDC only, not DAI"):
        pool.open()
    pool.positions.debt[HEALTHY, DAI] = 0
    pool.positions.collateral[HEALTHY, DAI] = 1
    with pytest.raises(ValueError, match="takes no DAI"):
        pool.open()


def test_absorbing_a_solvent_account_pays_it_what_is_left_and_sells_below_the_oracle(customer):
    """10 WETH at 1800 against 16,500 USDC (CASES L11): 600 credited, price 1755."""
    pool = make_pool()
    me = customer(pool)
    kicked = pool.kick(SOLVENT, me, 0)
    assert kicked.debt == ((USDC, 16_500 * UNIT[USDC]),)
    assert kicked.collateral == ((ETH, 10 * UNIT[ETH]),)
    assert kicked.credit == ((USDC, 600 * UNIT[USDC]),)
    assert kicked.reward == ()
    assert kicked.health_factor == 10 * 1800 * WAD * 895 // 1000 // 16_500
    assert pool.collateral_units(SOLVENT, USDC, 0) == 600 * UNIT[USDC]
    assert pool.health_factor(SOLVENT, 0) == MAX_UINT256
    (sale,) = pool.sales(0)
    assert (sale.number, sale.kind, sale.account, sale.collateral, sale.debt) == (ETH, "price", -1, ETH, USDC)
    assert (sale.units, sale.price, sale.most) == (10 * UNIT[ETH], 1755.0, 17_550 * UNIT[USDC])
    assert pool.withdraw(SOLVENT, USDC, 600 * UNIT[USDC], me, 0) == 600 * UNIT[USDC]
    assert not pool.positions.amounts[SOLVENT].any()


def test_absorbing_an_underwater_account_costs_the_reserves(customer):
    """As above with WETH at 1600 (CASES L12): nothing is credited, and 900 USDC are lost when it is sold."""
    pool = make_pool(initial=0.0)
    me = customer(pool)
    pool.set_prices([1600 * 10**8, *PRICES[1:]])
    kicked = pool.kick(SOLVENT, me, 0)
    assert kicked.credit == ()
    assert pool.reserves(0) == -16_500 * UNIT[USDC]
    assert pool.deficit()[USDC] == 900 * UNIT[USDC], "what waits for a buyer counts at its price"
    pool.buy(ETH, 10**12, ALWAYS, me, 0)
    assert pool.reserves(0) == -900 * UNIT[USDC]
    assert pool.deficit().tolist() == [0, 0, 900 * UNIT[USDC], 0, 0]


def test_kick_through_the_pool_is_the_rule_called_directly(customer):
    pool, now_s = make_pool(), 5_000
    state, account = pool.state, pool._take(BASKET)
    expected = absorb(pool.params, state, account, pool.prices, START + now_s)
    owed, before = pool.debt_units(BASKET, USDC, now_s), pool.ledger.balances.copy()
    kicked = pool.kick(BASKET, customer(pool), now_s)
    assert pool.state == expected.state
    assert pool._take(BASKET) == expected.account
    assert kicked.debt == ((USDC, owed),)
    assert kicked.collateral == ((ETH, 5 * UNIT[ETH]), (BTC, UNIT[BTC] // 4), (LINK, 100 * UNIT[LINK]))
    assert owed + sum(units for _, units in kicked.credit) == expected.base_paid_out
    assert np.array_equal(pool.ledger.balances[pool.account], before[pool.account]), "only owners change"
    assert [sale.number for sale in pool.sales(now_s)] == [ETH, BTC, LINK]
    assert BASKET in pool.positions.touched
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_purchase_through_the_pool_is_the_rule_called_directly(customer):
    pool, now_s = make_pool(), 5_000
    me = customer(pool)
    pool.kick(BASKET, me, now_s)
    paid = 1_000 * UNIT[USDC] + 7
    rule = buy_collateral(pool.params, pool.state, pool.prices, START + now_s, asset=1, base_amount=paid)
    before = pool.ledger.balances.copy()
    bought = pool.buy(BTC, paid, ALWAYS, me, now_s)
    assert pool.state == rule.state
    assert (bought.buyer, bought.paid, bought.units, bought.returned) == (me, paid, rule.collateral, 0)
    moved = pool.ledger.balances - before
    assert moved[me].tolist() == [0, rule.collateral, -paid, 0, 0]
    assert moved[pool.account].tolist() == (-moved[me]).tolist()
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize("asset", [ETH, BTC, LINK])
def test_a_buyer_who_offers_too_much_pays_for_what_is_there(customer, asset):
    pool = make_pool()
    me = customer(pool)
    pool.kick(BASKET, me, 0)
    sale = next(sale for sale in pool.sales(0) if sale.number == asset)
    bought = pool.buy(asset, 10**13, sale.price, me, 0)
    assert bought.paid == sale.most
    assert bought.units == pytest.approx(sale.units, rel=1e-6)
    assert all(left.number != asset for left in pool.sales(0)), "not even dust is left that money could buy"
    with pytest.raises(Revert):
        pool.buy(asset, 10**13, ALWAYS, me, 0)


def test_the_storefront_is_open_only_while_reserves_are_below_target(customer):
    """The contract looks before a purchase: the one that lifts reserves above the target is let through."""
    pool = make_pool(initial=0.0, target=0.01)
    me = customer(pool)
    pool.kick(SOLVENT, me, 0)
    short = pool.params.target_reserves - pool.reserves(0)
    pool.buy(ETH, short - 1, ALWAYS, me, 0)
    assert pool.sales(0)
    pool.buy(ETH, 10 * UNIT[USDC], ALWAYS, me, 0)
    assert pool.reserves(0) > pool.params.target_reserves
    assert pool.sales(0) == ()
    with pytest.raises(Revert, match="NotForSale"):
        pool.buy(ETH, UNIT[USDC], ALWAYS, me, 0)


def test_whoever_comes_first_buys_and_all_pay_the_same(customer):
    """No auction: the price is the oracle's less a fixed discount, whoever asks, when, and for how much."""
    prices = []
    for order in ((0, 1), (1, 0)):
        pool = make_pool()
        buyers = [customer(pool), customer(pool)]
        pool.kick(SOLVENT, buyers[0], 0)
        spend = [3_000 * UNIT[USDC], 500 * UNIT[USDC]]
        bought = {k: pool.buy(ETH, spend[k], ALWAYS, buyers[k], 60) for k in order}
        prices.append([(bought[k].paid, bought[k].units) for k in (0, 1)])
    assert prices[0] == prices[1]
    for paid, units in prices[0]:
        assert paid / UNIT[USDC] / (units / UNIT[ETH]) == pytest.approx(1755.0, rel=1e-6)


def test_accounts_absorbed_in_either_order_come_out_the_same(customer):
    outcomes = []
    for order in ((SOLVENT, BASKET), (BASKET, SOLVENT)):
        pool = make_pool()
        me = customer(pool)
        kicked = {row: pool.kick(row, me, 3_600) for row in order}
        outcomes.append((kicked[SOLVENT], kicked[BASKET], pool.state))
    assert outcomes[0] == outcomes[1]


def test_repay_supply_and_withdraw_move_the_ledger_by_what_they_return(customer):
    pool, now_s = make_pool(), 90_000
    me = customer(pool)
    owed = pool.debt_units(HEALTHY, USDC, now_s)
    assert owed > 9_000 * UNIT[USDC], "interest has accrued"
    before = pool.ledger.balances.copy()
    assert pool.repay(HEALTHY, USDC, 4_000 * UNIT[USDC], me, now_s) == 4_000 * UNIT[USDC]
    assert pool.debt_units(HEALTHY, USDC, now_s) == pytest.approx(owed - 4_000 * UNIT[USDC], abs=1)
    assert pool.withdraw(HEALTHY, ETH, 2 * UNIT[ETH], me, now_s) == 2 * UNIT[ETH]
    pool.supply(HEALTHY, ETH, UNIT[ETH], me, now_s)
    moved = pool.ledger.balances - before
    assert moved[me].tolist() == [UNIT[ETH], 0, -4_000 * UNIT[USDC], 0, 0]
    assert moved[pool.account].tolist() == (-moved[me]).tolist()
    assert pool.repay(HEALTHY, USDC, 10**13, me, now_s) == pytest.approx(owed - 4_000 * UNIT[USDC], abs=1)
    assert pool.positions.debt[HEALTHY].tolist() == [0] * 5
    assert pool.collateral_units(HEALTHY, USDC, now_s) == 0
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_base_tokens_supplied_repay_a_debt_first(customer):
    pool = make_pool()
    me = customer(pool)
    owed = pool.debt_units(SOLVENT, USDC, 60)
    pool.supply(SOLVENT, USDC, owed + UNIT[USDC], me, 60)
    assert pool.debt_units(SOLVENT, USDC, 60) == 0
    assert pool.collateral_units(SOLVENT, USDC, 60) == pytest.approx(UNIT[USDC], abs=1)
    assert not pool.residual().any()


def _beggar(pool: CometPool) -> int:
    return pool.ledger.open_account("beggar")


REFUSED = {
    "kick the healthy": lambda pool, me: pool.kick(HEALTHY, me, 10),
    "kick the debtless": lambda pool, me: pool.kick(DEBTLESS, me, 10),
    "kick the lenders": lambda pool, me: pool.kick(pool.lenders, me, 10),
    "call a liquidation": lambda pool, me: pool.liquidate(SOLVENT, ETH, USDC, UNIT[USDC], me, 10),
    "buy what is not there": lambda pool, me: pool.buy(BTC, UNIT[USDC], ALWAYS, me, 10),
    "buy what is not listed": lambda pool, me: pool.buy(DAI, UNIT[USDC], ALWAYS, me, 10),
    "buy for nothing": lambda pool, me: pool.buy(ETH, 0, ALWAYS, me, 10),
    "buy too dear": lambda pool, me: pool.buy(ETH, UNIT[USDC], 1754.9, me, 0),
    "buy without money": lambda pool, me: pool.buy(ETH, UNIT[USDC], ALWAYS, _beggar(pool), 10),
    "repay nothing": lambda pool, me: pool.repay(DEBTLESS, USDC, UNIT[USDC], me, 10),
    "repay another asset": lambda pool, me: pool.repay(HEALTHY, DAI, UNIT[DAI], me, 10),
    "supply what one lacks": lambda pool, me: pool.supply(HEALTHY, ETH, 1, me, 10),
    "supply what is not listed": lambda pool, me: pool.supply(HEALTHY, DAI, UNIT[DAI], me, 10),
    "supply nothing": lambda pool, me: pool.supply(HEALTHY, USDC, 0, me, 10),
    "withdraw too much": lambda pool, me: pool.withdraw(HEALTHY, ETH, 9 * UNIT[ETH], me, 10),
    "withdraw what is not there": lambda pool, me: pool.withdraw(DEBTLESS, LINK, 51 * UNIT[LINK], me, 10),
    "withdraw from the unsafe": lambda pool, me: pool.withdraw(BASKET, ETH, 1, me, 10),
    "borrow": lambda pool, me: pool.withdraw(DEBTLESS, USDC, 1, me, 10),
    "take more than the pool has": lambda pool, me: pool.withdraw(pool.lenders, USDC, 10**11, me, 10),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED.keys())
def test_refused_calls_change_nothing(customer, call):
    pool = make_pool()
    me = customer(pool)
    pool.kick(SOLVENT, me, 0)
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    assert state_of(pool) == before
    assert not pool.residual_touched().any()


def test_checkpoint_undoes_absorptions_and_purchases(customer):
    pool = make_pool()
    me = customer(pool)
    pool.kick(BASKET, me, 100)
    assert not pool.residual_touched().any()
    before, sales = state_of(pool), pool.sales(200)
    pool.ledger.begin()
    restores = [pool.checkpoint(SOLVENT, (ETH, USDC))]
    pool.kick(SOLVENT, me, 200)
    restores.append(pool.checkpoint(-1, (BTC, USDC)))
    pool.buy(BTC, 700 * UNIT[USDC], ALWAYS, me, 200)
    assert state_of(pool) != before
    pool.positions.touched.clear()
    for restore in reversed(restores):
        restore()
    pool.ledger.rollback()
    assert state_of(pool) == before
    assert pool.sales(200) == sales
    assert SOLVENT in pool.positions.touched, "whoever screens health must look again"
    assert pool.lenders not in pool.positions.touched
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize("column", [ETH, 5 + USDC, USDC, DAI])
def test_corrupted_row_of_an_absorbed_account_is_seen_at_once(customer, column):
    pool = make_pool()
    pool.kick(SOLVENT, customer(pool), 10)
    pool.positions.amounts[SOLVENT, column] += 3
    assert pool.residual_touched()[column % 5] == 3
    assert pool.residual()[column % 5] == 3
    assert not pool.residual_touched().any(), "what was reported is not reported again"


@pytest.mark.parametrize("dropped", [Reason.REPAY, Reason.SEIZE])
def test_a_leg_of_a_purchase_that_is_dropped_is_seen(customer, monkeypatch, dropped):
    pool = make_pool()
    me = customer(pool)
    pool.kick(SOLVENT, me, 10)
    transfer = pool.ledger.transfer
    monkeypatch.setattr(
        pool.ledger, "transfer", lambda *args: None if args[-1] == dropped else transfer(*args)
    )
    bought = pool.buy(ETH, UNIT[USDC], ALWAYS, me, 10)
    asset, amount = (USDC, bought.paid) if dropped == Reason.REPAY else (ETH, bought.units)
    assert pool.residual_touched()[asset] == amount
    assert pool.residual()[asset] == amount


def test_collateral_kept_on_an_absorbed_account_is_seen(customer):
    pool = make_pool()
    amounts = pool.positions.amounts[SOLVENT].copy()
    pool.kick(SOLVENT, customer(pool), 10)
    pool.positions.amounts[SOLVENT] = amounts
    assert pool.residual()[ETH] == 10 * UNIT[ETH]
    assert pool.residual()[USDC] > 0


def test_absorbers_hope_for_the_discount_on_what_the_storefront_will_sell(customer):
    pool = make_pool(initial=0.5, target=0.014)
    rows = np.array([SOLVENT, BASKET])
    _, debt, seized = pool.weights(0)
    held = pool.positions.collateral[rows] @ seized
    owed = pool.positions.debt[rows] @ debt
    assert pool.kick_rewards_usd(rows, held, owed).tolist() == [0.0, 0.0], "reserves stay above target"
    pool.positions.touched.clear()
    pool.kick(SOLVENT, customer(pool), 0)
    assert BASKET in pool.positions.touched, "reserves have fallen, so it must be looked at again"
    hopes = pool.kick_rewards_usd(rows[1:], held[1:], owed[1:])
    assert hopes[0] == pytest.approx((9_000 + 10_000) * 0.025 + 2_000 * 0.035)
    assert pool.bonus[[ETH, LINK, USDC]] == pytest.approx([1 / 0.975 - 1, 1 / 0.965 - 1, 0.0])


def test_claims_and_the_protocols_own_add_up_to_what_the_pool_holds(customer):
    pool, now_s = make_pool(), 86_400
    pool.kick(SOLVENT, customer(pool), now_s)
    claims = pool.claims(now_s)
    rest = pool.ledger.balances[pool.account] - claims["borrowers"] - claims["lenders"]
    assert rest[USDC] == pytest.approx(pool.reserves(now_s), abs=5)
    assert rest[ETH] == 10 * UNIT[ETH]
    assert pool.lent_usd(now_s)[USDC] == pytest.approx(claims["lenders"][USDC] / UNIT[USDC])


AMOUNTS = st.integers(1, 10**13)
CALLS = st.tuples(
    st.sampled_from(["kick", "buy", "repay", "supply", "withdraw", "undone"]),
    st.integers(0, 5),
    st.integers(0, 4),
    AMOUNTS,
    st.integers(0, 20_000),
)


def _do(pool: CometPool, kind: str, row: int, asset: int, amount: int, me: int, now_s: int) -> None:
    if kind in {"kick", "undone"}:
        pool.kick(row, me, now_s)
    elif kind == "buy":
        pool.buy(asset, amount, ALWAYS, me, now_s)
    elif kind == "repay":
        pool.repay(row, asset, amount, me, now_s)
    elif kind == "supply":
        pool.supply(row, asset, amount, me, now_s)
    else:
        pool.withdraw(row, asset, amount, me, now_s)


@settings(max_examples=100, deadline=None)
@given(st.lists(CALLS, max_size=14), st.integers(5 * 10**10, 2 * 10**11), st.floats(0, 0.5))
def test_no_sequence_of_calls_makes_or_loses_a_unit(customer, agrees, calls, eth_price, target):
    pool = make_pool(target=target)
    me = customer(pool, 10**6)
    pool.set_prices([eth_price, *PRICES[1:]])
    now = 0
    for kind, row, asset, amount, wait in calls:
        now += wait
        before = state_of(pool)
        restore = pool.checkpoint(row, (asset,))
        pool.ledger.begin()
        try:
            _do(pool, kind, row, asset, amount, me, now)
        except Revert:
            assert state_of(pool) == before
        if kind == "undone":
            restore()
            pool.ledger.rollback()
            assert state_of(pool) == before
        else:
            pool.ledger.commit()
        assert not pool.residual_touched().any()
    assert agrees(pool)
    assert not (pool.positions.collateral[:, USDC] * pool.positions.debt[:, USDC]).any()


@settings(max_examples=100, deadline=None)
@given(st.integers(10**9, 10**12), st.integers(0, 10**7))
def test_what_is_seized_is_paid_for_by_debt_credit_and_the_protocols_gain(customer, eth_price, now_s):
    """Seized collateral is the protocol's; it has paid debt and credit, so nothing is lost on the way."""
    pool = make_pool()
    pool.set_prices([eth_price, *PRICES[1:]])
    reserves_before = pool.reserves(now_s)
    try:
        kicked = pool.kick(BASKET, customer(pool), now_s)
    except Revert:
        assert pool.health_factor(BASKET, now_s) >= WAD
        return
    assert kicked.health_factor < WAD
    paid = sum(units for _, units in (*kicked.debt, *kicked.credit))
    assert reserves_before - pool.reserves(now_s) == pytest.approx(paid, abs=4)
    for asset, units in kicked.collateral:
        k = pool._listed[asset]
        assert pool.state.asset_balance[k] - pool.state.total_supply_asset[k] == units
    assert pool.debt_units(BASKET, USDC, now_s) == 0
    assert pool.collateral_units(BASKET, USDC, now_s) == pytest.approx(paid - kicked.debt[0][1], abs=2)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 10**11), min_size=3, max_size=3),
    st.lists(st.integers(10**6, 10**13), min_size=3, max_size=3),
    st.floats(0.9999, 1.0001),
    st.integers(0, 10**8),
)
def test_screening_by_weights_never_misses_whom_the_rule_would_absorb(held, prices, near, now_s):
    """For debts of a cent or more, as `caution` says."""
    pool = make_pool()
    pool.set_prices([prices[0], prices[1], 10**8, 10**8, prices[2]])
    row = pool.positions.collateral[HEALTHY]
    row[[ETH, BTC, LINK]] = held
    collateral, debt, _ = pool.weights(now_s)
    owed = int(near * (row @ collateral) / debt[USDC])
    if owed < 10_000:
        return
    pool.positions.debt[HEALTHY, USDC] = owed
    screened = (row @ collateral) * (1.0 - pool.caution) / (owed * debt[USDC])
    exact = pool.health_factor(HEALTHY, now_s) / WAD
    assert screened <= exact * (1.0 + 1e-12)
    assert screened >= exact * (1.0 - pool.caution - 3.0 / owed - 1e-9), "nor looks at half the crowd"
    if pool.health_factor(HEALTHY, now_s) < WAD:
        assert screened < 1.0


@given(st.integers(10**6, 10**13), st.integers(0, 10**6), st.integers(0, 10**7))
def test_falling_price_never_makes_an_unsafe_account_safe(price, fall, now_s):
    pool = make_pool()
    pool.set_prices([price, *PRICES[1:]])
    before = pool.health_factor(BASKET, now_s)
    pool.set_prices([max(1, price * (10**6 - fall) // 10**6), *PRICES[1:]])
    assert pool.health_factor(BASKET, now_s) <= before


@given(st.integers(1, 10**13), st.integers(1, 10**12))
def test_a_buyer_never_pays_less_than_the_storefront_price(customer, price, pay):
    pool = make_pool()
    me = customer(pool, 10**6)
    pool.kick(BASKET, me, 0)
    pool.set_prices([price, *PRICES[1:]])
    try:
        bought = pool.buy(ETH, pay, ALWAYS, me, 0)
    except Revert:
        return
    discounted = store_price(pool.params, 0, price)
    assert bought.paid * UNIT[ETH] * 10**8 >= bought.units * discounted * UNIT[USDC]
    assert bought.paid <= pay


def test_reserves_grow_by_the_spread_of_the_two_curves():
    pool = make_pool()
    year = 31_536_000
    grown = pool.reserves(year) - pool.reserves(0)
    owed, lent = int(pool.positions.debt.sum()), int(pool.positions.collateral[pool.lenders, USDC])
    used = owed / lent
    assert grown == pytest.approx(owed * (0.015 + 0.035 * used) - lent * 0.0325 * used, rel=1e-6)
    assert pool.reserves(year) == reserves(pool.params, pool.state, START + year)


def test_thresholds_are_the_factors_of_the_listing():
    pool = make_pool()
    assert pool.thresholds.tolist() == [0.895, 0.77, 0.0, 0.0, 0.85]
    collateral, debt, seized = pool.weights(0)
    assert (collateral[USDC], collateral[DAI], debt[ETH], seized[DAI]) == (0.0, 0.0, 0.0, 0.0)
    assert pool.params.assets[0].liquidation_factor == FACTOR_SCALE * 95 // 100
