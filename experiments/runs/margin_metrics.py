"""Numbers of margin venues, read from the tables of a run; nan where the scenario has no venue.

A liquidation is false if the account was sound at the outside price when it was checked, and would have
stayed so for `PATIENCE_S`: sooner or later than the outside price says is no fault, wrong is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .result import RunResult

PATIENCE_S = 600.0
"""Time within which the outside price would have to liquidate the account, too; s."""


def has_venues(result: RunResult) -> bool:
    """Whether the run has the tables of margin venues."""
    return "margin_liquidations" in result.tables


def total(column: str) -> Callable[[RunResult], float]:
    """Return a metric that sums a column of ``margin_liquidations``."""

    def metric(result: RunResult) -> float:
        return float(result.margin_liquidations[column].sum()) if has_venues(result) else math.nan

    return metric


def margin_liquidations(result: RunResult) -> float:
    """Accounts that failed the margin check and were closed, in part or whole."""
    if not has_venues(result):
        return math.nan
    return float((result.margin_liquidations["outcome"] != "recovered").sum())


def false_cases(result: RunResult) -> NDArray[np.bool_]:
    """Whether each row of ``margin_liquidations`` is false.

    The account's equity and requirement are followed at the outside prices: with a position of notional `N`
    now, a move by the factor ``f`` changes equity by its gain, and what it needs in proportion to `f`. The
    same in coin for an inverse contract, whose value goes with ``1 / f``.
    """
    cases = result.margin_liquidations
    found = cases["is_false"].to_numpy(bool) & (cases["outcome"] != "recovered").to_numpy(bool)
    positions: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for venue, number, symbol, lots in _rows(result.margin_positions, "venue", "id", "instrument", "lots"):
        positions.setdefault((venue, number), []).append((symbol, lots))
    series = {
        key: (rows["t_s"].to_numpy(float), rows["reference"].to_numpy(float))
        for key, rows in result.marks.groupby(["venue", "instrument"], observed=True)
    }
    patience = math.ceil(PATIENCE_S / result.scenario.clock.block_time_s)  # blocks
    chosen = cases[found]
    checked = _rows(
        chosen, "venue", "id", "t_s", "reference_notional_usd", "reference_requirement_usd",
        "reference_equity_usd",
    )  # fmt: skip
    for k, case in zip(np.flatnonzero(found).tolist(), checked, strict=True):
        venue, number, t_s, notional_usd, requirement_usd, equity_usd = case
        sizes, factors, gains = [], [], []
        for symbol, lots in positions[venue, number]:
            times, reference = series[venue, symbol]
            first = np.searchsorted(times, t_s)
            moved = reference[first : first + patience] / reference[first]
            moved = np.pad(moved, (0, patience - len(moved)), "edge")  # a contract may end before
            inverse = result.scenario.asset(symbol).inverse
            factors.append(1.0 / moved if inverse else moved)
            gains.append(1.0 - 1.0 / moved if inverse else moved - 1.0)
            sizes.append(lots * _lot(result, symbol) * reference[first])
        parts = np.array(sizes) / np.abs(sizes).sum()
        gain = notional_usd * (parts @ np.array(gains))
        needed = requirement_usd * (np.abs(parts) @ np.array(factors))
        found[k] = bool((equity_usd + gain >= needed).all())
    return found


def _rows(table: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows of some columns, as plain values."""
    return zip(*(table[column].tolist() for column in columns), strict=True)


def false_liquidations(result: RunResult) -> float:
    """Accounts liquidated that the outside price would have spared."""
    return float(false_cases(result).sum()) if has_venues(result) else math.nan


def false_liquidated_usd(result: RunResult) -> float:
    """Positions closed in false liquidations; USD."""
    if not has_venues(result):
        return math.nan
    return float(result.margin_liquidations["closed_usd"].to_numpy(float)[false_cases(result)].sum())


def false_cost_usd(result: RunResult) -> float:
    """Loss of the falsely liquidated against the outside price at the check; USD.

    For the share of the position that was closed: equity at that price less equity at the mark, and what the
    sale brought less than the mark, and its fee; at most the equity that they had.
    """
    if not has_venues(result):
        return math.nan
    cases = result.margin_liquidations[false_cases(result)]
    had = cases["reference_equity_usd"].to_numpy(float)
    closed = np.minimum(cases["closed_usd"].to_numpy(float) / cases["notional_usd"].to_numpy(float), 1.0)
    lost = closed * (had - cases["equity_usd"].to_numpy(float))
    lost += cases[["slippage_usd", "fee_usd"]].to_numpy(float).sum(axis=1)
    return float(np.minimum(lost, had).sum())


def mark_cost_usd(result: RunResult) -> float:
    """Cost of both errors of a mark: sound accounts closed, and losses beyond margins; USD."""
    return margin_loss_usd(result) + false_cost_usd(result)


def missed_liquidations(result: RunResult) -> float:
    """Accounts bankrupt at the outside price before the venue found them."""
    return float(len(result.late_liquidations)) if has_venues(result) else math.nan


def margin_loss_usd(result: RunResult) -> float:
    """Loss beyond margins: what the fund paid, winners gave up and nobody covered; USD."""
    if not has_venues(result):
        return math.nan
    cases = result.margin_liquidations
    return float(cases[["fund_paid_usd", "haircut_usd", "deficit_usd"]].to_numpy(float).sum())


