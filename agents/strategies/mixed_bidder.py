"""How a liquidator bids that plays the equilibrium of a contest: mixed bids by closed forms.

A call worth `v` after exit and required profit, whose gas costs `c` at the going price, is a
contest among the bot and its rivals; what reverts pays the share phi. `closed_forms` says who
enters and what is bid (MODEL 3.1, 3.3, 3.4). Draws come from the bot's own stream of bids.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..base import PublicView
from .auction_taker import AuctionTaker
from .closed_forms import bertrand_entry_probability, entry_probability, first_price_bid, gas_auction
from .liquidator import Liquidator, OwnState

CONTESTS = ("entry", "bertrand", "gas-auction", "first-price")


@dataclass(frozen=True, slots=True)
class MixedBidder(Liquidator):
    """Play the symmetric equilibrium against a known number of rivals.

    Parameters
    ----------
    contest : str
        ``entry``: enter with a probability at the going gas price, for blocks whose order is drawn or who
        comes first (MODEL 3.1; G01). ``bertrand``: the same, but two or more bid the value away, so it
        raises up to all of it where bids are raised (MODEL 3.2; G02). ``gas-auction``: enter and bid at
        random, the highest fee wins (MODEL 3.3; G03, all-pay where reverts pay all). ``first-price``:
        offer what the best of the rivals is worth on average, values being private and uniform (MODEL
        3.4; G08, G09).
    rivals : int
        Other bidders of the same kind.

    `min_profit_usd` is taken off the value. Further parameters are those of `Liquidator`.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    contest: str = "gas-auction"
    rivals: int = 3

    def __post_init__(self) -> None:
        Liquidator.__post_init__(self)
        if self.contest not in CONTESTS:
            raise ValueError(f"contest must be one of {', '.join(CONTESTS)}, got {self.contest!r}")
        if self.rivals < 1:
            raise ValueError(f"rivals must be at least 1, got {self.rivals}")

    def taker(self) -> AuctionTaker:
        """Return how it buys what protocols sell; at first price sealed bids leave the same share."""
        if self.contest == "first-price":
            return AuctionTaker(self, bid_margin=1.0 / (self.rivals + 1))
        return AuctionTaker(self)

    def gas_price(self, gross_usd: float, gas: int, view: PublicView, own: OwnState) -> float | None:
        """Return the gas price to offer for a gross profit, gwei; None for staying out."""
        per_gwei = gas * view.usd_per_gas_gwei
        value, cost = gross_usd - self.min_profit_usd, view.gas_standard_gwei * per_gwei
        if value <= cost:
            return None
        paid = self.payment(value, cost, view.revert_gas_share, own.draw())
        return None if paid is None else paid / per_gwei

    def payment(self, value: float, cost: float, revert_share: float, draw: float) -> float | None:
        """Return what the bot offers to pay in all, at least the cost; None for staying out.

        Parameters
        ----------
        value, cost : float
            Of winning; of the least attempt; value above cost.
        revert_share : float
            Share of an offer that is paid when it comes too late (phi).
        draw : float
            Uniform in [0, 1).
        """
        n, phi = self.rivals + 1, revert_share
        if self.contest == "first-price":
            return float(first_price_bid(value, n, cost))
        if self.contest in ("entry", "bertrand"):
            enters = draw < self.entry_chance(value, cost, phi)
            return cost if enters else None
        if phi == 0.0:  # losing is free: nobody leaves anything
            return value
        fee = float(gas_auction(n, value, cost, phi).bids(draw))
        return None if math.isnan(fee) else cost + fee

    def ceiling_gwei(self, gross_usd: float, gas: int, view: PublicView, own: OwnState) -> float:
        """Return the gas price up to which it raises when outbid; see `Liquidator.ceiling_gwei`."""
        if self.contest != "bertrand":
            return 0.0
        return min(gross_usd - self.min_profit_usd, own.cash_usd) / (gas * view.usd_per_gas_gwei)

    def entry_chance(self, value: float, cost: float, revert_share: float) -> float:
        """Return the probability of entering where losers pay a share of the cost.

        Where the winner is drawn, winning with chance w earns ``w (v - c) - (1 - w) phi c``, the game of
        MODEL 3.1 with value ``v - (1 - phi) c`` and cost ``phi c``. Where two or more bid the value away
        only who is alone wins anything: MODEL 3.2 with the same value and cost.
        """
        if revert_share == 0.0:
            return 1.0 if value > cost else 0.0
        chance = bertrand_entry_probability if self.contest == "bertrand" else entry_probability
        return chance(self.rivals + 1, value - (1.0 - revert_share) * cost, revert_share * cost)
