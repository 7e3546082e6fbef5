"""Which accounts a price would make liquidatable that are sound at the price before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.base import Opportunity
from ...protocols.fixed_point import WAD
from ...protocols.health import HealthScreen
from ...protocols.lending.pool import LendingPool
from ...protocols.positions import Positions
from .watchlist import LISTED

Weights = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def uncovered_accounts(
    pool: LendingPool, protocol: int, before: Weights, now_s: float, gas_usd: float
) -> list[Opportunity]:
    """Return accounts that may be called at the pool's present prices and could not at those before.

    Parameters
    ----------
    pool : LendingPool
        One that liquidators call.
    protocol : int
        Its number in the world.
    before : tuple of ndarray
        What `LendingPool.weights` said at the prices before.
    now_s : float
    gas_usd : float
        Least that a call costs; accounts that bring less are left out.

    Returns
    -------
    list of Opportunity
        At most `LISTED`, the most rewarding first.
    """
    now, positions, n = int(now_s), pool.positions, pool.lenders
    collateral, debt, values = pool.weights(now)
    owed = positions.debt[:n] @ debt
    fallen = (owed > 0.0) & (positions.collateral[:n] @ collateral * (1.0 - pool.caution) < owed)
    sound = positions.collateral[:n] @ before[0] >= positions.debt[:n] @ before[1]
    rows = np.flatnonzero(fallen & sound)
    if not len(rows):
        return []
    some = Positions(len(rows), positions.n_assets)
    some.amounts[:] = positions.amounts[rows]
    screen = HealthScreen(some, np.ones(len(rows)))
    screen.reprice(collateral, debt)
    best = pool.best_calls(screen, np.arange(len(rows)), values)
    repay, reward, least = best.repay_usd, best.bonus_usd, np.zeros(len(rows))
    if pool.quoted:
        quotes = pool.quote(rows, best.collateral_asset, best.debt_asset, now)
        repay, least = quotes.repay_usd, quotes.least_usd
        reward = repay * quotes.bonus
    rests = pool.resting(rows, now) if pool.paced else np.zeros(len(rows), np.bool_)
    worth = np.flatnonzero((reward >= gas_usd) & (repay > 0.0) & ~rests)
    found: list[Opportunity] = []
    for k in worth[np.argsort(-reward[worth], kind="stable")].tolist():
        if len(found) == LISTED:
            break
        account = int(rows[k])
        if pool.health_factor(account, now) < WAD:
            found.append(Opportunity(
                account, float(best.health_factor[k]), int(best.collateral_asset[k]),
                int(best.debt_asset[k]), float(repay[k]), float(reward[k] / repay[k]), protocol,
                least_usd=float(least[k]),
            ))  # fmt: skip
    return found
