"""Payoffs from whole markets: the players of a game are agents of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..runs.result import RunResult
from ..runs.run import run
from ..scenarios import Scenario, load_scenario
from ..scenarios.deciders import AgentConfig
from .market_outcomes import RUN_MEASURES, run_outcomes, served_usd
from .outcomes import LEDGER, SERVED
from .payoff_source import GameRole, Plays
from .profiles import FloatArray, GameError, IntArray, Role

PROFIT = "profit_usd"
YEAR_S = 365 * 86_400.0


@dataclass(frozen=True)
class ScenarioPayoffs:
    """Bots that differ only in strategy and random stream, in a world that is otherwise the same.

    Parameters
    ----------
    scenario : str
        Packaged scenario, or path of a TOML file.
    players : tuple of GameRole
    overrides : tuple of str
        Changes to the scenario, each ``path.to.key=value``.
    replaces : tuple of str
        Kinds of agents that leave the scenario to make room for the players.
    payoff : str
        ``profit_usd`` (of liquidations and purchases, after all gas, that of failed calls included), or
        another numeric column of the ``liquidations`` table, added over the player's liquidations.
    capital_rate : float
        Yearly cost of the player's own capital, deducted for the duration of the scenario.
    """

    scenario: str
    players: tuple[GameRole, ...]
    overrides: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ("liquidator", "searcher")
    payoff: str = PROFIT
    capital_rate: float = 0.0
    _cache: dict[str, Scenario] = field(default_factory=dict, repr=False, compare=False)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Names and numbers of the players."""
        return tuple(player.role for player in self.players)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The scenario and the players."""
        return {
            "scenario": self.base.model_dump(mode="json", exclude_none=True),
            "players": [player.model_dump(mode="json") for player in self.players],
            "replaces": list(self.replaces),
            "payoff": self.payoff,
            "capital_rate": self.capital_rate,
        }

    @property
    def base(self) -> Scenario:
        """The scenario before the players come in."""
        if "base" not in self._cache:
            self._cache["base"] = load_scenario(self.scenario, self.overrides)
        return self._cache["base"]

    def seats(self, profile: IntArray) -> list[tuple[str, GameRole, str]]:
        """Who sits where: name of the agent, its role and its strategy.

        Names do not depend on strategies. They name random streams, so that a change of strategy
        changes no draw.
        """
        found, column = [], 0
        for player in self.players:
            seat = 0
            for strategy in player.strategies:
                for _ in range(int(profile[column])):
                    found.append((f"{player.name}-{_letters(seat)}", player, strategy))
                    seat += 1
                column += 1
        return found

    def profile_scenario(self, profile: IntArray) -> Scenario:
        """Return the scenario in which the players play this profile.

        Raises
        ------
        ScenarioError
            If it cannot run.
        """
        scenario = self.base
        agents = [_agent(name, role, strategy) for name, role, strategy in self.seats(profile)]
        others = [agent for agent in scenario.agents if agent.kind not in self.replaces]
        return scenario.model_copy(update={"agents": (*agents, *others)})

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Gains of groups, measures, and debt served by those who use a strategy."""
        served = (f"{SERVED}{role.name}.{name}" for role in self.roles for name in role.strategies)
        return (*LEDGER, *RUN_MEASURES, *served)

    def payoffs(self, profile: IntArray, seed_block: int, n: int) -> FloatArray:
        """Run n seeds, from ``seed_block * n`` on; see `PayoffSource`."""
        return self.play(profile, seed_block, n).payoffs

    def play(self, profile: IntArray, seed_block: int, n: int) -> Plays:
        """Run n seeds; see `OutcomeSource`."""
        scenario = self.profile_scenario(profile)
        using: dict[tuple[str, str], list[str]] = {
            (player.name, strategy): [] for player in self.players for strategy in player.strategies
        }
        for name, player, strategy in self.seats(profile):
            using[player.name, strategy].append(name)
        values, outcomes = np.zeros((n, len(using))), np.zeros((n, len(self.outcome_names)))
        for i in range(n):
            result = run(scenario, seed_block * n + i)
            values[i] = [sum(self.earned(result, name) for name in names) for names in using.values()]
            served = [served_usd(result, names) for names in using.values()]
            outcomes[i] = [*run_outcomes(result), *served]
        return Plays(values / np.maximum(profile, 1), outcomes)

    def earned(self, result: RunResult, agent: str) -> float:
        """Payoff of one player in one run."""
        value = profit_usd(result, agent) if self.payoff == PROFIT else self._column(result, agent)
        if self.capital_rate == 0:
            return value
        capital = next(row.capital_usd for row in result.scenario.agents if row.name == agent)
        return value - self.capital_rate * capital * result.scenario.clock.duration_s / YEAR_S

    def _column(self, result: RunResult, agent: str) -> float:
        done = result.liquidations
        if self.payoff not in done or not pd.api.types.is_float_dtype(done[self.payoff]):
            numeric = [str(name) for name in done if pd.api.types.is_float_dtype(done[name])]
            raise GameError(f"payoff = {self.payoff!r}; allowed: {', '.join(numeric)}")
        return float(done.loc[done.liquidator == agent, self.payoff].sum())


def profit_usd(result: RunResult, agent: str) -> float:
    """Profit of an agent from liquidations and purchases, USD, after the gas of all it sent for them.

    Collateral that it still holds at the end counts at the last mid.
    """
    done, sales, bids = result.liquidations, result.sales, result.bids
    mine, bought = done["liquidator"] == agent, sales["buyer"] == agent
    sent = (bids["agent"] == agent) & (bids["kind"] != "arbitrage")
    booked = done.loc[mine, "gas_usd"].sum() + sales.loc[bought, "gas_usd"].sum()
    profit = done.loc[mine, "profit_usd"].sum() + sales.loc[bought, "profit_usd"].sum()
    return float(profit - (bids.loc[sent, "gas_usd"].sum() - booked))


def _agent(name: str, role: GameRole, strategy: str) -> AgentConfig:
    """Make a player's row; a strategy may name its class beside its parameters."""
    parameters = dict(role.strategies[strategy])
    row = dict(role.agent)
    if "strategy" in parameters:
        row["strategy"] = parameters.pop("strategy")
    shared = row.pop("parameters", {})
    return AgentConfig.model_validate({**row, "name": name, "parameters": {**shared, **parameters}})


def _letters(number: int) -> str:
    """Name a seat: a to z, then aa, ab, and so on."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("a") + digit) + text
    return text
