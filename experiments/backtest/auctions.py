"""What became of the recorded kicks of an episode, really and in a simulated day.

One row for each kick: whether its lot went for next to nothing, how many bid for it, and how
many keepers lived when it was kicked. Simulated days are read from the model itself, so that
lots whose winner has not collected them yet count as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...agents.keepers import KeeperBot
from ...protocols.lending.maker.flip import FlipAuction
from ...protocols.lending.maker.pool import VaultPool
from ..model import LiquidationMarket
from ..scenarios import Scenario, ScenarioError
from ..scenarios.deciders import RecordingConfig
from ..world.recorder import BID_COLUMNS, SALE_COLUMNS

NEAR_ZERO = 1.0
"""A lot that raised less went for next to nothing (MODEL 5.2): DAI where recorded, USD where simulated."""

HOUR_S = 3600


@dataclass(frozen=True, eq=False)
class AuctionDay:
    """How the auctions of one simulated day ended, one entry for each kick in their order.

    Attributes
    ----------
    paid_usd : float64 ndarray
        What the lot raised, or its standing bid at the end of the run, at the oracle's price of DAI.
    sold : bool ndarray
        Whether anybody bought from it, or bid for it.
    bidders : int64 ndarray
        Agents that had a bid, or bought a part.
    live : int64 ndarray
        Keepers that bid what lots are worth and were live when it was kicked.
    bad_debt_dai : float
        Debt that auctions did not raise.
    error_usd : float
        Money made or lost by the books, which must be 0.
    """

    paid_usd: np.ndarray
    sold: np.ndarray
    bidders: np.ndarray
    live: np.ndarray
    bad_debt_dai: float
    error_usd: float

    @property
    def near_zero(self) -> np.ndarray:
        """Which lots went for next to nothing."""
        return np.asarray(self.sold & (self.paid_usd < NEAR_ZERO))


def simulate(scenario: Scenario, seed: int) -> AuctionDay:
    """Run a scenario with recorded kicks and follow each of them to its end.

    Raises
    ------
    ScenarioError
        If the scenario has no recorded kicks.
    """
    lean = RecordingConfig(trades=False, quotes=False, bids=True)
    model = LiquidationMarket(scenario.model_copy(update={"recording": lean}), seed, collect_every=0)
    try:
        return _follow(model)
    finally:
        model.close()


def _follow(model: LiquidationMarket) -> AuctionDay:
    kicks = model.kicks
    if kicks is None:
        raise ScenarioError(
            f"{model.scenario.name} has no recorded kicks: borrowers.law = {model.scenario.borrowers.law!r}; "
            "allowed: 'recorded-kicks'"
        )
    n = len(kicks.times_s)
    live = np.zeros(n, np.int64)
    valuing = [bot for bot in model.bots if isinstance(bot, KeeperBot) and not bot.strategy.opening_usd]
    while model.running:
        before = kicks.done
        model.step()
        live[before : kicks.done] = sum(bot.live for bot in valuing)
    pool = kicks.pool
    bidders = _bidders(model, n)
    return AuctionDay(
        paid_usd=_paid_usd(model, pool, n),
        sold=bidders > 0,
        bidders=bidders,
        live=live,
        bad_debt_dai=float(pool.deficit()[pool.debt]) / model.assets[pool.debt].unit,
        error_usd=model.conservation.error_usd(model.oracle_prices),
    )


def _paid_usd(model: LiquidationMarket, pool: VaultPool[Any], n: int) -> np.ndarray:
    """Return what each lot raised when it was sold, or has been bid for it."""
    sales = pd.DataFrame.from_records(model.recorder.sales, columns=list(SALE_COLUMNS))
    paid = (
        sales.groupby("account")
        .paid_usd.sum()
        .reindex(range(n), fill_value=0.0)
        .to_numpy(np.float64, copy=True)
    )
    per_unit = model.oracle_prices[pool.debt] / model.assets[pool.debt].unit
    for lot in pool.lots.values():
        if isinstance(lot.auction, FlipAuction):
            paid[lot.row] += lot.paid * per_unit
    return paid


def _bidders(model: LiquidationMarket, n: int) -> np.ndarray:
    """Count for each kick the agents with an accepted bid or a purchase; lot `i + 1` is kick `i`."""
    bids = pd.DataFrame.from_records(model.recorder.bids, columns=list(BID_COLUMNS))
    bids = bids[bids.executed & (bids.kind == "bid")]
    named = pd.DataFrame({"row": bids.account - 1, "agent": bids.agent})
    sales = pd.DataFrame.from_records(model.recorder.sales, columns=list(SALE_COLUMNS))
    bought = pd.DataFrame({"row": sales.account, "agent": sales.buyer})
    counts = pd.concat([named, bought]).drop_duplicates().groupby("row").size()
    return np.asarray(counts.reindex(range(n), fill_value=0), np.int64)


def hours_of(times: Sequence[int] | np.ndarray, start: int) -> np.ndarray:
    """Hour of the day, UTC, of Unix times."""
    return (np.asarray(times) - start) // HOUR_S
