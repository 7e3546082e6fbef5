"""Who may play what: roles, count profiles, and which of them must be simulated.

Players of a role are exchangeable, so a profile says only how many of each role use
each strategy. Holds no payoffs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise, product

import numpy as np
from numpy.typing import NDArray

from ..scenarios.base import ScenarioError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MEMORY_LIMIT_BYTES = 2 * 2**30
"""What the payoffs of a game may take."""

_BYTES_PER_PAYOFF = 160
"""Of one payoff in a profile space: opponents' counts, indices and one sample, for up to ten strategies."""


class GameError(ScenarioError):
    """A game cannot be played, solved or read; the message is one line that says what to change."""


@dataclass(frozen=True)
class Role:
    """Exchangeable players and what they may do.

    Parameters
    ----------
    name : str
    players : int
    strategies : tuple of str

    Raises
    ------
    GameError
        If there is no player, no strategy, or a name twice.
    """

    name: str
    players: int
    strategies: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.players < 1:
            raise GameError(f"roles.{self.name}.players = {self.players}; allowed: 1 or more")
        if not self.strategies:
            raise GameError(f"roles.{self.name} has no strategies; give it one at least")
        if len(set(self.strategies)) < len(self.strategies):
            raise GameError(
                f"roles.{self.name}.strategies must be distinct names, got {', '.join(self.strategies)}"
            )


class ProfileSpace:
    """Count profiles of a game and the place of each payoff in flat arrays.

    A *payoff* is that of one player of a role who uses a strategy while the others are distributed in
    some way: role r has a table of shape ``(k_r, n_opponents_r)``, and the tables of all roles, one after
    the other and row by row, make a flat array of ``size`` payoffs.

    Parameters
    ----------
    roles : sequence of Role
    reduced : sequence of int, optional
        Players of each role in the game that is solved. Where it is smaller than `players`, the
        deviation-preserving reduction is used: seen by a player, each opponent of the smaller game
        stands for several of the larger, while the player itself deviates alone. Source: Wiedenbeck and
        Wellman (2012), "Scaling simulation-based game analysis through deviation-preserving
        reduction", AAMAS.

    Raises
    ------
    GameError
        If the profiles do not fit into memory, or the reduction does not divide the players.

    Examples
    --------
    >>> space = ProfileSpace([Role("bot", 3, ("low", "high"))])
    >>> space.simulated.tolist()
    [[3, 0], [2, 1], [1, 2], [0, 3]]
    >>> ProfileSpace([Role("bot", 101, ("low", "high"))], reduced=[3]).simulated.tolist()
    [[101, 0], [100, 1], [51, 50], [50, 51], [1, 100], [0, 101]]
    """

    def __init__(self, roles: Sequence[Role], reduced: Sequence[int] | None = None) -> None:
        self.roles = tuple(roles)
        if not self.roles:
            raise GameError("a game needs a role at least")
        if len({role.name for role in self.roles}) < len(self.roles):
            raise GameError(f"roles must have distinct names, got {', '.join(r.name for r in self.roles)}")
        self.players = tuple(role.players for role in self.roles) if reduced is None else tuple(reduced)
        self._check_reduction()
        self._check_size()

    @property
    def is_reduced(self) -> bool:
        """Whether an opponent stands for several."""
        return self.players != tuple(role.players for role in self.roles)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Columns of each role in arrays with one column for each strategy of each role."""
        ends = np.cumsum([0, *(len(role.strategies) for role in self.roles)]).tolist()
        return tuple(slice(low, high) for low, high in pairwise(ends))

    @property
    def n_columns(self) -> int:
        """Number of strategies of all roles."""
        return int(self.slices[-1].stop)

    @cached_property
    def opponents(self) -> tuple[IntArray, ...]:
        """What a player may face in the game that is solved, by role; shape (n_opponents_r, n_columns)."""
        return tuple(
            _together([compositions(m - (q == r), len(role.strategies)) for q, (m, role) in self._solved()])
            for r in range(len(self.roles))
        )

    @cached_property
    def ways(self) -> tuple[FloatArray, ...]:
        """Ways in which opponents come to be distributed so: multinomial coefficients, (n_opponents_r,)."""
        return tuple(
            _rounded(
                np.exp(
                    sum(math.lgamma(m - (q == r) + 1) for q, (m, _) in self._solved())
                    - _log_factorials(counts).sum(axis=1)
                )
            )
            for r, counts in enumerate(self.opponents)
        )

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        """Where the payoffs of each role lie in flat arrays."""
        sizes = [len(role.strategies) * len(c) for role, c in zip(self.roles, self.opponents, strict=True)]
        ends = np.cumsum([0, *sizes]).tolist()
        return tuple(slice(low, high) for low, high in pairwise(ends))

    @property
    def size(self) -> int:
        """Number of payoffs."""
        return int(self.blocks[-1].stop)

    @cached_property
    def column(self) -> IntArray:
        """Column of the strategy that earns each payoff, shape (size,)."""
        return np.concatenate(
            [
                np.repeat(np.arange(part.start, part.stop), len(counts))
                for part, counts in zip(self.slices, self.opponents, strict=True)
            ]
        )

    @cached_property
    def simulated(self) -> IntArray:
        """Distinct count profiles of the whole game that hold all payoffs, shape (n_profiles, n_columns)."""
        return self._distinct[0]

    @cached_property
    def profile(self) -> IntArray:
        """Row of `simulated` that holds each payoff, shape (size,)."""
        return self._distinct[1]

    @cached_property
    def _distinct(self) -> tuple[IntArray, IntArray]:
        whole = np.empty((self.size, self.n_columns), np.int64)
        whole[np.arange(self.size), self.column] = 1
        for r, (part, counts) in enumerate(zip(self.blocks, self.opponents, strict=True)):
            stands = np.empty(self.n_columns, np.int64)
            for q, (m, role) in self._solved():
                own = int(q == r)
                stands[self.slices[q]] = (role.players - own) // (m - own) if m > own else 0
            others = np.tile(counts * stands, (len(self.roles[r].strategies), 1))
            whole[part] = others
        whole[np.arange(self.size), self.column] += 1
        # Most of the first strategy first; -0 does not exist in whole numbers.
        distinct, inverse = np.unique(-whole, axis=0, return_inverse=True)
        return -distinct, inverse.reshape(-1)

    def index(self, role: int, opponents: Sequence[int]) -> int:
        """Place of opponents' counts in `opponents`."""
        return self._places[role][tuple(opponents)]

    @cached_property
    def _places(self) -> tuple[dict[tuple[int, ...], int], ...]:
        return tuple({tuple(row): i for i, row in enumerate(counts.tolist())} for counts in self.opponents)

    def split(self, row: FloatArray) -> dict[str, dict[str, float]]:
        """Name the values of a row with one column for each strategy: role -> strategy -> value."""
        return {
            role.name: dict(zip(role.strategies, row[part].tolist(), strict=True))
            for role, part in zip(self.roles, self.slices, strict=True)
        }

    def _solved(self) -> Iterator[tuple[int, tuple[int, Role]]]:
        return enumerate(zip(self.players, self.roles, strict=True))

    def _check_reduction(self) -> None:
        if len(self.players) != len(self.roles):
            raise GameError(f"reduced = {list(self.players)}; allowed: one number for each of the roles")
        for _, (m, role) in self._solved():
            lowest = 1 if role.players == 1 or len(self.roles) > 1 else 2
            whole = lowest <= m <= role.players
            whole = whole and (m == role.players or role.players % m == 0 or len(self.roles) == 1)
            if not whole or not _divides(role.players - 1, m - 1):
                allowed = [str(n) for n in reductions(role, alone=len(self.roles) == 1)]
                raise GameError(
                    f"reduced.{role.name} = {m}; allowed for {role.players} players: {', '.join(allowed)}"
                )

    def _check_size(self) -> None:
        profiles = math.prod(_number(m, len(role.strategies)) for _, (m, role) in self._solved())
        payoffs = sum(
            len(role.strategies)
            * math.prod(_number(m - (q == r), len(other.strategies)) for q, (m, other) in self._solved())
            for r, (_, role) in self._solved()
        )
        needed = payoffs * _BYTES_PER_PAYOFF
        if needed <= MEMORY_LIMIT_BYTES:
            return
        smaller = [
            max((m for m in reductions(role, alone=len(self.roles) == 1) if m <= 6), default=role.players)
            for role in self.roles
        ]
        hint = ", ".join(f"{role.name} = {m}" for role, m in zip(self.roles, smaller, strict=True))
        raise GameError(
            f"the game has {profiles:,} count profiles and {payoffs:,} payoffs, which need "
            f"{needed / 2**30:,.0f} GiB (at most {MEMORY_LIMIT_BYTES / 2**30:.0f}); "
            f"use the deviation-preserving reduction, as in reduced = {{ {hint} }}"
        )


