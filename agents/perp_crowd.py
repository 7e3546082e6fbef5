"""Leveraged traders of a margin venue: a crowd drawn from a law, rows in arrays.

Nothing here trades: the law says who holds what at the start and where stop orders lie; the venue marks,
margins and liquidates. Sizes are lognormal and scaled to the open interest, leverage is lognormal and
capped, and stops gather at round prices (MODEL 10, F16). How the crowd trades later is `perp_trading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class PerpTraders(NamedTuple):
    """Positions of a crowd at the start, one row an account; the largest first on each side.

    Attributes
    ----------
    lots : int64 ndarray, shape (n,)
        Contracts held, negative if short; they sum to zero, as each long has its short.
    leverage : float64 ndarray, shape (n,)
        Notional over margin at the start.
    stop_usd : float64 ndarray, shape (n,)
        Price at which the position is closed by a stop order; nan for none.
    """

    lots: NDArray[np.int64]
    leverage: Floats
    stop_usd: Floats


@dataclass(frozen=True, slots=True)
class LeverageLaw:
    """The law of a crowd of leveraged traders.

    Parameters
    ----------
    median_leverage : float
        Of the lognormal law of leverage, above 0.
    leverage_sd_log : float
        Its spread.
    most_leverage : float
        Cap; drawn leverage is at most this.
    size_sd_log : float
        Spread of the lognormal law of notionals.
    long_accounts : float
        Share of accounts that are long; both sides hold the same open interest.
    stop_share : float
        Share of accounts with a stop order.
    stop_distance : float
        Mean distance of a stop from the start price, as a fraction; exponential.
    round_usd : float
        Stops lie at multiples of this price, where they gather; 0 leaves them where drawn.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    median_leverage: float = 10.0
    leverage_sd_log: float = 0.7
    most_leverage: float = 50.0
    size_sd_log: float = 1.5
    long_accounts: float = 0.5
    stop_share: float = 0.0
    stop_distance: float = 0.03
    round_usd: float = 0.0

    def __post_init__(self) -> None:
        for name in ("median_leverage", "most_leverage", "stop_distance"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name):g}")
        for name in ("leverage_sd_log", "size_sd_log", "round_usd"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name):g}")
        if not 0 < self.long_accounts < 1:
            raise ValueError(f"long_accounts must be between 0 and 1, got {self.long_accounts:g}")
        if not 0 <= self.stop_share <= 1:
            raise ValueError(f"stop_share must be from 0 to 1, got {self.stop_share:g}")

    def draw(
        self, rng: np.random.Generator, count: int, open_interest_usd: float, lot_usd: float, price_usd: float
    ) -> PerpTraders:
        """Draw a crowd.

        Parameters
        ----------
        rng : Generator
        count : int
            Accounts, two at least.
        open_interest_usd : float
            Notional of all longs together, and of all shorts.
        lot_usd, price_usd : float
            Worth of one lot, and the price, at the start.

        Raises
        ------
        ValueError
            If there are fewer than two accounts, or fewer lots than accounts on a side.
        """
        n_long = min(max(round(count * self.long_accounts), 1), count - 1)
        total = round(open_interest_usd / lot_usd)
        if n_long < 1 or total < max(n_long, count - n_long):
            raise ValueError(
                f"{count} traders cannot hold {total} lots on each side; "
                "allowed: two traders or more, with a lot each"
            )
        sizes = np.exp(self.size_sd_log * rng.standard_normal(count))
        leverage = self.leverages(rng, count)
        side = np.where(np.arange(count) < n_long, 1, -1)
        lots = np.concatenate([split_lots(sizes[:n_long], total), -split_lots(sizes[n_long:], total)])
        return PerpTraders(lots, leverage, self.stops(rng, side, price_usd))

    def leverages(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw the leverage of new positions, shape (count,)."""
        drawn = self.median_leverage * np.exp(self.leverage_sd_log * rng.standard_normal(count))
        leverage: Floats = np.minimum(drawn, self.most_leverage)
        return leverage

    def margins(self, rng: np.random.Generator, count: int, mean_notional_usd: float) -> Floats:
        """Draw what accounts without a position have put up, as if for one; USD, shape (count,)."""
        sizes = np.exp(self.size_sd_log * rng.standard_normal(count) - 0.5 * self.size_sd_log**2)
        margins: Floats = mean_notional_usd * sizes / self.leverages(rng, count)
        return margins

    def stops(self, rng: np.random.Generator, side: NDArray[np.int64], price_usd: float) -> Floats:
        """Draw the stop orders of new positions, USD; nan for none.

        Parameters
        ----------
        rng : Generator
        side : int64 ndarray, shape (n,)
            1 for long, -1 for short.
        price_usd : float
            At which the positions were opened.
        """
        count = len(side)
        stops, away = rng.random(count) < self.stop_share, rng.exponential(self.stop_distance, count)
        drawn: Floats = np.where(stops, self.stop_prices(side, away, price_usd), np.nan)
        return drawn

    def stop_prices(self, side: NDArray[np.int64], away: Floats, price_usd: float) -> Floats:
        """Prices of stop orders at distances from the price; nan where rounding puts it on the wrong side."""
        stop_usd = price_usd * (1.0 - side * np.minimum(away, 0.9))
        if self.round_usd > 0.0:
            stop_usd = np.maximum(np.round(stop_usd / self.round_usd), 1.0) * self.round_usd
        prices: Floats = np.where(side * (price_usd - stop_usd) > 0.0, stop_usd, np.nan)
        return prices


def split_lots(weights: Floats, total: int) -> NDArray[np.int64]:
    """Split whole lots by weight, one at least to each; the largest, first, takes what rounding leaves."""
    weights = np.sort(weights)[::-1]
    lots: NDArray[np.int64] = 1 + np.floor((total - len(weights)) * weights / weights.sum()).astype(np.int64)
    lots[0] += total - lots.sum()
    return lots
