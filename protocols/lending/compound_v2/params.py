"""Settings of a Compound v2 or Venus core pool, checked against what governance may set.

Holds no state and no rule that executes; real pools are in `presets`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WAD = 10**18
"""Fixed point of every factor, rate, index and exchange rate."""

BLOCKS_PER_YEAR = 2_102_400
"""Blocks (15 s) by which Compound's rate models divide an annual rate."""

BNB_BLOCKS_PER_YEAR = 10_512_000
"""Blocks (3 s) by which those of Venus do."""

MIN_CLOSE_FACTOR = 5 * 10**16
MAX_CLOSE_FACTOR = 90 * 10**16
MAX_COMPOUND_COLLATERAL_FACTOR = 90 * 10**16


class Fork(StrEnum):
    """Whose rules the engine follows."""

    COMPOUND_V2 = "compound_v2"
    VENUS_CORE = "venus_core"

    @property
    def label(self) -> str:
        """Name for error messages."""
        return "Compound v2" if self is Fork.COMPOUND_V2 else "Venus core"


def blocks_per_year(fork: Fork) -> int:
    """Return the blocks by which the fork's governance divides an annual rate."""
    return BLOCKS_PER_YEAR if fork is Fork.COMPOUND_V2 else BNB_BLOCKS_PER_YEAR


