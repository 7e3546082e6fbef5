"""Measured against predicted: what measures say before a crash, and what the simulation then did.

Predictions use the last snapshot before the peak, the fall of outside prices and the depth of the
books; nothing that happens in the run after the snapshot. Measured is who was liquidated after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats

from ..runs import RunResult
from .claims import Floats
from .crash import Crash, find_crash
from .errors import EmptyGraphError
from .measures import Wall, debtrank_linear, eisenberg_noe, impact_matrix

MEASURES = {
    "threshold": "health after the fall, no contagion",
    "fire sale": "health after the fall and what sales add to it",
    "clearing": "insolvent after the fall (Eisenberg-Noe)",
    "debtrank": "share of equity lost (linear DebtRank)",
}
"""What is compared, with what it means for a borrower."""

METRICS = {
    "rank_correlation": "rank correlation with the share of debt liquidated",
    "hit_rate": "share of liquidated debt that was predicted",
    "precision": "share of predicted debt that was liquidated",
    "jaccard": "accounts in both sets over accounts in either",
    "predicted_debt_usd": "debt of accounts predicted to fail (USD)",
    "measured_debt_usd": "debt of accounts that were liquidated (USD)",
}

CLOSE_FACTOR = 0.5
"""Share of its debt that a liquidated account is assumed to sell collateral for."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """One run.

    Attributes
    ----------
    crash : Crash
    accounts : DataFrame
        One row per borrower with debt before the crash: ``protocol, account, main_collateral,
        collateral_usd, debt_usd, health_factor``, a column with the score of each measure, one
        ``MEASURE fails``, and ``repaid_usd`` measured.
    metrics : DataFrame
        Index measure, columns `METRICS`; NaN where a metric does not exist, as a rank correlation
        with scores that are all the same.
    predicted_bad_debt_usd, measured_bad_debt_usd : float
        What lenders lose in the clearing vector, and the bad debt of the run.
    """

    crash: Crash
    accounts: pd.DataFrame
    metrics: pd.DataFrame
    predicted_bad_debt_usd: float
    measured_bad_debt_usd: float


def agreement(result: RunResult) -> Agreement:
    """Compare predictions with one run.

    Raises
    ------
    ContagionError
        If nobody owes anything before the crash, or the run kept no quotes.
    """
    crash = find_crash(result)
    accounts = _before(result, crash)
    returns = accounts.main_collateral.map(crash.returns).fillna(0.0)
    growth: Floats = np.asarray(1.0 + returns.to_numpy(float))
    health = accounts.health_factor.to_numpy(float)
    scores: dict[str, Floats] = {"threshold": 1.0 / (health * growth)}
    fails: dict[str, NDArray[np.bool_]] = {"threshold": health * growth < 1.0}
    settled = growth - _sales(accounts, crash)
    scores["fire sale"] = 1.0 / (health * np.maximum(settled, 1e-9))
    fails["fire sale"] = health * settled < 1.0
    missing, lost = _clear(accounts, growth)
    scores["clearing"], fails["clearing"] = missing, missing > 0.0
    scores["debtrank"] = _distress(accounts, growth)
    fails["debtrank"] = scores["debtrank"] >= 1.0
    for name in MEASURES:
        accounts[name], accounts[f"{name} fails"] = scores[name], fails[name]
    rows = {name: _compare(accounts, scores[name], fails[name]) for name in MEASURES}
    metrics = pd.DataFrame.from_dict(rows, orient="index", columns=list(METRICS))
    return Agreement(crash, accounts, metrics, lost, float(result.summary["bad_debt_usd"]))


def wall_of(accounts: pd.DataFrame) -> Wall:
    """Return the liquidation wall of accounts that depend on one price."""
    falls = np.maximum(1.0 - 1.0 / accounts.health_factor.to_numpy(float), 0.0)
    debt, collateral = accounts.debt_usd.to_numpy(float), accounts.collateral_usd.to_numpy(float)
    sales = np.minimum(CLOSE_FACTOR * debt, collateral)
    order = np.argsort(falls, kind="stable")
    return Wall(falls[order], sales[order])


def _before(result: RunResult, crash: Crash) -> pd.DataFrame:
    """Borrowers with debt at the snapshot, with what was liquidated afterwards."""
    positions = result.positions
    rows = positions[(positions.snapshot == crash.snapshot) & (positions.debt_usd > 0.0)]
    rows = rows[np.isfinite(rows.health_factor) & (rows.health_factor > 0.0)]
    if not len(rows):
        raise EmptyGraphError("nobody owes anything before the crash; at least 1 debt is needed")
    done = result.liquidations
    done = done[done.t_done_s > rows.t_s.iloc[0]]
    keys = ["protocol", "account"]
    repaid = done.astype({"protocol": str}).groupby(keys).repaid_usd.sum()
    columns = [*keys, "main_collateral", "collateral_usd", "debt_usd", "health_factor"]
    table: pd.DataFrame = (
        rows[columns].astype({"protocol": str, "main_collateral": str}).reset_index(drop=True)
    )
    table["repaid_usd"] = repaid.reindex(pd.MultiIndex.from_frame(table[keys])).fillna(0.0).to_numpy(float)
    return table


def _sales(accounts: pd.DataFrame, crash: Crash) -> Floats:
    """Further fall of each account's price, after outside prices have fallen, as a share of the start."""
    extra = np.zeros(len(accounts))
    for asset, rows in accounts.groupby("main_collateral"):
        shock = -crash.returns.get(str(asset), 0.0)
        fall, _ = wall_of(rows).settle(shock, crash.impact_per_usd.get(str(asset), 0.0))
        extra[rows.index] = fall - shock
    return extra


