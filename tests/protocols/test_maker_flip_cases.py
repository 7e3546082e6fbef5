"""Maker's English auction (cat, flip) against the numeric cases and its rules."""

from __future__ import annotations

import pytest
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.maker import (
    CAT_PRESETS,
    FLIP_PRESETS,
    RAD,
    CatParameters,
    FlipAuction,
    FlipParameters,
    Ilk,
    Vault,
    bite,
    deal,
    dent,
    maximum_lot,
    minimum_bid,
    tend,
    tick,
)

WAD = 10**18
RAY = 10**27
BLACK_THURSDAY = FLIP_PRESETS["ETH-A 2020-03-12"]


def auction(tab: int = 5000, lot: int = 50, flip: FlipParameters = BLACK_THURSDAY) -> FlipAuction:
    return FlipAuction(tab * RAD, lot * WAD, 0, None, 0, flip.tau)


@pytest.mark.parametrize(("preset", "raises"), [("contract defaults", 175), ("ETH-A 2020-03-12", 289)])
def test_a09_least_raises_from_one_dai_to_the_debt(preset: str, raises: int) -> None:
    flip = FLIP_PRESETS[preset]
    running = tend(auction(), flip, 1, lot=50 * WAD, bid=RAD, now=0).auction
    count = 0
    while running.bid < running.tab:
        running = tend(running, flip, 1, lot=running.lot, bid=minimum_bid(running, flip), now=0).auction
        count += 1
    assert count == raises


def test_a10_with_one_live_keeper_the_lot_goes_for_nothing() -> None:
    bid = tend(auction(), BLACK_THURSDAY, 7, lot=50 * WAD, bid=1, now=0)
    assert bid.raised == 1
    with pytest.raises(Revert, match="Flipper/not-finished"):
        deal(bid.auction, BLACK_THURSDAY.ttl)
    done = deal(bid.auction, BLACK_THURSDAY.ttl + 1)
    keeper_gain = done.lot * 110 * RAY - done.bid
    assert keeper_gain == 5500 * RAD - 1
    assert (done.winner, done.bid // RAD) == (7, 0)
    assert done.shortfall == 5000 * RAD - 1


def test_bids_rise_for_the_whole_lot_then_the_lot_falls_for_the_whole_debt() -> None:
    flip = FlipParameters()
    first = tend(auction(flip=flip), flip, 1, lot=50 * WAD, bid=4000 * RAD, now=0)
    with pytest.raises(Revert, match="Flipper/tend-not-finished"):
        dent(first.auction, flip, 2, lot=40 * WAD, bid=4000 * RAD, now=0)
    # 4800 is no step of 5 % below 5000, yet the debt itself may be bid.
    near = tend(first.auction, flip, 2, lot=50 * WAD, bid=4800 * RAD, now=1)
    with pytest.raises(Revert, match="Flipper/insufficient-increase"):
        tend(near.auction, flip, 1, lot=50 * WAD, bid=5000 * RAD - 1, now=1)
    full = tend(near.auction, flip, 1, lot=50 * WAD, bid=5000 * RAD, now=1)
    assert (full.refunded, full.raised) == (4800 * RAD, 200 * RAD)
    for lot, reason in ((50, "lot-not-lower"), (48, "insufficient-decrease")):
        with pytest.raises(Revert, match=f"Flipper/{reason}"):
            dent(full.auction, flip, 2, lot=lot * WAD, bid=5000 * RAD, now=2)
    less = dent(full.auction, flip, 2, lot=maximum_lot(full.auction, flip), bid=5000 * RAD, now=2)
    assert (less.refunded, less.raised) == (5000 * RAD, 0)
    assert less.returned + less.auction.lot == 50 * WAD
    assert less.auction.lot == 50 * WAD * 100 // 105
    with pytest.raises(Revert, match="Flipper/bid-not-higher"):
        tend(less.auction, flip, 1, lot=less.auction.lot, bid=5000 * RAD, now=3)


@pytest.mark.parametrize(
    ("lot", "bid", "reason"),
    [
        (49, 5, "lot-not-matching"),
        (50, 5001, "higher-than-tab"),
        (50, 0, "bid-not-higher"),
    ],
)
def test_bids_the_first_phase_refuses(lot: int, bid: int, reason: str) -> None:
    with pytest.raises(Revert, match=f"Flipper/{reason}"):
        tend(auction(), BLACK_THURSDAY, 1, lot=lot * WAD, bid=bid * RAD, now=0)


def test_bidding_ends_with_the_last_bid_s_life_or_the_auction_s() -> None:
    first = tend(auction(), BLACK_THURSDAY, 1, lot=50 * WAD, bid=RAD, now=0).auction
    with pytest.raises(Revert, match="Flipper/already-finished-tic"):
        tend(first, BLACK_THURSDAY, 2, lot=50 * WAD, bid=2 * RAD, now=600)
    with pytest.raises(Revert, match="Flipper/already-finished-end"):
        tend(auction(), BLACK_THURSDAY, 2, lot=50 * WAD, bid=2 * RAD, now=6 * 3600)
    assert tend(first, BLACK_THURSDAY, 2, lot=50 * WAD, bid=2 * RAD, now=599).auction.tic == 1199


def test_an_auction_without_bids_is_reopened_not_settled() -> None:
    running = auction()
    with pytest.raises(Revert, match="Flipper/not-finished"):
        deal(running, 10**6)
    with pytest.raises(Revert, match="Flipper/not-finished"):
        tick(running, BLACK_THURSDAY, 6 * 3600)
    assert tick(running, BLACK_THURSDAY, 6 * 3600 + 1).end == 12 * 3600 + 1
    bid = tend(running, BLACK_THURSDAY, 1, lot=50 * WAD, bid=RAD, now=0).auction
    with pytest.raises(Revert, match="Flipper/bid-already-placed"):
        tick(bid, BLACK_THURSDAY, 10**6)


def test_a_vault_is_bitten_lot_by_lot_with_a_penalty_of_13_per_cent() -> None:
    cat = CAT_PRESETS["ETH-A 2020-03-12"]
    vault, ilk = Vault(120 * WAD, 12_000 * WAD), Ilk(rate=RAY, spot=90 * RAY)
    lots = []
    while ilk.is_unsafe(vault):
        bitten = bite(vault, ilk, cat, BLACK_THURSDAY, now=5)
        lots.append(bitten.auction)
        vault = bitten.vault
    assert [lot.lot // WAD for lot in lots] == [50, 50, 20]
    assert lots[0].tab == 5000 * RAD * 113 // 100
    assert lots[0].end == 5 + 6 * 3600
    assert vault == Vault(0, 0)


def test_a_safe_vault_is_not_bitten() -> None:
    with pytest.raises(Revert, match="Cat/not-unsafe"):
        bite(
            Vault(WAD, WAD),
            Ilk(rate=RAY, spot=RAY),
            CAT_PRESETS["ETH-A 2020-03-12"],
            BLACK_THURSDAY,
            now=0,
        )


def test_settings_that_do_not_fit_the_contract_are_refused() -> None:
    with pytest.raises(ValueError, match="Maker flip: ttl must be 0 to"):
        FlipParameters(ttl=2**48)
    with pytest.raises(ValueError, match="Maker cat: chop and lump must be positive"):
        CatParameters(chop=RAY, lump=0)
