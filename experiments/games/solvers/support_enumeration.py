"""Symmetric and role-symmetric equilibria of games with any number of players, support by support.

All players of a role use the same mixture. Two-player games, asymmetric equilibria
included, are `bimatrix`'s work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from ....market.streams import Streams
from ..count_game import SOLVED, CountGame
from ..profiles import FloatArray, GameError, IntArray

STARTS = 16
"""Newton starts on a support: its middle, and random mixtures."""
ITERATIONS = 40
MAX_SUPPORTS = 100_000

_SMALLEST = 1e-9
"""Share below which a strategy is not in use."""
_AT_BOUNDARY = 1e-5
_BATCH = 2_000_000
"""Payoffs handled at once."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What support enumeration found.

    Attributes
    ----------
    mixtures : tuple of ndarray, shape (n_columns,)
        Equilibria, those with few strategies in use first. All of those with at most two strategies in
        use in a game with one role, and of two players unless `degenerate`; with larger supports the
        indifference equations may have solutions that no start reaches.
    degenerate : bool
        A strategy not in use is as good as those in use: there may be a continuum of equilibria.
    """

    mixtures: tuple[FloatArray, ...]
    degenerate: bool


class _Restricted:
    """Payoffs within supports of the same sizes when nobody leaves them: many small games at once.

    Which counts opponents may have depends on the sizes alone, so only the tables differ.
    """

    def __init__(self, game: CountGame, supports: IntArray) -> None:
        space = game.space
        self.supports = supports
        roles = np.searchsorted([part.stop for part in space.slices], supports[0], side="right")
        self.owner = roles
        self.n_roles = len(space.roles)
        self.counts: list[IntArray] = []
        self.ways: list[FloatArray] = []
        self.tables: list[FloatArray] = []
        for r, (columns, counts) in enumerate(zip(space.slices, space.opponents, strict=True)):
            inside = np.array(
                [np.flatnonzero(counts[:, support].sum(axis=1) == counts[0].sum()) for support in supports]
            )
            self.counts.append(counts[inside[0]][:, supports[0]])
            self.ways.append(space.ways[r][inside[0]])
            rows = supports[:, roles == r] - columns.start
            self.tables.append(game.tables[r][rows[:, :, None], inside[:, None, :]] / game.scale)

    def payoffs(self, which: IntArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Payoffs of strategies, shape (n, m), and their derivatives by shares, shape (n, m, m)."""
        values, slopes = np.empty_like(x), np.empty((*x.shape, x.shape[1]))
        log = np.log(x)
        for r in range(self.n_roles):
            counts, table, own = self.counts[r], self.tables[r][which], self.owner == r
            weights = self.ways[r] * np.exp(log @ counts.T)
            values[:, own] = np.matmul(table, weights[:, :, None])[:, :, 0]
            slopes[:, own] = np.matmul(table, weights[:, :, None] * counts) / x[:, None, :]
        return values, slopes

    def equations(self, which: IntArray, x: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals and Jacobians of: equal payoffs within each role, shares that add up to 1."""
        n, m = x.shape
        roles = self.n_roles
        values, slopes = self.payoffs(which, x)
        residual = np.empty((n, m + roles))
        jacobian = np.zeros((n, m + roles, m + roles))
        residual[:, :m] = values - level[:, self.owner]
        jacobian[:, :m, :m] = slopes
        jacobian[:, np.arange(m), m + self.owner] = -1.0
        for r in range(roles):
            own = self.owner == r
            residual[:, m + r] = x[:, own].sum(axis=1) - 1.0
            jacobian[:, m + r, :m] = own
        return residual, jacobian


def support_enumeration(game: CountGame, starts: int = STARTS, max_supports: int = MAX_SUPPORTS) -> Solution:
    """Find role-symmetric Nash equilibria.

    1. For every support, a set of strategies of each role, restrict the game to it.
    2. One strategy in each role needs no solving. With one role and two strategies, the gain of one over the
       other is a polynomial in Bernstein form; take all its roots in (0, 1).
    3. Else solve the indifference equations by Newton's method with the exact Jacobian, from the middle
       and from random mixtures; steps stop short of the boundary.
    4. Keep what leaves no player any gain, strategies outside the support included.

    For games with two players the equations are linear and step 3 is exact. Sources: Dickhaut and
    Kaplan (1991), "A program for finding Nash equilibria", The Mathematica Journal 1(4); for many players
    Porter, Nudelman and Shoham (2008), "Simple search methods for finding a Nash equilibrium",
    Games and Economic Behavior 63; that symmetric games have symmetric equilibria: Nash (1951).

    Parameters
    ----------
    game : CountGame
    starts : int
        Newton starts on each support.
    max_supports : int
        Most supports that are looked at.

    Raises
    ------
    GameError
        If there are more supports.

    Examples
    --------
    >>> payoffs = [[-1, 4], [0, 2]]  # hawk-dove, V = 4, C = 6: CASES G19
    >>> game = CountGame.symmetric(2, ["hawk", "dove"], lambda own, others: payoffs[own][others[1]])
    >>> [mixture.round(4).tolist() for mixture in support_enumeration(game).mixtures]
    [[0.6667, 0.3333]]
    """
    sizes = [len(role.strategies) for role in game.space.roles]
    number = int(np.prod([2.0**k - 1 for k in sizes]))
    if number > max_supports:
        raise GameError(
            f"{sum(sizes)} strategies have {number:,} supports (at most {max_supports:,}); "
            "use fewer strategies, or the solver 'replicator' or 'quantal-response'"
        )
    rng = Streams(0)("games/support-enumeration")
    found: list[FloatArray] = []
    degenerate = False
    for batch in _supports(game):
        for mixture in _solve(game, batch, starts, rng):
            gains = game.gains(mixture)
            if gains.max() > SOLVED * game.scale:
                continue
            outside = mixture == 0
            degenerate = degenerate or bool((gains[outside] > -SOLVED * game.scale).any())
            if not any(np.abs(mixture - other).max() < 1e-6 for other in found):
                found.append(mixture)
    return Solution(tuple(found), degenerate)


def polish(game: CountGame, mixture: FloatArray, cut: float = 1e-3) -> FloatArray | None:
    """Bring a mixture near an equilibrium to it, or return None.

    Newton's method on the strategies with a share above `cut`.
    """
    used = mixture > cut
    if not all(used[part].any() for part in game.space.slices):
        return None
    x = np.where(used, mixture, 0.0)
    for part in game.space.slices:
        x[part] /= x[part].sum()
    support = np.flatnonzero(used)
    for solved in _newton(_Restricted(game, support[None, :]), np.zeros(1, np.int64), x[None, support]):
        polished = np.zeros_like(mixture)
        polished[support] = solved[1]
        if game.regret(polished) <= SOLVED * game.scale:
            return polished
    return None


def _supports(game: CountGame) -> Iterator[IntArray]:
    """Yield sets of columns, one for each role, those of the same sizes together, small ones first."""
    slices = game.space.slices
    sizes = product(*(range(1, part.stop - part.start + 1) for part in slices))
    for chosen in sorted(sizes, key=sum):
        sets = [combinations(range(p.start, p.stop), n) for p, n in zip(slices, chosen, strict=True)]
        yield np.array([sum(parts, ()) for parts in product(*sets)], np.int64)


def _solve(
    game: CountGame, supports: IntArray, starts: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    restricted = _Restricted(game, supports)
    sizes = np.bincount(restricted.owner).tolist()
    solutions: Iterator[tuple[int, FloatArray]]
    if max(sizes) == 1:
        solutions = ((i, np.ones(len(sizes))) for i in range(len(supports)))
    elif sizes == [2]:
        solutions = _two_strategies(restricted)
    else:
        solutions = _from_many_starts(restricted, sizes, starts, rng)
    for which, x in solutions:
        mixture = np.zeros(game.space.n_columns)
        mixture[supports[which]] = x
        yield mixture


def _two_strategies(restricted: _Restricted) -> Iterator[tuple[int, FloatArray]]:
    counts, ways, tables = restricted.counts[0], restricted.ways[0], restricted.tables[0]
    order = np.argsort(counts[:, 0])
    which: list[int] = []
    starts: list[float] = []
    for i, table in enumerate(tables):
        gain = ((table[0] - table[1]) * ways)[order]  # coefficients of x^j (1 - x)^(n - j)
        if not np.abs(gain).max() > SOLVED:
            yield i, np.array([0.5, 0.5])  # the two never differ: one point of a continuum
            continue
        # In z = x / (1 - x) they are those of an ordinary polynomial.
        for root in np.roots(np.trim_zeros(gain[::-1], "f")):
            x = root.real / (1.0 + root.real) if root.real > 0 else 0.0
            if abs(root.imag) < 1e-6 * (1 + abs(root)) and _SMALLEST < x < 1 - _SMALLEST:
                which.append(i)
                starts.append(x)
    if which:
        x = np.array(starts)
        yield from _newton(restricted, np.array(which), np.column_stack([x, 1.0 - x]))


def _from_many_starts(
    restricted: _Restricted, sizes: Sequence[int], starts: int, rng: np.random.Generator
) -> Iterator[tuple[int, FloatArray]]:
    if all(counts.sum(axis=1).max() <= 1 for counts in restricted.counts):
        starts = 1  # linear
    n, payoffs = len(restricted.supports), sum(table[0].size for table in restricted.tables)
    middle = np.concatenate([np.full(k, 1.0 / k) for k in sizes])
    drawn = np.concatenate([rng.dirichlet(np.ones(k), (n, starts)) for k in sizes], axis=2)
    drawn[:, 0] = middle
    step = max(1, _BATCH // (payoffs * starts))
    for low in range(0, n, step):
        which = np.arange(low, min(n, low + step))
        guesses = drawn[which].reshape(-1, len(middle))
        yield from _newton(restricted, np.repeat(which, starts), np.maximum(guesses, 1e-6))


def _newton(restricted: _Restricted, which: IntArray, x: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """Solve the indifference equations inside the simplex, many at once.

    Parameters
    ----------
    restricted : _Restricted
    which : ndarray of int, shape (n,)
        Support of each start.
    x : ndarray, shape (n, m)

    Yields
    ------
    tuple of int and ndarray
        Support and shares. A start whose way leads out of the simplex yields nothing.
    """
    m = x.shape[1]
    values, _ = restricted.payoffs(which, x)
    level = np.stack(
        [(values * x)[:, restricted.owner == r].sum(axis=1) for r in range(restricted.n_roles)], axis=1
    )
    for _ in range(ITERATIONS):
        residual, jacobian = restricted.equations(which, x, level)
        moves = _steps(jacobian, residual)
        change = moves[:, :m]
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(change < 0, -x / change, np.inf).min(axis=1)
        length = np.minimum(1.0, 0.9 * room)
        x = x + length[:, None] * change
        level = level + length[:, None] * moves[:, m:]
        # A way that is cut short again and again leads to the boundary: another support's business.
        inside = x.min(axis=1) > np.where(length == 1.0, _SMALLEST, _AT_BOUNDARY)
        arrived = inside & (np.abs(change).max(axis=1) < 1e-13) & (np.abs(residual).max(axis=1) < 1e-10)
        yield from ((int(which[i]), x[i]) for i in np.flatnonzero(arrived))
        going = inside & ~arrived
        which, x, level = which[going], x[going], level[going]
        if not len(which):
            return


def _steps(jacobian: FloatArray, residual: FloatArray) -> FloatArray:
    try:
        return np.asarray(np.linalg.solve(jacobian, -residual[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:  # one of them is singular: least squares for all
        return np.asarray(np.matmul(np.linalg.pinv(jacobian), -residual[:, :, None])[:, :, 0])
