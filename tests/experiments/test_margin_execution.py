"""How a venue closes positions, and who stands on the other side: icebergs, auctions, vaults, a crowd."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs import RunFolderError, RunResult
from liquidarium.experiments.runs.margin_check import check_margin
from liquidarium.experiments.runs.margin_metrics import (
    backstop_left_usd,
    backstop_profit_usd,
    crowd_traded_usd,
    deleveraging_regret_usd,
)
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError
from liquidarium.experiments.world.outcome import run_tables

CRASH = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=900",
    "venues.perps.traders.count=300",
    "borrowers.count=50",
)
"""Fifteen minutes in which the price falls by a fifth."""

POOR = ("venues.perps.insurance_fund_usd=1000", "venues.perps.mark={kind='model'}")
ICEBERG = "venues.perps.liquidation.execution={kind='iceberg', horizon_s=60, shown_usd=20000}"
AUCTION = "venues.perps.liquidation.execution={kind='auction', fast_s=20, slow_s=120, insolvent_s=60}"
BIDDERS = "agents.bidders={kind='position-bidder', count=3, capital_usd=5e6, inventory_usd={ETHPERP=5e6}}"
EXECUTION = "venues.perps.liquidation.execution={kind='auction', "
TRADING = "venues.perps.traders.trading={decisions_per_hour=6, newcomers=50}"
BACKSTOP = "venues.perps.backstop={capital_usd=2_000_000}"
SKEWED = "venues.perps.backstop={capital_usd=2_000_000, unload={kind='skewed'}}"
VOLUME = "venues.perps.backstop={capital_usd=2_000_000, unload={kind='volume', participation=0.5}}"


def market(*changes: str, seed: int = 3) -> LiquidationMarket:
    model = LiquidationMarket("perp-crash", seed=seed, overrides=[*CRASH, *changes], collect_every=0)
    model.run()
    return model


def crash(*changes: str, seed: int = 3) -> RunResult:
    return run("perp-crash", seed, overrides=[*CRASH, *changes])


@pytest.mark.parametrize(
    "changes",
    [
        (ICEBERG,),
        (*POOR, ICEBERG),
        (*POOR, ICEBERG, SKEWED, TRADING),
        (AUCTION, BIDDERS),
        (*POOR, AUCTION, BIDDERS, VOLUME, TRADING),
        (ICEBERG, "venues.perps.breaker={parameters={width=0.02, limit_s=4, pause_s=60}}"),
        (*POOR, "venues.perps.deleveraging=mirror-descent"),
        (TRADING, "venues.perps.funding.interval_s=60"),
        (VOLUME,),
        (SKEWED,),
    ],
    ids=lambda changes: "-".join(c.split("=")[0].split(".")[-1] for c in changes)[:60],
)
def test_no_unit_is_lost_and_every_decision_follows_from_its_inputs(changes):
    model = market(*changes)
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert not venue.residual().any()
    assert not any(map(len, venue.closing.resting))
    assert venue.accounts.balances[venue.fund] >= 0
    check_margin(RunResult(model.scenario, model.root_seed, run_tables(model), {}))
    model.close()


CROSS = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=600",
    "venues.perps.traders.count=400",
    "borrowers.count=50",
)
"""Ten minutes of two perpetuals in which the price falls by a fifth."""

ENDING = "assets.ETHFUT.future={expiry_s=300, carry_per_year=0.2, average_s=60, variation_s=100}"
CROSS_BIDDERS = BIDDERS.replace("{ETHPERP=5e6}", "{ETHPERP=5e6, BTCPERP=5e6}")


@pytest.mark.parametrize(
    "changes",
    [
        (*POOR, ICEBERG, TRADING, SKEWED),
        (*POOR, AUCTION, CROSS_BIDDERS, VOLUME, "venues.perps.deleveraging=mirror-descent"),
        (ICEBERG, TRADING, "venues.perps.margin=isolated"),
        (*POOR, ICEBERG, TRADING, SKEWED, ENDING),
        (*POOR, AUCTION, CROSS_BIDDERS, TRADING, SKEWED, ENDING),
    ],
    ids=("iceberg", "auction", "isolated", "iceberg-at-expiry", "auction-at-expiry"),
)
def test_no_unit_is_lost_in_several_contracts(changes):
    model = LiquidationMarket("cross-crash", seed=3, overrides=[*CROSS, *changes], collect_every=0)
    model.run()
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert not venue.residual().any()
    check_margin(RunResult(model.scenario, model.root_seed, run_tables(model), {}))
    model.close()


def test_an_iceberg_costs_less_than_market_orders_and_takes_longer():
    at_once, resting = crash(), crash(ICEBERG)
    cost = [
        (r.margin_liquidations["slippage_usd"].sum() / r.margin_liquidations["closed_usd"].sum())
        for r in (at_once, resting)
    ]
    assert cost[1] < cost[0]
    times = [
        (r.margin_liquidations["t_done_s"] - r.margin_liquidations["t_s"]).median()
        for r in (at_once, resting)
    ]
    assert times[1] > times[0]


@pytest.fixture(scope="module")
def auctioned() -> RunResult:
    return crash(AUCTION, BIDDERS)


def test_auctions_sell_between_the_mark_and_the_bankruptcy_price(auctioned):
    sales = auctioned.position_auctions
    assert len(sales) > 20
    long = sales[sales["lots"] > 0].merge(auctioned.marks[["block", "mark"]], on="block")
    assert (long["price"] <= long["mark"] + 0.1).all()
    solvent = sales[sales["equity_units"] >= 0]
    part = solvent["equity_units"] / 1e6 * solvent["lots"] / solvent["position_lots"]
    assert (solvent["concession_usd"] <= part + 1e-6).all()
    assert (sales["concession_usd"] >= 0).all()


def test_the_price_falls_while_nobody_bids(auctioned):
    sales = auctioned.position_auctions
    first = sales[sales["equity_units"] > 0].drop_duplicates("id")
    share = (
        1.0 - first["concession_usd"] / first["lots"] * first["position_lots"] / first["equity_units"] * 1e6
    )
    assert share.corr(first["elapsed_s"]) < -0.8
    assert share.between(-1e-9, 0.95).all()


def test_a_tampered_price_of_an_auction_is_found(auctioned):
    tables = dict(auctioned.tables)
    sales = auctioned.position_auctions
    tables["position_auctions"] = sales.assign(paid_units=sales["paid_units"] + (sales.index == 3))
    with pytest.raises(RunFolderError, match="by the rule, the table says"):
        check_margin(RunResult(auctioned.scenario, auctioned.seed, tables, auctioned.summary))


def test_bidders_gain_what_accounts_concede_and_are_bound_by_their_money():
    rich, poor = (
        crash(AUCTION, BIDDERS.replace("capital_usd=5e6", f"capital_usd={usd}")) for usd in ("5e6", "5e4")
    )
    taken = [(r.position_auctions["lots"].abs() * r.position_auctions["price"]).sum() for r in (rich, poor)]
    assert taken[1] < 0.5 * taken[0]


def test_nobody_is_sold_where_nobody_bids():
    alone = crash(AUCTION)
    assert "position_auctions" not in alone.tables
    assert set(alone.margin_liquidations["outcome"]) <= {"deleveraged", "open", "recovered"}


def test_a_vault_that_unloads_ends_with_nothing_and_bears_less_risk():
    kept, sold = crash(BACKSTOP), crash(VOLUME)
    assert backstop_left_usd(kept) > 1e5 > backstop_left_usd(sold)
    assert kept.backstop["sold_lots"].eq(0).all()
    spread = [r.backstop["profit_usd"].diff().abs().max() for r in (kept, sold)]
    assert spread[1] < spread[0]


def test_what_a_vault_holds_is_what_it_took_less_what_it_sold():
    for change in (VOLUME, SKEWED):
        rows = crash(change).backstop
        assert (rows["taken_lots"] + rows["sold_lots"]).cumsum().tolist() == rows["lots"].tolist()


def test_a_vault_that_wants_a_gain_waits_for_it():
    patient, hasty = crash(VOLUME.replace("0.5", "0.5, least_gain=0.05")), crash(VOLUME)
    assert len(patient.backstop) > 3 * len(hasty.backstop)
    assert backstop_profit_usd(patient) > backstop_profit_usd(hasty)


def test_a_trading_crowd_changes_sides_and_newcomers_take_part():
    still, trading = crash(), crash(TRADING)
    trades = trading.crowd_trades
    assert "crowd_trades" not in still.tables
    assert crowd_traded_usd(trading) > 1e6 > crowd_traded_usd(still) == 0.0
    assert (trades["account"] >= 300).any()
    opened = trades["lots_after"] == trades["lots"]
    assert opened.any()
    assert not opened.all()
    assert (
        trades["lots_after"].abs()[~opened] <= (trades["lots_after"] - trades["lots"]).abs()[~opened]
    ).all()


def test_momentum_sells_in_a_fall_and_its_opposite_buys():
    net = {
        momentum: crash(
            f"venues.perps.traders.trading={{decisions_per_hour=6, newcomers=200, momentum={momentum}}}"
        )
        .crowd_trades["lots"]
        .sum()
        for momentum in (100, -100)
    }
    assert net[100] < 0 < net[-100]


def test_a_dear_funding_rate_drives_longs_out():
    calm = ("clock.start=2021-05-19T12:20:00Z", "clock.duration_s=900")
    given = "decisions_per_hour=6, newcomers=100, momentum=0"
    shares = [
        crash(*calm, f"venues.perps.traders.trading={{{given}, funding={funding}}}", interest)
        .crowd_trades["long_share"]
        .mean()
        for funding, interest in ((2_000, "venues.perps.funding.interest=0.001"), (0, "seed=3"))
    ]
    assert shares[0] < 0.5 == shares[1]


def test_crowd_and_auctions_are_repeatable():
    changes = (*POOR, AUCTION, BIDDERS, VOLUME, TRADING)
    assert crash(*changes).content_hash == crash(*changes).content_hash


def test_mirror_descent_spreads_over_rounds_what_a_queue_concentrates():
    queue, mirror = (
        crash(*POOR, f"venues.perps.deleveraging={rule}") for rule in ("queue", "mirror-descent")
    )
    assert deleveraging_regret_usd(mirror) < 0.1 * deleveraging_regret_usd(queue)
    rounds = mirror.deleveraging_rounds
    assert (rounds["lots_taken"] <= rounds["lots_needed"]).all()
    given = mirror.deleveragings.groupby("id")["lots"].sum()
    assert given.sum() == rounds["lots_taken"].sum()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (f"{EXECUTION}start=2}}", "start must be above 0 and at most 1"),
        (f"{EXECUTION}middle=0.99}}", "middle must be from 0 to start, 0.95"),
        (f"{EXECUTION}fast_s=0}}", "fast_s must be from 1 to"),
        (f"{EXECUTION}value='index'}}", "value must be mark or model"),
        (f"{EXECUTION}begin=1}}", "begin"),
        ("venues.perps.backstop={capital_usd=1e6, unload={kind='slow'}}", "'slow'; allowed: volume, skewed"),
        (VOLUME.replace("0.5", "2"), "participation must be above 0"),
        ("venues.perps.traders.trading={reduce_share=0}", "reduce_share must be above 0"),
        ("venues.perps.traders.trading={moment=1}", "did you mean 'momentum'"),
        (BIDDERS, "has nothing to bid for"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_by_name(change, says):
    with pytest.raises(ScenarioError) as error:
        LiquidationMarket("perp-crash", overrides=[change])
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [ICEBERG, AUCTION, TRADING, SKEWED])
def test_an_inverse_contract_is_closed_by_orders_that_trade_at_once(change):
    with pytest.raises(ScenarioError, match="does not go with an inverse contract"):
        LiquidationMarket("perp-crash", overrides=["assets.ETHPERP.inverse=true", change])


def test_a_crowd_of_options_does_not_trade_anew():
    with pytest.raises(
        ScenarioError, match=r"venues\.options\.traders\.trading is for venues without options"
    ):
        LiquidationMarket("option-crash", overrides=["venues.options.traders.trading={}"])
