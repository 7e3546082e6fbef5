"""Deleveraging that remembers: who has given in earlier rounds gives less in the next (arXiv:2602.15182).

A crash brings many rounds of deleveraging, and a rule that looks at one round only may take from the same
accounts each time. `MirrorDescent` chooses haircuts online, from what is known at the start of a round.
It keeps no state itself: a venue carries the `burdens` from round to round with `burdens_after`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .deleveraging import CappedProRata, check_budget

FINEST = 10**9
"""Weights are whole parts of the capacity of an account without burden, in this unit."""


@dataclass(frozen=True, slots=True)
class MirrorDescent:
    """Vector mirror descent on haircuts ``h_i = given_i / capacity_i``, with entropy as the mirror map.

    The loss of a round is ``sum_i capacity_i h_i^2 / 2``, least when all give the same share.

    1. Its gradient for a lot of account `i` is ``h_i``: the step multiplies the account's weight by
       ``exp(-step h_i)``, and over rounds by ``exp(-step burden_i)``.
    2. The Bregman projection on ``{sum_i capacity_i h_i = budget, 0 <= h_i <= 1}`` multiplies all weights by
       one factor and cuts at 1: lots are split in proportion to ``capacity_i exp(-step burden_i)``, none
       above its capacity, and what caps cut off is spread over the others.
    3. Whole lots by largest remainders; what rounding gave to one is a burden, and evens out later.

    Without burdens it is `ProRata`. In a round of a single lot it takes from who has given least so far.

    Parameters
    ----------
    burdens : tuple of float
        Sum of the haircuts of each account in earlier rounds, in the order of the capacities.
    step : float
        How fast it turns away from who has given; above 0.

    Raises
    ------
    ValueError
        If a burden is negative or not finite, or the step not above 0.
    """

    burdens: tuple[float, ...]
    step: float = 4.0

    def __post_init__(self) -> None:
        if not 0.0 < self.step < math.inf:
            raise ValueError(f"mirror descent: step must be above 0, got {self.step:g}")
        wrong = [burden for burden in self.burdens if not 0.0 <= burden < math.inf]
        if wrong:
            raise ValueError(f"mirror descent: burdens must not be negative, got {wrong[0]:g}")

    def allocate(
        self, budget: int, capacity: Sequence[int], score: Sequence[float], lot: int = 1
    ) -> list[int]:
        """Return what each account gives; see `Queue.allocate`.

        Raises
        ------
        ValueError
            If there is not one burden per account.
        """
        check_budget(budget, capacity, score, lot)
        if len(self.burdens) != len(capacity):
            raise ValueError(
                f"mirror descent: burdens must be {len(capacity)}, one per account, got {len(self.burdens)}"
            )
        lots = [max(amount, 0) // lot for amount in capacity]
        least = min((b for b, most in zip(self.burdens, lots, strict=True) if most), default=0.0)
        weights = [
            round(most * FINEST * math.exp(-self.step * max(burden - least, 0.0)))
            for burden, most in zip(self.burdens, lots, strict=True)
        ]
        return CappedProRata(tuple(weights)).allocate(budget, capacity, score, lot)


def burdens_after(burdens: ArrayLike, taken: ArrayLike, capacity: ArrayLike) -> NDArray[np.float64]:
    """Add the haircuts of one round to the burdens; accounts without capacity keep theirs.

    Parameters
    ----------
    burdens, taken, capacity : array_like, shape (n,)

    Returns
    -------
    float64 ndarray, shape (n,)
    """
    room = np.asarray(capacity, np.float64)
    haircut = np.asarray(taken, np.float64) / np.where(room > 0.0, room, np.inf)
    return np.asarray(burdens, np.float64) + haircut
