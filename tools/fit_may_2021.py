"""Fit the population of 19 May 2021 on the research data and write ``experiments/data/fits/may-2021.json``.

Reads liquidation events and bars, cuts them at 2021-05-19T00:00Z and hands them to
`liquidarium.experiments.backtest.fit`, which refuses anything later. A maintenance script, not packaged.

    python tools/fit_may_2021.py ../shared
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from liquidarium.experiments.backtest.fit import fit_population
from liquidarium.experiments.backtest.fit_data import CUTOFF_TS, FitInputs
from liquidarium.experiments.episodes import PRICED_AS


def read_inputs(research: Path) -> FitInputs:
    """Read the research tables and keep what is stamped before the cutoff."""
    data = research / "data"

    def read(name: str) -> pd.DataFrame:
        frame = pd.read_csv(data / name)
        return frame[frame.ts < CUTOFF_TS]

    events = read("liquidations/aave_v2_liquidation_calls_2020-12_2022-04.csv.gz")
    events = events[(events.market == "aave_v2_main") & events.debt_usd.notna()]
    events = events.assign(collateral=events.collateral.map(PRICED_AS).fillna("other"))
    bars = read("prices/multi_year/binance_spot_1h_2019-07_2022-10.csv.gz")
    fine = {
        symbol: read(f"prices/2021-05_crash/{symbol.lower()}usdt_1m_binance_spot.csv.gz")
        for symbol in PRICED_AS.values()
    }
    hourly = {symbol: bars[bars.symbol == f"{symbol}USDT"] for symbol in PRICED_AS.values()}
    return FitInputs(events=events, hourly=hourly, fine=fine)


def main(research: Path) -> None:
    """Fit and write."""
    target = Path(__file__).resolve().parents[1] / "experiments" / "data" / "fits" / "may-2021.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(fit_population(read_inputs(research)), indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
