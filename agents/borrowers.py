"""Borrower cohorts: one agent stands for many accounts that follow one rule.

A whale is a cohort of one. The cohort is woken with the accounts whose health
has fallen to their alert level, lets each think for its own reaction delay, and
then decides for all that are due in the block at once.
"""

from __future__ import annotations

from typing import Any

import mesa
import numpy as np
from numpy.typing import NDArray

from .strategies.borrower import BorrowerPolicy, BorrowerState, Reaction

ATTENTION_S = 60.0
"""Borrowers act on a grid of about this many seconds, all that are due by then at once."""


class BorrowerCohort(mesa.Agent):  # type: ignore[misc]
    """Accounts with one policy and their own delays.

    Parameters
    ----------
    model : mesa.Model
    name : str
    policy : BorrowerPolicy
    delay_s : float64 ndarray, shape (n_accounts,)
        Reaction delay of every account of the protocol, seconds; infinite for those who never look.
    """

    role = "borrower"

    def __init__(self, model: Any, name: str, policy: BorrowerPolicy, delay_s: NDArray[np.float64]) -> None:
        super().__init__(model)
        self.name = name
        self.policy = policy
        self.delay_s = delay_s
        self._calendar: dict[int, list[NDArray[np.int64]]] = {}
        policy.decide(BorrowerState(*np.ones((7, 1))), 0.0)  # compiled, or loaded, before the first block

    def alert(self, accounts: NDArray[np.int64], block: int, block_time_s: float) -> None:
        """Let accounts start to think; they act in the first block after their delay."""
        delays = self.delay_s[accounts]
        reachable = np.isfinite(delays)
        accounts = accounts[reachable]
        if not len(accounts):
            return
        due = block + 1 + (delays[reachable] // block_time_s).astype(np.int64)
        grid = max(1, round(ATTENTION_S / block_time_s))
        due = -(-due // grid) * grid
        if len(accounts) == 1:
            self._calendar.setdefault(int(due[0]), []).append(accounts)
            return
        order = np.argsort(due, kind="stable")
        due, accounts = due[order], accounts[order]
        starts = np.flatnonzero(np.diff(due, prepend=due[0] - 1))
        for start, part in zip(starts, np.split(accounts, starts[1:]), strict=True):
            self._calendar.setdefault(int(due[start]), []).append(part)

    def due(self, block: int) -> NDArray[np.int64] | None:
        """Accounts whose delay ends in this block, or None."""
        parts = self._calendar.pop(block, None)
        if parts is None:
            return None
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def decide(self, state: BorrowerState, gas_usd: float) -> Reaction:
        """Return what the accounts in `state` do."""
        return self.policy.decide(state, gas_usd)


class RebalancingCohort(mesa.Agent):  # type: ignore[misc]
    """Borrowers who now and then put their position where they want it, whatever the market does.

    Each account has one appointed time in the run at most; then it moves collateral
    in or out until its health factor is what it wants.

    Parameters
    ----------
    model : mesa.Model
    name : str
    blocks : int64 ndarray, shape (n,)
        Block of each appointment.
    accounts : int64 ndarray, shape (n,)
    """

    role = "borrower"

    def __init__(self, model: Any, name: str, blocks: NDArray[np.int64], accounts: NDArray[np.int64]) -> None:
        super().__init__(model)
        self.name = name
        order = np.argsort(blocks, kind="stable")
        self._accounts = accounts[order]
        starts = np.flatnonzero(np.diff(blocks[order], prepend=-1))
        spans = zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=False)
        self._calendar = dict(zip(blocks[order][starts].tolist(), spans, strict=False))

    def due(self, block: int) -> NDArray[np.int64] | None:
        """Accounts with an appointment in this block, or None."""
        span = self._calendar.get(block)
        return None if span is None else self._accounts[span[0] : span[1]]
