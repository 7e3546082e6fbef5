"""Concentrated pools and their providers in a running world (MODEL 10.3, CASES X14)."""

from __future__ import annotations

import re

import pytest
from liquidarium.agents.base import SetRange
from liquidarium.experiments import run
from liquidarium.experiments.comparisons import load_comparison
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.scenarios import ScenarioError
from liquidarium.experiments.world.execution import Arbitrage
from liquidarium.experiments.world.intents import IntentError, check_intents
from liquidarium.experiments.world.outcome import run_tables
from liquidarium.experiments.world.providers import RangeMove
from liquidarium.market.chain.transaction import Transaction
from liquidarium.market.ledger import Reason
from liquidarium.market.trading_layout import ASK_DEPTH_USD, BID_DEPTH_USD

SHORT = ("clock.start=2021-05-19T12:40:00Z", "clock.duration_s=1500")


def pool(more: str = "", usd: float = 5e6) -> str:
    return f"assets.ETH.pool={{kind='concentrated', depth_usd={usd:g}{more}}}"


def providers(more: str = "half_width=0.05") -> str:
    return (
        "agents.lps={kind='range-provider', name='lps', count=2, capital_usd=1e6, inventory_usd={ETH=1e6}, "
        f"parameters={{{more}}}}}"
    )


BAND = pool(", band=0.1, band_share=0.8")


@pytest.fixture(scope="module")
def provided():
    world = LiquidationMarket("quickstart", 7, (*SHORT, BAND, providers()))
    world.run()
    return world


def test_the_settings_place_the_liquidity():
    world = LiquidationMarket("quickstart", 7, (BAND,))
    venue, price = world.pools[0], world.outside.path[0][0]
    (full, band) = sorted(venue.state.positions, key=lambda key: key[1])
    assert full[1:] == venue.full_range
    assert venue.price_at(band[1]) <= price / 1.1 <= venue.price_at(band[1] + 60)
    assert venue.price_at(band[2] - 60) <= price * 1.1 <= venue.price_at(band[2])
    assert venue.principal(*band)[1] == pytest.approx(4e6 * 1e6, rel=1e-6)
    assert venue.principal(*full)[1] == pytest.approx(1e6 * 1e6, rel=1e-6)
    assert venue.price(0) == pytest.approx(price, rel=1e-9)
    inside, outside = venue.depth_towards(0.95 * price), venue.depth_towards(0.1 * price)
    assert inside > 50e6 > outside, "many times deeper than 5 million near the price, not far from it"


def test_a_full_range_makes_nearly_the_run_of_a_constant_product_pool():
    """Up to the fee, which stays out of the curve here; no transaction may differ much."""
    ours = run("quickstart", 7, overrides=(*SHORT, pool(usd=50e6)))
    theirs = run("quickstart", 7, overrides=SHORT)
    assert ours.summary["conservation_error_usd"] == 0.0
    assert ours.summary["debt_repaid_usd"] == pytest.approx(theirs.summary["debt_repaid_usd"], rel=0.02)
    assert ours.summary["content_hash"] != theirs.summary["content_hash"]


def test_everybody_uses_the_pool_and_no_money_is_lost(provided):
    assert provided.conservation.error_usd(provided.oracle_prices) == 0.0
    bids = run_tables(provided)["bids"]
    assert {"arbitrage", "liquidation", "liquidity"} <= set(bids.kind[bids.executed])
    venue = provided.pools[0]
    assert venue.residual() == (0, 0)
    assert min(r - c for r, c in zip(venue.reserves, venue.claims(), strict=True)) >= 0


def test_a_run_with_providers_can_be_repeated():
    hashes = {
        run("quickstart", 7, overrides=(*SHORT, BAND, providers())).summary["content_hash"] for _ in range(2)
    }
    assert len(hashes) == 1


def test_an_arbitrage_stops_at_the_edge_of_the_band_across_ranges(monkeypatch):
    """The pool ends where its price with the fee is the book's, as far as the book's depth lets it."""
    seen, act = [], Arbitrage.__call__

    def watched(self, world):
        asset = self.intent.asset
        bid, ask = world.floor.touch(asset)
        before = world.pools[asset].price(asset)
        act(self, world)
        seen.append((bid, ask, before, world.pools[asset].price(asset)))

    monkeypatch.setattr(Arbitrage, "__call__", watched)
    narrow = pool(", band=0.01, band_share=0.5, fee_bps=5", usd=1e6)
    LiquidationMarket("quickstart", 7, (*SHORT, narrow, "assets.BTC.pool={depth_usd=1e4}")).run()
    assert len(seen) > 5
    for bid, ask, before, after in seen:
        if before < bid:
            assert before < after <= bid * (1 + 1e-9)
        else:
            assert ask * (1 - 1e-9) <= after < before


