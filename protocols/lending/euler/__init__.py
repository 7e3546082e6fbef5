"""Euler: discounts that grow with the shortfall, on v2 (the vault kit) and v1.

`vault` keeps the books of a v2 vault (exact debts, interest), `liquidation` what
liquidators do there, `parameters` what a vault may be; `v1` is the discount of 2022 with
its booster and the repayment to a target health; `pool` and `pool_v1` put a crowd on them. Amounts are
whole base units.
"""

from __future__ import annotations

from .liquidation import (
    Collateral,
    Liquidation,
    Liquidity,
    Opportunity,
    Quote,
    check_liquidation,
    discount_factor,
    liquidate,
    liquidity_of,
)
from .parameters import KinkedRate, VaultParameters
from .v1 import (
    V1Account,
    V1Liquidation,
    V1Opportunity,
    V1Parameters,
    check_liquidation_v1,
    discount,
    discount_booster,
    liquidate_v1,
)
from .vault import (
    DebtDecrease,
    DebtTransfer,
    Vault,
    accrue,
    debt_in_assets,
    decrease_debt,
    grown_debt,
    repay,
    transfer_debt,
    with_new_rate,
)

__all__ = [
    "Collateral",
    "DebtDecrease",
    "DebtTransfer",
    "KinkedRate",
    "Liquidation",
    "Liquidity",
    "Opportunity",
    "Quote",
    "V1Account",
    "V1Liquidation",
    "V1Opportunity",
    "V1Parameters",
    "Vault",
    "VaultParameters",
    "accrue",
    "check_liquidation",
    "check_liquidation_v1",
    "debt_in_assets",
    "decrease_debt",
    "discount",
    "discount_booster",
    "discount_factor",
    "grown_debt",
    "liquidate",
    "liquidate_v1",
    "liquidity_of",
    "repay",
    "transfer_debt",
    "with_new_rate",
]
