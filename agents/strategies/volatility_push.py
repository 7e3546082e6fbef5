"""Push a realised volatility by trading to and fro, and sell options to those whom it forces to buy."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VolatilityPush:
    """Swing the price of an underlying, and sell an option wherever it trades above its value.

    A venue that values options at the volatility of its own index marks them up, and short accounts that
    fall below their margin buy them back.

    Parameters
    ----------
    underlying, option : str
        Symbols.
    start_s, for_s : float
        Beginning and length of the attack.
    swing_usd : float
        Amount bought, and sold again, in the underlying.
    period_s : float
        From one purchase to the next; half of it passes before the sale.
    premium : float
        Least price of a sale of options, as a fraction above the value at the published volatility.
    sale_usd : float
        Most options sold in one block.
    max_slippage : float
        Worst price of a swing in one block, as a fraction beyond the mid.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    underlying: str
    option: str
    start_s: float
    for_s: float = 600.0
    swing_usd: float = 1e6
    period_s: float = 30.0
    premium: float = 0.1
    sale_usd: float = 50_000.0
    max_slippage: float = 0.02

    def __post_init__(self) -> None:
        for name in ("for_s", "swing_usd", "period_s", "sale_usd", "max_slippage"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise ValueError(f"{name} must be finite and positive, got {getattr(self, name)}")
        for name in ("start_s", "premium"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0.0):
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")

    def target_usd(self, time_s: float) -> float:
        """Value of the underlying to hold beyond the stock: the swing for one half of each period, else 0."""
        since = time_s - self.start_s
        up = 0.0 <= since < self.for_s and since % self.period_s < 0.5 * self.period_s
        return self.swing_usd if up else 0.0

    def least_usd(self, time_s: float, value_usd: float) -> float:
        """Least price of a sale of the option, USD; infinite before the attack."""
        return value_usd * (1.0 + self.premium) if time_s >= self.start_s else math.inf
