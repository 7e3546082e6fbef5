"""Moves that change four or six debts of a network and no margin, compiled."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def shift_around_cycles(matrix, cycles, lengths, uniforms, link_weight, empty_weight):
    """Draw the amount around each cycle from its conditional law; in place.

    Row `c` of `cycles` holds the debtors ``i_1 .. i_k`` and then the creditors ``j_1 .. j_k``; debts
    ``(i_a, j_a)`` gain and debts ``(i_a, j_{a+1})`` lose the same amount. A debt is absent with weight
    `empty_weight`, or has the density `link_weight`, up to a factor that is the same around the cycle.

    Parameters
    ----------
    cycles : int64 ndarray, shape (m, 6)
    lengths : int64 ndarray, shape (m,)
        2 or 3; a cycle that would touch the diagonal is given as 0 and skipped.
    uniforms : float64 ndarray, shape (m,)
    """
    for c in range(len(lengths)):
        k = lengths[c]
        if k == 0:
            continue
        down = up = 1e300
        for a in range(k):
            i, j, after = cycles[c, a], cycles[c, k + a], cycles[c, k + (a + 1) % k]
            down = min(down, matrix[i, j])
            up = min(up, matrix[i, after])
        if down + up <= 0.0:
            continue
        low = high = 0
        for a in range(k):
            i, j, after = cycles[c, a], cycles[c, k + a], cycles[c, k + (a + 1) % k]
            low += matrix[i, j] <= down
            high += matrix[i, after] <= up
        inside = link_weight ** (2 * k) * (down + up)
        at_low = link_weight ** (2 * k - low) * empty_weight**low
        at_high = link_weight ** (2 * k - high) * empty_weight**high
        drawn = uniforms[c] * (inside + at_low + at_high)
        if drawn < at_low:
            step = -down
        elif drawn < at_low + at_high:
            step = up
        else:
            step = -down + (down + up) * (drawn - at_low - at_high) / inside
        for a in range(k):
            i, j, after = cycles[c, a], cycles[c, k + a], cycles[c, k + (a + 1) % k]
            matrix[i, j] = 0.0 if step == -down and matrix[i, j] <= down else max(matrix[i, j] + step, 0.0)
            matrix[i, after] = (
                0.0 if step == up and matrix[i, after] <= up else max(matrix[i, after] - step, 0.0)
            )
