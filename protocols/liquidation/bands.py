"""Price bands: an account is sold piece by piece while the price falls, not all at once.

A band is a step of the price, as in crvUSD's LLAMMA (MODEL 1.8): band k lies between
``top (1-w)^k`` and ``top (1-w)^(k+1)``, `top` being the price at which the account came
to the trigger, and each holds an equal part. Once the price has entered a band its part may be
sold. What LLAMMA does beyond, buying back in a recovery, needs an exchange of the
protocol's own and is no part of a mechanism.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..fixed_point import PERCENTAGE_FACTOR, WAD


class Ladder(NamedTuple):
    """Where the bands of one account begin, and how much of it has been sold.

    Attributes
    ----------
    top : int
        Price of the collateral in units of the debt at which health was 1; wad.
    debt : int
        Owed when the price came there; base units.
    repaid : int
        Since then; base units.
    """

    top: int
    debt: int
    repaid: int = 0


@dataclass(frozen=True, slots=True)
class PriceBands:
    """Equal parts of a debt, one for each band of the price.

    Parameters
    ----------
    bands : int
        How many; 1 sells everything at the trigger.
    width : int
        Of one band, as a fraction of its upper price (1/A of LLAMMA); basis points.

    Raises
    ------
    ValueError
        If there is no band, or one reaches down to 0.
    """

    bands: int
    width: int

    def __post_init__(self) -> None:
        if self.bands < 1:
            raise ValueError(f"price bands: bands must be at least 1, got {self.bands}")
        if not 0 < self.width < PERCENTAGE_FACTOR:
            raise ValueError(
                f"price bands: width must be above 0 and below 10000 basis points, got {self.width}"
            )

    def ladder(self, before: Ladder | None, price: int, health_factor: int, debt: int) -> Ladder:
        """Return the bands of an account below the trigger: those it had, or new ones.

        New ones begin at the price at which its health was 1, where it has none, or the price is above them.

        Parameters
        ----------
        before : Ladder or None
        price : int
            Of the collateral in units of the debt; wad.
        health_factor : int
            Wad, above 0.
        debt : int
            Base units.
        """
        if before is not None and price < before.top:
            return before
        return Ladder(price * WAD // health_factor, debt)

    def entered(self, ladder: Ladder, price: int) -> int:
        """Return how many bands the price has entered."""
        entered, edge = 0, ladder.top
        while entered < self.bands and price <= edge:
            entered += 1
            edge = edge * (PERCENTAGE_FACTOR - self.width) // PERCENTAGE_FACTOR
        return entered

    def room(self, ladder: Ladder, price: int) -> int:
        """Return how much may be repaid now, base units; what is in all bands is the whole debt."""
        return max(0, ladder.debt * self.entered(ladder, price) // self.bands - ladder.repaid)
