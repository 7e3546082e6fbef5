"""What was found: a verdict for each fact, failures like the rest, as a list, as JSON and as a folder."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..statistics import Interval, bootstrap_interval
from .battery import FACTS, Fact
from .curves import Curves
from .figures import draw_facts

LEVEL = 0.95
DESCRIPTION = "facts.json"
"""File that makes a folder one of facts."""


def is_facts(folder: Path) -> bool:
    """Whether a folder holds a battery's results."""
    return (folder / DESCRIPTION).is_file()


@dataclass(frozen=True, slots=True)
class FactResult:
    """One fact: the mean over books and seeds with a bootstrap interval over seeds.

    Attributes
    ----------
    fact : Fact
    found : Interval
        nan if no book has the statistic; without ends for fewer than two seeds.
    outside : float
        The same of the reference price; nan where it does not apply.
    verdict : str
        ``pass`` if the whole interval lies in the band, ``fail`` if none of it does, ``unclear`` if it
        reaches over an end of the band or there is no interval, ``missing`` if the statistic does not exist.
    """

    fact: Fact
    found: Interval
    outside: float
    verdict: str


@dataclass(frozen=True, eq=False)
class FactReport:
    """The battery of one scenario.

    Attributes
    ----------
    scenario : str
    seeds : tuple of int
    bar_s : float
        Length of the bars, s.
    values : DataFrame
        Columns ``seed, asset, fact, value, outside``.
    curves : Curves
    """

    scenario: str
    seeds: tuple[int, ...]
    bar_s: float
    values: pd.DataFrame
    curves: Curves

    def results(self) -> list[FactResult]:
        """Return all facts in the order of the battery."""
        return [self._result(fact) for fact in FACTS]

    def _result(self, fact: Fact) -> FactResult:
        rows = self.values[self.values.fact == fact.name]
        by_seed = rows.groupby("seed").value.mean()
        found = bootstrap_interval(by_seed, lambda sample: sample.mean(axis=-1), LEVEL)
        return FactResult(fact, found, float(rows.outside.mean()), verdict(fact, found))

    def counts(self) -> dict[str, int]:
        """Return how many facts got each verdict."""
        verdicts = [result.verdict for result in self.results()]
        return {name: verdicts.count(name) for name in ("pass", "fail", "unclear", "missing")}

    def to_markdown(self) -> str:
        """Return the list as a table."""
        lines = [
            f"| fact | statistic | band | {self.scenario} | outside price | verdict |",
            "|---|---|---|---:|---:|---|",
        ]
        lines += [
            f"| {one.fact.name} | {_cell(one.fact.statistic)} | {_band(one.fact)} | {_interval(one.found)} | "
            f"{_number(one.outside)} | {one.verdict} |"
            for one in self.results()
        ]
        counts = ", ".join(f"{count} {name}" for name, count in self.counts().items() if count)
        return "\n".join(
            [
                *lines,
                "",
                f"{counts}. Means over books and {len(self.seeds)} seeds, {LEVEL:.0%} bootstrap intervals "
                f"over seeds; bars of {self.bar_s:g} s.",
                "",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what does not exist, or has no end, is None."""
        books = self.values.groupby(["fact", "asset"], observed=True).value.mean()
        return {
            "scenario": self.scenario,
            "seeds": list(self.seeds),
            "bar_s": self.bar_s,
            "counts": self.counts(),
            "facts": [
                {
                    "name": one.fact.name,
                    "claim": one.fact.claim,
                    "statistic": one.fact.statistic,
                    "band": [_finite(one.fact.low), _finite(one.fact.high)],
                    "source": one.fact.source,
                    **{key: _finite(value) for key, value in one.found._asdict().items()},
                    "outside": _finite(one.outside),
                    "verdict": one.verdict,
                    "books": {asset: _finite(value) for asset, value in books[one.fact.name].items()},
                }
                for one in self.results()
            ],
        }

    def save(self, folder: Path) -> None:
        """Write description, values, list and figure."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")
        self.values.to_parquet(folder / "values.parquet", index=False)
        (folder / "table.md").write_text(self.to_markdown(), encoding="utf-8")
        draw_facts(self.curves, f"{self.scenario}, {len(self.seeds)} seeds", self.bar_s, folder)


def verdict(fact: Fact, found: Interval) -> str:
    """Return what an interval says of a fact.

    Examples
    --------
    >>> hurst = next(fact for fact in FACTS if fact.name == "hurst-of-returns")
    >>> [verdict(hurst, Interval(0.5, low, high)) for low, high in ((0.45, 0.55), (0.3, 0.39), (0.3, 0.5))]
    ['pass', 'fail', 'unclear']
    """
    if math.isnan(found.value):
        return "missing"
    if math.isnan(found.low):
        return "unclear"
    if fact.low <= found.low and found.high <= fact.high:
        return "pass"
    return "fail" if found.high < fact.low or found.low > fact.high else "unclear"


def _band(fact: Fact) -> str:
    if math.isinf(fact.high):
        return f"above {fact.low:g}"
    return f"{fact.low:g} to {fact.high:g}"


def _interval(found: Interval) -> str:
    if math.isnan(found.low):
        return _number(found.value)
    return f"{_number(found.value)} ({_number(found.low)} to {_number(found.high)})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
