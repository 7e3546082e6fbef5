"""The accounts of a margin venue: balances and positions of a crowd as arrays, exact to the unit.

A row is one margin account. A trader on isolated margin has one row for each position, a trader on
cross margin one for all; the formulas are the same. An insurance fund, a backstop vault and whoever
earns fees are rows like others, so that what one loses another gains: the cash of a row, its balance
less the value at which it entered its positions, sums over all rows to what was paid in less what was
paid out, to the unit (`cash_total`). The class knows no prices but the marks it is given, and
moves no money of the ledger: its caller holds as much for the venue as `cash_total` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import margin_kernels
from .contracts import Contract
from .tiers import NANO, UNBOUNDED, MarginTiers

Integers = NDArray[np.int64]

_LIMIT = 2**62


class Funding(NamedTuple):
    """What a funding payment moved; base units. `dust` went to the fund and is never negative."""

    paid: int
    received: int
    dust: int


class MarginAccounts:
    """Balances and positions of `n_accounts` rows in some contracts, settled in one asset.

    Parameters
    ----------
    contracts : sequence of Contract
        Columns.
    n_accounts : int
        Rows; fixed.
    margin : sequence of MarginTiers
        Maintenance margin of each contract.

    Attributes
    ----------
    balances : int64 ndarray, shape (n_accounts,)
        Base units of the settlement asset, without what open positions have gained.
    lots : int64 ndarray, shape (n_accounts, n_contracts)
        Positions, negative if short.
    entry : int64 ndarray, shape (n_accounts, n_contracts)
        Value of each position at the prices at which it was entered, base units.
    ticks : int64 ndarray, shape (n_contracts,)
        Marks of the last `reprice`; 0 before the first.

    Raises
    ------
    ValueError
        If there is no contract or account, or not one table per contract.
    """

    def __init__(self, contracts: Sequence[Contract], n_accounts: int, margin: Sequence[MarginTiers]) -> None:
        if not contracts:
            raise ValueError("margin accounts: contracts must name at least one")
        if n_accounts < 1:
            raise ValueError(f"margin accounts: n_accounts must be at least 1, got {n_accounts}")
        if len(margin) != len(contracts):
            raise ValueError(
                f"margin accounts: margin must have one table per contract, {len(contracts)}, "
                f"got {len(margin)}"
            )
        n = len(contracts)
        self.contracts = tuple(contracts)
        self.balances: Integers = np.zeros(n_accounts, np.int64)
        self.lots: Integers = np.zeros((n_accounts, n), np.int64)
        self.entry: Integers = np.zeros((n_accounts, n), np.int64)
        self.ticks: Integers = np.zeros(n, np.int64)
        self.margin = list(margin)
        self._terms = np.array([(c.shape, c.multiplier) for c in contracts], np.int64).reshape(n, 2)
        self._table = _pack(self.margin)
        self._wake = np.full(n_accounts, -np.inf)
        self._basket = np.zeros(n_accounts, np.int32)
        self._clocks = np.zeros(2 * n + 1)
        self._out = np.empty(n_accounts, np.int64)
        self._state = np.empty(2, np.int64)
        self._counts = np.zeros(1, np.int64)

    @property
    def looks(self) -> int:
        """Accounts looked at by `reprice` so far, each time counted: the work done."""
        return int(self._counts[0])

    @property
    def cash_total(self) -> int:
        """Balances less entry values over all rows: what was paid in less what was paid out; base units."""
        balances: list[int] = self.balances.tolist()
        entry: list[int] = self.entry.ravel().tolist()
        return sum(balances) - sum(entry)

    def touch(self, accounts: ArrayLike) -> None:
        """Have rows looked at in the next `reprice`, as after the caller wrote to the arrays itself."""
        self._wake[np.asarray(accounts, np.int64)] = -np.inf

    def set_margin(self, contract: int, tiers: MarginTiers) -> None:
        """Give a contract another margin table (dynamic margin); its holders are looked at again."""
        self.margin[contract] = tiers
        self._table = _pack(self.margin)
        self._wake[self.lots[:, contract] != 0] = -np.inf

    def deposit(self, account: int, amount: int) -> None:
        """Add base units to a balance; negative to withdraw. Whether that is safe the caller asks first."""
        self._credit(account, amount)

    def transfer(self, source: int, target: int, amount: int) -> None:
        """Move base units between rows: a fee, what a fund pays, a haircut. The source may go below 0.

        Raises
        ------
        ValueError
            If `amount` is negative.
        """
        if amount < 0:
            raise ValueError(f"margin accounts: amount must not be negative, got {amount}")
        self._credit(source, -amount)
        self._credit(target, amount)

    def fill(self, account: int, contract: int, lots: int, ticks: int) -> int:
        """Buy lots (sell if negative) at a price; what that closes is settled into the balance.

        The other side of the trade is another call of `fill`, or outside of the venue.

        Returns
        -------
        int
            Profit realised, base units.

        Raises
        ------
        ValueError
            If the price is not positive.
        OverflowError
            If the position does not fit in 62 bits.
        """
        if ticks < 1:
            raise ValueError(f"margin accounts: ticks must be positive, got {ticks}")
        return self.fill_value(account, contract, lots, self.contracts[contract].value(lots, ticks))

    def fill_value(self, account: int, contract: int, lots: int, value: int) -> int:
        """Buy lots for a value in base units, as the sum of several fills; see `fill`."""
        if lots == 0:
            return 0
        held: int = self.lots.item(account, contract)
        entered: int = self.entry.item(account, contract)
        closed = min(abs(held), abs(lots)) if held * lots < 0 else 0
        removed = entered * closed // abs(held) if closed else 0
        settled = value * closed // abs(lots)
        realised = -settled - removed
        after, entry = held + lots, entered - removed + value - settled
        if max(abs(after), abs(entry)) >= _LIMIT:
            raise OverflowError(
                f"a position of {after} lots of {self.contracts[contract].symbol} worth {entry} base units "
                f"does not fit in 62 bits; give the asset fewer decimals"
            )
        self._credit(account, realised)
        self.lots[account, contract] = after
        self.entry[account, contract] = entry
        return realised

    def trade(self, buyer: int, seller: int, contract: int, lots: int, ticks: int) -> tuple[int, int]:
        """Let one row buy lots from another; profit that each has realised, base units."""
        return self.fill(buyer, contract, lots, ticks), self.fill(seller, contract, -lots, ticks)

    def equity(self, account: int, ticks: Sequence[int] | Integers | None = None) -> int:
        """Balance and open profit of a row at the marks, or at other prices; base units."""
        marks = self.ticks if ticks is None else ticks
        total: int = self.balances.item(account)
        for contract in np.flatnonzero(self.lots[account]).tolist():
            value = self.contracts[contract].value(self.lots.item(account, contract), int(marks[contract]))
            total += value - self.entry.item(account, contract)
        return total

    def requirement(
        self,
        account: int,
        ticks: Sequence[int] | Integers | None = None,
        margin: Sequence[MarginTiers] | None = None,
    ) -> int:
        """Maintenance margin of a row at the marks, or at other prices and tables; base units."""
        marks = self.ticks if ticks is None else ticks
        tables = self.margin if margin is None else margin
        total = 0
        for contract in np.flatnonzero(self.lots[account]).tolist():
            value = self.contracts[contract].value(self.lots.item(account, contract), int(marks[contract]))
            total += tables[contract].required(abs(value))
        return total

    def states(self, accounts: ArrayLike | None = None) -> Integers:
        """Equity and maintenance of rows at the marks.

        Returns
        -------
        int64 ndarray, shape (n, 2)
            Base units, exact.

        Raises
        ------
        OverflowError
            If a row does not fit in 62 bits.
        """
        rows = np.arange(len(self.balances)) if accounts is None else np.asarray(accounts, np.int64)
        states = np.empty((len(rows), 2), np.int64)
        if margin_kernels.account_states(
            rows, self.balances, self.lots, self.entry, self.ticks, self._terms, self._table, states
        ):
            raise OverflowError("a margin account does not fit in 62 bits; give the asset fewer decimals")
        return states

    def reprice(self, ticks: ArrayLike) -> Integers:
        """Take new marks; the rows that are now below maintenance: ``equity < maintenance``.

        Exact for any row, but looks only at those whose marks have travelled far enough
        since their own last look, and at those that have changed.

        Parameters
        ----------
        ticks : array_like of int, shape (n_contracts,)

        Returns
        -------
        int64 ndarray
            Rows in rising order; a copy. A row without positions is never among them, whatever it owes.

        Raises
        ------
        ValueError
            If there is not one positive mark per contract.
        OverflowError
            If a row does not fit in 62 bits.
        """
        marks = np.asarray(ticks, np.int64)
        if marks.shape != self.ticks.shape or (marks < 1).any():
            raise ValueError(
                f"margin accounts: ticks must be {len(self.ticks)} positive marks, got {marks.tolist()}"
            )
        margin_kernels.advance(marks, self.ticks, self._clocks)
        found = margin_kernels.screen(
            self.balances,
            self.lots,
            self.entry,
            self.ticks,
            self._terms,
            self._table,
            self._wake,
            self._basket,
            self._clocks,
            self._out,
            self._state,
            self._counts,
        )
        if found == margin_kernels.OUT_OF_RANGE:
            raise OverflowError(
                f"margin account {self._out[0]} does not fit in 62 bits; give the asset fewer decimals"
            )
        return self._out[:found].copy()

    def gains(self, contract: int, ticks: int) -> Integers:
        """Open profit of every row in a contract at a price; base units, shape (n_accounts,)."""
        holders, values = self._values(contract, ticks)
        gains = np.zeros(len(self.balances), np.int64)
        gains[holders] = values - self.entry[holders, contract]
        return gains

    def open_interest(self, contract: int) -> tuple[int, int]:
        """Lots held long and lots held short, both positive."""
        held = self.lots[:, contract]
        return int(held[held > 0].sum()), -int(held[held < 0].sum())

    def settle_funding(self, contract: int, ticks: int, rate: int, fund: int) -> Funding:
        """Let one side of a contract pay the other; what rounding leaves goes to a row.

        Payers pay ``rate`` of the value of their positions, rounded up; receivers share the total in
        proportion to theirs, rounded down. Where both sides are equal that is the same rate.

        Parameters
        ----------
        contract : int
        ticks : int
            Price at which positions are valued, usually the index.
        rate : int
            Part in `NANO` of the value; longs pay if positive, shorts if negative.
        fund : int
            Row that takes the dust, and everything if nobody is there to receive.

        Raises
        ------
        ValueError
            If the rate is not from -1 to 1.
        OverflowError
            If a position or a balance does not fit in 62 bits; nothing was paid.
        """
        if abs(rate) > NANO:
            raise ValueError(f"funding: rate must be from -{NANO} to {NANO} (1), got {rate}")
        holders, values = self._values(contract, ticks)
        sizes = np.abs(values)
        long = self.lots[holders, contract] > 0
        payers = long if rate > 0 else ~long
        due = np.where(payers, _share_up(sizes, abs(rate)), 0)
        paid = sum(due.tolist())
        weights = np.where(payers, 0, sizes).tolist()
        receiving = sum(weights)
        shares = [paid * size // receiving for size in weights] if receiving else [0] * len(weights)
        received = sum(shares)
        self._credit_each(holders, np.array(shares, np.int64) - due)
        self._credit(fund, paid - received)
        return Funding(paid, received, paid - received)

    def settle_variation(self, contract: int, ticks: int) -> Integers:
        """Pay out what positions have gained and enter them anew at a price: daily settlement.

        Returns
        -------
        int64 ndarray, shape (n_accounts,)
            Variation margin of each row, base units, negative if it paid.
        """
        holders, values = self._values(contract, ticks)
        paid = np.zeros(len(self.balances), np.int64)
        paid[holders] = values - self.entry[holders, contract]
        self._credit_each(holders, paid[holders])
        self.entry[holders, contract] = values
        return paid

    def expire(self, contract: int, ticks: int, fund: int) -> int:
        """Close all positions in a contract at its final price; what rounding leaves goes to a row.

        Parameters
        ----------
        contract : int
        ticks : int
            Settlement price; 0 for an option that ends worthless.
        fund : int
            Row that takes the difference if not all holders are in the venue, or values were rounded.

        Returns
        -------
        int
            What the fund received, base units; negative if it paid.
        """
        holders, values = self._values(contract, ticks)
        total: int = sum(values.tolist())
        self._credit_each(holders, values - self.entry[holders, contract])
        self.lots[holders, contract] = self.entry[holders, contract] = 0
        self._credit(fund, -total)
        return -total

    def _values(self, contract: int, ticks: int) -> tuple[Integers, Integers]:
        """Rows that hold a contract, and what their positions are worth at a price; base units."""
        holders = np.flatnonzero(self.lots[:, contract])
        values = np.empty(len(holders), np.int64)
        if margin_kernels.contract_values(self._terms, contract, self.lots[holders, contract], ticks, values):
            raise OverflowError(
                f"a position in {self.contracts[contract].symbol} does not fit in 62 bits at {ticks} ticks; "
                f"give the asset fewer decimals"
            )
        return holders, values

    def _credit_each(self, rows: Integers, amounts: Integers) -> None:
        after = self.balances[rows] + amounts  # both are below 2**62, so the sum does not wrap
        if (np.abs(after) >= _LIMIT).any():
            raise _too_large(int(np.abs(after).max()))
        self.balances[rows] = after
        self._wake[rows] = -np.inf

    def _credit(self, account: int, amount: int) -> None:
        after = self.balances.item(account) + amount
        if abs(after) >= _LIMIT:
            raise _too_large(after)
        self.balances[account] = after
        self._wake[account] = -np.inf


def _too_large(balance: int) -> OverflowError:
    return OverflowError(
        f"a balance of {balance} base units does not fit in 62 bits; give the asset fewer decimals"
    )


def _share_up(amounts: Integers, rate: int) -> Integers:
    """Parts in `NANO`, at most 1, of amounts from 0, rounded up; exact in 64 bits."""
    whole, rest = np.divmod(amounts, NANO)
    parts: Integers = whole * rate - (-rest * rate) // NANO
    return parts


def _pack(margin: Sequence[MarginTiers]) -> Integers:
    """Margin tables as one array, short ones filled up with their last tier; shape (n, 3, n_tiers)."""
    longest = max(len(tiers.bounds) for tiers in margin)
    table = np.empty((len(margin), 3, longest), np.int64)
    for row, tiers in zip(table, margin, strict=True):
        for tier in range(longest):
            last = min(tier, len(tiers.bounds) - 1)
            bound = tiers.bounds[last] if last == tier < len(tiers.bounds) - 1 else UNBOUNDED
            row[:, tier] = bound, tiers.rates[last], tiers.cum[last]
    return table
