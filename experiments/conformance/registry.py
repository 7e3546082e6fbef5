"""Which vector sets exist, which module replays each, and how a file is told apart.

Adding a set is adding a line to `REGISTRY` and the module it is named after.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

from .compare import Check

Replay = Callable[[Mapping[str, Any], Mapping[str, Any]], list[Check]]
"""``replay(case, header)``, the one function of an adapter module."""

REGISTRY: dict[str, str] = {
    "aave_interest": "Aave v3 interest-rate strategies",
    "aave_v3_0_2": "Aave v3.0.2 liquidationCall",
    "aave_v3_6": "Aave v3.6 liquidationCall",
    "compound_v2": "Compound v2 liquidateBorrow",
    "compound_v3_comet": "Compound III (Comet)",
    "curve_controller": "Curve crvUSD controller",
    "curve_llamma": "Curve LLAMMA",
    "euler_evk": "Euler Vault Kit",
    "liquity_v1": "Liquity v1",
    "maker_liq2": "MakerDAO Liquidations 2.0",
    "morpho_blue": "Morpho Blue",
    "uniswap_v2": "Uniswap v2",
    "uniswap_v3": "Uniswap v3",
    "venus_core": "Venus core pool",
}
"""Set (its adapter module and the stem of its file) -> how ``header["protocol"]`` begins."""


def available_sets() -> tuple[str, ...]:
    """Names of the sets whose adapter module is installed, in order."""
    return tuple(name for name in sorted(REGISTRY) if importlib.util.find_spec(f"{__package__}.{name}"))


def find_set(stem: str, protocol: str) -> str | None:
    """Name the set a file belongs to, or None if no adapter replays it.

    Parameters
    ----------
    stem : str
        File name without ``.json`` or ``.json.gz``.
    protocol : str
        The header's ``protocol``.
    """
    names = available_sets()
    if stem in names:
        return stem
    for name in names:
        if protocol.startswith(REGISTRY[name]):
            return name
    prefixes = [name for name in names if stem.startswith(name)]
    return max(prefixes, key=len) if prefixes else None


def load_replay(name: str) -> Replay:
    """Import the adapter of a set and return its ``replay``.

    Parameters
    ----------
    name : str
        One of `available_sets`.
    """
    module = importlib.import_module(f"{__package__}.{name}")
    replay: Replay = module.replay
    return replay
