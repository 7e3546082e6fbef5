"""Statistics of many runs, by the cases of their topic and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.experiments.statistics import (
    expected_shortfall,
    hill_estimator,
    holm,
    knee,
    paired_difference,
    pareto_front,
    paths_needed,
    saltelli_runs,
    sobol_indices,
    t_interval,
    value_at_risk,
    wilson_interval,
)
from liquidarium.experiments.statistics.paired import error_of_difference
from liquidarium.experiments.sweeps import Design
from liquidarium.experiments.sweeps.designs import unit_cube
from scipy import stats


def test_b04_hill_estimator():
    assert hill_estimator([1, 2, 4, 8, 16], 3) == pytest.approx(0.7213475204, rel=1e-9)


def test_b09_sobol_indices_of_the_ishigami_function():
    cube = unit_cube(Design(kind="saltelli", points=2**13), 3)
    x = np.pi * (2.0 * cube - 1.0)
    values = np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    assert values.var() == pytest.approx(13.84458794, rel=0.01)
    found = sobol_indices(values, 3)
    assert found.first == pytest.approx([0.3139051911, 0.4424111448, 0.0], abs=0.01)
    assert found.total == pytest.approx([0.5575888552, 0.4424111448, 0.2436836641], abs=0.01)
    truth = np.array([0.5575888552, 0.4424111448, 0.2436836641])
    assert ((found.total_low <= truth) & (truth <= found.total_high)).all()


def test_sobol_indices_agree_with_scipys_estimator():
    rng = np.random.default_rng(3)
    a, b = rng.random((512, 2)), rng.random((512, 2))

    def result(x):
        return x[:, 0] + 2.0 * x[:, 0] * x[:, 1]

    mixed = [np.column_stack([b[:, 0], a[:, 1]]), np.column_stack([a[:, 0], b[:, 1]])]
    values = np.concatenate([result(block) for block in (a, b, *mixed)])
    theirs = stats.sobol_indices(
        func={
            "f_A": result(a)[None],
            "f_B": result(b)[None],
            "f_AB": np.stack([result(block) for block in mixed])[:, None],
        },
        n=512,
    )
    ours = sobol_indices(values, 2)
    assert ours.first == pytest.approx(theirs.first_order.ravel(), abs=1e-9)
    assert ours.total == pytest.approx(theirs.total_order.ravel(), abs=1e-9)


def test_b10_wilson_interval_of_a_rare_event():
    assert wilson_interval(3, 200)[1:] == pytest.approx((0.005114237793, 0.04316572879), rel=1e-9)
    assert wilson_interval(0, 200)[1:] == pytest.approx((0.0, 0.01884532638), rel=1e-9)


def test_b11_common_random_numbers_shrink_the_error_of_a_difference():
    assert error_of_difference(10.0, 0.0, 400) == pytest.approx(0.7071067812, rel=1e-9)
    assert error_of_difference(10.0, 0.9, 400) == pytest.approx(0.2236067977, rel=1e-9)
    rng = np.random.default_rng(0)
    shared = rng.normal(0.0, np.sqrt(90.0), (4000, 400))
    first, second = (shared + rng.normal(0.0, np.sqrt(10.0), shared.shape) for _ in range(2))
    spread = (first - second).mean(axis=1).std()
    assert spread == pytest.approx(0.2236, rel=0.03)


def test_b12_runs_of_saltellis_design():
    assert saltelli_runs(8, 1024) == 10_240
    assert saltelli_runs(8, 1024, second_order=True) == 18_432


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values):
    adjusted = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    assert min(adjusted) == pytest.approx(min(1.0, len(p_values) * min(p_values)))


def test_a_t_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = sum(low <= 3.0 <= high for _, low, high in (t_interval(rng.normal(3, 2, 7)) for _ in range(2000)))
    assert 0.935 < hits / 2000 < 0.965


def test_a_paired_difference_leaves_out_pairs_with_a_gap():
    found = paired_difference([1.0, 2.0, np.nan, 5.0], [0.5, 1.0, 3.0, np.nan])
    assert found.pairs == 2
    assert found.student.value == 0.75
    assert paired_difference([1.0, 1.0], [1.0, 1.0]).p_value == 1.0


def test_the_paths_that_a_pilot_asks_for_reach_the_half_width():
    pilot = np.random.default_rng(2).normal(0.0, 5.0, 30)
    n = paths_needed(pilot, 0.8)
    for count, reaches in ((n, True), (n - 1, False)):
        half = stats.t.ppf(0.975, count - 1) * pilot.std(ddof=1) / np.sqrt(count)
        assert (half <= 0.8) == reaches


def test_tails_of_a_known_law():
    losses = np.random.default_rng(4).exponential(1.0, 20_000)
    risk, shortfall = value_at_risk(losses, 0.95), expected_shortfall(losses, 0.95)
    assert risk.low < -np.log(0.05) < risk.high
    assert shortfall.low < 1.0 - np.log(0.05) < shortfall.high


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_no_row_of_a_front_is_beaten_and_every_other_row_is(rows):
    costs = np.array(rows, float)
    front = set(pareto_front(costs).tolist())
    for i, row in enumerate(costs):
        beaten = any((other <= row).all() and (other < row).any() for other in costs)
        assert beaten == (i not in front)
    assert knee(costs) in front
