"""Replay of Euler v2 liquidations (set ``euler_evk``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...market.revert import Revert
from ...protocols.fixed_point import MAX_UINT256
from ...protocols.lending.euler import (
    Collateral,
    KinkedRate,
    Liquidation,
    Quote,
    Vault,
    VaultParameters,
    accrue,
    check_liquidation,
    debt_in_assets,
    liquidate,
    liquidity_of,
)
from .compare import Check, compare

_FIELDS = {
    "cash": "cash",
    "totalBorrowsExact": "total_borrows",
    "totalShares": "total_shares",
    "accumulatedFees": "accumulated_fees",
    "interestAccumulator": "interest_accumulator",
    "interestRatePerSecond": "interest_rate",
}
"""Field of a vector's vault -> attribute of `Vault`."""


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Replay one case: accrual, the account's liquidity, what may be taken, the call.

    Parameters
    ----------
    case : Mapping
        One case of the file.
    header : Mapping
        The file's header; the rules need nothing of it.

    Returns
    -------
    list of Check
    """
    del header
    parameters = VaultParameters(
        max_discount=int(case["maxLiquidationDiscount"]),
        socialize_debt=case["socializeDebt"],
        interest_fee=int(case["interestFee"]),
        cool_off=int(case["coolOffTime"]),
        interest=KinkedRate(
            int(case["irm"]["baseRate"]),
            int(case["irm"]["slope1"]),
            int(case["irm"]["slope2"]),
            int(case["irm"]["kink"]),
        ),
    )
    collaterals = [
        Collateral(int(held["balance"]), _quote(held), int(held["liquidationLTV"]), held["enabled"])
        for held in case["collaterals"].values()
    ]
    target = list(case["collaterals"]).index(case["target"])
    debt, quote = int(case["violatorDebtExact"]), _quote(case["liability"])
    since_check = int(case["secondsSinceViolatorStatusCheck"])
    vault = _accrued(case, parameters)
    liquidity = liquidity_of(collaterals, debt, quote)
    repay_assets = int(case["call"]["repayAssets"])

    def allowed() -> dict[str, Any]:
        most = check_liquidation(parameters, collaterals, target, debt, quote, since_check=since_check)
        return {"maxRepay": most.repay, "maxYield": most.yield_balance}

    def called() -> dict[str, Any]:
        result = liquidate(
            vault,
            parameters,
            collaterals,
            target,
            debt,
            int(case["liquidatorDebtExact"]),
            quote,
            since_check=since_check,
            repay_assets=None if repay_assets == MAX_UINT256 else repay_assets,
            min_yield_balance=int(case["call"]["minYieldBalance"]),
        )
        return _outcome(result, collaterals[target].balance)

    checked = ("vault", "violatorDebt", "accountLiquidity", "checkLiquidation", "out")
    return compare(
        {name: case[name] for name in checked},
        {
            "vault": _vault_fields(vault),
            "violatorDebt": debt_in_assets(debt),
            "accountLiquidity": {
                "collateralValue": liquidity.collateral_value,
                "liabilityValue": liquidity.liability_value,
            },
            "checkLiquidation": _answer(allowed),
            "out": _answer(called),
        },
    )


def _answer(rule: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"revert": None} | rule()
    except Revert as refusal:
        return {"revert": refusal.reason}


def _quote(token: Mapping[str, Any]) -> Quote:
    return Quote(int(token["price"]), int(token["decimals"]))


def _accrued(case: Mapping[str, Any], parameters: VaultParameters) -> Vault:
    accrual = case["accrual"]
    if accrual is None or accrual["before"] is None:
        return _vault(case["vault"])
    return accrue(_vault(accrual["before"]), parameters, int(accrual["dt"]))


def _vault(stored: Mapping[str, Any]) -> Vault:
    return Vault(**{ours: int(stored[theirs]) for theirs, ours in _FIELDS.items()})


def _vault_fields(vault: Vault) -> dict[str, int]:
    return {theirs: getattr(vault, ours) for theirs, ours in _FIELDS.items()}


def _outcome(result: Liquidation, balance: int) -> dict[str, Any]:
    return {
        "repaid": result.repaid,
        "yieldBalance": result.yield_balance,
        "socialized": result.socialized,
        "violatorDebtExact": result.violator_debt,
        "liquidatorDebtExact": result.liquidator_debt,
        "violatorCollateral": balance - result.yield_balance,
        "liquidatorCollateralDelta": result.yield_balance,
        "vault": _vault_fields(result.vault),
    }
