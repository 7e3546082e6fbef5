"""The same books through the same crash under each margin architecture: capital against deficit (MODEL 2.3).

Accounts hold perpetuals on four assets over the recorded minutes of 19 May 2021, each with one to six times
the initial margin that its venue asks for. When equity falls below maintenance, an account (on isolated
margin, a position) is closed at the price a minute later plus a cost. Prices do not react.

Rates are such that one small long position needs the same everywhere at the start: what differs is what an
architecture knows of size, offsets and volatility.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...protocols.margin.correlation import correlated_margin
from ...protocols.margin.haircuts import DynamicMargin
from ...protocols.margin.tiers import NANO, MarginTiers
from ..episodes import load_episode
from ..figures.style import COLOURS, drawing, new_figure, save
from .correlation_break import BOOKS, EPISODE, draw_books, hourly_returns

Floats = NDArray[np.float64]

N_BOOKS = 500
INITIAL = 0.10
MAINTENANCE = 0.05
LARGEST_BUFFER = 6.0
"""What an account puts up over its initial margin is drawn log-uniformly from 1 to this."""
COST = 0.002
"""What closing costs, a share of the notional."""
TIERS = MarginTiers.table([100e3, 1e6, 10e6, float("inf")], [0.05, 0.065, 0.10, 0.15])
HALF_LIFE_MIN = 60.0
"""Of the moving average that dynamic margin takes its volatility from."""
ARCHITECTURES = ("isolated", "cross", "cross, tiers", "cross, dynamic", "netted", "common move")


@dataclass(frozen=True, eq=False)
class Crowd:
    """Books on a path.

    Attributes
    ----------
    kinds : ndarray of str, shape (n,)
    gross : float64 ndarray, shape (n,)
        USD at the start.
    notionals : float64 ndarray, shape (n_minutes, n, n_assets)
        Signed value of each position; USD.
    buffer : float64 ndarray, shape (n,)
        What each account puts up, in initial margins.
    volatility : float64 ndarray, shape (n_minutes,)
        Mean of the assets' moving averages, per square root of a year.
    """

    kinds: NDArray[np.str_]
    gross: Floats
    notionals: Floats
    buffer: Floats
    volatility: Floats


def draw_crowd(rng: np.random.Generator, n_books: int = N_BOOKS) -> Crowd:
    """Draw `n_books` of each kind, sizes lognormal around 50,000 USD, and put them on the recorded day."""
    episode = load_episode(EPISODE)
    closes = pd.DataFrame({name: bars.set_index("ts").close for name, bars in episode.bars.items()}).dropna()
    moves = np.diff(np.log(closes.to_numpy()), axis=0)
    stamps = closes.index.to_numpy()[1:]
    variance = pd.DataFrame(moves**2).ewm(halflife=HALF_LIFE_MIN).mean().to_numpy()
    day = (stamps >= episode.start_ts) & (stamps < episode.end_ts)
    growth = np.exp(np.cumsum(moves[day], axis=0))
    books = np.concatenate([draw_books(kind, n_books, growth.shape[1], rng) for kind in BOOKS])
    gross = np.minimum(50_000.0 * np.exp(2.0 * rng.normal(size=len(books))), 50e6)
    return Crowd(
        np.repeat(np.array(BOOKS), n_books),
        gross,
        growth[:, None, :] * (books * gross[:, None]),
        LARGEST_BUFFER ** rng.random(len(books)),
        np.sqrt(variance[day] * 525_600).mean(axis=1),
    )


def tiered(notional: Floats) -> Floats:
    """Maintenance of positions by the tiers; USD."""
    bounds = np.array([0.0, *TIERS.bounds])
    rates = np.array(TIERS.rates) / NANO
    parts = np.clip(notional[..., None] - bounds[:-1], 0.0, np.diff(bounds))
    return np.asarray(parts @ rates)


def dynamic_rates(volatility: Floats) -> Floats:
    """Return initial rates by the minute, renewed each hour in steps of at most 2 %."""
    rule = DynamicMargin(level=0.99, horizon_s=86_400, floor=INITIAL / 2, cap=0.5, step=0.02)
    rates = np.empty_like(volatility)
    rate = rule.initial_rate(float(volatility[0]))
    for minute, now in enumerate(volatility.tolist()):
        if minute and minute % 60 == 0:
            rate = rule.initial_rate(now, before=rate)
        rates[minute] = rate
    return np.asarray(rates * INITIAL / rates[0])


def maintenance(architecture: str, crowd: Crowd) -> Floats:
    """Maintenance of each account, or on isolated margin of each position, by the minute.

    Returns
    -------
    float64 ndarray, shape (n_minutes, n), or (n_minutes, n, n_assets) on isolated margin
        USD.
    """
    held = np.abs(crowd.notionals)
    total: Floats = held.sum(axis=2)
    if architecture == "isolated":
        return np.asarray(MAINTENANCE * held)
    if architecture == "cross":
        return np.asarray(MAINTENANCE * total)
    if architecture == "cross, tiers":
        return np.asarray(tiered(held).sum(axis=2))
    if architecture == "cross, dynamic":
        return np.asarray(dynamic_rates(crowd.volatility)[:, None] * MAINTENANCE / INITIAL * total)
    calm = hourly_returns(calm=True)
    risk = (calm.std() / calm.std().mean()).to_numpy()
    if architecture == "netted":
        return correlated_margin(crowd.notionals, risk, calm.corr().to_numpy(), MAINTENANCE)
    return np.asarray(MAINTENANCE * np.abs(crowd.notionals @ risk))


def outcomes(architecture: str, crowd: Crowd) -> pd.DataFrame:
    """Send a crowd through the day.

    Returns
    -------
    DataFrame
        One row an account: `initial` margin, notional `closed` by force and `deficit` (USD), `minute` of its
        first liquidation (-1 for none), and `rebound`: whether it would have been safe at the day's end.
    """
    need = maintenance(architecture, crowd)
    gains = crowd.notionals - crowd.notionals[:1]
    size = np.abs(crowd.notionals)
    if architecture != "isolated":
        need, gains, size = need[..., None], gains.sum(axis=2, keepdims=True), size.sum(axis=2, keepdims=True)
    initial = INITIAL / MAINTENANCE * need[0]
    capital = crowd.buffer[:, None] * initial
    unsafe = capital + gains < need
    hit = unsafe.any(axis=0)
    minute = np.where(hit, unsafe.argmax(axis=0), -1)
    then = np.minimum(np.where(hit, minute + 1, len(gains) - 1), len(gains) - 1)[None]
    closed = np.take_along_axis(size, then, axis=0)[0] * hit
    equity = capital + np.take_along_axis(gains, then, axis=0)[0] - COST * closed
    never = len(gains)
    return pd.DataFrame(
        {
            "architecture": architecture,
            "book": crowd.kinds,
            "gross": crowd.gross,
            "initial": initial.sum(axis=1),
            "closed": closed.sum(axis=1),
            "deficit": np.maximum(-equity, 0.0).sum(axis=1),
            "minute": np.where(hit.any(axis=1), np.where(hit, minute, never).min(axis=1), -1),
            "rebound": (hit & ~unsafe[-1]).any(axis=1),
        }
    )


def architectures(rng: np.random.Generator, n_books: int = N_BOOKS) -> pd.DataFrame:
    """Send the same crowd through the day under each architecture.

    Returns
    -------
    DataFrame
        One row for each architecture and kind of book, and one for all books: initial margin, deficit and
        forced closing as shares of gross notional, shares of accounts liquidated, and liquidated though they
        would have been safe at the day's end, and the share of what was closed that was in the worst hour.
    """
    crowd = draw_crowd(rng, n_books)
    rows = []
    for architecture in ARCHITECTURES:
        accounts = outcomes(architecture, crowd)
        for book in ("all", *BOOKS):
            part = accounts if book == "all" else accounts[accounts.book == book]
            hit = part[part.minute >= 0]
            hourly = hit.groupby(hit.minute // 60).closed.sum()
            rows.append(
                {
                    "architecture": architecture,
                    "book": book,
                    "initial": float(part.initial.sum() / part.gross.sum()),
                    "liquidated": float((part.minute >= 0).mean()),
                    "rebound": float(part.rebound.mean()),
                    "closed": float(part.closed.sum() / part.gross.sum()),
                    "deficit": float(part.deficit.sum() / part.gross.sum()),
                    "in_deficit": float((part.deficit > 0.0).mean()),
                    "worst_hour": float(hourly.max() / hourly.sum()) if len(hourly) else np.nan,
                }
            )
    return pd.DataFrame(rows)


def lines() -> tuple[str, ...]:
    """Say what was done."""
    return (
        f"Perpetuals on ETH, BTC, LINK and AAVE through the minutes of 19 May 2021, {N_BOOKS} books of",
        f"each kind, sizes around 50,000 USD; initial margin {INITIAL:.0%} and maintenance {MAINTENANCE:.0%}",
        f"of a small long position everywhere. Accounts put up 1 to {LARGEST_BUFFER:g} times the initial",
        "margin and are closed a minute after they fell below maintenance. Per cent of gross or of accounts.",
    )


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table in per cent and basis points."""
    out = table[["architecture", "book"]].copy()
    for name, column in (
        ("initial margin (%)", "initial"),
        ("liquidated (%)", "liquidated"),
        ("safe by the evening (%)", "rebound"),
        ("closed (%)", "closed"),
        ("worst hour (% of closed)", "worst_hour"),
        ("in deficit (%)", "in_deficit"),
    ):
        out[name] = (100 * table[column]).round(1)
    out["deficit (bps)"] = (1e4 * table.deficit).round(2)
    return out


def draw(table: pd.DataFrame, folder: Path) -> Path:
    """Draw what each architecture asks for, whom it liquidates and what is not covered, by kind of book."""
    panels = (
        ("initial", 100, "initial margin (% of gross)"),
        ("liquidated", 100, "accounts liquidated (%)"),
        ("deficit", 1e4, "deficit (bps of gross)"),
    )
    places = np.arange(len(ARCHITECTURES))
    with drawing():
        figure = new_figure(10.5, 3.9)
        axes = figure.subplots(1, 3, sharey=True)
        for panel, (column, scale, label) in zip(axes, panels, strict=True):
            for i, (book, hatch) in enumerate(zip(BOOKS, ("", "////", "...."), strict=True)):
                values = table[table.book == book].set_index("architecture")[column].loc[list(ARCHITECTURES)]
                panel.barh(
                    places + 0.27 * (i - 1),
                    scale * values,
                    0.25,
                    color=COLOURS[i],
                    hatch=hatch,
                    edgecolor="white",
                    label=book,
                )
            panel.set_xlabel(label)
        axes[0].set_yticks(places, list(ARCHITECTURES))
        axes[0].invert_yaxis()
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=9)
        return save(figure, folder, "architectures")
