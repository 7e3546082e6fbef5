"""Volatility surfaces: slices, arbitrage found and repaired, books valued, volatility without a model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.protocols.margin.models import (
    ArbitrageError,
    ExpiredOptionError,
    FeedMemory,
    InstrumentError,
    ParameterError,
    SviSlice,
    VolatilityFeed,
    VolatilitySurface,
    black_scholes,
    close_to_close,
    fit_slice,
    fit_surface,
    interpolated_volatility,
    parkinson,
    strip_variance,
    violations,
)

VOGT = SviSlice(1.0, -0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
"""Axel Vogt's slice, whose implied density is negative (Gatheral and Jacquier 2014, example 3.1)."""
NEAR = SviSlice(0.1, 0.01, 0.1, -0.4, 0.02, 0.1)
LATER = SviSlice(0.5, 0.05, 0.3, -0.4, 0.02, 0.1)
SURFACE = VolatilitySurface([NEAR, LATER], [100.0, 102.0])
STRIKES = np.linspace(-1.0, 1.0, 31)


def density(one, k):
    """Implied density of the log price by finite differences of undiscounted calls."""
    step = 1e-3
    strikes = np.exp(k + np.array([-step, 0.0, step])[:, None])
    calls = black_scholes.price(1.0, strikes, one.years, True, one.volatility(np.log(strikes)))
    left, right = strikes[1] - strikes[0], strikes[2] - strikes[1]
    return (calls[2] - calls[1]) / right - (calls[1] - calls[0]) / left


def test_o06_raw_svi():
    one = SviSlice(1.0, 0.04, 0.4, -0.4, 0.1, 0.1)
    assert one.total_variance([0.0, -0.5]) == pytest.approx([0.1125685425, 0.3793105012], rel=1e-9)


def test_the_density_factor_is_negative_where_the_density_is():
    k = np.linspace(-1.4, 1.4, 57)
    signs = np.sign(VOGT.density_factor(k))
    assert set(signs) == {-1.0, 1.0}
    assert (np.sign(density(VOGT, k)) == signs).all()


def test_a_butterfly_is_found_refused_and_repaired():
    (found,) = VOGT.violations()
    assert found.kind == "butterfly"
    assert found.log_moneyness == pytest.approx(0.87, abs=0.02)
    quotes = VOGT.volatility(STRIKES)
    with pytest.raises(ArbitrageError, match=r"is refused: butterfly violated by 0\.0328"):
        fit_slice(STRIKES, quotes, 1.0, repair=False)
    fit = fit_slice(STRIKES, quotes, 1.0)
    assert [each.kind for each in fit.repaired] == ["butterfly"]
    assert fit.slice.violations() == []
    assert (density(fit.slice, np.linspace(-1.4, 1.4, 57)) > -1e-9).all()
    assert fit.rms_volatility < 0.01


def test_a_calendar_spread_is_found_refused_and_repaired():
    quotes = 0.8 * NEAR.volatility(STRIKES)
    with pytest.raises(ArbitrageError, match="calendar violated"):
        fit_slice(STRIKES, quotes, 0.12, before=NEAR, repair=False)
    fit = fit_slice(STRIKES, quotes, 0.12, before=NEAR)
    assert "calendar" in {each.kind for each in fit.repaired}
    k = np.linspace(-20.0, 20.0, 4001)
    assert (fit.slice.total_variance(k) >= NEAR.total_variance(k)).all()


def test_wings_and_negative_variance_are_found():
    steep = SviSlice(1.0, 0.1, 1.8, 0.5, 0.0, 0.5)
    assert "wing" in {each.kind for each in steep.violations()}
    assert [each.kind for each in SviSlice(1.0, -0.1, 0.1, 0.0, 0.0, 0.1).violations()] == ["negative"]
    flatter = SviSlice(0.5, 1.0, 0.05, 0.0, 0.0, 0.1)
    assert "wing" in {each.kind for each in flatter.violations(NEAR)}


