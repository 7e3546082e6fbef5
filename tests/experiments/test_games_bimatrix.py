"""Equilibria of games whose equilibria are known, and of random games against nashpy."""

from __future__ import annotations

import nashpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.experiments.games.solvers.bimatrix import support_enumeration


def rounded(equilibria) -> set[tuple[tuple[float, ...], tuple[float, ...]]]:
    return {
        (tuple((np.round(row, 6) + 0.0).tolist()), tuple((np.round(column, 6) + 0.0).tolist()))
        for row, column in equilibria
    }


def test_prisoners_dilemma_has_only_mutual_defection():
    payoffs = np.array([[3.0, 0.0], [5.0, 1.0]])
    solution = support_enumeration(payoffs, payoffs.T)
    assert rounded(solution.equilibria) == {((0.0, 1.0), (0.0, 1.0))}
    assert not solution.degenerate


def test_hawk_dove_mixes_at_value_over_cost():
    """CASES G19: V = 4, C = 6, so hawks are two thirds; beside it the two pure asymmetric equilibria."""
    value, cost = 4.0, 6.0
    payoffs = np.array([[(value - cost) / 2, value], [0.0, value / 2]])
    solution = support_enumeration(payoffs, payoffs.T)
    hawks = 0.6666666667
    assert rounded(solution.equilibria) == {
        ((1.0, 0.0), (0.0, 1.0)),
        ((0.0, 1.0), (1.0, 0.0)),
        ((round(hawks, 6), round(1 - hawks, 6)),) * 2,
    }
    assert not solution.degenerate


def test_matching_pennies_has_one_equilibrium_and_it_is_even():
    pennies = np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert rounded(support_enumeration(pennies, -pennies).equilibria) == {((0.5, 0.5), (0.5, 0.5))}


def test_players_may_have_different_numbers_of_strategies():
    """A 3 x 2 game of von Stengel (2002), example 2.1, with its three equilibria."""
    row = np.array([[3.0, 3.0], [2.0, 5.0], [0.0, 6.0]])
    column = np.array([[3.0, 2.0], [2.0, 6.0], [3.0, 1.0]])
    third = round(1 / 3, 6)
    assert rounded(support_enumeration(row, column).equilibria) == {
        ((1.0, 0.0, 0.0), (1.0, 0.0)),
        ((0.8, 0.2, 0.0), (round(2 / 3, 6), third)),
        ((0.0, third, round(2 / 3, 6)), (third, round(2 / 3, 6))),
    }


def test_degenerate_game_gives_the_ends_of_its_continuum():
    """Row does not care if column plays left: every mix of row down to 1/2 of the top meets left.

    Column prefers left if row plays the top with at least 1/2. The ends of that segment are extreme
    equilibria, and (bottom, right) is one more.
    """
    row = np.array([[1.0, 0.0], [1.0, 2.0]])
    column = np.array([[1.0, 0.0], [0.0, 1.0]])
    solution = support_enumeration(row, column)
    assert solution.degenerate
    assert rounded(solution.equilibria) == {
        ((1.0, 0.0), (1.0, 0.0)),
        ((0.5, 0.5), (1.0, 0.0)),
        ((0.0, 1.0), (0.0, 1.0)),
    }


def test_where_nothing_matters_every_pure_pair_is_an_equilibrium():
    solution = support_enumeration(np.full((2, 3), 7.0), np.zeros((2, 3)))
    assert len(solution.equilibria) == 6
    assert solution.degenerate


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 4))
def test_random_games_have_the_equilibria_that_nashpy_finds_at_the_vertices(seed, m, n):
    """Continuous random payoffs are non-degenerate, so both lists are complete, and odd in number.

    Another algorithm on purpose; nashpy's own support enumeration compares payoffs exactly and so
    misses some mixed equilibria.
    """
    row, column = np.random.default_rng(seed).normal(size=(2, m, n))
    solution = support_enumeration(row, column)
    assert rounded(solution.equilibria) == rounded(nashpy.Game(row, column).vertex_enumeration())
    assert len(solution.equilibria) % 2 == 1
    assert not solution.degenerate


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 2), min_size=18, max_size=18))
def test_every_answer_is_an_equilibrium_and_there_is_one_even_in_degenerate_games(entries):
    row, column = np.array(entries, float).reshape(2, 3, 3)
    solution = support_enumeration(row, column)
    assert solution.equilibria
    for x, y in solution.equilibria:
        assert x.sum() == pytest.approx(1.0)
        assert (row @ y).max() - x @ row @ y < 1e-9
        assert (x @ column).max() - x @ column @ y < 1e-9


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e9), st.floats(-1e6, 1e6))
def test_units_of_payoffs_do_not_matter(seed, scale, shift):
    row, column = np.random.default_rng(seed).normal(size=(2, 2, 3))
    plain = support_enumeration(row, column).equilibria
    scaled = support_enumeration(row * scale + shift * scale, column).equilibria
    assert len(plain) == len(scaled)
    for one, other in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(np.concatenate(one), np.concatenate(other), atol=1e-5)


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ([[1.0, 2.0]], [[1.0], [2.0]], "one shape"),
        ([[np.nan]], [[1.0]], "finite"),
        ([1.0], [1.0], "matrix"),
    ],
)
def test_payoffs_that_are_no_game_are_refused(row, column, words):
    with pytest.raises(ValueError, match=words):
        support_enumeration(row, column)
