"""What a calibration found: parameters with errors, moments against targets, and how well it fits."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ..statistics import Interval
from ..sweeps import Factor
from ..sweeps.designs import Point
from .estimator import Estimate
from .plan import CalibrationPlan

Floats = NDArray[np.float64]

LEVEL = 0.95
DESCRIPTION = "calibration.json"
"""File that makes a folder one of a calibration."""

EDGE = 0.01
"""Share of a range from its end within which an answer stands at the edge."""


def is_calibration(folder: Path) -> bool:
    """Whether a folder holds a calibration."""
    return (folder / DESCRIPTION).is_file()


@dataclass(frozen=True, eq=False)
class CalibrationReport:
    """A finished calibration.

    Attributes
    ----------
    plan : CalibrationPlan
    point : Point
        Value of each parameter.
    estimate : Estimate
    fresh : float64 ndarray, shape (fresh_seeds, targets)
        Moments of all targets, held out ones too, on seeds that the fit has not seen.
    """

    plan: CalibrationPlan
    point: Point
    estimate: Estimate
    fresh: Floats

    def parameters(self) -> dict[str, Interval]:
        """Return each parameter with its interval, by the normal law; in its own unit."""
        z = float(stats.norm.ppf(0.5 + LEVEL / 2))
        found = {}
        for k, (parameter, value) in enumerate(zip(self.plan.parameters, self.point, strict=True)):
            half = z * self.standard_error(k)
            centre = float(value)
            found[parameter.name] = Interval(centre, centre - half, centre + half)
        return found

    def standard_error(self, k: int) -> float:
        """Return the standard error of the k-th parameter in its own unit."""
        u = float(self.estimate.at[k])
        return math.sqrt(float(self.estimate.covariance[k, k])) * _stretch(self.plan.parameters[k], u)

    def at_edge(self) -> list[str]:
        """Return parameters that stand at an end of their range, where standard errors do not hold."""
        return [
            parameter.name
            for parameter, u in zip(self.plan.parameters, self.estimate.at, strict=True)
            if not EDGE < u < 1.0 - EDGE
        ]

    def scores(self) -> pd.DataFrame:
        """Return targets against fresh runs.

        Returns
        -------
        DataFrame
            Columns ``moment, target, simulated, z, holdout``: z is the gap over its standard error,
            that of the observation and of the mean over fresh seeds.
        """
        rows = []
        for k, target in enumerate(self.plan.targets):
            runs = self.fresh[:, k]
            variance = float(runs.var(ddof=1))
            observed = variance if target.se is None else target.se**2
            error = math.sqrt(observed + variance / len(runs))
            gap = float(runs.mean()) - target.value
            z = gap / error if error > 0.0 else math.copysign(math.inf, gap) if gap else 0.0
            rows.append((target.moment, target.value, float(runs.mean()), z, target.holdout))
        return pd.DataFrame(rows, columns=["moment", "target", "simulated", "z", "holdout"])

    def fresh_j(self) -> float:
        """Return the distance of fresh moments from the fitted targets, with the weights of the fit.

        In expectation it exceeds the fit's J, which had the parameters bent to it.
        """
        chosen = [k for k, target in enumerate(self.plan.targets) if not target.holdout]
        gap = self.fresh[:, chosen].mean(axis=0) - np.array([target.value for target in self.plan.fitted])
        return float(gap @ self.estimate.weight @ gap)

    def root_mean_square(self, holdout: bool) -> float:
        """Return the root mean square z on fresh seeds, of fitted or held out targets; about 1 if right."""
        scores = self.scores()
        z = scores.z[scores.holdout == holdout].to_numpy(float)
        return float(np.sqrt(np.mean(z**2))) if len(z) else math.nan

    def to_markdown(self) -> str:
        """Return parameters, moments and scores as tables."""
        lines = ["| parameter | estimate | standard error | 95 % interval |", "|---|---:|---:|---:|"]
        for k, (name, found) in enumerate(self.parameters().items()):
            ends = f"{_number(found.low)} to {_number(found.high)}"
            lines.append(f"| {name} | {_number(found.value)} | {_number(self.standard_error(k))} | {ends} |")
        lines += ["", "| moment | target | simulated | z | |", "|---|---:|---:|---:|---|"]
        lines += [
            f"| {row['moment']} | {_number(row['target'])} | {_number(row['simulated'])} | {row['z']:+.2f} | "
            f"{'held out' if row['holdout'] else ''} |"
            for row in self.scores().to_dict("records")
        ]
        fit = self.estimate
        test = f"J = {fit.j:.2f} in the fit"
        if fit.spare:
            test += f", {fit.spare} moments to spare, p = {fit.p_value:.3f}"
        lines += ["", f"{test}; {self.fresh_j():.2f} on {len(self.fresh)} fresh seeds. {self._sizes()}"]
        if self.at_edge():
            lines.append(
                f"At an end of its range: {', '.join(self.at_edge())}; standard errors do not hold there."
            )
        return "\n".join([*lines, ""])

    def _sizes(self) -> str:
        held = self.root_mean_square(holdout=True)
        text = f"Root mean square z {self.root_mean_square(holdout=False):.2f}"
        return f"{text}, of targets held out {held:.2f}." if math.isfinite(held) else f"{text}."

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what does not exist is None."""
        fit = self.estimate
        return {
            "calibration": self.plan.name,
            "parameters": {
                name: {**{key: _finite(value) for key, value in found._asdict().items()},
                       "standard_error": _finite(self.standard_error(k))}
                for k, (name, found) in enumerate(self.parameters().items())
            },
            "at_edge": self.at_edge(),
            "moments": [
                {key: _finite(value) if isinstance(value, float) else value for key, value in row.items()}
                for row in self.scores().to_dict("records")
            ],
            "weights": fit.weight.tolist(),
            "j": _finite(fit.j),
            "spare_moments": fit.spare,
            "p_value": _finite(fit.p_value),
            "fresh_j": _finite(self.fresh_j()),
            "rms_z": _finite(self.root_mean_square(holdout=False)),
            "rms_z_held_out": _finite(self.root_mean_square(holdout=True)),
            "trials": fit.trials,
        }  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write description and tables."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")
        (folder / "table.md").write_text(self.to_markdown(), encoding="utf-8")


def _stretch(parameter: Factor, u: float) -> float:
    """Return how fast a parameter changes with its share of the range."""
    low, high = max(0.0, u - 0.005), min(1.0, u + 0.005)
    first, last = parameter.at([low, high])
    return (float(last) - float(first)) / (high - low)


def _number(value: float) -> str:
    """Write a number with four digits, or whole with commas if it has more.

    Examples
    --------
    >>> _number(21.6789), _number(1_408_321.5)
    ('21.68', '1,408,322')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
