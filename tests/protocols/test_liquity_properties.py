"""What holds for every sequence of Liquity liquidations, whatever the numbers."""

from __future__ import annotations

import copy

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.liquity import (
    LiquidationBatch,
    LiquitySystem,
    StabilityPool,
    batch_liquidate,
    liquidate,
    liquidate_troves,
)

WAD = 10**18
wei = st.integers(0, WAD - 1)


@st.composite
def systems(draw: st.DrawFn) -> LiquitySystem:
    """Draw up to eight troves of 100 % to 300 % at a price of 1000, and a pool of any size."""
    system = LiquitySystem()
    for trove_id in range(draw(st.integers(1, 8))):
        debt = draw(st.integers(2000, 10**5)) * WAD + draw(wei)
        collateral = debt * draw(st.integers(100, 300)) // 10**5 + draw(wei)
        system.add_trove(trove_id, debt, collateral)
    for depositor in range(draw(st.integers(0, 3))):
        system.pool.provide(depositor, draw(st.integers(1, 10**5)) * WAD + draw(wei))
    return system


actions = st.one_of(
    st.tuples(st.just("one"), st.integers(0, 8)),
    st.tuples(st.just("sequence"), st.integers(0, 9)),
    st.tuples(st.just("batch"), st.lists(st.integers(0, 8), max_size=9)),
    st.tuples(st.just("provide"), st.integers(0, 3)),
    st.tuples(st.just("collect"), st.integers(0, 3)),
)
prices = st.integers(300, 1200).map(lambda price: price * WAD)


def act(system: LiquitySystem, kind: str, argument: object, price: int) -> LiquidationBatch:
    if kind == "one":
        assert isinstance(argument, int)
        return liquidate(system, argument, price)
    if kind == "sequence":
        assert isinstance(argument, int)
        return liquidate_troves(system, argument, price)
    assert isinstance(argument, list)
    return batch_liquidate(system, argument, price)


@settings(deadline=None)
@given(systems(), st.lists(st.tuples(actions, prices), max_size=6))
def test_value_is_conserved_nothing_is_negative_and_refusals_change_nothing(
    system: LiquitySystem, steps: list[tuple[tuple[str, object], int]]
) -> None:
    debt, collateral = system.debt, system.collateral
    for (kind, argument), price in steps:
        before = copy.deepcopy(system)
        try:
            if kind == "provide":
                assert isinstance(argument, int)
                collateral -= system.pool.provide(argument, 1000 * WAD)
            elif kind == "collect":
                assert isinstance(argument, int)
                collateral -= system.pool.withdraw(argument, 0)[1]
            else:
                batch = act(system, kind, argument, price)
                for trove in batch.troves:
                    assert trove.debt == trove.debt_offset + trove.debt_redistributed
                    assert trove.collateral == (
                        trove.gas_compensation
                        + trove.collateral_to_pool
                        + trove.collateral_redistributed
                        + trove.surplus
                    )
                debt -= sum(trove.debt_offset for trove in batch.troves)
                collateral -= batch.gas_compensation
        except Revert:
            assert system == before
        surplus = sum(system.surplus.values())
        assert system.debt == debt
        assert system.collateral + system.pool.collateral + surplus == collateral
        check_books(system)


def check_books(system: LiquitySystem) -> None:
    pool = system.pool
    assert (
        min(
            system.active_debt,
            system.active_collateral,
            system.default_debt,
            system.default_collateral,
            system.total_stakes,
            pool.deposited,
            pool.collateral,
        )
        >= 0
    )
    assert system.total_stakes == sum(trove.stake for trove in system.troves.values())
    assert sorted(system.lowest_first) == sorted(system.troves)
    holdings = [system.debt_and_collateral(trove) for trove in system.troves.values()]
    # Rounding leaves dust in the pools, never a claim without cover.
    assert sum(debt for debt, _ in holdings) <= system.debt
    assert sum(collateral for _, collateral in holdings) <= system.collateral
    assert sum(pool.compounded(depositor) for depositor in pool.deposits) <= pool.deposited
    assert sum(pool.collateral_gain(depositor) for depositor in pool.deposits) <= pool.collateral


@settings(deadline=None)
@given(systems(), st.integers(0, 7), prices, prices)
def test_a_falling_price_never_makes_a_liquidatable_trove_healthy(
    system: LiquitySystem, trove_id: int, first: int, second: int
) -> None:
    lower = copy.deepcopy(system)
    try:
        liquidate(system, trove_id, max(first, second))
    except Revert:
        assume(False)
    liquidate(lower, trove_id, min(first, second))
    assert trove_id in lower.closed


@settings(deadline=None)
@given(systems(), st.integers(300, 1000), st.permutations(range(10)))
def test_in_normal_mode_order_moves_debt_between_troves_but_not_its_total(
    system: LiquitySystem, price: int, order: list[int]
) -> None:
    # A whale keeps the total above 150 %, one more trove is always open.
    system.add_trove(8, 10**6 * WAD, 10**5 * WAD)
    system.add_trove(9, 10**4 * WAD, 105 * 10**4 * WAD // (100 * price))
    assert not system.is_recovery_mode(price * WAD)
    other = copy.deepcopy(system)
    batch = batch_liquidate(system, range(10), price * WAD)
    shuffled = batch_liquidate(other, order, price * WAD)
    assert {trove.trove_id for trove in batch.troves} == {trove.trove_id for trove in shuffled.troves}
    assert (batch.debt, batch.gas_compensation) == (shuffled.debt, shuffled.gas_compensation)
    assert system.pool.deposited == other.pool.deposited


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 10**6 * WAD)), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 1000 * WAD)), max_size=8),
)
def test_a_running_product_and_sum_equal_the_pro_rata_division(
    deposits: list[tuple[int, int]], offsets: list[tuple[int, int]]
) -> None:
    # Against the obvious reference: walk all depositors at every offset, in fractions.
    pool = StabilityPool()
    left: dict[int, float] = {}
    gains: dict[int, float] = {}
    for depositor, amount in deposits:
        pool.provide(depositor, amount)
        left[depositor] = left.get(depositor, 0) + amount
        gains.setdefault(depositor, 0)
    given_out = 0
    for part, collateral in offsets:
        # At most nine tenths at a time, so that no dust rule of a tiny pool intervenes.
        debt = pool.deposited * part * 9 // 10**7
        assume(debt > WAD)
        total = sum(left.values())
        pool.offset(debt, collateral)
        given_out += collateral
        for depositor, amount in left.items():
            gains[depositor] += collateral * amount / total
            left[depositor] = amount * (1 - debt / total)
    # P and S count in 1e-18 of a deposit of at most 5e24 wei, over at most 8 offsets.
    for depositor, amount in left.items():
        assert abs(pool.compounded(depositor) - amount) <= 1e-7 * amount + 10**8
        assert abs(pool.collateral_gain(depositor) - gains[depositor]) <= 1e-7 * given_out + 10**8
