"""A game between liquidator bots: who plays what, where, and for which payoff.

Games are TOML files; some are packaged. Simulating them is `sampling`'s work, solving
them that of `answers`.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from ..runs.executors import Workers
from ..runs.parallel import Progress
from ..scenarios.base import NAME, Rows, ScenarioError, Section
from ..scenarios.objects import import_object
from ..scenarios.packaged import packaged_names, read_toml
from ..scenarios.scenario import nearest
from .best_response import GRID, REFINED
from .contest_kinds import KINDS
from .empirical_game import EmpiricalGame
from .payoff_source import GameRole, PayoffSource
from .profiles import GameError
from .sampling import MAX_SAMPLES, Solve, sample
from .scenario_payoffs import PROFIT, ScenarioPayoffs
from .textbook import TEXTBOOK

CONTESTS: dict[str, Callable[..., PayoffSource]] = {**TEXTBOOK, **KINDS}
"""What `contest.kind` may name."""


class SearchPlan(Section):
    """A strategy parameter in which better replies are searched."""

    role: str = Field(description="role whose player looks for a better reply")
    parameter: str = Field(description="parameter of its strategies")
    base: dict[str, Any] = Field(
        default_factory=dict,
        description="other parameters of a reply; those of the role's first strategy that has the parameter "
        "if left out",
    )
    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")
    epsilon: float = Field(gt=0, description="gain that does not matter, in units of payoff")
    grid: int = Field(default=GRID, ge=2, le=1_000, description="values that are tried first")
    refine: int = Field(
        default=REFINED, ge=0, le=1_000, description="most values tried around the best of them"
    )

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"high = {self.high:g}; allowed: above low = {self.low:g}")
        return self


class CaseRow(Section):
    """A case of a game by name: changes to its scenario."""

    name: str = Field(pattern=NAME, description="name of the case, unique")
    set: Rows[str] = Field(default=(), description="changes to the scenario, each path.to.key=value")


class Case(NamedTuple):
    """A case that can be played: its name, what was varied (path -> value), and the game."""

    name: str
    varied: Mapping[str, Any]
    game: LiquidationGame


class LiquidationGame(Section):
    """A game as data.

    Raises
    ------
    pydantic.ValidationError
        If a key is unknown or a value not allowed.
    """

    name: str = Field(pattern=NAME, description="name of the game")
    description: str = Field(default="", max_length=300, description="one line that says what it asks")
    scenario: str | None = Field(default=None, description="packaged scenario, or path of a .toml file")
    set: Rows[str] = Field(default=(), description="changes to the scenario, each path.to.key=value")
    replaces: Rows[str] = Field(
        default=("liquidator", "searcher"), description="kinds of agents that make room for the players"
    )
    payoff: str = Field(
        default=PROFIT, description="profit_usd, or another numeric column of the liquidations table"
    )
    capital_rate: float = Field(
        default=0.0, ge=0, le=100, description="yearly cost of own capital, deducted from the payoff"
    )
    contest: dict[str, Any] | None = Field(
        default=None,
        description="instead of a scenario: kind (matrix, entry, tullock, block, sealed-bid, dutch, kick or "
        "module:Class) and its parameters",
    )
    plays: int = Field(default=1, ge=1, le=10_000_000, description="plays whose mean is one sample")
    samples: int = Field(default=20, ge=2, le=MAX_SAMPLES, description="samples of each profile, by default")
    unit: str = Field(default="USD", max_length=20, description="unit of the payoffs")
    roles: Rows[GameRole] = Field(min_length=1, description="who plays")
    reduced: dict[str, int] | None = Field(
        default=None, description="role -> players of the deviation-preserving reduction"
    )
    search: SearchPlan | None = Field(
        default=None, description="where to look for better replies outside the strategies"
    )
    complete: bool = Field(
        default=False, description="whether players can do nothing but mix the strategies of the game"
    )

    cases: Rows[CaseRow] = Field(default=(), description="the same game under several settings, by name")
    vary: dict[str, Rows[Any]] = Field(
        default_factory=dict,
        description="contest.KEY or roles.NAME.players -> values; every combination is a case",
    )

    @model_validator(mode="after")
    def _can_be_played(self) -> Self:
        if (self.scenario is None) == (self.contest is None):
            raise ValueError("give either scenario or contest")
        if self.contest is not None:
            unused = {"set", "replaces", "payoff", "capital_rate"} & self.model_fields_set
            if unused:
                raise ValueError(f"{sorted(unused)[0]} does nothing for a contest")
            for role in self.roles:
                if role.agent:
                    raise ValueError(f"roles.{role.name}.agent does nothing for a contest")
        names = [role.name for role in self.roles]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"roles: name {name!r} is given twice; each must be unique")
        for role in self.roles:
            if not role.strategies:
                raise ValueError(f"roles.{role.name} has no strategies; give it one at least")
        self._check_cases()
        if self.search is not None:
            if self.complete:
                raise ValueError("complete = true says that there is nothing to search; remove [search]")
            self._check_search(self.search, names)
        return self

    def _check_cases(self) -> None:
        if self.cases and self.contest is not None:
            raise ValueError("cases do nothing for a contest; vary its parameters with [vary]")
        cases = [case.name for case in self.cases]
        for name in cases:
            if cases.count(name) > 1:
                raise ValueError(f"cases: name {name!r} is given twice; each must be unique")
        players = [f"roles.{role.name}.players" for role in self.roles]
        for path, values in self.vary.items():
            known = path in players or (self.contest is not None and path.startswith("contest."))
            if not known or path == "contest.kind":
                raise ValueError(
                    f"vary.{path}; allowed: "
                    + ("contest.KEY, " if self.contest is not None else "")
                    + ", ".join(players)
                )
            if not values:
                raise ValueError(f"vary.{path} = []; allowed: one value at least")

    def variants(self) -> tuple[Case, ...]:
        """Return every case with every combination of the varied values; none if the game is a single one."""
        if not self.cases and not self.vary:
            return ()
        found = []
        rows = self.cases or (None,)
        for row, values in itertools.product(rows, itertools.product(*self.vary.values())):
            varied = dict(zip(self.vary, values, strict=True))
            told = [f"{path.split('.')[-1]}-{value}" for path, value in varied.items()]
            name = "-".join([*([row.name] if row is not None else []), *told])
            changes: dict[str, Any] = {"cases": (), "vary": {}}
            if row is not None:
                changes["set"] = (*self.set, *row.set)
            contest = {
                path.removeprefix("contest."): v for path, v in varied.items() if path.startswith("contest.")
            }
            if contest:
                changes["contest"] = {**(self.contest or {}), **contest}
            changes["roles"] = tuple(
                role.model_copy(update={"players": varied.get(f"roles.{role.name}.players", role.players)})
                for role in self.roles
            )
            found.append(Case(name, varied, self.model_copy(update=changes)))
        return tuple(found)

    def _check_search(self, search: SearchPlan, names: Sequence[str]) -> None:
        if search.role not in names:
            raise ValueError(f"search.role = {search.role!r}; allowed: {', '.join(names)}")
        role = self.roles[names.index(search.role)]
        if not any(_number(parameters.get(search.parameter)) for parameters in role.strategies.values()):
            raise ValueError(
                f"search.parameter = {search.parameter!r} is a number of no strategy of {search.role}"
            )

    def source(self, overrides: Sequence[str] = ()) -> PayoffSource:
        """Return what plays the game.

        Parameters
        ----------
        overrides : sequence of str
            Changes to the scenario, after those of the game.

        Raises
        ------
        ScenarioError
            If the scenario or the contest cannot be built.
        """
        if self.scenario is not None:
            found = ScenarioPayoffs(
                self.scenario,
                self.roles,
                (*self.set, *overrides),
                self.replaces,
                self.payoff,
                self.capital_rate,
            )
            self._check_agents(found)
            return found
        if overrides:
            raise GameError(f"a contest has no scenario to change: {overrides[0]!r} does nothing")
        return _contest(dict(self.contest or {}), self.roles)

    def sample(
        self,
        samples: int | None = None,
        *,
        overrides: Sequence[str] = (),
        half_width: float | None = None,
        max_samples: int = MAX_SAMPLES,
        solve: Solve | None = None,
        workers: Workers = 1,
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> EmpiricalGame:
        """Play every distinct count profile with common random numbers; see `sampling.sample`.

        Sample b of a scenario is the run with root seed b, from 1 on, or the mean over ``plays`` of them.
        """
        return sample(
            self.source(overrides),
            self.samples if samples is None else samples,
            plays=self.plays,
            first_block=1,
            half_width=half_width,
            max_samples=max_samples,
            reduced=self.reduced,
            solve=solve,
            workers=workers,
            folder=folder,
            progress=progress,
        )

    def with_values(self, values: Sequence[float]) -> LiquidationGame:
        """Return the game whose strategies differ only in the searched parameter.

        What they share is taken from the first strategy.

        Raises
        ------
        GameError
            If the game has no ``[search]``, several roles, or a strategy without the parameter.
        """
        search = self._searched()
        if len(self.roles) > 1:
            raise GameError(f"rounds of search need a game of one role, {self.name} has {len(self.roles)}")
        role = self.roles[0]
        for name, parameters in role.strategies.items():
            if not _number(parameters.get(search.parameter)):
                raise GameError(
                    f"search.parameter = {search.parameter!r} is no number of strategy {name!r}, so rounds "
                    "of search cannot start from it"
                )
        base, key = next(iter(role.strategies.values())), search.parameter
        strategies = {f"{key} {value:.6g}": {**base, key: float(value)} for value in values}
        return self.model_copy(update={"roles": (role.model_copy(update={"strategies": strategies}),)})

    def with_reply(self, value: float) -> LiquidationGame:
        """Return the game with one more strategy of the searching role, the last one.

        Raises
        ------
        GameError
            If the game has no ``[search]``.
        """
        search = self._searched()
        roles = []
        for role in self.roles:
            if role.name == search.role:
                having = (p for p in role.strategies.values() if _number(p.get(search.parameter)))
                base = search.base or next(having)
                reply = {**base, search.parameter: value}
                strategies = {**role.strategies, "(reply)": reply}
                roles.append(role.model_copy(update={"strategies": strategies}))
            else:
                roles.append(role)
        return self.model_copy(update={"roles": tuple(roles)})

    def _searched(self) -> SearchPlan:
        if self.search is None:
            raise GameError(f"{self.name} has no [search], so no parameter can be varied")
        return self.search

    def _check_agents(self, source: ScenarioPayoffs) -> None:
        for role in self.roles:
            for k, strategy in enumerate(role.strategies):
                profile = [
                    player.players * (s == (k if player is role else 0))
                    for player in self.roles
                    for s in range(len(player.strategies))
                ]
                try:
                    source.profile_scenario(np.array(profile))
                except ValidationError as error:
                    finding = error.errors(include_url=False)[0]
                    key = ".".join(str(step) for step in finding["loc"])
                    text = finding["msg"].removeprefix("Value error, ")
                    raise GameError(
                        f"roles.{role.name}.strategies.{strategy}: {key + ': ' if key else ''}{text}"
                    ) from None


def game_names() -> list[str]:
    """Names of the packaged games, sorted."""
    return packaged_names(__package__)


def load_game_file(source: str | Path) -> LiquidationGame:
    """Load a game.

    Parameters
    ----------
    source : str or Path
        Name of a packaged game, or path of a TOML file.

    Raises
    ------
    ScenarioError
        If it is not found, cannot be read, or is not valid.

    Examples
    --------
    >>> [role.players for role in load_game_file("quick").roles]
    [2]
    """
    data = read_toml(__package__, source, "game")
    try:
        return LiquidationGame.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(f"{source}: {_explain(error, data)}") from None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contest(settings: dict[str, Any], roles: Sequence[GameRole]) -> PayoffSource:
    kind = settings.pop("kind", None)
    if not isinstance(kind, str):
        raise GameError(f"contest.kind is missing; allowed: {', '.join(CONTESTS)} or module:Class")
    build: Callable[..., PayoffSource] | None = CONTESTS.get(kind)
    if build is None:
        if ":" not in kind:
            raise GameError(
                f"contest.kind = {kind!r}{nearest(kind, CONTESTS)}; "
                f"allowed: {', '.join(CONTESTS)} or module:Class"
            )
        build = import_object(kind, "contest.kind")
    known = [name for name in inspect.signature(build).parameters if name != "roles"]
    for key in settings:
        if key not in known:
            raise GameError(
                f"unknown key contest.{key}{nearest(key, known) or '; allowed: ' + ', '.join(known)}"
            )
    try:
        return build(roles=tuple(roles), **settings)
    except ScenarioError:
        raise
    except (TypeError, ValueError) as error:
        raise GameError(f"contest: {str(error).splitlines()[0]}") from None


def _explain(error: ValidationError, data: Mapping[str, Any]) -> str:
    """Describe the first finding about a game in one line, unknown keys before all."""
    findings = sorted(error.errors(include_url=False), key=lambda f: f["type"] != "extra_forbidden")
    finding = findings[0]
    steps = [str(step) for step in finding["loc"]]
    model: type[Section] = LiquidationGame
    if steps[:1] == ["roles"] and len(steps) > 1:
        model = GameRole
        with suppress(KeyError, TypeError, IndexError):
            steps[1] = str(data["roles"][int(steps[1])]["name"])
    elif steps[:1] == ["search"]:
        model = SearchPlan
    elif steps[:1] == ["cases"]:
        model = CaseRow
    path = ".".join(steps)
    if finding["type"] == "extra_forbidden":
        known = list(model.model_fields)
        return f"unknown key {path}{nearest(steps[-1], known) or '; allowed: ' + ', '.join(known)}"
    if finding["type"] == "missing":
        field = model.model_fields.get(steps[-1])
        return f"{path} is missing" + (f" ({field.description})" if field is not None else "")
    if finding["type"] == "value_error":
        text = str(finding["ctx"]["error"])
        return f"{path}: {text}" if path else text
    text = finding["msg"].replace("Input should be", "allowed:")
    return f"{path} = {finding['input']!r}; {text}"
