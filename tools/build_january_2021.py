"""Cut the recorded liquidations of a perpetual, January 2021, from the research data.

Reads ``<research>/data/prices``, writes ``experiments/data/perps``: one row a minute, and where it is from.
Running it twice gives the same bytes. It is a maintenance script: it is not packaged and nothing in the
package needs it.

    python tools/build_january_2021.py ../shared
"""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pandas as pd
from build_may_2021 import provenance, read_sources

SOURCE = "prices/2021-01_perp_liquidations/ethusdt_1m_bidask_binance_futures_liqs.csv.gz"
TARGET = Path(__file__).resolve().parents[1] / "experiments" / "data" / "perps"
FILE = "january-2021.csv.gz"


def main() -> None:
    """Write the table and its listing."""
    research = Path(sys.argv[1])
    raw = pd.read_csv(research / "data" / SOURCE)
    table = pd.DataFrame(
        {
            "ts": raw.ts,
            "mid_usd": (0.5 * (raw.bid_price + raw.ask_price)).round(4),
            "long_eth": raw.liq_long.round(3),
            "short_eth": raw.liq_short.round(3),
        }
    )
    TARGET.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    table.to_csv(text, index=False)
    (TARGET / FILE).write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    what = "ETH/USDT mid and liquidated longs and shorts of the perpetual by minute, January 2021"
    entry = provenance(read_sources(research)[SOURCE], what, "Bid and ask became their middle.")
    entry["nature"] = "facts: exchange prices"
    (TARGET / "perps.json").write_text(json.dumps({"files": {FILE: entry}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
