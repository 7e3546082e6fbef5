"""Simulated contests against their closed forms (MODEL 3.1 to 3.5, 3.10, 9).

Each game is played by the rules of the market with the strategies of the closed form, for twenty
fixed sets of parameters or more, each with the seed of its number. What is asked of each game:

* no test is rejected at a familywise 1 % (Holm over all binomial, Kolmogorov-Smirnov and mean tests);
* intervals of probabilities have a half-width of at most .01, those of means at most 2 % (of the mean,
  or of the value where the mean is 0);
* no unilateral deviation on a grid gains more than its interval. Gains are paired with the
  equilibrium's and the intervals hold together at 99 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.market.contests.contest import (
    AttritionGame,
    BlockContest,
    DutchSale,
    KickGame,
    Outcome,
    SealedBid,
    stair_prices,
)
from scipy import stats

N = 150_000
LEVEL = 0.01
Z95 = stats.norm.ppf(0.975)


class Share(NamedTuple):
    """How often something happens, and should."""

    happened: np.ndarray
    probability: float

    def p_value(self):
        count, trials = int(np.count_nonzero(self.happened)), len(self.happened)
        if self.probability in (0.0, 1.0):
            return float(count == trials * self.probability)
        return stats.binomtest(count, trials, self.probability).pvalue

    def check_width(self):
        share = float(np.mean(self.happened))
        assert Z95 * math.sqrt(max(share * (1 - share), 1e-9) / len(self.happened)) <= 0.01


class Distribution(NamedTuple):
    """A sample and the distribution that it should have."""

    sample: np.ndarray
    cdf: Callable

    def p_value(self):
        return stats.kstest(self.sample, self.cdf).pvalue

    def check_width(self):
        assert len(self.sample) > 5_000


class Mean(NamedTuple):
    """A sample, the mean it should have, and the value of the contest."""

    sample: np.ndarray
    mean: float
    value: float

    def p_value(self):
        error = self.sample.std() / math.sqrt(len(self.sample))
        if error <= 1e-12 * self.value:  # no chance in it
            return float(math.isclose(self.sample[0], self.mean, rel_tol=1e-9, abs_tol=1e-9 * self.value))
        return 2 * stats.norm.sf(abs(self.sample.mean() - self.mean) / error)

    def check_width(self):
        scale = abs(self.mean) if abs(self.mean) > 0.1 * self.value else self.value
        assert Z95 * self.sample.std() / math.sqrt(len(self.sample)) <= 0.02 * scale


class Played(NamedTuple):
    """A batch in equilibrium: what to test, bidder 0's payoffs, and its payoffs under each deviation."""

    tests: list
    payoffs: np.ndarray
    deviations: dict[str, np.ndarray]
    value: float


def holm_rejections(p_values):
    """Names of the hypotheses that Holm's procedure rejects at the familywise level."""
    rejected = []
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for k, (name, p) in enumerate(ordered):
        if p > LEVEL / (len(ordered) - k):
            break
        rejected.append(f"{name}: p = {p:.2g}")
    return rejected


def gains_beyond_chance(played):
    """Deviations that gain more than their interval, over all sets of a game together."""
    found, count = [], sum(len(one.deviations) for one in played.values())
    z = stats.norm.isf(LEVEL / count)
    for name, one in played.items():
        for deviation, payoffs in one.deviations.items():
            gain = payoffs - one.payoffs
            half_width = z * gain.std() / math.sqrt(len(gain))
            assert half_width <= 0.03 * one.value, f"{name}, {deviation}: too few draws"
            if gain.mean() > half_width + 1e-12:
                found.append(f"{name}, {deviation}: gains {gain.mean():.3g} +- {half_width:.2g}")
    return found


def with_first(bids, column):
    """Return the bids with those of bidder 0 replaced."""
    changed = bids.copy()
    changed[:, 0] = column
    return changed


def first_wins(out: Outcome, n: int) -> Share:
    """All bidders are alike: the first wins its share of what is won."""
    return Share(out.winners[out.winners >= 0] == 0, 1 / n)


# the games


