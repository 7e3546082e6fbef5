"""Compound v2 and Venus: published cases and single rules (MODEL 1.3, CASES L10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.compound_v2 import (
    COMPOUND_V2_MAINNET,
    VENUS_CORE_BNB,
    WAD,
    Holding,
    JumpRateModel,
    MarketParams,
    MarketState,
    PoolParams,
    account_health,
    account_liquidity,
    accrue_interest,
    borrow,
    borrow_balance,
    borrow_rate,
    borrowing_power,
    compound_pool,
    exchange_rate,
    exit_market,
    liquidate_borrow,
    mint,
    redeem,
    repay_borrow,
    seize_ratio,
    venus_pool,
)

FLAT = JumpRateModel(10**10, 0, 0, WAD)


def market(symbol: str, *, factor: int = 75 * 10**16, **settings: object) -> MarketParams:
    defaults: dict[str, object] = {
        "underlying_decimals": 18,
        "rate_model": FLAT,
        "collateral_factor": factor,
        "liquidation_threshold": factor,
        "liquidation_incentive": 108 * 10**16,
    }
    return MarketParams(symbol, **(defaults | settings))  # type: ignore[arg-type]


# 100 units lent out of 200 in every market, at an exchange rate of 1 underlying per token of 18 decimals.
STOCKED = MarketState(cash=100 * WAD, total_borrows=100 * WAD, total_supply=200 * WAD)
PRICES = (WAD, WAD, WAD)


def three_markets(**settings: object) -> PoolParams:
    return compound_pool(tuple(market(s, **settings) for s in ("A", "B", "C")))


def test_seize_arithmetic_is_the_source_tests_row_l10() -> None:
    terms = {"liquidation_incentive": 13 * 10**17, "protocol_seize_share": 28 * 10**15}
    params = compound_pool((market("collateral", **terms), market("borrowed", **terms)))
    at_rate_2 = MarketState(cash=20 * WAD, total_supply=10 * WAD)
    prices = (142 * 10**16, 2 * WAD)
    debtor = (
        Holding(tokens=3 * WAD, entered=True),
        Holding(principal=49 * 10**17, interest_index=WAD, entered=True),
    )
    result = liquidate_borrow(
        params, (at_rate_2, STOCKED), debtor, prices, 0, borrowed=1, collateral=0, repay_amount=245 * 10**16
    )
    assert result.seize_tokens / WAD == pytest.approx(2.242957746, rel=1e-8)
    assert result.protocol_seize_tokens / WAD == pytest.approx(0.0628028169, rel=1e-8)
    assert result.liquidator_tokens == result.seize_tokens - result.protocol_seize_tokens


def test_seize_ratio_floors_the_incentive_times_price_first() -> None:
    assert seize_ratio(108 * 10**16, 1, WAD, 1) == WAD
    assert seize_ratio(108 * 10**16, WAD, WAD, WAD) == 108 * 10**16


def test_all_tokens_may_be_seized() -> None:
    holdings = (
        Holding(tokens=432 * 10**16, entered=True),
        Holding(principal=8 * WAD, interest_index=WAD, entered=True),
        Holding(),
    )
    result = liquidate_borrow(
        three_markets(),
        (STOCKED,) * 3,
        holdings,
        PRICES,
        0,
        borrowed=1,
        collateral=0,
        repay_amount=4 * WAD,
    )
    assert result.holdings[0].tokens == 0


def test_protocol_share_is_burned_and_becomes_reserves() -> None:
    params = three_markets(protocol_seize_share=28 * 10**15)
    debt = Holding(principal=8 * WAD, interest_index=WAD, entered=True)
    result = liquidate_borrow(
        params,
        (STOCKED,) * 3,
        (Holding(tokens=10 * WAD, entered=True), debt, Holding()),
        PRICES,
        0,
        borrowed=1,
        collateral=0,
        repay_amount=4 * WAD,
    )
    seized = 432 * 10**16
    assert (result.seize_tokens, result.protocol_seize_tokens) == (seized, seized * 28 // 1000)
    assert result.liquidator_tokens == seized - seized * 28 // 1000
    assert result.markets[0].total_reserves == result.protocol_seize_tokens
    assert result.markets[0].total_supply == STOCKED.total_supply - result.protocol_seize_tokens


def test_only_the_two_markets_of_the_call_accrue() -> None:
    params = three_markets()
    holdings = (
        Holding(tokens=10 * WAD, entered=True),
        Holding(principal=8 * WAD, interest_index=WAD, entered=True),
    )
    third = Holding(tokens=1, principal=1, interest_index=WAD, entered=True)
    result = liquidate_borrow(
        params, (STOCKED,) * 3, (*holdings, third), PRICES, 1000, borrowed=1, collateral=0, repay_amount=WAD
    )
    assert [m.accrual_block for m in result.markets] == [1000, 1000, 0]
    assert result.markets[2] == STOCKED


@pytest.mark.parametrize(
    ("debt", "repay", "own", "reason"),
    [
        (75 * 10**17, WAD, False, "LiquidateComptrollerRejection(3)"),
        (8 * WAD, 4 * WAD + 1, False, "LiquidateComptrollerRejection(17)"),
        (8 * WAD, WAD, True, "LiquidateLiquidatorIsBorrower"),
        (8 * WAD, 0, False, "LiquidateCloseAmountIsZero"),
        (200 * WAD, 100 * WAD, False, "LIQUIDATE_SEIZE_TOO_MUCH"),
    ],
)
def test_refusals_of_compound_in_the_contracts_order(debt: int, repay: int, own: bool, reason: str) -> None:
    holdings = (
        Holding(tokens=10 * WAD, entered=True),
        Holding(principal=debt, interest_index=WAD, entered=True),
        Holding(),
    )
    rich = MarketState(cash=WAD, total_borrows=200 * WAD, total_supply=201 * WAD)
    with pytest.raises(Revert) as refused:
        liquidate_borrow(
            three_markets(),
            (STOCKED, rich, STOCKED),
            holdings,
            PRICES,
            0,
            borrowed=1,
            collateral=0,
            repay_amount=repay,
            self_liquidation=own,
        )
    assert refused.value.reason == reason


def test_a_debt_equal_to_the_weighted_collateral_is_safe_and_one_unit_more_is_not() -> None:
    params = three_markets()

    def shortfall(debt: int) -> int:
        holdings = (
            Holding(tokens=10 * WAD, entered=True),
            Holding(principal=debt, interest_index=WAD, entered=True),
            Holding(),
        )
        return account_liquidity(params, (STOCKED,) * 3, holdings, PRICES).shortfall

    assert shortfall(75 * 10**17) == 0
    assert shortfall(75 * 10**17 + 1) == 1


def test_a_market_not_entered_counts_neither_as_collateral_nor_as_debt() -> None:
    params = three_markets()
    holdings = (Holding(tokens=10 * WAD), Holding(principal=WAD, interest_index=WAD), Holding())
    assert account_health(params, (STOCKED,) * 3, holdings, PRICES) == (0, 0)


def test_venus_answers_a_healthy_account_with_a_code_and_keeps_the_accrual() -> None:
    params = venus_pool((market("A"), market("B")))
    holdings = (
        Holding(tokens=10 * WAD, entered=True),
        Holding(principal=WAD, interest_index=WAD, entered=True),
    )
    result = liquidate_borrow(
        params, (STOCKED, STOCKED), holdings, PRICES[:2], 50, borrowed=1, collateral=0, repay_amount=1
    )
    assert result.error == "returned error 3 info 18 detail 3"
    assert result.holdings == holdings
    assert result.markets == tuple(accrue_interest(p, STOCKED, 50) for p in params.markets)


def test_venus_forced_liquidation_takes_a_healthy_debt_whole_but_not_more() -> None:
    params = venus_pool((market("A"), market("B", forced_liquidation=True)))
    holdings = (
        Holding(tokens=10 * WAD, entered=True),
        Holding(principal=WAD, interest_index=WAD, entered=True),
    )

    def attempt(repay: int) -> str | None:
        return liquidate_borrow(
            params, (STOCKED, STOCKED), holdings, PRICES[:2], 0, borrowed=1, collateral=0, repay_amount=repay
        ).error

    assert attempt(WAD) is None
    assert attempt(WAD + 1) == "returned error 3 info 18 detail 17"


def test_venus_weighs_by_threshold_for_liquidation_and_by_factor_for_borrowing() -> None:
    params = venus_pool((market("A", liquidation_threshold=8 * 10**17), market("B")))
    holdings = (Holding(tokens=10 * WAD, entered=True), Holding())
    states = (STOCKED, STOCKED)
    assert account_liquidity(params, states, holdings, PRICES[:2]) == (8 * WAD, 0)
    assert borrowing_power(params, states, holdings, PRICES[:2]) == (75 * 10**17, 0)


def test_rates_turn_at_the_kink() -> None:
    model = JumpRateModel.per_year(2 * 10**16, 10**17, 10**18, 8 * 10**17)
    yearly = [borrow_rate(model, u * 10**16) * 2_102_400 / WAD for u in (0, 80, 90)]
    assert yearly == pytest.approx([0.02, 0.10, 0.20], rel=1e-6)


def test_an_absurd_rate_stops_the_market() -> None:
    params = market("A", rate_model=JumpRateModel(5 * 10**12 + 1, 0, 0, WAD))
    with pytest.raises(Revert, match="absurdly high"):
        accrue_interest(params, STOCKED, 1)


def test_a_year_of_a_life_supply_borrow_repay_redeem() -> None:
    params = COMPOUND_V2_MAINNET
    eth, usdc = 0, 2
    n = len(params.markets)
    markets, account = [MarketState()] * n, [Holding()] * n
    prices = [10**18] * n
    prices[eth], prices[usdc] = 2000 * WAD, 10**30
    lender = mint(params, markets[usdc], Holding(), 0, index=usdc, amount=1_000_000 * 10**6)
    markets[usdc] = lender.market
    supplied = mint(params, markets[eth], account[eth], 0, index=eth, amount=10 * WAD)
    markets[eth], account[eth] = supplied.market, replace(supplied.holding, entered=True)
    loan = borrow(params, markets, account, prices, 0, index=usdc, amount=16_500 * 10**6)
    markets[usdc], account[usdc] = loan.market, loan.holding
    assert account_health(params, markets, account, prices).health_factor == pytest.approx(1.0)
    with pytest.raises(Revert, match=r"BorrowComptrollerRejection\(4\)"):
        borrow(params, markets, account, prices, 0, index=usdc, amount=1)
    with pytest.raises(Revert, match=r"RedeemComptrollerRejection\(4\)"):
        redeem(params, markets, account, prices, 0, index=eth, underlying=WAD)
    with pytest.raises(Revert, match="error 14"):
        exit_market(params, markets, account, prices, index=eth)
    back = repay_borrow(params, markets[usdc], account[usdc], 2_102_400, index=usdc)
    assert back.underlying > 16_500 * 10**6
    assert borrow_balance(back.holding, back.market) == 0
    markets[usdc], account[usdc] = back.market, back.holding
    out = redeem(params, markets, account, prices, 2_102_400, index=eth, tokens=account[eth].tokens)
    assert out.underlying == 10 * WAD
    assert exchange_rate(params.markets[usdc], back.market) > exchange_rate(
        params.markets[usdc], lender.market
    )


def test_presets_are_safe_settings() -> None:
    assert COMPOUND_V2_MAINNET.close_factor == WAD // 2
    assert {m.liquidation_incentive for m in VENUS_CORE_BNB.markets} == {11 * 10**17}


@pytest.mark.parametrize(
    ("settings", "close_factor", "named"),
    [
        ({}, 95 * 10**16, "close_factor"),
        ({}, 4 * 10**16, "close_factor"),
        ({"factor": 91 * 10**16}, WAD // 2, "collateral_factor"),
        ({"liquidation_threshold": 8 * 10**17}, WAD // 2, "liquidation_threshold"),
        ({"liquidation_incentive": 99 * 10**16}, WAD // 2, "liquidation_incentive"),
        ({"reserve_factor": WAD + 1}, WAD // 2, "reserve_factor"),
        ({"forced_liquidation": True}, WAD // 2, "forced_liquidation"),
        ({"underlying_decimals": 19}, WAD // 2, "underlying_decimals = 19 is refused, allowed: 0 to 18"),
    ],
)
def test_compound_settings_governance_cannot_make_need_unsafe(
    settings: dict[str, object], close_factor: int, named: str
) -> None:
    markets = (market("A", **settings),)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"Compound v2: .*{named}"):
        compound_pool(markets, close_factor)
    compound_pool(markets, close_factor, unsafe=True)


@pytest.mark.parametrize(
    "settings",
    [{"liquidation_threshold": 7 * 10**17}, {"liquidation_threshold": WAD + 1}, {"protocol_seize_share": 1}],
)
def test_venus_settings_governance_cannot_make_need_unsafe(settings: dict[str, object]) -> None:
    markets = (market("A", **settings),)
    with pytest.raises(ValueError, match="Venus core: A"):
        venus_pool(markets)
    venus_pool(markets, unsafe=True)


def test_settings_without_meaning_are_refused_even_as_unsafe() -> None:
    with pytest.raises(ValueError, match="reserve_factor = -1"):
        compound_pool((market("A", reserve_factor=-1),), unsafe=True)
