"""Many loans that nobody has touched, without an object for each: where their bands begin, what is in them.

All loans are opened at once, before anybody has traded. Every band then holds a thousand shares for
each unit, so a loan's shares follow from what it brought, and stay; what they stand for follows from the
bands. Numbers in floats are for screening: the rules decide on integers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ....market.revert import Revert
from ...fixed_point import WAD
from .borrowing import effective_collateral, first_band
from .deposits import MAX_SKIP_TICKS
from .loans import Controller, Loan
from .oracle import Quote
from .state import DEAD_SHARES, Amm, Deposit

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

SHARES_PER_UNIT = DEAD_SHARES
"""Shares for each unit (18 decimals) of a band that nobody has traded in."""
DOUBT = 1e-6
"""How near to the edge of a band, in bands, the exact rule says where a loan begins."""


class Crowd:
    """Loans of one market as they were opened.

    Parameters
    ----------
    controller : Controller
        With an empty AMM; the loans are put into it.
    seen : Quote
        What the opening calls see.
    rows, collateral, debt : int64 ndarray, shape (n,)
        Numbers of the loans, and what they bring and borrow, token units.
    bands : int
        N.

    Attributes
    ----------
    rows : int64 ndarray, shape (n,)
        Loans by first band, the first to be converted first.
    first : int64 ndarray, shape (n,)
        Their first bands.
    each : float64 ndarray, shape (n,)
        Their shares of each band.
    pushed : int
        Loans that borrow more than the contract would lend, which begin in the highest band there is.

    Raises
    ------
    ValueError
        If a loan brings too little for its bands.
    """

    def __init__(
        self,
        controller: Controller,
        seen: Quote,
        rows: Integers,
        collateral: Integers,
        debt: Integers,
        bands: int,
    ) -> None:
        amm = controller.amm
        self.bands, self._precision = bands, amm.parameters.collateral_precision
        first = _first_bands(controller, seen, collateral, debt, bands)
        self.pushed = int(np.count_nonzero(first < 1))
        first = np.maximum(first, 1)
        order = np.argsort(first, kind="stable")
        self.rows, self.first, self._units = rows[order], first[order], collateral[order]
        self.each = self._units * (self._precision * SHARES_PER_UNIT / bands)
        self._place_of = _inverse(self.rows)
        if len(rows) and int(collateral.min()) * self._precision // bands <= 100:
            raise ValueError("Amount too low: a loan brings next to nothing for each of its bands")
        for band, units in self._contents(np.ones(len(rows), np.bool_)).items():
            amm.bands_y[band] = units
            amm.total_shares[band] = units * SHARES_PER_UNIT
        if len(rows):
            amm.max_band = int(self.first[-1]) + bands - 1
        controller.total = Loan(sum(debt.tolist()), WAD)
        controller.others = len(rows)

    def places(self, rows: Integers) -> Integers:
        """Return where in the attribute `rows` loans stand."""
        return np.asarray(self._place_of[rows])

    def deposit(self, row: int) -> Deposit:
        """Return the shares of a loan that nobody has touched."""
        place = int(self.places(np.array([row]))[0])
        scaled, first = int(self._units[place]) * self._precision, int(self.first[place])
        each = scaled // self.bands
        top = scaled - each * (self.bands - 1)
        shares = [top * SHARES_PER_UNIT] + [each * SHARES_PER_UNIT] * (self.bands - 1)
        return Deposit(first, first + self.bands - 1, shares)

    def begun(self, deepest: int) -> int:
        """Return how many loans, the first of `rows`, have a band at `deepest` or above."""
        return int(np.searchsorted(self.first, deepest, side="right"))

    def sums(self, count: int, per_share: Sequence[float], lowest: int) -> Floats:
        """Return, for the first `count` loans, the sum over bands of their shares times a value of a share.

        Parameters
        ----------
        count : int
        per_share : sequence of float
            Of the bands from `lowest` on.
        lowest : int
        """
        so_far = np.concatenate(([0.0], np.cumsum(per_share)))
        start = self.first[:count] - lowest
        return np.asarray(self.each[:count] * (so_far[start + self.bands] - so_far[start]))

    def shares(self, left_out: set[int]) -> dict[int, int]:
        """Return the shares of all loans but some, by band."""
        stays = np.ones(len(self.rows), np.bool_)
        stays[self.places(np.fromiter(left_out, np.int64))] = False
        return {band: units * SHARES_PER_UNIT for band, units in self._contents(stays).items()}

    def _contents(self, chosen: NDArray[np.bool_]) -> dict[int, int]:
        """Return what some loans brought into each band, 18 decimals: exactly, whatever their number."""
        units, firsts = self._units[chosen], self.first[chosen]
        whole, rest = np.divmod(units, self.bands)
        # each band of a loan gets whole * precision + (rest * precision) // bands, its first the remainder
        parts = [r * self._precision // self.bands for r in range(self.bands)]
        contents: dict[int, int] = {}
        starts = np.flatnonzero(np.diff(firsts, prepend=-1)).tolist()
        for start, end in zip(starts, [*starts, len(firsts)][1:], strict=True):
            each = int(whole[start:end].sum()) * self._precision
            counts = np.bincount(rest[start:end], minlength=self.bands).tolist()
            each += sum(count * part for count, part in zip(counts, parts, strict=True))
            total = int(units[start:end].sum()) * self._precision
            first = int(firsts[start])
            contents[first] = contents.get(first, 0) + total - each * (self.bands - 1)
            for band in range(first + 1, first + self.bands):
                contents[band] = contents.get(band, 0) + each
        return contents


class ShareTable:
    """Shares of loans that have been touched, in floats, so that many are screened at once.

    Parameters
    ----------
    bands : int
        N of every loan.
    n_loans : int
        Loans there may be: their numbers are below.

    Attributes
    ----------
    count : int
        Loans in the table.
    first : int64 ndarray
        Their first bands, with room for more.
    shares : float64 ndarray, shape (at least count, bands)
        Their shares, with room for more.
    """

    def __init__(self, bands: int, n_loans: int) -> None:
        self.count = 0
        self.first: Integers = np.zeros(64, np.int64)
        self.shares: Floats = np.zeros((64, bands))
        self._rows: Integers = np.zeros(64, np.int64)
        self._slot_of: Integers = np.full(n_loans, -1, np.int64)

    def put(self, row: int, deposit: Deposit) -> None:
        """Store the shares of a loan; one that was closed has none."""
        slot = self._slot_of.item(row)
        if slot < 0:
            slot = self._slot_of[row] = self.count
            self.count += 1
            if slot == len(self._rows):
                self._rows = np.concatenate((self._rows, np.zeros_like(self._rows)))
                self.first = np.concatenate((self.first, np.zeros_like(self.first)))
                self.shares = np.concatenate((self.shares, np.zeros_like(self.shares)))
        self._rows[slot], self.first[slot] = row, deposit.first
        self.shares[slot] = deposit.shares or 0.0

    def slots(self, rows: Integers) -> Integers:
        """Return where loans stand in the table, -1 for those that nobody has touched."""
        return np.asarray(self._slot_of[rows])

    def begun(self, deepest: int) -> tuple[Integers, Integers, Floats]:
        """Return rows, first bands and shares of the loans with a band at `deepest` or above."""
        chosen = np.flatnonzero(self.first[: self.count] <= deepest)
        return self._rows[chosen], self.first[chosen], self.shares[chosen]


def weighted(first: Integers, shares: Floats, per_share: Sequence[float], lowest: int) -> Floats:
    """Return sums over bands of shares times a value of a share, of the bands from `lowest` on.

    Parameters
    ----------
    first : int64 ndarray, shape (n,)
    shares : float64 ndarray, shape (n, bands)
    per_share : sequence of float
    lowest : int
    """
    places = (first - lowest)[:, None] + np.arange(shares.shape[1])
    return np.asarray((shares * np.asarray(per_share)[places]).sum(axis=1))


def per_share(amm: Amm, bands: range) -> tuple[list[float], list[float]]:
    """Return the borrowed token and the collateral that a share of each band stands for, 18 decimals."""
    x, y = [], []
    for band in bands:
        total = amm.total_shares.get(band, 0) + DEAD_SHARES
        x.append((amm.bands_x.get(band, 0) + 1) / total)
        y.append((amm.bands_y.get(band, 0) + 1) / total)
    return x, y


def _inverse(rows: Integers) -> Integers:
    """Return where each row stands, by row; rows that are not there have no meaning."""
    places: Integers = np.zeros(int(rows.max(initial=0)) + 1, np.int64)
    places[rows] = np.arange(len(rows))
    return places


def _first_bands(
    controller: Controller, seen: Quote, collateral: Integers, debt: Integers, bands: int
) -> Integers:
    """First band of each loan; below 1 where the contract would not lend as much."""
    amm = controller.amm
    a, (precision_x, precision_y) = amm.parameters.amplification, amm.precisions()
    unit = 10**27
    weight = effective_collateral(amm, unit, bands, controller.parameters.loan_discount) / unit
    edge = seen.base_price / WAD
    ratio = collateral * (precision_y * weight * edge) / (debt * float(precision_x))
    steps = np.log(ratio) / np.log(a / (a - 1.0))
    first: Integers = np.minimum(np.floor(steps), MAX_SKIP_TICKS - bands).astype(np.int64)
    for k in np.flatnonzero(np.abs(steps - np.rint(steps)) < DOUBT).tolist():
        try:
            first[k] = first_band(controller, seen, int(collateral[k]), int(debt[k]), bands)
        except Revert:
            first[k] = 0
    return first
