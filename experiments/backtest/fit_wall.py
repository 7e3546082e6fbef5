"""Choose and fit the liquidation wall on the days before 19 May 2021.

Matches liquidated volume by cells of hours with a quasi-Poisson deviance (volumes are sums of heavy-tailed
sizes: variance proportional to the mean) and picks the form of the wall by forward-chained hold-outs.
Sizes of accounts and the assembly of the population law are `fit`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from .fit_data import CUTOFF_TS, DAY_S, STABLES, FitInputs, collateral_days
from .wall import WallLaw, WallResponse, wall_response

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
        sizes = sizes.clip(lower=2.0 * grouped.max())
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
    # A simplex can collapse on a ridge; a second one from where the first stopped finds out.
    for _ in range(2):
        found = minimize(
            objective, point, method="Nelder-Mead", options={"maxfev": 150, "xatol": 0.01, "fatol": 0.01}
        )
        point = np.asarray(found.x, dtype=np.float64)
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
    rows: list[dict[str, Any]] = []
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
    """Bootstrap over days, form and watcher share fixed: 5 % and 95 % points of debt before depletion."""
    rng = np.random.default_rng(20210519)
    start = replace(best.law, looper_share=0.0, memory_days=0.0)
    totals = []
    for _ in range(BOOTSTRAPS):
        weights = rng.multinomial(WINDOW_DAYS, np.full(WINDOW_DAYS, 1.0 / WINDOW_DAYS)).astype(np.float64)
        totals.append(sum(fit_wall(data, weights, start, looper, memory).debt_usd.values()))
    return [round(float(value)) for value in np.quantile(totals, [0.05, 0.95])]
