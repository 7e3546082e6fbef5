"""What holds for every Euler liquidation, whatever the numbers."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from liquidarium.protocols.lending.euler import (
    Collateral,
    Quote,
    V1Account,
    V1Parameters,
    Vault,
    VaultParameters,
    accrue,
    check_liquidation,
    check_liquidation_v1,
    debt_in_assets,
    liquidate,
    liquidity_of,
)
from liquidarium.protocols.lending.euler.v1 import FACTOR_SCALE

WAD = 10**18
DOLLAR = Quote(WAD, 6)
amounts = st.integers(1, 10**16)
prices = st.integers(1, 10**24)
thresholds = st.integers(0, 10_000)
exact_debts = st.integers(1, 10**16 << 31)


@given(
    balance=amounts,
    price=prices,
    ltv=thresholds,
    owed=amounts,
    cap=st.integers(0, 9_999),
    part=st.integers(0, 10**6),
    socialize=st.booleans(),
)
def test_debt_is_taken_over_socialised_or_left(balance, price, ltv, owed, cap, part, socialize) -> None:
    debt = owed << 31
    held = [Collateral(balance, Quote(price, 8), ltv)]
    parameters = VaultParameters(max_discount=cap, socialize_debt=socialize)
    most = check_liquidation(parameters, held, 0, debt, DOLLAR, since_check=9)
    done = liquidate(
        Vault(total_borrows=debt),
        parameters,
        held,
        0,
        debt,
        0,
        DOLLAR,
        since_check=9,
        repay_assets=most.repay * part // 10**6,
    )
    assert 0 <= done.yield_balance <= balance
    assert done.vault.total_borrows == done.violator_debt + done.liquidator_debt
    assert done.repaid + done.socialized + debt_in_assets(done.violator_debt) == owed
    # Nothing is sold below the capped price: one unit of debt of rounding, and one of account.
    value = done.yield_balance * price // 10**8
    assert value * (10_000 - cap) <= ((done.repaid + 1) * WAD // 10**6 + 2) * 10_000 or done.repaid == 0


@given(balance=amounts, price=prices, fall=st.integers(0, 10**24), ltv=thresholds, debt=exact_debts)
def test_a_lower_price_never_heals_an_account(balance, price, fall, ltv, debt) -> None:
    before = liquidity_of([Collateral(balance, Quote(price, 8), ltv)], debt, DOLLAR)
    after = liquidity_of([Collateral(balance, Quote(max(0, price - fall), 8), ltv)], debt, DOLLAR)
    assert before.healthy or not after.healthy


@given(
    cash=amounts,
    borrows=exact_debts,
    shares=amounts,
    rate=st.integers(0, 10**20),
    fee=thresholds,
    elapsed=st.integers(0, 10**7),
)
def test_interest_never_lowers_debts_or_shares(cash, borrows, shares, rate, fee, elapsed) -> None:
    before = Vault(cash, borrows, shares, interest_rate=rate)
    after = accrue(before, VaultParameters(interest_fee=fee), elapsed)
    assert after.total_borrows >= borrows
    assert after.interest_accumulator >= before.interest_accumulator
    assert after.total_shares - shares == after.accumulated_fees >= 0
    # The fee is paid out of interest: a depositor's share is never worth less.
    assets, grown = (cash + debt_in_assets(v.total_borrows) for v in (before, after))
    assert grown * shares >= assets * after.total_shares - after.total_shares


@given(balance=amounts, owed=amounts, price=st.integers(10**6, 10**24), factor=st.integers(1, FACTOR_SCALE))
def test_v1_takes_no_more_than_there_is_and_caps_its_discount(balance, owed, price, factor) -> None:
    parameters = V1Parameters(factor, FACTOR_SCALE)
    value = balance * price // WAD
    account = V1Account(value * factor // FACTOR_SCALE, owed, balance, owed, price, WAD)
    assume(not account.healthy)
    most = check_liquidation_v1(parameters, account, liquidator_liquidity=owed)
    assert most.repay_before_fee <= owed
    assert most.yield_assets <= balance
    assert parameters.reserves_fee < most.discount <= parameters.max_discount