def attack_profit_usd(result: RunResult) -> float:
    """Gain of manipulators, at the last mids; USD, nan if there is none."""
    welfare = result.welfare.set_index(result.welfare["group"].astype(str))["gain_usd"]
    return float(welfare.get("manipulators", math.nan))


def largest_deviation_bps(result: RunResult) -> float:
    """Largest distance of a mark from the outside price; basis points."""
    if not has_venues(result):
        return math.nan
    marks = result.marks
    return float((marks["mark"] / marks["reference"] - 1.0).abs().max() * 1e4)


def volatility_error(result: RunResult) -> float:
    """Largest distance of a venue's volatility from what is published; points, nan without options."""
    known = result.tables.get("underlyings", pd.DataFrame())
    if not len(known):
        return math.nan
    return float((known["volatility"] - known["reference_volatility"]).abs().max() * 100.0)


def forgone_usd(result: RunResult) -> float:
    """Sum what deleveraged winners lost against closing at the outside price; USD."""
    return float(result.deleveragings["forgone_usd"].sum()) if has_venues(result) else math.nan


def largest_forgone_share(result: RunResult) -> float:
    """Largest share of its equity that one deleveraged account lost so, all its closures together."""
    given = result.tables.get("deleveragings", pd.DataFrame())
    if not len(given):
        return math.nan
    by_account = given.groupby(["venue", "account"], observed=True)
    return float((by_account["forgone_usd"].sum() / by_account["equity_before_usd"].first()).max())


def deleveraged_gini(result: RunResult) -> float:
    """Gini index of the lots that winners had to close; 0 is even, nan if there was none."""
    given = result.tables.get("deleveragings", pd.DataFrame())
    if not len(given):
        return math.nan
    lots = np.sort(given.groupby(["venue", "account"], observed=True)["lots"].sum().to_numpy(float))
    n = len(lots)
    return float(2.0 * (np.arange(1, n + 1) @ lots) / (n * lots.sum()) - (n + 1) / n)


def deleveraged_accounts(result: RunResult) -> float:
    """Winners whose positions were closed against their will: hedges that may be broken."""
    if not has_venues(result):
        return math.nan
    return float(len(result.deleveragings.drop_duplicates(["venue", "account"])))


def closing_time_s(result: RunResult) -> float:
    """Mean time from the failed check to the end of a case, by what was closed; s, nan if none ended."""
    if not has_venues(result):
        return math.nan
    done = result.margin_liquidations.dropna(subset="t_done_s")
    closed = done["closed_usd"].to_numpy(float)
    if not closed.sum():
        return math.nan
    return float(np.average((done["t_done_s"] - done["t_s"]).to_numpy(float), weights=closed))


def deleveraging_regret_usd(result: RunResult) -> float:
    """Regret of the rule over rounds: what each took, times its largest share less that of all alike; USD."""
    if not has_venues(result):
        return math.nan
    rounds = result.tables.get("deleveraging_rounds")
    if rounds is None:
        return 0.0
    uneven = rounds["largest_share"] - rounds["even_share"]
    return float((rounds["haircut_usd"] * uneven).sum())


def largest_burden(result: RunResult) -> float:
    """Largest sum over rounds of the share of its equity that one account gave up; nan if nobody did."""
    given = result.tables.get("deleveragings", pd.DataFrame())
    if not len(given):
        return math.nan
    shares = given["haircut_usd"] / given["equity_before_usd"]
    return float(shares.groupby([given["venue"], given["account"]], observed=True).sum().max())


def backstop_profit_usd(result: RunResult) -> float:
    """Gain of backstop vaults on their capital, what they hold valued at the last mark; USD."""
    if not any(venue.backstop for venue in result.scenario.venues):
        return math.nan
    rows = result.tables.get("backstop")
    return 0.0 if rows is None else float(rows.groupby("venue", observed=True)["profit_usd"].last().sum())


def backstop_left_usd(result: RunResult) -> float:
    """Positions that backstop vaults hold at the end, at the last mark; USD."""
    if not any(venue.backstop for venue in result.scenario.venues):
        return math.nan
    rows = result.tables.get("backstop")
    if rows is None:
        return 0.0
    held = rows.groupby(["venue", "instrument"], observed=True)["position_usd"].last()
    return float(held.abs().sum())


def crowd_traded_usd(result: RunResult) -> float:
    """Value that the crowd traded of its own will; USD, 0 where it only holds."""
    if not has_venues(result):
        return math.nan
    rows = result.tables.get("crowd_trades")
    if rows is None:
        return 0.0
    lot = {symbol: _lot(result, symbol) for symbol in rows["instrument"].astype(str).unique()}
    lots = rows["instrument"].astype(str).map(lot).to_numpy(float) * rows["lots"].abs().to_numpy(float)
    return float((lots * rows["price"].to_numpy(float)).sum())


def final_open_interest_usd(result: RunResult) -> float:
    """Open longs of the crowds at the end, at the mark; USD."""
    if not has_venues(result):
        return math.nan
    last = result.marks.groupby(["venue", "instrument"], observed=True)["open_interest_usd"].last()
    return float(last.sum())


def _lot(result: RunResult, symbol: str) -> float:
    """Tokens in a lot of a contract."""
    book = result.scenario.asset(symbol).book
    assert book is not None  # a contract has one
    return book.lot
