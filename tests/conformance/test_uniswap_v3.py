"""Uniswap v3 vectors: what the deployed pool did."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import pytest
from liquidarium.experiments.conformance.files import read_vectors
from liquidarium.experiments.conformance.uniswap_v3 import replay
from liquidarium.market.pools import ConcentratedParameters, concentrated_liquidity, concentrated_steps
from liquidarium.market.pools.concentrated_liquidity import change_position, opened

FILE = resources.files("liquidarium.experiments").joinpath("data", "vectors", "uniswap_v3.json.gz")
VECTORS = read_vectors(FILE)


def disagreements():
    checks = [(case["id"], check) for case in VECTORS.cases for check in replay(case, VECTORS.header)]
    return [(i, check) for i, check in checks if check[1] != check[2]]


def test_every_field_of_every_vector_agrees():
    assert disagreements() == []
    assert len(VECTORS.cases) == 204
    assert {case["out"]["revert"] for case in VECTORS.cases} == {None, "AS", "SPL"}


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (concentrated_liquidity, "Q128", 2**127),
        (concentrated_liquidity, "word_end", lambda tick, spacing, down: -887_272 if down else 887_272),
        (concentrated_liquidity, "MIN_SQRT_PRICE", 4_295_128_741),
        (concentrated_steps, "FEE_SCALE", 999_999),
    ],
)
def test_a_rule_that_is_off_is_noticed(monkeypatch, module, name, value):
    monkeypatch.setattr(module, name, value)
    assert disagreements()


def test_deposits_initialise_the_ticks_that_the_contract_lists():
    for case in VECTORS.cases:
        parameters = ConcentratedParameters(int(case["fee"]), int(case["tickSpacing"]))
        pool = opened(int(case["mints"][0]["sqrtPriceX96"]))
        for mint in case["mints"]:
            pool = replace(pool, sqrt_price=int(mint["sqrtPriceX96"]), tick=int(mint["tick"]))
            bounds = int(mint["tickLower"]), int(mint["tickUpper"])
            pool = change_position(pool, parameters, *bounds, int(mint["liquidity"])).state
        listed = {
            int(tick["tick"]): (int(tick["liquidityGross"]), int(tick["liquidityNet"]))
            for tick in case["ticks"]
        }
        assert {t.number: (t.liquidity_gross, t.liquidity_net) for t in pool.ticks} == listed


def test_a_changed_expectation_disagrees_with_its_own_path():
    case = next(c for c in VECTORS.cases if c["out"]["revert"] is None)
    after = case["out"]["after"]
    changed = case | {"out": case["out"] | {"after": after | {"tick": str(int(after["tick"]) + 1)}}}
    assert [path for path, e, g in replay(changed, VECTORS.header) if e != g] == ["after.tick"]
