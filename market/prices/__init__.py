"""Reference prices: replayed episodes, files and stochastic processes."""
