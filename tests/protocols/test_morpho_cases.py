"""Morpho Blue against the numeric cases, and what its market refuses."""

from __future__ import annotations

import pytest
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.morpho import (
    PRESETS,
    Market,
    MarketParameters,
    Position,
    accrue,
    borrow,
    incentive_factor,
    is_healthy,
    liquidate,
    price_scale,
    repay,
    supply,
    supply_collateral,
    utilisation_rate,
    withdraw,
    withdraw_collateral,
)

WAD = 10**18
ONE = 10**36
PARAMETERS = MarketParameters(lltv=860 * WAD // 1000)


@pytest.mark.parametrize(
    ("lltv", "factor"),
    [
        (0.625, 1.126760563),
        (0.86, 1.043841336),
        (0.915, 1.026167265),
        (0.945, 1.016776817),
        (0.965, 1.01061142),
    ],
)
def test_l24_incentive_factor_follows_from_the_threshold(lltv: float, factor: float) -> None:
    assert incentive_factor(round(lltv * 1000) * WAD // 1000) / WAD == pytest.approx(factor, rel=1e-8)


def test_the_incentive_factor_is_capped_at_15_per_cent() -> None:
    assert incentive_factor(WAD // 10) == 115 * WAD // 100


@pytest.mark.parametrize(("lltv", "product"), [(860, 0.8977035491), (945, 0.9608540925)])
def test_l25_a_liquidation_at_the_threshold_is_never_toxic(lltv: int, product: float) -> None:
    threshold = lltv * WAD // 1000
    assert incentive_factor(threshold) * threshold / WAD**2 == pytest.approx(product, rel=1e-8)


def test_l26_bad_debt_lowers_the_lenders_share_price_at_once() -> None:
    lent = supply(Market(), Position(), assets=1_000_000 * 10**6).market
    pledged = supply_collateral(Position(), 100_000 * 10**6)
    debt = 86_000 * 10**6
    borrowed = borrow(lent, pledged, PARAMETERS, ONE, assets=debt)
    # A price at which all of the collateral buys back all but 5000 of the debt.
    price = (debt - 5000 * 10**6) * PARAMETERS.incentive_factor * ONE // WAD // (100_000 * 10**6)
    done = liquidate(borrowed.market, borrowed.position, PARAMETERS, price, seized_assets=100_000 * 10**6)
    assert done.bad_debt_assets == pytest.approx(5000 * 10**6, abs=2)
    assert done.market.total_supply_assets / (1_000_000 * 10**6) == pytest.approx(0.995, rel=1e-8)
    assert done.market.total_supply_shares == lent.total_supply_shares
    assert done.position == Position()


def indebted(debt: int = 86_000, collateral: int = 100_000) -> tuple[Market, Position]:
    lent = supply(Market(), Position(), assets=1_000_000).market
    opened = borrow(lent, supply_collateral(Position(), collateral), PARAMETERS, 2 * ONE, assets=debt)
    return opened.market, opened.position


def test_a_single_unit_of_collateral_left_keeps_the_bad_debt_on_the_books() -> None:
    market, position = indebted()
    price = ONE // 2
    almost = liquidate(market, position, PARAMETERS, price, seized_assets=99_999)
    assert almost.bad_debt_assets == 0
    assert almost.market.total_supply_assets == market.total_supply_assets
    whole = liquidate(market, position, PARAMETERS, price, seized_assets=100_000)
    assert whole.bad_debt_assets > 30_000


def test_there_is_no_close_factor() -> None:
    market, position = indebted(86_000)
    price = ONE * 999 // 1000
    assert not is_healthy(market, position, PARAMETERS, price)
    done = liquidate(market, position, PARAMETERS, price, repaid_shares=position.borrow_shares)
    assert done.position.borrow_shares == 0
    assert 0 < done.position.collateral < 100_000


def test_debt_equal_to_the_limit_is_healthy() -> None:
    market, position = indebted(86_000, 100_000)
    assert is_healthy(market, position, PARAMETERS, ONE)
    with pytest.raises(Revert, match="position is healthy"):
        liquidate(market, position, PARAMETERS, ONE, seized_assets=1)


@pytest.mark.parametrize(("seized", "shares"), [(0, 0), (1, 1)])
def test_exactly_one_amount_is_named(seized: int, shares: int) -> None:
    market, position = indebted()
    with pytest.raises(Revert, match="inconsistent input"):
        liquidate(market, position, PARAMETERS, ONE, seized_assets=seized, repaid_shares=shares)


def test_nobody_seizes_what_is_not_there() -> None:
    market, position = indebted()
    for amount, reason in ((10**6, "Panic"), (2**128, "max uint128 exceeded")):
        with pytest.raises(Revert, match=reason):
            liquidate(market, position, PARAMETERS, 1, seized_assets=amount)


def test_a_borrower_cannot_exceed_collateral_or_the_lenders_money() -> None:
    market, position = indebted()
    with pytest.raises(Revert, match="insufficient collateral"):
        borrow(market, position, PARAMETERS, ONE, assets=1)
    with pytest.raises(Revert, match="insufficient liquidity"):
        borrow(market, position, PARAMETERS, 10**4 * ONE, assets=10**6)
    with pytest.raises(Revert, match="insufficient collateral"):
        withdraw_collateral(market, position, PARAMETERS, ONE, 1)
    assert withdraw_collateral(market, position, PARAMETERS, 2 * ONE, 50_000).collateral == 50_000


def test_lenders_wait_while_their_money_is_lent_out() -> None:
    market, _ = indebted()
    lender = Position(supply_shares=market.total_supply_shares)
    with pytest.raises(Revert, match="insufficient liquidity"):
        withdraw(market, lender, assets=1_000_000 - 86_000 + 1)
    assert withdraw(market, lender, assets=1_000_000 - 86_000).assets == 914_000


def test_interest_is_owed_to_lenders_and_the_fee_is_paid_in_shares() -> None:
    market, position = indebted()
    charged = MarketParameters(lltv=PARAMETERS.lltv, fee=WAD // 10)
    accrual = accrue(market, charged, utilisation_rate(market), market.last_update + 31_536_000)
    # 8.6 % a year, compounded continuously up to the third order.
    assert accrual.interest == pytest.approx(86_000 * (0.086 + 0.086**2 / 2 + 0.086**3 / 6), abs=1)
    assert accrual.market.total_supply_assets - market.total_supply_assets == accrual.interest
    fee = accrual.fee_shares / accrual.market.total_supply_shares * accrual.market.total_supply_assets
    assert fee == pytest.approx(accrual.interest / 10, abs=2)
    closed = repay(accrual.market, position, shares=position.borrow_shares)
    assert closed.position.borrow_shares == 0
    with pytest.raises(Revert, match="Panic"):
        accrue(accrual.market, charged, 0, 0)


def test_a_quote_in_whole_tokens_scales_to_the_oracle_price() -> None:
    # 2000 USDC (6 decimals) for one ETH (18 decimals): 1e18 wei are worth 2e9 units.
    assert 10**18 * 2000 * price_scale(6, 18) // ONE == 2000 * 10**6


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"lltv": WAD}, "max LLTV exceeded"),
        ({"lltv": WAD // 2, "fee": WAD // 4 + 1}, "max fee exceeded"),
        ({"lltv": WAD // 2, "cursor": WAD // 2}, "cursor is fixed"),
        ({"lltv": WAD // 2, "max_incentive_factor": 2 * WAD}, "max_incentive_factor is fixed"),
    ],
)
def test_settings_the_contract_refuses_need_to_be_called_unsafe(settings: dict[str, int], rule: str) -> None:
    with pytest.raises(ValueError, match=f"Morpho Blue.*{rule}"):
        MarketParameters(**settings)
    assert MarketParameters(**settings, unsafe=True).incentive_factor > 0


def test_settings_without_meaning_are_refused_even_as_unsafe() -> None:
    for settings in ({"lltv": -1}, {"lltv": 0, "cursor": WAD}, {"lltv": 0, "fee": 2 * WAD}):
        with pytest.raises(ValueError, match="Morpho Blue"):
            MarketParameters(**settings, unsafe=True)


def test_presets_are_within_the_contract_bounds() -> None:
    assert all(not preset.unsafe and 0 < preset.lltv < WAD for preset in PRESETS.values())
