"""Who gives up how many lots when an account must be closed against winners (MODEL 2.2).

Whole lots throughout: what proportions leave over goes to the largest remainders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Winner(NamedTuple):
    """A trader on the other side with an open profit; lots and base units, all positive."""

    row: int
    lots: int
    gain: int
    equity: int
    notional: int

    @property
    def rank(self) -> float:
        """Profit share times effective leverage: the higher, the earlier in the queue."""
        return self.gain / max(self.notional - self.gain, 1) * self.notional / self.equity


def shares(policy: str, winners: Sequence[Winner], lots: int, cost: int) -> list[tuple[Winner, int]]:
    """Spread lots over winners.

    Parameters
    ----------
    policy : str
        ``queue``: by rank, each whole. ``pro-rata``: by equity. ``capped-pro-rata``: by gains, and no
        trader gives up more than the gain; what that leaves over stays open.
    winners : sequence of Winner
    lots : int
        To be closed.
    cost : int
        What giving up a lot costs, base units.

    Returns
    -------
    list of (Winner, int)
        Lots of each, above 0, together at most `lots`.
    """
    if policy == "queue":
        taken, left = [], lots
        for winner in sorted(winners, key=lambda w: (-w.rank, w.row)):
            part = min(winner.lots, left)
            taken.append((winner, part))
            left -= part
        return [(winner, part) for winner, part in taken if part]
    capped = policy == "capped-pro-rata"
    caps = [min(w.lots, w.gain // cost) if capped and cost else w.lots for w in winners]
    weights = [w.gain if capped else w.equity for w in winners]
    parts = _proportional(weights, caps, min(lots, sum(caps)))
    return [(winner, part) for winner, part in zip(winners, parts, strict=True) if part]


def _proportional(weights: Sequence[int], caps: Sequence[int], total: int) -> list[int]:
    """Whole parts in proportion to weights, none above its cap, together `total`."""
    parts = [0] * len(weights)
    left = total
    while left:
        room = [k for k, cap in enumerate(caps) if parts[k] < cap]
        whole = sum(weights[k] for k in room)
        wanted = [(left * weights[k] // whole, -(left * weights[k] % whole), k) for k in room]
        before = left
        for part, _, k in wanted:
            give = min(part, caps[k] - parts[k])
            parts[k] += give
            left -= give
        if left == before:  # less than a lot each: the largest remainders first
            for _, _, k in sorted(wanted, key=lambda w: (w[1], w[2]))[:left]:
                parts[k] += 1
                left -= 1
    return parts
