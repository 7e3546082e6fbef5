"""Simulated against recorded liquidations."""
