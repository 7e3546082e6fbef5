"""What a chain implies: volatilities of its quotes, a fitted surface, and volatility without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...market.prices.reference import YEAR_S
from ...protocols.margin.models.black_scholes import Outcome, implied_volatility
from ...protocols.margin.models.inputs import ParameterError
from ...protocols.margin.models.model_free import interpolated_volatility, strip_variance
from ...protocols.margin.models.smile import SmileFit, fit_smile
from ...protocols.margin.models.surface import SurfaceFit, fit_surface
from .chains import OptionChain

DAYS_14 = 14 / 365
_TIGHTEST = 0.005
"""Quoted spreads of volatility below this weigh no more."""


@dataclass(frozen=True, eq=False)
class ChainAnalysis:
    """One chain, fitted.

    Attributes
    ----------
    chain : OptionChain
    quotes : DataFrame
        Of the chain, with `years` and the volatility of bid, ask, their middle (`volatility`) and mark
        (`own_mark_volatility`), NaN where the price has none; `outcome` says why the middle has none,
        `fitted` whether it entered the fit.
    fit : SurfaceFit
    model_free : DataFrame
        One row an expiry: years, forward and model-free volatility.
    volatility_14d : float
        Model-free, NaN if 14 days lie outside of the expiries.
    smile : SmileFit
        A surface of five numbers, the `[volatility.smile]` of a scenario, fitted to the same quotes.
    """

    chain: OptionChain
    quotes: pd.DataFrame
    fit: SurfaceFit
    model_free: pd.DataFrame
    volatility_14d: float
    smile: SmileFit


def analyse(chain: OptionChain, *, repair: bool = True) -> ChainAnalysis:
    """Fit a surface to the options out of the money that have bid and ask, and compute what needs no model.

    Volatilities are those of each row at the second when it was read, with the future of its expiry as the
    forward; errors of the fit weigh by one over the quoted spread of volatility.

    Raises
    ------
    ArbitrageError
        If the surface admits arbitrage and must not or cannot be repaired.
    """
    quotes = implied(chain)
    call_side = quotes.strike >= quotes.underlying_usd
    out_of_the_money = call_side == (quotes.type == "call")
    spread = quotes.ask_volatility - quotes.bid_volatility
    quotes["fitted"] = out_of_the_money & quotes.volatility.notna() & spread.notna()
    used = quotes[quotes.fitted]
    weights = 1.0 / np.maximum(spread[quotes.fitted], _TIGHTEST)
    fit = fit_surface(used.strike, used.years, used.underlying_usd, used.volatility, weights, repair=repair)
    smile = fit_smile(np.log(used.strike / used.underlying_usd), used.volatility, used.years, weights)
    strips = model_free(chain)
    return ChainAnalysis(chain, quotes, fit, strips, volatility_at(strips, DAYS_14), smile)


def implied(chain: OptionChain) -> pd.DataFrame:
    """Quotes of a chain with their implied volatilities, as `ChainAnalysis.quotes` without `fitted`."""
    quotes = chain.quotes.copy()
    quotes["years"] = chain.years
    forward = quotes.underlying_usd.to_numpy()
    left = (quotes.expiry_ts - quotes.ts).to_numpy() / YEAR_S
    # an option on a coin, quoted in the coin: its price is worth that many of the row's future
    option = (forward, quotes.strike, left, quotes.type == "call")
    for name, quoted in (
        ("bid_volatility", quotes.bid),
        ("ask_volatility", quotes.ask),
        ("volatility", 0.5 * (quotes.bid + quotes.ask)),
        ("own_mark_volatility", quotes.mark),
    ):
        solved = implied_volatility(quoted * forward, *option)
        quotes[name] = solved.volatility
        if name == "volatility":
            quotes["outcome"] = [Outcome(each).name.lower() for each in solved.outcome.tolist()]
    return quotes


def model_free(chain: OptionChain) -> pd.DataFrame:
    """Model-free volatility of each expiry: DataFrame(years, forward_usd, volatility) (MODEL 2.3).

    Prices are the middle of bid and ask, the exchange's mark where a side is missing, times the future of the
    row. An expiry whose strikes do not reach its forward, or whose strip has no variance, is left out.
    """
    quotes = chain.quotes
    middle = (0.5 * (quotes.bid + quotes.ask)).fillna(quotes.mark) * quotes.underlying_usd
    priced = quotes.assign(usd=middle, years=chain.years)
    rows = []
    for _, options in priced.groupby("expiry_ts"):
        years = float(options.years.iloc[0])
        table = options.pivot(index="strike", columns="type", values="usd")
        try:
            strip = strip_variance(table.index.to_numpy(), table["call"].to_numpy(), table["put"].to_numpy())
        except ParameterError:
            continue
        if strip.total_variance > 0.0:
            rows.append((years, strip.forward, np.sqrt(strip.total_variance / years)))
    return pd.DataFrame(rows, columns=["years", "forward_usd", "volatility"])


def volatility_at(strips: pd.DataFrame, years: float) -> float:
    """Volatility at a time between two expiries, linear in total variance; NaN outside of them."""
    before, after = strips[strips.years <= years], strips[strips.years >= years]
    if before.empty or after.empty:
        return float("nan")
    near, following = before.iloc[-1], after.iloc[0]
    if near.years == following.years:
        return float(near.volatility)
    points = [(float(row.years), float(row.volatility**2 * row.years)) for row in (near, following)]
    return interpolated_volatility(points[0], points[1], years)
