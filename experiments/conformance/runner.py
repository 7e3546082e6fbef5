"""Sends vector files through their adapters and counts where we agree with the contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from os import PathLike
from pathlib import Path
from typing import Any

from .compare import Check, same
from .files import VectorFile, VectorFileError, packaged_files, read_vectors
from .registry import Replay, available_sets, find_set, load_replay


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One field of one case on which the contract and our rule differ."""

    case_id: int | str
    field: str
    expected: object
    got: object


@dataclass(frozen=True, slots=True)
class SetReport:
    """Result of one vector file.

    Parameters
    ----------
    name : str
        The set, for example ``"aave_v3_0_2"``.
    file : str
        Path of the file replayed.
    cases : int
        Cases in the file.
    agree : int
        Cases that agree in every checked field.
    fields : int
        Fields compared in all.
    disagreements : tuple of Disagreement
        In the order of the file.
    """

    name: str
    file: str
    cases: int
    agree: int
    fields: int
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True)
class ConformanceReport:
    """Result of a replay over one or more files."""

    sets: tuple[SetReport, ...]

    @property
    def cases(self) -> int:
        """Cases replayed over all files."""
        return sum(report.cases for report in self.sets)

    @property
    def agree(self) -> int:
        """Cases that agree in every checked field."""
        return sum(report.agree for report in self.sets)

    @property
    def ok(self) -> bool:
        """Whether every case agrees."""
        return self.agree == self.cases

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values (integers beyond 64 bits stay exact as text)."""
        return {
            "cases": self.cases,
            "agree": self.agree,
            "ok": self.ok,
            "sets": [
                {
                    "name": report.name,
                    "file": report.file,
                    "cases": report.cases,
                    "agree": report.agree,
                    "fields": report.fields,
                    "disagreements": [
                        {
                            "case": d.case_id,
                            "field": d.field,
                            "expected": _json_value(d.expected),
                            "got": _json_value(d.got),
                        }
                        for d in report.disagreements
                    ],
                }
                for report in self.sets
            ],
        }


def conform(paths: Sequence[str | PathLike[str]] | None = None) -> ConformanceReport:
    """Replay contract vectors and report agreement field by field.

    Parameters
    ----------
    paths : sequence of paths, optional
        ``.json`` or ``.json.gz`` vector files; None or empty replays the packaged ones.

    Raises
    ------
    VectorFileError
        If a file cannot be read, is malformed, or belongs to a set without an adapter.
    """
    sources: Iterable[Traversable | Path] = [Path(path) for path in paths] if paths else packaged_files()
    return ConformanceReport(tuple(_replay_file(read_vectors(source)) for source in sources))


def _replay_file(vectors: VectorFile) -> SetReport:
    name = find_set(vectors.stem, vectors.header["protocol"])
    if name is None:
        raise VectorFileError(
            f"{vectors.name}: unknown set {vectors.stem!r} (protocol {vectors.header['protocol']!r}); "
            f"known sets: {', '.join(available_sets())}"
        )
    replay = load_replay(name)
    agree = fields = 0
    disagreements: list[Disagreement] = []
    for case in vectors.cases:
        checks = _replay_case(replay, case, vectors)
        fields += len(checks)
        wrong = [Disagreement(case["id"], f, e, g) for f, e, g in checks if not same(e, g)]
        disagreements += wrong
        agree += not wrong
    return SetReport(name, vectors.name, len(vectors.cases), agree, fields, tuple(disagreements))


def _replay_case(replay: Replay, case: dict[str, Any], vectors: VectorFile) -> list[Check]:
    try:
        checks = replay(case, vectors.header)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise VectorFileError(f"{vectors.name}: case {case['id']} is malformed: {problem}") from error
    except Exception as error:  # a rule that breaks on a case disagrees with the contract on it
        return [("exception", None, f"{type(error).__name__}: {error}")]
    if not checks:
        raise VectorFileError(f"{vectors.name}: case {case['id']} has no field to check")
    return checks


def _json_value(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, bool | str | dict | list | None) else repr(value)
