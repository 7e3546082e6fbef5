"""What an Aave pool remembers: one `ReserveState` per asset and one `Account` per user.

Plain mutable containers of integers; the rules that change them are functions
elsewhere. A simulation may keep the crowd's accounts in arrays and build an
`Account` from the rows of the one account a call concerns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...fixed_point import RAY


@dataclass(slots=True)
class ReserveState:
    """One asset of a pool, as stored at `last_update`.

    Parameters
    ----------
    last_update : int
        Seconds since the epoch.
    liquidity_index, variable_borrow_index : int
        Growth of supplied and of borrowed amounts since the start; ray.
    liquidity_rate, variable_borrow_rate : int
        Ray per year.
    accrued_to_treasury : int
        Protocol interest not yet minted; scaled base units.
    scaled_supply, scaled_variable_debt : int
        aTokens and debt tokens in existence; scaled base units.
    available : int
        Underlying held by the aToken (v3.6: virtual underlying balance); base units.
    treasury_scaled : int
        aTokens the treasury received as liquidation fees; scaled base units.
    deficit : int
        Bad debt written off (v3.6); base units.
    """

    last_update: int = 0
    liquidity_index: int = RAY
    liquidity_rate: int = 0
    variable_borrow_index: int = RAY
    variable_borrow_rate: int = 0
    accrued_to_treasury: int = 0
    scaled_supply: int = 0
    scaled_variable_debt: int = 0
    available: int = 0
    treasury_scaled: int = 0
    deficit: int = 0


@dataclass(slots=True)
class Account:
    """One user's position over the reserves of a pool.

    Parameters
    ----------
    supplied, borrowed : list of int, length n_reserves
        aTokens and variable debt tokens; scaled base units.
    collateral_mask, borrowing_mask : int
        Bit `i` says that reserve `i` is used as collateral, or borrowed.
    emode : int
        Efficiency-mode category, 0 for none.
    """

    supplied: list[int]
    borrowed: list[int]
    collateral_mask: int = 0
    borrowing_mask: int = 0
    emode: int = 0

    @classmethod
    def empty(cls, n_reserves: int) -> Account:
        """Return an account without any position.

        Parameters
        ----------
        n_reserves : int
            Reserves of the pool.
        """
        return cls([0] * n_reserves, [0] * n_reserves)


class AccountData(NamedTuple):
    """Solvency of an account in the pool's base currency (8 decimals by convention).

    Parameters
    ----------
    total_collateral_base, total_debt_base, available_borrows_base : int
        Base currency units.
    current_liquidation_threshold, ltv : int
        Averages weighted by collateral; basis points.
    health_factor : int
        Wad; ``2**256 - 1`` without debt.
    """

    total_collateral_base: int
    total_debt_base: int
    available_borrows_base: int
    current_liquidation_threshold: int
    ltv: int
    health_factor: int


class LiquidationResult(NamedTuple):
    """What one liquidation call did.

    Parameters
    ----------
    debt_repaid : int
        Paid by the liquidator; base units of the debt reserve.
    collateral_to_liquidator : int
        Base units of the collateral reserve, as underlying or as aTokens.
    liquidator_scaled : int
        aTokens credited to the liquidator; scaled, 0 when paid in underlying.
    protocol_fee : int
        Collateral kept by the treasury; base units, as its balance grew.
    health_factor : int
        Before the call; wad.
    collateral_mask, borrowing_mask : int
        The account's flags after the call.
    deficits : sequence of (int, int)
        Reserve index and bad debt written off there (v3.6); base units.
    """

    debt_repaid: int
    collateral_to_liquidator: int
    liquidator_scaled: int
    protocol_fee: int
    health_factor: int
    collateral_mask: int
    borrowing_mask: int
    deficits: Sequence[tuple[int, int]] = ()
