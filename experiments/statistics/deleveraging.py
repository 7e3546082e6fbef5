"""Figures of a deleveraging: how much was taken, how much too much, from whom, and when (MODEL 2.2)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..contagion.measures.concentration import gini


class DeleveragingFigures(NamedTuple):
    """What a deleveraging did to the winners.

    Attributes
    ----------
    total : float
        Taken from all.
    overshoot : float
        Taken less needed (CASES E04).
    overshoot_ratio : float
        Taken over needed; not a number if nothing was needed.
    largest_haircut : float
        Largest share of its capacity that one account lost.
    gini : float
        Of these shares over accounts that could have given: 0 if all lost the same share.
    broken_hedges : float
        Share of hedged accounts that lost a part of their hedge; 0 if none was hedged.
    """

    total: float
    overshoot: float
    overshoot_ratio: float
    largest_haircut: float
    gini: float
    broken_hedges: float


def deleveraging_figures(
    taken: ArrayLike, needed: float, capacity: ArrayLike, hedged: ArrayLike | None = None
) -> DeleveragingFigures:
    """Summarise what was taken.

    Parameters
    ----------
    taken : array_like, shape (n,)
        Base units, USD or lots that each account gave.
    needed : float
        In the same unit.
    capacity : array_like, shape (n,)
        What each could have given; accounts without any do not count in haircuts.
    hedged : array_like of bool, shape (n,), optional
        Whether the position taken from was the hedge of another.
    """
    amounts = np.asarray(taken, np.float64)
    room = np.asarray(capacity, np.float64)
    total = float(amounts.sum())
    haircuts = amounts[room > 0.0] / room[room > 0.0]
    hedge = np.zeros(len(amounts), bool) if hedged is None else np.asarray(hedged, bool)
    return DeleveragingFigures(
        total=total,
        overshoot=total - needed,
        overshoot_ratio=total / needed if needed else float("nan"),
        largest_haircut=float(haircuts.max(initial=0.0)),
        gini=gini(haircuts) if haircuts.sum() > 0.0 else 0.0,
        broken_hedges=float((amounts[hedge] > 0.0).mean()) if hedge.any() else 0.0,
    )


class EpisodeFigures(NamedTuple):
    """What rounds of deleveraging did together (arXiv:2602.15182).

    Attributes
    ----------
    overshoot : float
        Taken beyond what was needed, over the rounds in which it was more.
    undershoot : float
        Needed and not taken, over the rounds in which it was less.
    regret : float
        Taken in each round times the distance of its largest haircut from the least possible one, at which
        all give the same share; what a rule does worse than the best choice of every round.
    largest_burden : float
        Largest sum of haircuts over the rounds that one account bore.
    gini : float
        Of these sums over accounts that could have given.
    """

    overshoot: float
    undershoot: float
    regret: float
    largest_burden: float
    gini: float


def episode_figures(taken: ArrayLike, needed: ArrayLike, capacity: ArrayLike) -> EpisodeFigures:
    """Summarise rounds of deleveraging.

    Parameters
    ----------
    taken, capacity : array_like, shape (n_rounds, n)
        What each account gave in each round and could have given, in one unit.
    needed : array_like, shape (n_rounds,)
        In the same unit.
    """
    amounts, room = np.atleast_2d(taken).astype(np.float64), np.atleast_2d(capacity).astype(np.float64)
    wanted, total = np.asarray(needed, np.float64), amounts.sum(axis=1)
    haircuts = amounts / np.where(room > 0.0, room, np.inf)
    least = total / np.maximum(room.clip(0.0).sum(axis=1), 1e-300)
    burdens = haircuts.sum(axis=0)[(room > 0.0).any(axis=0)]
    return EpisodeFigures(
        overshoot=float(np.maximum(total - wanted, 0.0).sum()),
        undershoot=float(np.maximum(wanted - total, 0.0).sum()),
        regret=float((total * (haircuts.max(axis=1, initial=0.0) - least)).sum()),
        largest_burden=float(burdens.max(initial=0.0)),
        gini=gini(burdens) if burdens.sum() > 0.0 else 0.0,
    )


class CascadeFigures(NamedTuple):
    """How liquidations turned into deleveraging (CASES E01 to E03).

    Attributes
    ----------
    deleveraged : float
        Notional closed by deleveraging.
    liquidated : float
        Notional liquidated.
    ratio : float
        The former over the latter; not a number if nothing was liquidated.
    top_share : float
        Share of the largest three instruments in what was deleveraged.
    delay_s : float
        From the first liquidation to the first deleveraging; not a number if there was none.
    liquidations_before : int
        Liquidations before the first deleveraging.
    """

    deleveraged: float
    liquidated: float
    ratio: float
    top_share: float
    delay_s: float
    liquidations_before: int


def cascade_figures(
    liquidation_times: ArrayLike,
    liquidation_notional: ArrayLike,
    deleveraging_times: ArrayLike,
    deleveraging_notional: ArrayLike,
    instruments: ArrayLike,
) -> CascadeFigures:
    """Summarise the fills of a cascade.

    Parameters
    ----------
    liquidation_times, deleveraging_times : array_like, shape (n,) and (m,)
        Seconds, in any order.
    liquidation_notional, deleveraging_notional : array_like, shape (n,) and (m,)
        USD of each fill.
    instruments : array_like, shape (m,)
        What each deleveraging fill was in.
    """
    times = np.asarray(liquidation_times, np.float64)
    later = np.asarray(deleveraging_times, np.float64)
    notional = np.asarray(deleveraging_notional, np.float64)
    deleveraged, liquidated = float(notional.sum()), float(np.sum(liquidation_notional))
    _, column = np.unique(np.asarray(instruments), return_inverse=True)
    by_instrument = np.sort(np.bincount(column, notional))[::-1] if len(notional) else np.zeros(1)
    nan = float("nan")
    return CascadeFigures(
        deleveraged=deleveraged,
        liquidated=liquidated,
        ratio=deleveraged / liquidated if liquidated else nan,
        top_share=float(by_instrument[:3].sum() / deleveraged) if deleveraged else nan,
        delay_s=float(later.min() - times.min()) if len(later) and len(times) else nan,
        liquidations_before=int((times < later.min()).sum()) if len(later) else len(times),
    )
