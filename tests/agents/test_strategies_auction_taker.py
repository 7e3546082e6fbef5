"""How a bot buys what protocols sell, asked of the bare strategy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.base import Buy, Errand, Kick, Offer, Opportunity, PlaceBid, Work
from liquidarium.agents.strategies.auction_taker import AuctionTaker
from liquidarium.agents.strategies.threshold_liquidator import OwnState, ThresholdLiquidator
from liquidarium.protocols.lending.pool import Chore, Sale

ME = 7
RICH = OwnState(1e9, 1.0, 0.0, ME)
TAKER = AuctionTaker(ThresholdLiquidator())


def dutch(price_usd: float, tokens: float = 100.0, number: int = 1, **changes) -> Offer:
    sale = Sale(number, "price", 3, 0, 1, int(tokens * 1e9), price_usd, int(tokens * price_usd * 1e6))
    return Offer(0, sale._replace(**changes), price_usd, tokens * price_usd, tokens, 1e-6)


def english(tokens: float, least_bid: int, most: int, **changes) -> Offer:
    sale = Sale(2, "bids", 3, 0, 1, int(tokens * 1e9), 0.0, most, least_bid=least_bid)
    return Offer(0, sale._replace(**changes), 0.0, most * 1e-6, tokens, 1e-6)


@given(st.floats(1_000.0, 3_000.0))
def test_a_purchase_is_valued_as_a_liquidation_with_the_bonus_that_its_price_leaves(make_view, price):
    """Collateral worth 2000 at p is a bonus of 2000 / p - 1."""
    view = make_view(offers=[dutch(price)])
    twin = Opportunity(3, 0.9, 0, 1, 100.0 * price, 2_000.0 / price - 1.0)
    calls = ThresholdLiquidator().decide(make_view(opportunities=[twin]), RICH)
    buys = TAKER.decide(view, RICH)
    assert [(b.spend_usd, b.price_gwei) for b in buys] == [(c.repay_usd, c.price_gwei) for c in calls]
    assert all(isinstance(b, Buy) and b.worst_usd == price for b in buys)
    assert bool(buys) == (price < 2_000.0 and bool(calls))


def test_the_richest_lot_comes_first_and_one_of_a_collateral_is_enough(make_view):
    offers = [dutch(1_900.0, number=1), dutch(1_800.0, number=2), dutch(1_950.0, number=3)]
    (buy,) = TAKER.decide(make_view(offers=offers), RICH)
    assert buy.offer.sale.number == 2


def test_a_bot_without_enough_cash_buys_nothing_that_must_be_bought_whole(make_view):
    poor = RICH._replace(cash_usd=50_000.0)
    (part,) = TAKER.decide(make_view(offers=[dutch(1_800.0)]), poor)
    assert part.spend_usd == 50_000.0
    assert TAKER.decide(make_view(offers=[dutch(1_800.0, least=int(60_000e6))]), poor) == []


def test_a_bid_says_at_once_what_the_lot_is_worth_less_the_margin(make_view):
    view = make_view(offers=[english(10.0, 1, int(1e12))])
    (bid,) = TAKER.decide(view, RICH)
    gas_usd = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
    assert isinstance(bid, PlaceBid)
    assert bid.pay_units == int((10.0 * 2_000.0 * 0.95 - gas_usd) * 1e6)
    assert bid.units == 10 * 10**9


def test_a_bid_is_no_more_than_the_debt_and_no_less_than_the_raise(make_view):
    (bid,) = TAKER.decide(make_view(offers=[english(10.0, 1, int(5_000e6))]), RICH)
    assert bid.pay_units == 5_000e6
    assert TAKER.decide(make_view(offers=[english(10.0, int(19_500e6), int(1e12))]), RICH) == []


def test_once_the_debt_is_bid_less_collateral_is_asked_for_until_it_does_not_pay(make_view):
    offer = english(10.0, 0, int(10_000e6), most_units=9_500_000_000)
    (bid,) = TAKER.decide(make_view(offers=[offer]), RICH)
    assert bid.pay_units == 10_000e6
    assert 5.2e9 < bid.units < 5.4e9  # 10,000 USD and the gas at 1,900 USD a token
    tight = english(10.0, 0, int(10_000e6), most_units=5_200_000_000)
    assert TAKER.decide(make_view(offers=[tight]), RICH) == []


def test_nobody_outbids_himself(make_view):
    assert TAKER.decide(make_view(offers=[english(10.0, 1, int(1e12), bidder=ME)]), RICH) == []


def test_upkeep_is_done_for_its_reward_or_by_whom_it_serves(make_view):
    paid, mine, theirs = (
        Errand(0, Chore(1, "redo", 500.0)),
        Errand(0, Chore(2, "deal", 0.0, ME, 900.0)),
        Errand(0, Chore(3, "deal", 0.0, ME + 1, 900.0)),
    )
    done = TAKER.decide(make_view(errands=[paid, mine, theirs]), RICH)
    assert [work.errand for work in done if isinstance(work, Work)] == [paid, mine]
    dear = make_view(errands=[paid, mine, theirs], gas_standard_gwei=2_000.0)
    assert TAKER.decide(dear, RICH) == []


def test_a_bot_beyond_its_loss_budget_stays_away(make_view):
    assert TAKER.decide(make_view(offers=[dutch(1_500.0)]), RICH._replace(gain_usd=-1e9)) == []


@pytest.mark.parametrize("margin", [-0.1, 1.0])
def test_a_margin_out_of_range_is_refused(margin):
    with pytest.raises(ValueError, match="bid_margin must be in"):
        AuctionTaker(ThresholdLiquidator(), bid_margin=margin)


def test_a_kick_is_bid_for_only_where_it_pays_by_itself(make_view):
    """The reward of an absorption lies in the purchase after it, so the race is there."""
    kick = Opportunity(3, 0.9, 0, 1, 100_000.0, 0.02, kick=True)
    (paid,) = ThresholdLiquidator().decide(make_view(opportunities=[kick]), RICH)
    (hoped,) = ThresholdLiquidator().decide(make_view(opportunities=[kick._replace(pays=False)]), RICH)
    assert isinstance(paid, Kick)
    assert isinstance(hoped, Kick)
    assert paid.price_gwei > hoped.price_gwei == 100.0
    small = kick._replace(repay_usd=1_000.0)
    assert ThresholdLiquidator().decide(make_view(opportunities=[small]), RICH) == []