def reductions(role: Role, *, alone: bool) -> list[int]:
    """Players to which a role may be reduced, smallest first.

    Opponents must divide evenly: those of its own role without the player, and, in a game of several
    roles, all players of the role as seen by the others.
    """
    n = role.players
    if n == 1:
        return [1]
    numbers = [m for m in range(2 if alone else 1, n) if _divides(n - 1, m - 1) and (alone or n % m == 0)]
    return [*numbers, n]


def compositions(n: int, k: int) -> IntArray:
    """All ways to give n things to k places, most to the first place first; shape (C(n + k - 1, n), k).

    Examples
    --------
    >>> compositions(2, 2).tolist()
    [[2, 0], [1, 1], [0, 2]]
    """
    bars = np.array(list(combinations(range(n + k - 1), k - 1)), np.int64).reshape(_number(n, k), k - 1)
    ends = np.full((len(bars), 1), n + k - 1)
    return np.asarray(np.diff(np.hstack([np.full_like(ends, -1), bars, ends]), axis=1)[::-1] - 1)


def _together(parts: Sequence[IntArray]) -> IntArray:
    rows = product(*(range(len(part)) for part in parts))
    chosen = np.array(list(rows), np.int64)
    return np.hstack([part[chosen[:, q]] for q, part in enumerate(parts)])


def _log_factorials(counts: IntArray) -> FloatArray:
    table = np.array([math.lgamma(i + 1) for i in range(int(counts.max(initial=0)) + 1)])
    return np.asarray(table[counts])


def _rounded(values: FloatArray) -> FloatArray:
    """Whole numbers made exact again, as far as floats tell them apart."""
    return np.asarray(np.where(values < 1e12, np.rint(values), values))


def _number(n: int, k: int) -> int:
    return math.comb(n + k - 1, n)


def _divides(whole: int, part: int) -> bool:
    return whole == part or (part > 0 and whole % part == 0)
