"""When moving the price that an oracle reads pays, asked of the bare strategy (MODEL 3.8)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.strategies.manipulator import Manipulator, Reading, Uncovered, push_book, push_pool
from liquidarium.market.pools.analytics import manipulation_loss, swap_out, twap_spot_factor

BOOK = Reading("book", 1.0, 1, 0.0)


@given(st.floats(0.001, 0.004), st.floats(1e5, 1e8))
def test_one_push_of_a_book_walks_down_its_bids(fall, depth):
    """Flat bids from the mid to 1 % below; asks stay, so the mid falls half as far as the last bid."""
    push = push_book(fall, BOOK, depth, 0.01)
    reach, n = 2.0 * fall, 2_000
    brought = sum(depth / 0.01 * reach / n * (1.0 - reach * (k + 0.5) / n) for k in range(n))
    assert push.blocks == 1
    assert push.sell_usd == pytest.approx(depth / 0.01 * reach)
    assert push.sell_usd - push.cost_usd == pytest.approx(brought, rel=1e-6)


def test_a_mid_that_comes_back_fast_cannot_be_pushed_far():
    """Half a band a block, of which a share is left: ``b / 2 kept / (1 - kept)`` is as far as it goes."""
    limit = 0.005 * 0.6 / 0.4
    fading = BOOK._replace(kept=0.6)
    assert push_book(1.001 * limit, fading, 1e6, 0.01) is None
    assert push_book(0.98 * limit, fading, 1e6, 0.01).blocks > 5
    slow, fast = (push_book(0.02, BOOK._replace(kept=kept), 1e6, 0.01) for kept in (1.0, 0.97))
    assert slow.cost_usd < fast.cost_usd
    assert slow.blocks < fast.blocks


@given(st.floats(0.001, 0.09), st.floats(1e4, 1e8))
def test_x03_x04_a_push_of_an_average_costs_the_closed_form_and_the_fee(fall, reserve):
    push = push_pool(fall, Reading("pool", 1.0, 10, 0.0), reserve, 0.003)
    spot = twap_spot_factor(1.0 - fall, 10)
    assert push.cost_usd - 0.003 * push.sell_usd == pytest.approx(manipulation_loss(reserve, spot), rel=1e-6)
    tokens = push.sell_usd  # at a price of 1
    paid = swap_out(reserve, reserve, tokens)
    assert (reserve - paid) / (reserve + tokens) == pytest.approx(spot), "the price in the pool afterwards"
    assert push.sell_usd - paid == pytest.approx(manipulation_loss(reserve, spot), rel=1e-6)


def test_x04_an_average_of_n_blocks_cannot_be_pushed_below_what_n_zeros_would_give():
    assert push_pool(0.1, Reading("pool", 1.0, 10, 0.0), 1e6, 0.003) is None


def wall_of(bot: Manipulator, debt_usd: float, at: float) -> list[Uncovered]:
    """Accounts that all fall together once the price is `at` of the present one."""
    return [Uncovered(debt_usd if factor <= at else 0.0, 0.05) for factor in bot.factors()]


def test_the_best_attack_stops_where_the_wall_is(make_view):
    bot = Manipulator(win_share=1.0, deepest=0.1, steps=10)
    wall, view = wall_of(bot, 1e6, 0.971), make_view(depth_usd=[4e5, -1.0])
    attack = bot.best_attack(0, BOOK, wall, view, 1e9, 1e9)
    assert attack.factor == pytest.approx(0.97)
    assert attack.gain_usd == pytest.approx(1e6 * (1.05 / 0.97 - 1.0))
    assert attack.push.cost_usd == pytest.approx(push_book(0.03, BOOK, 4e5, 0.01).cost_usd)


@pytest.mark.parametrize(
    "changes",
    [{"depth": 1e8}, {"debt": 1e3}, {"stock": 1e3}, {"cash": 1e3}, {"deviation": 0.2}],
    ids=["deep market", "nobody there", "nothing to sell", "nothing to repay with", "never reported"],
)
def test_no_attack_where_it_does_not_pay_or_cannot_be_made(make_view, changes):
    bot = Manipulator(deepest=0.1, steps=10)
    given = {"depth": 1e5, "debt": 1e6, "stock": 1e9, "cash": 1e9, "deviation": 0.0} | changes
    view, wall = make_view(depth_usd=[given["depth"], -1.0]), wall_of(bot, given["debt"], 0.971)
    reading = BOOK._replace(deviation=given["deviation"])
    assert bot.best_attack(0, reading, wall, view, given["stock"], given["cash"]) is None
    assert bot.best_attack(0, BOOK, wall_of(bot, 1e6, 0.971), make_view(depth_usd=[1e5, -1.0]), 1e9, 1e9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"win_share": 0.0}, "win_share must be above 0"),
        ({"deepest": 1.0}, "deepest must be above 0 and below 1"),
        ({"steps": 0}, "steps must be from 1 to 1,000"),
        ({"look_every_blocks": 0}, "look_every_blocks must be at least 1"),
    ],
)
def test_a_parameter_out_of_range_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        Manipulator(**changes)
    assert math.isclose(Manipulator().factors()[-1], 0.8)