def entry(rng, n, share, value):
    """Entry with a random winner; the cost lies between value / n and value (3.1)."""
    cost = value * (1 / n + (1 - 1 / n) * share)
    p = forms.entry_probability(n, value, cost)
    contest, u, ties = BlockContest("random", cost, 1.0), rng.random((N, n)), rng.random((N, n))
    bids = forms.entry_bids(u, p)
    out = contest.play(bids, value, ties)
    nobody = forms.nobody_enters(p, n)
    tests = [
        Share(out.winners < 0, nobody),
        first_wins(out, n),
        Share(out.paid[:, 0] > 0, p),
        Mean(out.paid.sum(axis=1), value * (1 - nobody), value),
        Mean(out.payoffs[:, 0], 0.0, value),
    ]
    deviations = {
        f"enters with {q:g}": contest.play(
            with_first(bids, forms.entry_bids(u[:, 0], q)), value, ties
        ).payoffs[:, 0]
        for q in (0.0, 0.25, 0.5, 0.75, 1.0)
    }
    return Played(tests, out.payoffs[:, 0], deviations, value)


def bertrand(rng, n, share, value):
    """Entry when two or more bid the whole value away: a second-price auction with an entry cost (3.2)."""
    cost = share * value
    p = forms.bertrand_entry_probability(n, value, cost)
    contest, u, ties = SealedBid("second", 0.0, cost), rng.random((N, n)), rng.random((N, n))
    bids = np.where(u < p, value, np.nan)
    out = contest.play(bids, value, ties)
    tests = [
        Share(out.winners < 0, forms.nobody_enters(p, n)),
        first_wins(out, n),
        Mean(out.payoffs[:, 0], 0.0, value),
    ]
    deviations = {
        f"bids {b:g} of the value": contest.play(with_first(bids, b * value), value, ties).payoffs[:, 0]
        for b in (0.0, 0.5, 0.9, 1.0, 1.1)
    }
    deviations["stays out"] = np.zeros(N)
    return Played(tests, out.payoffs[:, 0], deviations, value)


def gas_auction(rng, n, cost_share, phi, value):
    """Priority fees with revert cost phi (3.3); all-pay with cost 0 and phi 1 (3.4)."""
    game = forms.gas_auction(n, value, cost_share * value, phi)
    contest = BlockContest("priority-fee", game.cost, phi)
    ties = rng.random((N, n))
    bids = game.bids(rng.random((N, n)))
    out = contest.play(bids, value, ties)
    nobody = game.stay_out**n

    def highest_fee(price):
        highest = np.array([game.bid_cdf(b) for b in price - game.cost]) ** n
        return (highest - nobody) / (1 - nobody)

    tests = [
        Share(out.winners < 0, nobody),
        first_wins(out, n),
        Distribution(out.prices[out.winners >= 0][:20_000], highest_fee),
        Mean(out.paid.sum(axis=1), game.expected_payments, value),
        Mean(out.payoffs[:, 0], 0.0, value),
    ]
    grid = (0.0, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0, 1.1)
    deviations = {
        f"bids {b:g} of the highest": contest.play(
            with_first(bids, b * game.highest_bid), value, ties
        ).payoffs[:, 0]
        for b in grid
    }
    deviations["stays out"] = np.zeros(N)
    return Played(tests, out.payoffs[:, 0], deviations, value)


def asymmetric_all_pay(rng, strong, weak):
    """All-pay with two values (3.4)."""
    game = forms.AsymmetricAllPay(strong, weak)
    contest, ties, values = BlockContest(), rng.random((N, 2)), [[strong, weak]]
    bids = np.column_stack([game.strong_bids(rng.random(N)), game.weak_bids(rng.random(N))])
    out = contest.play(bids, values, ties)
    zero = game.weak_bids_zero
    tests = [
        Share(out.winners == 0, game.strong_wins),
        Share(out.paid[:, 1] == 0, zero),
        Distribution(out.prices, lambda x: x / weak * (zero + (1 - zero) * x / weak)),
        Mean(out.paid.sum(axis=1), game.revenue, strong),
        Mean(out.payoffs[:, 0], game.strong_payoff, strong),
        Mean(out.payoffs[:, 1], 0.0, strong),
    ]
    deviations = {
        f"strong bids {b:g} of the weak value": contest.play(
            with_first(bids, b * weak), values, ties
        ).payoffs[:, 0]
        for b in (0.0, 0.1, 0.3, 0.5, 0.8, 0.99, 1.0, 1.2)
    }
    return Played(tests, out.payoffs[:, 0], deviations, strong)


