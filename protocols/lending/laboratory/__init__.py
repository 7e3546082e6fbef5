"""A protocol of one's own made of parts: positions and interest of Aave, liquidation by a chosen mechanism.

`pool` is for prices at which a call is served at once. `auction_pool` takes a part of an
account over as a lot; `price_pool`, `english_pool` and `sealed_pool` sell lots; `offset_pool`
pays with the deposits of a stability pool.
"""

from __future__ import annotations

from .english_pool import EnglishPool
from .offset_pool import OffsetPool
from .pool import LaboratoryPool, LaboratoryRules
from .price_pool import PricePool
from .sealed_pool import SealedPool

__all__ = ["EnglishPool", "LaboratoryPool", "LaboratoryRules", "OffsetPool", "PricePool", "SealedPool"]
