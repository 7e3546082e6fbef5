"""Moving the price that an oracle reads, in a running world (MODEL 3.8)."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.scenarios import ScenarioError
from liquidarium.experiments.world.cost_table import PARTS
from liquidarium.experiments.world.outcome import run_tables

ATTACKER = (
    "agents.searcher={kind='manipulator', name='attacker', latency_ms=50, capital_usd=5e6, "
    "inventory_usd={ETH=2e7}}"
)
CALM = (
    "clock.start=2021-05-19T12:00:00Z",
    "clock.duration_s=1200",
    "agents.flash-bots.count=0",
    "agents.fast-bots.count=0",
    "agents.makers.capital_usd=1e6",
    "oracle.delay_s=0",
    "oracle.deviation=0.01",
    "flow.anchor_per_s=0.003",
    ATTACKER,
)
THIN = ("assets.ETH.book.size_scale=0.1", "oracle.source=book-mid")


def ended(*overrides: str) -> LiquidationMarket:
    world = LiquidationMarket("quickstart", 7, (*CALM, *overrides), collect_every=0)
    world.run()
    assert world.conservation.error_usd(world.oracle_prices) == 0.0
    return world


def test_a_thin_book_that_an_oracle_reads_is_pushed_down_and_borrowers_pay():
    world = ended(*THIN)
    (attacker,) = world.others
    first = attacker.attacks[0]
    tables = run_tables(world)
    quotes = tables["quotes"].pipe(lambda q: q[q.asset == "ETH"])
    during = quotes[(quotes.block > first.block) & (quotes.block < first.block + 30)]
    outside = during.reference.iloc[-1] / quotes.reference.iloc[0]
    read = tables["oracle_updates"].pipe(lambda u: u[(u.asset == "ETH") & (u.t_s > 0)])
    assert during.mid.min() / quotes.mid.iloc[0] < outside - 0.02, (
        "the market falls, the world outside does not"
    )
    assert read.price.min() < 0.98 * quotes.reference.min()
    done = tables["liquidations"]
    assert len(done) > 0
    assert (done.liquidator == attacker.name).all()
    assert world.gain_usd(attacker.account) > 0
    welfare = tables["welfare"].set_index("group").gain_usd
    assert welfare["manipulators"] > 0 > welfare["borrowers"]
    assert not (tables["costs"].borrower_loss - tables["costs"][list(PARTS)].sum(axis=1)).any()
    honest = ended(*THIN, "agents.attacker.count=0")
    assert not honest.recorder.liquidations, "nobody would have been liquidated"


def test_a_deep_book_is_left_alone():
    world = ended("oracle.source=book-mid", "assets.ETH.book.size_scale=10", "agents.makers.capital_usd=1e8")
    assert world.others[0].attacks == []


def test_a_thin_pool_whose_average_an_oracle_reads_is_pushed_for_a_block():
    world = ended("oracle.source=pool-twap", "assets.ETH.pool.depth_usd=2e4")
    attacks = world.others[0].attacks
    assert attacks
    bids = run_tables(world)["bids"]
    assert bids[bids.kind == "swap"].executed.any()
    first = attacks[0]
    price = first.target_usd / (1.0 - 10 * (1.0 - first.plan.factor))
    read = [u.price for u in world.oracle.updates if u.asset == 0 and u.t_s > 12.0 * first.block]
    assert min(read) < price * (first.plan.factor + 0.02), "the average falls as far as planned, or further"
    assert world.recorder.liquidations
    assert ended("oracle.source=pool-twap").others[0].attacks == [], "50 million are too many"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ("oracle.source=reference",),
            "can move nothing: oracle.source = 'reference' reads prices of the outside",
        ),
        (("oracle.source=median",), "can move nothing: oracle.source = 'median' reads the median of several"),
        ((*THIN, "agents.attacker.inventory_usd={}"), "needs a stock to sell: agents.attacker.inventory_usd"),
        ((*THIN, "agents.attacker.parameters.deepest=2"), "deepest must be above 0 and below 1, got 2"),
        ((*THIN, "agents.attacker.flash_loans=true"), "flash_loans = true does nothing for a manipulator"),
        ((*THIN, "agents.attacker.strategy=threshold"), "'threshold' serves a liquidator, not a manipulator"),
        (
            (*THIN, "agents.attacker.parameters.liquidation={exit='x'}"),
            "liquidation.exit = 'x'; allowed: book",
        ),
    ],
)
def test_manipulation_of_what_cannot_be_moved_is_refused(overrides, words):
    with pytest.raises(ScenarioError, match=words) as error:
        LiquidationMarket("quickstart", 7, (*CALM, *overrides))
    assert "\n" not in str(error.value)
