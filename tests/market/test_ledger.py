"""Money is neither made nor lost: double entry, refusals and undoing (DESIGN: money is integers)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.market.assets import MAX_DECIMALS, Asset
from liquidarium.market.ledger import OUTSIDE, InsufficientFundsError, Ledger, Reason

ASSETS = (Asset("USD", 6), Asset("ETH", 9))
N_ACCOUNTS = 5  # besides the outside world

movements = st.lists(
    st.tuples(
        st.integers(0, len(ASSETS) - 1),
        st.integers(0, N_ACCOUNTS),
        st.integers(0, N_ACCOUNTS),
        st.integers(0, 10**12),
        st.sampled_from(Reason),
    ),
    max_size=40,
)


def open_ledger() -> Ledger:
    ledger = Ledger(ASSETS, capacity=2)
    ledger.open_accounts("holder", N_ACCOUNTS)
    return ledger


def move_all(ledger: Ledger, asked) -> list:
    """Ask for every movement; return those that were made."""
    made = []
    for movement in asked:
        try:
            ledger.transfer(*movement)
        except InsufficientFundsError:
            continue
        made.append(movement)
    return made


@given(movements)
def test_every_asset_sums_to_zero_whatever_is_moved(asked):
    ledger = open_ledger()
    move_all(ledger, asked)
    assert not ledger.imbalance().any()


@given(movements)
def test_balances_and_volumes_are_those_of_the_movements_made(asked):
    ledger = open_ledger()
    balances = np.zeros((N_ACCOUNTS + 1, len(ASSETS)), np.int64)
    volumes = np.zeros((len(Reason), len(ASSETS)), np.int64)
    for asset, source, target, amount, reason in move_all(ledger, asked):
        balances[source, asset] -= amount
        balances[target, asset] += amount
        volumes[reason, asset] += amount
    np.testing.assert_array_equal(ledger.balances[: N_ACCOUNTS + 1], balances)
    np.testing.assert_array_equal(ledger.volumes, volumes)


@given(movements)
def test_only_the_outside_world_owes(asked):
    ledger = open_ledger()
    for movement in asked:
        _, source, _, amount, _ = movement
        held = ledger.balance(source, movement[0])
        if source != OUTSIDE and held < amount:
            with pytest.raises(InsufficientFundsError, match=f"holds {held} base units"):
                ledger.transfer(*movement)
        else:
            ledger.transfer(*movement)
        assert (ledger.balances[1:] >= 0).all()


@given(movements, movements)
def test_rollback_restores_every_balance_and_volume(before, within):
    ledger = open_ledger()
    move_all(ledger, before)
    balances, volumes = ledger.balances.copy(), ledger.volumes.copy()
    ledger.begin()
    move_all(ledger, within)
    ledger.rollback()
    np.testing.assert_array_equal(ledger.balances, balances)
    np.testing.assert_array_equal(ledger.volumes, volumes)


@given(movements, movements)
def test_commit_keeps_what_was_moved(before, within):
    """A committed transaction ends as if there had been none, and a later one does not undo it."""
    plain, ledger = open_ledger(), open_ledger()
    move_all(plain, before + within)
    move_all(ledger, before)
    ledger.begin()
    move_all(ledger, within)
    ledger.commit()
    ledger.begin()
    ledger.rollback()
    np.testing.assert_array_equal(ledger.balances[: N_ACCOUNTS + 1], plain.balances[: N_ACCOUNTS + 1])
    np.testing.assert_array_equal(ledger.volumes, plain.volumes)


def test_rollback_reaches_accounts_opened_on_the_way():
    ledger = Ledger(ASSETS, capacity=1)
    ledger.begin()
    for _ in range(10):
        ledger.endow(0, ledger.open_account("late"), 7)
    ledger.rollback()
    assert ledger.n_accounts == 11
    assert not ledger.balances.any()
    assert not ledger.volumes.any()


def test_a_transaction_is_opened_once_and_ended_once():
    ledger = open_ledger()
    for end in (ledger.commit, ledger.rollback):
        with pytest.raises(RuntimeError, match="no transaction"):
            end()
    ledger.begin()
    with pytest.raises(RuntimeError, match="open already"):
        ledger.begin()


def test_negative_amounts_are_refused():
    ledger = open_ledger()
    with pytest.raises(ValueError, match="USD must not be negative, got -1"):
        ledger.transfer(0, OUTSIDE, 1, -1, Reason.TRANSFER)
    with pytest.raises(ValueError, match="ETH must not be negative, got -3"):
        ledger.endow_each(1, 1, np.array([5, -3]))


@pytest.mark.parametrize(("source", "target"), [(-1, 1), (1, -1), (6, 1), (1, 6)])
def test_accounts_that_are_not_open_are_refused(source, target):
    ledger = open_ledger()
    ledger.endow(0, 1, 100)
    with pytest.raises(IndexError, match="must be below 6"):
        ledger.transfer(0, source, target, 1, Reason.TRANSFER)


@pytest.mark.parametrize("reason", [-1, len(Reason), 10**6])
def test_a_reason_that_does_not_exist_is_refused(reason):
    """Compiled code would count it outside its array, and the heap would pay."""
    ledger = open_ledger()
    with pytest.raises(ValueError, match=f"reason {reason} is none of Reason"):
        ledger.transfer(0, OUTSIDE, 1, 1, reason)


def test_balances_stop_before_int64_wraps_around():
    """Balances that wrapped around would still sum to zero."""
    ledger = open_ledger()
    ledger.endow(0, 1, 2**63 - 1)
    for account in (1, 2):
        with pytest.raises(OverflowError, match="fewer decimals"):
            ledger.endow(0, account, 2)
    ledger.transfer(0, 1, OUTSIDE, 5, Reason.WITHDRAW)
    ledger.endow(0, 2, 5)
    ledger.endow(1, 1, 2**62)
    ledger.endow(1, 2, 2**62 - 1)
    with pytest.raises(OverflowError, match="units of ETH does not fit"):
        ledger.endow_each(1, 3, np.array([2, 2]))
    ledger.transfer(1, 2, 1, 2**62 - 1, Reason.TRANSFER)
    assert not ledger.imbalance().any()


@given(st.lists(st.integers(0, 10**12), max_size=N_ACCOUNTS))
def test_endowing_many_is_endowing_each(amounts):
    one_by_one, together = open_ledger(), open_ledger()
    for k, amount in enumerate(amounts):
        one_by_one.endow(1, 1 + k, amount)
    together.endow_each(1, 1, np.array(amounts, np.int64))
    np.testing.assert_array_equal(together.balances, one_by_one.balances)
    np.testing.assert_array_equal(together.volumes, one_by_one.volumes)


def test_endowing_many_knows_its_bounds():
    ledger = open_ledger()
    with pytest.raises(IndexError, match="accounts 4 to 6"):
        ledger.endow_each(0, 4, np.array([1, 1, 1]))
    ledger.begin()
    with pytest.raises(RuntimeError, match="cannot be undone"):
        ledger.endow_each(0, 1, np.array([1]))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_growth_keeps_names_and_balances(counts):
    ledger = Ledger(ASSETS, capacity=1)
    firsts = []
    for k, count in enumerate(counts):
        first = ledger.open_accounts(f"kind{k}", count)
        ledger.endow(0, first, 1 + k)
        firsts.append(first)
    assert ledger.runs() == [
        (0, 1, "outside"),
        *((first, count, f"kind{k}") for k, (first, count) in enumerate(zip(firsts, counts, strict=True))),
    ]
    for k, (first, count) in enumerate(zip(firsts, counts, strict=True)):
        assert ledger.balance(first, 0) == 1 + k
        assert ledger.name(first) == (f"kind{k}" if count == 1 else f"kind{k}-0")
        assert ledger.name(first + count - 1) == (f"kind{k}" if count == 1 else f"kind{k}-{count - 1}")
    assert not ledger.imbalance().any()


def test_names_and_counts_that_make_no_sense_are_refused():
    ledger = Ledger(ASSETS)
    with pytest.raises(IndexError, match="account 1 is not open"):
        ledger.name(1)
    with pytest.raises(ValueError, match="'nobody' must be at least 1, got 0"):
        ledger.open_accounts("nobody", 0)
    with pytest.raises(ValueError, match="distinct"):
        Ledger([ASSETS[0], ASSETS[0]])


@given(st.integers(0, MAX_DECIMALS), st.integers(0, 10**6))
def test_tokens_and_units_agree(decimals, tokens):
    asset = Asset("X", decimals)
    assert asset.to_units(tokens) == tokens * 10**decimals == tokens * asset.unit
    assert asset.to_tokens(asset.to_units(tokens)) == tokens


@pytest.mark.parametrize(("symbol", "decimals"), [("", 6), ("X", -1), ("X", 10)])
def test_assets_that_would_not_fit_are_refused(symbol, decimals):
    with pytest.raises(ValueError, match=r"symbol|decimals"):
        Asset(symbol, decimals)
