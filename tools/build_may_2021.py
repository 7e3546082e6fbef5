"""Cut the packaged episode `may-2021` and the position tables from the research data.

Reads ``<research>/data`` (``PROVENANCE.md`` lists what is there) and writes address-free Parquet files with
an ``episode.json`` that names, for every file, its source. Running it twice gives the same bytes. It is
a maintenance script: it is not packaged and nothing in the package needs it.

    python tools/build_may_2021.py ../shared
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DAY_START = int(pd.Timestamp("2021-05-19", tz="UTC").timestamp())
DAY_END = DAY_START + 86_400
BARS_START = int(pd.Timestamp("2021-05-14", tz="UTC").timestamp())
BARS_END = int(pd.Timestamp("2021-05-22", tz="UTC").timestamp())
STABLES = ("USDC", "USDT", "DAI")
#: Reserve of Aave v2 -> symbol of the bars that price it.
PRICED_AS = {"WETH": "ETH", "WBTC": "BTC", "LINK": "LINK", "AAVE": "AAVE"}
EVENTS = "liquidations/aave_v2_liquidation_calls_2020-12_2022-04.csv.gz"
GAS = "prices/maker_study_days/ethereum_gas_price_10min_7_days.csv.gz"
POSITIONS = {
    "aave_v2_steth": "positions/aave_v2_steth_collateral_borrowers_2023.csv.gz",
    "aave_v2_steth_stable_debt": "positions/aave_v2_steth_collateral_stablecoin_borrowers_2023.csv.gz",
    "aave_v3_wsteth": "positions/aave_v3_wsteth_collateral_borrowers_2023-06.csv.gz",
}


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Zstandard Parquet without pandas metadata (which would name versions)."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, path, compression="zstd", compression_level=19)


def read_sources(research: Path) -> dict[str, dict[str, str]]:
    """Rows of PROVENANCE.md by file name."""
    keys = ("file", "what", "window", "frequency", "rows", "columns", "original_source")
    keys += ("repository", "licence", "tier", "caveats")
    sources = {}
    for line in (research / "data" / "PROVENANCE.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == len(keys):
            row = dict(zip(keys, cells, strict=True))
            sources[row["file"]] = row
    return sources


def provenance(source: dict[str, str], what: str, note: str) -> dict[str, str]:
    """One provenance entry of `episode.json`; repository, path and commit are the first of the citation."""
    repository, _, rest = source["repository"].partition(", ")
    found_path, found_commit = re.search(r"`([^`]+)`", rest), re.search(r"commit ([0-9a-f]{40})", rest)
    if found_path is None or found_commit is None:
        raise ValueError(
            f"PROVENANCE row of {source['file']} names no path or commit: {source['repository']}"
        )
    tier = source["tier"]
    fact = "facts: exchange prices" if "prices/" in source["file"] else "facts: public chain events"
    return {
        "what": what,
        "original_source": source["original_source"],
        "repository": repository,
        "path": found_path.group(1),
        "commit": found_commit.group(1),
        "citation": source["repository"],
        "licence": source["licence"],
        "tier": tier,
        "nature": fact,
        "caveats": " ".join(part for part in (source["caveats"], note) if part),
    }


def build_bars(research: Path, target: Path, sources: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Write 1-minute bars of 14-21 May 2021, refusing gaps; return their provenance by file name."""
    entries = {}
    for symbol in PRICED_AS.values():
        name = f"prices/2021-05_crash/{symbol.lower()}usdt_1m_binance_spot.csv.gz"
        bars = pd.read_csv(research / "data" / name)
        bars = bars[(bars.ts >= BARS_START) & (bars.ts < BARS_END)].reset_index(drop=True)
        if not (bars.ts.diff().dropna() == 60).all() or bars.ts.iloc[0] != BARS_START:
            raise ValueError(f"{name}: bars of 14-21 May 2021 have gaps")
        for column in ("open", "high", "low", "close", "volume"):
            bars[column] = bars[column].astype("float64")
        file = f"bars_{symbol.lower()}.parquet"
        write_parquet(bars, target / file)
        last = pd.Timestamp(int(bars.ts.iloc[-1]), unit="s").strftime("%Y-%m-%d %H:%M")
        what = f"{symbol}/USDT spot, 1-minute OHLCV, 2021-05-14 00:00 to {last} UTC"
        note = "The cut of 14-21 May has no gap."
        entries[file] = provenance(sources[name], what, note)
    return entries


