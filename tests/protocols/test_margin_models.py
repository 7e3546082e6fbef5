"""Option models and risk figures: cases by id, QuantLib as oracle, properties, martingales."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.prices.diffusions import GeometricBrownianMotion, HestonPrice, MertonJumpDiffusion
from liquidarium.market.streams import Streams
from liquidarium.protocols.margin.models import (
    ExpiredOptionError,
    HestonVolatility,
    InstrumentError,
    MertonJumps,
    Outcome,
    ParameterError,
    black_scholes,
    delay_margin,
    implied_volatility,
    leland_volatility,
    liquidation_probability,
    normal_tail,
    queue_wait,
    structural_default,
    zero_coupon_yield,
)
from liquidarium.protocols.margin.models.normal_kernels import exponential, mills_ratio
from scipy.special import erfcx
from scipy.stats import norm

CLOSE = {"rel": 1e-9}
O04 = MertonJumps(volatility=0.2, intensity=1.0, jump_mean=-0.1, jump_sd=0.15)
O05 = HestonVolatility(0.0175, 0.0398, 1.5768, 0.5751, -0.5711)
CRYPTO = HestonVolatility(0.5, 0.6, 2.0, 1.5, -0.3)
PARITY_MODELS = {
    "black-scholes": lambda s, k, t, call, rate: black_scholes.price(s, k, t, call, 0.7, rate),
    "merton": MertonJumps(0.5, 3.0, -0.1, 0.2).price,
    "heston": CRYPTO.price,
}
MONEYNESS = st.floats(-1.5, 1.5)
YEARS = st.floats(1 / 365, 3.0)


def test_mills_ratio_and_the_exponential_are_good_to_the_last_digits():
    """Against SciPy's, from the middle of the distribution to where nothing is left of it."""
    x = np.concatenate((np.linspace(0.0, 40.0, 4_001), np.logspace(2, 12, 21)))
    ratio = np.array([mills_ratio(each) for each in x.tolist()])
    assert ratio == pytest.approx(math.sqrt(0.5 * math.pi) * erfcx(x / math.sqrt(2.0)), rel=2e-15, abs=0.0)
    assert mills_ratio(math.inf) == 0.0
    powers = np.linspace(-707.0, 0.0, 7_071)
    found = np.array([exponential(each) for each in powers.tolist()])
    assert found == pytest.approx(np.exp(powers), rel=4e-16, abs=0.0)
    assert exponential(-math.inf) < 1e-307


def test_o01_values_and_greeks():
    values = black_scholes.greeks(100.0, 100.0, 1.0, [True, False], 0.2, 0.05)
    expected = (10.45058357, 0.6368306512, 0.01876201735, 37.52403469, -6.414027546, 53.23248155)
    call = [float(column[0]) for column in values[:6]]
    assert call == pytest.approx(expected, **CLOSE)
    assert values.price[1] == pytest.approx(5.573526022, **CLOSE)


def test_o02_an_option_on_a_coin():
    values = black_scholes.greeks(60_000.0, 65_000.0, 30 / 365, [True, False], 0.65)
    assert values.price == pytest.approx([2559.741828, 7559.741828], **CLOSE)
    assert values.delta[0] == pytest.approx(0.3683011728, **CLOSE)


def test_o03_implied_volatility():
    solved = implied_volatility(4000.0, 60_000.0, 60_000.0, 30 / 365, True)
    assert float(solved.volatility) == pytest.approx(0.5835670306, **CLOSE)
    assert solved.outcome == Outcome.SOLVED


def test_o04_merton_jump_diffusion():
    prices = O04.price(100.0, 100.0, 1.0, [True, False], 0.05)
    assert prices == pytest.approx([12.76128859, 7.884231044], **CLOSE)


def test_o05_heston():
    assert float(O05.price(100.0, 100.0, 1.0, True)) == pytest.approx(5.785155434, rel=2e-9)


