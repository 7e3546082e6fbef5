"""What a Comet market remembers, and what it remembers of one account.

States are values: every rule takes them and returns new ones, so a call that
reverts cannot have changed anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .params import INDEX_SCALE


class Prices(NamedTuple):
    """Oracle prices with 8 decimals, USD per whole token: the base asset's, and one per collateral asset."""

    base: int
    assets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CometState:
    """The market as stored at `last_accrual_time`.

    Parameters
    ----------
    base_supply_index, base_borrow_index : int
        Growth of one unit supplied or owed, 1e15.
    total_supply_base, total_borrow_base : int
        Sums of principals (balances divided by their index), base units.
    last_accrual_time : int
        Unix seconds.
    base_balance : int
        Base tokens the contract holds, base units.
    total_supply_asset : tuple of int
        Collateral that belongs to accounts, base units per asset.
    asset_balance : tuple of int
        Collateral the contract holds; what exceeds `total_supply_asset` is the protocol's, for sale.
    """

    base_supply_index: int = INDEX_SCALE
    base_borrow_index: int = INDEX_SCALE
    total_supply_base: int = 0
    total_borrow_base: int = 0
    last_accrual_time: int = 0
    base_balance: int = 0
    total_supply_asset: tuple[int, ...] = ()
    asset_balance: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CometAccount:
    """One account.

    Parameters
    ----------
    principal : int
        Base balance divided by its index: positive when it supplies, negative when it owes.
    collateral : tuple of int
        Base units per asset.
    """

    principal: int
    collateral: tuple[int, ...]


def empty_market(n_assets: int, timestamp: int = 0) -> CometState:
    """Return a market without balances, its indices at 1."""
    zeros = (0,) * n_assets
    return CometState(last_accrual_time=timestamp, total_supply_asset=zeros, asset_balance=zeros)


def replaced(values: tuple[int, ...], index: int, value: int) -> tuple[int, ...]:
    """Return a copy of a tuple with one element changed."""
    return (*values[:index], value, *values[index + 1 :])
