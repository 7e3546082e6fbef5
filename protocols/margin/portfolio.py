"""Portfolio margin: an account needs what it would lose in the worst of some scenarios (MODEL 2.3).

Positions offset each other within a scenario; the margin is the loss in the worst (SPAN's scan risk), not
below a charge on deltas or on short options, plus what is provided for funding and fees. Sums are whole base
units, so they do not depend on the order of positions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import portfolio_kernels
from .scenario_grid import ScenarioGrid
from .tiers import NANO, to_nano

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Scan(NamedTuple):
    """Worst loss of each account.

    Attributes
    ----------
    loss : int64 ndarray, shape (n_accounts,)
        Base units, weighted, rounded up and not below 0.
    scenario : int64 ndarray, shape (n_accounts,)
        In which it is lost; the first of equals, 0 if nothing is lost anywhere.
    gains : int64 ndarray, shape (n_accounts, n_scenarios)
        Base units that each account gains in each scenario, not weighted.
    """

    loss: Integers
    scenario: Integers
    gains: Integers


class Requirement(NamedTuple):
    """Initial and maintenance margin of each account, base units; shape (n_accounts,)."""

    initial: Integers
    maintenance: Integers


def scan_positions(
    grid: ScenarioGrid,
    moves: Integers,
    account: ArrayLike,
    contract: ArrayLike,
    lots: ArrayLike,
    n_accounts: int,
) -> Scan:
    """Worst scenario of each account, from a list of positions.

    Parameters
    ----------
    grid : ScenarioGrid
    moves : int64 ndarray, shape (n_contracts, n_scenarios)
        What one lot of each contract gains in each scenario, as of `ScenarioGrid.lot_moves`.
    account, contract : array_like of int, shape (n_positions,)
        Row and column of each position; a pair may occur more than once.
    lots : array_like of int, shape (n_positions,)
        Negative if short.
    n_accounts : int

    Raises
    ------
    ValueError
        If the moves do not fit the grid, or a position names no account or contract.
    OverflowError
        If an account does not fit in 62 bits.
    """
    table = np.ascontiguousarray(moves, np.int64)
    if table.ndim != 2 or table.shape[1] != len(grid.scenarios):
        raise ValueError(
            f"portfolio margin: moves must have {len(grid.scenarios)} columns, one per scenario, "
            f"got shape {table.shape}"
        )
    rows, columns, held = (np.ascontiguousarray(part, np.int64) for part in (account, contract, lots))
    for name, part, size in (("account", rows, n_accounts), ("contract", columns, len(table))):
        if part.shape != held.shape or (len(part) and not 0 <= part.min() <= part.max() < size):
            raise ValueError(
                f"portfolio margin: {name} must be {len(held)} numbers from 0 to {size - 1}, one per position"
            )
    gains = np.zeros((n_accounts, table.shape[1]), np.int64)
    scan, worst = np.empty(n_accounts, np.int64), np.empty(n_accounts, np.int64)
    wrong = portfolio_kernels.worst_scenarios(
        rows,
        columns,
        held,
        table,
        grid.weights(),
        gains,
        np.zeros(n_accounts),
        scan,
        worst,
    )
    if wrong >= 0:
        raise OverflowError(
            f"portfolio of account {wrong} does not fit in 62 bits; give the asset fewer decimals"
        )
    return Scan(scan, worst, gains)


def scan_accounts(grid: ScenarioGrid, moves: Integers, lots: ArrayLike) -> Scan:
    """Worst scenario of each account, from a table of positions; shape (n_accounts, n_contracts)."""
    table = np.asarray(lots, np.int64)
    rows, columns = np.nonzero(table)
    return scan_positions(grid, moves, rows, columns, table[rows, columns], len(table))


def requirements(
    grid: ScenarioGrid, scan: Scan, floor: ArrayLike = 0, provision: ArrayLike = 0
) -> Requirement:
    """Return ``max(scan, floor) + provision``, and with its first part scaled for maintenance.

    Parameters
    ----------
    grid : ScenarioGrid
    scan : Scan
    floor : array_like of int, shape (n_accounts,)
        Least charge, as of `delta_floor` or `short_option_floor`; base units.
    provision : array_like of int, shape (n_accounts,)
        For funding, fees and further contingencies; base units.
    """
    net = np.maximum(scan.loss, np.asarray(floor, np.int64))
    extra = np.asarray(provision, np.int64)
    rate = to_nano(grid.maintenance)
    scaled = net // NANO * rate - (-(net % NANO) * rate) // NANO  # exact in 64 bits, rounded up
    return Requirement(net + extra, scaled + extra)


def delta_floor(
    long_delta: ArrayLike,
    short_delta: ArrayLike,
    spot: float,
    net_rate: float = 0.02,
    hedged_rate: float = 0.01,
) -> Floats:
    """Least charge on deltas (Paradex): ``(a |net| + b hedged) spot``, hedged being ``(gross - |net|)/2``.

    Parameters
    ----------
    long_delta, short_delta : array_like, shape (n_accounts,)
        Sums of the positive and of the negative deltas, both not negative.
    spot : float
    net_rate, hedged_rate : float
    """
    up, down = np.asarray(long_delta, np.float64), np.asarray(short_delta, np.float64)
    net = np.abs(up - down)
    return (net_rate * net + hedged_rate * (up + down - net) / 2.0) * spot


def short_option_floor(short_contracts: ArrayLike, spot: float, rate: float = 0.02) -> Floats:
    """Charge options that are net short, summed over strikes: ``rate * contracts * spot`` (Derive)."""
    return rate * spot * np.asarray(short_contracts, np.float64)
