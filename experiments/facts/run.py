"""Run a scenario over seeds and measure every fact in every book."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..runs.executors import Workers
from ..runs.parallel import Progress, run_all
from ..runs.run import run
from ..scenarios import Scenario, load_scenario
from ..scenarios.base import ScenarioError
from .battery import FACTS
from .curves import Curves, curves_of
from .history import blocks_in_bar, book_histories
from .report import FactReport


def measure_facts(
    scenario: str | Path | Scenario,
    seeds: Sequence[int],
    progress: Progress | None = None,
    workers: Workers = 1,
) -> FactReport:
    """Measure the stylised facts of a scenario's books.

    Parameters
    ----------
    scenario : str, Path or Scenario
    seeds : sequence of int
        One run for each; a bootstrap over them gives the intervals, so two at least for any.
    progress : callable, optional
        Told the runs done and their number.
    workers : int or Executor
        Processes, or where to run instead.

    Raises
    ------
    ScenarioError
        If the scenario cannot run, or has no book, or there are no seeds.
    """
    if isinstance(seeds, int) or not len(seeds):
        raise ScenarioError(f"seeds = {seeds!r}; allowed: a list of at least 1")
    loaded = load_scenario(scenario)
    if not any(asset.book for asset in loaded.assets):
        raise ScenarioError(f"scenario {loaded.name} has no order book, so no facts; give an asset a book")
    recording = loaded.recording.model_copy(update={"trades": True, "quotes": True, "bids": False})
    loaded = loaded.model_copy(update={"recording": recording})
    parts = run_all(_of_seed, [(loaded, seed) for seed in seeds], progress, workers)
    values = pd.concat([table for table, _ in parts], ignore_index=True)
    bar_s = blocks_in_bar(loaded) * loaded.clock.block_time_s
    return FactReport(loaded.name, tuple(seeds), bar_s, values, Curves.mean([curves for _, curves in parts]))


def _of_seed(scenario: Scenario, seed: int) -> tuple[pd.DataFrame, Curves]:
    """Return a row for each book and fact of one run, and the curves that the figure shows."""
    books = book_histories(run(scenario, seed))
    rows = [
        (seed, book.asset, fact.name, fact.measure(book), fact.measure_outside(book))
        for book in books
        for fact in FACTS
    ]
    table = pd.DataFrame(rows, columns=["seed", "asset", "fact", "value", "outside"])
    return table, Curves.mean([curves_of(book) for book in books])
