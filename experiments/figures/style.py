"""How all figures look: sizes, line styles that can be told apart in grey, axes with units.

Draws on `Figure` objects of its own and leaves pyplot alone, so that figures can
be made in any process and thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..scenarios import Scenario

COLOURS = ("#0b3c6f", "#c8553d", "#588157", "#8d6ba8", "#7f7f7f", "#b08900")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3)))
BEFORE, AFTER = COLOURS[0], COLOURS[1]

_DPI = 130


@contextmanager
def drawing() -> Iterator[None]:
    """Use the common style for what is drawn inside, and restore the caller's after."""
    settings = {
        **sns.axes_style("whitegrid"),
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "legend.framealpha": 0.9,
        "grid.alpha": 0.5,
        "hatch.linewidth": 0.6,
    }
    with mpl.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, size in inches, whose parts keep clear of each other."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write a figure as PNG and return its path."""
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=_DPI)
    return path


def time_scale(scenario: Scenario) -> tuple[float, str]:
    """Seconds in the unit of the time axis, and the label of the axis."""
    seconds, unit = (3600.0, "hours") if scenario.clock.duration_s > 3 * 3600 else (60.0, "minutes")
    start = scenario.clock.start
    return seconds, f"time ({unit})" if start is None else f"time ({unit} since {start:%Y-%m-%d %H:%M} UTC)"


def usd_axis(axes: Axes, which: str = "y") -> None:
    """Write USD amounts as 250, 3k, 40M, 2bn."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: usd(value)))


def usd(value: float) -> str:
    """USD in three digits.

    Examples
    --------
    >>> [usd(v) for v in (0, 250, 3_000, -41_250_000, 2e9)]
    ['0', '250', '3k', '-41.2M', '2bn']
    """
    for size, letters in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letters}"
    return f"{value:.3g}"


def no_data(axes: Axes, text: str) -> None:
    """Say in the middle of empty axes why they are empty."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, style="italic")
    axes.set_xticks([])
    axes.set_yticks([])
