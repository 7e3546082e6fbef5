"""Margin venues in a world: their feeds, accounts, liquidations and tables."""
