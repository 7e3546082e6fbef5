"""How margin accounts are liquidated: sizings, takeover, insurance fund, deleveraging."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from liquidarium.protocols.margin.accounts import MarginAccounts
from liquidarium.protocols.margin.contracts import InverseContract, LinearContract
from liquidarium.protocols.margin.deleveraging import (
    CappedProRata,
    MinMax,
    ProRata,
    Queue,
    close_against,
    haircut,
    ranking,
)
from liquidarium.protocols.margin.insurance import (
    cover,
    fund_after,
    newsvendor_target,
    newsvendor_target_of_sample,
)
from liquidarium.protocols.margin.sizing import (
    CloseAll,
    CloseToTarget,
    CloseTranches,
    CloseUnderImpact,
    MarginPosition,
    close_in_order,
    greedy_quantity,
    largest_requirement_first,
)
from liquidarium.protocols.margin.takeover import bankruptcy_ticks, take_over
from liquidarium.protocols.margin.tiers import NANO, MarginTiers
from scipy import stats

PERP = LinearContract("PERP", 1_000)
COIN = InverseContract("COIN", 10**10)
FUND, VAULT, ALICE, BOB, CAROL = range(5)
TIERS = MarginTiers((10**9, 10**12), (NANO // 100, NANO // 20))

amounts = st.integers(-(10**6), 10**6)
accounts_of_winners = st.lists(amounts, min_size=1, max_size=12)
rules = st.sampled_from(("queue", "pro-rata", "capped", "min-max"))


def rule_of(name, weights):
    return {"queue": Queue(), "pro-rata": ProRata(), "min-max": MinMax()}.get(name) or CappedProRata(
        tuple(weights)
    )


def venue(*contracts):
    return MarginAccounts(contracts, 5, [TIERS] * len(contracts))


def test_p10_queue_and_pro_rata():
    equities = [10, 5, 1, -3, -12]
    tenths = [e * 10**5 for e in equities]
    budget = 15 * 10**5 // 2
    queue = Queue().allocate(budget, tenths, [2, 3, 1, 0, 0])
    assert [(e - t) / 10**5 for e, t in zip(tenths, queue, strict=True)][:3] == [7.5, 0, 1]
    pro_rata = ProRata().allocate(budget, tenths, [0] * 5)
    assert [(e - t) / 10**5 for e, t in zip(tenths, pro_rata, strict=True)][:3] == [5.3125, 2.65625, 0.53125]


@given(accounts_of_winners, st.integers(0, 10**7), st.integers(1, 1_000), rules, st.randoms())
def test_deleveraging_takes_the_budget_and_less_than_a_lot_more(capacity, budget, lot, name, random):
    score = [random.random() for _ in capacity]
    weights = [random.randint(0, 100) for _ in capacity]
    taken = rule_of(name, weights).allocate(budget, capacity, score, lot)
    most = sum(max(c, 0) // lot * lot for c in capacity)
    assert all(0 <= t <= max(c, 0) and t % lot == 0 for t, c in zip(taken, capacity, strict=True))
    assert sum(taken) == min(-(-budget // lot) * lot, most)
    assert sum(taken) < budget + lot


@given(accounts_of_winners, st.integers(0, 10**6), st.integers(0, 10**6), rules)
def test_a_larger_budget_takes_no_less_in_all(capacity, budget, more, name):
    rule = rule_of(name, [1] * len(capacity))
    score = list(range(len(capacity)))
    assert sum(rule.allocate(budget + more, capacity, score)) >= sum(rule.allocate(budget, capacity, score))


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=8), st.integers(0, 10**7))
def test_pro_rata_takes_the_same_share_of_all_to_a_unit(capacity, budget):
    taken = ProRata().allocate(budget, capacity, [0] * len(capacity))
    share = min(budget / sum(capacity), 1)
    assert all(abs(t - share * c) <= 1 for t, c in zip(taken, capacity, strict=True))


@given(st.lists(st.integers(0, 12), min_size=1, max_size=4), st.integers(0, 40), st.integers(1, 4))
def test_min_max_finds_the_smallest_largest_share_of_all_choices(capacity, budget, lot):
    taken = MinMax().allocate(budget, capacity, [0.0] * len(capacity), lot)
    choices = itertools.product(*(range(0, cap // lot * lot + 1, lot) for cap in capacity))

    def worst(given):
        return max((Fraction(g, c) for g, c in zip(given, capacity, strict=True) if c), default=Fraction(0))

    assert worst(taken) == min(worst(choice) for choice in choices if sum(choice) == sum(taken))


def test_whole_contracts_spare_small_accounts_under_min_max_and_not_pro_rata():
    assert ProRata().allocate(50, [50, 12, 12], [0.0] * 3, lot=10) == [30, 10, 10]
    assert MinMax().allocate(50, [50, 12, 12], [0.0] * 3, lot=10) == [40, 10, 0]


def test_what_a_cap_cuts_off_is_spread_over_the_others():
    taken = CappedProRata((100, 100, 200)).allocate(80, [5, 1_000, 1_000], [0, 0, 0])
    assert taken == [5, 25, 50]


def test_splitting_an_account_does_not_change_what_capped_pro_rata_takes():
    whole = CappedProRata((400, 600)).allocate(90, [50, 70], [0, 0])
    split = CappedProRata((100, 300, 600)).allocate(90, [13, 37, 70], [0, 0, 0])
    assert whole[1] == split[2]
    assert whole[0] == split[0] + split[1]


def test_a_queue_ranks_by_profit_share_and_leverage_and_losers_last():
    score = ranking(
        profit=[10, 10, -5, 5], entry_value=[100] * 4, notional=[110, 110, 95, 105], equity=[11, 110, 50, 0]
    )
    assert np.argsort(-score).tolist() == [0, 1, 2, 3]


@settings(deadline=None)  # the first call compiles
@given(
    st.integers(-5_000, 5_000).filter(bool),
    st.integers(0, 10**9),
    st.integers(6_000, 14_000),
    st.sampled_from((PERP, COIN)),
    st.sampled_from(("queue", "pro-rata")),
)
def test_bankruptcy_is_paid_to_the_unit_by_fund_and_winners(lots, margin, mark, contract, name):
    accounts = venue(contract)
    accounts.deposit(FUND, 10**7)
    accounts.deposit(ALICE, margin)
    accounts.deposit(BOB, 10**10)
    accounts.deposit(CAROL, 10**10)
    accounts.trade(ALICE, BOB, 0, lots, 10_000)
    accounts.trade(ALICE, CAROL, 0, 2 * lots, 10_000)
    paid_in = accounts.cash_total
    accounts.reprice([mark])
    equity = accounts.equity(ALICE)
    winners = [BOB, CAROL]
    close_against(accounts, ALICE, 0, winners, [abs(lots), 2 * abs(lots)], mark)
    assert not accounts.lots[ALICE].any()
    assert abs(int(accounts.balances[ALICE]) - equity) <= 2  # an inverse value is rounded for each trade
    burden = cover(accounts, ALICE, FUND)
    capacity = accounts.balances[winners].tolist()
    taken = rule_of(name, []).allocate(burden.to_bearer, capacity, [2.0, 1.0])
    haircut(accounts, winners, taken, ALICE)
    assert accounts.balances[ALICE] == max(accounts.balances[ALICE], 0)
    assert accounts.balances[FUND] >= 0
    assert sum(accounts.balances.tolist()) == paid_in == accounts.cash_total


@settings(deadline=None)  # the first call compiles
@given(
    st.integers(-5_000, 5_000).filter(bool),
    st.integers(1, 10**10),
    st.integers(6_000, 14_000),
    st.sampled_from((PERP, COIN)),
)
def test_a_close_at_the_bankruptcy_price_leaves_nothing_owed_and_no_tick_to_spare(
    lots, margin, mark, contract
):
    accounts = venue(contract)
    accounts.deposit(ALICE, margin)
    accounts.trade(ALICE, BOB, 0, lots, 10_000)
    accounts.reprice([mark])
    price = bankruptcy_ticks(accounts, ALICE, 0)
    if price >= 2**62:
        return
    rounding = 1 if contract is COIN else 0
    assert accounts.equity(ALICE, [price]) >= -rounding
    worse = price - 1 if lots > 0 else price + 1
    if worse > 0:
        assert accounts.equity(ALICE, [worse]) <= rounding


def test_a_vault_that_takes_over_is_worth_what_the_account_was():
    accounts = venue(PERP, COIN)
    for row in (VAULT, ALICE):
        accounts.deposit(row, 10**9)
    accounts.trade(ALICE, BOB, 0, 300, 10_000)
    accounts.trade(ALICE, CAROL, 1, -700, 10_000)
    accounts.reprice([6_000, 9_000])
    before = accounts.equity(ALICE), accounts.equity(VAULT)
    assert take_over(accounts, ALICE, VAULT) == before[0] < 0
    assert accounts.equity(VAULT) == sum(before)
    assert accounts.balances[ALICE] == accounts.equity(ALICE) == 0


def test_a_fund_pays_as_far_as_it_reaches():
    accounts = venue(PERP)
    accounts.deposit(FUND, 100)
    accounts.deposit(ALICE, -150)
    assert cover(accounts, ALICE, FUND) == (100, 50)
    assert accounts.balances[[FUND, ALICE]].tolist() == [0, -50]
    accounts.fill(BOB, 0, 1, 10)
    with pytest.raises(ValueError, match="has open positions"):
        cover(accounts, BOB, FUND)


def test_deleveraging_closes_only_what_is_held_on_the_other_side():
    accounts = venue(PERP)
    accounts.trade(ALICE, BOB, 0, 10, 100)
    for rows, lots, message in (
        ([CAROL], [1], "row 4 holds 0 lots, cannot close 1"),
        ([BOB], [11], "row 3 holds -10 lots, cannot close 11"),
    ):
        with pytest.raises(ValueError, match=message):
            close_against(accounts, ALICE, 0, rows, lots, 90)
    assert close_against(accounts, ALICE, 0, [BOB], [4], 90) == 4
    assert accounts.lots[:, 0].tolist() == [0, 0, 6, -6, 0]


def position(equity, lots=100, ticks=10_000):
    return MarginPosition(PERP, lots, ticks, equity, TIERS)


@pytest.mark.parametrize(
    "sizing", [CloseAll(), CloseTranches(), CloseToTarget(), CloseUnderImpact(1e-3, 0.05)]
)
def test_a_safe_account_is_left_alone(sizing):
    assert sizing.lots_to_close(position(position(0).requirement())) == 0
    assert sizing.lots_to_close(position(position(0).requirement() - 1)) >= 1


@given(
    st.integers(1, 10_000),
    st.integers(2, 20_000),
    st.integers(-(10**8), 10**10),
    st.integers(NANO, 2 * NANO),
    st.integers(0, NANO // 10),
    st.sampled_from((PERP, COIN)),
    st.sampled_from((-1, 1)),
)
def test_the_target_is_reached_by_the_fewest_lots(lots, ticks, equity, target, fee, contract, side):
    sizing = CloseToTarget(target, fee)
    seen = MarginPosition(contract, side * lots, ticks, equity, TIERS)
    closed = sizing.lots_to_close(seen)
    if closed == 0:
        assert equity >= seen.requirement()
        return
    assert closed == lots or sizing._reached(seen, closed)
    if contract is PERP and closed > 1:
        assert not sizing._reached(seen, closed - 1)


def test_tranches_grow_as_equity_falls():
    sizing = CloseTranches(((NANO, NANO // 5), (NANO // 2, NANO // 2), (NANO // 10, NANO)))
    need = position(0).requirement()
    assert [sizing.lots_to_close(position(e)) for e in (need, need - 1, need // 2, need // 2 - 1, 0)] == [
        0,
        20,
        20,
        50,
        100,
    ]
    with pytest.raises(ValueError, match="shares from 1 to 1000000000 that do not fall"):
        CloseTranches(((NANO, 5), (NANO // 2, 4)))


def test_p11_greedy_liquidation_under_linear_impact():
    sold = greedy_quantity(100, 100, 350, 0.05, 0.02)
    assert sold == pytest.approx(32.05505282, rel=1e-9)
    after = 350 - 0.01 * sold**2
    assert after == pytest.approx(0.05 * 100 * (100 - sold))
    coarse = MarginPosition(LinearContract("P", 1), 100, 100, 350, MarginTiers.flat(0.05))
    assert CloseUnderImpact(0.02, 0.05).lots_to_close(coarse) == 33
    assert CloseUnderImpact(2.0, 0.05).lots_to_close(coarse) == 100


def test_the_largest_requirement_is_closed_first():
    assert largest_requirement_first([5, 9, 9, 1]) == [1, 2, 0, 3]


@given(
    st.lists(st.tuples(st.integers(-500, 500).filter(bool), st.integers(1, 20_000)), min_size=1, max_size=4),
    st.integers(-(10**8), 10**9),
    st.integers(NANO, 2 * NANO),
)
def test_a_second_position_is_closed_only_if_the_first_does_not_restore_the_target(held, equity, target):
    sizing = CloseToTarget(target)
    positions = [MarginPosition(PERP, lots, ticks, 0, TIERS) for lots, ticks in held]
    needs = [each.requirement() for each in positions]
    closing = close_in_order(equity, positions, [sizing] * len(positions))
    if equity >= sum(needs):
        assert not any(closing)
        return
    whole = [closed == abs(each.lots) for closed, each in zip(closing, positions, strict=True)]
    touched = sum(closed > 0 for closed in closing)
    assert all(whole[: touched - 1])
    assert not any(closing[touched:])
    left = sum(each.requirement(closed) for each, closed in zip(positions, closing, strict=True))
    assert equity * NANO >= target * left or all(whole)
    fewer = sum(needs[touched - 1 :])  # without the last position that was touched
    assert equity * NANO < target * fewer


def test_all_and_tranches_mean_every_position_of_an_account():
    positions = [MarginPosition(PERP, lots, 10_000, 0, TIERS) for lots in (100, -40)]
    need = sum(each.requirement() for each in positions)
    assert close_in_order(need - 1, positions, [CloseAll()] * 2) == [100, 40]
    assert close_in_order(need - 1, positions, [CloseTranches()] * 2) == [20, 8]
    assert close_in_order(need, positions, [CloseTranches()] * 2) == [0, 0]
    greedy = [CloseUnderImpact(1e-3, 0.05)] * 2
    assert close_in_order(need - 1, positions, greedy)[1] == 0
    assert close_in_order(0, positions, greedy) == [100, 40]


@given(st.integers(1, 10_000), st.sampled_from((-1, 1)), st.integers(-(10**6), 10**6), st.integers(0, 10**6))
def test_parts_of_a_loss_make_prices_that_use_up_the_account_and_no_more(lots, side, other, balance):
    accounts = MarginAccounts([PERP, PERP], 2, [TIERS, TIERS])
    accounts.deposit(0, balance)
    accounts.trade(0, 1, 0, side * lots, 20_000)
    accounts.trade(0, 1, 1, 7, 20_000 + other % 10_000)
    accounts.reprice([20_000 - 500 * side, 20_000])
    left = accounts.equity(0)
    first = left // 3
    prices = [bankruptcy_ticks(accounts, 0, 0, first), bankruptcy_ticks(accounts, 0, 1, left - first)]
    assume(min(prices) > 1)
    accounts.trade(1, 0, 0, side * lots, prices[0])
    accounts.trade(1, 0, 1, 7, prices[1])
    assert 0 <= accounts.balances[0] < (lots + 7) * PERP.multiplier


def test_p12_insurance_fund_newsvendor():
    exponential = newsvendor_target(stats.expon(scale=10).ppf, 0.05, 1.0)
    lognormal = newsvendor_target(stats.lognorm(1.2, scale=10).ppf, 0.05, 1.0)
    assert exponential == pytest.approx(29.95732274)
    assert lognormal == pytest.approx(71.98152187)
    assert newsvendor_target(stats.expon(scale=10).ppf, 2.0, 1.0) == 0.0
    assert newsvendor_target_of_sample(range(1, 101), 0.05, 1.0) == 95
    with pytest.raises(ValueError, match="carrying must be positive"):
        newsvendor_target(stats.expon.ppf, 0.0, 1.0)


def test_a_fund_earns_and_pays_no_more_than_it_has():
    assert fund_after(10, 4, 1, 1_000, 20, 100, 0.5, 0.001, 0.1) == pytest.approx(2 + 1 + 1 + 2)
    assert fund_after(10, 0, 0, 0, 0, 4) == 6


def test_what_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match="score must be 2 numbers"):
        Queue().allocate(1, [1, 1], [0])
    with pytest.raises(ValueError, match="weights must be 2"):
        CappedProRata((1,)).allocate(1, [1, 1], [0, 0])
    with pytest.raises(ValueError, match="target must be at least"):
        replace(CloseToTarget(), target=1)
