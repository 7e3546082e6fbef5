"""Packaged real data with its provenance."""

from __future__ import annotations

from .loader import (
    PRICED_AS,
    Episode,
    Provenance,
    episode_names,
    load_episode,
    load_positions,
    position_provenance,
    position_table_names,
)

__all__ = [
    "PRICED_AS",
    "Episode",
    "Provenance",
    "episode_names",
    "load_episode",
    "load_positions",
    "position_provenance",
    "position_table_names",
]
