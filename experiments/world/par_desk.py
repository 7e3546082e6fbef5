"""Exchange of stable assets: at face value, or at recorded prices where there are any.

Books and pools quote in one stable asset while debts are owed in several. The
desk swaps one for another without fee or limit: an assumption, kept in one place. A
stable asset whose price the scenario's data has (DAI on 12 March 2020) changes
hands at that price; all others count as one unit of the numeraire.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...market.ledger import LARGEST_ENDOWMENT, Ledger, Reason

DESK_ENDOWMENT_USD = 5e10
PAR = 10**8


class ParDesk:
    """Swaps stable assets through an account of its own.

    Parameters
    ----------
    ledger : Ledger
    stables : sequence of int
        Ledger columns of the stable assets.

    Attributes
    ----------
    prices : dict of int to int
        Price of each stable asset now, in units of the numeraire with 8 decimals; `PAR` at the start.
    """

    def __init__(self, ledger: Ledger, stables: tuple[int, ...]) -> None:
        self.ledger = ledger
        self.account = ledger.open_account("par-desk")
        self.stables = stables
        self.prices = dict.fromkeys(stables, PAR)
        for asset in stables:
            units = min(int(DESK_ENDOWMENT_USD) * ledger.assets[asset].unit, LARGEST_ENDOWMENT)
            ledger.endow(asset, self.account, units)

    def reprice(self, prices: Mapping[int, float]) -> None:
        """Take in prices of some stable assets, USD per token."""
        for asset, price in prices.items():
            self.prices[asset] = round(price * PAR)

    def convert(self, account: int, source: int, target: int, amount: int) -> int:
        """Swap base units of `source` into `target`, rounded down; return units of `target` received."""
        if source == target or amount == 0:
            return amount
        received = self.worth(target, source, amount)
        self.ledger.transfer(source, account, self.account, amount, Reason.SWAP)
        self.ledger.transfer(target, self.account, account, received, Reason.SWAP)
        return received

    def worth(self, target: int, source: int, amount: int) -> int:
        """Return the base units of `target` that `amount` units of `source` bring, rounded down."""
        given, wanted = self._values(source, target)
        return amount * given // wanted

    def cost(self, source: int, target: int, received: int) -> int:
        """Least base units of `source` that bring `received` units of `target`."""
        if source == target:
            return received
        given, wanted = self._values(source, target)
        return -(-received * wanted // given)

    def _values(self, source: int, target: int) -> tuple[int, int]:
        """Return what a base unit of each is worth, on a common scale."""
        assets = self.ledger.assets
        return self.prices[source] * assets[target].unit, self.prices[target] * assets[source].unit
