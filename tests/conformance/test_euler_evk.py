"""Euler v2's liquidate, replayed from what the contract did (packaged vectors)."""

from __future__ import annotations

from importlib import resources

import pytest
from liquidarium.experiments.conformance.euler_evk import replay
from liquidarium.experiments.conformance.files import read_vectors
from liquidarium.protocols.lending.euler import Liquidity, liquidation, vault

FILE = resources.files("liquidarium.experiments").joinpath("data", "vectors", "euler_evk.json.gz")
VECTORS = read_vectors(FILE)


def disagreements():
    checks = [(case["id"], check) for case in VECTORS.cases for check in replay(case, VECTORS.header)]
    return [(i, check) for i, check in checks if check[1] != check[2]]


def test_every_field_of_every_vector_agrees():
    assert disagreements() == []
    assert len(VECTORS.cases) == 178


def test_all_refusals_and_socialised_debt_occur():
    reasons = {case["out"]["revert"] for case in VECTORS.cases}
    assert reasons == {
        None,
        "E_LiquidationCoolOff",
        "E_MinYield",
        "E_ExcessiveRepayAmount",
        "E_CollateralDisabled",
    }
    assert any(case["out"].get("socialized", "0") != "0" for case in VECTORS.cases)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (liquidation, "MIN_SOCIALIZATION_VALUE", 10**40),
        (vault, "ONE_UNIT", 0),
        (vault, "DEBT_SHIFT", 30),
        (
            liquidation.Liquidity,
            "healthy",
            property(lambda sides: sides.collateral_value >= sides.liability_value),
        ),
    ],
)
def test_a_rule_that_is_off_is_noticed(monkeypatch, module, name, value):
    monkeypatch.setattr(module, name, value)
    assert disagreements()


def test_exact_cover_is_liquidatable():
    assert not Liquidity(collateral_value=100, liability_value=100).healthy
    assert Liquidity(collateral_value=101, liability_value=100).healthy


def test_a_changed_expectation_disagrees_with_its_own_path():
    case = next(c for c in VECTORS.cases if c["out"]["revert"] is None)
    changed = case | {"out": case["out"] | {"repaid": str(int(case["out"]["repaid"]) + 1)}}
    assert [path for path, e, g in replay(changed, VECTORS.header) if e != g] == ["out.repaid"]
