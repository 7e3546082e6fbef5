"""What near-zero lots depend on: how many keepers are live, and how long an auction waits.

Both sweeps run flip and clip on the 585 kicks before 15:00 UTC with the same seeds, so that each
difference is paired. The first switches failures off and sets the number of keepers; the second keeps
the fitted failures. Length is the time after which an auction nobody answers is over: `ttl` for the
flip; for the clip `tail`, with the fall of its price stretched alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from ..runs.executors import Workers
from ..runs.parallel import Progress, run_all
from ..scenarios import Scenario, load_scenario
from ..scenarios.loading import validate
from .auction_run import clip_twin
from .auctions import simulate

LIVE_KEEPERS = (0, 1, 2, 4, 8, 16)
LENGTHS_S = (600, 3_600, 10_800, 21_600)

UNTIL = ("clock.start=2020-03-12T02:50:00Z", "borrowers.until=2020-03-12T15:00:00Z")
SIX_PM, MIDNIGHT = "clock.duration_s=54600", "clock.duration_s=76200"
"""Ends of the runs, by when auctions of the usual length, and the longest ones, are over."""
TAIL_S, STEP_S = 8_400, 90
"""Of the clip as it was set up in May 2021."""


class Case(NamedTuple):
    """A scenario to run, where it stands on the axis, and its kind of auction."""

    value: int
    kind: str
    scenario: Scenario


def keeper_cases(name: str = "black-thursday") -> list[Case]:
    """Return flip and clip for each number of live keepers, all with the fitted ones' mean capital."""
    agents = load_scenario(name).agents
    place = {agent.name: i for i, agent in enumerate(agents)}
    valuing = [agent for agent in agents if agent.name in ("leading-keeper", "keepers")]
    capital = sum(a.capital_usd * a.count for a in valuing) / sum(a.count for a in valuing)
    cases = []
    for count in LIVE_KEEPERS:
        flip = load_scenario(
            name,
            [
                *UNTIL,
                SIX_PM,
                f"agents.{place['leading-keeper']}.count=0",
                f"agents.{place['keepers']}.count={count}",
                f"agents.{place['keepers']}.capital_usd={capital!r}",
                f"agents.{place['keepers']}.parameters.gas_headroom=0",
            ],
        )
        cases += [Case(count, "flip", flip), Case(count, "clip", clip_twin(flip))]
    return cases


def length_cases(name: str = "black-thursday") -> list[Case]:
    """Return flip and clip for each length of an auction."""
    cases = []
    for length in LENGTHS_S:
        tau = max(6 * 3600, 4 * length)
        settings = (f"protocol.collateral.ETH.bid_s={length}", f"protocol.collateral.ETH.auction_s={tau}")
        flip = load_scenario(name, [*UNTIL, MIDNIGHT, *settings])
        data = clip_twin(flip).model_dump(mode="python", exclude_unset=True)
        step = max(1, round(STEP_S * length / TAIL_S))
        data["protocol"]["collateral"]["ETH"] |= {"tail_s": length, "step_s": step}
        cases += [Case(length, "flip", flip), Case(length, "clip", validate(data))]
    return cases


def sweep(
    cases: Sequence[Case], seeds: Sequence[int], progress: Progress | None = None, workers: Workers = 1
) -> pd.DataFrame:
    """Run every case with every seed.

    Returns
    -------
    DataFrame
        ``value, kind, seed, near_zero`` (share of all kicked lots) and ``unsold`` (share).
    """
    jobs = [(case, seed) for case in cases for seed in seeds]
    days = run_all(simulate, [(case.scenario, seed) for case, seed in jobs], progress, workers)
    rows = [
        (case.value, case.kind, seed, float(day.near_zero.mean()), float((~day.sold).mean()))
        for (case, seed), day in zip(jobs, days, strict=True)
    ]
    return pd.DataFrame(rows, columns=["value", "kind", "seed", "near_zero", "unsold"])
