"""Cut the packaged episode `black-thursday` from the research data.

Reads ``<research>/data`` and writes address-free Parquet files with an ``episode.json`` that
names, for every file, its source. Running it twice gives the same bytes. A maintenance
script: it is not packaged and nothing in the package needs it.

    python tools/build_black_thursday.py ../shared
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from build_may_2021 import provenance, read_sources, write_parquet

DAY_START = int(pd.Timestamp("2020-03-12", tz="UTC").timestamp())
DAY_END = DAY_START + 86_400
PRICES = "prices/2020-03_black_thursday/"
ETH = PRICES + "ethusdt_5m_binance_spot.csv.gz"
DAI = PRICES + "daiusd_10min_2020-03-12.csv.gz"
GAS = PRICES + "ethereum_gas_price_1min_2020-03-12.csv.gz"
AUCTIONS = "liquidations/maker_eth_a_flip_auctions_2020-03-12.csv.gz"
EVENTS = "liquidations/maker_eth_a_flip_events_2020-03-12.csv.gz"
OHLCV = ["ts", "open", "high", "low", "close", "volume"]

Entries = dict[str, dict[str, str]]


def build_bars(research: Path, target: Path, sources: Entries) -> Entries:
    """Write the bars of ETH and of DAI, refusing gaps; return their provenance by file name."""
    entries = {}
    cuts = (
        (
            "eth",
            ETH,
            300,
            DAY_START - 86_400,
            DAY_END + 86_400,
            "ETH/USDT spot, 5-minute OHLCV, 11 to 13 March 2020",
        ),
        ("dai", DAI, 600, DAY_START, DAY_END, "DAI/USD, 10-minute OHLCV, 12 March 2020"),
    )
    for symbol, source, step, start, end, what in cuts:
        bars = pd.read_csv(research / "data" / source)[OHLCV]
        bars = bars[(bars.ts >= start) & (bars.ts < end)].reset_index(drop=True)
        if not (bars.ts.diff().dropna() == step).all() or len(bars) != (end - start) // step:
            raise ValueError(f"{source}: the cut has gaps")
        bars = bars.astype(dict.fromkeys(OHLCV[1:], "float64"))
        write_parquet(bars, target / f"bars_{symbol}.parquet")
        entries[f"bars_{symbol}.parquet"] = provenance(sources[source], what, "The cut has no gap.")
    return entries


def build_gas(research: Path, target: Path, sources: Entries) -> Entries:
    """Write gas prices by minute, wei to gwei; minutes without a block keep the price before."""
    raw = pd.read_csv(research / "data" / GAS).sort_values("ts").reset_index(drop=True)
    gas = pd.DataFrame({"ts": raw.ts.astype("int64"), "transactions": raw.doc_count.astype("int64")})
    for level in (30, 60, 90, 100):
        gas[f"p{level}_gwei"] = (raw[f"{level}.0 Perc"].astype("float64") / 1e9).ffill()
    write_parquet(gas, target / "gas.parquet")
    what = "Ethereum gas price of 2020-03-12, 1-minute percentiles 30/60/90/100 (gwei)"
    note = "Converted from wei to gwei; these minutes keep the price of the minute before."
    return {"gas.parquet": provenance(sources[GAS], what, note)}


def build_auctions(research: Path, target: Path, sources: Entries) -> Entries:
    """Write kicks and, for fits and scores only, every bid and how it ended; accounts renumbered."""
    raw = pd.read_csv(research / "data" / AUCTIONS).sort_values("flip_id").reset_index(drop=True)
    auction = {number: i for i, number in enumerate(raw.flip_id)}
    kicks = pd.DataFrame(
        {
            "ts": raw.kick_ts.astype("int64"),
            "lot_eth": raw.kick_lot_eth.astype("float64"),
            "tab_dai": raw.tab_dai.astype("float64"),
            "n_bidders": raw.n_bidders.astype("int16"),
            "final_bid_dai": raw.final_bid_dai.astype("float64"),
            "final_lot_eth": raw.final_lot_eth.astype("float64"),
        }
    )
    write_parquet(kicks, target / "kicks.parquet")
    events = pd.read_csv(research / "data" / EVENTS)
    events = events[events.event.isin(["tend", "dent", "deal"])]
    order = pd.to_numeric(events.ts).to_numpy().argsort(kind="stable")
    events = events.iloc[order]
    bids = pd.DataFrame(
        {
            "ts": pd.to_numeric(events.ts).astype("int64").to_numpy(),
            "auction": pd.to_numeric(events.flip_id).map(auction).astype("int32").to_numpy(),
            "event": events.event.to_numpy(),
            "bidder": pd.factorize(events.from_short)[0].astype("int16"),
            "bid_dai": events.bid_dai.to_numpy(dtype="float64"),
            "lot_eth": events.lot_eth.to_numpy(dtype="float64"),
        }
    )
    write_parquet(bids, target / "bids.parquet")
    note = "Auctions and bidders renumbered; ids 627 to 3172 became 0 to 2545. Addresses and hashes removed."
    return {
        "kicks.parquet": provenance(
            sources[AUCTIONS], "Maker ETH-A flip auctions kicked on 2020-03-12, one row each", note
        ),
        "bids.parquet": provenance(sources[EVENTS], "Their bids (tend, dent) and settlements (deal)", note),
    }


def main(research: Path) -> None:
    """Write the episode."""
    target = Path(__file__).resolve().parents[1] / "experiments" / "data" / "episodes" / "black-thursday"
    target.mkdir(parents=True, exist_ok=True)
    sources = read_sources(research)
    files = (
        build_bars(research, target, sources)
        | build_gas(research, target, sources)
        | build_auctions(research, target, sources)
    )
    header = {
        "name": "black-thursday",
        "title": "12 March 2020: ETH loses a third in a day, Maker's auctions clear at next to nothing",
        "start_ts": DAY_START,
        "end_ts": DAY_END,
        "bar_seconds": 300,
        "files": files,
    }
    (target / "episode.json").write_text(json.dumps(header, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
