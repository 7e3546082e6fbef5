"""TOML files that a room of the package ships, and files of the user's own, read by one rule."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from .base import ScenarioError, Section
from .scenario import nearest

Plan = TypeVar("Plan", bound=Section)


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


def read_plan(model: type[Plan], package: str, source: str | Path, what: str) -> Plan:
    """Read a plan of many runs of a scenario; a scenario's file is looked for beside the plan.

    Parameters
    ----------
    model : type
        What the plan is, with a field `scenario`.
    package, source, what
        As `read_toml`.

    Raises
    ------
    ScenarioError
        If it is not found, cannot be read, or is not valid.
    """
    data = read_toml(package, source, what)
    scenario = data.get("scenario")
    if isinstance(scenario, str) and scenario.endswith(".toml"):  # wherever workers start
        data["scenario"] = str(Path(source).resolve().parent / scenario)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(f"{source}: {_first_finding(error, model)}") from None


def _first_finding(error: ValidationError, model: type[Section]) -> str:
    """Describe in one line what is wrong: the key, the value, what is allowed."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    if first["type"] == "value_error":
        text = str(first["ctx"]["error"])
        return f"{where}: {text}" if where else text
    if first["type"] == "extra_forbidden":
        keys = list(model.model_fields) if len(first["loc"]) == 1 else []
        return f"unknown key {where}{nearest(where, keys)}"
    if first["type"] == "missing":
        return f"{where} is missing"
    text = first["msg"]
    return f"{where} = {first['input']!r:.60}: {text[0].lower()}{text[1:]}"
