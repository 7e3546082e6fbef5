"""Recorded option chains and what they imply."""

from __future__ import annotations

from .analysis import ChainAnalysis, analyse, implied, model_free, volatility_at
from .chains import OptionChain, chain_names, load_chain

__all__ = [
    "ChainAnalysis",
    "OptionChain",
    "analyse",
    "chain_names",
    "implied",
    "load_chain",
    "model_free",
    "volatility_at",
]
