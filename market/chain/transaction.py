"""What is sent to the chain: transactions and bundles.

A transaction names its sender, what it is willing to pay for gas and when it
reached the mempool. Its action is an opaque callable of the world: it moves
value or raises `Revert`, in which case nothing it did remains but the gas.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

CONTESTED = frozenset(("liquidation", "purchase", "bid", "chore", "arbitrage"))
"""Kinds of which only one for the same target can bring what it is sent for."""


class Transaction(NamedTuple):
    """One transaction in the mempool.

    Attributes
    ----------
    sender : int
        Ledger account that pays the gas.
    kind : str
        What it does, for the record: ``liquidation``, ``purchase``, ``bid``, ``chore``, ``arbitrage``,
        ``defence`` or ``rebalance``.
    gas : int
        Gas used when it succeeds.
    revert_gas : int
        Gas used when it reverts.
    price_gwei : float
        Gas price offered, gwei.
    arrival_s : float
        When it reached the mempool, seconds from the start of the run.
    tie : float
        Draw of the sender's own stream, the last tie-breaker.
    action : callable
        Called with the execution context; raises `Revert` to undo itself.
    target : int
        What it competes for (an account to liquidate, a sale), -1 for nothing.
    market : int
        Number of the protocol that the target belongs to, -1 for none.
    private : bool
        Whether others do not see it before it is executed.
    protected : bool
        Whether it leaves no trace and pays nothing if it reverts.
    ceiling_gwei : float
        Most that its sender would raise the price to when outbid; below `price_gwei` for no raise at all.
    """

    sender: int
    kind: str
    gas: int
    revert_gas: int
    price_gwei: float
    arrival_s: float
    tie: float
    action: Callable[[Any], Any]
    target: int = -1
    market: int = -1
    private: bool = False
    protected: bool = False
    ceiling_gwei: float = 0.0

    @property
    def contested(self) -> tuple[str, int, int] | None:
        """What only one sender can have, if there is such a thing."""
        return (self.kind, self.market, self.target) if self.kind in CONTESTED else None

    @property
    def payment_gwei(self) -> float:
        """What it pays when it succeeds: gas times price, gwei."""
        return self.gas * self.price_gwei

    @property
    def key(self) -> tuple[int, str, int, int]:
        """What makes another request of the same sender a repetition."""
        return self.sender, self.kind, self.market, self.target


class Bundle(NamedTuple):
    """Transactions that are executed next to each other, all or none.

    The bundle competes with its members' gas price, weighted by their gas; it has
    at least one member. If one reverts the whole bundle leaves no trace and pays no gas.
    """

    transactions: tuple[Transaction, ...]

    @property
    def price_gwei(self) -> float:
        """Gas price of the whole, gwei per unit of gas, weighted by gas."""
        gas = sum(t.gas for t in self.transactions)
        return math.fsum(t.gas * t.price_gwei for t in self.transactions) / gas

    @property
    def payment_gwei(self) -> float:
        """What all members pay together when they succeed: gas times price, gwei."""
        return math.fsum(t.payment_gwei for t in self.transactions)

    @property
    def arrival_s(self) -> float:
        """When the last member arrived, seconds from the start."""
        return max(t.arrival_s for t in self.transactions)

    @property
    def tie(self) -> float:
        """Tie-breaker of the first member."""
        return self.transactions[0].tie

    @property
    def gas(self) -> int:
        """Gas used when every member succeeds."""
        return sum(t.gas for t in self.transactions)
