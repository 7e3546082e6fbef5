"""A stream depends on the root seed and its name alone (DESIGN: randomness and repeatability)."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from liquidarium.market import streams
from liquidarium.market.streams import Streams

seeds = st.integers(0, 2**64)
names = st.text(max_size=20)


@given(seeds, names)
def test_same_seed_and_name_give_the_same_draws(seed, name):
    np.testing.assert_array_equal(Streams(seed)(name).random(8), Streams(seed)(name).random(8))


@given(seeds, st.lists(names, max_size=5), names)
def test_other_components_leave_the_draws_as_they_were(seed, others, name):
    alone = Streams(seed)(name).random(8)
    crowded = Streams(seed)
    for other in others:
        crowded(other).random(3)
    np.testing.assert_array_equal(crowded(name).random(8), alone)


@given(seeds, names, names)
def test_other_names_give_other_draws(seed, one, other):
    assume(one != other)
    root = Streams(seed)
    assert root(one).bit_generator.random_raw() != root(other).bit_generator.random_raw()


@given(seeds, seeds, names)
def test_other_seeds_give_other_draws(one, other, name):
    assume(one != other)
    assert Streams(one)(name).bit_generator.random_raw() != Streams(other)(name).bit_generator.random_raw()


def test_streams_of_similar_names_are_not_correlated():
    """50 streams of 10,000 draws: no pair is correlated by more than 5 standard errors."""
    root, n = Streams(3), 10_000
    draws = np.stack([root(f"agent-{k}").standard_normal(n) for k in range(50)])
    correlation = np.corrcoef(draws)[np.triu_indices(50, 1)]
    assert np.abs(correlation).max() < 5.0 / n**0.5


def test_draws_are_the_same_in_every_process():
    """Pinned: a hash that depends on the process, or a new generator, would change these."""
    raw = Streams(7)("prices").bit_generator.random_raw(2).tolist()
    assert raw == [16805030840551604918, 6041715813225769872]


def test_negative_seeds_are_refused():
    with pytest.raises(ValueError, match="seed must not be negative, got -1"):
        Streams(-1)


def test_the_example_of_the_docstring_holds():
    assert doctest.testmod(streams).failed == 0
