"""Clearing of a network of debts, with or without costs of bankruptcy: the solver of two models.

`eisenberg_noe` and `rogers_veraart` are the doors; here is what they share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from ..claims import Floats, Matrix, share, square_matrix, vector
from ..errors import SingularSystemError
from .clearing_kernels import ascend, received_by_all, settle

TOLERANCE = 1e-14
"""Payments are settled once no defaulter changes by more than this share of what it owes."""

MAX_SWEEPS = 2_000
MAX_ASCENT = 20_000
MAX_DIRECT = 5_000
"""Most defaulters whose equations are solved directly if sweeps are too slow."""


@dataclass(frozen=True, eq=False)
class Clearing:
    """One vector of payments that clears a network.

    Attributes
    ----------
    payments : float64 ndarray, shape (n,)
        What each node pays its creditors in the network.
    equity : float64 ndarray, shape (n,)
        External assets plus what is received, less what is owed *in full*: a defaulter's is
        negative by its shortfall.
    defaulted : bool ndarray, shape (n,)
        Who cannot pay in full, senior debts included.
    default_round : int64 ndarray, shape (n,)
        Round of the fictitious-default algorithm in which each node was found to default, from 1;
        0 for those who pay. Vectors that were reached from below have one round.
    rounds : int
        Rounds in which somebody defaulted.
    """

    payments: Floats
    equity: Floats
    defaulted: NDArray[np.bool_]
    default_round: NDArray[np.int64]
    rounds: int

    @property
    def shortfall(self) -> float:
        """What creditors in the network lose."""
        return float(-np.minimum(self.equity[self.defaulted], 0.0).sum())


class ClearingSystem:
    """A network of debts, ready to be cleared.

    A node that cannot pay all it owes pays ``alpha`` of its external assets and ``beta`` of what it
    receives. Negative external assets are net debts to outsiders that are senior to the network's:
    they are served first, and at full value.

    Parameters
    ----------
    liabilities : array_like or sparse array, shape (n, n)
        ``[i, j]``: what *i* owes *j*.
    external : array_like, shape (n,)
        External assets less senior external debts.
    alpha, beta : float
        Recovered shares of external assets and of receipts, 0 to 1.
    """

    def __init__(
        self, liabilities: Matrix, external: ArrayLike, alpha: float = 1.0, beta: float = 1.0
    ) -> None:
        owes = square_matrix(liabilities)
        self.n = int(owes.shape[0])
        self.external = vector(external, self.n, "external assets")
        self.keep = share(beta, "beta")
        alpha = share(alpha, "alpha")
        self.own: Floats = np.where(self.external > 0.0, alpha * self.external, self.external)
        self.owed: Floats = np.asarray(owes.sum(axis=1), dtype=np.float64).ravel()
        by_creditor = sparse.csc_array(owes)
        self.indptr, self.indices = by_creditor.indptr, by_creditor.indices
        self.shares: Floats = by_creditor.data / self.owed[self.indices]
        self._floor = self.owed * (1.0 - 100.0 * TOLERANCE)

    def greatest(self) -> Clearing:
        """Find the greatest clearing vector by rounds of fictitious default.

        1. Suppose that everybody pays in full.
        2. Who cannot, on what it then receives, defaults in this round.
        3. Let all defaulters so far pay what they have, with the others still paying in full.
        4. Repeat from 2 until nobody else defaults.

        Raises
        ------
        SingularSystemError
            If the defaulters' payments have no unique solution and sweeps do not settle.
        """
        payments = self.owed.copy()
        rounds = np.zeros(self.n, np.int64)
        count = 0
        while True:
            means = self.external + self.received(payments)
            fresh = (means < self._floor) & (rounds == 0)
            if not fresh.any():
                return self._result(payments, rounds, count)
            count += 1
            rounds[fresh] = count
            self._settle(np.flatnonzero(rounds), payments)

    def least(self) -> Clearing:
        """Find the least clearing vector, from below.

        Raises
        ------
        SingularSystemError
            If payments still grow after `MAX_ASCENT` sweeps.
        """
        payments = np.zeros(self.n)
        done = ascend(
            self.indptr, self.indices, self.shares, self.external, self.own, self.owed, self.keep, payments,
            TOLERANCE, MAX_ASCENT,
        )  # fmt: skip
        if done < 0:
            raise SingularSystemError(
                f"the least clearing vector was not reached in {MAX_ASCENT:,} sweeps: some nodes pay almost"
                " only one another and have almost no external assets"
            )
        rounds = (self.external + self.received(payments) < self._floor).astype(np.int64)
        return self._result(payments, rounds, int(rounds.any()))

    def received(self, payments: Floats) -> Floats:
        """Return what every node receives if these are the payments."""
        inflow: Floats = received_by_all(self.indptr, self.indices, self.shares, payments)
        return inflow

    def _settle(self, defaulters: NDArray[np.int64], payments: Floats) -> None:
        done = settle(
            self.indptr, self.indices, self.shares, self.own, self.owed, self.keep, defaulters, payments,
            TOLERANCE, MAX_SWEEPS,
        )  # fmt: skip
        if done < 0:
            self._solve(defaulters, payments)

    def _solve(self, defaulters: NDArray[np.int64], payments: Floats) -> None:
        """Solve the defaulters' equations directly, for networks in which sweeps converge slowly."""
        if len(defaulters) > MAX_DIRECT:
            raise SingularSystemError(
                f"payments of {len(defaulters):,} defaulters did not settle in {MAX_SWEEPS:,} sweeps: they"
                " owe almost only one another"
            )
        by_creditor = sparse.csc_array((self.shares, self.indices, self.indptr), shape=(self.n, self.n))
        among = by_creditor[defaulters][:, defaulters].T
        rest = payments.copy()
        rest[defaulters] = 0.0
        given = self.own[defaulters] + self.keep * self.received(rest)[defaulters]
        paying = np.ones(len(defaulters), bool)
        for _ in range(len(defaulters) + 1):  # a node whose senior debts eat all it has pays nothing
            k = np.flatnonzero(paying)
            system = sparse.csc_array(sparse.eye_array(len(k)) - self.keep * among[k][:, k])
            try:
                solution = splu(system).solve(given[k])
            except RuntimeError:
                solution = np.full(len(k), np.nan)
            error = np.abs(system @ solution - given[k]).max(initial=0.0)
            scale = max(float(np.abs(self.owed).max()), 1.0)
            if not error <= 1e-9 * scale or not (solution <= self.owed[defaulters[k]] * (1.0 + 1e-9)).all():
                raise SingularSystemError(
                    f"nodes {', '.join(map(str, defaulters[:5]))}{' ...' if len(defaulters) > 5 else ''} owe"
                    " only one another and have nothing left outside: their payments are not determined"
                )
            full = np.zeros(len(defaulters))
            full[k] = np.maximum(solution, 0.0)
            now_paying = given + self.keep * (among @ full) > 0.0
            if (now_paying == paying).all():
                break
            paying = now_paying
        payments[defaulters] = np.minimum(full, self.owed[defaulters])

    def _result(self, payments: Floats, rounds: NDArray[np.int64], count: int) -> Clearing:
        equity = self.external + self.received(payments) - self.owed
        return Clearing(payments, equity, rounds > 0, rounds, count)
