"""Leveraged traders with positions in several contracts: who holds what in which of them.

Nothing here trades. Hedged traders are long one contract and short another for as much, basket traders are
long, or short, all contracts in proportion to their open interest, all others hold one contract. Sizes,
leverage and stops are those of `perp_crowd`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .perp_crowd import Floats, LeverageLaw, split_lots


class PortfolioTraders(NamedTuple):
    """Positions of a crowd at the start: basket traders first, then hedged ones, then all others.

    Attributes
    ----------
    lots : int64 ndarray, shape (n, n_contracts)
        Contracts held, negative if short; each column sums to zero, as each long has its short.
    leverage : float64 ndarray, shape (n,)
        Notional of all positions over margin at the start.
    stop_usd : float64 ndarray, shape (n, n_contracts)
        Price at which a position is closed by a stop order; nan for none. Only those who hold one
        contract have any.
    """

    lots: NDArray[np.int64]
    leverage: Floats
    stop_usd: Floats


@dataclass(frozen=True, slots=True)
class PortfolioLaw(LeverageLaw):
    """The law of a crowd of leveraged traders in several contracts.

    Parameters
    ----------
    hedged_share : float
        Share of accounts that are long one contract and short another. They hold the same share of
        open interest where they hold most of it, less elsewhere.
    basket_share : float
        Share of accounts with the same side in all contracts; also of the open interest.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    hedged_share: float = 0.3
    basket_share: float = 0.2

    def __post_init__(self) -> None:
        LeverageLaw.__post_init__(self)
        for name in ("hedged_share", "basket_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be from 0 to below 1, got {getattr(self, name):g}")
        if self.hedged_share + self.basket_share >= 1:
            raise ValueError(
                f"hedged_share + basket_share must be below 1, got {self.hedged_share + self.basket_share:g}"
            )

    def draw_portfolios(
        self,
        rng: np.random.Generator,
        count: int,
        open_interest_usd: Sequence[float],
        lot_usd: Sequence[float],
        price_usd: Sequence[float],
    ) -> PortfolioTraders:
        """Draw a crowd.

        Parameters
        ----------
        rng : Generator
        count : int
            Accounts.
        open_interest_usd, lot_usd, price_usd : sequence of float
            Of each contract: notional of all longs, worth of one lot, and price, at the start.

        Raises
        ------
        ValueError
            If there are too few accounts for all contracts, or too few lots for the accounts.
        """
        interest = np.array(open_interest_usd)
        n_contracts = len(interest)
        totals = np.round(interest / np.array(lot_usd)).astype(np.int64)
        n_basket, n_hedged = round(count * self.basket_share), round(count * self.hedged_share)
        alone = count - n_basket - n_hedged
        if alone < 2 * n_contracts or n_basket == 1:
            raise ValueError(
                f"{count} traders are too few: {n_basket} with a basket (allowed: none, or two or more) and "
                f"{alone} with one of {n_contracts} contracts (allowed: two or more for each)"
            )
        sizes = np.exp(self.size_sd_log * rng.standard_normal(count))
        leverage = self.median_leverage * np.exp(self.leverage_sd_log * rng.standard_normal(count))
        stops, away = rng.random(count) < self.stop_share, rng.exponential(self.stop_distance, count)
        lots = np.zeros((count, n_contracts), np.int64)
        baskets, hedgers = slice(0, n_basket), slice(n_basket, n_basket + n_hedged)
        if n_basket:
            for column, total in enumerate(totals.tolist()):
                lots[baskets, column] = self._sides(sizes[baskets], [round(self.basket_share * total)] * 2)
        if n_hedged:
            usd = self.hedged_share * _hedges(rng, sizes[hedgers], interest)
            lots[hedgers] = np.sign(usd) * np.ceil(np.abs(usd) / np.array(lot_usd) - 0.5).clip(usd != 0)
        stop_usd = np.full((count, n_contracts), np.nan)
        first = n_basket + n_hedged
        for column, here in enumerate(_spread(alone, interest)):
            rows = slice(first, first + here)
            held = lots[:first, column]
            left = [int(totals[column] - held[held > 0].sum()), int(totals[column] + held[held < 0].sum())]
            lots[rows, column] = self._sides(sizes[rows], left)
            side = np.sign(lots[rows, column])
            prices = self.stop_prices(side, away[rows], price_usd[column])
            stop_usd[rows, column] = np.where(stops[rows], prices, np.nan)
            first += here
        return PortfolioTraders(lots, np.minimum(leverage, self.most_leverage), stop_usd)

    def _sides(self, sizes: Floats, totals: Sequence[int]) -> NDArray[np.int64]:
        """Lots of accounts that are long, then of those that are short, which hold so many each."""
        n_long = min(max(round(len(sizes) * self.long_accounts), 1), len(sizes) - 1)
        sides = sizes[:n_long], sizes[n_long:]
        for total, side in zip(totals, sides, strict=True):
            if total < len(side):
                raise ValueError(
                    f"{len(side)} traders on one side of a contract cannot hold {total} lots; allowed: a lot "
                    "each, so more open interest or fewer traders"
                )
        long, short = (split_lots(side, total) for side, total in zip(sides, totals, strict=True))
        return np.concatenate([long, -short])


def _hedges(rng: np.random.Generator, sizes: Floats, interest: Floats) -> Floats:
    """Signed notionals of hedged accounts, USD: at most the open interest on any side, and that on one."""
    n, rows = len(interest), np.arange(len(sizes))
    weights = np.tile(interest / interest.sum(), (len(sizes), 1))
    long = (rng.random((len(sizes), 1)) > weights.cumsum(axis=1)).sum(axis=1).clip(max=n - 1)
    weights[rows, long] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    short = (rng.random((len(sizes), 1)) > weights.cumsum(axis=1)).sum(axis=1).clip(max=n - 1)
    usd = np.zeros((len(sizes), n))
    usd[rows, long], usd[rows, short] = sizes, -sizes
    fullest = max(
        np.max(usd.clip(min=0).sum(axis=0) / interest), np.max(-usd.clip(max=0).sum(axis=0) / interest)
    )
    held: Floats = usd / fullest
    return held


def _spread(count: int, weights: Floats) -> list[int]:
    """Split accounts over contracts by weight, two at least to each."""
    shares = 2 + np.floor((count - 2 * len(weights)) * weights / weights.sum()).astype(np.int64)
    shares[np.argmax(weights)] += count - shares.sum()
    spread: list[int] = shares.tolist()
    return spread
