"""Aave v3.0.2 `liquidationCall`: one liquidation, whole or not at all.

Serves v2 as well, with its own close factor and without a protocol fee; v2's
last-unit rounding of the seized amount is taken to be that of v3.0.2. Everything
is computed and checked before the first write, so a revert needs no undoing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...fixed_point import ARITHMETIC_PANIC, HALF_RAY, RAY
from ...liquidation.mechanism import LiquidationContext, LiquidationMechanism
from ...revert import Revert
from .accounting_v3_0_2 import (
    account_totals,
    normalized_debt,
    normalized_income,
    store_indices,
    update_rates,
)
from .parameters import Market
from .state import Account, LiquidationResult, ReserveState


def liquidation_call(
    reserves: Sequence[ReserveState],
    market: Market,
    prices: Sequence[int],
    now: int,
    account: Account,
    *,
    collateral: int,
    debt: int,
    debt_to_cover: int,
    receive_atoken: bool = False,
    liquidator: Account | None = None,
    mechanism: LiquidationMechanism | None = None,
) -> LiquidationResult:
    """Repay part of an account's debt and seize collateral for it.

    Moves no underlying: the caller pays `debt_repaid` into the pool and
    `collateral_to_liquidator` out of it.

    Parameters
    ----------
    reserves : sequence of ReserveState
        Changed in place: the debt reserve, and the collateral reserve unless `receive_atoken`.
    market : Market
    prices : sequence of int
        Base currency per whole token, by reserve.
    now : int
        Seconds since the epoch.
    account : Account
        Liquidated; changed in place.
    collateral, debt : int
        Reserve indices.
    debt_to_cover : int
        Most base units of debt the liquidator offers to pay.
    receive_atoken : bool
        Pay the liquidator in aTokens instead of underlying.
    liquidator : Account, optional
        Credited with aTokens when `receive_atoken`.
    mechanism : LiquidationMechanism, optional
        Used instead of the market's own.

    Returns
    -------
    LiquidationResult

    Raises
    ------
    Revert
        With the contract's reason; nothing has changed then.
    ValueError
        If a pricing of one's own answers with impossible amounts; nothing has changed then.
    """
    parameters = market.reserves
    rule = market.mechanism if mechanism is None else mechanism
    debt_state = reserves[debt]
    state = reserves[collateral]
    risk = parameters[collateral]
    emode = account.emode

    total_collateral, total_debt, _, threshold, health_factor = account_totals(
        reserves, market, prices, now, account
    )
    debt_index = normalized_debt(debt_state, now)
    held_debt = account.borrowed[debt]
    owed = (held_debt * debt_index + HALF_RAY) // RAY
    bit = 1 << collateral
    if not rule.trigger.is_liquidatable(health_factor):
        raise Revert("HEALTH_FACTOR_NOT_BELOW_THRESHOLD")
    if not (account.collateral_mask & bit and risk.liquidation_threshold):
        raise Revert("COLLATERAL_CANNOT_BE_LIQUIDATED")
    if owed == 0:
        raise Revert("SPECIFIED_CURRENCY_NOT_BORROWED_BY_USER")

    income = normalized_income(state, now)
    held = account.supplied[collateral]
    balance = (held * income + HALF_RAY) // RAY
    debt_price, collateral_price = prices[debt], prices[collateral]
    bonus, collateral_threshold = risk.liquidation_bonus, risk.liquidation_threshold
    if emode:
        category = market.emode_categories[emode]
        if risk.emode_category == emode:
            bonus, collateral_threshold = category.liquidation_bonus, category.liquidation_threshold
            collateral_price = category.price or collateral_price
        debt_price = category.price or debt_price
    context = LiquidationContext(
        health_factor,
        total_collateral,
        total_debt,
        threshold,
        collateral_threshold,
        owed,
        balance,
        debt_price,
        collateral_price,
        parameters[debt].unit,
        risk.unit,
        bonus,
        risk.liquidation_protocol_fee,
        now,
    )
    offered = min(debt_to_cover, rule.sizing.max_repay(context))
    repay, seized, fee = rule.pricing.seize(context, offered)
    if repay < 0 or not 0 <= fee <= seized:
        raise ValueError(
            f"{rule.pricing}: repay {repay}, seized {seized}, fee {fee}; need 0 <= fee <= seized"
        )
    if rule.residual is not None:
        refusal = rule.residual.refusal(context, repay, seized)
        if refusal is not None:
            raise Revert(refusal)
    paid_out = seized - fee

    burned_debt = (repay * RAY + debt_index // 2) // debt_index
    if burned_debt == 0:
        raise Revert("INVALID_BURN_AMOUNT")
    burned = (paid_out * RAY + income // 2) // income
    left = held - burned
    if burned_debt > held_debt or burned_debt > debt_state.scaled_variable_debt:
        raise Revert(ARITHMETIC_PANIC)
    if not receive_atoken:
        if paid_out > state.available:
            raise Revert(ARITHMETIC_PANIC)
        if burned == 0:
            raise Revert("INVALID_BURN_AMOUNT")
        if burned > state.scaled_supply:
            raise Revert(ARITHMETIC_PANIC)
    if left < 0:
        raise Revert(ARITHMETIC_PANIC)
    fee_scaled = fee_received = 0
    if fee:
        fee_scaled = (fee * RAY + income // 2) // income
        if fee_scaled > left:
            fee = (left * income + HALF_RAY) // RAY
            fee_scaled = (fee * RAY + income // 2) // income
            if fee_scaled > left:
                raise Revert(ARITHMETIC_PANIC)

    if repay == owed:
        account.borrowing_mask &= ~(1 << debt)
    if seized == balance:
        account.collateral_mask &= ~bit
    store_indices(debt_state, parameters[debt], now, normalized_income(debt_state, now), debt_index)
    account.borrowed[debt] = held_debt - burned_debt
    debt_state.scaled_variable_debt -= burned_debt
    update_rates(debt_state, parameters[debt], repay, 0)
    account.supplied[collateral] = left
    if receive_atoken:
        if liquidator is not None:
            if liquidator.supplied[collateral] == 0 and risk.ltv:
                liquidator.collateral_mask |= bit
            liquidator.supplied[collateral] += burned
    else:
        store_indices(state, risk, now, income, normalized_debt(state, now))
        update_rates(state, risk, 0, paid_out)
        state.scaled_supply -= burned
        state.available -= paid_out
    if fee_scaled:
        before = state.treasury_scaled
        account.supplied[collateral] -= fee_scaled
        state.treasury_scaled = before + fee_scaled
        fee_received = ((before + fee_scaled) * income + HALF_RAY) // RAY - (
            before * income + HALF_RAY
        ) // RAY
    debt_state.available += repay
    return LiquidationResult(
        repay,
        paid_out,
        burned if receive_atoken else 0,
        fee_received,
        health_factor,
        account.collateral_mask,
        account.borrowing_mask,
    )
