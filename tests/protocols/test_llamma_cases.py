"""crvUSD's bands and loans against the numeric cases (MODEL 1.8)."""

from __future__ import annotations

import pytest
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.llamma import (
    BORROWED,
    Amm,
    AmmParameters,
    Controller,
    ControllerParameters,
    Quote,
    add_collateral,
    amounts_of,
    borrow_more,
    create_loan,
    current_price_down,
    current_price_up,
    deposit,
    effective_collateral,
    equivalent_collateral,
    exchange,
    full_health,
    health,
    liquidate,
    liquidation,
    offsets,
    oracle_price_down,
    oracle_price_up,
    quote,
    remove_collateral,
    repay,
    withdraw,
    withdrawn_fraction,
)

WAD = 10**18
MARKET = AmmParameters.derived(amplification=100, base_price=2000 * WAD, fee=6 * 10**15)
TERMS = ControllerParameters(loan_discount=9 * 10**16, liquidation_discount=6 * 10**16)


def opened(debt: int, *, price: int = 2100, bands: int = 10) -> tuple[Controller, Quote]:
    """Open one loan against 10 ETH."""
    amm = Amm.new(MARKET, price * WAD, 0)
    seen = quote(amm, price * WAD, 0)
    controller = Controller(TERMS, amm)
    create_loan(controller, seen, 0, 10 * WAD, debt * WAD, bands)
    return controller, seen


def test_l27_bands_narrow_geometrically_and_prices_follow_the_cube_of_the_oracle() -> None:
    seen = Quote(price=1950 * WAD, fee=0, base_price=2000 * WAD, now=0)
    assert oracle_price_up(MARKET, seen, 5) / WAD == pytest.approx(1901.9801, abs=5e-5)
    assert oracle_price_up(MARKET, seen, 2) / WAD == pytest.approx(1960.2)
    assert oracle_price_down(MARKET, seen, 2) / WAD == pytest.approx(1940.598)
    assert current_price_down(MARKET, seen, 2) / WAD == pytest.approx(1929.758952)
    assert current_price_up(MARKET, seen, 2) / WAD == pytest.approx(1968.940876)


@pytest.mark.parametrize(("bands", "borrowable"), [(4, 17838.94613), (10, 17315.23141), (50, 14305.70963)])
def test_l28_more_bands_borrow_less(bands: int, borrowable: float) -> None:
    amm = Amm.new(MARKET, 2000 * WAD, 0)
    weighted = effective_collateral(amm, 10 * WAD, bands, TERMS.loan_discount)
    assert weighted * 2000 / WAD == pytest.approx(borrowable, abs=1e-4)


def test_l29_health_is_what_the_bands_yield_less_the_discount_over_the_debt() -> None:
    amm = Amm.new(MARKET, 2000 * WAD, 0)
    weighted = effective_collateral(amm, 10 * WAD, 10, TERMS.liquidation_discount)
    assert weighted * 2000 / (16000 * WAD) - 1 == pytest.approx(0.117878951, abs=1e-9)
    controller, seen = opened(16000)
    # The contract puts the bands as low as the debt allows, so health starts near (1 - 6 %)/(1 - 9 %) - 1.
    assert 0.94 / 0.91 - 1 <= health(controller, seen, 0) / WAD <= 0.94 / 0.91 / 0.99 - 1


def test_l30_a_band_of_one_collateral_turns_into_2020_at_a_constant_oracle() -> None:
    price = 2000 * WAD
    assert equivalent_collateral(100, price, price, 0, WAD) == WAD
    f, g = offsets(100, price, price, 0, WAD)
    assert (f, g) == (200_000 * WAD, 99 * WAD)
    amm = Amm.new(AmmParameters.derived(100, price, fee=0), price, 0)
    # Band 1 at an oracle price of its upper edge.
    deposit(amm, 0, WAD, 1, 1)
    oracle = 1980 * WAD
    seen = quote(amm, oracle, 1000)
    paid, bought = exchange(amm, seen, BORROWED, WAD, exact_in=False)
    assert bought == WAD
    assert paid / WAD == pytest.approx(1980 * 100 / 99, rel=1e-9)


