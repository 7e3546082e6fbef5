"""A crowd on the ticks of Fluid's vaults: who is in which group, and what a liquidation leaves to each.

A vault knows groups and no positions. This keeps the members of every group and, where a vault has
done something to a group, lets the arrays follow, all members at once. Whatever it writes is
remembered before, so that it can be undone. It knows no prices and no books.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...positions import Positions
from ...revert import Revert
from .parts import part_down, part_up
from .vault import MIN_DEBT, FluidVault, Liquidation, debt_on_tick, join, tick_of, with_totals

Integers = NDArray[np.int64]
Pair = tuple[int, int]
"""Collateral and loan asset."""
Rows = tuple[Integers, Integers, Integers, NDArray[np.int32]]
"""Accounts, their amounts, debts on ticks, and groups."""

NOBODY = -1


class TickCrowd:
    """Positions of a crowd by vault and group.

    Parameters
    ----------
    positions : Positions
        Collateral, and raw net debt; one of each for an account.

    Attributes
    ----------
    vaults : dict
        By pair.
    pair_of, group_of : ndarray
        Code of each account's pair, and its group there; `NOBODY` for none.
    tick_debt : int64 ndarray
        Raw debt of each account on its tick or in its group, dust included.
    members : dict
        Accounts by pair and group.
    log : list
        What changed accounts were before, in the order of the changes.
    """

    def __init__(self, positions: Positions) -> None:
        n = positions.n_accounts
        self.positions = positions
        self.vaults: dict[Pair, FluidVault] = {}
        self.pair_of: NDArray[np.int16] = np.full(n, NOBODY, np.int16)
        self.group_of: NDArray[np.int32] = np.full(n, NOBODY, np.int32)
        self.tick_debt: Integers = np.zeros(n, np.int64)
        self.members: dict[tuple[Pair, int], Integers] = {}
        self.log: list[Rows] = []
        self._ratios: dict[Pair, tuple[FluidVault, dict[int, int]]] = {}

    def enter(self, rows: int) -> None:
        """Put the first so many accounts of `positions` on the ticks of their vaults."""
        collateral, debt = self.positions.collateral[:rows], self.positions.debt[:rows]
        codes = collateral.argmax(axis=1) * self.positions.n_assets + debt.argmax(axis=1)
        self.pair_of[:rows] = np.where(debt.any(axis=1), codes, NOBODY)
        for pair, borrowers in self.borrowers():
            self.vaults[pair] = FluidVault()
            self.put_on_ticks(pair, borrowers)

    def checkpoint(self) -> Callable[[], None]:
        """Remember the vaults, and from now on whoever is changed; calling the result restores them."""
        vaults, members, length = dict(self.vaults), dict(self.members), len(self.log)

        def restore() -> None:
            self.vaults, self.members = dict(vaults), dict(members)
            while len(self.log) > length:
                rows, amounts, tick_debt, groups = self.log.pop()
                self.positions.amounts[rows] = amounts
                self.tick_debt[rows], self.group_of[rows] = tick_debt, groups
                self.positions.touched.update(rows.tolist())

        return restore

    def borrowers(self) -> Iterator[tuple[Pair, Integers]]:
        """Vaults in which somebody borrowed, with the rows of their borrowers."""
        for code in np.unique(self.pair_of).tolist():
            if code != NOBODY:
                yield divmod(code, self.positions.n_assets), np.flatnonzero(self.pair_of == code)

    def pair(self, row: int) -> Pair | None:
        """Return the vault in which an account owes something."""
        if self.group_of[row] == NOBODY:
            return None
        return divmod(int(self.pair_of[row]), self.positions.n_assets)

    def ratio(self, row: int, pair: Pair) -> int:
        """Debt over collateral of an account as its vault sees it, 96 fractional bits."""
        vault, known = self.vaults[pair], self._ratios.get(pair)
        if known is None or known[0] is not vault:
            known = self._ratios[pair] = vault, {group.number: group.ratio for group in vault.groups}
        return known[1][int(self.group_of[row])]

    def put_on_ticks(self, pair: Pair, rows: Integers) -> None:
        """Place the positions of a vault at the start, tick by tick."""
        collateral, net = self.positions.collateral[rows, pair[0]], self.positions.debt[rows, pair[1]]
        ticks = np.floor(np.log(net / collateral) / np.log(1.0015)).astype(np.int64) + 1
        waiting: Integers = np.arange(len(rows))
        while len(waiting):
            late: list[Integers] = []
            for tick in np.unique(ticks[waiting]).tolist():
                here = waiting[ticks[waiting] == tick]
                on_tick = [debt_on_tick(tick, held) for held in collateral[here].tolist()]
                owed = np.array(on_tick, np.int64)
                enough = owed >= net[here]
                late.append(here[~enough])
                self._join(pair, tick, rows[here[enough]], owed[enough])
            waiting = np.concatenate(late)
            ticks[waiting] += 1

    def move(self, row: int, pair: Pair, net: int, collateral: int) -> None:
        """Take a position off its tick or group and put it where its new amounts belong."""
        if 0 < net < MIN_DEBT:
            raise Revert("Vault__UserDebtTooLow")
        tick = tick_of(net, collateral) if net else 0
        rows = np.array([row])
        self.remember(rows)
        self._leave(row, pair)
        self.positions.debt[row, pair[1]], self.positions.collateral[row, pair[0]] = net, collateral
        self.tick_debt[row], self.group_of[row] = 0, NOBODY
        if net:
            self._join(pair, tick, rows, np.array([debt_on_tick(tick, collateral)]))

    def take_over(self, pair: Pair, above: Sequence[int]) -> tuple[int, int]:
        """Close the positions of absorbed groups; return their net raw debt and their collateral."""
        debt = collateral = 0
        for number in above:
            rows = self.members.pop((pair, number))
            self.remember(rows)
            debt += int(self.positions.debt[rows, pair[1]].sum())
            collateral += int(self.positions.collateral[rows, pair[0]].sum())
            self.positions.debt[rows, pair[1]] = self.positions.collateral[rows, pair[0]] = 0
            self.tick_debt[rows], self.group_of[rows] = 0, NOBODY
        return debt, collateral

    def follow(self, pair: Pair, done: Liquidation) -> tuple[int, int]:
        """Let the arrays follow what a liquidation did; return what positions owe and have less."""
        fewer_debt = fewer = 0
        stay: list[Integers] = []
        for number, debt_left, collateral_left in done.merged:
            rows = self.members.pop((pair, number))
            self.remember(rows)
            debt, collateral = self.positions.debt[rows, pair[1]], self.positions.collateral[rows, pair[0]]
            tick_debt = part_up(self.tick_debt[rows], debt_left)
            net = np.maximum(debt - (self.tick_debt[rows] - tick_debt), 0)
            put_up = part_down(collateral, collateral_left)
            fewer_debt, fewer = fewer_debt + int((debt - net).sum()), fewer + int((collateral - put_up).sum())
            self.positions.debt[rows, pair[1]], self.positions.collateral[rows, pair[0]] = net, put_up
            self.tick_debt[rows] = np.where(net > 0, tick_debt, 0)
            self.group_of[rows] = np.where(net > 0, done.into, NOBODY)
            stay.append(rows[net > 0])
        if stay:
            self.members[pair, done.into] = np.concatenate(stay)
            self._set_totals(pair, done.into)
        return fewer_debt, fewer

    def remember(self, rows: Integers) -> None:
        """Keep what accounts are before a change."""
        before = self.positions.amounts[rows], self.tick_debt[rows], self.group_of[rows]
        self.log.append((rows, *before))
        self.positions.touched.update(rows.tolist())

    def _join(self, pair: Pair, tick: int, rows: Integers, tick_debt: Integers) -> None:
        """Put positions on a tick; their amounts are in `positions`."""
        if not len(rows):
            return
        self.tick_debt[rows] = tick_debt
        put_up = int(self.positions.collateral[rows, pair[0]].sum())
        self.vaults[pair], number = join(self.vaults[pair], tick, int(tick_debt.sum()), put_up)
        self.group_of[rows] = number
        others = self.members.get((pair, number))
        self.members[pair, number] = rows if others is None else np.concatenate((others, rows))

    def _leave(self, row: int, pair: Pair) -> None:
        number = int(self.group_of[row])
        others = self.members[pair, number]
        self.members[pair, number] = others[others != row]
        self._set_totals(pair, number)

    def _set_totals(self, pair: Pair, number: int) -> None:
        """Let a group's totals be those of its members."""
        rows = self.members[pair, number]
        debt = int(self.tick_debt[rows].sum())
        put_up = int(self.positions.collateral[rows, pair[0]].sum())
        self.vaults[pair] = with_totals(self.vaults[pair], number, debt, put_up)
        if not debt:
            del self.members[pair, number]
