"""What a borrower does about a falling health factor, for many borrowers at once.

MODEL 10.1: top up to the target if wealth allows, otherwise deleverage by
selling collateral through the book; small accounts do nothing when gas costs
more than the penalty they would escape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .borrower_kernels import N_REACTION, REPAY, SELL, react

Floats = NDArray[np.float64]


class BorrowerState(NamedTuple):
    """Borrowers that have come to a decision; arrays of shape (n,), USD where not a ratio.

    `threshold` is the account's average liquidation threshold and `bonus` the
    liquidation bonus of its main collateral.
    """

    health_factor: Floats
    collateral_usd: Floats
    debt_usd: Floats
    threshold: Floats
    bonus: Floats
    wealth_usd: Floats
    target: Floats


class Reaction(NamedTuple):
    """What each borrower does, USD, shape (n,): repay from wealth, sell collateral and repay."""

    repay_usd: Floats
    sell_usd: Floats


@dataclass(frozen=True, slots=True)
class BorrowerPolicy:
    """Parameters shared by the borrowers of one cohort.

    Parameters
    ----------
    deleverages : bool
        Whether collateral is sold when wealth does not reach the target.
    attention : float
        Liquidation loss must exceed the gas cost this many times before anything is done.
    panic : float
        0 aims at the target; 1 sells everything that the debt needs (repays it all).
    sale_cost : float
        Slippage and fees the borrower expects of a sale, as a fraction.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    deleverages: bool = True
    attention: float = 1.0
    panic: float = 0.0
    sale_cost: float = 0.005

    def __post_init__(self) -> None:
        if self.attention < 0:
            raise ValueError(f"attention must not be negative, got {self.attention}")
        if not 0 <= self.panic <= 1:
            raise ValueError(f"panic must be in [0, 1], got {self.panic}")
        if not 0 <= self.sale_cost < 1:
            raise ValueError(f"sale_cost must be in [0, 1), got {self.sale_cost}")

    def attends(self, debt_usd: Floats, bonus: Floats | float, gas_usd: float) -> NDArray[np.bool_]:
        """Whether a liquidation, of half the debt at `bonus`, would cost enough to look into."""
        return np.asarray(0.5 * bonus * debt_usd > self.attention * gas_usd)

    def decide(self, state: BorrowerState, gas_usd: float) -> Reaction:
        """Return repayments and sales; zeros where the borrower lets things be.

        Repaying `r` from wealth gives ``HF = LT C / (D - r)``; selling collateral
        worth `x` and repaying ``(1 - cost) x`` gives ``LT (C - x) / (D - (1 - cost) x)``
        (MODEL 1.1 with a negative bonus).
        """
        states = np.array(state, np.float64)
        reactions = np.empty((N_REACTION, states.shape[1]))
        least_usd = float(self.attention * gas_usd)
        react(states, least_usd, self.deleverages, float(self.panic), float(self.sale_cost), reactions)
        return Reaction(reactions[REPAY], reactions[SELL])
