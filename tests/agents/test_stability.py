"""Depositors leave in stress and come back in calm; redeemers act on prices and fees."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.base import Deposit, Redeem, StabilitySystem, WithdrawDeposit
from liquidarium.agents.strategies.redeemer import Redeemer
from liquidarium.agents.strategies.stability_depositor import NO_DEPOSIT, OwnDeposit, StabilityDepositor
from liquidarium.protocols.lending.liquity.pool import SystemStatus

ETH, USDC = 0, 1
STATUS = SystemStatus(
    collateral=ETH, debt_asset=USDC, total_ratio=2.0, minimum_ratio=1.1, critical_ratio=1.5, restricted=False,
    shut_down=False, debt=10**14, deposited=9 * 10**13, redemption_fee=0.005, redemption_bonus=0.0,
)  # fmt: skip
SYSTEM = StabilitySystem(2, STATUS, 100e6, 90e6)


def system(**changes):
    return SYSTEM._replace(status=STATUS._replace(**changes))


def test_depositor_puts_its_share_of_cash_in_while_all_is_calm(make_view):
    view = make_view(stability=[SYSTEM])
    assert StabilityDepositor().decide(view, [NO_DEPOSIT], 1e6) == [Deposit(2, ETH, 900_000.0, 100.0)]
    assert StabilityDepositor(share=0.0).decide(view, [NO_DEPOSIT], 1e6) == []


def test_cash_is_spread_over_systems_by_their_debt(make_view):
    view = make_view(stability=[SYSTEM, SYSTEM._replace(protocol=3, debt_usd=300e6)])
    amounts = [intent.amount_usd for intent in StabilityDepositor().decide(view, [NO_DEPOSIT] * 2, 1e6)]
    assert amounts == pytest.approx([225_000.0, 675_000.0])


def test_depositor_leaves_whole_when_the_system_has_become_thin(make_view):
    view = make_view(stability=[system(total_ratio=1.3)])
    own = [OwnDeposit(50_000.0, 7_000.0)]
    assert StabilityDepositor().decide(view, own, 1e6) == [WithdrawDeposit(2, ETH, 50_000.0, 100.0, 0.03)]
    assert StabilityDepositor(leave_below=0.1).decide(view, own, 0.0) == [
        WithdrawDeposit(2, ETH, 0.0, 100.0, 0.03)
    ], "what has been earned is worth collecting"


def test_depositor_leaves_when_the_market_is_far_below_the_oracle(make_view):
    own = [OwnDeposit(50_000.0, 0.0)]
    falling = make_view(stability=[SYSTEM], mids=[1_850.0, 1.0])
    assert isinstance(StabilityDepositor().decide(falling, own, 0.0)[0], WithdrawDeposit)
    assert StabilityDepositor().decide(make_view(stability=[SYSTEM]), own, 0.0) == []


def test_depositor_who_has_left_waits_for_more_than_what_made_it_leave(make_view):
    view = make_view(stability=[system(total_ratio=1.4)])
    assert StabilityDepositor().decide(view, [NO_DEPOSIT], 1e6) == []


@pytest.mark.parametrize(
    "wrong", [{"leave_below": -0.1}, {"return_above": 0.1}, {"share": 1.1}, {"look_blocks": 0}]
)
def test_depositors_parameters_are_checked(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        StabilityDepositor(**wrong)


def test_nothing_is_redeemed_at_par(make_view):
    assert Redeemer().decide(make_view(stability=[SYSTEM]), 1e6) == []


def test_stablecoin_below_par_and_a_late_oracle_are_redeemed(make_view):
    for prices in ([2000.0, 0.98], [2040.0, 1.0]):
        (call,) = Redeemer().decide(make_view(stability=[SYSTEM], mids=prices), 1e6)
        assert isinstance(call, Redeem)
        assert (call.protocol, call.collateral) == (2, ETH)
        assert 0.0 < call.amount_usd < 1e6


@given(st.floats(2001.0, 2400.0), st.floats(0.9, 1.0))
def test_size_of_a_redemption_is_the_best_of_its_neighbours(make_view, mid, stable):
    view = make_view(stability=[SYSTEM], mids=[mid, stable])
    strategy = Redeemer(max_slippage=1.0, max_usd=1e12)
    amount, gross = strategy.size(SYSTEM, view, 1e12)
    margin = 0.995 * mid / 2000.0 - stable
    if margin <= 0.0:
        assert (amount, gross) == (0.0, 0.0)
        return
    fee_rise, slippage = 0.5 / SYSTEM.debt_usd, view.depth_band / (2.0 * view.depth_usd[ETH])

    def profit(r):
        return margin * r - (fee_rise + slippage) * r * r

    assert gross == pytest.approx(profit(amount))
    assert gross >= profit(0.99 * amount)
    assert amount == view.depth_usd[ETH] or gross >= profit(1.01 * amount)
    assert amount <= view.depth_usd[ETH], "nobody has seen what stands behind the visible bids"


def test_redemption_never_costs_more_than_cash_leaves(make_view):
    view = make_view(stability=[SYSTEM], mids=[2100.0, 1.0])
    (call,) = Redeemer().decide(view, 50_000.0)
    gas_usd = call.price_gwei * view.gas_liquidation * view.usd_per_gas_gwei
    assert call.amount_usd + gas_usd <= 50_000.0 + 1e-6


def test_system_that_redeems_nothing_is_left_alone(make_view):
    view = make_view(stability=[system(redemption_fee=math.inf)], mids=[2200.0, 0.9])
    assert Redeemer().decide(view, 1e6) == []


@pytest.mark.parametrize("wrong", [{"max_slippage": 2.0}, {"bid_share": -0.1}, {"max_usd": -1.0}])
def test_redeemers_parameters_are_checked(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Redeemer(**wrong)
