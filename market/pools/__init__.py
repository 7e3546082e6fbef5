"""On-chain liquidity pools, exact to their contracts."""
