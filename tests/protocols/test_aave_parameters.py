"""Parameters that would break an Aave market are refused by name, and the 2021 preset is sound."""

from __future__ import annotations

from dataclasses import replace

import pytest
from liquidarium.protocols.fixed_point import MAX_UINT256, RAY
from liquidarium.protocols.interest import KinkedCurve
from liquidarium.protocols.lending.aave import (
    V3_0_2,
    V3_6_MECHANISM,
    Account,
    EModeCategory,
    ReserveParameters,
    ReserveState,
    aave_v2_main_may_2021,
)

GOOD = {
    "symbol": "WETH",
    "decimals": 18,
    "ltv": 8_000,
    "liquidation_threshold": 8_250,
    "liquidation_bonus": 10_500,
    "liquidation_protocol_fee": 1_000,
    "reserve_factor": 1_000,
    "curve": KinkedCurve(RAY, 0, 0, 0),
    "protocol": "Aave v3",
}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"liquidation_threshold": 7_900}, "liquidation_threshold 7900 is below ltv 8000"),
        ({"liquidation_threshold": 9_600, "liquidation_bonus": 10_500}, "toxic bonus"),
        ({"liquidation_threshold": 8_000, "liquidation_bonus": 12_500}, "toxic bonus"),
        ({"liquidation_bonus": 10_000}, "liquidation_bonus 10000 pays liquidators nothing"),
        ({"decimals": 19}, "decimals must be at most 18, got 19"),
    ],
)
def test_risky_parameters_are_refused_unless_wanted(change, rule):
    with pytest.raises(ValueError, match=f"Aave v3: reserve WETH: {rule}"):
        ReserveParameters(**(GOOD | change))
    assert ReserveParameters(**(GOOD | change), unsafe=True).unit >= 10**18


@pytest.mark.parametrize(
    ("key", "value"), [("decimals", 37), ("ltv", -1), ("reserve_factor", 10_001), ("liquidation_bonus", -1)]
)
def test_impossible_numbers_are_refused_even_when_unsafe(key, value):
    with pytest.raises(ValueError, match=f"Aave v3: reserve WETH: {key}.*{value}"):
        ReserveParameters(**(GOOD | {key: value}), unsafe=True)


def test_a_risky_emode_category_is_refused():
    with pytest.raises(ValueError, match="e-mode category: toxic bonus"):
        EModeCategory(9_700, 9_800, 10_300)


def test_bonuses_of_may_2021_are_those_of_the_liquidations_of_19_may():
    market = aave_v2_main_may_2021()
    bonus = {r.symbol: r.liquidation_bonus for r in market.reserves}
    assert [bonus[s] for s in ("WETH", "WBTC", "LINK", "AAVE")] == [10_500, 11_000, 11_000, 11_000]
    assert all(r.liquidation_protocol_fee == 0 for r in market.reserves)


def test_preset_takes_the_chosen_reserves_in_order_and_other_decimals():
    market = aave_v2_main_may_2021(["USDC", "WETH"], {"WETH": 9}, V3_6_MECHANISM)
    assert [(r.symbol, r.decimals) for r in market.reserves] == [("USDC", 6), ("WETH", 9)]
    assert market.index("WETH") == 1
    assert market.mechanism is V3_6_MECHANISM
    with pytest.raises(ValueError, match="no reserve 'stETH'; known reserves: BUSD"):
        aave_v2_main_may_2021(["stETH"])
    with pytest.raises(ValueError, match="no reserve 'DAI'; known reserves: USDC, WETH"):
        market.index("DAI")


def test_v2_closes_half_even_far_under_water():
    market = aave_v2_main_may_2021(["WETH", "USDC"])
    reserves = [
        ReserveState(scaled_supply=n, scaled_variable_debt=n // 2, available=n // 2) for n in (10**24, 10**15)
    ]
    account = Account([10 * 10**18, 0], [0, 15_000 * 10**6], 1, 2)
    result = V3_0_2.liquidation_call(
        reserves, market, [10**11, 10**8], 0, account, collateral=0, debt=1, debt_to_cover=MAX_UINT256
    )
    assert result.debt_repaid == 7_500 * 10**6
    assert result.protocol_fee == 0


def test_a_market_can_be_changed_piece_by_piece():
    market = aave_v2_main_may_2021(["WETH", "USDC"])
    weth = replace(market.reserves[0], decimals=9)
    assert weth.unit == 10**9
