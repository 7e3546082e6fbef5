"""CASES L01-L08, L33, L34, E09 and X13 through the integer rules of Aave."""

from __future__ import annotations

import math

import pytest
from liquidarium.market.pools.analytics import manipulation_loss
from liquidarium.protocols.fixed_point import MAX_UINT256, RAY, WAD
from liquidarium.protocols.interest import KinkedCurve, compounded_index_v3_6, linear_index
from liquidarium.protocols.lending.aave import (
    V3_0_2,
    V3_0_2_MECHANISM,
    V3_6,
    V3_6_MECHANISM,
    Account,
    Market,
    ReserveParameters,
    ReserveState,
)
from liquidarium.protocols.revert import Revert

USD = 10**8
IDLE = KinkedCurve(RAY, 0, 0, 0)
NOW = 1_700_000_000


def reserve(symbol, decimals, threshold, *, bonus=10_500, fee=1_000, ltv=None):
    return ReserveParameters(
        symbol, decimals, threshold if ltv is None else ltv, threshold, bonus, fee, 0, IDLE
    )


def pool_of(parameters, mechanism):
    """Build a market without interest in which every reserve is deep."""
    deep = [10**6 * p.unit for p in parameters]
    states = [ReserveState(NOW, scaled_supply=2 * n, scaled_variable_debt=n, available=n) for n in deep]
    return states, Market("test", tuple(parameters), mechanism)


def account_of(market, supplied, borrowed):
    """Build an account from token amounts, all of it collateral."""
    scaled = [
        [round(amount * p.unit) for amount, p in zip(row, market.reserves, strict=True)]
        for row in (supplied, borrowed)
    ]
    masks = [sum(1 << i for i, amount in enumerate(row) if amount) for row in scaled]
    return Account(*scaled, *masks)


def eth_against_usdc(price, mechanism=V3_6_MECHANISM):
    reserves, market = pool_of([reserve("ETH", 18, 8_300), reserve("USDC", 6, 8_500)], mechanism)
    return reserves, market, [round(price * USD), USD], account_of(market, [10, 0], [0, 15_000])


@pytest.mark.parametrize("rules", [V3_0_2, V3_6], ids=lambda rules: rules.name)
def test_l01_health_factor_of_one_collateral_and_the_price_that_ends_it(rules):
    reserves, market, prices, account = eth_against_usdc(2_000)
    data = rules.account_data(reserves, market, prices, NOW, account)
    assert data.health_factor / WAD == pytest.approx(1.106666667, abs=1e-9)
    price = 180_722_891_566  # 1807.228916 USD, rounded down to 8 decimals
    below, above = (
        rules.account_data(reserves, market, [p, USD], NOW, account).health_factor for p in (price, price + 1)
    )
    assert below < WAD <= above


@pytest.mark.parametrize("rules", [V3_0_2, V3_6], ids=lambda rules: rules.name)
def test_l02_health_factor_of_two_collaterals_and_two_debts(rules):
    parameters = [reserve("ETH", 18, 8_300), reserve("BTC", 8, 7_800), reserve("USDC", 6, 8_500)]
    reserves, market = pool_of(parameters, V3_6_MECHANISM)
    account = account_of(market, [5, 0.2, 0], [2, 0, 12_000])
    data = rules.account_data(reserves, market, [2_000 * USD, 60_000 * USD, USD], NOW, account)
    assert data.total_collateral_base == 22_000 * USD
    assert data.total_debt_base == 16_000 * USD
    # v3.0.2 rounds the average threshold 8027.27 down to whole basis points
    assert data.health_factor / WAD == pytest.approx(1.10375, abs=1e-9 if rules is V3_6 else 5e-5)


