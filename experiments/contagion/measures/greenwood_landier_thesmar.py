"""Forced sales of many assets by holders that restore their leverage: one round.

Greenwood, Landier and Thesmar (2015), Vulnerable banks, Journal of Financial Economics 115,
471-485 (MODEL 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..claims import Floats, vector
from ..errors import ContagionError, EmptyGraphError, NegativeClaimError

SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class DeleveragingRound:
    """What a shock does through sales. Losses and sales are negative.

    Attributes
    ----------
    returns : float64 ndarray, shape (n,)
        First-round return on the assets of each holder.
    sales_by_holder : float64 ndarray, shape (n,)
    sales_by_asset : float64 ndarray, shape (k,)
    price_moves : float64 ndarray, shape (k,)
        Returns that the sales cause.
    losses : float64 ndarray, shape (n,)
        Second-round loss of each holder.
    aggregate_vulnerability : float
        Total second-round loss over total equity.
    """

    returns: Floats
    sales_by_holder: Floats
    sales_by_asset: Floats
    price_moves: Floats
    losses: Floats
    aggregate_vulnerability: float


def greenwood_landier_thesmar(
    assets: ArrayLike, leverage: ArrayLike, weights: ArrayLike, shock: ArrayLike, impact: ArrayLike
) -> DeleveragingRound:
    """Run one round: shock, sales in proportion to holdings, price impact, losses on what is held.

    Parameters
    ----------
    assets : array_like, shape (n,)
        Total assets of each holder, from 0.
    leverage : array_like, shape (n,)
        Debt over equity, from 0. Equity is ``assets / (1 + leverage)``.
    weights : array_like, shape (n, k)
        Share of each asset in a holder's portfolio; rows add up to 1 (0 for who holds nothing).
    shock : array_like, shape (k,)
        Returns of the assets.
    impact : array_like, shape (k,)
        Return per unit of value sold, from 0.

    Raises
    ------
    ContagionError
        If shapes differ, weights do not add up, or a number is out of range.
    """
    shares = np.asarray(weights, dtype=np.float64)
    if shares.ndim != 2 or not shares.shape[1]:
        raise ContagionError(
            f"weights have shape {shares.shape}; needed: one row a holder, one column an asset"
        )
    n, k = shares.shape
    if n == 0:
        raise EmptyGraphError("weights have no rows; at least 1 holder is needed")
    if not (shares >= 0.0).all():
        raise NegativeClaimError("weights hold a negative number or none; allowed: from 0")
    total = vector(assets, n, "assets", low=0.0)
    ratio = vector(leverage, n, "leverage", low=0.0)
    sums = shares.sum(axis=1)
    wrong = (np.abs(sums - 1.0) > SUM_TOLERANCE) & ((sums > 0.0) | (total > 0.0))
    if wrong.any():
        row = int(wrong.argmax())
        raise ContagionError(f"weights of holder {row} add up to {sums[row]:.12g}; needed: 1")
    equity = float((total / (1.0 + ratio)).sum())
    if equity <= 0.0:
        raise ContagionError("assets are all 0; needed: some equity to compare losses with")
    returns = shares @ vector(shock, k, "shock")
    by_holder = ratio * total * returns
    by_asset = shares.T @ by_holder
    moves = vector(impact, k, "impact", low=0.0) * by_asset
    losses = total * (shares @ moves)
    return DeleveragingRound(returns, by_holder, by_asset, moves, losses, float(losses.sum()) / equity)
