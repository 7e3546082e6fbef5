"""Both phases of an auction of an account (CASES A14; Derive)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.margin.model_auction import AccountAuction, InsolventAuction, ModelPriceAuction

A14 = AccountAuction(ModelPriceAuction(WAD, 8 * WAD // 10, 600, 7_200), InsolventAuction(3_600))


@pytest.mark.parametrize(("elapsed", "share"), [(0, 0.0), (300, 0.1), (600, 0.2), (960, 0.24), (7_800, 1.0)])
def test_a14_what_is_not_asked_for_is_conceded(elapsed, share):
    assert A14.concession(10_000, 500, elapsed) == pytest.approx(share * 10_000)


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**12), st.integers(0, 10**5), st.integers(0, 10**5))
def test_concessions_grow_with_time_and_end_at_equity_or_requirement(equity, requirement, early, later):
    first = A14.concession(equity, requirement, early)
    assert 0 <= first <= A14.concession(equity, requirement, early + later)
    assert first <= (equity if equity >= 0 else requirement)
