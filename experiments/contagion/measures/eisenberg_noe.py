"""Clearing payments without costs of bankruptcy.

Eisenberg and Noe (2001), Systemic risk in financial systems, Management Science 47, 236-249.
Creditors of equal rank share in proportion (absolute priority, limited liability):
``p = min(owed, max(0, e + Pi' p))`` with relative liabilities ``Pi`` (MODEL 4.1).
"""

from __future__ import annotations

from typing import Literal

from numpy.typing import ArrayLike

from ..claims import Matrix
from ..errors import ContagionError
from .clearing import Clearing, ClearingSystem


def eisenberg_noe(
    liabilities: Matrix, external_assets: ArrayLike, which: Literal["greatest", "least"] = "greatest"
) -> Clearing:
    """Clear a network of debts.

    Parameters
    ----------
    liabilities : array_like or sparse array, shape (n, n)
        ``[i, j]``: what *i* owes *j*; from 0, none on the diagonal.
    external_assets : array_like, shape (n,)
        Net of external debts, which are senior; so it may be negative.
    which : str
        ``greatest`` (by fictitious defaults) or ``least`` clearing vector. They agree where every
        node's debts lead to somebody with positive external assets.

    Raises
    ------
    ContagionError
        A subclass names what is wrong with the network; `SingularSystemError` if payments are not
        determined.

    Examples
    --------
    >>> chain = eisenberg_noe([[0, 10, 0], [0, 0, 8], [0, 0, 0]], [4, 1, 0])
    >>> chain.payments.tolist(), chain.default_round.tolist()
    ([4.0, 5.0, 0.0], [1, 2, 0])
    """
    system = ClearingSystem(liabilities, external_assets)
    if which == "greatest":
        return system.greatest()
    if which == "least":
        return system.least()
    raise ContagionError(f"which = {which!r}; allowed: 'greatest' or 'least'")
