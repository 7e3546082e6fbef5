"""Nanoseconds an option under each model, a book on a surface, and fits of slices; QuantLib beside it.

Processor time on one core, median of several rounds. Ours is one call for the whole book, its checks and
broadcasting included; QuantLib, if installed, prices one instrument object after another, as its Python
interface allows.
Run: ``python benchmarks/bench_models.py [--options 100000] [--instruments 1000] [--rounds 7]``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from liquidarium.experiments.options import load_chain
from liquidarium.experiments.options.analysis import analyse, implied
from liquidarium.protocols.margin.models import (
    HestonVolatility,
    MertonJumps,
    SviSlice,
    black_scholes,
    fit_slice,
    implied_volatility,
)

MERTON = MertonJumps(0.5, 5.0, -0.1, 0.15)
HESTON = HestonVolatility(0.5, 0.6, 2.0, 1.5, -0.3)
DAYS = np.array([1, 7, 14, 35, 91, 182, 365])
VOLATILITY = 0.7


def seconds(function: Callable[[], object], rounds: int) -> float:
    """Median seconds of a call, after one that compiles."""
    function()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def book(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw strikes around a spot of 100, years to one of seven expiries, and call or put."""
    years = rng.choice(DAYS, n) / 365
    strikes = 100.0 * np.exp(rng.normal(0.0, 1.2, n) * np.minimum(VOLATILITY * np.sqrt(years), 0.5))
    return strikes, years, rng.random(n) < 0.5


def quantlib(n: int, rng: np.random.Generator) -> dict[str, float]:
    """Seconds an option when instruments are built and priced one by one; empty without QuantLib."""
    try:
        import QuantLib as ql
    except ImportError:
        return {}
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    constant = ql.BlackConstantVol(today, ql.NullCalendar(), VOLATILITY, ql.Actual365Fixed())
    plain = ql.BlackScholesMertonProcess(spot, flat, flat, ql.BlackVolTermStructureHandle(constant))
    heston = ql.HestonProcess(flat, flat, spot, 0.5, 2.0, 0.6, 1.5, -0.3)
    bates = ql.BatesProcess(flat, flat, spot, 0.25, 1.0, 0.25, 1e-3, 0.0, 5.0, -0.1, 0.15)
    engines = {
        "black-scholes": ql.AnalyticEuropeanEngine(plain),
        "merton": ql.BatesEngine(ql.BatesModel(bates)),
        "heston": ql.AnalyticHestonEngine(ql.HestonModel(heston)),
    }
    strikes, years, calls = book(n, rng)
    rows = list(zip(strikes.tolist(), np.rint(years * 365).astype(int).tolist(), calls.tolist(), strict=True))
    found = {}
    for name, engine in engines.items():
        start = time.process_time()
        for strike, days, call in rows:
            payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike)
            option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + days))
            option.setPricingEngine(engine)
            option.NPV()
        found[name] = (time.process_time() - start) / n
    quotes = black_scholes.price(100.0, strikes, years, strikes >= 100.0, VOLATILITY)
    start = time.process_time()
    for strike, quote, left in zip(strikes.tolist(), quotes.tolist(), years.tolist(), strict=True):
        side = ql.Option.Call if strike >= 100.0 else ql.Option.Put
        if quote > 1e-8:
            ql.blackFormulaImpliedStdDev(side, strike, 100.0, quote, 1.0, 0.0, VOLATILITY * left**0.5, 1e-10)
    found["implied volatility"] = (time.process_time() - start) / n
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--options", type=int, default=100_000)
    parser.add_argument("--instruments", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    n = given.options
    strikes, years, calls = book(n, rng)
    quotes = black_scholes.price(100.0, strikes, years, strikes >= 100.0, VOLATILITY)
    chain = load_chain("btc-2020-05-21")
    surface = analyse(chain).fit.surface
    on_coin = strikes * 90.0
    timed = {
        "black-scholes": lambda: black_scholes.price(100.0, strikes, years, calls, VOLATILITY),
        "all Greeks": lambda: black_scholes.greeks(100.0, strikes, years, calls, VOLATILITY),
        "merton": lambda: MERTON.price(100.0, strikes, years, calls),
        "heston": lambda: HESTON.price(100.0, strikes, years, calls),
        "surface of 7 slices": lambda: surface.price(on_coin, years, calls),
        "implied volatility": lambda: implied_volatility(quotes, 100.0, strikes, years, strikes >= 100.0),
    }
    found = {name: seconds(function, given.rounds) / n for name, function in timed.items()}
    peers = quantlib(given.instruments, rng)
    print(f"| {n:,} options | ms | ns an option | over the first | QuantLib, ns | QuantLib / ours |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, each in found.items():
        theirs = peers.get(name)
        peer = f"{theirs * 1e9:,.0f} | {theirs / each:.3g}" if theirs else "|"
        ratio = each / found["black-scholes"]
        print(f"| {name} | {each * n * 1e3:.1f} | {each * 1e9:.0f} | {ratio:.1f} | {peer} |")

    table = implied(chain)
    near = table[(table.expiry_ts == table.expiry_ts.unique()[3]) & table.volatility.notna()]
    moneyness = np.log(near.strike / near.underlying_usd).to_numpy()
    vogt = SviSlice(1.0, -0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
    grid = np.linspace(-1.5, 1.5, 40)
    bent = vogt.volatility(grid)
    left = float(near.years.iloc[0])
    fits = {
        f"slice of {len(near)} quotes, fit": lambda: fit_slice(moneyness, near.volatility.to_numpy(), left),
        "slice of 40 quotes with a butterfly, fit and repair": lambda: fit_slice(grid, bent, 1.0),
        f"chain of {len(table)} options, volatilities and surface": lambda: analyse(chain),
    }
    print("\n| fit | ms |\n|---|---:|")
    for name, function in fits.items():
        print(f"| {name} | {seconds(function, given.rounds) * 1e3:.2f} |")


if __name__ == "__main__":
    main()
