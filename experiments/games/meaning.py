"""What an equilibrium means for everybody: who gains, who is not served, what is wasted.

Reads the outcomes that the same plays told beside the payoffs. Judging whether a profile is an
equilibrium is `certificate`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...market.streams import Streams
from .certificate import LEVEL, Play
from .count_game import column_name, profile_name
from .empirical_game import EmpiricalGame
from .mixed_profile import MixedProfile
from .outcomes import LEDGER, SERVED, Outcomes
from .profiles import FloatArray

RESAMPLES = 1000


@dataclass(frozen=True)
class Measured:
    """An expectation and its bootstrap interval."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Meaning:
    """Expected outcomes of a profile, by play.

    Attributes
    ----------
    outcomes : mapping of str to Measured
        Gains of the groups of `outcomes.LEDGER`, which sum to zero, and measures.
    dissipated : float or None
        Share of the liquidators' rent that gas eats, ``gas / (gas + what they keep)``; above 1 they lose.
    hhi : float
        Herfindahl index of what the players serve in the long run; 1 is a monopoly, 1/n equal shares.
    planner_waste : float
        Least waste of any profile that was sampled: what a planner would choose.
    planner : str
        That profile.
    price_of_anarchy : float or None
        Waste over the planner's (Koutsoupias and Papadimitriou 1999); None if that wastes nothing.
    """

    outcomes: Mapping[str, Measured]
    dissipated: float | None
    hhi: float
    planner_waste: float
    planner: str
    price_of_anarchy: float | None

    @property
    def imbalance(self) -> float:
        """Sum of the gains of all groups, which is zero but for rounding."""
        return sum(self.outcomes[name].value for name in LEDGER)

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON."""
        return {
            "outcomes": {
                name: {"mean": one.value, "interval": list(one.interval)}
                for name, one in self.outcomes.items()
            },
            "rent_dissipated_in_gas": self.dissipated,
            "liquidator_hhi": self.hhi,
            "bad_debt": self.outcomes["bad_debt"].value,
            "planner": {"profile": self.planner, "waste": self.planner_waste},
            "price_of_anarchy": self.price_of_anarchy,
            "ledger_imbalance": self.imbalance,
        }


def meaning(game: EmpiricalGame, play: Play) -> Meaning | None:
    """Return what a profile means, or None if the plays of the game told no outcomes.

    Parameters
    ----------
    game : EmpiricalGame
    play : MixedProfile or JointPlay
    """
    told = game.outcomes
    if told is None:
        return None
    weights = profile_weights(game, play)
    names = [name for name in told.names if not name.startswith(SERVED)]
    found = dict(zip(names, _measure(game, told.samples[:, :, : len(names)], weights), strict=True))
    gas = found["gas"].value
    rent = gas + found["liquidators"].value
    waste = np.nanmean(told.of("waste"), axis=0)
    best = int(np.argmin(waste))
    least = float(waste[best])
    return Meaning(
        found,
        gas / rent if rent > 0 else None,
        _concentration(game, told, play, weights),
        least,
        profile_name(game.space, game.space.simulated[best]),
        found["waste"].value / least if least > 0 else None,
    )


def profile_weights(game: EmpiricalGame, play: Play) -> FloatArray:
    """Probability of each simulated profile, shape (n_profiles,): what any one player sees.

    In a reduced game the profiles are those that a player of the first role meets in the smaller one.
    """
    space = game.space
    part = space.blocks[0]
    if isinstance(play, MixedProfile):
        entries = np.outer(play.mixes[0][0], play.opponents(0, 0)).ravel()
    else:
        entries = play.weights[part]
    weights = np.bincount(space.profile[part], weights=entries, minlength=len(space.simulated))
    return np.asarray(weights / weights.sum())


def _measure(game: EmpiricalGame, samples: FloatArray, weights: FloatArray) -> list[Measured]:
    """Weighted means over profiles, with intervals from resampling whole blocks.

    `samples` has shape (n_samples, n_profiles, n_names).
    """
    counts = game.counts
    assert counts is not None
    values = weights @ np.nanmean(samples, axis=0)
    change = np.zeros((RESAMPLES, len(values)))
    rng = Streams(0)("games/outcomes")
    low = 0
    for high in np.unique(counts).tolist():
        alive = counts >= high
        part = np.einsum("bpk,p->bk", samples[low:high, alive], weights[alive] / counts[alive])
        s = high - low
        drawn = rng.multinomial(s, np.full(s, 1.0 / s), size=RESAMPLES)
        change += (drawn @ part - part.sum(axis=0)) * np.sqrt(s / (s - 1.0))
        low = high
    tail = (1.0 - LEVEL) / 2.0
    ends = values + np.quantile(change, [tail, 1.0 - tail], axis=0)
    return [Measured(v, (lo, hi)) for v, lo, hi in zip(values.tolist(), *ends.tolist(), strict=True)]


def _concentration(game: EmpiricalGame, told: Outcomes, play: Play, weights: FloatArray) -> float:
    """Herfindahl index over players of expected service, a strategy's being shared by who uses it."""
    space = game.space
    total = squares = 0.0
    for r, (role, part) in enumerate(zip(space.roles, space.slices, strict=True)):
        done = np.array(
            [
                weights @ np.nanmean(told.of(SERVED + column_name(space, c)), axis=0)
                for c in range(part.start, part.stop)
            ]
        )
        each = np.full(1, done.sum())
        if isinstance(play, MixedProfile):
            mixes = play.mixes[r]
            each = mixes @ (done / np.maximum(mixes.sum(axis=0), 1e-300))
        total += float(each.sum())
        squares += float((each**2).sum()) * len(each) / role.players  # each stands for several
    return squares / total**2 if total > 0 else 0.0
