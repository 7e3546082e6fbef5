"""What becomes of seized collateral that is sold on the book, or held.

Bots that exit on the book sell in the block of the liquidation, or by a schedule in that block
and later ones, never below the price they accept; what the book does not take is offered
again in later blocks.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ...agents.base import DecidingAgent
from ...agents.strategies.exits import Exit as ExitPlan
from ...agents.strategies.exits import Progress, SaleStart, Schedule
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


class _Programme:
    """A lot that is sold by a schedule, and its order that rests on the book, if there is one."""

    __slots__ = ("lot", "mid", "order", "placed", "price", "schedule", "since_s", "start", "total", "traded")

    def __init__(self, lot: _Lot, schedule: Schedule, start: SaleStart, since_s: float, traded: int) -> None:
        self.lot, self.schedule, self.start, self.since_s = lot, schedule, start, since_s
        self.total, self.traded = lot.units, traded
        self.order = self.placed = 0
        self.price = self.mid = 0.0


class Exits:
    """Seized collateral that waits to be sold, oldest first.

    Attributes
    ----------
    unsold_usd : float
        Once the run is over: what liquidators still hold of it, at the last mids.
    """

    def __init__(self, world: LiquidationMarket) -> None:
        self.world = world
        self.waiting: list[_Lot] = []
        self.held: list[_Lot] = []
        self.scheduled: list[_Programme] = []
        self.unsold_usd = 0.0

    def hold(
        self, agent: DecidingAgent, cost: Cost, asset: int, units: int, exit: ExitPlan, max_slippage: float
    ) -> None:
        """Take over what a liquidation or a purchase has brought; its proceeds count there."""
        lot = _Lot(agent, asset, cost, units, max_slippage)
        if not isinstance(exit, str):
            world, floor = self.world, self.world.floor
            book = floor.book_of_asset[asset]
            start = SaleStart(
                floor.volatilities()[book], floor.bid_depths_usd()[book], floor.depth_band, world.block_time_s
            )
            self.scheduled.append(_Programme(lot, exit, start, world.time_s, floor.lots_traded(asset)))
        else:
            (self.waiting if exit == "book" else self.held).append(lot)

    def sell_rest(self, agent: DecidingAgent, asset: int, units: int, max_slippage: float) -> None:
        """Take over what an arbitrage could not square up at once."""
        if units >= self.world.lot_units(asset):
            self.waiting.append(_Lot(agent, asset, None, units, max_slippage))

    def mark(self) -> tuple[int, int, int]:
        """Return where the lots end now, for `drop_after`."""
        return len(self.waiting), len(self.held), len(self.scheduled)

    def drop_after(self, mark: tuple[int, int, int]) -> None:
        """Forget what reverted transactions had handed over since `mark`."""
        del self.waiting[mark[0] :]
        del self.held[mark[1] :]
        del self.scheduled[mark[2] :]

    def resting(self, account: int) -> list[tuple[int, int]]:
        """Return what an account's orders that rest on books hold: (asset, base units) pairs."""
        world = self.world
        return [
            (
                plan.lot.asset,
                world.floor.lots_left(plan.lot.asset, plan.order) * world.lot_units(plan.lot.asset),
            )
            for plan in self.scheduled
            if plan.order and plan.lot.agent.account == account
        ]

    def sell(self) -> None:
        """Offer everything that waits to the books."""
        if self.scheduled:
            self._follow_schedules()
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
                refused[asset] = INFINITE
            worst = mids[asset] * (1.0 - lot.max_slippage)
            if worst >= refused[asset]:
                left.append(lot)
                continue
            self._sell(lot, lot.units // size, worst, mids[asset])
            if lot.units >= size:
                refused[asset] = worst
                left.append(lot)
            elif lot.row is not None:
                self.held.append(lot)
        self.waiting = left

    def value_leftovers(self) -> None:
        """Credit what is still held at the last mid, once the run is over."""
        world = self.world
        for plan in self.scheduled:
            self._collect(plan, last=True)
        values = world.unit_values()
        for lot in (*self.waiting, *(plan.lot for plan in self.scheduled), *self.held):
            if lot.row is not None:
                worth = lot.units * float(values[lot.asset])
                lot.row[PROFIT] += worth
                self.unsold_usd += worth
        self.waiting, self.held, self.scheduled = [], [], []

    def _follow_schedules(self) -> None:
        """Sell what is due; lots whose horizon is over wait for any buyer from now on."""
        world, floor = self.world, self.world.floor
        left: list[_Programme] = []
        assets = sorted({plan.lot.asset for plan in self.scheduled})
        traded = {asset: floor.lots_traded(asset) for asset in assets}
        sold: dict[tuple[int, int], int] = defaultdict(int)  # by owner and asset, in this block
        for plan in self.scheduled:
            lot, size = plan.lot, world.lot_units(plan.lot.asset)
            over = world.time_s - plan.since_s >= plan.schedule.horizon_s
            if plan.order:
                self._collect(plan, last=over)
            if over:
                self.waiting.append(lot)
                continue
            mid, key = floor.mid(lot.asset), (lot.agent.account, lot.asset)
            part = plan.schedule.part(
                Progress(
                    plan.start,
                    world.time_s - plan.since_s,
                    plan.total,
                    lot.units,
                    (traded[lot.asset] - plan.traded) * size,
                    sold[key],
                    mid / world.assets[lot.asset].unit,
                )
            )
            if part.shown:
                self._rest(plan, part.units // size, max(1, part.shown // size), mid)
            elif part.units >= size:
                worst = mid * (1.0 - lot.max_slippage)
                sold[key] += self._sell(lot, part.units // size, worst, mid)
            if lot.units >= size:
                left.append(plan)
            elif lot.row is not None:
                self.held.append(lot)
        self.scheduled = left
        for plan in left:
            plan.traded = floor.lots_traded(plan.lot.asset)

    def _sell(self, lot: _Lot, lots: int, worst_usd: float, mid_usd: float) -> int:
        """Sell lots of the book at once, none below a price; return base units sold."""
        world, asset, me, cost = self.world, lot.asset, lot.agent.account, lot.cost
        ledger, quote = world.ledger, world.quote
        if cost is not None:
            bid, ask = world.floor.touch(asset)
            units, cash = ledger.balance(me, asset), ledger.balance(me, quote)
        sold, received = world.sell_on_book(asset, me, lots, worst_usd)
        if sold and cost is not None:
            mid = 0.5 * (bid + ask) if ask < INFINITE else mid_usd
            units -= ledger.balance(me, asset)
            cash = ledger.balance(me, quote) - cash
            after = world.floor.mid(asset)
            cost.exits.append(Exit(asset, sold, mid, mid, bid, received, world.block, after, units, cash))
            self._credit(lot, sold, received, mid_usd)
        lot.units -= sold
        return sold

    def _rest(self, plan: _Programme, lots: int, shown: int, mid: float) -> None:
        """Let lots rest at the best ask, unless they do already."""
        lot, floor = plan.lot, self.world.floor
        ask = floor.touch(lot.asset)[1]
        if plan.order:
            if plan.price <= ask:
                plan.mid = mid
                return
            floor.withdraw(lot.asset, plan.order)
        if ask == INFINITE:
            plan.order = 0
            return
        plan.order, _, _ = floor.rest(lot.asset, lot.agent.account, lots, shown, ask)
        plan.placed = floor.lots_left(lot.asset, plan.order)
        plan.price, plan.mid = ask, mid

    def _collect(self, plan: _Programme, last: bool) -> None:
        """Write down what a resting order has sold since the last look; take it out if it is the `last`."""
        lot, floor, order = plan.lot, self.world.floor, plan.order
        if not order:
            return
        remaining = floor.lots_left(lot.asset, order)
        filled, size = plan.placed - remaining, self.world.lot_units(lot.asset)
        plan.placed = remaining
        if last and remaining:
            floor.withdraw(lot.asset, order)
        if last or not remaining:
            plan.order = 0
        if not filled:
            return
        sold, received = filled * size, floor.worth(lot.asset, filled, plan.price)
        lot.units -= sold
        if lot.cost is not None:
            after, block = floor.mid(lot.asset), self.world.block
            lot.cost.exits.append(
                Exit(
                    lot.asset, sold, plan.mid, plan.mid, plan.price, received, block, after, sold, received
                )
            )  # fmt: skip
            self._credit(lot, sold, received, plan.mid)

    def _credit(self, lot: _Lot, sold: int, received: int, mid_usd: float) -> None:
        """Add the proceeds of a sale to the row that they belong to."""
        world, row = self.world, lot.row
        if row is None:
            return
        proceeds = received / world.assets[world.quote].unit
        row[PROFIT] += proceeds
        if row[IMPACT] != row[IMPACT]:  # the first sale sets it
            row[IMPACT] = (1.0 - proceeds / (sold / world.assets[lot.asset].unit * mid_usd)) * 1e4