def private_all_pay(rng, n):
    """All-pay with values uniform on [0, 1] (3.4)."""
    contest, ties, values = BlockContest(), rng.random((N, n)), rng.random((N, n))
    bids = forms.all_pay_bid(values, n)
    out = contest.play(bids, values, ties)
    tests = [
        first_wins(out, n),
        Distribution(out.prices, stats.uniform(0, (n - 1) / n).cdf),
        Mean(out.paid.sum(axis=1), forms.auction_revenue(n), 1.0),
        Mean(out.payoffs[:, 0], 1 / (n * (n + 1)), 1.0),
    ]
    return Played(tests, out.payoffs[:, 0], scaled(contest, bids, values, ties), 1.0)


def scaled(contest, bids, values, ties, reserve=0.0):
    """Payoffs of bidder 0 when it bids a multiple of the equilibrium's, but never below the reserve."""
    return {
        f"bids {k:g} times as much": contest.play(
            with_first(bids, np.maximum(k * bids[:, 0], reserve)), values, ties
        ).payoffs[:, 0]
        for k in (0.0, 0.5, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.5)
    }


def private_payoff(n, r):
    """Return the expected payoff of one bidder with uniform values: integral of v^(n-1) (1-v) from r."""
    return (1 - r**n) / n - (1 - r ** (n + 1)) / (n + 1)


def first_price(rng, n, reserve):
    """First price with values uniform on [0, 1] and a reserve (3.4)."""
    contest, ties, values = SealedBid("first", reserve), rng.random((N, n)), rng.random((N, n))
    bids = forms.first_price_bid(values, n, reserve)
    out = contest.play(bids, values, ties)
    grid = np.linspace(max(reserve, 1e-9), 1.0, 20_001)
    asked = forms.first_price_bid(grid, n, reserve)

    def price_cdf(price):
        return (np.interp(price, asked, grid) ** n - reserve**n) / (1 - reserve**n)

    sold = out.winners >= 0
    tests = [
        Share(sold, 1 - reserve**n),
        first_wins(out, n),
        Distribution(out.prices[sold], price_cdf),
        Mean(out.prices, forms.auction_revenue(n, reserve), 1.0),
        Mean(out.payoffs[:, 0], private_payoff(n, reserve), 1.0),
    ]
    return Played(tests, out.payoffs[:, 0], scaled(contest, bids, values, ties, reserve), 1.0)


def second_price(rng, n, reserve):
    """Second price with values uniform on [0, 1] and a reserve (3.4)."""
    contest, ties, values = SealedBid("second", reserve), rng.random((N, n)), rng.random((N, n))
    bids = forms.second_price_bid(values, reserve)
    out = contest.play(bids, values, ties)

    def below(x):
        return n * x ** (n - 1) - (n - 1) * x**n

    alone = n * reserve ** (n - 1) * (1 - reserve)
    contested = (out.winners >= 0) & (out.prices > reserve)
    tests = [
        Share(out.winners >= 0, 1 - reserve**n),
        Share((out.winners >= 0) & (out.prices == reserve), alone),
        first_wins(out, n),
        Distribution(out.prices[contested], lambda x: (below(x) - below(reserve)) / (1 - below(reserve))),
        Mean(out.prices, forms.auction_revenue(n, reserve), 1.0),
        Mean(out.payoffs[:, 0], private_payoff(n, reserve), 1.0),
    ]
    return Played(tests, out.payoffs[:, 0], scaled(contest, bids, values, ties, reserve), 1.0)


