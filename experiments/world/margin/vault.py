"""The backstop vault of a venue: what it took over, how it sells it, and what it gains.

Accounts come to it in `closing`. A policy of `agents.strategies.vault` sells them; without one it keeps them.
"""

from __future__ import annotations

import math

from ....agents.strategies.vault import UnloadPolicy, VaultState
from .closing import Closing


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
        self._lots = self._traded = 0
        self._sold = 0  # of resting orders, since the last row

    def note(self, lots: int) -> None:
        """Take note of what a resting order has traded; bought, or sold if negative."""
        self._sold += lots

    def work(self, block: int, time_s: float, mark: int, trades: bool) -> None:
        """Unload what the policy says, and write the block down if anything is held or has changed.

        Parameters
        ----------
        block : int
        time_s : float
        mark : int
            Ticks.
        trades : bool
            Whether the book takes orders.
        """
        closing, accounts = self.closing, self.closing.accounts
        held = accounts.lots.item(self.row, 0)
        sold, self._sold = self._sold, 0
        taken = held - self._lots - sold
        volume = closing.floor.lots_traded(closing.asset)
        if held and self.policy is not None and trades:
            sold += self._unload(self.policy, held, mark, volume - self._traded)
        self._traded = volume
        after = accounts.lots.item(self.row, 0)
        if after or taken or sold:
            records, equity = closing.records, accounts.equity(self.row)
            position = closing.contract.value(after, mark)
            records.backstop.append(
                (
                    block, time_s, records.venue, closing.contract.symbol, taken, sold, after,
                    position / records.unit, equity / records.unit, (equity - self._capital) / records.unit,
                )
            )  # fmt: skip
        self._lots = after

    def _unload(self, policy: UnloadPolicy, held: int, mark: int, traded: int) -> int:
        """Send the order of this block; lots bought at once (sold if negative)."""
        closing, accounts, row = self.closing, self.closing.accounts, self.row
        bid, ask = closing.floor.touch(closing.asset)
        worth, equity = abs(closing.contract.value(held, mark)), accounts.equity(row)
        entry = accounts.entry.item(row, 0) / (held * closing.contract.multiplier)
        order = policy.order(
            VaultState(
                held, entry * closing.tick_usd, mark * closing.tick_usd, bid, ask,
                worth / equity if equity > 0 else math.inf, traded,
            )
        )  # fmt: skip
        if not order.lots:
            return 0
        lots = -order.lots if held > 0 else order.lots
        if not order.rests:
            return closing.trade(row, lots, mark, order.price_usd).lots
        resting = closing.resting
        if resting.lots_of(row) == lots and math.isclose(
            resting.price_of(row), order.price_usd, rel_tol=1e-4
        ):
            return 0
        resting.withdraw(row)
        return resting.place(row, lots, abs(lots), order.price_usd).lots
