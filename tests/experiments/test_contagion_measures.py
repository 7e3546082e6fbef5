"""Cascades, centralities and concentration beyond the numeric cases."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.experiments.contagion import (
    branching_ratio,
    critical_shock,
    eigenvector_centrality,
    gini,
    herfindahl,
    katz_centrality,
    portfolio_overlap,
    spectral_radius,
    strength,
    total_cascade,
    wall_of_loans,
)
from liquidarium.experiments.contagion.measures.cascade import Wall
from scipy import sparse


def even_wall(per_unit_usd, start, end, n=4_000):
    """Sales spread evenly between two falls, `per_unit_usd` per unit of fall."""
    falls = np.linspace(start, end, n, endpoint=False)
    return Wall(falls, np.full(n, per_unit_usd * (end - start) / n))


def test_loan_enters_the_wall_where_its_health_reaches_one():
    wall = wall_of_loans([100.0, 100.0, 100.0], [60.0, 0.0, 90.0], 0.8, bonus=0.1, close_factor=0.5)
    assert wall.falls == pytest.approx([0.0, 1 - 60 / 80])
    assert wall.sales_usd == pytest.approx([0.5 * 90 * 1.1, 0.5 * 60 * 1.1])
    assert wall.sold_usd([0.1, 0.3]).tolist() == pytest.approx([49.5, 82.5])


def test_critical_shock_is_where_the_slope_meets_the_inverse_of_impact():
    gentle, steep = even_wall(100.0, 0.0, 0.2), even_wall(1_000.0, 0.2, 0.4)
    wall = Wall(
        np.concatenate([gentle.falls, steep.falls]), np.concatenate([gentle.sales_usd, steep.sales_usd])
    )
    assert critical_shock(wall, 1 / 500, bandwidth=0.01) == pytest.approx(0.2, abs=0.01)
    assert critical_shock(wall, 1 / 50, bandwidth=0.01) == pytest.approx(0.0, abs=0.01)
    assert critical_shock(wall, 1 / 2_000, bandwidth=0.01) is None
    assert branching_ratio(wall, [0.1, 0.3], 1 / 500, 0.01) == pytest.approx([0.2, 2.0], rel=0.01)


def test_shock_settles_at_the_geometric_series_below_the_critical_point():
    wall, impact = even_wall(100.0, 0.1, 0.9), 1 / 200
    fall, sold = wall.settle(0.2, impact)
    first = 0.1 * 100.0
    assert sold == pytest.approx(total_cascade(first, 0.5), rel=0.01)
    assert fall == pytest.approx(0.2 + impact * sold)


def test_shock_above_the_critical_point_runs_to_the_end_of_the_wall():
    wall = even_wall(100.0, 0.1, 0.5)
    below, above = (wall.settle(0.15, impact)[1] for impact in (1 / 200, 1 / 90))
    assert below == pytest.approx(10.0, rel=0.02)
    assert above == pytest.approx(40.0, rel=0.01)
    assert total_cascade(1.0, 1.2) == math.inf


@given(st.floats(0, 0.5), st.floats(0, 0.02))
def test_settled_fall_is_a_fixed_point(shock, impact):
    wall = even_wall(100.0, 0.1, 0.5, 50)
    fall, sold = wall.settle(shock, impact)
    assert fall == pytest.approx(min(shock + impact * float(wall.sold_usd(fall)), 1.0))
    assert sold == pytest.approx(float(wall.sold_usd(fall)))


@pytest.fixture(scope="module")
def club():
    return nx.karate_club_graph()


def test_eigenvector_and_katz_agree_with_networkx(club):
    matrix = nx.to_scipy_sparse_array(club, weight="weight")
    expected = nx.eigenvector_centrality_numpy(club, weight="weight")
    assert eigenvector_centrality(matrix) == pytest.approx([expected[k] for k in club], rel=1e-8)
    alpha = 0.85 / spectral_radius(matrix)
    expected = nx.katz_centrality_numpy(club, alpha=alpha, weight="weight")
    ours = katz_centrality(matrix)
    assert ours / np.linalg.norm(ours) == pytest.approx([expected[k] for k in club], rel=1e-8)


def test_direction_counts_edges_that_arrive():
    matrix = [[0, 1.0, 0], [1.0, 0, 5.0], [0, 0, 0]]
    assert strength(matrix).inward.tolist() == [1, 1, 5]
    assert strength(matrix).outward.tolist() == [1, 6, 0]
    assert katz_centrality(matrix).argmax() == 2
    assert katz_centrality([[0, 1.0], [0, 0]], alpha=0.5).tolist() == [1.0, 1.5]


def test_spectral_radius_of_a_large_sparse_matrix_is_that_of_the_dense_one():
    rng = np.random.default_rng(2)
    matrix = sparse.random_array((400, 400), density=0.02, rng=rng).tocsr()
    dense = np.abs(np.linalg.eigvals(matrix.toarray())).max()
    assert spectral_radius(matrix) == pytest.approx(dense, rel=1e-6)
    ring = sparse.csr_array((np.full(400, 0.7), (np.arange(400), (np.arange(400) + 1) % 400)))
    assert spectral_radius(ring) == pytest.approx(0.7, rel=1e-6), "all eigenvalues lie on a circle"


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=30))
def test_gini_is_the_mean_difference(values):
    x = np.array(values, dtype=float)
    expected = np.abs(x[:, None] - x).mean() / (2 * x.mean())
    assert gini(x) == pytest.approx(expected, abs=1e-12)
    assert 1 / len(x) - 1e-12 <= herfindahl(x) <= 1.0


def test_overlap_is_one_for_the_same_mix_and_zero_for_nothing_in_common():
    overlap = portfolio_overlap([[1.0, 1.0, 0], [10.0, 10.0, 0], [0, 0, 3.0], [0, 0, 0]])
    assert overlap[0, 1] == pytest.approx(1.0)
    assert overlap[0, 2] == overlap[3, 0] == overlap[3, 3] == 0.0
