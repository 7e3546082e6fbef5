"""Backtest a scenario of recorded kicks: simulate flip and clip with the same seeds and score the flip.

Nothing is fitted here. Kicks before the cutoff of `keeper_fit` were seen by the fit: shown, not scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..episodes import load_episode
from ..runs.executors import Workers
from ..runs.parallel import Progress, run_all
from ..scenarios import Scenario, ScenarioError, load_scenario
from ..scenarios.credit import RecordedVaults
from ..scenarios.loading import validate
from .auction_score import (
    BIDDERS,
    PairedDifference,
    ShareRow,
    bidder_groups,
    error,
    paired_difference,
    plain,
    shares,
    width,
)
from .auctions import NEAR_ZERO, hours_of, simulate
from .keeper_fit import CUTOFF_TS


@dataclass(frozen=True, eq=False)
class AuctionBacktest:
    """Simulated and recorded near-zero shares of one day.

    Attributes
    ----------
    scenario, episode : str
    seeds : tuple of int
    fitted, scored : list of ShareRow
        By hour of kick: before the cutoff, and after.
    bidders : list of ShareRow
        Lots kicked after the cutoff, by number of bidders.
    near_zero : dict
        Share of all scored lots: ``real``, and ``flip`` and ``clip`` by seed.
    difference : PairedDifference
        Flip less clip.
    shortfall_dai : dict
        Debt that auctions of the whole day did not raise, by seed, ``flip`` and ``clip``.
    unsold : dict
        Scored lots that nobody wanted until the end of the day, mean over seeds.
    trivial_share : float
        Recorded share of the fitted kicks, the trivial predictor of every hour.
    """

    scenario: str
    episode: str
    seeds: tuple[int, ...]
    fitted: list[ShareRow]
    scored: list[ShareRow]
    bidders: list[ShareRow]
    near_zero: dict[str, Any]
    difference: PairedDifference
    shortfall_dai: dict[str, list[float]]
    unsold: dict[str, float]
    trivial_share: float

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON."""
        return {
            "scenario": self.scenario,
            "episode": self.episode,
            "seeds": list(self.seeds),
            "cutoff": "2020-03-12T15:00:00Z",
            "hours_fitted": [plain(row) for row in self.fitted],
            "hours_scored": [plain(row) for row in self.scored],
            "bidders_scored": [plain(row) for row in self.bidders],
            "hits": sum(row.hit for row in self.scored),
            "misses": sum(not row.hit for row in self.scored),
            "mean_interval_width": width(self.scored),
            "mean_error": error(self.scored),
            "trivial_share": self.trivial_share,
            "trivial_mean_error": error(self.scored, self.trivial_share),
            "near_zero_share": self.near_zero,
            "flip_less_clip": {
                key: None if np.isnan(value) else value for key, value in asdict(self.difference).items()
            },
            "shortfall_dai": self.shortfall_dai,
            "unsold": self.unsold,
        }

    def to_text(self) -> str:
        """Hours, bidders and the twin, for a terminal."""
        flip, clip = np.array(self.near_zero["flip"]), np.array(self.near_zero["clip"])
        d, hits = self.difference, sum(row.hit for row in self.scored)
        lost = {kind: np.mean(values) / 1e6 for kind, values in self.shortfall_dai.items()}
        return "\n".join(
            (
                f"{self.scenario} against episode {self.episode}, {len(self.seeds)} seeds: "
                "share of lots sold for under 1 DAI",
                "",
                *_lines("kicked, UTC", self.fitted, "kicks before 15:00, seen by the fit"),
                "",
                *_lines("kicked, UTC", self.scored, "kicks from 15:00 on, scored"),
                f"hits {hits}, misses {len(self.scored) - hits}, in intervals {width(self.scored):.2f} wide",
                f"mean error {error(self.scored):.2f}, of the constant {self.trivial_share:.2f}: "
                f"{error(self.scored, self.trivial_share):.2f}",
                "",
                *_lines("bidders", self.bidders, "kicks from 15:00 on, by number of bidders"),
                "",
                f"all scored kicks: recorded {self.near_zero['real']:.2f}, flip {flip.mean():.2f}, "
                f"the same under clip {clip.mean():.3f}",
                f"flip less clip {d.mean:.2f} ({d.low:.2f} to {d.high:.2f}, paired t interval; "
                f"p = {d.p_value:.1e})",
                f"debt not raised, million DAI: flip {lost['flip']:.2f}, clip {lost['clip']:.2f}; "
                f"lots unsold at midnight: flip {self.unsold['flip']:.0f}, clip {self.unsold['clip']:.0f}",
            )
        )


