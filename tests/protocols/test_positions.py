"""Positions: amounts of the crowd, and the memory of who changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.positions import MAX_ASSETS, Positions


def test_an_account_reads_back_what_it_was_given():
    positions = Positions(3, 2)
    positions.set(1, [5, 2**63 - 1], [0, 7])
    assert positions.rows(1) == ([5, 2**63 - 1], [0, 7])
    assert positions.rows(0) == ([0, 0], [0, 0])
    assert positions.collateral[1].tolist() == [5, 2**63 - 1]
    assert positions.debt[1].tolist() == [0, 7]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 9), st.integers(0, 9))))
def test_what_is_added_sums_up_and_is_remembered(changes):
    positions = Positions(4, 2)
    collateral = np.zeros((4, 2), np.int64)
    debt = np.zeros((4, 2), np.int64)
    for account, asset, more_collateral, more_debt in changes:
        positions.add(account, asset, collateral=more_collateral, debt=more_debt)
        collateral[account, asset] += more_collateral
        debt[account, asset] += more_debt
    assert np.array_equal(positions.collateral, collateral)
    assert np.array_equal(positions.debt, debt)
    assert positions.take_touched().tolist() == sorted({change[0] for change in changes})
    assert positions.take_touched().size == 0


def test_nobody_can_withdraw_or_repay_more_than_there_is():
    positions = Positions(2, 2)
    positions.set(0, [5, 0], [3, 0])
    positions.take_touched()
    with pytest.raises(ValueError, match="collateral of account 0 in asset 0 must be 0"):
        positions.add(0, 0, collateral=-6, debt=-1)
    with pytest.raises(ValueError, match="debt of account 0 in asset 1"):
        positions.add(0, 1, debt=-1)
    with pytest.raises(ValueError, match="2\\*\\*63"):
        positions.add(0, 0, collateral=2**63 - 1)
    assert positions.rows(0) == ([5, 0], [3, 0])
    assert positions.take_touched().size == 0


def test_asset_sets_have_a_bit_per_column_that_holds_something():
    positions = Positions(3, 2)
    positions.set(0, [1, 0], [0, 1])
    positions.set(2, [1, 1], [0, 0])
    assert positions.asset_sets().tolist() == [0b1001, 0, 0b0011]


def test_a_kernel_that_writes_to_the_arrays_reports_its_accounts():
    positions = Positions(5, 1)
    positions.collateral[[3, 1]] = 9
    positions.mark(np.array([3, 1]))
    positions.mark([1])
    assert positions.rows(3) == ([9], [0])
    assert positions.take_touched().tolist() == [1, 3]


@pytest.mark.parametrize(("n_accounts", "n_assets"), [(0, 1), (1, 0), (1, MAX_ASSETS + 1)])
def test_sizes_out_of_range_are_refused(n_accounts, n_assets):
    with pytest.raises(ValueError, match="must be 1 to"):
        Positions(n_accounts, n_assets)


def test_what_does_not_exist_is_named():
    positions = Positions(2, 2)
    with pytest.raises(IndexError, match="account 2"):
        positions.rows(2)
    with pytest.raises(IndexError, match="account -1"):
        positions.mark([-1])
    with pytest.raises(IndexError, match="asset 2"):
        positions.add(0, 2)
    with pytest.raises(ValueError, match="collateral needs 2 amounts"):
        positions.set(0, [1], [0, 0])
