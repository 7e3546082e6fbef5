"""Maker's falling-price auction (clip): kick, take, redo.

A sale starts above the oracle price and its price falls by an abacus. Anyone buys any
part at the current price until the debt `tab` is raised; what is left of the lot goes
back to the vault. A sale that ran too long or fell too far stops until it is restarted.
Sources: MODEL 1.4, CASES A02-A08 and the conformance set ``maker_liq2``. States are
returned, never changed; moving DAI and collateral is the caller's part.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, RAY, WAD
from .abaci import Abacus
from .vat import check_range, checked

KICKS_STOPPED = 1
REDOS_STOPPED = 2
TAKES_STOPPED = 3


@dataclass(frozen=True, slots=True)
class ClipParameters:
    """Settings of the auctions of one collateral type.

    Parameters
    ----------
    buf : int
        Starting price over oracle price, ray.
    tail : int
        Seconds after which a sale needs a restart.
    cusp : int
        Share of the starting price below which a sale needs a restart, ray.
    chip, tip : int
        Keeper's reward: share of `tab` (wad, below 2^64) and flat part (rad, below 2^192).
    chost : int
        Smallest `tab` a partial purchase may leave, rad; see `dog.minimum_tab`.
    stopped : int
        Circuit breaker: 0 all open, 1 no new sales, 2 also no restarts, 3 also no purchases.

    Raises
    ------
    ValueError
        If a setting does not fit where the contract stores it.
    """

    buf: int
    tail: int
    cusp: int
    chip: int = 0
    tip: int = 0
    chost: int = 0
    stopped: int = 0

    def __post_init__(self) -> None:
        check_range(
            "clip",
            buf=(self.buf, MAX_UINT256),
            tail=(self.tail, MAX_UINT256),
            cusp=(self.cusp, MAX_UINT256),
            chip=(self.chip, 2**64 - 1),
            tip=(self.tip, 2**192 - 1),
            chost=(self.chost, MAX_UINT256),
            stopped=(self.stopped, TAKES_STOPPED),
        )


@dataclass(frozen=True, slots=True)
class Sale:
    """A running auction.

    Parameters
    ----------
    tab : int
        DAI still to raise, penalty included, rad.
    lot : int
        Collateral still for sale, wad.
    top : int
        Starting price, ray.
    tic : int
        Time of the start or last restart, s.
    """

    tab: int
    lot: int
    top: int
    tic: int


@dataclass(frozen=True, slots=True)
class SaleStatus:
    """Whether a sale needs a restart, and its price now (ray)."""

    needs_redo: bool
    price: int


@dataclass(frozen=True, slots=True)
class Kick:
    """A sale just started and the keeper's reward for it (rad)."""

    sale: Sale
    coin: int


@dataclass(frozen=True, slots=True)
class Redo:
    """A sale just restarted and the keeper's reward for it (rad)."""

    sale: Sale
    coin: int


@dataclass(frozen=True, slots=True)
class Take:
    """Outcome of a purchase.

    Parameters
    ----------
    price : int
        What a unit of collateral cost, ray.
    owe : int
        DAI paid, rad.
    slice : int
        Collateral bought, wad.
    tab, lot : int
        What is left to raise (rad) and, before anything is returned, of the lot (wad).
    sale : Sale or None
        The sale afterwards; None once it is over.
    returned : int
        Collateral that goes back to the vault, wad.
    dug : int
        By how much the debt under auction falls (`dog.Dirt.dig`), rad.
    """

    price: int
    owe: int
    slice: int
    tab: int
    lot: int
    sale: Sale | None
    returned: int
    dug: int


def feed_price(price_wad: int, par: int = RAY) -> int:
    """Oracle price as the auctions see it.

    Parameters
    ----------
    price_wad : int
        Reference units per unit of collateral, wad.
    par : int
        Reference units per DAI, ray.

    Returns
    -------
    int
        DAI per unit of collateral, ray.
    """
    return checked(checked(price_wad * 10**9) * RAY) // par


def kick(clip: ClipParameters, tab: int, lot: int, feed: int, now: int) -> Kick:
    """Start a sale at the oracle price times `buf`.

    Parameters
    ----------
    clip : ClipParameters
        Settings.
    tab, lot : int
        DAI to raise (rad), collateral for sale (wad).
    feed : int
        Oracle price, ray (`feed_price`).
    now : int
        Time, s.

    Raises
    ------
    Revert
        ``Clipper/stopped-incorrect``, ``Clipper/zero-tab``, ``Clipper/zero-lot``,
        ``Clipper/zero-top-price``.
    """
    _require_open(clip, KICKS_STOPPED)
    if tab == 0:
        raise Revert("Clipper/zero-tab")
    if lot == 0:
        raise Revert("Clipper/zero-lot")
    top = _top(clip, feed)
    return Kick(Sale(tab, lot, top, now), _reward(clip, tab))