@settings(max_examples=60, deadline=None)
@given(
    level=st.floats(0.2, 1.5),
    b=st.floats(0.02, 0.3),
    rho=st.floats(-0.7, 0.7),
    m=st.floats(-0.2, 0.2),
    sigma=st.floats(0.05, 0.5),
    noise=st.integers(0, 10_000),
)
def test_whatever_is_quoted_a_fit_is_free_of_arbitrage_or_refused(level, b, rho, m, sigma, noise):
    one = SviSlice(0.1, level**2 * 0.1, b, rho, m, sigma)
    rng = np.random.default_rng(noise)
    quotes = one.volatility(STRIKES) * np.exp(rng.normal(0.0, 0.03, len(STRIKES)))
    fit = fit_slice(STRIKES, quotes, 0.1)
    assert fit.slice.violations() == []
    assert fit.rms_volatility < 0.1


@settings(max_examples=40, deadline=None)
@given(b=st.floats(0.05, 0.3), rho=st.floats(-0.7, 0.7), m=st.floats(-0.1, 0.1), sigma=st.floats(0.05, 0.3))
def test_a_slice_without_arbitrage_is_recovered_from_its_quotes(b, rho, m, sigma):
    one = SviSlice(0.25, 0.05, b, rho, m, sigma)
    fit = fit_slice(STRIKES, one.volatility(STRIKES), 0.25)
    assert fit.rms_volatility < 2e-4
    assert fit.repaired == ()


def test_dearer_errors_are_smaller():
    quotes = NEAR.volatility(STRIKES) + 0.05 * (STRIKES > 0.5)
    weights = np.where(STRIKES > 0.5, 1e-6, 1.0)
    fit = fit_slice(STRIKES, quotes, 0.1, weights)
    assert fit.slice.volatility(STRIKES[:10]) == pytest.approx(NEAR.volatility(STRIKES[:10]), abs=1e-3)


def test_a_surface_is_linear_in_total_variance_between_expiries():
    k = np.linspace(-0.5, 0.5, 11)
    middle = SURFACE.total_variance(k, 0.3)
    assert middle == pytest.approx((NEAR.total_variance(k) + LATER.total_variance(k)) / 2, rel=1e-12)
    assert SURFACE.forward(0.3) == pytest.approx(math.sqrt(100.0 * 102.0))
    outside = SURFACE.total_variance(k, [[0.01], [2.0]])
    assert outside[0] == pytest.approx(NEAR.total_variance(k) / 10, rel=1e-12)
    assert outside[1] == pytest.approx(LATER.total_variance(k) * 4, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(k=st.floats(-2.0, 2.0), years=st.floats(0.01, 1.0), longer=st.floats(1.0, 4.0))
def test_total_variance_never_falls_with_time(k, years, longer):
    assert SURFACE.total_variance(k, years * longer) >= SURFACE.total_variance(k, years) - 1e-15


def test_a_book_on_a_surface_is_black_scholes_at_its_volatilities():
    rng = np.random.default_rng(2)
    strikes, years, call = rng.uniform(40, 250, 500), rng.uniform(0.02, 1.0, 500), rng.random(500) < 0.5
    volatility = SURFACE.volatility(strikes, years)
    plain = black_scholes.price(SURFACE.forward(years), strikes, years, call, volatility)
    assert SURFACE.price(strikes, years, call) == pytest.approx(plain, abs=1e-10)


def test_a_moved_surface_is_that_of_the_scenario():
    moved = SURFACE.moved(forward_factor=0.84, volatility_factor=1.5)
    assert moved.forward(0.1) == pytest.approx(84.0)
    assert moved.volatility(84.0, 0.3) == pytest.approx(1.5 * SURFACE.volatility(100.0, 0.3))
    assert SURFACE.forward(0.1) == pytest.approx(100.0)


def test_term_structure_and_skew():
    found = SURFACE.term_structure()
    assert found.volatility == pytest.approx([NEAR.volatility(0.0), LATER.volatility(0.0)])
    slope = (NEAR.volatility(1e-6) - NEAR.volatility(-1e-6)) / 2e-6
    assert found.skew[0] == pytest.approx(slope, rel=1e-6)
    assert found.skew[0] < 0.0


def test_a_fitted_surface_binds_each_expiry_to_the_one_before():
    k = np.exp(STRIKES) * 100.0
    volatility = np.concatenate([NEAR.volatility(STRIKES), 0.8 * NEAR.volatility(STRIKES)])
    years = np.repeat([0.1, 0.12], len(k))
    fit = fit_surface(np.tile(k, 2), years, 100.0, volatility)
    assert {each.years for each in fit.repaired} == {0.12}
    assert violations(fit.surface.slices) == []
    with pytest.raises(ArbitrageError, match=r"is refused: .* 0\.12 years"):
        fit_surface(np.tile(k, 2), years, 100.0, volatility, repair=False)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 100_000), n=st.integers(5, 30))
