"""Dated futures of a venue: variation margin at intervals, and the end of a contract at its final price.

The final price is where the outside price of the contract ends, an average of the underlying. Positions of
the crowd are closed at it in cash; contracts outside of the crowd, fully paid, are redeemed for it.
"""

from __future__ import annotations

from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.insurance import cover
from .closing import Closing
from .listing import Listing


class Settlement:
    """Pays variation margin and ends contracts.

    Parameters
    ----------
    accounts : MarginAccounts
    closing : Closing
    """

    def __init__(self, accounts: MarginAccounts, closing: Closing) -> None:
        self.accounts, self.closing, self.records = accounts, closing, closing.records

    def variation(self, listing: Listing, block: int, time_s: float) -> None:
        """Pay out what positions have gained at the mark, and enter them anew there."""
        self._note(listing, block, time_s, "variation", *self._pay(listing))

    def expire(self, listing: Listing, block: int, time_s: float) -> int:
        """End a contract: close its book, pay for the last time, and redeem what is left.

        Who owes afterwards and has no other position is covered by the fund, as far as it reaches.

        Returns
        -------
        int
            Base units that the venue's float of contracts has become.
        """
        accounts, closing, fund = self.accounts, self.closing, self.closing.fund
        held = int(accounts.lots[:, listing.column].sum())
        cash = listing.redeem(block, listing.feed.outside(block))
        paid, received = self._pay(listing)
        accounts.expire(listing.column, listing.ticks, fund)
        redeemed = listing.contract.value(held, listing.ticks)
        accounts.deposit(fund, redeemed)  # it paid as much when the positions were closed
        closing.expire(time_s)
        fund_paid = deficit = 0
        for row in range(closing.n_traders):
            if accounts.balances.item(row) < 0 and not closing.held(row):
                burden = cover(accounts, row, fund)
                fund_paid, deficit = fund_paid + burden.from_fund, deficit + burden.to_bearer
        self._note(listing, block, time_s, "final", paid, received, fund_paid, deficit)
        return cash

    def _pay(self, listing: Listing) -> tuple[int, int]:
        """Settle variation; base units that losers have paid and winners received."""
        paid = self.accounts.settle_variation(listing.column, listing.ticks)
        return -int(paid[paid < 0].sum()), int(paid[paid > 0].sum())

    def _note(
        self,
        listing: Listing,
        block: int,
        time_s: float,
        kind: str,
        paid: int,
        received: int,
        fund_paid: int = 0,
        deficit: int = 0,
    ) -> None:
        price_usd, unit = listing.ticks * listing.tick_usd, self.records.unit
        self.records.settlements.append(
            (
                block, time_s, self.records.venue, listing.contract.symbol, kind, price_usd, paid / unit,
                received / unit, fund_paid / unit, deficit / unit,
            )
        )  # fmt: skip
