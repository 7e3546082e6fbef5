"""Equilibria of contests that have a formula: how bidders bid, enter, take, kick and wait.

Plain functions of the game's parameters; those with a draw `u`, uniform in [0, 1), turn it
into what a bidder does. Notation: `n` bidders, `value` of winning, `cost` of an attempt.
Sources are named for each; "MODEL" is the reference of the project.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


# entry: who comes at all


def entry_probability(n: int, value: float, cost: float, waiting: float = 0.0) -> float:
    """Probability of entering when the winner is drawn among those who enter (MODEL 3.1; CASES G01, G12).

    Solves ``value (1 - (1-p)^n) / (n p) - cost = (1-p)^(n-1) waiting``. Entry by everybody
    dissipates the rent: ``n p cost = value (1 - P0)``. Classic: Dasgupta and Stiglitz (1980).

    Parameters
    ----------
    n : int
    value, cost : float
        Of winning; of entering, paid by all who enter.
    waiting : float
        Worth of the same chance a step later, if nobody enters now.
    """
    _players(n)

    def gain(p: float) -> float:
        share = 1.0 if p == 0.0 else -math.expm1(n * math.log1p(-p)) / (n * p) if p < 1.0 else 1.0 / n
        return value * share - cost - (1.0 - p) ** (n - 1) * waiting

    if gain(1.0) >= 0.0:
        return 1.0
    if gain(0.0) <= 0.0:
        return 0.0
    return float(brentq(gain, 0.0, 1.0, xtol=1e-15, rtol=1e-14))


def nobody_enters(p: float, n: int) -> float:
    """Probability that none of n enters."""
    return (1.0 - p) ** n


def bertrand_entry_probability(n: int, value: float, cost: float) -> float:
    """Probability of entering when two or more bid the whole value away (MODEL 3.2; CASES G02).

    Zero profit: ``value (1-p)^(n-1) = cost``. With one bidder: enters if it pays.
    """
    _players(n)
    if cost >= value:
        return 0.0
    return 1.0 if n == 1 else 1.0 - (cost / value) ** (1.0 / (n - 1))


def recapture_entry_probability(n: int, value: float, cost: float, recapture: float) -> float:
    """Probability of entering when a share of the value is bid away by two or more (MODEL 3.1, 3.2, 3.9).

    Solves ``(1 - r) value (1 - (1-p)^n) / (n p) + r value (1-p)^(n-1) = cost``: who enters alone keeps
    everything, else the winner keeps what is not auctioned. 0 is the entry game, 1 is Bertrand [own].
    """
    _players(n)
    if not 0 <= recapture <= 1:
        raise ValueError(f"recapture must be in [0, 1], got {recapture}")
    if recapture == 1.0:
        return bertrand_entry_probability(n, value, cost)

    def gain(p: float) -> float:
        share = 1.0 if p == 0.0 else -math.expm1(n * math.log1p(-p)) / (n * p) if p < 1.0 else 1.0 / n
        return value * ((1.0 - recapture) * share + recapture * (1.0 - p) ** (n - 1)) - cost

    if n == 1 or gain(1.0) >= 0.0:
        return float(value >= cost)
    return 0.0 if gain(0.0) <= 0.0 else float(brentq(gain, 0.0, 1.0, xtol=1e-15, rtol=1e-14))


def entry_bids(u: ArrayLike, p: float) -> Floats:
    """Bid 0 with probability p, else stay out (NaN)."""
    return np.where(np.asarray(u) < p, 0.0, np.nan)


# priority gas auctions and all-pay auctions


class GasAuction(NamedTuple):
    """Symmetric equilibrium of a gas auction whose losers pay a share of cost and fee (MODEL 3.3).

    With W the chance that all rivals stay out or bid less: ``W (v - c - b) = (1 - W) phi (c + b)``.
    Daian et al. (2019), arXiv:1904.05234; all-pay (phi 1): Baye, Kovenock and de Vries (1996).

    Attributes
    ----------
    n : int
    value, cost : float
    revert_share : float
        phi, above 0.
    """

    n: int
    value: float
    cost: float
    revert_share: float

    @property
    def stay_out(self) -> float:
        """Probability that a bidder stays out."""
        return float(self.win_chance(0.0) ** (1.0 / (self.n - 1)))

    @property
    def highest_bid(self) -> float:
        """Top of the support: value less cost."""
        return self.value - self.cost

    @property
    def expected_payments(self) -> float:
        """What all together pay: the whole value whenever anybody comes."""
        return self.value * (1.0 - self.stay_out**self.n)

    @property
    def expected_bid(self) -> float:
        """Mean fee of a bidder, staying out counted as 0; by numerical integration."""
        u = (np.arange(200_000) + 0.5) / 200_000
        return float(np.nan_to_num(self.bids(u)).mean())

    def win_chance(self, bid: float) -> float:
        """Chance to win with a fee when n - 1 rivals play the equilibrium (W)."""
        if self.revert_share <= 0.0 or self.cost > self.value:
            raise ValueError("needed revert_share > 0 and cost <= value, or bids do not mix")
        asked, phi = self.cost + min(max(bid, 0.0), self.highest_bid), self.revert_share
        return phi * asked / (self.value - (1.0 - phi) * asked)

    def bid_cdf(self, bid: float) -> float:
        """Probability that a bidder stays out or bids at most this much (F)."""
        return self.win_chance(bid) ** (1.0 / (self.n - 1)) if bid >= 0.0 else 0.0

    def bids(self, u: ArrayLike) -> Floats:
        """Fees for uniform draws; NaN stays out."""
        draws = np.asarray(u, np.float64)
        won = draws ** (self.n - 1)
        phi = self.revert_share
        asked = won * self.value / (phi + won * (1.0 - phi))
        return np.where(draws < self.stay_out, np.nan, np.maximum(asked - self.cost, 0.0))


def gas_auction(n: int, value: float, cost: float = 0.0, revert_share: float = 1.0) -> GasAuction:
    """Equilibrium of a priority gas auction; the defaults are the all-pay auction (CASES G03, G04).

    Raises
    ------
    ValueError
        If nobody would come (cost above value), or losers pay nothing, when all bid value less cost.
    """
    _players(n, 2)
    if not 0 < revert_share <= 1:
        raise ValueError(f"revert_share must be in (0, 1], got {revert_share}")
    if not 0 <= cost <= value or value <= 0:
        raise ValueError(f"needed 0 <= cost <= value and value > 0, got {cost} and {value}")
    return GasAuction(n, value, cost, revert_share)


class AsymmetricAllPay(NamedTuple):
    """All-pay auction between a strong and a weak bidder (MODEL 3.4; CASES G05).

    The strong one mixes uniformly up to the weak one's value; the weak one bids 0 with an
    atom, else like the strong one. Hillman and Riley (1989).
    """

    strong: float
    weak: float

    @property
    def weak_bids_zero(self) -> float:
        """Probability that the weak bidder bids nothing."""
        return 1.0 - self.weak / self.strong

    @property
    def strong_payoff(self) -> float:
        """Expected payoff of the strong bidder; that of the weak one is 0."""
        return self.strong - self.weak

    @property
    def strong_wins(self) -> float:
        """Probability that the strong bidder wins."""
        return 1.0 - self.weak / (2.0 * self.strong)

    @property
    def revenue(self) -> float:
        """What both pay on average."""
        return self.weak / 2.0 * (1.0 + self.weak / self.strong)

    def strong_bids(self, u: ArrayLike) -> Floats:
        """Bids of the strong bidder for uniform draws."""
        return self.weak * np.asarray(u, np.float64)

    def weak_bids(self, u: ArrayLike) -> Floats:
        """Bids of the weak bidder for uniform draws; NaN is a bid of nothing."""
        draws, zero = np.asarray(u, np.float64), self.weak_bids_zero
        return np.where(draws < zero, np.nan, self.weak * (draws - zero) / (1.0 - zero))


# auctions with private values, uniform on [0, 1]


def first_price_bid(value: ArrayLike, n: int, reserve: float = 0.0) -> Floats:
    """Bid of a first-price auction with n values uniform on [0, 1]; NaN below the reserve (CASES G08, G09).

    ``b(v) = v - integral of (x/v)^(n-1) from the reserve to v``. Riley and Samuelson (1981).
    """
    _players(n)
    v = np.asarray(value, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        bid = (n - 1) / n * v + np.where(v > 0.0, reserve**n / (n * v ** (n - 1)), 0.0)
    return np.where(v < reserve, np.nan, bid)


def second_price_bid(value: ArrayLike, reserve: float = 0.0) -> Floats:
    """Bid of a second-price auction: the value itself; NaN below the reserve. Vickrey (1961)."""
    v = np.asarray(value, np.float64)
    return np.where(v < reserve, np.nan, v)


def all_pay_bid(value: ArrayLike, n: int) -> Floats:
    """Bid of an all-pay auction with n values uniform on [0, 1]: ``(n-1)/n v^n`` (CASES G10)."""
    _players(n)
    return (n - 1) / n * np.asarray(value, np.float64) ** n


def auction_revenue(n: int, reserve: float = 0.0) -> float:
    """Return the expected revenue with n values uniform on [0, 1], in all standard formats (G08 to G10).

    Myerson (1981): ``(n-1)/(n+1) (1 - r^(n+1)) + r^n (1 - r)``.
    """
    _players(n)
    return (n - 1) / (n + 1) * (1.0 - reserve ** (n + 1)) + reserve**n * (1.0 - reserve)


class BonusSplit(NamedTuple):
    """Who gets a bonus that is fixed and fought for by bids to the builder (MODEL 3.9; CASES A15)."""

    borrower_loss: float
    builder_bid: float
    searcher_margin: float


def fixed_bonus(bonus: float, n: int, highest_cost: float) -> BonusSplit:
    """Split of a fixed bonus among n searchers with costs uniform on [0, highest_cost].

    The winner outbids the second cheapest: it pays the bonus less that one's cost.
    """
    _players(n, 2)
    return BonusSplit(bonus, bonus - 2.0 * highest_cost / (n + 1), highest_cost / (n + 1))


def auctioned_bonus_loss(n: int, highest_cost: float) -> float:
    """Return the borrower's expected loss when the bonus itself is auctioned: the second lowest cost."""
    _players(n, 2)
    return 2.0 * highest_cost / (n + 1)


