"""Solvers against games whose equilibria are known, brute force, nashpy and, where installed, pygambit."""

from __future__ import annotations

import itertools

import nashpy
import numpy as np
import pytest
from liquidarium.experiments.games.certificate import certify_exactly
from liquidarium.experiments.games.count_game import CountGame
from liquidarium.experiments.games.mixed_profile import MixedProfile
from liquidarium.experiments.games.profiles import GameError, ProfileSpace, Role
from liquidarium.experiments.games.solvers.quantal_response import quantal_path, quantal_response
from liquidarium.experiments.games.solvers.regret_matching import regret_matching
from liquidarium.experiments.games.solvers.replicator import replicator
from liquidarium.experiments.games.solvers.support_enumeration import polish, support_enumeration
from scipy.optimize import brentq

HAWK_DOVE = np.array([[-1.0, 4.0], [0.0, 2.0]])


def matrix_game(matrix, players: int = 2) -> CountGame:
    """Everybody meets everybody once; the payoff is the mean."""
    table = np.asarray(matrix, float)
    names = [f"s{i}" for i in range(len(table))]
    return CountGame.symmetric(players, names, lambda own, others: table[own] @ others / (players - 1))


def random_game(seed: int, players: int, strategies: int) -> CountGame:
    space = ProfileSpace([Role("bot", players, tuple(f"s{i}" for i in range(strategies)))])
    return CountGame(space, np.random.default_rng(seed).normal(size=space.size))


def bidding_game(players: int, strategies: int) -> CountGame:
    """Highest bid wins 1 and pays, ties share, losers pay 15 % of theirs."""
    bids = np.linspace(0.05, 0.9, strategies)

    def payoff(own, others):
        if others[own + 1 :].any():
            return -0.15 * bids[own]
        share = 1.0 / (1 + others[own])
        return share * (1 - bids[own]) - (1 - share) * 0.15 * bids[own]

    return CountGame.symmetric(players, [f"bid {b:.2f}" for b in bids], payoff)


def entry_payoff(players: int, value: float, cost: float) -> CountGame:
    def payoff(own, others):
        return value / (1 + others[0]) - cost if own == 0 else 0.0

    return CountGame.symmetric(players, ["enter", "wait"], payoff)


def same(found, expected, tolerance=1e-6) -> bool:
    return len(found) == len(expected) and all(
        any(np.abs(one - other).max() < tolerance for other in expected) for one in found
    )


@pytest.mark.parametrize("players", [2, 3, 5, 10])
def test_hawk_dove_mixes_at_value_over_cost_for_any_number_of_players(players):
    """CASES G19: V = 4, C = 6. The mean over opponents is linear, so n does not matter."""
    (mixture,) = support_enumeration(matrix_game(HAWK_DOVE, players)).mixtures
    np.testing.assert_allclose(mixture, [0.6666666667, 0.3333333333], atol=1e-10)


def test_everybody_dove_leaves_a_regret_of_two():
    """CASES G19."""
    game = matrix_game(HAWK_DOVE)
    certificate = certify_exactly(game, MixedProfile.symmetric(game.space, [0.0, 1.0]))
    assert certificate.regret == pytest.approx(2.0, rel=1e-12)
    assert certificate.nash_conv == pytest.approx(4.0)
    assert certificate.verdict == "not an equilibrium"


def test_coordination_lists_all_three_equilibria():
    """Both on the first (2), both on the second (1), and 1 / 3 against 2 / 3 between."""
    found = support_enumeration(matrix_game([[2.0, 0.0], [0.0, 1.0]])).mixtures
    assert same(found, [np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1 / 3, 2 / 3])])


def test_rock_paper_scissors_has_only_its_middle():
    solution = support_enumeration(matrix_game([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]))
    assert same(solution.mixtures, [np.full(3, 1 / 3)])


@pytest.mark.parametrize(
    ("n", "value", "cost", "enters"),
    [
        (5, 100.0, 30.0, 0.6638033068),  # CASES G01
        (5, 31.0, 30.0, 0.01639565321),  # CASES G12
        (5, 60.0, 30.0, 0.3555290009),
        (5, 150.0, 29.0, 1.0),
    ],
)
def test_entry_game_enters_as_the_closed_form_says(n, value, cost, enters):
    (mixture,) = support_enumeration(entry_payoff(n, value, cost)).mixtures
    assert mixture[0] == pytest.approx(enters, abs=1e-8)


