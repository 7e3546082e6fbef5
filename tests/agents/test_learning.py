"""Learning rules on games whose answer is known, and the learning bot in a run."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from liquidarium.agents.learners import LearningBot
from liquidarium.agents.strategies.learning import RULES, LearningLiquidator
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.scenarios.deciders import AgentConfig

OPTIONS = {"patient": {"bid_share": 0.1, "escalation": 0.0}, "aggressive": {"bid_share": 0.5}}


def repeated(rule, payoffs, rounds=20_000, seed=0):
    """Two learners meet again and again; joint frequencies of what they chose."""
    learner = LearningLiquidator(OPTIONS, rule, exploration=0.05, scale_usd=1.0)
    rng = np.random.default_rng(seed)
    scores = [np.zeros(2), np.zeros(2)]
    played = np.zeros((2, 2))
    for _ in range(rounds):
        one, two = (int(rng.random() >= learner.mixture(s)[0]) for s in scores)
        scores[0] = learner.learn(scores[0], one, payoffs[one][two])
        scores[1] = learner.learn(scores[1], two, payoffs[two][one])
        played[one, two] += 1
    return played / rounds


@pytest.mark.parametrize("rule", RULES)
def test_learners_come_to_a_dominant_strategy(rule):
    """A dilemma: outbidding is better whatever the other does, although both would rather not."""
    played = repeated(rule, [[0.5, 0.1], [0.8, 0.3]])
    assert played[1].sum() > 0.85
    assert played[:, 1].sum() > 0.85


@pytest.mark.parametrize("rule", RULES)
def test_what_learners_play_together_leaves_little_regret(rule):
    """Hawk-dove: on average nobody regrets not having always done the same (coarse correlated)."""
    payoffs = np.array([[-0.25, 1.0], [0.0, 0.5]])
    played = repeated(rule, payoffs.tolist(), 60_000, seed=1)
    earned = float((played * payoffs).sum())
    best = float((payoffs @ played.sum(axis=0)).max())
    assert best - earned < 0.08


@pytest.mark.parametrize("rule", RULES)
def test_mixtures_are_probabilities_that_never_fall_below_exploration(rule):
    learner = LearningLiquidator(OPTIONS, rule, exploration=0.2, scale_usd=100.0)
    scores = np.zeros(2)
    np.testing.assert_allclose(learner.mixture(scores), [0.5, 0.5])
    for profit in (1e6, -1e6, 50.0, 0.0) * 50:
        scores = learner.learn(scores, 0, profit)
        mixture = learner.mixture(scores)
        assert mixture.sum() == pytest.approx(1.0)
        assert mixture.min() >= 0.1 - 1e-12


def learners(rule="exp3", **parameters):
    base = load_scenario("quickstart", ["clock.duration_s=1800", "borrowers.count=200"])
    given = {"options": OPTIONS, "rule": rule, "round_s": 24.0} | parameters
    bots = [AgentConfig(kind="learner", name=f"bot-{c}", capital_usd=2e6, parameters=given) for c in "ab"]
    others = (agent for agent in base.agents if agent.kind == "maker")
    return base.model_copy(update={"agents": (*bots, *others)})


@pytest.mark.parametrize("rule", RULES)
def test_learning_bots_liquidate_and_their_rounds_add_up_to_what_they_earned(rule):
    world = LiquidationMarket(learners(rule))
    while world.running:
        world.step()
    bots = [agent for agent in world.world.deciders if isinstance(agent, LearningBot)]
    assert len(bots) == 2
    assert any(len(bot.rounds) > 2 for bot in bots)
    for bot in bots:
        times = [time for time, _, _ in bot.rounds]
        assert times == sorted(times)
        assert all(later - earlier >= 24.0 for earlier, later in pairwise(times))
        total = sum(earned for _, _, earned in bot.rounds)
        assert total == pytest.approx(bot._before_usd, abs=1e-3)  # nothing is left out between rounds


def test_runs_with_learners_repeat_to_the_byte():
    first, again = (run(learners(), seed=3).summary["content_hash"] for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"rule": "exp4"}, "rule = 'exp4'; allowed: exp3, regret-matching"),
        ({"options": {"one": {}}}, "options has 1; allowed: two or more"),
        ({"options": {"one": {}, "two": {"bid_shar": 0.1}}}, r"options\.two: .*bid_shar"),
        ({"options": {"one": {}, "two": {"bid_share": 2.0}}}, r"options\.two: bid_share must be in"),
        ({"exploration": 0.0}, "exploration = 0.0; allowed: above 0"),
        ({"round_s": -1.0}, "round_s = -1.0"),
        ({"scale_usd": 0.0}, "scale_usd = 0.0"),
        ({"rounds": 3}, r"unknown key .*rounds"),
    ],
)
def test_wrong_parameters_of_learners_are_refused(parameters, words):
    with pytest.raises(ScenarioError, match=words):
        LiquidationMarket(learners(**parameters))