@dataclass(frozen=True, slots=True)
class JumpRateModel:
    """Borrow rate as a function of utilisation, with one kink (JumpRateModel.sol).

    Parameters
    ----------
    base_rate_per_block, multiplier_per_block, jump_multiplier_per_block : int
        Intercept and the slopes below and above the kink, wad per block.
    kink : int
        Utilisation (wad) at which the second slope begins. The contract sets no upper bound: a kink
        above 1e18 is never reached.

    Raises
    ------
    ValueError
        If a value is negative.
    """

    base_rate_per_block: int
    multiplier_per_block: int
    jump_multiplier_per_block: int
    kink: int

    def __post_init__(self) -> None:
        for name in ("base_rate_per_block", "multiplier_per_block", "jump_multiplier_per_block", "kink"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"Compound v2 rate model: {name} must be 0 or more, got {getattr(self, name)}"
                )

    @classmethod
    def per_year(
        cls, base: int, multiplier: int, jump: int, kink: int, blocks_per_year: int = BLOCKS_PER_YEAR
    ) -> JumpRateModel:
        """Build a model from annual rates, each divided (floored) by the blocks of a year.

        Parameters
        ----------
        base, multiplier, jump : int
            Annual intercept and slopes, wad.
        kink : int
            Utilisation, wad.
        blocks_per_year : int
            2,102,400 on Ethereum (15 s blocks); 10,512,000 on BNB chain (3 s blocks).
        """
        return cls(base // blocks_per_year, multiplier // blocks_per_year, jump // blocks_per_year, kink)


@dataclass(frozen=True, slots=True)
class MarketParams:
    """Settings of one cToken or vToken market.

    Parameters
    ----------
    symbol : str
        The underlying asset.
    underlying_decimals : int
        Decimals of the underlying; prices are USD x 10^(36 - decimals) per whole token.
    rate_model : JumpRateModel
        Borrow rate.
    collateral_factor : int
        Share of collateral value that may be borrowed against, wad.
    liquidation_threshold : int
        Share of collateral value that counts before a liquidation, wad. Compound has one number for
        both: give the collateral factor.
    liquidation_incentive : int
        Value seized per value repaid, wad (1.08e18 is 8 % bonus). Venus sets one per collateral market;
        Compound one for the pool: give the same everywhere.
    reserve_factor : int
        Share of interest that goes to reserves, wad.
    protocol_seize_share : int
        Share of seized tokens that is burned for the reserves, wad; Compound only.
    initial_exchange_rate : int or None
        Exchange rate (wad) while nothing is supplied; None gives 0.02 underlying per token of 8 decimals,
        as every Compound market had.
    forced_liquidation : bool
        Venus only: debts in this market may be liquidated, up to all of them, at any health.
    """

    symbol: str
    underlying_decimals: int
    rate_model: JumpRateModel
    collateral_factor: int
    liquidation_threshold: int
    liquidation_incentive: int
    reserve_factor: int = 0
    protocol_seize_share: int = 0
    initial_exchange_rate: int | None = None
    forced_liquidation: bool = False

    @property
    def first_exchange_rate(self) -> int:
        """Exchange rate while the market has no supply, wad."""
        if self.initial_exchange_rate is not None:
            return self.initial_exchange_rate
        return int(2 * 10 ** (8 + self.underlying_decimals))


@dataclass(frozen=True, slots=True)
class PoolParams:
    """Settings of a pool: whose rules, the close factor and the markets.

    Parameters
    ----------
    fork : Fork
        Compound v2 or Venus core.
    close_factor : int
        Largest share of one debt that a single call may repay, wad.
    markets : tuple of MarketParams
        In the order in which states, holdings and prices are given.
    unsafe : bool
        Accept settings that the contracts refuse, as long as the arithmetic has a meaning.

    Raises
    ------
    ValueError
        Naming the protocol, the setting, its value and the rule.
    """

    fork: Fork
    close_factor: int
    markets: tuple[MarketParams, ...]
    unsafe: bool = False

    def __post_init__(self) -> None:
        if not self.markets:
            self._refuse("markets", "()", "at least one market")
        for market in self.markets:
            self._check_meaning(market)
        if self.close_factor < 0:
            self._refuse("close_factor", self.close_factor, "0 or more")
        if self.unsafe:
            return
        if not MIN_CLOSE_FACTOR <= self.close_factor <= MAX_CLOSE_FACTOR:
            self._refuse("close_factor", self.close_factor, "0.05e18 to 0.9e18")
        for market in self.markets:
            self._check_market(market)

    def _check_meaning(self, market: MarketParams) -> None:
        at = f"{market.symbol}."
        if not 0 <= market.underlying_decimals <= 36:
            self._refuse(at + "underlying_decimals", market.underlying_decimals, "0 to 36")
        for name in ("collateral_factor", "liquidation_threshold", "liquidation_incentive", "reserve_factor"):
            if getattr(market, name) < 0:
                self._refuse(at + name, getattr(market, name), "0 or more")
        if not 0 <= market.protocol_seize_share <= WAD:
            self._refuse(at + "protocol_seize_share", market.protocol_seize_share, "0 to 1e18")
        if market.first_exchange_rate <= 0:
            self._refuse(at + "initial_exchange_rate", market.initial_exchange_rate, "more than 0")

    def _check_market(self, market: MarketParams) -> None:
        at = f"{market.symbol}."
        if market.underlying_decimals > 18:
            self._refuse(at + "underlying_decimals", market.underlying_decimals, "0 to 18")
        if market.reserve_factor > WAD:
            self._refuse(
                at + "reserve_factor", market.reserve_factor, "at most 1e18 (reserveFactorMaxMantissa)"
            )
        if market.liquidation_incentive < WAD:
            self._refuse(at + "liquidation_incentive", market.liquidation_incentive, "at least 1e18")
        if self.fork is Fork.COMPOUND_V2:
            self._check_compound(market, at)
        else:
            self._check_venus(market, at)

    def _check_compound(self, market: MarketParams, at: str) -> None:
        if market.collateral_factor > MAX_COMPOUND_COLLATERAL_FACTOR:
            self._refuse(
                at + "collateral_factor",
                market.collateral_factor,
                "at most 0.9e18 (collateralFactorMaxMantissa)",
            )
        if market.liquidation_threshold != market.collateral_factor:
            self._refuse(
                at + "liquidation_threshold",
                market.liquidation_threshold,
                f"the collateral factor {market.collateral_factor}: this protocol has one number for both",
            )
        if market.liquidation_incentive != self.markets[0].liquidation_incentive:
            self._refuse(
                at + "liquidation_incentive",
                market.liquidation_incentive,
                f"{self.markets[0].liquidation_incentive}: one incentive for the whole pool",
            )
        if market.forced_liquidation:
            self._refuse(at + "forced_liquidation", True, "False: only Venus has the flag")

    def _check_venus(self, market: MarketParams, at: str) -> None:
        if market.liquidation_threshold > WAD:
            self._refuse(at + "liquidation_threshold", market.liquidation_threshold, "at most 1e18")
        if market.collateral_factor > market.liquidation_threshold:
            self._refuse(
                at + "collateral_factor",
                market.collateral_factor,
                f"at most the liquidation threshold {market.liquidation_threshold}",
            )
        if market.protocol_seize_share:
            self._refuse(
                at + "protocol_seize_share",
                market.protocol_seize_share,
                "0: the liquidator gets all that is seized",
            )

    def _refuse(self, name: str, value: object, allowed: str) -> None:
        hint = "" if self.unsafe else " (unsafe=True allows what only the contract forbids)"
        raise ValueError(f"{self.fork.label}: {name} = {value} is refused, allowed: {allowed}{hint}")


def compound_pool(
    markets: tuple[MarketParams, ...], close_factor: int = WAD // 2, *, unsafe: bool = False
) -> PoolParams:
    """Return a pool under Compound v2's rules (close factor 50 % unless said otherwise)."""
    return PoolParams(Fork.COMPOUND_V2, close_factor, markets, unsafe)


def venus_pool(
    markets: tuple[MarketParams, ...], close_factor: int = WAD // 2, *, unsafe: bool = False
) -> PoolParams:
    """Return a pool under Venus core's rules (close factor 50 % unless said otherwise)."""
    return PoolParams(Fork.VENUS_CORE, close_factor, markets, unsafe)