def test_l03_half_of_the_debt_between_095_and_1():
    reserves, market, prices, account = eth_against_usdc(1_760)
    before = V3_6.account_data(reserves, market, prices, NOW, account)
    assert before.health_factor / WAD == pytest.approx(0.9738666667, abs=1e-9)
    result = V3_6.liquidation_call(
        reserves, market, prices, NOW, account, collateral=0, debt=1, debt_to_cover=MAX_UINT256
    )
    after = V3_6.account_data(reserves, market, prices, NOW, account)
    assert result.debt_repaid == 7_500 * 10**6
    assert result.collateral_to_liquidator / 1e18 == pytest.approx(4.453125, abs=1e-9)
    assert result.protocol_fee / 1e18 == pytest.approx(0.02130681818, abs=1e-9)
    assert 10 - account.supplied[0] / 1e18 == pytest.approx(4.474431818, abs=1e-9)
    assert after.health_factor / WAD == pytest.approx(1.076233333, abs=1e-9)
    gross = result.collateral_to_liquidator / 1e18 * 1_760 - result.debt_repaid / 1e6
    assert gross == pytest.approx(337.5, abs=1e-6)


def test_l04_all_of_the_debt_at_or_below_095():
    reserves, market, prices, account = eth_against_usdc(1_700)
    result = V3_6.liquidation_call(
        reserves, market, prices, NOW, account, collateral=0, debt=1, debt_to_cover=MAX_UINT256
    )
    assert result.health_factor / WAD == pytest.approx(0.9406666667, abs=1e-9)
    assert result.debt_repaid == 15_000 * 10**6
    assert result.protocol_fee / 1e18 == pytest.approx(0.04411764706, abs=1e-9)
    assert account.supplied[0] / 1e18 == pytest.approx(0.7352941176, abs=1e-9)
    assert account.borrowed[1] == 0


def test_l05_debt_left_without_collateral_becomes_a_deficit():
    reserves, market, prices, account = eth_against_usdc(1_500)
    result = V3_6.liquidation_call(
        reserves, market, prices, NOW, account, collateral=0, debt=1, debt_to_cover=MAX_UINT256
    )
    assert result.health_factor / WAD == pytest.approx(0.83, abs=1e-9)
    assert result.debt_repaid / 1e6 == pytest.approx(14_285.71429, abs=1e-5)
    assert result.collateral_to_liquidator / 1e18 == pytest.approx(9.952380952, abs=1e-9)
    assert account == Account([0, 0], [0, 0])
    ((where, amount),) = result.deficits
    assert where == 1
    assert amount / 1e6 == pytest.approx(714.2857143, abs=1e-6)
    assert reserves[1].deficit == amount


@pytest.mark.parametrize(
    ("rules", "mechanism", "most"),
    [(V3_0_2, V3_0_2_MECHANISM, 1_500), (V3_6, V3_6_MECHANISM, 3_000)],
    ids=["v3.0.2", "v3.6"],
)
def test_l06_close_factor_of_one_asset_and_of_the_whole_position(rules, mechanism, most):
    parameters = [reserve("ETH", 18, 8_300), *(reserve(s, 6, 8_000) for s in ("GHO", "USDC", "DAI"))]
    reserves, market = pool_of(parameters, mechanism)
    account = account_of(market, [10, 0, 0, 0], [0, 3_000, 3_000, 3_000])
    prices = [round(0.97 * 9_000 / 8.3 * USD), USD, USD, USD]
    result = rules.liquidation_call(
        reserves, market, prices, NOW, account, collateral=0, debt=2, debt_to_cover=MAX_UINT256
    )
    assert result.debt_repaid == most * 10**6


@pytest.mark.parametrize(("repay", "allowed"), [(2_500, False), (2_000, True), (3_000, True)])
def test_l07_a_call_may_not_leave_dust(repay, allowed):
    reserves, market = pool_of([reserve("ETH", 18, 8_300), reserve("USDC", 6, 8_500)], V3_6_MECHANISM)
    account = account_of(market, [1, 0], [0, 3_000])
    prices = [round(0.94 * 3_000 / 0.83 * USD), USD]

    def call():
        return V3_6.liquidation_call(
            reserves, market, prices, NOW, account, collateral=0, debt=1, debt_to_cover=repay * 10**6
        )

    if allowed:
        assert call().debt_repaid == repay * 10**6
    else:
        with pytest.raises(Revert, match="MustNotLeaveDust"):
            call()


