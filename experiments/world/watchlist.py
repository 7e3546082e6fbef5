"""Who may be liquidated now: the short list that all bots read.

The health screen reports accounts that have come down to their level. Those
below 1 and worth their gas are listed; those not worth it sleep until gas falls;
the others are handed to their cohorts as alerted.
"""

from __future__ import annotations

import math
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents.base import Opportunity
from ...protocols.fixed_point import WAD
from ...protocols.health import HealthScreen, Sleepers
from ...protocols.lending.pool import ESTIMATE, LendingPool, Quotes
from ...protocols.positions import Positions
from .watchlist_kernels import (
    ABOVE,
    ALERTED,
    FRESH,
    N_HEALED,
    N_KEPT,
    N_LISTED,
    N_POOR,
    doubtful,
    sort_due,
    sort_out,
)

LISTED = 16
"""Opportunities that are published at most, the most rewarding first."""

NEWS = 1.05
"""Growth of the listed reward, or fall of gas, that makes bots look again."""

_SPARE = 1e-5
"""Caution of the screen beyond the rounding it knows of, as a fraction."""

Integers = NDArray[np.int64]


class WatchList:
    """Eligible accounts of one pool.

    Parameters
    ----------
    pool : LendingPool
    alert_levels : float64 ndarray, shape (n_borrowers,)
        Health factor at which each borrower wants to be told; below 1 for never.
    protocol : int
        Number of the pool in its world.

    Attributes
    ----------
    values, debt_values : float64 ndarray, shape (n_assets,)
        USD per scaled base unit of collateral and of debt, as of the last reprice.
    n_listed : int
        How many accounts the published list holds.
    """

    def __init__(self, pool: LendingPool, alert_levels: NDArray[np.float64], protocol: int = 0) -> None:
        self.pool = pool
        self.protocol = protocol
        self._alert_levels = np.append(np.maximum(alert_levels, 1.0), -1.0)  # the lenders owe nothing
        self._next_levels = self._alert_levels.copy()  # 1 for those who have been told
        self.screen = HealthScreen(pool.positions, self._alert_levels)
        self.sleepers = Sleepers(len(self._alert_levels))
        self.eligible_since: NDArray[np.float64] = np.full(len(self._alert_levels), np.nan)
        self.awake: Integers = np.empty(0, np.int64)
        self.n_listed = 0
        self._listing: tuple[list[Any], ...] = ()
        self._opportunities: list[Opportunity] | None = None
        self.version = 0
        self._news: tuple[frozenset[int], float, float] = (frozenset(), 0.0, 0.0)
        self.values: NDArray[np.float64] = np.zeros(len(pool.bonus))
        self.debt_values: NDArray[np.float64] = np.zeros(len(pool.bonus))
        self._stale = False
        self._counts = np.zeros(4, np.int64)
        self._list([], [], [], [], [], [], [])
        self._caution = pool.caution + _SPARE
        self._compile()

    def reprice(self, now_s: float) -> Integers:
        """Screen at the pool's present prices and indices; return borrowers newly alerted.

        Accounts whose position changed are looked at first: the screen alone would
        take them without leaving the list, the sleepers or their old level.
        """
        moved = self.look()
        collateral, self.debt_values, self.values = self.pool.weights(int(now_s))
        self._caution = self.pool.caution + _SPARE
        self._stale = True
        fallen = self._sort(self.screen.reprice(collateral * (1.0 - self._caution), self.debt_values))
        return np.concatenate((moved, fallen)) if len(moved) else fallen

    def look(self) -> Integers:
        """Look at accounts whose position changed; return borrowers newly alerted."""
        rows = self.pool.positions.take_touched()
        if not len(rows):
            return rows
        self._stale = True
        self.sleepers.remove_all(rows)
        if len(self.awake):
            self.awake = self.awake[np.isin(self.awake, rows, invert=True, kind="table")]
        return self._sort(self.screen.touch(rows, self._next_levels[rows]))

    def calm(self, rows: Integers | list[int]) -> None:
        """Let borrowers be told again once they come down to their alert level anew."""
        if not len(rows):
            return
        self._next_levels[rows] = self._alert_levels[rows]
        self.pool.positions.mark(rows)

    def set_alert(self, row: int, level: float) -> None:
        """Give a borrower a new alert level, below 1 for never, and let it be told again."""
        self._alert_levels[row] = self._next_levels[row] = max(level, 1.0)
        self.pool.positions.touched.add(row)

    def refresh(self, gas_usd: float, now_s: float) -> None:
        """Renew the published list if accounts, prices or gas have changed.

        Parameters
        ----------
        gas_usd : float
            Least that a liquidation call costs in gas, USD.
        now_s : float
        """
        woken = self.sleepers.wake(gas_usd)
        if len(woken):
            self._rouse(woken)
            self._stale = True
        if not self._stale:
            return
        self._stale = self.pool.paced and len(self.awake) > 0  # who rests is looked at in every block
        if not len(self.awake):
            self._list([], [], [], [], [], [], [])
            return
        pool, awake = self.pool, self.awake
        places = np.empty((4, len(awake)), np.int64)
        spared = np.zeros(len(awake), np.bool_)
        if pool.soft:  # quotes say what a call takes and pays
            health, repays = self.screen.health(awake), np.zeros(len(awake))
            rewards = np.full(len(awake), gas_usd)
            collaterals, debts = pool.pairs(awake)
        else:
            best = pool.best_calls(self.screen, awake, self.values)
            health, rewards, repays = best.health_factor, best.bonus_usd, best.repay_usd
            collaterals, debts = best.collateral_asset, best.debt_asset
            if pool.kicked:
                held = pool.positions.collateral[awake] @ self.values
                repays = pool.positions.debt[awake] @ self.debt_values
                rewards = pool.kick_rewards_usd(awake, held, repays)
            for i in places[0, : doubtful(health, 1.0 - 4.0 * self._caution, places[0])].tolist():
                spared[i] = pool.health_factor(int(awake[i]), int(now_s)) >= WAD
        ranks, bonuses, least = rewards, None, None
        if pool.paced or pool.soft:
            spared |= pool.resting(awake, int(now_s))
        if pool.soft:
            self.eligible_since[awake[spared]] = np.nan
        if pool.quoted:
            worth = np.flatnonzero(((rewards >= gas_usd) | pool.batched) & (health < 1.0) & ~spared)
            quotes = _quotes(pool, awake[worth], collaterals[worth], debts[worth], gas_usd, int(now_s))
            repays, ranks = repays.copy(), rewards.copy()
            bonuses, least = np.zeros(len(awake)), np.zeros(len(awake))
            repays[worth], bonuses[worth], least[worth] = quotes.repay_usd, quotes.bonus, quotes.least_usd
            ranks[worth] = np.maximum(
                quotes.repay_usd * quotes.bonus, gas_usd
            )  # worth it at best: stays awake
            spared[worth] |= quotes.repay_usd <= 0.0
        sort_out(
            awake, health, ranks, spared, self.eligible_since,
            gas_usd, now_s, LISTED, places, self._counts,
        )  # fmt: skip
        n_listed, n_poor, n_healed, n_kept = self._counts.tolist()
        if n_healed:
            self.screen.touch(awake[places[N_HEALED, :n_healed]], 1.0 - 1e-9)
        if n_poor:
            poor = places[N_POOR, :n_poor]
            self.sleepers.sleep(awake[poor], rewards[poor])
        listed = places[N_LISTED, :n_listed]
        repay = repays[listed].tolist()
        if bonuses is None or least is None:
            reward = rewards[listed].tolist()
            bonus = [won / paid if paid > 0.0 else 0.0 for won, paid in zip(reward, repay, strict=True)]
            least_usd = [0.0] * n_listed
        else:
            bonus, least_usd = bonuses[listed].tolist(), least[listed].tolist()
        self._list(
            awake[listed].tolist(),
            health[listed].tolist(),
            collaterals[listed].tolist(),
            debts[listed].tolist(),
            repay,
            bonus,
            least_usd,
        )
        self._announce(gas_usd)
        self.awake = awake[places[N_KEPT, :n_kept]]

    @property
    def opportunities(self) -> list[Opportunity]:
        """The published list, made when somebody reads it."""
        if self._opportunities is None:
            pool = self.pool
            self._opportunities = [
                Opportunity(
                    account, health, collateral, debt, repay, bonus,
                    self.protocol, pool.kicked, pool.kick_pays, least_usd, repay * pool.stake_share,
                )
                for account, health, collateral, debt, repay, bonus, least_usd in zip(
                    *self._listing, strict=True
                )
            ]  # fmt: skip
        return self._opportunities

    def _list(self, accounts: list[int], *columns: list[Any]) -> None:
        """Publish accounts with their health, collateral, debt, repayment, bonus and least repayment."""
        self._listing = (accounts, *columns)
        self._opportunities = None
        self.n_listed = len(accounts)

    def _compile(self) -> None:
        """Have the kernels compiled, or loaded, before the first block, on a crowd of one."""
        bonus = self.pool.bonus
        one = Positions(1, len(bonus))
        screen = HealthScreen(one, [1.0])
        screen.reprice(np.ones(len(bonus)), np.ones(len(bonus)))
        nobody = np.zeros(1, np.int64)
        screen.touch(nobody)
        screen.touch(nobody, nobody.astype(np.float64))
        screen.opportunities(nobody, bonus, bonus, 0.5)
        sleepers = Sleepers(1)
        sleepers.sleep(nobody, np.ones(1))
        sleepers.wake(0.5)
        sleepers.remove_all(nobody)
        none = np.zeros(0)
        doubtful(none, 1.0, nobody)
        sort_due(nobody[:0], none, self._next_levels, np.zeros((3, 0), np.int64), self._counts)
        sort_out(
            nobody[:0], none, none, none < 0, none, 0.0, 0.0, LISTED, np.zeros((4, 0), np.int64), self._counts
        )

    def _rouse(self, accounts: Integers) -> None:
        """Add accounts, none of them awake already, to the awake ones in ascending order."""
        self.awake = np.concatenate((self.awake, accounts))
        self.awake.sort()

    def _announce(self, gas_usd: float) -> None:
        """Count a new version if there is news: another account, a richer reward, cheaper gas."""
        accounts = frozenset(self._listing[0])
        reward = math.fsum(map(mul, self._listing[4], self._listing[5]))
        known, before, gas = self._news
        if accounts - known or reward > NEWS * before or gas_usd * NEWS < gas:
            self.version += 1
            self._news = (accounts, reward, gas_usd)
        elif accounts != known:
            self._news = (accounts, min(reward, before), gas)

    def _sort(self, due: Integers) -> Integers:
        """Put accounts below 1 on the list and queue the others at 1; return those newly alerted."""
        if not len(due):
            return due
        parts = np.empty((3, len(due)), np.int64)
        sort_due(due, self.screen.health(due), self._next_levels, parts, self._counts)
        fresh, above, alerted, _ = self._counts.tolist()
        if fresh:
            self._rouse(parts[FRESH, :fresh])
        if above:
            self.screen.touch(parts[ABOVE, :above], 1.0 - 1e-9)
        return parts[ALERTED, :alerted]