@pytest.mark.parametrize("n", [2, 3, 8, 20])
@pytest.mark.parametrize("cost", [0.05, 0.3, 0.6, 0.9])
def test_entry_game_solves_its_equation(n, cost):
    """MODEL 3.1: (1 - (1 - p)^n) / (n p) = c / v, and everybody enters if c <= v / n."""
    (mixture,) = support_enumeration(entry_payoff(n, 1.0, cost)).mixtures
    expected = 1.0 if cost <= 1 / n else brentq(lambda p: (1 - (1 - p) ** n) / (n * p) - cost, 1e-9, 1.0)
    assert mixture[0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("players", [2, 3, 6])
def test_two_strategies_random_games_have_the_equilibria_that_a_fine_grid_shows(seed, players):
    """Brute force: ends that keep their sign, and every change of sign of the gain between."""
    game = random_game(seed, players, 2)

    def gain(p):
        values = game.deviation_payoffs(np.array([p, 1.0 - p]))
        return float(values[0] - values[1])

    grid = np.linspace(0.0, 1.0, 4001)
    gains = np.array([gain(p) for p in grid])
    expected = [np.array([p, 1 - p]) for p, good in ((0.0, gains[0] < 0), (1.0, gains[-1] > 0)) if good]
    for i in np.flatnonzero(gains[:-1] * gains[1:] < 0):
        p = brentq(gain, grid[i], grid[i + 1], xtol=1e-14)
        expected.append(np.array([p, 1.0 - p]))
    assert same(support_enumeration(game).mixtures, expected)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("players", "strategies"), [(2, 4), (3, 3), (4, 3), (5, 4)])
def test_random_symmetric_games_are_solved_without_regret(seed, players, strategies):
    """Regret by listing every profile of the others, one player at a time."""
    game = random_game(seed, players, strategies)
    found = support_enumeration(game).mixtures
    assert found  # Nash (1951): a symmetric game has a symmetric equilibrium
    table = game.tables[0]
    for mixture in found:
        values = np.zeros(strategies)
        for others in itertools.product(range(strategies), repeat=players - 1):
            faced = np.bincount(others, minlength=strategies)
            values += np.prod(mixture[list(others)]) * table[:, game.space.index(0, faced)]
        assert values.max() - values @ mixture < 1e-8
        assert mixture.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(15))
def test_two_player_games_have_the_symmetric_equilibria_of_nashpy(seed):
    game = random_game(seed, 2, 4)
    matrix = game.tables[0]
    pairs = nashpy.Game(matrix, matrix.T).vertex_enumeration()
    expected = [row for row, column in pairs if np.abs(row - column).max() < 1e-6]
    assert same(support_enumeration(game).mixtures, expected)


@pytest.mark.parametrize("seed", range(6))
def test_games_of_two_single_players_have_the_equilibria_of_nashpy(seed):
    """Two roles with one player each are a bimatrix game, 3 x 2."""
    rows, columns = np.random.default_rng(seed).normal(size=(2, 3, 2))
    game = CountGame.from_function(
        [Role("row", 1, ("a", "b", "c")), Role("column", 1, ("x", "y"))],
        lambda role, own, others: (
            rows[own, np.argmax(others[3:])] if role == 0 else columns[np.argmax(others[:3]), own]
        ),
    )
    expected = [np.concatenate(pair) for pair in nashpy.Game(rows, columns).vertex_enumeration()]
    assert same(support_enumeration(game).mixtures, expected)


