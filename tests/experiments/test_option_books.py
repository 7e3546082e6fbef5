"""Options on books: fair values, makers with a model, settlement in cash, conserved to the unit."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.market.prices.reference import YEAR_S
from liquidarium.protocols.margin.models import Smile, black_scholes, close_to_close

SHORT = ("clock.duration_s=600", "borrowers.count=50", "venues.options.traders.count=300")
"""Ten minutes in which the price hardly moves."""

EXPIRING = ("assets.P2600D.option={right='put', strike_usd=2800, expiry_s=300, average_s=120}",)


def market(*changes: str, seed: int = 3) -> LiquidationMarket:
    model = LiquidationMarket("option-crash", seed=seed, overrides=[*SHORT, *changes], collect_every=0)
    model.run()
    return model


@pytest.fixture(scope="module")
def calm() -> LiquidationMarket:
    return market("volatility={kind='fixed', annual=1.5}")


@pytest.fixture(scope="module")
def expired() -> LiquidationMarket:
    return market(*EXPIRING)


def column(model: LiquidationMarket, symbol: str) -> int:
    return model.ledger.asset_index[symbol]


def test_books_of_options_trade_around_the_models_value(calm):
    put = column(calm, "P2400W")
    spot = calm.outside.path[:, column(calm, "ETH")]
    left = (157_200 - calm.outside.times_s) / YEAR_S
    fair = black_scholes.price(spot, 2_400.0, left, False, 1.5)
    assert calm.outside.path[:, put] == pytest.approx(fair)
    quotes = calm.recorder.tables(calm.outside.times_s, calm.ledger.name)["quotes"]
    mids = quotes[quotes.asset == "P2400W"].mid.to_numpy()
    assert np.median(np.abs(mids / fair[: len(mids)] - 1.0)) < 0.05
    assert calm.floor.lots_traded(put) > 0


def test_with_a_smile_each_option_has_a_volatility_of_its_own():
    changes = ["volatility={kind='fixed', annual=1.5}", "volatility.smile={rho=-0.4, eta=0.8, long_run=1.0}"]
    model = LiquidationMarket("option-crash", seed=3, overrides=[*SHORT, *changes], collect_every=0)
    smile = Smile(-0.4, 0.8, 1.0)
    spot, times = model.outside.path[:, column(model, "ETH")], model.outside.times_s
    for symbol, strike in (("P2000W", 2_000.0), ("P2400W", 2_400.0)):
        left = (157_200 - times) / YEAR_S
        sigma = smile.volatility(1.5, np.log(strike / spot), left)
        fair = black_scholes.price(spot, strike, left, False, sigma)
        assert model.outside.path[:, column(model, symbol)] == pytest.approx(fair)
    low, high = (model.outside.options.volatility[0, k] for k in (0, 1))
    assert low > high > model.outside.options.level[0, 0] * 0.9


def test_ordinary_makers_leave_options_to_those_with_a_model(calm):
    options = [column(calm, s) for s in ("P2000W", "P2400W", "P2600D", "C3000W")]
    for maker in calm.makers:
        held = calm.holdings(maker.account)[options]
        assert (held > 0).all() == (maker.role == "option-maker")


def test_at_expiry_everybody_is_paid_the_average_and_nobody_holds_the_option(expired):
    put, eth = column(expired, "P2600D"), column(expired, "ETH")
    assert not expired.ledger.balances[:, put].any()
    times = expired.outside.times_s
    window = (times >= 180) & (times <= 300)
    payoff = 2_800 - expired.outside.path[window, eth].mean()
    assert payoff > 0.0
    assert expired.floor.mid(put) == pytest.approx(payoff, abs=0.05)
    assert not expired.conservation.residual.any()
    assert expired.conservation.error_usd(expired.oracle_prices) == 0.0


def test_settlement_takes_nothing_from_anybody(expired):
    from liquidarium.experiments.world.welfare import welfare_table

    table = welfare_table(expired, expired.start_holdings)
    assert table.gain_usd.sum() == pytest.approx(0.0, abs=0.01)
    assert table.brought_in_usd.abs().max() < 0.01


def test_a_maker_without_a_band_is_hedged_in_the_perpetual():
    model = market("agents.option-makers.parameters.delta_band=0", "agents.option-makers.count=1")
    (maker,) = [m for m in model.makers if m.role == "option-maker"]
    board = model.option_board()
    units = np.array([float(asset.unit) for asset in model.assets])
    since = (model.holdings(maker.account) - model._start_holdings[maker.account]) / units
    greeks = board.terms.sensitivities(model.mids[0], board.volatility, model.time_s)
    options = since[board.assets]
    assert np.abs(options).sum() > 20.0
    hedge = since[column(model, "ETHPERP")]
    net, alone = options @ greeks.delta + hedge, np.abs(options) @ np.abs(greeks.delta)
    assert abs(net) < 0.1 * alone
    assert hedge != 0.0


def test_a_feed_publishes_what_the_price_has_done_and_how_old_that_is():
    feed = "volatility={kind='realised', start=2.0, half_life_s=300, publish_every_s=60, at_most=20}"
    model = LiquidationMarket("option-crash", seed=3, overrides=[*SHORT, "clock.duration_s=1200", feed])
    listing = model.outside.options
    assert listing.volatility[0, 0] == 2.0
    assert listing.age_s.max() == pytest.approx(57.0)
    spot, times = model.outside.path[:, 0], model.outside.times_s
    late = times > 300
    realised = close_to_close(spot[late], times[late])
    assert listing.volatility[-1, 0] == pytest.approx(realised, rel=0.4)
    assert (np.diff(listing.volatility[:, 0]) == 0.0).mean() > 0.9
    model.close()


def test_same_seed_gives_the_same_trades():
    first, again = (market("clock.duration_s=120") for _ in range(2))
    assert np.array_equal(first.ledger.balances, again.ledger.balances)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("assets.P2400W.option.strike_usd=-1", "strike_usd"),
        ("assets.P2400W.option.expiry_s=0", "expiry_s"),
        ("assets.P2400W.book.tick_usd=1_000", "tick_usd"),
        ("assets.ETH.option={right='put', strike_usd=1, expiry_s=1}", "underlying is missing"),
        ("volatility={kind='realised', start=0.05}", "start = 0.05; allowed: from at_least"),
        ("agents.option-makers.parameters.underlying=BTC", "underlying = 'BTC'; allowed: underlyings of"),
        ("agents.option-makers.parameters.hedge=P2400W", "hedge = 'P2400W'; allowed: ETH, ETHPERP"),
        ("agents.option-makers.parameters.size=0", "size must be finite and positive"),
    ],
)
def test_what_makes_no_option_is_refused_by_name(change, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket("option-crash", overrides=[*SHORT, change])


def test_a_volatility_that_nothing_needs_is_refused():
    with pytest.raises(ScenarioError, match="volatility does nothing here"):
        load_scenario("quickstart", ["volatility={kind='fixed', annual=1}"])
