"""The exposure graph of a world: what it holds, how it is written, how it changes."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from liquidarium.experiments.contagion import (
    ContagionError,
    ExposureGraph,
    NegativeClaimError,
    UnknownNodeError,
    difference,
    eisenberg_noe,
    read_history,
    share_backed_by_claims,
    spectral_radius,
    totals,
)
from liquidarium.experiments.contagion.snapshots import exposure_table
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios.base import ScenarioError

SHORT = ["clock.duration_s=600", "recording.snapshot_every_s=120"]


@pytest.fixture(scope="module")
def model():
    world = LiquidationMarket("quickstart", seed=1, overrides=SHORT)
    for _ in range(10):
        world.step()
    return world


@pytest.fixture(scope="module")
def accounts(model):
    return model.exposures("accounts")


def test_every_borrower_is_a_node_with_its_debt(model, accounts):
    borrowers = accounts.of_type("borrower")
    assert len(borrowers) == 500
    pool = model.lending.pool
    _, debt_value, value = pool.weights(int(model.time_s))
    owed = np.asarray(accounts.liabilities().sum(axis=1)).ravel()[borrowers]
    assert owed == pytest.approx((pool.positions.debt[:-1] * debt_value).sum(axis=1))
    put_up = np.asarray(accounts.matrix("collateral").sum(axis=1)).ravel()[borrowers]
    assert put_up == pytest.approx((pool.positions.collateral[:-1] * value).sum(axis=1))


def test_groups_and_accounts_add_up_to_the_same(model, accounts):
    table = totals([model.exposures("groups"), accounts])
    assert table.iloc[0].to_numpy() == pytest.approx(table.iloc[1].to_numpy(), rel=1e-12)


def test_nodes_and_edges_have_the_types_of_the_world(accounts):
    types = set(accounts.nodes_table().type.astype(str))
    assert types == {
        "asset", "stablecoin", "venue", "pool", "protocol", "lender", "borrower", "maker", "liquidator",
        "searcher",
    }  # fmt: skip
    ends = {
        "collateral": ({"borrower"}, {"asset"}),
        "debt": ({"borrower"}, {"protocol"}),
        "claim": ({"lender"}, {"protocol"}),
        "oracle": ({"protocol"}, {"asset"}),
        "reserve": ({"protocol"}, {"stablecoin"}),
        "orders": ({"maker"}, {"venue"}),
        "depth": ({"venue"}, {"asset"}),
    }
    graph = accounts.to_networkx()
    for source, target, data in graph.edges(data=True):
        if data["kind"] in ends:
            sources, targets = ends[data["kind"]]
            assert graph.nodes[source]["type"] in sources
            assert graph.nodes[target]["type"] in targets


def test_protocol_can_pay_its_lenders_while_borrowers_can_pay(accounts):
    """Debts and the till are what lenders may claim: the network of debts closes."""
    protocol = accounts.of_type("protocol")[0]
    done = eisenberg_noe(accounts.liabilities(), accounts.external_assets())
    assert done.equity[protocol] == pytest.approx(0.0, abs=1e-3 * done.payments[protocol])
    assert not done.defaulted[accounts.of_type("borrower")].any()


def test_fall_of_the_collateral_makes_borrowers_default_and_lenders_lose(accounts):
    lenders = accounts.of_type("lender")[0]
    calm = eisenberg_noe(accounts.liabilities(), accounts.external_assets())
    crash = eisenberg_noe(accounts.liabilities(), accounts.external_assets({"ETH": -0.6, "BTC": -0.6}))
    borrowers = accounts.of_type("borrower")
    assert crash.defaulted[borrowers].sum() > calm.defaulted[borrowers].sum()
    assert crash.equity[lenders] < calm.equity[lenders]
    with pytest.raises(UnknownNodeError, match="'DOGE' is not in the graph"):
        accounts.external_assets({"DOGE": -0.5})
    with pytest.raises(ContagionError, match="return on ETH = -2; allowed: from -1"):
        accounts.external_assets({"ETH": -2.0})


def test_stablecoin_is_a_claim_on_the_protocol_that_mints_it():
    world = LiquidationMarket("quickstart", overrides=["protocol.kind=maker", "clock.duration_s=120"])
    graph = world.exposures("accounts")
    coin = graph.of_kind("issuance")
    assert len(coin) == 1
    assert graph.names[graph.target[coin[0]]] == world.lending.pool.name
    debts = graph.weights_usd[graph.of_kind("debt")].sum()
    assert graph.weights_usd[coin[0]] == pytest.approx(debts, rel=1e-3)
    assert spectral_radius(graph.liabilities()) == 0.0


def test_share_of_debt_backed_by_claims_is_read_from_the_graph(accounts):
    coins = np.isin(np.arange(len(accounts.names)), accounts.of_type("stablecoin"))
    held = accounts.matrix("collateral").toarray()
    owed = np.asarray(accounts.matrix("debt").sum(axis=1)).ravel()
    assert share_backed_by_claims(owed, held, coins) == 0.0, "volatile collateral only"


def test_parquet_gives_back_the_same_graph(accounts, tmp_path):
    accounts.write_parquet(tmp_path / "snapshot")
    back = ExposureGraph.read_parquet(tmp_path / "snapshot")
    assert back.t_s == accounts.t_s
    assert list(back.names) == list(accounts.names)
    for name in ("types", "source", "target", "kinds", "weights_usd"):
        assert (getattr(back, name) == getattr(accounts, name)).all()


def test_graphml_is_read_back_as_the_typed_multigraph(model, tmp_path):
    graph = model.exposures()
    graph.write_graphml(tmp_path / "graph.graphml")
    back = nx.read_graphml(tmp_path / "graph.graphml", force_multigraph=True)
    assert isinstance(back, nx.MultiDiGraph)
    ours = graph.to_networkx()
    assert dict(back.nodes(data="type")) == dict(ours.nodes(data="type"))
    assert sorted(back.edges(data="weight_usd")) == sorted(ours.edges(data="weight_usd"))
    assert back.graph["t_s"] == graph.t_s


@pytest.mark.parametrize("detail", ["groups", "accounts"])
def test_run_leaves_a_series_of_graphs(detail):
    result = run("quickstart", seed=1, overrides=[*SHORT, f"recording.exposures={detail}"])
    graphs = read_history(result.exposures)
    assert [g.t_s for g in graphs] == [0.0, 120.0, 240.0, 360.0, 480.0, 600.0]
    table = totals(graphs)
    assert (table.debt > 0).all()
    assert (len(graphs[0].of_type("borrower")) > 100) == (detail == "accounts")
    assert (table.depth[1:] > 0).all() == (detail == "accounts"), "books are empty before the first block"
    change = difference(graphs[0], graphs[-1])
    sums = change.groupby("kind", observed=True).change_usd.sum()
    assert sums["debt"] == pytest.approx(table.debt.iloc[-1] - table.debt.iloc[0])
    assert change.change_usd.abs().is_monotonic_decreasing


def test_recording_accounts_changes_only_the_table_of_exposures():
    plain, full = (
        run("quickstart", seed=1, overrides=["clock.duration_s=120", f"recording.exposures={detail}"])
        for detail in ("groups", "accounts")
    )
    for name in plain.tables:
        assert plain.tables[name].equals(full.tables[name]) == (name != "exposures"), name


def test_unknown_detail_is_refused(model):
    with pytest.raises(ContagionError, match="detail = 'banks'; allowed: 'groups', 'accounts'"):
        model.exposures("banks")
    with pytest.raises(ScenarioError, match=r"recording\.exposures"):
        LiquidationMarket("quickstart", overrides=["recording.exposures=banks"])


def test_table_of_a_moment_reads_back_as_the_same_edges(model):
    table = exposure_table(model)
    graph = read_history(table)[0]
    again = graph.to_table()
    assert again.astype({"source": str, "target": str, "kind": str}).equals(
        table.astype({"source": str, "target": str, "kind": str})
    )
    assert graph.names[graph.of_type("protocol")[0]] == model.lending.pool.name


def test_difference_shows_edges_that_came_and_went(model):
    graph = model.exposures()
    assert len(difference(graph, graph)) == 0
    less = ExposureGraph(
        1.0,
        graph.names,
        graph.types,
        graph.source[1:],
        graph.target[1:],
        graph.kinds[1:],
        graph.weights_usd[1:],
    )
    row = difference(graph, less).iloc[0]
    assert (row.before_usd, row.after_usd) == (graph.weights_usd[0], 0.0)


def test_malformed_graphs_are_refused_by_name():
    def graph(**change):
        parts = {
            "t_s": 0.0, "names": ["a", "b"], "types": np.array([0, 4], np.int8),
            "source": np.array([1], np.int32), "target": np.array([0], np.int32),
            "kinds": np.array([5], np.int8), "weights_usd": np.array([1.0]),
        }  # fmt: skip
        return ExposureGraph(**{**parts, **change})

    assert repr(graph()) == "ExposureGraph(t_s=0, nodes=2, edges=1)"
    with pytest.raises(UnknownNodeError, match="edge 0 leads to node 7; there are 2"):
        graph(target=np.array([7], np.int32))
    with pytest.raises(NegativeClaimError, match="from b to a weighs -1 USD"):
        graph(weights_usd=np.array([-1.0]))
    with pytest.raises(ContagionError, match="from b to a weighs nan USD"):
        graph(weights_usd=np.array([np.nan]))
    with pytest.raises(ContagionError, match="no nodes"):
        graph(names=[], types=np.array([], np.int8))
    with pytest.raises(ContagionError, match="edge kind 'love' is unknown; allowed: collateral"):
        graph().matrix("love")
    table = graph().to_table()
    with pytest.raises(UnknownNodeError, match="edge 0 names 'z'"):
        ExposureGraph.from_tables(table.assign(source="z"), graph().nodes_table())
