"""Reading, writing and finding vector files (``.json`` and ``.json.gz``)."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

SUFFIXES = (".json.gz", ".json")


class VectorFileError(ValueError):
    """A vector file that cannot be replayed: one line, naming the file and what is allowed."""


@dataclass(frozen=True, slots=True)
class VectorFile:
    """A vector file as read.

    Parameters
    ----------
    name : str
        How to name the file to the person who gave it.
    stem : str
        File name without suffix.
    header : dict
        Source, units, seed.
    cases : tuple of dict
        As in the file.
    """

    name: str
    stem: str
    header: dict[str, Any]
    cases: tuple[dict[str, Any], ...]


def packaged_files() -> list[Traversable]:
    """Vector files that come with the package, by name."""
    folder = resources.files("liquidarium.experiments").joinpath("data", "vectors")
    return sorted((f for f in folder.iterdir() if _stem(f.name) is not None), key=lambda f: f.name)


def read_vectors(source: Traversable | Path) -> VectorFile:
    """Read one vector file.

    Parameters
    ----------
    source : path or package resource
        A ``.json`` or ``.json.gz`` file.

    Raises
    ------
    VectorFileError
        If it cannot be read, or is not ``{"header": {...}, "cases": [{"id", ...}, ...]}``.
    """
    name = str(source)
    stem = _stem(source.name)
    if stem is None:
        raise VectorFileError(f"{name}: vector files end in .json or .json.gz")
    try:
        raw = source.read_bytes()
        content = json.loads(gzip.decompress(raw) if source.name.endswith(".gz") else raw)
    except OSError as error:
        reason = error.strerror or str(error)
        raise VectorFileError(f"{name}: cannot be read ({reason}); give a .json or .json.gz file") from error
    except (EOFError, zlib.error, ValueError, RecursionError) as error:
        raise VectorFileError(f"{name}: not valid JSON ({_first_line(error)})") from error
    return VectorFile(name, stem, *_checked(name, content))


def pack(source: Path, folder: Path) -> Path:
    """Write a vector file into a folder as ``.json.gz``, the same bytes each time.

    Parameters
    ----------
    source : Path
        A readable vector file.
    folder : Path
        Where it goes, for example ``experiments/data/vectors``.

    Returns
    -------
    Path
        The file written.
    """
    vectors = read_vectors(source)
    text = json.dumps({"header": vectors.header, "cases": vectors.cases}, separators=(",", ":"))
    target = folder / f"{vectors.stem}.json.gz"
    target.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    return target


def _checked(name: str, content: object) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
    if not isinstance(content, dict) or not {"header", "cases"} <= content.keys():
        raise VectorFileError(f'{name}: not a vector file; expected {{"header": {{...}}, "cases": [...]}}')
    header, cases = content["header"], content["cases"]
    if not isinstance(header, dict) or not isinstance(header.get("protocol"), str):
        raise VectorFileError(f'{name}: "header" must be an object with a text "protocol"')
    if not isinstance(cases, list) or not cases:
        raise VectorFileError(f'{name}: "cases" must be a list with at least one case')
    for position, case in enumerate(cases):
        if not isinstance(case, dict) or "id" not in case:
            raise VectorFileError(f'{name}: case number {position + 1} must be an object with "id"')
    return header, tuple(cases)


def _stem(filename: str) -> str | None:
    for suffix in SUFFIXES:
        if filename.endswith(suffix):
            return filename[: -len(suffix)]
    return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
