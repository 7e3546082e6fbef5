"""What a Morpho Blue market may be: threshold, fee and the bonus that follows from them.

Holds no state and no prices.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...fixed_point import WAD

LIQUIDATION_CURSOR = 3 * WAD // 10
MAX_INCENTIVE_FACTOR = 115 * WAD // 100
MAX_FEE = WAD // 4
ENABLED_LLTVS = tuple(per_mille * WAD // 1000 for per_mille in (0, 385, 625, 770, 860, 915, 945, 965, 980))
"""Thresholds that governance has enabled on Ethereum mainnet, wad; no market has another."""


def incentive_factor(
    lltv: int, cursor: int = LIQUIDATION_CURSOR, max_factor: int = MAX_INCENTIVE_FACTOR
) -> int:
    """Collateral value handed over per unit of debt value repaid.

    ``min(max_factor, 1 / (1 - cursor (1 - lltv)))``, each step floored (MODEL 1.7).

    Parameters
    ----------
    lltv : int
        Liquidation loan-to-value, wad.
    cursor, max_factor : int
        The contract's constants .3 and 1.15, wad.

    Returns
    -------
    int
        Wad; 1.05e18 is a bonus of 5 %.
    """
    return min(max_factor, WAD * WAD // (WAD - cursor * (WAD - lltv) // WAD))


@dataclass(frozen=True, slots=True)
class MarketParameters:
    """Settings of one market, as the contract would accept them.

    Parameters
    ----------
    lltv : int
        Liquidation loan-to-value, wad, below 1e18.
    fee : int
        Share of the interest that goes to the fee recipient, wad, at most .25e18.
    cursor : int
        How fast the bonus grows as `lltv` falls, wad; the contract fixes .3e18.
    max_incentive_factor : int
        Cap of the incentive factor, wad; the contract fixes 1.15e18.
    unsafe : bool
        Accept settings that the contract refuses, for what-if experiments.

    Attributes
    ----------
    incentive_factor : int
        What follows from the above, wad.

    Raises
    ------
    ValueError
        If a setting is one the contract refuses and `unsafe` is false, or one under
        which the rules have no meaning at all.
    """

    lltv: int
    fee: int = 0
    cursor: int = LIQUIDATION_CURSOR
    max_incentive_factor: int = MAX_INCENTIVE_FACTOR
    unsafe: bool = False
    incentive_factor: int = field(init=False)

    def __post_init__(self) -> None:
        for name in ("lltv", "fee", "cursor", "max_incentive_factor"):
            if getattr(self, name) < 0:
                raise ValueError(f"Morpho Blue: {name} must not be negative, got {getattr(self, name)}")
        if self.fee > WAD:
            raise ValueError(f"Morpho Blue: fee must be at most {WAD} (all of the interest), got {self.fee}")
        if self.cursor * (WAD - self.lltv) // WAD >= WAD:
            raise ValueError(
                f"Morpho Blue: cursor {self.cursor} makes the bonus infinite at lltv {self.lltv}; "
                f"cursor x (1 - lltv) must be below 1"
            )
        if not self.unsafe:
            self._check_contract_bounds()
        object.__setattr__(
            self, "incentive_factor", incentive_factor(self.lltv, self.cursor, self.max_incentive_factor)
        )

    def _check_contract_bounds(self) -> None:
        unsafe = "pass unsafe=True to try it all the same"
        if self.lltv >= WAD:
            raise ValueError(
                f"Morpho Blue: lltv must be below {WAD} (max LLTV exceeded), got {self.lltv}; {unsafe}"
            )
        if self.fee > MAX_FEE:
            raise ValueError(
                f"Morpho Blue: fee must be at most {MAX_FEE} (max fee exceeded), got {self.fee}; {unsafe}"
            )
        if self.cursor != LIQUIDATION_CURSOR:
            raise ValueError(
                f"Morpho Blue: cursor is fixed at {LIQUIDATION_CURSOR}, got {self.cursor}; {unsafe}"
            )
        if self.max_incentive_factor != MAX_INCENTIVE_FACTOR:
            raise ValueError(
                f"Morpho Blue: max_incentive_factor is fixed at {MAX_INCENTIVE_FACTOR}, "
                f"got {self.max_incentive_factor}; {unsafe}"
            )


PRESETS: dict[str, MarketParameters] = {
    "wstETH/USDC": MarketParameters(lltv=860 * WAD // 1000),
    "WBTC/USDC": MarketParameters(lltv=860 * WAD // 1000),
    "cbBTC/USDC": MarketParameters(lltv=860 * WAD // 1000),
    "wstETH/WETH": MarketParameters(lltv=945 * WAD // 1000),
    "sUSDe/USDC": MarketParameters(lltv=915 * WAD // 1000),
}
"""Markets of Ethereum mainnet by ``collateral/loan``; no fee was charged on them at creation."""
