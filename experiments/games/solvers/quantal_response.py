"""Logit quantal response: how players with noise choose, from pure noise towards an equilibrium.

The principal branch of the correspondence is traced. Its end selects one Nash equilibrium; points
on the way are behaviour with noise and no Nash equilibria.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..count_game import CountGame
from ..profiles import FloatArray, GameError

_LONGEST_STEP = 0.5
_MAX_STEPS = 20_000


@dataclass(frozen=True, eq=False)
class QuantalPath:
    """Points of the principal branch.

    Attributes
    ----------
    precision : ndarray, shape (n_points,)
        Lambda, per unit of payoff: 0 is pure noise. It may fall for a while where the branch turns.
    mixtures : ndarray, shape (n_points, n_columns)
    """

    precision: FloatArray
    mixtures: FloatArray


def quantal_path(game: CountGame, highest: float | None = None) -> QuantalPath:
    """Trace the principal branch of role-symmetric logit equilibria from precision 0.

    1. At precision 0 every strategy of a role is equally likely.
    2. With logarithms of shares z, a logit equilibrium solves ``z_s - z_0 = precision (u_s(z) - u_0(z))`` in
       each role. Follow its tangent (predictor), then return to it by Newton's method across the tangent
       (corrector); steps grow and shrink with the corrector's work.
    3. Stop when the precision reaches `highest`.

    Sources: McKelvey and Palfrey (1995), "Quantal response equilibria for normal form games", Games
    and Economic Behavior 10; Turocy (2005), "A dynamic homotopy interpretation of the logistic
    quantal response equilibrium correspondence", ibid. 51.

    Parameters
    ----------
    game : CountGame
    highest : float, optional
        Precision at which to stop, per unit of payoff; 1,000 over the range of payoffs if left out.

    Raises
    ------
    GameError
        If the branch cannot be followed so far.
    """
    top = 1000.0 if highest is None else highest * game.scale
    if not top > 0:
        raise GameError(f"highest = {highest}; allowed: above 0")
    point = np.append(np.log(game.uniform()), 0.0)
    tangent = _tangent(game, point, None)
    points = [point]
    step = 0.05
    for _ in range(_MAX_STEPS):
        guess = point + step * tangent
        found = _correct(game, guess, tangent)
        if found is None:
            step /= 2.0
            if step < 1e-10:
                break
            continue
        point, work = found
        points.append(point)
        if point[-1] >= top:
            path = np.array(points)
            return QuantalPath(path[:, -1] / game.scale, np.exp(path[:, :-1]))
        tangent = _tangent(game, point, tangent)
        # In logarithms shares fall without end as precision grows, so steps may grow with it.
        longest = _LONGEST_STEP * (1.0 + abs(point[-1]))
        step = min(step * (1.5 if work <= 3 else 0.7), longest)
    raise GameError(f"the quantal response path stops at precision {point[-1] / game.scale:g}")


def quantal_response(game: CountGame, precision: Sequence[float]) -> FloatArray:
    """Logit equilibria of the principal branch at given precisions, the first time it gets there.

    Parameters
    ----------
    game : CountGame
    precision : sequence of float
        Not negative, per unit of payoff.

    Returns
    -------
    ndarray, shape (n, n_columns)

    Raises
    ------
    GameError
        If a precision is negative or cannot be reached.

    Examples
    --------
    >>> payoffs = [[-10, 40], [0, 0]]  # CASES G20: 100 for one, split between two, cost 60
    >>> game = CountGame.symmetric(2, ["in", "out"], lambda own, others: payoffs[own][others[1]])
    >>> quantal_response(game, [0.05, 0.1, 1.0])[:, 0].round(8).tolist()
    [0.61412537, 0.6638765, 0.7752375]
    """
    wanted = np.asarray(precision, np.float64)
    if not (wanted >= 0).all():
        raise GameError(f"precision = {list(precision)}; allowed: not negative")
    result = np.tile(game.uniform(), (len(wanted), 1))
    if wanted.max(initial=0.0) <= 0:
        return result
    path = quantal_path(game, float(wanted.max()))
    for i in np.flatnonzero(wanted > 0):
        after = int(np.argmax(path.precision >= wanted[i]))
        low, high = path.precision[after - 1], path.precision[after]
        share = (wanted[i] - low) / (high - low)
        logs = np.log(path.mixtures[after - 1 : after + 1])
        guess = np.append((1 - share) * logs[0] + share * logs[1], wanted[i] * game.scale)
        found = _correct(game, guess, np.eye(len(guess))[-1])
        if found is None:
            raise GameError(f"no quantal response was found at precision {wanted[i]:g}")
        result[i] = np.exp(found[0][:-1])
    return result


def _residual(game: CountGame, point: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Equations of a logit equilibrium, and their Jacobian with one more column than rows."""
    space = game.space
    z, precision = point[:-1], point[-1]
    x = np.exp(np.minimum(z, 50.0))
    values, slopes = _payoffs_and_slopes(game, x)
    residual = np.empty(space.n_columns)
    jacobian = np.zeros((space.n_columns, space.n_columns + 1))
    for part in space.slices:
        first, rest = part.start, np.arange(part.start + 1, part.stop)
        residual[rest] = z[rest] - z[first] - precision * (values[rest] - values[first])
        jacobian[rest, rest] = 1.0
        jacobian[rest, first] -= 1.0
        jacobian[np.ix_(rest, np.arange(space.n_columns))] -= precision * (slopes[rest] - slopes[first])
        jacobian[rest, -1] = values[first] - values[rest]
        residual[first] = x[part].sum() - 1.0
        jacobian[first, part] = x[part]
    return residual, jacobian


def _payoffs_and_slopes(game: CountGame, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Payoffs in units of their range, and their derivatives by the logarithms of shares."""
    space = game.space
    log = np.log(np.maximum(x, 1e-300))
    values, slopes = [], []
    for counts, ways, table in zip(space.opponents, space.ways, game.tables, strict=True):
        weights = ways * np.exp(counts @ log)
        values.append(table @ weights / game.scale)
        slopes.append(table @ (weights[:, None] * counts) / game.scale)
    return np.concatenate(values), np.concatenate(slopes)


def _tangent(game: CountGame, point: FloatArray, before: FloatArray | None) -> FloatArray:
    """Direction of the path, the way it was followed before; first towards higher precision."""
    _, jacobian = _residual(game, point)
    direction = np.asarray(np.linalg.svd(jacobian)[2][-1])
    ahead = direction[-1] if before is None else direction @ before
    return direction if ahead >= 0 else -direction


def _correct(game: CountGame, guess: FloatArray, across: FloatArray) -> tuple[FloatArray, int] | None:
    """Newton's method from `guess` in the plane across a direction; the point and the steps it took."""
    point = guess.copy()
    for work in range(12):
        residual, jacobian = _residual(game, point)
        full = np.append(residual, (point - guess) @ across)
        # Residuals are differences of logarithms as large as the precision times the payoffs.
        if np.abs(full).max() < 1e-11 * (1.0 + abs(point[-1])):
            return point, work
        try:
            change = np.linalg.solve(np.vstack([jacobian, across]), -full)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(change).all() or np.abs(change).max() > 5.0 * (1.0 + abs(point[-1])):
            return None
        point = point + change
    return None
