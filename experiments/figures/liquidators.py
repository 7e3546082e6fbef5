"""Who liquidates, and who earns by it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..runs import RunResult
from .style import AFTER, BEFORE, drawing, new_figure, no_data, save, usd_axis

_MOST_BARS = 15


def liquidator_ranking(liquidations: pd.DataFrame) -> pd.DataFrame:
    """Share of repaid debt and profit of each liquidator, largest share first.

    Parameters
    ----------
    liquidations : DataFrame
        Columns ``liquidator``, ``repaid_usd``, ``profit_usd``.

    Returns
    -------
    DataFrame
        Index ``liquidator``; columns ``calls``, ``share`` (fraction), ``profit_usd``.
        Liquidators behind the fifteenth share one row, ``N others``.
    """
    groups = liquidations.groupby("liquidator", observed=True)
    ranking = pd.DataFrame(
        {
            "calls": groups.size(),
            "share": groups["repaid_usd"].sum() / liquidations["repaid_usd"].sum(),
            "profit_usd": groups["profit_usd"].sum(),
        }
    ).sort_values("share", ascending=False, kind="stable")
    if len(ranking) > _MOST_BARS:
        rest = ranking.iloc[_MOST_BARS - 1 :]
        ranking = pd.concat([ranking.iloc[: _MOST_BARS - 1], rest.sum().to_frame(f"{len(rest)} others").T])
    return ranking


def draw_liquidators(result: RunResult, folder: Path) -> Path:
    """Draw share of repaid debt and profit by liquidator.

    Needs the ``liquidations`` table.
    """
    calls = result.liquidations
    with drawing():
        ranking = liquidator_ranking(calls) if len(calls) else pd.DataFrame()
        figure = new_figure(9, 1.6 + 0.3 * max(len(ranking), 4))
        left, right = figure.subplots(1, 2, sharey=True)
        if len(calls):
            names = [str(name) for name in ranking.index]
            left.barh(names, 100 * ranking["share"], color=BEFORE, alpha=0.75)
            right.barh(
                names, ranking["profit_usd"], color=AFTER, alpha=0.55, hatch="///", edgecolor="black", lw=0.4
            )
            right.axvline(0.0, color="black", lw=0.8)
            left.invert_yaxis()
            usd_axis(right, "x")
        else:
            for panel in (left, right):
                no_data(panel, "no liquidations")
        left.set_xlabel("share of repaid debt (%)")
        right.set_xlabel("profit of the calls after their gas (USD)")
        figure.suptitle(
            f"{result.scenario.name}, seed {result.seed}: liquidators", fontsize=11, fontweight="bold"
        )
        return save(figure, folder, "liquidators")
