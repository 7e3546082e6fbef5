"""What holds for every Maker auction, whatever the numbers."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.maker import (
    RAD,
    Abacus,
    ClipParameters,
    Dirt,
    DogParameters,
    ExponentialDecrease,
    FlipParameters,
    Ilk,
    LinearDecrease,
    Sale,
    StairstepExponentialDecrease,
    Vault,
    bark,
    bite,
    deal,
    dent,
    maximum_lot,
    minimum_bid,
    take,
    tend,
)
from liquidarium.protocols.lending.maker.cat import CatParameters

WAD = 10**18
RAY = 10**27
cuts = st.integers(RAY // 2, RAY)
abaci = st.one_of(
    st.builds(LinearDecrease, st.integers(1, 10**5)),
    st.builds(StairstepExponentialDecrease, cuts, st.integers(1, 600)),
    st.builds(ExponentialDecrease, cuts),
)
vaults = st.builds(Vault, st.integers(1, 10**6 * WAD), st.integers(1, 10**9 * WAD))


@given(abaci, st.integers(1, 10**6 * RAY), st.integers(0, 10**5), st.integers(0, 10**5))
def test_the_price_of_an_auction_never_rises(abacus: Abacus, top: int, first: int, second: int) -> None:
    early, late = min(first, second), max(first, second)
    assert top >= abacus.price(top, early) >= abacus.price(top, late) >= 0


@given(vaults, st.integers(1, 10**6 * RAY), st.integers(1, 10**6 * RAY))
def test_a_falling_price_never_makes_an_unsafe_vault_safe(vault: Vault, first: int, second: int) -> None:
    high, low = Ilk(RAY, max(first, second)), Ilk(RAY, min(first, second))
    assert low.is_unsafe(vault) or not high.is_unsafe(vault)


@given(
    vault=vaults,
    rate=st.integers(RAY, 2 * RAY),
    dust=st.integers(0, 10**5),
    hole=st.integers(1, 10**9),
    chop=st.integers(WAD, 2 * WAD),
    bids=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 5000)), max_size=8),
    abacus=abaci,
)
def test_an_auction_conserves_collateral_and_debt_to_its_end(
    *,
    vault: Vault,
    rate: int,
    dust: int,
    hole: int,
    chop: int,
    bids: list[tuple[int, int]],
    abacus: Abacus,
) -> None:
    ilk = Ilk(rate, RAY, dust * RAD)
    dog = DogParameters(chop, hole * RAD, 2 * hole * RAD)
    clip = ClipParameters(buf=13 * RAY // 10, tail=10**6, cusp=0, chost=dust * RAD * chop // WAD)
    old = Dirt(hole * RAD // 3, hole * RAD // 2)
    try:
        sent = bark(vault, ilk, dog, clip, dirt=old, feed=RAY, now=0)
    except Revert:
        assume(False)
        return
    assert (sent.vault.ink + sent.dink, sent.vault.art + sent.dart) == (vault.ink, vault.art)
    assert min(sent.vault.ink, sent.vault.art) >= 0
    assert sent.vault.art == 0 or sent.vault.art * rate >= ilk.dust
    sale: Sale | None = sent.sale
    dirt, paid, bought, returned, now = sent.dirt, 0, 0, 0, 0
    for part, seconds in bids:
        if sale is None:
            break
        now += seconds
        before = sale
        amt = sale.lot * part // 10**6
        try:
            done = take(sale, clip, abacus, amt=amt, max_price=10**60, now=now)
        except Revert:
            assert sale == before
            continue
        sale, dirt = done.sale, dirt.dig(done.dug)
        paid, bought, returned = paid + done.owe, bought + done.slice, returned + done.returned
        assert done.slice <= amt
        assert done.owe <= before.tab
        if sale is not None and amt:
            assert min(sale.tab, sale.lot) > 0
            assert sale.tab >= clip.chost
    left = sale.lot if sale else 0
    assert bought + returned + left == sent.dink
    assert paid + (sale.tab if sale else 0) <= sent.sale.tab
    if sale is None:
        assert dirt == old
    else:
        assert dirt.ilk - old.ilk == sale.tab


@given(
    vaults,
    st.integers(1, 100 * WAD),
    st.integers(WAD, 2 * WAD),
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 300), st.integers(0, 10**6)), max_size=40),
)
def test_an_english_auction_conserves_collateral_and_dai(
    vault: Vault, lump: int, beg: int, bids: list[tuple[int, int, int]]
) -> None:
    flip = FlipParameters(beg=beg, ttl=1000, tau=10**5)
    try:
        bitten = bite(vault, Ilk(RAY, RAY), CatParameters(113 * RAY // 100, lump), flip, now=0)
    except Revert:
        assume(False)
        return
    assert (bitten.vault.ink + bitten.ink, bitten.vault.art + bitten.art) == (vault.ink, vault.art)
    running, now, returned = bitten.auction, 0, 0
    assume(running.tab > 0)
    purses: dict[int, int] = {}
    raised = 0
    for bidder, seconds, eagerness in bids:
        now += seconds
        previous = running.bidder
        if running.bid < running.tab:
            low = minimum_bid(running, flip)
            offer = low + (running.tab - low) * eagerness // 10**6
            bid = tend(running, flip, bidder, lot=running.lot, bid=offer, now=now)
        else:
            lot = maximum_lot(running, flip) * eagerness // 10**6
            if not 0 <= lot < running.lot:  # nothing left to offer less of
                break
            bid = dent(running, flip, bidder, lot=lot, bid=running.bid, now=now)
        purses[bidder] = purses.get(bidder, 0) - bid.refunded - bid.raised
        if previous is not None:
            purses[previous] = purses.get(previous, 0) + bid.refunded
        raised, returned, running = raised + bid.raised, returned + bid.returned, bid.auction
        assert running.lot + returned == bitten.ink
    if running.bidder is None:
        return
    done = deal(running, now + 1001)
    # Every loser has its DAI back; the winner paid exactly its bid.
    assert {account: dai for account, dai in purses.items() if dai} == {done.winner: -done.bid}
    assert raised == done.bid == bitten.auction.tab - done.shortfall
    assert done.lot + returned == bitten.ink
