"""What governance sets for an Aave market: reserves, e-mode categories, the liquidation mechanism.

Numbers are checked when they are built, so a market that exists is one the
rules can run; risky settings are refused unless `unsafe=True` says they are
wanted. Prices are not parameters: callers pass them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ...fixed_point import PERCENTAGE_FACTOR
from ...interest import KinkedCurve
from ...liquidation.mechanism import LiquidationMechanism


@dataclass(frozen=True, slots=True)
class ReserveParameters:
    """Risk and rate parameters of one reserve.

    Parameters
    ----------
    symbol : str
        Name of the asset, for messages.
    decimals : int
        One whole token is ``10 ** decimals`` base units.
    ltv, liquidation_threshold : int
        Share of collateral value that may be borrowed, and that counts for health; basis points.
    liquidation_bonus : int
        Collateral value seized per value repaid; basis points, 10500 for a bonus of 5 %.
    liquidation_protocol_fee : int
        Treasury's share of the bonus part; basis points.
    reserve_factor : int
        Treasury's share of interest; basis points.
    curve : KinkedCurve
        Variable borrow rate.
    emode_category : int
        Efficiency-mode category the reserve belongs to (v3.0.2), 0 for none.
    borrowing_enabled : bool
        Whether new debt may be taken.
    emode_collateral, emode_ltv_zero : bool
        Whether the reserve is collateral in the e-mode it is used with, and with LTV 0 there (v3.6).
    protocol : str
        Name used in error messages.
    unsafe : bool
        Accept a threshold below the LTV or a toxic bonus.

    Raises
    ------
    ValueError
        If a number is out of range, or a risk rule is broken and `unsafe` is not set.
    """

    symbol: str
    decimals: int
    ltv: int
    liquidation_threshold: int
    liquidation_bonus: int
    liquidation_protocol_fee: int
    reserve_factor: int
    curve: KinkedCurve
    emode_category: int = 0
    borrowing_enabled: bool = True
    emode_collateral: bool = False
    emode_ltv_zero: bool = False
    protocol: str = "Aave"
    unsafe: bool = False
    unit: int = field(init=False)

    def __post_init__(self) -> None:
        name = f"{self.protocol}: reserve {self.symbol}"
        if not 0 <= self.decimals <= 36:
            raise ValueError(f"{name}: decimals must be 0 to 36, got {self.decimals}")
        for key in ("ltv", "liquidation_threshold", "liquidation_protocol_fee", "reserve_factor"):
            value = getattr(self, key)
            if not 0 <= value <= PERCENTAGE_FACTOR:
                raise ValueError(f"{name}: {key} must be 0 to 10000 basis points, got {value}")
        for key in ("liquidation_bonus", "emode_category"):
            if getattr(self, key) < 0:
                raise ValueError(f"{name}: {key} must not be negative, got {getattr(self, key)}")
        if not self.unsafe:
            if self.decimals > 18:
                raise ValueError(f"{name}: decimals must be at most 18, got {self.decimals}")
            _check_risk(name, self.ltv, self.liquidation_threshold, self.liquidation_bonus)
        object.__setattr__(self, "unit", 10**self.decimals)


@dataclass(frozen=True, slots=True)
class EModeCategory:
    """Parameters that replace a reserve's own for users in an efficiency mode.

    Parameters
    ----------
    ltv, liquidation_threshold, liquidation_bonus : int
        As in `ReserveParameters`; basis points.
    price : int
        Price of every member in base currency per whole token (v3.0.2), 0 to use each reserve's own.
    protocol : str
        Name used in error messages.
    unsafe : bool
        Accept a threshold below the LTV or a toxic bonus.

    Raises
    ------
    ValueError
        If a risk rule is broken and `unsafe` is not set.
    """

    ltv: int
    liquidation_threshold: int
    liquidation_bonus: int
    price: int = 0
    protocol: str = "Aave"
    unsafe: bool = False

    def __post_init__(self) -> None:
        if not self.unsafe:
            name = f"{self.protocol}: e-mode category"
            _check_risk(name, self.ltv, self.liquidation_threshold, self.liquidation_bonus)


@dataclass(frozen=True, slots=True)
class Market:
    """A deployed market: its reserves, in the order of the pool's indices, and its rules.

    Parameters
    ----------
    name : str
        For messages and tables.
    reserves : tuple of ReserveParameters
        One per asset.
    mechanism : LiquidationMechanism
        Who may be liquidated, how much, at what price.
    emode_categories : mapping of int to EModeCategory
        By category number.
    """

    name: str
    reserves: tuple[ReserveParameters, ...]
    mechanism: LiquidationMechanism
    emode_categories: Mapping[int, EModeCategory] = field(default_factory=lambda: MappingProxyType({}))

    def index(self, symbol: str) -> int:
        """Return the pool index of an asset.

        Parameters
        ----------
        symbol : str
            As in the reserve's parameters.

        Raises
        ------
        ValueError
            If the market has no such asset.
        """
        for i, reserve in enumerate(self.reserves):
            if reserve.symbol == symbol:
                return i
        known = ", ".join(reserve.symbol for reserve in self.reserves)
        raise ValueError(f"{self.name}: no reserve {symbol!r}; known reserves: {known}")


def _check_risk(name: str, ltv: int, threshold: int, bonus: int) -> None:
    if threshold < ltv:
        raise ValueError(
            f"{name}: liquidation_threshold {threshold} is below ltv {ltv}, so a loan could be "
            "liquidatable when taken; raise it or pass unsafe=True"
        )
    if threshold == 0:
        return
    if bonus <= PERCENTAGE_FACTOR:
        raise ValueError(
            f"{name}: liquidation_bonus {bonus} pays liquidators nothing; collateral needs more than 10000 "
            "(10500 is 5 %), or pass unsafe=True"
        )
    if threshold * bonus >= PERCENTAGE_FACTOR * PERCENTAGE_FACTOR:
        raise ValueError(
            f"{name}: toxic bonus, liquidation_threshold {threshold} x liquidation_bonus {bonus} reaches "
            "100 %, so liquidating at the threshold leaves the account worse; lower one or pass unsafe=True"
        )