# Dutch auctions


def competitive_take(surplus: Sequence[float] | Floats, gas: float) -> int:
    """First step at which taking does not lose: where two or more bidders take; -1 if none (CASES G11).

    By backward induction: whoever waits for more loses the lot to the other (MODEL 3.5).
    """
    pays = np.flatnonzero(np.asarray(surplus, np.float64) - gas >= 0.0)
    return int(pays[0]) if len(pays) else -1


def monopolist_take(
    surplus: Sequence[float] | Floats,
    gas: float,
    step_s: float,
    discount_per_s: float,
    redo_per_s: float = 0.0,
) -> int:
    """Step at which a single bidder takes: the best discounted surplus; -1 if none pays (MODEL 3.5).

    Parameters
    ----------
    surplus : sequence of float
        What taking earns at each step before gas.
    gas, step_s : float
    discount_per_s : float
        Rate at which waiting loses worth.
    redo_per_s : float
        Hazard that the auction is restarted or taken away while the bidder waits.
    """
    first = competitive_take(surplus, gas)
    if first < 0:
        return -1
    gains = np.asarray(surplus, np.float64)[first:] - gas
    waited_s = step_s * np.arange(len(gains))
    return first + int((gains * np.exp(-(discount_per_s + redo_per_s) * waited_s)).argmax())


