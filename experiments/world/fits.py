"""Fitted populations that travel with the package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class PopulationFit:
    """A fitted population law, its total debt in USD and how it was obtained."""

    law: dict[str, Any]
    total_debt_usd: float
    record: dict[str, Any]


def load_fit(name: str) -> PopulationFit:
    """Read a packaged fit.

    Raises
    ------
    KeyError
        If there is none of this name; the message lists what exists.
    """
    root = files("liquidarium.experiments").joinpath("data").joinpath("fits")
    known = sorted(entry.name.removesuffix(".json") for entry in root.iterdir() if entry.name.endswith(".json"))
    if name not in known:
        raise KeyError(f"fit {name!r} is not packaged; known fits: {', '.join(known)}")
    record = json.loads(root.joinpath(f"{name}.json").read_text())
    return PopulationFit(record["law"], float(record["total_debt_usd"]), record)
