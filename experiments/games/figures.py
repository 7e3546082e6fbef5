"""Figures of games: bids beside the closed form, mixtures by case, and the frontier of recapture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..figures.style import AFTER, BEFORE, COLOURS, LINES, drawing, new_figure, no_data, save
from .contest_payoffs import ContestPayoffs
from .mixed_profile import MixedProfile
from .profiles import FloatArray

if TYPE_CHECKING:
    from .liquidation_game import Case
    from .report import GameReport

DRAWN = 40_000
"""Actions that a distribution is drawn from."""

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo", "---")
GREYS = ("0.25", "0.85", "0.55", "0.95", "0.4", "0.75", "0.65", "0.9")


def draw_distribution(report: GameReport, folder: Path) -> Path | None:
    """Draw the distribution of bids, or waits, beside the closed form.

    Drawn is the symmetric equilibrium with the least regret outside the game; None if the game is no
    contest on the kernels.
    """
    source = report.game.source() if report.game.contest is not None else None
    symmetric = [
        (0.0 if answer.outside is None else answer.outside.gain, answer.play.mixture)
        for answer in report.equilibria
        if isinstance(answer.play, MixedProfile) and answer.play.is_symmetric
    ]
    if not isinstance(source, ContestPayoffs) or not symmetric:
        return None
    with drawing():
        figure = new_figure(7.5, 4.5)
        axes = figure.subplots()
        first = report.measured.space.slices[0]
        _, mixture = min(symmetric, key=lambda one: one[0])
        acted = source.actions(mixture[first], DRAWN)
        form = source.fight.closed_form(source.roles[0].players)
        if form is not None and len(source.roles) == 1:
            u = (np.arange(DRAWN) + 0.5) / DRAWN
            axes.plot(*_steps(form(u)), color=AFTER, ls="--", lw=2.0, label="closed form")
        axes.plot(*_steps(acted), color=BEFORE, lw=1.4, label="equilibrium of the simulated game")
        axes.set_xlabel(_action_label(report))
        axes.set_ylabel("share of bidders that come with at most this")
        axes.set_ylim(0.0, 1.03)
        out = float(np.isnan(acted).mean())
        axes.set_title(f"{report.game.name}: {out:.0%} stay out")
        axes.legend(loc="lower right")
        return save(figure, folder, "distribution")


def draw_mixtures(names: Sequence[str], reports: Sequence[GameReport], folder: Path) -> Path:
    """Draw how often each strategy is used in each case; several equilibria stand side by side."""
    labels, shares = [], []
    for name, report in zip(names, reports, strict=True):
        for i, answer in enumerate(report.equilibria):
            labels.append(name if i == 0 else f"{name} ({i + 1})")
            shares.append(answer.play.mixture)
    roles = reports[0].measured.space
    with drawing():
        figure = new_figure(9.0, 1.8 + 0.3 * max(len(labels), 3))
        all_axes = figure.subplots(1, len(roles.roles), squeeze=False, sharey=True)[0]
        for axes, role, part in zip(all_axes, roles.roles, roles.slices, strict=True):
            if not labels:
                no_data(axes, "no equilibrium found")
                continue
            table = 100.0 * np.array(shares)[:, part]
            left = np.zeros(len(labels))
            for s, strategy in enumerate(role.strategies):
                axes.barh(
                    labels, table[:, s], left=left, label=strategy, color=GREYS[s % len(GREYS)],
                    hatch=HATCHES[s % len(HATCHES)], edgecolor="black", lw=0.5, height=0.75,
                )  # fmt: skip
                left = left + table[:, s]
            axes.set_xlim(0.0, 100.0)
            axes.set_xlabel(f"use of each strategy in equilibrium, {role.name} (%)")
            axes.grid(visible=False, axis="y")
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(role.strategies)))
        all_axes[0].invert_yaxis()
        return save(figure, folder, "mixtures")


def draw_frontier(cases: Sequence[Case], reports: Sequence[GameReport], folder: Path) -> Path:
    """Draw protocol revenue against the share that nobody liquidates, a line for each number of bots.

    Shares auctioned are written beside the marks of one line; the others have the same. Only equilibria
    in which all bots do the same are drawn.
    """
    points: dict[int, list[tuple[float, float, float]]] = {}
    for case, report in zip(cases, reports, strict=True):
        players = sum(role.players for role in report.game.roles)
        for answer in report.equilibria:
            play, meant = answer.play, answer.meaning
            if meant is not None and isinstance(play, MixedProfile) and play.is_symmetric:
                point = (
                    float(case.varied["contest.recapture"]),
                    meant.outcomes["no_show"].value,
                    meant.outcomes["protocol"].value,
                )
                points.setdefault(players, []).append(point)
    with drawing():
        figure = new_figure(8.0, 5.0)
        axes = figure.subplots()
        for i, (players, line) in enumerate(sorted(points.items())):
            recapture, nobody, revenue = np.array(sorted(line)).T
            axes.plot(
                100.0 * nobody, revenue, color=COLOURS[i % len(COLOURS)], ls=LINES[i % len(LINES)],
                marker="osD^vP"[i % 6], ms=5, label=f"{players} bots",
            )  # fmt: skip
            for k in range(len(line)) if players == max(points) else ():
                axes.annotate(
                    f"{recapture[k]:.0%}", (100.0 * nobody[k], revenue[k]), textcoords="offset points",
                    xytext=(7, -11),
                )  # fmt: skip
        if not points:
            no_data(axes, "no equilibrium found")
        axes.set_xlabel("liquidations that nobody takes (%)")
        axes.set_ylabel(f"revenue of the protocol a liquidation ({reports[0].game.unit})")
        axes.set_title("Protocol revenue against no-shows, by share of the bonus that is auctioned (labels)")
        if points:
            axes.legend()
        return save(figure, folder, "frontier")


def _steps(actions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points of the distribution function of what bidders do; those who stay out never come."""
    came = np.sort(actions[~np.isnan(actions)])
    height = np.arange(1, len(came) + 1) / len(actions)
    return np.concatenate((came[:1], came)), np.concatenate(([0.0], height))


def _action_label(report: GameReport) -> str:
    kind = (report.game.contest or {}).get("kind")
    if kind == "dutch":
        return "waiting time (s)"
    return f"{'fee beyond the cost' if kind == 'block' else 'bid'} ({report.game.unit})"
