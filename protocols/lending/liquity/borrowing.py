"""What borrowers may do on Liquity v1: open, change and close a trove.

Normal mode asks for the minimum ratio of the trove and the critical ratio of the system;
recovery mode forbids whatever would make the system riskier. Fees are the caller's part:
debts are given with fee. The system's state is changed in place, after every check.
Source: MODEL 1.5.
"""

from __future__ import annotations

from ....market.revert import Revert
from .troves import LiquitySystem, collateral_ratio

BELOW_MINIMUM = "BorrowerOps: An operation that would result in ICR < MCR is not permitted"
BELOW_CRITICAL = "BorrowerOps: An operation that would result in TCR < CCR is not permitted"
RECOVERY_RATIO = "BorrowerOps: Operation must leave trove with ICR >= CCR"
NET_DEBT = "BorrowerOps: Trove's net debt must be greater than minimum"
NOT_ACTIVE = "BorrowerOps: Trove does not exist or is closed"


def open_trove(system: LiquitySystem, trove_id: int, net_debt: int, collateral: int, price: int) -> None:
    """Open a trove; its debt also holds the gas compensation.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place, unless the call is refused.
    trove_id : int
        Not active.
    net_debt : int
        Stablecoin drawn, fee included, wei.
    collateral : int
        Wei.
    price : int
        Stablecoin per collateral, wad.

    Raises
    ------
    Revert
        If the trove is active, its debt too small, or its ratio or the system's too low.
    """
    terms = system.parameters
    if trove_id in system.troves:
        raise Revert("BorrowerOps: Trove is active")
    if net_debt < terms.minimum_net_debt:
        raise Revert(NET_DEBT)
    debt = net_debt + terms.gas_compensation_debt
    ratio = collateral_ratio(collateral, debt, price)
    if system.is_recovery_mode(price) and system.debt:
        if ratio < terms.critical_ratio:
            raise Revert(RECOVERY_RATIO)
    else:
        if ratio < terms.minimum_ratio:
            raise Revert(BELOW_MINIMUM)
        _require_total(system, debt, collateral, price)
    system.add_trove(trove_id, debt, collateral)


def adjust_trove(
    system: LiquitySystem, trove_id: int, debt_change: int, collateral_change: int, price: int
) -> None:
    """Draw or repay debt, add or withdraw collateral.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place, unless the call is refused.
    trove_id : int
        The trove.
    debt_change : int
        Drawn (with fee) if positive, repaid if negative, wei.
    collateral_change : int
        Added if positive, withdrawn if negative, wei.
    price : int
        Stablecoin per collateral, wad.

    Raises
    ------
    Revert
        If the trove is not active, nothing changes, more leaves than is there, or the mode
        forbids it.
    """
    terms = system.parameters
    if trove_id not in system.troves:
        raise Revert(NOT_ACTIVE)
    if debt_change == 0 and collateral_change == 0:
        raise Revert("BorrowerOps: There must be either a collateral change or a debt change")
    debt, collateral = system.debt_and_collateral(system.troves[trove_id])
    old_ratio = collateral_ratio(collateral, debt, price)
    new_debt, new_collateral = debt + debt_change, collateral + collateral_change
    new_ratio = collateral_ratio(max(new_collateral, 0), new_debt, price) if new_debt > 0 else 0
    if debt_change < 0 and new_debt < terms.gas_compensation_debt:
        raise Revert("BorrowerOps: Amount repaid must not be larger than the Trove's debt")
    if new_collateral < 0:
        raise Revert("invalid opcode")
    if system.is_recovery_mode(price):
        if collateral_change < 0:
            raise Revert("BorrowerOps: Collateral withdrawal not permitted Recovery Mode")
        if debt_change > 0:
            if new_ratio < terms.critical_ratio:
                raise Revert(RECOVERY_RATIO)
            if new_ratio < old_ratio:
                raise Revert("BorrowerOps: Cannot decrease your Trove's ICR in Recovery Mode")
    else:
        if new_ratio < terms.minimum_ratio:
            raise Revert(BELOW_MINIMUM)
        _require_total(system, debt_change, collateral_change, price)
    if debt_change < 0 and new_debt - terms.gas_compensation_debt < terms.minimum_net_debt:
        raise Revert(NET_DEBT)
    system.change_trove(trove_id, new_debt, new_collateral)


def close_trove(system: LiquitySystem, trove_id: int, price: int) -> tuple[int, int]:
    """Repay a trove and take its collateral back; not in recovery mode.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place, unless the call is refused.
    trove_id : int
        The trove.
    price : int
        Stablecoin per collateral, wad.

    Returns
    -------
    debt, collateral : int
        What the owner repays (the gas compensation comes from what it set aside) and gets.

    Raises
    ------
    Revert
        If the trove is not active or the last one, or the mode or the system's ratio
        forbids it.
    """
    if trove_id not in system.troves:
        raise Revert(NOT_ACTIVE)
    if system.is_recovery_mode(price):
        raise Revert("BorrowerOps: Operation not permitted during Recovery Mode")
    debt, collateral = system.debt_and_collateral(system.troves[trove_id])
    _require_total(system, -debt, -collateral, price)
    if len(system.troves) <= 1:
        raise Revert("TroveManager: Only one trove in the system")
    system.remove_trove(trove_id)
    system.active_debt -= debt
    system.active_collateral -= collateral
    return debt - system.parameters.gas_compensation_debt, collateral


def _require_total(system: LiquitySystem, debt: int, collateral: int, price: int) -> None:
    total = collateral_ratio(system.collateral + collateral, system.debt + debt, price)
    if total < system.parameters.critical_ratio:
        raise Revert(BELOW_CRITICAL)
