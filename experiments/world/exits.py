"""What becomes of seized collateral that is sold on the book, or held.

Bots that exit on the book sell in the block of the liquidation, never below the
price they accept; what the book does not take is offered again in later blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.base import DecidingAgent
from .costs import Cost, Exit
from .recorder import IMPACT, PROFIT

if TYPE_CHECKING:
    from ..model import LiquidationMarket


INFINITE = float("inf")


class _Lot:
    """Collateral that is still held, and the liquidation or sale in which its proceeds count, if any."""

    __slots__ = ("agent", "asset", "cost", "max_slippage", "row", "units")

    def __init__(
        self, agent: DecidingAgent, asset: int, cost: Cost | None, units: int, max_slippage: float
    ) -> None:
        self.agent, self.asset, self.cost, self.units = agent, asset, cost, units
        self.row = None if cost is None else cost.row
        self.max_slippage = max_slippage


class Exits:
    """Seized collateral that waits to be sold, oldest first."""

    def __init__(self, world: LiquidationMarket) -> None:
        self.world = world
        self.waiting: list[_Lot] = []
        self.held: list[_Lot] = []

    def hold(
        self, agent: DecidingAgent, cost: Cost, asset: int, units: int, exit: str, max_slippage: float
    ) -> None:
        """Take over what a liquidation or a purchase has brought; its proceeds count there."""
        lot = _Lot(agent, asset, cost, units, max_slippage)
        (self.waiting if exit == "book" else self.held).append(lot)

    def sell_rest(self, agent: DecidingAgent, asset: int, units: int, max_slippage: float) -> None:
        """Take over what an arbitrage could not square up at once."""
        if units >= self.world.lot_units(asset):
            self.waiting.append(_Lot(agent, asset, None, units, max_slippage))

    def mark(self) -> tuple[int, int]:
        """Return where the lots end now, for `drop_after`."""
        return len(self.waiting), len(self.held)

    def drop_after(self, mark: tuple[int, int]) -> None:
        """Forget what reverted transactions had handed over since `mark`."""
        del self.waiting[mark[0] :]
        del self.held[mark[1] :]

    def sell(self) -> None:
        """Offer everything that waits to the books."""
        if not self.waiting:
            return
        world, ledger, quote = self.world, self.world.ledger, self.world.quote
        left: list[_Lot] = []
        mids: dict[int, float] = {}
        refused: dict[int, float] = {}  # price at and above which a book has just shown no more bids
        for lot in self.waiting:
            asset, size = lot.asset, world.lot_units(lot.asset)
            if asset not in mids:
                mids[asset] = world.floor.mid(asset)
                refused[asset] = INFINITE
            worst = mids[asset] * (1.0 - lot.max_slippage)
            if worst >= refused[asset]:
                left.append(lot)
                continue
            me, row, cost = lot.agent.account, lot.row, lot.cost
            if cost is not None:
                bid, ask = world.floor.touch(asset)
                units, cash = ledger.balance(me, asset), ledger.balance(me, quote)
            sold, received = world.sell_on_book(asset, me, lot.units // size, worst)
            if sold and row is not None and cost is not None:
                mid = 0.5 * (bid + ask) if ask < INFINITE else mids[asset]
                units -= ledger.balance(me, asset)
                cash = ledger.balance(me, quote) - cash
                after = world.floor.mid(asset)
                cost.exits.append(Exit(asset, sold, mid, mid, bid, received, world.block, after, units, cash))
                proceeds = received / world.assets[world.quote].unit
                row[PROFIT] += proceeds
                if row[IMPACT] != row[IMPACT]:  # the first sale sets it
                    row[IMPACT] = (1.0 - proceeds / (sold / world.assets[asset].unit * mids[asset])) * 1e4
            lot.units -= sold
            if lot.units >= size:
                refused[asset] = worst
                left.append(lot)
            elif row is not None:
                self.held.append(lot)
        self.waiting = left

    def value_leftovers(self) -> None:
        """Credit what is still held at the last mid, once the run is over."""
        world = self.world
        values = world.unit_values()
        for lot in (*self.waiting, *self.held):
            if lot.row is not None:
                lot.row[PROFIT] += lot.units * float(values[lot.asset])
        self.waiting, self.held = [], []
