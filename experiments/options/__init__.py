"""Recorded option chains and what they imply."""

from __future__ import annotations

from .analysis import ChainAnalysis, analyse, implied, model_free, volatility_at
from .chains import OptionChain, chain_names, load_chain
from .report import ChainReport, is_options

__all__ = [
    "ChainAnalysis",
    "ChainReport",
    "OptionChain",
    "analyse",
    "chain_names",
    "implied",
    "is_options",
    "load_chain",
    "model_free",
    "volatility_at",
]
