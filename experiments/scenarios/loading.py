"""From a name, a file or a scenario, with overrides, to a validated `Scenario`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .base import ScenarioError
from .messages import explain
from .packaged import packaged_names, packaged_text
from .scenario import Scenario, nearest
from .windows import check_windows


def scenario_names() -> list[str]:
    """Names of the packaged scenarios, sorted."""
    return packaged_names(__package__)


def load_scenario(source: str | Path | Scenario, overrides: Sequence[str] = ()) -> Scenario:
    """Load and check a scenario.

    Parameters
    ----------
    source : str, Path or Scenario
        Name of a packaged scenario, path of a TOML file, or a scenario.
    overrides : sequence of str
        ``path.to.key=value`` each, the value in TOML (a bare word is text);
        rows of a list are named by symbol, name or number, as in
        ``assets.ETH.pool.depth_usd=1e6``. A table with a `kind` under a new name adds a group of
        agents: ``agents.more={kind="liquidator"}``.

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
        If it is not found, cannot be read, or cannot run.

    Examples
    --------
    >>> load_scenario("quickstart", ["borrowers.count=50"]).borrowers.count
    50
    """
    if not isinstance(source, str | PathLike | Scenario):
        raise ScenarioError(f"scenario = {source!r}; allowed: a name, a path or a Scenario")
    if isinstance(overrides, str | Mapping) or not all(isinstance(override, str) for override in overrides):
        raise ScenarioError(
            f"overrides = {overrides!r}; allowed: a list of texts such as 'borrowers.count=50'"
        )
    data = source.model_dump(exclude_unset=True) if isinstance(source, Scenario) else _read(source)
    for override in overrides:
        _override(data, override)
    scenario = validate(data)
    check_windows(scenario)
    return scenario


def validate(data: dict[str, Any]) -> Scenario:
    """Return the scenario that `data` describes.

    Raises
    ------
    ScenarioError
        If a key is unknown, a value is not allowed or the scenario cannot run.
    """
    protocol = data.get("protocol")
    if isinstance(protocol, dict):  # what a scenario has that does not name a protocol
        data = data | {"protocol": {"kind": "aave-v2"} | protocol}
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(explain(error, data)) from None


def _read(source: str | Path) -> dict[str, Any]:
    names = scenario_names()
    if isinstance(source, str) and source in names:
        text = packaged_text(__package__, source)
        return _parse(text, source)
    path = Path(source)
    if "\0" in str(source) or (path.suffix != ".toml" and (path.is_dir() or not path.exists())):
        raise ScenarioError(
            f"no scenario {str(source)!r}{nearest(str(source), names)}; packaged: {', '.join(names)}; "
            "or give the path of a .toml file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScenarioError(f"scenario file {path} does not exist") from None
    except OSError as error:
        raise ScenarioError(f"scenario file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"scenario file {path} cannot be read: {error}") from None
    return _from_folder(_parse(text, str(path)), path.resolve().parent)


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{name} is not TOML: {error}") from None


def _from_folder(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Read relative data paths from the folder of the scenario file."""
    prices, borrowers = data.get("prices"), data.get("borrowers")
    if isinstance(prices, dict) and isinstance(prices.get("path"), dict):
        prices["path"] = {
            key: str(folder / value) if isinstance(value, str) else value
            for key, value in prices["path"].items()
        }
    if isinstance(borrowers, dict) and isinstance(borrowers.get("path"), str):
        borrowers["path"] = str(folder / borrowers["path"])
    return data


def _override(data: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise ScenarioError(f"--set {override!r} must read path.to.key=value")
    here: Any = data
    for i, step in enumerate(steps[:-1]):
        if isinstance(here, list | tuple):
            here = here[_row(here, step, ".".join(steps[:i]))]
        else:
            here = _child(here, step)
        if not isinstance(here, dict | list):
            raise ScenarioError(f"--set {override!r}: {'.'.join(steps[: i + 1])} is a value, not a table")
    value = _value(text.strip())
    if steps[:-1] == ["agents"] and isinstance(value, dict) and "kind" in value and _is_new(here, steps[-1]):
        here.append({"name": steps[-1]} | value)
    elif isinstance(here, list):
        here[_row(here, steps[-1], ".".join(steps[:-1]))] = value
    else:
        here[steps[-1]] = value


def _child(table: dict[str, Any], key: str) -> Any:
    child = table.setdefault(key, {})
    if isinstance(child, tuple):
        child = table[key] = list(child)
    return child


def _is_new(rows: Any, name: str) -> bool:
    """Whether no row has this name or number."""
    return isinstance(rows, list) and not name.isdecimal() and name not in _labels(rows)


def _labels(rows: Sequence[Any]) -> list[str]:
    return [
        str(row.get("symbol", row.get("name", i))) if isinstance(row, dict) else str(i)
        for i, row in enumerate(rows)
    ]


def _row(rows: Sequence[Any], step: str, path: str) -> int:
    labels = _labels(rows)
    if step in labels:
        return labels.index(step)
    if step.isdecimal() and int(step) < len(rows):
        return int(step)
    raise ScenarioError(f"{path}.{step} does not exist{nearest(step, labels)}; there are {', '.join(labels)}")


def _value(text: str) -> Any:
    number = re.sub(r"^([+-]?)\.(\d)", r"\g<1>0.\2", text)
    try:
        parsed = tomllib.loads(f"value = {number}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text
