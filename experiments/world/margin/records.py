"""What a margin venue writes down, and the tables that come of it.

Each liquidation keeps the account as it was when margin was checked, and each block the inputs of
the mark, so that the decision can be computed again from the tables alone (`runs.margin_check`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ....agents.strategies.exits import SaleStart
from ....protocols.margin.marks import MarkInputs

MARK_COLUMNS = (
    "block", "t_s", "venue", "instrument", *MarkInputs._fields, "mark", "mark_age_s", "mark_uncertainty",
    "mark_ticks", "margin_add_on", "reference", "open_interest_usd", "insurance_fund_usd", "stopped_usd",
    "halted",
)  # fmt: skip
LIQUIDATION_COLUMNS = (
    "id", "venue", "account", "block", "t_s", "balance_units", "equity_units", "requirement_units",
    "notional_usd", "equity_usd", "requirement_usd", "reference_equity_usd", "reference_requirement_usd",
    "reference_notional_usd",
    "is_false", "t_done_s", "outcome", "closed_usd", "slippage_usd", "fee_usd", "fund_paid_usd",
    "haircut_usd", "deficit_usd",
)  # fmt: skip
POSITION_COLUMNS = ("id", "venue", "instrument", "lots", "entry_units")
DELEVERAGING_COLUMNS = (
    "id", "venue", "instrument", "block", "t_s", "account", "lots", "price", "mark", "reference",
    "haircut_usd", "forgone_usd", "equity_before_usd",
)  # fmt: skip
FUNDING_COLUMNS = ("block", "t_s", "venue", "instrument", "rate", "paid_usd", "received_usd")
UNDERLYING_COLUMNS = (
    "block", "t_s", "venue", "underlying", "spot", "volatility", "volatility_age_s", "reference_volatility",
)  # fmt: skip
LATE_COLUMNS = ("block", "t_s", "venue", "account", "reference_equity_usd")
SETTLEMENT_COLUMNS = ("block", "t_s", "venue", "instrument", "kind", "price", "paid_usd", "received_usd")
ROUND_COLUMNS = (
    "id", "venue", "instrument", "block", "t_s", "winners", "lots_needed", "lots_taken", "haircut_usd",
    "largest_share", "even_share",
)  # fmt: skip
AUCTION_COLUMNS = (
    "id", "venue", "instrument", "block", "t_s", "bidder", "lots", "price", "paid_units", "value_ticks",
    "position_lots", "positions_units", "equity_units",
    "requirement_units", "bears_units", "elapsed_s", "concession_usd",
)  # fmt: skip
BACKSTOP_COLUMNS = (
    "block", "t_s", "venue", "instrument", "taken_lots", "sold_lots", "lots", "position_usd", "equity_usd",
    "profit_usd",
)  # fmt: skip
CROWD_COLUMNS = (
    "block", "t_s", "venue", "instrument", "account", "lots", "lots_after", "price", "long_share",
)  # fmt: skip
_WHOLE = (
    "id", "account", "block", "lots", "winners", "lots_needed", "lots_taken", "lots_after", "elapsed_s",
)  # fmt: skip
_TEXT = ("venue", "instrument", "underlying", "outcome", "bidder", "kind")
_FLAGS = ("is_false", "by_model", "halted")


class Checked(NamedTuple):
    """An account when it failed the margin check; base units, and what it was at the outside price."""

    balance: int
    equity: int
    requirement: int
    notional: int
    reference_equity: int
    reference_requirement: int
    reference_notional: int


@dataclass(slots=True)
class Leg:
    """What a liquidation closes of one position.

    Attributes
    ----------
    column : int
        Of the contract.
    keep, ordered : int
        Lots that are to be left, and lots to be closed.
    start : SaleStart
        What was known of its market when the sale began.
    """

    column: int
    keep: int
    ordered: int
    start: SaleStart


@dataclass(slots=True)
class Case:
    """One liquidation from the failed check to its end.

    Attributes
    ----------
    number, row, block : int
        Of the case, the account and the check.
    unit : float
        Base units in one USD at the check.
    due : int
        Block of the next stage.
    stage : int
        0 before orders are cancelled, 1 before the position is sold, 2 while it is.
    start_s : float
        When the sale began.
    legs : list of Leg
        What is closed, in this order; empty before the sale.
    """

    number: int
    row: int
    block: int
    t_s: float
    checked: Checked
    unit: float
    due: int
    stage: int = 0
    start_s: float = 0.0
    legs: list[Leg] = field(default_factory=list)
    done_s: float = float("nan")
    outcome: str = "open"
    closed: int = 0
    slippage: int = 0
    fee: int = 0
    fund_paid: int = 0
    haircut: int = 0
    deficit: int = 0


class MarginRecords:
    """Rows of one venue.

    Parameters
    ----------
    venue : str
    unit : float
        Base units in one USD; for an inverse contract those of the coin at the last mark.
    """

    def __init__(self, venue: str, unit: float) -> None:
        self.venue, self.unit = venue, unit
        self.marks: list[tuple[Any, ...]] = []
        self.cases: list[Case] = []
        self.positions: list[tuple[Any, ...]] = []
        self.deleveragings: list[tuple[Any, ...]] = []
        self.funding: list[tuple[Any, ...]] = []
        self.late: list[tuple[Any, ...]] = []
        self.settlements: list[tuple[Any, ...]] = []
        self.underlyings: list[tuple[Any, ...]] = []
        self.rounds: list[tuple[Any, ...]] = []
        self.auctions: list[tuple[Any, ...]] = []
        self.backstop: list[tuple[Any, ...]] = []
        self.crowd: list[tuple[Any, ...]] = []

    def liquidation_rows(self) -> list[tuple[Any, ...]]:
        """Return a row for each case."""
        return [
            (
                c.number, self.venue, c.row, c.block, c.t_s, c.checked.balance, c.checked.equity,
                c.checked.requirement, c.checked.notional / c.unit, c.checked.equity / c.unit,
                c.checked.requirement / c.unit, c.checked.reference_equity / c.unit,
                c.checked.reference_requirement / c.unit, c.checked.reference_notional / c.unit,
                c.checked.reference_equity >= c.checked.reference_requirement, c.done_s, c.outcome,
                c.closed / c.unit, c.slippage / c.unit, c.fee / c.unit, c.fund_paid / c.unit,
                c.haircut / c.unit, c.deficit / c.unit,
            )
            for c in self.cases
        ]  # fmt: skip


def margin_tables(venues: Sequence[MarginRecords]) -> dict[str, pd.DataFrame]:
    """Return the tables of all venues by name; none if there is no venue."""
    if not venues:
        return {}
    rows: dict[str, tuple[list[tuple[Any, ...]], tuple[str, ...]]] = {
        "marks": ([row for v in venues for row in v.marks], MARK_COLUMNS),
        "margin_liquidations": ([row for v in venues for row in v.liquidation_rows()], LIQUIDATION_COLUMNS),
        "margin_positions": ([row for v in venues for row in v.positions], POSITION_COLUMNS),
        "deleveragings": ([row for v in venues for row in v.deleveragings], DELEVERAGING_COLUMNS),
        "funding": ([row for v in venues for row in v.funding], FUNDING_COLUMNS),
        "late_liquidations": ([row for v in venues for row in v.late], LATE_COLUMNS),
    }
    more: dict[str, tuple[list[tuple[Any, ...]], tuple[str, ...]]] = {
        "deleveraging_rounds": ([row for v in venues for row in v.rounds], ROUND_COLUMNS),
        "position_auctions": ([row for v in venues for row in v.auctions], AUCTION_COLUMNS),
        "backstop": ([row for v in venues for row in v.backstop], BACKSTOP_COLUMNS),
        "underlyings": ([row for v in venues for row in v.underlyings], UNDERLYING_COLUMNS),
        "settlements": ([row for v in venues for row in v.settlements], SETTLEMENT_COLUMNS),
        "crowd_trades": ([row for v in venues for row in v.crowd], CROWD_COLUMNS),
    }
    rows |= {name: part for name, part in more.items() if part[0]}  # what never happened has no table
    return {name: _frame(given, columns) for name, (given, columns) in rows.items()}


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame.from_records(rows, columns=list(columns))
    whole = {*_WHOLE, *(c for c in columns if c.endswith(("_units", "_ticks", "_lots")))}
    types: dict[str, Any] = {}
    for name in columns:
        if name in _TEXT:
            types[name] = "str"
        elif name in whole:
            types[name] = np.int64
        else:
            types[name] = bool if name in _FLAGS else np.float64
    return frame.astype(types).astype({name: "category" for name in columns if name in _TEXT})
