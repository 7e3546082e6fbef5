"""Circuit breaker of one venue: price bands, limit state, halts by volatility or by a fall (MODEL 2.6).

A small state machine without clocks or orders of its own. `step` takes what the venue shows now and
returns the next state; `admits` says whether an order may trade at a price; when a halt is over the
state is `Phase.REOPENING` until the venue has held its call auction and says so with `reopen`. ::

    OPEN <-> LIMIT -> HALTED -> REOPENING -> OPEN
      |                  ^ |        |
      +------------------+ +--------+ (the auction fails: the halt goes on)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple


class BreakerError(ValueError):
    """Settings that no venue can run, or a call out of turn."""


class EndlessHaltError(RuntimeError):
    """A halt that has gone on for longer than the venue allows."""


class Phase(IntEnum):
    """What a venue does."""

    OPEN = 0
    LIMIT = 1
    HALTED = 2
    REOPENING = 3


class Cause(IntEnum):
    """Why the venue halted last."""

    NONE = 0
    LIMIT = 1
    VOLATILITY = 2
    FALL = 3


@dataclass(frozen=True, slots=True)
class Breaker:
    """Settings of a circuit breaker; what is infinite is switched off.

    The defaults are the limit-up limit-down plan's for large stocks, without sessions.

    Parameters
    ----------
    width : float
        Half width of the price band, a share of the reference price.
    window_s : float
        Seconds over which prices are averaged for the reference, and volatility is measured.
    limit_s : float
        How long quotes may stand at a band before the venue halts.
    pause_s : float
        Length of a halt.
    volatility : float
        Realised volatility of the window (root of the sum of squared log returns) that halts the venue.
    falls : tuple of (float, float)
        Falls below the opening price that halt it, each once, and for how long: the three market-wide levels
        are ``((.07, 900), (.13, 900), (.20, ...))``.
    wide : tuple of (float, float)
        Periods in which the band is `wide_factor` times as wide: from second to second.
    wide_factor : float
    collar : float
        Farthest that a reopening price may be from the reference, a share of it; each failed auction
        widens it by as much again.
    extension_s : float
        How much longer the halt lasts when an auction fails.
    longest_s : float
        Longest halt, extensions included; after it the venue raises `EndlessHaltError`.

    Raises
    ------
    BreakerError
        If a number is out of its range, or a single halt is longer than the longest.
    """

    width: float = 0.05
    window_s: float = 300.0
    limit_s: float = 15.0
    pause_s: float = 300.0
    volatility: float = math.inf
    falls: tuple[tuple[float, float], ...] = ()
    wide: tuple[tuple[float, float], ...] = ()
    wide_factor: float = 2.0
    collar: float = math.inf
    extension_s: float = 300.0
    longest_s: float = 86_400.0

    def __post_init__(self) -> None:
        for key in ("width", "volatility", "collar"):
            if not getattr(self, key) > 0.0:
                raise BreakerError(f"breaker: {key} must be positive, got {getattr(self, key):g}")
        for key in ("window_s", "pause_s", "extension_s", "longest_s"):
            if not 0.0 < getattr(self, key) < math.inf:
                raise BreakerError(f"breaker: {key} must be positive and finite, got {getattr(self, key):g}")
        if not self.limit_s >= 0.0:
            raise BreakerError(f"breaker: limit_s must not be negative, got {self.limit_s:g}")
        if not self.wide_factor >= 1.0:
            raise BreakerError(f"breaker: wide_factor must be at least 1, got {self.wide_factor:g}")
        for start, end in self.wide:
            if not start < end:
                raise BreakerError(
                    f"breaker: wide must name periods that end after they start, got {start:g} to {end:g}"
                )
        depth = 0.0
        for fall, pause in self.falls:
            if not depth < fall < 1.0 or not 0.0 < pause < math.inf:
                raise BreakerError(
                    f"breaker: falls must grow from above 0 to below 1, with finite pauses, "
                    f"got {fall:g} for {pause:g} s"
                )
            depth = fall
        longest = max([self.pause_s, *(pause for _, pause in self.falls)])
        if longest > self.longest_s:
            raise BreakerError(
                f"breaker: longest_s must be at least {longest:g}, the longest single halt, "
                f"got {self.longest_s:g}"
            )


class Seen(NamedTuple):
    """What a venue shows at a moment; no bid is 0, no ask infinity, no trade since the last step None."""

    now_s: float
    bid: float
    ask: float
    last: float | None = None


class BreakerState(NamedTuple):
    """Where a breaker stands.

    Attributes
    ----------
    phase : Phase
    since_s : float
        When this phase began; of a halt that goes on, when it began first.
    until_s : float
        When the halt ends.
    opening, reference : float
        Prices at the start and now.
    trades : tuple of (float, float)
        Seconds and prices in the window.
    cause : Cause
        Of the last halt.
    halts : int
        How many there were.
    failed : int
        Auctions of this halt that failed.
    next_fall : int
        The level that halts the venue next.
    """

    phase: Phase
    since_s: float
    until_s: float
    opening: float
    reference: float
    trades: tuple[tuple[float, float], ...]
    cause: Cause = Cause.NONE
    halts: int = 0
    failed: int = 0
    next_fall: int = 0


def opened(price: float, now_s: float = 0.0) -> BreakerState:
    """State of a venue that opens at a price.

    Raises
    ------
    BreakerError
        If the price is not positive.
    """
    if not 0.0 < price < math.inf:
        raise BreakerError(f"breaker: opening price must be positive and finite, got {price:g}")
    return BreakerState(Phase.OPEN, now_s, now_s, price, price, ((now_s, price),))


def band(breaker: Breaker, state: BreakerState, now_s: float) -> tuple[float, float]:
    """Lowest and highest price of a trade (CASES P15)."""
    factor = breaker.wide_factor if any(start <= now_s < end for start, end in breaker.wide) else 1.0
    width = breaker.width * factor
    return max(state.reference * (1.0 - width), 0.0), state.reference * (1.0 + width)


def admits(breaker: Breaker, state: BreakerState, now_s: float, price: float) -> bool:
    """Whether an order may trade at a price now: the venue trades, and the price is within the band."""
    low, high = band(breaker, state, now_s)
    return state.phase <= Phase.LIMIT and low <= price <= high


def step(breaker: Breaker, state: BreakerState, seen: Seen) -> BreakerState:
    """Next state of a venue.

    Parameters
    ----------
    breaker : Breaker
    state : BreakerState
    seen : Seen
        Later than what was seen before.

    Raises
    ------
    EndlessHaltError
        If a halt has lasted longer than the venue allows.
    """
    now = seen.now_s
    if state.phase >= Phase.HALTED:
        if now - state.since_s > breaker.longest_s:
            raise EndlessHaltError(
                f"halt that began at {state.since_s:g} s ({state.cause.name.lower()}) has not ended by "
                f"{now:g} s; longest_s allows {breaker.longest_s:g} s, {state.failed} auctions failed"
            )
        return state._replace(phase=Phase.REOPENING) if now >= state.until_s else state
    state = _observed(breaker, state, seen)
    price = state.trades[-1][1] if state.trades else state.reference
    if state.next_fall < len(breaker.falls):
        fall, pause = breaker.falls[state.next_fall]
        if price <= state.opening * (1.0 - fall):
            return _halted(state._replace(next_fall=state.next_fall + 1), now, pause, Cause.FALL)
    if _volatility(state) >= breaker.volatility:
        return _halted(state, now, breaker.pause_s, Cause.VOLATILITY)
    low, high = band(breaker, state, now)
    if not (seen.bid >= high or seen.ask <= low):
        return state if state.phase is Phase.OPEN else state._replace(phase=Phase.OPEN, since_s=now)
    if state.phase is Phase.OPEN:
        state = state._replace(phase=Phase.LIMIT, since_s=now)
    if now - state.since_s >= breaker.limit_s:
        return _halted(state, now, breaker.pause_s, Cause.LIMIT)
    return state


def reopen(breaker: Breaker, state: BreakerState, now_s: float, price: float | None) -> BreakerState:
    """Let trading begin again at the price of an auction, or the halt go on.

    Parameters
    ----------
    breaker : Breaker
    state : BreakerState
        In `Phase.REOPENING`.
    now_s : float
    price : float or None
        At which the auction cleared; None if it could not. A venue without auctions gives the reference.

    Returns
    -------
    BreakerState
        Open, with the price as the new reference; or halted for `extension_s` more if there is no price,
        or it is outside of the collar.

    Raises
    ------
    BreakerError
        If the venue is not reopening.
    """
    if state.phase is not Phase.REOPENING:
        raise BreakerError(
            f"breaker: reopen is for a venue that is reopening, this one is {state.phase.name}"
        )
    reach = state.reference * breaker.collar * (1 + state.failed)
    if price is None or abs(price - state.reference) > reach:
        return state._replace(
            phase=Phase.HALTED, until_s=now_s + breaker.extension_s, failed=state.failed + 1
        )
    return state._replace(
        phase=Phase.OPEN, since_s=now_s, until_s=now_s, reference=price, trades=((now_s, price),), failed=0
    )


def _observed(breaker: Breaker, state: BreakerState, seen: Seen) -> BreakerState:
    """Take a trade into the window, and its mean as the reference; the last price stays if it runs empty."""
    kept = [trade for trade in state.trades if trade[0] > seen.now_s - breaker.window_s]
    if seen.last is not None:
        kept.append((seen.now_s, seen.last))
    if not kept:
        return state._replace(trades=state.trades[-1:])
    reference = sum(price for _, price in kept) / len(kept)
    return state._replace(trades=tuple(kept), reference=reference)


def _halted(state: BreakerState, now_s: float, pause_s: float, cause: Cause) -> BreakerState:
    return state._replace(
        phase=Phase.HALTED,
        since_s=now_s,
        until_s=now_s + pause_s,
        cause=cause,
        halts=state.halts + 1,
        failed=0,
    )


def _volatility(state: BreakerState) -> float:
    prices = [price for _, price in state.trades]
    return math.sqrt(sum(math.log(b / a) ** 2 for a, b in pairwise(prices)))
