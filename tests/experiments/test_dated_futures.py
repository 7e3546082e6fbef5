"""Dated futures on a venue: a basis that is gone at expiry, variation, final settlement for everybody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs import RunResult
from liquidarium.experiments.runs.margin_check import check_margin
from liquidarium.experiments.runs.margin_metrics import false_liquidations
from liquidarium.experiments.scenarios import ScenarioError
from liquidarium.experiments.scenarios.venues import AssetConfig, BookConfig, FutureConfig
from liquidarium.experiments.world.contract_paths import contract_path
from liquidarium.experiments.world.outcome import run_tables

YEAR_S = 365 * 86_400.0

SHORT = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=700",
    "venues.perps.traders.count=400",
    "borrowers.count=50",
    "assets.ETHFUT.future={expiry_s=500, average_s=100, variation_s=150, carry_per_year=2.0}",
    "agents.calendar-desks.parameters={contract='ETHFUT', underlying='ETHPERP'}",
)
"""Twelve minutes of the crash, in which the future ends after eight."""


def future_path(underlying, block_time_s=2.0, **terms):
    asset = AssetConfig(
        symbol="F", decimals=9, underlying="S", book=BookConfig(tick_usd=0.1, lot=0.001),
        future=FutureConfig(**terms),
    )  # fmt: skip
    return contract_path(asset, np.asarray(underlying, float), block_time_s)


@given(
    st.lists(st.floats(1.0, 1e5), min_size=12, max_size=60), st.integers(1, 30), st.integers(0, 30),
    st.floats(-2, 2),
)  # fmt: skip
def test_a_future_ends_at_the_mean_of_its_underlying_and_stays_there(prices, end, window, carry):
    path = future_path(prices, expiry_s=2.0 * end, average_s=2.0 * min(window, end), carry_per_year=carry)
    looks = max(min(window, end), 1)
    if end < len(prices):
        final = np.mean(prices[end - looks + 1 : end + 1])
        assert path[end:] == pytest.approx(final, rel=1e-12)
    before = min(max(end - looks, 0), len(prices) - 1)
    tau = (end - np.arange(before + 1)) * 2.0 / YEAR_S
    assert path[: before + 1] == pytest.approx(
        np.array(prices[: before + 1]) * np.exp(carry * tau), rel=1e-12
    )


def test_what_is_known_of_the_average_no_longer_moves():
    calm, shock = np.full(11, 100.0), np.full(11, 100.0)
    shock[8:] = 50.0
    calm, shock = (future_path(prices, 1.0, expiry_s=10, average_s=10) for prices in (calm, shock))
    assert shock[7] == calm[7] == 100.0
    assert shock[8] == pytest.approx(100 - 50 * 0.3)  # three of ten prices are still to come or new
    assert shock[10] == pytest.approx(85.0)


@pytest.fixture(scope="module", params=["cross", "isolated"])
def expired(request):
    changes = [*SHORT, f"venues.perps.margin={request.param}"]
    model = LiquidationMarket("cross-crash", seed=3, overrides=changes, collect_every=0)
    model.run()
    yield model, RunResult(model.scenario, model.root_seed, run_tables(model), {})
    model.close()


def test_everybody_is_paid_and_no_unit_is_lost(expired):
    model, result = expired
    asset = model.ledger.asset_index["ETHFUT"]
    assert not model.ledger.balances[:, asset].any()
    assert not model.conservation.residual.any()
    (venue,) = model.venues
    column = [listing.contract.symbol for listing in venue.listings].index("ETHFUT")
    assert not venue.accounts.lots[:, column].any()
    assert [listing.contract.symbol for listing in venue.listings if listing.expired] == ["ETHFUT"]
    assert check_margin(result) == len(venue.records.cases) > 20
    assert venue.accounts.balances[venue.fund] >= 0
    assert 0 <= false_liquidations(result) <= len(venue.records.cases)


def test_the_final_price_is_the_mean_of_the_underlying(expired):
    model, result = expired
    underlying = model.outside.path[:, model.ledger.asset_index["ETH"]]
    final = result.settlements.iloc[-1]
    assert final["kind"] == "final"
    assert final["t_s"] == 500.0
    assert final["price"] == pytest.approx(underlying[201:251].mean(), abs=0.051)
    assert result.settlements["kind"].tolist() == ["variation"] * 3 + ["final"]
    assert (result.settlements[["paid_usd", "received_usd"]] > 0).all(axis=None)


def test_a_book_stops_at_expiry_and_nobody_is_marked_after_it(expired):
    _, result = expired
    marks = result.marks[result.marks["instrument"] == "ETHFUT"]
    trades = result.trades[result.trades["asset"] == "ETHFUT"]
    assert marks["t_s"].max() == 498.0
    assert 0 < trades["block"].max() <= 250
    assert (result.funding["instrument"] != "ETHFUT").all()
    assert not marks[["funding_rate", "funding_left"]].any(axis=None)
    gains = result.welfare.set_index("group")["gain_usd"]
    assert gains.sum() == pytest.approx(0.0, abs=0.01)
    assert abs(gains["arbitrageurs"]) < 1e6  # what they held of the future is theirs in cash


def test_variation_changes_balances_and_nobodys_equity():
    model = LiquidationMarket("cross-crash", seed=3, overrides=SHORT, collect_every=0)
    for _ in range(75):
        model.step()
    (venue,) = model.venues
    column = [listing.contract.symbol for listing in venue.listings].index("ETHFUT")
    before = venue.accounts.states()[:, 0], venue.accounts.balances.copy()
    paid = venue.accounts.settle_variation(column, venue.listings[column].ticks)
    assert paid.any()
    assert (venue.accounts.states()[:, 0] == before[0]).all()
    assert (venue.accounts.balances - before[1] == paid).all()
    assert not venue.residual().any()
    model.close()


@pytest.mark.parametrize(
    "changes",
    [
        ("venues.perps.liquidation.execution={kind='iceberg', horizon_s=600, shown_usd=5000}",),
        (
            "venues.perps.liquidation.execution={kind='auction', fast_s=20, slow_s=600, insolvent_s=60}",
            "agents.bidders={kind='position-bidder', count=1, capital_usd=1e5}",
        ),
        (
            "venues.perps.backstop={capital_usd=2_000_000, unload={kind='skewed'}}",
            "venues.perps.traders.trading={decisions_per_hour=6, newcomers=50}",
        ),
        ("venues.perps.margin=portfolio",),
    ],
    ids=("iceberg", "auction", "vault", "portfolio"),
)
def test_what_is_still_for_sale_at_expiry_is_settled_too(changes):
    late = (*SHORT, "venues.perps.insurance_fund_usd=1000", "venues.perps.mark={kind='model'}", *changes)
    model = LiquidationMarket("cross-crash", seed=3, overrides=late, collect_every=0)
    model.run()
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert not venue.residual().any()
    assert not model.ledger.balances[:, model.ledger.asset_index["ETHFUT"]].any()
    check_margin(RunResult(model.scenario, model.root_seed, run_tables(model), {}))
    model.close()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("assets.ETH.future={expiry_s=60, average_s=0}", "assets.ETH.future needs an underlying"),
        ("assets.ETHFUT.future={expiry_s=60}", "average_s = 1800 begins before the run; allowed: up to"),
        ("assets.ETHFUT.future={expiry_s=0}", "assets.ETHFUT.future.expiry_s = 0"),
        ("agents.calendar-desks.parameters.expiry_s=0", "carry_per_year does nothing without expiry_s"),
    ],
)  # fmt: skip
def test_a_future_that_cannot_be_is_refused_by_name(change, says):
    with pytest.raises(ScenarioError) as error:
        LiquidationMarket("cross-crash", overrides=[change])
    assert says in str(error.value)
    assert "\n" not in str(error.value)
