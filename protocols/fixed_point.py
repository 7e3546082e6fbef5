"""Fixed-point arithmetic of the contracts, on Python integers of any size.

Wad (18 decimals), ray (27 decimals) and percentage (basis points) as Aave and
its relatives define them. Values are non-negative; nothing here checks for the
256-bit overflow that a contract would revert on. Rules that run often write
these one-line formulas out in place, as a Python call costs more than they do.
"""

from __future__ import annotations

WAD = 10**18
RAY = 10**27
HALF_RAY = RAY // 2
WAD_RAY_RATIO = 10**9
PERCENTAGE_FACTOR = 10_000
"""One hundred per cent in basis points."""
HALF_PERCENTAGE_FACTOR = PERCENTAGE_FACTOR // 2
SECONDS_PER_YEAR = 31_536_000
"""A year of 365 days, as interest contracts count it."""
MAX_UINT256 = 2**256 - 1
ARITHMETIC_PANIC = "Panic(0x11 arithmetic)"
"""Revert reason of checked arithmetic that leaves its range."""
DIVISION_PANIC = "Panic(0x12 division by zero)"
"""Revert reason of a division by zero."""
EMPTY_REVERT = "empty revert data"
"""Reason given for a revert without one."""


def ray_mul(a: int, b: int) -> int:
    """Multiply two rays, rounding half up."""
    return (a * b + HALF_RAY) // RAY


def ray_div(a: int, b: int) -> int:
    """Divide two rays, rounding half up."""
    return (a * RAY + b // 2) // b


def percent_div(value: int, percentage: int) -> int:
    """Divide a value by a percentage in basis points, rounding half up."""
    return (value * PERCENTAGE_FACTOR + percentage // 2) // percentage


def ceil_div(a: int, b: int) -> int:
    """Divide, rounding up."""
    return -(-a // b)
