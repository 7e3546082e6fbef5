"""What a game says: payoffs with intervals and judged profiles, as text and as plain containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from .empirical import EmpiricalGame, FloatArray
from .liquidation_game import LiquidationGame
from .regret import TOLERANCE, Answer, tolerance_usd

LEVEL = 0.95
"""Confidence of the printed intervals."""


@dataclass(frozen=True, eq=False)
class GameReport:
    """Outcome of a game.

    Attributes
    ----------
    game : LiquidationGame
    seeds : tuple of int
    measured : EmpiricalGame
    answers : tuple of Answer
        Equilibria of the mean payoffs, then the other pure profiles.
    degenerate : bool
        The mean payoffs may have a continuum of equilibria, spanned by those listed.
    """

    game: LiquidationGame
    seeds: tuple[int, ...]
    measured: EmpiricalGame
    answers: tuple[Answer, ...]
    degenerate: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON; money in USD."""
        measured = self.measured
        return {
            "game": self.game.name,
            "scenario": self.game.scenario,
            "seeds": list(self.seeds),
            "strategies": {name: dict(values) for name, values in self.game.strategies.items()},
            "payoffs_usd": measured.payoffs.tolist(),
            "payoff_intervals_usd": measured.intervals(LEVEL).tolist(),
            "degenerate": self.degenerate,
            "regret_tolerance_usd": tolerance_usd(measured),
            "answers": [
                {
                    "row": dict(zip(measured.strategies, answer.profile.row.tolist(), strict=True)),
                    "column": dict(zip(measured.strategies, answer.profile.column.tolist(), strict=True)),
                    "regret_usd": answer.regret_usd,
                    "regret_interval_usd": list(answer.regret_interval_usd),
                    "frequency": answer.frequency,
                    "verdict": answer.verdict,
                }
                for answer in self.answers
            ],
        }

    def to_text(self) -> str:
        """Tables for a terminal."""
        measured, names = self.measured, self.measured.strategies
        console = Console(width=110, color_system=None, force_terminal=False, force_jupyter=False)
        with console.capture() as capture:
            console.print(f"{self.game.name}: {self.game.description}", highlight=False)
            console.print(f"scenario {self.game.scenario}, {len(self.seeds)} seeds for each profile\n")
            for name, values in self.game.strategies.items():
                told = ", ".join(f"{key} = {value}" for key, value in values.items())
                console.print(f"  {name:<{max(map(len, names))}}  {told}")
            console.print("\nprofit of a bot net of gas, thousand USD (95 % interval of the mean)")
            table = _table("bot", *(f"against {name}" for name in names))
            bounds = measured.intervals(LEVEL) / 1e3
            for i, name in enumerate(names):
                cells = (_cell(measured.payoffs[i, j] / 1e3, bounds[i, j]) for j in range(len(names)))
                table.add_row(name, *cells)
            console.print(table)
            console.print("\nwhat a bot could gain by choosing otherwise alone, thousand USD (95 % interval)")
            table = _table("profile", "regret", "in resamples", "verdict")
            for answer in self.answers:
                table.add_row(
                    _profile(names, answer),
                    _cell(answer.regret_usd / 1e3, [b / 1e3 for b in answer.regret_interval_usd]),
                    f"{answer.frequency:.0%}",
                    answer.verdict,
                )
            console.print(table)
            console.print(
                f"\nequilibrium: regret surely below {tolerance_usd(measured) / 1e3:.2f} thousand USD, "
                f"{TOLERANCE:.0%} of the largest payoff; possible: the seeds do not tell"
            )
            if self.degenerate:
                console.print(
                    "the mean payoffs are degenerate: mixtures of the listed equilibria may be some too"
                )
        return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _cell(value: float, bounds: list[float] | FloatArray) -> str:
    return f"{value:.1f} ({bounds[0]:.1f} to {bounds[1]:.1f})"


def _profile(names: tuple[str, ...], answer: Answer) -> str:
    row, column = (
        " + ".join(
            f"{share:.2f} {name}" if share < 1 else name
            for name, share in zip(names, mix, strict=True)
            if share
        )
        for mix in answer.profile
    )
    return f"both {row}" if np.allclose(*answer.profile) else f"{row} / {column}"