def test_what_an_arbitrage_is_expected_to_earn_is_bounded_by_what_the_book_shows():
    """A pool a hundred times as deep as the book earns what the book takes, not what the pool would."""
    deep = pool(", band=0.05, band_share=0.9", usd=1e8)
    world, seen = LiquidationMarket("quickstart", 7, (*SHORT, deep)), []
    while world.running:
        gap = world.gaps.gains().get(0)
        if gap is not None:
            bid, ask = world.floor.touch(0)
            price = world.pools[0].price(0)
            off = bid / price - 1.0 if bid > price else 1.0 - ask / price
            shown = min(world.floor.state[world.floor.book_of_asset[0], [BID_DEPTH_USD, ASK_DEPTH_USD]])
            seen.append(gap / (abs(off) * shown))
        world.step()
    assert len(seen) > 20
    assert min(seen) > 0.0
    assert max(seen) < 1.0


def test_providers_pay_for_what_they_do_and_the_table_says_what_it_was(provided):
    table = run_tables(provided)["range_providers"].set_index("provider")
    assert (table.ranges >= 2).all(), "the price left their first range"
    assert (table.fees_usd > 0).all()
    assert (table.rebalancing_loss_usd > table.fees_usd).all(), "in a crash fees do not pay for it"
    bids = run_tables(provided)["bids"]
    paid = bids[bids.kind == "liquidity"].groupby("agent", observed=True).gas_usd.sum()
    for name, gas in table.gas_usd.items():
        assert gas == pytest.approx(paid[name])
    welfare = run_tables(provided)["welfare"].set_index("group").gain_usd
    gains = sum(provided.gain_usd(agent.account) for agent in provided.others)
    assert welfare["range-providers"] == pytest.approx(gains)
    assert abs(welfare.sum()) < 1e-3


def test_the_loss_versus_rebalancing_is_what_is_lost_to_a_portfolio_that_follows_the_price():
    """A portfolio that holds what the range holds, and trades at the mid, keeps what the pool gives away."""
    world = LiquidationMarket("quickstart", 7, (*SHORT, BAND, providers("half_width=50")))
    books, key, expected = world.range_books, None, 0.0
    while world.running:
        if key in books.open:
            mine, venue = books.open[key], world.pools[0]
            x, y = venue.principal(key[0], mine.lower, mine.upper)
        world.step()
        if key is None and books.open:
            key = next(iter(books.open))
        elif key is not None:
            x1, y1 = world.pools[0].principal(key[0], mine.lower, mine.upper)
            price = world.floor.mid(0)
            expected -= (x1 - x) / 1e9 * price + (y1 - y) / 1e6
    assert books.tallies[key].opened == 1
    assert books.tallies[key].loss_usd == pytest.approx(expected, rel=1e-9)
    assert expected > 0.0


def test_a_move_that_fails_leaves_everything_as_it_was():
    """The withdrawal before the failure is undone, of the pool, the ledger and the books alike."""
    world = LiquidationMarket("quickstart", 7, (*SHORT, BAND, providers()))
    while not world.range_books.open:
        world.step()
    books, venue = world.range_books, world.pools[0]
    agent, key = world.others[0], (world.others[0].account, 0)
    before = dict(books.open), dict(books.tallies), venue.state, world.ledger.balances.copy()
    fails = SetRange(0, 1e-9, 2e-9, 1e-7, 0.0, 0.01, 0.0)
    move = Transaction(agent.account, "liquidity", 1, 1, 0.0, 0.0, 0.0, RangeMove(agent, fails), -1, -1)
    assert key in books.open
    world.builder.run(move)
    assert books.open == before[0]
    assert books.tallies == before[1]
    assert venue.state is before[2]
    assert (world.ledger.balances == before[3]).all()
    assert run_tables(world)["bids"].reason.iloc[-1] == "nothing to put in"


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (SetRange(1, 1.0, 2.0, 1e3, 0.0, 0.01, 1.0), "the pool of BTC, which is not concentrated"),
        (SetRange(0, 2.0, 1.0, 1e3, 0.0, 0.01, 1.0), "allowed: 0 < lower_usd < upper_usd"),
        (SetRange(0, 1.0, 2.0, 1e3, 0.0, 1.5, 1.0), "allowed: from 0 to below 1"),
        (SetRange(0, 1.0, float("nan"), 1e3, 0.0, 0.01, 1.0), "allowed: finite numbers"),
    ],
)  # fmt: skip
def test_an_agent_of_ones_own_is_told_what_is_wrong_with_its_range(intent, words):
    world = LiquidationMarket("quickstart", 7, (*SHORT, BAND, providers()))
    with pytest.raises(IntentError, match=re.escape(words)):
        check_intents(world, world.others[0], [intent])


