"""Maker's two liquidation systems: the falling-price auctions of 2021 and the bids of 2020.

Liquidations 2.0: `dog` takes collateral from an unsafe vault within limits, `clip` sells
it at a price that an abacus (`abaci`) lets fall. Liquidations 1.2: `cat` takes it in
lots, `flip` sells them to the highest bidder in two phases. `presets` holds settings
that were in force. Names are Maker's own (ink, art, tab, lot, chost ...), each explained
where it is defined. Units: collateral and normalised debt in wad (1e18), prices and
ratios in ray (1e27), DAI amounts in rad (1e45), times in seconds.
"""

from __future__ import annotations

from .abaci import Abacus, ExponentialDecrease, LinearDecrease, StairstepExponentialDecrease, rpow
from .cat import Bite, CatParameters, bite
from .clip import (
    ClipParameters,
    Kick,
    Redo,
    Sale,
    SaleStatus,
    Take,
    feed_price,
    kick,
    redo,
    sale_status,
    take,
)
from .dog import Bark, Dirt, DogParameters, bark, minimum_tab
from .flip import Bid, Deal, FlipAuction, FlipParameters, deal, dent, maximum_lot, minimum_bid, tend, tick
from .presets import CAT_PRESETS, CLIP_PRESETS, FLIP_PRESETS, ClipPreset
from .vat import RAD, Ilk, Vault

__all__ = [
    "CAT_PRESETS",
    "CLIP_PRESETS",
    "FLIP_PRESETS",
    "RAD",
    "Abacus",
    "Bark",
    "Bid",
    "Bite",
    "CatParameters",
    "ClipParameters",
    "ClipPreset",
    "Deal",
    "Dirt",
    "DogParameters",
    "ExponentialDecrease",
    "FlipAuction",
    "FlipParameters",
    "Ilk",
    "Kick",
    "LinearDecrease",
    "Redo",
    "Sale",
    "SaleStatus",
    "StairstepExponentialDecrease",
    "Take",
    "Vault",
    "bark",
    "bite",
    "deal",
    "dent",
    "feed_price",
    "kick",
    "maximum_lot",
    "minimum_bid",
    "minimum_tab",
    "redo",
    "rpow",
    "sale_status",
    "take",
    "tend",
    "tick",
]
