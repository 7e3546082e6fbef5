"""Euler v1 and v2 against the numeric cases, and what their settings refuse."""

from __future__ import annotations

import pytest
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.euler import (
    Collateral,
    KinkedRate,
    Quote,
    V1Account,
    V1Parameters,
    Vault,
    VaultParameters,
    accrue,
    check_liquidation_v1,
    decrease_debt,
    discount,
    discount_booster,
    discount_factor,
    liquidate,
    liquidate_v1,
    liquidity_of,
    repay,
    transfer_debt,
    with_new_rate,
)
from liquidarium.protocols.lending.euler.parameters import MAX_ALLOWED_RATE, UTILISATION_SCALE
from liquidarium.protocols.lending.euler.v1 import FACTOR_SCALE

WAD = 10**18
RAY = 10**27
DOLLAR = Quote(WAD, 18)
DEBT = 10_000 * WAD << 31
LENT = Vault(total_borrows=DEBT, total_shares=10_000 * WAD)


def test_l21_a_funded_liquidator_gets_a_larger_discount() -> None:
    parameters = V1Parameters(FACTOR_SCALE, FACTOR_SCALE)
    health = 95 * WAD // 100
    assert discount(parameters, health, discount_booster(parameters, 0, WAD)) == 7 * WAD // 100
    funded = discount_booster(parameters, liquidity=10**30, liability_value=WAD)
    assert discount(parameters, health, funded) == 95 * WAD // 1000
    assert discount(parameters, WAD // 2, funded) == 20 * WAD // 100


def test_l22_the_discount_is_the_shortfall() -> None:
    # 10800 at 80 % and 860 at 100 % count as 9500 against a debt of 10000.
    collaterals = [Collateral(10_800 * WAD, DOLLAR, 8_000), Collateral(860 * WAD, DOLLAR, 10_000)]
    parameters = VaultParameters(max_discount=1_500)
    liquidity = liquidity_of(collaterals, DEBT, DOLLAR)
    assert liquidity.collateral_value == 9_500 * WAD
    assert WAD - discount_factor(liquidity, parameters.max_discount) == 5 * WAD // 100
    done = liquidate(LENT, parameters, collaterals, 0, DEBT, 0, DOLLAR, since_check=1)
    assert done.repaid == 10_000 * WAD
    assert done.yield_balance / WAD == pytest.approx(10_526.31579)
    assert (10_800 * WAD - done.yield_balance) / WAD == pytest.approx(273.6842105)
    assert (done.socialized, done.violator_debt, done.liquidator_debt) == (0, 0, DEBT)


def test_l23_debt_without_collateral_is_socialised() -> None:
    collaterals = [Collateral(10_200 * WAD, DOLLAR, 9_000)]
    parameters = VaultParameters(max_discount=500)
    done = liquidate(LENT, parameters, collaterals, 0, DEBT, 0, DOLLAR, since_check=1)
    assert (done.repaid, done.socialized) == (9_690 * WAD, 310 * WAD)
    assert done.vault.total_borrows == 9_690 * WAD << 31
    kept = liquidate(
        LENT,
        VaultParameters(max_discount=500, socialize_debt=False),
        collaterals,
        0,
        DEBT,
        0,
        DOLLAR,
        since_check=1,
    )
    assert (kept.socialized, kept.violator_debt) == (0, 310 * WAD << 31)


def test_debt_stays_while_another_collateral_is_left() -> None:
    collaterals = [Collateral(5_000 * WAD, DOLLAR, 9_000), Collateral(1, DOLLAR, 9_000)]
    done = liquidate(LENT, VaultParameters(), collaterals, 0, DEBT, 0, DOLLAR, since_check=1)
    assert done.yield_balance == 5_000 * WAD
    assert done.socialized == 0
    assert done.violator_debt > 0


def test_the_discount_is_capped() -> None:
    liquidity = liquidity_of([Collateral(5_000 * WAD, DOLLAR, 10_000)], DEBT, DOLLAR)
    assert discount_factor(liquidity, 1_500) == 85 * WAD // 100


def test_collateral_without_value_is_given_away() -> None:
    done = liquidate(
        LENT,
        VaultParameters(),
        [Collateral(7, Quote(0, 18), 9_000)],
        0,
        DEBT,
        0,
        DOLLAR,
        since_check=1,
    )
    assert (done.repaid, done.yield_balance, done.socialized) == (0, 7, 10_000 * WAD)


def test_v1_repays_to_the_target_health_and_pays_the_reserves() -> None:
    """Without a discount cap in the way, the account ends at 1.25 of its liability."""
    parameters = V1Parameters(FACTOR_SCALE * 3 // 4, FACTOR_SCALE)
    balance, owed = 12_000 * WAD, 9_100 * WAD
    account = V1Account(balance * 3 // 4, owed, balance, owed, WAD, WAD)
    most = check_liquidation_v1(parameters, account)
    assert 0 < most.repay_before_fee < owed
    done = liquidate_v1(parameters, account, most.repay)
    left = (balance - done.yield_assets) * 3 / 4 / (owed - done.repaid)
    assert left == pytest.approx(1.25)
    assert done.reserves / done.repaid == pytest.approx(0.02)
    half = liquidate_v1(parameters, account, most.repay // 2)
    assert half.yield_assets / done.yield_assets == pytest.approx(0.5)


def test_v1_equality_is_healthy_and_one_less_is_not() -> None:
    parameters = V1Parameters(FACTOR_SCALE, FACTOR_SCALE)
    account = V1Account(WAD, WAD, 2 * WAD, WAD, WAD, WAD)
    assert check_liquidation_v1(parameters, account).repay == 0
    assert check_liquidation_v1(parameters, account._replace(collateral_value=WAD - 1)).repay > 0


def test_v1_refuses_too_much_debt_and_too_little_collateral() -> None:
    parameters = V1Parameters(FACTOR_SCALE * 3 // 4, FACTOR_SCALE)
    account = V1Account(9 * WAD, 10 * WAD, 12 * WAD, 10 * WAD, WAD, WAD)
    most = check_liquidation_v1(parameters, account)
    with pytest.raises(Revert, match="e/liq/excessive-repay-amount"):
        liquidate_v1(parameters, account, most.repay + 1)
    with pytest.raises(Revert, match="e/liq/min-yield"):
        liquidate_v1(parameters, account, most.repay, min_yield=most.yield_assets + 1)


def test_a_rounding_remainder_moves_with_the_debt() -> None:
    exact = (5 << 31) - 1
    assert transfer_debt(exact, 0, 5) == (0, exact)
    assert transfer_debt(exact, 0, 4) == (0, exact)
    assert transfer_debt(exact, 7, 3) == (exact - (3 << 31), 7 + (3 << 31))
    with pytest.raises(Revert, match="E_InsufficientDebt"):
        transfer_debt(exact, 0, 6)


def test_repaying_adds_cash_and_forgiving_does_not() -> None:
    vault = Vault(cash=10, total_borrows=5 << 31)
    assert repay(vault, 5 << 31, 5) == (Vault(cash=15, total_borrows=0), 0)
    assert decrease_debt(vault, 5 << 31, 5) == (Vault(cash=10, total_borrows=0), 0)
    with pytest.raises(Revert, match="E_RepayTooMuch"):
        repay(vault, 5 << 31, 6)


def test_interest_that_overflows_is_not_charged() -> None:
    vault = Vault(cash=1, total_borrows=1 << 31, total_shares=2, interest_rate=MAX_ALLOWED_RATE)
    assert accrue(vault, VaultParameters(), 10**12).total_borrows == vault.total_borrows


def test_the_rate_bends_at_the_kink_and_is_capped() -> None:
    curve = KinkedRate(base_rate=3, slope1=2, slope2=100, kink=UTILISATION_SCALE // 2)
    assert curve.rate(0, 0) == curve.rate(1, 0) == 3
    assert curve.rate(1, 1) == 3 + 2 * (UTILISATION_SCALE // 2)
    assert curve.rate(0, 1) == 3 + 2 * curve.kink + 100 * (UTILISATION_SCALE - curve.kink)
    assert KinkedRate(slope1=10**27).rate(0, 1) == MAX_ALLOWED_RATE
    vault = with_new_rate(Vault(cash=1, total_borrows=1 << 31), VaultParameters(interest=curve))
    assert vault.interest_rate == curve.rate(1, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_discount": 10_000}, "max_discount must be from 0 to 9999 basis points, got 10000"),
        ({"interest_fee": 10_001}, "interest_fee must be from 0 to 10000 basis points, got 10001"),
        ({"cool_off": -1}, "cool_off must be from 0 to 65535 seconds, got -1"),
    ],
)
def test_settings_the_contract_refuses_are_named(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VaultParameters(**settings)  # type: ignore[arg-type]


def test_other_settings_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="liquidation_ltv must be from 0 to 10000 basis points, got 10001"):
        Collateral(1, DOLLAR, 10_001)
    with pytest.raises(ValueError, match="slope1 must not be negative, got -1"):
        KinkedRate(slope1=-1)
    with pytest.raises(ValueError, match="kink must be at most 4294967295"):
        KinkedRate(kink=2**32)
    with pytest.raises(ValueError, match="Euler v1: borrow_factor must be from 1 to 4000000000, got 0"):
        V1Parameters(FACTOR_SCALE, 0)
