"""Equilibria of sampled games against the closed forms of MODEL 3.1 to 3.5.

Payoffs of every count profile are sampled on the contest kernels, the game is solved, and what comes out is
compared with the formula. Each set of parameters is sampled in ten independent batches with seeds fixed by
its number, each batch is solved for itself, and the ten answers are compared with the formula by Student's
test: so the interval holds the noise of payoffs and of solving alike. What is asked (MODEL 9):

* no test is rejected at a familywise 1 % (Holm over all sets and quantities);
* half-widths of 95 % intervals are at most .01 for probabilities and 2 % for means.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.experiments.games.certificate import certify_exactly
from liquidarium.experiments.games.contest_kinds import (
    block_contest,
    dutch_contest,
    kick_contest,
    sealed_contest,
)
from liquidarium.experiments.games.meaning import meaning
from liquidarium.experiments.games.mixed_profile import MixedProfile
from liquidarium.experiments.games.payoff_source import GameRole
from liquidarium.experiments.games.sampling import sample
from liquidarium.experiments.games.solvers.support_enumeration import support_enumeration
from scipy import stats

BATCHES = 10
LEVEL = 0.01


@dataclass(frozen=True)
class PartOfGasAuction:
    """Bid as the equilibrium of MODEL 3.3 does between two of its quantiles.

    Against such strategies the continuous equilibrium is one of the finite game: weights are the widths.
    """

    n: int
    value: float
    cost: float
    phi: float
    low: float
    high: float

    def act(self, worth, luck):
        game = forms.gas_auction(self.n, self.value, self.cost, self.phi)
        return game.bids(self.low + (self.high - self.low) * luck.level)


class Expected(NamedTuple):
    """What the formula says of a sampled game, by quantity."""

    source: object
    plays: int
    mixture: list[float]
    means: dict[str, float] = {}  # noqa: RUF012
    no_show: float | None = None


def role(players, strategies, name="bot"):
    return GameRole(name=name, players=players, strategies=strategies)


ENTER = {"enter": {"share": 0.0}, "wait": {"enter": 0.0}}


def entry(n, share):
    """Draw the winner (3.1); `share` says where the cost lies between value / n and value."""
    cost = 100.0 * (1 / n + (1 - 1 / n) * share)
    p = forms.entry_probability(n, 100.0, cost)
    nobody = forms.nobody_enters(p, n)
    source = block_contest([role(n, ENTER)], 100.0, "random", cost)
    return Expected(source, 400, [p, 1 - p], {"gas": 100.0 * (1 - nobody)}, nobody)


def recaptured(n, share, recapture):
    """Two or more bid a share of the bonus away; all of it is MODEL 3.2."""
    p = forms.recapture_entry_probability(n, 100.0, 100.0 * share, recapture)
    one = n * p * (1 - p) ** (n - 1)
    nobody = forms.nobody_enters(p, n)
    source = sealed_contest(
        [role(n, {"enter": {"share": 1.0}, "wait": {"enter": 0.0}})],
        100.0,
        "second",
        entry_cost=100.0 * share,
        recapture=recapture,
    )
    revenue = 100.0 * recapture * (1 - nobody - one)
    return Expected(source, 400, [p, 1 - p], {"protocol": revenue}, nobody)


def gas_auction(n, cost_share, phi):
    """Fees with revert cost phi (3.3), all-pay at cost 0 and phi 1 (3.4)."""
    value, cost = 1000.0, 1000.0 * cost_share
    game = forms.gas_auction(n, value, cost, phi)
    q = game.stay_out
    # Where all come, an even number of parts would leave the weights of two players open.
    cuts = np.linspace(q, 1.0, 3 if q > 0 else 4).tolist()
    where = f"{__name__}:PartOfGasAuction"
    parts = {
        f"part {k}": {
            "strategy": where, "n": n, "value": value, "cost": cost, "phi": phi, "low": low, "high": high,
        }
        for k, (low, high) in enumerate(pairwise(cuts))
    }  # fmt: skip
    out = {"out": {"enter": 0.0}} if q > 0 else {}
    source = block_contest([role(n, {**out, **parts})], value, "priority-fee", cost, phi)
    plays = 800 if n > 10 else 2_000
    shares = ([q] if q > 0 else []) + np.diff(cuts).tolist()
    return Expected(source, plays, shares, {"gas": game.expected_payments}, q**n if q > 0 else None)


def costly_dutch(n, gas, cut):
    """Every step is an entry game (3.5, CASES G12)."""
    options = {"top": 2040.0, "cut": cut, "step_s": 12.0, "tail_s": 1200.0, "exit_value": 1994.0, "lot": 20.0}
    sale = dutch_contest([role(n, {"at once": {"wait_s": 0.0}})], gas=gas, **options).fight.sale
    chances = forms.dutch_entry(sale.surplus, n, gas)
    reach = np.concatenate(([1.0], np.cumprod(1 - chances)))
    steps = reach[:-1] - reach[1:]
    used = np.flatnonzero(steps > 1e-12).tolist()
    source = dutch_contest([role(n, {f"step {k}": {"wait_s": 12.0 * k} for k in used})], gas=gas, **options)
    return Expected(source, 400, [float(steps[k]) for k in used])


def volunteer(n, share):
    """Who kicks (3.5, CASES G13)."""
    p = forms.volunteer_probability(n, 10.0, 10.0 * share)
    source = kick_contest([role(n, {"kick": {}, "wait": {"enter": 0.0}})], 10.0, 10.0 * share)
    return Expected(source, 400, [p, 1 - p], {"gas": n * p * 10.0 * share}, forms.nobody_enters(p, n))


SETS = {
    "entry, winner drawn": [(entry, (n, s)) for n in (2, 3, 5, 10, 20) for s in (0.05, 0.3, 0.6, 0.9)],
    "entry, bonus bid away": [
        (recaptured, (n, s, r)) for n in (2, 3, 5, 20) for s, r in
        ((0.05, 1.0), (0.3, 1.0), (0.9, 1.0), (0.5, 0.9), (0.6, 0.5), (0.9, 0.2))
    ],
    "gas auctions": [
        (gas_auction, (n, c, phi)) for n in (2, 3, 5) for c, phi in
        ((0.05, 0.1), (0.05, 0.3), (0.3, 0.3), (0.1, 0.6), (0.3, 1.0), (0.6, 1.0), (0.9, 0.8))
    ]
    + [(gas_auction, (10, 0.2, 0.5)), (gas_auction, (20, 0.5, 0.3))],
    "all-pay": [(gas_auction, (n, 0.0, 1.0)) for n in (3, 4, 6)],
    "Dutch": [(costly_dutch, (n, gas, 0.999)) for n in (2, 3) for gas in (60.0, 75.0, 90.0)],
    "volunteer": [(volunteer, (n, s)) for n in (2, 3, 5, 10, 20) for s in (0.05, 0.3, 0.6, 0.9)],
}  # fmt: skip


def solved(expected, seed):
    """Mixtures, means and no-shows of ten batches, each sampled and solved for itself."""
    mixtures, means = [], {name: [] for name in (*expected.means, "no_show")}
    for batch in range(BATCHES):
        first = 1000 * seed + 10 * batch
        game = sample(expected.source, 4, plays=expected.plays // 4, first_block=first)
        found = support_enumeration(game.mean).mixtures
        mixture = max(found, key=np.count_nonzero)
        mixtures.append(mixture)
        told = meaning(game, MixedProfile.symmetric(game.space, mixture))
        assert abs(told.imbalance) < 1e-6
        for name, values in means.items():
            values.append(told.outcomes[name].value)
    return np.array(mixtures), {name: np.array(values) for name, values in means.items()}


def t_test(values, formula, scale):
    """p-value and half-width of the 95 % interval; what has no luck in it must agree exactly."""
    spread = values.std(ddof=1) / np.sqrt(len(values))
    if spread < 1e-9 * scale:
        return float(np.allclose(values, formula, rtol=1e-7, atol=1e-7 * scale)), 0.0
    p = 2 * stats.t.sf(abs(values.mean() - formula) / spread, len(values) - 1)
    return float(p), float(stats.t.ppf(0.975, len(values) - 1) * spread)


def holm_rejections(p_values):
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    rejected = []
    for k, (name, p) in enumerate(ordered):
        if p > LEVEL / (len(ordered) - k):
            break
        rejected.append(f"{name}: p = {p:.2g}")
    return rejected


def compare(expected, seed, name):
    p_values = {}
    mixtures, means = solved(expected, seed)
    for s, formula in enumerate(expected.mixture):
        p, width = t_test(mixtures[:, s], formula, 1.0)
        assert width <= 0.01, f"{name}, share {s}: {width}"
        p_values[f"{name} share {s}"] = p
    if expected.no_show is not None:
        p, width = t_test(means["no_show"], expected.no_show, 1.0)
        assert width <= 0.01, f"{name}, no-show: {width}"
        p_values[f"{name} no-show"] = p
    for what, formula in expected.means.items():
        p, width = t_test(means[what], formula, max(abs(formula), 1.0))
        assert width <= 0.02 * max(abs(formula), 1.0), f"{name}, {what}: {width} of {formula}"
        p_values[f"{name} {what}"] = p
    return p_values


@pytest.mark.parametrize("family", SETS)
def test_equilibria_of_sampled_games_agree_with_the_closed_form(family):
    p_values = {}
    for seed, (make, parameters) in enumerate(SETS[family]):
        p_values |= compare(make(*parameters), seed, f"{make.__name__}{parameters}")
    assert not holm_rejections(p_values)


@pytest.mark.parametrize("n", [2, 4, 9])
def test_with_revert_protection_all_bid_the_whole_value(n):
    """MODEL 3.3 with phi 0: bidding less never wins, so everybody bids value less cost and earns nothing."""
    bids = {f"{share:.0%}": {"share": share} for share in (0.5, 0.9, 0.99, 1.0)}
    game = sample(block_contest([role(n, bids)], 1000.0, "priority-fee", 50.0, 0.0), 4, plays=500)
    all_of_it = MixedProfile.symmetric(game.space, [0.0, 0.0, 0.0, 1.0])
    assert certify_exactly(game.mean, all_of_it).verdict == "equilibrium"
    assert meaning(game, all_of_it).outcomes["gas"].value == pytest.approx(1000.0)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_sealed_first_price_is_shaded_by_one_nth(n):
    """CASES G08: no share on a grid beats (n - 1) / n, which brings (n - 1) / (n + 1)."""
    shares = [k * (n - 1) / n for k in (0.7, 0.85, 1.0, 1.1)]
    bids = {f"{share:.3f}": {"share": share} for share in shares}
    source = sealed_contest([role(n, bids)], 1.0, private=True)
    game = sample(source, 20, plays=1000)
    told = meaning(game, MixedProfile.symmetric(game.space, [0.0, 0.0, 1.0, 0.0]))
    regret = game.mean.gains(np.array([0.0, 0.0, 1.0, 0.0]))
    assert regret.max() <= 1e-12
    revenue = told.outcomes["protocol"]
    assert revenue.interval[1] - revenue.interval[0] < 2 * 0.02 * revenue.value
    wide = 2.0 * (revenue.interval[1] - revenue.interval[0])
    assert revenue.value == pytest.approx((n - 1) / (n + 1), abs=wide)


def test_a_formula_that_is_slightly_off_would_be_noticed():
    """The same tests reject what a cost of 60 in place of 50 would bring."""
    expected = gas_auction(3, 0.05, 0.3)
    stay_out = forms.gas_auction(3, 1000.0, 60.0, 0.3).stay_out
    off = [stay_out, (1 - stay_out) / 2, (1 - stay_out) / 2]
    assert holm_rejections(compare(expected._replace(mixture=off), 3, "off"))
