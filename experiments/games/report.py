"""What a game says: payoffs with intervals and judged profiles, as text and as plain containers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from .answers import Answer, is_two_player
from .best_response import SearchHistory
from .certificate import LEVEL, TOLERANCE, tolerance
from .count_game import profile_name
from .dominance import Dominated
from .empirical_game import EmpiricalGame
from .figures import draw_distribution
from .game_folder import replace
from .liquidation_game import LiquidationGame
from .meaning_rows import MEANING_ROWS
from .mixed_profile import MixedProfile
from .outside import OutsideRegret

SHOWN_PROFILES = 20
"""Profiles that the text shows; JSON and the saved game hold all."""
SHOWN_MEANINGS = 3
"""Equilibria whose meaning the text shows."""
RESULT = "equilibria.json"


@dataclass(frozen=True, eq=False)
class GameReport:
    """Outcome of a game.

    Attributes
    ----------
    game : LiquidationGame
    solver : str
    measured : EmpiricalGame
    answers : tuple of Answer
        What the solver found, then profiles listed because they are pure.
    degenerate : bool
        The mean payoffs may have a continuum of equilibria.
    dominated : tuple of Dominated
    history : SearchHistory or None
        Best-response search outside the strategies.
    """

    game: LiquidationGame
    solver: str
    measured: EmpiricalGame
    answers: tuple[Answer, ...]
    degenerate: bool
    dominated: tuple[Dominated, ...] = ()
    history: SearchHistory | None = None

    @property
    def equilibria(self) -> tuple[Answer, ...]:
        """Answers that are or may be equilibria and solve the mean payoffs."""
        return tuple(answer for answer in self.answers if answer.holds)

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON; money in the game's unit."""
        measured, space = self.measured, self.measured.space
        bounds = measured.intervals(LEVEL)
        held = self.equilibria
        return {
            "game": self.game.name,
            "description": self.game.description,
            "scenario": self.game.scenario,
            "contest": self.game.contest,
            "unit": self.game.unit,
            "solver": self.solver,
            "roles": [
                {
                    "name": role.name,
                    "players": role.players,
                    "solved_players": m,
                    "strategies": dict(plan.strategies),
                }
                for role, m, plan in zip(space.roles, space.players, self.game.roles, strict=True)
            ],
            "plays_per_sample": self.game.plays,
            "samples": {"least": int(measured.taken.min()), "most": int(measured.taken.max())},
            "payoffs": [
                {
                    "strategy": self._column(int(space.column[e])),
                    "profile": profile_name(space, space.simulated[space.profile[e]]),
                    "mean": float(measured.mean.payoffs[e]),
                    "interval": bounds[e].tolist(),
                    "samples": int(measured.taken[e]),
                }
                for e in range(space.size)
            ],
            "degenerate": self.degenerate,
            "regret_tolerance": self._tolerance,
            "equilibria": [self._answer(answer) for answer in held],
            "other_profiles": [self._answer(a) for a in self.answers if not any(a is h for h in held)],
            "dominated": [
                {"strategy": d.strategy, "by": d.by, "margin": d.margin, "interval": list(d.interval)}
                for d in self.dominated
            ],
            "complete": self.game.complete,
            "search": None if self.history is None else self.history.to_dict(),
        }

    def to_text(self) -> str:
        """Tables for a terminal."""
        game, measured = self.game, self.measured
        console = Console(width=130, color_system=None, force_terminal=False, force_jupyter=False)
        with console.capture() as capture:
            console.print(f"{game.name}: {game.description}", highlight=False)
            console.print(f"{self.where()}, {self.how_often()}\n")
            for role in game.roles:
                console.print(f"  {role.players} x {role.name}")
                width = max(map(len, role.strategies))
                for name, values in role.strategies.items():
                    told = ", ".join(f"{key} = {value}" for key, value in values.items())
                    console.print(f"  {name:<{width}}  {told}".rstrip())
            self._print_payoffs(console)
            self._print_answers(console)
            self._print_meaning(console)
            for d in self.dominated:
                by = " + ".join(f"{share:.2f} {n}" if share < 1 - 1e-9 else n for n, share in d.by.items())
                sure = "surely" if d.interval[0] > 0 else "at the mean payoffs, not surely,"
                console.print(f"{d.strategy} is {sure} dominated by {by}")
            if self.degenerate:
                console.print(
                    "the mean payoffs are degenerate: mixtures of the listed equilibria may be some too"
                )
            if self.history is not None:
                self._print_search(console, self.history)
        assert measured is not None
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    def save(self, folder: Path) -> list[Path]:
        """Write the answers, and the history of a search with its figure, beside the samples."""
        path = folder / RESULT
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"
        replace(path, lambda partial: partial.write_text(text, encoding="utf-8"))
        written = [path]
        drawn = draw_distribution(self, folder)
        if drawn is not None:
            written.append(drawn)
        if self.history is not None:
            told = self.history.table()
            history = folder / "search.parquet"
            replace(history, lambda partial: told.to_parquet(partial, index=False))
            written += [history, self.history.draw(folder)]
        return written

    @property
    def _tolerance(self) -> float:
        return self.answers[0].certificate.tolerance if self.answers else tolerance(self.measured.mean)

    def where(self) -> str:
        """Say where the game is played."""
        if self.game.scenario is not None:
            return f"scenario {self.game.scenario}"
        return f"contest {(self.game.contest or {}).get('kind')}"

    def how_often(self) -> str:
        """Say how much was sampled."""
        taken, space = self.measured.taken, self.measured.space
        least, most = int(taken.min()), int(taken.max())
        told = f"{least:,} samples" if least == most else f"{least:,} to {most:,} samples"
        told += f" of {self.game.plays:,} plays" if self.game.plays > 1 else ""
        told += f" for each of {len(space.simulated):,} profiles"
        if space.is_reduced:
            sizes = ", ".join(f"{r.name} to {m}" for r, m in zip(space.roles, space.players, strict=True))
            told += f", reduced: {sizes}"
        return told

    def unit_note(self) -> str:
        """Say in which unit money is shown."""
        unit = self._scale()[1].lstrip(", ")
        return f"{unit}; " if unit else ""

    def row(self, answer: Answer) -> list[str]:
        """Tell an equilibrium in one row: mixture, regrets, what it means, verdict."""
        scale, meant, outside = self._scale()[0], answer.meaning, answer.outside

        def told(value: float | None, digits: str) -> str:
            return "" if value is None else f"{value:{digits}}"

        return [
            self._profile(answer),
            told(answer.certificate.interval[1] / scale, ".3g"),
            told(None if outside is None else max(0.0, outside.interval[1]) / scale, ".3g"),
            told(None if meant is None else meant.outcomes["no_show"].value, ".3f"),
            told(None if meant is None else meant.outcomes["protocol"].value / scale, ".4g"),
            told(None if meant is None else meant.dissipated, ".2f"),
            told(None if meant is None else meant.hhi, ".2f"),
            told(None if meant is None else meant.price_of_anarchy, ".2f"),
            answer.certificate.verdict,
        ]

    def _scale(self) -> tuple[float, str]:
        unit = self.game.unit
        if unit == "USD" and np.abs(self.measured.mean.payoffs).max() >= 10_000:
            return 1e3, ", thousand USD"
        return 1.0, f", {unit}" if unit else ""

    def _cell(self, value: float, bounds: Any) -> str:
        largest = np.abs(self.measured.mean.payoffs).max() / self._scale()[0]
        return _cell(value, bounds, 1 if largest >= 100 else 3)

    def _print_payoffs(self, console: Console) -> None:
        measured, space = self.measured, self.measured.space
        scale, unit = self._scale()
        means, bounds = measured.mean.payoffs / scale, measured.intervals(LEVEL) / scale
        if is_two_player(space) and len(space.roles) == 1:
            names = space.roles[0].strategies
            k = len(names)
            console.print(f"\npayoff{unit} ({LEVEL:.0%} interval of the mean)")
            rows = table(space.roles[0].name, *(f"against {name}" for name in names))
            for i, name in enumerate(names):
                rows.add_row(name, *(self._cell(means[k * i + j], bounds[k * i + j]) for j in range(k)))
            console.print(rows)
            return
        if len(space.simulated) > SHOWN_PROFILES:
            console.print(f"\npayoffs of {len(space.simulated):,} profiles are in --json and --out only")
            return
        console.print(f"\npayoff of those who use a strategy{unit} ({LEVEL:.0%} interval of the mean)")
        rows = table("profile", "strategy", "payoff")
        for e in np.lexsort((space.column, space.profile)).tolist():
            rows.add_row(
                profile_name(space, space.simulated[space.profile[e]]),
                self._column(int(space.column[e])),
                self._cell(means[e], bounds[e]),
            )
        console.print(rows)

    def _print_answers(self, console: Console) -> None:
        scale, unit = self._scale()
        console.print(f"\nwhat a player could gain by choosing otherwise alone{unit} ({LEVEL:.0%} interval)")
        frequencies = any(answer.frequency is not None for answer in self.answers)
        searched = next((a.outside.parameter for a in self.answers if a.outside is not None), None)
        rows = table(
            "profile", "regret", *([f"outside, at a {searched}"] if searched else []),
            *(["in resamples"] if frequencies else []), "verdict", "found by",
            folded="profile",
        )  # fmt: skip
        for answer in self.answers:
            certificate = answer.certificate
            row = [
                self._profile(answer),
                self._cell(certificate.regret / scale, [b / scale for b in certificate.interval]),
            ]
            if searched:
                row.append(self._outside(answer.outside))
            if frequencies:
                row.append("" if answer.frequency is None else f"{answer.frequency:.0%}")
            rows.add_row(*row, certificate.verdict, answer.found_by)
        console.print(rows)
        if not self.equilibria:
            console.print(f"solver {self.solver} found no equilibrium")
        share = (
            f", {TOLERANCE:.0%} of the largest payoff"
            if self._tolerance == tolerance(self.measured.mean)
            else ""
        )
        limit = f"{self._tolerance / scale:.4g}{unit.replace(',', '')}"
        console.print(
            f"\nequilibrium: regret surely at most {limit}{share}; possible: the samples do not tell"
        )

    def _outside(self, found: OutsideRegret | None) -> str:
        if found is None:
            return ""
        scale = self._scale()[0]
        bounds = [max(0.0, end) / scale for end in found.interval]
        cell = self._cell(max(0.0, found.gain) / scale, bounds)
        return f"{cell} at {found.value:.3g}"

    def _print_meaning(self, console: Console) -> None:
        told = [answer for answer in self.equilibria if answer.meaning is not None]
        held = told[:SHOWN_MEANINGS]
        if not held:
            return
        scale, unit = self._scale()
        per = "a contest" if self.game.contest is not None else "a run"
        console.print(f"\nwhat it means{unit}, {per} (+ is a gain; gains of the groups sum to zero)")
        rows = table("", *(f"({i})" for i in range(1, len(held) + 1)))
        for label, tell in MEANING_ROWS:
            cells = [tell(answer.meaning, scale) for answer in held if answer.meaning is not None]
            if any(cells):
                rows.add_row(label, *cells)
        console.print(rows)
        for i, answer in enumerate(held, 1):
            console.print(f"({i}) {self._profile(answer)}", highlight=False)
        if len(told) > len(held):
            console.print(f"what {len(told) - len(held)} more mean is in --json and --out")
        planners = {answer.meaning.planner for answer in held if answer.meaning is not None}
        console.print(f"the planner who avoids waste chooses: {'; '.join(sorted(planners))}")

    def _print_search(self, console: Console, history: SearchHistory) -> None:
        console.print(f"\nbest replies outside the strategies, in {history.parameter} (95 % interval)")
        rows = table("round", "in use", "regret inside", "best reply", "its gain")
        for i, step in enumerate(history.steps):
            used = " + ".join(
                f"{share:.2f} x {value:.4g}"
                for value, share in zip(step.values, step.mixture, strict=True)
                if share > 0
            )
            rows.add_row(
                str(i), used, _cell(step.inside.regret, step.inside.interval, 3), f"{step.reply:.4g}",
                _cell(step.gain, step.gain_interval, 3),
            )  # fmt: skip
        console.print(rows)
        told = "is not surely above" if history.settled else "is still above"
        console.print(f"the gain of the best reply found {told} epsilon = {history.epsilon:g}")

    def _answer(self, answer: Answer) -> dict[str, Any]:
        space, certificate = self.measured.space, answer.certificate
        told: dict[str, Any] = {
            "mixture": space.split(answer.play.mixture),
            "regret": certificate.regret,
            "regret_interval": list(certificate.interval),
            "nash_conv": certificate.nash_conv,
            "verdict": certificate.verdict,
            "found_by": answer.found_by,
            "frequency": answer.frequency,
        }
        if answer.outside is not None:
            told |= answer.outside.to_dict()
        if answer.meaning is not None:
            told["meaning"] = answer.meaning.to_dict()
        if isinstance(answer.play, MixedProfile) and not answer.play.is_symmetric:
            told["players"] = {
                role.name: [dict(zip(role.strategies, row, strict=True)) for row in mix.tolist()]
                for role, mix in zip(space.roles, answer.play.mixes, strict=True)
            }
        return told

    def _column(self, column: int) -> str:
        space = self.measured.space
        for role, part in zip(space.roles, space.slices, strict=True):
            if part.start <= column < part.stop:
                name = role.strategies[column - part.start]
                return name if len(space.roles) == 1 else f"{role.name}.{name}"
        raise IndexError(column)

    def _profile(self, answer: Answer) -> str:
        space, play = self.measured.space, answer.play
        if not isinstance(play, MixedProfile):
            return "joint play: " + "; ".join(
                _mix(role.strategies, play.mixture[part].tolist())
                for role, part in zip(space.roles, space.slices, strict=True)
            )
        parts = []
        for role, mix in zip(space.roles, play.mixes, strict=True):
            label = "" if len(space.roles) == 1 else f"{role.name} "
            if np.allclose(mix, mix[0]):
                everybody = {1: "", 2: "both "}.get(len(mix), "all ")
                parts.append(f"{label}{everybody}{_mix(role.strategies, mix[0].tolist())}")
            elif len(mix) == 2:
                parts.append(label + " / ".join(_mix(role.strategies, row.tolist()) for row in mix))
            else:
                counts = mix.sum(axis=0).round().astype(int).tolist()
                named = zip(counts, role.strategies, strict=True)
                parts.append(label + ", ".join(f"{n} {name}" for n, name in named if n))
        return "; ".join(parts)


def _mix(names: Sequence[str], shares: Sequence[float]) -> str:
    return " + ".join(
        f"{share:.2f} {name}" if share < 1 else name
        for name, share in zip(names, shares, strict=True)
        if share
    )


def table(*columns: str, folded: str = "", width: int = 38) -> Table:
    """Make an empty table; one column may be folded at a width."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        if column == folded:
            made.add_column(column, max_width=width, overflow="fold")
        else:
            made.add_column(column, no_wrap=True)
    return made


def _cell(value: float, bounds: Any, digits: int = 1) -> str:
    return f"{value:.{digits}f} ({bounds[0]:.{digits}f} to {bounds[1]:.{digits}f})"
