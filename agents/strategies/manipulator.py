"""When it pays to move the price that an oracle reads, and by how much (MODEL 3.8).

Who sells into a thin market lowers its price. Where a protocol believes that price, accounts
become liquidatable that are sound at any other, and their collateral is to be had at the false
price with the bonus on top. The gain follows from the liquidation wall, the debt that each fall
uncovers (MODEL 1.1); the cost from the depth of the market. The attack pays where the gain is larger.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...market.pools.analytics import manipulation_loss
from ..base import PublicView, Sell, SellToPool
from .threshold_liquidator import ThresholdLiquidator

MOST_BLOCKS = 30
"""Blocks that a push of a book lasts at most."""


class Reading(NamedTuple):
    """How an oracle reads a market.

    Attributes
    ----------
    venue : str
        ``book``: the mid; ``pool``: a time-weighted price.
    kept : float
        Share of a displacement of the mid that is left when it is read.
    blocks : int
        Blocks over which a pool's price is averaged.
    deviation : float
        Smaller moves are not reported.
    depth_usd : callable, optional
        Returns the quote reserve of a constant-product pool as deep as this one on the way to a price
        (USD); the view's depth counts if there is none.
    """

    venue: str
    kept: float
    blocks: int
    deviation: float
    depth_usd: Callable[[float], float] | None = None

    def pool_depth_usd(self, asset: int, target_usd: float, view: PublicView) -> float:
        """Return the depth that a push of a pool to a price meets."""
        return view.pool_depth_usd[asset] if self.depth_usd is None else self.depth_usd(target_usd)


class Uncovered(NamedTuple):
    """What one call on each account that a fall makes liquidatable may repay (USD), and the mean bonus."""

    repay_usd: float
    bonus: float


class Push(NamedTuple):
    """What lowering a market's price takes.

    Attributes
    ----------
    sell_usd : float
        Worth of what is sold, at the price before.
    cost_usd : float
        What it brings less, if the price comes back.
    blocks : int
        Blocks that it lasts.
    """

    sell_usd: float
    cost_usd: float
    blocks: int


class Attack(NamedTuple):
    """The best push in one asset: the oracle's price over that before, what it takes, and what it gains."""

    factor: float
    push: Push
    gain_usd: float


def push_book(fall: float, reading: Reading, depth_usd: float, depth_band: float) -> Push | None:
    """Return what it takes to have the mid of a book read lower by a fraction, or None.

    The mid lies between bids, which fall, and asks, which stay: bids must go twice as far as the
    mid. With depth D spread evenly over a band b, moving the mid by x sells ``2 x D / b``, and there is no
    more than D in a block. Between blocks the mid comes back, a share `kept` of its displacement is left.
    """
    before = sold = cost = 0.0
    for block in range(1, MOST_BLOCKS + 1):
        step = min(fall / reading.kept - before, 0.5 * depth_band)
        sell = 2.0 * step * depth_usd / depth_band
        sold += sell
        cost += sell * (before + step)
        before = reading.kept * (before + step)
        if before >= fall * (1.0 - 1e-9):
            return Push(sold, cost, block)
    return None


def push_pool(fall: float, reading: Reading, quote_reserve: float, fee: float) -> Push | None:
    """Return what it takes to have the average price of a pool read lower by a fraction, or None.

    The price is pushed for one block and arbitraged back: an average over n blocks that is to fall
    to k needs ``1 - n (1 - k)`` in that block, which costs ``Y (sqrt k + 1/sqrt k - 2)`` and the
    fee (CASES X03, X04).
    """
    spot = 1.0 - reading.blocks * fall
    if spot <= 0.0:
        return None
    sell = quote_reserve * (1.0 / math.sqrt(spot) - 1.0)
    return Push(sell, manipulation_loss(quote_reserve, spot) + fee * sell, 1)


