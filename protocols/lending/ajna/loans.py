"""Which loan stands worst: threshold prices in order, without an object for each loan.

Loans that nobody has touched stand in the order of the start, as all debts grow alike; the others
are filed in a heap. The contract keeps all in one heap (``Loans.sol``).
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray


class ThresholdOrder:
    """Loans of one pool by threshold price.

    Parameters
    ----------
    rows : int64 ndarray, shape (n,)
        Loans at the start.
    ratios : float64 ndarray, shape (n,)
        Debt over collateral of each, in any unit.
    threshold : callable
        Returns the exact threshold price of a loan as of the start, 0 for none.
    """

    def __init__(
        self,
        rows: NDArray[np.int64],
        ratios: NDArray[np.float64],
        threshold: Callable[[int], int],
    ) -> None:
        self._order: NDArray[np.int64] = rows[np.argsort(-ratios, kind="stable")]
        self._threshold = threshold
        self._next = 0
        self._moved: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []

    def update(self, row: int) -> None:
        """File a loan that has changed anew."""
        threshold = self._threshold(row)
        self._moved[row] = threshold
        if threshold:
            heappush(self._heap, (-threshold, row))

    def highest(self) -> int:
        """Return the highest threshold price of any loan as of the start, 0 if there is none."""
        while self._heap and self._moved.get(self._heap[0][1]) != -self._heap[0][0]:
            heappop(self._heap)
        best = -self._heap[0][0] if self._heap else 0
        while self._next < len(self._order) and int(self._order[self._next]) in self._moved:
            self._next += 1
        if self._next < len(self._order):
            best = max(best, self._threshold(int(self._order[self._next])))
        return best
