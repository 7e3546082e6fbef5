"""The same game under several mechanisms or parameters: a report for each case, and one of all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from rich.console import Console

from ..runs.executors import Workers, opened
from ..runs.parallel import Progress
from .figures import draw_frontier, draw_mixtures
from .game_folder import replace
from .liquidation_game import Case, LiquidationGame
from .play import PlaySettings, play
from .profiles import GameError
from .report import RESULT, GameReport, table


@dataclass(frozen=True, eq=False)
class SeriesReport:
    """Outcome of a game with cases.

    Attributes
    ----------
    game : LiquidationGame
    cases : tuple of Case
    reports : tuple of GameReport
        One for each case.
    """

    game: LiquidationGame
    cases: tuple[Case, ...]
    reports: tuple[GameReport, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON; ``equilibria`` are those of all cases, each with its case."""
        cases = [
            {"case": case.name, "varied": dict(case.varied), **report.to_dict()}
            for case, report in zip(self.cases, self.reports, strict=True)
        ]
        return {
            "game": self.game.name,
            "description": self.game.description,
            "equilibria": [
                {"case": case["case"], **answer} for case in cases for answer in case.pop("equilibria")
            ],
            "cases": cases,
        }

    def to_text(self) -> str:
        """One table for a terminal: every equilibrium of every case."""
        console = Console(width=130, color_system=None, force_terminal=False, force_jupyter=False)
        with console.capture() as capture:
            console.print(f"{self.game.name}: {self.game.description}", highlight=False)
            first = self.reports[0]
            console.print(f"{first.where()}, {first.how_often()}, in each of {len(self.cases)} cases\n")
            rows = table(
                "case", "equilibrium", "regret", "outside", "no one", "protocol", "gas/rent", "HHI",
                "anarchy", "verdict", folded="equilibrium",
            )  # fmt: skip
            for case, report in zip(self.cases, self.reports, strict=True):
                held = report.equilibria
                for i, answer in enumerate(held):
                    rows.add_row(case.name if i == 0 else "", *report.row(answer))
                if not held:
                    rows.add_row(case.name, "none found")
            console.print(rows)
            console.print(
                f"{first.unit_note()}regret and outside: what a player could gain within and outside the "
                "strategies (upper end of the interval);\n"
                "no one: share that nobody liquidates; gas/rent: share of the rent that gas eats; "
                "anarchy: waste over a planner's"
            )
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    def save(self, folder: Path) -> list[Path]:
        """Write the answers of all cases together, and their figures; each case has a folder of its own."""
        path = folder / RESULT
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"
        replace(path, lambda partial: partial.write_text(text, encoding="utf-8"))
        names = [case.name for case in self.cases]
        written = [path, draw_mixtures(names, self.reports, folder)]
        if "contest.recapture" in self.game.vary:
            written.append(draw_frontier(self.cases, self.reports, folder))
        return written


def play_series(
    plan: LiquidationGame,
    samples: int | None = None,
    *,
    workers: Workers = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
    **settings: Unpack[PlaySettings],
) -> SeriesReport:
    """Play all cases of a game; parameters as in `play.play`, `progress` counts cases.

    Raises
    ------
    ScenarioError
        If a case cannot be played.
    """
    cases = plan.variants()
    if not cases:
        raise GameError(f"{plan.name} has no [[cases]] and no [vary]")
    if folder is not None:
        _check_folder(folder, cases)
    reports = []
    with opened(workers) as executor:
        for case in cases:
            reports.append(
                play(
                    case.game,
                    samples,
                    workers=executor,
                    folder=None if folder is None else folder / case.name,
                    **settings,
                )
            )
            if progress is not None:
                progress(len(reports), len(cases))
    series = SeriesReport(plan, cases, tuple(reports))
    if folder is not None:
        series.save(folder)
    return series


def _check_folder(folder: Path, cases: Sequence[Case]) -> None:
    """Refuse a folder that holds something else than cases of this game."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise GameError(f"{folder} is not a folder; name another one")
    known = {case.name for case in cases}
    found = {entry.name for entry in folder.iterdir()}
    if found and not found & known:
        raise GameError(f"{folder} exists and holds no case of this game; name another folder")
