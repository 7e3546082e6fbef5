"""How long accounts stay liquidatable before somebody takes them (Kaplan and Meier, 1958)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..runs import RunResult
from .style import BEFORE, COLOURS, drawing, new_figure, no_data, save


def kaplan_meier(
    duration_s: NDArray[np.float64], done: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share still open after a time, with those censored that were never done.

    Parameters
    ----------
    duration_s : ndarray, shape (n,)
        Seconds from eligibility to liquidation, or to the end of the run.
    done : ndarray of bool, shape (n,)
        Whether the liquidation took place.

    Returns
    -------
    times, survival : ndarray
        Steps of the estimate, from time 0 and share 1 on.

    Examples
    --------
    >>> times, share = kaplan_meier(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]))
    >>> times.tolist(), share.round(3).tolist()
    ([0.0, 1.0, 3.0], [1.0, 0.667, 0.0])
    """
    times, events = np.unique(duration_s[done], return_counts=True)
    at_risk = len(duration_s) - np.searchsorted(np.sort(duration_s), times, side="left")
    survival = np.cumprod(1.0 - events / at_risk)
    return np.concatenate([[0.0], times]), np.concatenate([[1.0], survival])


def draw_survival(result: RunResult, folder: Path) -> Path:
    """Draw the share of eligible accounts that are still open, over the time since eligibility.

    Needs the ``liquidations`` table. If ``positions`` has a column
    ``eligible_since_s``, accounts that are still eligible at the end count as
    censored; else the title says how many were left out.
    """
    calls = result.liquidations
    waits = (calls["t_done_s"] - calls["t_eligible_s"]).to_numpy(float)
    censored, left_out = _still_open(result)
    seconds, unit = (60.0, "minutes") if len(waits) and np.quantile(waits, 0.9) > 600 else (1.0, "seconds")
    with drawing():
        figure = new_figure(7.5, 4.5)
        axes = figure.subplots()
        if len(waits):
            times, share = kaplan_meier(
                np.concatenate([waits, censored]), np.repeat([True, False], [len(waits), len(censored)])
            )
            end = max(times[-1], censored.max(initial=0.0), 1.0)
            axes.step(
                np.append(times, end) / seconds,
                np.append(share, share[-1]),
                where="post",
                color=BEFORE,
                lw=1.6,
                label=f"{len(waits)} liquidations"
                + (f", {len(censored)} open at the end" if len(censored) else ""),
            )
            block = result.scenario.clock.block_time_s
            axes.axvline(block / seconds, color=COLOURS[4], ls=":", lw=1.2, label=f"one block ({block:g} s)")
            axes.legend(loc="upper right")
            axes.set_ylim(0, 1.03)
            axes.set_xlim(left=0)
        else:
            no_data(axes, "no liquidations")
        axes.set_xlabel(f"time since the account became liquidatable ({unit})")
        axes.set_ylabel("share not yet liquidated")
        note = f"\n({left_out} accounts still open at the end are left out)" if left_out else ""
        axes.set_title(f"{result.scenario.name}, seed {result.seed}: time to liquidation{note}")
        return save(figure, folder, "time_to_liquidation")


def _still_open(result: RunResult) -> tuple[NDArray[np.float64], int]:
    """Return waiting times of accounts that are eligible at the end, and the number without a beginning."""
    positions = result.tables.get("positions", pd.DataFrame())
    if "snapshot" not in positions:
        return np.empty(0), 0
    rows = positions[
        (positions["snapshot"] == 1) & (positions["health_factor"] < 1) & (positions["debt_usd"] > 0)
    ]
    if "eligible_since_s" not in rows:
        return np.empty(0), len(rows)
    end = result.scenario.clock.n_blocks * result.scenario.clock.block_time_s
    waits = end - rows["eligible_since_s"].to_numpy(float)
    return waits[np.isfinite(waits)], int(np.isnan(waits).sum())
