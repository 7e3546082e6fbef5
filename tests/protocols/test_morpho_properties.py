"""What holds for every Morpho Blue liquidation, whatever the numbers."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.morpho import (
    Liquidation,
    Market,
    MarketParameters,
    Position,
    accrue,
    borrow,
    borrowed_assets,
    is_healthy,
    liquidate,
    supply,
    supply_collateral,
    withdraw,
)

WAD = 10**18
ONE = 10**36
amounts = st.integers(1, 10**15)
thresholds = st.integers(WAD // 100, WAD - 1)
falls = st.integers(1, 10**6)


def opened(lltv: int, collateral: int, share: int) -> tuple[MarketParameters, Market, Position]:
    """Open a position that owes `share` per million of what it may at a price of 1."""
    parameters = MarketParameters(lltv=lltv)
    debt = collateral * lltv // WAD * share // 10**6
    assume(debt > 0)
    market = supply(Market(), Position(), assets=10**16).market
    done = borrow(market, supply_collateral(Position(), collateral), parameters, ONE, assets=debt)
    return parameters, done.market, done.position


def attempt(
    market: Market,
    position: Position,
    parameters: MarketParameters,
    *,
    price: int,
    by_shares: bool,
    part: int,
) -> Liquidation | None:
    """Liquidate `part` per million of the debt or of the collateral; None if refused."""
    try:
        if by_shares:
            shares = max(1, position.borrow_shares * part // 10**6)
            return liquidate(market, position, parameters, price, repaid_shares=shares)
        seized = max(1, position.collateral * part // 10**6)
        return liquidate(market, position, parameters, price, seized_assets=seized)
    except Revert:
        return None


@given(
    lltv=thresholds,
    collateral=amounts,
    share=st.integers(1, 10**6),
    fall=falls,
    by_shares=st.booleans(),
    part=st.integers(0, 10**6),
)
def test_value_is_conserved_and_nothing_is_negative(
    *, lltv: int, collateral: int, share: int, fall: int, by_shares: bool, part: int
) -> None:
    parameters, market, position = opened(lltv, collateral, share)
    before = (market, position)
    done = attempt(market, position, parameters, price=ONE * fall // 10**6, by_shares=by_shares, part=part)
    assert (market, position) == before
    assume(done is not None)
    assert done is not None
    assert position.collateral == done.position.collateral + done.seized_assets
    assert position.borrow_shares == done.position.borrow_shares + done.repaid_shares + done.bad_debt_shares
    written_off = market.total_supply_assets - done.market.total_supply_assets
    assert written_off == done.bad_debt_assets
    removed = market.total_borrow_assets - done.market.total_borrow_assets
    assert 0 <= done.repaid_assets + done.bad_debt_assets - removed <= 1
    assert min(*_numbers(done.market), *_numbers(done.position)) >= 0
    if done.bad_debt_shares:
        assert done.position.collateral == 0
        assert done.position.borrow_shares == 0


@given(thresholds, amounts, st.integers(1, 10**6), falls, falls)
def test_a_falling_price_never_makes_a_liquidatable_account_healthy(
    lltv: int, collateral: int, share: int, first: int, second: int
) -> None:
    parameters, market, position = opened(lltv, collateral, share)
    high, low = max(first, second), min(first, second)
    if not is_healthy(market, position, parameters, ONE * high // 10**6):
        assert not is_healthy(market, position, parameters, ONE * low // 10**6)


@given(
    lltv=thresholds,
    collateral=amounts,
    share=st.integers(1, 10**6),
    fall=falls,
    by_shares=st.booleans(),
    part=st.integers(0, 10**6),
)
def test_the_liquidator_never_gets_more_than_the_bonus(
    *, lltv: int, collateral: int, share: int, fall: int, by_shares: bool, part: int
) -> None:
    parameters, market, position = opened(lltv, collateral, share)
    price = ONE * fall // 10**6
    done = attempt(market, position, parameters, price=price, by_shares=by_shares, part=part)
    assume(done is not None)
    assert done is not None
    assert done.seized_assets * price * WAD <= done.repaid_assets * parameters.incentive_factor * ONE


@given(amounts, amounts, st.integers(500_000, 899_999), st.integers(0, 10**6), st.integers(0, 10**6))
def test_liquidations_of_different_borrowers_do_not_depend_on_their_order(
    first: int, second: int, fall: int, part_a: int, part_b: int
) -> None:
    # Up to the rounding of a debt, which goes against the payer: at most 2 units.
    lltv = 900 * WAD // 1000
    parameters, market, a = opened(lltv, first, 10**6)
    debt = second * lltv // WAD
    assume(debt > 0)
    both = borrow(market, supply_collateral(Position(), second), parameters, ONE, assets=debt)
    b, price = both.position, ONE * fall // 10**6
    shares_a = max(1, a.borrow_shares * part_a // (2 * 10**6))
    shares_b = max(1, b.borrow_shares * part_b // (2 * 10**6))
    try:
        a_first = liquidate(both.market, a, parameters, price, repaid_shares=shares_a)
        b_second = liquidate(a_first.market, b, parameters, price, repaid_shares=shares_b)
        b_first = liquidate(both.market, b, parameters, price, repaid_shares=shares_b)
        a_second = liquidate(b_first.market, a, parameters, price, repaid_shares=shares_a)
    except Revert:
        assume(False)
        return
    assume(not (a_first.bad_debt_shares or b_second.bad_debt_shares))
    assume(not (b_first.bad_debt_shares or a_second.bad_debt_shares))
    assert abs(a_first.repaid_assets - a_second.repaid_assets) <= 2
    assert abs(b_first.repaid_assets - b_second.repaid_assets) <= 2
    assert a_first.position.borrow_shares == a_second.position.borrow_shares
    assert b_first.position.borrow_shares == b_second.position.borrow_shares
    assert b_second.market.total_borrow_shares == a_second.market.total_borrow_shares


@given(amounts, st.integers(0, 10**12), st.integers(1, 10**8), amounts)
def test_a_lender_gains_nothing_by_going_in_and_out(debt: int, rate: int, seconds: int, assets: int) -> None:
    parameters = MarketParameters(lltv=WAD - 1)
    lent = supply(Market(), Position(), assets=10**16)
    held = supply_collateral(Position(), 2 * 10**15)
    drawn = borrow(lent.market, held, parameters, ONE, assets=debt)
    accrued = accrue(drawn.market, parameters, rate, seconds).market
    assert accrued.total_borrow_assets >= drawn.market.total_borrow_assets
    inside = supply(accrued, Position(), assets=assets)
    assume(inside.shares > 0)
    outside = withdraw(inside.market, inside.position, shares=inside.shares)
    assert outside.assets <= assets


@given(thresholds, amounts, st.integers(1, 10**6))
def test_debt_is_rounded_against_the_borrower(lltv: int, collateral: int, share: int) -> None:
    _, market, position = opened(lltv, collateral, share)
    assert borrowed_assets(market, position) >= collateral * lltv // WAD * share // 10**6


@given(thresholds)
def test_no_threshold_below_one_is_toxic_at_once(lltv: int) -> None:
    # CASES L25.
    assert MarketParameters(lltv=lltv).incentive_factor * lltv < WAD * WAD


def _numbers(state: Market | Position) -> list[int]:
    return [getattr(state, name) for name in type(state).__slots__]
