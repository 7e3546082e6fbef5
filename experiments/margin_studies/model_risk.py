"""What it costs to mark options by a model that is not the world's (MODEL 2.3, 2.4).

Accounts are short one option each, of 30 days to expiry. Prices follow geometric Brownian motion, Merton's
jumps or Heston's stochastic volatility; a venue marks and margins by Black-Scholes-Merton, Merton, Heston
or an SVI slice, each fitted to the true prices of the first day and then left alone, which is how a model
grows stale. `truth` is a mark that knows the world's own price, state included.

1. An account puts up the initial margin of Deribit's grid at the venue's mark, and the option's true price.
2. Every six hours for twenty days it is liquidated if its equity at the mark is below maintenance, at the
   true price plus a cost. What it then owes is the deficit.
3. A liquidation is false if at the true price the account was safe, and late if at the true price it had been
   unsafe at an earlier check; the last includes those that were never liquidated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ...market.prices.reference import YEAR_S
from ...protocols.margin.models import HestonVolatility, MertonJumps, black_scholes, fit_slice
from ...protocols.margin.models.black_scholes import implied_volatility
from ...protocols.margin.scenario_grid import DERIBIT
from ..figures.style import drawing, new_figure, save

Floats = NDArray[np.float64]
Pricer = Callable[[Floats, Floats, float, NDArray[np.bool_]], Floats]
"""Maps spots, strikes, years to expiry and rights, of one shape but the years, to prices."""

SPOT = 100.0
LIFE_YEARS = 30 / 365
STEP_YEARS = 6 * 3_600 / YEAR_S
N_STEPS = 80
N_PATHS = 300
COST = 0.02
"""What closing costs, a share of the option's true price."""
OPTIONS = ((80.0, False), (90.0, False), (100.0, False), (100.0, True), (110.0, True), (120.0, True))
"""Strike, and whether it is a call."""
QUOTED = np.array([70.0, 80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0, 135.0])
"""Strikes whose true prices the models are fitted to."""
TRUTHS = ("GBM", "Merton", "Heston")
MARKS = ("BSM", "Merton", "Heston", "SVI", "truth")

GBM_VOLATILITY = 0.7
MERTON = MertonJumps(0.5, 6.0, -0.1, 0.15)
HESTON = HestonVolatility(0.49, 0.49, 3.0, 1.5, -0.6)
_NODES = 9
"""Variances at which a Heston world is priced; between them prices are interpolated."""


@dataclass(frozen=True, eq=False)
class World:
    """Paths of a truth, and what options are truly worth on them.

    Attributes
    ----------
    spots : float64 ndarray, shape (N_STEPS + 1, n_paths)
    values : float64 ndarray, shape (N_STEPS + 1, n_paths, n_options)
    """

    spots: Floats
    values: Floats


def _bsm(volatility: float) -> Pricer:
    return lambda spot, strike, years, call: black_scholes.price(spot, strike, years, call, volatility)


def _years(step: int) -> float:
    return LIFE_YEARS - step * STEP_YEARS


def _strikes() -> tuple[Floats, NDArray[np.bool_]]:
    return np.array([strike for strike, _ in OPTIONS]), np.array([call for _, call in OPTIONS])


def true_pricer(truth: str) -> Pricer:
    """Price at the first moment in a world."""
    if truth == "GBM":
        return _bsm(GBM_VOLATILITY)
    return MERTON.price if truth == "Merton" else HESTON.price


def simulate(truth: str, rng: np.random.Generator, n_paths: int) -> World:
    """Draw paths and price the options on them.

    Parameters
    ----------
    truth : str
        One of `TRUTHS`.
    rng : numpy.random.Generator
    n_paths : int
    """
    logs, variances = np.zeros((N_STEPS + 1, n_paths)), np.full((N_STEPS + 1, n_paths), HESTON.variance)
    shocks, others = rng.normal(size=(2, N_STEPS, n_paths))
    counts = rng.poisson(MERTON.intensity * STEP_YEARS, (N_STEPS, n_paths))
    for step in range(N_STEPS):
        if truth == "Heston":  # full truncation: a variance below 0 counts as 0
            now = np.maximum(variances[step], 0.0)
            own = HESTON.leverage * shocks[step] + np.sqrt(1.0 - HESTON.leverage**2) * others[step]
            pull = HESTON.mean_reversion * (HESTON.long_run_variance - now) * STEP_YEARS
            variances[step + 1] = (
                variances[step] + pull + HESTON.vol_of_variance * np.sqrt(now * STEP_YEARS) * own
            )
        else:
            now = np.full(n_paths, GBM_VOLATILITY**2 if truth == "GBM" else MERTON.volatility**2)
        move = -0.5 * now * STEP_YEARS + np.sqrt(now * STEP_YEARS) * shocks[step]
        if truth == "Merton":
            size = MERTON.jump_mean * counts[step] + MERTON.jump_sd * np.sqrt(counts[step]) * others[step]
            move += size - MERTON.intensity * MERTON.mean_jump * STEP_YEARS
        logs[step + 1] = logs[step] + move
    spots = SPOT * np.exp(logs)
    if truth != "Heston":
        return World(spots, _on_paths(true_pricer(truth), spots))
    return World(spots, _heston_values(spots, np.maximum(variances, 0.0)))


