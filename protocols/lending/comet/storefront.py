"""The storefront: absorbed collateral sold below its oracle price while reserves are short.

The discount is a fixed share of the asset's liquidation penalty; there is no
auction, so who comes first buys. Source: buyCollateral and quoteCollateral of
Comet.sol @ d5a30b0; MODEL 1.3, CASES L11 to L13.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from .params import FACTOR_SCALE, CometParams
from .rates import reserves
from .state import CometState, Prices, replaced


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a purchase did.

    Parameters
    ----------
    base_paid, collateral : int
        Base units paid and received.
    reserves : int
        Reserves afterwards, base units.
    state : CometState
        The market; a purchase stores no accrual.
    """

    base_paid: int
    collateral: int
    reserves: int
    state: CometState


def store_price(params: CometParams, asset: int, price: int) -> int:
    """Price (8 decimals) at which an asset is sold: oracle price x (1 - store factor x penalty).

    Parameters
    ----------
    asset : int
        Place in the listing.
    price : int
        Oracle price, 8 decimals.
    """
    penalty = FACTOR_SCALE - params.assets[asset].liquidation_factor
    discount = params.store_front_price_factor * penalty // FACTOR_SCALE
    return price * (FACTOR_SCALE - discount) // FACTOR_SCALE


def quote_collateral(params: CometParams, asset: int, base_amount: int, prices: Prices) -> int:
    """Return the base units of an asset that `base_amount` of the base token buys.

    Raises
    ------
    Revert
        ``BadPrice``, or a panic if the discount leaves no price (an unsafe setting).
    """
    if prices.base <= 0 or prices.assets[asset] <= 0:
        raise Revert("BadPrice")
    discounted = store_price(params, asset, prices.assets[asset])
    if discounted <= 0:
        raise Revert("Panic(0x12 division)")
    # All products come before the two divisions, as in the contract.
    return prices.base * base_amount * params.assets[asset].scale // discounted // params.base_scale


def collateral_reserves(state: CometState, asset: int) -> int:
    """Return the base units of an asset that belong to the protocol and are for sale."""
    return state.asset_balance[asset] - state.total_supply_asset[asset]


def most_payment(params: CometParams, state: CometState, asset: int, prices: Prices) -> int:
    """Return the base units that buy all the protocol holds of an asset, or as much as a quote can hit.

    0 if nothing is held, or nothing has a price. Where one base unit buys several units of
    the asset, fewer than it buys may be left over.
    """
    units, discounted = collateral_reserves(state, asset), store_price(params, asset, prices.assets[asset])
    if units <= 0 or discounted <= 0 or prices.base <= 0:
        return 0
    cost, per_unit = discounted * params.base_scale, prices.base * params.assets[asset].scale
    all_of_it = -(-units * cost // per_unit)
    return min(all_of_it, ((units + 1) * cost - 1) // per_unit)


def buy_collateral(
    params: CometParams,
    state: CometState,
    prices: Prices,
    timestamp: int,
    *,
    asset: int,
    base_amount: int,
    min_amount: int = 0,
) -> Purchase:
    """Buy collateral of the protocol with base tokens.

    Parameters
    ----------
    params, state, prices
        The market, its stored state, oracle prices over the assets.
    timestamp : int
        Unix seconds; reserves count with interest up to then.
    asset : int
        Place in the listing.
    base_amount : int
        Base units paid, 0 or more.
    min_amount : int
        Fewest base units of collateral the buyer accepts.

    Raises
    ------
    Revert
        ``NotForSale`` when reserves have reached their target, ``TooMuchSlippage``, and
        ``InsufficientReserves`` when the protocol holds less than the quote.
    """
    if base_amount < 0:
        raise ValueError(f"base_amount must be 0 or more base units, got {base_amount}")
    held = reserves(params, state, timestamp)
    if held >= 0 and held >= params.target_reserves:
        raise Revert("NotForSale")
    amount = quote_collateral(params, asset, base_amount, prices)
    if amount < min_amount:
        raise Revert("TooMuchSlippage")
    if amount > collateral_reserves(state, asset):
        raise Revert("InsufficientReserves")
    after = CometState(
        state.base_supply_index,
        state.base_borrow_index,
        state.total_supply_base,
        state.total_borrow_base,
        state.last_accrual_time,
        state.base_balance + base_amount,
        state.total_supply_asset,
        replaced(state.asset_balance, asset, state.asset_balance[asset] - amount),
    )
    return Purchase(base_amount, amount, held + base_amount, after)
