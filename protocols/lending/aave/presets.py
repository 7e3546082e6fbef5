"""Aave's liquidation mechanisms by version, and a real market to use them in.

The market is the Ethereum main market of Aave v2 on 19 May 2021. Its numbers are
those of the launch configuration (aave/protocol-v2, `markets/aave`). The bonuses
were checked against the liquidations of that day: the median bonus implied by
real seizures equals the launch value for every collateral with enough events and
a usable price (WETH 5 %, WBTC, LINK and AAVE 10 %). Thresholds of that day could
not be checked; a list of September 2021 has later ones (WETH 85 %) and later
bonuses (WBTC and AAVE 7.5 %), which is why it is not used here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...interest import KinkedCurve
from ...liquidation import (
    CloseFactor,
    DustFloor,
    FixedBonus,
    HealthFactorTrigger,
    LiquidationMechanism,
    WholePositionCloseFactor,
)
from .parameters import Market, ReserveParameters

V2_MECHANISM = LiquidationMechanism(HealthFactorTrigger(), CloseFactor.flat(5_000), FixedBonus())
"""Half of the chosen debt at any health factor below 1 (MODEL 1.2)."""
V3_0_2_MECHANISM = LiquidationMechanism(HealthFactorTrigger(), CloseFactor(), FixedBonus())
"""Half of the chosen debt above a health factor of .95, all of it at or below (MODEL 1.2)."""
V3_6_MECHANISM = LiquidationMechanism(
    HealthFactorTrigger(), WholePositionCloseFactor(), FixedBonus(round_repay_up=True), DustFloor()
)
"""Half of the whole debt above .95, no remainder worth less than 1000 units of base currency (MODEL 1.2)."""

_CURVES = {
    "stable one": (0.80, 0, 0.04, 1.00),
    "stable two": (0.80, 0, 0.04, 0.75),
    "stable three": (0.90, 0, 0.04, 0.60),
    "weth": (0.65, 0, 0.08, 1.00),
    "aave": (0.45, 0, 0, 0),
    "volatile one": (0.45, 0, 0.07, 3.00),
    "volatile two": (0.65, 0, 0.08, 3.00),
}
"""Optimal utilisation, base rate, slope below and above it; fractions per year."""

_V2_LAUNCH = {
    "BUSD": (18, 0, 0, 0, 1_000, "stable one", True),
    "DAI": (18, 7_500, 8_000, 10_500, 1_000, "stable two", True),
    "SUSD": (18, 0, 0, 0, 2_000, "stable one", True),
    "TUSD": (18, 7_500, 8_000, 10_500, 1_000, "stable two", True),
    "USDC": (6, 8_000, 8_500, 10_500, 1_000, "stable three", True),
    "USDT": (6, 0, 0, 0, 1_000, "stable three", True),
    "AAVE": (18, 5_000, 6_500, 11_000, 0, "aave", False),
    "BAT": (18, 7_000, 7_500, 11_000, 2_000, "volatile one", True),
    "ENJ": (18, 5_500, 6_000, 11_000, 2_000, "volatile one", True),
    "WETH": (18, 8_000, 8_250, 10_500, 1_000, "weth", True),
    "KNC": (18, 6_000, 6_500, 11_000, 2_000, "volatile two", True),
    "LINK": (18, 7_000, 7_500, 11_000, 2_000, "volatile one", True),
    "MANA": (18, 6_000, 6_500, 11_000, 3_500, "volatile one", True),
    "MKR": (18, 6_000, 6_500, 11_000, 2_000, "volatile one", True),
    "REN": (18, 5_500, 6_000, 11_000, 2_000, "volatile one", True),
    "SNX": (18, 1_500, 4_000, 11_000, 3_500, "volatile two", True),
    "UNI": (18, 6_000, 6_500, 11_000, 2_000, "volatile two", False),
    "WBTC": (8, 7_000, 7_500, 11_000, 2_000, "volatile two", True),
    "YFI": (18, 4_000, 5_500, 11_500, 2_000, "volatile one", True),
    "ZRX": (18, 6_000, 6_500, 11_000, 2_000, "volatile one", True),
    "xSUSHI": (18, 2_500, 4_500, 11_500, 3_500, "volatile one", True),
}
"""Decimals, ltv, threshold, bonus, reserve factor (basis points), curve, whether it can be borrowed."""


def aave_v2_main_may_2021(
    symbols: Sequence[str] | None = None,
    decimals: Mapping[str, int] | None = None,
    mechanism: LiquidationMechanism = V2_MECHANISM,
) -> Market:
    """Build the Aave v2 main market on Ethereum as of the crash of 19 May 2021.

    Parameters
    ----------
    symbols : sequence of str, optional
        Reserves to include, in this order; all by default.
    decimals : mapping of str to int, optional
        Replaces the tokens' own decimals (simulated assets have at most 9).
    mechanism : LiquidationMechanism
        Replaces the flat 50 % close factor of v2.

    Raises
    ------
    ValueError
        If a symbol is not a reserve of the market.
    """
    name = "Aave v2 main market, May 2021"
    chosen = tuple(_V2_LAUNCH) if symbols is None else tuple(symbols)
    scale = decimals or {}
    for symbol in (*chosen, *scale):
        if symbol not in _V2_LAUNCH:
            raise ValueError(f"{name}: no reserve {symbol!r}; known reserves: {', '.join(_V2_LAUNCH)}")
    return Market(name, tuple(_v2_reserve(symbol, scale.get(symbol)) for symbol in chosen), mechanism)


def _v2_reserve(symbol: str, decimals: int | None) -> ReserveParameters:
    own_decimals, ltv, threshold, bonus, reserve_factor, curve, borrowable = _V2_LAUNCH[symbol]
    return ReserveParameters(
        symbol=symbol,
        decimals=own_decimals if decimals is None else decimals,
        ltv=ltv,
        liquidation_threshold=threshold,
        liquidation_bonus=bonus,
        liquidation_protocol_fee=0,
        reserve_factor=reserve_factor,
        curve=KinkedCurve.from_fractions(*_CURVES[curve]),
        borrowing_enabled=borrowable,
        protocol="Aave v2",
    )
