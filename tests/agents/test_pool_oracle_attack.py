"""Dumping, liquidating and buying back in the pool that is the oracle (MODEL 3.8, CASES X06)."""

from __future__ import annotations

import pytest
from liquidarium.agents.strategies.pool_oracle_attack import (
    CloseRule,
    Loan,
    attack_profit,
    fee_that_ends_it,
    liquidate_in_pool,
)

LOAN = Loan(debt=32_000.0, collateral=20.12, threshold=0.85, bonus=0.05)
RULES = (CloseRule(1.0, 0.5), CloseRule(0.8, 1.0))
TOKENS, CASH = 10_000.0, 28e6


def test_x06_a_fee_of_seventeen_basis_points_ends_the_attack():
    fee = fee_that_ends_it(LOAN, RULES, TOKENS, CASH, range(1, 6001))
    assert fee == pytest.approx(0.001656, abs=1e-6)


def test_x06_below_it_the_attack_pays_and_above_it_does_not():
    def best(fee: float) -> float:
        return max(attack_profit(LOAN, RULES, TOKENS, CASH, fee, dump) for dump in range(1, 6001, 7))

    assert best(0.0010) > 0.0 > best(0.0025)


def test_a_sound_account_is_left_alone():
    assert liquidate_in_pool(LOAN, RULES[0], TOKENS, CASH, 0.001) == (0.0, 0.0)


def test_the_amount_brings_health_back_to_the_level_of_the_rule():
    """Without the last call: health at the pool's price after the sales equals h."""
    rule, fee, tokens, cash = CloseRule(1.0, 0.0), 0.001, 12_300.0, 10_000.0 * 28e6 / 12_300.0
    x, profit = liquidate_in_pool(LOAN, rule, tokens, cash, fee)
    kept = (1.0 - fee) * (1.0 + LOAN.bonus)
    after = tokens + kept * x
    price, paid = tokens * cash / after**2, cash * x / after
    health = LOAN.threshold * price * (LOAN.collateral - 1.05 * x) / (LOAN.debt - paid)
    assert 0.0 < x < LOAN.collateral / 1.05
    assert health == pytest.approx(1.0, rel=1e-9)
    assert profit == pytest.approx(cash * kept * x / after - paid)
