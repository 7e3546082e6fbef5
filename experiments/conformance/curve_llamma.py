"""Replay of LLAMMA vectors (set ``curve_llamma``): deposits, then exchanges and withdrawals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...market.revert import Revert
from ...protocols.lending.llamma import (
    Amm,
    AmmParameters,
    Quote,
    amount_for_price,
    amounts_of,
    borrowed_if_price_falls,
    collateral_if_price_rises,
    current_price,
    current_price_down,
    current_price_up,
    deposit,
    dynamic_fee,
    exchange,
    oracle_price_down,
    oracle_price_up,
    quote,
    withdraw,
)
from .compare import Check, compare


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
    amm = Amm.new(amm_parameters(case), price, now, int(case["ratePerSecond"]))
    users = [int(entry["user"]) for entry in case["deposits"]]
    for entry in case["deposits"]:
        deposit(amm, int(entry["user"]), int(entry["amount"]), int(entry["n1"]), int(entry["n2"]))
    seen = quote(amm, price, now)
    checks = compare(case["start"], _state(amm, seen, users), "start")
    checks += compare(case["grid"], _grid(amm, seen, case["grid"]), "grid")
    for i, step in enumerate(case["steps"]):
        now, price = now + int(step["dt"]), int(step.get("oraclePrice", price))
        seen = quote(amm, price, now)
        if "amountForPrice" in step:
            target = int(step["amountForPrice"]["price"])
            amount, pump = amount_for_price(amm, seen, target)
            got = {"price": target, "amount": amount, "isPump": pump}
            checks += compare(step["amountForPrice"], got, f"steps[{i}].amountForPrice")
        checks += compare(step["out"], run_action(amm, seen, step["action"]), f"steps[{i}].out")
        seen = quote(amm, price, now)
        checks += compare(step["after"], _state(amm, seen, users), f"steps[{i}].after")
        checks += compare(step["grid"], _grid(amm, seen, step["grid"]), f"steps[{i}].grid")
    return checks


def amm_parameters(case: Mapping[str, Any]) -> AmmParameters:
    """Read the settings of a LLAMMA from a case."""
    return AmmParameters(
        amplification=int(case["A"]),
        sqrt_band_ratio=int(case["sqrtBandRatio"]),
        log_a_ratio=int(case["logARatio"]),
        base_price=int(case["basePrice"]),
        fee=int(case["fee"]),
        admin_fee=int(case["adminFee"]),
        borrowed_decimals=int(case["borrowedDecimals"]),
        collateral_decimals=int(case["collateralDecimals"]),
    )


def run_action(amm: Amm, seen: Quote, action: Mapping[str, Any]) -> dict[str, Any]:
    """Make an exchange or a withdrawal and answer as ``out`` does."""
    kind = action["kind"]
    try:
        if kind in ("exchange", "exchange_dy"):
            coin, amount = int(action["i"]), int(action["amount"])
            result = exchange(amm, seen, coin, amount, exact_in=kind == "exchange")
        elif kind == "withdraw":
            result = withdraw(amm, int(action["user"]), int(action["frac"]))
        else:
            raise ValueError(f"action must be exchange, exchange_dy or withdraw, got {kind!r}")
    except Revert as error:
        return {"revert": error.reason}
    return {"revert": None, "result": list(result)}


def bands_held(amm: Amm) -> dict[int, list[int]]:
    """Return the bands that hold anything, as the files list them."""
    bands = sorted(amm.bands_x.keys() | amm.bands_y.keys())
    return {n: [amm.bands_x.get(n, 0), amm.bands_y.get(n, 0)] for n in bands}


def _state(amm: Amm, seen: Quote, users: list[int]) -> dict[str, Any]:
    held = {}
    for user in users:
        sum_x, sum_y = amounts_of(amm, user)
        held[user] = {
            "sum_x": sum_x,
            "sum_y": sum_y,
            "x_down": borrowed_if_price_falls(amm, seen, user),
            "y_up": collateral_if_price_rises(amm, seen, user),
        }
    return {
        "active_band": amm.active_band,
        "min_band": amm.min_band,
        "max_band": amm.max_band,
        "bands": bands_held(amm),
        "admin_fees_x": amm.admin_fees_x,
        "admin_fees_y": amm.admin_fees_y,
        "price_oracle": seen.price,
        "dynamic_fee": dynamic_fee(amm, seen),
        "get_p": current_price(amm, seen),
        "base_price": seen.base_price,
        "rate_mul": amm.interest.at(seen.now),
        "users": held,
    }


def _grid(amm: Amm, seen: Quote, bands: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    return {
        n: {
            "p_oracle_up": oracle_price_up(amm.parameters, seen, int(n)),
            "p_oracle_down": oracle_price_down(amm.parameters, seen, int(n)),
            "p_current_up": current_price_up(amm.parameters, seen, int(n)),
            "p_current_down": current_price_down(amm.parameters, seen, int(n)),
        }
        for n in bands
    }
