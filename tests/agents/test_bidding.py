"""Strategies that bid, split, wait and volunteer by closed forms, asked bare (MODEL 3.1 to 3.7)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.base import Buy, Errand, Kick, Offer, Opportunity, PastBid, Together
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.agents.strategies.best_responder import BestResponder, best_reply, rivals_best
from liquidarium.agents.strategies.dutch_liquidator import DutchLiquidator
from liquidarium.agents.strategies.liquidator import OwnState, Position
from liquidarium.agents.strategies.mixed_bidder import MixedBidder
from liquidarium.agents.strategies.splitting_liquidator import SplittingLiquidator, repayments
from liquidarium.agents.strategies.volunteer import Volunteer
from liquidarium.market.contests.contest import BlockContest
from liquidarium.protocols.lending.pool import Chore, Sale
from liquidarium.protocols.liquidation.toxicity import health_after
from scipy import stats

ME = 7
RICH = OwnState(cash_usd=1e9, win_rate=1.0, gain_usd=0.0, account=ME)
DRAWS = (np.arange(4_000) + 0.5) / 4_000


def payments(bot: MixedBidder, value: float, cost: float, phi: float, draws=DRAWS) -> np.ndarray:
    """Return what a bot offers for each draw; NaN for staying out."""
    paid = [bot.payment(value, cost, phi, float(u)) for u in draws]
    return np.array([math.nan if p is None else p for p in paid])


# mixed bids


@pytest.mark.parametrize("phi", [0.3, 1.0])
def test_g03_a_gas_auction_is_bid_in_as_the_closed_form_says(phi):
    bot = MixedBidder(contest="gas-auction", rivals=3)
    game = forms.gas_auction(4, 1000.0, 50.0, phi)
    paid = payments(bot, 1000.0, 50.0, phi)
    assert np.isnan(paid).mean() == pytest.approx(game.stay_out, abs=1e-3)
    fees = paid[~np.isnan(paid)] - 50.0
    cdf = np.vectorize(lambda b: (game.bid_cdf(b) - game.stay_out) / (1.0 - game.stay_out))
    assert stats.kstest(fees, cdf).statistic < 1e-3
    assert fees.max() <= game.highest_bid


def test_where_reverts_cost_nothing_nobody_leaves_anything():
    assert np.array_equal(np.unique(payments(MixedBidder(), 1000.0, 50.0, 0.0)), [1000.0])


@pytest.mark.parametrize(("n", "cost"), [(5, 30.0), (2, 60.0), (8, 70.0)])
@pytest.mark.parametrize("phi", [1.0, 0.3])
def test_g01_entry_leaves_nothing_to_gain_from_entering(n, cost, phi):
    """The market's own draw decides; a winner pays the cost, a loser the share phi of it."""
    bot = MixedBidder(contest="entry", rivals=n - 1)
    random = np.random.default_rng(5)
    chance = bot.entry_chance(100.0, cost, phi)
    if (n, cost, phi) == (5, 30.0, 1.0):
        assert chance == pytest.approx(0.6638033068, rel=1e-8)
    bids = forms.entry_bids(random.random((200_000, n)), chance)
    out = BlockContest("random", cost=cost, revert_share=phi).play(bids, 100.0, random.random(bids.shape))
    entered = out.payoffs[~np.isnan(bids)]
    assert (n, phi) != (8, 0.3) or 0.0 < chance < 1.0
    if 0.0 < chance < 1.0:
        assert abs(entered.mean()) < 4.0 * entered.std() / math.sqrt(len(entered))
    assert np.isnan(payments(bot, 100.0, cost, phi)).mean() == pytest.approx(1.0 - chance, abs=1e-3)


