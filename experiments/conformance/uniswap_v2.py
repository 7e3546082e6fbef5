"""Replay of Uniswap v2 vectors against the pool's pure functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...market.pools import constant_product as pair
from ...market.pools.constant_product import PairState
from ...market.revert import Revert

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

_Outcome = tuple[PairState, dict[str, int]]


def replay(case: dict[str, Any], header: dict[str, Any]) -> list[tuple[str, object, object]]:
    """Run one case and list every checked field.

    Parameters
    ----------
    case : dict
        One entry of the file's ``cases``.
    header : dict
        The file's header; Uniswap v2 needs nothing of it.

    Returns
    -------
    list of (str, object, object)
        Path of the field, what the contract did, what the pool did. On a revert
        only ``revert`` is checked.
    """
    before = PairState(**{ours: int(case["before"][theirs]) for theirs, ours in _FIELDS.items()})
    expected = case["out"]
    try:
        after, amounts = _KINDS[case["kind"]](case, before)
    except Revert as refusal:
        return [("revert", expected["revert"], refusal.reason)]
    checked: list[tuple[str, object, object]] = [("revert", expected["revert"], None)]
    if expected["revert"] is not None:
        return checked
    checked += [(name, int(expected[name]), amount) for name, amount in amounts.items()]
    checked += [
        (f"after.{theirs}", int(expected["after"][theirs]), getattr(after, ours))
        for theirs, ours in _FIELDS.items()
    ]
    return checked


def _exact_in(case: dict[str, Any], before: PairState) -> _Outcome:
    after, amount_out = pair.swap_exact_in(
        before, case["zeroForOne"], int(case["amountIn"]), int(case["timestamp"])
    )
    return after, {"amountOut": amount_out}


def _exact_out(case: dict[str, Any], before: PairState) -> _Outcome:
    after, amount_in = pair.swap_exact_out(
        before, case["zeroForOne"], int(case["amountOut"]), int(case["timestamp"])
    )
    return after, {"amountIn": amount_in}


def _pair_swap(case: dict[str, Any], before: PairState) -> _Outcome:
    amounts = int(case["amountIn"]), int(case["amountOut"])
    return pair.pair_swap(before, case["zeroForOne"], *amounts, int(case["timestamp"])), {}


def _mint(case: dict[str, Any], before: PairState) -> _Outcome:
    amounts = int(case["amount0"]), int(case["amount1"])
    after, liquidity = pair.mint(before, *amounts, int(case["timestamp"]), fee_on=case["feeOn"])
    return after, {"liquidity": liquidity}


def _burn(case: dict[str, Any], before: PairState) -> _Outcome:
    after, amount0, amount1 = pair.burn(
        before, int(case["liquidity"]), int(case["timestamp"]), fee_on=case["feeOn"]
    )
    return after, {"amount0": amount0, "amount1": amount1}


_KINDS: dict[str, Callable[[dict[str, Any], PairState], _Outcome]] = {
    "exact_in": _exact_in,
    "exact_out": _exact_out,
    "pair_swap": _pair_swap,
    "mint": _mint,
    "burn": _burn,
}
