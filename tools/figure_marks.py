"""Draw docs/img/marks.png: marks of one perpetual while its book is thin and pushed, and after a true fall.

The hour is made up: a drawn index, a book whose depth goes and comes back, a manipulator who holds the mid
8 % down for five minutes, and a model that follows the index with a half-life of five minutes.

Run: ``python tools/figure_marks.py [FILE.png]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from liquidarium.protocols.margin.marks import (
    FundingBasisMedian,
    HybridMark,
    HybridSwitch,
    IndexMark,
    LastTradeMark,
    MarkInputs,
    MarkMemory,
    MidMark,
    ModelMark,
    observe,
)

STEP_S = 5.0
TIMES_S = np.arange(0.0, 3600.0, STEP_S)
LOW, HIGH = 0.5e6, 2.0e6
RULES = {
    "last trade": (LastTradeMark(), "#a9a9a9", (0, (6, 2))),
    "median with funding and basis": (FundingBasisMedian(), "#588157", (0, (1, 1))),
    "model": (ModelMark(), "#8d6ba8", "-."),
    "hybrid by depth": (HybridMark(LOW, HIGH), "#0b3c6f", (0, (3, 1, 1, 1, 1, 1))),
    "hybrid switch": (HybridSwitch(LOW, HIGH, checks=12), "#c8553d", "--"),
}


def hour() -> list[MarkInputs]:
    """Return what a venue sees of the instrument, every five seconds."""
    rng = np.random.default_rng(4)
    minutes = TIMES_S / 60.0
    noise = rng.normal(0.0, 0.6 * np.sqrt(STEP_S / (365 * 86_400)), len(TIMES_S))
    index = 50_000.0 * np.exp(np.cumsum(noise) + np.log(0.95) * np.clip((minutes - 45.0) / 2.0, 0.0, 1.0))
    away = np.clip((minutes - 12.0) / 6.0, 0.0, 1.0) - np.clip((minutes - 34.0) / 6.0, 0.0, 1.0)
    depth = 2.6e6 - 2.4e6 * away
    pushed = np.clip((minutes - 23.0) / 0.5, 0.0, 1.0) - np.clip((minutes - 28.0) / 0.5, 0.0, 1.0)
    mid = index * (1.0 - 0.08 * pushed)
    half = mid * np.where(depth < LOW, 0.002, 0.0003)
    model = np.empty_like(index)
    model[0] = index[0]
    keep = 0.5 ** (STEP_S / 300.0)
    for i in range(1, len(index)):
        model[i] = index[i] + keep * (model[i - 1] - index[i])
    last = mid + half * rng.choice([-1.0, 1.0], len(mid))
    rows = zip(index, mid - half, mid + half, depth, last, model, strict=True)
    return [MarkInputs(*row, model_age_s=300.0, volatility=0.6) for row in rows]


def main() -> None:
    """Draw the three panels."""
    seen = hour()
    minutes = TIMES_S / 60.0
    figure, (prices, sure, depths) = plt.subplots(
        3, 1, figsize=(8.5, 8.0), sharex=True, layout="constrained", height_ratios=[3.0, 1.6, 1.0]
    )
    for name, (rule, colour, line) in RULES.items():
        memory, marks = MarkMemory(), []
        for time_s, inputs in zip(TIMES_S.tolist(), seen, strict=True):
            complete, memory = observe(rule, inputs, memory, time_s)
            marks.append(rule.mark(complete))
        off = [100.0 * mark.uncertainty / mark.price for mark in marks]
        prices.plot(minutes, [mark.price / 1e3 for mark in marks], color=colour, ls=line, lw=1.6, label=name)
        sure.plot(minutes, off, color=colour, ls=line, lw=1.3)
    index = [IndexMark().mark(inputs).price / 1e3 for inputs in seen]
    prices.plot(minutes, index, color="black", lw=0.8, label="index")
    prices.set_ylabel("mark (thousand USD)")
    prices.set_title("A pushed book (23 to 28 min) and a true fall (45 to 47 min)", fontsize=11)
    prices.legend(fontsize=8, loc="lower left")
    prices.annotate(
        "the push moves the last trade and, as the\nmoving basis follows, two of the median's three",
        (28.8, 46.4),
        fontsize=8,
    )
    sure.set_ylabel("uncertainty (% of mark)")
    depths.plot(minutes, [inputs.depth_usd / 1e6 for inputs in seen], color="black")
    for level, text in ((LOW, "model below"), (HIGH, "mid above")):
        depths.axhline(level / 1e6, color="#7f7f7f", ls="--", lw=0.8)
        depths.annotate(text, (0.2, level / 1e6 + 0.08), fontsize=8)
    depths.set_ylabel("depth (million USD)")
    depths.set_ylim(0.0, 3.0)
    depths.set_xlabel("time (minutes)")
    for axes in (prices, sure, depths):
        axes.grid(alpha=0.3)
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/img/marks.png")
    figure.savefig(target, dpi=110)
    mids = [MidMark().mark(inputs).price for inputs in seen]
    print(f"{target}: lowest mid {min(mids):,.0f}")


if __name__ == "__main__":
    main()
