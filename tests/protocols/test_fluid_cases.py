"""Fluid's ticks and vaults by their own rules: whole ranges, back to the threshold, order without effect."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import RAY
from liquidarium.protocols.interest import KinkedCurve
from liquidarium.protocols.lending.fluid import (
    FluidParameters,
    FluidVault,
    Limits,
    Liquidity,
    absorb,
    accrue,
    debt_on_tick,
    join,
    limits,
    liquidate,
    most,
    ratio_at_tick,
    repay,
    tick_at_ratio,
    tick_of,
)
from liquidarium.protocols.lending.fluid.parts import part_down, part_up
from liquidarium.protocols.lending.fluid.ticks import MAX_RATIO, MAX_TICK, ONE
from liquidarium.protocols.lending.fluid.vault import MIN_DEBT, WHOLE
from liquidarium.protocols.revert import Revert

TERMS = FluidParameters(900, 950, 100)
UNIT = 10**9


def vault_of(positions) -> FluidVault:
    """Put (debt, collateral) on ticks."""
    vault = FluidVault()
    for debt, collateral in positions:
        tick = tick_of(debt, collateral)
        vault, _ = join(vault, tick, debt_on_tick(tick, collateral), collateral)
    return vault


def test_ticks_are_the_contract_s():
    """Values of ``TickMath``: the ends of the grid, 1, and the power 1.0015^16384 of its comments."""
    assert ratio_at_tick(0) == ONE
    assert ratio_at_tick(1) == 79_347_004_758_035_734_099_934_266_262 - 1 + (ONE * 10_015 % 10_000 > 0)
    assert ratio_at_tick(MAX_TICK) == MAX_RATIO
    assert ratio_at_tick(-MAX_TICK) == ONE * 10_000**MAX_TICK // 10_015**MAX_TICK
    assert ratio_at_tick(16_384) == pytest.approx(
        3_665_252_098_134_783_297_721_995_888_537_077_351_735, rel=1e-27
    )
    for tick in (-MAX_TICK - 1, MAX_TICK + 1):
        with pytest.raises(Revert):
            ratio_at_tick(tick)


@given(tick=st.integers(-30_000, 30_000), part=st.fractions(Fraction(1, 1000), Fraction(999, 1000)))
def test_a_ratio_between_two_ticks_belongs_to_the_lower(tick, part):
    low, high = ratio_at_tick(tick), ratio_at_tick(tick + 1)
    assume(high - low > 10**4)
    assert tick_at_ratio(low + int((high - low) * part)) == tick
    assert tick_at_ratio(low) in (tick - 1, tick)


def test_l32_repayment_back_to_the_threshold():
    """CASES L32, but for the ticks, which move the debt and the threshold by up to .15 %."""
    exact = Limits(ONE * 9 // 10, ONE, RAY * 101 // 100)
    one = FluidVault((FluidVault().groups), 0, 0, 0)
    one, _ = join(one, 0, 92 * UNIT, 100 * UNIT)
    one = FluidVault((one.groups[0]._replace(ratio=ONE * 92 // 100),), 0, 0, 1)
    done = liquidate(one, exact, 10**12, absorbed=False)
    assert done.debt / UNIT == pytest.approx(21.97802198, rel=1e-9)
    assert done.collateral / UNIT == pytest.approx(21.97802198 * 1.01, rel=1e-9)
    group = done.vault.groups[0]
    assert group.debt / group.collateral == pytest.approx(0.9, rel=1e-8)


positions = st.lists(
    st.tuples(st.integers(10**6, 10**15), st.fractions(Fraction(70, 100), Fraction(945, 1000))),
    min_size=1,
    max_size=30,
)


def crowd(drawn) -> FluidVault:
    return vault_of((debt, int(debt / ratio) + 1) for debt, ratio in drawn)


@given(drawn=positions)
def test_a_range_costs_what_its_positions_would_one_by_one(drawn):
    """The repayment is linear in debt and collateral, so that it is the sum of L32 over the ticks."""
    vault, terms = crowd(drawn), limits(TERMS, RAY)
    assume(most(vault, terms) > 0)
    threshold, per_debt = Fraction(terms.threshold, ONE), Fraction(terms.collateral_per_debt, RAY)
    alone = sum(
        (group.debt - threshold * group.collateral) / (1 - threshold * per_debt)
        for group in vault.groups
        if group.ratio > terms.threshold
    )
    assert most(vault, terms) == pytest.approx(float(alone), rel=1e-5, abs=20 * len(drawn))


@given(drawn=positions)
def test_a_liquidation_ends_at_the_threshold_and_conserves_value(drawn):
    vault, terms = crowd(drawn), limits(TERMS, RAY)
    wanted = most(vault, terms)
    assume(wanted >= MIN_DEBT and wanted > vault.debt // 10**9)
    done = liquidate(vault, terms, 2 * wanted, absorbed=False)
    assert done.debt == wanted
    assert vault.debt - done.vault.debt == done.debt
    before, after = (sum(group.collateral for group in v.groups) for v in (vault, done.vault))
    assert before - after == done.collateral <= done.debt * terms.collateral_per_debt // RAY
    assert done.vault.groups[0].ratio <= terms.threshold
    assert most(done.vault, terms) == 0


@settings(max_examples=200)
@given(drawn=positions, part=st.fractions(Fraction(1, 100), Fraction(99, 100)))
def test_it_makes_no_difference_in_how_many_calls(drawn, part):
    """Order independence: who is liquidated depends on the money, not on how it comes."""
    vault, terms = crowd(drawn), limits(TERMS, RAY)
    wanted = most(vault, terms)
    first = int(wanted * part)
    assume(min(first, wanted - first) > max(MIN_DEBT, vault.debt // 10**9))
    at_once = liquidate(vault, terms, wanted, absorbed=False)
    halfway = liquidate(vault, terms, first, absorbed=False)
    rest = most(halfway.vault, terms)
    assert first + rest == pytest.approx(wanted, rel=1e-6, abs=20 * len(drawn))
    assert halfway.vault.groups[0].ratio >= terms.threshold
    assert at_once.vault.groups[0].ratio == terms.threshold


@given(drawn=positions)
def test_members_keep_in_sum_what_their_group_keeps(drawn):
    vault, terms = crowd(drawn), limits(TERMS, RAY)
    wanted = most(vault, terms)
    assume(wanted >= MIN_DEBT and wanted > vault.debt // 10**9)
    done = liquidate(vault, terms, wanted, absorbed=False)
    groups = {group.number: group for group in vault.groups}
    debt = sum(groups[m.number].debt * Fraction(m.debt_left, WHOLE) for m in done.merged)
    collateral = sum(groups[m.number].collateral * Fraction(m.collateral_left, WHOLE) for m in done.merged)
    into = done.vault.groups[0]
    assert into.debt <= debt <= into.debt * (1 + Fraction(1, 10**12)) + 40
    assert into.collateral >= collateral >= into.collateral * (1 - Fraction(1, 10**12)) - 40


def test_the_cost_does_not_depend_on_how_many_positions_there_are():
    """A hundred thousand positions on the ticks of a hundred are the same groups, as the rule sees them."""
    ticks = [tick_of(ratio * UNIT, 1_000 * UNIT) for ratio in range(900, 945)]
    few, many = FluidVault(), FluidVault()
    for tick in ticks:
        few, _ = join(few, tick, 10**6 * UNIT, 10**6 * UNIT)
        for _ in range(100):
            many, _ = join(many, tick, 10**4 * UNIT, 10**4 * UNIT)
    assert few.groups == many.groups
    terms = limits(TERMS, RAY)
    assert len(liquidate(many, terms, 10**18, absorbed=False).merged) <= len(set(ticks))


def test_what_is_above_the_limit_is_absorbed_and_can_be_bought():
    terms = limits(TERMS, RAY)
    vault = vault_of([(960 * UNIT, 1_000 * UNIT), (920 * UNIT, 1_000 * UNIT), (500 * UNIT, 1_000 * UNIT)])
    left, above = absorb(vault, terms.maximum)
    assert above == (0,)
    assert [group.number for group in left.groups] == [1, 2]
    stock = FluidVault(left.groups, 960 * UNIT, 1_000 * UNIT, left.next_number)
    done = liquidate(stock, terms, 480 * UNIT, absorbed=True)
    assert (done.absorbed_debt, done.absorbed_collateral) == (480 * UNIT, 500 * UNIT)
    assert (done.debt, done.merged) == (0, ())
    assert done.vault.absorbed_debt == 480 * UNIT


@pytest.mark.parametrize(
    ("amount", "reason"), [(MIN_DEBT - 1, "InvalidLiquidationAmt"), (10**9, "Vault__InvalidLiquidation$")]
)
def test_calls_that_the_contract_refuses(amount, reason):
    safe = vault_of([(500 * UNIT, 1_000 * UNIT)])
    with pytest.raises(Revert, match=reason):
        liquidate(safe, limits(TERMS, RAY), amount, absorbed=False)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ((900, 950, 480), "max_limit and penalty together must be at most 99.7%, got 99.80%"),
        ((950, 950, 10), "liquidation_threshold must be below max_limit"),
        ((0, 950, 10), "liquidation_threshold must be from 1"),
        ((900, 950, 1_024), "penalty must be from 0 to 1023"),
        ((900, 990, 102, True), "max_limit x .1 . penalty. must be below 1"),
    ],
)
def test_vaults_that_would_leave_liquidators_nothing_are_refused(settings_, message):
    """MODEL 1.10: the limit of absorption and the penalty are at most 99.7 %."""
    with pytest.raises(ValueError, match=f"Fluid: {message}"):
        FluidParameters(*settings_)


def test_an_unsafe_vault_may_go_over_that_sum():
    assert FluidParameters(900, 950, 480, unsafe=True).penalty == 480


@given(
    amounts=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=20),
    part=st.integers(0, WHOLE) | st.sampled_from([0, 1, WHOLE - 1, WHOLE]),
)
def test_parts_of_many_amounts_are_those_of_whole_numbers(amounts, part):
    array = np.array(amounts, np.int64)
    assert part_down(array, part).tolist() == [units * part // WHOLE for units in amounts]
    assert part_up(array, part).tolist() == [-(-units * part // WHOLE) for units in amounts]


def test_interest_raises_the_exchange_price_and_the_cash_is_untouched():
    """10 % for half a year on 800 of 1000, of which a tenth is the fee."""
    curve = KinkedCurve(8 * RAY // 10, 0, RAY // 10, RAY)
    before = Liquidity(1_000 * UNIT, 800 * UNIT)
    after = accrue(before, curve, 1_000, 365 * 43_200)
    assert after.exchange_price == 1_050_000_000_000
    assert (after.deposits, after.revenue) == (1_036 * UNIT, 4 * UNIT)
    assert after.cash == before.cash
    done = repay(after, 100 * UNIT)
    assert done.paid == 105 * UNIT
    assert done.liquidity.cash == before.cash + done.paid
