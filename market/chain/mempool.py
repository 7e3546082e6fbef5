"""Transactions waiting for a block, and how a block is filled from them."""

from __future__ import annotations

from collections.abc import Iterable

from .inclusion import Candidate, InclusionRule


class Mempool:
    """Pending transactions and bundles.

    Parameters
    ----------
    rule : InclusionRule
        Decides what a block includes.
    patience_s : float
        Senders withdraw what has not been included for this long.
    """

    def __init__(self, rule: InclusionRule, patience_s: float = 60.0) -> None:
        self.rule = rule
        self.patience_s = patience_s
        self.pending: list[Candidate] = []
        self._dropped: list[Candidate] = []

    def submit(self, candidate: Candidate) -> None:
        """Add a transaction or bundle."""
        self.pending.append(candidate)

    def extend(self, candidates: Iterable[Candidate]) -> None:
        """Add several."""
        self.pending.extend(candidates)

    def select(self, closes_s: float, floor_gwei: float, gas_limit: int) -> list[Candidate]:
        """Take out what the next block executes, in the order of the rule.

        Candidates that arrive after the block closes or that offer less than the
        floor stay, and so does what the rule does not include. What has waited
        longer than the senders' patience is dropped.

        Parameters
        ----------
        closes_s : float
            Time the block is sealed, seconds from the start.
        floor_gwei : float
            Least price that is included at all.
        gas_limit : int
            Gas the block has left for these candidates.
        """
        if not self.pending:
            return []
        stay: list[Candidate] = []
        ready: list[Candidate] = []
        oldest = closes_s - self.patience_s
        for candidate in self.pending:
            if candidate.arrival_s < oldest:
                self._dropped.append(candidate)
                continue
            late = candidate.arrival_s > closes_s or candidate.price_gwei < floor_gwei
            (stay if late else ready).append(candidate)
        chosen, left = self.rule.fill(ready, gas_limit)
        self.pending = stay + left
        return chosen

    def take_dropped(self) -> list[Candidate]:
        """Return what senders have given up since this was last asked."""
        dropped, self._dropped = self._dropped, []
        return dropped
