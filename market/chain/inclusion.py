"""Rules that decide what a block includes, and in which order."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np

from .builder_kernels import MOST_EXACT, best_set
from .precedence_kernels import bought_s, by_arrival, by_boosted_arrival, by_draw, by_fee
from .raise_kernels import raise_bids
from .transaction import Bundle, Transaction

Candidate = Transaction | Bundle

_by_fee, _by_arrival, _by_draw = by_fee.py_func, by_arrival.py_func, by_draw.py_func
_by_boosted_arrival, _bought_s = by_boosted_arrival.py_func, bought_s.py_func

NUDGE = 1e-3
"""How much more than another who is to be overtaken pays, as a fraction."""

HEAD_START_S = 1e-3
"""How much earlier than another who is to be overtaken counts, where time is bought."""


class InclusionNotice(UserWarning):
    """A rule says that it does less than usual."""


class InclusionRule(Protocol):
    """Decides what a block includes, first to be executed first.

    Attributes
    ----------
    sealed : bool
        Whether nobody sees the requests of others, and what reverts leaves no trace and pays nothing.
    """

    sealed: ClassVar[bool]

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates in the order of execution."""
        ...

    def fill(
        self, candidates: Sequence[Candidate], gas_limit: int
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Return what the block includes, in the order of execution, and what it does not."""
        ...

    def overtake(self, price_gwei: float, behind_s: float) -> float | None:
        """Return the price at which a request stands before another, or None if none does.

        The other is seen, pays `price_gwei`, is not raised, and has arrived `behind_s` earlier.
        """
        ...


class _Ordered:
    """One after the other, as long as the gas lasts; cheaper ones behind a big one may still fit."""

    __slots__ = ()
    sealed: ClassVar[bool] = False

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        raise NotImplementedError

    def overtake(self, price_gwei: float, behind_s: float) -> float | None:
        """Return None: neither money nor speed helps who has seen another."""
        return None

    def fill(
        self, candidates: Sequence[Candidate], gas_limit: int
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Return what the block includes, in the order of execution, and what it does not."""
        chosen: list[Candidate] = []
        left: list[Candidate] = []
        for candidate in self.order(candidates):
            if candidate.gas <= gas_limit:
                gas_limit -= candidate.gas
                chosen.append(candidate)
            else:
                left.append(candidate)
        return chosen, left


@dataclass(frozen=True, slots=True)
class PriorityFee(_Ordered):
    """Highest gas price first; earlier arrival, then the sender's draw, break ties."""

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates by falling gas price."""
        return sorted(candidates, key=lambda c: _by_fee(c.price_gwei, c.arrival_s, c.tie))

    def overtake(self, price_gwei: float, behind_s: float) -> float | None:
        """Return a little more than the other pays."""
        return price_gwei * (1.0 + NUDGE)


@dataclass(frozen=True, slots=True)
class FirstCome(_Ordered):
    """Earliest arrival first, whatever it pays; the sender's draw breaks ties."""

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates by arrival."""
        return sorted(candidates, key=lambda c: _by_arrival(c.arrival_s, c.tie))


@dataclass(frozen=True, slots=True)
class RandomOrder(_Ordered):
    """By the senders' draws: neither speed nor money helps."""

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates by their draws."""
        return sorted(candidates, key=lambda c: _by_draw(c.tie, c.arrival_s))


@dataclass(frozen=True, slots=True)
class TimeBoost(_Ordered):
    """Earliest arrival first, where a gas price buys milliseconds (Mamageishvili et al. 2023).

    Parameters
    ----------
    boost_s : float
        Head start that no price quite buys, seconds.
    half_gwei : float
        Gas price that buys half of it.
    """

    boost_s: float = 0.5
    half_gwei: float = 100.0

    def __post_init__(self) -> None:
        _positive("boost_s", self.boost_s)
        _positive("half_gwei", self.half_gwei)

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates by arrival less the time they have bought."""
        boost, half = self.boost_s, self.half_gwei
        return sorted(
            candidates, key=lambda c: _by_boosted_arrival(c.price_gwei, c.arrival_s, c.tie, boost, half)
        )

    def overtake(self, price_gwei: float, behind_s: float) -> float | None:
        """Return what buys the time that the other has bought, and more than it is ahead."""
        wanted = _bought_s(price_gwei, self.boost_s, self.half_gwei) + behind_s + HEAD_START_S
        return self.half_gwei * wanted / (self.boost_s - wanted) if wanted < self.boost_s else None


@dataclass(frozen=True, slots=True)
class PriorityGasAuction(_Ordered):
    """Highest gas price first, after rounds in which rivals for one target outbid each other.

    Who is outbid raises by the least that nodes accept, up to the transaction's own ceiling.
    Private transactions and bundles take no part: they see others, but others do not see them.

    Parameters
    ----------
    minimum_raise : float
        Least raise over the leading price, as a fraction of it.
    rounds : int
        Rounds that fit into a block.
    """

    minimum_raise: float = 0.125
    rounds: int = 10

    def __post_init__(self) -> None:
        _positive("minimum_raise", self.minimum_raise)
        if self.rounds < 0:
            raise ValueError(f"rounds must not be negative, got {self.rounds}")

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates by falling gas price; raised ones carry their last price."""
        rivals: dict[tuple[str, int, int], list[Transaction]] = {}
        others: list[Candidate] = []
        for candidate in candidates:
            if isinstance(candidate, Bundle) or candidate.private or candidate.contested is None:
                others.append(candidate)
            else:
                rivals.setdefault(candidate.contested, []).append(candidate)
        for group in rivals.values():
            others += self._raised(group) if len(group) > 1 else group
        return sorted(others, key=lambda c: _by_fee(c.price_gwei, c.arrival_s, c.tie))

    def overtake(self, price_gwei: float, behind_s: float) -> float | None:
        """Return a little more than the other pays, as long as nobody makes it raise."""
        return price_gwei * (1.0 + NUDGE)

    def _raised(self, group: list[Transaction]) -> list[Transaction]:
        bids = np.array([t.price_gwei for t in group])
        ceilings = np.array([t.ceiling_gwei for t in group])
        turns = sorted(range(len(group)), key=lambda k: _by_arrival(group[k].arrival_s, group[k].tie))
        if not raise_bids(bids, ceilings, np.array(turns), self.minimum_raise, self.rounds):
            return group
        prices = bids.tolist()
        return [t._replace(price_gwei=price) for t, price in zip(group, prices, strict=True)]


@dataclass(frozen=True, slots=True)
class SealedBundle:
    """A builder who sees sealed bids and includes the set without conflicts that pays most (MODEL 10.4).

    Of those who want the same only one is included. The set is the best there is; where more than
    `exact_up_to` candidates hang together by conflicts or a full block, the best payers for their
    gas are taken one after the other, and a notice says so once. Whoever wants just what a better
    payer wants does not count. The builder believes the bids: it does not try out what reverts.

    Parameters
    ----------
    exact_up_to : int
        Candidates, 0 to `MOST_EXACT`.
    """

    exact_up_to: int = MOST_EXACT
    sealed: ClassVar[bool] = True
    _told: list[bool] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.exact_up_to <= MOST_EXACT:
            raise ValueError(f"exact_up_to must be in [0, {MOST_EXACT}], got {self.exact_up_to}")

    def order(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates by falling payment."""
        return sorted(candidates, key=lambda c: _by_fee(c.payment_gwei, c.arrival_s, c.tie))

    def fill(
        self, candidates: Sequence[Candidate], gas_limit: int
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Return what the builder includes, in the order of execution, and what not."""
        ordered = self.order(candidates)
        wants = [_wants(candidate) for candidate in ordered]
        taken: set[int] = set()
        for part in _separate(ordered, wants, _undominated(ordered, wants), gas_limit):
            if len(part) <= self.exact_up_to:
                taken |= _exact(ordered, wants, part, gas_limit)
            else:
                self._tell(len(part))
                taken |= _greedy(ordered, wants, part, gas_limit)
        chosen = [ordered[i] for i in sorted(taken)]
        return chosen, [c for i, c in enumerate(ordered) if i not in taken]

    def overtake(self, price_gwei: float, behind_s: float) -> float | None:
        """Return None: nobody sees another."""
        return None

    def _tell(self, bundles: int) -> None:
        if not self._told:
            self._told.append(True)
            warnings.warn(
                f"sealed-bundle: {bundles} bundles are more than the builder solves exactly "
                f"({self.exact_up_to}); it takes the best payers for their gas one after the other",
                InclusionNotice,
                stacklevel=3,
            )


def _wants(candidate: Candidate) -> frozenset[tuple[str, int, int]]:
    """Return what a candidate competes for, with all its members."""
    members = (candidate,) if isinstance(candidate, Transaction) else candidate.transactions
    return frozenset(member.contested for member in members if member.contested is not None)


def _undominated(ordered: list[Candidate], wants: list[frozenset[tuple[str, int, int]]]) -> list[int]:
    """Leave out who wants the same as a better payer that uses no more gas: no best set needs it."""
    kept: list[int] = []
    least: dict[frozenset[tuple[str, int, int]], int] = {}
    for i, candidate in enumerate(ordered):
        if wants[i]:
            if least.get(wants[i], candidate.gas + 1) <= candidate.gas:
                continue
            least[wants[i]] = candidate.gas
        kept.append(i)
    return kept


def _separate(
    ordered: list[Candidate], wants: list[frozenset[tuple[str, int, int]]], open_: list[int], gas_limit: int
) -> list[list[int]]:
    """Parts that can be solved apart: where all fit into the block, those that share no conflict."""
    if sum(ordered[i].gas for i in open_) > gas_limit:
        return [open_]
    parts: list[tuple[set[tuple[str, int, int]], list[int]]] = []
    for i in open_:
        touched = [part for part in parts if part[0] & wants[i]]
        parts = [part for part in parts if not part[0] & wants[i]]
        targets = set(wants[i]).union(*(part[0] for part in touched))
        parts.append((targets, sorted([i, *(j for part in touched for j in part[1])])))
    return [part for _, part in parts]


def _exact(
    ordered: list[Candidate], wants: list[frozenset[tuple[str, int, int]]], part: list[int], gas_limit: int
) -> set[int]:
    conflicts = [sum(1 << j for j, b in enumerate(part) if a != b and wants[a] & wants[b]) for a in part]
    bits = best_set(
        np.array([ordered[i].payment_gwei for i in part], np.float64),
        np.array([ordered[i].gas for i in part], np.int64),
        np.array(conflicts, np.int64),
        gas_limit,
    )
    return {i for k, i in enumerate(part) if bits >> k & 1}


def _greedy(
    ordered: list[Candidate], wants: list[frozenset[tuple[str, int, int]]], part: list[int], gas_limit: int
) -> set[int]:
    taken: set[int] = set()
    gone: set[tuple[str, int, int]] = set()
    for i in sorted(part, key=lambda i: (-ordered[i].price_gwei, i)):
        if ordered[i].gas <= gas_limit and not wants[i] & gone:
            gas_limit -= ordered[i].gas
            gone |= wants[i]
            taken.add(i)
    return taken


def _positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")


INCLUSION_RULES: dict[
    str,
    type[PriorityFee]
    | type[FirstCome]
    | type[PriorityGasAuction]
    | type[SealedBundle]
    | type[RandomOrder]
    | type[TimeBoost],
] = {
    "priority-fee": PriorityFee,
    "first-come": FirstCome,
    "priority-gas-auction": PriorityGasAuction,
    "sealed-bundle": SealedBundle,
    "random": RandomOrder,
    "time-boost": TimeBoost,
}
