"""What every section of a scenario shares: the strict base class and its error.

Holds no section of its own and reads no files.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict

T = TypeVar("T")

Rows = Annotated[tuple[T, ...], Strict(False)]
"""An array of TOML, kept as a tuple."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A fraction between 0 and 1."""

LARGEST_SEED = 2**63 - 1
"""Largest root seed."""

SYMBOL = r"^[A-Za-z][A-Za-z0-9]{0,11}$"
NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,39}$"


class ScenarioError(ValueError):
    """A scenario cannot run; the message is one line that says what to change."""


def root_seed(seed: int) -> int:
    """Return a root seed as an int.

    Raises
    ------
    ScenarioError
        If it is no whole number from 0 to `LARGEST_SEED`.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number <= LARGEST_SEED:
        raise ScenarioError(f"seed = {seed!r}; allowed: a whole number from 0 to {LARGEST_SEED:,}")
    return number


class Section(BaseModel):
    """A table of a scenario: unknown keys and silent conversions are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def per_asset(value: float | dict[str, float], symbols: Sequence[str]) -> list[float]:
    """One number for each symbol, from a number for all or a table by symbol."""
    if isinstance(value, dict):
        return [value[symbol] for symbol in symbols]
    return [value] * len(symbols)
