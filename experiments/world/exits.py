"""What becomes of seized collateral that is sold on the book, or held.

Bots that exit on the book sell in the block of the liquidation, never below the
price they accept; what the book does not take is offered again in later blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.base import DecidingAgent, Liquidate
from .recorder import IMPACT, PROFIT

if TYPE_CHECKING:
    from ..model import LiquidationMarket

NO_LIQUIDATION = -1
"""Number of a lot that no liquidation seized."""


class _Lot:
    """Collateral of one liquidation that is still held."""

    __slots__ = ("agent", "asset", "max_slippage", "number", "sells", "units")

    def __init__(
        self, agent: DecidingAgent, asset: int, number: int, units: int, max_slippage: float, sells: bool
    ) -> None:
        self.agent, self.asset, self.number, self.units = agent, asset, number, units
        self.max_slippage, self.sells = max_slippage, sells


class Exits:
    """Seized collateral that waits to be sold, oldest first."""

    def __init__(self, world: LiquidationMarket) -> None:
        self.world = world
        self.waiting: list[_Lot] = []
        self.held: list[_Lot] = []

    def hold(self, agent: DecidingAgent, intent: Liquidate, number: int, asset: int, units: int) -> None:
        """Take over what a liquidation has seized."""
        lot = _Lot(agent, asset, number, units, intent.max_slippage, intent.exit == "book")
        (self.waiting if lot.sells else self.held).append(lot)

    def sell_rest(self, agent: DecidingAgent, asset: int, units: int, max_slippage: float) -> None:
        """Take over what an arbitrage could not square up at once."""
        if units >= self.world.lot_units(asset):
            self.waiting.append(_Lot(agent, asset, NO_LIQUIDATION, units, max_slippage, True))

    def drop_from(self, number: int) -> None:
        """Forget what reverted liquidations, numbered `number` and later, had handed over."""
        for lots in (self.waiting, self.held):
            while lots and lots[-1].number >= number:
                lots.pop()

    def sell(self) -> None:
        """Offer everything that waits to the books."""
        if not self.waiting:
            return
        world = self.world
        left: list[_Lot] = []
        mids: dict[int, float] = {}
        refused: dict[int, float] = {}  # price at and above which a book has just shown no more bids
        for lot in self.waiting:
            asset, size = lot.asset, world.lot_units(lot.asset)
            if asset not in mids:
                mids[asset] = world.floor.mid(asset)
                refused[asset] = float("inf")
            worst = mids[asset] * (1.0 - lot.max_slippage)
            if worst >= refused[asset]:
                left.append(lot)
                continue
            sold, received = world.sell_on_book(asset, lot.agent.account, lot.units // size, worst)
            if sold and lot.number == NO_LIQUIDATION:
                lot.units -= sold
            elif sold:
                row = world.recorder.liquidations[lot.number]
                proceeds = received / world.assets[world.quote].unit
                row[PROFIT] += proceeds
                if row[IMPACT] != row[IMPACT]:  # the first sale sets it
                    row[IMPACT] = (1.0 - proceeds / (sold / world.assets[asset].unit * mids[asset])) * 1e4
                lot.units -= sold
            if lot.units >= size:
                refused[asset] = worst
                left.append(lot)
            elif lot.number != NO_LIQUIDATION:
                self.held.append(lot)
        self.waiting = left

    def value_leftovers(self) -> None:
        """Credit what is still held at the last mid, once the run is over."""
        world = self.world
        values = world.unit_values()
        for lot in (*self.waiting, *self.held):
            if lot.number == NO_LIQUIDATION:
                continue
            worth = lot.units * float(values[lot.asset])
            world.recorder.liquidations[lot.number][PROFIT] += worth
        self.waiting, self.held = [], []
