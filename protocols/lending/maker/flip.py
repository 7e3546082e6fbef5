"""Maker's English auction (flip): bids go up for the whole lot, then the lot goes down.

First phase (tend): bids in DAI for the whole lot, each higher than the last by a factor
`beg`, until the debt `tab` is bid; a bid of exactly `tab` needs no such step. Second
phase (dent): that price stands, bidders accept less collateral, by steps of `beg`, and
what they forgo goes back to the vault. It ends `ttl` after the last bid or `tau` after
the start. Any positive first bid is valid: with one live bidder the lot goes for next to
nothing (CASES A10; MODEL 1.4). States are returned, never changed; moving DAI and
collateral is the caller's part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, WAD
from .vat import check_range, checked

MAX_UINT48 = 2**48 - 1


@dataclass(frozen=True, slots=True)
class FlipParameters:
    """Settings of the auctions of one collateral type; the defaults are the contract's.

    Parameters
    ----------
    beg : int
        Least ratio of a bid to the last, wad.
    ttl : int
        Seconds a bid stands unbeaten before it wins.
    tau : int
        Seconds an auction lasts at most.

    Raises
    ------
    ValueError
        If a setting does not fit where the contract stores it.
    """

    beg: int = 105 * WAD // 100
    ttl: int = 3 * 3600
    tau: int = 2 * 86_400

    def __post_init__(self) -> None:
        check_range(
            "flip", beg=(self.beg, MAX_UINT256), ttl=(self.ttl, MAX_UINT48), tau=(self.tau, MAX_UINT48)
        )


@dataclass(frozen=True, slots=True)
class FlipAuction:
    """A running auction.

    Parameters
    ----------
    tab : int
        DAI wanted, penalty included, rad.
    lot : int
        Collateral the highest bidder would get, wad.
    bid : int
        DAI bid and already paid, rad.
    bidder : int or None
        Account of the highest bidder; None before the first bid.
    tic : int
        Time at which the last bid wins, s; 0 before the first bid.
    end : int
        Time at which bidding ends in any case, s.
    """

    tab: int
    lot: int
    bid: int
    bidder: int | None
    tic: int
    end: int


@dataclass(frozen=True, slots=True)
class Bid:
    """An accepted bid.

    Parameters
    ----------
    auction : FlipAuction
        The auction afterwards.
    refunded : int
        DAI the new bidder pays to the one before, rad.
    raised : int
        DAI the new bidder pays to the protocol, rad.
    returned : int
        Collateral that goes back to the vault, wad.
    """

    auction: FlipAuction
    refunded: int
    raised: int
    returned: int


@dataclass(frozen=True, slots=True)
class Deal:
    """A finished auction: who gets the lot (wad) for which bid (rad), and `tab` not raised (rad)."""

    winner: int
    lot: int
    bid: int
    shortfall: int


def kick_flip(flip: FlipParameters, tab: int, lot: int, now: int) -> FlipAuction:
    """Start an auction of `lot` (wad) for `tab` (rad) at time `now` (s)."""
    return FlipAuction(tab, lot, 0, None, 0, _deadline(now, flip.tau))


def minimum_bid(auction: FlipAuction, flip: FlipParameters) -> int:
    """Lowest valid bid of the first phase, rad: a step above the last, or `tab`."""
    return min(auction.tab, max(auction.bid + 1, -(-flip.beg * auction.bid // WAD)))


def maximum_lot(auction: FlipAuction, flip: FlipParameters) -> int:
    """Largest valid lot of the second phase, wad: a step below the last."""
    step = auction.lot * WAD // flip.beg if flip.beg else auction.lot
    return min(auction.lot - 1, step)


def tend(auction: FlipAuction, flip: FlipParameters, bidder: int, *, lot: int, bid: int, now: int) -> Bid:
    """Bid more DAI for the whole lot.

    Parameters
    ----------
    auction, flip : FlipAuction, FlipParameters
        The auction and its settings.
    bidder : int
        Account that bids.
    lot : int
        The auction's lot, wad (the contract asks for it again).
    bid : int
        DAI, rad, at most `tab`.
    now : int
        Time, s.

    Raises
    ------
    Revert
        ``Flipper/already-finished-tic``, ``Flipper/already-finished-end``,
        ``Flipper/lot-not-matching``, ``Flipper/higher-than-tab``,
        ``Flipper/bid-not-higher``, ``Flipper/insufficient-increase``.
    """
    _require_running(auction, now)
    if lot != auction.lot:
        raise Revert("Flipper/lot-not-matching")
    if bid > auction.tab:
        raise Revert("Flipper/higher-than-tab")
    if bid <= auction.bid:
        raise Revert("Flipper/bid-not-higher")
    if checked(bid * WAD) < checked(flip.beg * auction.bid) and bid != auction.tab:
        raise Revert("Flipper/insufficient-increase")
    placed = replace(auction, bid=bid, bidder=bidder, tic=_deadline(now, flip.ttl))
    return Bid(placed, auction.bid, bid - auction.bid, 0)


def dent(auction: FlipAuction, flip: FlipParameters, bidder: int, *, lot: int, bid: int, now: int) -> Bid:
    """Accept less collateral for the full `tab`.

    Parameters
    ----------
    auction, flip : FlipAuction, FlipParameters
        The auction and its settings.
    bidder : int
        Account that bids.
    lot : int
        Collateral it accepts, wad.
    bid : int
        The auction's bid, rad (the contract asks for it again).
    now : int
        Time, s.

    Raises
    ------
    Revert
        ``Flipper/already-finished-tic``, ``Flipper/already-finished-end``,
        ``Flipper/not-matching-bid``, ``Flipper/tend-not-finished``,
        ``Flipper/lot-not-lower``, ``Flipper/insufficient-decrease``.
    """
    _require_running(auction, now)
    if bid != auction.bid:
        raise Revert("Flipper/not-matching-bid")
    if bid != auction.tab:
        raise Revert("Flipper/tend-not-finished")
    if lot >= auction.lot:
        raise Revert("Flipper/lot-not-lower")
    if checked(flip.beg * lot) > checked(auction.lot * WAD):
        raise Revert("Flipper/insufficient-decrease")
    placed = replace(auction, lot=lot, bidder=bidder, tic=_deadline(now, flip.ttl))
    return Bid(placed, bid, 0, auction.lot - lot)


def tick(auction: FlipAuction, flip: FlipParameters, now: int) -> FlipAuction:
    """Reopen an auction that ended without a bid.

    Raises
    ------
    Revert
        ``Flipper/not-finished``, ``Flipper/bid-already-placed``.
    """
    if auction.end >= now:
        raise Revert("Flipper/not-finished")
    if auction.tic != 0:
        raise Revert("Flipper/bid-already-placed")
    return replace(auction, end=_deadline(now, flip.tau))


def deal(auction: FlipAuction, now: int) -> Deal:
    """Settle an auction whose last bid stood long enough, or whose time is over.

    Raises
    ------
    Revert
        ``Flipper/not-finished``, also for one that nobody bid on.
    """
    if auction.bidder is None or auction.tic == 0 or not (auction.tic < now or auction.end < now):
        raise Revert("Flipper/not-finished")
    return Deal(auction.bidder, auction.lot, auction.bid, auction.tab - auction.bid)


def _require_running(auction: FlipAuction, now: int) -> None:
    if auction.tic != 0 and auction.tic <= now:
        raise Revert("Flipper/already-finished-tic")
    if auction.end <= now:
        raise Revert("Flipper/already-finished-end")


def _deadline(now: int, seconds: int) -> int:
    deadline = now + seconds
    if deadline > MAX_UINT48:
        raise Revert("empty revert data")
    return deadline
