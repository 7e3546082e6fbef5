"""What a sweep varies: a key of the scenario, or a set of changes chosen by name."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy import stats

from ..scenarios.base import NAME, Rows, Section

Value = float | int | bool | str
Floats = NDArray[np.float64]


class Choice(Section):
    """A named set of changes, such as a mechanism or a population."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$", description="name of the choice, unique")
    set: Rows[str] = Field(default=(), description="changes to the scenario, each path.to.key=value")


class Factor(Section):
    """One thing that a sweep varies.

    Either `path` with `values`, or `path` with `low` and `high`, or `choices`.

    Raises
    ------
    pydantic.ValidationError
        If it says none of these, or more than one.
    """

    name: str = Field(pattern=NAME, description="column of the results, unique")
    path: str | Rows[str] | None = Field(
        default=None,
        min_length=1,
        description="key of the scenario, path.to.key, or several that take one value",
    )
    scale: float = Field(default=1.0, gt=0, description="the key is set to the value times this")
    values: Rows[Value] = Field(default=(), description="values to take")
    low: float | None = Field(default=None, description="least value of a range")
    high: float | None = Field(default=None, description="largest value of a range")
    law: Literal["uniform", "log-uniform", "normal"] = Field(
        default="uniform", description="how values are spread over a range; normal is cut off at its ends"
    )
    mean: float | None = Field(default=None, description="mean of the normal law; the middle if left out")
    sd: float | None = Field(
        default=None, gt=0, description="standard deviation of the normal law; a quarter if left out"
    )
    whole: bool = Field(default=False, description="round to whole numbers")
    steps: int = Field(default=5, ge=2, le=1000, description="values of a range in a grid")
    choices: Rows[Choice] = Field(default=(), description="named sets of changes")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        ranged = self.low is not None or self.high is not None
        given = [bool(self.values), ranged, bool(self.choices)]
        if sum(given) != 1:
            raise ValueError(f"factor {self.name!r} needs exactly one of values, low and high, or choices")
        if self.choices:
            if self.path is not None:
                raise ValueError(f"factor {self.name!r} has choices, so it takes no path")
            self._refuse_repeats([choice.name for choice in self.choices])
            return self
        if self.path is None:
            raise ValueError(f"factor {self.name!r} needs path, the key of the scenario that it varies")
        if self.scale != 1.0 and any(isinstance(value, str | bool) for value in self.values):
            raise ValueError(f"factor {self.name!r} has scale, so its values must be numbers")
        if self.values:
            self._refuse_repeats(list(self.values))
            return self
        if self.low is None or self.high is None or not self.low < self.high:
            raise ValueError(f"factor {self.name!r} needs low below high, got {self.low} and {self.high}")
        if self.law == "log-uniform" and self.low <= 0:
            raise ValueError(f"factor {self.name!r} is log-uniform, so low must be above 0, got {self.low}")
        if self.law != "normal" and (self.mean is not None or self.sd is not None):
            raise ValueError(f"factor {self.name!r} has mean or sd, which only the normal law takes")
        return self

    def _refuse_repeats(self, values: list[Any]) -> None:
        if len({(type(value) is bool, value) for value in values}) < len(values):
            raise ValueError(f"factor {self.name!r} takes a value twice: {values}")

    @property
    def labels(self) -> tuple[Value, ...]:
        """Values of a factor that is no range, as they stand in the results."""
        return self.values or tuple(choice.name for choice in self.choices)

    def grid(self) -> list[Value]:
        """Return the values that a full grid takes."""
        if self.labels:
            return list(self.labels)
        return list(dict.fromkeys(self.at(np.linspace(0.0, 1.0, self.steps))))

    def at(self, shares: Floats | Sequence[float]) -> list[Value]:
        """Return the values at shares of the distribution, each from 0 to 1."""
        if self.labels:
            last = len(self.labels) - 1
            return [self.labels[min(int(share * len(self.labels)), last)] for share in shares]
        shares = np.asarray(shares, np.float64)
        low, high = self._bounds()
        if self.law == "normal":
            middle = 0.5 * (low + high) if self.mean is None else self.mean
            spread = 0.25 * (high - low) if self.sd is None else self.sd
            law = stats.truncnorm((low - middle) / spread, (high - middle) / spread, middle, spread)
            numbers = law.ppf(shares)
        elif self.law == "log-uniform":
            numbers = low * (high / low) ** shares
        else:
            numbers = low + (high - low) * shares
        if self.whole:
            return [round(float(number)) for number in numbers]
        return [float(f"{number:.12g}") for number in numbers]

    def _bounds(self) -> tuple[float, float]:
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high

    def changes(self, value: Value) -> tuple[str, ...]:
        """Return the changes to the scenario that a value means, each ``path.to.key=value``."""
        for choice in self.choices:
            if choice.name == value:
                return choice.set
        paths = (self.path,) if isinstance(self.path, str) else self.path or ()
        if self.scale != 1.0:
            value = float(f"{float(value) * self.scale:.12g}")
        return tuple(f"{path}={as_toml(value)}" for path in paths)


def as_toml(value: Value) -> str:
    """Write a value as TOML reads it.

    Examples
    --------
    >>> as_toml(0.1), as_toml(True), as_toml("clip")
    ('0.1', 'true', '"clip"')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"values must be finite, got {value}")
    return json.dumps(value) if isinstance(value, str) else repr(value)