def test_g02_where_two_bid_the_value_away_bots_come_by_the_closed_form(make_view):
    """MODEL 3.2: at c/v = .1 each of five comes with .4377, and nobody with .0562."""
    bot = MixedBidder(contest="bertrand", rivals=4)
    assert bot.entry_chance(100.0, 10.0, 1.0) == pytest.approx(0.4376586748, rel=1e-8)
    paid = payments(bot, 100.0, 10.0, 1.0)
    assert np.nanmax(paid) == np.nanmin(paid) == 10.0
    assert np.isnan(paid).mean() ** 5 == pytest.approx(0.0562341325, abs=1e-3)
    entry = MixedBidder(contest="entry", rivals=4)
    for phi in (0.3, 1.0):  # an auction of the whole bonus keeps more of them away
        assert bot.entry_chance(100.0, 30.0, phi) < entry.entry_chance(100.0, 30.0, phi)
    assert bot.entry_chance(100.0, 10.0, 0.0) == 1.0
    view = make_view(opportunities=[Opportunity(3, 0.97, 0, 1, 20_000.0, 0.05)])
    gas_usd = view.gas_liquidation * view.usd_per_gas_gwei
    (call,) = bot.decide(view, RICH._replace(draw=lambda: 0.0))
    _, gross = bot.size(bot.exit_terms(0, 0.05, view), 20_000.0)
    assert call.price_gwei == view.gas_standard_gwei
    assert call.ceiling_gwei * gas_usd == pytest.approx(gross - bot.min_profit_usd)
    (other,) = entry.decide(view, RICH._replace(draw=lambda: 0.0))
    assert other.ceiling_gwei == 0.0


def test_g08_g09_first_price_bids_scale_with_the_value():
    bot = MixedBidder(contest="first-price", rivals=4)
    assert payments(bot, 1.0, 0.0, 0.3, [0.5])[0] == pytest.approx(0.8)
    assert payments(bot, 2000.0, 0.0, 0.3, [0.5])[0] == pytest.approx(1600.0)
    two = MixedBidder(contest="first-price", rivals=1)
    assert payments(two, 1000.0, 500.0, 0.3, [0.5])[0] == pytest.approx(625.0)


def test_g08_sealed_bids_for_a_lot_leave_the_same_share():
    assert MixedBidder(contest="first-price", rivals=4).taker().bid_margin == pytest.approx(0.2)


def test_a_mixed_bidder_offers_what_it_draws_and_asks_for_its_profit_first(make_view):
    view = make_view(opportunities=[Opportunity(3, 0.97, 0, 1, 20_000.0, 0.05)])
    gas_usd = view.gas_liquidation * view.usd_per_gas_gwei
    bot = MixedBidder(rivals=3, min_profit_usd=200.0)
    repay, gross = bot.size(bot.exit_terms(0, 0.05, view), 20_000.0)
    expected = bot.payment(gross - 200.0, 100.0 * gas_usd, 0.3, 0.9)
    (call,) = bot.decide(view, RICH._replace(draw=lambda: 0.9))
    assert call.price_gwei * gas_usd == pytest.approx(expected)
    assert call.repay_usd == repay
    assert bot.decide(view, RICH._replace(draw=lambda: 0.01)) == [], "a low draw stays out"


# best reply


def test_against_uniform_rivals_half_the_value_is_the_best_bid():
    belief = [((k + 0.5) / 1000, 1.0) for k in range(1000)]
    pay, earns = best_reply(belief, 1.0, 0.0, 0.0)
    assert pay == pytest.approx(0.5, abs=2e-3)
    assert earns == pytest.approx(0.25, abs=2e-3)


def test_against_the_equilibrium_no_bid_earns_anything():
    """MODEL 3.3: whoever meets n - 1 bidders of the closed form is indifferent at zero."""
    game = forms.gas_auction(4, 1000.0, 50.0, 0.3)
    draws = game.bids(np.random.default_rng(1).random((40_000, 3)))
    best = np.nanmax(np.where(np.isnan(draws), -50.0, draws), axis=1) + 50.0
    _, earns = best_reply([(float(b), 1.0) for b in best], 1000.0, 50.0, 0.3)
    assert abs(earns) < 12.0