def competitive_dutch(rng, n, cut, exit_value, gas):
    """Everybody takes at the first step that does not lose, and losing the race is free (3.5)."""
    prices = stair_prices(2400.0, cut, 90.0, 7200.0)
    sale = DutchSale(prices, exit_value, 20.0, gas, 0.0)
    step = forms.competitive_take(sale.surplus, gas)
    ties = rng.random((N, n))
    out = sale.play(np.full((N, n), step), ties)
    gain = float(sale.surplus[step]) - gas
    value = 20.0 * exit_value
    tests = [
        Share(out.ended == step, 1.0),
        Share(out.prices == prices[step], 1.0),
        first_wins(out, n),
        Mean(out.payoffs.sum(axis=1), gain, value),
        Mean(out.payoffs[:, 0], gain / n, value),
    ]
    others = [step - 3, step - 2, step - 1, step + 1, step + 2, step + 5, -1]
    deviations = {
        f"takes at step {k}": sale.play(with_first(np.full((N, n), step), k), ties).payoffs[:, 0]
        for k in others
    }
    return Played(tests, out.payoffs[:, 0], deviations, value)


def costly_dutch(rng, n, cost, first, growth, steps):
    """Every try costs, so that each step is an entry game (3.5)."""
    surplus = first * growth ** np.arange(steps)
    sale = DutchSale(tuple(1000.0 - surplus), 1000.0, 1.0, cost, 1.0)
    chances = forms.dutch_entry(sale.surplus, n, cost)
    takes, ties = forms.first_try(rng.random((N, n)), chances), rng.random((N, n))
    out = sale.play(takes, ties)
    reached = np.concatenate(([1.0], np.cumprod((1 - chances) ** n)))
    sold = reached[:-1] - reached[1:]
    value = float(surplus.max())
    tests = [Share(out.ended == k, float(sold[k])) for k in range(steps) if sold[k] > 0.001]
    tests += [
        first_wins(out, n),
        Share(out.winners < 0, float(reached[-1])),
        Mean(out.paid.sum(axis=1), float((reached[:-1] * n * chances).sum()) * cost, value),
    ]
    deviations = {
        f"tries at step {k}": sale.play(with_first(takes, k), ties).payoffs[:, 0] for k in range(-1, steps)
    }
    return Played(tests, out.payoffs[:, 0], deviations, value)


def volunteer(rng, n, share, value):
    """Who kicks the auction: all gain, who calls pays (3.5)."""
    cost = share * value
    p = forms.volunteer_probability(n, value, cost)
    game, u, ties = KickGame(value, cost), rng.random((N, n)), rng.random((N, n))
    kicks = u < p
    out = game.play(kicks, ties)
    tests = [
        Share(out.winners < 0, forms.nobody_enters(p, n)),
        Share(out.paid[:, 0] > 0, p),
        first_wins(out, n),
        Mean(out.paid.sum(axis=1), n * p * cost, value),
        Mean(out.payoffs[:, 0], value - cost, value),
    ]
    deviations = {
        f"kicks with {q:g}": game.play(with_first(kicks, u[:, 0] < q), ties).payoffs[:, 0]
        for q in (0.0, 0.25, 0.5, 0.75, 1.0)
    }
    return Played(tests, out.payoffs[:, 0], deviations, value)


def attrition(rng, value, cost):
    """Two keepers wait for each other to give up (3.5)."""
    game, ties = AttritionGame(value, cost), rng.random((N, 2))
    quits = forms.attrition_quits(rng.random((N, 2)), value, cost)
    out = game.play(quits, ties)
    tests = [
        first_wins(out, 2),
        Distribution(out.ended, stats.expon(scale=value / (2 * cost)).cdf),
        Mean(out.ended, value / (2 * cost), value),
        Mean(out.paid.sum(axis=1), value, value),
        Mean(out.payoffs[:, 0], 0.0, value),
    ]
    deviations = {
        f"quits after {t:g} value / cost": game.play(with_first(quits, t * value / cost), ties).payoffs[:, 0]
        for t in (0.0, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0)
    }
    return Played(tests, out.payoffs[:, 0], deviations, value)


FEES = [(0.05, 0.1), (0.05, 0.3), (0.2, 0.3), (0.1, 0.6), (0.4, 0.9)]
RESERVES = [(n, r) for n in (2, 3, 4, 5, 8) for r in (0.0, 0.2, 0.5, 0.8)]

