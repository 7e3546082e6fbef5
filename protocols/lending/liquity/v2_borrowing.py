"""What borrowers may do on a branch of Liquity v2 (BOLD): change and close a trove.

A trove stays above the minimum ratio in any case. While the branch is above its critical
ratio nothing may take it below; once below, collateral leaves only against a repayment of
at least the same worth, and nobody borrows unless that brings the branch back. After a
shutdown troves can only be closed. Source: ``BorrowerOperations`` of ``liquity/bold``, MODEL 1.5.
"""

from __future__ import annotations

from ....market.revert import Revert
from ...fixed_point import WAD
from .parameters import BranchParameters
from .troves import LiquitySystem, collateral_ratio


def adjust_branch_trove(
    system: LiquitySystem,
    branch: BranchParameters,
    trove_id: int,
    debt_change: int,
    collateral_change: int,
    price: int,
    shut_down: bool,
) -> None:
    """Draw or repay debt, add or withdraw collateral.

    Parameters
    ----------
    system : LiquitySystem
        The branch's books; changed in place, unless the call is refused.
    branch : BranchParameters
        Terms.
    trove_id : int
        The trove.
    debt_change, collateral_change : int
        Added if positive, repaid or withdrawn if negative, wei.
    price : int
        BOLD per collateral, wad.
    shut_down : bool
        Whether the branch is.

    Raises
    ------
    Revert
        ``IsShutDown``; ``TroveNotActive``; ``ZeroAdjustment``; ``CollWithdrawalTooHigh``;
        ``DebtBelowMin``; ``ICRBelowMCR``; ``TCRBelowCCR``; ``RepaymentNotMatchingCollWithdrawal``.
    """
    if shut_down:
        raise Revert("IsShutDown")
    if trove_id not in system.troves:
        raise Revert("TroveNotActive")
    if debt_change == 0 and collateral_change == 0:
        raise Revert("ZeroAdjustment")
    debt, collateral = system.debt_and_collateral(system.troves[trove_id])
    new_debt, new_collateral = debt + debt_change, collateral + collateral_change
    if new_collateral < 0:
        raise Revert("CollWithdrawalTooHigh")
    if debt_change < 0 and new_debt < branch.minimum_debt:
        raise Revert("DebtBelowMin")
    if new_collateral == 0 or collateral_ratio(new_collateral, new_debt, price) < branch.minimum_ratio:
        raise Revert("ICRBelowMCR")
    total = collateral_ratio(system.collateral + collateral_change, system.debt + debt_change, price)
    if system.total_ratio(price) >= branch.critical_ratio:
        if total < branch.critical_ratio:
            raise Revert("TCRBelowCCR")
    else:
        if debt_change > 0 and total < branch.critical_ratio:
            raise Revert("TCRBelowCCR")
        if max(-debt_change, 0) * WAD < max(-collateral_change, 0) * price:
            raise Revert("RepaymentNotMatchingCollWithdrawal")
    system.change_trove(trove_id, new_debt, new_collateral)


def close_branch_trove(
    system: LiquitySystem, branch: BranchParameters, trove_id: int, price: int, shut_down: bool
) -> tuple[int, int]:
    """Repay a trove and take its collateral back.

    Parameters
    ----------
    system, branch, trove_id, price, shut_down
        As in `adjust_branch_trove`.

    Returns
    -------
    debt, collateral : int
        What the owner repays and gets, wei.

    Raises
    ------
    Revert
        ``TroveNotActive``; ``OnlyOneTroveLeft``; ``TCRBelowCCR``.
    """
    if trove_id not in system.troves:
        raise Revert("TroveNotActive")
    if len(system.troves) <= 1:
        raise Revert("OnlyOneTroveLeft")
    debt, collateral = system.debt_and_collateral(system.troves[trove_id])
    total = collateral_ratio(system.collateral - collateral, system.debt - debt, price)
    if not shut_down and total < branch.critical_ratio:
        raise Revert("TCRBelowCCR")
    system.remove_trove(trove_id)
    system.active_debt -= debt
    system.active_collateral -= collateral
    return debt, collateral
