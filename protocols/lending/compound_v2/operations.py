"""What an account does in a Compound v2 or Venus pool apart from being liquidated.

Enter and leave a market, mint, redeem, borrow, repay. Each accrues its market
and returns new states; there are no caps, pauses or reward tokens here.
Sources: CToken.sol and Comptroller.sol of compound-protocol @ a3214f67; where
Venus reverts with its own words (VToken.sol) those are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....market.revert import Revert
from .account import power_error
from .interest import accrue_interest, borrow_balance, exchange_rate, subtract
from .params import WAD, Fork, PoolParams
from .state import Holding, MarketState


@dataclass(frozen=True, slots=True)
class Change:
    """What a call did to one market and one account in it.

    Parameters
    ----------
    market : MarketState
        Accrued and changed.
    holding : Holding
        The account's, changed.
    underlying : int
        Base units of the underlying that moved: in for mint and repay, out for redeem and borrow.
    tokens : int
        cTokens minted or burned; 0 for borrow and repay.
    """

    market: MarketState
    holding: Holding
    underlying: int
    tokens: int


def mint(
    params: PoolParams, market: MarketState, holding: Holding, block: int, *, index: int, amount: int
) -> Change:
    """Supply underlying for cTokens at the present exchange rate, rounded down.

    Parameters
    ----------
    index : int
        Position of the market in the pool.
    amount : int
        Base units of the underlying; 0 or more.
    """
    _not_negative("amount", amount)
    p = params.markets[index]
    market = accrue_interest(p, market, block)
    tokens = amount * WAD // exchange_rate(p, market)
    after = _changed(market, market.cash + amount, market.total_borrows, market.total_supply + tokens)
    return Change(after, _with_tokens(holding, holding.tokens + tokens), amount, tokens)


def redeem(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    block: int,
    *,
    index: int,
    tokens: int | None = None,
    underlying: int | None = None,
) -> Change:
    """Give back cTokens for underlying; name either the tokens or the underlying.

    Parameters
    ----------
    markets, holdings, prices : sequences over the pool's markets
        Stored states, the account's holdings, price mantissas.
    index : int
        Position of the market.
    tokens, underlying : int, optional
        cTokens to burn (the underlying is rounded down), or underlying to receive (the tokens are
        rounded down, as the contract does).

    Raises
    ------
    Revert
        If the account's other debts need the collateral, or the market lacks cash.
    ValueError
        Unless exactly one of `tokens` and `underlying` is given.
    """
    if (tokens is None) == (underlying is None):
        raise ValueError("redeem: give either tokens or underlying")
    p = params.markets[index]
    market = accrue_interest(p, markets[index], block)
    rate = exchange_rate(p, market)
    if underlying is None:
        assert tokens is not None
        _not_negative("tokens", tokens)
        burned, paid = tokens, rate * tokens // WAD
    else:
        _not_negative("underlying", underlying)
        burned, paid = underlying * WAD // rate, underlying
    book = [*markets[:index], market, *markets[index + 1 :]]
    if holdings[index].entered:
        code = power_error(params, book, holdings, prices, market=index, redeem_tokens=burned)
        if code:
            raise Revert(_reason(params, f"RedeemComptrollerRejection({code})"))
    if market.cash < paid:
        raise Revert(_reason(params, "RedeemTransferOutNotPossible"))
    if burned == 0 and paid > 0:
        raise Revert("redeemTokens zero")
    supply, held = subtract(market.total_supply, burned), holdings[index]
    after = _changed(market, market.cash - paid, market.total_borrows, supply)
    return Change(after, _with_tokens(held, subtract(held.tokens, burned)), paid, burned)


def borrow(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    block: int,
    *,
    index: int,
    amount: int,
) -> Change:
    """Borrow underlying against the account's entered markets; the borrowed market is entered too.

    Parameters
    ----------
    markets, holdings, prices : sequences over the pool's markets
        Stored states, the account's holdings, price mantissas.
    index : int
        Position of the market.
    amount : int
        Base units of the underlying.

    Raises
    ------
    Revert
        If the debt would exceed the borrowing power, or the market lacks cash.
    """
    _not_negative("amount", amount)
    market = accrue_interest(params.markets[index], markets[index], block)
    holding = enter_market(holdings[index])
    book = [*markets[:index], market, *markets[index + 1 :]]
    people = [*holdings[:index], holding, *holdings[index + 1 :]]
    code = power_error(params, book, people, prices, market=index, borrow_amount=amount)
    if code:
        raise Revert(_reason(params, f"BorrowComptrollerRejection({code})"))
    if market.cash < amount:
        raise Revert(_reason(params, "BorrowCashNotAvailable"))
    owed = borrow_balance(holding, market) + amount
    after = _changed(market, market.cash - amount, market.total_borrows + amount, market.total_supply)
    return Change(after, Holding(holding.tokens, owed, market.borrow_index, holding.entered), amount, 0)


def repay_borrow(
    params: PoolParams,
    market: MarketState,
    holding: Holding,
    block: int,
    *,
    index: int,
    amount: int | None = None,
) -> Change:
    """Pay back part of a debt, or all of it.

    Parameters
    ----------
    index : int
        Position of the market in the pool.
    amount : int, optional
        Base units of the underlying; None repays the whole debt at this block.

    Raises
    ------
    Revert
        If more is paid than is owed.
    """
    market = accrue_interest(params.markets[index], market, block)
    owed = borrow_balance(holding, market)
    paid = owed if amount is None else amount
    _not_negative("amount", paid)
    left, borrows = subtract(owed, paid), subtract(market.total_borrows, paid)
    after = _changed(market, market.cash + paid, borrows, market.total_supply)
    return Change(after, Holding(holding.tokens, left, market.borrow_index, holding.entered), paid, 0)


def enter_market(holding: Holding) -> Holding:
    """Let the account's tokens of a market count as collateral."""
    return holding if holding.entered else replace(holding, entered=True)


def exit_market(
    params: PoolParams,
    markets: Sequence[MarketState],
    holdings: Sequence[Holding],
    prices: Sequence[int],
    *,
    index: int,
) -> Holding:
    """Stop using a market as collateral, at the stored indices.

    Raises
    ------
    Revert
        If the account owes in that market (both contracts return code 12), or its other debts need the
        collateral (code 14, with the reason as detail).
    """
    holding = holdings[index]
    if not holding.entered:
        return holding
    if borrow_balance(holding, markets[index]):
        raise Revert("returned error 12 info 2 detail 0")
    code = power_error(params, markets, holdings, prices, market=index, redeem_tokens=holding.tokens)
    if code:
        raise Revert(f"returned error 14 info 3 detail {code}")
    return replace(holding, entered=False)


def _changed(market: MarketState, cash: int, borrows: int, supply: int) -> MarketState:
    """Return an accrued market with new cash, debt and cTokens."""
    return MarketState(
        cash, borrows, market.total_reserves, supply, market.borrow_index, market.accrual_block
    )


def _with_tokens(holding: Holding, tokens: int) -> Holding:
    return Holding(tokens, holding.principal, holding.interest_index, holding.entered)


def _reason(params: PoolParams, compound: str) -> str:
    """Compound's error, or the one string with which Venus refuses a redemption or a borrow."""
    return compound if params.fork is Fork.COMPOUND_V2 else "math error"


def _not_negative(name: str, value: int) -> None:
    if value < 0:
        raise ValueError(f"{name} must be 0 or more base units, got {value}")
