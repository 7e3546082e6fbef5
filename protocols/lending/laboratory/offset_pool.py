"""Accounts paid off by the deposits of a stability pool, which take the collateral (MODEL 1.5).

One pool of deposits for each pair of collateral and debt, with the accounts of Liquity's
(`protocols.lending.liquity.stability_pool`). What deposits do not cover stays on the account and
may be kicked again once there are deposits; Liquity would spread it over the other borrowers.
Deposits are made at the start and stay: nobody may withdraw them here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Reason
from ...fixed_point import MAX_UINT256, PERCENTAGE_FACTOR, RAY, WAD
from ...revert import Revert
from ..aave.state import Account
from ..liquity.stability_pool import StabilityPool
from ..pool import Kicked
from .auction_pool import AuctionPool

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

DEPOSITORS = 0
"""All depositors together, in the books of a stability pool."""


@dataclass(frozen=True, slots=True)
class OffsetRules:
    """What depositors give and get.

    Parameters
    ----------
    deposits : float
        At the start, as a share of what is owed of an asset against each collateral.
    penalty : int
        Collateral that depositors receive beyond what they pay; basis points.

    Raises
    ------
    ValueError
        If a number is negative.
    """

    deposits: float
    penalty: int

    def __post_init__(self) -> None:
        if self.deposits < 0 or self.penalty < 0:
            raise ValueError(
                f"pool offset: deposits and penalty must not be negative, got {self.deposits}, {self.penalty}"
            )


class OffsetPool(AuctionPool[None]):
    """Depositors pay for every account that is kicked.

    Parameters
    ----------
    *args, **kwargs
        As in `LaboratoryPool`.
    pricing : OffsetRules
    """

    def __init__(self, *args: Any, pricing: OffsetRules, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pricing = pricing
        self.stability: dict[tuple[int, int], StabilityPool] = {}

    def open(self) -> None:
        """Start as Aave does, with deposits from outside."""
        super().open()
        n = len(self.reserves)
        held = self.positions.collateral[: self.lenders].astype(np.float64)
        values = np.array([self.thresholds[i] > 0.0 for i in range(n)], np.float64)
        main = (held * values / [float(r.unit) for r in self.market.reserves]).argmax(axis=1)
        for debt in range(n):
            for collateral in range(n):
                owed = int(self.positions.debt[: self.lenders, debt][main == collateral].sum())
                amount = int(owed * self.pricing.deposits)
                if amount and values[collateral] and collateral != debt:
                    pool = self.stability[collateral, debt] = StabilityPool()
                    pool.provide(DEPOSITORS, amount)
                    self.ledger.endow(debt, self.account, amount)

    def _begin(self, units: int, wanted: int, mark: int, now: int) -> None:
        return None

    def kick(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Let the deposits pay an account's largest debt, for its largest collateral.

        The kicker is paid tip and chip out of the collateral.

        Raises
        ------
        Revert
            If the account is healthy or rests, or there are no deposits; nothing has changed then.
        """
        now = self.start_s + now_s
        self._check_pace(row, now)
        collateral, debt = self._largest(row, now_s)
        health = self.health_factor(row, now_s)
        if health >= WAD:
            raise Revert("HEALTH_FACTOR_NOT_BELOW_THRESHOLD")
        pool = self.stability.get((collateral, debt))
        _, amount = self._size(row, collateral, debt, now_s)
        amount = min(amount, pool.deposited if pool is not None else 0)
        if pool is None or amount <= 0:
            raise Revert("StabilityPoolEmpty")
        mark, balance = self._mark(collateral, debt), self.collateral_units(row, collateral, now_s)
        due = amount * (PERCENTAGE_FACTOR + self.pricing.penalty) * RAY // (mark * PERCENTAGE_FACTOR)
        reward_debt = self.parts.keeper.reward(amount, self.prices[debt], self.market.reserves[debt].unit)
        reward = min(reward_debt * RAY // mark, balance)
        gained = min(due, balance - reward)
        units = gained + reward
        if self.reserves[collateral].available < units or units <= 0:
            raise Revert("not enough underlying in the pool")
        pool.offset(amount, gained)  # may refuse, before anything else has changed
        self._remember(row, collateral, debt)
        account = self._take(row)
        part = self._part(account.supplied, collateral, units, self._income(collateral, now))
        pledge = Account.empty(len(self.reserves))
        pledge.supplied[collateral] = part
        self.rules.repay(self.reserves, self.market, now, account, reserve=debt, amount=amount)
        whole = self.rules.atoken_balance(part, self._income(collateral, now)) <= units
        self.rules.withdraw(
            self.reserves,
            self.market,
            self.prices,
            now,
            pledge,
            reserve=collateral,
            amount=MAX_UINT256 if whole else units,
        )
        account.supplied[collateral] += pledge.supplied[collateral]
        self._put(row, account)
        self._last[row] = now
        if reward:
            self.ledger.transfer(collateral, self.account, kicker, reward, Reason.SEIZE)
        self._write_off(row, now)
        return Kicked(
            debt=((debt, amount),),
            collateral=((collateral, units),),
            reward=((collateral, reward),) if reward else (),
            health_factor=health,
        )

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return tip and chip where there are deposits, USD."""
        hopes = super().kick_rewards_usd(rows, collateral_usd, debt_usd)
        filled = {pair for pair, pool in self.stability.items() if pool.deposited}
        for k, row in enumerate(rows.tolist()):
            try:
                pair = self._largest(row, 0)
            except Revert:
                pair = (-1, -1)
            if pair not in filled:
                hopes[k] = 0.0
        return hopes

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account, some reserves and the deposits; the result restores them."""
        before, stability = super().checkpoint(row, assets), deepcopy(self.stability)

        def restore() -> None:
            before()
            self.stability = stability

        return restore

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what groups own; deposits and what they have earned are the depositors'."""
        claims = super().claims(now_s)
        claims["depositors"] = np.array([float(self._deposits_in(a)) for a in range(len(self.prices))])
        return claims

    def _deposits_in(self, asset: int) -> int:
        total = 0
        for (collateral, debt), pool in self.stability.items():
            total += pool.deposited if debt == asset else 0
            total += pool.collateral if collateral == asset else 0
        return total

    def _set_aside(self, asset: int) -> int:
        return super()._set_aside(asset) + self._deposits_in(asset)
