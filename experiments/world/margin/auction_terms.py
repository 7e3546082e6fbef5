"""The auction of a venue's liquidations as a scenario writes it: shares and seconds."""

from __future__ import annotations

from dataclasses import dataclass

from ....protocols.fixed_point import WAD
from ....protocols.margin.model_auction import AccountAuction, InsolventAuction, ModelPriceAuction

VALUES = ("mark", "model")


@dataclass(frozen=True, slots=True)
class AuctionTerms:
    """Settings of ``execution = {kind = "auction"}``; those of Derive if left out (MODEL 1.11).

    Parameters
    ----------
    start : float
        Share of an account's equity that is asked for at first; above 0, at most 1.
    middle : float
        Share asked for when the fast leg ends; 0 to `start`.
    fast_s, slow_s : int
        Seconds of the fast leg, and of the slow one to nothing.
    insolvent_s : int
        Seconds until an account without equity pays all of its requirement to the taker.
    value : str
        ``mark`` or ``model``: the price at which accounts are valued.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    start: float = 0.95
    middle: float = 0.7
    fast_s: int = 900
    slow_s: int = 43_200
    insolvent_s: int = 3_600
    value: str = "mark"

    def __post_init__(self) -> None:
        if not 0 < self.start <= 1:
            raise ValueError(f"start must be above 0 and at most 1, got {self.start:g}")
        if not 0 <= self.middle <= self.start:
            raise ValueError(f"middle must be from 0 to start, {self.start:g}, got {self.middle:g}")
        for name in ("fast_s", "slow_s", "insolvent_s"):
            if not 1 <= getattr(self, name) <= 31_536_000:
                raise ValueError(f"{name} must be from 1 to 31,536,000, got {getattr(self, name)}")
        if self.value not in VALUES:
            raise ValueError(f"value must be {' or '.join(VALUES)}, got {self.value!r}")

    def rule(self) -> AccountAuction:
        """Return the auction."""
        return AccountAuction(
            ModelPriceAuction(round(self.start * WAD), round(self.middle * WAD), self.fast_s, self.slow_s),
            InsolventAuction(self.insolvent_s),
        )