def test_o07_leland_volatility():
    assert float(leland_volatility(0.8, 0.002, 1 / 365)) == pytest.approx(0.8151010373, **CLOSE)
    long_gamma = leland_volatility(0.8, 0.002, 1 / 365, short_gamma=False)
    assert float(long_gamma) == pytest.approx(0.784608373, **CLOSE)


def test_o10_first_passage():
    hit = liquidation_probability([1.25, 1.5], 0.8, 30 / 365)
    assert hit == pytest.approx([0.3683585641, 0.09396797932], **CLOSE)


def test_o11_structural_default():
    found = structural_default(100.0, 80.0, 0.3, 1.0, 0.03)
    assert [float(each) for each in found] == pytest.approx([25.28397493, 0.6938118377, 0.243900109], **CLOSE)


def test_o12_zero_coupon_yields():
    found = zero_coupon_yield(0.95, 0.5)
    assert [float(each) for each in found] == pytest.approx([0.108033241, 0.1025865888], **CLOSE)


def test_o13_normal_value_at_risk_and_expected_shortfall():
    assert tuple(normal_tail(0.99)) == pytest.approx((2.326347874, 2.66521422), **CLOSE)


def test_p16_delay_margin():
    margin = delay_margin(0.8, np.array([20.0, 13.0]) * 60.0)
    assert margin == pytest.approx([0.01148026637, 0.009255686646], **CLOSE)


def test_a_queue_without_room_waits_for_ever():
    assert queue_wait(50.0, 100.0) == pytest.approx(0.5 / (2 * 100 * 0.5))
    assert queue_wait(100.0, 100.0) == math.inf


@pytest.mark.parametrize("model", PARITY_MODELS)
@settings(max_examples=50, deadline=None)
@given(moneyness=MONEYNESS, years=YEARS, rate=st.floats(-0.05, 0.2))
def test_put_call_parity_and_bounds(model, moneyness, years, rate):
    spot, strike = 100.0, 100.0 * math.exp(moneyness)
    call, put = PARITY_MODELS[model](spot, strike, years, [True, False], rate)
    cash = strike * math.exp(-rate * years)
    assert call - put == pytest.approx(spot - cash, abs=1e-8)
    assert max(spot - cash, 0.0) - 1e-9 <= call <= spot + 1e-9
    assert max(cash - spot, 0.0) - 1e-9 <= put <= cash + 1e-9


@pytest.mark.parametrize("model", PARITY_MODELS)
@settings(max_examples=20, deadline=None)
@given(years=YEARS)
def test_calls_fall_and_are_convex_in_the_strike(model, years):
    strikes = np.linspace(40.0, 250.0, 60)
    calls = PARITY_MODELS[model](100.0, strikes, years, True, 0.0)
    assert (np.diff(calls) <= 1e-9).all()
    assert (np.diff(calls, 2) >= -1e-8).all()


def test_greeks_are_the_derivatives_of_the_price():
    rng = np.random.default_rng(1)
    n = 200
    arguments = [
        np.full(n, 100.0),
        rng.uniform(60.0, 160.0, n),
        rng.uniform(0.05, 2.0, n),
        rng.random(n) < 0.5,
        rng.uniform(0.2, 1.2, n),
        rng.uniform(-0.02, 0.1, n),
        rng.uniform(0.0, 0.05, n),
    ]

    def moved(place, by):
        changed = list(arguments)
        changed[place] = changed[place] + by
        return changed

    def slope(function, place, step):
        return (function(*moved(place, step)) - function(*moved(place, -step))) / (2.0 * step)

    def delta(*values):
        return black_scholes.greeks(*values).delta

    def vega(*values):
        return black_scholes.greeks(*values).vega

    found = black_scholes.greeks(*arguments)
    assert found.price == pytest.approx(black_scholes.price(*arguments), rel=1e-12, abs=1e-12)
    for greek, by_difference in (
        (found.delta, slope(black_scholes.price, 0, 1e-3)),
        (found.gamma, slope(delta, 0, 1e-3)),
        (found.vega, slope(black_scholes.price, 4, 1e-5)),
        (found.theta, -slope(black_scholes.price, 2, 1e-6)),
        (found.rho, slope(black_scholes.price, 5, 1e-6)),
        (found.vanna, slope(delta, 4, 1e-5)),
        (found.volga, slope(vega, 4, 1e-5)),
    ):
        assert greek == pytest.approx(by_difference, rel=1e-5, abs=1e-5)


