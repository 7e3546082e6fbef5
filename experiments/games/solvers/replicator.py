"""Replicator dynamics from many starts: cheap, finds stable equilibria, may cycle for ever.

An end point is an answer only if its certificate says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..count_game import SOLVED, CountGame
from ..profiles import FloatArray

_BACKGROUND = 1.0
"""Added to growth, in ranges of the payoffs; less, and steps overshoot equilibria that attract."""


@dataclass(frozen=True, eq=False)
class Rest:
    """Where the dynamics stopped.

    Attributes
    ----------
    mixture : ndarray, shape (n_columns,)
    regret : float
        At the given payoffs.
    converged : bool
        Whether regret fell to the tolerance. If not, the dynamics were still moving, as on a cycle,
        and `mixture` is their best moment.
    starts : int
        Starts that ended here.
    """

    mixture: FloatArray
    regret: float
    converged: bool
    starts: int


def replicator(
    game: CountGame,
    rng: np.random.Generator,
    starts: int = 10,
    rounds: int = 20_000,
    tolerance: float = SOLVED,
) -> tuple[Rest, ...]:
    """Follow the discrete replicator dynamics from the middle and from random mixtures.

    1. In every round the share of a strategy grows in proportion to its payoff over the worst payoff
       in the role, plus the range of all payoffs, which keeps steps small.
    2. A start has arrived when its regret is at most `tolerance` of the range of payoffs.
    3. Starts that arrive at the same mixture are one answer. Of those that do not arrive, the mixture with
       the least regret is returned with ``converged = False``.

    Source: Taylor and Jonker (1978), "Evolutionary stable strategies and game dynamics",
    Mathematical Biosciences 40, in discrete time. Rest points that are not stable are not found.

    Parameters
    ----------
    game : CountGame
    rng : numpy Generator
        For the starts.
    starts, rounds : int
    tolerance : float
        Share of the range of payoffs.
    """
    slices = game.space.slices
    x = np.array(
        [
            np.concatenate([rng.dirichlet(np.ones(part.stop - part.start)) for part in slices])
            for _ in range(starts)
        ]
    )
    x[0] = game.uniform()
    limit = tolerance * game.scale
    best, least = x.copy(), np.full(starts, np.inf)
    moving = np.arange(starts)
    for _ in range(rounds):
        here = x[moving]
        values = game.deviation_payoffs(here)
        growth = np.empty_like(values)
        gains = np.empty_like(values)
        for part in slices:
            own = values[:, part]
            low = own.min(axis=1, keepdims=True)
            growth[:, part] = own - low + _BACKGROUND * game.scale
            gains[:, part] = own - (own * here[:, part]).sum(axis=1, keepdims=True)
        regrets = gains.max(axis=1)
        better = regrets < least[moving]
        best[moving[better]], least[moving[better]] = here[better], regrets[better]
        going = regrets > limit
        moving = moving[going]
        if not len(moving):
            break
        after = here[going] * growth[going]
        for part in slices:
            after[:, part] /= after[:, part].sum(axis=1, keepdims=True)
        x[moving] = after
    arrived = least <= limit
    rests: list[Rest] = []
    for i in np.flatnonzero(arrived):
        same = [k for k, rest in enumerate(rests) if np.abs(rest.mixture - best[i]).max() < 1e-3]
        if same:
            old = rests[same[0]]
            rests[same[0]] = Rest(old.mixture, old.regret, True, old.starts + 1)
        else:
            rests.append(Rest(best[i], max(0.0, float(least[i])), True, 1))
    if not arrived.all():
        closest = int(np.argmin(np.where(arrived, np.inf, least)))
        rests.append(Rest(best[closest], float(least[closest]), False, int((~arrived).sum())))
    return tuple(rests)
