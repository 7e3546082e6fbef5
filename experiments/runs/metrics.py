"""Numbers by which runs are compared: each has a name, a label with its unit, and a function of the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.objects import import_object
from ..scenarios.scenario import nearest
from . import margin_metrics as margin
from .result import RunResult

Function = Callable[[RunResult], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """A number computed from a run.

    Attributes
    ----------
    label : str
        What figures and tables call it, with its unit.
    function : callable
        Takes a `RunResult`, returns a number; nan where it does not exist.
    """

    label: str
    function: Function


def _summary(key: str) -> Function:
    return lambda result: float(result.summary[key])


def time_to_liquidation_s(result: RunResult) -> float:
    """Time from being liquidatable to being liquidated, weighted by the debt repaid; s."""
    done = result.liquidations
    if not done.repaid_usd.sum() > 0:
        return math.nan
    waited = (done.t_done_s - done.t_eligible_s).to_numpy(float)
    return float(np.average(waited, weights=done.repaid_usd))


def price_impact_bps(result: RunResult) -> float:
    """Fall of the price in the sales that followed, weighted by their size; basis points."""
    sold = pd.concat(
        [
            result.liquidations[["seized_usd", "impact_bps"]].rename(columns={"seized_usd": "usd"}),
            result.sales[["bought_usd", "impact_bps"]].rename(columns={"bought_usd": "usd"}),
        ]
    ).dropna()
    weights = sold.usd.to_numpy(float)
    return float(np.average(sold.impact_bps, weights=weights)) if weights.sum() else math.nan


def debt_start_usd(result: RunResult) -> float:
    """Debt of all accounts at the start, at oracle prices; USD."""
    positions = result.positions
    return float(positions.debt_usd[positions.snapshot == 0].sum())


def unsafe_at_start(result: RunResult) -> float:
    """Accounts that could be liquidated before the first block."""
    positions = result.positions
    return float((positions.health_factor[positions.snapshot == 0] < 1.0).sum())


def bad_debt_share(result: RunResult) -> float:
    """Bad debt as a share of the debt at the start."""
    debt = debt_start_usd(result)
    return float(result.summary["bad_debt_usd"]) / debt if debt else math.nan


def insolvent(result: RunResult) -> float:
    """1 if more than one hundredth of the debt at the start is bad at the end, else 0 (MODEL 7, E-A)."""
    return float(bad_debt_share(result) > 0.01)


def liquidator_hhi(result: RunResult) -> float:
    """Herfindahl index of liquidators' shares in the debt repaid; 1 for a single one."""
    repaid = result.liquidations.groupby("liquidator", observed=True).repaid_usd.sum().to_numpy(float)
    total = repaid.sum()
    return float(((repaid / total) ** 2).sum()) if total else math.nan


def _cost_usd(column: str) -> Function:
    """Return the sum of a column of `costs`, which is in base units of the quote asset, as USD."""

    def total(result: RunResult) -> float:
        scenario = result.scenario
        return float(result.costs[column].sum() / 10.0 ** scenario.asset(scenario.quote).decimals)

    return total


