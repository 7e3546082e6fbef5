"""Orders of a venue that rest on its books: icebergs of liquidations, quotes of the backstop vault.

They belong to the clearing account on the ledger and to one row of the accounts. What others take of them
between two looks is booked at the price at which they rest. Who places them, and where, is decided elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ....protocols.margin.accounts import MarginAccounts
from .listing import Listing


class Traded(NamedTuple):
    """Lots of a contract that a row has bought (sold if negative), and their value with the same sign."""

    row: int
    column: int
    lots: int
    value: int


@dataclass(slots=True)
class _Order:
    """An order on the book: its side, what it still held at the last look, and its price."""

    number: int
    side: int
    left: int
    price_usd: float


class RestingOrders:
    """At most one order of each row on the book of one contract.

    Parameters
    ----------
    listing : Listing
    accounts : MarginAccounts
    """

    def __init__(self, listing: Listing, accounts: MarginAccounts) -> None:
        self.listing, self.accounts = listing, accounts
        self._floor = listing.floor
        self._orders: dict[int, _Order] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def price_of(self, row: int) -> float:
        """Price at which a row's order rests, USD per token; nan if it has none."""
        order = self._orders.get(row)
        return order.price_usd if order else float("nan")

    def lots_of(self, row: int) -> int:
        """Lots of a row's order at the last look, negative if it sells; 0 if it has none."""
        order = self._orders.get(row)
        return order.side * order.left if order else 0

    def place(self, row: int, lots: int, shown: int, price_usd: float) -> Traded:
        """Let an order of a row rest, `shown` lots at a time, instead of any other; what it trades at once.

        Parameters
        ----------
        row : int
        lots : int
            To buy; negative to sell.
        shown : int
            Lots that others see.
        price_usd : float
        """
        number, done, value = self.listing.rest(lots, max(shown, 1), price_usd)
        left = self._floor.lots_left(self.listing.asset, number) if number else 0
        if left:
            side = 1 if lots > 0 else -1
            self._orders[row] = _Order(number, side, left, self._on_tick(price_usd, side))
        return self._book(row, done, value)

    def collect(self, only: int | None = None) -> list[Traded]:
        """Book what others have taken of all orders, or of those of one row, since the last look."""
        found = []
        for row, order in list(self._orders.items()):
            if only is not None and row != only:
                continue
            left = self._floor.lots_left(self.listing.asset, order.number)
            if left == order.left:
                continue
            done, order.left = order.left - left, left
            if not left:
                del self._orders[row]
            value = self._floor.worth(self.listing.asset, done, order.price_usd)
            found.append(self._book(row, order.side * done, order.side * value))
        return found

    def withdraw(self, row: int) -> None:
        """Take a row's order out, if there is one, right after `collect`, or what it traded is lost."""
        order = self._orders.pop(row, None)
        if order is not None:
            self._floor.withdraw(self.listing.asset, order.number)

    def clear(self) -> None:
        """Take all orders out, right after `collect`."""
        for row in list(self._orders):
            self.withdraw(row)

    def locked(self) -> tuple[int, int]:
        """Lots for sale and quote units for purchases that the orders hold in escrow, at the last look."""
        orders = self._orders.values()
        lots = sum(order.left for order in orders if order.side < 0)
        bids = (order for order in orders if order.side > 0)
        return lots, sum(self._floor.worth(self.listing.asset, order.left, order.price_usd) for order in bids)

    def _book(self, row: int, lots: int, value: int) -> Traded:
        if lots:
            self.accounts.fill_value(row, self.listing.column, lots, value)
        return Traded(row, self.listing.column, lots, value)

    def _on_tick(self, price_usd: float, side: int) -> float:
        """Price at which the floor lets the order rest: rounded away from the other side."""
        tick = self.listing.tick_usd
        ticks = price_usd / tick
        return tick * max(math.ceil(ticks - 1e-9) if side < 0 else math.floor(ticks + 1e-9), 1)
