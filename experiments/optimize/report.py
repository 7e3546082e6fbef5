"""What a search found: its Pareto set with scores on fresh seeds, and how much the search flattered it.

Which designs are listed, and which is the knee, is decided by the search's own runs. The
fresh scores had no part in it, so their means are unbiased and their intervals hold.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..figures.style import usd
from ..statistics import Interval, knee, pareto_front, t_interval
from ..sweeps.designs import Point
from .figures import draw_front
from .plan import OptimizePlan

Floats = NDArray[np.float64]

LEVEL = 0.95
DESCRIPTION = "optimize.json"
"""File that makes a folder one of a search."""


def is_optimized(folder: Path) -> bool:
    """Whether a folder holds what a search found."""
    return (folder / DESCRIPTION).is_file()


@dataclass(frozen=True, eq=False)
class OptimizeReport:
    """A finished search.

    Attributes
    ----------
    plan : OptimizePlan
    points : list of Point
        Designs tried, in order, each once.
    searched : float64 ndarray, shape (designs, objectives)
        Means over the search's seeds; nan where an objective does not exist.
    front : int64 ndarray, shape (front,)
        Designs that no other beats by these means.
    fresh : float64 ndarray, shape (front, fresh_seeds, objectives)
        Runs of those designs on seeds that the search has not seen.
    """

    plan: OptimizePlan
    points: list[Point]
    searched: Floats
    front: NDArray[np.int64]
    fresh: Floats

    @property
    def signs(self) -> Floats:
        """What turns objectives into costs."""
        return np.array([objective.sign for objective in self.plan.objectives])

    def intervals(self) -> list[list[Interval]]:
        """Return the fresh score of each design of the front in each objective."""
        return [
            [t_interval(runs[:, k], LEVEL) for k in range(len(self.plan.objectives))] for runs in self.fresh
        ]

    def knee(self) -> int | None:
        """Return the place in the front where the search's own scores bend; None unless two objectives."""
        if len(self.plan.objectives) != 2:
            return None
        return knee(self.searched[self.front] * self.signs)

    def still_on_front(self) -> list[bool]:
        """Return whether each design is beaten by no other of the set in its fresh means."""
        means = np.array([[one.value for one in row] for row in self.intervals()])
        kept = set(pareto_front(means * self.signs).tolist())
        return [place in kept for place in range(len(self.front))]

    def optimism(self) -> list[Interval]:
        """Return how much worse than searched the fresh scores are, on average over the front.

        In the unit of each objective; positive if the search flattered. The interval is over fresh
        seeds, which all designs share.
        """
        gaps = (self.fresh - self.searched[self.front][:, None, :]) * self.signs
        return [t_interval(np.nanmean(gaps[:, :, k], axis=0), LEVEL) for k in range(len(self.signs))]

    def to_markdown(self) -> str:
        """Return the Pareto set as a table."""
        metrics = list(self.plan.as_sweep().measured().values())
        names = [factor.name for factor in self.plan.factors]
        head = [*names]
        for metric in metrics:
            head += [metric.label, "in the search"]
        lines = [
            f"| {' | '.join(head)} | |",
            "|" + "---|" * len(names) + "---:|" * (2 * len(metrics)) + "---|",
        ]
        bend, kept = self.knee(), self.still_on_front()
        for place, (row, intervals) in enumerate(zip(self.front, self.intervals(), strict=True)):
            cells = [_value(value) for value in self.points[row]]
            for k, found in enumerate(intervals):
                cells += [_cell(found), usd(self.searched[row, k])]
            marks = ["knee"] * (place == bend) + ["beaten on fresh seeds"] * (not kept[place])
            lines.append(f"| {' | '.join(cells)} | {', '.join(marks)} |")
        gaps = "; ".join(
            f"{metric.label} {_cell(gap)}" for metric, gap in zip(metrics, self.optimism(), strict=True)
        )
        plan = self.plan
        return "\n".join(
            [
                *lines,
                "",
                f"{len(self.front)} of {len(self.points)} designs tried on {plan.seeds} seeds are beaten by "
                f"no other. Their scores are means over {plan.fresh_seeds} fresh seeds; +- is half of a "
                f"{LEVEL:.0%} interval.",
                f"Worse than in the search, on average: {gaps}.",
                "",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what does not exist is None."""
        names = [factor.name for factor in self.plan.factors]
        columns = [objective.column for objective in self.plan.objectives]
        bend, kept = self.knee(), self.still_on_front()
        return {
            "search": self.plan.name,
            "designs": len(self.points),
            "search_seeds": list(self.plan.search_seeds()),
            "fresh_seeds": list(self.plan.unseen_seeds()),
            "pareto_set": [
                {
                    "factors": dict(zip(names, self.points[row], strict=True)),
                    "searched": dict(zip(columns, self.searched[row].tolist(), strict=True)),
                    "fresh": {name: _plain(one) for name, one in zip(columns, found, strict=True)},
                    "knee": place == bend,
                    "on_fresh_front": kept[place],
                }
                for place, (row, found) in enumerate(zip(self.front, self.intervals(), strict=True))
            ],
            "optimism": {name: _plain(gap) for name, gap in zip(columns, self.optimism(), strict=True)},
        }

    def save(self, folder: Path) -> None:
        """Write description, all designs, table and figure."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")
        names = [factor.name for factor in self.plan.factors]
        designs = pd.DataFrame(self.points, columns=names)
        for k, objective in enumerate(self.plan.objectives):
            designs[objective.column] = self.searched[:, k]
        designs["on_front"] = np.isin(np.arange(len(designs)), self.front)
        designs.to_parquet(folder / "designs.parquet", index=False)
        (folder / "table.md").write_text(self.to_markdown(), encoding="utf-8")
        labels = [metric.label for metric in self.plan.as_sweep().measured().values()]
        draw_front(
            self.plan.name,
            labels,
            self.searched,
            self.searched[self.front],
            self.intervals(),
            self.knee(),
            folder,
        )


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cell(found: Interval) -> str:
    if not np.isfinite(found.value):
        return "-"
    return f"{usd(found.value)} +- {usd(found.half)}" if np.isfinite(found.half) else usd(found.value)


def _plain(found: Interval) -> dict[str, float | None]:
    return {key: float(value) if np.isfinite(value) else None for key, value in found._asdict().items()}
