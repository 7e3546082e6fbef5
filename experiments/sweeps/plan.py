"""A sweep: a scenario, what is varied, how points are chosen, which seeds, what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from ..runs.metrics import Metric, find_metric
from ..scenarios import Scenario, load_scenario
from ..scenarios.base import NAME, Rows, ScenarioError, Section
from ..scenarios.packaged import packaged_names, read_plan
from .designs import Design, Point, design_points
from .factors import Factor, Value


class Job(NamedTuple):
    """One run of a sweep: its point and its seed."""

    point: int
    seed: int


class Picture(Section):
    """What the figure of a sweep shows."""

    kind: Literal["lines", "heatmap", "tornado"] = Field(
        default="lines", description="means with intervals, a map of two factors, or Sobol indices"
    )
    metrics: Rows[str] = Field(default=(), max_length=6, description="metrics shown; all if left out")
    x: str | None = Field(default=None, description="factor along the axis; the first if left out")
    x_scale: Literal["linear", "log"] = Field(
        default="linear", description="how the axis of lines is divided; log shows 0, too, at its left end"
    )
    y: str | None = Field(default=None, description="second factor of a heatmap; the second if left out")


class SweepPlan(Section):
    """What a sweep does.

    Every point is run with the same seeds, so points are compared with common random numbers.

    Raises
    ------
    pydantic.ValidationError
        If names are repeated, or the baseline or the picture names what is not there.
    """

    name: str = Field(pattern=NAME, description="name of the sweep")
    description: str = Field(default="", max_length=300, description="one line that says what it asks")
    scenario: str = Field(min_length=1, description="packaged scenario, or path of a .toml file")
    set: Rows[str] = Field(default=(), description="changes that hold for every point")
    factors: Rows[Factor] = Field(min_length=1, description="what is varied")
    design: Design = Field(default_factory=Design, description="which points are visited")
    seeds: int = Field(default=5, ge=1, le=100_000, description="runs at each point, with seeds from 1")
    metrics: Rows[str] = Field(
        default=("bad_debt_usd", "borrower_loss_usd", "liquidator_profit_usd", "liquidations"),
        min_length=1,
        description="names of metrics, or module:function taking a run and returning a number",
    )
    tables: Rows[str] = Field(
        default=(), description="result tables of each run to keep, such as liquidations"
    )
    baseline: dict[str, Value] = Field(
        default_factory=dict, description="value of each factor at the point that others are compared with"
    )
    max_runs: int = Field(default=2_000, ge=1, description="runs above which the sweep asks for --yes")
    picture: Picture = Field(default_factory=Picture, description="what the figure shows")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [factor.name for factor in self.factors]
        for what, given in (("factors", names), ("metrics", list(self.metrics))):
            for name in given:
                if given.count(name) > 1:
                    raise ValueError(f"{what}: {name!r} is given twice; each must be unique")
        taken = {"point", "seed"} & set(names) | set(names) & set(self.metrics)
        if taken:
            raise ValueError(f"factors: {sorted(taken)[0]!r} is the name of another column")
        if self.baseline and set(self.baseline) != set(names):
            raise ValueError(f"baseline must give a value to each of {', '.join(names)}")
        for axis in (self.picture.x, self.picture.y):
            if axis is not None and axis not in names:
                raise ValueError(f"picture: no factor {axis!r}; allowed: {', '.join(names)}")
        for metric in self.picture.metrics:
            if metric not in self.metrics:
                raise ValueError(
                    f"picture.metrics: {metric!r} is not measured; allowed: {', '.join(self.metrics)}"
                )
        if self.picture.kind == "tornado" and self.design.kind != "saltelli":
            raise ValueError("picture.kind = 'tornado' needs design.kind = 'saltelli'")
        if self.picture.kind == "heatmap" and len(names) < 2:
            raise ValueError("picture.kind = 'heatmap' needs two factors")
        if self.picture.x_scale == "log":
            self._check_log()
        return self

    def _check_log(self) -> None:
        """Refuse a logarithmic axis where it does nothing or cannot be."""
        if self.picture.kind != "lines":
            raise ValueError(f"picture.x_scale = 'log' is for lines; picture.kind is {self.picture.kind!r}")
        along = next(f for f in self.factors if f.name == (self.picture.x or self.factors[0].name))
        given = along.values or (along.low,)
        if not all(isinstance(v, int | float) and not isinstance(v, bool) and v >= 0 for v in given):
            raise ValueError(
                f"picture.x_scale = 'log' needs numbers of at least 0; factor {along.name!r} has others"
            )

    def points(self) -> list[Point]:
        """Return the points of the design, a value for each factor.

        Raises
        ------
        ScenarioError
            If the design does not suit the factors.
        """
        try:
            return design_points(self.design, self.factors)
        except ValueError as error:
            raise ScenarioError(f"sweep {self.name}: {error}") from None

    def jobs(self) -> list[Job]:
        """Return all runs, seed by seed, so that a sweep cut short has seen every point."""
        points = range(len(self.points()))
        return [Job(point, seed) for seed in range(1, self.seeds + 1) for point in points]

    def settings(self, point: Point) -> dict[str, Value]:
        """Return the value of each factor at a point, by name."""
        return dict(zip((factor.name for factor in self.factors), point, strict=True))

    def changes(self, point: Point) -> tuple[str, ...]:
        """Return the changes to the scenario at a point."""
        pairs = zip(self.factors, point, strict=True)
        return (*self.set, *(change for factor, value in pairs for change in factor.changes(value)))

    def scenario_at(self, point: Point) -> Scenario:
        """Return the scenario of a point.

        Raises
        ------
        ScenarioError
            If it cannot run.
        """
        return load_scenario(self.scenario, self.changes(point))

    def measured(self) -> Mapping[str, Metric]:
        """Return the metrics by their column.

        Raises
        ------
        ScenarioError
            If one cannot be found.
        """
        return {name.partition(":")[2] or name: find_metric(name) for name in self.metrics}

    def check(self) -> None:
        """Try every value of every factor, the others as they are first.

        Raises
        ------
        ScenarioError
            If a path does not exist or a value is not allowed.
        """
        self.measured()
        load_scenario(self.scenario, self.set)
        first = tuple(factor.at([0.0])[0] for factor in self.factors)
        for k, factor in enumerate(self.factors):
            for value in factor.labels or factor.at([0.0, 1.0]):
                self.scenario_at((*first[:k], value, *first[k + 1 :]))

    def record(self) -> dict[str, Any]:
        """Return what makes two sweeps the same: the plan, and the scenario it starts from."""
        scenario = load_scenario(self.scenario, self.set)
        return {
            "plan": self.model_dump(mode="json", exclude={"max_runs", "picture", "description"}),
            "scenario": scenario.model_dump(mode="json", exclude_none=True),
        }


def sweep_names() -> list[str]:
    """Names of the packaged sweeps, sorted."""
    return packaged_names(__package__)


def load_plan(source: str | Path | SweepPlan) -> SweepPlan:
    """Load a sweep's plan.

    Parameters
    ----------
    source : str, Path or SweepPlan
        Name of a packaged sweep, path of a TOML file, or a plan, which is returned.

    Raises
    ------
    ScenarioError
        If it is not found, cannot be read, or is not valid.

    Examples
    --------
    >>> len(load_plan("quick-sweep").jobs())
    12
    """
    if isinstance(source, SweepPlan):
        return source
    return read_plan(SweepPlan, __package__, source, "sweep")
