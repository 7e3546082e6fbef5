"""Fit the keepers of 12 March 2020 and write ``experiments/data/fits/keepers/black-thursday.json``.

Takes the packaged auctions, cuts them at 15:00 UTC and hands them to
`liquidarium.experiments.backtest.keeper_fit`, which refuses anything later. Not packaged.

    python tools/fit_black_thursday.py
"""

from __future__ import annotations

import json
from pathlib import Path

from liquidarium.experiments.backtest.keeper_fit import CUTOFF_TS, fit_keepers
from liquidarium.experiments.episodes import load_episode

TARGET = Path(__file__).resolve().parents[1] / "experiments/data/fits/keepers/black-thursday.json"


def main() -> None:
    """Fit and write."""
    episode = load_episode("black-thursday")
    kicks = episode.kicks[episode.kicks.ts < CUTOFF_TS]
    bids = episode.bids[episode.bids.auction < len(kicks)]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(fit_keepers("black-thursday", kicks, bids), indent=1) + "\n")


if __name__ == "__main__":
    main()
