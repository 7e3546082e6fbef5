"""Collateral in and out of a range of bands, by shares.

Sources: ``deposit_range`` and ``withdraw`` of ``AMM.vy``; conformance set ``curve_llamma``.
"""

from __future__ import annotations

from ....market.revert import Revert
from ...fixed_point import WAD
from .state import DEAD_SHARES, Amm, Deposit

MIN_BAND_AMOUNT = 100
"""A band takes more than this, 18 decimals."""
MAX_SKIP_TICKS = 1024


def can_skip_bands(amm: Amm, lowest: int) -> bool:
    """Whether the active band may move down below `lowest`: nothing borrowed on the way."""
    return not any(lowest <= band <= amm.active_band for band in amm.bands_x)


def deposit(amm: Amm, user: int, amount: int, first: int, last: int) -> None:
    """Spread collateral evenly over bands.

    Parameters
    ----------
    amm : Amm
        Changed in place.
    user : int
        Must have nothing deposited.
    amount : int
        Collateral, token units.
    first, last : int
        Bands n1 to n2.

    Raises
    ------
    Revert
        ``User must have no liquidity``, ``Deposit below current band``, ``Amount too low``.
    """
    if user in amm.deposits and amm.deposits[user].shares:
        raise Revert("User must have no liquidity")
    if first <= amm.active_band and not can_skip_bands(amm, first):
        raise Revert("Deposit below current band")
    bands = last - first + 1
    scaled = amount * amm.parameters.collateral_precision
    each = scaled // bands
    if each <= MIN_BAND_AMOUNT:
        raise Revert("Amount too low")
    y = scaled - each * (bands - 1)
    new: list[int] = []
    for band in range(first, last + 1):
        shares = (amm.total_shares.get(band, 0) + DEAD_SHARES) * y // (amm.bands_y.get(band, 0) + 1)
        if shares == 0:
            raise Revert("Amount too low")
        new.append(shares)
        y = each
    amm.active_band = min(amm.active_band, first - 1)
    y = scaled - each * (bands - 1)
    for band, shares in zip(range(first, last + 1), new, strict=True):
        amm.bands_y[band] = amm.bands_y.get(band, 0) + y
        amm.total_shares[band] = amm.total_shares.get(band, 0) + shares
        y = each
    amm.min_band, amm.max_band = min(amm.min_band, first), max(amm.max_band, last)
    amm.deposits[user] = Deposit(first, last, new)


def withdraw(amm: Amm, user: int, fraction: int) -> tuple[int, int]:
    """Take a fraction of a user's share out of every band.

    What the last share of a band leaves behind by rounding goes to the admin.

    Parameters
    ----------
    amm : Amm
        Changed in place.
    user : int
        Owner of the shares.
    fraction : int
        Wad, at most 1e18.

    Returns
    -------
    x, y : int
        Borrowed token and collateral, token units.

    Raises
    ------
    Revert
        ``No deposits``.
    """
    held = amm.deposits.get(user)
    if held is None or not held.shares:
        raise Revert("No deposits")
    precision_x, precision_y = amm.precisions()
    total_x = total_y = 0
    min_band, max_band = amm.min_band, held.first - 1
    for position, band in enumerate(range(held.first, held.last + 1)):
        x, y, total = amm.bands_x.get(band, 0), amm.bands_y.get(band, 0), amm.total_shares.get(band, 0)
        shares = fraction * held.shares[position] // WAD
        held.shares[position] -= shares
        dx = (x + 1) * shares // (total + DEAD_SHARES)
        dy = (y + 1) * shares // (total + DEAD_SHARES)
        x, y, total = x - dx, y - dy, total - shares
        if total == 0:
            amm.admin_fees_x += x // precision_x
            amm.admin_fees_y += y // precision_y
            x = y = 0
        if band == min_band and not x and not y:
            min_band += 1
        if x or y:
            max_band = band
        amm.set_band(band, x, y)
        amm.set_shares(band, total)
        total_x += dx
        total_y += dy
    if fraction == WAD:
        held.shares = []
    amm.min_band = min_band
    if amm.max_band <= held.last:
        amm.max_band = max_band
    return total_x // precision_x, total_y // precision_y


def amounts_of(amm: Amm, user: int) -> tuple[int, int]:
    """Return the borrowed token and the collateral a user's shares stand for, token units."""
    held = amm.deposits.get(user)
    if held is None or not held.shares:
        return 0, 0
    x = y = 0
    for band, shares in zip(range(held.first, held.last + 1), held.shares, strict=True):
        total = amm.total_shares.get(band, 0) + DEAD_SHARES
        x += (amm.bands_x.get(band, 0) + 1) * shares // total
        y += (amm.bands_y.get(band, 0) + 1) * shares // total
    precision_x, precision_y = amm.precisions()
    return x // precision_x, y // precision_y