@dataclass(frozen=True, slots=True)
class Manipulator:
    """Attack where the expected gain exceeds the cost by a threshold.

    Parameters
    ----------
    liquidation : ThresholdLiquidator
        How it liquidates; what it seizes replaces what it has sold.
    win_share : float
        Share of the uncovered debt that it expects to repay itself.
    deepest : float
        Largest fall that it considers, as a fraction.
    steps : int
        Falls that it compares.
    min_profit_usd : float
        Least expected gain less cost.
    look_every_blocks : int
        Blocks between two looks.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    liquidation: ThresholdLiquidator = field(
        default_factory=lambda: ThresholdLiquidator(exit="hold", max_calls=16)
    )
    win_share: float = 0.5
    deepest: float = 0.2
    steps: int = 20
    min_profit_usd: float = 1_000.0
    look_every_blocks: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.win_share <= 1:
            raise ValueError(f"win_share must be above 0 and at most 1, got {self.win_share:g}")
        if not 0 < self.deepest < 1:
            raise ValueError(f"deepest must be above 0 and below 1, got {self.deepest:g}")
        if not 1 <= self.steps <= 1_000:
            raise ValueError(f"steps must be from 1 to 1,000, got {self.steps}")
        if self.look_every_blocks < 1:
            raise ValueError(f"look_every_blocks must be at least 1, got {self.look_every_blocks}")

    def factors(self) -> list[float]:
        """Return the prices that it considers, over the present one."""
        return [1.0 - self.deepest * (k + 1) / self.steps for k in range(self.steps)]

    def best_attack(
        self,
        asset: int,
        reading: Reading,
        wall: Sequence[Uncovered],
        view: PublicView,
        stock_usd: float,
        cash_usd: float,
    ) -> Attack | None:
        """Return the most profitable push in an asset, or None.

        Parameters
        ----------
        asset : int
        reading : Reading
        wall : sequence of Uncovered
            For each of `factors`.
        view : PublicView
        stock_usd, cash_usd : float
            What it can sell, and repay with.
        """
        best: Attack | None = None
        most = self.min_profit_usd
        for factor, uncovered in zip(self.factors(), wall, strict=True):
            fall = 1.0 - factor
            if fall <= reading.deviation:
                continue
            push: Push | None
            if reading.venue == "book":
                push = push_book(fall, reading, view.depth_usd[asset], view.depth_band)
            else:
                target_usd = max(view.pool_price[asset] * (1.0 - reading.blocks * fall), 0.0)
                depth_usd = reading.pool_depth_usd(asset, target_usd, view)
                push = push_pool(fall, reading, depth_usd, 1.0 - view.pool_keeps[asset])
            if push is None or not 0.0 < push.sell_usd <= stock_usd:
                continue
            repaid = min(self.win_share * uncovered.repay_usd, cash_usd)
            gain = repaid * ((1.0 + uncovered.bonus) / factor - 1.0)
            if gain - push.cost_usd > most:
                best, most = Attack(factor, push, gain), gain - push.cost_usd
        return best

    def push(
        self, asset: int, reading: Reading, target_usd: float, stock_usd: float, view: PublicView
    ) -> Sell | SellToPool | None:
        """Return the sale of this block that brings a market towards a price; None if it is there."""
        if reading.venue == "pool":
            price, depth_usd = view.pool_price[asset], reading.pool_depth_usd(asset, target_usd, view)
            tokens = depth_usd / price * (math.sqrt(price / target_usd) - 1.0)
            least = 0.98 * tokens * math.sqrt(price * target_usd)
            return SellToPool(asset, tokens, least, view.gas_urgent_gwei) if tokens > 0.0 else None
        step = min(1.0 - target_usd / view.mids[asset], 0.5 * view.depth_band)
        sell_usd = min(2.0 * step * view.depth_usd[asset] / view.depth_band, stock_usd)
        return Sell(asset, sell_usd, 2.0 * step) if sell_usd > 0.0 else None
