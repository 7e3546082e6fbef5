"""Count profiles: how many there are, where payoffs lie, and what a reduction keeps."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from liquidarium.experiments.games.count_game import CountGame
from liquidarium.experiments.games.profiles import GameError, ProfileSpace, Role, reductions


def names(k: int) -> tuple[str, ...]:
    return tuple(f"s{i}" for i in range(k))


@pytest.mark.parametrize(("n", "k"), [(1, 3), (2, 2), (5, 6), (7, 3)])
def test_symmetric_game_has_one_profile_for_each_count_of_strategies(n, k):
    space = ProfileSpace([Role("bot", n, names(k))])
    assert len(space.simulated) == math.comb(n + k - 1, n)
    assert (space.simulated.sum(axis=1) == n).all()
    assert space.size == k * math.comb(n + k - 2, n - 1)
    assert (space.simulated[space.profile, space.column] >= 1).all()
    # As many opponents' profiles, in order of who is who, as there are in all.
    assert space.ways[0].sum() == pytest.approx(k ** (n - 1))


def test_role_symmetric_game_multiplies_the_counts_of_its_roles():
    space = ProfileSpace([Role("fast", 2, names(2)), Role("slow", 3, names(3))])
    assert len(space.simulated) == 3 * 10
    assert space.size == 2 * (2 * 10) + 3 * (3 * 6)


def test_deviation_payoffs_are_those_of_every_player_listed_one_by_one():
    """An oracle without counts: sum over all 3 x 3 x 2 x 2 pure profiles of two roles."""
    rng = np.random.default_rng(4)
    space = ProfileSpace([Role("fast", 2, names(3)), Role("slow", 2, names(2))])
    game = CountGame(space, rng.normal(size=space.size))
    mixture = np.array([0.2, 0.5, 0.3, 0.6, 0.4])
    expected = np.zeros(5)
    for own in range(3):
        for mate, a, b in itertools.product(range(3), range(2), range(2)):
            faced = np.zeros(5, int)
            for column in (mate, 3 + a, 3 + b):
                faced[column] += 1
            weight = mixture[mate] * mixture[3 + a] * mixture[3 + b]
            expected[own] += weight * game.tables[0][own, space.index(0, faced)]
    for own in range(2):
        for mate, a, b in itertools.product(range(2), range(3), range(3)):
            faced = np.zeros(5, int)
            for column in (3 + mate, a, b):
                faced[column] += 1
            weight = mixture[3 + mate] * mixture[a] * mixture[b]
            expected[3 + own] += weight * game.tables[1][own, space.index(1, faced)]
    np.testing.assert_allclose(game.deviation_payoffs(mixture), expected, rtol=1e-12)
    np.testing.assert_allclose(game.deviation_payoffs(np.array([mixture] * 3)), [expected] * 3, rtol=1e-12)


def test_reduction_keeps_what_a_single_deviator_does_to_everybody_else():
    """Wiedenbeck and Wellman (2012): of 9 players reduced to 3, each opponent stands for four."""
    space = ProfileSpace([Role("bot", 9, ("a", "b"))], [3])
    pairs = {tuple(row) for row in space.simulated.tolist()}
    assert pairs == {(9, 0), (8, 1), (5, 4), (4, 5), (1, 8), (0, 9)}
    assert (space.simulated.sum(axis=1) == 9).all()


def test_reduction_to_all_players_is_no_reduction():
    role = Role("bot", 4, names(3))
    whole, same = ProfileSpace([role]), ProfileSpace([role], [4])
    assert not same.is_reduced
    np.testing.assert_array_equal(whole.simulated, same.simulated)


def test_reductions_are_those_that_divide_the_opponents():
    assert reductions(Role("bot", 9, names(2)), alone=True) == [2, 3, 5, 9]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Role("bot", 2, ()), r"roles\.bot has no strategies"),
        (lambda: Role("bot", 0, ("a",)), r"roles\.bot\.players = 0; allowed: 1 or more"),
        (lambda: Role("bot", 2, ("a", "a")), "distinct"),
        (lambda: ProfileSpace([]), "a role at least"),
        (lambda: ProfileSpace([Role("b", 9, ("x", "y"))], [4]), r"reduced\.b = 4; allowed .*: 2, 3, 5, 9"),
        (
            lambda: ProfileSpace([Role("bot", 101, names(8))]),
            r"27,883,218,168 count profiles .* deviation-preserving reduction, as in reduced = { bot = 6 }",
        ),
    ],
)
def test_games_that_cannot_be_are_refused(make, words):
    with pytest.raises(GameError, match=words):
        make()


def test_payoff_that_is_no_number_is_named():
    space = ProfileSpace([Role("bot", 2, ("a", "b"))])
    payoffs = np.zeros(space.size)
    payoffs[1] = np.nan
    with pytest.raises(GameError, match=r"that of bot\.a in 1 bot\.a, 1 bot\.b is not"):
        CountGame(space, payoffs)
