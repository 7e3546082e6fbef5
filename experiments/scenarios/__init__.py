"""Scenarios: validated data that says what to run."""

from __future__ import annotations

from .base import ScenarioError
from .loading import load_scenario, scenario_names, validate
from .scenario import Scenario

__all__ = ["Scenario", "ScenarioError", "load_scenario", "scenario_names", "validate"]
