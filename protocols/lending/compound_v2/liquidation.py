"""A liquidation in Compound v2 and Venus: repay part of one debt, seize cTokens of one collateral.

The engine does not clamp: a call that asks for more than the close factor or
the borrower's tokens allow is refused whole. Sources: CToken.liquidateBorrow,
Comptroller.liquidateCalculateSeizeTokens of compound-protocol @ a3214f67;
VToken and PolicyFacet of venus-protocol 10.3.0; MODEL 1.3, CASES L10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....market.revert import Revert
from .account import Health, judge_liquidation, largest_repay
from .interest import accrue_interest, borrow_balance, exchange_rate, subtract
from .params import WAD, Fork, PoolParams
from .state import Holding, MarketState


@dataclass(frozen=True, slots=True)
class Liquidation:
    """What a call did.

    Parameters
    ----------
    error : str or None
        Venus answers a refused call with a code instead of reverting: then the amounts are 0 and the
        holdings unchanged, but both markets keep their accrued interest. None on success.
    repaid : int
        Base units of the borrowed underlying paid by the liquidator.
    seize_tokens : int
        cTokens taken from the borrower.
    protocol_seize_tokens : int
        Part of them that was burned for the reserves of the collateral market.
    liquidator_tokens : int
        Part of them that the liquidator received.
    markets, holdings : tuples over the pool's markets
        The pool's states and the borrower's holdings afterwards.
    health : Health or None
        Of the borrower before the call; None if the call does not depend on it or a price is missing.
    """

    error: str | None
    repaid: int
    seize_tokens: int
    protocol_seize_tokens: int
    liquidator_tokens: int
    markets: tuple[MarketState, ...]
    holdings: tuple[Holding, ...]
    health: Health | None


def seize_ratio(incentive: int, price_borrowed: int, price_collateral: int, exchange_rate: int) -> int:
    """CTokens of the collateral per base unit repaid, wad; CASES L10.

    Parameters
    ----------
    incentive : int
        Liquidation incentive, wad.
    price_borrowed, price_collateral : int
        Price mantissas.
    exchange_rate : int
        Of the collateral market, wad.

    Raises
    ------
    Revert
        If price times exchange rate rounds to 0.
    """
    denominator = price_collateral * exchange_rate // WAD
    if denominator == 0:
        raise Revert("Panic(0x12 division)")
    return incentive * price_borrowed // WAD * WAD // denominator


def seizable_tokens(
    params: PoolParams,
    market: MarketState,
    *,
    collateral: int,
    repay_amount: int,
    price_borrowed: int,
    price_collateral: int,
) -> int:
    """CTokens that a repayment seizes from the collateral market.

    Parameters
    ----------
    market : MarketState
        The collateral market as stored.
    collateral : int
        Its position in the pool.
    repay_amount : int
        Base units of the borrowed underlying.

    Raises
    ------
    Revert
        If a price is 0 (code 13), or the collateral is worth nothing.
    """
    if price_borrowed == 0 or price_collateral == 0:
        raise Revert("LIQUIDATE_COMPTROLLER_CALCULATE_AMOUNT_SEIZE_FAILED")
    p = params.markets[collateral]
    ratio = seize_ratio(p.liquidation_incentive, price_borrowed, price_collateral, exchange_rate(p, market))
    return ratio * repay_amount // WAD


def best_repay(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    *,
    borrowed: int,
    collateral: int,
) -> int:
    """Return the largest repayment that the call accepts: close factor and tokens held, base units.

    Markets must be accrued to the block of the call. 0 if nothing can be seized.
    """
    p = params.markets[collateral]
    ratio = seize_ratio(
        p.liquidation_incentive, prices[borrowed], prices[collateral], exchange_rate(p, markets[collateral])
    )
    limit = largest_repay(params, markets[borrowed], holdings[borrowed], borrowed)
    if ratio == 0:
        return limit
    return min(limit, ((holdings[collateral].tokens + 1) * WAD - 1) // ratio)


def liquidate_borrow(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    block: int,
    *,
    borrowed: int,
    collateral: int,
    repay_amount: int,
    self_liquidation: bool = False,
) -> Liquidation:
    """Repay part of a debt of an account in shortfall and seize collateral for it.

    Both markets of the call accrue first; every other market counts with the index it stored last.

    Parameters
    ----------
    params : PoolParams
        The pool.
    markets, holdings, prices : sequences over the pool's markets
        Stored states, the borrower's holdings, price mantissas (USD x 10^(36 - decimals)).
    block : int
        The present block.
    borrowed, collateral : int
        Positions of the two markets; they may be the same.
    repay_amount : int
        Base units of the borrowed underlying.
    self_liquidation : bool
        Whether the caller is the borrower.

    Returns
    -------
    Liquidation
        With new states; a Venus refusal has `error` set and keeps the accrual.

    Raises
    ------
    Revert
        With the contract's error; nothing has changed then.
    """
    book = list(markets)
    book[borrowed] = accrue_interest(params.markets[borrowed], book[borrowed], block)
    if collateral != borrowed:
        book[collateral] = accrue_interest(params.markets[collateral], book[collateral], block)
    code, health = judge_liquidation(
        params, book, holdings, prices, borrowed=borrowed, repay_amount=repay_amount
    )
    refusal = _refusal(params.fork, code, repay_amount, self_liquidation)
    if refusal is not None:
        if params.fork is Fork.COMPOUND_V2:
            raise Revert(refusal)
        return Liquidation(refusal, 0, 0, 0, 0, tuple(book), tuple(holdings), health)

    people = list(holdings)
    market, debtor = book[borrowed], people[borrowed]
    book[borrowed] = MarketState(
        market.cash + repay_amount,
        subtract(market.total_borrows, repay_amount),
        market.total_reserves,
        market.total_supply,
        market.borrow_index,
        market.accrual_block,
    )
    people[borrowed] = Holding(
        debtor.tokens,
        subtract(borrow_balance(debtor, market), repay_amount),
        market.borrow_index,
        debtor.entered,
    )
    market, owner, p = book[collateral], people[collateral], params.markets[collateral]
    seized = seizable_tokens(
        params,
        market,
        collateral=collateral,
        repay_amount=repay_amount,
        price_borrowed=prices[borrowed],
        price_collateral=prices[collateral],
    )
    if owner.tokens < seized:
        raise Revert("LIQUIDATE_SEIZE_TOO_MUCH")
    if params.fork is Fork.VENUS_CORE and not owner.entered:
        raise Revert("token seizure failed")
    people[collateral] = Holding(owner.tokens - seized, owner.principal, owner.interest_index, owner.entered)
    burned = seized * p.protocol_seize_share // WAD
    if burned:
        book[collateral] = MarketState(
            market.cash,
            market.total_borrows,
            market.total_reserves + exchange_rate(p, market) * burned // WAD,
            subtract(market.total_supply, burned),
            market.borrow_index,
            market.accrual_block,
        )
    return Liquidation(
        None, repay_amount, seized, burned, seized - burned, tuple(book), tuple(people), health
    )


def _refusal(fork: Fork, code: int, repay_amount: int, self_liquidation: bool) -> str | None:
    """Name the first failed check in the words of the fork, in the contract's order."""
    if fork is Fork.COMPOUND_V2:
        if code:
            return f"LiquidateComptrollerRejection({code})"
        if self_liquidation:
            return "LiquidateLiquidatorIsBorrower"
        return "LiquidateCloseAmountIsZero" if repay_amount == 0 else None
    if code:
        return f"returned error 3 info 18 detail {code}"
    if self_liquidation:
        return "returned error 6 info 23 detail 0"
    return "returned error 7 info 21 detail 0" if repay_amount == 0 else None
