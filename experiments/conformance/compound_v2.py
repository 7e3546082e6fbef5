"""Replays the `compound_v2` vectors: liquidateBorrow of Compound v2.

Also holds what the `venus_core` adapter shares with it: both sets have one
schema, with cTokens there called vTokens. Checks the borrower's stored
debts and liquidity before the call, and every output after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...market.revert import Revert
from ...protocols.lending.compound_v2 import (
    Fork,
    Holding,
    JumpRateModel,
    Liquidation,
    MarketParams,
    MarketState,
    PoolParams,
    account_liquidity,
    borrow_balance,
    liquidate_borrow,
)
from .compare import Check, compare


@dataclass(frozen=True, slots=True)
class Situation:
    """A parsed case: the pool, its states, the borrower, and the market ids in order."""

    ids: tuple[str, ...]
    params: PoolParams
    markets: tuple[MarketState, ...]
    holdings: tuple[Holding, ...]
    prices: tuple[int, ...]


Liquidities = Callable[[Situation, Sequence[MarketState], Sequence[Holding]], dict[str, int]]
"""What the case reports as the account's stored liquidity."""


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Replay one case through the rules of the simulation.

    Parameters
    ----------
    case, header : mapping
        As in the file.
    """
    share = int(case["protocolSeizeShare"])
    incentive = int(case["liquidationIncentive"])

    def market_params(data: Mapping[str, Any]) -> MarketParams:
        factor = int(data["collateralFactor"])
        return read_market_params(data, factor, factor, incentive, share)

    return replay_liquidation(case, Fork.COMPOUND_V2, "cTokens", market_params, _liquidities)


def read_market_params(
    data: Mapping[str, Any], collateral_factor: int, threshold: int, incentive: int, seize_share: int
) -> MarketParams:
    """Parse the settings of one market of a case."""
    model = data["irm"]
    return MarketParams(
        symbol="",
        underlying_decimals=int(data["underlyingDecimals"]),
        rate_model=JumpRateModel(
            int(model["baseRatePerBlock"]),
            int(model["multiplierPerBlock"]),
            int(model["jumpMultiplierPerBlock"]),
            int(model["kink"]),
        ),
        collateral_factor=collateral_factor,
        liquidation_threshold=threshold,
        liquidation_incentive=incentive,
        reserve_factor=int(data["reserveFactor"]),
        protocol_seize_share=seize_share,
    )


def read_situation(
    case: Mapping[str, Any],
    fork: Fork,
    tokens: str,
    market_params: Callable[[Mapping[str, Any]], MarketParams],
) -> Situation:
    """Parse a case.

    The contract has accepted what a case holds, so its settings are not checked again.
    """
    ids = tuple(case["markets"])
    data = [case["markets"][i] for i in ids]
    users = [case["user"][i] for i in ids]
    params = PoolParams(fork, int(case["closeFactor"]), tuple(market_params(m) for m in data), unsafe=True)
    markets = tuple(
        MarketState(
            int(m["cash"]),
            int(m["totalBorrows"]),
            int(m["totalReserves"]),
            int(m["totalSupply"]),
            int(m["borrowIndex"]),
            int(m["accrualBlock"]),
        )
        for m in data
    )
    holdings = tuple(
        Holding(int(u[tokens]), int(u["principal"]), int(u["interestIndex"]), u["entered"]) for u in users
    )
    return Situation(ids, params, markets, holdings, tuple(int(m["price"]) for m in data))


def replay_liquidation(
    case: Mapping[str, Any],
    fork: Fork,
    tokens: str,
    market_params: Callable[[Mapping[str, Any]], MarketParams],
    liquidities: Liquidities,
) -> list[Check]:
    """Run the liquidation of a case and compare every checked field.

    Parameters
    ----------
    tokens : str
        What the case calls a cToken balance.
    market_params, liquidities : callable
        How this fork's case gives a market's settings and reports an account's liquidity.
    """
    situation = read_situation(case, fork, tokens, market_params)
    call = case["call"]
    borrowed, collateral = situation.ids.index(call["borrowed"]), situation.ids.index(call["collateral"])
    before = liquidities(situation, situation.markets, situation.holdings)
    stored = dict(zip(situation.ids, _debts(situation), strict=True))
    got: dict[str, Any] = {"revert": None}
    try:
        result = liquidate_borrow(
            situation.params,
            situation.markets,
            situation.holdings,
            situation.prices,
            int(case["block"]),
            borrowed=borrowed,
            collateral=collateral,
            repay_amount=int(call["repayAmount"]),
            self_liquidation=call["selfLiquidation"],
        )
    except Revert as error:
        got["revert"] = error.reason
    else:
        got["revert"] = result.error
        if result.error is None:
            got |= _outputs(
                case,
                situation,
                result,
                tokens=tokens,
                changed=(borrowed, collateral),
                liquidities=liquidities,
            )
    expected_debts = {i: case["user"][i]["borrowBalanceStored"] for i in situation.ids}
    return [
        *compare(case["accountLiquidityStored"], before, "accountLiquidityStored"),
        *compare(expected_debts, stored, "borrowBalanceStored"),
        *compare(case["out"], got, "out"),
    ]


def _outputs(
    case: Mapping[str, Any],
    situation: Situation,
    result: Liquidation,
    *,
    tokens: str,
    changed: tuple[int, int],
    liquidities: Liquidities,
) -> dict[str, Any]:
    capital = tokens[0].upper() + tokens[1:]
    held = int(case[f"liquidator{capital}Before"])
    return {
        "repaid": result.repaid,
        "seizeTokens": result.seize_tokens,
        f"liquidator{capital}After": held + result.liquidator_tokens,
        "userAfter": {
            market_id: {tokens: holding.tokens, "borrowBalanceStored": borrow_balance(holding, market)}
            for market_id, holding, market in zip(situation.ids, result.holdings, result.markets, strict=True)
        },
        "marketsAfter": {
            situation.ids[k]: {
                "cash": result.markets[k].cash,
                "totalBorrows": result.markets[k].total_borrows,
                "totalReserves": result.markets[k].total_reserves,
                "totalSupply": result.markets[k].total_supply,
                "borrowIndex": result.markets[k].borrow_index,
                "accrualBlock": result.markets[k].accrual_block,
            }
            for k in changed
        },
        "accountLiquidityStored": liquidities(situation, result.markets, result.holdings),
    }


def _debts(situation: Situation) -> list[int]:
    return [borrow_balance(h, m) for h, m in zip(situation.holdings, situation.markets, strict=True)]


def _liquidities(
    situation: Situation, markets: Sequence[MarketState], holdings: Sequence[Holding]
) -> dict[str, int]:
    return account_liquidity(situation.params, markets, holdings, situation.prices)._asdict()
