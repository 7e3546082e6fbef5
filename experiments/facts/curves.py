"""The curves behind the facts, which the figure shows: means over books and seeds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .aggregation import kurtosis_under_aggregation, sums_of
from .autocorrelation import autocorrelations
from .dispersion import index_of_dispersion
from .history import BookHistory
from .impact import impact_curve

Floats = NDArray[np.float64]

LAGS = 50
ADDED = (1, 2, 4, 8, 16, 32)
WINDOWS = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What is drawn.

    Attributes
    ----------
    memory, volatility_memory, outside_volatility_memory : float64 ndarray, shape (LAGS,)
        Autocorrelations of returns, of their sizes, and of the sizes of returns of the reference price.
    kurtosis, outside_kurtosis : float64 ndarray, shape (len(ADDED),)
        Excess kurtosis of sums of returns.
    flow, impact : float64 ndarray, shape (bins,)
        Flow over its mean, and the change of the mid in its direction, basis points.
    dispersion : float64 ndarray, shape (len(WINDOWS),)
        Index of dispersion of trades in windows of blocks.
    """

    memory: Floats
    volatility_memory: Floats
    outside_volatility_memory: Floats
    kurtosis: Floats
    outside_kurtosis: Floats
    flow: Floats
    impact: Floats
    dispersion: Floats

    @staticmethod
    def mean(many: Sequence[Curves]) -> Curves:
        """Return the mean of curves, point by point, of those that exist."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a point that no run has is nan
            return Curves(
                *(np.nanmean([getattr(one, part.name) for one in many], axis=0) for part in fields(Curves))
            )


def curves_of(book: BookHistory) -> Curves:
    """Return the curves of one book."""
    size, impact = impact_curve(book.returns, book.flow_usd)
    mean_flow = float(np.abs(book.flow_usd).mean()) or np.nan
    return Curves(
        memory=autocorrelations(book.returns, LAGS),
        volatility_memory=autocorrelations(np.abs(book.returns), LAGS),
        outside_volatility_memory=autocorrelations(np.abs(book.outside), LAGS),
        kurtosis=kurtosis_under_aggregation(book.returns, ADDED),
        outside_kurtosis=kurtosis_under_aggregation(book.outside, ADDED),
        flow=size / mean_flow,
        impact=1e4 * impact,
        dispersion=np.array([index_of_dispersion(sums_of(book.trades_in_block, n)) for n in WINDOWS]),
    )
