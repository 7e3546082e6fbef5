"""What finished runs have measured, kept while long work goes on: a kill loses only what was in flight."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .folders import RunFolderError


class RunJournal:
    """Values of finished runs in a file of lines, the first of which says what they are runs of.

    Parameters
    ----------
    path : Path
        The file; made when the first run is kept.
    settings : mapping
        What the values depend on, as plain data.

    Raises
    ------
    RunFolderError
        If the file belongs to other settings, or cannot be read.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self._first = json.dumps(settings, sort_keys=True)
        self._values: dict[str, list[float]] = {}
        try:
            lines = path.read_bytes().split(b"\n") if path.exists() else []
        except OSError as error:
            raise RunFolderError(f"cannot read {path}: {error.strerror or error}") from None
        whole, torn = lines[:-1], lines[-1] if lines else b""
        if whole and whole[0].decode(errors="replace") != self._first:
            raise RunFolderError(f"{path} keeps runs of other settings; remove it, or name another folder")
        try:
            self._values = dict(json.loads(line) for line in whole[1:])
        except ValueError:
            raise RunFolderError(f"{path} cannot be read; remove it, and its runs are done again") from None
        if torn:  # the last line of somebody who was killed
            os.truncate(path, path.stat().st_size - len(torn))

    def __len__(self) -> int:
        return len(self._values)

    def kept(self, name: str) -> list[float] | None:
        """Return what a run has measured, or None if it has not been done."""
        return self._values.get(name)

    def keep(self, name: str, values: list[float]) -> None:
        """Write down what a run has measured.

        Raises
        ------
        RunFolderError
            If the file cannot be written.
        """
        self._values[name] = values
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = not self.path.exists()
            with self.path.open("a", encoding="utf-8") as file:
                if fresh:
                    file.write(self._first + "\n")
                file.write(json.dumps([name, values]) + "\n")
        except OSError as error:
            raise RunFolderError(f"cannot write {self.path}: {error.strerror or error}") from None


@contextmanager
def journal_beside(folder: Path, settings: Mapping[str, Any]) -> Iterator[RunJournal]:
    """Keep runs in a hidden file beside the folder of the results, until the work is done.

    Raises
    ------
    RunFolderError
        If the file belongs to other settings, or cannot be read.
    """
    journal = RunJournal(folder.parent / f".{folder.name}-runs.jsonl", settings)
    yield journal
    journal.path.unlink(missing_ok=True)
