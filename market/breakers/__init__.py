"""Circuit breakers: when a venue stops to trade, and the auction at which it starts again."""

from __future__ import annotations

from .breaker import (
    Breaker,
    BreakerError,
    BreakerState,
    Cause,
    EndlessHaltError,
    Phase,
    Seen,
    admits,
    band,
    opened,
    reopen,
    step,
)
from .call_auction import Clearing, call_auction

__all__ = [
    "Breaker",
    "BreakerError",
    "BreakerState",
    "Cause",
    "Clearing",
    "EndlessHaltError",
    "Phase",
    "Seen",
    "admits",
    "band",
    "call_auction",
    "opened",
    "reopen",
    "step",
]
