"""Load packaged real data: the days a scenario can replay, and recorded borrower positions.

Everything is read from package data (no network, no path of the user's machine). An episode holds what
happened; what to simulate on it is a scenario's business, and fitted parameters live in `backtest`.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import pandas as pd

#: Liquidated reserves of Aave v2 -> symbol of the bars that price them.
PRICED_AS = {"WETH": "ETH", "WBTC": "BTC", "LINK": "LINK", "AAVE": "AAVE"}


@dataclass(frozen=True)
class Provenance:
    """Where one packaged file comes from.

    Attributes
    ----------
    file
        File name inside the episode's folder.
    what
        Content, window and frequency.
    original_source
        Who first published the data (an exchange, a subgraph).
    repository, path, commit
        Public repository it was cut from; `citation` names every source when several were joined.
    licence, tier
        Licence of that repository; A permissive, B copyleft, C none stated.
    nature
        Why the numbers themselves may be used: exchange prices or public chain events are facts.
    caveats
        Known gaps and defects.
    """

    file: str
    what: str
    original_source: str
    repository: str
    path: str
    commit: str
    citation: str
    licence: str
    tier: str
    nature: str
    caveats: str


@dataclass(frozen=True, eq=False)
class Episode:
    """One recorded stretch of market history.

    Attributes
    ----------
    name, title
        Key and one-line description.
    start_ts, end_ts
        The day to replay, Unix seconds UTC, half open. Bars reach further on both sides.
    bar_seconds
        Length of a bar.
    bars
        Symbol -> DataFrame(ts, open, high, low, close, volume); `ts` is the bar's open in Unix seconds,
        prices in USDT, volume in base units.
    gas
        DataFrame(ts, transactions, p30_gwei, p60_gwei, p90_gwei, p100_gwei), percentiles by minute or by
        10 minutes.
    liquidations
        Real liquidation calls: DataFrame(ts, user, market, collateral, collateral_amount, collateral_usd,
        debt, debt_amount, debt_usd), amounts in tokens, users renumbered from 0.
    hourly
        The same by hour and collateral: DataFrame(ts, hour, collateral, calls, debt_usd, stable_debt_usd,
        collateral_usd), `collateral` by the symbol of `bars` or ``"other"``.
    kicks
        Auctions started by a protocol: DataFrame(ts, lot_eth, tab_dai, n_bidders, final_bid_dai,
        final_lot_eth); the last three say how each ended and are for scores only.
    bids
        What happened to them: DataFrame(ts, auction, event, bidder, bid_dai, lot_eth) with `auction` the row
        of `kicks` and `event` tend, dent or deal; bidders renumbered from 0.
    provenance
        One entry for every packaged file.

    Tables that an episode does not record have no rows and no columns.
    """

    name: str
    title: str
    start_ts: int
    end_ts: int
    bar_seconds: int
    bars: dict[str, pd.DataFrame]
    gas: pd.DataFrame
    liquidations: pd.DataFrame
    hourly: pd.DataFrame
    kicks: pd.DataFrame
    bids: pd.DataFrame
    provenance: tuple[Provenance, ...]

    def day_bars(self, symbol: str) -> pd.DataFrame:
        """Bars of `symbol` inside ``[start_ts, end_ts)``, index reset."""
        bars = self.bars[symbol]
        return bars[(bars.ts >= self.start_ts) & (bars.ts < self.end_ts)].reset_index(drop=True)

    def stable_debt_by_hour(self) -> pd.Series[float]:
        """Real liquidated debt in USDC, USDT and DAI against the priced collaterals, USD per hour."""
        scored = self.hourly[self.hourly.collateral != "other"]
        return scored.groupby("hour").stable_debt_usd.sum()


def _root() -> Traversable:
    return files("liquidarium.experiments").joinpath("data").joinpath("episodes")


def _read_parquet(path: Traversable) -> pd.DataFrame:
    # Bytes, not a path: package data may live inside an archive.
    return pd.read_parquet(io.BytesIO(path.read_bytes()))


def _provenance(listing: dict[str, dict[str, str]]) -> tuple[Provenance, ...]:
    return tuple(Provenance(file=file, **entry) for file, entry in listing.items())


def episode_names() -> list[str]:
    """Names that `load_episode` knows, sorted."""
    return sorted(entry.name for entry in _root().iterdir() if entry.joinpath("episode.json").is_file())


def load_episode(name: str) -> Episode:
    """Read a packaged episode.

    Parameters
    ----------
    name
        One of `episode_names`, for example ``"may-2021"``.

    Raises
    ------
    KeyError
        Unknown name; the message lists what exists.

    Examples
    --------
    >>> episode = load_episode("may-2021")
    >>> sorted(episode.bars)
    ['AAVE', 'BTC', 'ETH', 'LINK']
    >>> len(episode.day_bars("ETH"))
    1440
    """
    known = episode_names()
    if name not in known:
        raise KeyError(f"episode {name!r} is not packaged; known episodes: {', '.join(known)}")
    folder = _root().joinpath(name)
    header: dict[str, Any] = json.loads(folder.joinpath("episode.json").read_text())
    bars = {
        file.removeprefix("bars_").removesuffix(".parquet").upper(): _read_parquet(folder.joinpath(file))
        for file in header["files"]
        if file.startswith("bars_")
    }

    def table(name: str) -> pd.DataFrame:
        file = f"{name}.parquet"
        return _read_parquet(folder.joinpath(file)) if file in header["files"] else pd.DataFrame()

    return Episode(
        name=header["name"],
        title=header["title"],
        start_ts=header["start_ts"],
        end_ts=header["end_ts"],
        bar_seconds=header["bar_seconds"],
        bars=bars,
        gas=_read_parquet(folder.joinpath("gas.parquet")),
        liquidations=table("liquidations"),
        hourly=table("hourly"),
        kicks=table("kicks"),
        bids=table("bids"),
        provenance=_provenance(header["files"]),
    )


def position_table_names() -> list[str]:
    """Names that `load_positions` knows, sorted."""
    names = (entry.name for entry in _root().joinpath("positions").iterdir())
    return sorted(name.removesuffix(".parquet") for name in names if name.endswith(".parquet"))


def load_positions(name: str) -> pd.DataFrame:
    """Read a recorded table of borrower positions (June 2023, no addresses), largest debt first.

    Parameters
    ----------
    name
        One of `position_table_names`.

    Returns
    -------
    DataFrame
        ``collateral_value, debt_value`` (ETH for Aave v2, USD for v3), ``liquidation_threshold``
        (fraction), ``health_factor``, and debts by asset where recorded (ETH).

    Raises
    ------
    KeyError
        Unknown name; the message lists what exists.
    """
    known = position_table_names()
    if name not in known:
        raise KeyError(f"position table {name!r} is not packaged; known tables: {', '.join(known)}")
    return _read_parquet(_root().joinpath("positions").joinpath(f"{name}.parquet"))


def position_provenance() -> tuple[Provenance, ...]:
    """Where the position tables come from, one entry for every file."""
    listing = json.loads(_root().joinpath("positions").joinpath("positions.json").read_text())
    return _provenance(listing["files"])
