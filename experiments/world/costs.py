"""What each liquidation cost and who got it: measured while the run goes on, added up at its end.

While blocks run, only whole numbers are noted: what the rule says was taken, paid and handed
out, how much the liquidator's ledger account changed, and at which prices each exit began.
`cost_table` turns them into amounts in base units of the quote asset once the run is over.

Every amount is a difference of values, and every value (so many units at such a price) is
rounded down to a base unit once and used on both sides, so that roundings cancel within a row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...market.ledger import Ledger
from .recorder import GAS

if TYPE_CHECKING:
    from ..model import LiquidationMarket

Amounts = tuple[tuple[int, int], ...]
"""Pairs of (asset, base units)."""

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


class Exit(NamedTuple):
    """One sale of what a liquidation brought.

    Attributes
    ----------
    asset, units : int
        What the market took; base units.
    mid, price, first : float
        Before the sale: the mid that everything is measured against, the price where it was sold (the same
        on a book), and what the first unit of it could fetch, half spread or fee deducted; USD per token.
    received : int
        What the market paid; base units of the quote asset.
    given, cash : int
        Change of the seller's ledger balances: units that left, quote units that came. Both are 0 for
        a sale inside the transaction, which is part of the changes that `Cost` holds.
    """

    asset: int
    units: int
    mid: float
    price: float
    first: float
    received: int
    given: int = 0
    cash: int = 0


class PoolSale(NamedTuple):
    """A sale in a pool: quote units received, its price before, and the same less its fee, USD per token."""

    received: int
    price: float
    first: float


class Payment(NamedTuple):
    """What a liquidator had to pay by the rule, at par; base units.

    Attributes
    ----------
    asset, units : int
        Debt asset, and how much the protocol was paid.
    cost : int
        Least quote units that buy it.
    fee : int
        Quote units that the fee of a flash loan costs on top.
    """

    asset: int
    units: int
    cost: int
    fee: int = 0


NOTHING_PAID = Payment(0, 0, 0)


class Moved(NamedTuple):
    """What a purchase or a call moved.

    Attributes
    ----------
    payment : Payment
        By the rule.
    cash : int
        By the ledger, change of the buyer's quote balance, gas excluded.
    gained : int
        By the ledger, change of its balance of the collateral; base units.
    """

    payment: Payment
    cash: int
    gained: int


class Purse:
    """Some balances of an account before a transaction, to see what it changes.

    Stable assets other than the quote asset that an account holds beforehand, such as the refund of an
    earlier bid, are swapped along with the change; they count as what they were worth at par.

    Parameters
    ----------
    ledger : Ledger
    account, quote : int
    collateral, debt : int
        Asset that the account receives, and asset that it pays with.
    """

    __slots__ = ("_account", "_cash", "_collateral", "_debt", "_dust", "_held", "_ledger", "_quote")

    def __init__(self, ledger: Ledger, account: int, quote: int, collateral: int, debt: int) -> None:
        self._ledger, self._account, self._quote = ledger, account, quote
        self._collateral, self._debt = collateral, debt
        self._cash = ledger.balance(account, quote)
        self._held = ledger.balance(account, collateral)
        self._dust = 0 if debt == quote else ledger.balance(account, debt)

    def close(self, paid: int, fee: int = 0) -> Moved:
        """Look again after the transaction, which paid `paid` of the debt asset and a fee in it."""
        ledger, dust, worth = self._ledger, self._dust, self._at_par(self._dust)
        cost = worth - self._at_par(dust - paid)
        with_fee = worth - self._at_par(dust - paid - fee)
        gained = ledger.balance(self._account, self._collateral) - self._held
        cash = ledger.balance(self._account, self._quote) - self._cash - worth
        return Moved(Payment(self._debt, paid, cost, with_fee - cost), cash, gained)

    def _at_par(self, units: int) -> int:
        """Quote units for which the desk takes base units of the debt asset; rounded towards the desk."""
        assets = self._ledger.assets
        return units * assets[self._quote].unit // assets[self._debt].unit


class Wages:
    """Stable assets of an account before a chore, to see what it is paid; see `Purse` for old balances.

    Parameters
    ----------
    ledger : Ledger
    account, quote : int
    stables : tuple of int
        Assets that are swapped for the quote asset afterwards.
    """

    def __init__(self, ledger: Ledger, account: int, quote: int, stables: tuple[int, ...]) -> None:
        self._ledger, self._account, self._quote = ledger, account, quote
        self._before = {asset: ledger.balance(account, asset) for asset in {*stables, quote}}
        self.paid: Amounts = ()

    def earned(self) -> None:
        """Look at what the chore has paid, before it is swapped."""
        held = [(asset, self._ledger.balance(self._account, asset)) for asset in sorted(self._before)]
        self.paid = tuple([(asset, now - self._before[asset]) for asset, now in held])

    def income(self) -> int:
        """Return the quote units that the pay brings at par."""
        return sum(
            self._at_par(asset, self._before[asset] + units) - self._at_par(asset, self._before[asset])
            for asset, units in self.paid
        )

    def cash(self) -> int:
        """Return the change of the quote balance after the swaps."""
        old = sum(self._at_par(asset, units) for asset, units in self._before.items())
        return self._ledger.balance(self._account, self._quote) - old

    def _at_par(self, asset: int, units: int) -> int:
        assets = self._ledger.assets
        return units * assets[self._quote].unit // assets[asset].unit


class Cost:
    """One row of `costs` in the making.

    Parameters
    ----------
    kind : str
        ``call``, ``kick``, ``sale`` or ``chore``.
    market, target, account : int
        Number of the protocol; account or sale that was contested; borrower.
    liquidator : str
    asset, block : int
        Collateral, and when it happened.
    oracle : list of float
        The oracle's prices then, USD per token.
    taken, given_back : Amounts
        By the rule, what the borrower no longer has; what it got back, or no longer owes.
    received : Amounts
        By the rule, what the liquidator got to sell.
    mids : dict of int to float
        Mid of each asset in `received`, USD per token.
    wages : Amounts, optional
        By the rule, what it was paid in stable assets.
    income : int
        Quote units that these bring at par.
    payment : Payment
    cash : int
        By the ledger, change of the liquidator's quote balance within the transaction, gas excluded.
    gained : Amounts
        By the ledger, changes of its balances of the assets in `received`.
    row : list, optional
        The row of `liquidations` or `sales`.
    """

    __slots__ = (
        "account", "asset", "block", "cash", "exits", "gained", "given_back", "income", "kind", "liquidator",
        "market", "mids", "oracle", "payment", "received", "row", "taken", "target", "wages",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        market: int,
        target: int,
        account: int,
        liquidator: str,
        asset: int,
        block: int,
        oracle: list[float],
        *,
        taken: Amounts = (),
        given_back: Amounts = (),
        received: Amounts = (),
        mids: dict[int, float],
        wages: Amounts = (),
        income: int = 0,
        payment: Payment = NOTHING_PAID,
        cash: int,
        gained: Amounts = (),
        row: list[Any] | None = None,
    ) -> None:
        self.kind, self.market, self.target, self.account = kind, market, target, account
        self.liquidator, self.asset, self.block, self.oracle = liquidator, asset, block, oracle
        self.taken, self.given_back, self.received, self.mids = taken, given_back, received, mids
        self.wages, self.income, self.payment, self.row = wages, income, payment, row
        self.cash, self.gained = cash, gained
        self.exits: list[Exit] = []

    def sold(self, sale: PoolSale) -> None:
        """Note that everything received was sold in a pool within the transaction."""
        ((asset, units),) = self.received
        self.exits.append(Exit(asset, units, self.mids[asset], sale.price, sale.first, sale.received))


class GasPaid(NamedTuple):
    """Gas of one transaction with which liquidators compete.

    Attributes
    ----------
    row : list or None
        The row of `liquidations` or `sales` that it led to.
    market, target, block : int
        Protocol, account or sale (by `kind`), and block.
    kind : str
        As `Transaction.kind`.
    done : bool
        False if it reverted.
    paid_usd, floor_usd : float
        What was paid, and what the same gas costs at the floor of the block.
    """

    row: list[Any] | None
    market: int
    target: int
    block: int
    kind: str
    done: bool
    paid_usd: float
    floor_usd: float


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
            builder=gas - floor,
            liquidator_net=_gained(cost, value) - gas,
        )
    for market, gas_of in sorted(idle.items()):
        add(*gas_of, id=-1, kind="idle", protocol=names[market], account=-1, block=world.block)
    return pd.DataFrame({name: _column(name, rows) for name in COLUMNS})


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

    def cash(self, usd: float) -> int:
        """Return an amount of the quote asset that was written down in USD; the way back is exact."""
        return round(usd * self.unit)


def _legs(cost: Cost, value: _Values) -> dict[str, int]:
    """Return where the borrower's loss goes before gas, and the loss itself."""
    oracle, payment = cost.oracle, cost.payment
    loss = sum(value(asset, units, oracle[asset]) for asset, units in cost.taken)
    loss -= sum(value(asset, units, oracle[asset]) for asset, units in cost.given_back)
    handed_out = sum(value(asset, units, oracle[asset]) for asset, units in (*cost.received, *cost.wages))
    paid = value(payment.asset, payment.units, oracle[payment.asset])
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
        "protocol_revenue": loss - handed_out + paid,
        "flash_fee": payment.fee,
        "oracle_gap": handed_out - at_mid - cost.income + payment.cost - paid,
        "venue_gap": venue,
        "spread_and_fee": spread,
        "impact": impact,
        "held": held,
    }


def _gained(cost: Cost, value: _Values) -> int:
    """Return what the liquidator's ledger account gained before gas, with what it holds at the end."""
    left: dict[int, int] = defaultdict(int)
    for asset, units in cost.gained:
        left[asset] += units
    for exit in cost.exits:
        left[exit.asset] -= exit.given
    kept = sum(value.at_end(asset, units) for asset, units in left.items())
    return cost.cash + sum(exit.cash for exit in cost.exits) + kept


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
