"""crvUSD: an AMM that converts collateral band by band (LLAMMA), and loans on top of it.

`bands` is the geometry, `oracle` the price the AMM trusts, `deposits` and `exchange` what
users and traders do, `arbitrage` what moves the price, `valuation` what bands are worth
on the way down; `loans` keeps debts, `borrowing` opens them, `collateral` moves their bands,
`health` and `liquidation` end them. Names follow the contracts: x is the borrowed token, y the collateral;
bands count downwards in price. Amounts are token units, inside bands 18 decimals; prices
and fees are wad. Sources: MODEL 1.8, CASES L27-L30, the conformance sets
``curve_llamma`` and ``curve_controller``.
"""

from __future__ import annotations

from .arbitrage import Opportunity, amount_for_price, arbitrage, current_price
from .bands import (
    current_price_down,
    current_price_up,
    equivalent_collateral,
    offsets,
    oracle_price_down,
    oracle_price_up,
)
from .borrowing import create_loan, effective_collateral, first_band, max_borrowable
from .collateral import add_collateral, borrow_more, remove_collateral
from .deposits import amounts_of, deposit, withdraw
from .exchange import BORROWED, COLLATERAL, Trade, exchange, walk
from .health import full_health, health, tokens_to_liquidate
from .liquidation import Liquidation, Repayment, liquidate, repay, withdrawn_fraction
from .loans import Controller, Loan
from .oracle import Quote, dynamic_fee, limited_price, quote
from .parameters import AmmParameters, ControllerParameters
from .state import Amm, Deposit, Interest, Limiter
from .valuation import borrowed_if_price_falls, collateral_if_price_rises

__all__ = [
    "BORROWED",
    "COLLATERAL",
    "Amm",
    "AmmParameters",
    "Controller",
    "ControllerParameters",
    "Deposit",
    "Interest",
    "Limiter",
    "Liquidation",
    "Loan",
    "Opportunity",
    "Quote",
    "Repayment",
    "Trade",
    "add_collateral",
    "amount_for_price",
    "amounts_of",
    "arbitrage",
    "borrow_more",
    "borrowed_if_price_falls",
    "collateral_if_price_rises",
    "create_loan",
    "current_price",
    "current_price_down",
    "current_price_up",
    "deposit",
    "dynamic_fee",
    "effective_collateral",
    "equivalent_collateral",
    "exchange",
    "first_band",
    "full_health",
    "health",
    "limited_price",
    "liquidate",
    "max_borrowable",
    "offsets",
    "oracle_price_down",
    "oracle_price_up",
    "quote",
    "remove_collateral",
    "repay",
    "tokens_to_liquidate",
    "walk",
    "withdraw",
    "withdrawn_fraction",
]
