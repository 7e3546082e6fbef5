"""The exposure graph of a run."""
