"""crvUSD in the running world: searchers convert bands, bots liquidate what is left, money is conserved."""

from __future__ import annotations

import math

import numpy as np
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.scenarios.loading import validate
from liquidarium.experiments.world import soft_liquidation
from liquidarium.experiments.world.execution import Defence
from liquidarium.experiments.world.soft_liquidation import best_trade
from liquidarium.protocols.lending.llamma.pool import LlammaPool

LLAMMA = "protocol.kind=llamma"


def finished(*changes: str, scenario: str = "quickstart", seed: int = 3) -> LiquidationMarket:
    model = LiquidationMarket(load_scenario(scenario, (LLAMMA, *changes)), seed, collect_every=0)
    model.run()
    return model


def bands_reached(model: LiquidationMarket) -> int:
    """Bands that somebody has traded in, over all markets."""
    pool = model.lending.pool
    assert isinstance(pool, LlammaPool)
    return sum(market.deepest for market in pool.markets.values())


def test_quickstart_runs_liquidates_and_repeats():
    runs = [run(load_scenario("quickstart", (LLAMMA,)), 3) for _ in range(2)]
    assert len(runs[0].liquidations) > 5
    assert runs[0].summary["conservation_error_usd"] == 0.0
    assert runs[0].summary["content_hash"] == runs[1].summary["content_hash"]


def test_searchers_convert_bands_and_without_them_nobody_does():
    """They shield borrowers from the worse price of bands that nobody trades in."""
    model, alone = finished(), finished("agents.searcher.count=0")
    assert bands_reached(model) > 10
    assert bands_reached(alone) == 0
    assert not model.conservation.residual.any()
    assert not alone.conservation.residual.any()
    assert (model.ledger.balances[1:] >= 0).all()


def test_sizes_that_are_not_looked_at_would_not_have_paid(monkeypatch):
    """What trades with bands earn, with and without a least gain, whenever somebody asks in a run."""
    found = []

    def both(world, pool, asset, least_usd, cash_usd=math.inf):
        quick = best_trade(world, pool, asset, least_usd, cash_usd)
        whole = best_trade(world, pool, asset, -math.inf, cash_usd)
        pays = whole is not None and whole.profit_usd >= least_usd
        assert quick == whole if pays else quick is None or quick.profit_usd < least_usd
        found.append(pays)
        return quick

    monkeypatch.setattr(soft_liquidation, "best_trade", both)
    finished()
    assert 10 < sum(found) < len(found)


def test_a_call_hands_over_both_tokens_and_the_row_says_so():
    """A loan that is half converted pays a part of its own debt."""
    model = finished("borrowers.reaction_scale=0")
    mixed = [
        cost for cost in model.recorder.costs if cost.kind == "call" and cost.taken[1][1] and cost.taken[0][1]
    ]
    assert mixed
    for cost in mixed:
        (_, cleared), (paid,) = cost.given_back[0], cost.moved.payments
        assert paid.units == cleared - cost.taken[1][1]


def test_accounts_in_conversion_count_as_eligible_only_once_the_rule_allows_a_call():
    model = finished("borrowers.reaction_scale=0")
    watch, pool = model.lending.watch, model.lending.pool
    watch.reprice(model.time_s)
    watch._stale = True
    watch.refresh(0.0, model.time_s)
    resting = pool.resting(watch.awake, int(model.time_s))
    assert resting.any()
    assert np.isnan(watch.eligible_since[watch.awake[resting]]).all()


def test_it_runs_beside_another_protocol_in_one_market():
    data = load_scenario("quickstart").model_dump(exclude_unset=True)
    del data["protocol"]
    data["protocols"] = [{"kind": "llamma"}, {"kind": "aave-v2"}]
    model = LiquidationMarket(validate(data), 3, collect_every=0)
    model.run()
    assert {row[1] for row in model.recorder.liquidations} == {"llamma", "aave-v2"}
    assert not model.conservation.residual.any()


def test_a_coin_that_is_not_the_cash_is_swapped_both_ways():
    changes = (
        "protocol.debt=DAI",
        "borrowers.count=300",
        "clock.start=2021-05-19T12:00:00Z",
        "clock.duration_s=5400",
    )
    model = finished(*changes, scenario="may-2021")
    assert bands_reached(model) > 0
    assert model.recorder.liquidations
    assert not model.conservation.residual.any()
    dai = model.ledger.asset_index["DAI"]
    assert not np.any(model.ledger.balances[[bot.account for bot in model.bots], dai])


def test_a_borrower_in_conversion_clears_a_part_with_its_own_bands():
    """It sells the collateral that comes out, pays a flash loan back, and keeps what is left."""
    changes = ("borrowers.reaction_scale=0", "clock.duration_s=2700")
    model = finished(*changes)
    market, pool, now = model.lending, model.lending.pool, int(model.time_s)
    rows = [row for row in model.lending.watch.awake.tolist() if pool.converting(row)]
    row = max(rows, key=lambda row: pool.debt_units(row, model.quote, now))
    owed, held = pool.debt_units(row, model.quote, now), model.ledger.balance(market.wallet(row), model.quote)
    health = pool.health_factor(row, now)
    Defence(market, row, 0.0, owed / 4e6)(model)
    assert pool.debt_units(row, model.quote, now) == pytest.approx(0.75 * owed, rel=1e-6)
    assert pool.health_factor(row, now) == pytest.approx(health, rel=1e-4)
    assert model.ledger.balance(market.wallet(row), model.quote) > held
    assert model.recorder.defences[-1][1] == row
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("protocol.debt=ETH", "protocol.debt = 'ETH'; allowed: USDC"),
        ("protocol.loan_discount=0.05", "loan_discount must be above liquidation_discount"),
        ("protocol.bands=3", "bands"),
        ("protocol.bands=51", "bands"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket(load_scenario("quickstart", (LLAMMA, change)), 1)
