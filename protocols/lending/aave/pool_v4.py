"""An Aave pool with the liquidations of v4: every account has terms of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger
from ...fixed_point import PERCENTAGE_FACTOR
from ...liquidation import DustFloor, HealthFactorTrigger, LiquidationMechanism
from ...revert import Revert
from ..pool import Quotes
from .liquidation_v4 import TargetLiquidation
from .parameters import Market
from .pool import AavePool
from .versions import V3_6

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

MARGIN = 1e-6
"""Part by which an offer in floats exceeds what is due, so that it never falls a unit short."""


def v4_mechanism(rule: TargetLiquidation) -> LiquidationMechanism:
    """Return the rule as the parts of a mechanism; its own dust rule is the residual's, too."""
    return LiquidationMechanism(HealthFactorTrigger(), rule, rule, DustFloor(rule.dust_base))


class AaveV4Pool(AavePool):
    """Positions and interest of v3.6, liquidations of v4.

    Parameters
    ----------
    ledger : Ledger
    market : Market
        Reserves with the largest bonus of each collateral; its mechanism is replaced.
    rule : TargetLiquidation
    n_borrowers, start_s, utilisation
        As in `AavePool`.
    """

    quoted = True

    def __init__(
        self,
        ledger: Ledger,
        market: Market,
        rule: TargetLiquidation,
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.7,
    ) -> None:
        market = Market(market.name, market.reserves, v4_mechanism(rule))
        super().__init__(ledger, market, n_borrowers, start_s, utilisation, V3_6)
        self.rule = rule

    @property
    def penalty_at_trigger(self) -> Floats:
        """The share of the bonus that is paid at a health factor of 1."""
        return self.penalty * (self.rule.bonus_factor / PERCENTAGE_FACTOR)

    def quote(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return exact terms of a call on each account for a pair of assets."""
        quotes = np.zeros((3, len(rows)))
        for k, (row, collateral, debt) in enumerate(
            zip(rows.tolist(), collaterals.tolist(), debts.tolist(), strict=True)
        ):
            context = self._context(row, collateral, debt, now_s)
            if not (context.debt and context.collateral):
                continue
            try:
                repaid, seized, fee = self.rule.amounts(context, context.debt)
            except Revert:
                continue
            paid = repaid / context.debt_unit * context.debt_price / 1e8
            got = (seized - fee) / context.collateral_unit * context.collateral_price / 1e8
            quotes[:, k] = paid * (1.0 + MARGIN), got / paid - 1.0, 0.0
        return Quotes(*quotes)
