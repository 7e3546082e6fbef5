"""Every option of a chain marked by the rules of a margin venue, beside the exchange's own mark."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...protocols.margin.marks import (
    HybridMark,
    LastTradeMark,
    MarkInputs,
    MarkRule,
    MidMark,
    ModelMark,
)
from ...protocols.margin.models import black_scholes
from .analysis import ChainAnalysis

RULES: dict[str, MarkRule] = {
    "last": LastTradeMark(),
    "mid": MidMark(),
    "model": ModelMark(),
    "hybrid": HybridMark(depth_low_usd=50_000.0, depth_high_usd=500_000.0),
}
"""Rules that are compared; depths are notional at the best quotes [assumed]."""


def mark_inputs(found: ChainAnalysis) -> MarkInputs:
    """Return what a venue would know of each option, in the order of the quotes; USD per unit of the asset.

    The index is the exchange's own mark. The model is the fitted surface at the row's own forward, as
    uncertain as its slice misses the quotes; an expiry without slice has no model. An option is as volatile
    as its underlying times its elasticity.
    """
    quotes, surface = found.quotes, found.fit.surface
    forward, strike = quotes.underlying_usd.to_numpy(), quotes.strike.to_numpy(np.float64)
    years, call = quotes.years.to_numpy(), (quotes.type == "call").to_numpy()
    fitted = np.isin(years, surface.years)
    sigma = np.sqrt(surface.total_variance(np.log(strike / forward), years) / years)
    greeks = black_scholes.greeks(forward, strike, years, call, sigma)
    misses = {fit.slice.years: fit.rms_volatility for fit in found.fit.slices}
    miss = np.array([misses.get(each, 0.0) for each in years.tolist()])
    age_s = np.maximum(found.chain.snapshot_ts - quotes.ts.to_numpy(), 0.0)
    elasticity = np.abs(greeks.delta) * forward / np.maximum(greeks.price, 1e-6 * forward)
    amount = quotes.bid_amount.fillna(0.0) + quotes.ask_amount.fillna(0.0)
    return MarkInputs(
        index_price=quotes.mark.to_numpy() * forward,
        bid=quotes.bid.to_numpy() * forward,
        ask=quotes.ask.to_numpy() * forward,
        depth_usd=amount.to_numpy(np.float64) * forward,
        last=quotes["last"].to_numpy(np.float64) * forward,
        model=np.where(fitted, greeks.price, np.nan),
        model_uncertainty=np.where(fitted, greeks.vega * miss, 0.0),
        volatility=sigma * elasticity,
        index_age_s=age_s,
        book_age_s=age_s,
        last_age_s=age_s,
        model_age_s=age_s,
    )


def compare_marks(found: ChainAnalysis) -> pd.DataFrame:
    """How far each rule marks from the exchange.

    Returns
    -------
    DataFrame
        mark, options (that have such a price), median_bps and p95_bps (distance from the exchange's mark in
        1/10,000 of the underlying), uncertainty_bps (median of the rule's own).
    """
    seen = mark_inputs(found)
    forward = found.quotes.underlying_usd.to_numpy()
    has = {"last": ~np.isnan(seen.last), "mid": ~np.isnan(seen.mid), "model": ~np.isnan(seen.model)}
    has["hybrid"] = has["mid"] | has["model"]
    rows = []
    for name, rule in RULES.items():
        price, _, uncertainty = rule.mark(seen)
        off = 1e4 * np.abs(price - seen.index_price)[has[name]] / forward[has[name]]
        own = 1e4 * np.asarray(uncertainty)[has[name]] / forward[has[name]]
        if len(off):
            rows.append((name, len(off), np.median(off), np.quantile(off, 0.95), np.median(own)))
    return pd.DataFrame(rows, columns=["mark", "options", "median_bps", "p95_bps", "uncertainty_bps"])
