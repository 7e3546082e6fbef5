"""Fit how much money keepers have and how they fail with gas, on kicks before 15:00 UTC of 12 March 2020.

Later kicks are refused. Capital is what each keeper was seen to have in bids at once. How
keepers fail, each alone or all together, is found by simulating the same scenario in `WINDOW` with
only the early kicks, on a fixed grid, with fixed seeds: the parameters whose near-zero share by hour
of kick is closest to the recorded one, hours weighted by their kicks. What the later kicks say is
for the score alone.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..scenarios import Scenario, load_scenario
from .auctions import NEAR_ZERO, hours_of, simulate

CUTOFF_TS = 1_584_025_200
"""2020-03-12 15:00:00 UTC: kicks from here on are for the score."""

DAY_TS = 1_583_971_200
WINDOW = ("2020-03-12T02:50:00Z", 45_600)
"""Start and seconds of the simulations: from before the first kick until the last has its bids."""

HEADROOMS = (4.0, 6.0, 8.0, 10.0)
SPREADS = (0.1,)
REPAIRS_S = (3600.0, 7200.0, 14_400.0)
OPERATORS = ("", "keeper-software")
SEEDS = (101, 102, 103, 104)

FAILURE = ("gas_headroom", "headroom_sd_log", "repair_s", "operator")

GAS_RESERVE_USD = 1_000.0
"""What a keeper holds for gas beside its bids (the default of `Keeper`)."""


def refuse_later(kicks: pd.DataFrame) -> None:
    """Refuse kicks that the score is made of.

    Raises
    ------
    ValueError
        If one of them is not before `CUTOFF_TS`.
    """
    late = int((kicks.ts >= CUTOFF_TS).sum())
    if late:
        raise ValueError(
            f"the fit was given {late} kicks at or after 2020-03-12T15:00Z; allowed: kicks before"
        )


def revealed_capital(kicks: pd.DataFrame, bids: pd.DataFrame) -> pd.DataFrame:
    """Return the most each bidder had in standing bids at once, and whether it lowballed.

    Parameters
    ----------
    kicks : DataFrame
        ``ts, lot_eth, tab_dai``, all before `CUTOFF_TS`.
    bids : DataFrame
        ``ts, auction, event, bidder, bid_dai`` with ``auction`` the row of `kicks`.

    Returns
    -------
    DataFrame
        Index the bidder; ``peak_dai``, and ``lowballer``: whether its median bid is below `NEAR_ZERO`.
    """
    refuse_later(kicks)
    seen = bids[(bids.ts < CUTOFF_TS) & bids.auction.isin(range(len(kicks)))]
    standing: dict[int, tuple[int, float]] = {}
    locked: dict[int, float] = {}
    peak: dict[int, float] = {}
    columns = ("auction", "event", "bidder", "bid_dai")
    for auction, event, bidder, given in zip(*(seen[name].tolist() for name in columns), strict=True):
        holder, amount = standing.pop(auction, (-1, 0.0))
        locked[holder] = locked.get(holder, 0.0) - amount
        if event != "deal":
            bid = amount if math.isnan(given) else given
            standing[auction] = (bidder, bid)
            locked[bidder] = locked.get(bidder, 0.0) + bid
            peak[bidder] = max(peak.get(bidder, 0.0), locked[bidder])
    median = seen[seen.event == "tend"].groupby("bidder").bid_dai.median()
    frame = pd.DataFrame({"peak_dai": pd.Series(peak, dtype=np.float64)})
    frame["lowballer"] = median.reindex(frame.index).fillna(np.inf) < NEAR_ZERO
    return frame.sort_values("peak_dai", ascending=False)


def near_zero_by_hour(kicks: pd.DataFrame, near_zero: np.ndarray) -> dict[int, float]:
    """Return the share of near-zero lots by hour of kick (UTC)."""
    hours = hours_of(kicks.ts.to_numpy(), DAY_TS)
    return {int(hour): float(near_zero[hours == hour].mean()) for hour in np.unique(hours)}


def fit_keepers(scenario: str | Scenario, kicks: pd.DataFrame, bids: pd.DataFrame) -> dict[str, Any]:
    """Return capital, failures and how well each point of the grid does.

    Parameters
    ----------
    scenario : str or Scenario
        With agents ``leading-keeper``, ``keepers`` and ``lowballers``.
    kicks, bids : DataFrame
        Recorded; kicks with ``final_bid_dai``.

    Raises
    ------
    ValueError
        If a kick is not before `CUTOFF_TS`.
    """
    refuse_later(kicks)
    capital = revealed_capital(kicks, bids)
    valuing = capital[~capital.lowballer].peak_dai
    leading, others = float(valuing.iloc[0]), valuing.iloc[1:]
    counts = {"keepers": len(others), "lowballers": int(capital.lowballer.sum())}
    money = {
        "leading-keeper": round(leading + GAS_RESERVE_USD, -2),
        "keepers": round(float(others.mean()) + GAS_RESERVE_USD, -2),
    }
    real = near_zero_by_hour(kicks, (kicks.final_bid_dai < NEAR_ZERO).to_numpy())
    weights = np.bincount(hours_of(kicks.ts.to_numpy(), DAY_TS))
    grid = []
    for headroom, spread, repair, operator in itertools.product(HEADROOMS, SPREADS, REPAIRS_S, OPERATORS):
        failure: dict[str, Any] = {
            "gas_headroom": headroom,
            "headroom_sd_log": spread,
            "repair_s": repair,
            "operator": operator,
        }
        trial = load_scenario(scenario, overrides(scenario, money, counts, failure))
        shares = [near_zero_by_hour(kicks, simulate(trial, seed).near_zero) for seed in SEEDS]
        mean = {hour: float(np.mean([share[hour] for share in shares])) for hour in real}
        error = sum(weights[hour] * (mean[hour] - real[hour]) ** 2 for hour in real) / weights.sum()
        grid.append({**failure, "error": float(error), "near_zero_by_hour": mean})
    best = min(grid, key=lambda point: point["error"])
    return {
        "cutoff": "2020-03-12T15:00:00Z",
        "kicks": len(kicks),
        "seeds": list(SEEDS),
        "capital_usd": money,
        "counts": counts,
        "failure": {key: best[key] for key in FAILURE},
        "recorded_near_zero_by_hour": real,
        "bidders": capital.reset_index(drop=True).to_dict(orient="records"),
        "grid": grid,
    }


def overrides(
    scenario: str | Scenario, money: dict[str, float], counts: dict[str, int], failure: dict[str, Any]
) -> Sequence[str]:
    """Return the changes that put a point of the grid into the scenario, with the early kicks only."""
    names = [agent.name for agent in load_scenario(scenario).agents]
    start, seconds = WINDOW
    changes = [
        "borrowers.until=2020-03-12T15:00:00Z",
        f"clock.start={start}",
        f"clock.duration_s={seconds}",
    ]
    for name in ("leading-keeper", "keepers"):
        where = f"agents.{names.index(name)}"
        changes.append(f"{where}.capital_usd={money[name]!r}")
        changes += [f"{where}.parameters.{key}={json.dumps(value)}" for key, value in failure.items()]
    changes += [f"agents.{names.index(name)}.count={count}" for name, count in counts.items()]
    return changes
