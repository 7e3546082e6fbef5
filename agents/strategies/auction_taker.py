"""How a liquidator bot buys what protocols sell: at a price, by bids, and with the upkeep this needs.

A purchase at price p of collateral that the oracle values at v is a liquidation whose
bonus is ``v / p - 1``, so it is valued, sized and bid for as one (`Liquidator`).
In an auction by bids a bot says at once what the lot is worth to it, less a margin: raising by
the least step would cost gas each time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..base import Buy, Errand, Liquidate, Offer, Opportunity, PlaceBid, PublicView, RightBid, Work
from .exits import Exit
from .liquidator import Liquidator, OwnState

GAS_KEPT = 5.0
"""Cash that a bidder keeps, in gas of a call: for the bid, and to collect what it wins when gas is dearer."""


@dataclass(frozen=True, slots=True)
class AuctionTaker:
    """Parameters of purchases from protocols.

    Parameters
    ----------
    liquidation : Liquidator
        Exit, gas bids, and the least profit.
    bid_margin : float
        Profit that a bid in an auction by bids leaves, as a fraction of the lot's worth, or of what a
        right to liquidate is worth.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    liquidation: Liquidator
    bid_margin: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.bid_margin < 1:
            raise ValueError(f"bid_margin must be in [0, 1), got {self.bid_margin}")

    def decide(self, view: PublicView, own: OwnState) -> list[Buy | PlaceBid | Work]:
        """Return purchases, bids and upkeep worth their gas, the most rewarding purchases first."""
        inner = self.liquidation
        if own.gain_usd < -inner.loss_budget_usd:
            return []
        wanted: list[Buy | PlaceBid | Work] = []
        purchases: list[tuple[float, Buy]] = []
        for offer in view.offers:
            if offer.sale.kind == "price":
                found = self._purchase(offer, view, own)
                if found is not None:
                    purchases.append(found)
            else:
                bid = self._bid(offer, view, own)
                if bid is not None:
                    wanted.append(bid)
        purchases.sort(key=lambda item: (-item[0], item[1].offer.protocol, item[1].offer.sale.number))
        wanted += self._affordable([buy for _, buy in purchases], own.cash_usd)
        wanted += [work for errand in view.errands if (work := self._work(errand, view, own)) is not None]
        return wanted

    def right_bid(
        self,
        opportunity: Opportunity,
        view: PublicView,
        own: OwnState,
        won: Sequence[RightBid],
        second_price: bool,
    ) -> RightBid | None:
        """Return what the right to make a call is worth bidding, None if nothing.

        The right is worth what the call earns after gas at the going price and the least profit. That is
        the bid where the second one is paid (MODEL 3.4); a bid that is paid leaves the margin.

        Parameters
        ----------
        opportunity : Opportunity
            Its terms, and the oracle's prices in `view`, are those of the price to come.
        view : PublicView
        own : OwnState
        won : sequence of RightBid
            Rights that it has already: their calls take cash and depth of the exits.
        second_price : bool
        """
        inner = self.liquidation
        if own.gain_usd < -inner.loss_budget_usd or len(won) >= inner.max_calls:
            return None
        gas_usd = view.gas_standard_gwei * (inner.gas_of_call(view) * view.usd_per_gas_gwei)
        terms = inner.exit_terms(opportunity.collateral, opportunity.bonus, view)
        calls = [right.call for right in won]
        sold = sum(c.repay_usd for c in calls if c.opportunity.collateral == opportunity.collateral)
        cash = own.cash_usd - gas_usd * (len(won) + 1)
        if not inner.flash_loan:
            cash -= sum(right.call.repay_usd + right.bid_usd for right in won)
        limit = opportunity.repay_usd if inner.flash_loan else min(opportunity.repay_usd, cash)
        repay, gross = inner.size(terms, limit, sold)
        worth = gross - gas_usd - inner.min_profit_usd
        if worth <= 0.0 or cash < 0.0 or repay < opportunity.least_usd:
            return None
        bid = worth if second_price else worth * (1.0 - self.bid_margin)
        if not inner.flash_loan:
            bid = min(bid, cash - repay)
        if bid <= 0.0:
            return None
        limit_usd = view.pool_price[opportunity.collateral] if inner.fixed_limit else 0.0
        call = Liquidate(
            opportunity, repay, view.gas_standard_gwei, inner.flash_loan, inner.exit, inner.max_slippage,
            limit_price_usd=limit_usd,
        )  # fmt: skip
        return RightBid(call, bid)

    def _affordable(self, purchases: list[Buy], cash: float) -> list[Buy]:
        """Keep the first purchases, one for each collateral, that cash and calls per block allow."""
        kept: list[Buy] = []
        sold: set[int] = set()
        for buy in purchases:
            cost = 0.0 if buy.flash_loan else buy.spend_usd
            collateral = buy.offer.sale.collateral
            if len(kept) < self.liquidation.max_calls and cost <= cash and collateral not in sold:
                kept.append(buy)
                cash -= cost
                sold.add(collateral)
        return kept

    def _purchase(self, offer: Offer, view: PublicView, own: OwnState) -> tuple[float, Buy] | None:
        inner, sale = self.liquidation, offer.sale
        if offer.price_usd <= 0.0:
            return None
        worth = view.oracle[sale.collateral]
        terms = inner.exit_terms(sale.collateral, worth / offer.price_usd - 1.0, view)
        limit = min(offer.most_usd, offer.tokens * offer.price_usd)
        if not inner.flash_loan:
            limit = min(limit, own.cash_usd)
        spend, gross = inner.size(terms, limit)
        if spend < sale.least * offer.usd_per_unit:  # a part of the lot would be refused
            return None
        gas = inner.gas_of_call(view)
        price = inner.gas_price(gross, gas, view, own)
        if price is None or price * (gas * view.usd_per_gas_gwei) > own.cash_usd:
            return None
        return gross, Buy(
            offer, spend, offer.price_usd, price, inner.flash_loan, inner.exit, inner.max_slippage
        )

    def _bid(self, offer: Offer, view: PublicView, own: OwnState) -> PlaceBid | None:
        inner, sale = self.liquidation, offer.sale
        if sale.bidder == own.account or own.account in sale.sealed or offer.tokens <= 0.0:
            return None
        terms = inner.exit_terms(sale.collateral, 0.0, view)
        worth_usd = view.oracle[sale.collateral] * (1.0 + terms.margin)
        gas_usd = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
        budget = max(own.cash_usd - GAS_KEPT * gas_usd, 0.0)
        offered = worth_usd * (1.0 - self.bid_margin)
        if sale.least_bid:  # the debt is not yet bid: offer what the lot is worth, at most the debt
            most_usd = min(offered * offer.tokens - gas_usd, budget)
            pay, units = min(int(most_usd / offer.usd_per_unit), sale.most), sale.units
            if sale.divisible and 0.0 < budget < offered * offer.tokens - gas_usd:  # what it can pay for
                units = int(units * budget / (offered * offer.tokens))
                if units <= 0 or pay * sale.units < sale.least_bid * units:
                    return None
            elif pay < sale.least_bid:
                return None
        else:  # the debt is bid: ask for no more collateral than it is worth
            pay, per_token = sale.most, sale.units / offer.tokens
            if pay * offer.usd_per_unit > budget or offered <= 0.0:
                return None
            units = math.ceil((pay * offer.usd_per_unit + gas_usd) / offered * per_token)
            if units > sale.most_units:
                return None
        gross = worth_usd * offer.tokens * units / sale.units - pay * offer.usd_per_unit
        lost_share = (1.0 - own.win_rate) * view.revert_gas_share
        if gross <= inner.least_gross(gas_usd, 0.0, own.win_rate, lost_share):
            return None
        return PlaceBid(offer, pay, units, view.gas_standard_gwei, self._exit(), inner.max_slippage)

    def _exit(self) -> Exit:
        """Return where a won lot goes: it arrives long after the bid, so no pool sale can be part of it."""
        return "book" if self.liquidation.exit == "pool" else self.liquidation.exit

    def _work(self, errand: Errand, view: PublicView, own: OwnState) -> Work | None:
        chore = errand.chore
        gain = chore.reward_usd + (chore.gain_usd if chore.beneficiary == own.account else 0.0)
        gas_usd = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
        return Work(errand, view.gas_standard_gwei) if gain > gas_usd <= own.cash_usd else None