def clip_twin(scenario: Scenario) -> Scenario:
    """Return the same scenario with its auctions by bids replaced by falling-price auctions.

    Vault terms of each collateral stay; all that is the auction's own is Maker's of May 2021.

    Raises
    ------
    ScenarioError
        If the scenario does not sell by bids.
    """
    data = scenario.model_dump(mode="python", exclude_unset=True)
    protocol = data.get("protocol", {})
    if protocol.get("kind") != "maker-flip":
        raise ScenarioError(
            f"{scenario.name}: protocol.kind = {protocol.get('kind')!r} has no twin; allowed: 'maker-flip'"
        )
    common = ("liquidation_ratio", "stability_fee", "penalty", "dust")
    types = {
        symbol: {key: terms[key] for key in common if key in terms}
        for symbol, terms in protocol.get("collateral", {}).items()
    }
    return validate(data | {"protocol": {"kind": "maker", "collateral": types}})


def backtest_auctions(
    scenario: str | Path | Scenario,
    seeds: int | Sequence[int] = 5,
    progress: Progress | None = None,
    workers: Workers = 1,
) -> AuctionBacktest:
    """Score the auctions of a scenario against those of the episode whose kicks it replays.

    Parameters
    ----------
    scenario : str, path or Scenario
        With ``borrowers.law = "recorded-kicks"``, sold by bids.
    seeds : int or sequence of int
        Number of seeds, from 1 on, or the root seeds themselves.
    progress : callable, optional
        Told the runs done and the total; every seed runs twice, flip and clip.
    workers : int or Executor
        Processes to run in, or where to run instead.

    Raises
    ------
    ScenarioError
        If the scenario has no recorded kicks, not those of a whole day, or does not sell by bids.
    RuntimeError
        If a run made or lost money.
    """
    loaded = load_scenario(scenario)
    roots = tuple(range(1, seeds + 1)) if isinstance(seeds, int) else tuple(seeds)
    if not roots or len(set(roots)) < len(roots):
        raise ScenarioError(f"seeds = {seeds}; allowed: a number above 0, or distinct root seeds")
    vaults = loaded.borrowers
    if not isinstance(vaults, RecordedVaults) or vaults.until is not None:
        raise ScenarioError(
            f"{loaded.name} has no recorded kicks of a whole day; allowed: borrowers.law = 'recorded-kicks' "
            "without borrowers.until"
        )
    episode, twin = load_episode(vaults.episode), clip_twin(loaded)
    if (loaded.start_s or 0.0) + loaded.clock.duration_s < episode.end_ts:
        raise ScenarioError(
            f"{loaded.name} ends before the day of episode {episode.name!r} does; allowed: "
            f"clock.duration_s of at least {episode.end_ts - episode.start_ts}"
        )
    days = run_all(simulate, [(s, seed) for seed in roots for s in (loaded, twin)], progress, workers)
    if any(day.error_usd for day in days):
        raise RuntimeError(f"{loaded.name}: money was made or lost")
    flip, clip = days[0::2], days[1::2]
    kicks = episode.kicks
    late = (kicks.ts >= CUTOFF_TS).to_numpy()
    real = (kicks.final_bid_dai < NEAR_ZERO).to_numpy()
    near = np.array([day.near_zero for day in flip])
    hours = np.array([f"{hour:02d}" for hour in hours_of(kicks.ts.to_numpy(), episode.start_ts)])
    by_hour = [
        shares(
            hours[part],
            tuple(sorted(set(hours[part]))),
            real[part],
            near[:, part],
            np.tile(hours[part], (len(flip), 1)),
        )
        for part in (~late, late)
    ]
    counts = np.array([day.bidders for day in flip])[:, late]
    return AuctionBacktest(
        scenario=loaded.name,
        episode=episode.name,
        seeds=roots,
        fitted=by_hour[0],
        scored=by_hour[1],
        bidders=shares(
            bidder_groups(kicks.n_bidders.to_numpy()[late]),
            BIDDERS,
            real[late],
            near[:, late],
            bidder_groups(counts),
        ),
        near_zero={
            "real": float(real[late].mean()),
            "flip": near[:, late].mean(axis=1).tolist(),
            "clip": [float(day.near_zero[late].mean()) for day in clip],
        },
        difference=paired_difference(
            near[:, late].mean(axis=1), np.array([day.near_zero[late].mean() for day in clip])
        ),
        shortfall_dai={
            "flip": [day.bad_debt_dai for day in flip],
            "clip": [day.bad_debt_dai for day in clip],
        },
        unsold={
            name: float(np.mean([(~day.sold[late]).sum() for day in kind]))
            for name, kind in (("flip", flip), ("clip", clip))
        },
        trivial_share=float(real[~late].mean()),
    )


def _lines(head: str, rows: list[ShareRow], title: str) -> list[str]:
    lines = [title, f"{head:>12}  kicks  recorded  simulated   5 %  95 %"]
    for row in rows:
        verdict = "hit" if row.hit else "miss"
        lines.append(
            f"{row.label:>12}  {row.kicks:5d}  {row.real:8.2f}  {row.simulated:9.2f}  "
            f"{row.low:4.2f}  {row.high:4.2f}  {verdict}"
        )
    return lines
