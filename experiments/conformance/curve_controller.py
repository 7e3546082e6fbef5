"""Replay of crvUSD controller vectors (set ``curve_controller``): loans on a LLAMMA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...market.revert import Revert
from ...protocols.lending.llamma import (
    Amm,
    Controller,
    ControllerParameters,
    Quote,
    amounts_of,
    borrowed_if_price_falls,
    create_loan,
    current_price,
    full_health,
    health,
    liquidate,
    max_borrowable,
    quote,
    repay,
    tokens_to_liquidate,
)
from .compare import Check, compare
from .curve_llamma import amm_parameters, bands_held, run_action


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Run one case and list every checked field.

    Parameters
    ----------
    case : Mapping
        One entry of the file's ``cases``.
    header : Mapping
        The file's header; the rules need nothing of it.

    Returns
    -------
    list of Check
    """
    del header
    now, price = int(case["timestamp"]), int(case["oraclePrice"])
    terms = ControllerParameters(
        loan_discount=int(case["loanDiscount"]),
        liquidation_discount=int(case["liquidationDiscount"]),
        rate_per_second=int(case["ratePerSecond"]),
    )
    controller = Controller(terms, Amm.new(amm_parameters(case), price, now))
    seen = quote(controller.amm, price, now)
    checks: list[Check] = []
    for i, loan in enumerate(case["loans"]):
        expected = {key: loan[key] for key in ("maxBorrowable", "n1", "n2", "revert") if key in loan}
        checks += compare(expected, _create(controller, seen, loan), f"loans[{i}]")
    users = [int(loan["user"]) for loan in case["loans"]]
    checks += compare(case["start"], _state(controller, seen, users), "start")
    for i, step in enumerate(case["steps"]):
        now, price = now + int(step["dt"]), int(step.get("oraclePrice", price))
        seen = quote(controller.amm, price, now)
        checks += compare(step["out"], _act(controller, seen, step["action"]), f"steps[{i}].out")
        seen = quote(controller.amm, price, now)
        checks += compare(step["after"], _state(controller, seen, users), f"steps[{i}].after")
    return checks


def _create(controller: Controller, seen: Quote, loan: Mapping[str, Any]) -> dict[str, Any]:
    collateral, bands = int(loan["collateral"]), int(loan["N"])
    got: dict[str, Any] = {
        "maxBorrowable": max_borrowable(controller, seen, collateral, bands),
        "revert": None,
    }
    try:
        got["n1"], got["n2"] = create_loan(
            controller, seen, int(loan["user"]), collateral, int(loan["debt"]), bands
        )
    except Revert as error:
        got["revert"] = error.reason
    return got


def _act(controller: Controller, seen: Quote, action: Mapping[str, Any]) -> dict[str, Any]:
    if action["kind"] not in ("liquidate", "repay"):
        return run_action(controller.amm, seen, action)
    user = int(action["user"])
    try:
        if action["kind"] == "repay":
            paid = repay(controller, seen, user, int(action["amount"]))
            return {
                "revert": None,
                "borrowedDelta": paid.borrowed_delta,
                "collateralDelta": paid.collateral_delta,
            }
        done = liquidate(
            controller, seen, user, int(action["frac"]), by_owner=bool(action["selfLiquidation"])
        )
    except Revert as error:
        return {"revert": error.reason}
    return {
        "revert": None,
        "collateralReceived": done.collateral_received,
        "stablecoinReceived": done.borrowed_received,
        "debt": done.debt,
        "liquidatorBorrowedDelta": done.borrowed_delta,
        "liquidatorCollateralDelta": done.collateral_received,
    }


def _state(controller: Controller, seen: Quote, users: list[int]) -> dict[str, Any]:
    amm = controller.amm
    return {
        "active_band": amm.active_band,
        "min_band": amm.min_band,
        "max_band": amm.max_band,
        "bands": bands_held(amm),
        "price_oracle": seen.price,
        "get_p": current_price(amm, seen),
        "rate_mul": amm.interest.at(seen.now),
        "totalDebt": controller.total_debt(seen.now),
        "users": {user: _loan(controller, seen, user) for user in users},
    }


def _loan(controller: Controller, seen: Quote, user: int) -> dict[str, int] | None:
    if user not in controller.loans:
        return None
    held = controller.amm.deposits[user]
    sum_x, sum_y = amounts_of(controller.amm, user)
    return {
        "collateral": sum_y,
        "stablecoin": sum_x,
        "debt": controller.debt(user, seen.now),
        "n1": held.first,
        "n2": held.last,
        "health": health(controller, seen, user),
        "healthFull": full_health(controller, seen, user),
        "xDown": borrowed_if_price_falls(controller.amm, seen, user),
        "tokensToLiquidate": tokens_to_liquidate(controller, seen, user),
    }
