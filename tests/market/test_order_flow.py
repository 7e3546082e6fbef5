"""Arrivals of background orders: Poisson and Hawkes moments (CASES B03), and streams that stay apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from liquidarium.market.order_flow import DRAWS_PER_ORDER, HawkesArrivals, OrderFlow, PoissonArrivals
from liquidarium.market.streams import Streams

BRANCHING, DECAY, IMMIGRANTS = 0.8, 1.0, 0.5  # CASES B03: kernel .8 exp(-t), mu .5
RATE = IMMIGRANTS / (1.0 - BRANCHING)  # 2.5


def fano_of_windows(window_s: float) -> float:
    """Variance over mean of a stationary Hawkes count in a window of any length.

    Integral of the covariance density of the exponential kernel (Hawkes 1971);
    it rises from 1 to 1 / (1 - n)^2 as the window grows.
    """
    limit = 1.0 / (1.0 - BRANCHING) ** 2
    x = DECAY * (1.0 - BRANCHING) * window_s
    return limit + (1.0 - limit) * (1.0 - math.exp(-x)) / x


def hawkes_counts(seed: int, n_blocks: int, block_time_s: float) -> np.ndarray:
    arrivals = HawkesArrivals(RATE * block_time_s, BRANCHING, DECAY)
    return arrivals.counts(n_blocks, block_time_s, np.random.default_rng(seed))


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 200.0])
def test_poisson_counts_have_their_mean_and_as_much_variance(mean):
    n = 40_000
    counts = PoissonArrivals(mean).counts(n, 12.0, np.random.default_rng(1))
    assert abs(counts.mean() - mean) <= 4.0 * (mean / n) ** 0.5
    assert abs(counts.var() - mean) <= 4.0 * ((2.0 * mean**2 + mean) / n) ** 0.5


def test_hawkes_rate_is_immigrants_over_one_less_branching_ratio():
    """CASES B03: rate 2.5; the mean of T seconds has variance 25 x 2.5 / T."""
    n_blocks, block_time_s = 40_000, 10.0
    counts = hawkes_counts(2, n_blocks, block_time_s)
    error = (25.0 * RATE / (n_blocks * block_time_s)) ** 0.5
    assert abs(counts.mean() / block_time_s - 2.5) < 4.0 * error


@pytest.mark.parametrize(("window_s", "n_windows"), [(1.0, 200_000), (10.0, 60_000), (400.0, 3_000)])
def test_hawkes_index_of_dispersion(window_s, n_windows):
    """CASES B03: 25 in long windows (24.7 in 400 s), less in short ones."""
    counts = hawkes_counts(3, n_windows, window_s)
    # clusters last 1 / (decay (1 - n)) = 5 s, so short windows are not independent
    independent = n_windows * min(1.0, window_s / 50.0)
    error = (2.0 / independent) ** 0.5
    assert counts.var() / counts.mean() == pytest.approx(fano_of_windows(window_s), rel=4.0 * error)


def test_long_windows_reach_the_limit_of_the_case():
    assert fano_of_windows(1e6) == pytest.approx(25.0, rel=1e-4)


def test_hawkes_without_offspring_is_poisson():
    counts = HawkesArrivals(7.0, 0.0, 1.0).counts(40_000, 3.0, np.random.default_rng(4))
    assert counts.mean() == pytest.approx(7.0, abs=4.0 * (7.0 / 40_000) ** 0.5)
    assert counts.var() / counts.mean() == pytest.approx(1.0, rel=4.0 * (2.0 / 40_000) ** 0.5)


def test_hawkes_is_stationary_from_the_first_block():
    """The first 20 s hold 50 orders on average; a start without a past would give about 40."""
    first = np.array([hawkes_counts(seed, 1, 20.0)[0] for seed in range(800)])
    error = (fano_of_windows(20.0) * 50.0 / len(first)) ** 0.5
    assert abs(first.mean() - 50.0) < 4.0 * error < 6.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoissonArrivals(-1.0), "per_block must not be negative, got -1"),
        (lambda: PoissonArrivals(math.nan), "per_block"),
        (lambda: HawkesArrivals(-1.0, 0.5, 1.0), "per_block"),
        (lambda: HawkesArrivals(1.0, 1.0, 1.0), r"branching_ratio must be in \[0, 1\), got 1"),
        (lambda: HawkesArrivals(1.0, -0.1, 1.0), "branching_ratio"),
        (lambda: HawkesArrivals(1.0, 0.5, 0.0), "decay_per_s must be positive, got 0"),
    ],
)
def test_rates_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def draws_of(arrivals, books, *, n_blocks=150, chunk=64, seed=5):
    """Draws of every block and book, read as the trading kernel reads them."""
    flow = OrderFlow(arrivals, books, n_blocks, 12.0, Streams(seed), chunk)
    found: dict[str, list[np.ndarray]] = {book: [] for book in books}
    for block in range(n_blocks):
        flow.advance(block)
        for b, book in enumerate(books):
            start, count = flow.cursors[b], flow.counts[block, b]
            draws = flow.draws[b, start : start + count].copy()
            assert draws.shape == (count, DRAWS_PER_ORDER)
            assert ((draws >= 0.0) & (draws < 1.0)).all()
            found[book].append(draws)
            flow.cursors[b] += count
    return found


ARRIVALS = [PoissonArrivals(6.0), HawkesArrivals(6.0, 0.7, 0.2)]


@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_another_book_leaves_the_draws_of_the_first_as_they_were(arrivals):
    alone, crowded = draws_of(arrivals, ["ETH"]), draws_of(arrivals, ["BTC", "ETH", "LINK"])
    for one, other in zip(alone["ETH"], crowded["ETH"], strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(len(a) != len(b) for a, b in zip(crowded["BTC"], crowded["ETH"], strict=True))


@pytest.mark.parametrize("arrivals", ARRIVALS)
@pytest.mark.parametrize("chunk", [1, 7, 150, 1000])
def test_chunks_do_not_change_the_draws(arrivals, chunk):
    whole, parts = draws_of(arrivals, ["ETH", "BTC"]), draws_of(arrivals, ["ETH", "BTC"], chunk=chunk)
    for book in whole:
        for one, other in zip(whole[book], parts[book], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_longer_run_begins_like_a_shorter_one():
    short = draws_of(PoissonArrivals(6.0), ["ETH"], n_blocks=50)
    long = draws_of(PoissonArrivals(6.0), ["ETH"], n_blocks=150)
    for one, other in zip(short["ETH"], long["ETH"][:50], strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_seeds_give_other_draws():
    one, other = draws_of(ARRIVALS[0], ["ETH"], seed=5), draws_of(ARRIVALS[0], ["ETH"], seed=6)
    assert not np.isin(np.concatenate(one["ETH"]), np.concatenate(other["ETH"])).any()


@pytest.mark.parametrize("asked", [[1], [0, 0], [0, 2], [0, 1, 2, 3]])
def test_blocks_are_asked_for_one_by_one(asked):
    """Draws that are used twice or left out would shift those of every later block."""
    flow = OrderFlow(PoissonArrivals(6.0), ["ETH"], 3, 12.0, Streams(5))
    for block in asked[:-1]:
        flow.advance(block)
    with pytest.raises(ValueError, match="the next is"):
        flow.advance(asked[-1])
