"""What happens to a position that the market did not take: bankruptcy price and takeover (MODEL 2.1).

A backstop vault or an insurance fund takes all positions of an account at the mark, and its equity
with them, be it negative: it is then worth exactly as much as the account was. Equivalent to taking
them at the price at which the account's equity is zero, its bankruptcy price.
"""

from __future__ import annotations

from .accounts import MarginAccounts
from .contracts import Shape


def bankruptcy_ticks(accounts: MarginAccounts, account: int, contract: int, equity: int | None = None) -> int:
    """Price at which closing one position leaves a row no equity, the others being at their marks.

    Parameters
    ----------
    accounts : MarginAccounts
    account, contract : int
    equity : int, optional
        The part of the row's equity that the position is to use up, base units, usually negative; all of it
        if left out. With parts that add up to it each of several positions has a price of its own.

    Returns
    -------
    int
        Ticks, rounded so that the row does not owe (up for a long, down for a short position); at
        least 1. For a short inverse position that survives any price, 2**62.
    """
    lots = accounts.lots.item(account, contract)
    kind = accounts.contracts[contract]
    share = accounts.equity(account) if equity is None else equity
    value = kind.value(lots, accounts.ticks.item(contract)) - share
    if kind.shape is Shape.LINEAR:
        per_tick = lots * kind.multiplier  # the position is worth `value` at bankruptcy
        ticks = -(-value // per_tick) if lots > 0 else value // per_tick
        return max(ticks, 1)
    if value == 0 or (value > 0) == (lots > 0):
        return 2**62
    size, total = abs(value), abs(lots) * kind.multiplier
    return max(-(-total // size) if lots > 0 else total // size, 1)


def take_over(accounts: MarginAccounts, account: int, vault: int) -> int:
    """Let a row take all positions of another at the marks, with its equity.

    Returns
    -------
    int
        Equity taken, base units; negative if the vault has a loss at once.
    """
    equity = accounts.equity(account)
    for contract in range(len(accounts.contracts)):
        lots = accounts.lots.item(account, contract)
        if lots:
            accounts.trade(vault, account, contract, lots, accounts.ticks.item(contract))
    if equity >= 0:
        accounts.transfer(account, vault, equity)
    else:
        accounts.transfer(vault, account, -equity)
    return equity
