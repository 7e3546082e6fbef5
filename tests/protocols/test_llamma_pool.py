"""A pool of LLAMMA loans agrees with its rules, loan by loan, and moves the ledger by what they say."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, WAD
from liquidarium.protocols.lending.llamma import (
    Amm,
    AmmParameters,
    Controller,
    ControllerParameters,
    amounts_of,
    arbitrage,
    create_loan,
    exchange,
    full_health,
    liquidate,
    quote,
)
from liquidarium.protocols.lending.llamma.pool import LlammaPool, LlammaTerms
from liquidarium.protocols.lending.llamma.screening_kernels import band_worth
from liquidarium.protocols.lending.llamma.valuation import band_value
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC = range(3)
SYMBOLS, DECIMALS = ("ETH", "BTC", "USDC"), (9, 8, 6)
UNIT = [10**d for d in DECIMALS]
START = 1_621_382_400
RATE = 5 * WAD // 100 // 31_536_000
TERMS = LlammaTerms(100, 6 * WAD // 1000, 0, ControllerParameters(9 * WAD // 100, 6 * WAD // 100, RATE), 10)
HIGH, MIDDLE, LOW, BITCOIN = range(4)
HELD = {HIGH: (ETH, 10), MIDDLE: (ETH, 100), LOW: (ETH, 7), BITCOIN: (BTC, 1)}
OWED = {HIGH: 16_900, MIDDLE: 150_000, LOW: 7_001, BITCOIN: 30_000}
BASE = {ETH: 2_000 * WAD, BTC: 40_000 * WAD}


def prices(eth: float, btc: float = 40_000.0) -> list[int]:
    return [int(eth * 10**8), int(btc * 10**8), 10**8]


def make_pool(terms: LlammaTerms = TERMS) -> LlammaPool:
    """Four loans at 2,000 USD for an ETH."""
    ledger = Ledger([Asset(s, d) for s, d in zip(SYMBOLS, DECIMALS, strict=True)])
    pool = LlammaPool(ledger, "llamma", [ETH, BTC], USDC, terms, 4, START, BASE)
    collateral, debt = np.zeros((4, 3), np.int64), np.zeros((4, 3), np.int64)
    for row, (asset, tokens) in HELD.items():
        collateral[row, asset] = tokens * UNIT[asset]
        debt[row, USDC] = OWED[row] * UNIT[USDC]
    pool.endow(collateral, debt)
    pool.set_prices(prices(2_000))
    return pool


def arbitraged(pool: LlammaPool, trader: int, eth: float, now_s: int) -> None:
    """Move the oracle, and let somebody who sees it trade with the bands."""
    pool.set_prices(prices(eth))
    amm = pool.markets[ETH].amm
    seen = quote(amm, int(eth * 10**8) * 10**10, START + now_s)
    found = arbitrage(amm, seen, seen.price)
    if found is not None:
        pool.trade(ETH, found.coin_in, found.amount, trader, now_s)


def moved(pool: LlammaPool, trader: int, moves: list[tuple[float, bool, int]]) -> Iterator[int]:
    """Move the oracle step by step, with or without somebody who trades; yield the time after each."""
    now_s, eth = 0, 2_000.0
    for move, trades, wait in moves:
        now_s, eth = now_s + wait, eth * (1.0 + move)
        if trades:
            arbitraged(pool, trader, eth, now_s)
        else:
            pool.set_prices(prices(eth))
        yield now_s


def rich(pool: LlammaPool) -> int:
    account = pool.ledger.open_account("rich")
    for asset in range(3):
        pool.ledger.endow(asset, account, 10**6 * UNIT[asset])
    return account


def falling(pool: LlammaPool, trader: int, low: float, steps: int = 20, start_s: int = 0) -> int:
    """Let the price of an ETH fall from 2,000 in steps of two minutes, with arbitrage; the time it ends."""
    for step in range(1, steps + 1):
        arbitraged(pool, trader, 2_000 + (low - 2_000) * step / steps, start_s + 120 * step)
    return start_s + 120 * steps


def state_of(pool: LlammaPool):
    """Everything that a call may change."""
    markets = [
        (
            dict(m.amm.bands_x), dict(m.amm.bands_y), dict(m.amm.total_shares), m.amm.active_band,
            m.amm.limiter, m.amm.interest, m.controller.total, dict(m.controller.loans),
            {row: (d.first, list(d.shares)) for row, d in m.amm.deposits.items()},
            m.deepest, m.calls, m.shares, m.controller.others,
        )
        for m in pool.markets.values()
    ]  # fmt: skip
    return pool.positions.amounts.tolist(), markets, pool.issued, pool.ledger.balances.tolist()


def test_loans_opened_at_once_are_those_opened_one_by_one():
    pool = make_pool()
    decimals = {"borrowed_decimals": 6, "collateral_decimals": 9}
    amm = Amm.new(AmmParameters.derived(100, BASE[ETH], 6 * WAD // 1000, **decimals), BASE[ETH], START, RATE)
    single = Controller(TERMS.loans, amm)
    seen = quote(amm, BASE[ETH], START)
    for row in (HIGH, MIDDLE, LOW):
        create_loan(single, seen, row, HELD[row][1] * UNIT[ETH], OWED[row] * UNIT[USDC], 10)
    market = pool.markets[ETH]
    assert market.amm.bands_y == amm.bands_y
    assert market.amm.total_shares == amm.total_shares
    assert (market.amm.max_band, market.amm.active_band) == (amm.max_band, amm.active_band)
    assert market.controller.total == single.total
    for row in (HIGH, MIDDLE, LOW):
        assert pool.health_factor(row, 0) == WAD + full_health(single, seen, row)
        assert market.amm.deposits[row] == amm.deposits[row]
    assert not market.crowd.pushed


def test_odd_amounts_are_spread_over_bands_to_the_last_wei():
    ledger = Ledger([Asset(s, d) for s, d in zip(SYMBOLS, DECIMALS, strict=True)])
    pool = LlammaPool(ledger, "llamma", [ETH, BTC], USDC, TERMS, 300, START, BASE)
    random = np.random.default_rng(4)
    collateral, debt = np.zeros((300, 3), np.int64), np.zeros((300, 3), np.int64)
    collateral[:, ETH] = random.integers(10**6, 10**13, 300)
    debt[:, USDC] = collateral[:, ETH] * random.uniform(0.2, 0.84, 300) * 2
    pool.endow(collateral, debt)
    crowd, amm = pool.markets[ETH].crowd, pool.markets[ETH].amm
    shares: dict[int, int] = {}
    for row in range(300):
        held = crowd.deposit(row)
        for band, part in zip(range(held.first, held.last + 1), held.shares, strict=True):
            shares[band] = shares.get(band, 0) + part
    assert shares == amm.total_shares == {band: 1000 * y for band, y in amm.bands_y.items()}
    assert sum(amm.bands_y.values()) == int(collateral[:, ETH].sum()) * 10**9


def test_a_trade_is_the_rule_called_directly():
    pool = make_pool()
    trader = rich(pool)
    pool.set_prices(prices(1_850))
    market, before = pool.markets[ETH], pool.ledger.balances.copy()
    twin = market.amm.copy()
    seen = quote(twin, 1_850 * WAD, START + 600)
    expected = exchange(twin, seen, 0, 9_000 * UNIT[USDC])
    assert pool.trade(ETH, 0, 9_000 * UNIT[USDC], trader, 600) == expected
    assert market.amm == twin
    moved = pool.ledger.balances - before
    assert moved[trader].tolist() == [expected[1], 0, -expected[0]]
    assert pool.ledger.volumes[Reason.SWAP, ETH] == expected[1]
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_a_fall_converts_the_high_loans_and_a_recovery_restores_them():
    pool = make_pool()
    trader = rich(pool)
    now = falling(pool, trader, 1_850)
    pool.weights(now)
    high, low = pool.positions.collateral[HIGH], pool.positions.collateral[LOW]
    assert high[USDC] > 0
    assert high[ETH] < 10 * UNIT[ETH]
    assert low.tolist() == [7 * UNIT[ETH], 0, 0]
    for step in range(30):
        now += 120
        arbitraged(pool, trader, 1_850 + 10 * step, now)
    pool.weights(now)
    assert pool.positions.collateral[HIGH, USDC] <= 1
    assert 0.97 < pool.positions.collateral[HIGH, ETH] / (10 * UNIT[ETH]) < 1
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_positions_are_what_the_rules_say_shares_stand_for():
    pool = make_pool()
    now = falling(pool, rich(pool), 1_800)
    pool.weights(now)
    for row in (HIGH, MIDDLE, LOW):
        pool.health_factor(row, now)  # has the loan as an object from now on
        x, y = amounts_of(pool.markets[ETH].amm, row)
        assert pool.positions.collateral[row, USDC] == pytest.approx(x, abs=2, rel=1e-12)
        assert pool.positions.collateral[row, ETH] == pytest.approx(y, abs=2, rel=1e-12)
    before = pool.positions.amounts.copy()
    pool.weights(now)
    assert np.abs(pool.positions.amounts - before).max() <= 2


def unhealthy() -> tuple[LlammaPool, int, int]:
    """Return a pool whose loan called high may be liquidated, a liquidator, and the time."""
    pool = make_pool()
    trader = rich(pool)
    pool.set_prices(prices(1_500))  # a jump that nobody has traded on
    return pool, trader, 600


def test_hard_liquidation_hands_over_both_tokens_and_the_rule_says_how_much():
    pool = make_pool()
    trader = rich(pool)
    now = falling(pool, trader, 1_840, steps=4) + 600
    pool.set_prices(prices(1_600))
    assert pool.health_factor(HIGH, now) < WAD
    market = pool.markets[ETH]
    twin = Controller(
        TERMS.loans, market.amm.copy(HIGH), dict(market.controller.loans), market.controller.total, 9
    )
    expected = liquidate(twin, quote(twin.amm, 1_600 * WAD, START + now), HIGH)
    assert expected.borrowed_received > 0
    before = pool.ledger.balances.copy()
    called = pool.liquidate(HIGH, ETH, USDC, 10**12, trader, now)
    assert (called.debt_repaid, called.collateral_to_liquidator, called.debt_received) == (
        expected.debt, expected.collateral_received, expected.borrowed_received,
    )  # fmt: skip
    moved = pool.ledger.balances - before
    assert moved[trader].tolist() == [expected.collateral_received, 0, -called.paid]
    assert called.paid == expected.debt - expected.borrowed_received
    assert pool.ledger.volumes[Reason.BURN, USDC] == expected.debt
    assert pool.claims(now)["outside"][USDC] == sum(OWED.values()) * UNIT[USDC] - expected.debt
    assert not pool.positions.amounts[HIGH].any()
    assert pool.health_factor(HIGH, now) == MAX_UINT256
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_a_part_of_a_debt_buys_less_than_its_part_of_the_bands():
    pool, me, now = unhealthy()
    before = pool.health_factor(HIGH, now)
    called = pool.liquidate(HIGH, ETH, USDC, 8_450 * UNIT[USDC], me, now)
    assert called.debt_repaid == pytest.approx(8_450 * UNIT[USDC], abs=2)
    assert called.collateral_to_liquidator < 5 * UNIT[ETH]
    assert pool.health_factor(HIGH, now) > before
    assert not pool.residual().any()


def test_repaying_all_closes_a_loan_with_what_is_in_its_bands():
    pool = make_pool()
    me = rich(pool)
    now = falling(pool, me, 1_850)
    owed = pool.debt_units(HIGH, USDC, now)
    x, y = pool.collateral_units(HIGH, USDC, now), pool.collateral_units(HIGH, ETH, now)
    before = pool.ledger.balances[me].copy()
    assert pool.repay(HIGH, USDC, owed + 5, me, now) == owed
    assert (pool.ledger.balances[me] - before).tolist() == [y, 0, x - owed]
    assert not pool.positions.amounts[HIGH].any()
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_repaying_a_part_moves_the_bands_of_a_loan_that_is_not_being_converted():
    pool = make_pool()
    me = rich(pool)
    assert pool.health_factor(LOW, 10)
    before = pool.markets[ETH].amm.deposits[LOW].first
    pool.repay(LOW, USDC, 3_000 * UNIT[USDC], me, 10)
    assert pool.markets[ETH].amm.deposits[LOW].first > before
    assert pool.positions.debt[LOW, USDC] == pytest.approx(4_001 * UNIT[USDC], rel=1e-7)
    pool.withdraw(LOW, ETH, 2 * UNIT[ETH], me, 20)
    pool.supply(LOW, ETH, UNIT[ETH], me, 30)
    assert pool.collateral_units(LOW, ETH, 30) == pytest.approx(6 * UNIT[ETH], abs=1)
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_a_borrower_in_conversion_clears_a_part_with_its_own_bands():
    pool = make_pool()
    me = rich(pool)
    now = falling(pool, me, 1_850)
    owed, x = pool.debt_units(HIGH, USDC, now), pool.collateral_units(HIGH, USDC, now)
    health = pool.health_factor(HIGH, now)
    called = pool.self_liquidate(HIGH, WAD // 4, me, now)
    assert called.debt_repaid == pytest.approx(owed / 4, abs=2)
    assert called.debt_received == pytest.approx(x / 4, abs=2)
    assert pool.health_factor(HIGH, now) == pytest.approx(health, rel=1e-6)
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


REFUSED = {
    "liquidate the healthy": lambda pool, me: pool.liquidate(LOW, ETH, USDC, 10**9, me, 600),
    "liquidate for another token": lambda pool, me: pool.liquidate(HIGH, BTC, USDC, 10**9, me, 600),
    "liquidate for nothing": lambda pool, me: pool.liquidate(HIGH, ETH, USDC, 0, me, 600),
    "liquidate without money": lambda pool, me: pool.liquidate(
        HIGH, ETH, USDC, 10**12, pool.ledger.open_account("poor"), 600
    ),
    "repay without money": lambda pool, me: pool.repay(
        LOW, USDC, 10**9, pool.ledger.open_account("poor"), 600
    ),
    "repay another token": lambda pool, me: pool.repay(LOW, ETH, 10**9, me, 600),
    "supply what one lacks": lambda pool, me: pool.supply(
        LOW, ETH, 10**9, pool.ledger.open_account("poor"), 600
    ),
    "withdraw too much": lambda pool, me: pool.withdraw(LOW, ETH, 5 * UNIT[ETH], me, 600),
    "withdraw more than there is": lambda pool, me: pool.withdraw(LOW, ETH, 50 * UNIT[ETH], me, 600),
    "withdraw in conversion": lambda pool, me: pool.withdraw(HIGH, ETH, 1, me, 600),
    "trade nothing": lambda pool, me: pool.trade(ETH, 0, 0, me, 600),
    "trade without money": lambda pool, me: pool.trade(ETH, 0, 10**9, pool.ledger.open_account("poor"), 600),
    "clear one's own without money": lambda pool, me: pool.self_liquidate(
        HIGH, WAD, pool.ledger.open_account("poor"), 600
    ),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused_call_changes_nothing(call):
    pool = make_pool()
    me = rich(pool)
    arbitraged(pool, me, 1_880, 300)
    pool.set_prices(prices(1_550))
    for row in HELD:
        pool.health_factor(row, 600)
    pool.residual_touched()
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    after = state_of(pool)
    assert before[:3] == after[:3]
    assert not pool.residual().any()


@pytest.mark.parametrize("call", ["liquidate", "repay", "close", "withdraw", "trade", "part"])
@pytest.mark.parametrize("known", [True, False])
def test_checkpoint_and_rollback_restore_everything(call, known):
    pool = make_pool()
    me = rich(pool)
    arbitraged(pool, me, 1_880, 300)
    pool.set_prices(prices(1_550))
    row = LOW if call in ("repay", "close", "withdraw") else HIGH
    if known:
        pool.health_factor(row, 600)
    pool.weights(600)
    pool.residual_touched()
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(row, (ETH, USDC))
    if call == "liquidate":
        pool.liquidate(HIGH, ETH, USDC, 10**9, me, 600)
        pool.liquidate(HIGH, ETH, USDC, 10**12, me, 600)
    elif call == "repay":
        pool.repay(LOW, USDC, 10**9, me, 600)
    elif call == "close":
        pool.repay(LOW, USDC, 10**12, me, 600)
    elif call == "withdraw":
        pool.withdraw(LOW, ETH, UNIT[ETH], me, 600)
    elif call == "part":
        pool.self_liquidate(HIGH, WAD // 3, me, 600)
    else:
        pool.trade(ETH, 0, 10**9, me, 600)
    assert state_of(pool) != before
    restore()
    pool.ledger.rollback()
    assert state_of(pool) == before
    assert not pool.residual_touched().any()
    assert not pool.residual().any()
    pool.weights(600)
    assert np.abs(pool.positions.amounts - np.array(before[0])).max() <= 1
    resting = pool.resting(np.arange(4), 600)
    assert resting.tolist() == [pool.health_factor(row, 600) >= WAD for row in range(4)]


@pytest.mark.parametrize("leg", ["bands_x", "bands_y", "total_shares", "ledger", "shares of a loan"])
def test_a_leg_that_is_lost_is_seen(leg):
    pool = make_pool()
    me = rich(pool)
    falling(pool, me, 1_850)
    pool.repay(LOW, USDC, 10**9, me, 2_500)
    assert not pool.residual().any()
    amm = pool.markets[ETH].amm
    if leg == "ledger":
        pool.ledger.transfer(ETH, pool.account, me, 10**6, Reason.SEIZE)
    elif leg == "shares of a loan":
        amm.deposits[LOW].shares[2] -= 10**18 * 1000
    else:
        amounts = getattr(amm, leg)
        band = next(iter(amounts))
        amounts[band] -= 10**16 * (1000 if leg == "total_shares" else 1)
    assert pool.residual().any()


def test_nothing_is_kept_for_loans_that_nobody_touched():
    pool = make_pool()
    now = falling(pool, rich(pool), 1_750)
    pool.weights(now)
    pool.resting(np.arange(4), now)
    assert not any(market.amm.deposits or market.controller.loans for market in pool.markets.values())


moves = st.lists(st.tuples(st.floats(-0.08, 0.07), st.booleans(), st.integers(10, 4_000)), max_size=25)


@settings(max_examples=60, deadline=None)
@example(moves=[(-0.0625, False, 10), (0.0, True, 69), (0.0625, False, 10), (0.0625, False, 10)], paid=0)
@example(moves=[(-0.08, False, 10), (-0.08, False, 10)], paid=1_079)
@given(moves=moves, paid=st.integers(0, 5_000))
def test_screening_never_misses_a_loan_that_may_be_liquidated(moves, paid):
    pool = make_pool()
    me = rich(pool)
    if paid:
        pool.repay(MIDDLE, USDC, paid * UNIT[USDC], me, 1)
    for now in moved(pool, me, moves):
        collateral, debt, _ = pool.weights(now)
        written = pool.positions.amounts.copy()
        for market in pool.markets.values():
            market.written = False
        pool.weights(now)
        assert np.array_equal(pool.positions.amounts, written), "left as it was where nothing changed"
        backed = pool.positions.collateral @ (collateral * (1.0 - pool.caution))
        owed = pool.positions.debt @ debt
        resting = pool.resting(np.arange(4), now)
        copy = state_of(pool)[2]
        for row in range(4):
            healthy = pool.health_factor(row, now) >= WAD
            assert resting[row] == healthy
            if not healthy:
                assert backed[row] <= owed[row] * (1.0 + 1e-9)
        assert pool.issued == copy


@settings(max_examples=60, deadline=None)
@given(moves=moves, paid=st.integers(0, 5_000))
def test_health_in_floats_is_that_of_the_rule(moves, paid):
    pool = make_pool()
    me, deep = rich(pool), 2_000
    if paid:
        pool.repay(MIDDLE, USDC, paid * UNIT[USDC], me, 1)
    for now in moved(pool, me, moves):
        market, seen, rows = pool.markets[ETH], pool._seen(ETH, now), np.array([HIGH, MIDDLE, LOW])
        found = market.screen.health(seen, deep, rows, pool.positions.debt[rows, USDC])
        for row, health in zip(rows.tolist(), found.tolist(), strict=True):
            assert pool._load(row)
            # the arrays round debts up to whole units
            assert health == pytest.approx(full_health(market.controller, seen, row) / WAD, abs=1e-8)


@settings(deadline=None)
@given(
    a=st.sampled_from([10, 100, 1_000]),
    price=st.floats(0.8, 1.25),
    x=st.one_of(st.just(0), st.integers(10**18, 10**26)),
    y=st.one_of(st.just(0), st.integers(10**18, 10**23)),
)
def test_the_worth_of_a_band_in_floats_is_that_of_the_rule(a, price, x, y):
    up, seen = 2_000 * WAD, int(price * 2_000) * WAD
    root_ratio = isqrt(WAD * WAD * a // (a - 1))
    parameters = AmmParameters(a, root_ratio, WAD // a, up, 0)
    rule = band_value(
        Amm.new(parameters, up, 0), seen, up, up * (a - 1) // a, x, y, in_collateral=False
    ) if x or y else 0  # fmt: skip
    worth = band_worth(float(a), root_ratio / WAD, seen / WAD, up / WAD, float(x), float(y))
    whole = x + y * 2_000  # what a band is worth at the most, roughly
    assert worth == pytest.approx(rule, abs=1e-11 * whole)


@settings(max_examples=40, deadline=None)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(
                ["price", "arbitrage", "liquidate", "repay", "supply", "withdraw", "trade", "part"]
            ),
            st.integers(0, 3),
            st.integers(0, 10**11),
            st.integers(0, 4_000),
        ),
        max_size=16,
    )
)
def test_no_sequence_of_calls_makes_or_loses_money(agrees, calls):
    pool = make_pool()
    me, now = rich(pool), 0
    for kind, row, amount, wait in calls:
        now += wait
        try:
            if kind == "price":
                pool.set_prices(prices(1_400 + amount / 10**8))
            elif kind == "arbitrage":
                arbitraged(pool, me, 1_400 + amount / 10**8, now)
            elif kind == "liquidate":
                pool.liquidate(row, HELD[row][0], USDC, amount, me, now)
            elif kind == "repay":
                pool.repay(row, USDC, amount, me, now)
            elif kind == "supply":
                pool.supply(row, HELD[row][0], amount, me, now)
            elif kind == "withdraw":
                pool.withdraw(row, HELD[row][0], amount, me, now)
            elif kind == "part":
                pool.self_liquidate(row, amount * 10**7, me, now)
            else:
                pool.trade(HELD[row][0], amount % 2, amount, me, now)
        except Revert:
            pass
        assert not pool.residual_touched().any()
    pool.weights(now)
    assert agrees(pool)
