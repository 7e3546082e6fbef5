"""What margin that nets by correlations lacks when correlations move (MODEL 2.3).

Books of four assets are margined by the correlations and volatilities of five recorded days, 14 to 18 May
2021. Then correlations move to one, or to nothing, while volatilities stay, and returns are normal or have
the fat tails of Student's t with four degrees of freedom; both are known in closed form, so that only the
books are drawn. Beside it stands the recorded 19 May, hour by hour, on which volatilities rose as well.

Four margins are compared: each position on its own (isolated), netted by the measured correlations, netted by
correlations moved half way to one, and netted by one common move of all assets, as a grid that
shocks all prices together does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ...protocols.margin.correlation import correlated_margin, repair_correlation, stressed_correlation
from ..episodes import load_episode
from ..figures.style import COLOURS, LINES, drawing, new_figure, save

Floats = NDArray[np.float64]

EPISODE = "may-2021"
N_BOOKS = 1_000
Z = 2.326347874
"""Margin covers the loss of an hour with 99 % if returns are normal."""
DEGREES = 4
STRESSES = np.linspace(-1.0, 1.0, 21)
"""Share of the way that correlations move: to nothing below 0, to one above."""
MARGINS = ("isolated", "netted", "netted, half stressed", "common move")
BOOKS = ("long only", "hedged in pairs", "market neutral")
SHOWN = (-1.0, 0.0, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class CorrelationBreak:
    """What the study found.

    Attributes
    ----------
    symbols : tuple of str
    correlation : float64 ndarray, shape (4, 4)
        Measured.
    notice : str
        What had to be done to the measured matrix; usually nothing.
    table : DataFrame
        One row for each kind of book, margin and stress: mean margin as a share of the isolated, probability
        that a loss exceeds it and mean excess (share of gross notional), for normal and fat-tailed returns;
        for stress 0 also the share of books and hours of the recorded crash.
    """

    symbols: tuple[str, ...]
    correlation: Floats
    notice: str
    table: pd.DataFrame


def hourly_returns(calm: bool) -> pd.DataFrame:
    """Log returns by hour of the five days before the crash, or of its day; one column an asset."""
    episode = load_episode(EPISODE)
    bars = {
        symbol: frame.set_index("ts").close[lambda close: close.index % 3_600 == 3_540]
        for symbol, frame in episode.bars.items()
    }
    closes = pd.DataFrame(bars).dropna()
    moves = np.diff(np.log(closes.to_numpy()), axis=0)
    returns = pd.DataFrame(moves, index=closes.index[1:], columns=closes.columns)
    first, last = (0, episode.start_ts) if calm else (episode.start_ts, episode.end_ts)
    return returns.loc[(returns.index >= first) & (returns.index < last)]


def draw_books(kind: str, n: int, n_assets: int, rng: np.random.Generator) -> Floats:
    """Signed shares of gross notional, which sum to 1 in absolute value; shape (n, n_assets)."""
    if kind == "long only":
        return rng.dirichlet(np.ones(n_assets), n)
    if kind == "hedged in pairs":
        books = np.zeros((n, n_assets))
        order = rng.permuted(np.tile(np.arange(n_assets), (n, 1)), axis=1)
        rows = np.arange(n)
        hedge = rng.uniform(0.4, 0.6, n)
        books[rows, order[:, 0]], books[rows, order[:, 1]] = 1.0 - hedge, -hedge
        return books
    weights = rng.dirichlet(np.ones(n_assets), n)
    books = weights - weights.mean(axis=1, keepdims=True)
    return np.asarray(books / np.abs(books).sum(axis=1, keepdims=True))


def excess(margin: Floats, deviation: Floats, fat: bool) -> tuple[Floats, Floats]:
    """Probability that a loss exceeds a margin, and its mean excess, for returns of a standard deviation."""
    if not fat:
        ratio = margin / deviation
        beyond = stats.norm.sf(ratio)
        return beyond, deviation * (stats.norm.pdf(ratio) - ratio * beyond)
    scale = deviation * np.sqrt((DEGREES - 2) / DEGREES)
    ratio = margin / scale
    beyond = stats.t.sf(ratio, DEGREES)
    tail = stats.t.pdf(ratio, DEGREES) * (DEGREES + ratio**2) / (DEGREES - 1)
    return beyond, scale * (tail - ratio * beyond)


def correlation_break(rng: np.random.Generator, n_books: int = N_BOOKS) -> CorrelationBreak:
    """Margin books of each kind by each rule, and let correlations move.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the books.
    n_books : int
        Of each kind.
    """
    calm, crash = hourly_returns(calm=True), hourly_returns(calm=False)
    symbols = tuple(str(symbol) for symbol in calm.columns)
    measured, notice = repair_correlation(calm.corr().to_numpy(), symbols)
    sigma = calm.std().to_numpy()
    n_assets = len(symbols)
    rows = []
    for kind in BOOKS:
        books = draw_books(kind, n_books, n_assets, rng)
        isolated = Z * np.abs(books) @ sigma
        margins = {
            "isolated": isolated,
            "netted": correlated_margin(books, sigma, measured, Z),
            "netted, half stressed": correlated_margin(books, sigma, stressed_correlation(measured, 0.5), Z),
            "common move": correlated_margin(books, sigma, np.ones((n_assets, n_assets)), Z),
        }
        recorded = -(books @ np.expm1(crash.to_numpy()).T)
        for stress in STRESSES.tolist():
            true = stressed_correlation(measured, abs(stress), float(stress > 0.0))
            deviation = np.maximum(correlated_margin(books, sigma, true, 1.0), 1e-9)
            for name, margin in margins.items():
                normal, fat = excess(margin, deviation, fat=False), excess(margin, deviation, fat=True)
                crashed = (recorded > margin[:, None]).mean() if stress == 0.0 else np.nan
                rows.append(
                    {
                        "book": kind,
                        "margin": name,
                        "stress": stress,
                        "share_of_isolated": float(margin.sum() / isolated.sum()),
                        "breach_normal": float(normal[0].mean()),
                        "excess_normal": float(normal[1].mean()),
                        "breach_fat": float(fat[0].mean()),
                        "excess_fat": float(fat[1].mean()),
                        "breach_recorded": float(crashed),
                    }
                )
    return CorrelationBreak(symbols, measured, notice, pd.DataFrame(rows))


def lines(found: CorrelationBreak) -> tuple[str, ...]:
    """Say what was done."""
    off = found.correlation[np.triu_indices(len(found.symbols), 1)]
    return (
        f"Books of {', '.join(found.symbols)}, {N_BOOKS:,} of each kind; correlations of hourly returns",
        f"from 14 to 18 May 2021, {off.min():.2f} to {off.max():.2f}. Margin covers an hour's loss with 99 %",
        "if nothing changes. Then correlations move to nothing (-1), half way to one (0.5) or to one (1),",
        "volatilities staying as they were; in the last column both are those of 19 May 2021, hour by hour.",
        *((found.notice,) if found.notice else ()),
    )


def shown(found: CorrelationBreak) -> pd.DataFrame:
    """One row for each book and margin: how often losses exceed the margin, per cent."""
    rows = []
    for (kind, margin), part in found.table.groupby(["book", "margin"], sort=False):
        at = part.set_index(part.stress.round(6))
        rows.append(
            {
                "book": kind,
                "margin": margin,
                "of isolated (%)": round(100 * float(part.share_of_isolated.iloc[0]), 1),
                **{f"{stress:g} (%)": round(100 * float(at.breach_normal[stress]), 2) for stress in SHOWN},
                **{
                    f"fat tails, {stress:g} (%)": round(100 * float(at.breach_fat[stress]), 2)
                    for stress in (0.0, 1.0)
                },
                "19 May (%)": round(100 * float(part.breach_recorded.max()), 1),
            }
        )
    return pd.DataFrame(rows)


def draw(found: CorrelationBreak, folder: Path) -> Path:
    """Draw how often losses exceed each margin against the stress, one panel for each kind of book."""
    with drawing():
        figure = new_figure(10.5, 3.7)
        panels = figure.subplots(1, len(BOOKS), sharey=True)
        for axes, kind in zip(panels, BOOKS, strict=True):
            for i, margin in enumerate(MARGINS):
                part = found.table[(found.table.book == kind) & (found.table.margin == margin)]
                axes.plot(
                    part.stress,
                    100 * part.breach_normal.clip(lower=1e-6),
                    color=COLOURS[i],
                    ls=LINES[i],
                    lw=1.6,
                    label=margin,
                )
            axes.axhline(1.0, color="black", lw=0.8, ls=(0, (1, 2)))
            axes.set_yscale("log")
            axes.set_ylim(1e-3, 110)
            axes.set_title(kind.capitalize())
            axes.set_xlabel("correlations move to 0 (-1) or to 1 (+1)")
        panels[0].set_ylabel("losses beyond margin (% of hours)")
        panels[0].legend(fontsize=8, loc="upper left")
        return save(figure, folder, "correlation-break")
