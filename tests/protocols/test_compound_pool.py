"""A Compound v2 or Venus pool moves the ledger by what the rules say, to the last unit, or not at all."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256
from liquidarium.protocols.lending.compound_v2 import (
    COMPOUND_V2_MAINNET,
    VENUS_CORE_BNB,
    WAD,
    Fork,
    Holding,
    MarketParams,
    PoolParams,
    accrue_interest,
    best_repay,
    borrow_balance,
    check_liquidation,
    exchange_rate,
    liquidate_borrow,
    mint,
    redeem,
    repay_borrow,
)
from liquidarium.protocols.lending.compound_v2.pool import CompoundPool
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = {"ETH": 9, "BTC": 8, "USDC": 6, "DAI": 9}
UNIT = [10**d for d in DECIMALS.values()]
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
HEALTHY, UNHEALTHY, DUST, DEBTLESS = range(4)
POOLS = pytest.mark.parametrize("fork", [Fork.COMPOUND_V2, Fork.VENUS_CORE])


def make_params(fork: Fork, rate: int | None = WAD, **settings: object) -> PoolParams:
    """Real markets for the four assets; Venus with thresholds above the collateral factors, as today."""
    preset = COMPOUND_V2_MAINNET if fork is Fork.COMPOUND_V2 else VENUS_CORE_BNB
    listed = {m.symbol: m for m in preset.markets}
    listed["BTC"] = listed["WBTC"] if fork is Fork.COMPOUND_V2 else listed["BTCB"]
    markets: list[MarketParams] = []
    for symbol, decimals in DECIMALS.items():
        own = replace(listed[symbol], underlying_decimals=decimals, initial_exchange_rate=rate)
        if fork is Fork.VENUS_CORE:
            own = replace(own, collateral_factor=own.collateral_factor - 3 * 10**16)
        markets.append(replace(own, **settings))  # type: ignore[arg-type]
    return replace(preset, markets=tuple(markets))


def make_pool(fork: Fork = Fork.COMPOUND_V2, rate: int | None = WAD) -> CompoundPool:
    """Four borrowers, of whom two may be liquidated, and lenders."""
    ledger = Ledger([Asset(symbol, decimals) for symbol, decimals in DECIMALS.items()])
    pool = CompoundPool(ledger, make_params(fork, rate), 4, START, name="pool")
    collateral = np.zeros((4, 4), np.int64)
    debt = np.zeros((4, 4), np.int64)
    collateral[HEALTHY, ETH], debt[HEALTHY, USDC] = 10 * UNIT[ETH], 9_000 * UNIT[USDC]
    collateral[UNHEALTHY, ETH], collateral[UNHEALTHY, BTC] = 5 * UNIT[ETH], UNIT[BTC] // 4
    debt[UNHEALTHY, USDC], debt[UNHEALTHY, DAI] = 12_000 * UNIT[USDC], 5_000 * UNIT[DAI]
    collateral[DUST, BTC], debt[DUST, DAI] = 10, 10**7
    collateral[DEBTLESS, ETH] = UNIT[ETH]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: CompoundPool) -> tuple[object, ...]:
    """Everything that a call may change, as values that compare."""
    return (
        pool.positions.amounts.tolist(),
        list(pool.markets),
        deepcopy(pool._debts),
        list(pool._uncharged),
        pool.ledger.balances.tolist(),
        pool.ledger.volumes.tolist(),
    )


def share_of(pool: CompoundPool, row: int, asset: int, now_s: int) -> tuple[int, int]:
    return pool.collateral_units(row, asset, now_s), pool.debt_units(row, asset, now_s)


@POOLS
@pytest.mark.parametrize("rate", [WAD, None], ids=["one to one", "0.02 as deployed"])
def test_endowed_pool_agrees_with_the_ledger_exactly(fork, rate):
    pool = make_pool(fork, rate)
    assert not pool.residual().any()
    assert not pool.residual_touched().any()
    assert not pool.ledger.imbalance().any()
    assert [pool.ledger.balance(pool.account, a) for a in range(4)] == [m.cash for m in pool.markets]
    owed = pool.positions.debt.sum(axis=0).tolist()
    assert [pool.collateral_units(pool.lenders, a, 0) for a in range(4)] == [int(d / 0.7) for d in owed]
    assert share_of(pool, UNHEALTHY, ETH, 0) == (5 * UNIT[ETH], 0)
    assert share_of(pool, UNHEALTHY, USDC, 0) == (0, 12_000 * UNIT[USDC])


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"underlying_decimals": 18}, r"underlying_decimals = 18; allowed: those of ETH in the ledger, 9"),
        ({"initial_exchange_rate": 3 * 10**17}, "initial_exchange_rate = .*; allowed: a divisor of 1e18"),
        ({"forced_liquidation": True}, "forced_liquidation = True; allowed: False"),
    ],
)
def test_markets_that_a_crowd_cannot_have_are_refused(settings, complaint):
    ledger = Ledger([Asset(symbol, decimals) for symbol, decimals in DECIMALS.items()])
    with pytest.raises(ValueError, match=complaint):
        CompoundPool(ledger, make_params(Fork.VENUS_CORE, **settings), 1, START, name="pool")
    with pytest.raises(ValueError, match="4 markets for 1 assets"):
        CompoundPool(Ledger([Asset("ETH", 9)]), make_params(Fork.VENUS_CORE), 1, START, name="pool")


def test_ctokens_beyond_int64_are_refused_by_name():
    ledger = Ledger([Asset(symbol, decimals) for symbol, decimals in DECIMALS.items()])
    pool = CompoundPool(ledger, make_params(Fork.COMPOUND_V2, None), 1, START, name="pool")
    debt = np.zeros((1, 4), np.int64)
    debt[0, USDC] = 2 * 10**9 * UNIT[USDC]
    with pytest.raises(OverflowError, match="cTokens of USDC do not fit in int64"):
        pool.endow(np.zeros((1, 4), np.int64), debt)


@POOLS
@pytest.mark.parametrize("rate", [WAD, None], ids=["one to one", "0.02 as deployed"])
@pytest.mark.parametrize(("collateral", "debt"), [(ETH, USDC), (BTC, USDC), (ETH, DAI), (BTC, DAI)])
def test_liquidation_through_the_pool_is_the_rule_called_directly(customer, fork, rate, collateral, debt):
    pool, now_s = make_pool(fork, rate), 5_000
    bot = customer(pool)
    account, block, cover = pool._take(UNHEALTHY), (START + now_s) // pool._block_s, 1_000 * UNIT[debt]
    expected = liquidate_borrow(
        pool.params,
        pool.markets,
        account,
        pool.prices,
        block,
        borrowed=debt,
        collateral=collateral,
        repay_amount=cover,
    )
    out = redeem(
        pool.params,
        expected.markets,
        [Holding(tokens=expected.liquidator_tokens)] * 4,
        pool.prices,
        block,
        index=collateral,
        tokens=expected.liquidator_tokens,
    )
    health = pool.health_factor(UNHEALTHY, now_s)
    before = pool.ledger.balances.copy()
    result = pool.liquidate(UNHEALTHY, collateral, debt, cover, bot, now_s)
    moved = pool.ledger.balances - before
    assert (result.debt_repaid, result.collateral_to_liquidator) == (cover, out.underlying)
    assert health <= result.health_factor < WAD
    markets = list(expected.markets)
    markets[collateral] = out.market
    assert pool.markets == markets
    assert pool._take(UNHEALTHY) == list(expected.holdings)
    wanted = np.zeros_like(moved)
    wanted[bot, debt] -= cover
    wanted[bot, collateral] += out.underlying
    wanted[pool.account] = -wanted[bot]
    assert np.array_equal(moved, wanted)
    assert pool.ledger.volumes[Reason.SEIZE, collateral] == out.underlying
    assert UNHEALTHY in pool.positions.touched
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@POOLS
def test_a_caller_reads_what_the_rule_accepts_as_the_rule_clamps_nothing(customer, fork):
    pool, now_s = make_pool(fork), 5_000
    bot = customer(pool)
    block, account = pool.block(now_s), pool._take(UNHEALTHY)
    book = [accrue_interest(p, m, block) for p, m in zip(pool.params.markets, pool.markets, strict=True)]
    most = pool.largest_repay(UNHEALTHY, ETH, USDC, now_s)
    assert most == best_repay(pool.params, book, account, pool.prices, borrowed=USDC, collateral=ETH)
    code = check_liquidation(pool.params, book, account, pool.prices, borrowed=USDC, repay_amount=most + 1)
    assert code == 17, "TOO_MUCH_REPAY"
    assert pool.liquidate(UNHEALTHY, ETH, USDC, 40_000 * UNIT[USDC], bot, now_s).debt_repaid == most
    assert most == pool.params.close_factor * borrow_balance(account[USDC], book[USDC]) // WAD


def test_too_little_collateral_bounds_the_call_and_bad_debt_stays(customer):
    """Neither protocol writes a debt off: what collateral does not pay for, the borrower goes on owing."""
    pool = make_pool()
    pool.set_prices([1000 * 10**8, 10**8, 10**8, 10**8])
    bot = customer(pool)
    repaid = 0
    for _ in range(8):
        repaid += pool.liquidate(UNHEALTHY, ETH, USDC, 40_000 * UNIT[USDC], bot, 0).debt_repaid
        if pool.positions.collateral[UNHEALTHY, ETH] < 10:
            break
    assert pool.positions.collateral[UNHEALTHY, ETH] < 10
    assert repaid == pytest.approx(5_000 * UNIT[USDC] / 1.08, rel=1e-6)
    assert pool.debt_units(UNHEALTHY, USDC, 0) == 12_000 * UNIT[USDC] - repaid
    assert not pool.deficit().any()
    assert not pool.residual().any()


@POOLS
@given(now_s=st.integers(0, 10**7), cover=st.integers(10**4, 10**10), eth_usd=st.integers(100, 2_000))
@settings(max_examples=40, deadline=None)
def test_what_is_seized_is_what_caller_and_reserves_get_and_what_is_repaid_is_no_longer_owed(
    customer, fork, now_s, cover, eth_usd
):
    pool = make_pool(fork)
    pool.set_prices([eth_usd * 10**8, *PRICES[1:]])
    bot = customer(pool)
    pool.supply(DEBTLESS, ETH, UNIT[ETH], _owner(pool), now_s)  # accrues the market, so that rates compare
    tokens = int(pool.positions.collateral[UNHEALTHY, ETH])
    p, market = pool.params.markets[ETH], pool.markets[ETH]
    owed, cash = pool.debt_units(UNHEALTHY, USDC, now_s), market.cash
    result = pool.liquidate(UNHEALTHY, ETH, USDC, cover, bot, now_s)
    seized = tokens - int(pool.positions.collateral[UNHEALTHY, ETH])
    burned = seized * p.protocol_seize_share // WAD
    rate = exchange_rate(p, market)
    reserves = pool.markets[ETH].total_reserves - market.total_reserves
    assert abs((seized - burned) * rate // WAD - result.collateral_to_liquidator) <= 1
    assert abs(seized * rate // WAD - result.collateral_to_liquidator - reserves) <= 2
    assert reserves == burned * rate // WAD
    assert market.total_supply - pool.markets[ETH].total_supply == seized
    assert cash - pool.markets[ETH].cash == result.collateral_to_liquidator
    assert owed - pool.debt_units(UNHEALTHY, USDC, now_s) == result.debt_repaid
    assert not pool.residual().any()


def _owner(pool: CompoundPool) -> int:
    account = pool.ledger.open_account("owner")
    pool.ledger.endow(ETH, account, 3 * UNIT[ETH])
    return account


@POOLS
def test_repay_and_withdraw_move_the_ledger_by_what_they_return(customer, fork):
    pool, now_s = make_pool(fork), 90_000
    payer = customer(pool)
    owed = pool.debt_units(HEALTHY, USDC, now_s)
    assert owed > 9_000 * UNIT[USDC], "interest has accrued"
    before = pool.ledger.balances.copy()
    assert pool.repay(HEALTHY, USDC, 4_000 * UNIT[USDC], payer, now_s) == 4_000 * UNIT[USDC]
    assert pool.debt_units(HEALTHY, USDC, now_s) == owed - 4_000 * UNIT[USDC]
    assert pool.withdraw(HEALTHY, ETH, UNIT[ETH], payer, now_s) == UNIT[ETH]
    moved = pool.ledger.balances - before
    assert moved[payer].tolist() == [UNIT[ETH], 0, -4_000 * UNIT[USDC], 0]
    assert moved[pool.account].tolist() == (-moved[payer]).tolist()
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@POOLS
def test_supplied_collateral_moves_the_ledger_and_heals(fork):
    pool, now_s = make_pool(fork), 90_000
    owner = _owner(pool)
    unhealthy = pool.health_factor(UNHEALTHY, now_s)
    assert unhealthy < WAD
    pool.supply(UNHEALTHY, ETH, 2 * UNIT[ETH], owner, now_s)
    assert pool.ledger.balance(owner, ETH) == UNIT[ETH]
    assert pool.collateral_units(UNHEALTHY, ETH, now_s) == 7 * UNIT[ETH]
    assert pool.health_factor(UNHEALTHY, now_s) > unhealthy
    assert UNHEALTHY in pool.positions.touched
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@POOLS
def test_repaying_more_than_is_owed_takes_what_is_owed(customer, fork):
    pool = make_pool(fork)
    payer = customer(pool)
    owed = pool.debt_units(HEALTHY, USDC, 1_000)
    assert pool.repay(HEALTHY, USDC, 40_000 * UNIT[USDC], payer, 1_000) == owed
    assert pool.positions.debt[HEALTHY].tolist() == [0, 0, 0, 0]
    assert not pool._debts, "nothing is kept for an account without debt"
    assert pool.health_factor(HEALTHY, 1_000) == MAX_UINT256
    everything = pool.collateral_units(HEALTHY, ETH, 1_000)
    assert pool.withdraw(HEALTHY, ETH, everything, payer, 1_000) == everything
    assert not pool.positions.amounts[HEALTHY].any()
    assert not pool.residual().any()


def test_a_debt_grows_by_the_index_since_its_own_last_change(customer):
    """MODEL 1.9, CToken.borrowBalanceStored: principal times index over the account's own index."""
    pool = make_pool()
    payer, day = customer(pool), 86_400
    block, p = pool.block(day), pool.params.markets[USDC]
    paid = repay_borrow(
        pool.params, pool.markets[USDC], pool._take(HEALTHY)[USDC], block, index=USDC, amount=UNIT[USDC]
    )
    pool.repay(HEALTHY, USDC, UNIT[USDC], payer, day)
    assert pool._take(HEALTHY)[USDC] == paid.holding
    assert pool._debts == {HEALTHY: {USDC: (paid.holding.principal, paid.market.borrow_index)}}
    later = accrue_interest(p, pool.markets[USDC], pool.block(5 * day))
    assert pool.debt_units(HEALTHY, USDC, 5 * day) == borrow_balance(paid.holding, later)
    untouched = 12_000 * UNIT[USDC] * later.borrow_index // WAD
    assert pool.debt_units(UNHEALTHY, USDC, 5 * day) == untouched


