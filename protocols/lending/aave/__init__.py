"""Aave v2, v3.0.2 and later: rules, parameters and the pool of the simulation."""