@settings(max_examples=200, deadline=None)
@given(moneyness=st.floats(-3.0, 3.0), years=YEARS, volatility=st.floats(0.02, 4.0), call=st.booleans())
def test_an_implied_volatility_gives_back_the_price(moneyness, years, volatility, call):
    strike = 100.0 * math.exp(moneyness)
    quote = float(black_scholes.price(100.0, strike, years, call, volatility))
    solved = implied_volatility(quote, 100.0, strike, years, call)
    if solved.outcome == Outcome.NO_TIME_VALUE:
        intrinsic = max(100.0 - strike, 0.0) if call else max(strike - 100.0, 0.0)
        assert quote == pytest.approx(intrinsic, rel=1e-12, abs=1e-12)
        return
    assert solved.outcome == Outcome.SOLVED
    again = float(black_scholes.price(100.0, strike, years, call, float(solved.volatility)))
    assert again == pytest.approx(quote, rel=1e-9, abs=1e-13 * (100.0 + strike))


def test_out_of_the_money_volatilities_are_recovered_to_ten_digits():
    strikes, volatilities = np.meshgrid(100.0 * np.exp(np.linspace(-2, 2, 41)), np.linspace(0.1, 3.0, 30))
    call = strikes >= 100.0
    quotes = black_scholes.price(100.0, strikes, 0.1, call, volatilities)
    solved = implied_volatility(quotes, 100.0, strikes, 0.1, call)
    seen = quotes > 1e-250
    assert (solved.outcome[seen] == Outcome.SOLVED).all()
    assert solved.volatility[seen] == pytest.approx(volatilities[seen], rel=1e-10)


@pytest.mark.parametrize(
    ("quote", "outcome"),
    [
        (math.nan, Outcome.NO_QUOTE),
        (-1.0, Outcome.NO_QUOTE),
        (math.inf, Outcome.NO_QUOTE),
        (9.0, Outcome.BELOW_INTRINSIC),
        (10.0, Outcome.NO_TIME_VALUE),
        (100.0, Outcome.ABOVE_LIMIT),
        (11.0, Outcome.SOLVED),
    ],
)
def test_a_bad_quote_has_a_named_outcome(quote, outcome):
    solved = implied_volatility(quote, 100.0, 90.0, 0.1, True)
    assert solved.outcome == outcome
    assert np.isnan(solved.volatility) == (outcome != Outcome.SOLVED)


def test_merton_without_jumps_is_black_scholes_and_so_is_heston_without_noise():
    strikes = np.linspace(50.0, 200.0, 31)
    plain = black_scholes.price(100.0, strikes, 0.5, True, 0.6, 0.02)
    jumps = MertonJumps(0.6, 0.0, -0.1, 0.2).price(100.0, strikes, 0.5, True, 0.02)
    calm = HestonVolatility(0.36, 0.36, 2.0, 1e-4, 0.0).price(100.0, strikes, 0.5, True, 0.02)
    assert jumps == pytest.approx(plain, abs=1e-10)
    assert calm == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.5])
