"""Health of many loans of one market at once, in floats: whom the exact rule has to look at.

What is read from bands is kept until they change; each price and each second then costs a pass over the
bands that count and one over the loans that are asked about.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...fixed_point import WAD
from .crowd import Crowd, ShareTable
from .exponential import wad_exp
from .loans import Controller
from .oracle import Quote
from .screening_kernels import rate_bands, rate_loans
from .state import DEAD_SHARES

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class LoanScreen:
    """Estimates of health for the loans of one market.

    Parameters
    ----------
    controller : Controller
    crowd, touched : Crowd, ShareTable
        Its loans: those that nobody has touched, and the others.
    """

    def __init__(self, controller: Controller, crowd: Crowd, touched: ShareTable) -> None:
        self._controller, self._crowd, self._touched = controller, crowd, touched
        self._bands = range(0)
        self._edges: Floats = np.zeros(0)
        self._contents: Floats = np.zeros((3, 0))

    def forget(self) -> None:
        """Take note that bands have changed."""
        self._bands = range(0)

    def health(self, seen: Quote, deepest: int, rows: Integers, debts: Integers) -> Floats:
        """Return the full health of some loans, within rounding; infinite for those below `deepest`.

        Parameters
        ----------
        seen : Quote
        deepest : int
            Lowest band in price that a loan may begin in to be looked at.
        rows : int64 ndarray, shape (n,)
            Loans of this market.
        debts : int64 ndarray, shape (n,)
            What they owed before interest, token units.
        """
        amm, parameters = self._controller.amm, self._controller.amm.parameters
        if deepest + self._crowd.bands > self._bands.stop:
            self._read(deepest + self._crowd.bands)
        lowest, price, ups = self._bands.start, seen.price / WAD, self._edges * (seen.base_price / WAD)
        per_share = np.empty((2, len(ups)))
        rate_bands(
            float(parameters.amplification), parameters.sqrt_band_ratio / WAD, price,
            amm.active_band, lowest, ups, self._contents, per_share,
        )  # fmt: skip
        health = np.empty(len(rows))
        rate_loans(
            self._crowd.places(rows), self._touched.slots(rows), self._crowd.first, self._crowd.each,
            self._touched.first, self._touched.shares,
            debts * (amm.interest.at(seen.now) / WAD * parameters.borrowed_precision),
            1.0 - self._controller.parameters.liquidation_discount / WAD,
            price, amm.active_band, deepest, lowest, ups, per_share, health,
        )  # fmt: skip
        return health

    def _read(self, stop: int) -> None:
        """Read what bands hold before `stop`, and their prices before interest."""
        amm, touched = self._controller.amm, self._touched
        x, y, shares, ratio = amm.bands_x, amm.bands_y, amm.total_shares, amm.parameters.log_a_ratio
        bands = range(min(1, int(touched.first[: touched.count].min(initial=1))), stop)
        self._bands = bands
        self._edges = np.array([wad_exp(-band * ratio) / WAD for band in bands])
        self._contents = np.array(
            [
                [x.get(band, 0) for band in bands],
                [y.get(band, 0) for band in bands],
                [shares.get(band, 0) + DEAD_SHARES for band in bands],
            ],
            np.float64,
        )