def test_a_price_jump_is_capped_and_fades_within_two_minutes() -> None:
    amm = Amm.new(MARKET, 2000 * WAD, 0)
    at_once = quote(amm, 1000 * WAD, 0)
    assert at_once.price == 1600 * WAD
    assert at_once.fee / WAD == pytest.approx(1 - 0.8**3)
    half_way = quote(amm, 1000 * WAD, 60)
    assert half_way.fee == at_once.fee // 2
    later = quote(amm, 1000 * WAD, 120)
    assert (later.price, later.fee) == (1000 * WAD, 0)


def test_healthy_loans_are_refused_and_their_owners_are_not() -> None:
    controller, seen = opened(16000)
    with pytest.raises(Revert, match="Not enough rekt"):
        liquidate(controller, seen, 0)
    done = liquidate(controller, seen, 0, by_owner=True)
    assert done.debt == 16000 * WAD
    assert done.borrowed_delta == -16000 * WAD
    assert controller.loans == {}


def test_a_partial_liquidation_leaves_the_loan_healthier() -> None:
    controller, _ = opened(16000)
    first = controller.amm.deposits[0].first
    seen = quote(
        controller.amm, oracle_price_up(MARKET, quote(controller.amm, 1, 200), first) * 90 // 100, 200
    )
    before = full_health(controller, seen, 0)
    assert before < 0
    liquidate(controller, seen, 0, WAD // 2)
    assert full_health(controller, seen, 0) > before


def test_the_part_taken_is_below_the_part_paid_by_half_the_discount() -> None:
    assert withdrawn_fraction(WAD, 6 * 10**16) == WAD
    half = WAD // 2
    assert withdrawn_fraction(half, 0) == half
    assert withdrawn_fraction(half, 6 * 10**16) / WAD == pytest.approx((1.03 / 1.06 * 0.5 + 0.5) * 0.5)


def test_repaying_a_part_lowers_the_bands() -> None:
    controller, seen = opened(16000)
    before = controller.amm.deposits[0].first
    repay(controller, seen, 0, 4000 * WAD)
    after = controller.amm.deposits[0]
    assert (after.first > before, after.last - after.first) == (True, 9)
    assert controller.debt(0, 0) == 12000 * WAD


def test_collateral_put_in_lowers_the_bands_and_taken_out_brings_them_back() -> None:
    controller, seen = opened(16000)
    start = controller.amm.deposits[0].first
    add_collateral(controller, seen, 0, WAD)
    assert controller.amm.deposits[0].first > start
    # The last unit of a withdrawal stays behind, so taking the same out again leaves a little less.
    remove_collateral(controller, seen, 0, WAD)
    assert controller.amm.deposits[0].first == start
    assert 0 <= 10 * WAD - amounts_of(controller.amm, 0)[1] <= 40
    assert controller.debt(0, 0) == 16000 * WAD


def test_more_debt_is_owed_in_higher_bands() -> None:
    controller, seen = opened(12000)
    start = controller.amm.deposits[0].first
    borrow_more(controller, seen, 0, 4000 * WAD)
    assert controller.amm.deposits[0].first < start
    assert (controller.debt(0, 0), controller.total_debt(0)) == (16000 * WAD, 16000 * WAD)


@pytest.mark.parametrize(
    ("act", "amount", "reason"),
    [
        (remove_collateral, 11 * WAD, "empty revert data"),
        (remove_collateral, 5 * WAD, "Debt too high"),
        (borrow_more, 9000 * WAD, "Debt too high"),
    ],
)
def test_a_refused_change_leaves_the_loan_as_it_was(act, amount: int, reason: str) -> None:
    controller, seen = opened(16000)
    before, loans = controller.amm.copy(), dict(controller.loans)
    with pytest.raises(Revert, match=reason):
        act(controller, seen, 0, amount)
    assert (controller.amm, controller.loans) == (before, loans)


def test_a_loan_that_is_being_converted_takes_no_collateral() -> None:
    controller, _ = opened(16000)
    amm = controller.amm
    seen = quote(amm, oracle_price_down(MARKET, quote(amm, WAD, 200), amm.deposits[0].first), 200)
    exchange(amm, seen, BORROWED, 1000 * WAD)
    with pytest.raises(Revert, match="Already in underwater mode"):
        add_collateral(controller, quote(amm, seen.price, 400), 0, WAD)


def test_a_refused_repayment_leaves_everything_as_it_was() -> None:
    controller, _ = opened(16000)
    # So far down that the bands cannot be placed below the oracle any more.
    seen = quote(controller.amm, 1200 * WAD, 1000)
    before, loans = controller.amm.copy(), dict(controller.loans)
    with pytest.raises(Revert, match="Debt too high"):
        repay(controller, seen, 0, WAD)
    assert (controller.amm, controller.loans) == (before, loans)


def test_a_band_takes_more_than_a_hundred_units() -> None:
    amm = Amm.new(MARKET, 2000 * WAD, 0)
    with pytest.raises(Revert, match="Amount too low"):
        deposit(amm, 0, 404 - 1, 1, 4)
    deposit(amm, 0, 404, 1, 4)
    assert amm.bands_y == {1: 101, 2: 101, 3: 101, 4: 101}


def test_nobody_deposits_below_borrowed_token() -> None:
    amm = Amm.new(MARKET, 2000 * WAD, 0)
    deposit(amm, 0, WAD, 1, 4)
    exchange(amm, quote(amm, oracle_price_up(MARKET, quote(amm, WAD, 200), 3), 200), BORROWED, 1000 * WAD)
    bottom = min(amm.bands_x)
    assert bottom == 1
    with pytest.raises(Revert, match="Deposit below current band"):
        deposit(amm, 1, WAD, bottom, bottom + 3)
    with pytest.raises(Revert, match="User must have no liquidity"):
        deposit(amm, 0, WAD, 20, 23)


def test_the_lowest_band_moves_up_over_bands_that_were_emptied() -> None:
    amm = Amm.new(MARKET, 2000 * WAD, 0)
    deposit(amm, 0, WAD, -6, -3)
    deposit(amm, 1, WAD, -4, 2)
    assert (amm.active_band, amm.min_band, amm.max_band) == (-7, -6, 2)
    withdraw(amm, 0, WAD)
    assert (amm.min_band, amm.max_band) == (-4, 2)
    withdraw(amm, 1, WAD)
    assert (amm.min_band, amm.bands_y, amm.total_shares) == (3, {}, {})
    with pytest.raises(Revert, match="No deposits"):
        withdraw(amm, 1, WAD)


def test_debt_is_rounded_up_while_there_is_another_loan() -> None:
    terms = ControllerParameters(9 * 10**16, 6 * 10**16, rate_per_second=10**9)
    controller = Controller(terms, Amm.new(MARKET, 2100 * WAD, 0))
    seen = quote(controller.amm, 2100 * WAD, 0)
    create_loan(controller, seen, 0, 10 * WAD, 10**9 - 1, 10)
    assert controller.debt(0, 1) == 10**9 - 1
    create_loan(controller, seen, 1, 10 * WAD, 10**9, 10)
    assert controller.debt(0, 1) == 10**9
    assert controller.debt(1, 1) == 10**9 + 1  # interest of exactly one unit
    assert controller.total_debt(1) == 2 * 10**9


@pytest.mark.parametrize(("value", "refused"), [(0, True), (-1, False)])
def test_a_loan_is_liquidated_below_a_health_of_zero_not_at_it(
    monkeypatch, value: int, refused: bool
) -> None:
    controller, seen = opened(16000)
    monkeypatch.setattr(liquidation, "full_health", lambda *_: value)
    if refused:
        with pytest.raises(Revert, match="Not enough rekt"):
            liquidate(controller, seen, 0)
    else:
        assert liquidate(controller, seen, 0).debt == 16000 * WAD


def test_a_liquidation_that_clears_no_debt_is_refused() -> None:
    controller, seen = opened(16000)
    with pytest.raises(Revert, match="empty revert data"):
        liquidate(controller, seen, 0, 0, by_owner=True)


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("amplification", 1, "2 to 10000"),
        ("fee", 10**17 + 1, f"0 to {10**17}"),
        ("admin_fee", -1, f"0 to {WAD}"),
        ("borrowed_decimals", 19, "0 to 18"),
    ],
)
def test_a_setting_the_contract_could_not_take_is_named(setting: str, value: int, allowed: str) -> None:
    settings = {"amplification": 100, "base_price": WAD, "fee": 0} | {setting: value}
    with pytest.raises(ValueError, match=f"{setting} must lie in {allowed}, got {value}"):
        AmmParameters.derived(**settings)


def test_a_loan_discount_must_exceed_the_liquidation_discount() -> None:
    with pytest.raises(ValueError, match="loan_discount must be above liquidation_discount"):
        ControllerParameters(loan_discount=6 * 10**16, liquidation_discount=6 * 10**16)
