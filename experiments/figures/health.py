"""Health factors of all borrowers before and after the run."""

from __future__ import annotations

from pathlib import Path

import seaborn as sns

from ..runs import RunResult
from .style import AFTER, BEFORE, drawing, new_figure, save, usd_axis

_LOWEST, _HIGHEST = 0.8, 3.0


def draw_health(result: RunResult, folder: Path) -> Path:
    """Draw how many accounts, and how much debt, stand at each health factor.

    Needs the ``positions`` table; accounts without debt are left out, those
    beyond the axis stand in its outermost bars.
    """
    positions = result.positions[result.positions["debt_usd"] > 0]
    with drawing():
        figure = new_figure(9, 4.2)
        panels = figure.subplots(1, 2)
        for panel, weight, label in ((panels[0], None, "accounts"), (panels[1], "debt_usd", "debt (USD)")):
            for snapshot, when, style in (
                (0, "start", {"color": BEFORE, "alpha": 0.35, "element": "step"}),
                (1, "end", {"color": AFTER, "fill": False, "element": "step", "lw": 1.4, "ls": "--"}),
            ):
                rows = positions[positions["snapshot"] == snapshot]
                clipped = rows["health_factor"].clip(_LOWEST, _HIGHEST)
                weights = None if weight is None else rows[weight]
                sns.histplot(
                    x=clipped,
                    weights=weights,
                    bins=44,
                    binrange=(_LOWEST, _HIGHEST),
                    ax=panel,
                    label=when,
                    **style,
                )
            panel.axvline(1.0, color="black", lw=1.0, ls=":", label="liquidatable below 1")
            panel.set_xlabel(f"health factor ({_LOWEST} and less, to {_HIGHEST:g} and more)")
            panel.set_ylabel(label)
            panel.set_xlim(_LOWEST, _HIGHEST)
            panel.legend()
        usd_axis(panels[1])
        figure.suptitle(
            f"{result.scenario.name}, seed {result.seed}: health of borrowers", fontsize=11, fontweight="bold"
        )
        return save(figure, folder, "health_factors")
