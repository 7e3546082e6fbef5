"""Morpho Blue's liquidate, replayed from what the contract did (packaged vectors)."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from liquidarium.experiments.conformance import conform
from liquidarium.experiments.conformance import morpho_blue as adapter
from liquidarium.experiments.conformance.files import packaged_files, read_vectors

VECTORS = read_vectors(next(f for f in packaged_files() if f.name == "morpho_blue.json.gz"))


def test_every_case_agrees_in_every_field() -> None:
    wrong = {
        case["id"]: [check for check in adapter.replay(case, VECTORS.header) if check[1] != check[2]]
        for case in VECTORS.cases
    }
    assert {i: checks for i, checks in wrong.items() if checks} == {}
    assert len(VECTORS.cases) == 245


def test_refusals_and_successes_both_occur() -> None:
    reasons = {case["out"]["revert"] for case in VECTORS.cases}
    assert {None, "position is healthy", "inconsistent input"} <= reasons


def test_the_runner_recognises_the_file_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "hidden.json"
    path.write_text(json.dumps({"header": VECTORS.header, "cases": VECTORS.cases[:3]}))
    report = conform([path])
    assert report.ok
    assert report.sets[0].name == "morpho_blue"


def test_a_wrong_expectation_is_reported_by_its_path() -> None:
    case = copy.deepcopy(next(c for c in VECTORS.cases if c["out"]["revert"] is None))
    case["out"]["repaidAssets"] = str(int(case["out"]["repaidAssets"]) + 1)
    wrong = [path for path, expected, got in adapter.replay(case, VECTORS.header) if expected != got]
    assert wrong == ["repaidAssets"]
