"""One run of a sweep, wherever it happens: run, measure, write; a run that raises is written down."""

from __future__ import annotations

import traceback
from pathlib import Path

from ..runs.metrics import lean, measure
from .designs import Point
from .folder import write_failure, write_run
from .plan import Job, SweepPlan


def run_job(plan: SweepPlan, point: Point, job: Job, folder: str) -> str:
    """Run once and write what it leaves into the sweep's folder.

    Returns
    -------
    str
        Empty, or what went wrong in one line.

    Raises
    ------
    OSError
        If the folder cannot be written: that is no fault of the run.
    """
    from ..runs.run import run

    named = plan.settings(point)
    try:
        result = run(lean(plan.scenario_at(point), plan.tables), job.seed)
        row = named | measure(result, plan.measured())
        tables = {name: result.tables[name] for name in plan.tables}
    except Exception as error:
        trace = traceback.format_exc()
        write_failure(Path(folder), job, {"settings": named, "error": repr(error), "traceback": trace})
        return f"{type(error).__name__}: {error}"
    write_run(Path(folder), job, row, tables)
    return ""


def warm_up(plan: SweepPlan, point: Point) -> None:
    """Have the kernels compiled, or loaded from the shared cache, before many workers ask for them."""
    from ..model import LiquidationMarket

    model = LiquidationMarket(lean(plan.scenario_at(point)), 1, collect_every=0)
    model.step()
    model.close()
