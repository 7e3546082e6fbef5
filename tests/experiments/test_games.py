"""Measured games: intervals, regret, verdicts, and the simulation of profiles."""

from __future__ import annotations

import json

import numpy as np
import pytest
from liquidarium.experiments.games import liquidation_game
from liquidarium.experiments.games.empirical import EmpiricalGame
from liquidarium.experiments.games.liquidation_game import PLAYERS, profit_usd
from liquidarium.experiments.games.quick import GAMES, play
from liquidarium.experiments.games.regret import candidates, judge, regret, regret_interval
from liquidarium.experiments.games.support_enumeration import MixedProfile
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError

HAWK_DOVE = np.array([[-1.0, 4.0], [0.0, 2.0]])
DILEMMA = np.array([[3.0, 0.0], [5.0, 1.0]])
FIRST, SECOND = np.eye(2)

SMALL = ("clock.duration_s=1800", "borrowers.count=80", "flow.orders_per_block=5")


def measured(payoffs, noise: float, n: int = 30, seed: int = 0) -> EmpiricalGame:
    """Return samples around known payoffs, with mean exactly there."""
    draws = np.random.default_rng(seed).normal(0.0, noise, (n, 2, 2))
    return EmpiricalGame(("hawk", "dove"), payoffs + draws - draws.mean(axis=0))


def judged(game: EmpiricalGame):
    return judge(game, candidates(game), np.random.default_rng(1))


def test_regret_is_zero_at_the_mixed_equilibrium_and_two_where_both_are_doves():
    """CASES G19: a hawk among doves wins V = 4 instead of V / 2 = 2."""
    mixed = np.array([2 / 3, 1 / 3])
    assert regret(HAWK_DOVE, MixedProfile(mixed, mixed)) == pytest.approx(0.0, abs=1e-12)
    assert regret(HAWK_DOVE, MixedProfile(SECOND, SECOND)) == pytest.approx(2.0)


def test_regret_counts_the_player_who_gains_most_in_either_seat():
    assert regret(DILEMMA, MixedProfile(FIRST, SECOND)) == pytest.approx(1.0)
    assert regret(DILEMMA, MixedProfile(SECOND, FIRST)) == pytest.approx(1.0)
    assert regret(DILEMMA, MixedProfile(SECOND, SECOND)) == 0.0


def test_regret_of_many_games_at_once_is_that_of_each():
    games = np.random.default_rng(3).normal(size=(5, 2, 2))
    profile = MixedProfile(np.array([0.3, 0.7]), FIRST)
    np.testing.assert_allclose(regret(games, profile), [regret(game, profile) for game in games])


def test_dominant_strategy_is_called_equilibrium_and_cooperation_is_not():
    best, *others = judged(measured(DILEMMA, 0.2))
    assert best.verdict == "equilibrium"
    assert best.profile.row.tolist() == best.profile.column.tolist() == [0.0, 1.0]
    assert best.regret_interval_usd == (0.0, 0.0)
    assert best.frequency == 1.0
    assert len(others) == 2
    for answer in others:
        assert answer.verdict == "not an equilibrium"
        assert answer.regret_interval_usd[0] > 0


def test_few_noisy_seeds_do_not_settle_the_matter():
    for answer in judged(measured(DILEMMA, 8.0, n=6)):
        assert answer.verdict == "possible equilibrium"


def test_regret_interval_of_a_mixed_equilibrium_holds_zero():
    answers = judged(measured(HAWK_DOVE, 0.5))
    (mixed,) = [a for a in answers if np.count_nonzero(a.profile.row) == 2]
    assert mixed.profile.row[0] == pytest.approx(2 / 3)
    assert mixed.regret_usd == pytest.approx(0.0, abs=1e-12)
    assert mixed.regret_interval_usd[0] == 0.0
    assert mixed.verdict != "not an equilibrium"


def test_mirrored_profiles_are_listed_once():
    listed = candidates(measured(HAWK_DOVE, 0.1))
    assert len(listed) == 4  # mixed, hawk/dove, both hawk, both dove


def test_regret_interval_covers_the_true_regret_about_as_often_as_it_says():
    """Both dove in hawk-dove, true regret 2: 95 % intervals from 20 seeds, 200 times."""
    profile = MixedProfile(SECOND, SECOND)
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(200):
        game = EmpiricalGame(("hawk", "dove"), HAWK_DOVE + rng.normal(0.0, 1.0, (20, 2, 2)))
        low, high = regret_interval(game.resampled(1000, rng), profile)
        hits += low <= 2.0 <= high
    assert hits >= 180


def test_payoff_intervals_are_students():
    """Three samples 1, 2, 3: t quantile 4.303 with 2 degrees of freedom, error 1 / sqrt(3)."""
    game = EmpiricalGame(("only",), np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1))
    np.testing.assert_allclose(
        game.intervals(0.95)[0, 0], 2 + np.array([-1, 1]) * 4.302653 / 3**0.5, rtol=1e-6
    )


