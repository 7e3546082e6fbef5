"""What holds for every LLAMMA, whatever is deposited and traded."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.llamma import (
    BORROWED,
    COLLATERAL,
    Amm,
    AmmParameters,
    amount_for_price,
    arbitrage,
    current_price,
    deposit,
    exchange,
    offsets,
    oracle_price_up,
    quote,
    walk,
    withdraw,
)

WAD = 10**18
deposits = st.lists(
    st.tuples(st.integers(10**12, 10**24), st.integers(1, 20), st.integers(4, 50)), min_size=1, max_size=4
)
books = st.tuples(st.integers(10, 300), st.integers(0, 10**17), st.just(0), deposits)
trades = st.lists(
    st.tuples(
        st.integers(500, 3000),
        st.sampled_from((BORROWED, COLLATERAL)),
        st.integers(0, 10**27),
        st.booleans(),
        st.integers(0, 500),
    ),
    max_size=6,
)
widths = st.integers(10, 300)
fees = st.integers(0, 10**17)


def filled(a: int, fee: int, admin_fee: int, entries: list[tuple[int, int, int]]) -> Amm:
    """Deploy at 2000 and deposit."""
    amm = Amm.new(AmmParameters.derived(a, 2000 * WAD, fee, admin_fee), 2000 * WAD, 0)
    for user, (amount, first, bands) in enumerate(entries):
        deposit(amm, user, amount, first, first + bands - 1)
    return amm


@given(widths, fees, st.integers(0, WAD), deposits, trades)
def test_every_unit_in_is_in_a_band_with_a_user_or_with_the_admin(a, fee, admin_fee, entries, steps) -> None:
    amm = filled(a, fee, admin_fee, entries)
    total_x, total_y, now = 0, sum(amount for amount, _, _ in entries), 0
    for price, coin, amount, exact_in, seconds in steps:
        now += seconds
        before = amm.copy()
        try:
            given_in, given_out = exchange(amm, quote(amm, price * WAD, now), coin, amount, exact_in=exact_in)
        except Revert:
            assert amm == before
            continue
        if coin == BORROWED:
            total_x, total_y = total_x + given_in, total_y - given_out
        else:
            total_x, total_y = total_x - given_out, total_y + given_in
        assert sum(amm.bands_x.values()) + amm.admin_fees_x == total_x
        assert sum(amm.bands_y.values()) + amm.admin_fees_y == total_y
        assert all(band <= amm.active_band for band in amm.bands_x)
        assert all(band >= amm.active_band for band in amm.bands_y)
    for user in range(len(entries)):
        out_x, out_y = withdraw(amm, user, WAD)
        total_x, total_y = total_x - out_x, total_y - out_y
    assert (amm.bands_x, amm.bands_y, amm.total_shares) == ({}, {}, {})
    assert (amm.admin_fees_x, amm.admin_fees_y) == (total_x, total_y)


@given(widths, deposits, st.integers(1000, 2000), st.integers(1, 10**26))
def test_a_trade_and_its_reverse_never_gain(a, entries, price, amount) -> None:
    amm = filled(a, 0, 0, entries)
    seen = quote(amm, price * WAD, 1000)
    paid, bought = exchange(amm, seen, BORROWED, amount)
    if bought:
        sold, received = exchange(amm, seen, COLLATERAL, bought)
        assert sold <= bought
        assert received <= paid


@given(widths, fees, deposits, st.integers(1000, 2000), st.integers(1, 10**26))
def test_the_curve_of_a_band_never_shrinks_in_a_trade(a, fee, entries, price, amount) -> None:
    amm = filled(a, fee, 0, entries)
    seen = quote(amm, price * WAD, 1000)
    before = amm.copy()
    trade = walk(amm, seen, BORROWED, amount, exact_in=True)
    assert amm == before
    if not trade.amount_out:
        return
    exchange(amm, seen, BORROWED, amount)
    band = trade.last
    y = before.bands_y.get(band, 0)
    edge = Fraction(oracle_price_up(amm.parameters, seen, band))
    f, g = offsets(a, seen.price, int(edge), 0, y)
    new_x, new_y = amm.bands_x.get(band, 0), amm.bands_y.get(band, 0)
    assert (f + new_x) * (g + new_y) >= f * (g + y)


@given(widths, deposits, st.integers(1200, 2000))
def test_arbitrage_takes_the_price_where_it_aims(a, entries, target) -> None:
    amm = filled(a, 0, 0, entries)
    seen = quote(amm, target * WAD, 1000)
    amount, pump = amount_for_price(amm, seen, target * WAD)
    before = current_price(amm, seen)
    exchange(amm, seen, BORROWED if pump else COLLATERAL, amount)
    after = current_price(amm, seen)
    assert abs(after - target * WAD) <= abs(before - target * WAD)
    assert quote(amm, target * WAD, 1000).price == seen.price


@given(books, st.lists(st.tuples(st.integers(1000, 3000), st.integers(1000, 3000)), min_size=1, max_size=5))
def test_an_arbitrage_gains_what_it_says(book, prices) -> None:
    amm, now = filled(*book), 0
    for oracle, outside in prices:
        now += 600
        seen = quote(amm, oracle * WAD, now)
        found = arbitrage(amm, seen, outside * WAD)
        if found is None:
            continue
        paid, received = exchange(amm, seen, found.coin_in, found.amount)
        gain = received * outside - paid if found.coin_in == BORROWED else received - paid * outside
        assert gain == found.profit > 0


@given(books, st.integers(1000, 2000))
def test_within_the_fee_there_is_nothing_to_gain(book, oracle) -> None:
    amm = filled(*book)
    seen = quote(amm, oracle * WAD, 600)
    assert arbitrage(amm, seen, current_price(amm, seen)) is None
