"""What whoever starts an auction is paid: a flat tip and a share of the debt (MODEL 1.4)."""

from __future__ import annotations

from dataclasses import dataclass

from ..fixed_point import WAD


@dataclass(frozen=True, slots=True)
class KeeperReward:
    """Tip and chip.

    A tip above the cost of a kick removes the volunteer's dilemma of who pays for it (CASES G13).

    Parameters
    ----------
    tip_base : int
        Flat part; base currency units.
    chip : int
        Share of the debt taken over; wad.

    Raises
    ------
    ValueError
        If a part is negative, or the share above 1.
    """

    tip_base: int = 0
    chip: int = 0

    def __post_init__(self) -> None:
        if self.tip_base < 0:
            raise ValueError(f"keeper: tip must not be negative, got {self.tip_base}")
        if not 0 <= self.chip <= WAD:
            raise ValueError(f"keeper: chip must be from 0 to {WAD} (wad), got {self.chip}")

    @property
    def pays(self) -> bool:
        """Whether a kick is rewarded at all."""
        return self.tip_base > 0 or self.chip > 0

    def reward(self, debt: int, debt_price: int, debt_unit: int) -> int:
        """Reward for taking over `debt` base units of an asset, in the same asset, rounded down (CASES A02).

        Parameters
        ----------
        debt : int
            Base units.
        debt_price, debt_unit : int
            Base currency per whole token, base units per whole token.
        """
        return self.tip_base * debt_unit // debt_price + debt * self.chip // WAD
