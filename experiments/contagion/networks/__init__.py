"""Networks from margins, and balance sheets to try them on."""

from __future__ import annotations

from .eba_2011 import load_eba_2011
from .maximum_entropy import maximum_entropy
from .minimum_density import minimum_density
from .network_ensemble import network_ensemble

__all__ = [
    "load_eba_2011",
    "maximum_entropy",
    "minimum_density",
    "network_ensemble",
]
