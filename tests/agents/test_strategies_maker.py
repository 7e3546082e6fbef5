"""What a market maker quotes, asked of the bare strategy (MODEL 10.3)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.strategies.avellaneda_stoikov import (
    YEAR_S,
    AvellanedaStoikov,
    MakerState,
    optimal_spread,
    reservation_price,
)

ANNUAL = st.floats(0.01, 30.0)


def quoting(annual: float, *, now: bool = True, loss_usd: float = 0.0) -> MakerState:
    return MakerState(annual / math.sqrt(YEAR_S), loss_usd, now)


def test_reservation_price_and_spread_are_the_closed_form():
    """CASES B13."""
    reservation = reservation_price(100.0, 2.0, 0.1, 2.0, 1.0)
    spread = optimal_spread(0.1, 2.0, 1.0, 1.5)
    assert reservation == pytest.approx(99.2, rel=1e-12)
    assert spread == pytest.approx(1.690770423, rel=1e-9)
    assert reservation - spread / 2 == pytest.approx(98.35461479, rel=1e-9)
    assert reservation + spread / 2 == pytest.approx(100.0453852, rel=1e-9)


@given(st.floats(0.1, 4.0), st.floats(-20.0, 20.0))
def test_standing_quote_prices_as_the_closed_form_relative_to_the_mid(annual, units):
    """MODEL 10.3, prices as fractions of the mid and inventory in units of `unit_usd`."""
    maker = AvellanedaStoikov(withdraw_volatility=30.0)
    quote = maker.decide(quoting(annual))
    sigma = annual / math.sqrt(YEAR_S)
    lean = quote.skew_per_usd * units * maker.unit_usd
    assert lean == pytest.approx(
        -reservation_price(0.0, units, maker.gamma, sigma, maker.horizon_s), rel=1e-9
    )
    assert 2 * quote.half_spread == pytest.approx(
        optimal_spread(maker.gamma, sigma, maker.horizon_s, maker.kappa), rel=1e-12
    )


@given(ANNUAL, ANNUAL)
def test_more_volatility_never_means_more_size_or_a_narrower_spread(one, other):
    maker = AvellanedaStoikov(withdraw_volatility=100.0)
    calm, wild = (maker.decide(quoting(v)) for v in sorted((one, other)))
    assert wild.size_usd <= calm.size_usd
    assert wild.half_spread >= calm.half_spread
    assert wild.skew_per_usd >= calm.skew_per_usd


def test_size_is_full_up_to_calm_volatility_and_falls_with_the_elasticity():
    maker = AvellanedaStoikov(size_usd=1e5, calm_volatility=1.0, size_elasticity=0.5)
    assert maker.decide(quoting(1.0 - 1e-9)).size_usd == 1e5
    assert maker.decide(quoting(4.0)).size_usd == pytest.approx(5e4)


def test_maker_withdraws_above_one_volatility_and_returns_only_below_a_lower_one():
    """Withdraw/return hysteresis of MODEL 10.3: between the two it goes on as it was."""
    maker = AvellanedaStoikov(withdraw_volatility=8.0, return_volatility=4.0)
    present, now = [], True
    for annual in (2.0, 6.0, 7.99, 8.01, 6.0, 4.01, 3.99, 6.0, 7.99, 9.0):
        now = maker.decide(quoting(annual, now=now)) is not None
        present.append(now)
    assert present == [True, True, True, False, False, False, True, True, True, False]


def test_maker_leaves_when_its_loss_limit_is_passed():
    maker = AvellanedaStoikov(loss_limit_usd=1e6)
    assert maker.decide(quoting(0.5, loss_usd=1e6)) is not None
    assert maker.decide(quoting(0.5, loss_usd=1e6 + 1)) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"gamma": 0.0}, "gamma must be positive, got 0.0"),
        ({"levels": 5}, "levels must be 1 to 4, got 5"),
        ({"return_volatility": 13.0}, "return_volatility must not exceed withdraw_volatility 12.0, got 13.0"),
        ({"refresh_blocks": 0}, "refresh_blocks must be at least 1, got 0"),
    ],
)
def test_impossible_parameters_are_refused_by_name(change, says):
    with pytest.raises(ValueError, match=says.replace(".", r"\.")):
        AvellanedaStoikov(**change)