def sale_status(sale: Sale, clip: ClipParameters, abacus: Abacus, now: int) -> SaleStatus:
    """Price of a sale, and whether it ran longer than `tail` or fell below `cusp`.

    Parameters
    ----------
    sale, clip, abacus : Sale, ClipParameters, Abacus
        The sale, its settings and price function.
    now : int
        Time, s.
    """
    elapsed = checked(now - sale.tic)
    price = abacus.price(sale.top, elapsed)
    return SaleStatus(elapsed > clip.tail or checked(price * RAY) // sale.top < clip.cusp, price)


def take(sale: Sale, clip: ClipParameters, abacus: Abacus, *, amt: int, max_price: int, now: int) -> Take:
    """Buy up to `amt` of the lot at the current price.

    Never pays more than `tab`. A purchase that would leave part of the lot and a `tab`
    below `chost` is cut so that exactly `chost` is left, or refused if `tab` is no more
    than that already.

    Parameters
    ----------
    sale, clip, abacus : Sale, ClipParameters, Abacus
        The sale, its settings and price function.
    amt : int
        Collateral wanted, wad.
    max_price : int
        Highest acceptable price, ray.
    now : int
        Time, s.

    Raises
    ------
    Revert
        ``Clipper/stopped-incorrect``, ``Clipper/needs-reset``, ``Clipper/too-expensive``,
        ``Clipper/no-partial-purchase``.
    """
    _require_open(clip, TAKES_STOPPED)
    status = sale_status(sale, clip, abacus, now)
    price = status.price
    if status.needs_redo:
        raise Revert("Clipper/needs-reset")
    if max_price < price:
        raise Revert("Clipper/too-expensive")
    slice_ = min(sale.lot, amt)
    owe = checked(slice_ * price)
    if owe > sale.tab:
        owe = sale.tab
        slice_ = owe // price
    elif owe < sale.tab and slice_ < sale.lot and sale.tab - owe < clip.chost:
        if sale.tab <= clip.chost:
            raise Revert("Clipper/no-partial-purchase")
        owe = sale.tab - clip.chost
        slice_ = owe // price
    tab, lot = sale.tab - owe, sale.lot - slice_
    if lot == 0:
        return Take(price, owe, slice_, tab, lot, None, 0, tab + owe)
    if tab == 0:
        return Take(price, owe, slice_, tab, lot, None, lot, owe)
    return Take(price, owe, slice_, tab, lot, Sale(tab, lot, sale.top, sale.tic), 0, owe)


def redo(sale: Sale, clip: ClipParameters, abacus: Abacus, *, feed: int, now: int) -> Redo:
    """Restart a sale that needs it, at the current oracle price times `buf`.

    The keeper is rewarded again only if both `tab` and the lot at the oracle price are
    worth at least `chost`.

    Parameters
    ----------
    sale, clip, abacus : Sale, ClipParameters, Abacus
        The sale, its settings and price function.
    feed : int
        Oracle price, ray.
    now : int
        Time, s.

    Raises
    ------
    Revert
        ``Clipper/stopped-incorrect``, ``Clipper/cannot-reset``, ``Clipper/zero-top-price``.
    """
    _require_open(clip, REDOS_STOPPED)
    if not sale_status(sale, clip, abacus, now).needs_redo:
        raise Revert("Clipper/cannot-reset")
    top = _top(clip, feed)
    worthwhile = sale.tab >= clip.chost and checked(sale.lot * feed) >= clip.chost
    return Redo(Sale(sale.tab, sale.lot, top, now), _reward(clip, sale.tab) if worthwhile else 0)


def _require_open(clip: ClipParameters, level: int) -> None:
    if clip.stopped >= level:
        raise Revert("Clipper/stopped-incorrect")


def _top(clip: ClipParameters, feed: int) -> int:
    top = checked(feed * clip.buf) // RAY
    if top == 0:
        raise Revert("Clipper/zero-top-price")
    return top


def _reward(clip: ClipParameters, tab: int) -> int:
    return clip.tip + checked(tab * clip.chip) // WAD
