"""Classes that a scenario names: import them and give them their parameters.

Imports only what the user wrote as ``module:Class`` and evaluates nothing.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import re
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from .base import ScenarioError
from .scenario import nearest

T = TypeVar("T")

_TYPE_NAMES = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def import_object(name: str, path: str = "") -> Any:
    """Import what ``module:Class`` names.

    Parameters
    ----------
    name : str
        Dotted module, a colon, the name in it.
    path : str
        Where the scenario says so, for the message.

    Raises
    ------
    ScenarioError
        If the name has another form, the module cannot be imported, or does
        not have the class.

    Examples
    --------
    >>> import_object("fractions:Fraction")(1, 3)
    Fraction(1, 3)
    """
    where = f"{path} = {name!r}" if path else repr(name)
    if not _NAME.fullmatch(name):
        raise ScenarioError(f"{where} must read module:Class, as in my_agents.bots:PatientBot")
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ScenarioError(f"{where}: there is no module {missing!r} on the Python path") from None
        raise ScenarioError(
            f"{where}: module {module_name!r} needs {missing!r}, which is not installed"
        ) from None
    except (Exception, SystemExit) as error:  # whatever the user's module raises while it loads
        raise ScenarioError(
            f"{where}: importing {module_name!r} failed with {type(error).__name__}: {error}"
        ) from error
    if not hasattr(module, attribute):
        raise ScenarioError(
            f"{where}: module {module_name!r} has no {attribute!r}{nearest(attribute, vars(module))}"
        )
    return getattr(module, attribute)


def build_strategy(cls: type[T], parameters: Mapping[str, Any], path: str = "parameters") -> T:
    """Make an instance of `cls` from a table of a scenario.

    Parameters
    ----------
    cls : type
        A strategy: a dataclass, or a class whose ``__init__`` is annotated.
    parameters : mapping
        Values by field; what is left out keeps its default.
    path : str
        Where the table stands in the scenario, for the message.

    Raises
    ------
    ScenarioError
        If a field does not exist (the message names the nearest), has the
        wrong type, is missing, or `cls` refuses its value.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Patient:
    ...     wait_s: float = 1.0
    >>> build_strategy(Patient, {"wait_s": 5})
    Patient(wait_s=5.0)
    >>> build_strategy(Patient, {"wait": 5})
    Traceback (most recent call last):
    ...
    liquidarium.experiments.scenarios.base.ScenarioError: unknown key parameters.wait, did you mean 'wait_s'?
    """
    fields = {
        name: parameter
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    for name in parameters:
        if name not in fields:
            hint = nearest(name, fields) or f"; allowed: {', '.join(fields) or 'none'}"
            raise ScenarioError(f"unknown key {path}.{name}{hint}")
    for name, parameter in fields.items():
        if parameter.default is parameter.empty and name not in parameters:
            raise ScenarioError(f"{path}.{name} is missing; {cls.__name__} has no default for it")
    hints = typing.get_type_hints(cls if dataclasses.is_dataclass(cls) else cls.__init__)
    values = {
        name: _checked(value, hints.get(name, Any), f"{path}.{name}") for name, value in parameters.items()
    }
    try:
        return cls(**values)
    except (ValueError, TypeError) as error:
        raise ScenarioError(f"{path}: {error}") from error


def _checked(value: Any, hint: Any, path: str) -> Any:
    if isinstance(hint, type):
        type_name = _TYPE_NAMES.get(hint, hint.__name__)
    else:
        type_name = str(hint).replace("typing.", "")
    if isinstance(value, bool | str) and hint in (int, float):
        raise ScenarioError(f"{path} = {value!r}; allowed: {type_name}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ScenarioError(f"{path} = {value!r}; allowed: a finite number")
    try:
        return TypeAdapter(hint, config=_config(hint)).validate_python(value)
    except ValidationError:
        raise ScenarioError(f"{path} = {value!r}; allowed: {type_name}") from None


def _config(hint: Any) -> ConfigDict | None:
    """Let a class that pydantic does not know be checked by isinstance; its own models forbid a config."""
    own = dataclasses.is_dataclass(hint) or hasattr(hint, "model_fields") or typing.is_typeddict(hint)
    return None if own else ConfigDict(arbitrary_types_allowed=True)
