"""How a liquidator values, sizes, bids and enters, asked of the bare strategy (MODEL 10.2, 3.1)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from liquidarium.agents.base import Opportunity
from liquidarium.agents.strategies.threshold_liquidator import ExitTerms, OwnState, ThresholdLiquidator
from liquidarium.market.pools import constant_product as pair

RICH = OwnState(cash_usd=1e9, win_rate=1.0, gain_usd=0.0)


def opportunity(account: int = 3, repay_usd: float = 200_000.0, bonus: float = 0.05) -> Opportunity:
    return Opportunity(account, 0.97, 0, 1, repay_usd, bonus)


def by_reward(opportunities):
    return sorted(opportunities, key=lambda o: -o.repay_usd * o.bonus)


def gas_usd(view, bot: ThresholdLiquidator, price_gwei: float) -> float:
    gas = view.gas_liquidation + (view.gas_swap if bot.exit == "pool" else 0)
    return gas * view.usd_per_gas_gwei * price_gwei


@given(
    margin=st.floats(-0.05, 0.2),
    cost=st.one_of(st.just(0.0), st.floats(1e-10, 1e-6)),
    visible=st.floats(0.0, 1e7),
    limit=st.floats(0.0, 1e7),
    sold=st.one_of(st.just(0.0), st.floats(0.0, 1e5)),
)
@example(margin=0.1, cost=1e-6, visible=1e7, limit=1e7, sold=0.0)
@example(margin=0.1, cost=1e-6, visible=1e7, limit=1e7, sold=2e4)
def test_size_is_the_best_of_a_grid(margin, cost, visible, limit, sold):
    """Brute force over repayments of ``m r - k r^2``, what is sold already counted (MODEL 10.2)."""
    repay, gross = ThresholdLiquidator().size(ExitTerms(margin, cost, visible), limit, sold)
    most = max(min(limit, visible - sold), 0.0)
    grid = np.linspace(0.0, most, 2001)
    earned = (margin - cost * (2 * sold + grid)) * grid
    assert 0.0 <= repay <= most
    assert gross == pytest.approx((margin - cost * (2 * sold + repay)) * repay, rel=1e-9, abs=1e-6)
    assert gross >= earned.max() - 1e-9 * (1.0 + earned.max())


def test_a_deep_exit_leaves_the_full_size_and_a_thin_one_cuts_it(make_view):
    bot = ThresholdLiquidator()
    sizes = [
        bot.size(bot.exit_terms(0, 0.05, make_view(depth_usd=[depth, -1.0])), 1e6).repay_usd
        for depth in (1e12, 1e7, 1e6, 1e5, 0.0)
    ]
    assert sizes[0] == 1e6
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0.0


@given(repay=st.floats(1e3, 5e5), bonus=st.floats(0.02, 0.15))
def test_value_of_a_pool_exit_is_what_the_pool_would_pay(make_view, repay, bonus):
    """The quadratic cost is the constant-product swap to second order (MODEL 3.8)."""
    view = make_view()
    terms = ThresholdLiquidator(exit="pool").exit_terms(0, bonus, view)
    expected = terms.margin * repay - terms.cost * repay**2
    depth, unit = view.pool_depth_usd[0], 10**9  # so fine that rounding to units does not count
    worth = repay * (1 + bonus)
    paid_out = pair.get_amount_out(round(worth * unit), round(depth * unit), round(depth * unit)) / unit
    assert expected == pytest.approx(paid_out - repay, abs=2 * worth * (worth / depth) ** 2)


@given(amount=st.floats(1e3, 1e5))
def test_value_of_a_book_exit_is_a_walk_down_a_flat_book(make_view, amount):
    """Bids of equal size at every price within the band: the average sale is half the last one's discount."""
    view = make_view()
    terms = ThresholdLiquidator().exit_terms(0, 0.0, view)
    prices = np.linspace(0.0, view.depth_band, 20_001)
    step = view.depth_usd[0] / len(prices)
    taken = np.minimum(np.maximum(amount - step * np.arange(len(prices)), 0.0), step)
    lost = float((taken * prices).sum())
    assert terms.cost * amount**2 == pytest.approx(lost, rel=0.02, abs=step * view.depth_band)


