"""One level and few numbers for a whole surface: shape, term structure, arbitrage, fit."""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.margin.models import ArbitrageError, ParameterError, Smile, fit_smile

STRIKES = np.linspace(-0.8, 0.8, 33)
LEVELS = st.floats(0.05, 3.0)
YEARS = st.floats(0.002, 2.0)


@st.composite
def smiles(draw) -> Smile:
    rho = draw(st.floats(-0.95, 0.95))
    eta = draw(st.just(0.0) | st.floats(1e-3, 1.0)) * math.sqrt(4.0 / (1.0 + abs(rho))) * (1.0 - 1e-9)
    return Smile(rho, eta, draw(st.none() | st.floats(0.1, 2.0)), draw(st.floats(1.0, 400.0)))


@given(smiles(), LEVELS, YEARS)
def test_each_expiry_is_a_slice_of_svi(smile, level, years):
    expected = smile.slice(level, years).volatility(STRIKES)
    assert smile.volatility(level, STRIKES, years) == pytest.approx(expected, rel=1e-9)
    assert smile.volatility(level, 0.0, years) ** 2 * years == pytest.approx(smile.variance(level, years))


@given(smiles(), LEVELS, YEARS, st.floats(1.01, 5.0))
def test_what_is_not_refused_admits_no_arbitrage(smile, level, years, longer):
    try:
        smile.check(level, years * longer)
    except ArbitrageError:
        return
    before, after = smile.slice(level, years), smile.slice(level, years * longer)
    assert not [each for each in before.violations() + after.violations(before) if each.amount > 1e-9]


def test_the_slice_beyond_the_bound_admits_butterflies():
    smile = Smile(rho=-0.9, eta=1.45)
    with pytest.raises(ArbitrageError, match=r"volatility of 3 and 4 years: eta sqrt\(theta\)"):
        smile.check(3.0, 4.0)
    assert "wing" in {each.kind for each in smile.slice(3.0, 4.0).violations()}


@pytest.mark.parametrize(("level", "refused"), [(1.99, False), (2.01, True)])
def test_the_bound_on_level_and_time_is_where_wings_become_too_steep(level, refused):
    smile = Smile(eta=2.0)  # eta sqrt(theta) = 4 at a volatility of 2 and a year
    assert ("wing" in {each.kind for each in smile.slice(level, 1.0).violations()}) == refused
    with pytest.raises(ArbitrageError) if refused else nullcontext():
        smile.check(level, 1.0)


def test_without_curvature_all_strikes_have_the_level():
    assert Smile(rho=-0.5).volatility(0.8, STRIKES, 0.1) == pytest.approx(0.8)


@pytest.mark.parametrize("rho", [-0.4, 0.4])
def test_the_tilt_says_which_side_is_dear(rho):
    low, high = Smile(rho, 0.8).volatility(0.9, [-0.2, 0.2], 0.1)
    assert (low > high) == (rho < 0.0)


def test_the_variance_of_an_instant_has_come_half_way_back_after_a_half_life():
    smile, at, step = Smile(long_run=0.6, half_life_days=30.0), 30.0 / 365.0, 1e-6
    now = (smile.variance(1.2, at + step) - smile.variance(1.2, at - step)) / (2.0 * step)
    assert now == pytest.approx(0.5 * (0.6**2 + 1.2**2), rel=1e-6)
    assert smile.volatility(1.2, 0.0, 1e-7) == pytest.approx(1.2, rel=1e-5)
    assert smile.volatility(1.2, 0.0, 1e4) == pytest.approx(0.6, rel=1e-4)


@pytest.mark.parametrize("expiries", [(0.1,), (0.05, 0.2, 0.6)])
def test_a_fit_finds_what_the_quotes_were_made_from(expiries):
    true = Smile(-0.35, 1.1, 0.7 if len(expiries) > 1 else None, 40.0 if len(expiries) > 1 else 30.0)
    k, t = (each.ravel() for each in np.meshgrid(np.linspace(-0.4, 0.4, 15), expiries))
    found = fit_smile(k, true.volatility(1.1, k, t), t)
    assert found.n_quotes == len(k)
    assert found.rms_volatility < 1e-6
    assert found.level == pytest.approx(1.1, rel=1e-4)
    assert (found.smile.rho, found.smile.eta) == pytest.approx((-0.35, 1.1), rel=1e-3)
    assert (found.smile.long_run is None) == (len(expiries) == 1)
    if found.smile.long_run is not None:
        assert (found.smile.long_run, found.smile.half_life_days) == pytest.approx((0.7, 40.0), rel=1e-2)


def test_quotes_that_admit_arbitrage_are_fitted_by_a_surface_that_does_not():
    k = np.linspace(-1.0, 1.0, 21)
    found = fit_smile(k, 0.3 + 3.0 * np.abs(k), np.full(21, 0.05))
    assert not found.smile.slice(found.level, 0.05).violations()
    assert found.rms_volatility > 0.1


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"rho": 1.0}, ParameterError, "rho must be finite"),
        ({"eta": -0.1}, ParameterError, "eta must be finite, at least 0"),
        ({"eta": math.nan}, ParameterError, "eta"),
        ({"long_run": 0.0}, ParameterError, "long_run"),
        ({"half_life_days": 0.0}, ParameterError, "half_life_days"),
        ({"rho": -0.9, "eta": 1.9}, ArbitrageError, r"eta\^2 \(1 \+ \|rho\|\) is 6.86; allowed: up to 4"),
    ],
)
def test_a_surface_that_cannot_be_is_refused(given, error, says):
    with pytest.raises(error, match=says):
        Smile(**given)


@pytest.mark.parametrize(
    ("k", "sigma", "says"),
    [
        ([0.0] * 4, [1.0] * 4, "n at least 5"),
        ([0.0] * 5, [1.0] * 6, "one shape"),
        ([0.0] * 5, [1.0, 1.0, 0.0, 1.0, 1.0], "quote 2 is not"),
        ([0.0, math.nan, 0.0, 0.0, 0.0], [1.0] * 5, "quote 1 is not"),
    ],
)
def test_quotes_that_cannot_be_fitted_are_refused(k, sigma, says):
    with pytest.raises(ParameterError, match=says):
        fit_smile(k, sigma, [0.1] * len(k))
