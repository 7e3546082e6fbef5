"""Packaged real data with its provenance."""
