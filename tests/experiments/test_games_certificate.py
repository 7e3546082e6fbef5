"""Measured games: intervals, covariances, regret certificates and dominated strategies."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.experiments.games.answers import pure_profiles, solve
from liquidarium.experiments.games.certificate import certify, certify_exactly, regret_interval
from liquidarium.experiments.games.dominance import dominated_strategies
from liquidarium.experiments.games.empirical_game import EmpiricalGame
from liquidarium.experiments.games.mixed_profile import MixedProfile
from liquidarium.experiments.games.profiles import GameError, ProfileSpace, Role

HAWK_DOVE = np.array([[-1.0, 4.0], [0.0, 2.0]])
DILEMMA = np.array([[3.0, 0.0], [5.0, 1.0]])
FIRST, SECOND = np.eye(2)


def measured(payoffs, noise: float, n: int = 30, seed: int = 0) -> EmpiricalGame:
    """Return samples around known payoffs, with mean exactly there."""
    draws = np.random.default_rng(seed).normal(0.0, noise, (n, 2, 2))
    return EmpiricalGame.two_players(("hawk", "dove"), payoffs + draws - draws.mean(axis=0))


def pair(game: EmpiricalGame, row, column) -> MixedProfile:
    return MixedProfile(game.space, (np.array([row, column]),))


def regret(payoffs, row, column) -> float:
    game = measured(payoffs, 0.0)
    return certify_exactly(game.mean, pair(game, row, column)).regret


def test_regret_is_zero_at_the_mixed_equilibrium_and_two_where_both_are_doves():
    """CASES G19: a hawk among doves wins V = 4 instead of V / 2 = 2."""
    mixed = np.array([2 / 3, 1 / 3])
    assert regret(HAWK_DOVE, mixed, mixed) == pytest.approx(0.0, abs=1e-12)
    assert regret(HAWK_DOVE, SECOND, SECOND) == pytest.approx(2.0)


def test_regret_counts_the_player_who_gains_most_in_either_seat():
    assert regret(DILEMMA, FIRST, SECOND) == pytest.approx(1.0)
    assert regret(DILEMMA, SECOND, FIRST) == pytest.approx(1.0)
    assert regret(DILEMMA, SECOND, SECOND) == 0.0


def test_regret_of_an_asymmetric_mixture_of_three_players_is_that_of_listing_all_profiles():
    rng = np.random.default_rng(8)
    space = ProfileSpace([Role("bot", 3, ("a", "b"))])
    game = EmpiricalGame(space, rng.normal(size=(2, space.size)))
    mixes = np.array([[0.3, 0.7], [0.9, 0.1], [1.0, 0.0]])
    table = game.mean.tables[0]
    worst = 0.0
    for i in range(3):
        j, k = (p for p in range(3) if p != i)
        values = np.zeros(2)
        for a in range(2):
            for b in range(2):
                faced = np.bincount([a, b], minlength=2)
                values += mixes[j, a] * mixes[k, b] * table[:, space.index(0, faced)]
        worst = max(worst, values.max() - values @ mixes[i])
    assert certify_exactly(game.mean, MixedProfile(space, (mixes,))).regret == pytest.approx(worst)


def test_dominant_strategy_is_called_equilibrium_and_cooperation_is_not():
    (best, *others), _ = solve(measured(DILEMMA, 0.2))
    assert best.certificate.verdict == "equilibrium"
    assert best.play.mixture.tolist() == [0.0, 1.0]
    assert best.certificate.interval == (0.0, 0.0)
    assert best.frequency == 1.0
    assert len(others) == 2
    for answer in others:
        assert answer.certificate.verdict == "not an equilibrium"
        assert answer.certificate.interval[0] > 0


def test_few_noisy_seeds_do_not_settle_the_matter():
    answers, _ = solve(measured(DILEMMA, 8.0, n=6))
    assert {answer.certificate.verdict for answer in answers} == {"possible equilibrium"}


def test_regret_interval_of_a_mixed_equilibrium_holds_zero():
    answers, _ = solve(measured(HAWK_DOVE, 0.5))
    (mixed,) = [a for a in answers if a.play.is_symmetric and np.count_nonzero(a.play.mixture) == 2]
    assert mixed.play.mixture[0] == pytest.approx(2 / 3)
    assert mixed.certificate.regret == pytest.approx(0.0, abs=1e-12)
    assert mixed.certificate.interval[0] == 0.0
    assert mixed.certificate.verdict != "not an equilibrium"


def test_mirrored_profiles_are_listed_once():
    answers, _ = solve(measured(HAWK_DOVE, 0.1))
    assert len(answers) == 4  # mixed, hawk/dove, both hawk, both dove


def test_asymmetric_pure_equilibria_of_many_players_are_listed_too():
    """Five in hawk-dove against everybody: three hawks and two doves, where nobody gains by changing."""
    space = ProfileSpace([Role("player", 5, ("hawk", "dove"))])
    payoffs = np.concatenate([space.opponents[0] @ row / 4 for row in HAWK_DOVE])
    game = EmpiricalGame(space, np.tile(payoffs, (3, 1)))
    answers, _ = solve(game)
    assert [a.play.mixes[0].sum(axis=0).round(4).tolist() for a in answers] == [[3.3333, 1.6667], [3.0, 2.0]]
    held = [p for p in pure_profiles(space) if certify_exactly(game.mean, p).verdict == "equilibrium"]
    assert [p.mixes[0].sum(axis=0).tolist() for p in held] == [[3.0, 2.0]]


@pytest.mark.parametrize("players", [2, 4])
def test_regret_interval_covers_the_true_regret_about_as_often_as_it_says(players):
    """All dove in hawk-dove, true regret 2: 95 % intervals from 20 seeds, 150 times."""
    space = ProfileSpace([Role("player", players, ("hawk", "dove"))])
    payoffs = np.concatenate([space.opponents[0] @ row / (players - 1) for row in HAWK_DOVE])
    profile = MixedProfile.symmetric(space, SECOND)
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(150):
        game = EmpiricalGame(space, payoffs + rng.normal(0.0, 1.0, (20, space.size)))
        (certificate,) = certify(game, [profile], rng)
        hits += certificate.interval[0] <= 2.0 <= certificate.interval[1]
    assert hits >= 135


def test_profiles_sampled_more_often_narrow_the_interval():
    """Unequal numbers of samples: the bootstrap's spread of a mean is that of its own samples."""
    space = ProfileSpace([Role("player", 2, ("a", "b"))])
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(400, space.size))
    counts = np.array([400, 25, 100])
    game = EmpiricalGame(space, samples, counts)
    resampled = game.resampled_payoffs(4000, np.random.default_rng(3))
    for entry in range(space.size):
        n = counts[space.profile[entry]]
        own = samples[:n, entry]
        assert game.mean.payoffs[entry] == pytest.approx(own.mean())
        assert resampled[:, entry].std() == pytest.approx(own.std(ddof=1) / np.sqrt(n), rel=0.15)
    direct = game.resampled_values(np.eye(space.size), 4000, np.random.default_rng(3))
    np.testing.assert_allclose(direct, resampled, atol=1e-12)


