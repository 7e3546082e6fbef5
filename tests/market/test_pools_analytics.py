"""Closed forms about pools: CASES X02-X04 and X14, and the same events on an executing pool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.market.pools import analytics
from liquidarium.market.pools import constant_product as pair
from liquidarium.market.pools.constant_product import PairState


def limit(fee):
    return 0.99 * analytics.swap_out(2e6, 1000, 20_000, fee)


def test_sandwich_at_the_slippage_limit():
    """CASES X02."""
    free = analytics.sandwich(2e6, 1000, 20_000, limit(0))
    assert analytics.swap_out(2e6, 1000, 20_000) == pytest.approx(9.900990099, rel=1e-8)
    assert free.front_run == pytest.approx(10125.75866, rel=1e-8)
    assert free.profit == pytest.approx(201.979802, rel=1e-8)
    with_fee = analytics.sandwich(2e6, 1000, 20_000, limit(0.003), 0.003)
    assert with_fee.front_run == pytest.approx(10140.8955, rel=1e-8)
    assert with_fee.profit == pytest.approx(140.324971, rel=1e-8)
    assert with_fee.victim_out == pytest.approx(limit(0.003), rel=1e-12)


def test_a_sandwich_earns_the_same_in_the_contract_arithmetic():
    """CASES X02, played on the pair with 18 decimals."""
    wei = 10**18
    plan = analytics.sandwich(2e6, 1000, 20_000, limit(0.003), 0.003)
    pool = PairState(1000 * wei, 2_000_000 * wei)
    spent = round(plan.front_run * wei)
    pool, bought = pair.swap_exact_in(pool, False, spent, 0)
    pool, victim = pair.swap_exact_in(pool, False, 20_000 * wei, 0)
    pool, sold = pair.swap_exact_in(pool, True, bought, 0)
    assert victim / wei == pytest.approx(limit(0.003), rel=1e-9)
    assert (sold - spent) / wei == pytest.approx(140.324971, rel=1e-8)


@given(share=st.floats(0.01, 0.99))
def test_the_limit_of_the_victim_binds(share):
    """MODEL 3.8: a smaller front-run earns less."""
    whole = analytics.sandwich(2e6, 1000, 20_000, limit(0))
    spend = share * whole.front_run
    bought = analytics.swap_out(2e6, 1000, spend)
    victim = analytics.swap_out(2e6 + spend, 1000 - bought, 20_000)
    sold = analytics.swap_out(1000 - bought - victim, 2e6 + spend + 20_000, bought)
    assert sold - spend < whole.profit


def test_a_victim_without_slack_cannot_be_sandwiched():
    plan = analytics.sandwich(2e6, 1000, 20_000, analytics.swap_out(2e6, 1000, 20_000))
    assert plan.front_run == pytest.approx(0.0, abs=1e-6)


def test_cost_of_moving_a_pool():
    """CASES X03."""
    assert analytics.manipulation_trade(20e6, 1.2) == pytest.approx(1908902.3, rel=1e-8)
    assert analytics.manipulation_loss(20e6, 1.2) == pytest.approx(166320.8837, rel=1e-8)


def test_moving_a_pool_costs_the_same_in_the_contract_arithmetic():
    """CASES X03, on a pair without fee that is arbitraged back."""
    wei = 10**18
    before = PairState(10_000 * wei, 20_000_000 * wei)
    moved, bought = pair.swap_exact_in(before, False, round(1908902.3001 * wei), 0, fee_bps=0)
    price = moved.reserve1 / moved.reserve0
    assert price / 2000 == pytest.approx(1.2, rel=1e-8)
    loss = 1908902.3001 - 2000 * bought / wei
    assert loss == pytest.approx(166320.8837 * 1.0, rel=1e-6)


def test_one_block_manipulation_of_a_twap():
    """CASES X04."""
    factor = analytics.twap_spot_factor(1.2, 30)
    assert factor == pytest.approx(7, rel=1e-12)
    assert analytics.manipulation_loss(20e6, factor) == pytest.approx(20474315.68, rel=1e-8)
    assert analytics.twap_spot_factor(1.2, 30, geometric=True) == pytest.approx(237.3763138, rel=1e-8)


def test_losses_of_liquidity_providers():
    """CASES X14."""
    assert analytics.impermanent_loss(0.5) == pytest.approx(-0.05719095842, rel=1e-8)
    assert analytics.impermanent_loss(2.0) == pytest.approx(-0.05719095842, rel=1e-8)
    assert analytics.loss_versus_rebalancing(0.8) == pytest.approx(0.08, rel=1e-12)