def _on_paths(pricer: Pricer, spots: Floats) -> Floats:
    strikes, calls = _strikes()
    shape = (spots.shape[1], len(OPTIONS))
    strike, call = np.array(np.broadcast_to(strikes, shape)), np.array(np.broadcast_to(calls, shape))
    prices = [
        pricer(np.repeat(row[:, None], len(OPTIONS), axis=1), strike, _years(step), call)
        for step, row in enumerate(spots)
    ]
    return np.stack(prices)


def _heston_values(spots: Floats, variances: Floats) -> Floats:
    values = np.empty((*spots.shape, len(OPTIONS)))
    strikes, calls = _strikes()
    shape = (spots.shape[1], len(OPTIONS))
    strike, call = np.array(np.broadcast_to(strikes, shape)), np.array(np.broadcast_to(calls, shape))
    for step, (row, now) in enumerate(zip(spots, variances, strict=True)):
        nodes = np.unique(np.quantile(now, np.linspace(0.0, 1.0, _NODES)))
        spot = np.repeat(row[:, None], len(OPTIONS), axis=1)
        table = np.stack(
            [
                HestonVolatility(
                    max(float(node), 1e-6),
                    HESTON.long_run_variance,
                    HESTON.mean_reversion,
                    HESTON.vol_of_variance,
                    HESTON.leverage,
                ).price(spot, strike, _years(step), call)
                for node in nodes
            ]
        )
        left = np.clip(np.searchsorted(nodes, now, side="right") - 1, 0, max(len(nodes) - 2, 0))
        right = np.minimum(left + 1, len(nodes) - 1)
        gap = np.maximum(nodes[right] - nodes[left], 1e-12)
        share = np.clip((now - nodes[left]) / gap, 0.0, 1.0)[:, None]
        paths = np.arange(len(row))
        values[step] = (1.0 - share) * table[left, paths] + share * table[right, paths]
    return values


def fitted_pricer(mark: str, truth: str) -> Pricer:
    """Fit a model to the true prices of the first day; a model of the world's own kind is the world's.

    Parameters
    ----------
    mark, truth : str
        One of `MARKS` but `truth`, and one of `TRUTHS`.
    """
    if mark == truth:
        return true_pricer(truth)
    calls = QUOTED >= SPOT
    spot = np.full_like(QUOTED, SPOT)
    quotes = true_pricer(truth)(spot, QUOTED, LIFE_YEARS, calls)
    smile = implied_volatility(quotes, spot, QUOTED, LIFE_YEARS, calls).volatility
    if mark == "BSM":
        return _bsm(float(smile[QUOTED == SPOT][0]))
    if mark == "SVI":
        slice_ = fit_slice(np.log(QUOTED / SPOT), smile, LIFE_YEARS).slice
        return lambda spot, strike, years, call: black_scholes.price(
            spot, strike, years, call, slice_.volatility(np.log(strike / spot))
        )

    def model(parameters: Floats) -> MertonJumps | HestonVolatility:
        return MertonJumps(*parameters) if mark == "Merton" else HestonVolatility(*parameters)

    def miss(parameters: Floats) -> Floats:
        prices = model(parameters).price(spot, QUOTED, LIFE_YEARS, calls)
        found = implied_volatility(prices, spot, QUOTED, LIFE_YEARS, calls).volatility
        return np.nan_to_num(found - smile, nan=1.0)

    start, low, high = (
        ([0.6, 2.0, -0.05, 0.1], [0.05, 0.0, -0.5, 0.01], [2.0, 50.0, 0.5, 0.5])
        if mark == "Merton"
        else ([0.5, 0.5, 2.0, 0.8, -0.2], [0.01, 0.01, 0.1, 0.05, -0.95], [4.0, 4.0, 10.0, 4.0, 0.95])
    )
    return model(least_squares(miss, start, bounds=(low, high)).x).price


def grid_losses(spots: Floats, marks: Floats) -> Floats:
    """Return what a short option loses at most in Deribit's scenarios, at volatilities that its mark implies.

    Parameters
    ----------
    spots : float64 ndarray, shape (N_STEPS + 1, n_paths)
    marks : float64 ndarray, shape (N_STEPS + 1, n_paths, n_options)

    Returns
    -------
    float64 ndarray, shape (N_STEPS + 1, n_paths, n_options)
    """
    strikes, calls = _strikes()
    worst = np.empty_like(marks)
    for step, (row, mark) in enumerate(zip(spots, marks, strict=True)):
        years = _years(step)
        spot = np.repeat(row[:, None], len(OPTIONS), axis=1)
        strike = np.array(np.broadcast_to(strikes, mark.shape))
        call = np.array(np.broadcast_to(calls, mark.shape))
        now = implied_volatility(mark, spot, strike, years, call).volatility
        now = np.where(np.isnan(now), 0.01, now)  # worth its immediate value, or less by rounding
        then = DERIBIT.volatilities(now, years * 365)
        moved = black_scholes.price(DERIBIT.spots(spot), strike[..., None], years, call[..., None], then)
        worst[step] = np.maximum((moved - mark[..., None]).max(axis=-1), 0.0)
    return worst


