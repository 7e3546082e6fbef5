"""Trigger, sizing, pricing and residual: each part alone, and exchanged inside Aave's rule."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import MAX_UINT256, WAD
from liquidarium.protocols.lending.aave import (
    V3_0_2,
    V3_0_2_MECHANISM,
    V3_6,
    V3_6_MECHANISM,
    Account,
    ReserveState,
    aave_v2_main_may_2021,
)
from liquidarium.protocols.liquidation import (
    CloseFactor,
    DustFloor,
    FixedBonus,
    HealthFactorTrigger,
    LiquidationContext,
    TargetHealthFactor,
    WholePositionCloseFactor,
)
from liquidarium.protocols.liquidation.toxicity import health_after
from liquidarium.protocols.revert import Revert

USD = 10**8
CONTEXT = LiquidationContext(
    health_factor=97 * WAD // 100,
    total_collateral_base=110 * USD,
    total_debt_base=100 * USD,
    liquidation_threshold=8_500,
    collateral_threshold=8_500,
    debt=100 * 10**6,
    collateral=110 * 10**9,
    debt_price=USD,
    collateral_price=USD,
    debt_unit=10**6,
    collateral_unit=10**9,
    bonus=10_500,
    protocol_fee=1_000,
    now=0,
)
VERSIONS = pytest.mark.parametrize("rules", [V3_0_2, V3_6], ids=lambda rules: rules.name)


def world():
    """10 WETH at 1,760 USD against 15,000 USDC at a threshold of 82.5 %."""
    market = aave_v2_main_may_2021(["WETH", "USDC"], {"WETH": 9})
    reserves = [
        ReserveState(scaled_supply=n, scaled_variable_debt=n // 2, available=n // 2) for n in (10**15, 10**13)
    ]
    account = Account([10 * 10**9, 0], [0, 15_000 * 10**6], 1, 2)
    return reserves, market, [1_760 * USD, USD], account


def call(rules, mechanism):
    reserves, market, prices, account = world()
    result = rules.liquidation_call(
        reserves,
        market,
        prices,
        0,
        account,
        collateral=0,
        debt=1,
        debt_to_cover=MAX_UINT256,
        mechanism=mechanism,
    )
    return result, rules.account_totals(reserves, market, prices, 0, account)[4]


@pytest.mark.parametrize(("health", "yes"), [(WAD - 1, True), (WAD, False), (MAX_UINT256, False)])
def test_an_account_at_exactly_1_is_not_liquidatable(health, yes):
    assert HealthFactorTrigger().is_liquidatable(health) is yes


@pytest.mark.parametrize(("health", "share"), [(WAD, 50), (95 * WAD // 100 + 1, 50), (95 * WAD // 100, 100)])
def test_the_whole_debt_may_be_closed_from_095_down(health, share):
    context = CONTEXT._replace(health_factor=health)
    assert CloseFactor().max_repay(context) == share * 10**6
    assert CloseFactor.flat(5_000).max_repay(context) == 50 * 10**6


@pytest.mark.parametrize(
    ("debt", "total", "collateral", "expected"),
    [
        (3_000, 9_000, 10_000, 3_000),
        (5_000, 9_000, 10_000, 4_500),
        (5_000, 9_000, 1_999, 5_000),
        (1_999, 2_500, 10_000, 1_999),
        (2_000, 2_500, 2_000, 1_250),
    ],
)
def test_half_of_all_debt_may_be_one_asset_and_small_sides_may_be_closed(debt, total, collateral, expected):
    context = CONTEXT._replace(debt=debt * 10**6, total_debt_base=total * USD, collateral=collateral * 10**9)
    assert WholePositionCloseFactor().max_repay(context) == expected * 10**6


def test_l09_repayment_that_restores_a_target_health_factor():
    repay = TargetHealthFactor(105 * WAD // 100).max_repay(CONTEXT)
    assert repay / 1e6 == pytest.approx(73.01587302, abs=1e-6)  # whole base units
    assert health_after(110, 100, 0.85, 0.05, repay / 1e6) == pytest.approx(1.05, rel=1e-8)


def test_no_repayment_restores_a_target_below_the_toxic_boundary():
    toxic = CONTEXT._replace(collateral_threshold=9_800, bonus=11_000)
    assert TargetHealthFactor(WAD).max_repay(toxic) == CONTEXT.debt


@VERSIONS
def test_a_target_sizing_brings_the_account_there_inside_the_rule(rules):
    mechanism = replace(V3_0_2_MECHANISM, sizing=TargetHealthFactor(105 * WAD // 100))
    result, health = call(rules, mechanism)
    assert 0 < result.debt_repaid < 15_000 * 10**6
    assert health / WAD == pytest.approx(1.05, abs=1e-6)


@VERSIONS
def test_a_mechanism_of_ones_own_replaces_the_markets(rules):
    @dataclass(frozen=True)
    class Everybody:
        def is_liquidatable(self, health_factor):
            return True

    @dataclass(frozen=True)
    class TenCoins:
        def max_repay(self, context):
            return 10 * context.debt_unit

    @dataclass(frozen=True)
    class AtOracle:
        def seize(self, context, repay):
            value = context.debt_price * repay * context.collateral_unit
            return repay, value // (context.collateral_price * context.debt_unit), 0

    mechanism = replace(V3_0_2_MECHANISM, trigger=Everybody(), sizing=TenCoins(), pricing=AtOracle())
    result, _ = call(rules, mechanism)
    assert result.debt_repaid == 10 * 10**6
    assert result.collateral_to_liquidator == 10**9 * 10 // 1_760


@VERSIONS
@pytest.mark.parametrize("answer", [(-1, 5, 0), (1, 5, 6), (1, -5, -6)])
def test_impossible_amounts_of_a_pricing_are_refused_and_change_nothing(rules, answer):
    class Broken:
        def seize(self, context, repay):
            return answer

    reserves, market, prices, account = world()
    before = deepcopy((reserves, account))
    with pytest.raises(ValueError, match="need 0 <= fee <= seized"):
        rules.liquidation_call(
            reserves,
            market,
            prices,
            0,
            account,
            collateral=0,
            debt=1,
            debt_to_cover=1,
            mechanism=replace(V3_0_2_MECHANISM, pricing=Broken()),
        )
    assert (reserves, account) == before


@VERSIONS
def test_a_dust_floor_can_be_added_to_any_version(rules):
    with pytest.raises(Revert, match="MustNotLeaveDust"):
        call(rules, replace(V3_0_2_MECHANISM, residual=DustFloor(8_000 * USD)))
    assert call(rules, replace(V3_6_MECHANISM, residual=None))[0].debt_repaid == 7_500 * 10**6


@given(
    repay=st.integers(1, 10**12),
    collateral=st.integers(0, 10**13),
    bonus=st.integers(10_001, 15_000),
    fee=st.integers(0, 10_000),
    up=st.booleans(),
)
def test_the_bonus_is_split_and_never_exceeds_what_is_there(repay, collateral, bonus, fee, up):
    context = CONTEXT._replace(collateral=collateral, bonus=bonus, protocol_fee=fee)
    paid, seized, to_treasury = FixedBonus(round_repay_up=up).seize(context, repay)
    assert 0 <= to_treasury <= seized <= collateral
    assert 0 <= paid <= repay + 1
    worth = paid * 1_000  # in collateral units, both at 1 USD
    assert (
        seized <= (worth + 2_000) * bonus / 10_000
    )  # v3.0.2 may round the payment down by one unit and a half
    assert to_treasury <= (seized - seized * 10_000 / bonus) * fee / 10_000 + 2


def test_collateral_without_a_price_reverts_like_the_contracts_division():
    with pytest.raises(Revert, match="division by zero"):
        FixedBonus().seize(CONTEXT._replace(collateral_price=0), 1)
    with pytest.raises(Revert, match="empty revert data"):
        FixedBonus().seize(CONTEXT._replace(bonus=0), 1)


@pytest.mark.parametrize(
    "build",
    [
        lambda: CloseFactor(default=0),
        lambda: CloseFactor(full=10_001),
        lambda: WholePositionCloseFactor(default=10_001),
        lambda: TargetHealthFactor(WAD - 1),
    ],
)
def test_impossible_sizings_are_refused(build):
    with pytest.raises(ValueError, match=r"close factor|target health factor"):
        build()