@pytest.mark.parametrize(("players", "strategies"), [(3, 3), (4, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_random_symmetric_games_agree_with_pygambit(seed, players, strategies):
    """Gambit solves the polynomial equations of the whole game; its symmetric answers are ours."""
    pygambit = pytest.importorskip("pygambit")
    game = random_game(seed, players, strategies)
    table = game.tables[0]
    tensor = np.empty((players, *(strategies,) * players))
    for profile in itertools.product(range(strategies), repeat=players):
        for player, own in enumerate(profile):
            others = np.delete(profile, player)
            faced = np.bincount(others, minlength=strategies)
            tensor[(player, *profile)] = table[own, game.space.index(0, faced)]
    whole = pygambit.Game.from_arrays(*tensor)
    expected: list[np.ndarray] = []
    for answer in pygambit.nash.enumpoly_solve(whole).equilibria:
        mixes = np.array([[float(answer[s]) for s in player.strategies] for player in whole.players])
        if np.abs(mixes - mixes[0]).max() < 1e-6 and game.regret(mixes[0]) < 1e-6:
            expected.append(mixes[0])
    assert same(support_enumeration(game).mixtures, expected, 1e-5)


@pytest.mark.parametrize("size", [(3, 4), (5, 6), (10, 6)])
def test_bidding_games_are_solved_to_eight_digits(size):
    game = bidding_game(*size)
    solution = support_enumeration(game)
    assert solution.mixtures
    assert max(game.regret(mixture) for mixture in solution.mixtures) < 1e-8


def test_replicator_that_cycles_is_reported_as_failed():
    """Bidding with 3 players and 4 bids: the dynamics circle round the equilibrium for ever."""
    game = bidding_game(3, 4)
    rests = replicator(game, np.random.default_rng(0), rounds=4000)
    assert [rest.converged for rest in rests] == [False]
    certificate = certify_exactly(game, MixedProfile.symmetric(game.space, rests[0].mixture))
    assert certificate.regret > 1e-3
    assert certificate.verdict == "not an equilibrium"
    assert support_enumeration(game).mixtures  # it has one


def test_replicator_finds_the_stable_equilibria_of_coordination():
    rests = replicator(matrix_game([[2.0, 0.0], [0.0, 1.0]]), np.random.default_rng(0), starts=20)
    assert all(rest.converged for rest in rests)
    assert same([rest.mixture for rest in rests], [np.array([1.0, 0.0]), np.array([0.0, 1.0])], 1e-3)


def test_quantal_response_is_the_fixed_point_of_entry():
    """CASES G20: V 100, split if both enter, cost 60."""
    game = CountGame.symmetric(2, ["in", "out"], lambda own, others: [[-10, 40], [0, 0]][own][others[1]])
    found = quantal_response(game, [0.0, 0.05, 0.1, 1.0])[:, 0]
    np.testing.assert_allclose(found, [0.5, 0.6141253709, 0.6638765015, 0.7752374974], rtol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_every_point_of_the_quantal_path_is_a_logit_response_and_its_end_is_near_nash(seed):
    game = random_game(seed, 4, 3)
    path = quantal_path(game)
    assert path.precision[0] == 0.0
    for precision, mixture in zip(path.precision, path.mixtures, strict=True):
        values = precision * game.deviation_payoffs(mixture)
        logit = np.exp(values - values.max())
        np.testing.assert_allclose(mixture, logit / logit.sum(), atol=1e-7)
    polished = polish(game, path.mixtures[-1])
    assert polished is not None
    assert game.regret(polished) < 1e-8


def test_regret_matching_is_coarse_correlated_and_never_called_nash():
    """In the dilemma it must end at defection; in hawk-dove play may be correlated."""
    dilemma = matrix_game([[3.0, 0.0], [5.0, 1.0]])
    joint = regret_matching(dilemma, np.random.default_rng(0), rounds=2000)
    assert joint.mixture[1] > 0.95
    for game in (dilemma, matrix_game(HAWK_DOVE, 3), random_game(3, 3, 3)):
        joint = regret_matching(game, np.random.default_rng(1), rounds=4000)
        certificate = certify_exactly(game, joint, 0.05 * game.scale)
        assert certificate.verdict == "coarse correlated equilibrium"
        for part in game.space.blocks:
            assert joint.weights[part].sum() == pytest.approx(1.0)


def test_two_role_contest_of_unequal_values_stops_at_the_closed_form():
    """CASES G07: Tullock with values 100 and 50 spends 22.22222222 and 11.11111111."""
    efforts = {0: [10.0, 22.22222222, 35.0], 1: [5.0, 11.11111111, 20.0]}
    values = {0: 100.0, 1: 50.0}

    def payoff(role, own, others):
        mine = efforts[role][own]
        theirs = efforts[1 - role][int(np.argmax(others[3:] if role == 0 else others[:3]))]
        return values[role] * mine / (mine + theirs) - mine

    roles = [Role("strong", 1, ("low", "form", "high")), Role("weak", 1, ("low", "form", "high"))]
    found = support_enumeration(CountGame.from_function(roles, payoff)).mixtures
    assert same(found, [np.array([0.0, 1.0, 0.0, 0.0, 1.0, 0.0])])


def test_game_of_two_roles_with_several_players_is_solved():
    """Fast bots always win against slow ones: they enter as if alone, and slow ones find nothing."""

    def payoff(role, own, others):
        if own == 1:
            return 0.0
        fast = others[0] + (role == 0)
        if role == 0:
            return 100.0 / fast - 60.0
        return (100.0 / (others[2] + 1) if fast == 0 else 0.0) - 60.0

    roles = [Role("fast", 3, ("enter", "wait")), Role("slow", 2, ("enter", "wait"))]
    game = CountGame.from_function(roles, payoff)
    found = support_enumeration(game).mixtures
    assert found
    for mixture in found:
        assert game.regret(mixture) < 1e-7
    p = brentq(lambda p: (1 - (1 - p) ** 3) / (3 * p) - 0.6, 1e-9, 1.0)
    assert any(np.allclose(m, [p, 1 - p, 0.0, 1.0], atol=1e-8) for m in found)


def test_degenerate_game_says_so():
    assert support_enumeration(matrix_game([[1.0, 1.0], [1.0, 1.0]])).degenerate
    assert not support_enumeration(matrix_game(HAWK_DOVE)).degenerate


def test_too_many_supports_are_refused_with_another_solver():
    with pytest.raises(GameError, match=r"1,023 supports .* 'replicator'"):
        support_enumeration(random_game(0, 2, 10), max_supports=1000)
