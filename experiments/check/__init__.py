"""Design checks: what in a scenario's parameters asks for trouble before anything has run."""

from __future__ import annotations

from .findings import Finding, check

__all__ = ["Finding", "check"]
