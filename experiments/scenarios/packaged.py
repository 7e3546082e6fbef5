"""TOML files that a room of the package ships, and files of the user's own, read by one rule."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from .base import ScenarioError
from .scenario import nearest


def packaged_names(package: str) -> list[str]:
    """Names of the TOML files in a package, sorted."""
    folder = resources.files(package)
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml"))


def packaged_text(package: str, name: str) -> str:
    """Return the text of a packaged TOML file."""
    return (resources.files(package) / f"{name}.toml").read_text(encoding="utf-8")


def read_toml(package: str, source: str | Path, what: str) -> dict[str, Any]:
    """Read a packaged TOML file by its name, or the user's own by its path.

    Parameters
    ----------
    package : str
        Dotted name of the package that ships some, its ``__package__``.
    source : str or Path
        Name of a packaged file without its ending, or a path.
    what : str
        What such a file describes, for messages.

    Raises
    ------
    ScenarioError
        If it is not found, cannot be read, or is not TOML.
    """
    names = packaged_names(package)
    if source in names:
        text = packaged_text(package, str(source))
    else:
        path = Path(source)
        if path.suffix != ".toml" or not path.is_file():
            raise ScenarioError(
                f"no {what} {str(source)!r}{nearest(str(source), names)}; packaged: {', '.join(names)}; "
                "or give the path of a .toml file"
            )
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(f"{what} file {path} cannot be read: {error}") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{source} is not TOML: {error}") from None
