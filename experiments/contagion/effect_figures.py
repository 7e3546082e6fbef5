"""What interventions change, with intervals: one row a case, one panel a loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..figures.style import COLOURS, drawing, new_figure, save, usd

if TYPE_CHECKING:
    from .paired import InterventionStudy


def draw_interventions(study: InterventionStudy, folder: Path) -> Path:
    """Draw the difference of losses to the scenario as it is, in all and by protocol, and of sales."""
    from .paired import ALL, BASELINE

    table, cases = study.table(), study.cases
    names = [str(name) for name in study.runs["loss_usd"].columns]
    panels = [("loss_usd", ALL, "losses")]
    panels += [("loss_usd", name, f"losses in {name}") for name in names if name != ALL and len(names) > 2]
    panels.append(("sold_usd", ALL, "forced sales"))
    places = np.arange(len(cases))
    with drawing():
        figure = new_figure(2.2 + 2.6 * len(panels), 1.8 + 0.5 * len(cases))
        rows = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for k, (axes, (metric, protocol, title)) in enumerate(zip(rows, panels, strict=True)):
            part = table.loc[[(case, metric, protocol) for case in cases]]
            middle, low, high = (part[name].to_numpy(float) for name in ("difference", "low", "high"))
            half = np.nan_to_num(np.vstack([middle - low, high - middle]))
            axes.barh(places, middle, color=COLOURS[0 if metric == "loss_usd" else 4], alpha=0.65)
            axes.errorbar(middle, places, xerr=half, fmt="none", ecolor="black", capsize=3, lw=1.2)
            axes.axvline(0.0, color="black", lw=0.8)
            whole = usd(float(study.runs.loc[BASELINE][metric, protocol].mean()))
            axes.set_title(f"{title}\n{BASELINE}: {whole} USD", fontsize=9)
            axes.set_xlabel("difference (USD)")
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: usd(value)))
            axes.grid(axis="y", visible=False)
            if k == 0:
                axes.set_yticks(places, [case.replace(":", ":\n").replace(",", ", ") for case in cases])
                axes.tick_params(axis="y", labelsize=8)
        rows[0].set_ylim(len(cases) - 0.5, -0.5)
        n = len(study.seeds)
        spread = ", with 95% intervals" if n > 1 else ""
        figure.suptitle(f"{study.scenario}: what interventions change, {n} seeds paired{spread}", fontsize=11)
        return save(figure, folder, "interventions")
