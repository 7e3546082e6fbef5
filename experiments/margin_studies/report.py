"""The studies by name, and what each leaves: a table, its figure, and lines that say what they show."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ...market.streams import Streams
from ..scenarios.base import ScenarioError
from . import architectures, correlation_break, model_risk

DESCRIPTION = "margin_study.json"
"""File that makes a folder one of a study."""


@dataclass(frozen=True, eq=False)
class StudyReport:
    """What a study found.

    Attributes
    ----------
    name : str
    seed : int
    lines : tuple of str
        What was done and what it shows.
    table : DataFrame
        All numbers.
    shown : DataFrame
        Those to print, rounded, with their units in the names.
    draw : callable
        Draws the figure into a folder and returns the file.
    """

    name: str
    seed: int
    lines: tuple[str, ...]
    table: pd.DataFrame
    shown: pd.DataFrame
    draw: Callable[[Path], Path]

    def to_markdown(self) -> str:
        """Return the lines and the table."""
        heads = [str(column) for column in self.shown.columns]
        numeric = [pd.api.types.is_numeric_dtype(self.shown[column]) for column in self.shown.columns]
        rows = [
            f"| {' | '.join(f'{value:,.10g}' if isinstance(value, float) else str(value) for value in row)} |"
            for row in self.shown.itertuples(index=False)
        ]
        rule = "|".join("---:" if number else "---" for number in numeric)
        return "\n".join([*self.lines, "", f"| {' | '.join(heads)} |", f"|{rule}|", *rows, ""])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what is not a number is None."""
        records = self.table.to_dict("records")
        rows = [
            {
                str(key): None if isinstance(value, float) and not math.isfinite(value) else value
                for key, value in row.items()
            }
            for row in records
        ]
        return {"study": self.name, "seed": self.seed, "rows": rows}

    def save(self, folder: Path) -> None:
        """Write description, table and figure."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")
        self.table.to_parquet(folder / "table.parquet", index=False)
        (folder / "table.md").write_text(self.to_markdown(), encoding="utf-8")
        self.draw(folder)


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study of margin rules."""
    return (folder / DESCRIPTION).is_file()


class Study(NamedTuple):
    """What a study is made of.

    Attributes
    ----------
    run : callable
        From a generator to what is found.
    lines, table, shown : callable
        From what is found to the parts of its report.
    draw : callable
        The same for the figure, with the folder it goes into.
    """

    run: Callable[[np.random.Generator], Any]
    lines: Callable[[Any], tuple[str, ...]]
    table: Callable[[Any], pd.DataFrame]
    shown: Callable[[Any], pd.DataFrame]
    draw: Callable[[Any, Path], Path]


STUDIES = {
    "architectures": Study(
        architectures.architectures,
        lambda table: architectures.lines(),
        lambda table: table,
        architectures.shown,
        architectures.draw,
    ),
    "correlation-break": Study(
        correlation_break.correlation_break,
        correlation_break.lines,
        lambda found: found.table,
        correlation_break.shown,
        correlation_break.draw,
    ),
    "model-risk": Study(
        model_risk.model_risk,
        lambda table: model_risk.lines(),
        lambda table: table,
        model_risk.shown,
        model_risk.draw,
    ),
}
"""The studies by name."""


def run_study(name: str, seed: int) -> StudyReport:
    """Run a study.

    Raises
    ------
    ScenarioError
        If there is no study of this name.
    """
    if name not in STUDIES:
        raise ScenarioError(f"margin study = {name!r}; allowed: {', '.join(STUDIES)}")
    study = STUDIES[name]
    found = study.run(Streams(seed)(f"margin.{name}"))
    return StudyReport(
        name,
        seed,
        study.lines(found),
        study.table(found),
        study.shown(found),
        lambda folder: study.draw(found, folder),
    )