def test_covariance_of_means_is_that_of_what_samples_share():
    """Two payoffs with common draws, 30 and 10 samples: cov(mean, mean) = cov / 30."""
    space = ProfileSpace([Role("player", 2, ("a", "b"))])
    noise = np.random.default_rng(5).normal(size=(30, 1))
    counts = np.array([30, 10, 10])
    game = EmpiricalGame(space, np.tile(noise, (1, space.size)), counts)
    cov = game.covariance()
    first = int(np.flatnonzero(space.profile == 0)[0])
    other = int(np.flatnonzero(space.profile == 1)[0])
    assert cov[first, first] == pytest.approx(noise.var(ddof=1) / 30)
    assert cov[other, other] == pytest.approx(noise[:10].var(ddof=1) / 10)
    assert cov[first, other] == pytest.approx(noise[:10].var(ddof=1) / 30)
    np.testing.assert_allclose(cov, cov.T)
    np.testing.assert_allclose(game.covariance([first]), [[cov[first, first]]])


def test_payoff_intervals_are_students():
    """Three samples 1, 2, 3: t quantile 4.303 with 2 degrees of freedom, error 1 / sqrt(3)."""
    game = EmpiricalGame.two_players(("only",), np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1))
    np.testing.assert_allclose(game.intervals(0.95)[0], 2 + np.array([-1, 1]) * 4.302653 / 3**0.5, rtol=1e-6)


