"""Algorithms that look for equilibria of given payoffs, one a file; judging their answers is `certificate`'s work."""
