"""What holds for every Aave account, price and call (MODEL 1.12, invariants)."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import MAX_UINT256, RAY, WAD
from liquidarium.protocols.lending.aave import (
    V3_0_2,
    V3_0_2_MECHANISM,
    V3_6,
    V3_6_MECHANISM,
    Account,
    ReserveState,
    aave_v2_main_may_2021,
)
from liquidarium.protocols.revert import Revert

SYMBOLS = ("WETH", "WBTC", "LINK", "USDC", "DAI")
MARKETS = {
    V3_0_2: aave_v2_main_may_2021(SYMBOLS, {"WETH": 9, "LINK": 9, "DAI": 9}, V3_0_2_MECHANISM),
    V3_6: aave_v2_main_may_2021(SYMBOLS, {"WETH": 9, "LINK": 9, "DAI": 9}, V3_6_MECHANISM),
}
VERSIONS = pytest.mark.parametrize("rules", [V3_0_2, V3_6], ids=lambda rules: rules.name)
NOW = 1_621_382_400
N = len(SYMBOLS)
ASSETS = st.integers(0, N - 1)
PRICES = st.lists(st.integers(10**6, 10**13), min_size=N, max_size=N)
AMOUNTS = st.lists(st.integers(0, 10**13), min_size=N, max_size=N)


def bits(amounts):
    return sum(1 << i for i, amount in enumerate(amounts) if amount)


@st.composite
def pools(draw, rules):
    """Reserves of some age and utilisation, one borrower in them, and prices."""
    market = MARKETS[rules]
    supplied, borrowed = draw(AMOUNTS), draw(AMOUNTS)
    reserves = []
    for i, parameters in enumerate(market.reserves):
        lent = draw(st.integers(0, 10**15))
        supply = supplied[i] + borrowed[i] + lent
        state = ReserveState(
            last_update=NOW - draw(st.integers(0, 10**7)),
            liquidity_index=RAY + draw(st.integers(0, RAY // 10)),
            variable_borrow_index=RAY + draw(st.integers(0, RAY // 5)),
            scaled_supply=supply,
            scaled_variable_debt=borrowed[i],
            available=supply + lent,
        )
        rules.update_rates(state, parameters, 0, 0)
        reserves.append(state)
    return reserves, Account(supplied, borrowed, bits(supplied), bits(borrowed)), draw(PRICES)


@VERSIONS
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_liquidation_conserves_value_and_goes_nowhere_below_zero(rules, data):
    reserves, account, prices = data.draw(pools(rules))
    before, old = deepcopy(reserves), deepcopy(account)
    collateral, debt, atokens = data.draw(ASSETS), data.draw(ASSETS), data.draw(st.booleans())
    cover = data.draw(st.integers(0, 10**13) | st.just(MAX_UINT256))
    liquidator = Account.empty(N)
    market = MARKETS[rules]
    try:
        result = rules.liquidation_call(
            reserves,
            market,
            prices,
            NOW,
            account,
            collateral=collateral,
            debt=debt,
            debt_to_cover=cover,
            receive_atoken=atokens,
            liquidator=liquidator,
        )
    except Revert:
        assert (reserves, account, liquidator) == (before, old, Account.empty(N))
        return
    assert result.debt_repaid <= cover
    for i, (state, was) in enumerate(zip(reserves, before, strict=True)):
        written_off = state.deficit - was.deficit
        entered = result.debt_repaid if i == debt else 0
        left = 0 if atokens or i != collateral else result.collateral_to_liquidator
        assert state.available - was.available == entered - left
        lost = old.supplied[i] - account.supplied[i]
        gained = liquidator.supplied[i] + state.treasury_scaled - was.treasury_scaled
        assert lost == gained + was.scaled_supply - state.scaled_supply
        assert was.scaled_variable_debt - state.scaled_variable_debt == old.borrowed[i] - account.borrowed[i]
        assert min(account.supplied[i], account.borrowed[i], state.available, state.deficit) >= 0
        index = rules.normalized_debt(was, NOW)
        cleared = rules.debt_balance(old.borrowed[i], index) - rules.debt_balance(account.borrowed[i], index)
        # what is burnt is rounded by less than one scaled unit, the two balances by less than one unit
        assert abs(cleared - entered - written_off) * RAY < index + RAY
    if not atokens:
        income = rules.normalized_income(before[collateral], NOW)
        seized = rules.atoken_balance(old.supplied[collateral] - account.supplied[collateral], income)
        assert abs(seized - result.collateral_to_liquidator - result.protocol_fee) <= 2


@VERSIONS
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_falling_price_never_makes_a_liquidatable_account_healthy(rules, data):
    reserves, account, prices = data.draw(pools(rules))
    account.borrowed = [b if i >= 3 else 0 for i, b in enumerate(account.borrowed)]
    account.supplied = [s if i < 3 else 0 for i, s in enumerate(account.supplied)]
    account.collateral_mask, account.borrowing_mask = bits(account.supplied), bits(account.borrowed)
    assume(account.borrowing_mask)
    fallen = list(prices)
    for i in range(3):
        fallen[i] = prices[i] * data.draw(st.integers(0, 100)) // 100
    before = rules.account_totals(reserves, MARKETS[rules], prices, NOW, account)
    after = rules.account_totals(reserves, MARKETS[rules], fallen, NOW, account)
    if rules is V3_6:
        assert after[4] <= before[4]
    else:  # v3.0.2 rounds the average threshold down to whole basis points, which can cost one before
        assert after[4] <= before[4] * (before[3] + 1) // max(before[3], 1) + WAD // 10**6


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_with_one_collateral_the_health_of_v3_0_2_falls_with_its_price_exactly(data):
    reserves, account, prices = data.draw(pools(V3_0_2))
    account.collateral_mask, account.borrowing_mask = 1, account.borrowing_mask & 0b11000
    lower = [prices[0] * data.draw(st.integers(0, 100)) // 100, *prices[1:]]
    market = MARKETS[V3_0_2]
    totals = [V3_0_2.account_totals(reserves, market, p, NOW, account)[4] for p in (lower, prices)]
    assert totals[0] <= totals[1]


@VERSIONS
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_sequence_of_operations_keeps_the_books_and_the_claims_covered(rules, data):
    market = MARKETS[rules]
    reserves = [ReserveState(last_update=NOW) for _ in SYMBOLS]
    accounts = [Account.empty(N) for _ in range(3)]
    prices = [2_400 * 10**8, 38_000 * 10**8, 25 * 10**8, 10**8, 10**8]
    now = NOW
    for i, account in enumerate(accounts):
        for j, parameters in enumerate(market.reserves):
            amount = (i + j + 1) * parameters.unit
            rules.supply(reserves, market, now, account, reserve=j, amount=amount)
    steps = data.draw(st.integers(1, 25))
    for _ in range(steps):
        now += data.draw(st.integers(0, 10**6))
        account, other = data.draw(st.sampled_from(accounts)), data.draw(st.sampled_from(accounts))
        i, j = data.draw(ASSETS), data.draw(ASSETS)
        amount = data.draw(st.integers(0, 10**10) | st.just(MAX_UINT256))
        kind = data.draw(st.sampled_from(["supply", "withdraw", "borrow", "repay", "liquidate", "price"]))
        before = deepcopy((reserves, accounts))
        try:
            if kind == "price":
                prices[i] = max(1, prices[i] * data.draw(st.integers(50, 150)) // 100)
            elif kind == "supply":
                rules.supply(reserves, market, now, account, reserve=i, amount=min(amount, 10**10))
            elif kind == "repay":
                rules.repay(reserves, market, now, account, reserve=i, amount=amount)
            elif kind == "liquidate":
                rules.liquidation_call(
                    reserves,
                    market,
                    prices,
                    now,
                    account,
                    collateral=i,
                    debt=j,
                    debt_to_cover=amount,
                    receive_atoken=data.draw(st.booleans()),
                    liquidator=other,
                )
            else:
                operation = rules.withdraw if kind == "withdraw" else rules.borrow
                operation(reserves, market, prices, now, account, reserve=i, amount=amount)
                assert (
                    rules.account_totals(reserves, market, prices, now, account)[4] >= WAD * 999_999 // 10**6
                )
        except Revert:
            assert (reserves, accounts) == before
    for i, state in enumerate(reserves):
        assert state.scaled_supply == state.treasury_scaled + sum(a.supplied[i] for a in accounts)
        assert state.scaled_variable_debt == sum(a.borrowed[i] for a in accounts)
        assert state.available >= 0
        income, debt_index = rules.normalized_income(state, now), rules.normalized_debt(state, now)
        claims = rules.atoken_balance(state.scaled_supply + state.accrued_to_treasury, income)
        cover = state.available + state.deficit + rules.debt_balance(state.scaled_variable_debt, debt_index)
        assert claims <= cover + 3 * steps


@VERSIONS
def test_borrowing_stops_at_the_loan_to_value_and_withdrawing_at_health_1(rules):
    market = MARKETS[rules]
    reserves = [ReserveState(last_update=NOW) for _ in SYMBOLS]
    prices = [2_000 * 10**8, 38_000 * 10**8, 25 * 10**8, 10**8, 10**8]
    lender, account = Account.empty(N), Account.empty(N)
    rules.supply(reserves, market, NOW, lender, reserve=3, amount=10**6 * 10**6)
    rules.supply(reserves, market, NOW, account, reserve=0, amount=10 * 10**9)
    with pytest.raises(Revert, match=r"(?i)collateral_?cannot_?cover_?new_?borrow"):
        rules.borrow(reserves, market, prices, NOW, account, reserve=3, amount=16_001 * 10**6)
    rules.borrow(reserves, market, prices, NOW, account, reserve=3, amount=16_000 * 10**6)
    with pytest.raises(Revert, match=r"(?i)health_?factor_?lower"):
        rules.withdraw(reserves, market, prices, NOW, account, reserve=0, amount=4 * 10**8)
    rules.withdraw(reserves, market, prices, NOW, account, reserve=0, amount=3 * 10**8 - 10**7)


@VERSIONS
def test_a_full_repayment_and_withdrawal_leave_nothing_behind(rules):
    market = MARKETS[rules]
    reserves = [ReserveState(last_update=NOW) for _ in SYMBOLS]
    prices = [2_000 * 10**8, 38_000 * 10**8, 25 * 10**8, 10**8, 10**8]
    lender, account = Account.empty(N), Account.empty(N)
    rules.supply(reserves, market, NOW, lender, reserve=3, amount=10**6 * 10**6)
    rules.supply(reserves, market, NOW, account, reserve=0, amount=10 * 10**9)
    rules.borrow(reserves, market, prices, NOW, account, reserve=3, amount=10_000 * 10**6)
    year = NOW + 31_536_000
    paid = rules.repay(reserves, market, year, account, reserve=3, amount=MAX_UINT256)
    assert paid > 10_000 * 10**6
    rules.withdraw(reserves, market, prices, year, account, reserve=0, amount=MAX_UINT256)
    assert account == Account.empty(N)
    assert reserves[3].scaled_variable_debt == 0
    assert reserves[3].accrued_to_treasury > 0
