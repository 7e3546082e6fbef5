"""Those who live with a stablecoin's own machinery: stability-pool depositors and redeemers."""

from __future__ import annotations

from .base import DecidingAgent, Intent, PublicView
from .strategies.redeemer import Redeemer
from .strategies.stability_depositor import OwnDeposit, StabilityDepositor


class DepositorAgent(DecidingAgent):
    """A depositor of the stability pools, who looks every few blocks whether to stay.

    The deposits that a pool starts with belong to the depositors of the scenario, in equal parts.
    """

    role = "depositor"
    strategy: StabilityDepositor

    def due(self, view_version: int, block: int) -> bool:
        """Due every `look_blocks`."""
        return bool(block % self.strategy.look_blocks == 0)

    def decide(self, view: PublicView) -> list[Intent]:
        """Return deposits and withdrawals."""
        if not view.stability:
            return []
        own = [
            OwnDeposit(*self.world.deposit_usd(self.account, system.protocol, system.status.collateral))
            for system in view.stability
        ]
        return list(self.strategy.decide(view, own, self.world.cash_usd(self.account)))


class RedeemerAgent(DecidingAgent):
    """An arbitrageur between the stablecoin's face value and the market."""

    role = "redeemer"
    strategy: Redeemer

    def due(self, view_version: int, block: int) -> bool:
        """Due in every block: prices move in every block."""
        return True

    def decide(self, view: PublicView) -> list[Intent]:
        """Return redemptions worth their gas."""
        if not view.stability:
            return []
        return list(self.strategy.decide(view, self.world.cash_usd(self.account)))
