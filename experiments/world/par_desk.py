"""Exchange of stable assets at face value.

Books and pools quote in one stable asset while debts are owed in several. The
desk swaps one for another one to one, without fee or limit: an assumption (the
depeg of a stable asset needs a market of its own), kept in one place.
"""

from __future__ import annotations

from ...market.ledger import LARGEST_ENDOWMENT, Ledger, Reason

DESK_ENDOWMENT_USD = 5e10


class ParDesk:
    """Swaps stable assets at par through an account of its own.

    Parameters
    ----------
    ledger : Ledger
    stables : sequence of int
        Ledger columns that count as one unit of the numeraire per token.
    """

    def __init__(self, ledger: Ledger, stables: tuple[int, ...]) -> None:
        self.ledger = ledger
        self.account = ledger.open_account("par-desk")
        self.stables = stables
        for asset in stables:
            units = min(int(DESK_ENDOWMENT_USD) * ledger.assets[asset].unit, LARGEST_ENDOWMENT)
            ledger.endow(asset, self.account, units)

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
        return amount * self.ledger.assets[target].unit // self.ledger.assets[source].unit

    def cost(self, source: int, target: int, received: int) -> int:
        """Least base units of `source` that bring `received` units of `target`."""
        if source == target:
            return received
        return -(-received * self.ledger.assets[source].unit // self.ledger.assets[target].unit)
