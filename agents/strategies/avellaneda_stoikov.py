"""Quotes of a market maker who dislikes inventory.

Avellaneda and Stoikov (2008); MODEL 10.3, case B13. The closed form gives a
reservation price that leans against inventory and a spread around it; on top,
size shrinks with volatility, and the maker withdraws above one level of
volatility and returns below a lower one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

YEAR_S = 365 * 86_400.0
_ROOT_YEAR = math.sqrt(YEAR_S)


def reservation_price(mid: float, inventory: float, gamma: float, sigma: float, horizon: float) -> float:
    """Price at which the maker is indifferent: ``mid - inventory gamma sigma^2 horizon``.

    Examples
    --------
    >>> reservation_price(100, 2, 0.1, 2, 1)
    99.2
    """
    return mid - inventory * gamma * sigma * sigma * horizon


def optimal_spread(gamma: float, sigma: float, horizon: float, kappa: float) -> float:
    """Distance from bid to ask: ``gamma sigma^2 horizon + (2/gamma) ln(1 + gamma/kappa)``.

    Examples
    --------
    >>> round(optimal_spread(0.1, 2, 1, 1.5), 9)
    1.690770423
    """
    return gamma * sigma * sigma * horizon + 2.0 / gamma * math.log1p(gamma / kappa)


class MakerState(NamedTuple):
    """What a maker weighs: volatility per square root of a second, own loss, whether it quotes now."""

    volatility: float
    loss_usd: float
    quoting: bool


class Quote(NamedTuple):
    """Standing instruction for one book, all prices as fractions of the fair price.

    Level k bids at ``fair (1 - skew_per_usd inventory_usd - half_spread - k level_step)``
    and asks symmetrically, `size_usd` each. Beyond an inventory of `limit_usd` the
    side that would add to it is not quoted. No levels: withdrawn.
    """

    half_spread: float
    skew_per_usd: float
    size_usd: float
    levels: int
    level_step: float
    limit_usd: float


@dataclass(frozen=True, slots=True)
class AvellanedaStoikov:
    """Parameters of the maker, prices taken relative to the mid.

    Parameters
    ----------
    gamma : float
        Risk aversion per `unit_usd` of inventory.
    kappa : float
        Decay of the chance of a fill with relative distance.
    horizon_s : float
        Time over which inventory is held, seconds.
    unit_usd : float
        Inventory that counts as one, USD.
    size_usd : float
        Quoted size per level in calm markets, USD.
    levels : int
        Price levels a side, 1 to 4.
    level_step : float
        Distance between levels as a fraction of the price.
    calm_volatility : float
        Annualised volatility up to which full size is quoted.
    size_elasticity : float
        Size falls as ``(volatility / calm_volatility) ** -size_elasticity``.
    withdraw_volatility, return_volatility : float
        Annualised volatility above which quotes are withdrawn, and below which they return.
    inventory_limit_usd : float
        Inventory, beyond what the maker aims to hold, at which one side is no longer quoted; USD.
    loss_limit_usd : float
        The maker leaves for good when it has lost this much.
    refresh_blocks : int
        The instruction is renewed at least this often.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    gamma: float = 7.0
    kappa: float = 5000.0
    horizon_s: float = 60.0
    unit_usd: float = 100_000.0
    size_usd: float = 150_000.0
    levels: int = 2
    level_step: float = 0.001
    calm_volatility: float = 1.0
    size_elasticity: float = 0.5
    withdraw_volatility: float = 12.0
    return_volatility: float = 6.0
    inventory_limit_usd: float = 4_000_000.0
    loss_limit_usd: float = 20_000_000.0
    refresh_blocks: int = 12

    def __post_init__(self) -> None:
        for key in ("gamma", "kappa", "horizon_s", "unit_usd", "size_usd", "calm_volatility"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key} must be positive, got {getattr(self, key)}")
        for key in (
            "level_step",
            "size_elasticity",
            "inventory_limit_usd",
            "loss_limit_usd",
            "return_volatility",
        ):
            if getattr(self, key) < 0:
                raise ValueError(f"{key} must not be negative, got {getattr(self, key)}")
        if not 1 <= self.levels <= 4:
            raise ValueError(f"levels must be 1 to 4, got {self.levels}")
        if self.refresh_blocks < 1:
            raise ValueError(f"refresh_blocks must be at least 1, got {self.refresh_blocks}")
        if self.return_volatility > self.withdraw_volatility:
            raise ValueError(
                f"return_volatility must not exceed withdraw_volatility {self.withdraw_volatility}, "
                f"got {self.return_volatility}"
            )

    def decide(self, state: MakerState) -> Quote | None:
        """Return the standing quote for one book, or None to withdraw."""
        annual = state.volatility * _ROOT_YEAR
        limit = self.withdraw_volatility if state.quoting else self.return_volatility
        if annual > limit or state.loss_usd > self.loss_limit_usd:
            return None
        sigma = max(state.volatility, 1e-9)
        spread = optimal_spread(self.gamma, sigma, self.horizon_s, self.kappa)
        lean = -reservation_price(0.0, 1.0 / self.unit_usd, self.gamma, sigma, self.horizon_s)
        shrink = max(annual / self.calm_volatility, 1.0) ** -self.size_elasticity
        size = self.size_usd * shrink
        return Quote(0.5 * spread, lean, size, self.levels, self.level_step, self.inventory_limit_usd)
