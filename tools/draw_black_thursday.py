"""Run the sweeps of `docs/black-thursday.md`, draw its figures and print their numbers. Not packaged.

python tools/draw_black_thursday.py 8
"""

from __future__ import annotations

import sys
from pathlib import Path

from liquidarium.experiments.backtest.auction_sweeps import keeper_cases, length_cases, sweep
from liquidarium.experiments.figures.near_zero import draw_near_zero

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "img"


def main(n_seeds: int) -> None:
    """Run, draw and print."""
    seeds = range(1, n_seeds + 1)
    keepers = sweep(keeper_cases(), seeds)
    counts = [str(value) for value in sorted(keepers.value.unique())]
    draw_near_zero(
        keepers,
        FOLDER,
        "black-thursday-keepers",
        "live keepers that bid what lots are worth, beside two lowballers",
        counts,
        "Kicks before 15:00 UTC, by number of live keepers",
    )
    lengths = sweep(length_cases(), seeds)
    hours = [
        f"{value / 60:.0f} min" if value < 3600 else f"{value / 3600:.0f} h"
        for value in sorted(lengths.value.unique())
    ]
    draw_near_zero(
        lengths,
        FOLDER,
        "black-thursday-length",
        "time until an unanswered auction ends (flip: ttl; clip: tail)",
        hours,
        "Kicks before 15:00 UTC, by length of the auction",
    )
    for runs in (keepers, lengths):
        print(
            runs.groupby(["value", "kind"])[["near_zero", "unsold"]]
            .agg(["mean", "min", "max"])
            .round(3)
            .to_string()
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
