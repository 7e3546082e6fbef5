"""Margin that does not trust its mark: each position is valued on the bad side of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .inputs import MarkPrice, Value


@dataclass(frozen=True, slots=True)
class UncertaintyHaircut:
    """A price some standard deviations worse for the holder, and not more than a share of the mark.

    Parameters
    ----------
    deviations : float
        Standard deviations taken off, not negative; 0 is no haircut.
    at_most : float
        Cap as a fraction of the mark, 0 to 1.

    Raises
    ------
    ValueError
        If they are not so.
    """

    deviations: float = 1.0
    at_most: float = 0.1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.deviations) and self.deviations >= 0.0):
            raise ValueError(f"deviations must be finite and not negative, got {self.deviations}")
        if not 0.0 <= self.at_most <= 1.0:
            raise ValueError(f"at_most must be in [0, 1], got {self.at_most}")

    def price(self, mark: MarkPrice, quantity: Value) -> Value:
        """Price at which a position counts for margin.

        Parameters
        ----------
        mark : MarkPrice
        quantity : float or ndarray
            Positive when long; only its sign matters.

        Returns
        -------
        float or ndarray
            Below the mark for longs, above it for shorts.
        """
        cut = np.minimum(self.deviations * mark.uncertainty, self.at_most * mark.price)
        return mark.price - np.sign(quantity) * cut
