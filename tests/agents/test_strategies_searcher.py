"""What a searcher does about the bids of others and about gaps between venues (MODEL 3.3, 3.8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.base import Opportunity, PendingLiquidation
from liquidarium.agents.strategies.searcher import SearcherStrategy
from liquidarium.agents.strategies.threshold_liquidator import ThresholdLiquidator

ME = 42


def pending(account=3, price=100.0, sender=7, repay=200_000.0, bonus=0.05):
    return PendingLiquidation(Opportunity(account, 0.97, 0, 1, repay, bonus), repay, price, sender, 121.0)


def profit(searcher, view, call):
    inner = searcher.liquidation
    gas = view.gas_liquidation + (view.gas_swap if inner.exit == "pool" else 0)
    terms = inner.exit_terms(call.opportunity.collateral, call.opportunity.bonus, view)
    gross = (terms.margin - terms.cost * call.repay_usd) * call.repay_usd
    return gross - gas * view.usd_per_gas_gwei * call.price_gwei


@given(
    prices=st.lists(st.floats(1.0, 20_000.0), min_size=1, max_size=5),
    raise_share=st.floats(0.0, 1.0),
    repay=st.floats(1e3, 1e6),
)
def test_copy_outbids_everybody_by_the_raise_and_still_pays(make_view, prices, raise_share, repay):
    searcher = SearcherStrategy(raise_share=raise_share, min_profit_usd=25.0)
    view = make_view(pending=[pending(3, max(prices), 10, repay)])  # the world shows the highest bid
    calls = searcher.outbid(view, ME, 1e6)
    assert len(calls) <= 1
    for call in calls:
        assert call.price_gwei >= max(prices) * (1 + raise_share) * (1 - 1e-12)
        assert profit(searcher, view, call) > searcher.min_profit_usd * (1 - 1e-9)


def test_outbidding_goes_on_only_while_it_pays(make_view):
    """Two searchers that answer one another stop where the profit is gone."""
    searcher = SearcherStrategy(raise_share=0.125)
    price, rounds = 100.0, 0
    while True:
        view = make_view(pending=[pending(price=price)])
        calls = searcher.outbid(view, ME, 0.0)
        if not calls:
            break
        assert calls[0].price_gwei == pytest.approx(1.125 * price)
        price, rounds = calls[0].price_gwei, rounds + 1
    assert rounds > 5
    terms = searcher.liquidation.exit_terms(0, 0.05, view)
    gross = searcher.liquidation.size(terms, 200_000.0).gross_usd
    gas = (view.gas_liquidation + view.gas_swap) * view.usd_per_gas_gwei
    assert gas * price <= gross - searcher.min_profit_usd < gas * price * 1.125


def test_searcher_does_not_copy_itself(make_view):
    searcher = SearcherStrategy(copies=5)
    assert searcher.outbid(make_view(pending=[pending(sender=ME)]), ME, 1e6) == []


def test_own_bid_takes_no_place_from_a_copy(make_view):
    """With one copy a block, what the searcher bids for already is left out and the next best copied."""
    searcher = SearcherStrategy(copies=1)
    other = pending(4, 100.0, 9, 200_000.0)
    view = make_view(pending=[pending(3, 120.0, ME, 400_000.0), other])
    assert [call.opportunity.account for call in searcher.outbid(view, ME, 1e6)] == [4]


def test_copies_are_the_most_rewarding_and_no_more_than_allowed(make_view):
    offers = [pending(account, 100.0, 7, 1e5 * (account + 1)) for account in range(4)]
    for copies in range(4):
        calls = SearcherStrategy(copies=copies).outbid(make_view(pending=offers), ME, 0.0)
        assert [call.opportunity.account for call in calls] == [3, 2, 1][:copies]


def test_searcher_without_flash_loans_copies_with_the_cash_it_has(make_view):
    searcher = SearcherStrategy(liquidation=ThresholdLiquidator(exit="book"), min_profit_usd=1.0)
    (call,) = searcher.outbid(make_view(pending=[pending(price=10.0)]), ME, 30_000.0)
    assert call.repay_usd == pytest.approx(30_000.0)


@given(st.floats(0.0, 1e5), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_arbitrage_bids_between_the_going_price_and_its_gain(make_view, gain, share, win):
    view = make_view()
    searcher = SearcherStrategy(arbitrage_share=share, min_profit_usd=20.0)
    gas = view.gas_swap * view.usd_per_gas_gwei
    for call in searcher.arbitrage(view, {0: gain}, win, 1e9):
        paid = gas * call.price_gwei
        assert call.price_gwei >= view.gas_standard_gwei
        assert win * (gain - paid) - (1 - win) * view.revert_gas_share * paid > 20.0
    assert searcher.arbitrage(view, {0: gain}, 0.0, 1e9) == []
    assert searcher.arbitrage(view, {0: gain}, win, 0.0) == []


def test_arbitrage_that_pays_is_sent(make_view):
    (call,) = SearcherStrategy(arbitrage_share=0.5).arbitrage(make_view(), {0: 1000.0}, 1.0, 1e9)
    assert call.asset == 0
    assert call.price_gwei * 150_000 * 2e-6 == pytest.approx(500.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"raise_share": -0.1}, "raise_share must be in"),
        ({"copies": -1}, "copies must not be negative, got -1"),
        ({"arbitrage_share": 1.5}, "arbitrage_share must be in"),
    ],
)
def test_impossible_parameters_are_refused_by_name(change, says):
    with pytest.raises(ValueError, match=says):
        SearcherStrategy(**change)
