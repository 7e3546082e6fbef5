"""The world of a run: built from a scenario, executed block by block, written down."""
