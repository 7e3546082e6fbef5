"""Aave v3.6 in the running world: bots leave no dust, bad debt becomes a deficit, money is conserved."""

from __future__ import annotations

from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.loading import validate
from liquidarium.experiments.world.recorder import LIQUIDATION_COLUMNS

V3_6 = "protocol.kind=aave-v3.6"
ACCOUNT = LIQUIDATION_COLUMNS.index("account")


def test_quickstart_runs_liquidates_and_repeats():
    runs = [run(load_scenario("quickstart", (V3_6,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 20
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def cheap_and_small() -> LiquidationMarket:
    """Small accounts of one collateral each, gas that makes them worth a call, bots content with a dollar."""
    data = load_scenario("quickstart", (V3_6, "borrowers.reaction_scale=0")).model_dump(exclude_none=True)
    data["chain"] |= {"gas": {"kind": "constant", "price_gwei": 1.0}}
    data["borrowers"] |= {"count": 2_000, "total_debt_usd": 1e7, "parameters": {"second_collateral": 0.0}}
    for agent in data["agents"]:
        if agent["kind"] == "liquidator":
            agent["parameters"] |= {"min_profit_usd": 1.0}
    model = LiquidationMarket(validate(data), 5, collect_every=0)
    model.run()
    return model


def test_small_accounts_are_closed_whole_and_no_call_leaves_dust():
    """MODEL 1.2: below 2000 USD all may be repaid; what is left of a debt is nothing or 1000 USD."""
    model = cheap_and_small()
    pool = model.lending.pool
    _, debt_value, _ = pool.weights(int(model.time_s))
    rows = sorted({row[ACCOUNT] for row in model.recorder.liquidations})
    owed = pool.positions.debt[rows] @ debt_value
    assert len(rows) > 100
    assert ((owed < 1e-6) | (owed > 999.0)).all()
    assert (owed < 1e-6).sum() > 20
    assert not model.conservation.residual.any()


def test_bad_debt_is_written_off_into_the_deficit():
    changes = (
        V3_6,
        "oracle.deviation=0.25",
        "clock.start=2021-05-19T12:00:00Z",
        "clock.duration_s=5400",
        "borrowers.reaction_scale=0",
    )
    model = LiquidationMarket(load_scenario("quickstart", changes), 1, collect_every=0)
    model.run()
    pool = model.lending.pool
    assert pool.deficit().any()
    assert not model.conservation.residual.any()
    assert (pool.positions.amounts >= 0).all()
    assert (model.ledger.balances[1:] >= 0).all()
