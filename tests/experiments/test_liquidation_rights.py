"""The right to liquidate with a price before it is public (MODEL 1.11): who gets it, and who pays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from liquidarium.agents.base import Opportunity
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.agents.strategies.mixed_bidder import MixedBidder
from liquidarium.agents.strategies.threshold_liquidator import ThresholdLiquidator
from liquidarium.experiments.games.contest_kinds import SealedFight
from liquidarium.experiments.games.contest_payoffs import Batch
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import Scenario
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.world.cost_table import PARTS, cost_table
from liquidarium.experiments.world.outcome import run_tables
from liquidarium.market.contests.contest import SealedBid
from liquidarium.market.oracle import Oracle

CRASH = ("clock.start=2021-05-19T12:50:00Z", "clock.duration_s=1200")
CALLED = ("aave-v2", "aave-v3", "aave-v3.6", "compound-v2", "venus", "morpho-blue", "euler-v2", "laboratory")
KICKED = ("maker", "maker-flip", "comet", "liquity", "liquity-v2")


def finished(*overrides, seed=3, **auction):
    given = [f"oracle.auction.{key}={value}" for key, value in (auction or {"recapture": 0.65}).items()]
    model = LiquidationMarket("quickstart", seed, (*CRASH, *given, *overrides), collect_every=0)
    model.run()
    return model


@pytest.fixture(scope="module", params=CALLED)
def sold(request):
    return finished(f"protocol.kind={request.param}", f"chain.inclusion={INCLUSION[request.param]}")


INCLUSION = dict(
    zip(
        CALLED,
        (
            "priority-fee", "first-come", "random", "sealed-bundle", "priority-gas-auction", "time-boost",
            "priority-fee", "priority-fee",
        ),
        strict=True,
    )
)  # fmt: skip
"""Rights stand before any rule, so each rule is tried with one protocol."""


def test_no_money_is_lost_and_every_cost_has_a_receiver(sold):
    costs, table = cost_table(sold), sold.rights.table()
    assert (table.outcome == "used").sum() > 5
    assert not (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).any()
    assert sold.conservation.error_usd(sold.oracle_prices) == 0.0


def test_what_winners_pay_is_what_protocol_and_builders_have_received(sold):
    table, unit = sold.rights.table(), sold.assets[sold.quote].unit
    used = table[table.outcome == "used"]
    treasury = next(
        first for first, _, name in sold.ledger.runs() if name.startswith("protocol/") and "treasury" in name
    )
    assert sold.ledger.balance(treasury, sold.quote) == round(used.protocol_usd.sum() * unit)
    whole = (used.price_usd * unit).astype(np.int64)
    assert ((used.protocol_usd + used.rest_usd) * unit).round().tolist() == whole.tolist()
    assert (used.protocol_usd * unit).round().tolist() == (whole * 0.65).astype(np.int64).tolist()
    assert not table[table.outcome != "used"][["protocol_usd", "rest_usd"]].to_numpy().any()


def test_a_used_right_is_a_liquidation_by_its_winner_with_a_price_public_from_then_on(sold):
    tables = run_tables(sold)
    used, done = tables["rights"].query("outcome == 'used'"), tables["liquidations"]
    keys = set(zip(done.account, done.t_done_s, done.liquidator.astype(str), strict=True))
    assert set(zip(used.account, used.t_done_s, used.winner.astype(str), strict=True)) <= keys
    assert set(used.t_done_s) <= set(tables["oracle_updates"].t_s)
    assert (used.t_done_s >= used.t_s).all()


def test_profits_of_liquidators_count_what_they_pay_for_rights():
    model = finished("agents.searcher.count=0", "borrowers.reaction_scale=0")
    tables = run_tables(model)
    costs, unit = tables["costs"], model.assets[model.quote].unit
    profit = tables["liquidations"].profit_usd.sum() - model.recorder.other_gas_usd
    assert costs.liquidators_net.sum() / unit == pytest.approx(profit, abs=5e-6 * len(costs))


# against closed forms: one contest, whose bidders differ in what a call costs them


@pytest.fixture(scope="module")
def contest():
    """Four bots with money without end who hold what they seize, some blocks into a run."""
    model = LiquidationMarket(
        "quickstart",
        1,
        (
            "oracle.auction={price='second', recapture=1.0}",
            "agents.fast-bots.count=4",
            "agents.fast-bots.capital_usd=1e8",
            "agents.flash-bots.count=0",
            "agents.searcher.count=0",
        ),
    )
    for _ in range(3):
        model.step()
    return model


def offered(model, costs, price, strategy=ThresholdLiquidator, **parameters):
    """Sell one right to a call that brings 5,000 USD before what it costs each bidder; return its row."""
    view = model.market_view()
    margin = 0.05 * view.oracle[0] / view.mids[0]
    bonus = (1.0 + 0.05) * view.oracle[0] / view.mids[0] - 1.0
    assert bonus > 0.0 < margin
    gas_usd = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
    for bot, cost in zip(model.bots, costs, strict=True):
        bot.strategy = strategy(
            exit="hold", hold_risk=0.0, min_profit_usd=cost - gas_usd, loss_budget_usd=math.inf, **parameters
        )
        bot.taking = bot.strategy.taker()
    sale = model.rights
    sale.config = sale.config.model_copy(update={"price": price})
    sale.sell([Opportunity(0, 0.99, 0, model.quote, 100_000.0, bonus)])
    sale._finish("lapsed")
    return sale.rows[-1]


@pytest.mark.parametrize("price", ["first", "second"])
def test_the_right_goes_to_whom_the_contest_of_sealed_bids_gives_it(price, contest):
    """The same bids in `market.contests`, whose equilibria are tested against MODEL 3.4."""
    rng = np.random.default_rng(8)
    for costs in rng.uniform(0.0, 2000.0, (50, 4)):
        row = offered(contest, costs, price)
        bids = (5000.0 - costs) * (1.0 if price == "second" else 0.95)
        out = SealedBid(price).play(bids[None, :], 5000.0 - costs[None, :], rng.random((1, 4)))
        assert row["winner"] == contest.bots[out.winners[0]].name
        assert row["price_usd"] == pytest.approx(out.prices[0], abs=1e-6)
        assert row["bidders"] == 4


def test_a_bonus_that_is_auctioned_back_costs_the_second_lowest_cost(contest):
    """MODEL 3.9, CASES A15: costs up to 2,000, four bidders; 800 instead of 5,000, of which 400 stay."""
    costs = np.random.default_rng(15).uniform(0.0, 2000.0, (3000, 4))
    prices = np.array([offered(contest, row, "second")["price_usd"] for row in costs])
    net = 5000.0 - prices
    half = 4.0 * net.std() / len(net) ** 0.5
    fixed = forms.fixed_bonus(5000.0, 4, 2000.0)
    assert half < 40.0
    assert net.mean() == pytest.approx(forms.auctioned_bonus_loss(4, 2000.0), abs=half)
    assert prices.mean() == pytest.approx(fixed.builder_bid, abs=half)
    margin = net - costs.min(axis=1)
    assert margin.mean() == pytest.approx(fixed.searcher_margin, abs=4.0 * margin.std() / len(net) ** 0.5)


@pytest.mark.parametrize("recapture", [0.0, 0.3, 0.65, 1.0])
def test_among_equals_the_protocol_gets_what_it_gets_in_the_static_form(recapture, contest):
    """Game `oev-frontier`: a share of the bonus is auctioned; here all of it, and the price is shared out."""
    game = SealedFight(4000.0, SealedBid("second"), private=False, shortfall=0.0, recapture=recapture)
    bids, ties = np.full((1, 4), recapture * 4000.0), np.arange(4.0)[None, :] / 4
    settled = game.settle(Batch(bids, np.full((1, 4), 4000.0), ties, np.zeros((1, 1))))
    sale = contest.rights
    kept, sale.config = sale.config, sale.config.model_copy(update={"recapture": recapture})
    rights = []
    finish, sale._finish = sale._finish, lambda outcome: rights.extend(sale._rights) or finish(outcome)
    offered(contest, [1000.0] * 4, "second")
    sale.config, sale._finish = kept, finish
    unit = contest.assets[contest.quote].unit
    assert rights[0].protocol_units / unit == pytest.approx(settled.groups["protocol"][0], abs=1e-4)
    assert rights[0].price_units / unit == pytest.approx(4000.0, abs=1e-4)


def test_bidders_by_the_closed_form_leave_a_share_of_one_in_n(contest):
    """MODEL 3.4, G08: where the own bid is paid, (n-1)/n of the value."""
    row = offered(contest, [1000.0] * 4, "first", MixedBidder, contest="first-price", rivals=3)
    assert row["bid_usd"] == pytest.approx(4000.0 * 3 / 4)


def test_a_lone_bidder_pays_the_reserve_where_the_second_bid_is_paid(contest):
    sale = contest.rights
    kept, sale.config = sale.config, sale.config.model_copy(update={"reserve_usd": 700.0})
    row = offered(contest, [1000.0, 4400.0, 4400.0, 4400.0], "second")
    sale.config = kept
    assert (row["bidders"], row["price_usd"]) == (1, 700.0)


# delay


def test_where_nobody_bids_the_price_is_public_after_the_fallback_delay():
    model = finished(reserve_usd=1e9, fallback_delay_s=60, price="'second'")
    table = model.rights.table()
    assert len(table) > 5
    assert set(table.outcome) == {"unsold"}
    open_ = Oracle(model.scenario.symbols, model.outside.path[0], deviation=0.005, heartbeat_s=3600)
    for block in range(model.n_blocks):
        open_.update(12.0 * block, model.outside.path[block])
    due: dict[tuple[int, float], list[float]] = {}
    for update in open_.updates:
        due.setdefault((update.asset, update.price), []).append(update.t_s)
    waits = [u.t_s - max(t for t in due[u.asset, u.price] if t <= u.t_s) for u in model.oracle.updates]
    assert max(waits) == 60.0
    assert 0.0 in waits  # what makes nobody liquidatable does not wait


def test_waiting_for_bids_costs_lenders_when_the_price_falls_meanwhile():
    """MODEL 1.11, the cost of delay: the price falls by 1 % every 30 s, and nobody bids for rights."""
    plunge = {
        "clock": {"duration_s": 1800.0},
        "prices": {"kind": "gbm", "drift_per_year": -10_500.0, "volatility_per_year": 0.0},
        "assets": [
            {"symbol": "ETH", "decimals": 9, "price_usd": 3000.0, "book": {"tick_usd": 0.1, "lot": 0.001}},
            {"symbol": "USDC", "decimals": 6, "stable": True},
        ],
        "borrowers": {"law": "may-2021", "count": 200, "total_debt_usd": 1e6},
        "agents": [
            {"kind": "liquidator", "name": "bots", "count": 3, "capital_usd": 1e7},
            {"kind": "maker", "name": "makers", "count": 2, "capital_usd": 1e7},
        ],
    }
    bad = []
    for delay in (1.0, 36.0, 72.0, 150.0):
        auction = {"fallback_delay_s": delay, "reserve_usd": 1e9}
        scenario = Scenario(name="plunge", oracle={"auction": auction}, **plunge)
        model = LiquidationMarket(scenario, 1, collect_every=0)
        model.run()
        model.oracle.release(model.time_s)  # at the price of the moment, not the one that waits
        model.rights._believe(model.oracle.answer.tolist())
        bad.append(model.bad_debt_usd())
    assert bad == sorted(bad)
    assert bad[-1] > 2.0 * bad[0] > 0.0


def test_who_is_too_slow_for_the_window_does_not_bid():
    slow = finished("agents.fast-bots.latency_jitter_ms=0", window_s=0.06)  # the searcher needs 50 ms
    names = set(slow.rights.table().winner.astype(str)) - {""}
    assert names == {"searcher"}


def test_a_run_in_which_nobody_becomes_liquidatable_is_as_without_the_auction():
    calm = ("clock.start=2021-05-19T16:00:00Z", "clock.duration_s=600", "borrowers.total_debt_usd=1e5")
    plain = run("quickstart", seed=2, overrides=calm)
    sold = run("quickstart", seed=2, overrides=(*calm, "oracle.auction.recapture=0.5"))
    assert len(plain.oracle_updates) > 3
    assert not len(sold.rights)
    for name, table in plain.tables.items():
        if name != "welfare":  # the treasury is an account more
            assert table.equals(sold.tables[name]), name


def test_the_same_seed_gives_the_same_bytes():
    assert run("quickstart", seed=4, overrides=(*CRASH, "oracle.auction.recapture=1")).content_hash == (
        run("quickstart", seed=4, overrides=(*CRASH, "oracle.auction.recapture=1")).content_hash
    )


def test_the_rest_may_go_to_the_operator_of_the_oracle():
    model = finished(recapture=0.25, rest_to="'oracle'")
    operator = next(first for first, _, name in model.ledger.runs() if name == "oracle-operator")
    used = model.rights.table().query("outcome == 'used'")
    unit = model.assets[model.quote].unit
    assert model.ledger.balance(operator, model.quote) == round(used.rest_usd.sum() * unit) > 0


@pytest.mark.parametrize("kind", KICKED)
def test_rights_to_calls_are_refused_where_accounts_are_taken_over(kind):
    with pytest.raises(ScenarioError, match=r"oracle\.auction sells the right to a liquidation call"):
        LiquidationMarket("quickstart", 1, ("oracle.auction.recapture=0.5", f"protocol.kind={kind}"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("window_s=24", "window_s = 24 leaves winners no time before the price is public"),
        ("recapture=1.1", "recapture"),
        ("price='third'", "price"),
        ("fallback_delay_s=0", "fallback_delay_s"),
        ("reserve_usd=-1", "reserve_usd"),
    ],
)
def test_an_auction_that_cannot_be_is_refused(given, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket("quickstart", 1, (f"oracle.auction.{given}",))


def test_a_full_block_takes_the_first_rights_and_the_others_lapse():
    model = finished("chain.block_gas_limit=650_000", seed=7)
    table = model.rights.table()
    gas = np.array([row[5] for row in model.recorder.blocks])
    assert gas.max() <= 650_000
    assert (table.outcome == "lapsed").any()
    assert not table[table.outcome == "used"].groupby("t_done_s").size().gt(1).any()
