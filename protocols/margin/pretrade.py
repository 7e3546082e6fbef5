"""Pre-trade check: whether an account may take on a position (MODEL 2.3)."""

from __future__ import annotations

from collections.abc import Sequence

from .accounts import MarginAccounts
from .contracts import check_live
from .tiers import MarginTiers


def refusal(
    accounts: MarginAccounts,
    account: int,
    contract: int,
    lots: int,
    ticks: int,
    initial: Sequence[MarginTiers],
    fee: int = 0,
    now_s: int = 0,
) -> str:
    """Say why an order is refused; empty if it is not.

    What only makes a position smaller is allowed, be the account as unsafe as it may. Anything else must
    leave equity at the marks, the order filled at its price and its fee paid, at or above initial margin.

    Parameters
    ----------
    accounts : MarginAccounts
        With marks in force.
    account, contract : int
    lots : int
        Bought, or sold if negative.
    ticks : int
        Price of the order.
    initial : sequence of MarginTiers
        Initial margin of each contract.
    fee : int
        Base units.
    now_s : int
        Second, against the contract's expiry.

    Raises
    ------
    ContractError
        If the contract has expired.
    """
    kind = accounts.contracts[contract]
    check_live(kind, now_s)
    held: int = accounts.lots.item(account, contract)
    if held * lots < 0 and abs(lots) <= abs(held):
        return ""
    mark: int = accounts.ticks.item(contract)
    equity = accounts.equity(account) + kind.value(lots, mark) - kind.value(lots, ticks) - fee
    need = accounts.requirement(account, margin=initial)
    need -= initial[contract].required(abs(kind.value(held, mark)))
    need += initial[contract].required(abs(kind.value(held + lots, mark)))
    if equity >= need:
        return ""
    return f"initial margin: {kind.symbol} {lots:+d} lots at {ticks} would need {need} and leave {equity}"
