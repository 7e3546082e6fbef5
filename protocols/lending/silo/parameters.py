"""What a pair of Silo v2 may be: thresholds, liquidation fee, interest.

A silo takes any interest-rate model; here it is two straight lines. Holds no state and no prices.
Source: silo-finance/silo-contracts-v2 340a49b, ``SiloFactory.validateSiloInitData``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...fixed_point import WAD
from ...interest import KinkedCurve

MAX_LIQUIDATION_FEE = 30 * WAD // 100
"""Largest fee that the factory lets a deployer choose; wad."""

NO_INTEREST = KinkedCurve.from_fractions(0.9, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class SiloParameters:
    """Settings of one pair of collateral and debt.

    Parameters
    ----------
    liquidation_threshold : int
        Loan-to-value above which a borrower is insolvent; wad.
    target_ltv : int
        Loan-to-value that a partial liquidation restores; wad.
    liquidation_fee : int
        Collateral that a liquidator receives beyond what it repays; wad.
    dao_fee : int
        Share of the interest that lenders do not get, the deployer's part included; wad.
    interest : KinkedCurve
    unsafe : bool
        Accept what the factory refuses.

    Raises
    ------
    ValueError
        If a setting is out of range or, unless `unsafe`, breaks a rule of the factory.
    """

    liquidation_threshold: int
    target_ltv: int
    liquidation_fee: int
    dao_fee: int = 0
    interest: KinkedCurve = field(default=NO_INTEREST)
    unsafe: bool = False

    def __post_init__(self) -> None:
        for key in ("liquidation_threshold", "target_ltv", "liquidation_fee", "dao_fee"):
            value = getattr(self, key)
            if not 0 <= value <= WAD:
                raise ValueError(f"Silo v2: {key} must be from 0 to {WAD} (wad), got {value}")
        if self.unsafe:
            return
        threshold, fee = self.liquidation_threshold, self.liquidation_fee
        for broken, rule in (
            (self.target_ltv > threshold, "LiquidationTargetLtvTooHigh: target_ltv is at most the threshold"),
            (threshold + fee > WAD, "InvalidLt: threshold and liquidation_fee together are at most 1"),
            (fee > MAX_LIQUIDATION_FEE, "MaxLiquidationFeeExceeded: liquidation_fee is at most 0.3"),
        ):
            if broken:
                raise ValueError(
                    f"Silo v2: {rule}; got threshold {threshold / WAD:g}, target_ltv "
                    f"{self.target_ltv / WAD:g}, liquidation_fee {fee / WAD:g}"
                )
