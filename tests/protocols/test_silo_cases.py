"""Silo v2's liquidation by its own rule: the target is met, and what cannot meet it is taken whole."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import RAY, WAD
from liquidarium.protocols.interest import KinkedCurve
from liquidarium.protocols.lending.silo import (
    PositionValue,
    Silo,
    SiloParameters,
    accrue,
    debt_assets,
    liquidation_preview,
    loan_to_value,
    max_repay_value,
    repay,
)
from liquidarium.protocols.revert import Revert

PAIR = SiloParameters(78 * WAD // 100, 70 * WAD // 100, 5 * WAD // 100)


def test_l31_repayment_to_the_target():
    """CASES L31."""
    repaid = max_repay_value(80 * WAD, 100 * WAD, 70 * WAD // 100, 5 * WAD // 100)
    assert repaid / WAD == pytest.approx(37.73584906, rel=1e-9)


@pytest.mark.parametrize(
    ("debt", "collateral", "target", "fee", "repay"),
    [
        (0, 100, 0.7, 0.05, 0),
        (80, 100, 0.7, 1.0, 0),
        (69, 100, 0.7, 0.05, 0),
        (80, 0, 0.7, 0.05, 80),
        (101, 100, 0.7, 0.05, 101),
        (80, 100, 0.0, 0.05, 80),
        (98, 100, 0.95, 0.10, 98),
        (99, 100, 0.8, 0.05, 99),
        (98, 100, 0.8, 0.0, 98),
        (97, 100, 0.8, 0.0, 85),
    ],
    ids=[
        "no debt",
        "fee of 1",
        "below the target",
        "nothing left",
        "under water",
        "no target",
        "cannot",
        "above",
        "dust",
        "no dust",
    ],
)
def test_where_the_target_cannot_be_met_the_whole_debt_is_repaid(debt, collateral, target, fee, repay):
    """MODEL 1.10: no positive denominator, more than the debt, or more than nine tenths of it."""
    most = max_repay_value(
        debt * WAD, collateral * WAD, round(target * 100) * WAD // 100, round(fee * 100) * WAD // 100
    )
    assert most == repay * WAD


def position(debt: int, collateral: int) -> PositionValue:
    return PositionValue(collateral, collateral * 10**12, debt, debt * 10**12)


@given(
    debt=st.integers(10**6, 10**15),
    ltv=st.fractions(Fraction(785, 1000), Fraction(2)),
    cover=st.fractions(Fraction(1, 100), Fraction(2)),
)
def test_value_is_conserved_and_the_target_not_passed(debt, ltv, cover):
    before = position(debt, int(debt / ltv) + 1)
    try:
        done = liquidation_preview(PAIR, before, int(debt * cover))
    except Revert:
        return
    assert 0 < done.repaid <= min(int(debt * cover), debt)
    assert done.seized <= before.collateral_assets
    assert done.seized <= done.repaid * 105 // 100 + 1
    left = position(debt - done.repaid, before.collateral_assets - done.seized)
    if left.debt_assets and loan_to_value(before) < WAD:
        assert loan_to_value(left) >= PAIR.target_ltv - 10 * WAD // debt


def test_a_lower_price_never_makes_an_insolvent_account_solvent():
    prices = range(90, 200)
    insolvent = [loan_to_value(PositionValue(1, p, 1, 100)) > PAIR.liquidation_threshold for p in prices]
    assert insolvent == sorted(insolvent, reverse=True)


def test_at_the_threshold_an_account_is_solvent():
    with pytest.raises(Revert, match="UserIsSolvent"):
        liquidation_preview(PAIR, position(78, 100), 1)


def test_a_full_liquidation_is_not_served_in_part():
    near = position(97 * 10**9, 100 * 10**9)
    with pytest.raises(Revert, match="FullLiquidationRequired"):
        liquidation_preview(PAIR, near, 96 * 10**9)
    assert liquidation_preview(PAIR, near, 97 * 10**9).repaid == 97 * 10**9


def test_interest_is_split_and_the_cash_is_untouched():
    """10 % for half a year on 800 of 1000, of which 15 % are fees."""
    pair = SiloParameters(
        WAD // 2, WAD // 3, 0, 15 * WAD // 100, KinkedCurve(8 * RAY // 10, 0, RAY // 10, RAY)
    )
    before = Silo(1000 * 10**6, 800 * 10**6, 800 * 10**6)
    after = accrue(before, pair, 365 * 43_200)
    assert after.debt_assets == 840 * 10**6
    assert (after.deposits, after.revenue) == (1034 * 10**6, 6 * 10**6)
    assert after.cash == before.cash
    assert debt_assets(after, 400 * 10**6) == 420 * 10**6


@given(
    assets=st.integers(1, 10**12),
    shares=st.integers(1, 10**12),
    part=st.integers(1, 10**12),
    paid=st.integers(1),
)
def test_a_repayment_never_leaves_others_owing_less_than_they_did(assets, shares, part, paid):
    silo = Silo(2 * assets, assets + shares, shares)
    mine = min(part, shares)
    paid = min(paid, debt_assets(silo, mine))
    try:
        done = repay(silo, paid, mine)
    except Revert:
        return
    assert done.silo.cash == silo.cash + paid
    others = shares - mine
    if others:
        assert debt_assets(done.silo, others) <= debt_assets(silo, others)
        left = debt_assets(done.silo, mine - done.shares) if mine > done.shares else 0
        assert left >= debt_assets(silo, mine) - paid - 1


@pytest.mark.parametrize(
    ("threshold", "target", "fee", "message"),
    [
        (0.8, 0.81, 0.05, "LiquidationTargetLtvTooHigh"),
        (0.96, 0.9, 0.05, "InvalidLt"),
        (0.5, 0.4, 0.31, "MaxLiquidationFeeExceeded"),
        (1.2, 0.4, 0.1, "liquidation_threshold must be from 0"),
    ],
)
def test_what_the_factory_refuses(threshold, target, fee, message):
    given_ = [round(value * 100) * WAD // 100 for value in (threshold, target, fee)]
    with pytest.raises(ValueError, match=message):
        SiloParameters(*given_)
