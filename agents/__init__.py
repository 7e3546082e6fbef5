"""Who decides: borrowers, liquidator bots, market makers, MEV searchers."""

from ..market.kernel_cache import keep_kernels_outside

keep_kernels_outside()
