"""Comet: published cases and single rules (MODEL 1.3, CASES L11 to L14)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.comet import (
    COMET_MARKETS,
    FACTOR_SCALE,
    INDEX_SCALE,
    SECONDS_PER_YEAR,
    AssetParams,
    CometAccount,
    CometState,
    Prices,
    RateCurve,
    absorb,
    account_health,
    accrue,
    balance_of,
    buy_collateral,
    collateral_reserves,
    comet_market,
    empty_market,
    is_borrow_collateralized,
    is_liquidatable,
    quote_collateral,
    rate_per_second,
    reserves,
    store_price,
    supply_base,
    supply_collateral,
    utilization,
    withdraw_base,
    withdraw_collateral,
)

USDC = 10**6
WETH = 10**18
MAINNET = comet_market("mainnet/usdc", supply_caps=False)
WETH_INDEX = 2


def weth_prices(price: int) -> Prices:
    return Prices(10**8, (10**8, 10**8, price * 10**8, 10**8, 10**8))


def with_weth(amount: int) -> tuple[int, ...]:
    return (0, 0, amount, 0, 0)


# 10 WETH against a debt of 16500 USDC, in a market that lends 50000 of 100000 USDC (L11).
BORROWER = CometAccount(-16_500 * USDC, with_weth(10 * WETH))
STATE = CometState(
    total_supply_base=100_000 * USDC,
    total_borrow_base=50_000 * USDC,
    base_balance=50_000 * USDC,
    total_supply_asset=with_weth(10 * WETH),
    asset_balance=with_weth(10 * WETH),
)


@pytest.mark.parametrize(
    ("price", "new_balance", "paid_out", "store", "net"),
    [(1800, 600, 17_100, 1755, 450), (1600, 0, 16_500, 1560, -900)],
    ids=["L11 solvent", "L12 under water"],
)
def test_absorption_and_sale_of_ten_weth(
    price: int, new_balance: int, paid_out: int, store: int, net: int
) -> None:
    prices = weth_prices(price)
    assert is_liquidatable(MAINNET, STATE, BORROWER, prices)
    result = absorb(MAINNET, STATE, BORROWER, prices, 0)
    assert balance_of(result.state, result.account) == new_balance * USDC
    assert result.base_paid_out == paid_out * USDC
    assert result.account.collateral == (0,) * 5
    assert reserves(MAINNET, result.state, 0) == -paid_out * USDC
    assert store_price(MAINNET, WETH_INDEX, prices.assets[WETH_INDEX]) == store * 10**8
    sale = buy_collateral(MAINNET, result.state, prices, 0, asset=WETH_INDEX, base_amount=10 * store * USDC)
    assert sale.collateral == 10 * WETH
    assert sale.reserves == net * USDC
    assert collateral_reserves(sale.state, WETH_INDEX) == 0


def test_quote_of_the_source_test_l13() -> None:
    asset = AssetParams("COMP", 18, 5 * 10**17, 55 * 10**16, 6 * 10**17)
    params = replace(MAINNET, assets=(asset,))
    quote = quote_collateral(params, 0, 200 * USDC, Prices(10**8, (200 * 10**8,)))
    assert quote == 125 * WETH // 100


def test_kinked_rates_of_mainnet_usdc_l14() -> None:
    used = 9 * 10**17
    yearly = [
        rate_per_second(curve, used) * SECONDS_PER_YEAR / FACTOR_SCALE
        for curve in (MAINNET.borrow_curve, MAINNET.supply_curve)
    ]
    assert yearly == pytest.approx([0.068, 0.066], rel=1e-8)


def test_mainnet_usdc_is_the_table_of_model_1_3() -> None:
    table = {
        "COMP": (0.65, 0.70, 0.93, 0.965),
        "WBTC": (0.70, 0.77, 0.95, 0.975),
        "WETH": (0.825, 0.895, 0.95, 0.975),
        "UNI": (0.75, 0.81, 0.93, 0.965),
        "LINK": (0.79, 0.85, 0.93, 0.965),
    }
    for index, asset in enumerate(MAINNET.assets):
        row = (
            asset.borrow_collateral_factor / FACTOR_SCALE,
            asset.liquidate_collateral_factor / FACTOR_SCALE,
            asset.liquidation_factor / FACTOR_SCALE,
            store_price(MAINNET, index, 10**8) / 10**8,
        )
        assert row == pytest.approx(table[asset.symbol])


def test_every_deployment_is_a_safe_setting_with_usable_caps() -> None:
    assert len(COMET_MARKETS) == 28
    assert sum(len(comet_market(name).assets) for name in COMET_MARKETS) == 92
    assert comet_market("mainnet/weth").assets[0].supply_cap == 7_100 * WETH
    assert comet_market("mainnet/usdc").assets[0].supply_cap is None
    with pytest.raises(ValueError, match="mainnet/usdc"):
        comet_market("mainnet/eth")


def test_weighted_collateral_equal_to_the_debt_is_safe() -> None:
    # Worth 18435.75418995 USD, which counts for 16500.00000000 at .895; one wei less counts for 1e-8 less.
    at_limit = CometAccount(-16_500 * USDC, with_weth(1_843_575_418_995 * WETH // (2000 * 10**8)))
    below = CometAccount(-16_500 * USDC, with_weth(at_limit.collateral[WETH_INDEX] - 1))
    assert account_health(MAINNET, STATE, at_limit, weth_prices(2000)) == (16_500 * 10**8, 16_500 * 10**8)
    assert not is_liquidatable(MAINNET, STATE, at_limit, weth_prices(2000))
    assert is_liquidatable(MAINNET, STATE, below, weth_prices(2000))


def test_interest_alone_can_make_an_account_absorbable() -> None:
    prices = weth_prices(1850)
    assert not is_liquidatable(MAINNET, STATE, BORROWER, prices)
    with pytest.raises(Revert, match="NotLiquidatable"):
        absorb(MAINNET, STATE, BORROWER, prices, 0)
    assert absorb(MAINNET, STATE, BORROWER, prices, SECONDS_PER_YEAR).base_paid_out > 16_500 * USDC


def test_storefront_refusals_in_the_contracts_order() -> None:
    prices = weth_prices(1800)
    state = absorb(MAINNET, STATE, BORROWER, prices, 0).state

    def reason(market: CometState, **call: int) -> str:
        with pytest.raises(Revert) as refused:
            buy_collateral(MAINNET, market, prices, 0, asset=WETH_INDEX, **call)
        return refused.value.reason

    rich = replace(state, base_balance=state.base_balance + 17_100 * USDC + MAINNET.target_reserves)
    assert reason(rich, base_amount=USDC, min_amount=WETH) == "NotForSale"
    short = replace(rich, base_balance=rich.base_balance - 1)
    assert buy_collateral(MAINNET, short, prices, 0, asset=WETH_INDEX, base_amount=USDC).collateral
    assert reason(state, base_amount=10**6 * USDC, min_amount=10**6 * WETH) == "TooMuchSlippage"
    assert reason(state, base_amount=10**6 * USDC) == "InsufficientReserves"


def test_a_borrower_s_life() -> None:
    prices = weth_prices(2000)
    state, lender = empty_market(5), CometAccount(0, (0,) * 5)
    paid_in = supply_base(MAINNET, state, lender, 0, amount=50_000 * USDC)
    secured = supply_collateral(
        MAINNET, paid_in.state, CometAccount(0, (0,) * 5), asset=WETH_INDEX, amount=10 * WETH
    )
    with pytest.raises(Revert, match="BorrowTooSmall"):
        withdraw_base(MAINNET, secured.state, secured.account, prices, 0, amount=100 * USDC - 1)
    with pytest.raises(Revert, match="NotCollateralized"):
        withdraw_base(MAINNET, secured.state, secured.account, prices, 0, amount=16_500 * USDC + 1)
    loan = withdraw_base(MAINNET, secured.state, secured.account, prices, 0, amount=16_500 * USDC)
    assert is_borrow_collateralized(MAINNET, loan.state, loan.account, prices)
    assert utilization(loan.state) == 33 * 10**16
    with pytest.raises(Revert, match="NotCollateralized"):
        withdraw_collateral(MAINNET, loan.state, loan.account, prices, asset=WETH_INDEX, amount=1)
    with pytest.raises(Revert, match="TransferOutFailed"):
        withdraw_base(MAINNET, loan.state, paid_in.account, prices, 0, amount=50_000 * USDC)
    back = supply_base(MAINNET, loan.state, loan.account, SECONDS_PER_YEAR, amount=None)
    assert back.amount > 16_500 * USDC
    assert back.account.principal == 0
    free = withdraw_collateral(MAINNET, back.state, back.account, prices, asset=WETH_INDEX, amount=10 * WETH)
    assert free.account.collateral == (0,) * 5
    held = free.state.base_balance
    out = withdraw_base(MAINNET, free.state, paid_in.account, prices, SECONDS_PER_YEAR, amount=held)
    assert (out.amount, out.state.base_balance) == (held, 0)


def test_at_a_third_in_use_suppliers_earn_more_than_borrowers_pay_and_reserves_fall() -> None:
    state = replace(STATE, total_borrow_base=33_000 * USDC)
    rates = [rate_per_second(c, utilization(state)) for c in (MAINNET.supply_curve, MAINNET.borrow_curve)]
    assert rates[0] > rates[1] * 33 // 100
    assert reserves(MAINNET, state, SECONDS_PER_YEAR) < reserves(MAINNET, state, 0)


def test_supply_caps_hold() -> None:
    params = comet_market("mainnet/weth")
    account = CometAccount(0, (0,) * len(params.assets))
    cap = 7_100 * WETH
    full = supply_collateral(params, empty_market(len(params.assets)), account, asset=0, amount=cap)
    with pytest.raises(Revert, match="SupplyCapExceeded"):
        supply_collateral(params, full.state, full.account, asset=0, amount=1)


def test_a_missing_price_stops_an_absorption() -> None:
    with pytest.raises(Revert, match="BadPrice"):
        absorb(MAINNET, STATE, BORROWER, weth_prices(0), 0)


def test_factors_keep_four_decimals_and_caps_whole_tokens() -> None:
    asset = AssetParams("A", 6, 123_456 * 10**12, 99_999 * 10**13, FACTOR_SCALE, 1_999_999)
    assert asset.borrow_collateral_factor == 1234 * 10**14
    assert asset.liquidate_collateral_factor == 9999 * 10**14
    assert asset.supply_cap == 10**6


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="before the last accrual"):
        accrue(MAINNET, replace(STATE, last_accrual_time=10), 9)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"base_decimals": 5}, "BadDecimals"),
        ({"base_decimals": 19}, "BadDecimals"),
        ({"store_front_price_factor": FACTOR_SCALE + 1}, "BadDiscount"),
        ({"assets": (AssetParams("A", 18, 8 * 10**17, 8 * 10**17, 9 * 10**17),)}, "BorrowCFTooLarge"),
        ({"assets": MAINNET.assets * 5}, "TooManyAssets"),
        ({"assets": (replace(MAINNET.assets[0], decimals=19),)}, "COMP.decimals = 19 .* 0 to 18"),
    ],
)
def test_settings_the_constructor_refuses_need_unsafe(change: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=f"Comet: .*{named}"):
        replace(MAINNET, **change)  # type: ignore[arg-type]
    replace(MAINNET, unsafe=True, **change)  # type: ignore[arg-type]


def test_settings_without_meaning_are_refused_even_as_unsafe() -> None:
    with pytest.raises(ValueError, match="liquidation_factor"):
        AssetParams("A", 18, 0, 10**17, FACTOR_SCALE + 1)
    with pytest.raises(ValueError, match="target_reserves = -1"):
        replace(MAINNET, target_reserves=-1, unsafe=True)
    with pytest.raises(ValueError, match="kink"):
        RateCurve(-1, 0, 0)


def test_indices_start_at_one() -> None:
    assert empty_market(2).base_supply_index == INDEX_SCALE
