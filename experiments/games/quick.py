"""The packaged games, and `play`: simulate one, solve it, say how sure the answer is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..scenarios import ScenarioError
from ..scenarios.scenario import nearest
from .liquidation_game import LiquidationGame
from .regret import candidates, judge
from .report import GameReport
from .support_enumeration import support_enumeration

GAMES = {
    game.name: game
    for game in (
        LiquidationGame(
            name="quick",
            description="two bots in one hour of liquidations: bid little for gas, or outbid the other?",
            scenario="quickstart",
            strategies={
                "patient": {"bid_share": 0.1, "escalation": 0.0},
                "aggressive": {"bid_share": 0.5, "escalation": 0.4},
            },
            bot={
                "kind": "liquidator",
                "latency_ms": 100.0,
                "latency_jitter_ms": 25.0,
                "capital_usd": 2e6,
            },
        ),
    )
}
"""Packaged games by name."""

BOOTSTRAP_SEED = 0


def play(
    name: str = "quick",
    seeds: Sequence[int] = range(1, 21),
    progress: Callable[[int, int], None] | None = None,
    overrides: Sequence[str] = (),
) -> GameReport:
    """Play a packaged game and solve it from the simulated payoffs.

    Parameters
    ----------
    name : str
        One of `GAMES`.
    seeds : sequence of int
        Root seeds, the same for every profile.
    progress : callable, optional
        Told the runs done and the total.
    overrides : sequence of str
        Changes to the game's scenario, each ``path.to.key=value``.

    Raises
    ------
    ScenarioError
        If there is no such game, its scenario cannot run, or the seeds are too few.
    """
    if name not in GAMES:
        raise ScenarioError(f"no game {name!r}{nearest(name, GAMES)}; packaged: {', '.join(GAMES)}")
    game = GAMES[name]
    measured = game.simulate(seeds, progress, overrides)
    answers = judge(measured, candidates(measured), np.random.default_rng(BOOTSTRAP_SEED))
    solution = support_enumeration(measured.payoffs, measured.payoffs.T)
    return GameReport(game, tuple(seeds), measured, tuple(answers), solution.degenerate)
