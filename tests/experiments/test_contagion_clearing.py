"""Properties of clearing payments (Eisenberg and Noe 2001; Rogers and Veraart 2013)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from liquidarium.experiments.contagion import (
    SingularSystemError,
    debtrank_linear,
    eisenberg_noe,
    furfine,
    impact_matrix,
    rogers_veraart,
)
from liquidarium.experiments.contagion.errors import NotConvergedError
from scipy import sparse


@st.composite
def networks(draw, low=0.0):
    """Liabilities and external assets of two to seven nodes, in cents so that nothing is nearly zero."""
    n = draw(st.integers(2, 7))
    owes = draw(arrays(np.int64, (n, n), elements=st.integers(0, 2000))) / 100.0
    owes[draw(arrays(np.bool_, (n, n)))] = 0.0
    np.fill_diagonal(owes, 0.0)
    external = draw(arrays(np.int64, n, elements=st.integers(round(100 * low), 1000))) / 100.0
    return owes, external


def means(owes, external, payments):
    owed = owes.sum(axis=1)
    shares = owes / np.where(owed > 0, owed, 1.0)[:, None]
    return external + shares.T @ payments


@settings(deadline=None)
@given(networks())
def test_nobody_pays_more_than_it_has_or_owes(case):
    owes, external = case
    done = eisenberg_noe(owes, external)
    assert (done.payments >= 0).all()
    assert (done.payments <= owes.sum(axis=1) + 1e-12).all()
    assert (done.payments <= means(owes, external, done.payments) + 1e-9).all(), "limited liability"


@settings(deadline=None)
@given(networks())
def test_who_does_not_pay_in_full_keeps_nothing(case):
    owes, external = case
    done = eisenberg_noe(owes, external)
    kept = means(owes, external, done.payments) - done.payments
    assert kept[done.defaulted] == pytest.approx(0.0, abs=1e-9), "absolute priority"
    assert done.payments[~done.defaulted] == pytest.approx(owes.sum(axis=1)[~done.defaulted], rel=1e-12)


@settings(deadline=None)
@given(networks(low=-5.0))
def test_payments_are_a_fixed_point_also_with_senior_debts(case):
    owes, external = case
    owed = owes.sum(axis=1)
    for which in ("greatest", "least"):
        done = eisenberg_noe(owes, external, which)
        again = np.clip(means(owes, external, done.payments), 0.0, owed)
        assert done.payments == pytest.approx(again, abs=1e-8)


@settings(deadline=None)
@given(networks(low=-5.0), st.floats(0, 1), st.floats(0, 1))
def test_greatest_is_at_least_the_least(case, alpha, beta):
    owes, external = case
    both = rogers_veraart(owes, external, alpha, beta)
    assert (both.gap >= -1e-9).all()
    assert (both.least.defaulted >= both.greatest.defaulted).all()


@settings(deadline=None)
@given(networks(), st.floats(0, 1), st.floats(0, 1), st.data())
def test_more_assets_never_lower_a_payment(case, alpha, beta, data):
    owes, external = case
    more = external + data.draw(arrays(np.int64, len(external), elements=st.integers(0, 500))) / 100.0
    poor, rich = (rogers_veraart(owes, e, alpha, beta) for e in (external, more))
    assert (rich.greatest.payments >= poor.greatest.payments - 1e-9).all()
    assert (rich.least.payments >= poor.least.payments - 1e-9).all()


@settings(deadline=None)
@given(networks(low=0.01))
def test_with_assets_everywhere_and_no_costs_there_is_one_vector(case):
    owes, external = case
    greatest, least = (eisenberg_noe(owes, external, which) for which in ("greatest", "least"))
    assert greatest.payments == pytest.approx(least.payments, abs=1e-6)


@settings(deadline=None)
@given(networks(low=-5.0), st.floats(0, 1))
def test_greatest_vector_is_that_of_plain_iteration_from_full_payment(case, recovery):
    """The slow, obvious way: everybody at once, again and again."""
    owes, external = case
    owed = owes.sum(axis=1)
    payments = owed.copy()
    for _ in range(20_000):
        have = means(owes, external, payments)
        pay = recovery * np.maximum(external, 0.0) + np.minimum(external, 0.0)
        pay = np.clip(pay + recovery * (have - external), 0.0, owed)
        new = np.where(have >= owed * (1.0 - 1e-12), owed, pay)
        if np.abs(new - payments).max() < 1e-14:
            break
        payments = new
    done = rogers_veraart(owes, external, recovery, recovery).greatest
    assert done.payments == pytest.approx(payments, abs=1e-6)


def test_rounds_of_fictitious_default_follow_the_chain():
    n = 6
    chain = np.diag(np.full(n - 1, 10.0), k=1)
    done = eisenberg_noe(chain, [5.0, *[1.0] * (n - 1)])
    assert done.default_round.tolist() == [1, 2, 3, 4, 5, 0]
    assert done.rounds == 5
    assert done.payments.tolist() == [5, 6, 7, 8, 9, 0]


def test_parts_that_do_not_touch_clear_as_if_alone():
    one, two = np.array([[0, 4.0], [2.0, 0]]), np.array([[0, 3.0, 0], [0, 0, 3.0], [1.0, 0, 0]])
    e1, e2 = [1.0, 0.5], [0.5, 0.0, 0.0]
    together = eisenberg_noe(sparse.block_diag((one, two)), [*e1, *e2])
    apart = np.concatenate([eisenberg_noe(one, e1).payments, eisenberg_noe(two, e2).payments])
    assert together.payments == pytest.approx(apart, rel=1e-12)


def test_ring_without_assets_has_two_vectors_and_both_are_found():
    ring = [[0, 1.0], [1.0, 0]]
    assert eisenberg_noe(ring, 0.0).payments.tolist() == [1.0, 1.0]
    assert eisenberg_noe(ring, 0.0, "least").payments.tolist() == [0.0, 0.0]


def test_ring_that_leaks_slowly_is_solved_directly():
    """A share of 1e-5 leaves the ring in each turn: sweeps alone would need a million."""
    owes = np.array([[0, 1.0, 0], [1.0 - 1e-5, 0, 1e-5], [0, 0, 0]])
    done = eisenberg_noe(owes, [1e-8, 0.0, 0.0])
    assert done.payments[:2] == pytest.approx([1e-3, 1e-3], rel=1e-4)


def test_ring_that_drains_without_end_is_refused_with_the_reason():
    """What circulates shrinks by a fixed 1e-9 a turn: the equations of the two are singular."""
    with pytest.raises(SingularSystemError, match="owe only one another"):
        eisenberg_noe([[0, 1.0], [1.0, 0]], [-1e-9, 0.0])


def test_large_random_network_clears():
    rng = np.random.default_rng(1)
    owes = sparse.random_array((2_000, 2_000), density=0.005, rng=rng).tolil()
    owes.setdiag(0.0)
    owes = owes.tocsr()
    external = rng.uniform(0.0, 1.0, 2_000)
    greatest, least = (eisenberg_noe(owes, external, which) for which in ("greatest", "least"))
    assert greatest.payments == pytest.approx(least.payments, rel=1e-9)
    assert 0 < greatest.defaulted.sum() < 2_000


@settings(deadline=None)
@given(networks(low=0.01), st.floats(0, 1))
def test_furfine_without_loss_given_default_stops_at_the_first_round(case, loss):
    owes, equity = case
    done = furfine(owes, equity, loss * equity, loss_given_default=0.0)
    assert done.rounds <= 1
    assert done.losses == pytest.approx(loss * equity)


@settings(deadline=None)
@given(networks(low=0.01), st.floats(0, 1))
@example(case=(np.array([[0.0, 0.01], [0.01, 0.0]]), np.full(2, 0.01)), shock=1e-5)
def test_linear_debtrank_is_capped_and_never_below_the_shock(case, shock):
    """Where a small shock neither fades nor grows, it may take more steps than are made, and says so."""
    owes, equity = case
    weights = impact_matrix(owes, equity)
    try:
        done = debtrank_linear(weights, shock)
    except NotConvergedError:
        dense = weights.toarray() if hasattr(weights, "toarray") else np.asarray(weights)
        assert np.abs(np.linalg.eigvals(dense)).max() == pytest.approx(1.0, abs=1e-3)
        return
    assert (done.final >= shock - 1e-12).all()
    assert done.final.max() <= 1.0
