"""The same borrowers and the same path under several rules, compared run by run."""

from __future__ import annotations

from .plan import ComparisonPlan, comparison_names, load_comparison
from .report import Comparison, is_comparison
from .run import compare

__all__ = ["Comparison", "ComparisonPlan", "compare", "comparison_names", "is_comparison", "load_comparison"]
