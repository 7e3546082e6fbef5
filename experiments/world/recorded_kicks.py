"""Auctions that an episode has recorded: who was kicked when, with which lot and which debt to raise.

Each recorded auction is a vault of its own from the start of the run, and is kicked at its
recorded time whatever the oracle of this world says. Kicks, lots and debts are
inputs; everything after the kick is the rules' and the agents' own. How the recorded
auctions ended is not read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...agents.base import DecidingAgent, Intent, Kick, Opportunity, PublicView
from ...agents.population import PASSIVE, Population
from ...protocols.lending.maker.pool import VaultPool
from ..episodes import load_episode
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.credit import RecordedVaults
from .credit import CreditMarket

if TYPE_CHECKING:
    from ..model import LiquidationMarket

COLLATERAL = "ETH"
"""What the recorded vaults hold."""

CHOP = 1.13
"""Debt to raise per unit of debt taken on that day (MODEL 1.4)."""

UNIT = 1e9
"""Base units of a token with the most decimals a simulated asset may have."""


def recorded_kicks(config: RecordedVaults) -> pd.DataFrame:
    """Return time (Unix s), lot (ETH) and tab (DAI) of the kicks that a scenario takes from its episode."""
    kicks = load_episode(config.episode).kicks[["ts", "lot_eth", "tab_dai"]]
    return kicks if config.until is None else kicks[kicks.ts < config.until.timestamp()]


def recorded_vaults(config: RecordedVaults, scenario: Scenario, prices: Mapping[str, float]) -> Population:
    """Return the vaults behind the recorded kicks, in their order: the lot, and the tab less its penalty.

    Raises
    ------
    ScenarioError
        If the scenario has no Maker, no ETH or no DAI to put them in, or begins after the first of them.
    """
    kinds = [lending.kind for lending in scenario.lending]
    if len(kinds) != 1 or kinds[0] not in ("maker", "maker-flip"):
        raise ScenarioError(
            f"borrowers.law = 'recorded-kicks' does not fit protocol.kind = {', '.join(kinds)}; "
            "allowed: maker or maker-flip, alone"
        )
    for symbol in (COLLATERAL, "DAI"):
        if symbol not in scenario.symbols or scenario.asset(symbol).decimals != 9:
            raise ScenarioError(
                f"borrowers.law = 'recorded-kicks' needs assets.{symbol} with decimals = 9, "
                "so that recorded amounts are whole base units"
            )
    kicks = recorded_kicks(config)
    end_s = (scenario.start_s or 0.0) + scenario.clock.n_blocks * scenario.clock.block_time_s
    if not len(kicks) or scenario.start_s is None or not scenario.start_s <= kicks.ts.iloc[0] <= end_s:
        raise ScenarioError(
            f"borrowers.episode = {config.episode!r} has no kick that the run can begin with; allowed: "
            "clock.start before the first kick and borrowers.until after it, within the run"
        )
    n = len(kicks)
    lots = np.round(kicks.lot_eth.to_numpy() * UNIT)
    debts = np.round(kicks.tab_dai.to_numpy() / CHOP * UNIT)
    none, never = np.zeros(n), np.full(n, np.inf)
    # half a base unit each way, as the world rounds collateral up and debt down
    tokens, owed = (lots - 0.5) / UNIT, (debts + 0.5) / UNIT * prices["DAI"]
    return Population(
        collateral_symbols=(COLLATERAL,),
        debt_symbols=("DAI",),
        collateral_tokens=tokens[:, None],
        debt_usd=owed[:, None],
        health_factor=tokens * prices[COLLATERAL] / owed,
        alert_level=none,
        target_health=none,
        delay_s=none,
        wealth=none,
        type_code=np.full(n, PASSIVE, np.int8),
        reset_s=never,
        reset_health=none,
        reset_alert_level=none,
    )


class RecordedKicker(DecidingAgent):
    """Whoever kicked: it holds the rewards that kicks pay and decides nothing."""

    role = "kicker"

    def decide(self, view: PublicView) -> list[Intent]:
        """Return nothing: its kicks are recorded, not decided."""
        return []


class KickSchedule:
    """Kicks the recorded vaults of a world when their time has come.

    Parameters
    ----------
    world : LiquidationMarket
    market : CreditMarket
        The protocol that holds the vaults, row by row in the order of the kicks.
    config : RecordedVaults
    """

    def __init__(self, world: LiquidationMarket, market: CreditMarket, config: RecordedVaults) -> None:
        pool = market.pool
        if not isinstance(pool, VaultPool):
            raise TypeError(f"{pool.name} has no vaults")
        self.world, self.market, self.pool = world, market, pool
        kicks = recorded_kicks(config)
        self.times_s: list[float] = (kicks.ts - market.pool.start_s).astype(float).tolist()
        self.tabs_dai: list[float] = kicks.tab_dai.tolist()
        self.kicker = RecordedKicker(world, "recorded-kicker", world.ledger.open_account("kicker"), None)
        self.collateral = world.ledger.asset_index[COLLATERAL]
        self.done = 0

    def kick(self) -> None:
        """Kick all vaults that are due and write it down."""
        world, now = self.world, self.world.time_s
        while self.done < len(self.times_s) and self.times_s[self.done] <= now:
            row = self.done
            before = world.ledger.balances[self.kicker.account].copy()
            result: Any = self.pool.kick_recorded(row, self.kicker.account, int(now))
            change = world.ledger.balances[self.kicker.account] - before
            wanted = Opportunity(
                row, 0.0, self.collateral, self.pool.debt, self.tabs_dai[row], 0.0,
                self.market.number, True, self.pool.kick_pays,
            )  # fmt: skip
            world.journal.kick(self.kicker, Kick(wanted, 0.0), result, change)
            self.done += 1
