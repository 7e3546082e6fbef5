"""Questions asked of the world: scenarios, runs, games, backtests, figures, command line."""
