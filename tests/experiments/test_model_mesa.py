"""The market is an ordinary Mesa model: steps, agents, data collector, batches, and it can be freed."""

from __future__ import annotations

import gc
import inspect
import weakref

import mesa
import networkx as nx
import numpy as np
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.market.trading import TradingFloor

CRASH = ("clock.start=2021-05-19T13:00:00Z", "clock.duration_s=600")


def test_one_step_is_one_block():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH)
    for block in range(1, 4):
        model.step()
        assert (model.block, model.steps, model.time_s) == (block, block, 12.0 * block)
    assert model.running


def test_run_ends_with_the_last_block_and_reports_progress():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH)
    told = []
    model.run(lambda done, total: told.append((done, total)))
    assert told == [(block, 50) for block in range(1, 51)]
    assert not model.running
    with pytest.raises(ValueError, match="the run is over: it has 50 blocks"):
        model.step()


def test_a_run_leaves_the_garbage_collector_as_it_was():
    seen = []
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH)
    with pytest.raises(KeyboardInterrupt):
        model.run(lambda done, total: (_ for _ in ()).throw(KeyboardInterrupt))
    assert gc.get_freeze_count() == 0
    gc.freeze()  # somebody else's wish
    try:
        model.run(lambda done, total: seen.append(gc.get_freeze_count()))
        assert all(seen)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_a_run_frees_its_world_without_waiting_for_the_garbage_collector():
    def worlds():
        return sum(isinstance(thing, TradingFloor) for thing in gc.get_objects())

    gc.collect()
    before = worlds()
    gc.disable()
    try:
        run("quickstart", seed=1, overrides=CRASH)
        assert worlds() == before
    finally:
        gc.enable()


def test_deciders_and_cohorts_are_mesa_agents():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH)
    assert isinstance(model, mesa.Model)
    assert set(model.world.deciders) | set(model.lending.cohorts) <= set(model.agents)
    assert len({agent.unique_id for agent in model.agents}) == len(model.agents)
    names = {cls.__name__: len(agents) for cls, agents in model.agents_by_type.items()}
    assert names | {"LiquidatorBot": 4, "MarketMaker": 2, "MEVSearcher": 1, "BorrowerCohort": 2} == names
    assert len(model.agents.select(lambda agent: agent.role == "liquidator")) == 4


def test_scenario_is_what_was_asked_for():
    model = LiquidationMarket("quickstart", seed=5, overrides=CRASH)
    assert model.scenario == load_scenario("quickstart", CRASH)
    assert model.root_seed == 5
    with pytest.raises(ScenarioError):
        LiquidationMarket("quickstart", overrides=("clock.durations_s=1",))


def test_data_collector_has_a_row_for_every_block():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH)
    model.run()
    rows = model.datacollector.get_model_vars_dataframe()
    assert rows.block.tolist() == list(range(50))
    assert rows.liquidations.is_monotonic_increasing
    assert rows.liquidations.iloc[-1] == len(model.recorder.liquidations) > 0
    assert (rows.conservation_error_usd == 0.0).all()
    assert rows.debt_repaid_usd.iloc[-1] == pytest.approx(
        run("quickstart", 1, overrides=CRASH).summary["debt_repaid_usd"]
    )


@pytest.mark.parametrize(("every", "blocks"), [(10, [0, 10, 20, 30, 40]), (0, [50])])
def test_data_collector_may_be_thinned(every, blocks):
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH, collect_every=every)
    model.run()
    assert model.datacollector.get_model_vars_dataframe().block.tolist() == blocks


@pytest.mark.parametrize("every", [-1, 1.5, "2"])
def test_rows_that_cannot_be_collected_are_refused(every):
    with pytest.raises(ScenarioError, match=r"collect_every = .*; allowed: a whole number from 0"):
        LiquidationMarket("quickstart", collect_every=every)


