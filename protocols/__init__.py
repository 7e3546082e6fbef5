"""The rules of credit: interest, positions, lending protocols and how they liquidate."""

from ..market.kernel_cache import keep_kernels_outside

keep_kernels_outside()
