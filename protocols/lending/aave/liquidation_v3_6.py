"""Aave v3.6 `liquidationCall`: one liquidation, whole or not at all.

Differs from v3.0.2 in its mechanism (close factor over the whole position, dust
floor), in directed rounding, and in writing off what an account without
collateral still owes. Everything is checked before the first write.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...fixed_point import ARITHMETIC_PANIC, RAY
from ...liquidation.mechanism import LiquidationContext, LiquidationMechanism
from ...revert import Revert
from .accounting_v3_6 import (
    account_totals,
    accrue,
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
    """Repay part of an account's debt, seize collateral for it, and write off bad debt.

    Moves no underlying: the caller pays `debt_repaid` into the pool and
    `collateral_to_liquidator` out of it.

    Parameters
    ----------
    reserves : sequence of ReserveState
        Changed in place: debt and collateral reserve, and every reserve with new bad debt.
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
        Credited with aTokens when `receive_atoken`; may not be `account`.
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
    if liquidator is account:
        raise Revert("SelfLiquidation")
    parameters = market.reserves
    rule = market.mechanism if mechanism is None else mechanism
    debt_state, state = reserves[debt], reserves[collateral]
    debt_parameters, risk = parameters[debt], parameters[collateral]

    total_collateral, total_debt, _, threshold, health_factor = account_totals(
        reserves, market, prices, now, account
    )
    bit = 1 << collateral
    if not rule.trigger.is_liquidatable(health_factor):
        raise Revert("HealthFactorNotBelowThreshold")
    if not account.collateral_mask & bit:
        raise Revert("CollateralCannotBeLiquidated")
    debt_index = normalized_debt(debt_state, now)
    held_debt = account.borrowed[debt]
    owed = -(-held_debt * debt_index // RAY)
    if owed == 0:
        raise Revert("SpecifiedCurrencyNotBorrowedByUser")

    income = normalized_income(state, now)
    held = account.supplied[collateral]
    balance = held * income // RAY
    in_emode = account.emode != 0 and risk.emode_collateral
    terms = market.emode_categories[account.emode] if in_emode else risk
    context = LiquidationContext(
        health_factor,
        total_collateral,
        total_debt,
        threshold,
        terms.liquidation_threshold,
        owed,
        balance,
        prices[debt],
        prices[collateral],
        debt_parameters.unit,
        risk.unit,
        terms.liquidation_bonus,
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
    no_collateral_left = seized * prices[collateral] // risk.unit == total_collateral
    written_off = owed - repay if no_collateral_left else 0

    burned_debt = (owed if no_collateral_left else repay) * RAY // debt_index
    if burned_debt == 0:
        raise Revert("InvalidBurnAmount")
    if burned_debt > held_debt or burned_debt > debt_state.scaled_variable_debt or written_off < 0:
        raise Revert(ARITHMETIC_PANIC)
    paid_out = seized - fee
    burned = -(-paid_out * RAY // income)
    if not receive_atoken:
        if paid_out > state.available + (repay if collateral == debt else 0):
            raise Revert(ARITHMETIC_PANIC)
        if burned == 0:
            raise Revert("InvalidBurnAmount")
        if burned > state.scaled_supply:
            raise Revert(ARITHMETIC_PANIC)
    if burned > held:
        raise Revert(ARITHMETIC_PANIC)
    fee_scaled = min(-(-fee * RAY // income), held - burned)

    debt_income = normalized_income(debt_state, now)
    booked = store_indices(debt_state, debt_parameters, now, debt_income, debt_index)
    if collateral == debt:
        state.accrued_to_treasury += booked  # the contract accrues its two views of the reserve
    else:
        store_indices(state, risk, now, income, normalized_debt(state, now))
    if seized == balance:
        account.collateral_mask &= ~bit
    _burn_debt(debt_state, account, debt, burned_debt, written_off)
    update_rates(debt_state, debt_parameters, repay, 0)
    account.supplied[collateral] = held - burned - fee_scaled
    if receive_atoken:
        if liquidator is not None:
            if liquidator.supplied[collateral] == 0 and risk.ltv:
                liquidator.collateral_mask |= bit
            liquidator.supplied[collateral] += burned
    else:
        update_rates(state, risk, 0, paid_out)
        state.scaled_supply -= burned
    fee_received = 0
    if fee_scaled:
        before = state.treasury_scaled
        state.treasury_scaled = before + fee_scaled
        fee_received = (before + fee_scaled) * income // RAY - before * income // RAY
    deficits = [(debt, written_off)] if written_off else []
    if no_collateral_left and account.borrowing_mask:
        deficits += _write_off_rest(reserves, market, now, account)
    return LiquidationResult(
        repay,
        paid_out,
        burned if receive_atoken else 0,
        fee_received,
        health_factor,
        account.collateral_mask,
        account.borrowing_mask,
        deficits,
    )


def _burn_debt(state: ReserveState, account: Account, reserve: int, burned: int, written_off: int) -> None:
    account.borrowed[reserve] -= burned
    if account.borrowed[reserve] == 0:
        account.borrowing_mask &= ~(1 << reserve)
    state.scaled_variable_debt -= burned
    state.deficit += written_off


def _write_off_rest(
    reserves: Sequence[ReserveState], market: Market, now: int, account: Account
) -> list[tuple[int, int]]:
    """Burn all debt of an account that has nothing left and book it as deficit, reserve by reserve."""
    deficits = []
    for i, (state, parameters) in enumerate(zip(reserves, market.reserves, strict=True)):
        if account.borrowing_mask >> i & 1:
            accrue(state, parameters, now)
            held = account.borrowed[i]
            owed = -(-held * state.variable_borrow_index // RAY)
            _burn_debt(state, account, i, held, owed)
            update_rates(state, parameters, 0, 0)
            deficits.append((i, owed))
    return deficits