@pytest.mark.parametrize(("fork", "seconds"), [(Fork.COMPOUND_V2, 15), (Fork.VENUS_CORE, 3)])
def test_interest_comes_block_by_block_of_the_length_that_rates_assume(fork, seconds):
    pool = make_pool(fork)
    assert START % 15 == 0
    assert pool.debt_units(UNHEALTHY, USDC, seconds - 1) == 12_000 * UNIT[USDC]
    assert pool.debt_units(UNHEALTHY, USDC, seconds) > 12_000 * UNIT[USDC]
    year = pool.debt_units(UNHEALTHY, USDC, 365 * 86_400) / (12_000 * UNIT[USDC]) - 1
    model = pool.params.markets[USDC].rate_model
    blocks = 365 * 86_400 // seconds
    assert year == pytest.approx(
        (model.base_rate_per_block + 0.7 * model.multiplier_per_block) * blocks / WAD, rel=1e-4
    )


def test_other_markets_count_with_the_index_they_stored_last(customer):
    """Whom only unbooked interest makes unhealthy is refused until somebody books it (MODEL 1.3)."""
    pool, now_s = make_pool(), 300 * 86_400
    bot, ledger = customer(pool), pool.ledger
    fresh = CompoundPool(ledger, pool.params, 1, START, name="fresh")
    collateral, debt = np.zeros((1, 4), np.int64), np.zeros((1, 4), np.int64)
    collateral[0, ETH] = 10 * UNIT[ETH]
    debt[0, USDC], debt[0, DAI] = 100 * UNIT[USDC], 16_000 * UNIT[DAI]
    fresh.endow(collateral, debt)
    fresh.set_prices(PRICES)
    with pytest.raises(Revert, match=r"LiquidateComptrollerRejection\(3\)"):
        fresh.liquidate(0, ETH, USDC, UNIT[USDC], bot, now_s)
    assert fresh.health_factor(0, now_s) < WAD, "the call that repays DAI books the interest itself"
    restore = fresh.checkpoint(0, (ETH, DAI))
    ledger.begin()
    assert fresh.liquidate(0, ETH, DAI, UNIT[DAI], bot, now_s).debt_repaid == UNIT[DAI]
    restore()
    ledger.rollback()
    fresh.repay(0, DAI, 1, bot, now_s)
    assert fresh.liquidate(0, ETH, USDC, UNIT[USDC], bot, now_s).debt_repaid == UNIT[USDC]
    assert not fresh.residual().any()


