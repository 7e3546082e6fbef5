"""Liquidation on Euler v2: the worse the health, the larger the discount.

The discount on collateral equals the shortfall, ``1 - collateral value / liability
value`` at liquidation thresholds, up to a cap (a reverse Dutch auction; MODEL 1.6). A
liquidator takes debt over and receives collateral; there is no close factor. An account
whose collateral exactly covers its debt may be liquidated.
Source: euler-xyz/euler-vault-kit 5b98b42, ``Liquidation.sol``; set ``euler_evk``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ....market.revert import Revert
from ...fixed_point import PERCENTAGE_FACTOR, WAD
from .parameters import VaultParameters
from .vault import Vault, debt_in_assets, decrease_debt, transfer_debt, with_new_rate

MIN_SOCIALIZATION_VALUE = 10**6
"""Liability value from which debt without collateral is socialised, in the unit of account."""


class Quote(NamedTuple):
    """Oracle price of a token.

    Attributes
    ----------
    price : int
        Units of account for a whole token.
    decimals : int
        Of the token.
    """

    price: int
    decimals: int

    def value(self, amount: int) -> int:
        """Value of base units of the token in the unit of account, rounded down."""
        return amount * self.price // int(10**self.decimals)


@dataclass(frozen=True, slots=True)
class Collateral:
    """One collateral of an account.

    Parameters
    ----------
    balance : int
        Base units of the collateral token (the share of a vault).
    quote : Quote
        Its price.
    liquidation_ltv : int
        Threshold, basis points from 0 to 10000.
    enabled : bool
        Whether the account has declared it as collateral.

    Raises
    ------
    ValueError
        If the threshold is out of range.
    """

    balance: int
    quote: Quote
    liquidation_ltv: int
    enabled: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.liquidation_ltv <= PERCENTAGE_FACTOR:
            raise ValueError(
                f"Euler v2: liquidation_ltv must be from 0 to {PERCENTAGE_FACTOR} basis points, "
                f"got {self.liquidation_ltv}"
            )


class Liquidity(NamedTuple):
    """Both sides of an account at liquidation thresholds, in the unit of account."""

    collateral_value: int
    liability_value: int

    @property
    def healthy(self) -> bool:
        """Whether the account cannot be liquidated; exact cover is not enough."""
        return self.liability_value == 0 or self.collateral_value > self.liability_value


class Opportunity(NamedTuple):
    """What a liquidator may take over and receives for it, base units."""

    repay: int
    yield_balance: int


@dataclass(frozen=True, slots=True)
class Liquidation:
    """Outcome of a liquidation.

    Parameters
    ----------
    vault : Vault
        New totals with the new interest rate.
    repaid, yield_balance : int
        Debt taken over and collateral received, base units.
    socialized : int
        Debt that left the vault at the depositors' cost, base units.
    violator_debt, liquidator_debt : int
        Exact debts after.
    """

    vault: Vault
    repaid: int
    yield_balance: int
    socialized: int
    violator_debt: int
    liquidator_debt: int


def liquidity_of(collaterals: Sequence[Collateral], debt: int, debt_quote: Quote) -> Liquidity:
    """Value both sides of an account.

    Parameters
    ----------
    collaterals : sequence of Collateral
        Those not enabled do not count.
    debt : int
        Exact debt (31 fractional bits).
    debt_quote : Quote
        Price of the vault's token.
    """
    value = sum(
        held.quote.value(held.balance) * held.liquidation_ltv // PERCENTAGE_FACTOR
        for held in collaterals
        if held.enabled
    )
    return Liquidity(value, debt_quote.value(debt_in_assets(debt)))


def discount_factor(liquidity: Liquidity, max_discount: int) -> int:
    """Price of collateral in a liquidation as a fraction of its oracle price.

    Parameters
    ----------
    liquidity : Liquidity
        With a liability.
    max_discount : int
        Cap, basis points.

    Returns
    -------
    int
        Wad; .95e18 is a discount of 5 %.
    """
    health = liquidity.collateral_value * WAD // liquidity.liability_value
    return max(health, WAD - WAD * max_discount // PERCENTAGE_FACTOR)


def check_liquidation(
    parameters: VaultParameters,
    collaterals: Sequence[Collateral],
    target: int,
    debt: int,
    debt_quote: Quote,
    *,
    since_check: int,
) -> Opportunity:
    """Most that one call may take over.

    Parameters
    ----------
    parameters : VaultParameters
        Of the vault that lent.
    collaterals : sequence of Collateral
        Of the account.
    target : int
        Index of the collateral wanted.
    debt : int
        Exact debt.
    debt_quote : Quote
        Price of the vault's token.
    since_check : int
        Seconds since the account itself last passed a check of its health.

    Returns
    -------
    Opportunity
        Zeros for a healthy account. A worthless collateral is given away for nothing.

    Raises
    ------
    Revert
        ``E_CollateralDisabled``, ``E_LiquidationCoolOff``.
    """
    wanted = collaterals[target]
    if not wanted.enabled:
        raise Revert("E_CollateralDisabled")
    if since_check < parameters.cool_off:
        raise Revert("E_LiquidationCoolOff")
    liquidity = liquidity_of(collaterals, debt, debt_quote)
    if liquidity.healthy:
        return Opportunity(0, 0)
    available = wanted.quote.value(wanted.balance)
    if available == 0:
        return Opportunity(0, wanted.balance)
    factor = discount_factor(liquidity, parameters.max_discount)
    repay_value = liquidity.liability_value
    yield_value = repay_value * WAD // factor
    if available < yield_value:
        repay_value, yield_value = available * factor // WAD, available
    return Opportunity(
        repay_value * debt_in_assets(debt) // liquidity.liability_value,
        yield_value * wanted.balance // available,
    )


def liquidate(
    vault: Vault,
    parameters: VaultParameters,
    collaterals: Sequence[Collateral],
    target: int,
    violator_debt: int,
    liquidator_debt: int,
    debt_quote: Quote,
    *,
    since_check: int,
    repay_assets: int | None = None,
    min_yield_balance: int = 0,
) -> Liquidation:
    """Take debt over from an unhealthy account and receive its collateral at a discount.

    Parameters
    ----------
    vault : Vault
        Accrued up to now.
    parameters : VaultParameters
        Of that vault.
    collaterals : sequence of Collateral
        Of the violator.
    target : int
        Index of the collateral wanted.
    violator_debt, liquidator_debt : int
        Exact debts.
    debt_quote : Quote
        Price of the vault's token.
    since_check : int
        Seconds since the violator last passed a check.
    repay_assets : int, optional
        Debt to take over, base units; all that is allowed unless given.
    min_yield_balance : int
        The call is refused if it gives less collateral.

    Returns
    -------
    Liquidation
        New states and amounts; what was passed in is unchanged. Nothing moves if the
        account is healthy.

    Raises
    ------
    Revert
        As `check_liquidation`; ``E_ExcessiveRepayAmount``; ``E_MinYield``.
    """
    most = check_liquidation(
        parameters, collaterals, target, violator_debt, debt_quote, since_check=since_check
    )
    repaid, yield_balance = _wanted(most, repay_assets, owes=violator_debt > 0)
    if min_yield_balance > yield_balance:
        raise Revert("E_MinYield")
    owed = debt_in_assets(violator_debt)
    left, taken = transfer_debt(violator_debt, liquidator_debt, repaid)
    socialized = 0
    liquidity = liquidity_of(collaterals, violator_debt, debt_quote)
    if (
        parameters.socialize_debt
        and not liquidity.healthy
        and liquidity.liability_value >= MIN_SOCIALIZATION_VALUE
        and owed > repaid
        and _nothing_left(collaterals, target, yield_balance)
    ):
        socialized = owed - repaid
        vault, left = decrease_debt(vault, left, socialized)
    return Liquidation(with_new_rate(vault, parameters), repaid, yield_balance, socialized, left, taken)


def _wanted(most: Opportunity, repay_assets: int | None, *, owes: bool) -> Opportunity:
    """Part of an opportunity that a liquidator asks for."""
    if repay_assets is None or not owes:
        return most
    if repay_assets > most.repay:
        raise Revert("E_ExcessiveRepayAmount")
    if most.repay == 0:
        return most
    return Opportunity(repay_assets, repay_assets * most.yield_balance // most.repay)


def _nothing_left(collaterals: Sequence[Collateral], target: int, yield_balance: int) -> bool:
    return all(
        held.balance == (yield_balance if index == target else 0)
        for index, held in enumerate(collaterals)
        if held.enabled
    )