def dutch_entry(surplus: Sequence[float] | Floats, n: int, cost: float) -> Floats:
    """Probability of trying at each step of a falling price when every attempt costs (MODEL 3.5; CASES G12).

    Each step is an entry game whose outside option is the next step, found by backward
    induction; nobody waits beyond the step where the surplus pays for all who try.

    Returns
    -------
    float64 ndarray, shape (n_steps,)
    """
    chances = np.zeros(len(surplus))
    waiting = 0.0
    for k in range(len(surplus) - 1, -1, -1):
        p = entry_probability(n, float(surplus[k]), cost, waiting)
        chances[k] = p
        if p == 1.0:
            waiting = float(surplus[k]) / n - cost
        else:  # a bidder that mixes or stays out earns what waiting earns
            waiting *= (1.0 - p) ** (n - 1)
    return chances


def first_try(u: ArrayLike, chances: Floats) -> Integers:
    """Step of the first attempt for uniform draws; -1 for none."""
    reached = 1.0 - np.cumprod(1.0 - chances)
    step = np.searchsorted(reached, np.asarray(u, np.float64), side="right")
    return np.where(step < len(chances), step, -1).astype(np.int64)


# keepers


def volunteer_probability(n: int, value: float, cost: float, tip: float = 0.0) -> float:
    """Probability that one of n keepers does what helps all (MODEL 3.5; CASES G13).

    Everybody who volunteers pays: indifferent when ``(1-p)^(n-1) = cost / value``. Diekmann (1985).
    A tip as large as the cost ends the dilemma. The tip goes to each volunteer here; in a block it
    goes to the first only, and smaller tips do not leave the closed form.

    Raises
    ------
    ValueError
        For a tip between 0 and the cost.
    """
    _players(n)
    if tip >= cost:
        return 1.0
    if tip:
        raise ValueError(f"tip must be 0 or at least the cost ({cost:g}), got {tip:g}")
    if cost >= value:
        return 0.0
    return 1.0 if n == 1 else 1.0 - (cost / value) ** (1.0 / (n - 1))


