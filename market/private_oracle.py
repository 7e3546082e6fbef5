"""An oracle whose reports wait, known to some before all others.

Between its arrival and its publication a price is worth something to whoever may use it
first. `PrivateOracle` keeps what has arrived until it is released or has waited long enough;
who may look at it, and who pays for that, is the business of others (MODEL 1.11).
"""

from __future__ import annotations

from heapq import heappop
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .oracle import Floats, Oracle


class PrivateOracle(Oracle):
    """Prices that are published when they are released, or some time after they have arrived.

    Parameters
    ----------
    symbols, initial
        As in `Oracle`, with its further keyword arguments.
    hold_s : float
        Longest time between arrival and publication, seconds; above 0.

    Attributes
    ----------
    fresh : bool
        Whether something has arrived since this was last set to False.
    """

    def __init__(self, symbols: Any, initial: ArrayLike, *, hold_s: float, **settings: Any) -> None:
        if not 0.0 < hold_s < np.inf:
            raise ValueError(f"hold_s must be positive and finite, got {hold_s}")
        super().__init__(symbols, initial, **settings)
        self.hold_s = hold_s
        self.fresh = False
        self._held: list[tuple[float, int, int, str]] = []  # due, asset, answer, reason; oldest first
        self._observed: list[float] = []

    @property
    def holds(self) -> bool:
        """Whether prices wait."""
        return bool(self._held)

    def update(self, now_s: float, observed: Floats) -> NDArray[np.intp]:
        """Report what is due, take in what has arrived, and publish what has waited long enough."""
        super().update(now_s, observed)
        self._observed = observed.tolist()
        waited = 0
        while waited < len(self._held) and self._held[waited][0] <= now_s:
            waited += 1
        return self._publish_first(waited, now_s)

    def preview(self) -> list[int]:
        """Return the newest prices there are, with 8 decimals, by asset."""
        answers: list[int] = self.answer.tolist()
        for _, asset, answer, _ in self._held:
            answers[asset] = answer
        return answers

    def release(self, now_s: float) -> NDArray[np.intp]:
        """Publish all that waits; return the assets whose published price changed."""
        return self._publish_first(len(self._held), now_s)

    def _publish(self, now_s: float, observed: list[float]) -> NDArray[np.intp]:
        """Take in what has arrived, instead of publishing it."""
        while self._under_way and self._under_way[0][0] <= now_s:
            _, _, asset, answer, reason = heappop(self._under_way)
            self._held.append((now_s + self.hold_s, asset, answer, reason))
            self.fresh = True
        return np.empty(0, np.intp)

    def _publish_first(self, count: int, now_s: float) -> NDArray[np.intp]:
        """Publish the newest price of each asset among the first `count` that wait."""
        before = self.answer.tolist()
        newest = {asset: (answer, reason) for _, asset, answer, reason in self._held[:count]}
        del self._held[:count]
        for asset, (answer, reason) in newest.items():
            self._set(now_s, asset, answer, self._observed[asset], reason)
        after = self.answer.tolist()
        return np.array([i for i, old in enumerate(before) if after[i] != old], np.intp)
