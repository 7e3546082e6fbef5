"""Networks from margins, and the balance sheets of the EBA's stress test of 2011."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from liquidarium.experiments.contagion import (
    debtrank_linear,
    eisenberg_noe,
    impact_matrix,
    load_eba_2011,
    maximum_entropy,
    minimum_density,
    network_ensemble,
)


@st.composite
def margins(draw):
    """Row and column sums of some network without self-claims."""
    n = draw(st.integers(2, 8))
    owes = draw(arrays(np.int64, (n, n), elements=st.integers(0, 50))).astype(float)
    np.fill_diagonal(owes, 0.0)
    return owes.sum(axis=1), owes.sum(axis=0)


def check(owes, owed, held, tolerance):
    scale = max(owed.max(), 1.0)
    assert owes.sum(axis=1) == pytest.approx(owed, abs=tolerance * scale)
    assert owes.sum(axis=0) == pytest.approx(held, abs=tolerance * scale)
    assert not np.diagonal(owes).any()
    assert owes.min() >= 0.0


@pytest.mark.parametrize("assumption", ["equal", "assets"])
def test_maximum_entropy_keeps_the_margins_of_90_banks(assumption):
    banks = load_eba_2011()
    owed, held = banks.margins(assumption)
    owes = maximum_entropy(owed, held)
    assert owes.shape == (90, 90)
    assert owes.sum(axis=1) == pytest.approx(owed, rel=1e-6)
    assert owes.sum(axis=0) == pytest.approx(held, rel=1e-6)
    assert not np.diagonal(owes).any()
    assert held == pytest.approx(banks.table.interbank_assets.to_numpy(), rel=1e-9)


def test_balance_sheets_are_the_ninety_of_2010():
    table = load_eba_2011().table
    assert len(table) == table.bank.nunique() == 90
    assert (table.total_assets == 0).sum() == 2
    first = table.set_index("bank").loc["AT001"]
    assert (first.core_tier_1, first.total_assets, first.interbank_assets) == (10_507, 205_938, 25_044)


def test_assumptions_differ_in_what_is_owed_and_agree_in_the_total():
    equal, by_assets = (load_eba_2011().margins(name)[0] for name in ("equal", "assets"))
    assert equal.sum() == pytest.approx(by_assets.sum())
    assert np.abs(equal - by_assets).max() > 1_000


def test_maximum_entropy_is_the_product_form_away_from_the_diagonal():
    """With zero diagonal the solution is ``a_i b_j``, so that cross ratios are 1 (Upper 2011)."""
    owes = maximum_entropy([5, 4, 3, 2], [4, 3, 5, 2])
    assert owes[0, 2] * owes[1, 3] == pytest.approx(owes[0, 3] * owes[1, 2], rel=1e-8)


def test_maximum_entropy_agrees_with_a_general_optimiser():
    from scipy.optimize import minimize

    owed, held = np.array([5.0, 4.0, 3.0]), np.array([4.0, 3.0, 5.0])
    owes = maximum_entropy(owed, held)
    free = ~np.eye(3, dtype=bool)

    def full(x):
        table = np.zeros((3, 3))
        table[free] = x
        return table

    prior = np.outer(owed, held)[free]
    found = minimize(
        lambda x: (x * np.log(x / prior)).sum(),
        np.full(6, 2.0),
        bounds=[(1e-9, None)] * 6,
        constraints=[
            {"type": "eq", "fun": lambda x: full(x).sum(axis=1) - owed},
            {"type": "eq", "fun": lambda x: full(x).sum(axis=0)[:2] - held[:2]},
        ],
    )
    assert owes[free] == pytest.approx(found.x, abs=1e-3)


@settings(deadline=None)
@given(margins())
def test_minimum_density_keeps_margins_with_few_links(case):
    owed, held = case
    owes = minimum_density(owed, held)
    check(owes, owed, held, 1e-9)
    assert np.count_nonzero(owes) <= 2 * len(owed) + 2


@settings(deadline=None, max_examples=30)
@given(margins(), st.integers(0, 100))
def test_every_network_of_an_ensemble_keeps_the_margins(case, seed):
    owed, held = case
    rng = np.random.default_rng(seed)
    for owes in network_ensemble(owed, held, 3, rng, density=0.5, warm_up=5, thinning=2):
        check(owes, owed, held, 1e-9)


def test_wishing_for_fewer_links_gives_fewer():
    margin = np.full(20, 100.0)
    found = []
    for density in (0.05, 0.2, 0.5, 1.0):
        draws = network_ensemble(margin, margin, 20, np.random.default_rng(1), density)
        found.append(np.mean([np.count_nonzero(owes) / 380 for owes in draws]))
    assert found == sorted(found)
    assert found[-1] == 1.0


def test_two_networks_are_drawn_as_often_as_their_law_says():
    """Four nodes, of which two owe 1 each and two are owed 1 each: all that is free is one amount.

    With link weight ``w = p * rate`` and an empty place ``1 - p``, the two sparse networks weigh
    ``w^2 (1 - p)^2`` each and the dense ones ``w^4`` together (Gandy and Veraart 2017, section 3).
    """
    owed, held, density = [1.0, 1.0, 0, 0], [0, 0, 1.0, 1.0], 0.3
    weight = density * density * 12 / 2.0
    sparse_one, dense = (weight * (1 - density)) ** 2, weight**4
    draws = list(network_ensemble(owed, held, 4_000, np.random.default_rng(7), density, thinning=5))
    straight = np.mean([owes[0, 2] == 1.0 for owes in draws])
    spread = np.mean([0.0 < owes[0, 2] < 1.0 for owes in draws])
    assert straight == pytest.approx(sparse_one / (2 * sparse_one + dense), abs=0.04)
    assert spread == pytest.approx(dense / (2 * sparse_one + dense), abs=0.04)


def test_dense_ensemble_averages_to_even_debts():
    """Equal margins leave nothing to tell the debts apart: each is 100 / 5 in the mean."""
    margin = np.full(6, 100.0)
    draws = list(network_ensemble(margin, margin, 4_000, np.random.default_rng(3), 1.0, thinning=3))
    mean, spread = np.mean(draws, axis=0), np.std(draws, axis=0) / 4_000**0.5
    free = ~np.eye(6, dtype=bool)
    assert np.abs((mean - 20.0) / spread.clip(0.3))[free].max() < 4.0


def test_same_seed_draws_the_same_networks():
    margin = np.full(8, 10.0)
    one, two = (
        np.array(list(network_ensemble(margin, margin, 3, np.random.default_rng(5)))) for _ in range(2)
    )
    assert (one == two).all()
    assert not (one[0] == one[1]).all()


def test_few_large_debts_spread_a_failure_differently_from_many_small():
    """The reason to report over an ensemble: margins alone do not determine contagion."""
    banks = load_eba_2011()
    owed, held = banks.margins("equal")
    equity = np.maximum(banks.equity, 1.0)
    shock = np.where(held == held.max(), 1.0, 0.0)
    reached = [
        debtrank_linear(impact_matrix(owes, equity), shock, equity / equity.sum()).debtrank
        for owes in (maximum_entropy(owed, held), minimum_density(owed, held))
    ]
    assert abs(reached[0] - reached[1]) > 0.01


def test_clearing_of_the_banks_after_a_loss_of_assets():
    banks = load_eba_2011()
    owed, held = banks.margins("equal")
    owes = maximum_entropy(owed, held)
    for loss, some in ((0.0, False), (1.5, True)):
        external = (1.0 - loss) * banks.equity + owed - held
        assert eisenberg_noe(owes, external).defaulted.any() == some
