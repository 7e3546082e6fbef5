"""What is calibrated: a scenario, parameters with their ranges, and targets with their errors."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from ..scenarios.base import NAME, Rows, Section
from ..scenarios.packaged import packaged_names, read_plan
from ..sweeps import Factor, SweepPlan


class Target(Section):
    """What a moment should be."""

    moment: str = Field(min_length=1, description="volatility_bps.SYMBOL, liquidations.hour-N, a metric, ...")
    value: float = Field(description="what was observed")
    se: float | None = Field(
        default=None,
        gt=0,
        description="standard error of the observation; if left out, it is one draw of what is simulated",
    )
    holdout: bool = Field(default=False, description="not fitted, only scored")


class CalibrationPlan(Section):
    """What a calibration does.

    Raises
    ------
    pydantic.ValidationError
        If moments are repeated, a parameter is no range, or fewer moments are fitted than parameters.
    """

    name: str = Field(pattern=NAME, description="name of the calibration")
    description: str = Field(default="", max_length=300, description="one line that says what it fits")
    scenario: str = Field(min_length=1, description="packaged scenario, or path of a .toml file")
    set: Rows[str] = Field(default=(), description="changes that hold throughout")
    parameters: Rows[Factor] = Field(min_length=1, description="what is fitted: factors with low and high")
    targets: Rows[Target] = Field(min_length=1, description="what is to be met")
    seeds: int = Field(default=10, ge=2, le=10_000, description="runs of each trial, always the same seeds")
    fresh_seeds: int = Field(default=20, ge=2, le=10_000, description="runs of the score, on other seeds")
    starts: int = Field(default=16, ge=1, le=10_000, description="points tried before the local search")
    evaluations: int = Field(default=60, ge=10, le=100_000, description="most trials of each local search")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        moments = [target.moment for target in self.targets]
        for moment in moments:
            if moments.count(moment) > 1:
                raise ValueError(f"targets: {moment!r} is given twice; each must be unique")
        for parameter in self.parameters:
            if parameter.low is None or parameter.whole:
                raise ValueError(f"parameters: {parameter.name!r} needs low and high, and may not be whole")
        fitted = len(self.fitted)
        if fitted < len(self.parameters):
            raise ValueError(
                f"targets: {fitted} are fitted, fewer than the {len(self.parameters)} parameters; "
                "add targets or fix parameters"
            )
        self.as_sweep()
        return self

    @property
    def fitted(self) -> list[Target]:
        """Targets that parameters are fitted to."""
        return [target for target in self.targets if not target.holdout]

    def as_sweep(self) -> SweepPlan:
        """Return the parameters as factors of a sweep, which knows how to apply them."""
        return SweepPlan(name=self.name, scenario=self.scenario, set=self.set, factors=self.parameters)


def calibration_names() -> list[str]:
    """Names of the packaged calibrations, sorted."""
    return packaged_names(__package__)


def load_calibration(source: str | Path | CalibrationPlan) -> CalibrationPlan:
    """Load a calibration: a packaged name, the path of a TOML file, or a plan, which is returned.

    Raises
    ------
    ScenarioError
        If it is not found, cannot be read, or is not valid.

    Examples
    --------
    >>> [parameter.name for parameter in load_calibration("book").parameters]
    ['order_size_usd', 'offset_bps']
    """
    if isinstance(source, CalibrationPlan):
        return source
    return read_plan(CalibrationPlan, __package__, source, "calibration")
