"""Lending protocols, one package each, exact to their contracts."""
