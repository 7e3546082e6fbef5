"""What a run leaves behind: tables, a summary and a folder that holds both.

A folder appears whole or not at all: everything is written beside its place and
renamed. Running scenarios is another module's work.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from ..scenarios import Scenario
from ..scenarios.messages import explain
from .folders import RunFolderError, check_folder, write_folder
from .summary import Summary
from .tables import content_hash, read_tables, write_tables

MANIFEST = "manifest.json"
FORMAT = 1
"""Number of the folder format; a reader refuses a newer one."""

_PACKAGES = ("liquidarium", "numpy", "numba", "mesa", "pandas", "pyarrow")


@dataclass(frozen=True, eq=False, repr=False)
class RunResult:
    """Tables and numbers of one run.

    Attributes
    ----------
    scenario : Scenario
        What ran.
    seed : int
        Root seed that was used.
    tables : mapping of str to DataFrame
        Result tables by name; also attributes, as in ``result.liquidations``.
    summary : dict
        See `summary.SUMMARY_KEYS`.
    timings : mapping of str to float
        Wall time of the phases, seconds.
    """

    scenario: Scenario
    seed: int
    tables: Mapping[str, pd.DataFrame]
    summary: Summary
    timings: Mapping[str, float] = field(default_factory=dict)

    def __getattr__(self, name: str) -> pd.DataFrame:
        tables = self.__dict__.get("tables", {})
        if name in tables:
            table: pd.DataFrame = tables[name]
            return table
        raise AttributeError(f"this run has no {name!r}; its tables are {', '.join(tables) or 'none'}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.tables]

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {len(table)}" for name, table in self.tables.items())
        return f"RunResult({self.scenario.name!r}, seed={self.seed}, rows: {rows})"

    @cached_property
    def content_hash(self) -> str:
        """Hash of all tables; equal for equal runs, whenever and wherever they ran."""
        return content_hash(self.tables)

    @property
    def default_folder(self) -> Path:
        """Where this run is saved if nothing else is said, ``runs/SCENARIO-SEED``."""
        return run_folder(self.scenario.name, self.seed)

    def manifest(self) -> dict[str, Any]:
        """Return what is needed to run this again, and what it should give."""
        return {
            "format": FORMAT,
            "scenario": self.scenario.model_dump(mode="json", exclude_none=True),
            "seed": self.seed,
            "versions": versions(),
            "wall_s": self.summary.get("wall_s"),
            "timings": dict(self.timings),
            "content_hash": self.content_hash,
            "summary": self.summary,
            "tables": {name: len(table) for name, table in self.tables.items()},
        }

    def save(
        self,
        folder: str | Path | None = None,
        *,
        overwrite: bool = False,
        also: Callable[[Path], object] | None = None,
    ) -> Path:
        """Write the tables as Parquet and the manifest into a folder of their own.

        Parameters
        ----------
        folder : str or Path, optional
            The run's own folder; `default_folder` if left out.
        overwrite : bool
            Replace an earlier run there. A folder that is no run is never replaced.
        also : callable, optional
            Writes more into the folder before it gets its name, such as figures.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        RunFolderError
            If the folder exists and may not be replaced, or cannot be written.
        """
        target = Path(self.default_folder if folder is None else folder)

        def write(partial: Path) -> None:
            write_tables(self.tables, partial)
            text = json.dumps(self.manifest(), indent=2, allow_nan=False)
            (partial / MANIFEST).write_text(text + "\n", encoding="utf-8")
            if also is not None:
                also(partial)

        write_folder(target, write, is_run, overwrite=overwrite)
        return target

    @classmethod
    def load(cls, folder: str | Path) -> RunResult:
        """Read a saved run.

        Raises
        ------
        RunFolderError
            If the folder holds no run, or one that this version cannot read.
        """
        folder = Path(folder)
        manifest = _read_manifest(folder)
        for key, kind in (("seed", int), ("summary", dict), ("tables", dict), ("timings", dict)):
            if not isinstance(manifest.get(key), kind):
                raise RunFolderError(f"{folder / MANIFEST} holds no {key} of a run")
        try:
            return cls(
                scenario=Scenario.model_validate_json(json.dumps(manifest["scenario"])),
                seed=manifest["seed"],
                tables=read_tables(list(manifest["tables"]), folder),
                summary=manifest["summary"],
                timings=manifest["timings"],
            )
        except ValidationError as error:
            text = explain(error, manifest["scenario"])
        except KeyError as error:
            text = f"{MANIFEST} has no {error}"
        except FileNotFoundError as error:
            text = f"{error} is missing"
        except OSError as error:
            text = error.strerror or str(error).splitlines()[0]
        except (TypeError, ValueError) as error:
            text = str(error).splitlines()[0]
        raise RunFolderError(f"{folder} holds a run that cannot be read: {text}")


def run_folder(scenario: str, seed: int) -> Path:
    """Folder of a run that names none, ``runs/SCENARIO-SEED``."""
    return Path("runs") / f"{scenario}-{seed}"


def verify(folder: str | Path) -> str:
    """Check that the tables of a saved run are those of its manifest.

    Returns
    -------
    str
        The content hash.

    Raises
    ------
    RunFolderError
        If the folder holds no run or its tables have changed.
    """
    result = RunResult.load(folder)
    expected = _read_manifest(Path(folder)).get("content_hash")
    if result.content_hash != expected:
        raise RunFolderError(
            f"the tables in {folder} have changed: their hash is {result.content_hash}, "
            f"the manifest says {expected}"
        )
    return result.content_hash


def check_target(target: Path, *, overwrite: bool = False) -> None:
    """Refuse a run folder that could not be written, before anything is run.

    Raises
    ------
    RunFolderError
        If it exists and may not be replaced, or its parent cannot be written.
    """
    check_folder(target, is_run, overwrite=overwrite)


def versions() -> dict[str, str]:
    """Return versions of Python and of the packages on which results depend."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def is_run(folder: Path) -> bool:
    """Whether a folder was written by `RunResult.save`, in whatever format."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and {"format", "scenario", "content_hash"} <= manifest.keys()


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFolderError(f"{folder} holds no run: there is no {MANIFEST}") from None
    except OSError as error:
        raise RunFolderError(f"{folder / MANIFEST} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{folder / MANIFEST} cannot be read: {error}") from None
    if not isinstance(manifest, dict):
        raise RunFolderError(f"{folder / MANIFEST} is not the manifest of a run")
    if manifest.get("format") != FORMAT:
        raise RunFolderError(
            f"{folder} has format {manifest.get('format')}; this version reads format {FORMAT}"
        )
    return manifest
