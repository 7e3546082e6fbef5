"""Fit the borrower population of 19 May 2021 on liquidations and prices before that day.

Two steps: the wall (who is how close, with how much debt) by matching liquidated volume in cells of hours,
then the sizes of accounts from the sizes of liquidated ones. `FitInputs` refuses later stamps, so nothing
here can see the day.

What events cannot say is assumed and listed in the result: the median health factor of accounts far from
liquidation, reaction delays, wealth, and rescues before a liquidation (only net volumes are visible).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from ...agents.population import (
    CollateralLaw,
    PopulationLaw,
    ReactionLaw,
    SizeLaw,
    TabulatedHealth,
)
from .fit_data import CUTOFF_TS, DAY_S, STABLES, FitInputs, collateral_days
from .wall import CENTRES, DELAY_SIGMA, EDGES, WallLaw, WallResponse, wall_response

FloatArray = npt.NDArray[np.float64]

#: Aave v2 launch configuration (threshold, bonus), unchanged until the crash for these reserves.
RULES: dict[str, tuple[float, float]] = {
    "ETH": (0.825, 0.05),
    "BTC": (0.75, 0.10),
    "LINK": (0.75, 0.10),
    "AAVE": (0.65, 0.10),
}
#: From the first liquidation call of Aave v2, 17 December 2020.
WINDOW_DAYS = 153
CELL_HOURS = 4
#: Forward-chained hold-outs: fit on days before the first stamp, score the days up to the second.
HOLD_OUTS = (("2021-04-18", "2021-04-26"), ("2021-05-08", "2021-05-14"), ("2021-05-14", "2021-05-19"))
WATCHER_GRID = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
#: Median of (health factor - 1) of passive accounts.
MEDIAN_GRID = (0.25, 0.4, 0.7, 1.0, 1.5)
#: A form is admissible within this much of the best deviance: the 95 % point of chi-square with one degree.
ADMISSIBLE = 3.84
DELAY_MEDIAN_H = 0.5
BOOTSTRAPS = 40
#: Range of Pareto exponents of MODEL 5.5.
TAIL_RANGE = (1.1, 1.5)
HEALTH_CAP = 30.0


@dataclass(frozen=True, eq=False)
class WallFit:
    """A fitted wall: law, debt by collateral at the cutoff (USD, before depletion), scaled deviance."""

    law: WallLaw
    debt_usd: dict[str, float]
    deviance: float


@dataclass(frozen=True, eq=False)
class WallData:
    """Responses and dispersions by collateral; `start_ts` is the window's first midnight."""

    responses: dict[str, WallResponse]
    dispersion_usd: dict[str, float]
    start_ts: int

    def days(self, before: str | None = None, since: str | None = None) -> FloatArray:
        """Weights of window days: 1 in ``[since, before)``, 0 elsewhere."""
        stamps = self.start_ts + DAY_S * np.arange(WINDOW_DAYS)
        inside = np.ones(WINDOW_DAYS, dtype=np.bool_)
        if before is not None:
            inside &= stamps < pd.Timestamp(before).timestamp()
        if since is not None:
            inside &= stamps >= pd.Timestamp(since).timestamp()
        return inside.astype(np.float64)


def wall_data(inputs: FitInputs) -> WallData:
    """Prepare responses and, by collateral, variance over mean of a compound Poisson: E[S^2]/E[S]."""
    start = CUTOFF_TS - WINDOW_DAYS * DAY_S
    responses = {}
    dispersion = {}
    for symbol, (threshold, bonus) in RULES.items():
        days = collateral_days(inputs, symbol, start)
        responses[symbol] = wall_response(days, threshold, bonus, CELL_HOURS)
        sizes = account_debts(inputs, start, symbol, per_user=False, gross=False)
        dispersion[symbol] = float((sizes**2).sum() / sizes.sum())
    return WallData(responses, dispersion, start)


