"""Field-by-field comparison of a contract's answer with ours.

Exact only: no tolerance, no conversion but decimal strings to integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Check = tuple[str, object, object]
"""Field path, expected value, value obtained."""

ABSENT = "(absent)"
"""Stands for a field that one side does not have."""


def normalise(value: Any) -> Any:
    """Turn decimal strings into integers and keys into text, at any depth.

    Parameters
    ----------
    value : JSON value or plain Python value
        Strings that spell an integer become that integer; other values stay.
    """
    if isinstance(value, str):
        digits = value[1:] if value.startswith("-") else value
        return int(value) if digits.isascii() and digits.isdigit() else value
    if isinstance(value, Mapping):
        return {str(key): normalise(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [normalise(item) for item in value]
    return value


def compare(expected: Any, got: Any, path: str = "") -> list[Check]:
    """List every leaf of two nested answers as (path, expected, got).

    Parameters
    ----------
    expected : JSON value
        What the vector holds, usually ``case["out"]``.
    got : nested dict, list, int, bool, str or None
        What the rule answered, in the same shape.
    path : str
        Prefix of the field paths.

    Returns
    -------
    list of Check
        One triplet per leaf; a leaf that only one side has is paired with
        `ABSENT`, and so disagrees.
    """
    return _compare(normalise(expected), normalise(got), path)


def same(expected: object, got: object) -> bool:
    """Whether two leaves are equal and of the same kind (1 is not True)."""
    return isinstance(expected, bool) == isinstance(got, bool) and expected == got


def _compare(expected: Any, got: Any, path: str) -> list[Check]:
    if isinstance(expected, dict) and isinstance(got, dict):
        pairs = [
            (f"{path}.{key}" if path else key, expected.get(key, ABSENT), got.get(key, ABSENT))
            for key in dict.fromkeys((*expected, *got))
        ]
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = [(f"{path}[{i}]", e, g) for i, (e, g) in enumerate(zip(expected, got, strict=True))]
    else:
        return [(path, expected, got)]
    return [check for name, e, g in pairs for check in _compare(e, g, name)]
