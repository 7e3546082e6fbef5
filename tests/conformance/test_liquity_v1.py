"""Liquity v1, replayed from what the contracts did (packaged vectors)."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from liquidarium.experiments.conformance import conform
from liquidarium.experiments.conformance import liquity_v1 as adapter
from liquidarium.experiments.conformance.files import packaged_files, read_vectors

VECTORS = read_vectors(next(f for f in packaged_files() if f.name == "liquity_v1.json.gz"))
STEPS = [step for case in VECTORS.cases for step in case["steps"]]


def test_every_case_agrees_in_every_field() -> None:
    wrong = {
        case["id"]: [check for check in adapter.replay(case, VECTORS.header) if check[1] != check[2]]
        for case in VECTORS.cases
    }
    assert {i: checks for i, checks in wrong.items() if checks} == {}
    assert len(VECTORS.cases) == 132


def test_both_modes_and_every_way_to_liquidate_occur() -> None:
    assert {step["recoveryMode"] for step in STEPS} == {True, False}
    assert {step["action"]["kind"] for step in STEPS} == {
        "liquidate",
        "liquidateTroves",
        "batchLiquidateTroves",
    }
    assert any("surplus" in trove for step in STEPS for trove in step["after"]["troves"].values())


def test_the_runner_recognises_the_file_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "hidden.json"
    path.write_text(json.dumps({"header": VECTORS.header, "cases": VECTORS.cases[:3]}))
    report = conform([path])
    assert report.ok
    assert report.sets[0].name == "liquity_v1"


def test_a_wrong_expectation_is_reported_by_its_path() -> None:
    case = copy.deepcopy(VECTORS.cases[0])
    case["steps"][0]["after"]["P"] = "1"
    wrong = [path for path, expected, got in adapter.replay(case, VECTORS.header) if expected != got]
    assert wrong == ["steps[0].after.P"]
