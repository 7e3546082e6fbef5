"""Best replies outside the strategies: the search finds closed forms and stops for a reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from liquidarium.experiments.games.best_response import best_response_iteration
from liquidarium.experiments.games.profiles import GameError, Role
from liquidarium.experiments.games.sampling import sample, symmetric_equilibria
from liquidarium.experiments.games.textbook import TullockGame


def tullock(players: int, prize: float, exponent: float):
    def build(values):
        names = tuple(f"effort {value}" for value in values)
        return TullockGame(prize, tuple(values), names, players, exponent)

    return build


@pytest.mark.parametrize(
    ("players", "prize", "exponent", "effort", "profit"),
    [(4, 100.0, 1.0, 18.75, 6.25), (3, 90.0, 0.5, 10.0, 20.0)],
)
def test_search_ends_at_the_effort_of_the_closed_form(players, prize, exponent, effort, profit):
    """CASES G06. The gain is flat at its top, so an effort within 1.5 leaves a gain below epsilon."""
    history = best_response_iteration(
        tullock(players, prize, exponent),
        [3.0, 45.0], low=1.0, high=60.0, epsilon=0.03, samples=20, plays=40_000, parameter="effort",
    )  # fmt: skip
    last = history.steps[-1]
    assert history.settled
    assert float(np.dot(last.values, last.mixture)) == pytest.approx(effort, abs=1.5)
    assert last.gain_interval[0] <= 0.03
    assert history.steps[0].gain_interval[0] > 0.1  # at first something better was outside
    earned = last.mixture @ history.game.mean.deviation_payoffs(last.mixture)
    assert earned == pytest.approx(profit, abs=1.5)
    table = history.table()
    assert table["strategies"].tolist() == [2 + i for i in range(len(history.steps))]
    assert len(history.to_dict()["rounds"]) == len(history.steps)


def test_history_is_drawn(tmp_path):
    history = best_response_iteration(
        tullock(2, 100.0, 1.0), [5.0], low=1.0, high=60.0, epsilon=1.0, samples=5, plays=200, rounds=2
    )
    path = history.draw(tmp_path)
    assert path.stat().st_size > 5_000


def test_search_that_may_not_go_on_says_that_it_is_not_settled():
    history = best_response_iteration(
        tullock(4, 100.0, 1.0), [3.0], low=1.0, high=60.0, epsilon=0.1, samples=10, plays=2000, rounds=1
    )
    assert not history.settled
    assert history.steps[-1].gain_interval[0] > 0.1


@dataclass(frozen=True)
class CommonValue:
    """First-price auction for a common value, signals uniform around it, bids shaded by a shift.

    CASES G16: b(x) = x - e + 2 e / (n + 1) exp(-n (x - (lo + e)) / 2 e), here away from the edges.
    """

    shifts: tuple[float, ...]
    players: int = 4
    error: float = 10.0

    @property
    def roles(self):
        return (Role("bidder", self.players, tuple(str(shift) for shift in self.shifts)),)

    @property
    def settings(self):
        return {"shifts": list(self.shifts)}

    def payoffs(self, profile, seed_block, n):
        rng = np.random.default_rng(seed_block)
        signals = rng.uniform(-self.error, self.error, (n, self.players))
        chosen = np.repeat(np.arange(len(profile)), profile)
        # Seats are exchangeable: turning them gives every strategy every signal. Bids are relative to the
        # value; the exponential is nil in the interior.
        total = np.zeros((n, len(profile)))
        for turn in range(self.players):
            turned = np.roll(signals, turn, axis=1) - self.error + np.array(self.shifts)[chosen]
            won = turned == turned.max(axis=1, keepdims=True)
            np.add.at(total.T, chosen, (won * -turned).T)
        return total / self.players / np.maximum(profile, 1)


def test_shading_of_the_common_value_auction_is_an_equilibrium_among_shifts():
    """CASES G16: no shift from -2 to 2 is better than none, and a bidder earns 1 before signals."""
    game = sample(CommonValue((-2.0, -1.0, 0.0, 1.0, 2.0)), 20, plays=2000)
    mixtures = [answer.mixture for answer in symmetric_equilibria(game)]
    assert any(mixture[2] > 0.99 for mixture in mixtures)
    alone = np.eye(5)[2]
    assert game.mean.deviation_payoffs(alone)[2] == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"low": 60.0, "high": 1.0}, "low below high"),
        ({"epsilon": 0.0}, "epsilon above 0"),
        ({"start": [0.5]}, "values from 1 to 60"),
        ({"samples": 1}, "samples from 2"),
    ],
)
def test_wrong_searches_are_refused(options, words):
    given = {"start": [5.0], "low": 1.0, "high": 60.0, "epsilon": 1.0} | options
    with pytest.raises(GameError, match=words):
        best_response_iteration(tullock(2, 100.0, 1.0), given.pop("start"), **given)
