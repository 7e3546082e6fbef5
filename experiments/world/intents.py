"""What an agent may ask for in this world, checked before it is carried out.

Packaged agents never fail here; it is for agents of one's own, whose mistakes would
otherwise surface far from where they were made, or as money that is not a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...agents.base import (
    ArbitragePool,
    Buy,
    BuyOnBook,
    ConvertBands,
    DecidingAgent,
    Deposit,
    Kick,
    Liquidate,
    PlaceBid,
    QuoteSides,
    Redeem,
    SandwichPool,
    Sell,
    SellToPool,
    SetQuotes,
    SetRange,
    TakePosition,
    Together,
    WithdrawDeposit,
    Work,
)
from ...agents.strategies.exits import AT_ONCE, Schedule
from ...market.trading_layout import MAX_LEVELS

if TYPE_CHECKING:
    from ..model import LiquidationMarket


_SENT = (
    Liquidate | Kick | Buy | PlaceBid | Work | Deposit | WithdrawDeposit | Redeem
    | ArbitragePool | ConvertBands | SellToPool | SetRange
)  # fmt: skip
"""Intents that become transactions."""


class IntentError(TypeError, ValueError):
    """An agent asks for something that cannot be; the message is one line and names the agent."""


def check_intents(world: LiquidationMarket, agent: DecidingAgent, intents: Any) -> None:
    """Check the answer of an agent.

    Raises
    ------
    IntentError
        If it is no sequence of intents, or one of them cannot be carried out.
    """
    if not isinstance(intents, Sequence) or isinstance(intents, str):
        raise IntentError(f"{agent.name} answered {intents!r}; allowed: a list of intents")
    for intent in intents:
        if isinstance(intent, Together):
            check_intents(world, agent, intent.intents)
            wrong = [one for one in intent.intents if not isinstance(one, Liquidate | ArbitragePool)]
            if wrong:
                raise IntentError(f"{agent.name} bundles {wrong[0]!r}; allowed: Liquidate and ArbitragePool")
        else:
            problem = _problem(world, agent, intent)
            if problem:
                raise IntentError(f"{agent.name} {problem}")


def _problem(world: LiquidationMarket, agent: DecidingAgent, intent: Any) -> str:
    """Say what is wrong with one intent; nothing if it is fine."""
    if not isinstance(
        intent, _SENT | SandwichPool | SetQuotes | QuoteSides | Sell | BuyOnBook | TakePosition
    ):
        return f"asked for {intent!r}, which is no intent of agents.base"
    if isinstance(intent, Liquidate | Buy | PlaceBid) and not (
        isinstance(intent.exit, Schedule) or intent.exit in AT_ONCE
    ):
        return f"asked for exit = {intent.exit!r}; allowed: {', '.join(AT_ONCE)} or a schedule"
    numbers: tuple[float, ...]
    if isinstance(intent, Liquidate | Kick):
        wanted = intent.opportunity
        asset, numbers = wanted.collateral, (intent.price_gwei,)
        if isinstance(intent, Liquidate):
            numbers += (intent.repay_usd, intent.max_slippage)
        if not (
            0 <= wanted.protocol < len(world.credit)
            and 0 <= wanted.account < world.credit[wanted.protocol].n_borrowers
            and _exists(world, wanted.debt)
        ):
            return f"asked for {intent!r}; there is no such protocol, account or debt"
    elif isinstance(intent, Buy):
        asset = intent.offer.sale.collateral
        numbers = (intent.spend_usd, intent.worst_usd, intent.price_gwei, intent.max_slippage)
    elif isinstance(intent, PlaceBid):
        asset = intent.offer.sale.collateral
        numbers = (intent.pay_units, intent.units, intent.price_gwei, intent.max_slippage)
    elif isinstance(intent, TakePosition):
        asset, numbers = intent.offer.asset, (intent.lots, intent.worst_usd)
        if not 0 <= intent.offer.venue < len(world.venues):
            return f"asked for {intent!r}; there is no such venue"
    elif isinstance(intent, Work):
        asset, numbers = world.quote, (intent.price_gwei,)
    elif isinstance(intent, Deposit | WithdrawDeposit | Redeem | ConvertBands):
        asset, numbers = intent.collateral, tuple(intent[2:])
        if not 0 <= intent.protocol < len(world.credit):
            return f"asked for {intent!r}; there is no such protocol"
    else:
        asset, numbers = intent.asset, tuple(intent[1:])
    if not _exists(world, asset):
        return f"asked for {intent!r}; assets have numbers from 0 to {len(world.assets) - 1}"
    if isinstance(intent, QuoteSides):  # infinite where a side is not quoted
        numbers = tuple(number for number in numbers if number != math.inf)
    if not all(math.isfinite(number) for number in numbers):
        return f"asked for {intent!r}; allowed: finite numbers"
    return _no_venue(world, agent, intent, asset)


def _no_venue(world: LiquidationMarket, agent: DecidingAgent, intent: Any, asset: int) -> str:
    symbol = world.assets[asset].symbol
    if isinstance(intent, SandwichPool):
        return "" if asset in world.pools else f"wants the pool of {symbol}, which has none"
    if isinstance(intent, _SENT):
        if intent.price_gwei < 0:
            return f"bids price_gwei = {intent.price_gwei}; allowed: 0 or more"
        if isinstance(intent, SetRange):
            return _no_range(world, intent, symbol)
        exit = "pool" if isinstance(intent, ArbitragePool | SellToPool) else getattr(intent, "exit", "hold")
        if asset not in world.pools and exit == "pool":
            return f"wants the pool of {symbol}, which has none"
        if not isinstance(intent, ArbitragePool):
            return ""
    if asset not in world.floor.book_of_asset:
        return f"wants to {'sell' if isinstance(intent, Sell) else 'trade'} {symbol}, which has no book"
    if isinstance(intent, SetQuotes | QuoteSides) and agent.account not in world.maker_rows:
        return "sets quotes; allowed for agents derived from agents.makers.MarketMaker"
    if isinstance(intent, SetQuotes) and not 0 <= intent.levels <= MAX_LEVELS:
        return f"quotes levels = {intent.levels}; allowed: 0 to {MAX_LEVELS}"
    return ""


def _no_range(world: LiquidationMarket, intent: SetRange, symbol: str) -> str:
    if intent.asset not in world.range_books.pools:
        return f"wants a range in the pool of {symbol}, which is not concentrated"
    if intent.deposit_usd > 0.0 and not 0.0 < intent.lower_usd < intent.upper_usd:
        return f"asked for {intent!r}; allowed: 0 < lower_usd < upper_usd"
    if not 0.0 <= intent.max_slippage < 1.0:
        return f"accepts max_slippage = {intent.max_slippage}; allowed: from 0 to below 1"
    return ""


def _exists(world: LiquidationMarket, asset: Any) -> bool:
    return bool(0 <= asset < len(world.assets))
