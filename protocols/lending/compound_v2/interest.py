"""Interest of one Compound v2 or Venus market: rates, accrual, exchange rate, one debt.

Simple interest per accrual at the rate of the stored utilisation; compounding
comes from accruing often. Sources: CToken.sol and JumpRateModel.sol of
compound-protocol @ a3214f67 (VToken.sol is the same arithmetic), MODEL 1.9.
"""

from __future__ import annotations

from ....market.revert import Revert
from .params import WAD, JumpRateModel, MarketParams
from .state import Holding, MarketState

MAX_BORROW_RATE_PER_BLOCK = 5 * 10**12
"""Above 0.0005 % per block an accrual is refused."""

PANIC_UNDERFLOW = "Panic(0x11 arithmetic)"
PANIC_DIVISION = "Panic(0x12 division)"


def subtract(a: int, b: int) -> int:
    """Return ``a - b``, both unsigned.

    Raises
    ------
    Revert
        If the result would be negative.
    """
    if b > a:
        raise Revert(PANIC_UNDERFLOW)
    return a - b


def utilization(market: MarketState) -> int:
    """Borrowed share of what suppliers own, wad: borrows / (cash + borrows - reserves), 0 without debt."""
    if market.total_borrows == 0:
        return 0
    supplied = subtract(market.cash + market.total_borrows, market.total_reserves)
    if supplied == 0:
        raise Revert(PANIC_DIVISION)
    return market.total_borrows * WAD // supplied


def borrow_rate(model: JumpRateModel, utilization: int) -> int:
    """Borrow rate per block, wad: one slope up to the kink, another beyond it."""
    if utilization <= model.kink:
        return utilization * model.multiplier_per_block // WAD + model.base_rate_per_block
    at_kink = model.kink * model.multiplier_per_block // WAD + model.base_rate_per_block
    return (utilization - model.kink) * model.jump_multiplier_per_block // WAD + at_kink


def supply_rate(params: MarketParams, market: MarketState) -> int:
    """Rate per block that suppliers earn, wad: utilisation x borrow rate x (1 - reserve factor)."""
    used = utilization(market)
    to_pool = borrow_rate(params.rate_model, used) * (WAD - params.reserve_factor) // WAD
    return used * to_pool // WAD


def accrue_interest(params: MarketParams, market: MarketState, block: int) -> MarketState:
    """Book the interest of the blocks since the last accrual.

    Parameters
    ----------
    params : MarketParams
        Rate model and reserve factor.
    market : MarketState
        As stored.
    block : int
        The present block; a second accrual in one block changes nothing.

    Raises
    ------
    Revert
        If the rate is above the contract's ceiling or reserves exceed what the market has.
    ValueError
        If `block` lies before the last accrual.
    """
    blocks = block - market.accrual_block
    if blocks == 0:
        return market
    if blocks < 0:
        raise ValueError(f"block {block} lies before the last accrual at block {market.accrual_block}")
    rate = borrow_rate(params.rate_model, utilization(market))
    if rate > MAX_BORROW_RATE_PER_BLOCK:
        raise Revert("borrow rate is absurdly high")
    factor = rate * blocks
    borrows, index = market.total_borrows, market.borrow_index
    interest = factor * borrows // WAD
    return MarketState(
        market.cash,
        borrows + interest,
        market.total_reserves + params.reserve_factor * interest // WAD,
        market.total_supply,
        index + factor * index // WAD,
        block,
    )


def exchange_rate(params: MarketParams, market: MarketState) -> int:
    """Underlying per cToken, wad: (cash + borrows - reserves) / supply, the initial one without supply."""
    if market.total_supply == 0:
        return params.first_exchange_rate
    owned = market.cash + market.total_borrows - market.total_reserves
    if owned < 0:
        raise Revert(PANIC_UNDERFLOW)
    return owned * WAD // market.total_supply


def borrow_balance(holding: Holding, market: MarketState) -> int:
    """Debt of an account at the market's stored index, base units: principal x index / its own index."""
    if holding.principal == 0:
        return 0
    return holding.principal * market.borrow_index // holding.interest_index
