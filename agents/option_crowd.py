"""Traders of a venue with options: who has sold them, who has bought them, who hedges, and with which margin.

Nothing here trades. Writers are short one option each and some of them hold its delta in the first linear
contract; buyers hold the other side; all others hold linear contracts only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .perp_crowd import Floats, split_lots


class ContractSide(NamedTuple):
    """One contract as the law sees it.

    Attributes
    ----------
    lots : int
        Open interest on each side.
    delta : float
        Of one lot, in lots of the first linear contract; nan for a linear contract.
    """

    lots: int
    delta: float


class OptionTraders(NamedTuple):
    """Positions of a crowd at the start: writers first, then buyers, then all others.

    Attributes
    ----------
    lots : int64 ndarray, shape (n, n_contracts)
        Contracts held, negative if short; each column sums to zero.
    cushion : float64 ndarray, shape (n,)
        Margin put up for options, in initial margins.
    leverage : float64 ndarray, shape (n,)
        Notional of linear contracts over the margin put up for them.
    """

    lots: NDArray[np.int64]
    cushion: Floats
    leverage: Floats


@dataclass(frozen=True, slots=True)
class OptionLaw:
    """The law of a crowd that trades options.

    Parameters
    ----------
    writer_share, buyer_share : float
        Shares of accounts that have sold an option, and that have bought one.
    hedged_share : float
        Share of writers who hold the delta of what they sold in the first linear contract.
    size_sd_log : float
        Spread of the lognormal law of sizes.
    median_cushion, cushion_sd_log, least_cushion : float
        Margin put up for options, in initial margins: lognormal, and at least so much.
    of_venue : bool
        Whether who trades options puts up multiples of the venue's own initial margin for all positions;
        else the margin is the same under every rule.
    median_leverage, leverage_sd_log, most_leverage : float
        Leverage of linear contracts, lognormal and capped.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    writer_share: float = 0.3
    buyer_share: float = 0.3
    hedged_share: float = 0.5
    size_sd_log: float = 1.0
    median_cushion: float = 1.5
    cushion_sd_log: float = 0.4
    least_cushion: float = 1.05
    of_venue: bool = False
    median_leverage: float = 6.0
    leverage_sd_log: float = 0.7
    most_leverage: float = 25.0

    def __post_init__(self) -> None:
        for name in ("median_cushion", "median_leverage", "most_leverage"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name):g}")
        for name in ("size_sd_log", "cushion_sd_log", "leverage_sd_log"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name):g}")
        if not self.least_cushion >= 1:
            raise ValueError(f"least_cushion must be at least 1, got {self.least_cushion:g}")
        for name in ("writer_share", "buyer_share", "hedged_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name):g}")
        if not self.writer_share + self.buyer_share < 1:
            raise ValueError(
                f"writer_share + buyer_share must be below 1, got {self.writer_share + self.buyer_share:g}"
            )

    def draw(self, rng: np.random.Generator, count: int, contracts: Sequence[ContractSide]) -> OptionTraders:
        """Draw a crowd.

        Parameters
        ----------
        rng : Generator
        count : int
            Accounts.
        contracts : sequence of ContractSide
            One at least is linear.

        Raises
        ------
        ValueError
            If there are too few accounts, or too few lots for them.
        """
        sizes = np.exp(self.size_sd_log * rng.standard_normal(count))
        cushion = self.median_cushion * np.exp(self.cushion_sd_log * rng.standard_normal(count))
        leverage = self.median_leverage * np.exp(self.leverage_sd_log * rng.standard_normal(count))
        hedged = rng.random(count) < self.hedged_share
        lots = np.zeros((count, len(contracts)), np.int64)
        options = [k for k, each in enumerate(contracts) if not np.isnan(each.delta)]
        linear = [k for k in range(len(contracts)) if k not in options]
        n_writers, n_buyers = round(count * self.writer_share), round(count * self.buyer_share)
        first = n_writers + n_buyers
        for start, end, side in ((0, n_writers, -1), (n_writers, first, 1)):
            for column, rows in _assigned(np.arange(start, end), options, contracts):
                lots[rows, column] = side * _split(sizes[rows], contracts[column].lots)
        delta = np.array([0.0 if np.isnan(each.delta) else each.delta for each in contracts])
        lots[:n_writers, linear[0]] = np.where(hedged, -np.rint(lots @ delta), 0.0)[:n_writers]
        held = np.maximum(lots[:, linear], 0).sum(axis=0), np.maximum(-lots[:, linear], 0).sum(axis=0)
        for j, (column, rows) in enumerate(_assigned(np.arange(first, count), linear, contracts)):
            middle = max(len(rows) // 2, 1)
            for mine, side, taken in ((rows[:middle], 1, held[0][j]), (rows[middle:], -1, held[1][j])):
                lots[mine, column] = side * _split(sizes[mine], contracts[column].lots - int(taken))
        return OptionTraders(
            lots, np.maximum(cushion, self.least_cushion), np.minimum(leverage, self.most_leverage)
        )


def _assigned(
    rows: NDArray[np.int64], columns: Sequence[int], contracts: Sequence[ContractSide]
) -> list[tuple[int, NDArray[np.int64]]]:
    """Give each account one of some contracts: two at least to each, the others by open interest."""
    weights = np.array([contracts[column].lots for column in columns], np.float64)
    if len(rows) < 2 * len(columns):
        raise ValueError(
            f"{len(rows)} traders for {len(columns)} contracts are too few; allowed: two or more for each"
        )
    spread = 2 + np.floor((len(rows) - 2 * len(columns)) * weights / weights.sum()).astype(np.int64)
    spread[np.argmax(weights)] += len(rows) - spread.sum()
    parts = np.split(rows, np.cumsum(spread)[:-1])
    return list(zip(columns, parts, strict=True))


def _split(sizes: Floats, lots: int) -> NDArray[np.int64]:
    if lots < len(sizes):
        raise ValueError(
            f"{len(sizes)} traders on one side of a contract cannot hold {lots} lots; allowed: a lot each, "
            "so more open interest or fewer traders"
        )
    split: NDArray[np.int64] = split_lots(sizes, lots)
    return split
