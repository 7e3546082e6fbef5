"""Fixed terms of Liquity v1, and of the branches of Liquity v2.

Holds no state and no prices.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...fixed_point import WAD

PERCENT = WAD // 100


@dataclass(frozen=True, slots=True)
class LiquityParameters:
    """Terms of Liquity v1; the defaults are the contract's, which cannot be changed.

    Parameters
    ----------
    minimum_ratio : int
        Collateral ratio below which a trove is liquidated (MCR), wad.
    critical_ratio : int
        Total collateral ratio below which recovery mode rules (CCR), wad.
    gas_compensation_debt : int
        Paid to the liquidator for each trove, LUSD wei; part of every trove's debt.
    gas_compensation_divisor : int
        The liquidator also gets the collateral divided by this.
    minimum_net_debt : int
        Smallest debt of a new trove without its gas compensation, LUSD wei.
    unsafe : bool
        Accept terms other than the contract's.

    Raises
    ------
    ValueError
        If a term differs from the contract's and `unsafe` is false, or has no meaning.
    """

    minimum_ratio: int = 110 * PERCENT
    critical_ratio: int = 150 * PERCENT
    gas_compensation_debt: int = 200 * WAD
    gas_compensation_divisor: int = 200
    minimum_net_debt: int = 1800 * WAD
    unsafe: bool = False

    def __post_init__(self) -> None:
        for term in fields(self):
            value = getattr(self, term.name)
            if term.name != "unsafe" and value != term.default and not self.unsafe:
                raise ValueError(
                    f"Liquity v1: {term.name} is fixed at {term.default}, got {value}; "
                    f"pass unsafe=True to try it all the same"
                )
        for name in ("minimum_ratio", "critical_ratio", "gas_compensation_divisor"):
            if getattr(self, name) <= 0:
                raise ValueError(f"Liquity v1: {name} must be positive, got {getattr(self, name)}")
        for name in ("gas_compensation_debt", "minimum_net_debt"):
            if getattr(self, name) < 0:
                raise ValueError(f"Liquity v1: {name} must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class BranchParameters:
    """Terms of one collateral branch of Liquity v2 (BOLD); see MODEL 1.5.

    Parameters
    ----------
    minimum_ratio, critical_ratio, shutdown_ratio : int
        Collateral ratio for liquidation (MCR), and total ratios that restrict borrowing
        (CCR) and shut the branch down (SCR), wad, above 1 and below 2.
    pool_penalty : int
        Most the stability pool gains per unit of debt, wad, at least .05e18.
    redistribution_penalty : int
        Most other troves gain per unit of debt, wad, from `pool_penalty` to .2e18.
    gas_compensation_divisor, gas_compensation_cap : int
        The liquidator gets the collateral that the pool offsets divided by the first,
        at most the second, base units.
    gas_compensation_deposit : int
        Fixed deposit paid to the liquidator for each trove, wei of ETH.
    minimum_debt : int
        Smallest debt of a trove, BOLD wei.
    minimum_in_pool : int
        Deposits that no liquidation uses up, BOLD wei.
    urgent_redemption_bonus : int
        Gain of those who redeem after a shutdown, wad.
    unsafe : bool
        Accept ratios and penalties that the contract refuses.

    Raises
    ------
    ValueError
        If a term is one the contract refuses and `unsafe` is false, or has no meaning.
    """

    minimum_ratio: int
    critical_ratio: int
    shutdown_ratio: int
    redistribution_penalty: int
    pool_penalty: int = 5 * PERCENT
    gas_compensation_divisor: int = 200
    gas_compensation_cap: int = 2 * WAD
    gas_compensation_deposit: int = 375 * WAD // 10_000
    minimum_debt: int = 2000 * WAD
    minimum_in_pool: int = WAD
    urgent_redemption_bonus: int = 2 * PERCENT
    unsafe: bool = False

    def __post_init__(self) -> None:
        for term in fields(self):
            if getattr(self, term.name) < 0:
                raise ValueError(
                    f"Liquity v2: {term.name} must not be negative, got {getattr(self, term.name)}"
                )
        if self.gas_compensation_divisor == 0:
            raise ValueError("Liquity v2: gas_compensation_divisor must be positive, got 0")
        if not self.unsafe:
            self._check_contract_bounds()

    def _check_contract_bounds(self) -> None:
        unsafe = "pass unsafe=True to try it all the same"
        for name, rule in (
            ("critical_ratio", "InvalidCCR"),
            ("minimum_ratio", "InvalidMCR"),
            ("shutdown_ratio", "InvalidSCR"),
        ):
            value = getattr(self, name)
            if not WAD < value < 2 * WAD:
                raise ValueError(
                    f"Liquity v2: {name} must be above {WAD} and below {2 * WAD} ({rule}), "
                    f"got {value}; {unsafe}"
                )
        if self.pool_penalty < 5 * PERCENT:
            raise ValueError(
                f"Liquity v2: pool_penalty must be at least {5 * PERCENT} (SPPenaltyTooLow), "
                f"got {self.pool_penalty}; {unsafe}"
            )
        if self.pool_penalty > self.redistribution_penalty:
            raise ValueError(
                f"Liquity v2: pool_penalty must be at most redistribution_penalty "
                f"{self.redistribution_penalty} (SPPenaltyGtRedist), got {self.pool_penalty}; {unsafe}"
            )
        if self.redistribution_penalty > 20 * PERCENT:
            raise ValueError(
                f"Liquity v2: redistribution_penalty must be at most {20 * PERCENT} (RedistPenaltyTooHigh), "
                f"got {self.redistribution_penalty}; {unsafe}"
            )


BRANCH_PRESETS: dict[str, BranchParameters] = {
    "WETH": BranchParameters(
        minimum_ratio=110 * PERCENT,
        critical_ratio=150 * PERCENT,
        shutdown_ratio=110 * PERCENT,
        redistribution_penalty=10 * PERCENT,
    ),
    "wstETH": BranchParameters(
        minimum_ratio=120 * PERCENT,
        critical_ratio=160 * PERCENT,
        shutdown_ratio=120 * PERCENT,
        redistribution_penalty=20 * PERCENT,
    ),
    "rETH": BranchParameters(
        minimum_ratio=120 * PERCENT,
        critical_ratio=160 * PERCENT,
        shutdown_ratio=120 * PERCENT,
        redistribution_penalty=20 * PERCENT,
    ),
}
"""The three branches of Liquity v2 on Ethereum mainnet."""
