"""Liquity's books over a crowd: troves kept in arrays, so that a million cost what arrays cost.

The rules take one trove out of the arrays at a time, as `Trove`, and put it back. What a
redistribution adds to every trove is written into the arrays in one exact pass, so that
whoever screens positions sees it. Amounts are base units of the simulated assets: the rules
count in a token's smallest unit, whatever its decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...fixed_point import WAD
from ...positions import Positions
from .journal import Journal
from .parameters import LiquityParameters
from .troves import LiquitySystem, Trove

Integers = NDArray[np.int64]

NO_SYSTEM = -1

_EXACT_BELOW = 2.0**50
"""Results up to here are found from a float64 estimate that is off by one or two at most."""

_TIES = 1e-12
"""Ratios in float64 this close, as a fraction, are compared exactly."""

_BOOKS = (
    "active_debt", "active_collateral", "default_debt", "default_collateral", "collateral_per_stake",
    "debt_per_stake", "collateral_error", "debt_error", "total_stakes", "total_stakes_snapshot",
    "total_collateral_snapshot", "unowned_debt", "unowned_collateral", "roundings",
)  # fmt: skip
_POOL = ("deposited", "collateral", "product", "scale", "epoch", "collateral_error", "loss_error")


class Crowd:
    """What is known of every account beside its position; rows are those of `positions`.

    Parameters
    ----------
    positions : Positions
    debt_asset : int
        Column of the stablecoin.

    Attributes
    ----------
    system_of : int8 ndarray, shape (n_accounts,)
        Collateral asset of the account's trove, -1 without one.
    stakes : int64 ndarray, shape (n_accounts,)
        Weight in redistributions, base units.
    pending : int64 ndarray, shape (n_accounts, 2)
        Part of the position, collateral and debt, that redistributions have added since the
        trove was touched; base units.
    marks : int32 ndarray, shape (n_accounts,)
        Redistributions of its system before the trove was last touched.
    set_aside : int64 ndarray, shape (n_accounts,)
        Put down by the owner for whoever liquidates the trove, base units of the gas asset.
    journal : Journal
    before : dict
        Rows changed since it was last cleared -> amounts as they were then.
    spread_out : bool
        Whether a redistribution has changed rows that `before` does not name.
    """

    def __init__(self, positions: Positions, debt_asset: int) -> None:
        n = positions.n_accounts
        self.positions = positions
        self.debt_asset = debt_asset
        self.system_of: NDArray[np.int8] = np.full(n, NO_SYSTEM, np.int8)
        self.stakes: Integers = np.zeros(n, np.int64)
        self.pending: Integers = np.zeros((n, 2), np.int64)
        self.marks: NDArray[np.int32] = np.zeros(n, np.int32)
        self.set_aside: Integers = np.zeros(n, np.int64)
        self.journal = Journal()
        self.before: dict[int, list[int]] = {}
        self.spread_out = False

    def note(self, row: int) -> None:
        """Remember a row that is about to change."""
        amounts = self.positions.amounts[row].tolist()
        self.before.setdefault(row, amounts)
        self.positions.touched.add(row)
        system, stake, mark = self.system_of[row], self.stakes[row], self.marks[row]
        pending, set_aside = self.pending[row].copy(), self.set_aside[row]

        def undo() -> None:
            self.positions.amounts[row] = amounts
            self.positions.touched.add(row)
            self.system_of[row], self.stakes[row], self.marks[row] = system, stake, mark
            self.pending[row], self.set_aside[row] = pending, set_aside

        self.journal.note(undo)


class CrowdTroves(MutableMapping[int, Trove]):
    """Active troves of one system, by row, read from and written to a crowd's arrays.

    Parameters
    ----------
    crowd : Crowd
    asset : int
        Collateral of the system.
    """

    def __init__(self, crowd: Crowd, asset: int) -> None:
        self.crowd = crowd
        self.asset = asset
        self.count = 0
        self._sums: list[tuple[int, int]] = [(0, 0)]

    def __contains__(self, row: object) -> bool:
        return isinstance(row, int) and self.crowd.system_of.item(row) == self.asset

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(self.rows().tolist())

    def __getitem__(self, row: int) -> Trove:
        if row not in self:
            raise KeyError(row)
        crowd = self.crowd
        pending, amounts = crowd.pending, crowd.positions
        return Trove(
            amounts.debt.item(row, crowd.debt_asset) - pending.item(row, 1),
            amounts.collateral.item(row, self.asset) - pending.item(row, 0),
            crowd.stakes.item(row),
            *self._sums[crowd.marks.item(row)],
        )

    def __setitem__(self, row: int, trove: Trove) -> None:
        if (trove.collateral_mark, trove.debt_mark) != self._sums[-1]:
            raise ValueError(f"trove {row} must be touched at the latest redistribution")
        crowd = self.crowd
        if crowd.system_of[row] not in (NO_SYSTEM, self.asset):
            raise ValueError(f"account {row} has a trove in another system")
        new = row not in self
        crowd.note(row)
        crowd.positions.collateral[row, self.asset] = trove.collateral
        crowd.positions.debt[row, crowd.debt_asset] = trove.debt
        crowd.system_of[row], crowd.stakes[row] = self.asset, trove.stake
        crowd.marks[row], crowd.pending[row] = len(self._sums) - 1, 0
        self.count += new

    def __delitem__(self, row: int) -> None:
        if row not in self:
            raise KeyError(row)
        crowd = self.crowd
        crowd.note(row)
        crowd.positions.collateral[row, self.asset] = 0
        crowd.positions.debt[row, crowd.debt_asset] = 0
        crowd.system_of[row], crowd.stakes[row], crowd.pending[row] = NO_SYSTEM, 0, 0
        self.count -= 1

    def rows(self) -> NDArray[np.intp]:
        """Rows of the active troves, ascending."""
        return np.flatnonzero(self.crowd.system_of == self.asset)

    def spread(self, collateral_per_stake: int, debt_per_stake: int) -> tuple[int, int]:
        """Write a redistribution into every row; return the collateral and debt that rows gained, base units.

        Parameters
        ----------
        collateral_per_stake, debt_per_stake : int
            The system's running sums after it, wad.
        """
        self._sums.append((collateral_per_stake, debt_per_stake))
        self.crowd.journal.note(self._unspread)
        return self._write_pending()

    def _unspread(self) -> None:
        self._sums.pop()
        self._write_pending()

    def _write_pending(self) -> tuple[int, int]:
        crowd, rows = self.crowd, self.rows()
        columns = (self.asset, crowd.positions.n_assets + crowd.debt_asset)
        now = self._sums[-1]
        gained = []
        for side, column in enumerate(columns):
            gaps = [now[side] - sums[side] for sums in self._sums]
            pending = times_wad(crowd.stakes[rows], gaps, crowd.marks[rows])
            change = pending - crowd.pending[rows, side]
            crowd.positions.amounts[rows, column] += change
            crowd.pending[rows, side] = pending
            gained.append(int(change.sum()))
        crowd.positions.mark(rows)
        crowd.spread_out = True
        return gained[0], gained[1]


class CrowdSystem(LiquitySystem):
    """The books of one system over a crowd; no sorted list, as the arrays can be sorted when needed.

    Parameters
    ----------
    parameters : LiquityParameters
    troves : CrowdTroves

    Attributes
    ----------
    unowned_debt, unowned_collateral : int
        What rounding down in redistributions has left with no trove; base units, as all amounts.
    roundings : int
        How often a trove's share of redistributions was rounded for good.
    """

    troves: CrowdTroves

    def __init__(self, parameters: LiquityParameters, troves: CrowdTroves) -> None:
        super().__init__(parameters, troves)
        self.unowned_debt = self.unowned_collateral = self.roundings = 0

    def start(self) -> None:
        """Enter the troves that the arrays hold: each stakes its collateral."""
        crowd, rows = self.troves.crowd, self.troves.rows()
        collateral = crowd.positions.collateral[rows, self.troves.asset]
        crowd.stakes[rows] = collateral
        self.troves.count = len(rows)
        self.active_collateral = self.total_stakes = int(collateral.sum())
        self.active_debt = int(crowd.positions.debt[rows, crowd.debt_asset].sum())

    def from_riskiest(self) -> Iterator[int]:
        """Active troves by collateral ratio, the riskiest first; ties go to the lower row."""
        crowd, rows = self.troves.crowd, self.troves.rows()
        ratios = crowd.positions.collateral[rows, self.troves.asset] / np.maximum(
            crowd.positions.debt[rows, crowd.debt_asset], 1
        )
        order = np.argsort(ratios, kind="stable")
        rows, ratios = rows[order], ratios[order]
        near = ratios[1:] <= ratios[:-1] * (1.0 + _TIES)
        start, n = 0, len(rows)
        while start < n:
            end = start + 1
            while end < n and near[end - 1]:
                end += 1
            group = rows[start:end].tolist()
            yield from group if len(group) == 1 else sorted(group, key=lambda r: (self.nominal_ratio(r), r))
            start = end

    def spread(self, debt: int, collateral: int) -> None:
        """Write a redistribution that the books hold already into the rows; base units."""
        gained_collateral, gained_debt = self.troves.spread(self.collateral_per_stake, self.debt_per_stake)
        self.unowned_collateral += collateral - gained_collateral
        self.unowned_debt += debt - gained_debt

    def note(self) -> None:
        """Remember the books before they change."""
        journal = self.troves.crowd.journal
        books = [getattr(self, name) for name in _BOOKS]
        pool = [getattr(self.pool, name) for name in _POOL]
        sums, deposits, count = dict(self.pool.sums), dict(self.pool.deposits), self.troves.count

        def undo() -> None:
            for name, value in zip(_BOOKS, books, strict=True):
                setattr(self, name, value)
            for name, value in zip(_POOL, pool, strict=True):
                setattr(self.pool, name, value)
            self.pool.sums, self.pool.deposits, self.troves.count = sums, deposits, count

        journal.note(undo)

    def misplaced(self) -> tuple[int, int]:
        """By how much unowned collateral and debt leave what rounding explains, base units; 0 and 0 if right.

        Each trove's share is rounded down by less than a unit while pending and once more
        each time it is touched, and the running sums by less than a unit together.
        """
        most = len(self.troves) + self.roundings + 1
        amounts = (self.unowned_collateral, self.unowned_debt)
        collateral, debt = (max(amount - most, -amount, 0) for amount in amounts)
        return collateral, debt

    def _enlist(self, trove_id: int, nominal_ratio: int) -> None:
        """Nothing: the arrays are sorted when somebody asks."""

    def _delist(self, trove_id: int) -> None:
        self.roundings += 1


def times_wad(stakes: Integers, factors: Sequence[int], which: NDArray[np.int32]) -> Integers:
    """Multiply and divide by a wad, rounding down, exactly: ``stakes * factors[which] // 1e18``.

    Parameters
    ----------
    stakes : int64 ndarray, shape (n,)
        Not negative.
    factors : sequence of int
        Wad of any size, not negative.
    which : int32 ndarray, shape (n,)
        Factor of each stake.

    Returns
    -------
    int64 ndarray, shape (n,)
        From an estimate in float64, put right by its remainder modulo 2**64, which fits as the
        estimate is off by a few units only; large results with Python's integers.
    """
    rough = np.array([float(factor) for factor in factors])[which] * stakes / 1e18
    large = rough > _EXACT_BELOW
    result = np.where(large, 0.0, rough).astype(np.int64)
    low = np.array([factor % 2**64 for factor in factors], np.uint64)[which]
    exact = stakes.astype(np.uint64) * low - result.astype(np.uint64) * np.uint64(WAD)
    remainder = exact.view(np.int64)
    while True:
        step = (remainder >= WAD).astype(np.int64) - (remainder < 0)
        step[large] = 0
        if not step.any():
            break
        result += step
        remainder -= step * WAD
    for i in np.flatnonzero(large).tolist():
        result[i] = int(stakes[i]) * factors[which[i]] // WAD
    return result
