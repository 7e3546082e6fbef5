"""Where prices are made and time passes: ledger, books, pools, reference prices, oracles, chain."""

from .kernel_cache import keep_kernels_outside

keep_kernels_outside()
