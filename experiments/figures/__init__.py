"""Pictures of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..runs import RunResult
from .costs import draw_costs
from .health import draw_health
from .liquidators import draw_liquidators
from .margin import draw_margin
from .options import draw_options
from .price_path import draw_price_path
from .report import write_report
from .survival import draw_survival
from .wall import draw_wall

FIGURES: tuple[tuple[Callable[[RunResult, Path], Path], tuple[str, ...]], ...] = (
    (draw_price_path, ("quotes", "liquidations")),
    (draw_wall, ("positions",)),
    (draw_health, ("positions",)),
    (draw_liquidators, ("liquidations",)),
    (draw_survival, ("liquidations",)),
    (draw_costs, ("costs",)),
    (draw_margin, ("marks", "margin_liquidations")),
    (draw_options, ("underlyings", "margin_liquidations", "margin_positions")),
)
"""Each figure and the tables it needs."""

__all__ = ["FIGURES", "write_figures", "write_report"]


def write_figures(result: RunResult, folder: Path) -> list[Path]:
    """Draw every figure whose tables were recorded, as PNG files.

    Parameters
    ----------
    result : RunResult
    folder : Path
        Made if it does not exist.

    Returns
    -------
    list of Path
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [draw(result, folder) for draw, tables in FIGURES if all(name in result.tables for name in tables)]
