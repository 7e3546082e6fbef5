"""Load packaged fits: the population a backtest starts from, fitted before the day it is scored on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ...agents.population import PopulationLaw


@dataclass(frozen=True, eq=False)
class PopulationFit:
    """A fitted population.

    Attributes
    ----------
    name
        Key, the episode's name.
    law
        For `draw_population`.
    total_debt_usd
        Stable debt against the law's collaterals at the start of the day, USD.
    debt_usd
        The same by main collateral.
    diagnostics, window, obtained
        How good the fit is, what data it saw, and how each number came about.
    """

    name: str
    law: PopulationLaw
    total_debt_usd: float
    debt_usd: Mapping[str, float]
    diagnostics: Mapping[str, Any]
    window: Mapping[str, Any]
    obtained: Mapping[str, str]


def _folder() -> Traversable:
    return files("liquidarium.experiments").joinpath("data").joinpath("fits")


def fit_names() -> list[str]:
    """Names that `load_fit` knows, sorted."""
    names = (entry.name for entry in _folder().iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def load_fit(name: str) -> PopulationFit:
    """Read a packaged fit.

    Raises
    ------
    KeyError
        Unknown name; the message lists what exists.
    """
    known = fit_names()
    if name not in known:
        raise KeyError(f"fit {name!r} is not packaged; known fits: {', '.join(known)}")
    data = json.loads(_folder().joinpath(f"{name}.json").read_text())
    return PopulationFit(
        name=data["name"],
        law=PopulationLaw.from_dict(data["law"]),
        total_debt_usd=float(data["total_debt_usd"]),
        debt_usd=data["debt_usd"],
        diagnostics=data["diagnostics"],
        window=data["window"],
        obtained=data["obtained"],
    )