def build_gas(research: Path, target: Path, sources: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Write gas price percentiles of 19 May 2021, wei to gwei; return their provenance by file name."""
    raw = pd.read_csv(research / "data" / GAS)
    raw = raw[raw.day == "2021-05-19"].sort_values("ts").reset_index(drop=True)
    gas = pd.DataFrame({"ts": raw.ts.astype("int64"), "transactions": raw.doc_count.astype("int64")})
    for level in (30, 60, 90, 100):
        gas[f"p{level}_gwei"] = raw[f"{level}.0 Perc"].astype("float64") / 1e9
    write_parquet(gas, target / "gas.parquet")
    what = "Ethereum gas price of 2021-05-19, 10-minute percentiles 30/60/90/100 (gwei)"
    return {"gas.parquet": provenance(sources[GAS], what, "Converted from wei to gwei.")}


def build_liquidations(
    research: Path, target: Path, sources: dict[str, dict[str, str]]
) -> dict[str, dict[str, str]]:
    """Write the real liquidations of 19 May 2021 by event and by hour, with users renumbered."""
    raw = pd.read_csv(research / "data" / EVENTS)
    raw = raw[(raw.ts >= DAY_START) & (raw.ts < DAY_END)].sort_values(
        ["ts", "user", "collateral", "debt_usd"]
    )
    events = pd.DataFrame({"ts": raw.ts.astype("int64"), "user": pd.factorize(raw.user)[0].astype("int32")})
    for column in ("market", "collateral", "debt"):
        events[column] = raw[column].to_numpy()
    for column in ("collateral_amount", "debt_amount", "collateral_usd", "debt_usd"):
        events[column] = raw[column].to_numpy(dtype="float64")
    columns = ["ts", "user", "market", "collateral", "collateral_amount", "collateral_usd"]
    events = events[[*columns, "debt", "debt_amount", "debt_usd"]]
    write_parquet(events, target / "liquidations.parquet")

    main = events[events.market == "aave_v2_main"]
    rows = pd.DataFrame(
        {
            "hour": (main.ts - DAY_START) // 3600,
            "collateral": main.collateral.map(PRICED_AS).fillna("other"),
            "calls": 1,
            "debt_usd": main.debt_usd,
            "stable_debt_usd": main.debt_usd.where(main.debt.isin(STABLES), 0.0),
            "collateral_usd": main.collateral_usd,
        }
    )
    index = pd.MultiIndex.from_product(
        [range(24), [*PRICED_AS.values(), "other"]], names=["hour", "collateral"]
    )
    hourly = rows.groupby(["hour", "collateral"]).sum().reindex(index, fill_value=0).reset_index()
    hourly.insert(0, "ts", DAY_START + hourly.hour * 3600)
    hourly["calls"] = hourly.calls.astype("int64")
    write_parquet(hourly, target / "hourly.parquet")
    source = sources[EVENTS]
    note = "Users are renumbered 0..n in order of first call; no address, no liquidator."
    return {
        "liquidations.parquet": provenance(
            source, "Aave v2 liquidation calls of 2021-05-19 (UTC) by event", note
        ),
        "hourly.parquet": provenance(
            source,
            "Aave v2 main market liquidations of 2021-05-19 by hour and collateral (WETH as ETH, WBTC as "
            "BTC); stable_debt_usd counts USDC, USDT and DAI debts",
            note,
        ),
    }


def build_positions(
    research: Path, target: Path, sources: dict[str, dict[str, str]]
) -> dict[str, dict[str, str]]:
    """Write the position tables of June 2023 without addresses; return their provenance by file name."""
    entries = {}
    for name, source in POSITIONS.items():
        raw = pd.read_csv(research / "data" / source)
        value, debt = (
            ("collateral_eth", "debt_eth") if "collateral_eth" in raw else ("collateral_usd", "debt_usd")
        )
        table = pd.DataFrame(
            {
                "collateral_value": raw[value].astype("float64"),
                "debt_value": raw[debt].astype("float64"),
                "liquidation_threshold": raw.liq_threshold_bps / 1e4,
                "health_factor": raw.health_factor.astype("float64"),
            }
        )
        for column in raw.columns:
            if column.endswith("_debt_eth"):
                table[column] = raw[column].astype("float64")
        order = ["debt_value", "collateral_value"]
        table = table[table.debt_value > 0].sort_values(order, ascending=False, ignore_index=True)
        write_parquet(table, target / f"{name}.parquet")
        note = (
            f"Address column dropped; rows without debt dropped; values in {value.rsplit('_', 1)[1].upper()}."
        )
        entries[f"{name}.parquet"] = provenance(sources[source], sources[source]["what"], note)
    return entries


def main(research: Path) -> None:
    """Build everything under ``experiments/data/episodes``."""
    episodes = Path(__file__).resolve().parents[1] / "experiments" / "data" / "episodes"
    sources = read_sources(research)
    target = episodes / "may-2021"
    target.mkdir(parents=True, exist_ok=True)
    files = build_bars(research, target, sources)
    files |= build_gas(research, target, sources)
    files |= build_liquidations(research, target, sources)
    episode = {
        "name": "may-2021",
        "title": "19 May 2021: Aave v2 on Ethereum under a one-day fall of ETH by half",
        "start_ts": DAY_START,
        "end_ts": DAY_END,
        "bar_seconds": 60,
        "files": files,
    }
    (target / "episode.json").write_text(json.dumps(episode, indent=1) + "\n")
    target = episodes / "positions"
    target.mkdir(parents=True, exist_ok=True)
    positions = {"name": "positions", "files": build_positions(research, target, sources)}
    (target / "positions.json").write_text(json.dumps(positions, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