def _quotes(
    pool: LendingPool, rows: Integers, collaterals: Integers, debts: Integers, gas_usd: float, now_s: int
) -> Quotes:
    """Terms of a call on each account: of the rule itself for those that may be listed, else estimates."""
    found = pool.estimate(rows, collaterals, debts, now_s) if len(rows) > LISTED else None
    if found is None:
        return pool.quote(rows, collaterals, debts, now_s)
    asked = np.flatnonzero(_may_be_listed(found, gas_usd))
    exact = pool.quote(rows[asked], collaterals[asked], debts[asked], now_s)
    for estimates, terms in zip(found, exact, strict=True):
        estimates[asked] = terms
    return found


def _may_be_listed(quotes: Quotes, gas_usd: float) -> NDArray[np.bool_]:
    """Whom exact terms could bring onto the list; those not worth their gas rank alike, in order."""
    gain, off = quotes.repay_usd * quotes.bonus, ESTIMATE * quotes.repay_usd
    known = np.isfinite(gain)
    most, least = np.maximum(gain + off, gas_usd), np.maximum(gain - off, gas_usd)[known]
    enough = len(least) >= LISTED
    cut = np.partition(least, -LISTED)[-LISTED] if enough else gas_usd
    asked = ~known | ((most >= cut) & (most > gas_usd))
    if cut <= gas_usd:
        asked[np.flatnonzero(~asked)[:LISTED]] = True
    return asked
