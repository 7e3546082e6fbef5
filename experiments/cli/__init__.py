"""The liquidarium command."""
