"""How a keeper of auctions bids: what a lot is worth to it, or next to nothing; and when it fails.

A keeper that values a lot takes the market's price, less what selling the lot would move it,
less gas and a margin, and offers that at once. A lowballer opens with next to nothing
and never raises: any positive first bid is valid, so it wins where nobody else is there
(CASES A10). At a falling price both buy a lot as soon as its price leaves the margin:
who waits for more loses it to the next.

A keeper is set up for gas up to some multiple of the price of the day. Beyond it, its transactions
are not mined until gas falls again or its operator sets it up anew (MODEL 10.2: outage
with exponential repair, correlated with gas).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..base import Buy, Offer, PlaceBid, PublicView, Work
from .threshold_liquidator import OwnState


@dataclass(frozen=True, slots=True)
class Keeper:
    """Parameters of a keeper.

    Parameters
    ----------
    bid_margin : float
        Profit that a bid leaves, as a fraction of the lot's worth.
    opening_usd : float
        What a lowballer bids for a lot; 0 for a keeper that bids what the lot is worth.
    min_profit_usd : float
        Least profit after gas that is worth a bid or a purchase.
    gas_reserve_usd : float
        Cash that is kept for gas, so that won lots can be collected.
    max_slippage : float
        Worst price accepted when a lot is sold on the book, as a fraction below the mid.
    gas_headroom : float
        Median of the highest gas price a keeper is set up to pay, over the going price when it is set
        up; 0 for any price.
    headroom_sd_log : float
        Standard deviation of the logarithm of that multiple, drawn anew at every set-up.
    repair_s : float
        Mean time until an operator sets a failing keeper up anew, s.
    operator : str
        Keepers of the same operator, who run the same software with the same settings, fail and are set
        up anew together; each is its own operator if empty.
    look_every_s : float
        Time between two looks at the auctions, s.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    bid_margin: float = 0.05
    opening_usd: float = 0.0
    min_profit_usd: float = 0.0
    gas_reserve_usd: float = 1000.0
    max_slippage: float = 0.03
    gas_headroom: float = 0.0
    headroom_sd_log: float = 0.0
    repair_s: float = 3600.0
    operator: str = ""
    look_every_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.bid_margin < 1:
            raise ValueError(f"bid_margin must be in [0, 1), got {self.bid_margin}")
        if not 0 <= self.max_slippage <= 1:
            raise ValueError(f"max_slippage must be in [0, 1], got {self.max_slippage}")
        for key in ("opening_usd", "gas_reserve_usd", "headroom_sd_log", "look_every_s"):
            if not 0 <= getattr(self, key) < math.inf:
                raise ValueError(f"{key} must be finite and not negative, got {getattr(self, key)}")
        if not (self.gas_headroom == 0 or 1 <= self.gas_headroom < math.inf):
            raise ValueError(f"gas_headroom must be 0 (any price) or at least 1, got {self.gas_headroom}")
        if not 0 < self.repair_s < math.inf:
            raise ValueError(f"repair_s must be above 0, got {self.repair_s}")

    def decide(self, view: PublicView, own: OwnState) -> list[Buy | PlaceBid | Work]:
        """Return bids, purchases and upkeep that are worth their gas and that cash allows together."""
        wanted: list[Buy | PlaceBid | Work] = []
        gas_usd = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
        free = own.cash_usd - self.gas_reserve_usd
        for offer in view.offers:
            if free <= gas_usd:
                break
            order: Buy | PlaceBid | None = None
            if offer.sale.kind == "price":
                order = self._purchase(offer, view, free - gas_usd, gas_usd)
            elif offer.sale.bidder != own.account:
                order = self._bid(offer, view, free - gas_usd, gas_usd)
            if order is not None:
                wanted.append(order)
                spent = order.spend_usd if isinstance(order, Buy) else order.pay_units * offer.usd_per_unit
                free -= spent + gas_usd
        cash = min(own.cash_usd, max(free, self.gas_reserve_usd))
        for errand in view.errands:
            chore = errand.chore
            gain = chore.reward_usd + (chore.gain_usd if chore.beneficiary == own.account else 0.0)
            if gain > gas_usd <= cash:
                wanted.append(Work(errand, view.gas_standard_gwei))
                cash -= gas_usd
        return wanted

    def gas_limit(self, going_gwei: float, random: np.random.Generator) -> float:
        """Draw the highest gas price a keeper is set up to pay when gas costs `going_gwei`; gwei."""
        if self.gas_headroom == 0.0:
            return math.inf
        multiple = self.gas_headroom * math.exp(self.headroom_sd_log * float(random.standard_normal()))
        return going_gwei * max(multiple, 1.0)

    def worth_usd(self, offer: Offer, view: PublicView) -> float:
        """Return what selling a whole lot on its book brings; USD.

        Walking a book of constant depth moves the price by ``depth_band / depth`` per USD sold, half of
        that on average.
        """
        asset = offer.sale.collateral
        value, depth = offer.tokens * view.mids[asset], view.depth_usd[asset]
        slippage = view.depth_band * value / (2.0 * depth) if depth > 0.0 else 1.0
        return value * (1.0 - min(slippage, self.max_slippage))

    def _bid(self, offer: Offer, view: PublicView, budget_usd: float, gas_usd: float) -> PlaceBid | None:
        sale = offer.sale
        if self.opening_usd > 0.0:
            return self._open(offer, view, budget_usd, gas_usd)
        worth = self.worth_usd(offer, view)
        offered = worth * (1.0 - self.bid_margin) - gas_usd
        if worth * self.bid_margin < self.min_profit_usd or offered <= 0.0:
            return None
        if sale.least_bid:  # the debt is not yet bid
            pay, units = min(int(min(offered, budget_usd) / offer.usd_per_unit), sale.most), sale.units
            if pay < sale.least_bid:
                return None
        else:  # the debt is bid: bids compete by asking for less collateral
            pay = sale.most
            debt_usd = pay * offer.usd_per_unit
            units = math.ceil(debt_usd / offered * sale.units) if sale.units else 1
            if debt_usd > budget_usd or units > sale.most_units:
                return None
        return PlaceBid(offer, pay, units, view.gas_standard_gwei, "book", self.max_slippage)

    def _open(self, offer: Offer, view: PublicView, budget_usd: float, gas_usd: float) -> PlaceBid | None:
        """Return the bid of a lowballer, while that is enough."""
        sale, pay = offer.sale, math.ceil(self.opening_usd / offer.usd_per_unit)
        if not sale.least_bid <= pay <= sale.most or not sale.least_bid or self.opening_usd > budget_usd:
            return None
        if self.worth_usd(offer, view) - self.opening_usd < gas_usd + self.min_profit_usd:
            return None
        return PlaceBid(offer, pay, sale.units, view.gas_standard_gwei, "book", self.max_slippage)

    def _purchase(self, offer: Offer, view: PublicView, budget_usd: float, gas_usd: float) -> Buy | None:
        """Return the purchase of a whole lot, once its price leaves the margin."""
        best = view.mids[offer.sale.collateral] * (1.0 - self.bid_margin)
        if offer.most_usd > budget_usd or offer.price_usd > best:
            return None
        worth = self.worth_usd(offer, view)
        limit = worth * (1.0 - self.bid_margin) - gas_usd
        # what the buyer does not need for the debt goes back to the vault, and is not the buyer's
        share = min(1.0, offer.most_usd / (offer.tokens * offer.price_usd)) if offer.price_usd > 0.0 else 1.0
        if offer.most_usd > limit * share or worth * share * self.bid_margin < self.min_profit_usd:
            return None
        return Buy(
            offer, offer.most_usd, offer.price_usd, view.gas_standard_gwei, False, "book", self.max_slippage
        )
