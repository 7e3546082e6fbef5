"""What a borrower does about a falling health factor, asked of the bare policy (MODEL 10.1, 1.1)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.strategies.borrower import BorrowerPolicy, BorrowerState

HEALTH = st.floats(1.001, 1.4)
TARGET = st.floats(1.05, 2.0)
THRESHOLD = st.floats(0.4, 0.86)
CENTS = 1e-2


def borrower(health=1.05, *, collateral=1e6, threshold=0.8, wealth=1e9, target=1.3, bonus=0.05):
    """One borrower whose debt follows from its health, USD."""
    row = (health, collateral, threshold * collateral / health, threshold, bonus, wealth, target)
    return BorrowerState(*(np.array([value], float) for value in row))


@given(HEALTH, TARGET, THRESHOLD)
def test_repayment_restores_the_target_exactly(health, target, threshold):
    """``HF = LT C / (D - r)`` (MODEL 1.1)."""
    state = borrower(health, target=target, threshold=threshold)
    repay, sell = (float(x[0]) for x in BorrowerPolicy().decide(state, 0.0))
    assert sell == 0.0
    if health >= target:
        assert repay == 0.0
    else:
        after = threshold * 1e6 / (state.debt_usd[0] - repay)
        assert after == pytest.approx(target, rel=1e-12)


@given(HEALTH, TARGET, THRESHOLD, st.floats(0.0, 0.05), st.floats(0.0, 0.05))
def test_sale_and_wealth_together_restore_the_target_exactly(health, target, threshold, cost, wealth_share):
    """``HF = LT (C - x) / (D - r - (1 - cost) x)`` (MODEL 1.1, a bonus turned round)."""
    wealth = wealth_share * 1e6
    state = borrower(health, target=target, threshold=threshold, wealth=wealth)
    repay, sell = (float(x[0]) for x in BorrowerPolicy(sale_cost=cost).decide(state, 0.0))
    debt = float(state.debt_usd[0])
    need = max(debt - threshold * 1e6 / target, 0.0)
    assert repay == pytest.approx(min(need, wealth) if health < target else 0.0)
    if sell > 0.0:
        assert repay == pytest.approx(wealth)
        if sell < 0.95e6 * (1 - 1e-12):
            after = threshold * (1e6 - sell) / (debt - repay - (1 - cost) * sell)
            assert after == pytest.approx(target, rel=1e-9)
    elif health < target:
        assert need - repay <= 0.01 * debt * (1 + 1e-9), "what is left open is not worth a sale"


def test_unhealthy_borrower_cannot_withdraw_and_so_does_not_sell():
    state = borrower(0.99, wealth=0.0)
    assert float(BorrowerPolicy().decide(state, 0.0).sell_usd[0]) == 0.0


def test_borrower_who_does_not_deleverage_only_repays():
    reaction = BorrowerPolicy(deleverages=False).decide(borrower(wealth=1000.0), 0.0)
    assert (float(reaction.repay_usd[0]), float(reaction.sell_usd[0])) == (1000.0, 0.0)


@pytest.mark.parametrize("attention", [0.25, 1.0, 3.0])
def test_nothing_is_done_when_gas_exceeds_the_penalty_escaped(attention):
    """MODEL 10.1: the penalty is the bonus on the half of the debt that one call may repay."""
    state = borrower()
    penalty = 0.5 * 0.05 * float(state.debt_usd[0])
    policy = BorrowerPolicy(attention=attention)
    assert float(policy.decide(state, penalty / attention - CENTS).repay_usd[0]) > 0.0
    idle = policy.decide(state, penalty / attention + CENTS)
    assert (float(idle.repay_usd[0]), float(idle.sell_usd[0])) == (0.0, 0.0)


def test_panic_repays_everything_that_wealth_allows():
    state = borrower()
    assert BorrowerPolicy(panic=1.0).decide(state, 0.0).repay_usd == pytest.approx(state.debt_usd)


def test_panic_without_wealth_sells_what_the_whole_debt_needs():
    state = borrower(1.2, wealth=0.0)
    policy = BorrowerPolicy(panic=1.0, sale_cost=0.01)
    assert float(policy.decide(state, 0.0).sell_usd[0]) * 0.99 == pytest.approx(float(state.debt_usd[0]))


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1e6))
def test_more_panic_never_does_less(one, other, wealth):
    state = borrower(1.05, wealth=wealth)
    calm, wild = (BorrowerPolicy(panic=p).decide(state, 0.0) for p in sorted((one, other)))
    assert wild.repay_usd[0] + wild.sell_usd[0] >= (calm.repay_usd[0] + calm.sell_usd[0]) * (1 - 1e-9)


@given(st.lists(st.tuples(HEALTH, TARGET, THRESHOLD, st.floats(0.0, 1e6)), min_size=1, max_size=20))
def test_borrowers_decided_together_decide_as_alone(crowd):
    rows = [borrower(h, target=t, threshold=lt, wealth=w) for h, t, lt, w in crowd]
    together = BorrowerState(*(np.concatenate(columns) for columns in zip(*rows, strict=True)))
    policy = BorrowerPolicy(panic=0.3)
    reaction = policy.decide(together, 100.0)
    for i, row in enumerate(rows):
        alone = policy.decide(row, 100.0)
        assert (reaction.repay_usd[i], reaction.sell_usd[i]) == (alone.repay_usd[0], alone.sell_usd[0])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"attention": -1.0}, "attention must not be negative, got -1.0"),
        ({"panic": 1.5}, r"panic must be in \[0, 1\], got 1.5"),
        ({"sale_cost": 1.0}, r"sale_cost must be in \[0, 1\), got 1.0"),
    ],
)
def test_impossible_parameters_are_refused_by_name(change, says):
    with pytest.raises(ValueError, match=says):
        BorrowerPolicy(**change)
