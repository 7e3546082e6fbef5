"""Clearing payments where bankruptcy destroys value: both extreme vectors and the gap between them.

Rogers and Veraart (2013), Failure and rescue in an interbank network, Management Science 59,
882-898. A defaulter pays ``alpha`` of its external assets and ``beta`` of what it receives, so
that a network may clear in several ways; the gap is what trust alone decides (MODEL 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..claims import Floats, Matrix
from .clearing import Clearing, ClearingSystem


@dataclass(frozen=True, eq=False)
class BankruptcyClearing:
    """The best and the worst way to clear.

    Attributes
    ----------
    greatest, least : Clearing
    """

    greatest: Clearing
    least: Clearing

    @property
    def gap(self) -> Floats:
        """Payments of the greatest vector less those of the least, by node."""
        return self.greatest.payments - self.least.payments

    @property
    def rescued(self) -> NDArray[np.bool_]:
        """Who defaults in the least vector but not in the greatest."""
        return self.least.defaulted & ~self.greatest.defaulted


def rogers_veraart(
    liabilities: Matrix, external_assets: ArrayLike, alpha: float, beta: float
) -> BankruptcyClearing:
    """Clear a network of debts in which a default is costly.

    Parameters
    ----------
    liabilities : array_like or sparse array, shape (n, n)
        ``[i, j]``: what *i* owes *j*.
    external_assets : array_like, shape (n,)
        Net of senior external debts. Where it is negative it counts in full: `alpha` is taken off
        assets, not off debts.
    alpha, beta : float
        Shares of external assets and of receipts that a defaulter recovers, 0 to 1.

    Raises
    ------
    ContagionError
        A subclass names what is wrong.

    Examples
    --------
    >>> both = rogers_veraart([[0, 1], [1, 0]], [0.01, 0.01], alpha=0.5, beta=0.5)
    >>> both.greatest.payments.tolist(), both.least.payments.round(12).tolist()
    ([1.0, 1.0], [0.01, 0.01])
    """
    system = ClearingSystem(liabilities, external_assets, alpha, beta)
    return BankruptcyClearing(system.greatest(), system.least())