@settings(max_examples=60)
@given(
    repays=st.lists(st.floats(1e3, 2e6), min_size=1, max_size=6),
    bonus=st.sampled_from([0.05, 0.1, 0.15]),
    cash=st.floats(0.0, 1e6),
    depth=st.one_of(st.just(0.0), st.floats(1.0, 2e7)),
    win=st.floats(0.0, 1.0),
    kind=st.sampled_from(["book", "pool", "flash", "hold"]),
)
def test_calls_stay_within_cash_depth_and_profit(make_view, repays, bonus, cash, depth, win, kind):
    bot = ThresholdLiquidator(
        exit="pool" if kind == "flash" else kind, flash_loan=kind == "flash", max_calls=6, min_profit_usd=10.0
    )
    offers = by_reward(opportunity(i, repay, bonus) for i, repay in enumerate(repays))
    view = make_view(opportunities=offers, depth_usd=[depth, -1.0], pool_depth_usd=[10 * depth, 0.0])
    calls = bot.decide(view, OwnState(cash, win, 0.0))
    terms = bot.exit_terms(0, bonus, view)
    spent = sold = 0.0
    for call in calls:
        assert 0.0 < call.repay_usd <= call.opportunity.repay_usd
        spent += 0.0 if bot.flash_loan else call.repay_usd
        paid = gas_usd(view, bot, call.price_gwei)
        gross = (terms.margin - terms.cost * (2 * sold + call.repay_usd)) * call.repay_usd
        sold += call.repay_usd
        assert call.price_gwei >= view.gas_standard_gwei
        assert paid <= gross * (1 + 1e-9)
        assert win * (gross - paid) - (1 - win) * view.revert_gas_share * paid > bot.min_profit_usd * (
            1 - 1e-9
        )
    assert spent <= cash * (1 + 1e-12)
    assert sold <= terms.visible_usd * (1 + 1e-12)


def test_bot_that_never_wins_stays_out(make_view):
    """With no chance of winning the expected profit is the gas of a reverted call, a loss (MODEL 3.3)."""
    view = make_view(opportunities=[opportunity()])
    bot = ThresholdLiquidator(min_profit_usd=0.0)
    assert len(bot.decide(view, RICH)) == 1
    assert bot.decide(view, RICH._replace(win_rate=0.0)) == []


def test_bid_of_a_small_call_is_the_going_price(make_view):
    """Its share of the profit would buy less than the standard price, and nobody includes that."""
    view = make_view(opportunities=[opportunity(repay_usd=5_000.0)])
    bot = ThresholdLiquidator(bid_share=0.3, min_profit_usd=0.0)
    (call,) = bot.decide(view, RICH)
    gross = bot.size(bot.exit_terms(0, 0.05, view), 5_000.0).gross_usd
    assert 0.3 * gross < gas_usd(view, bot, view.gas_standard_gwei) < gross
    assert call.price_gwei == view.gas_standard_gwei


def test_bids_rise_as_the_chance_of_winning_falls(make_view):
    view = make_view(opportunities=[opportunity()])
    bot = ThresholdLiquidator(escalation=0.4)
    bids = [bot.decide(view, RICH._replace(win_rate=w))[0].price_gwei for w in (1.0, 0.7, 0.4)]
    assert bids == sorted(bids)
    assert bids[0] < bids[-1]
    flat = ThresholdLiquidator(escalation=0.0)
    assert len({flat.decide(view, RICH._replace(win_rate=w))[0].price_gwei for w in (1.0, 0.7, 0.4)}) == 1


def test_bot_stops_at_its_loss_budget(make_view):
    view = make_view(opportunities=[opportunity()])
    bot = ThresholdLiquidator(loss_budget_usd=10_000.0)
    assert bot.decide(view, RICH._replace(gain_usd=-10_000.0))
    assert bot.decide(view, RICH._replace(gain_usd=-10_000.01)) == []


def test_bot_sends_no_more_calls_than_it_may(make_view):
    offers = [opportunity(account, 20_000.0) for account in range(10)]
    for most in (1, 2, 5):
        assert len(ThresholdLiquidator(max_calls=most).decide(make_view(opportunities=offers), RICH)) == most