def attrition_hazard(value: float, cost_per_block: float) -> float:
    """Rate at which each of two waiting keepers gives up, a block (MODEL 3.5; CASES G14).

    Giving up is exponential: ``F(t) = 1 - exp(-cost t / value)``. Maynard Smith (1974).
    """
    return cost_per_block / value


def attrition_quits(u: ArrayLike, value: float, cost_per_block: float) -> Floats:
    """Blocks that a keeper waits, for uniform draws."""
    return -np.log1p(-np.asarray(u, np.float64)) / attrition_hazard(value, cost_per_block)


# speed and raises


def race_win_probability(lead_s: float, jitter_s: float) -> float:
    """Chance to arrive first with a lead, both arrivals with normal jitter (MODEL 3.3; CASES G17)."""
    return NormalDist().cdf(lead_s / (jitter_s * math.sqrt(2.0)))


def exponential_race(rates: Sequence[float]) -> Floats:
    """Chance of each to arrive first when delays are exponential with these rates (CASES G17)."""
    given = np.asarray(rates, np.float64)
    return np.asarray(given / given.sum())


def raises_to_reach(first: float, last: float, minimum_raise: float) -> int:
    """Count the least raises from a first bid until `last` is reached (MODEL 3.3; CASES G18).

    Raises
    ------
    ValueError
        If the raise is not positive: no number of raises would do.
    """
    if not minimum_raise > 0:
        raise ValueError(f"minimum_raise must be positive, got {minimum_raise}")
    return math.ceil(math.log(last / first) / math.log1p(minimum_raise))


def _players(n: int, least: int = 1) -> None:
    if n < least:
        raise ValueError(f"n must be at least {least}, got {n}")
