"""Scenarios: validated data that says what to run."""
