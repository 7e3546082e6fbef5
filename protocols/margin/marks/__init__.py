"""Mark prices: what a margin engine takes for the price of an instrument."""

from __future__ import annotations

from .haircut import UncertaintyHaircut
from .hybrid import HybridMark, HybridSwitch
from .inputs import MISSING, MarkInputs, MarkMemory, MarkPrice, MarkRule, observe
from .median import FundingBasisMedian, IndexWeightedMedian
from .single import IndexMark, LastTradeMark, MidMark, ModelMark

__all__ = [
    "MISSING",
    "FundingBasisMedian",
    "HybridMark",
    "HybridSwitch",
    "IndexMark",
    "IndexWeightedMedian",
    "LastTradeMark",
    "MarkInputs",
    "MarkMemory",
    "MarkPrice",
    "MarkRule",
    "MidMark",
    "ModelMark",
    "UncertaintyHaircut",
    "observe",
]
