"""Cut the packaged EBA 2011 balance sheets from the research data.

Reads ``<research>/data/contagion`` and writes ``experiments/data/contagion``: one row a bank, and
where it is from. Running it twice gives the same bytes. It is a maintenance script: it is not packaged
and nothing in the package needs it.

    python tools/build_eba_2011.py ../shared
"""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pandas as pd
from build_may_2021 import provenance, read_sources

SOURCE = "contagion/eba2011_90_banks_capital_interbank.csv.gz"
TARGET = Path(__file__).resolve().parents[1] / "experiments" / "data" / "contagion"
COLUMNS = {
    "bank": "bank",
    "rwa_2010_meur": "risk_weighted_assets",
    "core_tier1_2010_meur": "core_tier_1",
    "total_assets_2010_meur": "total_assets",
    "interbank_exposure_institutions_meur": "interbank_assets",
}


def main() -> None:
    """Write the table and its provenance."""
    research = Path(sys.argv[1])
    banks = pd.read_csv(research / "data" / SOURCE)[list(COLUMNS)].rename(columns=COLUMNS)
    text = io.StringIO()
    banks.to_csv(text, index=False)
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "eba_2011.csv.gz").write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    what = "EBA stress test 2011: 90 banks at the end of 2010, million EUR"
    entry = provenance(read_sources(research)[SOURCE], what, "")
    entry["nature"] = "facts: public supervisory disclosure"
    listing = {"files": {"eba_2011.csv.gz": entry}}
    (TARGET / "contagion.json").write_text(json.dumps(listing, indent=1) + "\n")


if __name__ == "__main__":
    main()