def test_venus_liquidates_by_the_threshold_and_lends_by_the_factor():
    """VToken and PolicyFacet of venus-protocol 10.3.0; MODEL 1.3."""
    pool = make_pool(Fork.VENUS_CORE)
    owner = pool.ledger.open_account("owner")
    threshold, factor = 0.80, 0.77
    units = 9_000 * UNIT[ETH] * 10**8 // PRICES[ETH]
    at_threshold = int(units / threshold)
    least = int(units / factor)
    taken = pool.collateral_units(HEALTHY, ETH, 0) - least
    with pytest.raises(Revert, match="math error"):
        pool.withdraw(HEALTHY, ETH, taken + 10, owner, 0)
    pool.withdraw(HEALTHY, ETH, taken - 10, owner, 0)
    assert pool.health_factor(HEALTHY, 0) / WAD == pytest.approx(threshold / factor, rel=1e-6)
    pool.set_prices([PRICES[ETH] * at_threshold // least - 10_000, *PRICES[1:]])
    assert pool.health_factor(HEALTHY, 0) < WAD


@POOLS
@pytest.mark.parametrize(
    "call",
    [
        lambda pool, me: pool.liquidate(HEALTHY, ETH, USDC, UNIT[USDC], me, 10_000),
        lambda pool, me: pool.liquidate(UNHEALTHY, USDC, DAI, UNIT[DAI], me, 10_000),
        lambda pool, me: pool.liquidate(DEBTLESS, ETH, USDC, UNIT[USDC], me, 10_000),
        lambda pool, me: pool.liquidate(UNHEALTHY, ETH, USDC, 0, me, 10_000),
        lambda pool, me: pool.liquidate(UNHEALTHY, ETH, USDC, UNIT[USDC], _owner(pool), 10_000),
        lambda pool, me: pool.repay(DEBTLESS, USDC, UNIT[USDC], me, 10_000),
        lambda pool, me: pool.repay(HEALTHY, USDC, 0, me, 10_000),
        lambda pool, me: pool.repay(UNHEALTHY, USDC, MAX_UINT256, _owner(pool), 10_000),
        lambda pool, me: pool.supply(HEALTHY, ETH, 1, me, 10_000),
        lambda pool, me: pool.supply(HEALTHY, USDC, 0, me, 10_000),
        lambda pool, me: pool.withdraw(HEALTHY, ETH, 9 * UNIT[ETH], me, 10_000),
        lambda pool, me: pool.withdraw(UNHEALTHY, ETH, 10, me, 10_000),
        lambda pool, me: pool.withdraw(DEBTLESS, ETH, 2 * UNIT[ETH], me, 10_000),
    ],
    ids=[
        "liquidate the healthy",
        "seize what is not there",
        "liquidate without debt",
        "liquidate nothing",
        "liquidate without money",
        "repay what is not owed",
        "repay nothing",
        "repay without money",
        "supply what one lacks",
        "supply nothing",
        "withdraw into ill health",
        "withdraw while unhealthy",
        "withdraw more than there is",
    ],
)
def test_refused_call_changes_nothing(customer, fork, call):
    """In Venus a refused call keeps the accrual; a caller's contract reverts on the code and undoes it."""
    pool = make_pool(fork)
    me = customer(pool)
    _owner(pool)
    positions, markets, *rest = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    assert state_of(pool)[:4] == (positions, markets, *rest[:2])
    assert pool.ledger.balances[: me + 1].tolist()[1:] == rest[2][1 : me + 1]
    assert not pool.residual_touched().any()


def test_seized_tokens_are_redeemed_in_cash_or_the_call_fails(customer):
    pool = make_pool()
    bot = customer(pool)
    cash = pool.markets[ETH].cash
    borrowed = replace(
        pool.markets[ETH], cash=UNIT[ETH] // 10, total_borrows=cash - UNIT[ETH] // 10
    )  # the rest has been lent out
    pool.markets[ETH] = borrowed
    before = state_of(pool)
    with pytest.raises(Revert, match="RedeemTransferOutNotPossible"):
        pool.liquidate(UNHEALTHY, ETH, USDC, 5_000 * UNIT[USDC], bot, 0)
    assert state_of(pool) == before
    assert pool.liquidate(UNHEALTHY, ETH, USDC, 10 * UNIT[USDC], bot, 0).debt_repaid == 10 * UNIT[USDC]


@POOLS
def test_checkpoint_and_rollback_restore_everything(customer, fork):
    pool = make_pool(fork)
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 50)
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(UNHEALTHY, (ETH, USDC, DAI))
    pool.liquidate(UNHEALTHY, ETH, USDC, 100 * UNIT[USDC], bot, 7_000)
    pool.liquidate(UNHEALTHY, ETH, DAI, 100 * UNIT[DAI], bot, 9_000)
    pool.supply(UNHEALTHY, ETH, UNIT[ETH] // 100, bot, 9_500)
    pool.repay(UNHEALTHY, USDC, 10**12, bot, 10_000)
    assert state_of(pool) != before
    pool.positions.touched.clear()
    restore()
    pool.ledger.rollback()
    assert state_of(pool) == before
    assert UNHEALTHY in pool.positions.touched, "whoever screens health must look again"
    assert not pool.residual_touched().any()
    assert not pool.residual().any()
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 12_000)
    assert not pool.residual().any()


def test_checkpoint_of_nobody_restores_markets():
    pool = make_pool()
    before = state_of(pool)
    restore = pool.checkpoint(-1, (USDC,))
    pool.markets[USDC] = accrue_interest(pool.params.markets[USDC], pool.markets[USDC], pool.block(900))
    restore()
    assert state_of(pool) == before


@pytest.mark.parametrize("column", [ETH, 4 + USDC])
def test_corrupted_row_of_a_liquidated_account_is_seen_at_once(customer, column):
    pool = make_pool()
    bot = customer(pool)
    pool.liquidate(UNHEALTHY, ETH, USDC, 100 * UNIT[USDC], bot, 10_000)
    pool.positions.amounts[UNHEALTHY, column] += 3
    assert pool.residual_touched()[column % 4] == 3
    assert pool.residual()[column % 4] == 3
    assert not pool.residual_touched().any(), "what was reported is not reported again"


def test_corrupted_row_of_anybody_is_seen_by_the_full_check():
    pool = make_pool()
    pool.positions.amounts[HEALTHY, ETH] -= 1
    pool.positions.amounts[pool.lenders, 4 + DAI] += 5
    residual = pool.residual()
    assert residual[ETH] == 1
    assert residual[DAI] >= 5
    assert not residual[[BTC, USDC]].any()


@pytest.mark.parametrize("leg", ["_put", "_book", "_charge", "transfer"])
def test_a_leg_that_is_dropped_is_seen(customer, leg, monkeypatch):
    """Each leg of a liquidation alone: the account, the market, the interest charged, the money."""
    pool = make_pool()
    bot = customer(pool)
    owner = pool.ledger if leg == "transfer" else pool
    monkeypatch.setattr(owner, leg, lambda *args: None)
    pool.liquidate(UNHEALTHY, ETH, USDC, 100 * UNIT[USDC], bot, 10_000)
    monkeypatch.undo()
    assert pool.residual()[USDC] > 0
    assert pool.residual_touched()[USDC] > 0


def test_a_debt_that_grows_by_a_wrong_index_is_seen(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 86_400)
    principal, index = pool._debts[UNHEALTHY][USDC]
    pool._debts[UNHEALTHY][USDC] = principal, index // 2
    pool.positions.debt[UNHEALTHY, USDC] = -(-principal * WAD // (index // 2))
    assert pool.residual()[USDC] > 10_000 * UNIT[USDC]


def test_underlying_that_the_ledger_lacks_is_seen(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 10)
    pool.ledger.transfer(USDC, pool.account, bot, 2, Reason.TRANSFER)
    assert pool.residual_touched().tolist() == [0, 0, 2, 0]
    assert pool.residual().tolist() == [0, 0, 2, 0]


def test_claims_are_what_is_supplied_less_what_is_owed(customer):
    pool, now_s = make_pool(), 30 * 86_400
    bot = customer(pool)
    pool.liquidate(UNHEALTHY, ETH, USDC, 100 * UNIT[USDC], bot, now_s)
    claims = pool.claims(now_s)
    for asset in range(4):
        net = sum(
            pool.collateral_units(row, asset, now_s) - pool.debt_units(row, asset, now_s) for row in range(4)
        )
        assert claims["borrowers"][asset] == pytest.approx(net, abs=8)
        assert claims["lenders"][asset] == pytest.approx(
            pool.collateral_units(pool.lenders, asset, now_s), abs=2
        )
        market = accrue_interest(pool.params.markets[asset], pool.markets[asset], pool.block(now_s))
        both = claims["borrowers"][asset] + claims["lenders"][asset]
        assert both + market.total_reserves == pytest.approx(market.cash, abs=8), "the rest is the protocol's"


CALLS = st.tuples(
    st.sampled_from(["liquidate", "repay", "supply", "withdraw", "lend"]),
    st.sampled_from([HEALTHY, UNHEALTHY, DUST, DEBTLESS]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 10**13),
    st.integers(0, 2 * 10**6),
)


@POOLS
@settings(max_examples=60, deadline=None)
@given(
    calls=st.lists(CALLS, max_size=14),
    eth_price=st.integers(10**10, 5 * 10**11),
    rate=st.sampled_from([WAD, None]),
)
def test_no_sequence_of_calls_makes_or_loses_a_unit(customer, play, agrees, fork, calls, eth_price, rate):
    pool = make_pool(fork, rate)
    me = customer(pool, 10**6)
    pool.set_prices([eth_price, *PRICES[1:]])
    play(pool, me, calls)
    assert agrees(pool)


def screened_unhealthy(pool: CompoundPool, row: int, now_s: int) -> bool:
    """Return whether a screen that takes `caution` off collateral would look at an account."""
    collateral, debt, _ = pool.weights(now_s)
    backed = pool.positions.collateral[row] @ collateral * (1.0 - pool.caution)
    return bool(backed < pool.positions.debt[row] @ debt)


@POOLS
@settings(max_examples=40, deadline=None)
@given(
    calls=st.lists(CALLS, max_size=8),
    row=st.sampled_from([HEALTHY, UNHEALTHY, DUST]),
    wait=st.integers(0, 10**7),
)
def test_the_screen_misses_nobody_at_the_very_edge(customer, play, fork, calls, row, wait):
    """At the highest price at which the exact rule finds an account unhealthy, to 1e-8 USD."""
    pool = make_pool(fork)
    now = play(pool, customer(pool, 10**6), calls) + wait
    asset = BTC if row == DUST else ETH

    def unhealthy(price: int) -> bool:
        pool.set_prices([price if a == asset else PRICES[a] for a in range(4)])
        return pool.health_factor(row, now) < WAD

    low, high = 1, 10**16
    if not unhealthy(low) or unhealthy(high):
        return  # no debt, or no collateral of this kind that could pay for it
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if unhealthy(middle) else (low, middle)
    assert unhealthy(low)
    assert screened_unhealthy(pool, row, now)


@POOLS
@settings(max_examples=40, deadline=None)
@given(
    calls=st.lists(CALLS, max_size=8),
    eth_price=st.integers(10**9, 10**12),
    btc_price=st.integers(10, 10**13),
    wait=st.integers(0, 10**7),
)
def test_whoever_a_call_could_liquidate_is_found_by_health_and_screen(
    customer, play, fork, calls, eth_price, btc_price, wait
):
    pool = make_pool(fork)
    now = play(pool, customer(pool, 10**6), calls) + wait
    pool.set_prices([eth_price, btc_price, *PRICES[2:]])
    for row in range(4):
        for c, d in np.ndindex(4, 4):
            try:
                rule = liquidate_borrow(
                    pool.params,
                    pool.markets,
                    pool._take(row),
                    pool.prices,
                    pool.block(now),
                    borrowed=d,
                    collateral=c,
                    repay_amount=1,
                )
            except Revert:
                continue
            if rule.error is None and rule.seize_tokens:
                assert pool.health_factor(row, now) < WAD
                assert screened_unhealthy(pool, row, now)


@POOLS
@settings(max_examples=60, deadline=None)
@given(
    calls=st.lists(CALLS, max_size=6),
    prices=st.lists(st.integers(10**6, 10**12), min_size=2, max_size=2),
    fall=st.floats(0.01, 1.0),
)
def test_a_falling_collateral_price_never_heals(customer, play, fork, calls, prices, fall):
    pool = make_pool(fork)
    now = play(pool, customer(pool, 10**6), calls)
    pool.set_prices([*prices, *PRICES[2:]])
    before = [pool.health_factor(row, now) for row in range(4)]
    pool.set_prices([max(1, int(prices[0] * fall)), prices[1], *PRICES[2:]])
    after = [pool.health_factor(row, now) for row in range(4)]
    assert all(low <= high for low, high in zip(after, before, strict=True))


def test_a_large_crowd_costs_no_object_per_account(customer):
    ledger = Ledger([Asset(symbol, decimals) for symbol, decimals in DECIMALS.items()])
    n = 20_000
    pool = CompoundPool(ledger, make_params(Fork.COMPOUND_V2), n, START, name="pool")
    collateral, debt = np.zeros((n, 4), np.int64), np.zeros((n, 4), np.int64)
    collateral[:, ETH], debt[:, USDC] = UNIT[ETH], 1_000 * UNIT[USDC]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    pool.repay(7, USDC, UNIT[USDC], customer(pool), 600)
    assert list(pool._debts) == [7]
    assert not pool.residual().any()


def test_supply_is_the_rule_of_minting(customer):
    pool, now_s = make_pool(rate=None), 86_400
    me = customer(pool)
    expected = mint(
        pool.params,
        pool.markets[USDC],
        pool._take(DEBTLESS)[USDC],
        pool.block(now_s),
        index=USDC,
        amount=777,
    )
    pool.supply(DEBTLESS, USDC, 777, me, now_s)
    assert pool.positions.collateral[DEBTLESS, USDC] == expected.tokens
    assert pool.markets[USDC] == expected.market


@POOLS
def test_answers_do_not_depend_on_what_was_asked_before(customer, fork):
    pool, untouched = make_pool(fork), make_pool(fork)
    me = customer(pool)

    def seen(pool: CompoundPool, now: int) -> list[object]:
        weights = [w.tolist() for w in pool.weights(now)]
        return [share_of(pool, UNHEALTHY, USDC, now), pool.health_factor(UNHEALTHY, now), weights]

    assert seen(pool, 90_000) == seen(untouched, 90_000)
    assert seen(pool, 600) == seen(untouched, 600)
    pool.ledger.begin()
    restore = pool.checkpoint(UNHEALTHY, (ETH, USDC))
    pool.liquidate(UNHEALTHY, ETH, USDC, pool.largest_repay(UNHEALTHY, ETH, USDC, 600), me, 600)
    assert seen(pool, 90_000) != seen(untouched, 90_000)
    pool.ledger.rollback()
    restore()
    for now in (90_000, 600, 0):
        assert seen(pool, now) == seen(untouched, now)
