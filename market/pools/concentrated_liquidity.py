"""The pool of concentrated liquidity as deployed: Uniswap v3 core.

Liquidity lies between two ticks and trades only while the price is there. Pure functions
over a `ConcentratedState` of Python integers; each returns the new state and what moved,
or raises `Revert` with the contract's own reason. Amounts are the pool's: positive comes
in, negative goes out. Nothing here moves money, knows accounts or knows the time.

Source: Uniswap/v3-core 1.0.1, ``UniswapV3Pool.sol``; conformance set ``uniswap_v3``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..revert import Revert
from .concentrated_steps import FEE_SCALE, amount0_between, amount1_between, swap_step
from .concentrated_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    Q128,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
    word_end,
)

_MODULUS = 2**256
_UINT128 = 2**128 - 1


@dataclass(frozen=True, slots=True)
class ConcentratedParameters:
    """Settings of a pool.

    Parameters
    ----------
    fee : int
        Of what comes in, millionths, below 1000000.
    tick_spacing : int
        Ticks that may bound a position are its multiples, from 1 to 16383.
    fee_protocol0, fee_protocol1 : int
        One part in so many of the fees in that token goes to the protocol: 4 to 10, or 0 for none.

    Raises
    ------
    ValueError
        If a setting is one that the contract refuses.
    """

    fee: int = 3_000
    tick_spacing: int = 60
    fee_protocol0: int = 0
    fee_protocol1: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.fee < FEE_SCALE:
            raise ValueError(f"Uniswap v3: fee must be from 0 to {FEE_SCALE - 1} millionths, got {self.fee}")
        if not 0 < self.tick_spacing < 16_384:
            raise ValueError(f"Uniswap v3: tick_spacing must be from 1 to 16383, got {self.tick_spacing}")
        for name in ("fee_protocol0", "fee_protocol1"):
            if getattr(self, name) not in (0, *range(4, 11)):
                raise ValueError(f"Uniswap v3: {name} must be 0 or from 4 to 10, got {getattr(self, name)}")

    @property
    def max_liquidity_per_tick(self) -> int:
        """Most liquidity that may refer to one tick, so that the sum of all fits 128 bits."""
        return _UINT128 // (2 * (MAX_TICK // self.tick_spacing) + 1)


class Tick(NamedTuple):
    """A tick that bounds a position.

    Attributes
    ----------
    number : int
        The tick.
    liquidity_gross, liquidity_net : int
        Liquidity of the positions it bounds, and what the pool gains when the price rises over it.
    fee_growth_outside0, fee_growth_outside1 : int
        Fees per unit of liquidity earned on the side where the price is not, Q128, modulo ``2**256``.
    """

    number: int
    liquidity_gross: int
    liquidity_net: int
    fee_growth_outside0: int = 0
    fee_growth_outside1: int = 0


@dataclass(frozen=True, slots=True)
class ConcentratedState:
    """What a pool stores.

    Parameters
    ----------
    sqrt_price : int
        Square root of the price of token 0 in token 1, Q64.96.
    tick : int
        Of that price; one below it just after the price fell to a bound.
    liquidity : int
        In range.
    fee_growth0, fee_growth1 : int
        Fees per unit of liquidity since the pool opened, Q128, modulo ``2**256``.
    protocol_fees0, protocol_fees1 : int
        Base units the protocol may collect.
    ticks : tuple of Tick
        Initialised ticks by number, ascending.
    """

    sqrt_price: int
    tick: int
    liquidity: int = 0
    fee_growth0: int = 0
    fee_growth1: int = 0
    protocol_fees0: int = 0
    protocol_fees1: int = 0
    ticks: tuple[Tick, ...] = ()


class Swap(NamedTuple):
    """New state and the amounts that moved, base units."""

    state: ConcentratedState
    amount0: int
    amount1: int


class PositionChange(NamedTuple):
    """New state, the amounts that moved, and fee growth inside the range (both tokens, Q128)."""

    state: ConcentratedState
    amount0: int
    amount1: int
    fee_growth_inside0: int
    fee_growth_inside1: int


def opened(sqrt_price: int) -> ConcentratedState:
    """Open a pool without liquidity at a price, Q64.96.

    Raises
    ------
    Revert
        ``R`` for a price outside the range of the ticks.
    """
    return ConcentratedState(sqrt_price, tick_at_sqrt_price(sqrt_price))


def swap(
    state: ConcentratedState,
    parameters: ConcentratedParameters,
    zero_for_one: bool,
    amount_specified: int,
    sqrt_price_limit: int | None = None,
) -> Swap:
    """Swap until the amount or the limit is reached.

    Parameters
    ----------
    state, parameters : ConcentratedState, ConcentratedParameters
        The pool.
    zero_for_one : bool
        True to sell token 0 for token 1, which lowers the price.
    amount_specified : int
        Base units to come in if positive, to go out if negative.
    sqrt_price_limit : int, optional
        Where to stop, Q64.96; the end of the range unless given.

    Raises
    ------
    Revert
        ``AS`` for an amount of zero, ``SPL`` for a limit on the wrong side.
    """
    if amount_specified == 0:
        raise Revert("AS")
    if sqrt_price_limit is None:
        sqrt_price_limit = MIN_SQRT_PRICE + 1 if zero_for_one else MAX_SQRT_PRICE - 1
    _check_limit(state.sqrt_price, zero_for_one, sqrt_price_limit)
    price, tick, liquidity, ticks = state.sqrt_price, state.tick, state.liquidity, state.ticks
    growth, other_growth, protocol_share = (
        (state.fee_growth0, state.fee_growth1, parameters.fee_protocol0)
        if zero_for_one
        else (state.fee_growth1, state.fee_growth0, parameters.fee_protocol1)
    )
    remaining, counter_amount, protocol_fee = amount_specified, 0, 0
    while remaining and price != sqrt_price_limit:
        bound, position = _next_bound(ticks, tick, parameters.tick_spacing, zero_for_one)
        bound_price = sqrt_price_at_tick(bound)
        target = max(bound_price, sqrt_price_limit) if zero_for_one else min(bound_price, sqrt_price_limit)
        start = price
        price, amount_in, amount_out, fee = swap_step(price, target, liquidity, remaining, parameters.fee)
        if amount_specified > 0:
            remaining -= amount_in + fee
            counter_amount -= amount_out
        else:
            remaining += amount_out
            counter_amount += amount_in + fee
        if protocol_share:
            share = fee // protocol_share
            protocol_fee += share
            fee -= share
        if liquidity:
            growth = (growth + fee * Q128 // liquidity) % _MODULUS
        if price == bound_price:
            if position is not None:
                growths = (growth, other_growth) if zero_for_one else (other_growth, growth)
                crossed = _crossed(ticks[position], *growths)
                ticks = (*ticks[:position], crossed, *ticks[position + 1 :])
                liquidity += -crossed.liquidity_net if zero_for_one else crossed.liquidity_net
            tick = bound - 1 if zero_for_one else bound
        elif price != start:
            tick = tick_at_sqrt_price(price)
    after = replace(state, sqrt_price=price, tick=tick, liquidity=liquidity, ticks=ticks)
    specified = amount_specified - remaining
    if zero_for_one:
        after = replace(after, fee_growth0=growth, protocol_fees0=state.protocol_fees0 + protocol_fee)
    else:
        after = replace(after, fee_growth1=growth, protocol_fees1=state.protocol_fees1 + protocol_fee)
    amounts = (specified, counter_amount)
    return Swap(after, *(amounts if zero_for_one == (amount_specified > 0) else amounts[::-1]))


def amounts_for(state: ConcentratedState, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
    """Tokens that liquidity between two ticks stands for at the pool's price.

    Parameters
    ----------
    lower, upper : int
        Ticks, `lower` below `upper`.
    liquidity : int
        Positive: what a deposit costs, rounded up. Negative: what a withdrawal pays, rounded down
        and negative.

    Returns
    -------
    tuple of int
        Amounts of token 0 and 1, base units, from the pool's view.
    """
    low, high = sqrt_price_at_tick(lower), sqrt_price_at_tick(upper)
    sign, size, up = (1, liquidity, True) if liquidity >= 0 else (-1, -liquidity, False)
    if state.tick < lower:
        return sign * amount0_between(low, high, size, round_up=up), 0
    if state.tick >= upper:
        return 0, sign * amount1_between(low, high, size, round_up=up)
    return (
        sign * amount0_between(state.sqrt_price, high, size, round_up=up),
        sign * amount1_between(low, state.sqrt_price, size, round_up=up),
    )


def change_position(
    state: ConcentratedState, parameters: ConcentratedParameters, lower: int, upper: int, liquidity: int
) -> PositionChange:
    """Add liquidity between two ticks, or take it away if negative.

    The fees of a position of liquidity ``l`` since it was last touched are ``l`` times the growth
    inside, less the growth inside then (modulo ``2**256``), over ``2**128``: see `fees_earned`.

    Parameters
    ----------
    lower, upper : int
        Ticks, multiples of the spacing.
    liquidity : int
        Change; 0 only reads the growth of fees.

    Raises
    ------
    Revert
        ``TLU``, ``TLM``, ``TUM`` for ticks that bound no range, ``LO`` for too much at one tick,
        ``LS`` for more than there is.
    """
    if lower >= upper:
        raise Revert("TLU")
    if lower < MIN_TICK:
        raise Revert("TLM")
    if upper > MAX_TICK:
        raise Revert("TUM")
    if lower % parameters.tick_spacing or upper % parameters.tick_spacing:
        raise Revert("empty revert data")
    after = state
    if liquidity:
        for bound, net in ((lower, liquidity), (upper, -liquidity)):
            after = _with_tick(after, parameters, bound, liquidity, net)
        if lower <= state.tick < upper:
            after = replace(after, liquidity=state.liquidity + liquidity)
    # A bound that goes away with the last of its liquidity still says what was earned.
    known = after if liquidity > 0 else state
    return PositionChange(
        after, *amounts_for(state, lower, upper, liquidity), *_growth_inside(known, lower, upper)
    )


def fees_earned(liquidity: int, growth_before: int, growth_now: int) -> int:
    """Fees of a position between two readings of the growth inside its range, rounded down.

    Parameters
    ----------
    liquidity : int
        Of the position, unchanged between the readings.
    growth_before, growth_now : int
        Q128, modulo ``2**256``.

    Returns
    -------
    int
        Base units of the token.
    """
    return liquidity * ((growth_now - growth_before) % _MODULUS) // Q128


def _check_limit(sqrt_price: int, zero_for_one: bool, limit: int) -> None:
    low, high = (MIN_SQRT_PRICE, sqrt_price) if zero_for_one else (sqrt_price, MAX_SQRT_PRICE)
    if not low < limit < high:
        raise Revert("SPL")


def _next_bound(ticks: tuple[Tick, ...], tick: int, spacing: int, downwards: bool) -> tuple[int, int | None]:
    """Where the next step ends: a tick, and its place among the initialised ones if it is one."""
    end = word_end(tick, spacing, downwards)
    if downwards:
        position = bisect_right(ticks, tick, key=_number) - 1
        if position >= 0 and ticks[position].number >= end:
            return ticks[position].number, position
    else:
        position = bisect_right(ticks, tick, key=_number)
        if position < len(ticks) and ticks[position].number <= end:
            return ticks[position].number, position
    return min(max(end, MIN_TICK), MAX_TICK), None


def _number(tick: Tick) -> int:
    return tick.number


def _crossed(tick: Tick, growth0: int, growth1: int) -> Tick:
    return tick._replace(
        fee_growth_outside0=(growth0 - tick.fee_growth_outside0) % _MODULUS,
        fee_growth_outside1=(growth1 - tick.fee_growth_outside1) % _MODULUS,
    )


def _with_tick(
    state: ConcentratedState, parameters: ConcentratedParameters, bound: int, gross: int, net: int
) -> ConcentratedState:
    """Change the liquidity that refers to one tick; a tick without any is forgotten."""
    place = bisect_left(state.ticks, bound, key=_number)
    known = place < len(state.ticks) and state.ticks[place].number == bound
    if known:
        old = state.ticks[place]
    elif bound <= state.tick:
        # All that was earned so far counts as earned below.
        old = Tick(bound, 0, 0, state.fee_growth0, state.fee_growth1)
    else:
        old = Tick(bound, 0, 0)
    total = old.liquidity_gross + gross
    if total < 0:
        raise Revert("LS")
    if total > parameters.max_liquidity_per_tick:
        raise Revert("LO")
    changed = old._replace(liquidity_gross=total, liquidity_net=old.liquidity_net + net)
    kept = (changed,) if total else ()
    return replace(state, ticks=(*state.ticks[:place], *kept, *state.ticks[place + known :]))


def _growth_inside(state: ConcentratedState, lower: int, upper: int) -> tuple[int, int]:
    """Fees per unit of liquidity earned between two ticks, Q128, modulo ``2**256``."""
    bounds = []
    for bound in (lower, upper):
        place = bisect_left(state.ticks, bound, key=_number)
        found = place < len(state.ticks) and state.ticks[place].number == bound
        bounds.append(state.ticks[place] if found else Tick(bound, 0, 0))
    below, above = bounds
    inside = []
    for total, outside_low, outside_high in (
        (state.fee_growth0, below.fee_growth_outside0, above.fee_growth_outside0),
        (state.fee_growth1, below.fee_growth_outside1, above.fee_growth_outside1),
    ):
        under = outside_low if state.tick >= lower else total - outside_low
        over = outside_high if state.tick < upper else total - outside_high
        inside.append((total - under - over) % _MODULUS)
    return inside[0], inside[1]
