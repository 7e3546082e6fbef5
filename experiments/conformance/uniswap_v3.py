"""Replay of Uniswap v3 pools (set ``uniswap_v3``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...market.pools.concentrated_liquidity import (
    ConcentratedParameters,
    ConcentratedState,
    Tick,
    amounts_for,
    swap,
)
from ...market.revert import Revert
from .compare import Check, compare

_FIELDS = {
    "sqrtPriceX96": "sqrt_price",
    "tick": "tick",
    "liquidity": "liquidity",
    "feeGrowthGlobal0X128": "fee_growth0",
    "feeGrowthGlobal1X128": "fee_growth1",
    "protocolFees0": "protocol_fees0",
    "protocolFees1": "protocol_fees1",
}
"""Field of a vector's state -> attribute of `ConcentratedState`."""


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Replay one case: what each deposit cost, then the swap.

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
    parameters = ConcentratedParameters(
        int(case["fee"]), int(case["tickSpacing"]), int(case["feeProtocol0"]), int(case["feeProtocol1"])
    )
    before = ConcentratedState(
        **{ours: int(case["before"][theirs]) for theirs, ours in _FIELDS.items()},
        ticks=tuple(
            Tick(int(tick["tick"]), int(tick["liquidityGross"]), int(tick["liquidityNet"]))
            for tick in sorted(case["ticks"], key=lambda tick: int(tick["tick"]))
        ),
    )
    call = case["swap"]
    got: dict[str, Any] = {"revert": None}
    try:
        after, amount0, amount1 = swap(
            before,
            parameters,
            call["zeroForOne"],
            int(call["amountSpecified"]),
            int(call["sqrtPriceLimitX96"]),
        )
    except Revert as refusal:
        got["revert"] = refusal.reason
    else:
        fields = {theirs: getattr(after, ours) for theirs, ours in _FIELDS.items()}
        got |= {"amount0": amount0, "amount1": amount1, "after": fields}
    expected = [{"amount0": mint["amount0"], "amount1": mint["amount1"]} for mint in case["mints"]]
    costs = [_cost(mint) for mint in case["mints"]]
    return compare(case["out"] | {"mints": expected}, got | {"mints": costs})


def _cost(mint: Mapping[str, Any]) -> dict[str, int]:
    pool = ConcentratedState(int(mint["sqrtPriceX96"]), int(mint["tick"]))
    amount0, amount1 = amounts_for(
        pool, int(mint["tickLower"]), int(mint["tickUpper"]), int(mint["liquidity"])
    )
    return {"amount0": amount0, "amount1": amount1}
