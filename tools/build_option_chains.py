"""Cut the packaged option chains from the research data.

Reads ``<research>/data/options`` and writes ``experiments/data/options``: one row an option, in one form for
all chains, and where each is from. Running it twice gives the same bytes. It is a maintenance script: it is
not packaged and nothing in the package needs it.

    python tools/build_option_chains.py ../shared
"""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from build_may_2021 import provenance, read_sources

BTC = "options/deribit_btc_option_chain_2020-05-21.csv.gz"
ETH = "options/deribit_eth_options_near_next_2021-10-01_and_2022-01-27.csv.gz"
TARGET = Path(__file__).resolve().parents[1] / "experiments" / "data" / "options"
RENAMED = "Columns renamed; volatilities as fractions; Greeks of the exchange left out."


def seconds(stamps: pd.Series) -> pd.Series:
    """Unix seconds of ISO stamps."""
    return (pd.to_datetime(stamps, utc=True) - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)


def btc(research: Path) -> pd.DataFrame:
    """Return the BTC chain in the common form."""
    raw = pd.read_csv(research / "data" / BTC)
    return pd.DataFrame(
        {
            "ts": raw.ts_ms / 1000,
            "expiry_ts": raw.expiration_timestamp // 1000,
            "strike": raw.strike,
            "type": raw.option_type,
            "underlying_usd": raw.underlying_price,
            "index_usd": raw.index_price,
            "bid": raw.best_bid_price,
            "ask": raw.best_ask_price,
            "bid_amount": raw.best_bid_amount,
            "ask_amount": raw.best_ask_amount,
            "last": raw.last_price,
            "mark": raw.mark_price,
            "mark_volatility": raw.mark_iv / 100,
            "open_interest": raw.open_interest,
        }
    )


def eth(research: Path, snapshot: str) -> pd.DataFrame:
    """Return one of the ETH chains in the common form."""
    raw = pd.read_csv(research / "data" / ETH)
    raw = raw[raw.snapshot_utc == snapshot]
    return pd.DataFrame(
        {
            "ts": seconds(raw.timestamp),
            "expiry_ts": seconds(raw.expirationDate).astype(int),
            "strike": raw.strikePrice,
            "type": raw.optionType,
            "underlying_usd": raw.underlyingPrice,
            "index_usd": raw.index_price,
            "bid": raw.bestBidPrice,
            "ask": raw.bestAskPrice,
            "bid_amount": raw.bestBidAmount,
            "ask_amount": raw.bestAskAmount,
            "last": float("nan"),
            "mark": raw.markPrice,
            "mark_volatility": raw.markIV / 100,
            "open_interest": raw.openInterest,
        }
    )


def main() -> None:
    """Write the chains and their listing."""
    research = Path(sys.argv[1])
    sources = read_sources(research)
    published = pd.read_csv(research / "data" / ETH).groupby("snapshot_utc").mfiv_14d_published.first()
    TARGET.mkdir(parents=True, exist_ok=True)
    listing: dict[str, Any] = {"chains": {}, "files": {}}
    for name, asset, snapshot, source in (
        ("btc-2020-05-21", "BTC", "2020-05-21T23:22:36", BTC),  # when its last row was read
        ("eth-2021-10-01", "ETH", "2021-10-01T07:02:00", ETH),
        ("eth-2022-01-27", "ETH", "2022-01-27T01:00:00", ETH),
    ):
        table = btc(research) if source == BTC else eth(research, snapshot)
        table = table.sort_values(["expiry_ts", "strike", "type"]).round({"ts": 3, "mark_volatility": 6})
        for side in ("bid", "ask"):
            table[side] = table[side].where(table[side] > 0.0)
        text = io.StringIO()
        table.to_csv(text, index=False)
        (TARGET / f"{name}.csv.gz").write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
        listing["chains"][name] = {
            "title": f"Deribit options on {asset}, {snapshot[:16].replace('T', ' ')} UTC",
            "asset": asset,
            "snapshot_ts": int(pd.Timestamp(snapshot, tz="UTC").timestamp()),
            "published_14d_volatility": None if source == BTC else round(float(published[snapshot]) / 100, 6),
        }
        what = f"Deribit options on {asset}, best quotes at {snapshot[:16].replace('T', ' ')} UTC"
        entry = provenance(sources[source], what, RENAMED)
        entry["nature"] = "facts: exchange prices"
        listing["files"][f"{name}.csv.gz"] = entry
    (TARGET / "options.json").write_text(json.dumps(listing, indent=1) + "\n")


if __name__ == "__main__":
    main()
