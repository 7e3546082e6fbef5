"""Questions asked of the world: scenarios, runs, sweeps, games, backtests, figures, command line.

The front doors are loaded when they are first used, so that importing one part
does not import all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..market.kernel_cache import keep_kernels_outside

keep_kernels_outside()

if TYPE_CHECKING:
    from .episodes import load_episode
    from .model import LiquidationMarket
    from .runs import RunResult
    from .runs.run import run
    from .scenarios import Scenario, load_scenario
    from .sweeps import load_sweep
    from .sweeps.sweep import sweep

__all__ = [
    "LiquidationMarket",
    "RunResult",
    "Scenario",
    "load_episode",
    "load_scenario",
    "load_sweep",
    "run",
    "sweep",
]

_HOMES = {
    "LiquidationMarket": ".model",
    "RunResult": ".runs",
    "Scenario": ".scenarios",
    "load_episode": ".episodes",
    "load_scenario": ".scenarios",
    "load_sweep": ".sweeps.folder",
    "run": ".runs.run",
    "sweep": ".sweeps.sweep",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
