"""A game between liquidator bots: what is played, and its payoffs by simulation.

Two bots that differ only in strategy and random stream meet in a scenario that
is otherwise the same for every profile and seed. Solving is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from ..runs.result import RunResult
from ..runs.run import run
from ..scenarios import Scenario, ScenarioError, load_scenario
from ..scenarios.deciders import AgentConfig
from .empirical import EmpiricalGame

PLAYERS = ("bot-a", "bot-b")
"""Names of the players. They name random streams, too, so that a change of strategy changes no draw."""


@dataclass(frozen=True)
class LiquidationGame:
    """Two equal bots, each choosing one of several strategies.

    Attributes
    ----------
    name, description : str
    scenario : str
        Packaged scenario in which they meet.
    strategies : mapping of str to mapping
        Name -> parameters of the bot's strategy.
    bot : mapping
        What all strategies share: keys of an ``[[agents]]`` row except its name and parameters.
    replaces : tuple of str
        Kinds of agents that leave the scenario to make room for the players.
    """

    name: str
    description: str
    scenario: str
    strategies: Mapping[str, Mapping[str, Any]]
    bot: Mapping[str, Any]
    replaces: tuple[str, ...] = ("liquidator", "searcher")

    def profile_scenario(self, first: str, second: str, overrides: Sequence[str] = ()) -> Scenario:
        """Return the scenario in which the players use these strategies.

        Raises
        ------
        ScenarioError
            If it cannot run.
        """
        scenario = load_scenario(self.scenario, overrides)
        players = [
            AgentConfig(**self.bot, name=player, parameters=dict(self.strategies[strategy]))
            for player, strategy in zip(PLAYERS, (first, second), strict=True)
        ]
        others = [agent for agent in scenario.agents if agent.kind not in self.replaces]
        return scenario.model_copy(update={"agents": (*players, *others)})

    def simulate(
        self,
        seeds: Sequence[int],
        progress: Callable[[int, int], None] | None = None,
        overrides: Sequence[str] = (),
    ) -> EmpiricalGame:
        """Play every profile with every seed.

        The players are exchangeable, so a profile is a count of strategies: k strategies need
        ``k (k + 1) / 2`` runs for each seed. Where both use the same strategy, its payoff is the
        mean over the two. All profiles see the same seeds (common random numbers).

        Parameters
        ----------
        seeds : sequence of int
            Root seeds, distinct, two at least.
        progress : callable, optional
            Told the runs done and the total after every run.
        overrides : sequence of str
            Changes to the scenario, each ``path.to.key=value``.

        Returns
        -------
        EmpiricalGame
            Payoffs are `profit_usd`.

        Raises
        ------
        ScenarioError
            If the scenario cannot run, or the seeds are too few or repeated.
        """
        if len(seeds) < 2:
            raise ScenarioError(f"a game needs at least 2 seeds for its intervals, got {len(seeds)}")
        if len(set(seeds)) < len(seeds):
            raise ScenarioError("the seeds of a game must be distinct, or its intervals are too narrow")
        names = tuple(self.strategies)
        pairs = list(combinations_with_replacement(range(len(names)), 2))
        samples = np.empty((len(seeds), len(names), len(names)))
        total = len(pairs) * len(seeds)
        for p, (i, j) in enumerate(pairs):
            scenario = self.profile_scenario(names[i], names[j], overrides)
            for s, seed in enumerate(seeds):
                result = run(scenario, seed)
                first, second = (profit_usd(result, player) for player in PLAYERS)
                if i == j:
                    samples[s, i, i] = (first + second) / 2.0
                else:
                    samples[s, i, j], samples[s, j, i] = first, second
                if progress is not None:
                    progress(p * len(seeds) + s + 1, total)
        return EmpiricalGame(names, samples)


def profit_usd(result: RunResult, agent: str) -> float:
    """Profit of an agent from liquidations, USD, after the gas of all its calls, failed ones included.

    Collateral that it still holds at the end counts at the last mid.
    """
    done, bids = result.liquidations, result.bids
    failed = (bids.agent == agent) & (bids.kind == "liquidation") & ~bids.executed.astype(bool)
    return float(done.profit_usd[done.liquidator == agent].sum() - bids.gas_usd[failed].sum())
