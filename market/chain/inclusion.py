"""Rules that decide the order of a block."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from .transaction import Bundle, Transaction

Candidate = Transaction | Bundle


class InclusionRule(Protocol):
    """Orders the candidates of a block, first to be executed first."""

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates in the order of execution."""
        ...


@dataclass(frozen=True, slots=True)
class PriorityFee:
    """Highest gas price first; earlier arrival, then the sender's draw, break ties."""

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates by falling gas price."""
        return sorted(candidates, key=lambda c: (-c.price_gwei, c.arrival_s, c.tie))


@dataclass(frozen=True, slots=True)
class FirstCome:
    """Earliest arrival first, whatever it pays; the sender's draw breaks ties."""

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates by arrival."""
        return sorted(candidates, key=lambda c: (c.arrival_s, c.tie))


INCLUSION_RULES: dict[str, type[PriorityFee] | type[FirstCome]] = {
    "priority-fee": PriorityFee,
    "first-come": FirstCome,
}