def _network(accounts: pd.DataFrame) -> tuple[sparse.csr_array, int]:
    """Debts of borrowers to protocols, and of protocols to their lenders or the holders of their coins.

    Nodes are accounts, then protocols, then one creditor for each. A protocol owes what it is owed.
    """
    n = len(accounts)
    codes, names = pd.factorize(accounts.protocol)
    m = len(names)
    owed = accounts.debt_usd.to_numpy(float)
    rows = np.concatenate([np.arange(n), n + np.arange(m)])
    columns = np.concatenate([n + codes, n + m + np.arange(m)])
    amounts = np.concatenate([owed, np.bincount(codes, owed, minlength=m)])
    return sparse.csr_array((amounts, (rows, columns)), shape=(n + 2 * m, n + 2 * m)), m


def _clear(accounts: pd.DataFrame, growth: Floats) -> tuple[Floats, float]:
    """Share of its debt that each account cannot pay, and what the creditors of protocols lose; USD."""
    owes, m = _network(accounts)
    n = len(accounts)
    external = np.concatenate([accounts.collateral_usd.to_numpy(float) * growth, np.zeros(2 * m)])
    done = eisenberg_noe(owes, external)
    promised = float(accounts.debt_usd.sum())
    return 1.0 - done.payments[:n] / accounts.debt_usd.to_numpy(float), promised - float(
        done.payments[n : n + m].sum()
    )


def _distress(accounts: pd.DataFrame, growth: Floats) -> Floats:
    """Share of equity that each account loses in the linear DebtRank."""
    owes, m = _network(accounts)
    worth = accounts.collateral_usd.to_numpy(float)
    equity = np.maximum(worth - accounts.debt_usd.to_numpy(float), 1e-9 * np.maximum(worth, 1e-9))
    claims = np.asarray(owes.sum(axis=0)).ravel()[len(accounts) :]
    weights = impact_matrix(owes, np.concatenate([equity, np.maximum(claims, 1e-9)]))
    shock = np.concatenate([np.minimum(worth * (1.0 - growth) / equity, 1.0), np.zeros(2 * m)])
    return debtrank_linear(weights, shock).final[: len(accounts)]


def _compare(accounts: pd.DataFrame, score: Floats, fails: NDArray[np.bool_]) -> tuple[float, ...]:
    debt, repaid = accounts.debt_usd.to_numpy(float), accounts.repaid_usd.to_numpy(float)
    hit = repaid > 0.0
    share = repaid / debt
    alike = np.ptp(score) == 0.0 or np.ptp(share) == 0.0
    both, either = float((fails & hit).sum()), float((fails | hit).sum())
    caught, predicted, measured = (float(debt[rows].sum()) for rows in (fails & hit, fails, hit))
    return (
        np.nan if alike else float(stats.spearmanr(score, share).statistic),
        caught / measured if measured else np.nan,
        caught / predicted if predicted else np.nan,
        both / either if either else np.nan,
        predicted,
        measured,
    )