@pytest.mark.parametrize(("health", "after"), [(0.83, 0.8288423989), (0.85, 0.8511888112)])
def test_l08_below_lt_times_one_plus_bonus_each_repayment_makes_it_worse(health, after):
    parameters = [reserve("ETH", 18, 8_000, fee=0), reserve("USDC", 6, 8_500)]
    reserves, market = pool_of(parameters, V3_0_2_MECHANISM)
    debt = 80 / health * 1e6
    account = account_of(market, [1, 0], [0, debt / 1e6])
    V3_0_2.liquidation_call(
        reserves, market, [100 * USD, USD], NOW, account, collateral=0, debt=1, debt_to_cover=10 * 10**6
    )
    data = V3_0_2.account_data(reserves, market, [100 * USD, USD], NOW, account)
    assert data.health_factor / WAD == pytest.approx(after, abs=1e-7)
    assert (data.health_factor / WAD < health) is (health < 0.84)


def test_l33_exposure_of_a_loop_is_the_geometric_series():
    parameters = [reserve("A", 18, 8_500, ltv=8_000), reserve("B", 18, 0, bonus=0)]
    reserves, market = pool_of(parameters, V3_0_2_MECHANISM)
    account = Account.empty(2)
    prices = [10**6 * USD, 10**6 * USD]
    stake, exposures = 10**18, []
    for _ in range(90):
        V3_0_2.supply(reserves, market, NOW, account, reserve=0, amount=stake)
        exposures.append(account.supplied[0] / 1e18)
        available = V3_0_2.account_data(reserves, market, prices, NOW, account).available_borrows_base
        stake = (available - 1) * 10**4  # the check rounds up
        V3_0_2.borrow(reserves, market, prices, NOW, account, reserve=1, amount=stake)
    assert exposures[5] == pytest.approx(3.68928, rel=1e-8)
    assert exposures[-1] == pytest.approx(5.0, rel=1e-8)


@pytest.mark.parametrize(("leverage", "ltv"), [(1.4, 0.2857142857), (1.9, 0.4736842105)])
def test_e09_assets_over_equity_say_the_loan_to_value(leverage, ltv):
    reserves, market = pool_of([reserve("A", 18, 8_500), reserve("B", 18, 0, bonus=0)], V3_0_2_MECHANISM)
    account = account_of(market, [leverage, 0], [0, round(leverage - 1, 1)])
    data = V3_0_2.account_data(reserves, market, [10**6 * USD] * 2, NOW, account)
    assert data.total_collateral_base - data.total_debt_base == 10**6 * USD
    assert data.total_debt_base / data.total_collateral_base == pytest.approx(ltv, rel=1e-8)


def test_x13_borrowing_against_an_inflated_price():
    """MODEL 3.8: 10 M of collateral at a spot price that the borrower moves up 2.5 times, LTV .6."""
    own, factor = 10_000_000, 2.5
    parameters = [reserve("A", 18, 7_000, ltv=6_000), reserve("USDC", 6, 0, bonus=0)]
    reserves, market = pool_of(parameters, V3_0_2_MECHANISM)
    reserves[1].available = 10**8 * 10**6
    account = account_of(market, [own, 0], [0, 0])
    prices = [round(factor * USD), USD]
    most = V3_0_2.account_data(reserves, market, prices, NOW, account).available_borrows_base // 100
    V3_0_2.borrow(reserves, market, prices, NOW, account, reserve=1, amount=most)
    gross, loss = account.borrowed[1] / 1e6 - own, manipulation_loss(20_000_000, factor)
    assert gross == pytest.approx(5_000_000, rel=1e-8)
    assert loss == pytest.approx(4271887.242, rel=1e-8)
    assert gross - loss == pytest.approx(728112.7576, rel=1e-8)


def test_l34_interest_alone_makes_the_account_liquidatable_after_120_days():
    supply, debt, day = RAY, RAY, 86_400
    healthy = []
    for _ in range(125):
        supply = linear_index(supply, 2 * RAY // 100, day)
        debt = compounded_index_v3_6(debt, 8 * RAY // 100, day)
        healthy.append(1.02 * supply / debt >= 1)
    assert healthy.index(False) == math.ceil(120.4659827) - 1
