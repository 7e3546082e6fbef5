"""Where prices are made and time passes: ledger, books, pools, reference prices, oracles, chain."""
