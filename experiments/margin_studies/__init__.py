"""Studies of margin rules by themselves, without a market that reacts."""

from __future__ import annotations

from .report import STUDIES, StudyReport, is_study, run_study

__all__ = ["STUDIES", "StudyReport", "is_study", "run_study"]