def outcomes(world: World, marks: Floats, need: Floats, perfect: Floats) -> dict[str, float]:
    """Run the venue on the paths of a world.

    Parameters
    ----------
    world : World
    marks : float64 ndarray, shape (N_STEPS + 1, n_paths, n_options)
    need, perfect : float64 ndarray, shape (N_STEPS + 1, n_paths, n_options)
        Losses in the grid's worst scenario, by the marks and by the true prices.

    Returns
    -------
    dict
        Initial margin (share of the spot), shares of accounts liquidated, falsely and late, mean and
        largest deficit (share of the spot), and the share of accounts with one.
    """
    cash = need[0] + world.values[0]
    unsafe = cash - marks < DERIBIT.maintenance * need
    truly = cash - world.values < DERIBIT.maintenance * perfect
    liquidated = unsafe.any(axis=0)
    at = np.where(liquidated, unsafe.argmax(axis=0), N_STEPS)
    due = np.where(truly.any(axis=0), truly.argmax(axis=0), N_STEPS + 1)
    value = np.take_along_axis(world.values, at[None], axis=0)[0]
    really = np.take_along_axis(truly, at[None], axis=0)[0]
    deficit = np.maximum(value * (1.0 + COST * liquidated) - cash, 0.0)
    return {
        "initial_margin": float(need[0].mean() / SPOT),
        "liquidated": float(liquidated.mean()),
        "false": float((liquidated & ~really).mean()),
        "late": float((due < at).mean()),
        "deficit": float(deficit.mean() / SPOT),
        "largest_deficit": float(deficit.max() / SPOT),
        "in_deficit": float((deficit > 0.0).mean()),
    }


def model_risk(rng: np.random.Generator, n_paths: int = N_PATHS) -> pd.DataFrame:
    """Run every mark in every world; one row each, with the columns of `outcomes`.

    All marks see the same paths, and the worlds share their draws.
    """
    seed = int(rng.integers(2**62))
    rows = []
    for truth in TRUTHS:
        world = simulate(truth, np.random.default_rng(seed), n_paths)
        perfect = grid_losses(world.spots, world.values)
        for mark in MARKS:
            if mark == "truth":
                found = outcomes(world, world.values, perfect, perfect)
            else:
                marks = _on_paths(fitted_pricer(mark, truth), world.spots)
                found = outcomes(world, marks, grid_losses(world.spots, marks), perfect)
            rows.append({"truth": truth, "mark": mark, **found})
    return pd.DataFrame(rows)


def lines() -> tuple[str, ...]:
    """Say what was done."""
    return (
        f"Accounts short one option of 30 days each, {len(OPTIONS)} strikes, {N_PATHS} paths of 20 days in",
        "each world, checked every six hours. Margin is that of Deribit's grid at the venue's mark; models",
        f"are fitted on the first day. Liquidations trade at the true price plus {COST:.0%}; per cent of",
        "accounts, deficits in basis points of the first price of the underlying.",
    )


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table in per cent and basis points."""
    percent = {
        "initial margin (% of spot)": "initial_margin",
        "liquidated (%)": "liquidated",
        "falsely (%)": "false",
        "late (%)": "late",
        "in deficit (%)": "in_deficit",
    }
    out = table[["truth", "mark"]].copy()
    for name, column in percent.items():
        out[name] = (100 * table[column]).round(2)
    out["mean deficit (bps)"] = (1e4 * table.deficit).round(2)
    out["largest deficit (bps)"] = (1e4 * table.largest_deficit).round(0)
    return out


def draw(table: pd.DataFrame, folder: Path) -> Path:
    """Draw mean deficits, false and late liquidations by truth and mark."""
    panels = (
        ("deficit", 1e4, "Mean deficit (bps of spot)"),
        ("false", 100, "False liquidations (%)"),
        ("late", 100, "Late liquidations (%)"),
    )
    with drawing():
        figure = new_figure(11.0, 2.9)
        for axes, (column, scale, title) in zip(figure.subplots(1, 3), panels, strict=True):
            values = (table.pivot(index="truth", columns="mark", values=column) * scale).loc[
                list(TRUTHS), list(MARKS)
            ]
            sns.heatmap(
                values, annot=True, fmt=".3g", cmap="Greys", cbar=False, ax=axes, linewidths=0.5, vmin=0.0
            )
            axes.set_title(title)
            axes.set_xlabel("the venue marks by")
            axes.set_ylabel("the world is" if column == "deficit" else "")
        return save(figure, folder, "model-risk")
