"""Write ``DATA_LICENSES.md`` from what the packaged data says about itself.

Run it after packaged data has changed; a test compares its list with the folder. Not packaged.

    python tools/write_data_licenses.py
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "experiments" / "data"

HEAD = """# Data licences

The code of this repository is under the Apache License 2.0 (`LICENSE`). The packaged data below is not ours;
for every file this page gives the original source, the public repository and commit it was cut from, that
repository's licence and a tier:

* **A**: permissive licence (MIT, BSD).
* **B**: copyleft licence (GPL, AGPL).
* **C**: the repository states no licence.

Only numbers were taken, no code. Files of tiers B and C hold exchange prices or public chain events: facts.
Nobody granted a right to redistribute the compilations of tier C; to be independent of them, fetch the same
bars or events again from the original source named in the row. Blockchain addresses were removed everywhere:
accounts are renumbered.
"""


FITS = """## Fits

`fits/*.json` hold parameters estimated by `tools/fit_may_2021.py` from Aave v2 liquidation events and Binance
bars before 2021-05-19: the sources of episode `may-2021`, and hourly Binance spot bars from
djienne/3EMA_SRSI_ATR, `user_data/data/binance/*-1h.json`, commit 29af186a61a76e1f70494e70955e327cde5919ac (no
licence stated, tier C). They contain no source rows. `fits/keepers/black-thursday.json` holds
what `tools/fit_black_thursday.py` estimated from the auctions of episode `black-thursday` that were kicked
before 15:00 UTC. The other `*.json` files are our own descriptions of the data beside them.
"""


def table(title: str, folder: str, listing: dict[str, dict[str, str]]) -> str:
    """One section with a row for each file."""
    rows = [
        f"## {title}",
        "",
        "| file | what | original source | repository, path, commit | licence | tier | nature | caveats |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for file, entry in listing.items():
        cells = (
            f"`{folder}/{file}`",
            entry["what"],
            entry["original_source"],
            entry["citation"],
            entry["licence"],
            entry["tier"],
            entry["nature"],
            entry["caveats"],
        )
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def vectors() -> str:
    """Section on contract vectors, one row for each file."""
    rows = [
        "## Contract vectors",
        "",
        "Produced by executing published contract bytecode in a local EVM (revm through pyrevm); no contract",
        "code is packaged. A row names the package or repository and commit that was run, and the compiler.",
        "",
        "| file | protocol | contracts executed | compiler |",
        "|---|---|---|---|",
    ]
    for path in sorted((DATA / "vectors").glob("*.json.gz")):
        header = json.loads(gzip.decompress(path.read_bytes()))["header"]
        cells = (f"`vectors/{path.name}`", header["protocol"], header["package"], header["compiler"])
        rows.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(rows) + "\n"


PRESETS = """## Numbers inside the code

Parameter presets are governance settings, copied as numbers into modules that name their source:

| module | numbers | source | licence of the repository |
|---|---|---|---|
| `protocols/lending/aave/presets.py` | Aave v2 launch market | aave/protocol-v2, `markets/aave`, \
ce53c4a8c8620125063168620eba0a8a92854eb8 | AGPL-3.0 |
| `protocols/lending/comet/presets.py` | Compound III markets | compound-finance/comet, `deployments/*`, \
d5a30b0aaeff7755f1431e87f818990902237b03 | BUSL-1.1, change date 2025-12-31 to GPL-2.0 or later |
| `protocols/lending/compound_v2/presets.py` | Compound v2 and Venus core | compound-protocol \
`networks/mainnet.json`, and from memory where the module says so | not checked |
| `protocols/lending/{maker,morpho,liquity}` | deployed constants and votes | \
named in each module | facts of the chain |
"""


def main() -> None:
    """Write the page."""
    sections = [HEAD, f"Paths are relative to `{DATA.relative_to(ROOT)}`.\n"]
    for path in sorted((DATA / "episodes").glob("*/episode.json")):
        episode = json.loads(path.read_text())
        folder = f"episodes/{episode['name']}"
        sections.append(table(f"Episode `{episode['name']}`", folder, episode["files"]))
    positions = json.loads((DATA / "episodes" / "positions" / "positions.json").read_text())
    sections.append(table("Borrower positions", "episodes/positions", positions["files"]))
    banks = json.loads((DATA / "contagion" / "contagion.json").read_text())
    sections.append(table("Bank balance sheets", "contagion", banks["files"]))
    chains = json.loads((DATA / "options" / "options.json").read_text())
    sections.append(table("Option chains", "options", chains["files"]))
    perps = json.loads((DATA / "perps" / "perps.json").read_text())
    sections.append(table("Liquidations of perpetuals", "perps", perps["files"]))
    sections.append(FITS)
    sections.append(vectors())
    sections.append(PRESETS)
    (ROOT / "DATA_LICENSES.md").write_text("\n".join(sections))


if __name__ == "__main__":
    main()
