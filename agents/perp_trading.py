"""How a crowd of leveraged traders trades anew: when, on which side and how much, rows in arrays.

Each account decides at the times of a Poisson process of its own. Whoever is flat opens a position on the
side it wants, with the leverage of the law of the crowd; whoever holds the other side reduces. Momentum
makes longs likelier after a rise, funding makes the side that pays likelier to leave (MODEL 10). Nothing here
trades: the venue does, for those who act.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TradingLaw:
    """The law by which accounts open, reduce and open again.

    Parameters
    ----------
    decisions_per_hour : float
        Mean decisions of one account an hour; 0 or more.
    momentum : float
        Log-odds of wanting to be long for each unit of log return over `lookback_s`: 30 makes a rise of 1 %
        worth 0.3; negative for a crowd that buys falls [assumed].
    lookback_s : float
        Time over which the return is taken, s; above 0.
    funding : float
        Log-odds of wanting to be short for each unit of the funding rate: 500 makes 0.1 % an interval
        worth 0.5 [assumed].
    reduce_share : float
        Share of its position that an account closes when it wants the other side; above 0, at most 1.
    newcomers : int
        Accounts that begin without a position, beside those that hold one; their margins follow the same law.
    max_slippage : float
        Worst price of an order, as a fraction beyond the mark; from 0 to 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    decisions_per_hour: float = 0.5
    momentum: float = 30.0
    lookback_s: float = 600.0
    funding: float = 500.0
    reduce_share: float = 0.5
    newcomers: int = 0
    max_slippage: float = 0.005

    def __post_init__(self) -> None:
        if not 0 <= self.decisions_per_hour <= 3_600:
            raise ValueError(f"decisions_per_hour must be from 0 to 3,600, got {self.decisions_per_hour:g}")
        for name in ("momentum", "funding"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be a finite number, got {getattr(self, name):g}")
        if not 0 < self.lookback_s < math.inf:
            raise ValueError(f"lookback_s must be above 0, got {self.lookback_s:g}")
        if not 0 < self.reduce_share <= 1:
            raise ValueError(f"reduce_share must be above 0 and at most 1, got {self.reduce_share:g}")
        if not 0 <= self.newcomers <= 1_000_000:
            raise ValueError(f"newcomers must be from 0 to 1,000,000, got {self.newcomers}")
        if not 0 <= self.max_slippage <= 1:
            raise ValueError(f"max_slippage must be from 0 to 1, got {self.max_slippage:g}")

    def actors(self, rng: np.random.Generator, count: int, block_time_s: float) -> Integers:
        """Draw who decides in a block: rows, each once, in random order."""
        mean = count * self.decisions_per_hour * block_time_s / 3_600.0
        acting = min(int(rng.poisson(mean)), count)
        if not acting:
            return np.zeros(0, np.int64)
        rows: Integers = rng.choice(count, acting, replace=False).astype(np.int64)
        return rows

    def long_share(self, log_return: float, funding_rate: float) -> float:
        """Return the chance that a decision wants to be long: logistic in return and funding."""
        odds = self.momentum * log_return - self.funding * funding_rate
        return 1.0 / (1.0 + math.exp(min(max(-odds, -700.0), 700.0)))

    def trades(
        self, wanted: Integers, held: Integers, equity_usd: Floats, leverage: Floats, lot_usd: float
    ) -> Integers:
        """Lots that each account buys (sells if negative).

        Parameters
        ----------
        wanted : int64 ndarray, shape (n,)
            Side, 1 or -1.
        held : int64 ndarray, shape (n,)
            Position in lots.
        equity_usd, leverage : float64 ndarray, shape (n,)
            Worth of the account, and notional over margin of a new position.
        lot_usd : float
            Worth of one lot.

        Returns
        -------
        int64 ndarray, shape (n,)
            0 for who holds the wanted side already, or has too little for a lot.
        """
        opened = np.floor(np.maximum(equity_usd, 0.0) * leverage / lot_usd).astype(np.int64)
        closed = np.ceil(np.abs(held) * self.reduce_share - 1e-9).astype(np.int64)
        lots: Integers = wanted * np.where(held == 0, opened, np.where(held * wanted < 0, closed, 0))
        return lots
