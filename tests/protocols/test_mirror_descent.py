"""Mirror descent as a rule of deleveraging: what it keeps of a round, and what it does over rounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.experiments.statistics import episode_figures
from liquidarium.protocols.margin.deleveraging import MinMax, ProRata, Queue
from liquidarium.protocols.margin.mirror_descent import MirrorDescent, burdens_after

winners = st.lists(
    st.tuples(st.integers(-(10**6), 10**6), st.floats(0.0, 50.0)), min_size=1, max_size=12
)  # capacity and burden


@given(winners, st.integers(0, 10**7), st.integers(1, 1_000), st.floats(0.01, 100.0))
def test_the_budget_is_met_in_whole_lots_and_nobody_gives_more_than_held(accounts, budget, lot, step):
    capacity = [c for c, _ in accounts]
    rule = MirrorDescent(tuple(b for _, b in accounts), step)
    taken = rule.allocate(budget, capacity, [0.0] * len(capacity), lot)
    most = sum(max(c, 0) // lot * lot for c in capacity)
    assert all(0 <= t <= max(c, 0) and t % lot == 0 for t, c in zip(taken, capacity, strict=True))
    assert sum(taken) == min(-(-budget // lot) * lot, most)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.integers(0, 10**7))
def test_without_burdens_it_is_pro_rata(capacity, budget):
    score = [0.0] * len(capacity)
    assert MirrorDescent((0.0,) * len(capacity)).allocate(budget, capacity, score) == ProRata().allocate(
        budget, capacity, score
    )


@given(st.integers(1, 10**6), st.floats(0.0, 5.0), st.floats(0.0, 5.0), st.integers(0, 10**6))
def test_who_has_given_more_of_the_same_gives_no_more(capacity, one, other, budget):
    first, second = MirrorDescent((one, other)).allocate(budget, [capacity, capacity], [0.0, 0.0])
    assert (first <= second + 1) if one >= other else (second <= first + 1)


def play(rule_of, capacities, budgets):
    burdens = np.zeros(len(capacities[0]))
    taken = []
    for capacity, budget in zip(capacities, budgets, strict=True):
        given_now = rule_of(tuple(burdens.tolist())).allocate(budget, capacity, list(range(len(capacity))))
        burdens = burdens_after(burdens, given_now, capacity)
        taken.append(given_now)
    return taken


def test_rounds_of_one_lot_go_round_and_do_not_hit_the_same_account_again():
    capacities, budgets = [[10] * 5] * 10, [1] * 10
    taken = np.array(play(MirrorDescent, capacities, budgets))
    assert taken.sum(axis=0).tolist() == [2] * 5
    for rule in (ProRata(), MinMax(), Queue()):
        alone = np.array(play(lambda _, rule=rule: rule, capacities, budgets))
        assert alone.sum(axis=0).max() == 10


def test_a_fixed_queue_regrets_every_round_and_mirror_descent_does_not():
    """The example of arXiv:2602.15182, 4.1: capacities alternate, the queue does not look."""
    rounds, small, large = 40, 1_000, 4_000
    capacities = [[small, large] if t % 2 else [large, small] for t in range(rounds)]
    budgets = [small] * rounds
    regret = {}
    for name, rule_of in (
        ("queue", lambda _: Queue()),
        ("mirror", MirrorDescent),
        ("pro-rata", lambda _: ProRata()),
    ):
        taken = play(rule_of, capacities, budgets)
        regret[name] = episode_figures(taken, budgets, capacities).regret
    # the last in line gives first: half of the rounds all of a small account, half a quarter of a large one
    assert regret["queue"] == pytest.approx(rounds / 2 * small * (1.0 + small / large - 2 * small / 5_000))
    assert regret["mirror"] < 0.01 * regret["queue"]
    assert regret["pro-rata"] < 0.01 * regret["queue"]


def test_over_many_rounds_no_account_bears_more_than_under_rules_that_forget():
    rng = np.random.default_rng(5)
    capacities = [
        np.where(rng.random(8) < 0.7, rng.integers(3, 40, 8), 0).tolist() for _ in range(60)
    ]  # accounts come and go, with few lots each
    budgets = [3] * 60
    by = {
        name: episode_figures(play(rule_of, capacities, budgets), budgets, capacities)
        for name, rule_of in (("mirror", MirrorDescent), ("pro-rata", lambda _: ProRata()))
    }
    assert by["mirror"].largest_burden < by["pro-rata"].largest_burden
    assert by["mirror"].gini < by["pro-rata"].gini
    assert by["mirror"].overshoot == by["pro-rata"].overshoot == 0.0


def test_an_account_without_capacity_keeps_its_burden():
    assert burdens_after([0.5, 0.0, 0.1], [0, 3, 1], [0, 6, 4]).tolist() == [0.5, 0.5, 0.35]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: MirrorDescent((0.0,), step=0.0), "step must be above 0, got 0"),
        (lambda: MirrorDescent((0.0, -1.0)), "burdens must not be negative, got -1"),
        (lambda: MirrorDescent((0.0,)).allocate(1, [1, 2], [0, 0]), "burdens must be 2, one per account"),
        (lambda: MirrorDescent((0.0,)).allocate(-1, [1], [0]), "budget must not be negative"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()
