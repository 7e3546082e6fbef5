"""Network valuation of interbank claims: one fixed point, many valuation functions.

Barucca, Bardoscia, Caccioli, D'Errico, Visentin, Caldarelli and Battiston (2020), Network
valuation in financial systems, Mathematical Finance 30, 1181-1204. Equity of *i* is
``E_i = A_i - D_i + sum_j L[j, i] V_j(E_j) - sum_j L[i, j]``, where ``V_j`` says what one unit owed by *j*
is worth given its equity. The clearing of Eisenberg and Noe, Furfine's cascade and linear DebtRank are
choices of ``V`` (MODEL 4.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from ..claims import Floats, Matrix, share, square_matrix, vector
from ..errors import ContagionError, NotConvergedError

Valuation = Callable[[Floats], Floats]
"""From the equity of every node to the value of one unit owed by it, 0 to 1, rising in equity."""

MAX_STEPS = 100_000
STILL = 1e-14


@dataclass(frozen=True, eq=False)
class NetworkValue:
    """Consistent values of all equities.

    Attributes
    ----------
    equity : float64 ndarray, shape (n,)
        Greatest fixed point; negative for those who owe more than they have.
    value : float64 ndarray, shape (n,)
        Of one unit owed by each node.
    steps : int
    """

    equity: Floats
    value: Floats
    steps: int


def neva(
    liabilities: Matrix,
    external_assets: ArrayLike,
    external_liabilities: ArrayLike,
    valuation: Valuation,
) -> NetworkValue:
    """Find the greatest consistent equities, starting from all claims at face value.

    Parameters
    ----------
    liabilities : array_like or sparse array, shape (n, n)
        ``[i, j]``: what *i* owes *j*.
    external_assets, external_liabilities : array_like, shape (n,)
        From 0. Whether external creditors rank before those of the network is up to `valuation`.
    valuation : callable
        One of this module's, or any rising function from equities to values in 0 to 1.

    Raises
    ------
    ContagionError
        If the inputs are malformed, or `valuation` leaves 0 to 1.
    NotConvergedError
        If values still fall after `MAX_STEPS` steps.
    """
    owes = square_matrix(liabilities)
    n = int(owes.shape[0])
    outside = vector(external_assets, n, "external assets", low=0.0)
    outside = outside - vector(external_liabilities, n, "external liabilities", low=0.0)
    base = outside - np.asarray(owes.sum(axis=1)).ravel()
    held = owes.T.tocsr()
    value = np.ones(n)
    equity: Floats = base + held @ value
    scale = max(float(np.abs(equity).max()), float(owes.data.max(initial=0.0)), 1e-300)
    for steps in range(1, MAX_STEPS + 1):
        value = valuation(equity)
        if value.shape != (n,) or not ((value >= 0.0) & (value <= 1.0)).all():
            raise ContagionError(
                "valuation must return one number from 0 to 1 for each node, got "
                f"{value.tolist() if n <= 10 else 'others'}"
            )
        new = base + held @ value
        if float(np.abs(new - equity).max()) <= STILL * scale:
            return NetworkValue(new, value, steps)
        equity = new
    raise NotConvergedError(f"values still fall after {MAX_STEPS:,} steps")


def eisenberg_noe_value(owed: ArrayLike) -> Valuation:
    """Value claims at what is recovered ex post: ``clip((E + owed) / owed, 0, 1)``.

    Parameters
    ----------
    owed : array_like, shape (n,)
        Debts that share what is left: those of the network if external debts are senior, all debts
        if they rank equally (pari passu).
    """
    debts = np.asarray(owed, dtype=np.float64)

    def value(equity: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            recovered = np.where(debts > 0.0, (equity + debts) / debts, 1.0)
        return np.where(equity >= 0.0, 1.0, np.clip(recovered, 0.0, 1.0))

    return value


def furfine_value(recovery: float = 0.0) -> Valuation:
    """Value claims in full while equity is positive, at `recovery` from then on."""
    rate = share(recovery, "recovery")
    return lambda equity: np.where(equity > 0.0, 1.0, rate)


def linear_debtrank_value(initial_equity: ArrayLike) -> Valuation:
    """Value claims in proportion to what is left of equity, ``clip(E / E0, 0, 1)``.

    Parameters
    ----------
    initial_equity : array_like, shape (n,)
        Before the shock, above 0.
    """
    start = np.atleast_1d(np.asarray(initial_equity, dtype=np.float64))
    before = vector(start, len(start), "initial equity", above=0.0)
    return lambda equity: np.clip(equity / before, 0.0, 1.0)


def merton_value(
    external_assets: ArrayLike,
    volatility: ArrayLike,
    maturity: float = 1.0,
    recovery: float | None = 0.0,
    owed: ArrayLike | None = None,
) -> Valuation:
    """Value claims before maturity, if external assets follow a driftless geometric Brownian motion.

    With ``A`` the external assets now, the node is in default at maturity if they end below
    ``K = A - E``, which costs creditors the share ``1 - recovery`` of their claim. With
    ``recovery = None`` they get what is left then, ``clip((E_T + owed) / owed, 0, 1)``. Interest is 0.

    Parameters
    ----------
    external_assets : array_like, shape (n,)
        Above 0.
    volatility : array_like, shape (n,)
        Per square root of a unit of `maturity`, above 0.
    maturity : float
        Above 0.
    recovery : float or None
        0 to 1, or None for what is left.
    owed : array_like, shape (n,), optional
        Needed with ``recovery = None``; see `eisenberg_noe_value`.
    """
    start = np.atleast_1d(np.asarray(external_assets, dtype=np.float64))
    assets = vector(start, len(start), "external assets", above=0.0)
    sigma = vector(volatility, len(start), "volatility", above=0.0)
    if not 0.0 < maturity < np.inf:
        raise ContagionError(f"maturity = {maturity:g}; allowed: above 0")
    deviation = sigma * np.sqrt(maturity)

    def below(level: Floats) -> Floats:
        """Return the probability that external assets end below a level."""
        return np.where(level > 0.0, ndtr(_quantile(level) + 0.5 * deviation), 0.0)

    def mean_below(level: Floats) -> Floats:
        """Return the mean of external assets where they end below a level, zero elsewhere."""
        return np.where(level > 0.0, assets * ndtr(_quantile(level) - 0.5 * deviation), 0.0)

    def _quantile(level: Floats) -> Floats:
        positive = np.where(level > 0.0, level, 1.0)
        return np.asarray(np.log(positive / assets) / deviation)

    if recovery is not None:
        lost = 1.0 - share(recovery, "recovery")
        return lambda equity: 1.0 - lost * below(assets - equity)
    if owed is None:
        raise ContagionError("owed is missing; recovery = None needs it")
    debts = vector(owed, len(start), "owed", low=0.0)
    safe = np.where(debts > 0.0, debts, 1.0)

    def recovered(equity: Floats) -> Floats:
        top, bottom = assets - equity, assets - equity - debts
        partly = below(top) - below(bottom)
        share_left = (mean_below(top) - mean_below(bottom) - bottom * partly) / safe
        return np.where(debts > 0.0, np.clip(1.0 - below(top) + share_left, 0.0, 1.0), 1.0)

    return recovered
