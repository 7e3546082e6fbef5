"""The crash of a run: from which peak to which trough the outside prices fell, and what stood before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..runs import RunResult
from .errors import ContagionError

DEPTH_BAND = 0.01
"""Fall of the price over which the recorded depth of a book is measured, as a share."""

LEAST_BLOCKS = 25
"""Blocks from the start of the run that always count as before the crash when depth is read."""


@dataclass(frozen=True, eq=False)
class Crash:
    """What the world outside did, and what is known just before.

    Attributes
    ----------
    start_s, end_s : float
        Peak and trough of the value of all borrowers' collateral, seconds.
    snapshot : int
        Number of the last snapshot that was not taken after the peak.
    returns : mapping of str to float
        Lowest return of each asset until the trough, 0 at most.
    impact_per_usd : mapping of str to float
        Fall of each asset's price per USD sold, as a share, when sales are spread over the crash.
    impact_at_once_per_usd : mapping of str to float
        The same when all is sold at once.
    """

    start_s: float
    end_s: float
    snapshot: int
    returns: Mapping[str, float]
    impact_per_usd: Mapping[str, float]
    impact_at_once_per_usd: Mapping[str, float]


def find_crash(result: RunResult) -> Crash:
    """Find the largest fall of outside prices in a run.

    Impact is ``DEPTH_BAND / depth`` of the book before the crash, divided by ``1 + anchor_per_s *
    duration``: a displacement of the mid decays at the scenario's ``flow.anchor_per_s``, so that a
    book takes that many times its depth while prices fall.

    Raises
    ------
    ContagionError
        If the run kept no quotes.
    """
    quotes = result.tables.get("quotes")
    if quotes is None or not len(quotes):
        raise ContagionError(
            "the run kept no quotes; needed: recording.quotes = true, and an asset with a book"
        )
    paths = quotes.pivot(index="t_s", columns="asset", values="reference")
    first = result.positions[result.positions.snapshot == 0]
    held = first.groupby("main_collateral", observed=True).collateral_usd.sum()
    held = (
        pd.Series(held.to_numpy(), index=held.index.astype(str))
        .reindex(paths.columns.astype(str))
        .fillna(0.0)
    )
    weights = held.to_numpy() if held.sum() > 0 else np.ones(len(held))
    values = (paths / paths.iloc[0]).to_numpy() @ (weights / weights.sum())
    trough = int(np.argmin(values / np.maximum.accumulate(values)))
    peak = int(np.argmax(values[: trough + 1]))
    times = paths.index.to_numpy(float)
    window = paths.iloc[peak : trough + 1]
    lowest = np.minimum((window.min() / window.iloc[0]).to_numpy() - 1.0, 0.0)
    before = quotes[quotes.block <= max(peak, LEAST_BLOCKS)]
    depths = before.groupby("asset", observed=False).depth_bid_usd.median()
    refilled = 1.0 + result.scenario.flow.anchor_per_s * float(times[trough] - times[peak])
    at_once = {str(asset): DEPTH_BAND / usd if usd > 0.0 else 0.0 for asset, usd in depths.items()}
    snapshots = result.positions.groupby("snapshot").t_s.first()
    return Crash(
        start_s=float(times[peak]),
        end_s=float(times[trough]),
        snapshot=int(snapshots.index[snapshots <= times[peak]].max()),
        returns=dict(zip(paths.columns.astype(str), lowest.tolist(), strict=True)),
        impact_per_usd={asset: impact / refilled for asset, impact in at_once.items()},
        impact_at_once_per_usd=at_once,
    )
