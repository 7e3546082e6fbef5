"""What each liquidation cost and who got it, in base units of the quote asset.

Every amount is a difference of values, and every value (so many units at such a price) is
rounded down to a base unit once and used on both sides, so that roundings cancel within a row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .costs import Cost
from .recorder import GAS

if TYPE_CHECKING:
    from ..model import LiquidationMarket

PARTS = (
    "protocol_revenue", "gas_floor", "builder", "reverted_gas", "upkeep_gas", "flash_fee", "oracle_gap",
    "venue_gap", "spread_and_fee", "impact", "held", "liquidators_net",
)  # fmt: skip
"""Columns of `costs` whose sum is ``borrower_loss`` in every row."""

_TEXT = ("kind", "protocol", "liquidator", "collateral")
COLUMNS = (
    "id", "kind", "protocol", "account", "liquidator", "collateral", "block", "borrower_loss", *PARTS[:-1],
    "liquidator_net", PARTS[-1],
)  # fmt: skip


Key = tuple[int, bool, int]
"""Protocol, whether the next number is of a sale, and the number of an account or a sale."""


def cost_table(world: LiquidationMarket) -> pd.DataFrame:
    """Return the costs of every liquidation and sale; base units of the quote asset, int64.

    Call it once the run is over. Columns are `COLUMNS`; rows stand in the order of execution, and
    behind them one for each protocol with gas that led to nothing.
    """
    recorder, names = world.recorder, [market.pool.name for market in world.credit]
    symbols = [*(asset.symbol for asset in world.assets), ""]
    value = _Values(world)
    floor_usd = {id(gas.row): gas.floor_usd for gas in recorder.gas if gas.row is not None}
    other, idle = _other_gas(world)
    rows: list[dict[str, Any]] = []

    def add(reverted_gas: int, upkeep_gas: int, **cells: Any) -> None:
        net = cells.get("liquidator_net", 0) - reverted_gas - upkeep_gas
        rows.append(cells | {"reverted_gas": reverted_gas, "upkeep_gas": upkeep_gas, "liquidators_net": net})

    for number, cost in enumerate(recorder.costs):
        row = cost.row
        gas = 0 if row is None else value.cash(row[GAS])
        floor = 0 if row is None else min(gas, value.cash(floor_usd.get(id(row), 0.0)))
        add(
            *other[number],
            **_legs(cost, value),
            id=-1 if row is None else row[0],
            kind=cost.kind,
            protocol=names[cost.market],
            account=cost.account,
            liquidator=cost.liquidator,
            collateral=symbols[cost.asset],
            block=cost.block,
            gas_floor=floor,
            builder=gas - floor + cost.right[1],
            liquidator_net=_gained(cost, value) - gas,
        )
    for market, gas_of in sorted(idle.items()):
        add(*gas_of, id=-1, kind="idle", protocol=names[market], account=-1, block=world.block)
    return pd.DataFrame({name: _column(name, rows) for name in COLUMNS})


def upkeep_pay_usd(costs: pd.DataFrame, unit: int) -> float:
    """Return what chores have paid, USD, given the table and how many base units make a quote token."""
    return float(costs.liquidator_net[costs.kind == "chore"].sum() / unit)


def _column(name: str, rows: list[dict[str, Any]]) -> pd.Categorical | NDArray[np.int64]:
    if name not in _TEXT:
        return np.array([row.get(name, 0) for row in rows], np.int64)
    if not rows:
        return pd.Categorical([], categories=pd.Index([], dtype="str"))
    return pd.Categorical([row.get(name, "") for row in rows])


class _Values:
    """Values in base units of the quote asset, each rounded down once."""

    def __init__(self, world: LiquidationMarket) -> None:
        self.unit = world.assets[world.quote].unit
        self._units = [asset.unit for asset in world.assets]
        self._last = world.unit_values().tolist()

    def __call__(self, asset: int, units: int, price: float) -> int:
        """Return what base units are worth at a price in USD per token."""
        numerator, denominator = price.as_integer_ratio()
        return units * numerator * self.unit // (denominator * self._units[asset])

    def at_end(self, asset: int, units: int) -> int:
        """Return what base units are worth at the end: at the last mid, or the oracle's price."""
        numerator, denominator = self._last[asset].as_integer_ratio()
        return int(units * numerator * self.unit // denominator)

    def at_par(self, asset: int, units: int) -> int:
        """Return the quote units for which the desk takes a stable asset, or costs it if negative."""
        return units * self.unit // self._units[asset]

    def cash(self, usd: float) -> int:
        """Return an amount of the quote asset that was written down in USD; the way back is exact."""
        return round(usd * self.unit)


def _legs(cost: Cost, value: _Values) -> dict[str, int]:
    """Return where the borrower's loss goes before gas, and the loss itself."""
    oracle, payments = cost.oracle, cost.moved.payments
    loss = sum(value(asset, units, oracle[asset]) for asset, units in cost.taken)
    loss -= sum(value(asset, units, oracle[asset]) for asset, units in cost.given_back)
    handed_out = sum(value(asset, units, oracle[asset]) for asset, units in cost.received)
    paid = sum(value(pay.asset, pay.units, oracle[pay.asset]) for pay in payments)
    price = sum(
        value.at_par(pay.asset, pay.held) - value.at_par(pay.asset, pay.held - pay.units) for pay in payments
    )
    fee = sum(
        value.at_par(pay.asset, pay.held - pay.units)
        - value.at_par(pay.asset, pay.held - pay.units - pay.fee)
        for pay in payments
    )
    left: dict[int, int] = defaultdict(int)
    for asset, units in cost.received:
        left[asset] += units
    at_mid = sum(value(asset, units, cost.mids[asset]) for asset, units in left.items())
    venue = spread = impact = held = 0
    for sale in cost.exits:
        asset, mid = sale.asset, cost.mids[sale.asset]
        then, at_venue, at_first = (
            value(asset, sale.units, price) for price in (sale.mid, sale.price, sale.first)
        )
        before = value(asset, left[asset], mid)
        left[asset] -= sale.units
        held += before - value(asset, left[asset], mid) - then
        venue += then - at_venue
        spread += at_venue - at_first
        impact += at_first - sale.received
    for asset, units in left.items():
        held += value(asset, units, cost.mids[asset]) - value.at_end(asset, units)
    return {
        "borrower_loss": loss,
        "protocol_revenue": loss - handed_out + paid + cost.right[0],
        "flash_fee": fee,
        "oracle_gap": handed_out - at_mid + price - paid,
        "venue_gap": venue,
        "spread_and_fee": spread,
        "impact": impact,
        "held": held,
    }


def _gained(cost: Cost, value: _Values) -> int:
    """Return what the liquidator's ledger account gained before gas, with what it holds at the end.

    Stable assets that it held before and that were swapped along the way are no gain.
    """
    left: dict[int, int] = defaultdict(int)
    for asset, units in cost.moved.gained:
        left[asset] += units
    for sale in cost.exits:
        left[sale.asset] -= sale.given
    kept = sum(value.at_end(asset, units) for asset, units in left.items())
    before = sum(value.at_par(pay.asset, pay.held) for pay in cost.moved.payments)
    return cost.moved.cash - before + sum(sale.cash for sale in cost.exits) + kept


def _other_gas(
    world: LiquidationMarket,
) -> tuple[dict[int, tuple[int, int]], dict[int, tuple[int, int]]]:
    """Share out gas that led to no row: reverted and other, by number of the cost, and by protocol.

    Gas of attempts at an account (or a sale) counts at the first row of the same one in its block or
    later; behind the last row, at the last. What was never served is left to the protocol.
    """
    recorder, unit = world.recorder, world.assets[world.quote].unit
    served: dict[Key, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for number, cost in enumerate(recorder.costs):
        if cost.row is not None:
            blocks, numbers = served[cost.market, cost.kind == "sale", cost.target]
            blocks.append(cost.block)
            numbers.append(number)
    shares: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    idle: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for gas in recorder.gas:
        if gas.row is not None:
            continue
        units = round(gas.paid_usd * unit)
        found = served.get((gas.market, gas.kind != "liquidation", gas.target))
        if found is None:
            place, number = idle, gas.market
        else:
            blocks, numbers = found
            place, number = shares, numbers[min(bisect_left(blocks, gas.block), len(blocks) - 1)]
        reverted, upkeep = place[number]
        place[number] = (reverted, upkeep + units) if gas.done else (reverted + units, upkeep)
    return shares, idle
