"""What the tests of pools share: a customer, calls in a row, books that must agree, whom a screen misses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.lending.pool import ESTIMATE, LendingPool
from liquidarium.protocols.revert import Revert
from numpy.typing import NDArray

Call: TypeAlias = tuple[str, int, int, int, int, int]
"""Kind, account, asset put up, asset owed, base units, and seconds since the call before."""
COLLATERALS, STABLE = (0, 1), (2, 3)
"""Ledger assets of the pools that `calls_on` is for."""


@pytest.fixture(scope="session")
def customer() -> Callable[..., int]:
    """Return a function that opens an account with some USDC and some DAI."""

    def open_account(pool: LendingPool, usd: int = 50_000) -> int:
        account = pool.ledger.open_account("customer")
        for number, asset in enumerate(pool.ledger.assets):
            if asset.symbol in ("USDC", "DAI"):
                pool.ledger.endow(number, account, usd * asset.unit)
        return account

    return open_account


@pytest.fixture(scope="session")
def calls_on() -> Callable[[LendingPool], st.SearchStrategy[list[Call]]]:
    """Return a function that says which calls there are on a pool's borrowers, up to twelve in a row."""

    def calls(pool: LendingPool) -> st.SearchStrategy[list[Call]]:
        call = st.tuples(
            st.sampled_from(["liquidate", "repay", "supply", "withdraw"]),
            st.integers(0, pool.lenders - 1),
            st.sampled_from(COLLATERALS),
            st.sampled_from(STABLE),
            st.integers(0, 10**10),
            st.integers(0, 10**6),
        )
        return st.lists(call, max_size=12)

    return calls


@pytest.fixture(scope="session")
def play() -> Callable[[LendingPool, int, Iterable[Call]], int]:
    """Return a function that makes calls, accepted by the rules or not, and says the last second.

    After each of them what it has touched must agree with the ledger.
    """

    def calls_in_a_row(pool: LendingPool, me: int, calls: Iterable[Call]) -> int:
        now = 0
        for kind, row, asset, debt, amount, wait in calls:
            now += wait
            try:
                if kind == "liquidate":
                    pool.liquidate(row, asset, debt, amount, me, now)
                elif kind == "repay":
                    pool.repay(row, debt, amount, me, now)
                elif kind == "supply":
                    pool.supply(row, asset, amount, me, now)
                elif kind == "lend":
                    pool.supply(pool.lenders, asset, amount, me, now)
                else:
                    pool.withdraw(row, asset, amount, me, now)
            except Revert:
                pass
            assert not pool.residual_touched().any()
        return now

    return calls_in_a_row


@pytest.fixture(scope="session")
def agrees() -> Callable[[LendingPool], bool]:
    """Return a function that says whether a pool's books agree and nobody owns or owes less than nothing."""

    def books_agree(pool: LendingPool) -> bool:
        balances, amounts = pool.ledger.balances, pool.positions.amounts
        wrong = pool.residual().any() or pool.ledger.imbalance().any()
        return not wrong and bool((balances[1:] >= 0).all() and (amounts >= 0).all())

    return books_agree


@pytest.fixture(scope="session")
def missed() -> Callable[[LendingPool, int], list[int]]:
    """Return a function that lists accounts the rule would liquidate and a screen would not look at."""

    def unsafe_and_unseen(pool: LendingPool, now: int) -> list[int]:
        collateral, debt, _ = pool.weights(now)
        backed = pool.positions.collateral @ (collateral * (1.0 - pool.caution))
        seen = backed <= pool.positions.debt @ debt * (1.0 + 1e-9)
        return [row for row in range(pool.lenders) if pool.health_factor(row, now) < WAD and not seen[row]]

    return unsafe_and_unseen


@pytest.fixture(scope="session")
def estimated() -> Callable[..., None]:
    """Return a function that compares estimates of calls with the terms of the rule."""

    def compare(
        pool: LendingPool,
        rows: NDArray[np.int64],
        collaterals: NDArray[np.int64],
        debts: NDArray[np.int64],
        now: int,
    ) -> None:
        found, exact = (terms(rows, collaterals, debts, now) for terms in (pool.estimate, pool.quote))
        assert found is not None
        given = np.isfinite(found.repay_usd)
        assert (exact.repay_usd[given] > 0.0).all(), "who may not be liquidated has no estimate"
        off = (found.repay_usd * found.bonus - exact.repay_usd * exact.bonus)[given]
        assert (np.abs(off) <= ESTIMATE * found.repay_usd[given]).all()
        assert exact.repay_usd[given] == pytest.approx(found.repay_usd[given], rel=ESTIMATE)

    return compare
