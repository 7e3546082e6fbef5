"""The replay itself: which files it takes, what it reports, what it refuses."""

from __future__ import annotations

import gzip
import json
from copy import deepcopy
from importlib import resources
from pathlib import Path

import pytest
from liquidarium.experiments.conformance import VectorFileError, available_sets, conform, render_report
from liquidarium.experiments.conformance.compare import ABSENT, compare
from liquidarium.experiments.conformance.files import pack, packaged_files, read_vectors

INTEREST = resources.files("liquidarium.experiments").joinpath("data", "vectors", "aave_interest.json.gz")


@pytest.fixture
def few():
    """Return three interest cases as a vector file's content."""
    vectors = read_vectors(INTEREST)
    return deepcopy({"header": vectors.header, "cases": list(vectors.cases[:3])})


def write(path: Path, content) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


def test_every_packaged_file_has_an_adapter_and_every_adapter_a_file():
    assert {f.name.removesuffix(".json.gz") for f in packaged_files()} == set(available_sets())


@pytest.mark.parametrize("name", ["aave_interest.json", "aave_interest-more.json", "mine.json.gz", "x.json"])
def test_a_file_is_recognised_by_its_stem_or_its_header(tmp_path, few, name):
    (report,) = conform([write(tmp_path / name, few)]).sets
    assert (report.name, report.cases, report.agree) == ("aave_interest", 3, 3)


def test_a_stem_helps_when_the_header_does_not(tmp_path, few):
    few["header"]["protocol"] = "?"
    assert conform([write(tmp_path / "aave_interest-more.json", few)]).sets[0].name == "aave_interest"


def test_a_wrong_expectation_is_reported_with_case_field_and_both_values(tmp_path, few):
    case = few["cases"][1]
    right = int(case["out"]["liquidityRate"])
    case["out"]["liquidityRate"] = str(right + 1)
    report = conform([write(tmp_path / "aave_interest.json", few)])
    (found,) = report.sets[0].disagreements
    assert (found.case_id, found.field, found.expected, found.got) == (
        case["id"],
        "liquidityRate",
        right + 1,
        right,
    )
    assert (report.cases, report.agree, report.ok) == (3, 2, False)
    assert (
        f"aave_interest case {case['id']}: liquidityRate: expected {right + 1}, got {right}"
        in render_report(report)
    )
    assert json.loads(json.dumps(report.as_dict()))["sets"][0]["disagreements"][0]["got"] == str(right)


def test_a_long_list_of_disagreements_is_cut_and_counted(tmp_path, few):
    for case in few["cases"]:
        case["out"]["liquidityRate"] = case["out"]["variableBorrowRate"] = "1"
    text = render_report(conform([write(tmp_path / "aave_interest.json", few)]), max_disagreements=2)
    assert text.endswith("aave_interest: 4 more disagreeing fields")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.txt", "{}", "vector files end in .json or .json.gz"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", "[]", "not a vector file"),
        ("a.json", {"header": {}, "cases": []}, '"header" must be an object'),
        ("a.json", {"header": {"protocol": "Aave v3.6 liquidationCall"}, "cases": []}, "at least one case"),
        ("a.json", {"header": {"protocol": "Aave v3.6 liquidationCall"}, "cases": [1]}, 'object with "id"'),
        ("a.json", {"header": {"protocol": "Nobody"}, "cases": [{"id": 1}]}, "known sets: aave_interest, "),
        (
            "aave_v3_6.json",
            {"header": {"protocol": ""}, "cases": [{"id": 7}]},
            "case 7 is malformed: missing",
        ),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_names_it(tmp_path, name, content, problem):
    with pytest.raises(VectorFileError, match=r"\S") as caught:
        conform([write(tmp_path / name, content)])
    assert problem in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(VectorFileError, match="cannot be read"):
        conform([tmp_path / "missing.json"])
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(VectorFileError, match="cannot be read"):
        conform([tmp_path / "folder.json"])
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(INTEREST.read_bytes()[:1_000])
    with pytest.raises(VectorFileError, match="not valid JSON"):
        conform([cut])
    plain = tmp_path / "plain.json.gz"
    plain.write_text("{}")
    with pytest.raises(VectorFileError, match=r"plain\.json\.gz"):
        conform([plain])


@pytest.mark.parametrize("break_it", ["kind", "params"])
def test_a_malformed_case_is_named(tmp_path, few, break_it):
    few["cases"][2][break_it] = "nonsense"
    with pytest.raises(VectorFileError, match=f"case {few['cases'][2]['id']} is malformed"):
        conform([write(tmp_path / "aave_interest.json", few)])


def test_packing_is_the_same_bytes_each_time_and_loses_nothing(tmp_path, few):
    source = Path(write(tmp_path / "aave_interest.json", few))
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert pack(source, first).read_bytes() == pack(source, second).read_bytes()
    again = read_vectors(first / "aave_interest.json.gz")
    assert (again.header, list(again.cases)) == (few["header"], few["cases"])


def test_fields_that_one_side_lacks_disagree():
    assert compare({"a": "1", "b": ["2", True]}, {"a": 1, "b": [2, True]}) == [
        ("a", 1, 1),
        ("b[0]", 2, 2),
        ("b[1]", True, True),
    ]
    assert compare({"a": "-1"}, {"b": 2}) == [("a", -1, ABSENT), ("b", ABSENT, 2)]
    assert compare({"a": {"b": "1"}}, {"a": None}) == [("a", {"b": 1}, None)]
