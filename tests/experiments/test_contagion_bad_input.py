"""What is wrong with a network is said by name and in one line, never by a silent NaN."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments import contagion as c
from scipy import sparse

RING = [[0, 1.0], [1.0, 0]]

MEASURES = {
    "eisenberg_noe": lambda owes: c.eisenberg_noe(owes, 1.0),
    "rogers_veraart": lambda owes: c.rogers_veraart(owes, 1.0, 0.5, 0.5),
    "furfine": lambda owes: c.furfine(owes, 1.0, 0.5, 0.5),
    "impact_matrix": lambda owes: c.impact_matrix(owes, 1.0),
    "debtrank": lambda owes: c.debtrank(owes, 0.1),
    "debtrank_linear": lambda owes: c.debtrank_linear(owes, 0.1),
    "neva": lambda owes: c.neva(owes, 1.0, 0.0, c.furfine_value()),
    "impact_susceptibility": lambda owes: c.impact_susceptibility(owes, 1.0),
}
NAMES = pytest.mark.parametrize("name", MEASURES)


@NAMES
@pytest.mark.parametrize("dense", [True, False])
def test_negative_claims(name, dense):
    owes = np.array([[0, 1.0, 0], [0, 0, -0.5], [0, 0, 0]])
    with pytest.raises(c.NegativeClaimError, match=r"\[1, 2\] = -0.5; allowed: finite numbers from 0"):
        MEASURES[name](owes if dense else sparse.csc_matrix(owes))


@NAMES
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_claims_that_are_no_numbers(name, value):
    with pytest.raises(c.ContagionError, match=r"\[0, 1\] = (nan|inf); allowed"):
        MEASURES[name]([[0, value], [0, 0]])


@NAMES
def test_matrices_that_are_not_square(name):
    with pytest.raises(c.NotSquareError, match="2 rows and 3 columns"):
        MEASURES[name](np.zeros((2, 3)))
    with pytest.raises(c.NotSquareError, match="1 dimensions"):
        MEASURES[name]([1.0, 2.0])


@NAMES
def test_empty_graphs(name):
    with pytest.raises(c.EmptyGraphError, match="at least 1"):
        MEASURES[name](np.zeros((0, 0)))


@NAMES
def test_debts_to_oneself(name):
    with pytest.raises(c.SelfClaimError, match=r"\[1, 1\] = 0.5; a node cannot owe itself"):
        MEASURES[name]([[0, 1.0], [1.0, 0.5]])


def test_claims_on_unknown_nodes():
    with pytest.raises(c.UnknownNodeError, match="claim of 'b' on 'x': node 'x' is not in the graph"):
        c.liabilities_from_claims(["a", "b"], [("x", "b", 1.0)])
    with pytest.raises(c.NegativeClaimError, match="claim of 'b' on 'a' is -1"):
        c.liabilities_from_claims(["a", "b"], [("a", "b", -1.0)])
    with pytest.raises(c.ContagionError, match="repeat a name"):
        c.liabilities_from_claims(["a", "a"], [])
    with pytest.raises(c.EmptyGraphError):
        c.liabilities_from_claims([], [])


def test_relative_liabilities_that_do_not_add_up():
    with pytest.raises(c.RelativeLiabilitiesError, match=r"node 0 add up to 0.9; needed: 1"):
        c.liabilities_from_relative([[0, 0.9], [0, 0]], [10.0, 0.0])
    owes = c.liabilities_from_relative([[0, 1.0], [0, 0]], [10.0, 0.0])
    assert owes.toarray().tolist() == [[0, 10], [0, 0]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: c.eisenberg_noe(RING, [1.0]), r"external assets has shape \(1,\)"),
        (lambda: c.eisenberg_noe(RING, [1.0, np.nan]), r"external assets\[1\] = nan"),
        (lambda: c.eisenberg_noe(RING, 1.0, "middle"), "which = 'middle'; allowed: 'greatest' or 'least'"),
        (lambda: c.rogers_veraart(RING, 1.0, 1.5, 0.5), "alpha = 1.5; allowed: 0 to 1"),
        (lambda: c.furfine(RING, [-1.0, 1.0], 0.0, 0.5), r"equity\[0\] = -1; allowed: finite numbers from 0"),
        (lambda: c.impact_matrix(RING, [0.0, 1.0]), r"equity\[0\] = 0; allowed: finite numbers above 0"),
        (lambda: c.debtrank([[0, 2.0], [0, 0]], 0.1), "weights hold 2; allowed: 0 to 1"),
        (lambda: c.debtrank_linear(RING, 1.5), r"shock\[0\] = 1.5"),
        (lambda: c.neva(RING, 1.0, 0.0, lambda e: e * np.nan), "valuation must return"),
        (lambda: c.merton_value(1.0, 0.2, recovery=None), "owed is missing"),
        (lambda: c.cifuentes_ferrucci_shin([], [], [], 0.1, 0.1), "at least 1 holder"),
        (lambda: c.cifuentes_ferrucci_shin([1], [1], [1], 0.0, 0.1), "required_ratio = 0"),
        (
            lambda: c.greenwood_landier_thesmar([1], [1], [[0.5, 0.4]], [0, 0], [0, 0]),
            "weights of holder 0 add up to 0.9; needed: 1",
        ),
        (lambda: c.gini([]), "at least 1"),
        (lambda: c.herfindahl([0.0, 0.0]), "all 0"),
        (lambda: c.effective_number([1.0, -1.0]), r"amounts\[1\] = -1"),
        (lambda: c.critical_leverage(0.0, 1.0), "volatility = 0"),
        (lambda: c.critical_shock(c.wall_of_loans([], [], []), 1.0), "no loans"),
        (lambda: c.maximum_entropy([1.0, 2.0], [1.0, 1.0]), "adds up to 3 and held to 2"),
        (lambda: c.maximum_entropy([1.0, 2.0], [3.0]), "owed has 2 nodes and held 1"),
        (lambda: c.minimum_density([3.0, 1.0], [3.0, 1.0]), "node 0 owes 3 and is owed 3 of 4 in all"),
        (lambda: c.network_ensemble([1, 1], [1, 1], 0, np.random.default_rng(1)), "size = 0"),
        (lambda: c.load_eba_2011().margins("half"), "assumption = 'half'; allowed: 'equal', 'assets'"),
        (lambda: c.read_history(pd.DataFrame()), "no rows"),
    ],
)
def test_bad_numbers_name_the_key_the_value_and_what_is_allowed(call, text):
    with pytest.raises(c.ContagionError, match=text) as error:
        call()
    assert "\n" not in str(error.value)


def test_singular_and_cycle_free_graphs_are_refused_with_the_reason():
    chain = [[0, 1.0, 0], [0, 0, 1.0], [0, 0, 0]]
    assert c.spectral_radius(chain) == 0.0
    with pytest.raises(c.SingularSystemError, match="no cycle"):
        c.eigenvector_centrality(chain)
    with pytest.raises(c.SingularSystemError, match="alpha = 1; allowed: above 0, below 1"):
        c.katz_centrality(RING, alpha=1.0)


def test_distress_that_creeps_for_ever_is_refused():
    """At a spectral radius of 1 a tiny shock needs a step for each of its size."""
    with pytest.raises(c.NotConvergedError, match="spectral radius"):
        c.debtrank_linear(RING, 1e-9)


def test_nobody_in_debt_is_a_network_too():
    nobody = np.zeros((3, 3))
    assert c.eisenberg_noe(nobody, 1.0).payments.tolist() == [0, 0, 0]
    assert c.debtrank_linear(nobody, 0.2).final.tolist() == [0.2] * 3
    assert c.maximum_entropy([0.0, 0.0], [0.0, 0.0]).tolist() == [[0, 0], [0, 0]]
    assert c.minimum_density([0.0, 0.0], [0.0, 0.0]).tolist() == [[0, 0], [0, 0]]
