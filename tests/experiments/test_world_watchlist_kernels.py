"""The compiled sorting of awake accounts against the same rule, written out slowly."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.experiments.world.watchlist_kernels import (
    ABOVE,
    ALERTED,
    FRESH,
    N_HEALED,
    N_KEPT,
    N_LISTED,
    N_POOR,
    doubtful,
    sort_due,
    sort_out,
)

LIMIT = 4
GAS_USD = 20.0
NOW_S = 130.0

accounts = st.lists(
    st.tuples(
        st.sampled_from([0.5, 0.999, 1.0, 1.2, np.inf]),  # health factor
        st.sampled_from([0.0, 10.0, 20.0, 30.0, 40.0, 50.0]),  # reward, with ties
        st.booleans(),  # spared by the exact rule
        st.sampled_from([np.nan, 13.0]),  # eligible since
    ),
    max_size=12,
)


@settings(deadline=None)  # the first example compiles
@given(accounts)
def test_awake_accounts_are_sorted_as_the_rule_says(crowd):
    n = len(crowd)
    health, rewards, spared, since = (
        np.array([one[k] for one in crowd], dtype) for k, dtype in enumerate((float, float, bool, float))
    )
    rows = np.arange(n) + 3  # accounts are not their places
    since = np.concatenate((np.full(3, 7.0), since))
    places, counts = np.zeros((4, n), np.int64), np.zeros(4, np.int64)
    sort_out(rows, health, rewards, spared, since, GAS_USD, NOW_S, LIMIT, places, counts)

    unhealthy = [i for i, one in enumerate(crowd) if one[0] < 1.0 and not one[2]]
    rich = [i for i in unhealthy if crowd[i][1] >= GAS_USD]
    poor = [i for i in unhealthy if crowd[i][1] < GAS_USD]
    healed = [i for i, one in enumerate(crowd) if one[0] >= 1.0]
    kept = [i for i in range(n) if i not in poor and i not in healed]
    listed = sorted(rich, key=lambda i: -crowd[i][1])[:LIMIT]
    for kind, wanted in ((N_LISTED, listed), (N_POOR, poor), (N_HEALED, healed), (N_KEPT, kept)):
        assert places[kind, : counts[kind]].tolist() == wanted
    for i, one in enumerate(crowd):
        known = NOW_S if np.isnan(one[3]) else one[3]
        wanted = np.nan if i in healed else known if i in unhealthy else one[3]
        np.testing.assert_equal(since[rows[i]], wanted)
    assert since[:3].tolist() == [7.0] * 3


def test_only_health_between_the_caution_and_one_is_doubtful():
    health, places = np.array([0.9, 0.99, 0.995, 1.0, np.inf, 0.999]), np.zeros(6, np.int64)
    assert places[: doubtful(health, 0.99, places)].tolist() == [2, 5]


@settings(deadline=None)  # the first example compiles
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.5, 0.999, 1.0, 1.2, np.inf]),  # health factor
            st.booleans(),  # told already
            st.sampled_from([1.0, 1.1]),  # wants to be told at
        ),
        max_size=12,
    )
)
def test_accounts_come_down_to_their_level_are_told_once(crowd):
    n = len(crowd)
    due, health = np.arange(n) + 3, np.array([one[0] for one in crowd], float)
    levels = np.array([1.5] * 3 + [1.0 if told else level for _, told, level in crowd])
    before = levels.tolist()
    parts, counts = np.zeros((3, n), np.int64), np.zeros(4, np.int64)
    sort_due(due, health, levels, parts, counts)

    below = [i + 3 for i, one in enumerate(crowd) if one[0] < 1.0]
    alerted = [i + 3 for i, one in enumerate(crowd) if not one[1] and one[2] > 1.0]
    wanted = {FRESH: below, ABOVE: [row for row in due.tolist() if row not in below], ALERTED: alerted}
    for kind, rows in wanted.items():
        assert parts[kind, : counts[kind]].tolist() == rows
    assert levels.tolist() == [1.0 if row in alerted else level for row, level in enumerate(before)]
    sort_due(due, health, levels, parts, counts)
    assert counts[ALERTED] == 0
