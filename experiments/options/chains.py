"""Packaged option chains: what an exchange quoted at one moment."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...market.prices.reference import YEAR_S
from ..scenarios.base import ScenarioError


@dataclass(frozen=True, eq=False)
class OptionChain:
    """Quotes of European options on one asset at one moment.

    Attributes
    ----------
    name, title, asset
        Key, one line, symbol of the underlying.
    snapshot_ts
        When the last quote was read, Unix seconds UTC.
    published_14d_volatility
        Model-free volatility of 14 days that somebody else published for this chain, NaN if nobody did.
    quotes
        One row an option: DataFrame(ts, expiry_ts, strike, type, underlying_usd, index_usd, bid, ask,
        bid_amount, ask_amount, last, mark, mark_volatility, open_interest). `type` is call or put, `strike`
        in USD; `underlying_usd` is the future of the same expiry when the row was read; prices are in units
        of the asset, as the exchange quotes them, amounts in options on one unit, and both NaN where there
        is none or none was recorded; `mark` and `mark_volatility` are the exchange's own.
    """

    name: str
    title: str
    asset: str
    snapshot_ts: int
    published_14d_volatility: float
    quotes: pd.DataFrame

    @property
    def years(self) -> NDArray[np.float64]:
        """From the snapshot to expiry, one for each quote, years of 365 days."""
        return (self.quotes.expiry_ts.to_numpy(np.float64) - self.snapshot_ts) / YEAR_S


def chain_names() -> tuple[str, ...]:
    """Names of the packaged chains."""
    return tuple(_listing()["chains"])


def load_chain(name: str) -> OptionChain:
    """Read a packaged chain; origin and licence are in ``DATA_LICENSES.md``.

    Raises
    ------
    ScenarioError
        If there is none of that name; the text names those there are.
    """
    entry = _listing()["chains"].get(name)
    if entry is None:
        raise ScenarioError(f"chain {name!r} does not exist; allowed: {', '.join(chain_names())}")
    quotes = pd.read_csv(io.BytesIO((_root() / f"{name}.csv.gz").read_bytes()), compression="gzip")
    published = entry["published_14d_volatility"]
    return OptionChain(
        name,
        entry["title"],
        entry["asset"],
        entry["snapshot_ts"],
        float("nan") if published is None else published,
        quotes,
    )


def _root() -> Traversable:
    return files("liquidarium.experiments").joinpath("data", "options")


@lru_cache(maxsize=1)
def _listing() -> dict[str, Any]:
    listing: dict[str, Any] = json.loads((_root() / "options.json").read_text())
    return listing
