"""The backstop vault of a venue: what it took over, how it sells it, and what it gains.

Accounts come to it in `closing`. A policy of `agents.strategies.vault` sells them; without one it keeps them.
"""

from __future__ import annotations

import math

from ....agents.strategies.vault import UnloadPolicy, VaultState
from .closing import Closing
from .listing import Listing


class Vault:
    """The vault's row in the accounts.

    Parameters
    ----------
    closing : Closing
        Sends its orders.
    policy : UnloadPolicy or None
        How positions are unloaded; None keeps them.
    """

    def __init__(self, closing: Closing, policy: UnloadPolicy | None) -> None:
        self.closing, self.policy, self.row = closing, policy, closing.vault
        self._capital: int = closing.accounts.balances.item(self.row)
        self._lots = [0] * len(closing.listings)
        self._sold = [0] * len(closing.listings)  # by resting orders, since the last row
        self._traded = [0] * len(closing.listings)

    def note(self, column: int, lots: int) -> None:
        """Take note of what a resting order has traded; bought, or sold if negative."""
        self._sold[column] += lots

    def work(self, block: int, time_s: float) -> None:
        """Unload what the policy says, and write down each contract that is held or has changed."""
        for traded in self.closing.collect(self.row):
            self.note(traded.column, traded.lots)
        for listing in self.closing.listings:
            self._work(listing, block, time_s)

    def _work(self, listing: Listing, block: int, time_s: float) -> None:
        closing, column = self.closing, listing.column
        accounts, records = closing.accounts, closing.records
        held = accounts.lots.item(self.row, column)
        sold, self._sold[column] = self._sold[column], 0
        taken = held - self._lots[column] - sold
        volume = listing.floor.lots_traded(listing.asset)
        if held and self.policy is not None and listing.trades:
            sold += self._unload(self.policy, listing, held, volume - self._traded[column])
        self._traded[column] = volume
        after = self._lots[column] = accounts.lots.item(self.row, column)
        if after or taken or sold:
            position, equity = listing.contract.value(after, listing.ticks), accounts.equity(self.row)
            records.backstop.append(
                (
                    block, time_s, records.venue, listing.contract.symbol, taken, sold, after,
                    position / records.unit, equity / records.unit, (equity - self._capital) / records.unit,
                )
            )  # fmt: skip

    def _unload(self, policy: UnloadPolicy, listing: Listing, held: int, traded: int) -> int:
        """Send the order of this block; lots bought at once (sold if negative)."""
        closing, accounts, row = self.closing, self.closing.accounts, self.row
        worth, equity = abs(listing.contract.value(held, listing.ticks)), accounts.equity(row)
        entry = accounts.entry.item(row, listing.column) / (held * listing.contract.multiplier)
        order = policy.order(
            VaultState(
                held, entry * listing.tick_usd, listing.ticks * listing.tick_usd, *listing.touch(),
                worth / equity if equity > 0 else math.inf, traded,
            )
        )  # fmt: skip
        if not order.lots:
            return 0
        lots = -order.lots if held > 0 else order.lots
        if not order.rests:
            return closing.trade(row, listing, lots, order.price_usd).lots
        resting = closing.resting[listing.column]
        if resting.lots_of(row) == lots and math.isclose(
            resting.price_of(row), order.price_usd, rel_tol=1e-4
        ):
            return 0
        resting.withdraw(row)
        return resting.place(row, lots, abs(lots), order.price_usd).lots
