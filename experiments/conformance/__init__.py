"""Replays of contract vectors through the rules the simulation executes."""
