"""Stylised facts of markets: statistics of a run's books, with bands and verdicts (MODEL 5.4)."""

from __future__ import annotations

from .battery import FACTS, Fact
from .history import BookHistory, book_histories
from .report import FactReport, FactResult, is_facts
from .run import measure_facts

__all__ = [
    "FACTS",
    "BookHistory",
    "Fact",
    "FactReport",
    "FactResult",
    "book_histories",
    "is_facts",
    "measure_facts",
]
