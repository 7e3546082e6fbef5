"""From the names of a scenario to the rules of a margin venue: marks and margin tables."""

from __future__ import annotations

import math

from ....agents.strategies.exits import SCHEDULES, Schedule
from ....agents.strategies.vault import UNLOAD_POLICIES, UnloadPolicy
from ....protocols.margin.account_margin import AccountMargin, ScenarioMargin, StandardMargin
from ....protocols.margin.haircuts import DynamicMargin
from ....protocols.margin.marks import (
    FundingBasisMedian,
    HybridMark,
    HybridSwitch,
    IndexMark,
    IndexWeightedMedian,
    LastTradeMark,
    MarkRule,
    MidMark,
    ModelMark,
    UncertaintyHaircut,
)
from ....protocols.margin.model_auction import AccountAuction
from ....protocols.margin.scenario_grid import DERIBIT, DERIVE, PARADEX, ScenarioGrid
from ....protocols.margin.sizing import CloseAll, CloseToTarget, CloseTranches, CloseUnderImpact, MarginSizing
from ....protocols.margin.tiers import NANO, MarginTiers, TierError, to_nano
from ...scenarios.base import ScenarioError
from ...scenarios.exit_plans import read_exit
from ...scenarios.margin import BackstopConfig, LiquidationConfig, MarkConfig, VenueConfig
from ...scenarios.objects import build_strategy
from .auction_terms import AuctionTerms

MARKS: dict[str, type[MarkRule]] = {
    "index": IndexMark,
    "last": LastTradeMark,
    "mid": MidMark,
    "median": IndexWeightedMedian,
    "funding-basis": FundingBasisMedian,
    "model": ModelMark,
    "hybrid": HybridMark,
    "hybrid-switch": HybridSwitch,
}
"""Packaged marks by name."""

GRIDS: dict[str, ScenarioGrid] = {"deribit": DERIBIT, "derive": DERIVE, "paradex": PARADEX}
"""Published grids by name."""

ADD_ON_STEP = 0.001
"""What is added to margin rates is a multiple of this, so that they rarely change."""


def build_mark(config: MarkConfig, where: str, key: str = "mark") -> MarkRule:
    """Return a mark that a venue names under a key; `where` is the venue's place in the scenario."""
    return build_strategy(MARKS[config.kind], config.parameters, f"{where}.{key}.parameters")


def build_account_margin(config: VenueConfig, unit: float) -> AccountMargin:
    """Return the rule by which whole accounts are margined; `unit` is the base units in one USD."""
    if config.margin == "portfolio":
        return ScenarioMargin(GRIDS[config.grid or "deribit"])
    return StandardMargin(build_tiers(config, unit))


def build_haircut(config: MarkConfig) -> UncertaintyHaircut | None:
    """Return the haircut on the mark, or None."""
    if not config.haircut_deviations:
        return None
    return UncertaintyHaircut(config.haircut_deviations, config.haircut_at_most)


def build_dynamic_margin(config: VenueConfig, where: str) -> DynamicMargin | None:
    """Return the rule by which maintenance follows the market, or None."""
    if config.dynamic_margin is None:
        return None
    return build_strategy(DynamicMargin, config.dynamic_margin, f"{where}.dynamic_margin")


def build_tiers(config: VenueConfig, unit: float, add_on: float = 0.0) -> MarginTiers:
    """Return the maintenance margins of a venue.

    Parameters
    ----------
    config : VenueConfig
    unit : float
        Base units of the settlement asset in one USD.
    add_on : float
        Added to each rate: what a haircut on the mark and dynamic margin ask for.

    Raises
    ------
    ScenarioError
        If the table is not ordered.
    """
    for number, tier in enumerate(config.tiers[:-1]):
        if tier.up_to_usd is None:
            raise ScenarioError(
                f"venues.{config.name}.tiers.{number}.up_to_usd is missing; only the last may leave it out"
            )
    bounds = [math.inf if tier.up_to_usd is None else tier.up_to_usd for tier in config.tiers]
    rates = [min(tier.maintenance + add_on, 1.0) for tier in config.tiers]
    try:
        return MarginTiers.table(bounds, rates, unit=unit)
    except TierError as error:
        raise ScenarioError(f"venues.{config.name}.tiers: {error}") from None


def stepped(add_on: float) -> float:
    """Round what is added to margin rates up to a whole number of steps."""
    return math.ceil(add_on / ADD_ON_STEP - 1e-9) * ADD_ON_STEP


def build_schedule(config: LiquidationConfig, where: str) -> Schedule | None:
    """Return how a liquidation is spread over time on the book; None for all at once.

    Raises
    ------
    ScenarioError
        If it is no schedule.
    """
    if config.execution == "market":
        return None
    path = f"{where}.liquidation.execution"
    schedule = read_exit(config.execution, path, ("market", "auction", *SCHEDULES))
    if isinstance(schedule, str):
        raise ScenarioError(
            f"{path} = {config.execution!r}; allowed: market, auction, or a schedule: {', '.join(SCHEDULES)}"
        )
    return schedule


def build_auction(config: LiquidationConfig, where: str) -> tuple[AccountAuction, bool] | None:
    """Return the auction of a venue's liquidations, and whether it goes by the model; None for none.

    Raises
    ------
    ScenarioError
        If a parameter is unknown or out of range.
    """
    given = config.execution
    kind = given if isinstance(given, str) else given.get("kind")
    if kind != "auction":
        return None
    options = {} if isinstance(given, str) else {key: value for key, value in given.items() if key != "kind"}
    terms = build_strategy(AuctionTerms, options, f"{where}.liquidation.execution")
    return terms.rule(), terms.value == "model"


def build_unloading(config: BackstopConfig, where: str) -> UnloadPolicy | None:
    """Return how the backstop vault unloads; None if it keeps what it takes.

    Raises
    ------
    ScenarioError
        If there is no such policy, or a parameter is unknown or out of range.
    """
    if config.unload is None:
        return None
    path = f"{where}.backstop.unload"
    options = dict(config.unload) if isinstance(config.unload, dict) else {"kind": config.unload}
    kind = options.pop("kind", None)
    if kind not in UNLOAD_POLICIES:
        raise ScenarioError(f"{path}.kind = {kind!r}; allowed: {', '.join(UNLOAD_POLICIES)}")
    return build_strategy(UNLOAD_POLICIES[kind], options, path)


def build_sizing(
    config: LiquidationConfig,
    rate: float,
    depth_usd: float,
    band: float,
    price_usd: float,
    lot: float,
    unit: float,
) -> MarginSizing:
    """Return how much of a position is closed.

    Parameters
    ----------
    config : LiquidationConfig
    rate : float
        Highest maintenance rate, which greedy restores a multiple of.
    depth_usd, band : float
        Depth of the side that a sale would meet, within this fraction of the mid.
    price_usd, lot : float
        Mark, and tokens in a lot.
    unit : float
        Base units in one USD.
    """
    if config.sizing == "full":
        return CloseAll()
    if config.sizing == "tranche":
        return CloseTranches(((NANO, to_nano(config.tranche)),))
    if config.sizing == "to-target":
        return CloseToTarget(to_nano(config.target), to_nano(config.fee))
    # an even book of depth D within a band b falls by b p^2 / D for each token sold
    impact = band * price_usd**2 / max(depth_usd, 1.0)
    return CloseUnderImpact(impact, min(config.target * rate, 1.0), lot, unit)
