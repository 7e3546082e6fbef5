"""Drawn paths have the moments of their theory. Seeds are fixed; intervals are 4 to 5 standard errors."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.prices import GeometricBrownianMotion, HestonPrice, MertonJumpDiffusion
from liquidarium.market.prices.correlation import correlation_factor

YEAR_S = 365 * 86_400.0
DAYS = np.arange(40_001) * 86_400.0
DAY = 1 / 365


def streams(seed=0):
    return lambda name: np.random.default_rng([seed, zlib.crc32(name.encode())])


def returns(process, times=DAYS, seed=0):
    return np.diff(np.log(process.path(times, streams(seed))), axis=0)


def test_gbm_has_its_drift_volatility_and_correlation():
    correlation = [[1.0, 0.7], [0.7, 1.0]]
    process = GeometricBrownianMotion(
        {"ETH": 200.0, "BTC": 8000.0}, volatility=[0.8, 0.5], drift=[0.3, -0.2], correlation=correlation
    )
    r = returns(process)
    assert r.std(axis=0) / np.sqrt(DAY) == pytest.approx([0.8, 0.5], rel=0.02)
    error = 4 * r.std(axis=0) / np.sqrt(len(r))
    assert (
        np.abs(r.mean(axis=0) - (np.array([0.3, -0.2]) - 0.5 * np.array([0.64, 0.25])) * DAY) < error
    ).all()
    assert np.corrcoef(r.T)[0, 1] == pytest.approx(0.7, abs=0.02)
    assert process.path(DAYS[:1], streams()).tolist() == [[200.0, 8000.0]]


def test_gbm_without_volatility_is_its_drift():
    path = GeometricBrownianMotion({"ETH": 2.0}, volatility=0.0, drift=0.1).path([0.0, YEAR_S], streams())
    assert path[:, 0] == pytest.approx([2.0, 2.0 * np.exp(0.1)])


def test_gbm_steps_are_exact_at_any_step():
    """The variance over a year is the same in one step and in many."""
    many = {f"A{i}": 1.0 for i in range(4000)}
    process = GeometricBrownianMotion(many, volatility=0.8)
    for times in ([0.0, YEAR_S], [0.0, 1.0, 0.3 * YEAR_S, YEAR_S]):
        end = np.log(process.path(times, streams())[-1])
        assert end.var() == pytest.approx(0.64, rel=0.12)
        assert np.exp(end).mean() == pytest.approx(1.0, abs=5 * np.sqrt(np.expm1(0.64) / 4000))


def test_merton_has_its_first_four_moments():
    """Cumulants of a step: c2 = (s^2 + l (m^2 + d^2)) t, c3 = l (m^3 + 3 m d^2) t, c4 = l (...) t."""
    sigma, lam, m, d = 0.5, 60.0, -0.05, 0.04
    process = MertonJumpDiffusion(
        {"ETH": 200.0}, volatility=sigma, intensity=lam, jump_mean=m, jump_sd=d, drift=0.1
    )
    r = returns(process, np.arange(200_001) * 86_400.0)[:, 0]
    mean_jump = np.expm1(m + d * d / 2)
    c1 = (0.1 - sigma**2 / 2 - lam * mean_jump + lam * m) * DAY
    c2 = (sigma**2 + lam * (m * m + d * d)) * DAY
    c3 = lam * (m**3 + 3 * m * d * d) * DAY
    c4 = lam * (m**4 + 6 * m * m * d * d + 3 * d**4) * DAY
    centred = r - r.mean()
    assert abs(r.mean() - c1) < 4 * np.sqrt(c2 / len(r))
    assert (centred**2).mean() == pytest.approx(c2, rel=0.03)
    assert (centred**3).mean() == pytest.approx(c3, rel=0.1)
    assert (centred**4).mean() - 3 * (centred**2).mean() ** 2 == pytest.approx(c4, rel=0.15)
    assert np.exp(r).mean() == pytest.approx(np.exp(0.1 * DAY), abs=4 * r.std() / np.sqrt(len(r)))


def test_common_jumps_hit_all_assets_at_the_same_time():
    process = MertonJumpDiffusion(
        {"ETH": 1.0, "BTC": 1.0},
        volatility=0.0,
        intensity=0.0,
        jump_mean=-0.1,
        jump_sd=0.01,
        common_intensity=20.0,
    )
    r = returns(process)
    jumped = r < -0.05
    assert (jumped[:, 0] == jumped[:, 1]).all()
    assert jumped.mean() == pytest.approx(-np.expm1(-20 * DAY), rel=0.1)
    assert (r[jumped[:, 0], 0] != r[jumped[:, 0], 1]).all()


def test_heston_keeps_its_long_run_variance_and_leverage():
    process = HestonPrice(
        {"ETH": 200.0},
        variance=0.64,
        long_run_variance=0.64,
        mean_reversion=20.0,
        vol_of_variance=2.0,
        leverage=-0.6,
        drift=0.05,
    )
    r = returns(process, np.arange(1_000_001) * 3_600.0)[:, 0]
    hour = 1 / (365 * 24)
    daily = (r[: len(r) // 24 * 24].reshape(-1, 24) ** 2).sum(axis=1) / DAY
    assert daily.mean() == pytest.approx(0.64, rel=0.05)
    # stationary variance of v is xi^2 theta / (2 kappa); a daily estimate adds noise of its own
    noise = 2 * (0.64**2 + 0.064) / 24
    assert daily.var() == pytest.approx(0.064 + noise, rel=0.25)
    assert np.exp(r).mean() == pytest.approx(np.exp(0.05 * hour), abs=4 * r.std() / np.sqrt(len(r)))
    change = np.diff(daily)
    weekly = r[: len(daily) * 24].reshape(-1, 24).sum(axis=1)
    assert np.corrcoef(weekly[:-1], change)[0, 1] < 0


def test_heston_mean_variance_follows_its_expectation():
    """E v(t) = theta + (v0 - theta) exp(-kappa t), seen over many independent assets."""
    many = {f"A{i}": 1.0 for i in range(3000)}
    process = HestonPrice(many, variance=1.0, long_run_variance=0.25, mean_reversion=4.0, vol_of_variance=1.0)
    times = np.linspace(0.0, 0.5 * YEAR_S, 201)
    path = process.path(times, streams())
    r = np.diff(np.log(path), axis=0)
    assert path[-1].mean() == pytest.approx(1.0, abs=5 * path[-1].std() / np.sqrt(3000))  # no drift
    realised = (r**2).sum(axis=0).mean()
    expected = 0.25 * 0.5 + 0.75 * -np.expm1(-2.0) / 4.0
    assert realised == pytest.approx(expected, rel=0.04)


def test_heston_without_noise_in_its_variance_is_gbm():
    still = HestonPrice(
        {"ETH": 1.0}, variance=0.5, long_run_variance=0.5, mean_reversion=3.0, vol_of_variance=0.0
    )
    r = returns(still, DAYS[:5001])[:, 0]
    assert r.std() / np.sqrt(DAY) == pytest.approx(np.sqrt(0.5), rel=0.05)


PROCESSES = {
    "gbm": lambda initial, c: GeometricBrownianMotion(initial, volatility=0.8, correlation=c),
    "merton": lambda initial, c: MertonJumpDiffusion(
        initial, volatility=0.8, intensity=50.0, jump_mean=-0.1, jump_sd=0.1, correlation=c
    ),
    "heston": lambda initial, c: HestonPrice(
        initial, variance=0.6, long_run_variance=0.6, mean_reversion=5.0, vol_of_variance=1.0, correlation=c
    ),
}


@pytest.mark.parametrize("kind", PROCESSES)
def test_an_asset_added_at_the_end_changes_no_path_before_it(kind):
    c = np.array([[1.0, 0.5, 0.3], [0.5, 1.0, 0.2], [0.3, 0.2, 1.0]])
    initial = {"ETH": 200.0, "BTC": 8000.0, "LINK": 4.0}
    two = PROCESSES[kind](dict(list(initial.items())[:2]), c[:2, :2]).path(DAYS[:200], streams())
    three = PROCESSES[kind](initial, c).path(DAYS[:200], streams())
    assert (three[:, :2] == two).all()
    assert (three > 0).all()


@given(data=st.data(), n=st.integers(1, 5), rank=st.integers(1, 5))
@settings(deadline=None)
def test_the_factor_of_a_correlation_matrix_gives_it_back_even_if_singular(data, n, rank):
    loadings = np.array(
        data.draw(
            st.lists(st.lists(st.integers(-3, 3), min_size=rank, max_size=rank), min_size=n, max_size=n)
        )
    )
    loadings[:, 0] += 10  # no row is zero
    unit = loadings / np.linalg.norm(loadings, axis=1, keepdims=True)
    matrix = unit @ unit.T
    np.fill_diagonal(matrix, 1.0)
    factor = correlation_factor(matrix, [str(i) for i in range(n)])
    assert np.abs(factor @ factor.T - matrix).max() < 1e-4
    assert (np.triu(factor, 1) == 0).all()


BAD_MATRICES = {
    "not positive semidefinite": [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]],
    "correlation of A and B is 0.5 one way and 0.4": [[1.0, 0.5, 0], [0.4, 1.0, 0], [0, 0, 1.0]],
    "correlation of B and B is 2.0": [[1.0, 0, 0], [0, 2.0, 0], [0, 0, 1.0]],
    "correlation of A and C is 1.5": [[1.0, 0, 1.5], [0, 1.0, 0], [1.5, 0, 1.0]],
    "correlation of A and B is nan": [[1.0, np.nan, 0], [np.nan, 1.0, 0], [0, 0, 1.0]],
    r"must have shape \(3, 3\)": [[1.0]],
}


@pytest.mark.parametrize("message", BAD_MATRICES)
def test_a_matrix_that_is_no_correlation_is_refused_with_the_reason(message):
    with pytest.raises(ValueError, match=message):
        GeometricBrownianMotion({"A": 1, "B": 1, "C": 1}, volatility=1.0, correlation=BAD_MATRICES[message])


def test_parameters_out_of_range_name_asset_and_value():
    with pytest.raises(ValueError, match=r"volatility of BTC must be finite and .* got -1"):
        GeometricBrownianMotion({"ETH": 1.0, "BTC": 1.0}, volatility=[1.0, -1.0])
    with pytest.raises(ValueError, match="initial price of ETH must be finite and above 0, got 0"):
        GeometricBrownianMotion({"ETH": 0.0}, volatility=1.0)
    with pytest.raises(ValueError, match="one for each of 1 assets"):
        GeometricBrownianMotion({"ETH": 1.0}, volatility=[1.0, 2.0])
    with pytest.raises(ValueError, match="leverage of ETH"):
        HestonPrice(
            {"ETH": 1.0},
            variance=1.0,
            long_run_variance=1.0,
            mean_reversion=1.0,
            vol_of_variance=1.0,
            leverage=-1.1,
        )
