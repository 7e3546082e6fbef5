"""What is noted of the costs of liquidations while a run goes on: whole numbers and prices.

What the rule says was taken, paid and handed out; how much the liquidator's ledger account
changed; at which prices each exit began; and the gas of all who competed. `cost_table` adds it
up once the run is over.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...market.ledger import Ledger

Amounts = tuple[tuple[int, int], ...]
"""Pairs of (asset, base units)."""


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
    block : int
        When.
    after : float
        The price in `price` after the sale.
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
    block: int
    after: float
    given: int = 0
    cash: int = 0


class PoolSale(NamedTuple):
    """A sale in a pool: quote units received; its price before, less its fee, and after, USD per token."""

    received: int
    price: float
    first: float
    after: float


class Payment(NamedTuple):
    """What a liquidator paid a protocol by the rule; base units.

    Attributes
    ----------
    asset, units : int
        Stable asset, and how much; negative for what the protocol paid, a reward.
    fee : int
        Fee of a flash loan of this asset, on top.
    held : int
        What the payer held of it before. The desk swaps all of it, and rounds once.
    """

    asset: int
    units: int
    fee: int = 0
    held: int = 0


class Moved(NamedTuple):
    """What a transaction of a liquidator moved.

    Attributes
    ----------
    payments : tuple of Payment
        By the rule.
    cash : int
        By the ledger, change of the quote balance, gas excluded.
    gained : Amounts
        By the ledger, changes of the balances of what is to be sold.
    """

    payments: tuple[Payment, ...]
    cash: int
    gained: Amounts = ()


NOTHING = Moved((), 0)


class Purse:
    """Balances of an account before it buys something, to see what the purchase moves.

    Parameters
    ----------
    ledger : Ledger
    account, quote : int
    collateral, debt : int
        Asset that the account receives, and asset that it pays with.
    """

    __slots__ = ("_account", "_cash", "_collateral", "_debt", "_held", "_ledger", "_quote", "_units")

    def __init__(self, ledger: Ledger, account: int, quote: int, collateral: int, debt: int) -> None:
        self._ledger, self._account, self._quote = ledger, account, quote
        self._collateral, self._debt = collateral, debt
        self._cash = ledger.balance(account, quote)
        self._units = ledger.balance(account, collateral)
        self._held = 0 if debt == quote else ledger.balance(account, debt)

    def close(self, paid: int, fee: int = 0) -> Moved:
        """Look again after the transaction, which paid `paid` of the debt asset and a fee in it."""
        balance, account, collateral = self._ledger.balance, self._account, self._collateral
        return Moved(
            (Payment(self._debt, paid, fee, self._held),),
            balance(account, self._quote) - self._cash,
            ((collateral, balance(account, collateral) - self._units),),
        )


class Wages:
    """Stable assets of an account before a chore, to see what it is paid.

    Parameters
    ----------
    ledger : Ledger
    account, quote : int
    stables : tuple of int
        Assets that are swapped for the quote asset afterwards.
    """

    def __init__(self, ledger: Ledger, account: int, quote: int, stables: tuple[int, ...]) -> None:
        self._ledger, self._account, self._quote = ledger, account, quote
        self._before = {asset: ledger.balance(account, asset) for asset in sorted({*stables, quote})}
        self._paid: tuple[Payment, ...] = ()

    def earned(self) -> bool:
        """Look at what the chore has paid, before it is swapped; whether it was anything."""
        paid = []
        for asset, held in self._before.items():
            units = self._ledger.balance(self._account, asset) - held
            paid.append(Payment(asset, -units, held=0 if asset == self._quote else held))
        self._paid = tuple(paid)
        return any(payment.units for payment in paid)

    def close(self) -> Moved:
        """Look again after the swaps."""
        return Moved(self._paid, self._ledger.balance(self._account, self._quote) - self._before[self._quote])


class Cost:
    """One row of the table ``costs`` in the making.

    Parameters
    ----------
    kind : str
        ``call``, ``kick``, ``sale`` or ``chore``.
    market, target, account : int
        Number of the protocol; account or sale that was contested; borrower.
    liquidator : str
    asset, block : int
        Collateral (-1 for none), and when it happened.
    oracle : list of float
        The oracle's prices then, USD per token.
    row : list or None
        The row of `liquidations` or `sales`.
    taken, given_back : Amounts
        By the rule, what the borrower no longer has; what it got back, or no longer owes.
    received : Amounts
        By the rule, what the liquidator got to sell.
    mids : dict of int to float
        Mid of each asset in `received`, USD per token.
    moved : Moved
        What it paid, and how its ledger account changed.

    Attributes
    ----------
    right : tuple of int
        Price of the right to make the call: to the protocol, and to others; quote units.
    """

    __slots__ = (
        "account", "asset", "block", "exits", "given_back", "kind", "liquidator", "market", "mids", "moved",
        "oracle", "received", "right", "row", "taken", "target",
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
        row: list[Any] | None,
        taken: Amounts,
        given_back: Amounts,
        received: Amounts,
        mids: dict[int, float],
        moved: Moved,
    ) -> None:
        self.kind, self.market, self.target, self.account = kind, market, target, account
        self.liquidator, self.asset, self.block, self.oracle = liquidator, asset, block, oracle
        self.row, self.taken, self.given_back = row, taken, given_back
        self.received, self.mids, self.moved = received, mids, moved
        self.exits: list[Exit] = []
        self.right = (0, 0)

    def sold(self, sale: PoolSale) -> None:
        """Note that everything received was sold in a pool within the transaction."""
        ((asset, units),) = self.received
        mid, received = self.mids[asset], sale.received
        self.exits.append(Exit(asset, units, mid, sale.price, sale.first, received, self.block, sale.after))


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
