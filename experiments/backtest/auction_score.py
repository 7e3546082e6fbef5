"""Score simulated auctions against the recorded ones: near-zero shares by hour of kick and by bidders.

Only kicks at or after the cutoff of the fit count. Hours inside the seeds' 90 % are hits, the
others misses, and both are listed. A constant, the share of the fitted kicks, is the
trivial predictor. The twin with falling-price auctions is compared pair by pair of seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

BIDDERS = ("1", "2", "3 or more")
QUANTILES = (0.05, 0.95)
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class ShareRow:
    """One line of a score: recorded and simulated near-zero share of the same group of lots.

    Attributes
    ----------
    label : str
    kicks : int
        Recorded lots in the group.
    real, simulated : float
        Near-zero share, simulated: mean over seeds; NaN if no lot is in the group.
    low, high : float
        Central 90 % of the seeds.
    simulated_kicks : float
        Simulated lots in the group, mean over seeds.
    """

    label: str
    kicks: int
    real: float
    simulated: float
    low: float
    high: float
    simulated_kicks: float

    @property
    def hit(self) -> bool:
        """Whether the recorded share lies inside the seeds' interval."""
        return bool(self.low <= self.real <= self.high)


@dataclass(frozen=True)
class PairedDifference:
    """Flip less clip over the same seeds: mean, t interval and p value of no difference (two-sided)."""

    mean: float
    low: float
    high: float
    p_value: float


def shares(
    labels: np.ndarray, order: tuple[str, ...], real: np.ndarray, simulated: np.ndarray, groups: np.ndarray
) -> list[ShareRow]:
    """Return a row for each label.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Group of each recorded lot.
    order : tuple of str
        Labels in their order.
    real : bool ndarray, shape (n,)
    simulated : bool ndarray, shape (seeds, n)
    groups : ndarray, shape (seeds, n)
        Group of each simulated lot.
    """
    rows = []
    for label in order:
        mine, theirs = labels == label, groups == label
        counts = theirs.sum(axis=1)
        by_seed = np.divide(
            (simulated & theirs).sum(axis=1), counts, out=np.full(len(counts), np.nan), where=counts > 0
        )
        known = by_seed[~np.isnan(by_seed)]
        low, high = np.quantile(known, QUANTILES) if len(known) else (np.nan, np.nan)
        rows.append(
            ShareRow(
                label,
                int(mine.sum()),
                float(real[mine].mean()) if mine.any() else float("nan"),
                float(known.mean()) if len(known) else float("nan"),
                float(low),
                float(high),
                float(counts.mean()),
            )
        )
    return rows


def bidder_groups(counts: np.ndarray) -> np.ndarray:
    """Return the label of `BIDDERS` for each number of bidders; empty for none."""
    groups = np.full(counts.shape, "", dtype="<U9")
    groups[counts == 1], groups[counts == 2], groups[counts >= 3] = BIDDERS
    return groups


def error(rows: list[ShareRow], constant: float | None = None) -> float:
    """Mean distance of simulated shares, or of a constant, from the recorded ones, weighted by lots."""
    known = [row for row in rows if row.kicks and not np.isnan(row.simulated)]
    said = [row.simulated if constant is None else constant for row in known]
    gaps = [abs(row.real - share) for row, share in zip(known, said, strict=True)]
    return float(np.average(gaps, weights=[row.kicks for row in known]))


def width(rows: list[ShareRow]) -> float:
    """Mean width of the seeds' intervals, weighted by recorded lots: hits in wide intervals say little."""
    known = [row for row in rows if row.kicks and not np.isnan(row.simulated)]
    return float(np.average([row.high - row.low for row in known], weights=[row.kicks for row in known]))


def paired_difference(first: np.ndarray, second: np.ndarray) -> PairedDifference:
    """Return the mean of ``first - second`` with its t interval and test; shape (seeds,) each."""
    difference = np.asarray(first) - np.asarray(second)
    mean, n = float(difference.mean()), len(difference)
    if n < 2 or np.ptp(difference) == 0.0:
        return PairedDifference(mean, mean, mean, float("nan") if n < 2 or mean == 0.0 else 0.0)
    half = float(stats.sem(difference) * stats.t.ppf((1.0 + LEVEL) / 2.0, n - 1))
    return PairedDifference(mean, mean - half, mean + half, float(stats.ttest_1samp(difference, 0.0).pvalue))


def plain(row: ShareRow) -> dict[str, Any]:
    """Return one row as plain containers; None where a share is not defined."""
    values: dict[str, Any] = {
        "group": row.label,
        "kicks": row.kicks,
        "real": row.real,
        "simulated": row.simulated,
        "interval": [row.low, row.high],
        "simulated_kicks": row.simulated_kicks,
        "hit": row.hit,
    }
    return {key: None if isinstance(v, float) and np.isnan(v) else v for key, v in values.items()}
