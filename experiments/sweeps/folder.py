"""A sweep's own folder: which plan it belongs to, which runs are done, which failed.

Every run has a file of its own, written beside its place and renamed, so that any number
of processes, on any number of machines, may write at once and may be killed at any time.
A run counts as done when its row is there; what else it keeps was written before.

    sweep.json                      the plan, the scenario, versions
    runs/seed=2/000007.parquet      factors and metrics of the run at point 7 with seed 2
    tables/NAME/seed=2/000007.parquet
    failed/seed=2/000007.json       seed, settings and traceback of a run that raised
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds

from ..runs.folders import RunFolderError
from ..runs.result import versions
from .plan import Job, SweepPlan

DESCRIPTION = "sweep.json"
FORMAT = 1

RUNS, TABLES, FAILED = "runs", "tables", "failed"


def check_plan(folder: Path, plan: SweepPlan) -> None:
    """See that a folder is that of this sweep, or may become it; write nothing.

    Raises
    ------
    RunFolderError
        If it belongs to another sweep or holds something else.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise RunFolderError(f"{folder} is not a folder; name another one")
        if not (folder / DESCRIPTION).exists():
            if folder.is_dir() and any(_visible(folder)):
                raise RunFolderError(f"{folder} holds no sweep, and something else; name another folder")
            return
    except OSError as error:
        raise RunFolderError(f"cannot read {folder}: {error.strerror}") from None
    known, record = read_description(folder), json.loads(json.dumps(plan.record()))
    found = list(_differences({key: known.get(key) for key in record}, record))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise RunFolderError(
            f"{folder} belongs to another sweep: {found[0]}{more}; name another folder, or remove this one"
        )


def open_folder(folder: Path, plan: SweepPlan) -> None:
    """Make the folder of a sweep if it is not there.

    Raises
    ------
    RunFolderError
        If it cannot be written, or another sweep was faster.
    """
    described = folder / DESCRIPTION
    try:
        if not described.exists():
            folder.mkdir(parents=True, exist_ok=True)
            known = {"format": FORMAT, **plan.record(), "versions": versions()}
            text = json.dumps(known, indent=2) + "\n"
            write_once(described, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise RunFolderError(f"cannot write in {folder}: {error.strerror}") from None
    check_plan(folder, plan)


def read_description(folder: Path) -> dict[str, Any]:
    """Return what a sweep's folder says of itself.

    Raises
    ------
    RunFolderError
        If the folder holds no sweep, or one of a newer version.
    """
    try:
        known = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{folder} holds no sweep: {DESCRIPTION} cannot be read ({error})") from None
    if not isinstance(known, dict) or known.get("format") != FORMAT:
        raise RunFolderError(f"{folder / DESCRIPTION} is not of format {FORMAT}")
    return known


def place(folder: Path, kind: str, job: Job, ending: str) -> Path:
    """Where something of a run lies."""
    return folder / kind / f"seed={job.seed}" / f"{job.point:06d}.{ending}"


def finished(folder: Path) -> set[Job]:
    """Return the runs that are done."""
    return set(_jobs(folder / RUNS, "parquet"))


def failures(folder: Path) -> set[Job]:
    """Return the runs that raised."""
    return set(_jobs(folder / FAILED, "json"))


def write_run(folder: Path, job: Job, row: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    """Write what a run leaves, its row last; an earlier failure is forgotten."""
    for name, table in tables.items():
        kept = table.assign(point=job.point)
        target = place(folder, f"{TABLES}/{name}", job, "parquet")
        write_once(target, lambda path, kept=kept: kept.to_parquet(path, index=False))  # type: ignore[misc]
    frame = pd.DataFrame([{"point": job.point, **row}])
    write_once(place(folder, RUNS, job, "parquet"), lambda path: frame.to_parquet(path, index=False))
    place(folder, FAILED, job, "json").unlink(missing_ok=True)


def write_failure(folder: Path, job: Job, what: Mapping[str, Any]) -> None:
    """Write down that a run raised."""
    text = json.dumps({"point": job.point, "seed": job.seed, **what}, indent=2) + "\n"
    write_once(place(folder, FAILED, job, "json"), lambda path: path.write_text(text, encoding="utf-8"))


def remove_partials(folder: Path) -> None:
    """Remove what killed processes left half written; only once every run is done."""
    for partial in folder.glob("**/.*.*-*"):
        partial.unlink(missing_ok=True)


def write_once(target: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a name of this process and give it its own when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name}.{socket.gethostname()}-{os.getpid()}"
    try:
        write(partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def load_sweep(folder: str | Path) -> pd.DataFrame:
    """Return the runs of a sweep that are done.

    Returns
    -------
    DataFrame
        A row for each run, by point and seed: ``point``, ``seed``, a column for each factor
        and for each metric.

    Raises
    ------
    RunFolderError
        If the folder holds no sweep, or no run is done.
    """
    read_description(Path(folder))
    return _read(Path(folder) / RUNS)


def load_sweep_table(folder: str | Path, name: str) -> pd.DataFrame:
    """Return a result table of all runs that are done, as the plan's `tables` kept it.

    Raises
    ------
    RunFolderError
        If the folder holds no sweep, or the table was not kept.
    """
    read_description(Path(folder))
    return _read(Path(folder) / TABLES / name)


def _read(root: Path) -> pd.DataFrame:
    files = sorted(str(file) for file in root.glob("seed=*/*.parquet") if not file.name.startswith("."))
    if not files:
        raise RunFolderError(f"{root} holds no finished run")
    seeds = ds.partitioning(flavor="hive")
    rows = ds.dataset(files, partitioning=seeds, partition_base_dir=str(root)).to_table()
    frame: pd.DataFrame = rows.to_pandas()
    frame["seed"] = frame.seed.astype("int64")
    first = ["point", "seed"]
    frame = frame[[*first, *(column for column in frame.columns if column not in first)]]
    return frame.sort_values(first, kind="stable", ignore_index=True)


def _jobs(root: Path, ending: str) -> Iterator[Job]:
    for folder in root.glob("seed=*"):
        seed = int(folder.name.partition("=")[2])
        for entry in os.scandir(folder):
            if entry.name.endswith(f".{ending}") and not entry.name.startswith("."):
                yield Job(int(entry.name.partition(".")[0]), seed)


def _visible(folder: Path) -> Iterator[str]:
    return (entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))


def _differences(known: Any, asked: Any, path: str = "") -> Iterator[str]:
    """Say where two records differ, one line each."""
    if isinstance(known, dict) and isinstance(asked, dict):
        for key in sorted(known.keys() | asked.keys()):
            yield from _differences(known.get(key), asked.get(key), f"{path}.{key}" if path else key)
    elif isinstance(known, list) and isinstance(asked, list) and len(known) == len(asked):
        for i, (one, other) in enumerate(zip(known, asked, strict=True)):
            yield from _differences(one, other, f"{path}.{i}")
    elif known != asked:
        yield f"{path} is {_short(known)} there and {_short(asked)} here"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
