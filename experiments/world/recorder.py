"""What a run writes down: rows as they happen, tables at the end.

Recording reads and never changes the world.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...market.order_book.layout import (
    TRADE_BOOK,
    TRADE_LOTS,
    TRADE_MAKER,
    TRADE_PRICE,
    TRADE_SIDE,
    TRADE_STAMP,
    TRADE_TAKER,
)
from ...market.trading import TradingFloor
from ...market.trading_layout import ASK, ASK_DEPTH_USD, BID, BID_DEPTH_USD, FAIR, MID, REFERENCE

if TYPE_CHECKING:
    from .costs import Cost, Exit, GasPaid

LIQUIDATION_COLUMNS = (
    "id", "protocol", "account", "liquidator", "collateral", "debt", "t_eligible_s", "t_done_s", "block",
    "hf_before", "hf_after", "repaid_usd", "seized_usd", "bonus_usd", "bad_debt_usd", "gas_usd", "impact_bps",
    "profit_usd",
)  # fmt: skip
SALE_COLUMNS = (
    "id", "protocol", "sale", "account", "buyer", "collateral", "debt", "t_s", "block", "paid_usd",
    "bought_usd", "returned_usd", "gas_usd", "impact_bps", "profit_usd",
)  # fmt: skip
REPAID = LIQUIDATION_COLUMNS.index("repaid_usd")
GAS, IMPACT, PROFIT = -3, -2, -1
"""Places in a row of liquidations or of sales that later events fill in: both end alike."""

BID_COLUMNS = ("block", "t_s", "account", "agent", "kind", "price_gwei", "executed", "reason", "gas_usd")
BLOCK_COLUMNS = (
    "block", "t_s", "floor_gwei", "standard_gwei", "urgent_gwei", "gas_used", "n_transactions", "n_reverted",
    "liquidations",
)  # fmt: skip
_TEXT = {"protocol", "liquidator", "buyer", "collateral", "debt", "agent", "kind", "reason"}


class Recorder:
    """Rows of the tables that a run leaves behind.

    Parameters
    ----------
    symbols : sequence of str
        Ledger assets.
    floor : TradingFloor
    n_blocks : int
    trades, quotes, bids : bool
        Whether to keep these tables.
    """

    def __init__(
        self,
        symbols: tuple[str, ...],
        floor: TradingFloor,
        n_blocks: int,
        *,
        trades: bool,
        quotes: bool,
        bids: bool,
    ) -> None:
        self.symbols = symbols
        self.floor = floor
        self.keep_trades, self.keep_quotes, self.keep_bids = trades, quotes, bids
        self.liquidations: list[list[Any]] = []
        self.sales: list[list[Any]] = []
        self.costs: list[Cost] = []
        self.gas: list[GasPaid] = []
        self.defences: list[tuple[int, int, Exit]] = []  # protocol, account and what a borrower sold itself
        self.bids: list[tuple[Any, ...]] = []
        self.other_gas_usd = 0.0  # of bids that failed, or that belong to no row
        self.blocks: list[tuple[Any, ...]] = []
        self.positions: list[pd.DataFrame] = []
        self.exposures: list[pd.DataFrame] = []
        self._trades: list[NDArray[np.int64]] = []
        self._quotes = np.empty((n_blocks if quotes else 0, *floor.state.shape))
        self._n_quotes = 0

    def quote(self) -> None:
        """Take the state of all books."""
        if self.keep_quotes:
            self._quotes[self._n_quotes] = self.floor.state
            self._n_quotes += 1

    def flush_trades(self, least: int = 8192) -> None:
        """Empty the trade log once it holds `least` rows."""
        if self.floor.pending_trades() >= least:
            rows = self.floor.take_trades()
            if self.keep_trades:
                self._trades.append(rows[:, : TRADE_TAKER + 1].astype(np.int32))

    def bid(self, *row: Any) -> None:
        """Take one transaction of an agent; columns `BID_COLUMNS`."""
        if self.keep_bids:
            self.bids.append(row)

    def tables(self, times_s: NDArray[np.float64], name: Callable[[int], str]) -> dict[str, pd.DataFrame]:
        """Return all tables; `name` says what a ledger account is called."""
        self.flush_trades(1)
        tables = {
            "blocks": _frame(self.blocks, BLOCK_COLUMNS),
            "liquidations": _frame(self.liquidations, LIQUIDATION_COLUMNS),
            "sales": _frame(self.sales, SALE_COLUMNS),
            "positions": pd.concat(self.positions, ignore_index=True),
            "exposures": pd.concat(self.exposures, ignore_index=True),
        }
        if self.keep_bids:
            tables["bids"] = _frame(self.bids, BID_COLUMNS)
        if self.keep_quotes:
            tables["quotes"] = self._quote_table(times_s)
        if self.keep_trades:
            tables["trades"] = self._trade_table(name)
        return tables

    def _quote_table(self, times_s: NDArray[np.float64]) -> pd.DataFrame:
        n, n_books = self._n_quotes, len(self.floor.specs)
        state = self._quotes[:n].reshape(n * n_books, self.floor.state.shape[1])
        symbols = [self.symbols[spec.asset] for spec in self.floor.specs]
        return pd.DataFrame(
            {
                "block": np.repeat(np.arange(n, dtype=np.int32), n_books),
                "t_s": np.repeat(times_s[:n], n_books),
                "asset": pd.Categorical.from_codes(np.tile(np.arange(n_books), n), pd.Index(symbols)),
                "bid": state[:, BID],
                "ask": state[:, ASK],
                "mid": state[:, MID],
                "fair": state[:, FAIR],
                "reference": state[:, REFERENCE],
                "depth_bid_usd": state[:, BID_DEPTH_USD],
                "depth_ask_usd": state[:, ASK_DEPTH_USD],
            }
        )

    def _trade_table(self, name: Callable[[int], str]) -> pd.DataFrame:
        rows = np.concatenate(self._trades) if self._trades else np.empty((0, TRADE_TAKER + 1), np.int32)
        specs = self.floor.specs
        ticks = np.array([spec.tick_usd for spec in specs])
        lots = np.array([spec.lot for spec in specs])
        book = rows[:, TRADE_BOOK]
        labels, codes = np.unique(rows[:, [TRADE_MAKER, TRADE_TAKER]], return_inverse=True)
        codes = codes.reshape(-1, 2)
        words = pd.Index([name(int(account)) for account in labels], dtype="str")
        return pd.DataFrame(
            {
                "block": rows[:, TRADE_STAMP],
                "asset": pd.Categorical.from_codes(book, pd.Index([self.symbols[s.asset] for s in specs])),
                "side": rows[:, TRADE_SIDE].astype(np.int8),
                "price": rows[:, TRADE_PRICE] * ticks[book],
                "quantity": rows[:, TRADE_LOTS] * lots[book],
                "maker": pd.Categorical.from_codes(codes[:, 0], words),
                "taker": pd.Categorical.from_codes(codes[:, 1], words),
            }
        )


def _frame(rows: list[Any], columns: tuple[str, ...]) -> pd.DataFrame:
    if rows:
        frame = pd.DataFrame.from_records(rows, columns=list(columns))
        return frame.astype({name: "category" for name in columns if name in _TEXT})
    # categories without a type would come back from Parquet as numbers
    none = pd.Categorical([], categories=pd.Index([], dtype="str"))
    return pd.DataFrame({name: none if name in _TEXT else np.empty(0) for name in columns})
