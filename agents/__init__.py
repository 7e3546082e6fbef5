"""Who decides: borrowers, liquidator bots, market makers, MEV searchers."""