@given(st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=20), st.floats(0.0, 1.0))
def test_no_bid_of_a_grid_earns_more_than_the_best_reply(rivals, phi):
    _, most = best_reply([(r, 1.0) for r in rivals], 500.0, 10.0, phi)
    pay = np.linspace(10.0, 700.0, 300)
    chance = (pay[:, None] > np.array(rivals)).mean(axis=1)
    earns = chance * (500.0 - pay) - (1.0 - chance) * phi * pay
    assert earns.max() <= max(most, 0.0) + 1.5


def test_rivals_are_the_best_of_the_others_in_each_contest():
    past = [
        PastBid(1, 0, 5, 8, 0.02, 100.0),
        PastBid(1, 0, 5, 9, 0.04, 100.0),
        PastBid(1, 0, 5, ME, 0.09, 100.0),
        PastBid(2, 0, 6, ME, 0.05, 100.0),
        PastBid(3, 0, 5, 8, 0.01, 50.0),
    ]
    assert rivals_best(past, ME, 10) == pytest.approx([2e-4, 0.0, 4e-4])
    assert rivals_best(past, ME, 1) == pytest.approx([2e-4])


def test_who_has_seen_rivals_pay_a_share_pays_a_little_more(make_view):
    view = make_view(opportunities=[Opportunity(3, 0.97, 0, 1, 20_000.0, 0.05)])
    bot = BestResponder()
    _, gross = bot.size(bot.exit_terms(0, 0.05, view), 20_000.0)
    gas_usd = view.gas_liquidation * view.usd_per_gas_gwei
    price = 0.4 * gross / gas_usd
    past = [PastBid(b, 0, 3, 8, price * view.usd_per_gas_gwei, gross) for b in range(300)]
    (call,) = bot.decide(view._replace(past=past), RICH)
    assert 1.0 < call.price_gwei / price < 1.01
    alone = [PastBid(b, 0, 3, ME, 1.0, gross) for b in range(300)]
    (call,) = bot.decide(view._replace(past=alone), RICH)
    assert call.price_gwei == view.gas_standard_gwei, "nobody else comes"


# the two-step attack and splitting


def test_g15_two_calls_take_more_than_the_close_factor_allows_one():
    """C 120, D 100, LT .8, bonus 5 %, close factor 50 %: 25 and 37.5 instead of 50."""
    wanted = Opportunity(3, 0.96, 0, 1, 50.0, 0.05)
    first, second = repayments(wanted, Position(100.0, 100.0, 0.8, 0.96), 2)
    assert first == pytest.approx(25.0, rel=2e-4)
    assert first < 25.0
    assert second == pytest.approx(37.5, rel=1e-4)
    assert 0.05 * (first + second) == pytest.approx(3.125, rel=2e-4)


@given(
    st.floats(0.5, 0.85),
    st.floats(0.01, 0.12),
    st.floats(0.8, 0.999),
    st.floats(0.05, 1.0),
    st.integers(2, 12),
)
def test_every_call_but_the_last_leaves_the_account_liquidatable(threshold, bonus, health, share, pieces):
    wanted = Opportunity(3, health, 0, 1, share * 100.0, bonus)
    collateral, debt = health * 100.0 / threshold, 100.0
    calls = repayments(wanted, Position(100.0, 100.0, threshold, health), pieces)
    assert len(calls) <= pieces
    assert sum(calls) >= min(share * 100.0, 100.0) * (1 - 1e-9), "no less than one call alone"
    for call in calls:
        assert debt <= 1e-6 or health_after(collateral, debt, threshold, bonus, 0.0) < 1.0
        assert call <= share * debt + 1e-6
        collateral, debt = collateral - (1.0 + bonus) * call, debt - call


