"""Replay of Liquity v1 (set ``liquity_v1``): liquidations, stability pool, redistribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...market.revert import Revert
from ...protocols.lending.liquity import (
    LiquidationBatch,
    LiquitySystem,
    batch_liquidate,
    liquidate,
    liquidate_troves,
)
from .compare import Check, compare


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Replay one case: troves and deposits, then steps, each with its whole state.

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
    system = LiquitySystem()
    checks = []
    for i, opened in enumerate(case["troves"]):
        checks += _open(system, opened, f"troves[{i}]")
    for made in case["stabilityDeposits"]:
        system.pool.provide(int(made["id"]), int(made["amount"]))
    price = int(case["initialPrice"])
    checks += compare(case["start"], _state(system, price), "start")
    for i, step in enumerate(case["steps"]):
        path = f"steps[{i}]"
        price = int(step["price"])
        checks += compare(step["recoveryMode"], system.is_recovery_mode(price), f"{path}.recoveryMode")
        checks += compare(step["TCR"], system.total_ratio(price), f"{path}.TCR")
        checks += compare(step["out"], _act(system, step["action"], price), f"{path}.out")
        checks += compare(step["after"], _state(system, price), f"{path}.after")
        for kind, change in step.get("then", {}).items():
            if kind == "openTrove":
                checks += _open(system, change, f"{path}.then.openTrove")
            elif kind == "provideToSP":
                system.pool.provide(int(change["id"]), int(change["amount"]))
            else:
                raise ValueError(f"then must be openTrove or provideToSP, got {kind!r}")
    return checks


def _open(system: LiquitySystem, opened: Mapping[str, Any], path: str) -> list[Check]:
    trove = system.add_trove(int(opened["id"]), int(opened["debt"]), int(opened["coll"]))
    return compare(opened["stake"], trove.stake, f"{path}.stake")


def _act(system: LiquitySystem, action: Mapping[str, Any], price: int) -> dict[str, Any]:
    try:
        batch = _liquidate(system, action, price)
    except Revert as error:
        return {"revert": error.reason}
    return {
        "revert": None,
        "liquidatedDebt": batch.debt,
        "liquidatedColl": batch.collateral,
        "collGasCompensation": batch.gas_compensation,
        "lusdGasCompensation": batch.gas_compensation_deposit,
        "troves": [
            {
                "id": trove.trove_id,
                "debt": trove.debt,
                "coll": trove.collateral_to_pool if trove.capped else trove.collateral,
            }
            for trove in batch.troves
        ],
        "liquidatorETH": batch.gas_compensation,
        "liquidatorLUSD": batch.gas_compensation_deposit,
    }


def _liquidate(system: LiquitySystem, action: Mapping[str, Any], price: int) -> LiquidationBatch:
    kind = action["kind"]
    if kind == "liquidate":
        return liquidate(system, int(action["id"]), price)
    if kind == "liquidateTroves":
        return liquidate_troves(system, int(action["n"]), price)
    if kind == "batchLiquidateTroves":
        return batch_liquidate(system, [int(trove_id) for trove_id in action["ids"]], price)
    raise ValueError(f"action must be liquidate, liquidateTroves or batchLiquidateTroves, got {kind!r}")


def _state(system: LiquitySystem, price: int) -> dict[str, Any]:
    pool = system.pool
    troves: dict[str, Any] = {}
    for trove_id, trove in system.troves.items():
        debt, collateral = system.debt_and_collateral(trove)
        pending_debt, pending_collateral = system.pending(trove)
        troves[str(trove_id)] = {
            "status": "active",
            "debt": debt,
            "coll": collateral,
            "pendingDebt": pending_debt,
            "pendingColl": pending_collateral,
            "stake": trove.stake,
            "ICR": system.ratio(trove_id, price),
        }
    for trove_id in system.closed:
        troves[str(trove_id)] = {"status": "closedByLiquidation"}
    for trove_id, surplus in system.surplus.items():
        troves[str(trove_id)]["surplus"] = surplus
    return {
        "L_ETH": system.collateral_per_stake,
        "L_LUSDDebt": system.debt_per_stake,
        "lastETHError": system.collateral_error,
        "lastLUSDDebtError": system.debt_error,
        "totalStakes": system.total_stakes,
        "totalStakesSnapshot": system.total_stakes_snapshot,
        "totalCollateralSnapshot": system.total_collateral_snapshot,
        "activeColl": system.active_collateral,
        "activeDebt": system.active_debt,
        "defaultColl": system.default_collateral,
        "defaultDebt": system.default_debt,
        "spTotal": pool.deposited,
        "spETH": pool.collateral,
        "P": pool.product,
        "scale": pool.scale,
        "epoch": pool.epoch,
        "S": pool.current_sum,
        "lowestFirst": system.lowest_first,
        "troves": troves,
        "deposits": {
            depositor: {
                "compoundedDeposit": pool.compounded(depositor),
                "ethGain": pool.collateral_gain(depositor),
            }
            for depositor in pool.deposits
        },
    }