def test_resampling_keeps_pairs_together_and_has_the_variance_of_a_mean():
    noise = np.random.default_rng(5).normal(size=12)
    game = EmpiricalGame.two_players(("a", "b"), np.tile(noise[:, None, None], (1, 2, 2)))
    means = game.resampled_payoffs(20_000, np.random.default_rng(6))
    np.testing.assert_allclose(means[:, 0], means[:, 3])
    assert means[:, 0].var() == pytest.approx(noise.var(ddof=1) / 12, rel=0.05)


def test_measured_payoffs_cannot_be_changed():
    samples = np.zeros((2, 1, 1))
    game = EmpiricalGame.two_players(("only",), samples)
    samples += 1.0
    assert game.mean.payoffs[0] == 0.0
    for array in (game.samples, game.counts, game.mean.payoffs):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_dominated_strategy_is_named_with_what_dominates_it_and_how_surely():
    (found,) = dominated_strategies(measured(DILEMMA, 0.2))
    assert found.strategy == "player.hawk"  # cooperation
    assert found.by == {"dove": 1.0}
    assert found.margin == pytest.approx(1.0)
    assert 0 < found.interval[0] < 1.0 < found.interval[1]
    (unsure,) = dominated_strategies(measured(DILEMMA, 8.0, n=6))
    assert unsure.interval[0] < 0
    assert dominated_strategies(measured(HAWK_DOVE, 0.1)) == []


def test_strategy_that_only_a_mixture_dominates_is_found():
    """The third earns 1 always; half of each of the others earns 1.5 always."""
    payoffs = np.array([[3.0, 0.0, 1.5], [0.0, 3.0, 1.5], [1.0, 1.0, 1.0]])
    (found,) = dominated_strategies(EmpiricalGame.two_players(("a", "b", "c"), np.tile(payoffs, (4, 1, 1))))
    assert found.strategy == "player.c"
    assert found.by == pytest.approx({"a": 0.5, "b": 0.5})
    assert found.margin == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("strategies", "samples", "words"),
    [
        (("a", "b"), np.zeros((3, 2, 1)), "shape"),
        (("a",), np.zeros((1, 1, 1)), "at least 2"),
        (("a", "a"), np.zeros((3, 2, 2)), "distinct"),
        (("a",), np.full((3, 1, 1), np.nan), r"finite: that of player\.a in 2 player\.a is nan in sample 0"),
    ],
)
def test_samples_that_are_no_game_are_refused(strategies, samples, words):
    with pytest.raises(GameError, match=words):
        EmpiricalGame.two_players(strategies, samples)


def test_numbers_of_samples_must_leave_strata():
    space = ProfileSpace([Role("player", 2, ("a", "b"))])
    with pytest.raises(GameError, match="differ by 2"):
        EmpiricalGame(space, np.zeros((6, space.size)), np.array([6, 5, 6]))


def test_level_of_an_interval_is_a_share():
    with pytest.raises(GameError, match="level = 95"):
        regret_interval(np.zeros((10, 2)), 95)
