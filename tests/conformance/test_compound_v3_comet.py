"""Comet's absorb and buyCollateral, replayed from what the contract did (packaged vectors)."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from liquidarium.experiments.conformance import compound_v3_comet as adapter
from liquidarium.experiments.conformance import conform
from liquidarium.experiments.conformance.files import packaged_files, read_vectors
from liquidarium.protocols.lending.comet import AssetParams, CometParams, RateCurve

VECTORS = read_vectors(next(f for f in packaged_files() if f.name == "compound_v3_comet.json.gz"))
CASES = VECTORS.cases


def test_every_case_agrees_in_every_field() -> None:
    wrong = {
        case["id"]: [check for check in adapter.replay(case, VECTORS.header) if check[1] != check[2]]
        for case in CASES
    }
    assert {i: checks for i, checks in wrong.items() if checks} == {}
    assert len(CASES) > 100


def test_the_runner_recognises_the_file_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "hidden.json"
    path.write_text(json.dumps({"header": VECTORS.header, "cases": CASES[:3]}))
    report = conform([path])
    assert report.ok
    assert report.sets[0].name == "compound_v3_comet"


def test_the_quote_is_checked_even_when_the_sale_is_refused() -> None:
    case = copy.deepcopy(next(c for c in CASES if c.get("buyCollateral", {}).get("revert")))
    case["buyCollateral"]["quote"] = str(int(case["buyCollateral"]["quote"]) + 1)
    wrong = [path for path, expected, got in adapter.replay(case, VECTORS.header) if expected != got]
    assert wrong == ["buyCollateral.quote"]


def test_a_wrong_expectation_is_reported_by_its_path() -> None:
    case = copy.deepcopy(next(c for c in CASES if c["absorb"]["revert"] is None))
    case["absorb"]["after"]["totalSupplyBase"] = "-1"
    wrong = [path for path, expected, got in adapter.replay(case, VECTORS.header) if expected != got]
    assert wrong == ["absorb.after.totalSupplyBase"]


def test_what_the_contract_ran_with_is_accepted_as_safe_settings() -> None:
    for case in CASES:
        CometParams(
            base_symbol="base",
            base_decimals=int(case["base"]["decimals"]),
            supply_curve=RateCurve(0, 0, 0),
            borrow_curve=RateCurve(0, 0, 0),
            store_front_price_factor=int(case["storeFrontPriceFactor"]),
            target_reserves=int(case["targetReserves"]),
            base_borrow_min=0,
            assets=tuple(
                AssetParams(
                    i,
                    int(a["decimals"]),
                    int(a["borrowCollateralFactor"]),
                    int(a["liquidateCollateralFactor"]),
                    int(a["liquidationFactor"]),
                )
                for i, a in case["assets"].items()
            ),
        )
