"""What a Fluid vault may be: thresholds, the limit of absorption, the penalty.

Source: Instadapp/fluid-contracts-public a9949b4, ``vaultT1/adminModule`` (MODEL 1.10).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...fixed_point import PERCENTAGE_FACTOR

THOUSAND = 1_000
"""Scale of thresholds."""
MAX_LIMIT_AND_PENALTY = 9_970
"""Most that the limit of absorption and the penalty may be together; basis points."""
MAX_PENALTY = 1_023
"""Largest penalty that fits its field; basis points."""


@dataclass(frozen=True, slots=True)
class FluidParameters:
    """Settings of one vault.

    Parameters
    ----------
    liquidation_threshold : int
        Debt over collateral above which positions are liquidated; thousandths.
    max_limit : int
        Debt over collateral above which they are absorbed; thousandths.
    penalty : int
        Collateral that a liquidator receives beyond what it repays; basis points.
    unsafe : bool
        Accept a limit and penalty that together leave liquidators too little.

    Raises
    ------
    ValueError
        If a setting is out of range, or breaks the rule and `unsafe` is not set.
    """

    liquidation_threshold: int
    max_limit: int
    penalty: int
    unsafe: bool = False

    def __post_init__(self) -> None:
        for key, most in (("liquidation_threshold", THOUSAND), ("max_limit", THOUSAND)):
            if not 0 < getattr(self, key) < most:
                raise ValueError(
                    f"Fluid: {key} must be from 1 to {most - 1} thousandths, got {getattr(self, key)}"
                )
        if not 0 <= self.penalty <= MAX_PENALTY:
            raise ValueError(
                f"Fluid: penalty must be from 0 to {MAX_PENALTY} basis points, got {self.penalty}"
            )
        if self.liquidation_threshold >= self.max_limit:
            raise ValueError(
                f"Fluid: liquidation_threshold must be below max_limit, got "
                f"{self.liquidation_threshold} and {self.max_limit} thousandths"
            )
        together = self.max_limit * PERCENTAGE_FACTOR // THOUSAND + self.penalty
        if together > MAX_LIMIT_AND_PENALTY and not self.unsafe:
            raise ValueError(
                f"Fluid: max_limit and penalty together must be at most {MAX_LIMIT_AND_PENALTY / 1e4:.1%}, "
                f"got {together / 1e4:.2%}; lower one or pass unsafe=True"
            )
        if self.max_limit * (PERCENTAGE_FACTOR + self.penalty) >= THOUSAND * PERCENTAGE_FACTOR:
            raise ValueError(
                f"Fluid: max_limit x (1 + penalty) must be below 1, got {self.max_limit / 1e3:g} and "
                f"{self.penalty / 1e4:g}"
            )
