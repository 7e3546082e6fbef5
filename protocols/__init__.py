"""The rules of credit: interest, positions, lending protocols and how they liquidate."""
