"""One liquidation and those who want it: contests played in batches by the rules of the market."""