def test_calls_of_one_block_share_the_cash_and_the_exit(make_view):
    offers = [opportunity(account, 80_000.0) for account in range(3)]
    poor = RICH._replace(cash_usd=100_000.0)
    bot = ThresholdLiquidator(min_profit_usd=0.0)
    calls = bot.decide(make_view(opportunities=offers, depth_usd=[1e9, -1.0]), poor)
    assert calls[0].repay_usd == pytest.approx(80_000.0)
    assert 0.0 < calls[1].repay_usd < 20_000.0
    assert sum(call.repay_usd for call in calls) <= 100_000.0
    thin = make_view(opportunities=offers, depth_usd=[5e4, -1.0])
    visible = bot.exit_terms(0, 0.05, thin).visible_usd
    assert visible < 240_000.0
    assert sum(call.repay_usd for call in bot.decide(thin, RICH)) <= visible


def test_a_market_below_the_oracle_by_the_bonus_leaves_nothing_to_earn(make_view):
    view = make_view(opportunities=[opportunity()], mids=[2000.0 / 1.05, 1.0])
    assert ThresholdLiquidator(min_profit_usd=0.0).decide(view, RICH) == []


def test_held_collateral_is_charged_for_its_risk(make_view):
    holder = ThresholdLiquidator(exit="hold", hold_risk=2.0, hold_s=900.0)
    calm, wild = (holder.exit_terms(0, 0.05, make_view(volatility=[v, 0.0])) for v in (0.0, 1e-4))
    assert calm.margin - wild.margin == pytest.approx(2.0 * 1e-4 * 30.0)
    assert wild.visible_usd == math.inf


@pytest.mark.parametrize(
    ("gas", "bonus", "slippage", "least_repay"), [(40.0, 0.05, 0.01, 1000.0), (20.0, 0.01, 0.0, 2000.0)]
)
def test_smallest_profitable_liquidation(make_view, gas, bonus, slippage, least_repay):
    """CASES L35: ``r_min = gas / (bonus - slippage)``."""
    bot = ThresholdLiquidator(exit="hold", hold_risk=0.0, bid_share=0.0, escalation=0.0, min_profit_usd=0.0)
    view = make_view(mids=[2000.0 * (1 + bonus - slippage) / (1 + bonus), 1.0])
    view = view._replace(usd_per_gas_gwei=gas / view.gas_liquidation / view.gas_standard_gwei)
    for repay, calls in ((0.999 * least_repay, 0), (1.001 * least_repay, 1)):
        offered = view._replace(opportunities=[opportunity(repay_usd=repay, bonus=bonus)])
        assert len(bot.decide(offered, RICH)) == calls


def test_smallest_bonus_that_keeps_a_holder_interested(make_view):
    """CASES G21: ``b = s + gas / r + z sigma sqrt(hold)``, sigma .8 a year, 60 s, z 2; no call below it."""
    repay, slippage, gas, least = 10_000.0, 0.01, 40.0, 0.01620694904
    bot = ThresholdLiquidator(
        exit="hold", hold_risk=2.0, hold_s=60.0, bid_share=0.0, escalation=0.0, min_profit_usd=0.0
    )
    view = make_view(volatility=[0.8 / math.sqrt(31_536_000), 0.0])
    view = view._replace(usd_per_gas_gwei=gas / view.gas_liquidation / view.gas_standard_gwei)
    for bonus, calls in ((least - 1e-9, 0), (least + 1e-9, 1)):
        mid = 2000.0 * (1 + bonus - slippage) / (1 + bonus)
        offered = view._replace(mids=[mid, 1.0], opportunities=[opportunity(repay_usd=repay, bonus=bonus)])
        assert len(bot.decide(offered, RICH)) == calls


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"exit": "otc"}, "exit must be a schedule or one of book, pool, hold, got 'otc'"),
        ({"flash_loan": True}, "flash_loan needs exit = 'pool', got 'book'"),
        ({"flash_loan": True, "exit": "hold"}, "flash_loan needs exit = 'pool', got 'hold'"),
        ({"bid_share": 1.2}, r"bid_share must be in \[0, 1\], got 1.2"),
        ({"bid_share": 0.7, "escalation": 0.4}, r"bid_share \+ escalation must not exceed 1"),
    ],
)
def test_impossible_parameters_are_refused_by_name(change, says):
    with pytest.raises(ValueError, match=says):
        ThresholdLiquidator(**change)
