"""How long a liquidator waits while the price of a lot falls (MODEL 3.5).

With rivals, waiting for more loses the lot: it is taken at the first price that does not lose
(CASES G11). A bidder without rivals waits until the next fall of the price is worth less than
the time it takes. The gap between the two is what collusion would be worth.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..base import Buy, Offer, PublicView
from .auction_taker import AuctionTaker
from .closed_forms import competitive_take, monopolist_take
from .liquidator import OwnState, Valuation
from .threshold_liquidator import ThresholdLiquidator

TAKERS = ("competitive", "monopolist")

LOOKS_AHEAD = 50
"""Times at which a monopolist compares the price."""


@dataclass(frozen=True, slots=True)
class DutchLiquidator(ThresholdLiquidator):
    """Liquidate as the threshold strategy does, and wait for the price of a closed form in falling auctions.

    Parameters
    ----------
    taker_kind : str
        ``competitive`` takes a lot, or what cash and exit allow of it, at the first price at which the
        sale covers price, slippage and gas. ``monopolist`` takes it when no price within `look_ahead_s` is
        worth the wait.
    discount_per_s, redo_per_s : float
        For a monopolist: rate at which waiting loses worth, and hazard that the auction is lost
        meanwhile; per second.
    look_ahead_s : float
        For a monopolist.

    Further parameters are those of `ThresholdLiquidator`.

    Raises
    ------
    ValueError
        If a parameter is out of range or does nothing.
    """

    taker_kind: str = "competitive"
    discount_per_s: float = 0.0
    redo_per_s: float = 0.0
    look_ahead_s: float = 600.0

    def __post_init__(self) -> None:
        ThresholdLiquidator.__post_init__(self)
        if self.taker_kind not in TAKERS:
            raise ValueError(f"taker_kind must be one of {', '.join(TAKERS)}, got {self.taker_kind!r}")
        for key in ("discount_per_s", "redo_per_s"):
            if not 0 <= getattr(self, key) < float("inf"):
                raise ValueError(f"{key} must be finite and not negative, got {getattr(self, key)}")
            if getattr(self, key) and self.taker_kind == "competitive":
                raise ValueError(f"{key} = {getattr(self, key):g} does nothing for a competitive taker")
        if not 0 < self.look_ahead_s < float("inf"):
            raise ValueError(f"look_ahead_s must be above 0, got {self.look_ahead_s}")

    def taker(self) -> AuctionTaker:
        """Return how a bot of this strategy buys what protocols sell."""
        return DutchTaker(self)


@dataclass(frozen=True, slots=True)
class DutchTaker(AuctionTaker):
    """Purchases at the time of the closed form; bids and upkeep as `AuctionTaker`.

    Parameters
    ----------
    liquidation : DutchLiquidator
        How it values and waits.
    """

    liquidation: DutchLiquidator

    def _purchase(self, offer: Offer, view: PublicView, own: OwnState) -> tuple[float, Buy] | None:
        inner, sale = self.liquidation, offer.sale
        gas = inner.gas_of_call(view)
        per_gwei = gas * view.usd_per_gas_gwei
        gas_usd = view.gas_standard_gwei * per_gwei
        if not offer.price_usd > 0.0:
            return None
        spend, surplus = self._value(offer, offer.price_usd, view, own)
        if competitive_take([surplus], gas_usd) < 0:
            return None
        if inner.taker_kind == "monopolist":
            step_s = max(view.block_time_s, inner.look_ahead_s / LOOKS_AHEAD)
            times = [view.time_s + step_s * k for k in range(1, int(inner.look_ahead_s / step_s) + 1)]
            path = [surplus]
            for price in own.prices(offer, times):
                if not price > 0.0:  # it has ended
                    break
                path.append(self._value(offer, price, view, own).gross_usd)
            if monopolist_take(path, gas_usd, step_s, inner.discount_per_s, inner.redo_per_s) > 0:
                return None
        if spend < sale.least * offer.usd_per_unit:
            return None
        bid = inner.bid_share + inner.escalation * (1.0 - own.win_rate)
        price_gwei = view.gas_standard_gwei + bid * (surplus - gas_usd) / per_gwei
        if price_gwei * per_gwei > own.cash_usd:
            return None
        return surplus, Buy(
            offer, spend, offer.price_usd, price_gwei, inner.flash_loan, inner.exit, inner.max_slippage
        )

    def _value(self, offer: Offer, price_usd: float, view: PublicView, own: OwnState) -> Valuation:
        """Return what to spend on a lot at a price, and what that earns before gas; USD."""
        inner, asset = self.liquidation, offer.sale.collateral
        terms = inner.exit_terms(asset, view.oracle[asset] / price_usd - 1.0, view)
        most = min(offer.tokens * price_usd, offer.most_usd)
        return inner.size(terms, most if inner.flash_loan else min(most, own.cash_usd))
