"""Venus core's liquidateBorrow, replayed from what the contract did (packaged vectors)."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from liquidarium.experiments.conformance import conform
from liquidarium.experiments.conformance import venus_core as adapter
from liquidarium.experiments.conformance.compound_v2 import read_market_params
from liquidarium.experiments.conformance.files import packaged_files, read_vectors
from liquidarium.protocols.lending.compound_v2 import venus_pool

VECTORS = read_vectors(next(f for f in packaged_files() if f.name == "venus_core.json.gz"))


def test_every_case_agrees_in_every_field() -> None:
    wrong = {
        case["id"]: [check for check in adapter.replay(case, VECTORS.header) if check[1] != check[2]]
        for case in VECTORS.cases
    }
    assert {i: checks for i, checks in wrong.items() if checks} == {}
    assert len(VECTORS.cases) > 100


def test_the_runner_recognises_the_file_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "hidden.json"
    path.write_text(json.dumps({"header": VECTORS.header, "cases": VECTORS.cases[:3]}))
    report = conform([path])
    assert report.ok
    assert report.sets[0].name == "venus_core"


def test_a_wrong_expectation_is_reported_by_its_path() -> None:
    case = copy.deepcopy(next(c for c in VECTORS.cases if c["out"]["revert"] is None))
    case["out"]["seizeTokens"] = str(int(case["out"]["seizeTokens"]) + 1)
    wrong = [path for path, expected, got in adapter.replay(case, VECTORS.header) if expected != got]
    assert wrong == ["out.seizeTokens"]


def test_what_the_contract_ran_with_is_accepted_as_safe_settings() -> None:
    for case in VECTORS.cases:
        markets = tuple(
            read_market_params(
                m,
                int(m["collateralFactor"]),
                int(m["liquidationThreshold"]),
                int(m["liquidationIncentive"]),
                0,
            )
            for m in case["markets"].values()
        )
        venus_pool(markets, int(case["closeFactor"]))