def test_more_pieces_split_a_first_repayment_beyond_the_close_factor():
    """A close factor of a tenth: healing 25 takes pieces of 10, 9 and 6, then comes a tenth of the rest."""
    wanted = Opportunity(3, 0.96, 0, 1, 10.0, 0.05)
    calls = repayments(wanted, Position(100.0, 100.0, 0.8, 0.96), 9)
    assert calls == pytest.approx((10.0, 9.0, 6.0, 7.5), rel=1e-3)


def test_a_bundle_is_sent_only_where_it_earns_more_than_its_gas(make_view):
    wanted = Opportunity(3, 0.96, 0, 1, 50_000.0, 0.05)
    own = RICH._replace(look=lambda _: Position(100_000.0, 100_000.0, 0.8, 0.96))
    (bundle,) = SplittingLiquidator().decide(make_view(opportunities=[wanted]), own)
    assert isinstance(bundle, Together)
    assert [call.repay_usd for call in bundle.intents] == pytest.approx([25_000.0, 37_500.0], rel=1e-3)
    (single,) = SplittingLiquidator().decide(
        make_view(opportunities=[wanted], gas_standard_gwei=900.0), own._replace(win_rate=0.9)
    )
    assert not isinstance(single, Together)
    (single,) = SplittingLiquidator().decide(
        make_view(opportunities=[wanted]), own._replace(cash_usd=51_000.0)
    )
    assert not isinstance(single, Together), "one call is all the cash pays"


# falling prices


def lot(price_usd: float, tokens: float = 20.0) -> Offer:
    sale = Sale(1, "price", 3, 0, 1, int(tokens * 1e9), price_usd, int(tokens * price_usd * 1e6))
    return Offer(0, sale, price_usd, tokens * price_usd, tokens, 1e-6)


G11 = {"depth_usd": [0.01 * 40_000.0 / 0.006, -1.0], "gas_standard_gwei": 30.0 / (450_000 * 2e-6)}
"""A book on which selling 20 tokens at 2000 slips by .3 %, and gas of 30 USD."""


def test_g11_with_rivals_a_lot_is_taken_at_the_first_step_that_does_not_lose(make_view):
    bot, view = DutchLiquidator(), make_view(**G11)
    prices = [2400.0 * 0.99**k for k in range(60)]
    taken = [k for k, p in enumerate(prices) if bot.taker().decide(view._replace(offers=[lot(p)]), RICH)]
    assert taken[0] == 19
    (buy,) = bot.taker().decide(view._replace(offers=[lot(prices[19])]), RICH)
    assert isinstance(buy, Buy)
    assert buy.spend_usd == pytest.approx(20 * 1982.804697)
    gas_usd = view.gas_liquidation * view.usd_per_gas_gwei
    surplus = 20 * (2000.0 * 0.997 - prices[19]) - 30.0
    assert surplus == pytest.approx(193.9060559, rel=1e-6)
    assert (buy.price_gwei - view.gas_standard_gwei) * gas_usd == pytest.approx(0.3 * surplus, rel=1e-4)


def test_g11_gas_counts_among_what_the_price_must_cover(make_view):
    """Step 19 leaves 224 USD before gas: at 300 USD of gas the lot waits for step 20."""
    view = make_view(**G11 | {"gas_standard_gwei": 300.0 / (450_000 * 2e-6)})
    prices = [2400.0 * 0.99**k for k in (19, 20)]
    taker = DutchLiquidator().taker()
    assert [bool(taker.decide(view._replace(offers=[lot(p)]), RICH)) for p in prices] == [False, True]


def test_a_monopolist_waits_until_waiting_costs_more_than_it_brings(make_view):
    """The step is that of the closed form on the whole path; rivals take it earlier."""
    discount, step_s = 5e-5, 90.0
    bot = DutchLiquidator(taker_kind="monopolist", discount_per_s=discount, look_ahead_s=4_500.0)
    view = make_view(**G11, block_time_s=step_s)
    prices = [2400.0 * 0.99**k for k in range(400)]

    def ahead(k: int):
        return lambda offer, times: [prices[k + round((t - view.time_s) / step_s)] for t in times]

    taken = next(
        k for k in range(300)
        if bot.taker().decide(view._replace(offers=[lot(prices[k])]), RICH._replace(prices=ahead(k)))
    )  # fmt: skip
    surplus = [20 * (2000.0 * 0.997 - p) for p in prices]
    best = forms.monopolist_take(surplus, 30.0, step_s, discount)
    assert abs(taken - best) <= 1
    assert taken > 19


