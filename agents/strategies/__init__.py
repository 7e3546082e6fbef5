"""How an agent decides: frozen parameters with a pure decide function."""