@pytest.mark.parametrize("years", [2 / 365, 30 / 365, 1.0, 5.0])
def test_heston_is_what_quantlib_says(rho, years):
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.03, ql.Actual365Fixed()))
    none = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.HestonProcess(flat, none, spot, 0.5, 2.0, 0.6, 1.5, rho)
    engine = ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-12, 1_000_000)
    exercise = ql.EuropeanExercise(today + round(years * 365))
    strikes = [60.0, 90.0, 100.0, 110.0, 170.0]
    expected = []
    for strike in strikes:
        option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call, strike), exercise)
        option.setPricingEngine(engine)
        expected.append(option.NPV())
    ours = HestonVolatility(0.5, 0.6, 2.0, 1.5, rho).price(100.0, strikes, years, True, 0.03)
    assert ours == pytest.approx(expected, abs=2e-7)


def test_merton_is_what_quantlib_says():
    """Against Bates' model with a variance that does not move."""
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.05, ql.Actual365Fixed()))
    none = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.BatesProcess(flat, none, spot, 0.04, 1.0, 0.04, 1e-3, 0.0, 1.0, -0.1, 0.15)
    option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Put, 110.0), ql.EuropeanExercise(today + 365))
    option.setPricingEngine(ql.BatesEngine(ql.BatesModel(process), 160))
    assert float(O04.price(100.0, 110.0, 1.0, False, 0.05)) == pytest.approx(option.NPV(), abs=1e-5)


def test_implied_volatility_is_what_quantlib_says():
    ql = pytest.importorskip("QuantLib")
    rng = np.random.default_rng(3)
    strikes = 100.0 * np.exp(rng.normal(0.0, 0.3, 50))
    quotes = black_scholes.price(100.0, strikes, 0.25, strikes > 100.0, rng.uniform(0.3, 1.2, 50))
    ours = implied_volatility(quotes, 100.0, strikes, 0.25, strikes > 100.0).volatility
    theirs = [
        ql.blackFormulaImpliedStdDev(
            ql.Option.Call if k > 100.0 else ql.Option.Put, k, 100.0, q, 1.0, 0.0, 0.5, 1e-12
        )
        for k, q in zip(strikes.tolist(), quotes.tolist(), strict=True)
    ]
    assert ours * 0.5 == pytest.approx(theirs, rel=1e-6)


