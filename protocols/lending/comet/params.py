"""Settings of a Comet (Compound v3) market, checked as its constructor checks them.

One base asset is lent, several collateral assets only secure loans. Holds no
state and no rule that executes; real markets are in `presets`.
"""

from __future__ import annotations

from dataclasses import dataclass

FACTOR_SCALE = 10**18
"""Fixed point of factors, rates and utilisation."""
INDEX_SCALE = 10**15
"""Fixed point of the two base indices."""
PRICE_SCALE = 10**8
"""Fixed point of prices, USD per whole token."""
SECONDS_PER_YEAR = 31_536_000

MAX_ASSETS = 24
"""Most collateral assets of a deployment (extended asset list)."""

_FACTOR_STEP = FACTOR_SCALE // 10_000


@dataclass(frozen=True, slots=True)
class RateCurve:
    """A yearly rate as a function of utilisation, with one kink.

    Parameters
    ----------
    kink : int
        Utilisation, 1e18.
    slope_low, slope_high, base : int
        Slopes below and above the kink and intercept, 1e18 per year. The contract keeps them per
        second, each divided by 31,536,000 and floored.

    Raises
    ------
    ValueError
        If a value is negative.
    """

    kink: int
    slope_low: int
    slope_high: int
    base: int = 0

    def __post_init__(self) -> None:
        for name in ("kink", "slope_low", "slope_high", "base"):
            if getattr(self, name) < 0:
                raise ValueError(f"Comet rate curve: {name} must be 0 or more, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class AssetParams:
    """Settings of one collateral asset.

    Parameters
    ----------
    symbol : str
        The asset.
    decimals : int
        Its decimals.
    borrow_collateral_factor : int
        Share of its value that may be borrowed against, 1e18.
    liquidate_collateral_factor : int
        Share of its value that counts before an absorption, 1e18; larger than the former.
    liquidation_factor : int
        Share of its value that the protocol credits when it absorbs, 1e18.
    supply_cap : int or None
        Most base units the market holds; None for no limit.

    The contract keeps four decimals of each factor and whole tokens of a cap: finer digits are dropped.
    """

    symbol: str
    decimals: int
    borrow_collateral_factor: int
    liquidate_collateral_factor: int
    liquidation_factor: int
    supply_cap: int | None = None

    def __post_init__(self) -> None:
        for name in ("borrow_collateral_factor", "liquidate_collateral_factor", "liquidation_factor"):
            value = getattr(self, name)
            if not 0 <= value <= FACTOR_SCALE:
                raise ValueError(
                    f"Comet: {self.symbol}.{name} = {value} is refused, allowed: 0 to 1e18 "
                    "(LiquidateCFTooLarge; a larger liquidation factor leaves no store price)"
                )
            object.__setattr__(self, name, value // _FACTOR_STEP * _FACTOR_STEP)
        if not 0 <= self.decimals <= 36:
            raise ValueError(f"Comet: {self.symbol}.decimals = {self.decimals} is refused, allowed: 0 to 36")
        if self.supply_cap is not None:
            if self.supply_cap < 0:
                raise ValueError(
                    f"Comet: {self.symbol}.supply_cap = {self.supply_cap} must be 0 or more, or None"
                )
            object.__setattr__(self, "supply_cap", self.supply_cap // self.scale * self.scale)

    @property
    def scale(self) -> int:
        """Base units of one whole token."""
        return int(10**self.decimals)


@dataclass(frozen=True, slots=True)
class CometParams:
    """Settings of a Comet market.

    Parameters
    ----------
    base_symbol : str
        The asset that is lent.
    base_decimals : int
        Its decimals, 6 to 18.
    supply_curve, borrow_curve : RateCurve
        Comet sets both; suppliers do not simply share what borrowers pay.
    store_front_price_factor : int
        Share of the liquidation penalty given to buyers of absorbed collateral, 1e18.
    target_reserves : int
        Reserves (base units) from which on nothing is sold.
    base_borrow_min : int
        Smallest debt, base units.
    assets : tuple of AssetParams
        In listing order, which is the order of states, holdings and prices.
    unsafe : bool
        Accept settings that the constructor refuses, as long as the arithmetic has a meaning.

    Raises
    ------
    ValueError
        Naming the protocol, the setting, its value and the rule.
    """

    base_symbol: str
    base_decimals: int
    supply_curve: RateCurve
    borrow_curve: RateCurve
    store_front_price_factor: int
    target_reserves: int
    base_borrow_min: int
    assets: tuple[AssetParams, ...]
    unsafe: bool = False

    def __post_init__(self) -> None:
        for name in ("base_decimals", "store_front_price_factor", "target_reserves", "base_borrow_min"):
            if getattr(self, name) < 0:
                self._refuse(name, getattr(self, name), "0 or more")
        if self.unsafe:
            return
        if not 6 <= self.base_decimals <= 18:
            self._refuse("base_decimals", self.base_decimals, "6 to 18 (BadDecimals)")
        if self.store_front_price_factor > FACTOR_SCALE:
            self._refuse(
                "store_front_price_factor", self.store_front_price_factor, "at most 1e18 (BadDiscount)"
            )
        if len(self.assets) > MAX_ASSETS:
            self._refuse("number of assets", len(self.assets), f"at most {MAX_ASSETS} (TooManyAssets)")
        for asset in self.assets:
            if asset.decimals > 18:
                self._refuse(f"{asset.symbol}.decimals", asset.decimals, "0 to 18")
            if asset.borrow_collateral_factor >= asset.liquidate_collateral_factor:
                self._refuse(
                    f"{asset.symbol}.borrow_collateral_factor",
                    asset.borrow_collateral_factor,
                    f"less than the liquidate factor {asset.liquidate_collateral_factor} (BorrowCFTooLarge)",
                )

    @property
    def base_scale(self) -> int:
        """Base units of one whole base token."""
        return int(10**self.base_decimals)

    def _refuse(self, name: str, value: object, allowed: str) -> None:
        hint = "" if self.unsafe else " (unsafe=True allows what only the contract forbids)"
        raise ValueError(f"Comet: {name} = {value} is refused, allowed: {allowed}{hint}")