METRICS: dict[str, Metric] = {
    "bad_debt_usd": Metric("bad debt (USD)", _summary("bad_debt_usd")),
    "bad_debt_share": Metric("bad debt (share of debt)", bad_debt_share),
    "insolvent": Metric("runs with over 1 % bad debt (share)", insolvent),
    "borrower_loss_usd": Metric("borrowers' loss (USD)", _summary("borrower_loss_usd")),
    "liquidator_profit_usd": Metric("liquidators' profit (USD)", _summary("liquidator_profit_usd")),
    "protocol_revenue_usd": Metric("protocols' revenue (USD)", _cost_usd("protocol_revenue")),
    "builder_usd": Metric("paid to builders (USD)", _cost_usd("builder")),
    "liquidator_hhi": Metric("concentration of liquidators (HHI)", liquidator_hhi),
    "gas_usd": Metric("gas of liquidators (USD)", _summary("gas_usd")),
    "time_to_liquidation_s": Metric("time to liquidation (s)", time_to_liquidation_s),
    "price_impact_bps": Metric("price impact of the sales (bps)", price_impact_bps),
    "liquidations": Metric("liquidations", _summary("liquidations")),
    "debt_repaid_usd": Metric("debt liquidated (USD)", _summary("debt_repaid_usd")),
    "debt_start_usd": Metric("debt at the start (USD)", debt_start_usd),
    "unsafe_at_start": Metric("unsafe at the start", unsafe_at_start),
    "margin_liquidations": Metric("margin liquidations", margin.margin_liquidations),
    "margin_closed_usd": Metric("positions liquidated (USD)", margin.total("closed_usd")),
    "margin_loss_usd": Metric("loss beyond margins (USD)", margin.margin_loss_usd),
    "margin_deficit_usd": Metric("loss nobody covered (USD)", margin.total("deficit_usd")),
    "fund_paid_usd": Metric("paid by the fund (USD)", margin.total("fund_paid_usd")),
    "haircut_usd": Metric("given up by winners (USD)", margin.total("haircut_usd")),
    "forgone_usd": Metric("forgone by winners (USD)", margin.forgone_usd),
    "largest_forgone_share": Metric("largest loss of a winner (share)", margin.largest_forgone_share),
    "deleveraged_gini": Metric("inequality among winners (Gini)", margin.deleveraged_gini),
    "deleveraged_accounts": Metric("winners deleveraged", margin.deleveraged_accounts),
    "false_liquidations": Metric("false liquidations", margin.false_liquidations),
    "false_liquidated_usd": Metric("falsely liquidated (USD)", margin.false_liquidated_usd),
    "false_cost_usd": Metric("cost of false liquidations (USD)", margin.false_cost_usd),
    "mark_cost_usd": Metric("cost of both errors (USD)", margin.mark_cost_usd),
    "missed_liquidations": Metric("missed liquidations", margin.missed_liquidations),
    "volatility_error": Metric("largest error of volatility (points)", margin.volatility_error),
    "attack_profit_usd": Metric("attack profit (USD)", margin.attack_profit_usd),
    "sale_cost_usd": Metric("cost of closing (USD)", margin.total("slippage_usd")),
    "closing_time_s": Metric("time to close (s)", margin.closing_time_s),
    "deleveraging_regret_usd": Metric("regret of deleveraging (USD)", margin.deleveraging_regret_usd),
    "largest_burden": Metric("largest burden of a winner (share)", margin.largest_burden),
    "backstop_profit_usd": Metric("backstop's profit (USD)", margin.backstop_profit_usd),
    "backstop_left_usd": Metric("left with the backstop (USD)", margin.backstop_left_usd),
    "crowd_traded_usd": Metric("traded by the crowd (USD)", margin.crowd_traded_usd),
    "final_open_interest_usd": Metric("open interest at the end (USD)", margin.final_open_interest_usd),
    "mark_deviation_bps": Metric("largest error of the mark (bps)", margin.largest_deviation_bps),
}
"""Metrics by name."""


OF_VENUES = (
    "margin_liquidations",
    "margin_closed_usd",
    "false_liquidations",
    "missed_liquidations",
    "fund_paid_usd",
    "haircut_usd",
    "margin_deficit_usd",
    "mark_deviation_bps",
)
"""What a run says of its margin venues beside the summary."""

OF_BACKSTOPS = ("backstop_profit_usd", "backstop_left_usd")


def venue_measures(result: RunResult) -> dict[str, float]:
    """Return the most important metrics of a run's margin venues by name; none without a venue."""
    venues = result.scenario.venues
    names = (OF_VENUES if venues else ()) + (OF_BACKSTOPS if any(v.backstop for v in venues) else ())
    return {name: METRICS[name].function(result) for name in names}


def find_metric(name: str, path: str = "metrics") -> Metric:
    """Return a metric by its name, or one of the user's own as ``module:function``.

    Raises
    ------
    ScenarioError
        If there is none of this name, or the function cannot be imported.

    Examples
    --------
    >>> find_metric("bad_debt_usd").label
    'bad debt (USD)'
    """
    if name in METRICS:
        return METRICS[name]
    if ":" not in name:
        raise ScenarioError(
            f"{path} = {name!r}{nearest(name, list(METRICS))}; allowed: {', '.join(METRICS)}, "
            "or module:function"
        )
    function = import_object(name, path)
    if not callable(function):
        raise ScenarioError(f"{path} = {name!r} is not a function of a run")
    return Metric(name.partition(":")[2], function)


def lean(scenario: Scenario, keep: Sequence[str] = ()) -> Scenario:
    """Return the scenario without the large tables that metrics do not read, but for those in `keep`."""
    quiet = {table: False for table in ("trades", "quotes", "bids") if table not in keep}
    return scenario.model_copy(update={"recording": scenario.recording.model_copy(update=quiet)})


def measure(result: RunResult, metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return the metrics of a run.

    Raises
    ------
    RuntimeError
        If the run made or lost money.
    """
    lost = result.summary["conservation_error_usd"]
    if lost != 0.0:
        raise RuntimeError(f"{result.scenario.name}, seed {result.seed}: {lost} USD are missing")
    return {name: float(metric.function(result)) for name, metric in metrics.items()}
