"""Ajna's rules: the published cases, and what holds for every auction and every settlement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.lending.ajna import (
    Auction,
    Book,
    accrue,
    auction_price,
    bond_factor,
    bond_penalty_factor,
    is_collateralized,
    kick,
    lowest_utilized_price,
    neutral_ratio,
    price_at,
    settle,
    take,
    take_penalty,
)
from liquidarium.protocols.lending.ajna.auction import wmul
from liquidarium.protocols.lending.ajna.book import inflator_after
from liquidarium.protocols.lending.ajna.buckets import index_below, ladder, total
from liquidarium.protocols.lending.ajna.prices import PriceTable
from liquidarium.protocols.revert import Revert

MINUTE = 60
PENNY = 10**12
"""Wad in one unit of a token with 6 decimals."""
RATIO = neutral_ratio(5 * WAD // 100)


def auction_of(reference=100 * WAD, neutral=95 * WAD, threshold=85 * WAD, factor=WAD // 100, bond=WAD):
    return Auction(0, reference, neutral, threshold, factor, bond)


def test_a11_price_of_an_auction():
    auction = auction_of(reference=86_785 * WAD // 10)
    prices = [auction_price(auction, MINUTE * m) / WAD for m in (0, 60, 240, 360, 480, 900)]
    assert prices == pytest.approx([2_221_696, 277_712, 17_357, 8_678.5, 4_339.25, 271.203125], rel=1e-10)


@given(
    reference=st.integers(10**12, 10**26), elapsed=st.integers(0, 72 * 3600), above=st.floats(0.999, 1.001)
)
def test_prices_in_floats_leave_out_no_auction_at_the_limit(reference, elapsed, above):
    auction, table = auction_of(reference=reference), PriceTable()
    for number in (1, 64):  # what is filed last counts, and the table grows
        table.put(number, 0, auction_of())
        table.put(number, 2, auction)
    price = auction_price(auction, elapsed) / WAD
    found = table.below([64], elapsed, np.array([0.0, 0.0, price * above]))
    assert found or above < 1.0
    assert not found or above > 1.0 - 1e-5 or price < 1e-6


def test_a12_bond_factor_and_size():
    assert bond_factor(11 * WAD // 10) == WAD // 100
    auction = kick(9_000 * WAD, 10 * WAD, 1, 11 * WAD // 10, 0, 0)
    assert auction.bond == 90 * WAD
    assert [bond_factor(ratio * WAD // 100) for ratio in (100, 104, 106, 130, 200)] == [
        5 * WAD // 1000, 5 * WAD // 1000, 6 * WAD // 1000, 3 * WAD // 100, 3 * WAD // 100,
    ]  # fmt: skip


def test_a13_reward_of_the_kicker():
    auction = auction_of(neutral=15 * WAD, threshold=9 * WAD, factor=WAD // 10)
    assert bond_penalty_factor(auction, 10 * WAD) / WAD == pytest.approx(0.08333333333, rel=1e-9)


@pytest.mark.parametrize(("price", "share"), [(85, 1), (1, 1), (95, 0), (105, -1), (10**6, -1), (100, -0.5)])
def test_reward_and_penalty_are_at_most_the_bond_factor(price, share):
    assert bond_penalty_factor(auction_of(), price * WAD) == share * WAD // 100


@pytest.mark.parametrize(("price", "sign"), [(99, 1), (100, 0), (101, -1)])
def test_without_room_between_neutral_and_threshold_price_it_is_all_or_nothing(price, sign):
    auction = auction_of(neutral=100 * WAD, threshold=100 * WAD)
    assert bond_penalty_factor(auction, price * WAD) == sign * WAD // 100


def test_a_loan_is_kicked_only_below_the_margin():
    assert is_collateralized(100 * WAD, WAD, 104 * WAD)
    with pytest.raises(Revert, match="BorrowerOk"):
        kick(100 * WAD, WAD, 104 * WAD, RATIO, 0, 0)
    auction = kick(100 * WAD, WAD, 104 * WAD - 10, RATIO, 0, 7)
    assert auction.reference == auction.neutral == wmul(100 * WAD, RATIO)
    assert kick(100 * WAD, WAD, WAD, RATIO, 200 * WAD, 7).reference == 200 * WAD


def test_nothing_is_taken_in_the_second_of_the_kick():
    with pytest.raises(Revert, match="AuctionNotTakeable"):
        take(auction_of(), 100 * WAD, WAD, WAD, PENNY, 0)
    assert take(auction_of(), 100 * WAD, WAD, WAD, PENNY, 1).collateral > 0


def test_nothing_is_ever_given_away():
    """The price falls to 0 only after all digits are gone, and then no bid is taken (MODEL 1.10)."""
    late = 14 * 3600 + 200 * 3600
    assert auction_price(auction_of(), late) == 0
    with pytest.raises(Revert, match="InvalidAmount"):
        take(auction_of(), 100 * WAD, WAD, WAD, PENNY, late)
    with pytest.raises(Revert, match="InsufficientCollateral"):
        take(auction_of(), 100 * WAD, 0, WAD, PENNY, 1000)


@given(
    debt=st.integers(1, 10**9),
    collateral=st.integers(1, 10**9),
    wanted=st.integers(1, 2 * 10**9),
    now=st.integers(1, 60 * 3600),
)
def test_what_a_taker_pays_is_debt_reward_and_reserves(debt, collateral, wanted, now):
    auction = kick(debt * PENNY, collateral * PENNY, 0, RATIO, 0, 0)
    price = auction_price(auction, now)
    done = take(auction, debt * PENNY, collateral * PENNY, wanted * PENNY, PENNY, now)
    assert 0 < done.collateral <= min(collateral, wanted) * PENNY
    assert done.collateral % PENNY == 0
    assert 0 <= done.repaid <= debt * PENNY
    change = done.auction.bond - auction.bond
    assert done.paid - done.repaid - change >= -2  # of a billionth of a billionth
    assert -auction.bond <= change <= wmul(done.paid, auction.bond_factor) + 1
    if done.repaid < debt * PENNY:
        assert done.paid == wmul(done.collateral, price)
    assert 0 <= take_penalty(auction, price) <= 15 * auction.bond_factor // 10 + 1


def test_a_take_sells_no_more_than_pays_the_debt():
    auction = kick(100 * WAD, 2 * WAD, 0, RATIO, 0, 0)
    done = take(auction, 100 * WAD, 2 * WAD, 2 * WAD, PENNY, 5 * 3600)
    assert done.repaid == 100 * WAD
    assert done.collateral < 2 * WAD


# buckets


def test_prices_of_buckets():
    assert price_at(4_156) == WAD
    assert price_at(4_155) == 1_005 * WAD // 1000
    assert price_at(0) / WAD == pytest.approx(1_004_968_987.606512354, rel=1e-9)
    assert price_at(7_388) == pytest.approx(99_836_282_890, rel=1e-9)
    with pytest.raises(ValueError, match="bucket index must be 0 to 7388"):
        price_at(7_389)


@given(st.integers(99_836_282_891, 10**27))
def test_the_bucket_below_a_price_is_the_nearest(price):
    index = index_below(price)
    assert price_at(index) <= price < price_at(index - 1)


def test_the_lup_is_where_deposits_add_up_to_the_debt():
    deposits = ((4_000, 5 * WAD), (4_010, 5 * WAD), (4_020, 5 * WAD))
    found = [lowest_utilized_price(deposits, debt * WAD) for debt in (1, 5, 6, 15)]
    assert found == [price_at(index) for index in (4_000, 4_000, 4_010, 4_020)]
    assert lowest_utilized_price(deposits, 16 * WAD) == price_at(7_388)


@given(
    amounts=st.lists(st.integers(1, 10**24), min_size=1, max_size=9),
    auctioned=st.integers(0, 10**24),
    top=st.integers(0, 7_300),
)
def test_a_ladder_moves_no_locked_deposit_and_loses_none(amounts, auctioned, top):
    deposits = tuple((100 * k, amount) for k, amount in enumerate(amounts))
    moved = ladder(deposits, auctioned, top, 5)
    assert total(moved) == total(deposits)
    assert list(moved) == sorted(moved)
    so_far = 0
    for index, amount in deposits:
        if so_far >= auctioned:
            break
        assert dict(moved)[index] >= amount
        so_far += amount


# interest and settlement


def equity(book: Book) -> int:
    """Debts of borrowers less what belongs to lenders, kickers and the pool."""
    return book.debt - total(book.deposits) - book.bonds - book.reserves


def test_interest_is_paid_to_buckets_above_the_worst_loan_and_to_reserves():
    book = Book(((4_000, 80 * WAD), (4_500, 20 * WAD)), 50 * WAD)
    after = accrue(book, inflator_after(5 * WAD // 100, 31_536_000), 9 * WAD // 10, price_at(4_100))
    assert after.debt / WAD == pytest.approx(50 * 2.718281828459045**0.05, rel=1e-15)
    assert after.deposits[1] == (4_500, 20 * WAD)
    interest = after.debt - book.debt
    assert after.deposits[0][1] - 80 * WAD == pytest.approx(0.9 * interest)
    assert equity(after) == equity(book)


@given(
    deposits=st.lists(st.integers(1, 10**6), min_size=1, max_size=4),
    t0_debt=st.integers(1, 10**6),
    collateral=st.integers(0, 10**6),
    reserves=st.integers(0, 10**5),
    inflator=st.integers(WAD, 2 * WAD),
)
def test_settlement_takes_from_each_side_what_it_gives_the_other(
    deposits, t0_debt, collateral, reserves, inflator
):
    rows = tuple((4_000 + 50 * k, amount * PENNY) for k, amount in enumerate(deposits))
    book = Book(rows, t0_debt * PENNY, inflator=inflator, reserves=reserves * PENNY)
    after, t0_left, left = settle(book, t0_debt * PENNY, collateral * PENNY, PENNY)
    assert abs(equity(after) - equity(book)) <= 2 * len(rows) + 2
    assert after.bucket_collateral + left == collateral * PENNY
    assert after.t0_debt == t0_left
    assert not (t0_left and left and after.deposits)
    assert not t0_left or not after.deposits
    assert not t0_left or left or after.reserves < PENNY
    assert after.written_off == 0 or left == 0


def test_reserves_pay_before_lenders_do():
    book = Book(((4_156, 50 * WAD),), 30 * WAD, reserves=20 * WAD)
    after = settle(book, 30 * WAD, 0, PENNY).book
    assert (after.reserves, total(after.deposits), after.written_off) == (0, 40 * WAD, 30 * WAD)


def test_collateral_is_swapped_at_the_price_of_the_bucket():
    book = Book(((4_156, 50 * WAD),), 30 * WAD)
    done = settle(book, 30 * WAD, 40 * WAD, PENNY)
    assert (done.t0_debt, done.collateral) == (0, 10 * WAD)
    assert done.book == replace(book, t0_debt=0, deposits=((4_156, 20 * WAD),), bucket_collateral=30 * WAD)
