"""Who holds what when a venue opens: the crowd's accounts, drawn from the laws that a scenario names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....agents.perp_crowd import LeverageLaw
from ....agents.perp_trading import TradingLaw
from ....agents.portfolio_crowd import PortfolioLaw, PortfolioTraders
from ....market.streams import Streams
from ...scenarios.base import ScenarioError
from ...scenarios.margin import VenueConfig
from ...scenarios.objects import build_strategy
from .contracts import Listed
from .option_venue import draw_option_crowd
from .underlyings import Underlyings


class Crowd(NamedTuple):
    """Rows of margin accounts, what they put up (base units), and their only contract if isolated."""

    lots: NDArray[np.int64]
    stop_usd: NDArray[np.float64]
    margin: list[int]
    home: NDArray[np.int64] | None


def draw_with_options(
    config: VenueConfig,
    known: Underlyings,
    listed: Sequence[Listed],
    unit: float,
    streams: Streams,
    where: str,
) -> Crowd:
    """Draw a crowd that trades options, too."""
    lots, margin = draw_option_crowd(
        config, known, [round(each.interest_usd * unit / each.lot_value) for each in listed],
        [each.price_usd for each in listed], [each.spot_usd for each in listed], unit,
        streams(f"venue/{config.name}/traders"), where,
    )  # fmt: skip
    return Crowd(lots, np.full(lots.shape, np.nan), margin, None)


def leverage_law(config: VenueConfig, n_contracts: int, where: str) -> LeverageLaw:
    """Return the law of the crowd, none of which is below maintenance at the start."""
    path = f"{where}.traders.parameters"
    law = build_strategy(LeverageLaw if n_contracts == 1 else PortfolioLaw, config.traders.parameters, path)
    highest = 1.0 / max(tier.maintenance for tier in config.tiers)
    if law.most_leverage >= highest:
        raise ScenarioError(
            f"{path}.most_leverage = {law.most_leverage:g} leaves less than the "
            f"maintenance margin; allowed: below {highest:g}"
        )
    return law


def trading_law(config: VenueConfig, where: str) -> TradingLaw | None:
    """Return how the crowd trades during the run; None if it does not."""
    if config.traders.trading is None:
        return None
    return build_strategy(TradingLaw, config.traders.trading, f"{where}.traders.trading")


def draw_leveraged(
    config: VenueConfig, law: LeverageLaw, listed: Sequence[Listed], unit: float, streams: Streams, where: str
) -> Crowd:
    """Draw the crowd."""
    given = config.traders
    stream, lot_usd = streams(f"venue/{config.name}/traders"), [_lot_usd(each, unit) for each in listed]
    interest, price = [each.interest_usd for each in listed], [each.ticks * each.tick_usd for each in listed]
    try:
        if isinstance(law, PortfolioLaw):
            drawn = law.draw_portfolios(stream, given.count, interest, lot_usd, price)
        else:
            alone = law.draw(stream, given.count, interest[0], lot_usd[0], price[0])
            drawn = PortfolioTraders(alone.lots[:, None], alone.leverage, alone.stop_usd[:, None])
    except ValueError as error:
        raise ScenarioError(f"{where}.traders: {error}") from None
    return _rows(config, listed, drawn)


def _rows(config: VenueConfig, listed: Sequence[Listed], drawn: PortfolioTraders) -> Crowd:
    """Give each trader one margin account, or one for each position."""
    lots, leverage, stops = drawn
    home = None
    if config.margin == "isolated":
        traders, home = np.nonzero(lots)
        here = np.arange(len(listed)) == home[:, None]
        lots, stops = np.where(here, lots[traders], 0), np.where(here, stops[traders], np.nan)
        leverage = leverage[traders]
    margin = [
        int(sum(abs(_value(each, held)) for each, held in zip(listed, row, strict=True)) / times)
        for row, times in zip(lots.tolist(), leverage.tolist(), strict=True)
    ]
    return Crowd(lots, stops, margin, home)


def with_newcomers(
    crowd: Crowd,
    config: VenueConfig,
    law: LeverageLaw,
    count: int,
    listed: Sequence[Listed],
    unit: float,
    streams: Streams,
) -> Crowd:
    """Add accounts that begin without a position."""
    rng = streams(f"venue/{config.name}/newcomers")
    interest = np.array([each.interest_usd for each in listed])
    mean_usd = 2.0 * float(interest.sum()) / len(crowd.lots)
    margin = [int(usd * unit) for usd in law.margins(rng, count, mean_usd).tolist()]
    home = crowd.home
    if home is not None:
        chosen = rng.choice(len(listed), count, p=interest / interest.sum())
        home = np.concatenate([home, chosen.astype(np.int64)])
    empty = np.zeros((count, len(listed)))
    return Crowd(
        np.concatenate([crowd.lots, empty.astype(np.int64)]),
        np.concatenate([crowd.stop_usd, np.full_like(empty, np.nan)]),
        crowd.margin + margin,
        home,
    )


def _lot_usd(each: Listed, unit: float) -> float:
    """Worth of a lot at the start; that of an inverse contract is far less than a unit of its coin."""
    many = 10**9 if each.inverse else 1
    return abs(_value(each, many)) / unit / many


def _value(each: Listed, lots: int) -> int:
    return each.contract.value(lots, each.ticks)