PRIZES = [(2, 1.0), (3, 3.0), (4, 10.0), (5, 40.0), (6, 100.0), (7, 7.0), (8, 2.0), (9, 500.0)]
PAIRS = [(100.0, 60.0), (100.0, 95.0), (50.0, 10.0), (3.0, 2.0), (9.0, 7.0)]
PATHS = [(31.0, 1.1, 12), (35.0, 1.02, 8), (20.0, 1.3, 10), (60.0, 1.05, 6)]
"""Surplus of a falling price at the first step, its growth a step, and the steps."""

GAMES = {
    "entry": [(entry, (n, s, 10.0 ** (n % 4))) for n in (2, 3, 5, 8, 20) for s in (0.1, 0.3, 0.5, 0.8)]
    + [(bertrand, (n, s, 100.0)) for n in (2, 5, 9) for s in (0.1, 0.3, 0.6)],
    "priority gas": [(gas_auction, (n, c, phi, 1000.0)) for n in (2, 3, 4, 7) for c, phi in FEES],
    "all-pay": [(gas_auction, (n, 0.0, 1.0, v)) for n, v in PRIZES]
    + [(gas_auction, (n, 0.05, 1.0, 1000.0)) for n in (2, 4)]
    + [(asymmetric_all_pay, pair) for pair in PAIRS]
    + [(private_all_pay, (n,)) for n in (2, 3, 4, 5, 8)],
    "first price": [(first_price, case) for case in RESERVES],
    "second price": [(second_price, case) for case in RESERVES],
    "Dutch": [
        (competitive_dutch, (n, cut, 2000.0 * 0.997, gas))
        for n in (2, 5) for cut in (0.99, 0.97, 0.995) for gas in (0.0, 30.0)
    ]
    + [(costly_dutch, (n, 30.0, *path)) for n in (2, 5, 9) for path in PATHS],
    "volunteer": [(volunteer, (n, s, 10.0)) for n in (2, 3, 5, 10, 20) for s in (0.05, 0.2, 0.5, 0.8)],
    "attrition": [(attrition, (v, k)) for v in (1.0, 10.0, 100.0, 550.0) for k in (0.1, 0.5, 1.0, 3.0, 20.0)],
}  # fmt: skip


@pytest.mark.parametrize("game", GAMES)
def test_simulated_contests_agree_with_the_closed_form_and_no_deviation_gains(game):
    sets = GAMES[game]
    assert len(sets) >= 20
    played, p_values = {}, {}
    for seed, (play, parameters) in enumerate(sets):
        name = f"{play.__name__}{parameters}"
        played[name] = play(np.random.default_rng(seed), *parameters)
        for k, test in enumerate(played[name].tests):
            test.check_width()
            p_values[f"{name} {type(test).__name__} {k}"] = test.p_value()
        played[name] = played[name]._replace(tests=[])
    assert not holm_rejections(p_values)
    assert not gains_beyond_chance(played)


def rejected(name, tests):
    return bool(holm_rejections({f"{name} {k}": test.p_value() for k, test in enumerate(tests)}))


def test_strategies_that_are_slightly_off_would_be_noticed():
    """The same tests reject bids 2 % too low, and find what one gains where others enter too rarely."""
    rng = np.random.default_rng(1)
    game, ties = forms.gas_auction(4, 1000.0, 50.0, 0.3), rng.random((N, 4))
    contest = BlockContest("priority-fee", 50.0, 0.3)
    low = contest.play(0.98 * game.bids(rng.random((N, 4))), 1000.0, ties)
    assert rejected("low", [Mean(low.paid.sum(axis=1), game.expected_payments, 1000.0)])
    n, cost = 5, 0.3
    p = 0.95 * forms.entry_probability(n, 1.0, cost)
    shy, u = BlockContest("random", cost, 1.0), rng.random((N, n))
    bids, ties = forms.entry_bids(u, p), rng.random((N, n))
    out = shy.play(bids, 1.0, ties)
    nobody = forms.nobody_enters(forms.entry_probability(n, 1.0, cost), n)
    assert rejected("shy", [Share(out.winners < 0, nobody)])
    always = shy.play(with_first(bids, 0.0), 1.0, ties).payoffs[:, 0]
    assert gains_beyond_chance({"shy": Played([], out.payoffs[:, 0], {"always enters": always}, 1.0)})


