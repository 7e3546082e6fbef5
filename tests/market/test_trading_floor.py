"""The trading floor: where its price comes from, and that it neither loses money nor orders."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.market.ledger import Reason
from liquidarium.market.order_book.layout import (
    BASE_ASSET,
    BASE_PER_LOT,
    BUY,
    ESCROW_ACCOUNT,
    QUOTE_ASSET,
    QUOTE_PER_LOT_TICK,
    SELL,
    TICKS,
    TRADE_BOOK,
    TRADE_LOTS,
    TRADE_MAKER,
    TRADE_PRICE,
    TRADE_TAKER,
    TRADES,
    VOLUME,
    max_orders_of,
    new_book,
    new_trades,
)
from liquidarium.market.trading import TradingFloor
from liquidarium.market.trading_layout import (
    ASK,
    BID,
    FAIR,
    MAX_LEVELS,
    MEAN_OFFSET,
    MEAN_QUANTITY_USD,
    QUOTE_LEVELS,
    QUOTE_LIMIT_USD,
    QUOTE_SIZE_USD,
    REACH,
    REFERENCE,
    VARIANCE,
)

PRICE = 1_000.0
LOTS_OF_TOKEN = 1_000
ETH = 1

TIGHT = {"half_spread": 5e-4, "skew_per_usd": 0.0, "size_usd": 2e4, "levels": 2, "level_step": 5e-4}
EIGHT_MAKERS = tuple("abcdefgh")


def quote_everywhere(floor: TradingFloor, *, limit_usd: float = 2e6, **changes: float) -> None:
    for maker in range(len(floor.makers)):
        for book in range(len(floor.specs)):
            floor.set_quote(maker, book, **(TIGHT | changes), limit_usd=limit_usd)


def sell_usd(floor: TradingFloor, account: int, usd: float, worst_usd: float = 1.0) -> tuple[int, int]:
    return floor.sell(ETH, account, int(usd / PRICE * LOTS_OF_TOKEN), worst_usd)


# where the price comes from


def deviations(floor_maker, trade_flat, seed: int, anchor: float, sale_usd: float) -> np.ndarray:
    """Deviation log(mid / reference) after a sale and after each of the 40 blocks that follow."""
    floor, whale = floor_maker(
        seed=seed,
        n_blocks=80,
        orders_per_block=80.0,
        makers=EIGHT_MAKERS,
        flow={
            "anchor_per_s": anchor,
            "resting_orders": 400.0,
            "mean_quantity_usd": 15_000.0,
            "mean_offset": 0.0025,
        },
    ).build()
    quote_everywhere(floor)
    trade_flat(floor, 0, 40)
    sell_usd(floor, whale, sale_usd)
    found = [floor.mid(ETH)]
    for block in range(40, 80):
        trade_flat(floor, block, block + 1)
        found.append(floor.mid(ETH))
    return np.log(np.array(found) / PRICE)


@pytest.fixture(scope="module")
def lasting_impact():
    """Mean effect of a forced sale over 24 seeds, paired with the same seed without it, by anchor."""
    cache: dict[float, np.ndarray] = {}

    def impact(floor_maker, trade_flat, anchor: float) -> np.ndarray:
        if anchor not in cache:
            effects = [
                deviations(floor_maker, trade_flat, seed, anchor, 2.4e6)
                - deviations(floor_maker, trade_flat, seed, anchor, 0.0)
                for seed in range(24)
            ]
            cache[anchor] = np.mean(effects, axis=0)
        return cache[anchor]

    return impact


@pytest.mark.parametrize("anchor", [0.004, 0.02])
def test_impact_of_a_forced_sale_decays_at_the_anchor_speed(floor_maker, trade_flat, lasting_impact, anchor):
    """Average over seeds against exp(-anchor t), down to .4; the mid lags the fair price somewhat."""
    effect = lasting_impact(floor_maker, trade_flat, anchor)
    assert effect[0] < -1e-3
    expected = np.exp(-anchor * 10.0 * np.arange(len(effect)))
    early = expected > 0.4
    np.testing.assert_allclose((effect / effect[0])[early], expected[early], atol=0.1)
    assert effect[-1] / effect[0] < expected[-1] + 0.2


def test_a_lower_anchor_means_more_lasting_impact(floor_maker, trade_flat, lasting_impact):
    left = [lasting_impact(floor_maker, trade_flat, anchor)[20] for anchor in (0.0, 0.004, 0.02)]
    assert left[0] < 1.3 * left[1] < 0.0
    assert left[1] < 3.0 * left[2]


def test_without_an_anchor_impact_stays(floor_maker, trade_flat, lasting_impact):
    effect = lasting_impact(floor_maker, trade_flat, 0.0)
    np.testing.assert_allclose(effect[1:] / effect[0], 1.0, atol=0.25)


def test_fair_price_keeps_its_share_of_the_deviation(floor_maker, trade_flat):
    """Exactly: log(fair / reference) is exp(-anchor dt) times the deviation of the last mid."""
    anchor = 0.01
    floor, whale = floor_maker(flow={"anchor_per_s": anchor}).build()
    trade_flat(floor, 0, 20)
    for block in range(20, 40):
        sell_usd(floor, whale, 5e4)
        before, reference = floor.mid(ETH), floor.state[0, REFERENCE]
        now = PRICE * (1.0 + 0.01 * (block % 3))
        trade_flat(floor, block, block + 1, now)
        kept = np.exp(-anchor * 10.0) * np.log(before / reference)
        assert np.log(floor.state[0, FAIR] / now) == pytest.approx(kept, abs=1e-12)


@pytest.mark.parametrize("makers", [(), ("a",)])
@pytest.mark.parametrize("anchor", [0.0, 0.001, 0.05])
def test_a_crash_of_the_reference_reaches_the_mid_at_any_anchor(floor_maker, trade_flat, anchor, makers):
    """30 % at once: the mid is there a block later, and stays (the anchor filters impact, not news)."""
    for seed in range(6):
        floor, _ = floor_maker(seed=seed, n_blocks=80, makers=makers, flow={"anchor_per_s": anchor}).build()
        quote_everywhere(floor)
        trade_flat(floor, 0, 50)
        for block in range(50, 80):
            trade_flat(floor, block, block + 1, 0.7 * PRICE)
            if block > 50:
                assert floor.mid(ETH) == pytest.approx(0.7 * PRICE, rel=0.01)


def test_a_crash_reaches_even_a_thin_book(floor_maker, trade_flat):
    """Ten orders a block, nobody making markets, no anchor: orders left far above must not count.

    A middle between the new bids and the old asks would leave the price up to 28 % too high for good.
    """
    for seed in range(30):
        floor, _ = floor_maker(seed=seed, n_blocks=160, orders_per_block=10.0).build()
        trade_flat(floor, 0, 150)
        trade_flat(floor, 150, 160, 0.7 * PRICE)
        assert floor.mid(ETH) == pytest.approx(0.7 * PRICE, rel=0.01)


def test_a_slide_in_small_steps_reaches_a_thin_book_too(floor_maker, trade_flat):
    """1 % a block down to 70 %: nearly all of it arrives."""
    for seed in range(10):
        floor, _ = floor_maker(seed=seed, n_blocks=220, orders_per_block=10.0).build()
        trade_flat(floor, 0, 150)
        for block in range(150, 220):
            trade_flat(floor, block, block + 1, PRICE * max(0.7, 0.99 ** (block - 149)))
        assert floor.mid(ETH) == pytest.approx(0.7 * PRICE, rel=0.04)


def test_a_sale_that_empties_the_bids_has_impact_too(floor_maker, trade_flat):
    """The side stands at its last trade: more sold is never less impact."""
    floor, whale = floor_maker().build()
    trade_flat(floor, 0, 60)
    bids = floor.mid(ETH)
    sold, received = sell_usd(floor, whale, 1e8)
    assert 0 < sold < 1e8 / PRICE * LOTS_OF_TOKEN
    assert sell_usd(floor, whale, 1e5) == (0, 0)
    vwap = received / 1e6 / (sold / LOTS_OF_TOKEN)
    assert floor.mid(ETH) < 0.5 * (bids + vwap)
    emptied = floor.mid(ETH)
    trade_flat(floor, 60, 61)
    assert floor.state[0, FAIR] == pytest.approx(emptied, rel=1e-12)


def test_a_silent_book_follows_the_reference(floor_maker, trade_flat):
    """Nobody has ever quoted: the fair price is the outside price, the mid the last there was."""
    floor, _ = floor_maker(orders_per_block=0.0).build()
    for block, price in enumerate((PRICE, 700.0, 1300.0)):
        trade_flat(floor, block, block + 1, price)
        assert floor.state[0, FAIR] == pytest.approx(price, rel=1e-12)
    assert np.isnan(floor.state[0, [BID, ASK]]).all()
    assert floor.mid(ETH) == PRICE
    assert floor.bid_depths_usd() == floor.ask_depths_usd() == [0.0]


@pytest.mark.parametrize("jump", [0.7, 0.999, 1.001, 1.4])
def test_after_a_jump_no_background_order_rests_through_the_fair_price(
    floor_maker, trade_flat, background_ticks, jump
):
    floor, _ = floor_maker(makers=("a",)).build()
    quote_everywhere(floor)
    trade_flat(floor, 0, 30)
    for block in range(30, 40):
        trade_flat(floor, block, block + 1, PRICE * jump)
        fair = floor.state[0, FAIR] / floor.specs[0].tick_usd
        bids, asks = background_ticks(floor, BUY), background_ticks(floor, SELL)
        assert bids.max() <= fair <= asks.min()


def test_orders_left_far_behind_by_a_jump_are_withdrawn(floor_maker, trade_flat, background_ticks):
    floor, _ = floor_maker().build()
    trade_flat(floor, 0, 30)
    trade_flat(floor, 30, 31, 0.7 * PRICE)
    fair = floor.state[0, FAIR] / floor.specs[0].tick_usd
    furthest = fair * (1.0 + REACH * floor.params[0, MEAN_OFFSET]) + 1.0
    assert background_ticks(floor, SELL).max() <= furthest


# conservation


def busy_floor(floor_maker, **changes):
    """Build a floor with two books, three makers that lean, and forced trades every few blocks."""
    floor, whale = floor_maker(symbols=("ETH", "BTC"), makers=("a", "b", "c"), **changes).build()
    quote_everywhere(floor, skew_per_usd=1e-9)
    return floor, whale


def trade_busily(floor, whale, first, last):
    rng = np.random.default_rng(11)
    for block in range(first, last):
        floor.trade(block, PRICE * np.exp(rng.normal(0.0, 0.003, 2)))
        if block % 3 == 0:
            floor.sell(1 + block % 2, whale, int(rng.integers(1, 400_000)), 0.97 * PRICE)
        if block % 4 == 0:
            floor.buy(1 + block % 2, whale, int(rng.integers(1, 100_000)), 1.03 * PRICE)


def test_escrow_is_what_resting_orders_lock(floor_maker):
    floor, whale = busy_floor(floor_maker)
    for block in range(120):
        trade_busily(floor, whale, block, block + 1)
        assert not floor.residual().any()
    assert floor.n_trades > 1_000
    assert not floor.ledger.imbalance().any()
    assert (floor.ledger.balances[1:] >= 0).all()


@pytest.mark.parametrize("asset", [0, 1, 2])
@pytest.mark.parametrize("change", [-1, 1])
def test_one_lost_leg_shows_in_the_residual(floor_maker, asset, change):
    """One base unit of one escrow, of one side of a book, is enough."""
    floor, whale = busy_floor(floor_maker)
    trade_busily(floor, whale, 0, 10)
    escrow = next(
        first for first, _, name in floor.ledger.runs() if name == f"escrow/{('ETH', 'ETH', 'BTC')[asset]}"
    )
    floor.ledger.balances[escrow, asset] += change
    assert floor.residual()[asset] == change
    assert np.count_nonzero(floor.residual()) == 1
    assert floor.ledger.imbalance()[asset] == change


def test_what_a_maker_has_locked_is_what_it_lacks(floor_maker, trade_flat):
    """Free balance plus escrow is the endowment until somebody trades with the maker."""
    floor, _ = floor_maker(orders_per_block=0.0, symbols=("ETH", "BTC"), makers=("a", "b")).build()
    quote_everywhere(floor)
    start = floor.ledger.balances[floor.makers].copy()
    trade_flat(floor, 0, 1)
    for maker, account in enumerate(floor.makers):
        held = floor.ledger.balances[account].copy()
        locked = dict(floor.locked(maker))
        assert all(locked[asset] > 0 for asset in range(3))
        for asset, units in locked.items():
            held[asset] += units
        np.testing.assert_array_equal(held, start[maker])


def test_trade_volumes_are_booked_by_reason(floor_maker, trade_flat):
    """What leaves escrow by trade or release is what entered it less what still rests."""
    floor, _ = floor_maker(makers=("a",)).build()
    quote_everywhere(floor)
    trade_flat(floor, 0, 50)
    trades = floor.take_trades()
    base, quote = np.int64(10**6), np.int64(50)  # lot .001 of 9 decimals; lot x tick of .05 of 6
    volumes = floor.ledger.volumes
    assert volumes[Reason.TRADE, ETH] == trades[:, TRADE_LOTS].sum() * base
    assert volumes[Reason.TRADE, 0] == (trades[:, TRADE_LOTS] * trades[:, TRADE_PRICE]).sum() * quote
    assert (volumes[Reason.ESCROW] > volumes[Reason.RELEASE]).all()


# turns and draws


def end_state(floor):
    return [floor.state, floor.ledger.balances, floor.take_trades(), floor.books[:, TRADES]]


def test_same_seed_same_arrays_other_seed_other_trades(floor_maker):
    ends = []
    for seed in (1, 1, 2):
        floor, whale = busy_floor(floor_maker, seed=seed)
        trade_busily(floor, whale, 0, 60)
        ends.append(end_state(floor))
    for one, other in zip(ends[0], ends[1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(ends[0][2][:200], ends[2][2][:200])


def test_the_list_of_makers_decides_nothing_but_whose_turn_it_is(floor_maker):
    """Listed in another order, with each maker keeping its turns, all ends the same but order ids."""
    ends = []
    for listing in (("a", "b", "c"), ("c", "a", "b")):
        floor, whale = floor_maker(symbols=("ETH", "BTC"), makers=listing).build()
        for row, name in enumerate(listing):
            for book in range(2):
                own = TIGHT | {"half_spread": {"a": 4e-4, "b": 5e-4, "c": 5e-4}[name]}
                floor.set_quote(row, book, **own, limit_usd=2e6)
        names = np.random.default_rng(3).permuted(np.tile(np.arange(3), (256, 1)), axis=1)
        rows = np.array([listing.index(name) for name in "abc"])
        floor._turns = rows[names]
        trade_busily(floor, whale, 0, 60)
        state, balances, trades, counts = end_state(floor)
        ends.append([state, balances, trades[:, : TRADE_TAKER + 1], counts])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)


def test_equal_makers_are_first_equally_often(floor_maker, trade_flat):
    """Both quote the same price; who is hit first is who quoted first, by time priority."""
    first = 0
    floor, whale = floor_maker(n_blocks=600, orders_per_block=0.0, makers=("a", "b")).build()
    quote_everywhere(floor, levels=1)
    for block in range(600):
        trade_flat(floor, block, block + 1)
        floor.sell(ETH, whale, 1, 1.0)
        floor.buy(ETH, whale, 1, 2 * PRICE)
        trades = floor.take_trades()
        assert trades[0, TRADE_MAKER] == trades[1, TRADE_MAKER]
        first += int(trades[0, TRADE_MAKER] == floor.makers[0])
    assert abs(first - 300) < 4.0 * (600 * 0.25) ** 0.5


def test_another_book_leaves_the_first_as_it_was(floor_maker, trade_flat):
    """Common random numbers: books share nothing but makers."""
    trades = []
    for symbols in (("ETH",), ("ETH", "BTC")):
        floor, _ = floor_maker(symbols=symbols).build()
        trade_flat(floor, 0, 40)
        rows = floor.take_trades()
        trades.append(rows[rows[:, TRADE_BOOK] == 0][:, [TRADE_PRICE, TRADE_LOTS]])
    np.testing.assert_array_equal(*trades)


# makers


def test_a_maker_that_withdraws_has_no_orders(floor_maker, trade_flat):
    floor, _ = floor_maker(makers=("a", "b")).build()
    quote_everywhere(floor)
    trade_flat(floor, 0, 5)
    assert all(units > 0 for _, units in floor.locked(0))
    floor.set_quote(0, 0, 0.0, 0.0, 0.0, 0, 0.0, 0.0)
    trade_flat(floor, 5, 6)
    assert all(units == 0 for _, units in floor.locked(0))
    assert all(units > 0 for _, units in floor.locked(1))


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_inventory_limit_stops_the_side_that_would_add_to_it(floor_maker, trade_flat, side):
    floor, _ = floor_maker(orders_per_block=0.0, makers=("a",)).build()
    quote_everywhere(floor, limit_usd=5e4)
    start = 1e7 / PRICE * LOTS_OF_TOKEN
    for inventory_usd in (4.9e4, 5.1e4):
        floor.aim(0, [start - side * inventory_usd / PRICE * LOTS_OF_TOKEN])
        trade_flat(floor, 0 if inventory_usd < 5e4 else 1, 1 if inventory_usd < 5e4 else 2)
        locked = dict(floor.locked(0))
        bids, asks = locked[0] > 0, locked[ETH] > 0
        if inventory_usd < 5e4:
            assert bids
            assert asks
        else:
            assert bids == (side == SELL)
            assert asks == (side == BUY)


def test_a_long_maker_shades_its_quote_down(floor_maker, trade_flat):
    """Avellaneda-Stoikov: the middle of the quote falls by skew x inventory."""
    floor, _ = floor_maker(orders_per_block=0.0, makers=("a",)).build()
    quote_everywhere(floor, skew_per_usd=1e-7, levels=1)
    floor.aim(0, [1e7 / PRICE * LOTS_OF_TOKEN - 2e4 / PRICE * LOTS_OF_TOKEN])  # long 20,000 USD
    trade_flat(floor, 0, 1)
    assert floor.mid(ETH) == pytest.approx(PRICE * (1.0 - 1e-7 * 2e4), rel=1e-4)


@pytest.mark.parametrize("levels", [-1, MAX_LEVELS + 1])
def test_a_quote_has_no_more_levels_than_there_is_room_for(floor_maker, levels):
    floor, _ = floor_maker(makers=("a",)).build()
    with pytest.raises(ValueError, match=f"levels of a quote must be 0 to 4, got {levels}"):
        floor.set_quote(0, 0, **(TIGHT | {"levels": levels}), limit_usd=1e6)
    assert floor.quotes[0, 0, QUOTE_LEVELS] == 0


# trading at once


def test_no_lot_is_sold_below_or_bought_above_the_worst_price(floor_maker, trade_flat):
    floor, whale = floor_maker().build()
    trade_flat(floor, 0, 60)
    floor.take_trades()
    tick = floor.specs[0].tick_usd
    for trade, worst_usd, way in ((floor.sell, 0.9985 * PRICE, 1), (floor.buy, 1.0015 * PRICE, -1)):
        lots, quote_units = trade(ETH, whale, 10**7, worst_usd)
        rows = floor.take_trades()
        assert 0 < lots < 10**7
        assert (rows[:, TRADE_TAKER] == whale).all()
        assert rows[:, TRADE_LOTS].sum() == lots
        assert (rows[:, TRADE_LOTS] * rows[:, TRADE_PRICE]).sum() * 50 == quote_units
        assert (way * rows[:, TRADE_PRICE] * tick >= way * worst_usd - 1e-9).all()


def test_a_worst_price_beyond_the_ladder_is_no_limit(floor_maker, trade_flat):
    floor, whale = floor_maker().build()
    trade_flat(floor, 0, 20)
    assert floor.buy(ETH, whale, 5, 1e12)[0] == 5
    assert floor.buy(ETH, whale, 5, float("inf"))[0] == 5
    assert floor.sell(ETH, whale, 5, 0.0)[0] == 5
    assert floor.buy(ETH, whale, 5, 0.0) == (0, 0)
    assert floor.sell(ETH, whale, 5, 1e12) == (0, 0)
    assert floor.sell(ETH, whale, 0, 1.0) == (0, 0)


def test_more_than_the_largest_order_sells_what_there_is(floor_maker, trade_flat):
    floor, whale = floor_maker().build()
    trade_flat(floor, 0, 20)
    floor.ledger.endow(ETH, whale, 10**18)
    assert floor.sell(ETH, whale, 10**12, 1.0)[0] > 0


def test_who_cannot_deliver_or_pay_trades_nothing(floor_maker, trade_flat):
    floor, _ = floor_maker().build()
    poor = floor.ledger.open_account("poor")
    trade_flat(floor, 0, 20)
    assert floor.sell(ETH, poor, 10, 1.0) == (0, 0)
    assert floor.buy(ETH, poor, 10, 2.0 * PRICE) == (0, 0)


# room


def test_a_price_beyond_the_ladder_raises_it(floor_maker, trade_flat):
    floor, whale = floor_maker(makers=("a",)).build()
    quote_everywhere(floor)
    trade_flat(floor, 0, 20)
    ticks, trades = int(floor.books[0, TICKS]), floor.n_trades
    for block, price in enumerate((5e3, 2e4, 1e5), start=20):
        trade_flat(floor, block, block + 1, price)
        assert floor.books[0, TICKS] * floor.specs[0].tick_usd > price
        assert floor.mid(ETH) == pytest.approx(price, rel=0.02)
        assert not floor.residual().any()
    assert floor.books[0, TICKS] > ticks
    assert floor.n_trades > trades
    assert floor.sell(ETH, whale, 100, 0.9e5)[0] == 100


def test_a_full_log_is_grown_and_no_trade_is_lost(floor_maker):
    """The log starts with room for one trade and is never emptied."""
    large, small = (busy_floor(floor_maker) for _ in range(2))
    small[0]._trades = new_trades(1)
    for floor, whale in (large, small):
        trade_busily(floor, whale, 0, 60)
    floor = small[0]
    assert floor.pending_trades() == floor.n_trades == floor.books[:, TRADES].sum() > 500
    rows = floor.take_trades()
    assert rows[:, TRADE_LOTS].sum() == floor.books[:, VOLUME].sum()
    np.testing.assert_array_equal(rows, large[0].take_trades())
    assert floor.pending_trades() == 0


def test_a_book_without_free_slots_is_grown(floor_maker, trade_flat):
    """Room for orders changes nothing but the room."""
    ends = []
    for squeeze in (False, True):
        floor, _ = floor_maker(makers=("a",), flow={"cancel_share": 0.0, "market_share": 0.05}).build()
        quote_everywhere(floor)
        if squeeze:
            small = np.zeros_like(floor.books)
            book = floor.books[0]
            new_book(
                int(book[TICKS]),
                4,
                base_asset=int(book[BASE_ASSET]),
                quote_asset=int(book[QUOTE_ASSET]),
                base_per_lot=int(book[BASE_PER_LOT]),
                quote_per_lot_tick=int(book[QUOTE_PER_LOT_TICK]),
                escrow_account=int(book[ESCROW_ACCOUNT]),
                out=small[0],
            )
            floor.books = small
        trade_flat(floor, 0, 40)
        assert not floor.residual().any()
        ends.append((max_orders_of(floor.books[0]), floor.state.copy(), floor.n_trades))
    assert ends[1][0] > 4
    np.testing.assert_array_equal(ends[0][1], ends[1][1])
    assert ends[0][2] == ends[1][2]


# what the background flow looks like


def mean_relative_spread(floor_maker, trade_flat, **flow: float) -> float:
    """Mean spread over mid of 150 blocks of two seeds, after 100 to settle."""
    spreads = []
    for seed in (1, 2):
        floor, _ = floor_maker(
            seed=seed, n_blocks=250, tick_usd=0.01, flow={"anchor_per_s": 0.01} | flow
        ).build()
        trade_flat(floor, 0, 100)
        for block in range(100, 250):
            trade_flat(floor, block, block + 1)
            bid, ask = floor.state[0, BID], floor.state[0, ASK]
            spreads.append((ask - bid) / PRICE)
    return float(np.nanmean(spreads))


def test_more_market_orders_widen_the_spread(floor_maker, trade_flat):
    """Direction of CASES B07: the spread is (mu / alpha) f, mu the market, alpha the limit orders."""
    spreads = [
        mean_relative_spread(floor_maker, trade_flat, market_share=share, cancel_share=0.3)
        for share in (0.05, 0.15, 0.3)
    ]
    assert spreads[0] < 0.8 * spreads[1] < 0.64 * spreads[2]


def test_more_limit_orders_near_the_price_narrow_the_spread(floor_maker, trade_flat):
    """CASES B07: alpha is limit orders per price, so twice the width is half of it."""
    spreads = [mean_relative_spread(floor_maker, trade_flat, mean_offset=o) for o in (0.003, 0.0015, 0.00075)]
    assert spreads[0] > 1.5 * spreads[1] > 2.25 * spreads[2]


def test_the_book_settles_at_its_resting_orders(floor_maker, trade_flat, background_ticks):
    """At .35 cancelled and .15 filled, half of all commands are limit orders: births equal deaths."""
    resting = []
    floor, _ = floor_maker(n_blocks=500, orders_per_block=120.0).build()
    for block in range(500):
        trade_flat(floor, block, block + 1)
        if block >= 200:
            resting.append(len(background_ticks(floor, BUY)) + len(background_ticks(floor, SELL)))
    assert np.mean(resting) == pytest.approx(200.0, rel=0.1)


def test_trades_of_both_sides_cost_the_spread_roll(floor_maker, trade_flat):
    """CASES B02 (Roll 1984): trade prices bounce; 2 sqrt(-autocovariance) is of the size of the spread."""
    floor, _ = floor_maker(n_blocks=300, tick_usd=0.01, flow={"anchor_per_s": 0.01}).build()
    spreads, prices = [], []
    for block in range(300):
        trade_flat(floor, block, block + 1)
        spreads.append(floor.state[0, ASK] - floor.state[0, BID])
        prices.append(floor.take_trades()[:, TRADE_PRICE] * 0.01)
    changes = np.diff(np.concatenate(prices[50:]))
    autocovariance = np.cov(changes[1:], changes[:-1])[0, 1]
    assert autocovariance < 0.0
    assert 2.0 * (-autocovariance) ** 0.5 == pytest.approx(np.mean(spreads[50:]), rel=0.6)


def test_larger_sales_move_the_price_further(floor_maker, trade_flat):
    """Direction of CASES B06 (Kyle): impact grows with volume, and falls with depth."""

    def impact(usd: float, quantity_usd: float) -> float:
        moves = []
        for seed in range(8):
            floor, whale = floor_maker(seed=seed, flow={"mean_quantity_usd": quantity_usd}).build()
            trade_flat(floor, 0, 60)
            before = floor.mid(ETH)
            sell_usd(floor, whale, usd)
            moves.append(np.log(before / floor.mid(ETH)))
        return float(np.mean(moves))

    by_size = [impact(usd, 5_000.0) for usd in (2e4, 8e4, 3.2e5)]
    assert 0.0 < by_size[0] < by_size[1] < by_size[2]
    assert impact(8e4, 20_000.0) < 0.5 * by_size[1]


def test_depth_counts_only_what_rests_within_the_band(floor_maker, trade_flat):
    """A quote 2 % away is no depth within 1 %."""
    floor, _ = floor_maker(orders_per_block=0.0, makers=("a",)).build()
    quote_everywhere(floor, levels=1, half_spread=0.005)
    trade_flat(floor, 0, 1)
    assert floor.bid_depths_usd()[0] == pytest.approx(2e4, rel=0.01)
    assert floor.ask_depths_usd()[0] == pytest.approx(2e4, rel=0.01)
    quote_everywhere(floor, levels=1, half_spread=0.02)
    trade_flat(floor, 1, 2)
    assert floor.bid_depths_usd() == floor.ask_depths_usd() == [0.0]


def test_volatility_is_that_of_the_reference_when_quotes_are_tight(floor_maker):
    """A reference of 0.1 % per square root of 10 s; the estimate averages about 85 blocks."""
    floor, _ = floor_maker(n_blocks=600, makers=("a",), flow={"anchor_per_s": 10.0}).build()
    quote_everywhere(floor, half_spread=1e-4)
    path = PRICE * np.exp(np.cumsum(np.random.default_rng(8).normal(0.0, 1e-3, 600)))
    found = []
    for block in range(600):
        floor.trade(block, path[block : block + 1])
        found.append(floor.state[0, VARIANCE])
    assert np.mean(found[100:]) ** 0.5 == pytest.approx(1e-3 / 10.0**0.5, rel=0.15)
    assert floor.volatilities() == [found[-1] ** 0.5]


def test_a_block_counts_in_the_volatility_by_its_share_of_the_half_life(floor_maker):
    """CASES B08: a twelfth of the half-life (5 s of 60 s; here 50 s of 600 s) weighs .05612568732."""
    floor, _ = floor_maker(orders_per_block=0.0, makers=("a",), block_time_s=50.0).build()
    quote_everywhere(floor, half_spread=1e-4)
    variances = []
    for block in range(3):
        floor.trade(block, np.array([PRICE * 1.01 ** (block >= 1)]))
        variances.append(float(floor.state[0, VARIANCE]))
    assert 1 - variances[2] / variances[1] == pytest.approx(0.05612568732, rel=1e-9)


def test_a_lot_that_is_no_whole_number_of_units_is_refused(floor_maker):
    with pytest.raises(ValueError, match=r"lot x tick of ETH must be a whole number of base units, got 1\.5"):
        floor_maker(tick_usd=0.0015).build()


def test_size_scale_multiplies_background_orders_quotes_and_limits(floor_maker, trade_flat):
    floors = [floor_maker(makers=("a",), size_scale=scale).build()[0] for scale in (1.0, 3.0)]
    for floor in floors:
        quote_everywhere(floor)
        trade_flat(floor, 0, 1)
    plain, scaled = floors
    for name in (QUOTE_SIZE_USD, QUOTE_LIMIT_USD):
        assert scaled.quotes[0, 0, name] == 3.0 * plain.quotes[0, 0, name]
    lots = [floor.take_trades()[:, TRADE_LOTS].sum() for floor in floors]
    assert lots[1] == pytest.approx(3 * lots[0], rel=0.25)


def test_from_an_hour_on_orders_and_new_quotes_are_larger_or_smaller(floor_maker, trade_flat):
    floor, _ = floor_maker(makers=("a",), size_scale=2.0, hours=((20, 3.0), (40, 0.5))).build()
    seen = []
    for first in (0, 20, 40):
        trade_flat(floor, first, first + 1)
        quote_everywhere(floor)
        trade_flat(floor, first + 1, first + 20)
        lots = floor.take_trades()[:, TRADE_LOTS].mean()
        seen.append((floor.scale(ETH), float(floor.quotes[0, 0, QUOTE_SIZE_USD]), lots))
    scales, quotes, lots = zip(*seen, strict=True)
    assert scales == (2.0, 6.0, 1.0)
    assert quotes == pytest.approx([quotes[2] * scale for scale in scales])
    assert lots[1] > 1.5 * lots[0] > 1.5 * lots[2]


def test_flow_that_comes_from_elsewhere_is_on_top_of_the_hour(floor_maker, trade_flat):
    floor, _ = floor_maker(hours=((5, 3.0),)).build()
    usual = float(floor.params[0, MEAN_QUANTITY_USD])
    floor.scale_flow(ETH, 2.0)
    assert floor.params[0, MEAN_QUANTITY_USD] == 2.0 * usual
    trade_flat(floor, 0, 6)
    assert floor.params[0, MEAN_QUANTITY_USD] == 6.0 * usual
    floor.scale_flow(ETH, 1.0)
    assert floor.params[0, MEAN_QUANTITY_USD] == 3.0 * usual


# quotes by sides, and the end of a book


@pytest.mark.parametrize(
    ("below", "above", "sides"),
    [(0.001, 0.002, (999.0, 1_002.0)), (np.inf, 0.002, (None, 1_002.0)), (-0.001, 0.003, (1_001.0, 1_003.0))],
)
def test_a_maker_quotes_each_side_where_it_says_or_not_at_all(floor_maker, trade_flat, below, above, sides):
    floor, _ = floor_maker(makers=("a",), orders_per_block=0.0).build()
    floor.set_sides(0, 0, below, above, 1e4)
    trade_flat(floor, 0, 1)
    bid, ask = floor.touch(ETH)
    assert bid == pytest.approx(sides[0] or 0.0, abs=floor.specs[0].tick_usd)
    assert ask == pytest.approx(sides[1], abs=floor.specs[0].tick_usd)


def test_a_closed_book_gives_every_order_back_and_takes_none(floor_maker, trade_flat):
    floor, whale = floor_maker(makers=("a", "b")).build()
    quote_everywhere(floor)
    trade_flat(floor, 0, 10)
    floor.close(ETH, 10, 42.0)
    book = floor.books[0]
    assert not floor.ledger.balances[book[ESCROW_ACCOUNT]].any()
    assert floor.escrow_agrees()
    trade_flat(floor, 10, 5)
    assert sell_usd(floor, whale, 1e4) == (0, 0)
    assert floor.mid(ETH) == 42.0


# a halt


def test_halted_book_takes_no_orders_and_keeps_those_it_has(floor_maker, trade_flat):
    floor, whale = floor_maker(makers=("a",), halt=(20, 30)).build()
    quote_everywhere(floor)
    trade_flat(floor, 0, 20)
    assert not floor.halted(ETH)
    mid = floor.mid(ETH)
    floor.take_trades()
    trade_flat(floor, 20, 30, 0.8 * PRICE)
    assert floor.halted(ETH)
    assert floor.sell(ETH, whale, 10, 1.0) == floor.buy(ETH, whale, 10, 2.0 * PRICE) == (0, 0)
    assert not len(floor.take_trades())
    assert floor.mid(ETH) == mid
    assert floor.bid_depths_usd() == floor.ask_depths_usd() == [0.0]
    assert floor.escrow_agrees()


def test_book_opens_again_at_the_outside_price_of_that_block(floor_maker, trade_flat):
    floor, whale = floor_maker(makers=("a",), halt=(20, 30)).build()
    quote_everywhere(floor)
    trade_flat(floor, 0, 20)
    trade_flat(floor, 20, 31, 0.8 * PRICE)
    assert not floor.halted(ETH)
    assert floor.mid(ETH) == pytest.approx(0.8 * PRICE, rel=0.005)
    assert floor.sell(ETH, whale, 10, 1.0)[0] == 10
    assert floor.escrow_agrees()


def test_halt_of_one_book_leaves_the_flow_of_later_blocks_as_it_was(floor_maker):
    halted, free = (floor_maker(halt=halt).build()[0] for halt in ((5, 8), (0, 0)))
    for block in range(12):
        for floor in (halted, free):
            floor.trade(block, np.array([PRICE]))
    assert np.array_equal(halted.orders.cursors, free.orders.cursors)
