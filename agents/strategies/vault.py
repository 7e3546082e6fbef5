"""How a backstop vault gets rid of what it took over: one class for each policy.

A vault earns what it saves of an account's margin and bears the risk of the position until it has sold it. A
policy says how much to offer now, at which worst price, and whether at once or by an order that rests.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple


class VaultState(NamedTuple):
    """What a policy sees of one contract.

    Attributes
    ----------
    lots : int
        Held, negative if short.
    entry_usd, mark_usd : float
        Mean price of entry and mark, USD per token.
    bid_usd, ask_usd : float
        Best prices of the book; 0 and infinity where there is none.
    leverage : float
        Worth of the position over the vault's equity; infinity without equity.
    traded : int
        Lots that the book has traded since the last block.
    """

    lots: int
    entry_usd: float
    mark_usd: float
    bid_usd: float
    ask_usd: float
    leverage: float
    traded: int


class VaultOrder(NamedTuple):
    """An order against the position: lots without sign, worst price, and whether it rests on the book."""

    lots: int
    price_usd: float
    rests: bool


NO_ORDER = VaultOrder(0, 0.0, False)


class UnloadPolicy(ABC):
    """A way to sell what a vault holds, or to buy it back."""

    @abstractmethod
    def order(self, state: VaultState) -> VaultOrder:
        """Return what is to be offered now; asked once a block while the vault holds anything."""


@dataclass(frozen=True, slots=True)
class VolumeUnload(UnloadPolicy):
    """A share of what the book trades, no worse than a stated price.

    Parameters
    ----------
    participation : float
        Offered for each lot that the book has traded since the last block; above 0, at most 1.
    least_gain : float
        Worst price, as a gain on the mean price of entry: 0 sells at no loss only, -1 at any price.
    max_slippage : float
        Worst price, as a fraction beyond the mark; from 0 to 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    participation: float = 0.1
    least_gain: float = -1.0
    max_slippage: float = 0.005

    def __post_init__(self) -> None:
        if not 0 < self.participation <= 1:
            raise ValueError(f"participation must be above 0 and at most 1, got {self.participation:g}")
        if not -1 <= self.least_gain < math.inf:
            raise ValueError(f"least_gain must be -1 or more, got {self.least_gain:g}")
        if not 0 <= self.max_slippage <= 1:
            raise ValueError(f"max_slippage must be from 0 to 1, got {self.max_slippage:g}")

    def order(self, state: VaultState) -> VaultOrder:
        """Return a share of the volume, at the worse of both limits."""
        lots = min(math.ceil(self.participation * state.traded), abs(state.lots))
        if not lots:
            return NO_ORDER
        side = 1.0 if state.lots > 0 else -1.0
        worst = state.mark_usd * (1.0 - side * self.max_slippage)
        if self.least_gain > -1.0:
            stated = state.entry_usd * (1.0 + side * self.least_gain)
            worst = max(worst, stated) if state.lots > 0 else min(worst, stated)
        return VaultOrder(lots, worst, False)


@dataclass(frozen=True, slots=True)
class SkewedUnload(UnloadPolicy):
    """Everything rests on the book, the nearer to the mark the more the vault holds for its equity.

    An order lies ``half_spread - skew leverage`` beyond the mark, at most `max_slippage` on its wrong side
    and never beyond the other side's best price.

    Parameters
    ----------
    half_spread : float
        Distance of the order of a small position from the mark, as a fraction; 0 or more.
    skew : float
        How much nearer it moves for each unit of leverage, as a fraction; 0 or more.
    max_slippage : float
        Worst price, as a fraction beyond the mark; from 0 to 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    half_spread: float = 0.001
    skew: float = 0.001
    max_slippage: float = 0.05

    def __post_init__(self) -> None:
        for name in ("half_spread", "skew", "max_slippage"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name):g}")

    def order(self, state: VaultState) -> VaultOrder:
        """Return an order for all that is held."""
        away = max(self.half_spread - self.skew * min(state.leverage, 1e6), -self.max_slippage)
        if state.lots > 0:
            return VaultOrder(state.lots, max(state.mark_usd * (1.0 + away), state.bid_usd), True)
        return VaultOrder(-state.lots, min(state.mark_usd * (1.0 - away), state.ask_usd), True)


UNLOAD_POLICIES: dict[str, type[UnloadPolicy]] = {"volume": VolumeUnload, "skewed": SkewedUnload}
"""Packaged policies by name."""
