"""Attribution: every liquidation has causes, losses are passed up without loss, and the test is but-for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.contagion.causes import EVENT_COLUMNS, find_causes
from liquidarium.experiments.contagion.errors import ContagionError
from liquidarium.experiments.contagion.forest import causal_forest
from liquidarium.experiments.runs.run import run


@pytest.fixture(scope="module")
def result():
    return run("two-protocols-one-collateral", seed=1)


@pytest.fixture(scope="module")
def forest(result):
    return causal_forest(result)


def test_every_liquidation_has_causes_whose_weights_add_up_to_one(result, forest):
    assert len(forest.events) >= len(result.liquidations)
    assert set(EVENT_COLUMNS) <= set(forest.events.columns)
    sums = forest.edges.groupby("child").weight.sum()
    assert sums.index.tolist() == list(range(len(forest.events)))
    assert np.allclose(sums, 1.0, rtol=0.0, atol=1e-12)
    assert (forest.edges.weight > 0.0).all()


def test_causes_come_before_their_effects(forest):
    inner = forest.edges[forest.edges.event >= 0]
    assert len(inner), "the scenario has a cascade"
    parent_block = forest.events.block.to_numpy()[inner.event]
    child_eligible = forest.events.t_eligible_s.to_numpy()[inner.child]
    assert (parent_block * 12.0 < child_eligible).all()


def test_losses_are_those_of_the_run_and_the_roots_share_all_of_them(result, forest):
    own = forest.events.own_usd.sum()
    costs = result.costs.borrower_loss.sum() / 1e6
    assert own == pytest.approx(costs + result.summary["bad_debt_usd"], rel=1e-9)
    assert forest.by_root().loss_usd.sum() == pytest.approx(own, rel=1e-9)
    assert forest.across().to_numpy().sum() == pytest.approx(own, rel=1e-9)
    felt = forest.events.groupby("protocol").own_usd.sum()
    assert np.allclose(forest.across().sum()[felt.index], felt)


def test_what_a_node_caused_is_its_own_loss_and_its_share_of_its_children(forest):
    caused = forest.events.caused_usd.to_numpy()
    inner = forest.edges[forest.edges.event >= 0]
    passed = np.zeros(len(caused))
    np.add.at(passed, inner.event.to_numpy(), inner.weight.to_numpy() * caused[inner.child.to_numpy()])
    assert np.allclose(caused, forest.events.own_usd.to_numpy() + passed)


def test_update_says_less_than_the_outside_price_where_sales_are_to_blame(result, forest):
    blamed = forest.events[~forest.events.outside_enough]
    assert len(blamed)
    assert (blamed.oracle_price < blamed.outside_price).all()
    updates = set(zip(result.oracle_updates.asset.astype(str), result.oracle_updates.t_s, strict=True))
    assert set(zip(blamed.oracle_asset, blamed.t_eligible_s, strict=True)) <= updates
    assert (blamed.sooner_s.dropna() > 0.0).all()
    assert (forest.events.sooner_s[forest.events.outside_enough] == 0.0).all()


def test_losses_cross_from_one_protocol_to_the_other(forest):
    across = forest.across()
    assert across.loc["mint", "bank"] > 0.05 * across["bank"].sum()
    assert across.loc["bank", "bank"] > across.loc["mint", "bank"]


def test_oracle_that_reads_the_outside_price_leaves_sales_no_part():
    calm = causal_forest(run("two-protocols-one-collateral", 1, overrides=["oracle.source=reference"]))
    assert len(calm.events)
    assert calm.branching_ratio == 0.0
    assert calm.by_root().index.str.startswith("outside/").all()


def test_branching_ratio_counts_weights_on_liquidations(forest):
    graph = forest.to_networkx()
    weight = sum(w for parent, _, w in graph.edges(data="weight") if parent.startswith("liquidation/"))
    assert forest.branching_ratio == pytest.approx(weight / len(forest.events))
    assert 0.0 < forest.branching_ratio < 1.0
    assert forest.events.generation.max() >= 1


def test_run_without_liquidations_has_an_empty_forest():
    short = ["clock.duration_s=60", "borrowers.count=20"]
    empty = causal_forest(run("two-protocols-one-collateral", 1, overrides=short))
    assert not len(empty.events)
    assert np.isnan(empty.branching_ratio)
    assert not len(empty.by_root())
    assert not len(empty.across())


@pytest.mark.replay
def test_auction_losses_are_those_of_the_accounts_that_were_auctioned():
    lost = run("black-thursday", 1)
    owed = causal_forest(lost).creditors()
    known = owed.bad_debt_usd.sum() / lost.summary["bad_debt_usd"]
    assert 0.9 < known <= 1.0 + 1e-9
    assert owed.share.sum() == pytest.approx(1.0)


def test_saved_run_without_forced_sales_is_refused(result):
    tables = {name: table for name, table in result.tables.items() if name != "forced_sales"}
    old = type(result)(result.scenario, result.seed, tables, result.summary)
    with pytest.raises(ContagionError, match="no table forced_sales"):
        find_causes(old)


def test_forced_sales_are_the_sales_of_liquidators_and_borrowers(result):
    sales, trades = result.forced_sales, result.trades
    book = sales[sales.venue == "book"]
    mine = trades[(trades.side == -1) & trades.taker.astype(str).str.startswith("borrower")]
    assert book[book.source == "defence"].received_usd.sum() == pytest.approx(
        (mine.price * mine.quantity).sum(), rel=1e-9
    )
    bots = trades[(trades.side == -1) & trades.taker.astype(str).str.startswith("fast-bots")]
    assert book[book.source != "defence"].received_usd.sum() == pytest.approx(
        (bots.price * bots.quantity).sum(), rel=1e-6
    )
    assert sales.block.is_monotonic_increasing
    assert pd.notna(sales.price_after).all()
