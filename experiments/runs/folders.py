"""Folders that appear whole or not at all, and are never replaced unasked.

Everything is written beside its place and renamed. What is in a folder is the
business of whoever writes it; a `Mark` tells whether a folder is one of theirs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

Mark = Callable[[Path], bool]
"""Whether a folder was written by the program that now wants to replace it."""


class RunFolderError(Exception):
    """A run folder cannot be written or read; the message is one line."""


def write_folder(
    target: Path, write: Callable[[Path], object], mark: Mark, *, overwrite: bool = False, what: str = "run"
) -> None:
    """Write a folder.

    Parameters
    ----------
    target : Path
    write : callable
        Fills the folder it is given.
    mark : callable
        Whether an existing folder may be replaced if `overwrite` is set.
    overwrite : bool
    what : str
        What the folder holds, for messages.

    Raises
    ------
    RunFolderError
        If the folder exists and may not be replaced, or cannot be written.
    """
    check_folder(target, mark, overwrite=overwrite, what=what)
    made = [folder for folder in target.absolute().parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-partial-", dir=target.parent))
    except OSError as error:
        raise RunFolderError(f"cannot write in {target.parent}: {error.strerror}") from None
    try:
        write(partial)
        partial.chmod(0o777 & ~_umask())
        _put(partial, target)
    except OSError as error:
        raise RunFolderError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        for empty in made:
            with contextlib.suppress(OSError):  # it is needed, or somebody else uses it
                empty.rmdir()


def check_folder(target: Path, mark: Mark, *, overwrite: bool = False, what: str = "run") -> None:
    """Refuse a folder that could not be written, before any work is done.

    Raises
    ------
    RunFolderError
        If it exists and may not be replaced, or its parent cannot be written.
    """
    try:
        _partial_name(target).exists()  # longer than the target itself
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            raise RunFolderError(f"{target} is not a folder; name another one")
        if target.exists():
            if not overwrite:
                raise RunFolderError(f"{target} exists; choose another folder or allow it to be overwritten")
            if any(target.iterdir()) and not mark(target):
                raise RunFolderError(
                    f"{target} exists and holds no {what}, so it is not overwritten; name another folder"
                )
    except OSError as error:
        raise RunFolderError(f"cannot write {_short(target)}: {error.strerror}") from None
    parent = target.absolute().parent
    while not (parent.exists() or parent.is_symlink()):
        parent = parent.parent
    if not parent.is_dir():
        raise RunFolderError(f"cannot write {target}: {parent} is not a folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise RunFolderError(f"cannot write {target}: no permission to write in {parent}")


def _partial_name(target: Path) -> Path:
    """Return a name like that of the folder in which a run is written before it is complete."""
    return target.parent / f".{target.name}-partial-12345678"


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _put(partial: Path, target: Path) -> None:
    """Give the finished folder its name; an earlier run steps aside first."""
    if not target.exists():
        partial.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    target.rename(aside / target.name)
    try:
        partial.rename(target)
    except OSError:
        (aside / target.name).rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
