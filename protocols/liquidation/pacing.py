"""Pacing: how soon after one liquidation an account may be liquidated again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """A rest between two liquidations of one account.

    A limit of one per block also stops the two calls in a row that take more than the close factor
    allows one of them (MODEL 3.7, CASES G15).

    Parameters
    ----------
    cool_off_s : int
        Seconds that must pass.
    one_per_block : bool
        At most one in a block, whose transactions share one time.

    Raises
    ------
    ValueError
        If the rest is negative.
    """

    cool_off_s: int = 0
    one_per_block: bool = False

    def __post_init__(self) -> None:
        if self.cool_off_s < 0:
            raise ValueError(f"pace: cool_off_s must not be negative, got {self.cool_off_s}")

    @property
    def rests(self) -> bool:
        """Whether there is any limit."""
        return self.one_per_block or self.cool_off_s > 0

    def refusal(self, last: int | None, now: int) -> str | None:
        """Reason to refuse a liquidation at `now`, the last one having been at `last` (s), or None."""
        if last is None:
            return None
        if self.one_per_block and now == last:
            return "OneLiquidationPerBlock"
        if now - last < self.cool_off_s:
            return "CoolingOff"
        return None
