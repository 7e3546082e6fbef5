"""Uniswap v2 vectors: what the deployed pair and router did."""

from __future__ import annotations

from importlib import resources

import pytest
from liquidarium.experiments.conformance.files import read_vectors
from liquidarium.experiments.conformance.uniswap_v2 import replay
from liquidarium.market.pools import constant_product

FILE = resources.files("liquidarium.experiments").joinpath("data", "vectors", "uniswap_v2.json.gz")


def disagreements():
    vectors = read_vectors(FILE)
    checks = [(case["id"], check) for case in vectors.cases for check in replay(case, vectors.header)]
    return len(vectors.cases), [(i, check) for i, check in checks if check[1] != check[2]]


def test_every_field_of_every_vector_agrees():
    assert disagreements() == (198, [])


@pytest.mark.parametrize("name", ["MINIMUM_LIQUIDITY", "Q112"])
def test_a_wrong_constant_is_noticed(monkeypatch, name):
    monkeypatch.setattr(constant_product, name, getattr(constant_product, name) + 1)
    assert disagreements()[1]


def test_a_changed_expectation_disagrees_with_its_own_path():
    vectors = read_vectors(FILE)
    case = next(c for c in vectors.cases if c["kind"] == "exact_in" and c["out"]["revert"] is None)
    after = case["out"]["after"]
    changed = case | {"out": case["out"] | {"after": after | {"reserve1": str(int(after["reserve1"]) + 1)}}}
    assert [path for path, e, g in replay(changed, vectors.header) if e != g] == ["after.reserve1"]
