"""Recorded option chains and what they imply."""

from __future__ import annotations

from .analysis import ChainAnalysis, analyse, implied, model_free, volatility_at
from .chains import OptionChain, chain_names, load_chain
from .desk import DeskPlan, DeskResult, Push, run_desk
from .marks import compare_marks, mark_inputs
from .report import ChainReport, is_options

__all__ = [
    "ChainAnalysis",
    "ChainReport",
    "DeskPlan",
    "DeskResult",
    "OptionChain",
    "Push",
    "analyse",
    "chain_names",
    "compare_marks",
    "implied",
    "is_options",
    "load_chain",
    "mark_inputs",
    "model_free",
    "run_desk",
    "volatility_at",
]