# who kicks


def test_g13_a_kick_without_reward_waits_for_a_volunteer(make_view):
    view = make_view()
    cost = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
    wanted = Opportunity(3, 0.9, 0, 1, 10.0 * cost / (0.2 * 0.05), 0.05, kick=True, pays=False)
    bot, view = Volunteer(rivals=4, benefit_share=0.2), view._replace(opportunities=[wanted])
    assert bot.chance(wanted, view) == pytest.approx(0.4376586748, rel=1e-8)
    done = [bool(bot.decide(view, RICH._replace(draw=lambda u=u: float(u)))) for u in DRAWS]
    assert np.mean(done) == pytest.approx(0.4376586748, abs=1e-3)
    (kick,) = bot.decide(view, RICH._replace(draw=lambda: 0.0))
    assert isinstance(kick, Kick)
    assert kick.price_gwei == view.gas_standard_gwei
    paid = wanted._replace(pays=True)
    assert bot.decide(view._replace(opportunities=[paid]), RICH), "a reward ends the dilemma"


def test_g13_an_auction_whose_restart_does_not_pay_waits_for_a_volunteer(make_view):
    view = make_view()
    cost = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
    taker = Volunteer(rivals=4, benefit_share=0.2).taker()

    def share(**chore) -> float:
        seen = view._replace(errands=[Errand(0, Chore(1, **chore))])
        return float(np.mean([bool(taker.decide(seen, RICH._replace(draw=lambda u=u: u))) for u in DRAWS]))

    assert share(kind="redo", reward_usd=0.0, hope_usd=50.0 * cost) == pytest.approx(0.43766, abs=1e-3)
    half = share(kind="redo", reward_usd=0.5 * cost, hope_usd=50.0 * cost)
    assert half == pytest.approx(1.0 - 0.05**0.25, abs=1e-3)
    assert share(kind="redo", reward_usd=2.0 * cost) == 1.0
    assert share(kind="redo", reward_usd=0.0, hope_usd=2.0 * cost) == 0.0
    assert share(kind="deal", reward_usd=0.0, hope_usd=50.0 * cost) == 0.0, "whose gain is the winner's"
    others = (
        MixedBidder()
        .taker()
        .decide(view._replace(errands=[Errand(0, Chore(1, "redo", 0.0, hope_usd=50.0 * cost))]), RICH)
    )
    assert others == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MixedBidder(contest="poker"), "contest must be one of entry, bertrand, gas-auction"),
        (lambda: MixedBidder(rivals=0), "rivals must be at least 1, got 0"),
        (lambda: BestResponder(memory=0), "memory must be at least 1, got 0"),
        (lambda: BestResponder(prior=0.0), "prior must be above 0"),
        (lambda: SplittingLiquidator(pieces=1), "pieces must be from 2 to 100, got 1"),
        (lambda: DutchLiquidator(taker_kind="patient"), "taker_kind must be one of competitive, monopolist"),
        (
            lambda: DutchLiquidator(discount_per_s=1e-4),
            "discount_per_s = 0.0001 does nothing for a competitive",
        ),
        (lambda: DutchLiquidator(look_ahead_s=0.0), "look_ahead_s must be above 0"),
        (lambda: Volunteer(rivals=-1), "rivals must not be negative, got -1"),
        (lambda: Volunteer(benefit_share=0.0), "benefit_share must be above 0"),
    ],
)
def test_a_parameter_out_of_range_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
