"""Replay given price paths on given accounts in plain floats: who is liquidated, when, for how much.

The yardstick of the fit: fast, vectorised over accounts, prices exogenous. There is no book, no gas, no
competition and no feedback of sales on prices; a due liquidation happens in the slot in which it becomes
possible. The simulator has all of those; the fit needs a response it can evaluate a thousand times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

#: A price fall of half passes the close factor a handful of times; more rounds in one slot are dust.
MAX_ROUNDS = 6


@dataclass(frozen=True, eq=False)
class ReplayAccounts:
    """Accounts as arrays; n accounts, c collaterals.

    Attributes
    ----------
    collateral_usd : ndarray, shape (n, c)
        Value at relative price 1.
    debt_usd : ndarray, shape (n,)
        Stable debt.
    alert_level, target_health, delay_slots : ndarray, shape (n,)
        Reaction; an alert level of 0 never reacts.
    path_of : ndarray of int, shape (n,)
        Which price path an account lives on.
    reset_slot, reset_health, reset_alert_level : ndarray, shape (n,)
        When the owner sets the position anew (infinite: never), to which health factor, and the alert
        level from then on.
    """

    collateral_usd: FloatArray
    debt_usd: FloatArray
    alert_level: FloatArray
    target_health: FloatArray
    delay_slots: FloatArray
    path_of: npt.NDArray[np.int64]
    reset_slot: FloatArray
    reset_health: FloatArray
    reset_alert_level: FloatArray


@dataclass(frozen=True)
class LendingRule:
    """Fixed-spread rule of Aave v2 by collateral: thresholds, bonuses (fractions), close factor."""

    liquidation_threshold: tuple[float, ...]
    bonus: tuple[float, ...]
    close_factor: float = 0.5


def replay(
    accounts: ReplayAccounts, relative_prices: FloatArray, rule: LendingRule, slots_per_hour: int
) -> FloatArray:
    """Debt repaid by liquidators, by account, collateral and hour.

    Parameters
    ----------
    accounts
        State at the start.
    relative_prices : ndarray, shape (n_paths, n_slots, c)
        Collateral prices over those at the start.
    rule
        Liquidation threshold, bonus, close factor.
    slots_per_hour
        Slots of the path in an hour.

    Returns
    -------
    ndarray, shape (n, c, n_slots / slots_per_hour)
        USD repaid, by the collateral seized.

    Notes
    -----
    In a slot: every account below a health factor of 1 loses ``close_factor`` of its debt against its
    largest collateral (value repaid x (1 + bonus), at most what is there), repeatedly while it stays
    below 1; then solvent accounts whose reset is due move collateral in or out, alarms whose delay has
    passed restore the target health with added collateral, and accounts below their alert level start a
    new delay.
    """
    threshold, bonus = np.array(rule.liquidation_threshold), np.array(rule.bonus)
    value, debt = accounts.collateral_usd.copy(), accounts.debt_usd.copy()
    n_accounts, n_collateral = value.shape
    n_slots = relative_prices.shape[1]
    due = np.full(n_accounts, np.inf)
    repaid = np.zeros((n_accounts, n_collateral, n_slots // slots_per_hour))
    alert, target = accounts.alert_level.copy(), accounts.target_health.copy()
    reacts = alert > 0
    order = np.argsort(accounts.reset_slot, kind="stable")
    reset_slots = accounts.reset_slot[order]
    for slot in range(n_slots):
        prices = relative_prices[accounts.path_of, slot, :]
        power = np.einsum("ij,ij,j->i", value, prices, threshold)
        for _ in range(MAX_ROUNDS):
            hit = np.flatnonzero(power < debt * (1.0 - 1e-12))
            hit = hit[debt[hit] > 1e-9]
            if hit.size == 0:
                break
            worth = value[hit] * prices[hit]
            seized = np.argmax(worth, axis=1)
            held = worth[np.arange(hit.size), seized]
            amount = np.minimum(rule.close_factor * debt[hit], held / (1.0 + bonus[seized]))
            repaid[hit, seized, slot // slots_per_hour] += amount
            value[hit, seized] -= amount * (1.0 + bonus[seized]) / prices[hit, seized]
            debt[hit] -= amount
            power[hit] = np.einsum("ij,ij,j->i", value[hit], prices[hit], threshold)
        resetting = order[
            np.searchsorted(reset_slots, slot - 1, "right") : np.searchsorted(reset_slots, slot, "right")
        ]
        # Who owes more than the collateral is worth has nothing to set or to defend.
        resetting = resetting[_solvent(value, prices, debt, resetting)]
        _lift(value, power, resetting, accounts.reset_health[resetting] * debt[resetting] / power[resetting])
        alert[resetting] = accounts.reset_alert_level[resetting]
        target[resetting] = np.maximum(accounts.reset_health[resetting], alert[resetting])
        due[resetting] = np.inf
        acting = np.flatnonzero(due <= slot)
        due[acting] = np.inf
        acting = acting[_solvent(value, prices, debt, acting)]
        _lift(value, power, acting, np.maximum(target[acting] * debt[acting] / power[acting], 1.0))
        alarmed = reacts & np.isinf(due) & (power < alert * debt)
        due[alarmed] = slot + accounts.delay_slots[alarmed]
    return repaid


def _solvent(
    value: FloatArray, prices: FloatArray, debt: FloatArray, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    worth = np.einsum("ij,ij->i", value[rows], prices[rows])
    return np.asarray((worth > debt[rows]) & (debt[rows] > 1e-9))


def _lift(value: FloatArray, power: FloatArray, rows: npt.NDArray[np.int64], factor: FloatArray) -> None:
    value[rows] *= factor[:, None]
    power[rows] *= factor
