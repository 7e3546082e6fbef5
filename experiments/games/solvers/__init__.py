"""Algorithms that look for equilibria of given payoffs, one a file; `certificate` judges their answers."""
