"""How bidders act in contests played in batches: who comes, and with which bid or after what wait.

A strategy is a frozen dataclass; `act` turns uniform draws, one for each contest, into
actions. NaN stays out. What the bids mean is the contest's business
(`market.contests`); equilibria that have a formula stand in `closed_forms`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


class Luck(NamedTuple):
    """Uniform draws in [0, 1) of one bidder, shape (n_contests,) each: for coming, and for the bid."""

    coming: Floats
    level: Floats


class ContestStrategy(Protocol):
    """What a strategy for contests answers."""

    def act(self, worth: Floats, luck: Luck) -> Floats:
        """Return bids, or seconds to wait in a Dutch auction; NaN stays out.

        Parameters
        ----------
        worth : ndarray, shape (n_contests,)
            What winning is worth to this bidder before its bid, in each contest.
        luck : Luck
        """


@dataclass(frozen=True, slots=True)
class ShareBidder:
    """Come with some probability and bid a share of what winning is worth.

    Parameters
    ----------
    share : float
        Share of the worth; above 1 it bids more than it can earn.
    up_to : float, optional
        Draw the share uniformly from `share` to this.
    enter : float
        Probability of coming.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> half = ShareBidder(share=0.5)
    >>> half.act(np.array([100.0, 60.0]), Luck(np.zeros(2), np.zeros(2))).tolist()
    [50.0, 30.0]
    """

    share: float = 0.0
    up_to: float | None = None
    enter: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.share < np.inf:
            raise ValueError(f"share = {self.share}; allowed: finite and not negative")
        if self.up_to is not None and not self.share <= self.up_to < np.inf:
            raise ValueError(f"up_to = {self.up_to}; allowed: at least share = {self.share:g}")
        _probability(self.enter)

    def act(self, worth: Floats, luck: Luck) -> Floats:
        """Return bids; see `ContestStrategy`."""
        width = 0.0 if self.up_to is None else self.up_to - self.share
        bids = (self.share + width * luck.level) * worth
        return np.where(luck.coming < self.enter, bids, np.nan)


@dataclass(frozen=True, slots=True)
class Waiter:
    """Take a falling price, or give up, after a while.

    Parameters
    ----------
    wait_s : float
        Seconds from the start.
    enter : float
        Probability of coming at all.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    wait_s: float = 0.0
    enter: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.wait_s < np.inf:
            raise ValueError(f"wait_s = {self.wait_s}; allowed: finite and not negative")
        _probability(self.enter)

    def act(self, worth: Floats, luck: Luck) -> Floats:
        """Return seconds to wait; see `ContestStrategy`."""
        return np.where(luck.coming < self.enter, self.wait_s, np.nan)


def _probability(enter: float) -> None:
    if not 0 <= enter <= 1:
        raise ValueError(f"enter = {enter}; allowed: from 0 to 1")
