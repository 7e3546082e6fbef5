"""Opening a loan: how many bands, where they start, and how much may be borrowed.

The debt must be covered by what the bands yield when the price falls through all of them,
less the loan discount; the bands are put as high as the debt requires. Sources: MODEL 1.8,
``_calculate_debt_n1``, ``max_borrowable`` and ``create_loan`` of ``Controller.vy``;
conformance set ``curve_controller``.
"""

from __future__ import annotations

from math import floor, log

from ....market.revert import Revert
from ...fixed_point import WAD
from .bands import oracle_price_up
from .deposits import MAX_SKIP_TICKS, can_skip_bands, deposit
from .loans import Controller
from .oracle import Quote
from .parameters import MAX_TICKS, MIN_TICKS
from .state import DEAD_SHARES, Amm

_SPARE_BANDS = 5
_BORROWABLE_SHARE = WAD - 10**14


def floor_log(ratio: int, a: int) -> int:
    """Return the greatest n with ``(A / (A - 1))^n <= ratio``; it may be negative.

    Parameters
    ----------
    ratio : int
        Wad, positive.
    a : int
        The amplification A.
    """

    def reached(n: int) -> bool:
        wide: int = a ** abs(n)
        narrow: int = (a - 1) ** abs(n)
        return wide * WAD <= ratio * narrow if n >= 0 else narrow * WAD <= ratio * wide

    n = floor(log(ratio / WAD) / log(a / (a - 1)))
    while not reached(n):
        n -= 1
    while reached(n + 1):
        n += 1
    return n


def effective_collateral(amm: Amm, collateral: int, bands: int, discount: int) -> int:
    """Return collateral weighted by how low each of its bands lies, 18 decimals.

    Times the upper oracle price of the first band it is the borrowed token that all bands
    yield on the way down (x_eff of MODEL 1.8).

    Parameters
    ----------
    amm : Amm
        For A and the root of the band ratio.
    collateral : int
        18 decimals.
    bands : int
        N.
    discount : int
        Haircut, wad; a little is added for the dead shares.
    """
    a = amm.parameters.amplification
    dead = DEAD_SHARES * WAD // max(collateral // bands, DEAD_SHARES)
    each = collateral * (WAD - min(discount + dead, WAD)) // (amm.parameters.sqrt_band_ratio * bands)
    total = each
    for _ in range(1, bands):
        each = each * (a - 1) // a
        total += each
    return total


def first_band(controller: Controller, seen: Quote, collateral: int, debt: int, bands: int) -> int:
    """Return n1, the highest band a loan may start in.

    Parameters
    ----------
    controller : Controller
        Loans and AMM.
    seen : Quote
        What the call sees.
    collateral, debt : int
        Token units.
    bands : int
        N.

    Raises
    ------
    Revert
        ``No loan``, ``Amount too low``, ``Debt too high``.
    """
    amm = controller.amm
    if debt == 0:
        raise Revert("No loan")
    precision_x, precision_y = amm.precisions()
    weighted = effective_collateral(amm, collateral * precision_y, bands, controller.parameters.loan_discount)
    ratio = weighted * oracle_price_up(amm.parameters, seen, amm.active_band) // (debt * precision_x + 1)
    if ratio == 0:
        raise Revert("Amount too low")
    first = min(floor_log(ratio, amm.parameters.amplification), MAX_SKIP_TICKS - bands) + amm.active_band
    if first <= amm.active_band and not can_skip_bands(amm, first):
        raise Revert("Debt too high")
    if oracle_price_up(amm.parameters, seen, first) >= seen.price:
        raise Revert("Debt too high")
    return first


def top_band(amm: Amm) -> int:
    """Return the highest band at or below the active one that holds borrowed token.

    Without one it is as far away as the active band may be skipped.
    """
    held = [band for band in amm.bands_x if amm.min_band <= band <= amm.active_band]
    lowest = amm.active_band - MAX_SKIP_TICKS
    return max((band for band in held if band > lowest), default=lowest)


def max_borrowable(controller: Controller, seen: Quote, collateral: int, bands: int) -> int:
    """Return the most a new loan may borrow, token units.

    Parameters
    ----------
    controller : Controller
        Loans and AMM.
    seen : Quote
        What the call sees.
    collateral : int
        Token units.
    bands : int
        N.
    """
    amm = controller.amm
    precision_x, precision_y = amm.precisions()
    weighted = effective_collateral(amm, collateral * precision_y, bands, controller.parameters.loan_discount)
    value = max(weighted * _highest_edge(amm, seen) // WAD, 1) - 1
    return value * _BORROWABLE_SHARE // (WAD * precision_x)


def _highest_edge(amm: Amm, seen: Quote) -> int:
    """Upper oracle price of the highest band a loan could start in, wad."""
    a = amm.parameters.amplification
    top = top_band(amm)
    band = max(floor_log(seen.base_price * WAD // seen.price, a) + _SPARE_BANDS, top + 1)
    edge = oracle_price_up(amm.parameters, seen, band)
    while band > top + 1:
        band -= 1
        below, edge = edge, edge * a // (a - 1)
        if edge > seen.price:
            return below
    return edge


def create_loan(
    controller: Controller, seen: Quote, user: int, collateral: int, debt: int, bands: int
) -> tuple[int, int]:
    """Deposit collateral and borrow against it.

    Parameters
    ----------
    controller : Controller
        Changed in place.
    seen : Quote
        What the call sees.
    user : int
        Borrower without a loan.
    collateral, debt : int
        Token units.
    bands : int
        N, 4 to 50.

    Returns
    -------
    first, last : int
        Bands n1 and n2.

    Raises
    ------
    Revert
        ``Loan already created``, ``Need more ticks``, ``Need less ticks``, and what
        `first_band` raises.
    """
    if user in controller.loans:
        raise Revert("Loan already created")
    if bands < MIN_TICKS:
        raise Revert("Need more ticks")
    if bands > MAX_TICKS:
        raise Revert("Need less ticks")
    first = first_band(controller, seen, collateral, debt, bands)
    last = first + bands - 1
    deposit(controller.amm, user, collateral, first, last)
    controller.record(user, debt, debt, seen.now)
    return first, last
