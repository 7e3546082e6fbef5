"""Limit order books with price-time priority, matched in compiled code."""
