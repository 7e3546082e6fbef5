"""Where the borrowers' loss goes: to the protocol, the chain, the market, the liquidators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..runs import RunResult
from .style import drawing, new_figure, no_data, save, usd_axis

PARTS = (
    ("protocol_revenue", "protocol", "#1f3b57", ""),
    ("gas_floor", "gas at the floor", "#f2f2f2", ""),
    ("builder", "gas above it, to the builder", "#f2f2f2", "////"),
    ("failed", "gas of failed attempts, bids and chores", "#f2f2f2", "xxxx"),
    ("flash_fee", "flash loans", "#ffffff", "oo"),
    ("gaps", "oracle and venue off the mid", "#b5c7d8", ".."),
    ("spread_and_fee", "spread and pool fee", "#b5c7d8", ""),
    ("impact", "price impact", "#b5c7d8", "\\\\\\\\"),
    ("held", "price while held", "#d9b9a8", "++"),
    ("liquidators_net", "liquidators", "#c8553d", ""),
)
"""Part, what it is called, and how its bar looks: hatches tell neighbours apart in grey."""

RIGHTS = "gas above it and the rest of rights"
"""What ``builder`` is called where rights to liquidate are sold."""

_MOST_ROWS = 8

_LEAST_SHARE = 1e-3
"""Rows without a part of this fraction of the largest one are not drawn."""


def cost_shares(costs: pd.DataFrame, unit: int) -> pd.DataFrame:
    """Sum the parts of the borrowers' loss by collateral, largest loss first, then in all.

    Parameters
    ----------
    costs : DataFrame
        The table ``costs`` of a run.
    unit : int
        Base units of the quote asset in one USD.

    Returns
    -------
    DataFrame
        Index: symbols, ``none`` for what belongs to no collateral, and ``all``. Columns:
        ``borrower_loss`` and the parts of `PARTS`, which add up to it; USD.
    """
    merged = costs.assign(
        failed=costs["reverted_gas"] + costs["upkeep_gas"],
        gaps=costs["oracle_gap"] + costs["venue_gap"],
        collateral=costs["collateral"].astype(str).replace("", "none"),
    )
    columns = ["borrower_loss", *(part for part, *_ in PARTS)]
    sums = merged.groupby("collateral")[columns].sum().sort_values("borrower_loss", ascending=False)
    if len(sums) > _MOST_ROWS:
        rest = sums.iloc[_MOST_ROWS - 1 :]
        sums = pd.concat([sums.iloc[: _MOST_ROWS - 1], rest.sum().to_frame(f"{len(rest)} others").T])
    return pd.concat([sums, sums.sum().to_frame("all").T]) / unit


def draw_costs(result: RunResult, folder: Path) -> Path:
    """Draw the parts of the borrowers' loss by collateral as stacked bars, in USD and as shares.

    Costs grow to the right; a part that gives back, such as a rise of the price while collateral is held,
    grows to the left. Needs the ``costs`` table.
    """
    costs = result.costs
    with drawing():
        shares = cost_shares(costs, 10 ** result.scenario.asset(result.scenario.quote).decimals)
        visible = shares.abs().max(axis=1) > _LEAST_SHARE * shares.abs().to_numpy().max(initial=0.0)
        shares = shares[visible]
        figure = new_figure(10, 2.6 + 0.4 * max(len(shares), 3))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        if len(shares):
            loss = shares["borrower_loss"].abs().where(shares["borrower_loss"] != 0.0)
            for panel, scale in ((left, pd.Series(1.0, shares.index)), (right, 100.0 / loss)):
                names = [str(name) for name in shares.index]
                ends = {1: np.zeros(len(shares)), -1: np.zeros(len(shares))}
                for part, usual, colour, hatch in PARTS:
                    label = RIGHTS if part == "builder" and "rights" in result.tables else usual
                    size = (shares[part] * scale).fillna(0.0).to_numpy()
                    for sign, end in ends.items():
                        width = np.where(sign * size > 0.0, size, 0.0)
                        panel.barh(
                            names, width, left=end, color=colour, hatch=hatch, edgecolor="black", lw=0.6,
                            label=label if sign > 0 else None,
                        )  # fmt: skip
                        ends[sign] = end + width
                panel.scatter(
                    shares["borrower_loss"] * scale, names, marker="D", s=28, color="white",
                    edgecolor="black", zorder=3, label="borrowers' loss",
                )  # fmt: skip
                panel.axvline(0.0, color="black", lw=0.8)
                panel.use_sticky_edges = False
                panel.margins(x=0.04)
            left.invert_yaxis()
            usd_axis(left, "x")
            handles, labels = left.get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, handlelength=2.4)
        else:
            for panel in (left, right):
                no_data(panel, "no liquidations")
        left.set_xlabel("USD")
        right.set_xlabel("% of the borrowers' loss")
        figure.suptitle(
            f"{result.scenario.name}, seed {result.seed}: where the borrowers' loss goes",
            fontsize=11, fontweight="bold",
        )  # fmt: skip
        return save(figure, folder, "costs")
