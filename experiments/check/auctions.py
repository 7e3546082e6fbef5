"""Whether an auction can clear: its price meets the market in time, bidders can pay, someone restarts it."""

from __future__ import annotations

import numpy as np

from ...agents.strategies.volunteer import Volunteer
from ...protocols.fixed_point import RAY
from ...protocols.lending.laboratory import EnglishPool, PricePool, SealedPool
from ...protocols.lending.maker.abaci import Abacus
from ...protocols.lending.maker.clip import ClipParameters
from ...protocols.lending.maker.clip_pool import ClipPool
from ..model import LiquidationMarket
from ..world.credit import CreditMarket
from .findings import Finding

NEVER = 10**9
"""Seconds beyond which a price is taken never to arrive."""

LARGE = 0.99
"""Quantile of the debts that a bidder should be able to pay."""


def auction_findings(world: LiquidationMarket, market: CreditMarket) -> list[Finding]:
    """Look at the auctions of a protocol, if it holds any."""
    pool = market.pool
    if isinstance(pool, PricePool):
        pays = pool.parts.keeper.pays
        return _falling(world, pool.name, pool.pricing.curve, pool.pricing.clip, pays=pays)
    if isinstance(pool, ClipPool):
        found = []
        for asset, kind in pool.settings.items():
            where = f"{pool.name}.{world.assets[asset].symbol}"
            pays = kind.clip.tip > 0 or kind.clip.chip > 0
            found += _falling(world, where, kind.abacus, kind.clip, pays=pays)
        return found
    if isinstance(pool, EnglishPool):
        return _bidders(world, market) + _too_long(world, pool.name, pool.pricing.flip.ttl, "a bid stands")
    if isinstance(pool, SealedPool):
        return _bidders(world, market) + _too_long(
            world, pool.name, pool.pricing.window_s, "bids are taken for"
        )
    return []


def reaches_market_s(curve: Abacus, clip: ClipParameters) -> int:
    """Seconds until a price that starts at `buf` times the oracle's has come down to it; `NEVER` if not.

    Examples
    --------
    >>> from liquidarium.protocols.lending.maker.abaci import LinearDecrease
    >>> reaches_market_s(LinearDecrease(3600), ClipParameters(buf=125 * RAY // 100, tail=1, cusp=0))
    720
    """
    low, high = 0, NEVER
    if curve.price(clip.buf, high) > RAY:
        return NEVER
    while low < high:
        middle = (low + high) // 2
        if curve.price(clip.buf, middle) <= RAY:
            high = middle
        else:
            low = middle + 1
    return low


def _falling(
    world: LiquidationMarket, where: str, curve: Abacus, clip: ClipParameters, *, pays: bool
) -> list[Finding]:
    at, found = reaches_market_s(curve, clip), []
    duration = world.scenario.clock.duration_s
    if at > clip.tail or (at < NEVER and curve.price(clip.buf, at) * RAY < clip.buf * clip.cusp):
        found.append(
            Finding(
                "auction-cannot-clear",
                where,
                float(at),
                f"the price reaches the oracle's after {_seconds(at)}, and the auction stops for a restart "
                f"before (tail {clip.tail} s, cusp {clip.cusp / RAY:.4g}); it clears only if the market "
                "rises; lengthen the tail, lower the cusp or the first price",
            )
        )
    elif at > duration:
        found.append(
            Finding(
                "auction-longer-than-run",
                where,
                float(at),
                f"the price reaches the oracle's after {_seconds(at)}, the run lasts {duration:g} s; "
                "lower the first price or run longer",
            )
        )
    volunteers = any(isinstance(bot.strategy, Volunteer) for bot in world.bots)
    if clip.tail < duration and not pays and not volunteers:
        found.append(
            Finding(
                "nobody-restarts",
                where,
                float(clip.tail),
                f"auctions stop after {clip.tail} s and a restart pays nothing; give keepers a "
                "tip or a chip, or bots the strategy volunteer",
            )
        )
    return found


def _bidders(world: LiquidationMarket, market: CreditMarket) -> list[Finding]:
    """Whether anyone can bid for a large lot: bids are paid at once, and no flash loan lasts that long."""
    debt = market.pool.positions.debt[: market.n_borrowers] @ market.watch.debt_values
    richest = max((world.cash_usd(bot.account) for bot in world.bots), default=0.0)
    large = float(np.quantile(debt[debt > 0.0], LARGE)) if (debt > 0.0).any() else 0.0
    if richest >= large:
        return []
    return [
        Finding(
            "lots-beyond-bidders",
            market.pool.name,
            richest,
            f"the richest bidder has {richest:,.0f} USD, a large account ({LARGE:.0%} quantile) owes "
            f"{large:,.0f}: such lots sell below their worth; make lots smaller (sizing), or fund bidders",
        )
    ]


def _too_long(world: LiquidationMarket, where: str, seconds: int, what: str) -> list[Finding]:
    duration = world.scenario.clock.duration_s
    if seconds < duration:
        return []
    return [
        Finding(
            "auction-longer-than-run",
            where,
            float(seconds),
            f"{what} {seconds} s and the run lasts {duration:g} s: no auction ends in it",
        )
    ]


def _seconds(at: int) -> str:
    return "no time at all" if at >= NEVER else f"{at} s"
