"""A scenario as TOML, each value with its meaning, as `liquidarium show` prints it.

What it writes can be loaded again; comments come from the field descriptions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from .scenario import Scenario

_WIDTH = 40
"""Column at which comments begin."""


def to_toml(scenario: Scenario, comments: bool = True) -> str:
    """Write a scenario as TOML, defaults included.

    Parameters
    ----------
    scenario : Scenario
    comments : bool
        Say behind each value what it is and in which unit.

    Examples
    --------
    >>> from .loading import load_scenario
    >>> print(to_toml(load_scenario("quickstart")).splitlines()[2])
    seed = 7                                # root of all random streams
    """
    return "\n".join(_table(scenario, "", comments)).strip() + "\n"


def _table(section: BaseModel, path: str, comments: bool) -> Iterator[str]:
    nested: list[tuple[str, Any]] = []
    fields = sorted(type(section).model_fields.items(), key=lambda item: item[0] not in ("kind", "law"))
    for name, field in fields:  # what decides on the others comes first
        value = getattr(section, name)
        if value is None or (
            name == "protocol" and bool(getattr(section, "protocols", False))
        ):  # one of them runs
            continue
        if isinstance(value, BaseModel) or _is_rows(value) or (isinstance(value, dict) and _is_tables(value)):
            nested.append((name, value))
        elif value != {}:
            line = f"{name} = {_value(value)}"
            yield f"{line:<{_WIDTH - 1}} # {field.description}" if comments and field.description else line
    for name, value in nested:
        here = f"{path}.{name}" if path else name
        if isinstance(value, BaseModel):
            yield from ("", f"[{here}]")
            yield from _table(value, here, comments)
        elif isinstance(value, dict):
            for key, row in value.items():
                yield from ("", f"[{here}.{key}]")
                yield from _table(row, f"{here}.{key}", comments)
        else:
            for row in value:
                yield from ("", f"[[{here}]]")
                yield from _table(row, here, comments)


def _is_rows(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], BaseModel)


def _is_tables(value: Mapping[str, Any]) -> bool:
    return bool(value) and all(isinstance(row, BaseModel) for row in value.values())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S") + (
            f".{value.microsecond:06d}Z" if value.microsecond else "Z"
        )
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)
