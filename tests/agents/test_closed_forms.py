"""Closed forms of contests against the numbers of the reference (MODEL 3; CASES by id)."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.market.contests.contest import stair_prices
from scipy.integrate import quad

CLOSE = {"rel": 1e-8}
ROOT = {"rel": 1e-6}


def test_g01_entry_with_a_random_winner():
    p = forms.entry_probability(5, 100.0, 30.0)
    assert p == pytest.approx(0.6638033068, **ROOT)
    assert 5 * p == pytest.approx(3.319016534, **ROOT)
    assert forms.nobody_enters(p, 5) == pytest.approx(0.004295039745, **ROOT)
    assert 5 * p * 30.0 == pytest.approx(99.57049603, **ROOT)


def test_g02_entry_before_bertrand():
    p = forms.bertrand_entry_probability(5, 100.0, 10.0)
    assert p == pytest.approx(0.4376586748, **CLOSE)
    assert forms.nobody_enters(p, 5) == pytest.approx(0.05623413252, **CLOSE)


def test_g03_priority_gas_auction_with_revert_cost():
    game, all_pay = (forms.gas_auction(4, 1000.0, 50.0, phi) for phi in (0.3, 1.0))
    assert game.stay_out == pytest.approx(0.2495674732, **CLOSE)
    assert game.highest_bid == 950.0
    assert game.expected_payments == pytest.approx(996.1207129, **CLOSE)
    assert all_pay.stay_out == pytest.approx(0.3684031499, **CLOSE)
    assert all_pay.expected_payments == pytest.approx(981.5798425, **CLOSE)


def test_g04_all_pay_with_complete_information():
    game = forms.gas_auction(3, 100.0)
    assert game.expected_bid == pytest.approx(33.33333333, rel=1e-6)
    assert game.bid_cdf(25.0) == pytest.approx(0.5, **CLOSE)
    assert game.expected_payments == pytest.approx(100.0, **CLOSE)


def test_g05_all_pay_with_two_values():
    game = forms.AsymmetricAllPay(100.0, 60.0)
    assert game.strong_payoff == 40.0
    assert game.weak_bids_zero == pytest.approx(0.4, **CLOSE)
    assert game.strong_wins == pytest.approx(0.7, **CLOSE)
    assert game.revenue == pytest.approx(48.0, **CLOSE)


def test_g08_first_and_second_price():
    assert float(forms.first_price_bid(1.0, 5)) == pytest.approx(0.8, **CLOSE)
    assert forms.auction_revenue(5) == pytest.approx(0.6666666667, **CLOSE)
    assert 5 / 6 - forms.auction_revenue(5) == pytest.approx(0.1666666667, **CLOSE)


def test_g09_first_price_with_reserve():
    assert float(forms.first_price_bid(1.0, 2, 0.5)) == pytest.approx(0.625, **CLOSE)
    assert forms.auction_revenue(2, 0.5) == pytest.approx(0.4166666667, **CLOSE)
    assert np.isnan(forms.first_price_bid(0.49, 2, 0.5))


@pytest.mark.parametrize(("n", "reserve"), [(2, 0.0), (3, 0.4), (6, 0.7)])
def test_revenue_is_the_mean_of_the_highest_bid(n, reserve):
    revenue, _ = quad(lambda v: float(forms.first_price_bid(v, n, reserve)) * n * v ** (n - 1), reserve, 1.0)
    assert forms.auction_revenue(n, reserve) == pytest.approx(revenue, rel=1e-8)


def test_g10_all_pay_with_private_values():
    assert float(forms.all_pay_bid(1.0, 3)) == pytest.approx(0.6666666667, **CLOSE)
    revenue, _ = quad(lambda v: 3 * float(forms.all_pay_bid(v, 3)), 0.0, 1.0)
    assert revenue == pytest.approx(0.5, **CLOSE)
    assert forms.auction_revenue(3) == pytest.approx(0.5, **CLOSE)


def test_g11_competitive_dutch_take():
    prices = stair_prices(2400.0, 0.99, 90.0, 3600.0)
    surplus = 20.0 * (2000.0 * 0.997 - np.array(prices))
    step = forms.competitive_take(surplus, 30.0)
    assert (step, 90 * step) == (19, 1710)
    assert prices[step] == pytest.approx(1982.804697, **CLOSE)
    assert surplus[step] - 30.0 == pytest.approx(193.9060559, **CLOSE)


def test_a_monopolist_waits_longer_and_less_so_when_waiting_is_dear():
    """The gap to the competitive take is the measure of collusion (MODEL 3.5)."""
    surplus = 20.0 * (2000.0 * 0.997 - np.array(stair_prices(2400.0, 0.99, 90.0, 36_000.0)))
    steps = [forms.monopolist_take(surplus, 30.0, 90.0, 1e-6, redo) for redo in (0.0, 1e-4, 1e-2, 1.0)]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] > 300 > steps[2] >= 19 == steps[3]
    assert forms.monopolist_take([-1.0, -2.0], 0.0, 1.0, 0.0) == forms.competitive_take([-1.0], 0.0) == -1


def test_g12_entry_at_each_dutch_step():
    chances = [forms.entry_probability(5, surplus, 30.0) for surplus in (31.0, 60.0, 100.0, 150.0)]
    assert chances == pytest.approx([0.01639565321, 0.3555290009, 0.6638033068, 1.0], **ROOT)
    assert forms.entry_probability(5, 29.0, 30.0) == 0.0


def test_a_dutch_step_is_left_alone_while_the_next_one_is_worth_more():
    """Backward induction: the last step of G12 pays everybody, so the ones before are entered less."""
    alone = [forms.entry_probability(5, surplus, 30.0) for surplus in (60.0, 100.0)]
    chances = forms.dutch_entry([60.0, 100.0, 200.0], 5, 30.0)
    assert chances[2] == 1.0
    assert chances[1] < alone[1]
    assert forms.dutch_entry([60.0, 100.0], 5, 30.0) == pytest.approx(alone)


def test_first_try_has_the_chances_it_is_given():
    chances = np.array([0.0, 0.25, 0.5])
    steps = forms.first_try((np.arange(8000) + 0.5) / 8000, chances)
    assert np.bincount(steps + 1, minlength=4) / 8000 == pytest.approx([0.375, 0.0, 0.25, 0.375])


def test_g13_volunteer():
    p = forms.volunteer_probability(5, 10.0, 1.0)
    assert p == pytest.approx(0.4376586748, **CLOSE)
    assert forms.nobody_enters(p, 5) == pytest.approx(0.05623413252, **CLOSE)
    assert forms.volunteer_probability(5, 10.0, 1.0, tip=1.0) == 1.0, "a tip of the cost ends the dilemma"


def test_g14_attrition():
    assert forms.attrition_hazard(100.0, 1.0) == pytest.approx(0.01, **CLOSE)
    duration, _ = quad(lambda t: np.exp(-2 * forms.attrition_hazard(100.0, 1.0) * t), 0, np.inf)
    assert duration == pytest.approx(50.0, **CLOSE)
    assert 2 * 1.0 * duration == pytest.approx(100.0, **CLOSE)


def test_g17_latency_race():
    assert forms.race_win_probability(0.005, 0.02) == pytest.approx(0.5701581024, **CLOSE)
    assert forms.exponential_race([3.0, 1.0, 1.0])[0] == pytest.approx(0.6, **CLOSE)


def test_g18_length_of_a_gas_auction():
    assert [forms.raises_to_reach(5.0, 500.0, least) for least in (0.125, 0.10)] == [40, 49]


def test_a15_fixed_or_auctioned_bonus():
    fixed = forms.fixed_bonus(0.05 * 100_000.0, 4, 2000.0)
    assert fixed == (5000.0, pytest.approx(4200.0), pytest.approx(400.0))
    assert fixed.builder_bid / fixed.borrower_loss == pytest.approx(0.84)
    assert forms.auctioned_bonus_loss(4, 2000.0) == pytest.approx(800.0)


def test_more_bots_do_not_remove_the_no_show_gap():
    """MODEL 3.1: at cost / value = .6 nobody comes with .04, .224, .322 for 2, 5 and 200 bots."""
    gap = [forms.nobody_enters(forms.entry_probability(n, 1.0, 0.6), n) for n in (2, 5, 200)]
    assert gap == pytest.approx([0.04, 0.224, 0.322], abs=5e-4)


def test_handing_the_whole_bonus_to_an_auction_raises_no_shows():
    """MODEL 3.2: .0043 with a random winner, .222 when the bonus is bid away, at cost / value = .3."""
    drawn = forms.nobody_enters(forms.entry_probability(5, 1.0, 0.3), 5)
    bid_away = forms.nobody_enters(forms.bertrand_entry_probability(5, 1.0, 0.3), 5)
    assert (drawn, bid_away) == (pytest.approx(0.0043, abs=5e-5), pytest.approx(0.222, abs=5e-4))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: forms.gas_auction(1, 10.0), "n must be at least 2"),
        (lambda: forms.gas_auction(3, 10.0, 1.0, 0.0), r"revert_share must be in \(0, 1\]"),
        (lambda: forms.gas_auction(3, 10.0, 11.0), "needed 0 <= cost <= value"),
        (lambda: forms.raises_to_reach(5.0, 500.0, 0.0), "minimum_raise must be positive"),
        (lambda: forms.volunteer_probability(3, 10.0, 1.0, tip=0.5), "tip must be 0 or at least the cost"),
        (lambda: forms.entry_probability(0, 10.0, 1.0), "n must be at least 1"),
    ],
)
def test_games_without_this_equilibrium_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize("n", [2, 5, 20])
@pytest.mark.parametrize("cost", [0.05, 0.3, 0.6, 0.9])
def test_entry_under_recapture_lies_between_a_drawn_winner_and_bertrand(n, cost):
    """MODEL 3.1 at recapture 0, 3.2 at 1; in between bots come less the more is auctioned (3.9)."""
    chances = [forms.recapture_entry_probability(n, 1.0, cost, r) for r in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert chances[0] == pytest.approx(forms.entry_probability(n, 1.0, cost), abs=1e-12)
    assert chances[-1] == pytest.approx(forms.bertrand_entry_probability(n, 1.0, cost), abs=1e-12)
    assert chances == sorted(chances, reverse=True)
    p = chances[2]
    if p < 1.0:
        kept = 0.5 * (1 - (1 - p) ** n) / (n * p) + 0.5 * (1 - p) ** (n - 1)
        assert kept == pytest.approx(cost, abs=1e-9)


@pytest.mark.parametrize("recapture", [-0.1, 1.1])
def test_recapture_is_a_share(recapture):
    with pytest.raises(ValueError, match="recapture must be in"):
        forms.recapture_entry_probability(3, 1.0, 0.5, recapture)
