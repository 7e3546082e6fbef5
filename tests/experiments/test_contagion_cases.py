"""Measures of contagion against the numeric cases of the reference notes, by id."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from liquidarium.experiments.contagion import (
    cifuentes_ferrucci_shin,
    core_numbers,
    critical_leverage,
    debtrank,
    debtrank_linear,
    effective_number,
    eisenberg_noe,
    furfine,
    greenwood_landier_thesmar,
    impact_fluidity,
    impact_susceptibility,
    neva,
    rogers_veraart,
)
from liquidarium.experiments.contagion.measures import (
    eisenberg_noe_value,
    furfine_value,
    linear_debtrank_value,
    merton_value,
    total_cascade,
)

CLOSED, FIXED = 1e-8, 1e-6
"""Relative tolerances of closed forms and of fixed points."""

THREE = [[0, 4, 0], [0, 0, 3], [2, 0, 0]]
FOUR = [[0, 5, 3, 0], [0, 0, 6, 2], [4, 0, 0, 4], [0, 1, 0, 0]]
FOUR_ASSETS = [2, 1, 3, 1]
CHAIN = [[0, 10, 0], [0, 0, 8], [0, 0, 0]]


@pytest.mark.parametrize("which", ["greatest", "least"])
def test_n01_three_banks_in_a_ring(which):
    done = eisenberg_noe(THREE, [20 * 0.9 - 17, 20 * 0.9 - 18, 10 * 0.9 - 8], which)
    assert done.payments == pytest.approx([3, 3, 2], rel=CLOSED)
    assert done.equity == pytest.approx([-1, 0, 2], rel=CLOSED, abs=1e-12)


@pytest.mark.parametrize("which", ["greatest", "least"])
def test_n02_four_banks_with_a_cycle(which):
    done = eisenberg_noe(FOUR, FOUR_ASSETS, which)
    assert done.payments == pytest.approx([6, 5.75, 8, 1], rel=CLOSED)
    assert done.equity == pytest.approx([-2, -2.25, 1.5625, 5.4375], rel=CLOSED)
    assert done.defaulted.tolist() == [True, True, False, False]


def test_n03_bankruptcy_costs():
    done = rogers_veraart(FOUR, FOUR_ASSETS, alpha=0.8, beta=0.9).greatest
    assert done.payments == pytest.approx([5.2, 4.625, 8, 1], rel=CLOSED)
    assert done.equity == pytest.approx([-2, -2.75, 0.41875, 5.15625], rel=CLOSED)


def test_n04_two_clearing_vectors():
    both = rogers_veraart([[0, 1], [1, 0]], [0.01, 0.01], alpha=0.5, beta=0.5)
    assert both.greatest.payments == pytest.approx([1, 1], rel=CLOSED)
    assert both.least.payments == pytest.approx([0.01, 0.01], rel=CLOSED)
    assert both.gap == pytest.approx([0.99, 0.99], rel=CLOSED)
    assert both.rescued.all()


def test_n05_chain():
    done = eisenberg_noe(CHAIN, [4, 1, 0])
    assert done.payments == pytest.approx([4, 5, 0], rel=CLOSED)
    assert done.default_round.tolist() == [1, 2, 0]
    assert done.equity[2] == pytest.approx(5, rel=CLOSED)
    costly = rogers_veraart(CHAIN, [4, 1, 0], alpha=0.5, beta=0.5)
    for side in (costly.greatest, costly.least):
        assert side.payments == pytest.approx([2, 1.5, 0], rel=CLOSED)
        assert side.equity[2] == pytest.approx(1.5, rel=CLOSED)


def test_n06_debtrank_original_and_linear():
    weights = [[0, 0.5, 0], [0, 0, 0.4], [0.3, 0, 0]]
    value = [0.4, 0.35, 0.25]
    once = debtrank(weights, 0.1, value)
    assert once.final == pytest.approx([0.13, 0.15, 0.14], rel=CLOSED)
    assert once.debtrank == pytest.approx(0.0395, rel=CLOSED)
    always = debtrank_linear(weights, 0.1, value)
    assert always.final == pytest.approx([0.1510638298, 0.1755319149, 0.170212766], rel=CLOSED)
    assert always.debtrank == pytest.approx(0.06441489362, rel=CLOSED)
    closed = np.linalg.solve(np.eye(3) - np.array(weights).T, np.full(3, 0.1))
    assert always.final == pytest.approx(closed, rel=CLOSED)


RING = [[0, 0.5, 0], [0, 0, 0.5], [0.5, 0, 0]]


def test_n07_linear_debtrank_amplifies_to_the_end():
    assert debtrank_linear(RING, 0.5).final == pytest.approx([1, 1, 1], rel=FIXED)


def test_n07_neva_with_the_linear_value_says_the_same():
    owes = 0.5 * np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    before = np.ones(3)
    done = neva(owes, np.full(3, 2.0 - 0.5), np.full(3, 1.0), linear_debtrank_value(before))
    assert done.equity == pytest.approx([0, 0, 0], abs=1e-6)


def test_n08_neva_pari_passu():
    owes = [[0, 0, 0.5], [0.5, 0, 0], [0, 0.5, 0]]  # A holds .5 of B, B of C, C of A
    external_debt = np.array([9.0, 4.0, 2.0])
    value = eisenberg_noe_value(external_debt + 0.5)
    done = neva(owes, [10 - 1.2, 5, 3], external_debt, value)
    assert done.equity == pytest.approx([-0.2, 1, 0.9894736842], rel=CLOSED)


def test_n09_impact_susceptibility_and_fluidity():
    exposures, buffers = [[0, 1, 0], [10, 0, 3], [3, 2, 0]], [2, 5, 2]
    assert impact_susceptibility(exposures, buffers) == pytest.approx([0, 1, 1.25], rel=CLOSED)
    assert impact_fluidity(exposures, buffers) == pytest.approx(0.75, rel=CLOSED)


def test_n10_greenwood_landier_thesmar():
    done = greenwood_landier_thesmar(
        [100, 200], [9, 14], [[0.7, 0.3], [0.2, 0.8]], [-0.05, 0.0], [2e-4, 1e-4]
    )
    assert done.returns == pytest.approx([-0.035, -0.01], rel=CLOSED)
    assert done.sales_by_holder == pytest.approx([-31.5, -28], rel=CLOSED)
    assert done.sales_by_asset == pytest.approx([-27.65, -31.85], rel=CLOSED)
    assert done.price_moves == pytest.approx([-0.00553, -0.003185], rel=CLOSED)
    assert done.losses.sum() == pytest.approx(-1.21345, rel=CLOSED)
    assert done.aggregate_vulnerability == pytest.approx(-0.052005, rel=CLOSED)


def test_n11_cifuentes_ferrucci_shin():
    mild = cifuentes_ferrucci_shin([10, 5], [50, 60], [55, 59.2], 0.1, 0.0003)
    assert mild.price == pytest.approx(0.9991459961, rel=CLOSED)
    assert mild.sold.sum() == pytest.approx(2.847896009, rel=CLOSED)
    severe = cifuentes_ferrucci_shin([10, 5], [50, 60], [55, 61], 0.1, 0.002)
    assert severe.price == pytest.approx(0.802518798, rel=CLOSED)
    assert severe.sold.sum() == pytest.approx(110, rel=CLOSED)


def test_n12_cascade_multiplier():
    assert [total_cascade(10, ratio) for ratio in (0.5, 0.8)] == pytest.approx([20, 50], rel=CLOSED)


def test_n13_k_core_of_the_karate_club():
    club = nx.to_scipy_sparse_array(nx.karate_club_graph(), weight=None)
    cores = core_numbers(club)
    assert cores.max() == 4
    assert [int((cores >= k).sum()) for k in (1, 2, 3, 4)] == [34, 33, 22, 10]


def test_x10_liquidity_concentration():
    assert effective_number([10_000] * 100) == pytest.approx(100, rel=CLOSED)
    assert effective_number([500_000] * 2) == pytest.approx(2, rel=CLOSED)


def test_x12_critical_leverage():
    cases = [critical_leverage(0.08, 1.0), critical_leverage(0.05, 0.04)]
    assert [impact for impact, _ in cases] == pytest.approx([0.08, 0.01], rel=CLOSED)
    assert [2 / 3 * impact for impact, _ in cases] == pytest.approx(
        [0.05333333333, 0.006666666667], rel=CLOSED
    )
    assert [leverage for _, leverage in cases] == pytest.approx([18.75, 150], rel=CLOSED)


# one model is a special case of another (MODEL 4.1, 4.3)


def test_neva_with_recovery_is_eisenberg_noe():
    owed = np.sum(FOUR, axis=1)
    done = neva(FOUR, FOUR_ASSETS, 0.0, eisenberg_noe_value(owed))
    assert done.equity == pytest.approx(eisenberg_noe(FOUR, FOUR_ASSETS).equity, rel=FIXED)


def test_neva_with_a_step_is_furfine():
    owes = np.array(FOUR, dtype=float)
    equity = np.array([3.0, 4.0, 2.0, 9.0])
    shock = np.array([3.5, 0.0, 0.0, 0.0])
    assets = equity + owes.sum(axis=1) - owes.sum(axis=0)
    debts = np.maximum(-assets, 0.0)
    outside = assets + debts + 5.0 - shock
    step = neva(owes, outside, debts + 5.0, furfine_value(0.4))
    cascade = furfine(owes, equity, shock, loss_given_default=0.6)
    assert step.equity == pytest.approx(equity - cascade.losses, rel=FIXED, abs=1e-9)
    assert (step.equity <= 0).tolist() == cascade.defaulted.tolist()


def test_value_before_maturity_tends_to_recovery_as_volatility_vanishes():
    owed, equity = np.array([2.0, 2.0, 2.0]), np.array([1.0, -0.5, -3.0])
    before = merton_value([10.0] * 3, 1e-6, recovery=None, owed=owed)
    assert before(equity) == pytest.approx(eisenberg_noe_value(owed)(equity), abs=1e-6)
    step = merton_value([10.0] * 3, 1e-6, recovery=0.4)
    assert step(equity) == pytest.approx(furfine_value(0.4)(equity), abs=1e-9)


def test_value_before_maturity_agrees_with_drawn_paths():
    assets, owed, equity, sigma = 10.0, 2.0, 0.7, 0.2
    draws = np.random.default_rng(1).standard_normal(400_000)
    final = equity - assets + assets * np.exp(sigma * draws - 0.5 * sigma**2)
    paid = np.clip((final + owed) / owed, 0.0, 1.0)
    value = merton_value(assets, sigma, recovery=None, owed=owed)(np.array([equity]))[0]
    assert value == pytest.approx(paid.mean(), abs=4 * paid.std() / len(draws) ** 0.5)