def test_providers_and_pools_stand_in_the_exposures(provided):
    edges = provided.exposures().to_table()
    mine = edges[edges.source == "lps-0"].set_index("target").weight_usd
    owned = provided.holdings(provided.others[0].account)[0] / 1e9 * provided.oracle_prices[0]
    assert mine["ETH"] == pytest.approx(owned)
    (pool_usd,) = edges[edges.source == "pool/ETH"].weight_usd
    assert pool_usd == pytest.approx(provided.pools[0].reserves[1] / 1e6)


def test_providers_leave_a_crash_and_their_money_is_theirs():
    careful = providers("half_width=0.05, leave_volatility=0.02, return_after_s=36000")
    world = LiquidationMarket("quickstart", 7, (*SHORT, BAND, careful))
    world.run()
    assert not world.range_books.open
    table = run_tables(world)["range_providers"]
    assert (table.ranges >= 1).all()
    assert (table.worth_usd == 0.0).all()
    assert world.ledger.volumes[Reason.LIQUIDITY].all(), "money went in and out through the ledger"


def test_an_oracle_can_read_it_and_a_manipulator_push_it():
    attacked = (
        *SHORT, pool(", band=0.1, band_share=0.8", usd=1e6),
        "assets.BTC.pool={kind='concentrated', depth_usd=3e6}",
        "oracle.source=pool-twap", "oracle.deviation=0.002",
        "agents.pusher={kind='manipulator', name='pusher', capital_usd=2e7, inventory_usd={ETH=2e7}, "
        "parameters={min_profit_usd=-1e9}}",
    )  # fmt: skip
    world = LiquidationMarket("quickstart", 7, attacked)
    world.run()
    (pusher,) = world.others
    assert pusher.attacks
    assert world.conservation.error_usd(world.oracle_prices) == 0.0


def test_sandwiches_and_flash_loans_go_through_it():
    world = LiquidationMarket(
        "quickstart",
        7,
        (
            *SHORT,
            pool(usd=50e6),
            "assets.BTC.pool={kind='concentrated', depth_usd=30e6, band=0.5}",
            "agents.fast-bots.count=0",
            "agents.searcher.parameters={sandwiches=3, copies=0, min_profit_usd=20, arbitrage_share=0.5, "
            "liquidation={min_profit_usd=1e12}}",
            "agents.searcher.inventory_usd={ETH=2e7, BTC=2e7}",
            "chain.block_gas_limit=30_000_000",
            "chain.gas={kind='constant', price_gwei=20}",
            "agents.flash-bots={kind='liquidator', name='flash-bots', count=2, latency_ms=400, "
            "capital_usd=5e6, parameters={exit='pool', bid_share=0.02}}",
        ),
    )
    world.run()
    bids = run_tables(world)["bids"]
    assert {"front-run", "back-run", "liquidation"} <= set(bids.kind[bids.executed])
    assert world.conservation.error_usd(world.oracle_prices) == 0.0


def test_the_packaged_comparison_differs_in_providers_alone():
    scenarios = load_comparison("leaving-liquidity").scenarios()
    providers_of = {
        name: [agent for agent in scenario.agents if agent.kind == "range-provider"]
        for name, scenario in scenarios.items()
    }
    assert not providers_of.pop("absent")
    assert all(len(groups) == 1 for groups in providers_of.values())
    rest = {
        name: scenario.model_copy(
            update={"agents": tuple(a for a in scenario.agents if a.kind != "range-provider")}
        )
        for name, scenario in scenarios.items()
    }
    assert all(scenario == rest["stay"] for scenario in rest.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("assets.ETH.pool={depth_usd=1e6, band=0.1}", "band = 0.1 does nothing in a constant-product pool"),
        ("assets.ETH.pool={kind='concentrated', depth_usd=1e6, fee_bps=7}", "= 7 .* allowed: 1, 5, 30, 100"),
        ("assets.ETH.pool={kind='concentrated', depth_usd=1e6, band_share=0.3}", "does nothing without band"),
        ("assets.ETH.pool={kind='curve', depth_usd=1e6}", "constant-product"),
        (providers(), "has no pool to provide for"),
        ("assets.ETH.pool={kind='concentrated', depth_usd=1e-6}", "makes no pool"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_in_one_line(change, message):
    with pytest.raises(ScenarioError, match=message) as refused:
        LiquidationMarket("quickstart", 7, (change,))
    assert "\n" not in str(refused.value)
