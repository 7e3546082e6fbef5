"""Margin accounts: exact to the unit, and the screen finds whom brute force finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.protocols.margin.accounts import MarginAccounts
from liquidarium.protocols.margin.contracts import InverseContract, LinearContract, OptionContract, Right
from liquidarium.protocols.margin.tiers import NANO, MarginTiers

BTC = LinearContract("BTC-PERP", 1_000)
ETH = LinearContract("ETH-PERP", 100)
COIN = InverseContract("BTC-USD", 10**9)
TIERS = MarginTiers((10**9, 10**11), (to := NANO // 100, 5 * to))
FUND = 0


def venue(*contracts, n_accounts=6, tiers=TIERS):
    accounts = MarginAccounts(contracts, n_accounts, [tiers] * len(contracts))
    for account in range(1, n_accounts):
        accounts.deposit(account, 10**9 * account)
    return accounts


moves = st.tuples(
    st.sampled_from(("trade", "funding", "variation", "transfer")),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 1),
    st.integers(-10_000, 10_000),
    st.integers(5_000, 20_000),
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(moves, max_size=25), st.integers(5_000, 20_000), st.sampled_from((ETH, COIN)))
def test_what_one_loses_another_gains_to_the_unit(played, last, second):
    accounts = venue(BTC, second)
    paid_in = accounts.cash_total
    for kind, one, other, contract, number, ticks in played:
        if kind == "trade":
            accounts.trade(one, other, contract, number, ticks)
        elif kind == "funding":
            flow = accounts.settle_funding(contract, ticks, number * 1_000, FUND)
            assert flow.dust >= 0
        elif kind == "variation":
            accounts.settle_variation(contract, ticks)
        else:
            accounts.transfer(one, other, abs(number))
        assert accounts.cash_total == paid_in
        assert accounts.open_interest(contract)[0] == accounts.open_interest(contract)[1]
    for contract in (0, 1):
        left = accounts.expire(contract, last, FUND)
        assert abs(left) <= 6 * isinstance(accounts.contracts[contract], InverseContract)
    assert not accounts.lots.any()
    assert not accounts.entry.any()
    assert int(accounts.balances.sum()) == paid_in == accounts.cash_total


@given(st.integers(1, 2**20), st.integers(1, 2**20), st.integers(1, 2**20), st.sampled_from((BTC, COIN)))
def test_a_round_trip_realises_the_difference_of_the_values(lots, opened, closed, contract):
    accounts = venue(contract)
    accounts.fill(1, 0, lots, opened)
    realised = accounts.fill(1, 0, -lots, closed)
    assert realised == contract.value(lots, closed) - contract.value(lots, opened)
    assert accounts.balances[1] == 10**9 + realised


@given(st.integers(-100, 100), st.lists(st.integers(-100, 100), max_size=8), st.integers(5_000, 20_000))
def test_equity_does_not_depend_on_how_a_position_was_closed(first, later, mark):
    accounts = venue(BTC)
    accounts.fill(1, 0, first, 10_000)
    cash = 10**9 - BTC.value(first, 10_000)
    for number, lots in enumerate(later):
        accounts.fill(1, 0, lots, 9_000 + 100 * number)
        cash -= BTC.value(lots, 9_000 + 100 * number)
    assert accounts.equity(1, [mark]) == cash + BTC.value(int(accounts.lots[1, 0]), mark)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_screen_finds_whom_brute_force_finds(seed):
    rng = np.random.default_rng(seed)
    n = 200
    accounts = MarginAccounts([BTC, ETH, COIN], n, [TIERS, MarginTiers.flat(0.02), TIERS])
    ticks = np.array([10_000, 10_000, 10_000])
    for account in range(1, n):
        for contract in rng.permutation(3)[: rng.integers(1, 4)]:
            accounts.fill(account, int(contract), int(rng.integers(-2_000, 2_000)), 10_000)
        need = max(accounts.requirement(account, ticks), 1)
        accounts.deposit(account, int(need * rng.uniform(0.9, 12)))
    scale = 10 ** rng.uniform(-4, -1.5)
    for _ in range(30):
        ticks = np.maximum(1, (ticks * np.exp(rng.normal(0, scale, 3))).astype(np.int64))
        found = accounts.reprice(ticks)
        slow = [
            a for a in range(n) if accounts.lots[a].any() and accounts.equity(a) < accounts.requirement(a)
        ]
        assert found.tolist() == slow
        rows = np.arange(n)
        exact = [(accounts.equity(a), accounts.requirement(a)) for a in rows.tolist()]
        assert accounts.states(rows).tolist() == [list(pair) for pair in exact]
        if rng.random() < 0.3:
            accounts.fill(int(rng.integers(1, n)), int(rng.integers(3)), int(rng.integers(-500, 500)), 10_000)


def test_the_screen_looks_at_few_when_marks_hardly_move():
    accounts = MarginAccounts([BTC], 1_000, [TIERS])
    for account in range(1_000):
        accounts.deposit(account, 10**9)
        accounts.fill(account, 0, 500 if account % 2 else -500, 10_000)
    accounts.reprice([10_000])
    for mark in (10_001, 10_000, 9_999, 10_000):
        assert len(accounts.reprice([mark])) == 0
    assert accounts.looks == 1_000


def test_a_change_of_margin_is_seen_in_the_next_screen():
    accounts = venue(BTC)
    accounts.fill(1, 0, 1_000, 10_000)
    assert accounts.reprice([10_000]).tolist() == []
    accounts.set_margin(0, MarginTiers.flat(0.5))
    assert accounts.reprice([10_000]).tolist() == [1]


@pytest.mark.parametrize("contract", [BTC, COIN])
@given(
    lots=st.integers(-1_000, 1_000).filter(bool), mark=st.integers(2_000, 50_000), step=st.integers(1, 1_000)
)
def test_an_adverse_price_never_makes_an_unsafe_account_safe(contract, lots, mark, step):
    accounts = venue(contract)
    accounts.fill(1, 0, lots, 10_000)
    worse = mark - step if lots > 0 else mark + step

    def unsafe(price):
        return accounts.equity(1, [price]) < accounts.requirement(1, [price])

    assert unsafe(worse) or not unsafe(mark)


def test_funding_flows_from_the_heavy_side_in_proportion():
    accounts = venue(BTC)
    accounts.fill(1, 0, 100, 10_000)
    accounts.fill(2, 0, 50, 10_000)
    accounts.fill(3, 0, -50, 10_000)  # GMX v2: the pool is the other side of the rest
    before = accounts.balances.copy()
    flow = accounts.settle_funding(0, 10_000, NANO // 1_000, FUND)
    assert flow == (1_500_000, 1_500_000, 0)
    assert (accounts.balances - before).tolist() == [0, -1_000_000, -500_000, 1_500_000, 0, 0]


def test_daily_settlement_pays_gains_and_enters_anew():
    accounts = venue(LinearContract("BTC-DEC", 1_000, expiry_s=100))
    accounts.trade(1, 2, 0, 10, 10_000)
    assert accounts.settle_variation(0, 10_500).tolist() == [0, 5_000_000, -5_000_000, 0, 0, 0]
    assert accounts.entry[1, 0] == 10 * 10_500 * 1_000
    assert accounts.settle_variation(0, 10_500).tolist() == [0] * 6


def test_an_option_is_paid_in_cash_at_expiry():
    call = OptionContract("BTC-CALL", 1_000, 100, 60_000, Right.CALL)
    accounts = venue(call)
    accounts.trade(1, 2, 0, 10, 500)
    assert accounts.expire(0, call.payoff(61_000), FUND) == 0
    assert accounts.balances[1:3].tolist() == [10**9 + 5_000_000, 2 * 10**9 - 5_000_000]


def test_numbers_that_leave_64_bits_are_refused():
    accounts = venue(BTC)
    with pytest.raises(OverflowError, match=r"BTC-PERP worth .* does not fit in 62 bits"):
        accounts.fill(1, 0, 2**50, 2**20)
    with pytest.raises(OverflowError, match="a balance of"):
        accounts.deposit(1, 2**62)
    accounts.fill(1, 0, 2**40, 1)
    with pytest.raises(OverflowError, match="margin account 1 does not fit"):
        accounts.reprice([2**30])
    with pytest.raises(ValueError, match="ticks must be 1 positive marks"):
        accounts.reprice([0])


@given(st.lists(st.integers(-10_000, 10_000), min_size=5, max_size=5), st.integers(5_000, 20_000))
def test_equity_is_the_balance_and_the_gains_in_each_contract(lots, ticks):
    accounts = venue(BTC, COIN)
    for account, held in enumerate(lots, 1):
        accounts.fill(account, 0, held, 10_000)
        accounts.fill(account, 1, -held, 9_000)
    gained = accounts.gains(0, ticks) + accounts.gains(1, ticks)
    assert (accounts.balances + gained).tolist() == [accounts.equity(row, [ticks, ticks]) for row in range(6)]