def test_even_quotes_of_unrelated_expiries_are_repaired(seed, n):
    rng = np.random.default_rng(seed)
    k, years = rng.uniform(-1.0, 1.0, n), np.array([0.02, 0.08, 0.3])
    quotes = []
    for left in years.tolist():
        b, sigma = rng.uniform(0.02, 1.0) * math.sqrt(left), rng.uniform(0.02, 0.4)
        one = SviSlice(left, rng.uniform(0.01, 1.0) * left, b, rng.uniform(-0.8, 0.8), 0.0, sigma)
        quotes.append(one.volatility(k) * np.exp(rng.normal(0.0, 0.05, n)))
    fit = fit_surface(np.tile(np.exp(k), 3), np.repeat(years, n), 1.0, np.concatenate(quotes))
    assert violations(fit.surface.slices) == []


def test_an_arbitrageable_surface_is_refused():
    with pytest.raises(ArbitrageError, match="the surface admits arbitrage: butterfly"):
        VolatilitySurface([VOGT], [100.0])
    with pytest.raises(ArbitrageError, match="calendar"):
        VolatilitySurface([LATER, SviSlice(0.6, *NEAR.parameters)], [100.0, 100.0])


def test_a_strip_of_flat_volatility_gives_that_volatility():
    strikes = 100.0 * np.exp(np.linspace(-3.0, 3.0, 2001))
    call, put = (black_scholes.price(100.0, strikes, 0.5, side, 0.7) for side in (True, False))
    strip = strip_variance(strikes, call, put)
    assert strip.forward == pytest.approx(100.0)
    assert math.sqrt(strip.total_variance / 0.5) == pytest.approx(0.7, rel=1e-4)


def test_interpolation_is_in_total_variance():
    assert interpolated_volatility((0.1, 0.1), (0.3, 0.2), 0.2) == pytest.approx(math.sqrt(0.15 / 0.2))


def test_realised_volatility_of_a_walk_is_its_volatility():
    rng = np.random.default_rng(5)
    times = np.arange(0, 60 * 50_000, 60.0)
    step = 0.8 * math.sqrt(60 / (365 * 86_400))
    prices = 100.0 * np.exp(np.cumsum(rng.normal(0.0, step, len(times))))
    assert close_to_close(prices, times) == pytest.approx(0.8, rel=0.01)
    bars = prices.reshape(-1, 100)
    assert parkinson(bars.max(axis=1), bars.min(axis=1), 6_000.0) == pytest.approx(0.8, rel=0.1)
    feed, memory = VolatilityFeed(half_life_s=86_400.0), FeedMemory()
    for time_s, price in zip(times.tolist(), prices.tolist(), strict=True):
        memory = feed.see(memory, price, time_s)
    assert memory.published == pytest.approx(0.8, rel=0.1)