def test_more_bots_do_not_remove_the_no_show_gap_in_simulated_contests():
    """MODEL 3.1 at cost / value = .6: nobody comes with .04, .224 and .322 for 2, 5 and 200 bots."""
    found = []
    for n, expected in ((2, 0.04), (5, 0.224), (200, 0.322)):
        rng = np.random.default_rng(n)
        contests = 100_000 if n < 100 else 20_000
        p = forms.entry_probability(n, 1.0, 0.6)
        bids = forms.entry_bids(rng.random((contests, n)), p)
        out = BlockContest("random", 0.6, 1.0).play(bids, 1.0, rng.random((contests, n)))
        found.append(float((out.winners < 0).mean()))
        assert found[-1] == pytest.approx(expected, abs=0.01)
    assert found == sorted(found)


def test_handing_the_whole_bonus_to_an_auction_raises_no_shows_in_simulated_contests():
    """MODEL 3.2 with n 5 and cost / value = .3: from .0043 with a random winner to .222."""
    rng = np.random.default_rng(32)
    u, ties = rng.random((N, 5)), rng.random((N, 5))
    drawn = BlockContest("random", 0.3, 1.0).play(
        forms.entry_bids(u, forms.entry_probability(5, 1.0, 0.3)), 1.0, ties
    )
    comes = u < forms.bertrand_entry_probability(5, 1.0, 0.3)
    bid_away = SealedBid("second", 0.0, 0.3).play(np.where(comes, 1.0, np.nan), 1.0, ties)
    assert (drawn.winners < 0).mean() == pytest.approx(0.0043, abs=0.001)
    assert (bid_away.winners < 0).mean() == pytest.approx(0.222, abs=0.005)


def test_a15_a_fixed_bonus_goes_to_the_builder_and_an_auctioned_one_to_the_borrower():
    """Four searchers with costs up to 2,000 and a bonus of 5,000 (CASES A15), played as auctions."""
    rng = np.random.default_rng(15)
    costs, ties = rng.uniform(0.0, 2000.0, (N, 4)), rng.random((N, 4))
    out = SealedBid("second").play(5000.0 - costs, 5000.0 - costs, ties)
    split = forms.fixed_bonus(5000.0, 4, 2000.0)
    assert out.prices.mean() == pytest.approx(split.builder_bid, rel=0.005)
    assert out.payoffs.sum(axis=1).mean() == pytest.approx(split.searcher_margin, rel=0.02)
    assert (5000.0 - out.prices).mean() == pytest.approx(forms.auctioned_bonus_loss(4, 2000.0), rel=0.02)


def test_with_revert_protection_everybody_bids_the_whole_value():
    """Phi -> 0: undercutting the value less cost never wins, and bidding it costs nothing (3.3)."""
    rng = np.random.default_rng(0)
    ties, bids = rng.random((N, 4)), np.full((N, 4), 950.0)
    contest = BlockContest("priority-fee", 50.0, 0.0)
    out = contest.play(bids, 1000.0, ties)
    assert (out.payoffs == 0.0).all()
    for other in (0.0, 500.0, 949.0, 951.0):
        assert contest.play(with_first(bids, other), 1000.0, ties).payoffs[:, 0].max() <= 0.0


@pytest.mark.parametrize("discount_per_s", [1e-6, 1e-4, 1e-3, 1e-2])
def test_a_monopolist_takes_where_no_other_step_is_worth_more(discount_per_s):
    """And later than competitors would (MODEL 3.5)."""
    sale = DutchSale(stair_prices(2400.0, 0.99, 90.0, 36_000.0), 1994.0, 20.0, 30.0)
    steps = np.arange(len(sale.prices))
    worth = sale.play(steps[:, None], 0.5).payoffs[:, 0] * np.exp(-discount_per_s * 90.0 * steps)
    chosen = forms.monopolist_take(sale.surplus, sale.gas, 90.0, discount_per_s)
    assert worth[chosen] == worth.max()
    assert chosen > forms.competitive_take(sale.surplus, sale.gas)
