"""One line for what is wrong with a scenario: the path, the value, what is allowed.

Turns pydantic's findings into messages; finds nothing itself.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from .scenario import Scenario, nearest

_KEYS_FIRST = ("extra_forbidden", "union_tag_invalid")
_KINDS = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}


def explain(error: ValidationError, data: Mapping[str, Any]) -> str:
    """Describe the first finding of `error` about `data` in one line."""
    findings = sorted(error.errors(include_url=False), key=lambda finding: finding["type"] not in _KEYS_FIRST)
    places = [_locate(finding, data) for finding in findings]
    paths = [path for path, _, _ in places]
    chosen = max(range(len(paths)), key=lambda i: (paths[i].startswith(paths[0]), len(paths[i]), -i))
    path, models, field = places[chosen]
    others = len({other for other in paths if not path.startswith(other)})
    more = f" (and {others} more)" if others else ""
    return _message(findings[chosen], path, models, field) + more


def allowed(field: FieldInfo) -> str:
    """Say which values a field takes, from its type and bounds."""
    return _allowed(Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation)


def choose(annotation: Any, data: Any) -> type[BaseModel] | None:
    """Return the section class that `data` belongs to, by its `kind` or `law`."""
    models = _models(annotation)
    if len(models) > 1 and isinstance(data, Mapping):
        for model in models:
            for tag in ("kind", "law"):
                if tag in model.model_fields and data.get(tag) in get_args(
                    model.model_fields[tag].annotation
                ):
                    return model
        return None
    return models[0] if models else None


def _message(finding: Any, path: str, models: list[type[BaseModel]], field: FieldInfo | None) -> str:
    kind, value = finding["type"], finding["input"]
    if kind == "extra_forbidden":
        keys = list(models[0].model_fields) if models else []
        key = path.rpartition(".")[2]
        return f"unknown key {path}{nearest(key, keys) or '; allowed: ' + ', '.join(keys)}"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        tag = finding["ctx"]["discriminator"].strip("'")
        known = [tag_value for model in models for tag_value in get_args(model.model_fields[tag].annotation)]
        listing = f"allowed: {', '.join(known)}"
        if kind == "union_tag_not_found":
            return f"{path}.{tag} is missing; {listing}"
        given = finding["ctx"]["tag"]
        return f"{path}.{tag} = {given!r}{nearest(given, known)}; {listing}"
    range_ = f"; allowed: {allowed(field)}" if field is not None and allowed(field) else ""
    if kind in ("model_type", "model_attributes_type"):  # perhaps of a row or an entry of the field
        range_ = "; allowed: a table"
    if kind == "missing":
        note = f" ({field.description})" if field is not None and field.description else ""
        return f"{path} is missing{note}{range_}"
    if kind == "value_error":
        text = str(finding["ctx"]["error"])
        return f"{path}: {text}" if path else text
    if not range_:
        text = finding["msg"]
        return f"{path} = {_short(value)}: {text[0].lower()}{text[1:]}"
    return f"{path} = {_short(value)}{range_}"


def _short(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool | date | time) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _locate(finding: Any, data: Any) -> tuple[str, list[type[BaseModel]], FieldInfo | None]:
    """Path as the user would write it, the section classes there, and the field itself.

    Pydantic mixes union members into its locations: a step that is no key of
    the data is one of those, unless the finding is that this key is missing.
    """
    loc = finding["loc"]
    path: list[str] = []
    annotation: Any = Scenario
    field: FieldInfo | None = None
    here = data
    for i, step in enumerate(loc):
        if isinstance(step, int) and isinstance(here, Sequence) and step < len(here):
            here = here[step]
            label = here.get("symbol", here.get("name", step)) if isinstance(here, Mapping) else step
            path.append(str(label))
        elif isinstance(here, Mapping) and (
            step in here or (i == len(loc) - 1 and finding["type"] == "missing")
        ):
            path.append(step)
            model = choose(annotation, here)
            here = here.get(step)
            if get_origin(annotation) is dict:
                annotation = get_args(annotation)[1]
                continue
            if model is None:
                continue
            field = model.model_fields.get(step)
            if field is None:  # an unknown key: its section is what matters
                return ".".join(path), [model], None
            annotation = field.annotation
    return ".".join(path), _models(annotation), field


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _allowed(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *metadata = get_args(annotation)
        inner = _allowed(base)
        bounds = _bounds(metadata, " character" if base is str else "")
        return f"{inner} {bounds}" if bounds and inner else inner or bounds
    if origin in (Union, types.UnionType):
        parts = [_allowed(part) for part in get_args(annotation) if part is not type(None)]
        return " or ".join(dict.fromkeys(part for part in parts if part))
    if origin is Literal:
        return ", ".join(str(value) for value in get_args(annotation))
    if origin is dict:
        inner = _allowed(get_args(annotation)[1])
        return f"a table of {'tables' if inner == 'a table' else inner}" if inner else "a table"
    if origin is tuple:
        return "a list"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a table"
    return _KINDS.get(
        annotation, "a UTC time such as 2021-05-19T00:00:00Z" if "datetime" in str(annotation) else ""
    )


def _bounds(metadata: Sequence[Any], counted: str) -> str:
    limits: dict[str, Any] = {}
    for item in metadata:
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern"):
            if getattr(item, name, None) is not None:
                limits[name] = getattr(item, name)
        if isinstance(item, FieldInfo):
            limits.update(_limits_of(item))
    words = []
    if "pattern" in limits:
        words.append(f"that matches {limits['pattern']}")
    if "min_length" in limits:
        words.append(f"of at least {_count(limits['min_length'], counted)}")
    if "max_length" in limits:
        words.append(f"of at most {_count(limits['max_length'], counted)}")
    low = _number(limits, "ge") or _number(limits, "gt", "above ")
    high = _number(limits, "le") or _number(limits, "lt", "below ")
    if low and high:
        upper = f"up to {high}" if "le" in limits else high
        words.append(f"from {low} to {high}" if {"ge", "le"} <= limits.keys() else f"{low}, {upper}")
    elif low:
        words.append(f"from {low}" if "ge" in limits else low)
    elif high:
        words.append(f"up to {high}" if "le" in limits else high)
    return ", ".join(words)


def _count(number: int, counted: str) -> str:
    return f"{number}{counted}{'s' if counted and number > 1 else ''}"


def _number(limits: Mapping[str, Any], name: str, word: str = "") -> str:
    if name not in limits:
        return ""
    limit = limits[name]
    return f"{word}{limit:,}" if isinstance(limit, int) else f"{word}{limit:,.12g}"


def _limits_of(info: FieldInfo) -> dict[str, Any]:
    return {
        name: getattr(item, name)
        for item in info.metadata
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
        if getattr(item, name, None) is not None
    }