def test_a_feed_forgets_half_in_its_half_life_however_often_it_looks():
    feed = VolatilityFeed(half_life_s=600.0)
    memory = FeedMemory(price=100.0, time_s=0.0, variance=1.0, weight=1.0)
    once = feed.see(memory, 100.0, 600.0)
    often = memory
    for time_s in range(60, 601, 60):
        often = feed.see(often, 100.0, float(time_s))
    assert once.variance == pytest.approx(0.5)
    assert often.variance == pytest.approx(0.5)


def test_a_feed_is_as_old_as_its_last_publication():
    feed, memory = VolatilityFeed(600.0, publish_every_s=300.0), FeedMemory()
    assert math.isnan(feed.read(memory, 0.0)[0])
    for time_s, price in ((0.0, 100.0), (100.0, 101.0), (200.0, 150.0), (399.0, 90.0)):
        memory = feed.see(memory, price, time_s)
    volatility, age_s = feed.read(memory, 399.0)
    assert age_s == 299.0
    assert volatility == pytest.approx(math.log(1.01) * math.sqrt(365 * 864))
    memory = feed.see(memory, 90.0, 400.0)
    assert feed.read(memory, 410.0)[1] == 10.0
    assert memory.published > volatility


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: SviSlice(0.0, 0.1, 0.1, 0.0, 0.0, 0.1), ParameterError, "years must be finite, above 0"),
        (lambda: SviSlice(1.0, 0.1, 0.1, 1.0, 0.0, 0.1), ParameterError, "rho must be finite, above -1"),
        (lambda: SviSlice(1.0, 0.1, -0.1, 0.0, 0.0, 0.1), ParameterError, "b must be finite, at least 0"),
        (lambda: fit_slice([0.0] * 9, [0.5] * 9, 1.0), ParameterError, "at 5 strikes or more; got 1"),
        (lambda: fit_slice(STRIKES, -STRIKES, 1.0), InstrumentError, "quote 15 must have finite"),
        (lambda: fit_slice(STRIKES, STRIKES[:4], 1.0), ParameterError, r"must have one shape \(n,\)"),
        (lambda: VolatilitySurface([], []), ParameterError, "one forward for each slice"),
        (lambda: VolatilitySurface([LATER, NEAR], [1.0, 1.0]), ParameterError, "must increase"),
        (lambda: VolatilitySurface([NEAR], [-1.0]), ParameterError, "forwards be above 0"),
        (lambda: SURFACE.price(100.0, 0.0, True), ExpiredOptionError, "years of option 0"),
        (lambda: SURFACE.price(-1.0, 0.1, True), InstrumentError, "strike of option 0"),
        (lambda: SURFACE.moved(volatility_factor=0.0), ParameterError, "volatility_factor must be finite"),
        (lambda: fit_surface([1.0], [1.0], [1.0], [0.5]), ParameterError, "no expiry has quotes at 5"),
        (lambda: strip_variance([1, 2], [1, 1], [1, 1]), ParameterError, "3 different strikes"),
        (
            lambda: interpolated_volatility((0.1, 0.1), (0.2, 0.2), 0.3),
            ParameterError,
            "between two expiries",
        ),
        (lambda: VolatilityFeed(0.0), ParameterError, "half_life_s must be finite, above 0"),
        (lambda: VolatilityFeed(1.0).see(FeedMemory(), 0.0, 0.0), InstrumentError, "price must be finite"),
        (lambda: VolatilityFeed(1.0).see(FeedMemory(1.0, 5.0), 1.0, 5.0), InstrumentError, "after 5 s"),
        (lambda: close_to_close([1.0], [0.0]), ParameterError, "2 prices above 0"),
        (lambda: parkinson([1.0], [2.0], 60.0), ParameterError, "none above it"),
    ],
)
def test_bad_input_is_a_named_error(call, error, says):
    with pytest.raises(error, match=says):
        call()
