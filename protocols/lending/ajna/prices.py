"""Prices of many auctions at once, in floats: which of them the exact rule has to look at."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from ...fixed_point import WAD
from .auction import FIRST_PRICE, Auction

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

SPARE = 1e-6
"""Part by which a limit is raised, for what floats round."""
DUST = 1e-12
"""What it is raised by besides, for what the rule rounds down, wei by wei."""


class PriceTable:
    """Auctions by number: what the fall of their prices follows from."""

    def __init__(self) -> None:
        self._first: Floats = np.zeros(64)
        self._kicked: Integers = np.zeros(64, np.int64)
        self._asset: Integers = np.zeros(64, np.int64)

    def put(self, number: int, asset: int, auction: Auction) -> None:
        """File an auction under the next number, or in place of one that was undone."""
        if number >= len(self._first):
            self._first = np.concatenate((self._first, np.zeros_like(self._first)))
            self._kicked = np.concatenate((self._kicked, np.zeros_like(self._kicked)))
            self._asset = np.concatenate((self._asset, np.zeros_like(self._asset)))
        self._first[number] = FIRST_PRICE * auction.reference / WAD
        self._kicked[number], self._asset[number] = auction.kicked, asset

    def below(self, numbers: Collection[int], now: int, limits: Floats) -> list[int]:
        """Return those of some auctions that may cost no more than the limit of their collateral.

        Parameters
        ----------
        numbers : collection of int
        now : int
            Seconds.
        limits : float64 ndarray
            By asset, in the asset that is lent per collateral.
        """
        asked = np.fromiter(numbers, np.int64, len(numbers))
        prices = self._first[asked] * np.exp2(-halvings(now - self._kicked[asked]))
        near: list[int] = asked[prices <= limits[self._asset[asked]] * (1.0 + SPARE) + DUST].tolist()
        return near


def halvings(elapsed: Integers) -> Floats:
    """Return how often prices have halved after so many seconds; see `AjnaDecrease`."""
    fast, slow = 6 * 1_200, 6 * 7_200
    last = np.maximum(elapsed - fast - slow, 0)
    return np.minimum(elapsed, fast) / 1_200 + np.clip(elapsed - fast, 0, slow) / 7_200 + last / 3_600