def test_mesa_batch_run_runs_it():
    """Mesa 3.3 takes seeds as a parameter of the model, later versions as `rng`."""
    parameters = {"scenario": "quickstart", "overrides": [CRASH, (*CRASH, "borrowers.reaction_scale=0")]}
    settings = {"number_processes": 1, "max_steps": 1000, "display_progress": False}
    if "rng" in inspect.signature(mesa.batch_run).parameters:
        settings["rng"] = [1, 2]
    else:
        parameters["seed"] = [1, 2]
    rows = mesa.batch_run(LiquidationMarket, parameters, **settings)
    assert len(rows) == 4
    for row in rows:
        expected = run("quickstart", row["seed"], overrides=row["overrides"]).summary
        assert row["liquidations"] == expected["liquidations"]
        assert row["bad_debt_usd"] == pytest.approx(expected["bad_debt_usd"])
        assert row["conservation_error_usd"] == 0.0
    assert len({row["liquidations"] for row in rows}) > 1


def test_closed_models_are_freed():
    """Mesa 3.3 keeps a table of ids by model; long sweeps must not grow it."""
    tables = getattr(mesa.Agent, "_ids", {})
    before = len(tables)
    alive = []
    for seed in range(20):
        model = LiquidationMarket("quickstart", seed=seed, overrides=(*CRASH, "borrowers.count=20"))
        model.step()
        alive.append(weakref.ref(model))
        model.close()
        assert len(model.agents) == 0
    del model
    gc.collect()
    assert len(tables) == before
    assert [ref for ref in alive if ref() is not None] == []


def test_run_frees_its_model():
    gc.collect()
    before = len(getattr(mesa.Agent, "_ids", {}))
    run("quickstart", 1, overrides=CRASH)
    assert len(getattr(mesa.Agent, "_ids", {})) == before


def test_exposures_are_a_typed_graph_of_positive_weights():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH)
    graph = model.exposures().to_networkx()
    assert isinstance(graph, nx.MultiDiGraph)
    edges = list(graph.edges(keys=True, data=True))
    assert {data["kind"] for *_, data in edges} == {
        "collateral",
        "debt",
        "claim",
        "oracle",
        "liquidity",
        "inventory",
        "reserve",
    }
    assert all(key == data["kind"] and data["weight_usd"] > 0.0 for *_, key, data in edges)
    assert graph.graph["t_s"] == 0.0
    protocol = model.lending.pool.market.name
    debts = [data["weight_usd"] for _, target, data in graph.edges(data=True) if data["kind"] == "debt"]
    assert all(target == protocol for _, target, data in graph.edges(data=True) if data["kind"] == "debt")
    assert sum(debts) == pytest.approx(load_scenario("quickstart").borrowers.total_debt_usd, rel=1e-6)
    symbols = {asset.symbol for asset in model.assets}
    for source, target, data in graph.edges(data=True):
        assert source not in symbols
        if data["kind"] not in ("debt", "claim", "orders"):
            assert target in symbols


def test_exposures_follow_the_market():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH)
    protocol = model.lending.pool.market.name
    start = model.exposures().to_networkx()
    model.run()
    end = model.exposures().to_networkx()
    assert end.graph["t_s"] == 600.0
    weights = [g.edges["borrowers/ETH", protocol, "debt"]["weight_usd"] for g in (start, end)]
    assert weights[1] < weights[0], "debt was repaid"


def test_view_shows_what_books_pools_and_oracle_say():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH)
    seen = []
    model._record = lambda *counts: (seen.append(model.view()), LiquidationMarket._record(model, *counts))
    for _ in range(5):
        model.step()
    for view in seen:
        for asset, pool in model.pools.items():
            assert view.pool_depth_usd[asset] > 0
            assert view.mids[asset] == pytest.approx(view.oracle[asset], rel=0.05)
            assert view.pool_price[asset] == pytest.approx(view.mids[asset], rel=0.05)
            assert pool.price(asset) > 0
        assert view.depth_usd[model.quote] < 0, "the quote asset has no book"
        assert view.gas_floor_gwei <= view.gas_standard_gwei <= view.gas_urgent_gwei
    assert [view.block for view in seen] == list(range(5))
    assert np.isclose(seen[0].usd_per_gas_gwei, 1e-9 * seen[0].oracle[0])
