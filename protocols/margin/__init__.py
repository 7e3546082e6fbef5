"""Leveraged positions: what they are marked at, what margin they need, and how they are liquidated."""
