"""Draw docs/img/contests.png: simulated bids and no-shows beside their closed forms.

Run: ``python tools/figure_contests.py [FILE.png]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.market.contests.contest import BlockContest, SealedBid

CONTESTS = 100_000
VALUE, COST, BIDDERS = 1000.0, 50.0, 4


def bids_panel(axis: plt.Axes, rng: np.random.Generator) -> None:
    """Distribution of a bidder's fee and of the winner's, for three revert shares."""
    fees = np.linspace(0.0, VALUE - COST, 400)
    for phi, colour, style in ((0.1, "#0072b2", "-"), (0.3, "#d55e00", "--"), (1.0, "#009e73", ":")):
        game = forms.gas_auction(BIDDERS, VALUE, COST, phi)
        bids = game.bids(rng.random((CONTESTS, BIDDERS)))
        out = BlockContest("priority-fee", COST, phi).play(bids, VALUE, rng.random(bids.shape))
        winning = np.where(out.winners >= 0, out.prices - COST, -1.0)
        formula = np.array([game.bid_cdf(fee) for fee in fees])
        axis.plot(fees, formula, color=colour, linestyle=style, label=f"a bid, reverts pay {phi:g}")
        axis.plot(fees, formula**BIDDERS, color=colour, linestyle=style, alpha=0.5)
        marks = np.linspace(0.0, VALUE - COST, 16)
        one = np.nan_to_num(bids[:, 0], nan=-1.0)
        axis.plot(marks, [(one <= m).mean() for m in marks], "o", color=colour, markersize=4)
        axis.plot(marks, [(winning <= m).mean() for m in marks], "o", color=colour, markersize=4, mfc="white")
    axis.set_xlabel("fee on top of the cost")
    axis.set_ylabel("share staying out or bidding at most this")
    axis.set_title("Priority gas auction, 4 bidders\nfull: a bid, hollow: the winning bid", fontsize=10)
    axis.legend(fontsize=8, loc="upper left")


def no_show_panel(axis: plt.Axes, rng: np.random.Generator) -> None:
    """How often nobody comes, by number of bots."""
    numbers = np.array([2, 3, 5, 8, 12, 20, 35, 60, 100])
    for share, colour, drawn, bid in ((0.6, "#d55e00", "-", "--"), (0.3, "#0072b2", "-.", ":")):
        found, formula = {"random": [], "auction": []}, {"random": [], "auction": []}
        for n in numbers.tolist():
            u, ties = rng.random((CONTESTS // 5, n)), rng.random((CONTESTS // 5, n))
            p = forms.entry_probability(n, 1.0, share)
            out = BlockContest("random", share, 1.0).play(forms.entry_bids(u, p), 1.0, ties)
            found["random"].append((out.winners < 0).mean())
            formula["random"].append(forms.nobody_enters(p, n))
            p = forms.bertrand_entry_probability(n, 1.0, share)
            out = SealedBid("second", 0.0, share).play(np.where(u < p, 1.0, np.nan), 1.0, ties)
            found["auction"].append((out.winners < 0).mean())
            formula["auction"].append(forms.nobody_enters(p, n))
        for kind, style, fill in (("random", drawn, colour), ("auction", bid, "white")):
            label = "winner drawn" if kind == "random" else "bonus bid away"
            axis.plot(numbers, formula[kind], style, color=colour, label=f"{label}, cost {share:g} of value")
            axis.plot(numbers, found[kind], "o", color=colour, mfc=fill, markersize=4)
    axis.set_xscale("log")
    axis.set_xticks(numbers, [str(n) for n in numbers])
    axis.minorticks_off()
    axis.set_ylim(0.0, 0.9)
    axis.set_xlabel("bots")
    axis.set_ylabel("share of liquidations nobody tries")
    axis.set_title("More bots do not close the gap,\nauctions widen it", fontsize=10)
    axis.legend(fontsize=8, loc="upper left")


def main() -> None:
    """Draw the figure."""
    default = Path(__file__).parents[1] / "docs" / "img" / "contests.png"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
    rng = np.random.default_rng(1)
    bids_panel(left, rng)
    no_show_panel(right, rng)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main()
