"""Every scenario that passes its checks runs to the end and conserves money."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.scenarios.loading import validate

CRASH = ("clock.start=2021-05-19T13:00:00Z", "clock.duration_s=600")


def crash():
    return load_scenario("quickstart", CRASH).model_dump(exclude_none=True)


def without(venue, *symbols):
    """Remove the book or the pool of some assets."""
    data = crash()
    data["assets"] = [
        {k: v for k, v in asset.items() if k != venue or asset["symbol"] not in symbols}
        for asset in data["assets"]
    ]
    return data


def with_section(name, **values):
    data = crash()
    data[name] = {**data.get(name, {}), **values}
    return data


def with_stables():
    data = crash()
    more = [
        {"symbol": "DAI", "decimals": 9, "stable": True},
        {"symbol": "USDT", "decimals": 6, "stable": True},
    ]
    return data | {"assets": [*data["assets"], *more]}


VARIANTS = {
    "one asset without a book": without("book", "BTC"),
    "no pools": without("pool", "ETH", "BTC"),
    "nobody but borrowers": crash() | {"agents": []},
    "base fee that follows use": with_section("chain", gas={"kind": "eip1559", "base_fee_gwei": 100.0}),
    "gas costs nothing": with_section("chain", gas={"kind": "constant", "price_gwei": 0.0}),
    "first come, first served": with_section("chain", inclusion="first-come"),
    "oracle reads the book": with_section("oracle", source="book-mid"),
    "oracle reads the pool": with_section("oracle", source="pool-twap"),
    "oracle takes the median": with_section("oracle", source="median"),
    "self-exciting flow": with_section("flow", kind="hawkes", branching_ratio=0.5, decay_per_s=0.5),
    "no flow": with_section("flow", orders_per_block=0.0),
    "one borrower": with_section("borrowers", count=1),
    "everything at once may be repaid": with_section("protocol", close_factor=1.0),
    "debts in three stable assets": with_stables(),
    "short blocks": with_section("clock", block_time_s=2.0, duration_s=300.0),
}


@pytest.mark.parametrize("data", VARIANTS.values(), ids=VARIANTS)
def test_variant_runs_and_conserves_money(data):
    scenario = validate(data)
    model = LiquidationMarket(scenario, 1, collect_every=0)
    model.run()
    assert model.conservation.error_usd(model.oracle_prices) == 0.0
    assert (model.ledger.balances[1:] >= 0).all()
    assert (model.lending.pool.positions.amounts >= 0).all()


def test_collateral_without_a_book_is_sold_in_its_pool():
    data = without("book", "ETH")
    result = run(validate(data | {"clock": data["clock"] | {"duration_s": 900.0}}), 6)
    done = result.liquidations
    ether = done[done.collateral == "ETH"]
    assert len(ether) > 0
    assert set(ether.liquidator.astype(str)) <= {"flash-bots-0", "flash-bots-1", "searcher"}
    assert result.summary["conservation_error_usd"] == 0.0


def test_bots_that_exit_to_a_pool_leave_collateral_alone_that_has_none():
    done = run(validate(without("pool", "ETH", "BTC")), 1).liquidations
    assert set(done.liquidator.astype(str)) <= {"fast-bots-0", "fast-bots-1"}


def test_stable_asset_of_nine_decimals_fits():
    data = crash()
    data["assets"] = [a | ({"decimals": 9} if a["symbol"] == "USDC" else {}) for a in data["assets"]]
    assert run(validate(data), 1).summary["conservation_error_usd"] == 0.0


def test_two_agents_of_one_name_are_refused():
    """They would share a random stream and their rows in the tables."""
    data = crash()
    twin = {"kind": "liquidator", "name": "fast-bots-0", "capital_usd": 1e6}
    with pytest.raises(ScenarioError, match="two agents would be called 'fast-bots-0'"):
        LiquidationMarket(validate(data | {"agents": [*data["agents"], twin]}))