PROCESSES = {
    "gbm": (
        GeometricBrownianMotion({"X": 100.0}, volatility=0.8),
        lambda k, t: black_scholes.price(100.0, k, t, True, 0.8),
    ),
    "merton": (
        MertonJumpDiffusion({"X": 100.0}, volatility=0.5, intensity=10.0, jump_mean=-0.05, jump_sd=0.1),
        lambda k, t: MertonJumps(0.5, 10.0, -0.05, 0.1).price(100.0, k, t, True),
    ),
    "heston": (
        HestonPrice(
            {"X": 100.0},
            variance=0.5,
            long_run_variance=0.6,
            mean_reversion=2.0,
            vol_of_variance=1.5,
            leverage=-0.3,
        ),
        lambda k, t: CRYPTO.price(100.0, k, t, True),
    ),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_each_process_is_a_martingale_that_its_own_model_prices(name):
    """Means over paths of the final price and of call payoffs, four standard errors."""
    process, model = PROCESSES[name]
    years, n_paths = 30 / 365, 4_000
    times_s = np.linspace(0.0, years * 365 * 86_400, 61)
    strikes = np.array([0.0, 80.0, 100.0, 130.0])
    last = np.array([process.path(times_s, Streams(seed))[-1, 0] for seed in range(n_paths)])
    payoffs = np.maximum(last[:, None] - strikes, 0.0)
    error = payoffs.std(axis=0) / math.sqrt(n_paths)
    expected = np.array([100.0, *model(strikes[1:], years)])
    assert (np.abs(payoffs.mean(axis=0) - expected) < 4.0 * error + 1e-3 * expected).all()


def test_first_passage_is_what_bridged_paths_say():
    """Monte Carlo, its steps corrected by the probability that a bridge touches the barrier between."""
    rng, n, steps = np.random.default_rng(7), 20_000, 20
    sigma, years, h = 0.8, 30 / 365, math.log(1.25)
    dt = years / steps
    x = np.cumsum(rng.normal(-0.5 * sigma**2 * dt, sigma * math.sqrt(dt), (n, steps)), axis=1)
    x = np.column_stack([np.zeros(n), x]) + h
    alive = np.where(
        (x[:, 1:] > 0.0) & (x[:, :-1] > 0.0), -np.expm1(-2.0 * x[:, 1:] * x[:, :-1] / (sigma**2 * dt)), 0.0
    )
    hit = 1.0 - np.clip(alive, 0.0, 1.0).prod(axis=1)
    expected = float(liquidation_probability(1.25, sigma, years))
    assert abs(hit.mean() - expected) < norm.ppf(0.9995) * hit.std() / math.sqrt(n)


@settings(max_examples=50, deadline=None)
@given(health=st.floats(0.5, 3.0), volatility=st.floats(0.05, 3.0), years=YEARS, drift=st.floats(-2.0, 2.0))
def test_touching_a_barrier_is_at_least_as_likely_as_ending_below_it(health, volatility, years, drift):
    touch = float(liquidation_probability(health, volatility, years, drift))
    end = norm.cdf(
        (-math.log(health) - (drift - volatility**2 / 2) * years) / (volatility * math.sqrt(years))
    )
    assert end - 1e-12 <= touch <= 1.0
    assert liquidation_probability(health, volatility, 2.0 * years, drift) >= touch - 1e-12


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: black_scholes.price(100.0, [90.0, -5.0], 1.0, True, 0.5),
            InstrumentError,
            "strike of option 1 must be finite and above 0; got -5",
        ),
        (
            lambda: black_scholes.price(0.0, 90.0, 1.0, True, 0.5),
            InstrumentError,
            "price of the underlying of option 0",
        ),
        (
            lambda: black_scholes.price(100.0, 90.0, [1.0, 0.0], True, 0.5),
            ExpiredOptionError,
            "years of option 1",
        ),
        (
            lambda: black_scholes.price(100.0, 90.0, 1.0, True, -0.5),
            InstrumentError,
            "volatility of option 0 must be",
        ),
        (lambda: O04.price(100.0, math.nan, 1.0, True), InstrumentError, "strike of option 0"),
        (lambda: O05.price(100.0, 90.0, -1.0, True), ExpiredOptionError, "it has expired; got -1"),
        (lambda: implied_volatility(1.0, 100.0, 90.0, 0.0, True), ExpiredOptionError, "years of option 0"),
        (lambda: MertonJumps(0.5, -1.0, 0.0, 0.1), ParameterError, "intensity must be finite, at least 0"),
        (
            lambda: HestonVolatility(0.1, 0.1, 0.0, 1.0, 0.0),
            ParameterError,
            "mean_reversion must be finite, above 0",
        ),
        (
            lambda: HestonVolatility(0.1, 0.1, 1.0, 1.0, 1.0),
            ParameterError,
            "leverage must be finite, above -1",
        ),
        (lambda: leland_volatility(0.1, 0.5, 1e-4, short_gamma=False), ParameterError, "hedge less often"),
        (lambda: liquidation_probability(-1.0, 0.5, 1.0), ParameterError, "health must be above 0; got -1"),
        (lambda: structural_default(100.0, 0.0, 0.5, 1.0), InstrumentError, "strike of option 0"),
        (lambda: zero_coupon_yield(0.0, 1.0), ParameterError, "price and years to maturity"),
        (lambda: normal_tail(1.0), ParameterError, "level must be above 0 and below 1"),
        (lambda: delay_margin(-0.1, 1.0), ParameterError, "must not be negative"),
        (lambda: queue_wait(1.0, 0.0), ParameterError, "capacity must be finite, above 0"),
    ],
)
def test_bad_input_is_a_named_error(call, error, says):
    with pytest.raises(error, match=says):
        call()
