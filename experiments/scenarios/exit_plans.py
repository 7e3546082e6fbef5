"""The exit of a strategy as a scenario writes it: a name, or a table with a kind and options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...agents.strategies.exits import AT_ONCE, SCHEDULES, Exit, Schedule
from .base import ScenarioError
from .objects import build_strategy, import_object
from .scenario import nearest

KINDS = (*AT_ONCE, *SCHEDULES)
"""Names of all packaged exits."""


def read_exit(value: Any, path: str, names: Sequence[str] = KINDS) -> Exit:
    """Return the exit that a scenario asks for.

    Parameters
    ----------
    value : str or mapping
        ``"twap"`` for a schedule as it comes, ``{ kind = "twap", slices = 20 }`` to change it, or
        ``module:Class`` for one of one's own.
    path : str
        Where it stands in the scenario, for the message.
    names : sequence of str
        What the message says is allowed there.

    Raises
    ------
    ScenarioError
        If there is no such exit, or an option is unknown or out of range.

    Examples
    --------
    >>> read_exit({"kind": "twap", "slices": 4}, "exit")
    Twap(horizon_s=600.0, slices=4)
    >>> read_exit({"kind": "twap", "slices": 0}, "exit")
    Traceback (most recent call last):
    ...
    liquidarium.experiments.scenarios.base.ScenarioError: exit: slices must be from 1 to 10,000, got 0
    """
    options = dict(value) if isinstance(value, Mapping) else {"kind": value}
    if "kind" not in options:
        raise ScenarioError(f"{path}.kind is missing; allowed: {', '.join(names)} or module:Class")
    kind = options.pop("kind")
    if kind in AT_ONCE:
        if options:
            raise ScenarioError(f"{path}.{next(iter(options))} does nothing for exit = {kind!r}")
        return str(kind)
    if isinstance(kind, str) and ":" in kind:
        chosen = import_object(kind, path)
        if not (isinstance(chosen, type) and issubclass(chosen, Schedule)):
            raise ScenarioError(
                f"{path} = {kind!r} must be a class derived from agents.strategies.exits.Schedule"
            )
    elif isinstance(kind, str) and kind in SCHEDULES:
        chosen = SCHEDULES[kind]
    else:
        hint = nearest(kind, names) if isinstance(kind, str) else ""
        raise ScenarioError(f"{path} = {kind!r}{hint}; allowed: {', '.join(names)} or module:Class")
    return build_strategy(chosen, options, path)
