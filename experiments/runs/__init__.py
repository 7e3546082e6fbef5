"""Running a scenario and keeping what it leaves behind."""

from __future__ import annotations

from .folders import RunFolderError
from .result import RunResult, check_target, run_folder, verify
from .summary import SUMMARY_KEYS, Summary, summarise

__all__ = [
    "SUMMARY_KEYS",
    "RunFolderError",
    "RunResult",
    "Summary",
    "check_target",
    "run_folder",
    "summarise",
    "verify",
]
