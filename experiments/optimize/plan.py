"""What is searched: a scenario, factors, objectives, and how many runs are spent on what."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ..scenarios.base import NAME, Rows, Section
from ..scenarios.packaged import packaged_names, read_plan
from ..sweeps import Factor, SweepPlan


class Objective(Section):
    """A metric, and which way is better."""

    metric: str = Field(min_length=1, description="name of a metric, or module:function")
    goal: Literal["minimise", "maximise"] = Field(default="minimise", description="which way is better")

    @property
    def column(self) -> str:
        """Name in the results."""
        return self.metric.partition(":")[2] or self.metric

    @property
    def sign(self) -> float:
        """What turns the metric into a cost."""
        return 1.0 if self.goal == "minimise" else -1.0


class OptimizePlan(Section):
    """What a search does.

    Every design is tried with the same seeds, 1 to `seeds`. The designs that no other beats in
    these runs are then run with `fresh_seeds` seeds after them.

    Raises
    ------
    pydantic.ValidationError
        If factors or objectives are repeated.
    """

    name: str = Field(pattern=NAME, description="name of the search")
    description: str = Field(default="", max_length=300, description="one line that says what it asks")
    scenario: str = Field(min_length=1, description="packaged scenario, or path of a .toml file")
    set: Rows[str] = Field(default=(), description="changes that hold for every design")
    factors: Rows[Factor] = Field(min_length=1, description="what is searched, as in a sweep")
    objectives: Rows[Objective] = Field(min_length=2, max_length=6, description="what is traded off")
    trials: int = Field(default=60, ge=4, le=100_000, description="designs that the search tries")
    seeds: int = Field(default=5, ge=1, le=10_000, description="runs of each design in the search")
    fresh_seeds: int = Field(default=20, ge=2, le=10_000, description="runs of each design of the Pareto set")
    sampler_seed: int = Field(default=0, ge=0, le=2**32 - 1, description="seed of the search itself")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        columns = [objective.column for objective in self.objectives]
        for column in columns:
            if columns.count(column) > 1:
                raise ValueError(f"objectives: {column!r} is given twice; each must be unique")
        self.as_sweep()
        return self

    def as_sweep(self) -> SweepPlan:
        """Return the same factors and metrics as a sweep, which knows how to apply and to measure them."""
        return SweepPlan(
            name=self.name,
            scenario=self.scenario,
            set=self.set,
            factors=self.factors,
            metrics=tuple(objective.metric for objective in self.objectives),
        )

    def search_seeds(self) -> range:
        """Return the seeds that the search sees."""
        return range(1, self.seeds + 1)

    def unseen_seeds(self) -> range:
        """Return the seeds that it does not."""
        return range(self.seeds + 1, self.seeds + 1 + self.fresh_seeds)


def optimize_names() -> list[str]:
    """Names of the packaged searches, sorted."""
    return packaged_names(__package__)


def load_optimize_plan(source: str | Path | OptimizePlan) -> OptimizePlan:
    """Load a search's plan: a packaged name, the path of a TOML file, or a plan, which is returned.

    Raises
    ------
    ScenarioError
        If it is not found, cannot be read, or is not valid.

    Examples
    --------
    >>> [objective.metric for objective in load_optimize_plan("penalty").objectives]
    ['borrower_loss_usd', 'liquidator_profit_usd']
    """
    if isinstance(source, OptimizePlan):
        return source
    return read_plan(OptimizePlan, __package__, source, "search")
