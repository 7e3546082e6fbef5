"""Replay of Uniswap v2 vectors through the functions that `LiquidityPool` executes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...market.pools import constant_product as pair
from ...market.pools.constant_product import PairState
from ...market.revert import Revert
from .compare import Check, compare

_FIELDS = {
    "reserve0": "reserve0",
    "reserve1": "reserve1",
    "blockTimestampLast": "block_timestamp_last",
    "totalSupply": "total_supply",
    "kLast": "k_last",
    "price0CumulativeLast": "price0_cumulative_last",
    "price1CumulativeLast": "price1_cumulative_last",
    "feeToShares": "fee_to_shares",
}
"""Field of a vector's state -> attribute of `PairState`."""

_Answer = tuple[PairState, dict[str, int]]


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Run one case and list every checked field.

    Parameters
    ----------
    case : mapping
        One entry of the file's ``cases``.
    header : mapping
        The file's header; Uniswap v2 needs nothing of it.

    Returns
    -------
    list of Check
        On success the amounts and the whole state after, on a revert its reason.
    """
    before = PairState(**{ours: int(case["before"][theirs]) for theirs, ours in _FIELDS.items()})
    got: dict[str, Any] = {"revert": None}
    try:
        after, amounts = _KINDS[case["kind"]](case, before)
    except Revert as refusal:
        got["revert"] = refusal.reason
    else:
        got |= amounts
        got["after"] = {theirs: getattr(after, ours) for theirs, ours in _FIELDS.items()}
    return compare(case["out"], got)


def _exact_in(case: Mapping[str, Any], before: PairState) -> _Answer:
    after, amount_out = pair.swap_exact_in(
        before, case["zeroForOne"], int(case["amountIn"]), int(case["timestamp"])
    )
    return after, {"amountOut": amount_out}


def _exact_out(case: Mapping[str, Any], before: PairState) -> _Answer:
    after, amount_in = pair.swap_exact_out(
        before, case["zeroForOne"], int(case["amountOut"]), int(case["timestamp"])
    )
    return after, {"amountIn": amount_in}


def _pair_swap(case: Mapping[str, Any], before: PairState) -> _Answer:
    amounts = int(case["amountIn"]), int(case["amountOut"])
    return pair.pair_swap(before, case["zeroForOne"], *amounts, int(case["timestamp"])), {}


def _mint(case: Mapping[str, Any], before: PairState) -> _Answer:
    amounts = int(case["amount0"]), int(case["amount1"])
    after, liquidity = pair.mint(before, *amounts, int(case["timestamp"]), fee_on=case["feeOn"])
    return after, {"liquidity": liquidity}


def _burn(case: Mapping[str, Any], before: PairState) -> _Answer:
    after, amount0, amount1 = pair.burn(
        before, int(case["liquidity"]), int(case["timestamp"]), fee_on=case["feeOn"]
    )
    return after, {"amount0": amount0, "amount1": amount1}


_KINDS: dict[str, Callable[[Mapping[str, Any], PairState], _Answer]] = {
    "exact_in": _exact_in,
    "exact_out": _exact_out,
    "pair_swap": _pair_swap,
    "mint": _mint,
    "burn": _burn,
}
