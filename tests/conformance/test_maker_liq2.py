"""Maker's Liquidations 2.0, replayed from what the contracts did (packaged vectors)."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from liquidarium.experiments.conformance import conform
from liquidarium.experiments.conformance import maker_liq2 as adapter
from liquidarium.experiments.conformance.files import packaged_files, read_vectors

VECTORS = read_vectors(next(f for f in packaged_files() if f.name == "maker_liq2.json.gz"))
AUCTIONS = [case for case in VECTORS.cases if case["kind"] == "auction"]


def test_every_case_agrees_in_every_field() -> None:
    wrong = {
        case["id"]: [check for check in adapter.replay(case, VECTORS.header) if check[1] != check[2]]
        for case in VECTORS.cases
    }
    assert {i: checks for i, checks in wrong.items() if checks} == {}
    assert len(VECTORS.cases) == 324


def test_all_three_price_functions_and_both_actions_occur() -> None:
    assert {c["calc"] for c in VECTORS.cases if c["kind"] == "abacus"} == {
        "linear",
        "stairstep",
        "exponential",
    }
    assert {step["action"] for c in AUCTIONS for step in c["steps"]} == {"take", "redo"}


def test_the_runner_recognises_the_file_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "hidden.json"
    path.write_text(json.dumps({"header": VECTORS.header, "cases": VECTORS.cases[-3:]}))
    report = conform([path])
    assert report.ok
    assert report.sets[0].name == "maker_liq2"


def test_a_wrong_expectation_is_reported_by_its_path() -> None:
    case = copy.deepcopy(next(c for c in AUCTIONS if c["steps"]))
    case["steps"][0]["status"]["lot"] = str(int(case["steps"][0]["status"]["lot"]) + 1)
    wrong = [path for path, expected, got in adapter.replay(case, VECTORS.header) if expected != got]
    assert wrong == ["steps[0].status.lot"]
