"""The same scenario and seed leave the same bytes; a new part leaves the draws of the others alone."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.loading import validate

CRASH = ("clock.start=2021-05-19T13:00:00Z", "clock.duration_s=600")

IDLE = {
    "kind": "liquidator",
    "name": "newcomers",
    "count": 3,
    "capital_usd": 1e6,
    "parameters": {"min_profit_usd": 1e12},
}
"""A group of bots that never finds a call worth sending."""


def small(**changes):
    """Return the small crash with changed sections."""
    return validate(load_scenario("quickstart", CRASH).model_dump(exclude_none=True) | changes)


def groups():
    return list(load_scenario("quickstart", CRASH).model_dump(exclude_none=True)["agents"])


def sorted_rows(table: pd.DataFrame, *keys: str) -> pd.DataFrame:
    plain = table.astype({c: str for c in table.columns if isinstance(table[c].dtype, pd.CategoricalDtype)})
    return plain.sort_values(list(keys)).reset_index(drop=True)


def test_same_seed_leaves_the_same_bytes_and_another_seed_does_not():
    one, again, other = (run("quickstart", seed, overrides=CRASH) for seed in (3, 3, 4))
    assert one.summary["liquidations"] > 0
    assert one.summary["content_hash"] == again.summary["content_hash"]
    assert one.summary["content_hash"] != other.summary["content_hash"]
    summaries = [{k: v for k, v in r.summary.items() if k != "wall_s"} for r in (one, again)]
    assert summaries[0] == summaries[1]


def test_any_process_leaves_the_same_bytes_whatever_its_hash_seed():
    code = (
        "from liquidarium.experiments.runs.run import run;"
        f"print(run('quickstart', 3, overrides={CRASH!r}).summary['content_hash'])"
    )
    hashes = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "4711")
    ]
    assert hashes == [run("quickstart", 3, overrides=CRASH).summary["content_hash"]] * 2


def test_scenario_s_own_seed_is_used_when_none_is_given():
    by_default = run("quickstart", overrides=CRASH)
    assert by_default.seed == 7
    assert by_default.summary["content_hash"] == run("quickstart", 7, overrides=CRASH).summary["content_hash"]


@pytest.mark.parametrize("switch", ["trades", "quotes", "bids"])
def test_recording_less_changes_nothing_that_happens(switch):
    full = run("quickstart", 3, overrides=CRASH)
    less = run("quickstart", 3, overrides=(*CRASH, f"recording.{switch}=false"))
    assert switch in full.tables
    assert switch not in less.tables
    for name in less.tables:
        pd.testing.assert_frame_equal(full.tables[name], less.tables[name])
    kept = {k: v for k, v in full.summary.items() if k not in ("wall_s", "content_hash")}
    assert kept == {k: less.summary[k] for k in kept}


def test_looking_at_the_model_changes_nothing_that_happens():
    """Snapshots, Mesa's data collector, exposures and views only read."""
    plain = run("quickstart", 3, overrides=CRASH)
    model = LiquidationMarket("quickstart", 3, (*CRASH, "recording.snapshot_every_s=60"), collect_every=1)
    while model.running:
        model.step()
        model.exposures()
        model.gain_usd(model.bots[0].account)
        model.market_events()
    table = model.recorder.tables(model.outside.times_s, model.ledger.name)["liquidations"]
    pd.testing.assert_frame_equal(table, plain.liquidations)
    assert len(model.recorder.positions) > 2


def test_new_group_leaves_every_other_stream_as_it_was():
    """Common random numbers: a component draws by its own name alone."""
    agents = groups()
    without = LiquidationMarket(small(), 3)
    added = LiquidationMarket(small(agents=[IDLE, *agents]), 3)
    assert np.array_equal(without.outside.path, added.outside.path)
    for one, other in ((without, added), (added, without)):
        assert one.outside.gas.at(7) == other.outside.gas.at(7)
    assert np.array_equal(without.floor.orders.counts, added.floor.orders.counts)
    for model in (without, added):
        model.floor.orders.advance(0)
    for book, n_orders in enumerate(without.floor.orders.counts.sum(axis=0)):
        draws = [model.floor.orders.draws[book, :n_orders] for model in (without, added)]
        assert np.array_equal(*draws)
    assert np.array_equal(without.lending.pool.positions.amounts, added.lending.pool.positions.amounts)
    assert np.array_equal(without.lending.target_health, added.lending.target_health)
    assert np.array_equal(without.lending.cohort_of, added.lending.cohort_of)
    for one, other in zip(without.lending.cohorts, added.lending.cohorts, strict=True):
        assert np.array_equal(one.delay_s, other.delay_s)
    wealth = [
        m.ledger.balances[m.lending.wallet(0) : m.lending.wallet(m.lending.n_borrowers), m.quote]
        for m in (without, added)
    ]
    assert np.array_equal(*wealth)
    states = [{a.name: a.stream.bit_generator.state for a in m.world.deciders} for m in (without, added)]
    assert len(states[1]) == len(states[0]) + 3
    assert all(states[1][name] == state for name, state in states[0].items())
    for name in ("chain/seal", "chain/ties", "prices", "floor/turns", "agent/searcher"):
        assert without.stream(name).random() == added.stream(name).random()


def test_bots_that_never_act_change_nothing():
    agents = groups()
    alone, watched = run(small(), 3), run(small(agents=[IDLE, *agents]), 3)
    assert alone.summary["liquidations"] > 0
    for name, keys in (("liquidations", ("id",)), ("bids", ("block", "agent", "account"))):
        pd.testing.assert_frame_equal(
            sorted_rows(alone.tables[name], *keys), sorted_rows(watched.tables[name], *keys)
        )
    pd.testing.assert_frame_equal(alone.tables["quotes"], watched.tables["quotes"])


def test_order_of_the_groups_decides_nothing():
    """Ties in a block are broken by the inclusion rule and by draws, never by list order."""
    agents = groups()
    one, turned = run(small(), 3), run(small(agents=agents[::-1]), 3)
    pd.testing.assert_frame_equal(sorted_rows(one.liquidations, "id"), sorted_rows(turned.liquidations, "id"))
    keys = ("block", "agent", "account", "kind")
    pd.testing.assert_frame_equal(
        sorted_rows(one.tables["bids"], *keys), sorted_rows(turned.tables["bids"], *keys)
    )
    pd.testing.assert_frame_equal(one.tables["quotes"], turned.tables["quotes"])
