"""When redeeming a stablecoin for collateral pays, and how much.

A stablecoin bought on the market is redeemed at face value for collateral at the oracle's
price, less a fee that rises with the share of all debt redeemed; the collateral is sold on
its book. It pays when the stablecoin is below its face value, or the market above a late
oracle, by more than fee and gas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..base import PublicView, Redeem, StabilitySystem

FEE_SLOPE = 0.5
"""The fee rises by this much per share of all debt redeemed (`redemption.BETA` is 2)."""


@dataclass(frozen=True, slots=True)
class Redeemer:
    """Redeem where the expected profit exceeds a threshold.

    Parameters
    ----------
    min_profit_usd : float
        Least expected profit that is worth a call, gas deducted.
    max_slippage : float
        Collateral is sold on its book down to this fraction below the mid.
    bid_share : float
        Share of the profit before gas that is offered as gas.
    max_usd : float
        Most that one call redeems.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    min_profit_usd: float = 100.0
    max_slippage: float = 0.005
    bid_share: float = 0.2
    max_usd: float = 10e6

    def __post_init__(self) -> None:
        for key in ("max_slippage", "bid_share"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key} must be in [0, 1], got {getattr(self, key)}")
        for key in ("min_profit_usd", "max_usd"):
            if not getattr(self, key) >= 0:
                raise ValueError(f"{key} must not be negative, got {getattr(self, key)}")

    def size(self, system: StabilitySystem, view: PublicView, cash_usd: float) -> tuple[float, float]:
        """Return the best amount to redeem and its profit before gas, USD; zeros if there is none.

        Redeeming r earns ``m r - k r^2``: a margin from prices and the least fee, less the fee's
        rise over the debt and what the book gives way.
        """
        status = system.status
        collateral = status.collateral
        depth = view.depth_usd[collateral]
        if depth <= 0.0 or system.debt_usd <= 0.0 or math.isinf(status.redemption_fee):
            return 0.0, 0.0
        worth = (1.0 - status.redemption_fee + status.redemption_bonus) * view.mids[collateral]
        margin = worth / view.oracle[collateral] - view.mids[status.debt_asset]
        if margin <= 0.0:
            return 0.0, 0.0
        rise = 0.0 if status.redemption_bonus else FEE_SLOPE / system.debt_usd
        cost = rise + view.depth_band / (2.0 * depth)
        visible = depth * min(self.max_slippage / view.depth_band, 1.0)
        amount = min(margin / (2.0 * cost), visible, cash_usd, self.max_usd)
        return amount, (margin - cost * amount) * amount

    def decide(self, view: PublicView, cash_usd: float) -> list[Redeem]:
        """Return redemptions worth their gas, each with the cash that those before it leave."""
        wanted: list[Redeem] = []
        usd_per_gwei = view.gas_liquidation * view.usd_per_gas_gwei
        floor = view.gas_standard_gwei
        for system in view.stability:
            amount, gross = self.size(system, view, cash_usd - floor * usd_per_gwei)
            price = max(floor, self.bid_share * gross / usd_per_gwei) if usd_per_gwei > 0 else floor
            gas_usd = price * usd_per_gwei
            if amount <= 0.0 or gross - gas_usd < self.min_profit_usd:
                continue
            amount = min(amount, cash_usd - gas_usd)
            wanted.append(Redeem(system.protocol, system.status.collateral, amount, price, self.max_slippage))
            cash_usd -= amount + gas_usd
        return wanted
