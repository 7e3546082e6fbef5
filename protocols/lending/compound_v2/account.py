"""What one account may borrow, and whether it may be liquidated, in Compound v2 and Venus.

Nothing here accrues: each market counts at the index it stored last, as the
comptroller does (Comptroller.sol, ComptrollerLens.sol; MODEL 1.3). Values are
USD with 18 decimals when prices are USD x 10^(36 - underlying decimals).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .interest import borrow_balance, exchange_rate
from .params import WAD, Fork, PoolParams
from .state import Holding, MarketState

PRICE_ERROR = 13
INSUFFICIENT_SHORTFALL = 3
INSUFFICIENT_LIQUIDITY = 4
TOO_MUCH_REPAY = 17


class Liquidity(NamedTuple):
    """Positive parts of weighted collateral minus debt, USD with 18 decimals; one of the two is 0."""

    liquidity: int
    shortfall: int


class Health(NamedTuple):
    """Weighted collateral and debt, USD with 18 decimals; liquidatable if the debt is larger."""

    collateral: int
    debt: int

    @property
    def health_factor(self) -> float:
        """Collateral over debt, for screening and display; infinite without debt."""
        return self.collateral / self.debt if self.debt else float("inf")


class PriceMissing(Exception):
    """A market that the account uses has no price."""


def account_health(
    params: PoolParams, markets: Sequence[MarketState], holdings: Sequence[Holding], prices: Sequence[int]
) -> Health:
    """Sum the collateral, weighted by liquidation thresholds, and the debts of one account.

    Parameters
    ----------
    params : PoolParams
        The pool.
    markets, holdings, prices : sequences over the pool's markets
        Stored states, the account's holdings, and price mantissas (USD x 10^(36 - decimals)).

    Raises
    ------
    PriceMissing
        If an entered market has price 0.
    """
    return _sums(params, markets, holdings, prices, for_liquidation=True)


def account_liquidity(
    params: PoolParams, markets: Sequence[MarketState], holdings: Sequence[Holding], prices: Sequence[int]
) -> Liquidity:
    """Return how far one account is from liquidation (thresholds as weights), or beyond it.

    See `account_health` for parameters and errors.
    """
    return _positive_parts(_sums(params, markets, holdings, prices, for_liquidation=True))


def borrowing_power(
    params: PoolParams, markets: Sequence[MarketState], holdings: Sequence[Holding], prices: Sequence[int]
) -> Liquidity:
    """Return how much value one account may still borrow (collateral factors as weights), or its excess.

    See `account_health` for parameters and errors.
    """
    return _positive_parts(_sums(params, markets, holdings, prices, for_liquidation=False))


def borrowing_power_after(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    *,
    market: int,
    redeem_tokens: int = 0,
    borrow_amount: int = 0,
) -> Liquidity:
    """Return the borrowing power if tokens were redeemed from, or an amount borrowed in, one market.

    The contract adds both effects to the debt side and leaves the sums as they are, which fixes the
    rounding. See `account_health` for the other parameters and errors.
    """
    collateral, debt = _sums(params, markets, holdings, prices, for_liquidation=False)
    if holdings[market].entered:
        p, price = params.markets[market], prices[market]
        per_token = p.collateral_factor * exchange_rate(p, markets[market]) // WAD * price // WAD
        debt += per_token * redeem_tokens // WAD
        debt += price * borrow_amount // WAD
    return _positive_parts(Health(collateral, debt))


def check_liquidation(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    *,
    borrowed: int,
    repay_amount: int,
) -> int:
    """Return the comptroller's error code for a liquidation, 0 if it is allowed.

    Shortfall first (code 3), then the close factor on the debt in the borrowed market (17). A missing
    price is code 13. Venus skips health, and caps the repayment at the whole debt only, in a market
    under forced liquidation (PolicyFacet.sol).
    """
    return judge_liquidation(params, markets, holdings, prices, borrowed=borrowed, repay_amount=repay_amount)[
        0
    ]


def judge_liquidation(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    *,
    borrowed: int,
    repay_amount: int,
) -> tuple[int, Health | None]:
    """Return the error code of `check_liquidation`, and the health it has found, None if it asks for none."""
    owed = borrow_balance(holdings[borrowed], markets[borrowed])
    if params.fork is Fork.VENUS_CORE and params.markets[borrowed].forced_liquidation:
        return TOO_MUCH_REPAY if repay_amount > owed else 0, None
    try:
        health = _sums(params, markets, holdings, prices, for_liquidation=True)
    except PriceMissing:
        return PRICE_ERROR, None
    if health.debt <= health.collateral:
        return INSUFFICIENT_SHORTFALL, health
    if repay_amount > params.close_factor * owed // WAD:
        return TOO_MUCH_REPAY, health
    return 0, health


def largest_repay(params: PoolParams, market: MarketState, holding: Holding, borrowed: int) -> int:
    """Return the most of one debt that a single liquidation may repay, base units."""
    owed = borrow_balance(holding, market)
    if params.fork is Fork.VENUS_CORE and params.markets[borrowed].forced_liquidation:
        return owed
    return params.close_factor * owed // WAD


def power_error(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    *,
    market: int,
    redeem_tokens: int = 0,
    borrow_amount: int = 0,
) -> int:
    """Return the comptroller's error code for a redemption or a borrow, 0 if it is allowed.

    Code 4 for too little borrowing power afterwards, 13 for a missing price.
    """
    try:
        after = borrowing_power_after(
            params,
            markets,
            holdings,
            prices,
            market=market,
            redeem_tokens=redeem_tokens,
            borrow_amount=borrow_amount,
        )
    except PriceMissing:
        return PRICE_ERROR
    return INSUFFICIENT_LIQUIDITY if after.shortfall else 0


def _sums(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    *,
    for_liquidation: bool,
) -> Health:
    collateral = debt = 0
    for p, market, holding, price in zip(params.markets, markets, holdings, prices, strict=True):
        if not holding.entered:
            continue
        if price == 0:
            raise PriceMissing(p.symbol)
        weight = p.liquidation_threshold if for_liquidation else p.collateral_factor
        # One token's value is floored before it is multiplied by the balance, as the contract does.
        per_token = weight * exchange_rate(p, market) // WAD * price // WAD
        collateral += per_token * holding.tokens // WAD
        debt += price * borrow_balance(holding, market) // WAD
    return Health(collateral, debt)


def _positive_parts(sums: Health) -> Liquidity:
    difference = sums.collateral - sums.debt
    return Liquidity(difference, 0) if difference > 0 else Liquidity(0, -difference)
