"""Run a scenario from the first block to the last and return what it leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..model import LiquidationMarket
from ..scenarios import Scenario, load_scenario
from ..world.cost_table import upkeep_pay_usd
from ..world.outcome import run_tables
from .result import RunResult
from .summary import summarise
from .tables import content_hash


def run(
    scenario: str | Path | Scenario,
    seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    overrides: Sequence[str] = (),
) -> RunResult:
    """Run a scenario.

    Parameters
    ----------
    scenario : str, path or Scenario
        A packaged name, a TOML file, or a scenario that is loaded already.
    seed : int, optional
        Root seed; the scenario's own if left out.
    progress : callable, optional
        Told the blocks done and the total after every block.
    overrides : sequence of str
        Changes to the scenario, each ``path.to.key=value``.

    Raises
    ------
    ScenarioError
        If the scenario cannot run.

    Examples
    --------
    >>> result = run("quickstart", seed=7)
    >>> result.summary["conservation_error_usd"]
    0.0
    """
    started = time.perf_counter()
    scenario = load_scenario(scenario, overrides)
    model = LiquidationMarket(scenario, seed, collect_every=0)
    built = time.perf_counter()
    model.run(progress)
    done = time.perf_counter()
    bad_debt_usd = model.bad_debt_usd()  # before there are tables: it takes memory
    tables = run_tables(model)
    finished = time.perf_counter()
    digest = content_hash(tables)
    summary = summarise(
        tables,
        scenario=scenario.name,
        seed=model.root_seed,
        borrowers=len(model.recorder.positions[0]),
        left_out=sum(market.left_out for market in model.credit),
        unsafe_at_start=sum(market.unsafe_at_start for market in model.credit),
        restricted_at_start=sum(market.restricted_at_start for market in model.credit),
        unsafe_settings=", ".join(config.name or config.kind for config in scenario.lending if config.unsafe),
        market_events=model.market_events(),
        conservation_error_usd=model.conservation.error_usd(model.oracle_prices),
        bad_debt_usd=bad_debt_usd,
        content_hash=digest,
        wall_s=done - built,
        other_gas_usd=model.recorder.other_gas_usd,
        upkeep_pay_usd=upkeep_pay_usd(tables["costs"], model.assets[model.quote].unit),
        unsold_usd=model.exits.unsold_usd,
    )
    timings = {
        "setup_s": built - started,
        "blocks_s": done - built,
        "tables_s": finished - done,
        "hash_s": time.perf_counter() - finished,
    }
    root = model.root_seed
    model.close()
    model.__dict__.clear()  # its parts refer to it and it to them: what it held is freed at once
    return RunResult(scenario, root, tables, summary, timings)
