"""Portfolio margin, correlations, risk-based rates, pre-trade checks and auctions by model value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from liquidarium.market.prices.correlation import CorrelationError, check_correlation
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.margin.accounts import MarginAccounts
from liquidarium.protocols.margin.contracts import ContractError, LinearContract, OptionContract, Right
from liquidarium.protocols.margin.correlation import (
    correlated_margin,
    repair_correlation,
    stressed_correlation,
    under_margin,
)
from liquidarium.protocols.margin.haircuts import DynamicMargin, collateral_haircut
from liquidarium.protocols.margin.model_auction import InsolventAuction, ModelPriceAuction
from liquidarium.protocols.margin.models import ExpiredOptionError, InstrumentError, black_scholes
from liquidarium.protocols.margin.portfolio import (
    delta_floor,
    requirements,
    scan_accounts,
    scan_positions,
    short_option_floor,
)
from liquidarium.protocols.margin.pretrade import refusal
from liquidarium.protocols.margin.scenario_grid import (
    DERIBIT,
    DERIVE,
    PARADEX,
    Scenario,
    ScenarioGrid,
)
from liquidarium.protocols.margin.tiers import NANO, MarginTiers

UNIT = 10**6


def call(spot, volatility):
    return black_scholes.price(spot, 60_000.0, 30 / 365, True, volatility)


def test_o08_portfolio_margin_of_a_short_call_at_the_money():
    moves = DERIBIT.lot_moves(call, [60_000.0], [0.6], [30.0], [UNIT])
    scan = scan_accounts(DERIBIT, moves, [[-1]])
    assert float(call(60_000.0, 0.6)) == pytest.approx(4112.364431, rel=1e-9)
    assert scan.loss[0] / UNIT == pytest.approx(8402.168908, abs=1e-6)
    worst = DERIBIT.scenarios[scan.scenario[0]]
    assert worst == pytest.approx((0.16, 0.5, 1.0))
    margin = requirements(DERIBIT, scan)
    assert margin.initial[0] / UNIT == pytest.approx(8402.168908, abs=1e-6)
    assert margin.maintenance[0] / UNIT == pytest.approx(6721.735127, abs=2e-6)


def test_o09_volatility_shocks_scale_with_the_time_to_expiry():
    assert DERIBIT.volatility_shock(0.5, [7, 90]) == pytest.approx([0.7737077886, 0.4334552238], rel=1e-9)
    assert DERIBIT.volatilities([0.4], [30.0])[0, 2] == pytest.approx(0.6)
    assert DERIBIT.volatilities([0.2], [30.0])[0, 2] == 0.5  # the least after a shock upwards


def test_the_published_grids_have_their_numbers_of_scenarios():
    assert [len(grid.scenarios) for grid in (DERIBIT, DERIVE, PARADEX)] == [27, 23, 24]
    assert min(DERIVE.scenarios) == (-0.20, 0.6, 1.0)


def random_options(n, rng):
    """Strikes, days, rights and volatilities of options, some of which are certain to end as they are."""
    strike = 60_000.0 * np.exp(rng.normal(0.0, 0.5, n))
    volatility = np.where(rng.random(n) < 0.1, 0.0, rng.uniform(0.01, 3.0, n))
    return strike, rng.choice([0.02, 1.0, 7.0, 30.0, 180.0, 900.0], n), rng.random(n) < 0.5, volatility


@pytest.mark.parametrize("grid", [DERIBIT, DERIVE, PARADEX], ids=["Deribit", "Derive", "Paradex"])
def test_a_book_revalued_at_once_is_each_option_priced_in_each_scenario(grid):
    strike, days, is_call, volatility = random_options(400, np.random.default_rng(3))

    def price(spots, volatilities):
        columns = strike[:, None], days[:, None] / 365, is_call[:, None]
        return black_scholes.price(spots, *columns, volatilities)

    spot, unit = np.full(400, 60_000.0), np.full(400, 1e3)
    found = grid.option_moves(60_000.0, strike, days, is_call, volatility, 1e3)
    assert (found.moves == grid.lot_moves(price, spot, volatility, days, unit)).all()
    now = price(spot[:, None], volatility[:, None])[:, 0]
    assert found.mark == pytest.approx(now, abs=60_000.0 * 1e-14)
    assert not grid.option_moves(60_000.0, 1e-3, 30.0, False, 0.5, 1e3).moves.any()


def test_an_option_is_revalued_alike_alone_and_in_any_company():
    options = random_options(33, np.random.default_rng(4))
    together = PARADEX.option_moves(60_000.0, *options, 1e6)
    for i, alone in enumerate(zip(*options, strict=True)):
        one = PARADEX.option_moves(60_000.0, *alone, 1e6)
        assert one.mark[0] == together.mark[i]
        assert one.moves.tolist() == [together.moves[i].tolist()]


def test_what_is_no_option_is_not_revalued():
    with pytest.raises(InstrumentError, match=r"volatility of option 1 must be at least 0; got -0\.1"):
        DERIBIT.option_moves(100.0, 100.0, 30.0, True, [0.1, -0.1], 1.0)
    with pytest.raises(InstrumentError, match="strike of option 0 must be finite and above 0; got nan"):
        DERIBIT.option_moves(100.0, np.nan, 30.0, True, 0.5, 1.0)
    with pytest.raises(ExpiredOptionError, match="years of option 2 must be above 0"):
        DERIBIT.option_moves(100.0, 100.0, [1.0, 2.0, 0.0], True, 0.5, 1.0)
    huge = DERIBIT.option_moves(1e18, 1e18, 30.0, True, 0.5, 1e6).moves
    with pytest.raises(OverflowError, match="portfolio of account 0"):
        scan_accounts(DERIBIT, huge, [[1]])


def test_margin_by_greeks_is_exact_for_small_moves_and_misses_large_ones():
    known = black_scholes.greeks(60_000.0, 60_000.0, 30 / 365, True, 0.6)
    greeks = [[float(known.delta)], [float(known.gamma)], [float(known.vega)]]

    def both(size):
        grid = ScenarioGrid((Scenario(size, size), Scenario(-size, -size)))
        full = grid.lot_moves(call, [60_000.0], [0.6], [30.0], [UNIT])
        return full, grid.lot_moves_by_greeks(*greeks, [60_000.0], [0.6], [30.0], [UNIT])

    full, taylor = both(0.001)
    assert taylor == pytest.approx(full, rel=2e-4)
    full, taylor = both(0.3)
    assert np.abs(taylor / full - 1).max() > 0.1


whole = st.integers(-(10**6), 10**6)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.int64, (5, 4), elements=whole),
    hnp.arrays(np.int64, (4, 27), elements=whole),
    hnp.arrays(np.int64, 4, elements=whole),
)
def test_the_scan_is_the_worst_weighted_loss_exactly(lots, moves, more):
    grid = ScenarioGrid(tuple(Scenario(0.1, 0.0, (i + 1) / 27) for i in range(27)))
    scan = scan_accounts(grid, moves, lots)
    weights = grid.weights().tolist()
    for account in range(5):
        gains = (lots[account].astype(object) @ moves.astype(object)).tolist()
        losses = [-(gain * weight // NANO) for gain, weight in zip(gains, weights, strict=True)]
        assert scan.loss[account] == max(0, *losses)
        assert scan.loss[account] == max(0, losses[scan.scenario[account]])
        assert scan.gains[account].tolist() == gains
    twice = scan_accounts(grid, moves, np.vstack([lots[0], more, lots[0] + more]))
    assert twice.loss[2] <= twice.loss[0] + twice.loss[1] + 1  # netting never costs


def test_positions_of_one_contract_add_up_whatever_their_order():
    moves = np.arange(-13, 14, dtype=np.int64)[None, :]
    scan = scan_positions(DERIBIT, moves, [0, 1, 0], [0, 0, 0], [5, 2, -3], 2)
    assert scan.loss.tolist() == [26, 26]


def test_what_does_not_fit_a_grid_is_refused():
    moves = np.zeros((1, 27), np.int64)
    with pytest.raises(ValueError, match="27 columns, one per scenario, got shape"):
        scan_accounts(DERIBIT, moves[:, :3], [[1]])
    with pytest.raises(ValueError, match="contract must be 1 numbers from 0 to 0"):
        scan_positions(DERIBIT, moves, [0], [1], [1], 1)
    with pytest.raises(OverflowError, match="portfolio of account 0"):
        scan_accounts(DERIBIT, moves + 2**40, [[2**40]])
    with pytest.raises(ValueError, match="scenario 1 must move"):
        ScenarioGrid((Scenario(-1.0, 0.0),))


def test_a_floor_on_deltas_charges_what_is_hedged_less_than_what_is_not():
    # docs.paradex.trade: long 1 perpetual, short 5 calls of delta .3, BTC at 70,000
    floor = delta_floor([1.0], [1.5], 70_000.0)
    assert floor[0] == pytest.approx((0.02 * 0.5 + 0.01 * 1.0) * 70_000)
    assert short_option_floor([3.0], 2_000.0)[0] == pytest.approx(120.0)
    scan = scan_accounts(PARADEX, np.zeros((1, 24), np.int64), [[1]])
    margin = requirements(PARADEX, scan, floor=[1_400], provision=[7])
    assert (margin.initial[0], margin.maintenance[0]) == (1_407, 707)


@given(st.floats(0.1, 3), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1.01, 10))
def test_a_haircut_grows_with_volatility_and_size(volatility, delay, quantity, factor):
    base = collateral_haircut(volatility, delay, quantity=quantity, daily_volume=1e6)
    assert 0 <= base <= 1
    assert collateral_haircut(volatility * factor, delay, quantity=quantity, daily_volume=1e6) >= base
    assert collateral_haircut(volatility, delay, quantity=quantity * factor, daily_volume=1e6) >= base


def test_dynamic_margin_follows_volatility_within_its_bounds_and_open_interest_to_one():
    rule = DynamicMargin(floor=0.02, cap=0.3, lower_open_interest=1e6, upper_open_interest=3e6, step=0.05)
    rates = [rule.initial_rate(volatility) for volatility in (0.0, 0.5, 1.0, 9.0)]
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (0.02, 0.3)
    assert rule.initial_rate(9.0, 2e6) == pytest.approx(0.3 + 0.7 / 2)
    assert rule.initial_rate(9.0, 5e6) == 1.0
    assert rule.initial_rate(9.0, before=0.1) == pytest.approx(0.15)
    assert rule.tiers(0.3).required(1_000) == 150
    with pytest.raises(ValueError, match="floor and cap must be"):
        DynamicMargin(floor=0.5, cap=0.1)


CONTRADICTION = [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]
NAMES = ("BTC", "ETH", "SOL")


def test_correlations_that_contradict_each_other_are_refused_or_repaired_with_a_notice():
    with pytest.raises(CorrelationError, match=r"BTC, ETH, SOL is not positive semidefinite: .* is -0\.8"):
        check_correlation(CONTRADICTION, NAMES)
    repaired, notice = repair_correlation(CONTRADICTION, NAMES)
    check_correlation(repaired, NAMES)
    assert "replaced by the nearest that is" in notice
    assert "smallest eigenvalue -0.8" in notice
    assert repair_correlation(np.eye(2), NAMES[:2]).notice == ""


def test_the_repair_is_the_nearest_of_highams_example():
    given_ = [[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]  # Higham 2002, section 4
    near = repair_correlation(given_, NAMES).matrix
    assert near[0, 1] == pytest.approx(0.7607, abs=5e-5)
    assert near[0, 2] == pytest.approx(0.1573, abs=5e-5)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, 0.5]], "must have shape"),
        ([[1.0, 0.5], [0.4, 1.0]], "BTC and ETH is 0.5 one way and 0.4 the other"),
        ([[1.0, 2.0], [2.0, 1.0]], "BTC and ETH is 2.0"),
        ([[0.9, 0.0], [0.0, 1.0]], "BTC and BTC is 0.9"),
        ([[1.0, float("nan")], [float("nan"), 1.0]], "BTC and ETH is nan"),
    ],
)
def test_what_is_no_correlation_matrix_is_refused(matrix, message):
    for use in (check_correlation, repair_correlation):
        with pytest.raises(CorrelationError, match=message):
            use(matrix, NAMES[:2])


@given(hnp.arrays(np.float64, (6, 3), elements=st.floats(-2, 2, width=16)), st.floats(0, 1))
def test_stress_keeps_a_correlation_matrix_and_moves_it_to_one(factors, weight):
    covariance = factors @ factors.T + np.eye(6)
    scale = np.sqrt(np.diag(covariance))
    matrix = covariance / np.outer(scale, scale)
    np.fill_diagonal(matrix, 1.0)
    matrix = (matrix + matrix.T) / 2
    stressed = check_correlation(stressed_correlation(matrix, weight), "abcdef")
    assert (stressed >= matrix - 1e-12).all()
    check_correlation(stressed_correlation(matrix, weight, 0.0), "abcdef")
    assert stressed_correlation(matrix, 1.0) == pytest.approx(np.ones((6, 6)))


def test_a_diversified_long_book_is_under_margined_when_correlations_go_to_one_and_a_hedged_one_is_not():
    matrix = [[1.0, 0.2], [0.2, 1.0]]
    books = [[100.0, 100.0], [100.0, -100.0]]
    volatilities = [0.1, 0.1]
    margin = correlated_margin(books, volatilities, matrix, 1.0)
    assert margin == pytest.approx([10 * np.sqrt(2.4), 10 * np.sqrt(1.6)])
    curve = [under_margin(books, volatilities, matrix, w, 1.0) for w in (0.0, 0.5, 1.0)]
    assert np.diff([c[0] for c in curve]).min() > 0
    assert curve[-1][0] == pytest.approx(20.0 - margin[0])
    assert [c[1] for c in curve] == [0.0] * 3


PERP = LinearContract("PERP", 1_000)
INITIAL, MAINTENANCE = MarginTiers.flat(0.1), MarginTiers.flat(0.05)


def trader(balance=10**9):
    accounts = MarginAccounts([PERP], 1, [MAINTENANCE])
    accounts.deposit(0, balance)
    accounts.reprice([10_000])
    return accounts


@given(st.integers(-1_500, 1_500), st.integers(9_000, 11_000), st.integers(0, 10**6))
def test_what_the_check_lets_pass_meets_initial_margin_after_the_fill(lots, ticks, fee):
    accounts = trader()
    reason = refusal(accounts, 0, 0, lots, ticks, [INITIAL], fee)
    accounts.fill(0, 0, lots, ticks)
    accounts.deposit(0, -fee)
    enough = accounts.equity(0) >= accounts.requirement(0, margin=[INITIAL])
    assert (reason == "") == enough
    if reason:
        assert reason.startswith("initial margin: PERP")


def test_an_unsafe_account_may_close_but_not_turn_its_position():
    accounts = trader()
    accounts.fill(0, 0, 1_000, 10_000)
    accounts.reprice([9_100])
    assert refusal(accounts, 0, 0, -1_000, 9_100, [INITIAL]) == ""
    assert refusal(accounts, 0, 0, -1_999, 9_100, [INITIAL]) != ""
    assert refusal(accounts, 0, 0, 1, 9_100, [INITIAL]) != ""


def test_an_expired_contract_is_refused_by_name():
    option = OptionContract("BTC-PUT", 1, 100, 60_000, Right.PUT)
    accounts = MarginAccounts([option], 1, [MAINTENANCE])
    with pytest.raises(ContractError, match="contract BTC-PUT: expired at 100 s, cannot be used at 100 s"):
        refusal(accounts, 0, 0, 1, 5, [INITIAL], now_s=100)
    with pytest.raises(ContractError, match="contract X: strike must be positive, got -1"):
        OptionContract("X", 1, 100, -1, Right.CALL)
    with pytest.raises(ContractError, match="contract X: expiry_s must be positive"):
        LinearContract("X", 1, 0)


def test_a14_model_price_auction():
    auction = ModelPriceAuction(WAD, 8 * WAD // 10, 600, 7_200)
    assert [auction.share(t) for t in (300, 600, 960)] == [9 * WAD // 10, 8 * WAD // 10, 76 * WAD // 100]
    assert auction.price(1_000, 300) == 900
    published = ModelPriceAuction()
    assert published.share(0) == 95 * WAD // 100
    assert published.share(900) == pytest.approx(0.70 * WAD)
    assert published.share(900 + 12 * 3_600) == 0
    with pytest.raises(ValueError, match="middle must be 0 to"):
        ModelPriceAuction(WAD // 2, WAD)


def test_an_insolvent_account_pays_its_taker_more_by_the_second_up_to_its_requirement():
    auction = InsolventAuction()
    assert [auction.payment(1_000, t) for t in (0, 1, 1_800, 3_600, 9_999)] == [0, 1, 500, 1_000, 1_000]