def account_debts(
    inputs: FitInputs, start_ts: int, symbol: str | None = None, per_user: bool = True, gross: bool = True
) -> FloatArray:
    """Stable debts of liquidated accounts, USD, largest first.

    By user and UTC day: the sum repaid, or with `gross` the debt it implies, at least twice the largest
    call (close factor 50 %). `per_user` keeps a user's largest day.
    """
    events = inputs.events
    chosen = events[(events.ts >= start_ts) & events.debt.isin(STABLES) & events.collateral.isin(list(RULES))]
    if symbol is not None:
        chosen = chosen[chosen.collateral == symbol]
    grouped = chosen.groupby([chosen.user, chosen.ts // DAY_S]).debt_usd
    sizes = grouped.sum()
    if gross:
        sizes = np.maximum(sizes, 2.0 * grouped.max())
    if per_user:
        sizes = sizes.groupby(level=0).max()
    return np.asarray(np.sort(sizes.to_numpy(dtype=np.float64))[::-1])


def mixed_responses(data: WallData, law: WallLaw) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Responses averaged over the reactions of `law`, by collateral."""
    return {symbol: response.mixed(law) for symbol, response in data.responses.items()}


def deviance(
    data: WallData,
    law: WallLaw,
    mixed: Mapping[str, tuple[FloatArray, FloatArray]],
    train: FloatArray,
    score: FloatArray,
) -> tuple[float, dict[str, float], dict[str, tuple[float, float]]]:
    """Quasi-Poisson deviance with day weights `score`, debts profiled with day weights `train`.

    Returns
    -------
    tuple
        Deviance over dispersion; debt by collateral, USD; (real, expected) volume on the scored days.
    """
    total = 0.0
    debts: dict[str, float] = {}
    volumes: dict[str, tuple[float, float]] = {}
    for symbol, response in data.responses.items():
        unit = response.per_unit_debt(law, mixed[symbol])
        real = response.volume
        debts[symbol] = float((train @ real).sum() / (train @ unit).sum())
        # The floor (200 USD a day) keeps an event where none is expected from being infinitely surprising.
        expected = debts[symbol] * unit + 200.0 / real.shape[1]
        logs = np.log(np.maximum(real, 1e-9) / expected)
        cells = real * logs - (real - expected)
        total += 2.0 * float((score @ cells).sum()) / data.dispersion_usd[symbol]
        volumes[symbol] = (float((score @ real).sum()), float((score @ expected).sum()))
    return total, debts, volumes


def fit_wall(data: WallData, train: FloatArray, start: WallLaw, looper: bool, memory: bool) -> WallFit:
    """Minimise the deviance over sigma and growth, and if asked the looper share and the memory."""

    mixed = mixed_responses(data, start)

    def unpack(point: FloatArray) -> WallLaw:
        values = iter(point)
        law = replace(start, sigma=float(np.exp(next(values))), growth_per_day=float(next(values)) / 50.0)
        if looper:
            law = replace(law, looper_share=float(expit(next(values))))
        if memory:
            law = replace(law, memory_days=float(np.exp(next(values))))
        return law

    def objective(point: FloatArray) -> float:
        law = unpack(point)
        if not (0.2 < law.sigma < 4 and -0.01 < law.growth_per_day < 0.06 and law.memory_days < 60) or (
            looper and not 1e-4 < law.looper_share < 0.5
        ):
            return 1e9
        return deviance(data, law, mixed, train, train)[0]

    point = np.array([-0.1, 1.0] + ([-4.5] if looper else []) + ([np.log(6.0)] if memory else []))
    options = {"maxfev": 150, "xatol": 0.01, "fatol": 0.01}
    # A simplex can collapse on a ridge; a second one from where the first stopped finds out.
    for _ in range(2):
        point = minimize(objective, point, method="Nelder-Mead", options=options).x
    law = unpack(point)
    value, debts, _ = deviance(data, law, mixed, train, train)
    return WallFit(law, debts, value)


def hold_out(data: WallData, start: WallLaw, looper: bool, memory: bool) -> dict[str, Any]:
    """Forward-chained test: fit before each late crash, score it; deviance and volumes in USD."""
    total = 0.0
    rows = []
    for since, before in HOLD_OUTS:
        train, score = data.days(before=since), data.days(before=before, since=since)
        fitted = fit_wall(data, train, start, looper, memory)
        value, _, volumes = deviance(data, fitted.law, mixed_responses(data, start), train, score)
        total += value
        rows.append(
            {
                "days": [since, before],
                "real_usd": round(sum(real for real, _ in volumes.values())),
                "expected_usd": round(sum(expected for _, expected in volumes.values())),
            }
        )
    return {"deviance": round(total, 2), "crashes": rows}


def choose_wall(data: WallData) -> tuple[WallFit, dict[str, Any]]:
    """Pick form and median, then the watcher share; return the fit and the evidence.

    Form (with or without loopers, with or without memory) and median: the best hold-out among those whose
    deviance over the whole window is within `ADMISSIBLE` of the best. Watcher share: least deviance.
    """
    everything = data.days()
    rows = []
    for looper, memory in ((False, False), (False, True), (True, False), (True, True)):
        for median in MEDIAN_GRID:
            base = WallLaw(sigma=1.0, median_excess=median, delay_median_h=DELAY_MEDIAN_H)
            rows.append(
                {
                    "loopers": looper,
                    "memory": memory,
                    "median_health_factor": 1.0 + median,
                    "deviance": round(fit_wall(data, everything, base, looper, memory).deviance, 2),
                    "hold_out": hold_out(data, base, looper, memory),
                }
            )
    least = min(float(row["deviance"]) for row in rows)
    admissible = [row for row in rows if float(row["deviance"]) <= least + ADMISSIBLE]
    chosen = min(admissible, key=lambda row: float(row["hold_out"]["deviance"]))
    base = WallLaw(
        sigma=1.0, median_excess=chosen["median_health_factor"] - 1.0, delay_median_h=DELAY_MEDIAN_H
    )
    looper, memory = bool(chosen["loopers"]), bool(chosen["memory"])
    fits = [
        fit_wall(data, everything, replace(base, watcher_share=share), looper, memory)
        for share in WATCHER_GRID
    ]
    best = min(fits, key=lambda fitted: fitted.deviance)
    evidence = {
        "chosen": {key: chosen[key] for key in ("loopers", "memory", "median_health_factor")},
        "forms": rows,
        "deviance_by_watcher_share": {
            str(share): round(fitted.deviance, 2) for share, fitted in zip(WATCHER_GRID, fits, strict=True)
        },
        "total_debt_usd_90_percent": _debt_interval(data, best, looper, memory),
    }
    return best, evidence


def _debt_interval(data: WallData, best: WallFit, looper: bool, memory: bool) -> list[int]:
    """Bootstrap over days (form and watcher share fixed): 5 % and 95 % points of the debt before depletion."""
    rng = np.random.default_rng(20210519)
    start = replace(best.law, looper_share=0.0, memory_days=0.0)
    totals = []
    for _ in range(BOOTSTRAPS):
        weights = rng.multinomial(WINDOW_DAYS, np.full(WINDOW_DAYS, 1.0 / WINDOW_DAYS)).astype(np.float64)
        totals.append(sum(fit_wall(data, weights, start, looper, memory).debt_usd.values()))
    return [round(float(value)) for value in np.quantile(totals, [0.05, 0.95])]


def fit_sizes(debts: FloatArray, total_debt_usd: float) -> tuple[SizeLaw, dict[str, float]]:
    """Fit the rank law to the debts of liquidated accounts.

    They are taken as a random sample of accounts by size: one in ``total / sum(debts)`` is seen, so the
    j-th largest seen stands for rank ``(j - 1/2) total / sum(debts)``. Least squares on logarithms, evenly
    spaced in log rank, without the smallest 5 % (dust left by earlier calls); the law's sum over all
    ranks is tied to the total debt.
    """
    thinning = total_debt_usd / debts.sum()
    picks = np.unique(np.geomspace(1, 0.95 * len(debts), 60).astype(np.int64)) - 1
    ranks, logs = (picks + 0.5) * thinning, np.log(debts[picks])
    grid = np.concatenate(([0.0], np.geomspace(0.01, 1e7, 4000)))

    def law_of(point: FloatArray) -> SizeLaw:
        tail, top, body, slope = (float(value) for value in point)
        return SizeLaw(tail, float(np.exp(top)), float(np.exp(body)), slope)

    def objective(point: FloatArray) -> float:
        law = law_of(point)
        scale = total_debt_usd / float(np.trapezoid(law.weights(grid), grid))
        return float(np.mean((np.log(law.weights(ranks) * scale) - logs) ** 2))

    bounds = [TAIL_RANGE, (0.0, np.log(30.0)), (np.log(100.0), np.log(1e5)), (1.5, 6.0)]
    start = np.array([1.3, np.log(5.0), np.log(5000.0), 4.0])
    found = minimize(objective, start, method="L-BFGS-B", bounds=bounds)
    rounded = np.round(found.x, 4)
    law = law_of(rounded)
    scale = total_debt_usd / float(np.trapezoid(law.weights(grid), grid))
    return law, {
        "liquidated_accounts": float(len(debts)),
        "ranks_per_liquidated_account": round(float(thinning), 3),
        "rms_log_error": round(float(np.sqrt(objective(rounded))), 4),
        "largest_account_usd": round(float(law.weights(np.array([0.5]))[0] * scale)),
    }


def health_table(
    wall: WallLaw, age_days: Callable[[FloatArray], FloatArray]
) -> tuple[TabulatedHealth, float]:
    """Midnight law of the health factor with recently swept levels depleted, and the share left."""
    tail = np.log(np.geomspace(np.exp(EDGES[-1]), HEALTH_CAP, 33))
    edges = np.concatenate((EDGES, tail[1:]))
    centres = np.concatenate((CENTRES, (tail[1:] + tail[:-1]) / 2))
    mass = wall.mass(edges) * wall.refilled(age_days(centres))
    shares = np.round(mass / mass.sum(), 9)
    shares[np.argmax(shares)] += 1.0 - shares.sum()
    law = TabulatedHealth(tuple(np.round(np.exp(edges), 7).tolist()), tuple(shares.tolist()))
    return law, float(mass.sum())


def fit_population(inputs: FitInputs) -> dict[str, Any]:
    """Fit the whole law and return the content of the fit file (plain containers).

    Parameters
    ----------
    inputs
        Events and bars before 2021-05-19T00:00Z.

    Returns
    -------
    dict
        ``law`` (for `PopulationLaw.from_dict`), ``total_debt_usd``, ``debt_usd`` by collateral, ``wall``,
        ``diagnostics``, ``window``, ``obtained`` (how each number came about).
    """
    data = wall_data(inputs)
    wall, evidence = choose_wall(data)
    tables: dict[str, TabulatedHealth] = {}
    debt: dict[str, float] = {}
    for symbol in RULES:
        days = collateral_days(inputs, symbol, data.start_ts)
        # Bound now: the loop variable changes before a later call would read it.
        table, left = health_table(wall.law, lambda x, days=days: days.age_of_level(WINDOW_DAYS, x))
        tables[symbol], debt[symbol] = table, wall.debt_usd[symbol] * left
    total = sum(debt.values())
    sizes = account_debts(inputs, data.start_ts)
    size_law, size_facts = fit_sizes(sizes, total)
    mix, second = _debt_mix(inputs, data.start_ts)
    watchers = wall.law.watcher_share
    law = PopulationLaw(
        collateral=tuple(
            CollateralLaw(
                symbol, debt[symbol] / total, threshold, bonus, tables[symbol], wall.law.undisturbed()
            )
            for symbol, (threshold, bonus) in RULES.items()
        ),
        debt_mix=mix,
        size=size_law,
        reaction=ReactionLaw(
            shares=(1.0 - watchers, 0.8 * watchers, 0.2 * watchers),
            alert_fraction=(0.3, 0.7),
            alert_cap=1.5,
            target_cap=2.0,
            delay_median_s=wall.law.delay_median_h * 3600.0,
            delay_sigma=DELAY_SIGMA,
            reset_mean_s=wall.law.memory_days * DAY_S,
        ),
        second_collateral=second,
    )
    everything = data.days()
    _, _, volumes = deviance(data, wall.law, mixed_responses(data, wall.law), everything, everything)
    return {
        "name": "may-2021",
        "law": law.to_dict(),
        "total_debt_usd": round(total),
        "debt_usd": {symbol: round(value) for symbol, value in debt.items()},
        "wall": {
            "sigma": round(wall.law.sigma, 4),
            "median_health_factor": 1.0 + wall.law.median_excess,
            "looper_share": round(wall.law.looper_share, 5),
            "memory_days": round(wall.law.memory_days, 3),
            "growth_per_day": round(wall.law.growth_per_day, 5),
            "watcher_share": watchers,
            "delay_median_h": wall.law.delay_median_h,
        },
        "diagnostics": evidence
        | {
            "deviance": round(wall.deviance, 2),
            "cells": int(sum(response.volume.size for response in data.responses.values())),
            "dispersion_usd": {symbol: round(value) for symbol, value in data.dispersion_usd.items()},
            "volume_usd": {s: {"real": round(r), "expected": round(e)} for s, (r, e) in volumes.items()},
            "sizes": size_facts,
        },
        "window": {
            "first": _iso(data.start_ts),
            "end_exclusive": _iso(CUTOFF_TS),
            "events": int((inputs.events.ts >= data.start_ts).sum()),
        },
        "obtained": OBTAINED,
    }


def _iso(stamp: int) -> str:
    return pd.Timestamp(stamp, unit="s").strftime("%Y-%m-%dT%H:%MZ")


def _debt_mix(inputs: FitInputs, start_ts: int) -> tuple[dict[str, float], float]:
    """Share of liquidated users by the stablecoin they owe most, and of users with two collaterals seized."""
    events = inputs.events
    chosen = events[(events.ts >= start_ts) & events.debt.isin(STABLES) & events.collateral.isin(list(RULES))]
    owed = chosen.groupby(["user", "debt"]).debt_usd.sum().unstack(fill_value=0.0)
    counts = owed.idxmax(axis=1).value_counts(normalize=True)
    mix = {coin: round(float(counts[coin]), 4) for coin in STABLES}
    mix[STABLES[-1]] = round(1.0 - sum(mix[coin] for coin in STABLES[:-1]), 4)
    seized = chosen.groupby("user").collateral.nunique()
    return mix, round(float((seized > 1).mean()), 4)


OBTAINED: Mapping[str, str] = {
    "law.collateral.liquidation_threshold, bonus": "Aave v2 launch configuration",
    "law.collateral.health": "lognormal of health - 1, depleted at levels the price reached recently",
    "wall.sigma, growth_per_day, memory_days": "quasi-Poisson fit of stable debt liquidated in 4-hour cells",
    "wall.median_health_factor, loopers": "best forward hold-out among forms within 3.84 of the least deviance",
    "wall.looper_excess, looper_sigma": "assumed: loopers near 1.05 (MODEL 5.5)",
    "wall.watcher_share": "least deviance on a grid; weakly identified",
    "wall.delay_median_h, reaction sigma, alert range": "assumed",
    "law.reaction panic share": "assumed: a fifth of the reacting accounts",
    "law.reaction wealth": "assumed",
    "law.collateral.reset_health, law.reaction.reset_mean_s": "the same lognormal without depletion; memory_days",
    "debt_usd": "real over expected volume of the window, at the end of the window, after depletion",
    "law.size": "rank law fitted to debts of liquidated accounts; Pareto exponent kept in 1.1-1.5 (MODEL 5.5)",
    "law.debt_mix": "liquidated users by the stablecoin they owe most",
    "law.second_collateral": "liquidated users with two of the four collaterals seized (a lower bound)",
}
