"""From the settings of a lending protocol to its pool, one module for each family."""
