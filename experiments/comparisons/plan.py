"""What to compare: a scenario, and cases that change it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from ..scenarios import Scenario, load_scenario
from ..scenarios.base import NAME, Rows, ScenarioError, Section
from ..scenarios.packaged import packaged_names, read_toml

CASE_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$"


class Case(Section):
    """One set of rules."""

    name: str = Field(pattern=CASE_NAME, description="name of the case, unique")
    set: Rows[str] = Field(default=(), description="changes to the scenario, each path.to.key=value")


class ComparisonPlan(Section):
    """Cases that are run with the same seeds.

    Raises
    ------
    pydantic.ValidationError
        If names are repeated or the baseline is no case.
    """

    name: str = Field(pattern=NAME, description="name of the comparison")
    description: str = Field(default="", max_length=300, description="one line that says what it shows")
    scenario: str = Field(min_length=1, description="packaged scenario, or path of a .toml file")
    set: Rows[str] = Field(default=(), description="changes that hold for every case")
    metrics: Rows[str] = Field(
        default=(
            "bad_debt_usd",
            "borrower_loss_usd",
            "liquidator_profit_usd",
            "time_to_liquidation_s",
            "price_impact_bps",
        ),
        min_length=1,
        description="what the tables and the figure show, names of runs.metrics or module:function",
    )
    baseline: str = Field(description="case that the others are compared with")
    cases: Rows[Case] = Field(min_length=2, description="what is compared")

    @model_validator(mode="after")
    def _has_its_baseline(self) -> Self:
        names = [case.name for case in self.cases]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"cases: name {name!r} is given twice; each must be unique")
        if self.baseline not in names:
            raise ValueError(f"baseline = {self.baseline!r}; allowed: {', '.join(names)}")
        return self

    def scenarios(self) -> Mapping[str, Scenario]:
        """Return the scenario of every case, in order.

        Raises
        ------
        ScenarioError
            If one of them cannot run.
        """
        return {case.name: load_scenario(self.scenario, (*self.set, *case.set)) for case in self.cases}


def comparison_names() -> list[str]:
    """Names of the packaged comparisons, sorted."""
    return packaged_names(__package__)


def load_comparison(source: str | Path) -> ComparisonPlan:
    """Load a comparison.

    Parameters
    ----------
    source : str or Path
        Name of a packaged comparison, or path of a TOML file.

    Raises
    ------
    ScenarioError
        If it is not found, cannot be read, or is not valid.

    Examples
    --------
    >>> load_comparison("one-crash-every-protocol").baseline
    'aave-v2'
    """
    data = read_toml(__package__, source, "comparison")
    try:
        return ComparisonPlan.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ScenarioError(f"{source}: {where + ': ' if where else ''}{first['msg']}") from None
