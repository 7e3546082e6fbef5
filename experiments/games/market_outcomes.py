"""What a run of the whole market meant: the groups of `outcomes.LEDGER` and measures of waste.

A query over the tables of a run; nothing is simulated here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..runs.result import RunResult
from .outcomes import LEDGER, MEASURES

LIQUIDATING = ("liquidators", "searchers", "keepers", "bidders")
"""Groups of the welfare table that count as liquidators; bidders hold what is bid and not yet decided."""

RUN_MEASURES = (*MEASURES, "over_liquidated")

_NO_DEBT = 1e8
"""Health factors above this stand for an account without debt."""


def run_outcomes(result: RunResult) -> list[float]:
    """Gains of the groups of `LEDGER` and the numbers of `RUN_MEASURES`, USD but for ``no_show``.

    Gains are those of the ``welfare`` table, so that they hold all trading of the run and sum to zero.
    Debt beyond collateral is booked to lenders. ``gas`` is what liquidators pay; ``builder`` what is
    above the floor; ``waste`` the rest of it and bad debt; ``borrower_loss`` that of liquidations.
    """
    gains = dict(zip(result.welfare["group"], result.welfare["gain_usd"], strict=True))
    bad_debt, gas = float(result.summary["bad_debt_usd"]), float(result.summary["gas_usd"])
    quote = next(asset for asset in result.scenario.assets if asset.symbol == result.scenario.quote)
    builder = float(result.costs["builder"].sum()) / 10**quote.decimals
    groups = dict.fromkeys(LEDGER, 0.0)
    groups["borrowers"] = gains.pop("borrowers") + bad_debt
    groups["lenders"] = gains.pop("lenders", 0.0) + gains.pop("depositors", 0.0) - bad_debt
    groups["protocol"] = gains.pop("protocol", 0.0)
    groups["builder"] = builder
    groups["burned"] = gains.pop("validators", 0.0) - builder
    groups["liquidators"] = sum(gains.pop(name, 0.0) for name in LIQUIDATING)
    groups["outside"] = gains.pop("outside", 0.0)
    groups["market"] = sum(gains.values())
    measures = (
        gas,
        gas - builder + bad_debt,
        bad_debt,
        float(result.summary["borrower_loss_usd"]),
        _not_served(result),
        over_liquidated_usd(result),
    )
    return [*(groups[name] for name in LEDGER), *measures]


def served_usd(result: RunResult, agents: Sequence[str]) -> float:
    """Debt repaid in calls, and paid for collateral on sale, by these agents; USD.

    Kicks count only where nothing is sold after them.
    """
    done, sales, costs = result.liquidations, result.sales, result.costs
    if len(sales):
        done = done[done["id"].isin(costs.loc[costs["kind"] == "call", "id"])]
    repaid = done.loc[done["liquidator"].isin(agents), "repaid_usd"].sum()
    return float(repaid + sales.loc[sales["buyer"].isin(agents), "paid_usd"].sum())


def over_liquidated_usd(result: RunResult) -> float:
    """Debt repaid by calls beyond what would have brought health back to 1, USD.

    Within a call the health factor is ``(h0 D - x A) / (D - x r)`` at the share x of it, with debt D and
    repayment r; A follows from the health factor after the call, and the share needed from ``= 1``. D is
    the debt of the start less earlier calls, so own repayments are not seen; calls that leave no debt are
    not counted.
    """
    done, positions = result.liquidations, result.positions
    done = done[(done["hf_after"] > 1.0) & (done["hf_after"] < _NO_DEBT)]
    if done.empty:
        return 0.0
    first = positions[positions["snapshot"] == 0].set_index(["protocol", "account"])["debt_usd"]
    keys = list(zip(done["protocol"], done["account"], strict=True))
    repaid = done["repaid_usd"].to_numpy(np.float64)
    earlier = done.groupby(["protocol", "account"], observed=True)["repaid_usd"].cumsum().to_numpy() - repaid
    debt = np.maximum(first.reindex(keys).to_numpy(np.float64) - earlier, repaid)
    before, after = done["hf_before"].to_numpy(np.float64), done["hf_after"].to_numpy(np.float64)
    below = debt * (before - after) + repaid * (after - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(below < 0, debt * (before - 1.0) / below, 1.0)
    return float((repaid * (1.0 - np.clip(needed, 0.0, 1.0))).sum())


def _not_served(result: RunResult) -> float:
    """Share of the debt that could be liquidated which at the end still can."""
    last = result.positions[result.positions["snapshot"] == result.positions["snapshot"].max()]
    waiting = float(last.loc[last["eligible_since_s"].notna(), "debt_usd"].sum())
    repaid = float(result.liquidations["repaid_usd"].sum())
    return waiting / (waiting + repaid) if waiting + repaid > 0 else 0.0