def test_resampling_keeps_pairs_together_and_has_the_variance_of_a_mean():
    noise = np.random.default_rng(5).normal(size=12)
    game = EmpiricalGame(("a", "b"), np.tile(noise[:, None, None], (1, 2, 2)))
    means = game.resampled(20_000, np.random.default_rng(6))
    np.testing.assert_allclose(means[:, 0, 0], means[:, 1, 1])
    assert means[:, 0, 0].var() == pytest.approx(noise.var(ddof=1) / 12, rel=0.05)


def test_measured_payoffs_cannot_be_changed():
    samples = np.zeros((2, 1, 1))
    game = EmpiricalGame(("only",), samples)
    samples += 1.0
    assert game.payoffs[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        game.samples[0, 0, 0] = 1.0


@pytest.mark.parametrize(
    ("strategies", "samples", "words"),
    [
        (("a", "b"), np.zeros((3, 2, 1)), "shape"),
        (("a",), np.zeros((1, 1, 1)), "at least 2"),
        (("a", "a"), np.zeros((3, 2, 2)), "distinct"),
        (("a",), np.full((3, 1, 1), np.nan), "finite"),
    ],
)
def test_samples_that_are_no_game_are_refused(strategies, samples, words):
    with pytest.raises(ValueError, match=words):
        EmpiricalGame(strategies, samples)


def test_profits_of_the_players_add_up_to_what_the_run_says_liquidators_earned():
    """Gas of failed calls included: the summary takes it from the world, the game from the bids."""
    result = run(GAMES["quick"].profile_scenario("patient", "aggressive", SMALL), seed=1)
    assert len(result.liquidations) > 0
    assert not result.bids.executed.all()
    assert sum(profit_usd(result, player) for player in PLAYERS) == pytest.approx(
        result.summary["liquidator_profit_usd"]
    )


def test_players_differ_only_in_strategy():
    scenario = GAMES["quick"].profile_scenario("patient", "aggressive")
    first, second = (agent for agent in scenario.agents if agent.name in PLAYERS)
    assert first.parameters != second.parameters
    left_out = {"name", "parameters"}
    assert first.model_dump(exclude=left_out) == second.model_dump(exclude=left_out)
    assert {agent.kind for agent in scenario.agents} == {"liquidator", "maker"}


def test_symmetric_reduction_needs_each_count_of_strategies_once(monkeypatch):
    """Seat and seed are coded in the payoffs, so each sample shows where it came from."""
    code = {"patient": 1.0, "aggressive": 2.0}
    shares = {values["bid_share"]: name for name, values in GAMES["quick"].strategies.items()}
    played = []

    def stand_in(scenario, seed):
        pair = [shares[a.parameters["bid_share"]] for a in scenario.agents if a.name in PLAYERS]
        played.append((*pair, seed))
        return pair, seed

    def payoff(result, player):
        pair, seed = result
        seat = PLAYERS.index(player)
        return 1000.0 * seed + 100.0 * seat + 10.0 * code[pair[seat]] + code[pair[1 - seat]]

    monkeypatch.setattr(liquidation_game, "run", stand_in)
    monkeypatch.setattr(liquidation_game, "profit_usd", payoff)
    told = []
    game = GAMES["quick"].simulate([4, 9], lambda done, total: told.append((done, total)))
    assert sorted(played) == sorted(
        (*pair, seed)
        for seed in (4, 9)
        for pair in (("patient", "patient"), ("patient", "aggressive"), ("aggressive", "aggressive"))
    )
    assert told == [(i, 6) for i in range(1, 7)]
    # Equal strategies: mean over the seats (50); different ones: patient sits first, aggressive second.
    np.testing.assert_array_equal(game.samples[0], [[4061.0, 4012.0], [4121.0, 4072.0]])
    np.testing.assert_array_equal(game.samples[1] - game.samples[0], np.full((2, 2), 5000.0))


def test_a_game_played_twice_says_the_same_as_text_and_as_json():
    report = play("quick", [1, 2], overrides=SMALL)
    again = play("quick", [1, 2], overrides=SMALL)
    assert report.to_text() == again.to_text()
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told == again.to_dict()
    assert np.array(told["payoffs_usd"]).shape == (2, 2)
    assert {a["verdict"] for a in told["answers"]} <= {
        "equilibrium",
        "possible equilibrium",
        "not an equilibrium",
    }
    for name in ("patient", "aggressive"):
        assert f"against {name}" in report.to_text()


@pytest.mark.parametrize(
    ("name", "seeds", "words"),
    [
        ("quik", [1, 2], "did you mean 'quick'"),
        ("quick", [1], "at least 2 seeds"),
        ("quick", [1, 1], "distinct"),
    ],
)
def test_a_game_that_cannot_be_played_is_refused(name, seeds, words):
    with pytest.raises(ScenarioError, match=words):
        play(name, seeds)
