"""Games between strategies, solved from simulated payoffs."""
