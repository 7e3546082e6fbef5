"""crvUSD vectors: what the deployed AMM and controller did."""

from __future__ import annotations

from importlib import resources

import pytest
from liquidarium.experiments.conformance import curve_controller, curve_llamma
from liquidarium.experiments.conformance.files import read_vectors
from liquidarium.protocols.lending.llamma import bands, borrowing, deposits, oracle, valuation

MODULES = {"curve_llamma": curve_llamma, "curve_controller": curve_controller}


def disagreements(name, most=None):
    folder = resources.files("liquidarium.experiments").joinpath("data", "vectors")
    vectors = read_vectors(folder / f"{name}.json.gz")
    cases = vectors.cases[:most]
    checks = [(case["id"], check) for case in cases for check in MODULES[name].replay(case, vectors.header)]
    return len(cases), [(i, check) for i, check in checks if check[1] != check[2]]


@pytest.mark.parametrize("name", MODULES)
def test_every_field_of_every_vector_agrees(name):
    assert disagreements(name) == (90, [])


@pytest.mark.parametrize(
    ("name", "module", "constant", "wrong"),
    [
        ("curve_llamma", deposits, "DEAD_SHARES", 999),
        ("curve_llamma", valuation, "DEAD_SHARES", 999),
        ("curve_llamma", bands, "_FEE_SLOPE", 10**18 // 4 + 10**12),
        ("curve_llamma", oracle, "FADE_SECONDS", 121),
        ("curve_llamma", oracle, "MAX_PRICE_RATIO", 125 * 10**16 + 1),
        ("curve_controller", borrowing, "_BORROWABLE_SHARE", 10**18 - 10**14 + 1),
        ("curve_controller", borrowing, "DEAD_SHARES", 999),
    ],
)
def test_a_wrong_constant_is_noticed(monkeypatch, name, module, constant, wrong):
    monkeypatch.setattr(module, constant, wrong)
    assert disagreements(name, 30)[1]
