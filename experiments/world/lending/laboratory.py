"""The laboratory in a world: from the parts that a scenario names to a pool that runs them."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

from ....market.ledger import Ledger
from ....protocols.fixed_point import PERCENTAGE_FACTOR, RAY, WAD
from ....protocols.lending.aave.parameters import Market
from ....protocols.lending.laboratory import (
    EnglishPool,
    LaboratoryPool,
    LaboratoryRules,
    OffsetPool,
    PricePool,
    SealedPool,
)
from ....protocols.lending.laboratory.english_pool import EnglishRules
from ....protocols.lending.laboratory.offset_pool import OffsetRules
from ....protocols.lending.laboratory.price_pool import PriceRules
from ....protocols.lending.maker.abaci import (
    Abacus,
    ExponentialDecrease,
    LinearDecrease,
    StairstepExponentialDecrease,
)
from ....protocols.lending.maker.clip import ClipParameters
from ....protocols.lending.maker.flip import FlipParameters
from ....protocols.lending.morpho.parameters import MarketParameters
from ....protocols.liquidation import (
    AnyAmount,
    BadDebt,
    CloseFactor,
    DepthAware,
    DustFloor,
    FixedBonus,
    HealthFactorTrigger,
    KeeperReward,
    LiquidationMechanism,
    NoRemainder,
    Pace,
    PriceBands,
    Pricing,
    RisingBonus,
    RisingDiscount,
    SealedBids,
    Sizing,
    TargetHealthFactor,
    TrancheSchedule,
    WholePositionCloseFactor,
)
from ....protocols.liquidation.curves import AjnaDecrease, ConstantPrice, TwoLegDecrease, root_of_half
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.laboratory import (
    AjnaPricing,
    AuctionPricing,
    BatchPricing,
    CloseFactorSizing,
    DepthAwareSizing,
    DutchPricing,
    EnglishPricing,
    ExponentialPricing,
    FixedBonusPricing,
    FullSizing,
    IncentiveFactorPricing,
    LaboratoryConfig,
    LinearPricing,
    ModelPricing,
    OffsetPricing,
    OwnPart,
    PriceBandSizing,
    RisingBonusPricing,
    RisingDiscountPricing,
    SealedPricing,
    SizingConfig,
    StairPricing,
    StorefrontPricing,
    TargetHealthSizing,
    TrancheSizing,
    WholePositionSizing,
)
from ...scenarios.objects import build_strategy, import_object
from .aave import reserves as aave_reserves
from .kinds import Terms

WHERE = "protocol.mechanism"

OWN_DUTCH = DutchPricing()
"""Buffer, tail and cusp of a price function of one's own."""


def terms(config: LaboratoryConfig, scenario: Scenario) -> Terms:
    """Return what the laboratory means for borrowers."""
    below = config.mechanism.trigger.below
    reserves = laboratory_market(config, scenario).reserves
    return Terms(
        {r.symbol: r.liquidation_threshold / 1e4 / below for r in reserves if r.liquidation_threshold}
    )


def build(
    config: LaboratoryConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> LaboratoryPool:
    """Build the pool that the pricing asks for.

    Raises
    ------
    ScenarioError
        If a part refuses its parameters, or a class of one's own is no part.
    """
    market = laboratory_market(config, scenario)
    try:
        rules = _rules(config, scenario, market)
        pricing = _pricing(config)
        if rules.bands is not None and pricing is not None:
            raise ValueError("sizing.kind = 'price-bands' needs a pricing that serves calls, with seize")
        hope = _hope(config, market, pricing)
        given = (ledger, market, rules, n_borrowers, start_s, config.utilisation)
        if isinstance(pricing, PriceRules):
            return PricePool(*given, pricing=pricing, most_bonus=hope)
        if isinstance(pricing, EnglishRules):
            return EnglishPool(*given, pricing=pricing, most_bonus=hope)
        if isinstance(pricing, SealedBids):
            return SealedPool(*given, pricing=pricing, most_bonus=hope)
        if isinstance(pricing, OffsetRules):
            return OffsetPool(*given, pricing=pricing, most_bonus=hope)
        return LaboratoryPool(*given, most_bonus=hope)
    except ValueError as error:
        if isinstance(error, ScenarioError):
            raise
        raise ScenarioError(f"{WHERE}: {error}") from error


def laboratory_market(config: LaboratoryConfig, scenario: Scenario) -> Market:
    """Return the market with the bonus that the pricing fixes and the mechanism of its first asset."""
    pricing = config.mechanism.pricing
    reserves = []
    for reserve in aave_reserves(config, scenario):
        change: dict[str, Any] = {"liquidation_protocol_fee": round(config.protocol_fee * 10_000)}
        threshold = reserve.liquidation_threshold
        if threshold and isinstance(pricing, FixedBonusPricing) and pricing.bonus is not None:
            change["liquidation_bonus"] = PERCENTAGE_FACTOR + round(pricing.bonus * 10_000)
        if threshold and isinstance(pricing, IncentiveFactorPricing):
            lltv = threshold * WAD // PERCENTAGE_FACTOR
            factor = MarketParameters(lltv, 0, _wad(pricing.cursor), _wad(pricing.cap), True).incentive_factor
            change["liquidation_bonus"] = factor * PERCENTAGE_FACTOR // WAD
        try:
            reserves.append(dataclasses.replace(reserve, **change))
        except ValueError as error:
            advice = str(error).replace("pass unsafe=True", "set protocol.unsafe = true")
            raise ScenarioError(f"{WHERE}.pricing: {advice}") from error
    try:
        mechanism = _mechanism(config, scenario, 0)
    except ValueError as error:
        raise error if isinstance(error, ScenarioError) else ScenarioError(f"{WHERE}: {error}") from error
    return Market(config.name or config.kind, tuple(reserves), mechanism)


def _rules(config: LaboratoryConfig, scenario: Scenario, market: Market) -> LaboratoryRules:
    parts, pricing, sizing = config.mechanism, config.mechanism.pricing, config.mechanism.sizing
    lots = pricing if isinstance(pricing, AuctionPricing) else OWN_DUTCH
    pace = Pace()
    if isinstance(sizing, SizingConfig):
        pace = Pace(sizing.cool_off_s, sizing.one_per_block)
    return LaboratoryRules(
        mechanisms=tuple(_mechanism(config, scenario, i) for i in range(len(market.reserves))),
        threshold=_wad(parts.trigger.below),
        pace=pace,
        bands=_bands(sizing),
        bad_debt=BadDebt(parts.rest.kind),
        fund=parts.rest.insurance_fund,
        keeper=KeeperReward(round(parts.keeper.tip_usd * 10**8), _wad(parts.keeper.chip)),
        penalty=_wad(lots.penalty),
        cover=round(lots.cover * 10_000),
    )


def _bands(sizing: object) -> PriceBands | None:
    if not isinstance(sizing, PriceBandSizing):
        return None
    return PriceBands(sizing.bands, round(sizing.width * 10_000))


def _mechanism(config: LaboratoryConfig, scenario: Scenario, asset: int) -> LiquidationMechanism:
    parts = config.mechanism
    residual: DustFloor | NoRemainder | None = None
    if isinstance(parts.sizing, FullSizing):
        residual = NoRemainder()
    elif isinstance(parts.sizing, SizingConfig) and parts.sizing.dust_usd:
        residual = DustFloor(round(parts.sizing.dust_usd * 10**8))
    return LiquidationMechanism(
        HealthFactorTrigger(_wad(parts.trigger.below)),
        _sizing(parts.sizing, scenario, asset),
        _call_pricing(config),
        residual,
    )


def _sizing(config: SizingConfig | OwnPart, scenario: Scenario, asset: int) -> Sizing:
    if isinstance(config, OwnPart):
        part: Sizing = _own(config, "sizing", ("max_repay",))
        return part
    if isinstance(config, CloseFactorSizing):
        share = round(config.share * 10_000)
        full = share if config.full_share is None else round(config.full_share * 10_000)
        return CloseFactor(share, full, _wad(config.full_below))
    if isinstance(config, WholePositionSizing):
        small = round(2 * config.dust_usd * 10**8)
        return WholePositionCloseFactor(round(config.share * 10_000), _wad(config.full_below), small)
    if isinstance(config, TargetHealthSizing):
        return TargetHealthFactor(_wad(config.target))
    if isinstance(config, TrancheSizing):
        for step in config.steps:
            if len(step) != 2:
                raise ScenarioError(
                    f"{WHERE}.sizing.steps: {list(step)} must be a pair of a health factor and a share"
                )
        return TrancheSchedule(tuple((_wad(step[0]), round(step[1] * 10_000)) for step in config.steps))
    if isinstance(config, DepthAwareSizing):
        return _depth_aware(config, scenario, asset)
    return AnyAmount()


def _depth_aware(config: DepthAwareSizing, scenario: Scenario, asset: int) -> Sizing:
    risky = {a.symbol for a in scenario.risky}
    for symbol in config.depth_usd:
        if symbol not in risky:
            raise ScenarioError(
                f"{WHERE}.sizing.depth_usd.{symbol} is not an asset whose price moves; "
                f"allowed: {', '.join(sorted(risky))}"
            )
    listed = scenario.assets[asset]
    depth = config.depth_usd.get(listed.symbol, listed.pool.depth_usd if listed.pool else 0.0)
    if listed.stable:
        return AnyAmount()
    if depth <= 0.0:
        raise ScenarioError(
            f"{WHERE}.sizing.depth_usd.{listed.symbol} is missing; assets.{listed.symbol} has no pool to "
            "take the depth from"
        )
    return DepthAware(round(depth * 10**8), round(config.share * 10_000))


def _call_pricing(config: LaboratoryConfig) -> Pricing:
    """Return the part that prices a call; auctions price lots instead and never ask it."""
    pricing = config.mechanism.pricing
    if isinstance(pricing, RisingBonusPricing):
        bonus = (round(pricing.base * 10_000), round(pricing.most * 10_000))
        return RisingBonus(*bonus, _wad(pricing.full_at))
    if isinstance(pricing, RisingDiscountPricing):
        return RisingDiscount(
            round(pricing.base * 10_000), round(pricing.most * 10_000), round(pricing.slope * 10_000)
        )
    if isinstance(pricing, OwnPart):
        part = _own(pricing, "pricing", ("seize", "price"))
        if hasattr(part, "seize"):
            priced: Pricing = part
            return priced
    return FixedBonus()


def _pricing(config: LaboratoryConfig) -> PriceRules | EnglishRules | SealedBids | OffsetRules | None:
    """Return how lots are sold, None where calls are served at once."""
    pricing = config.mechanism.pricing
    if isinstance(pricing, StorefrontPricing):
        clip = ClipParameters(_ray(1.0 - pricing.discount), 10**9, 0)
        return PriceRules(ConstantPrice(), clip, follows=True, credit=_wad(pricing.credit))
    if isinstance(pricing, OwnPart):
        part = _own(pricing, "pricing", ("seize", "price"))
        return None if hasattr(part, "seize") else PriceRules(part, _clip(OWN_DUTCH))
    if isinstance(pricing, DutchPricing):
        return PriceRules(_curve(pricing), _clip(pricing), follows=isinstance(pricing, ModelPricing))
    if isinstance(pricing, EnglishPricing):
        flip = FlipParameters(_wad(1.0 + pricing.raise_step), pricing.bid_s, pricing.auction_s)
        return EnglishRules(flip, pricing.phases)
    if isinstance(pricing, SealedPricing):
        return SealedBids(pricing.kind.removeprefix("sealed-"), pricing.window_s, _wad(pricing.reserve))
    if isinstance(pricing, BatchPricing):
        return SealedBids("uniform", pricing.window_s, _wad(pricing.reserve))
    if isinstance(pricing, OffsetPricing):
        return OffsetRules(pricing.deposits, round(pricing.penalty * 10_000))
    return None


def _curve(pricing: DutchPricing) -> Abacus:
    if isinstance(pricing, LinearPricing):
        return LinearDecrease(pricing.zero_after_s)
    if isinstance(pricing, StairPricing):
        return StairstepExponentialDecrease(_ray(pricing.cut), pricing.step_s)
    if isinstance(pricing, ExponentialPricing):
        return ExponentialDecrease(root_of_half(pricing.half_life_s))
    if isinstance(pricing, ModelPricing):
        return TwoLegDecrease(_wad(pricing.middle / pricing.buffer), pricing.fast_s, pricing.slow_s)
    assert isinstance(pricing, AjnaPricing)
    return AjnaDecrease()


def _clip(pricing: DutchPricing) -> ClipParameters:
    return ClipParameters(_ray(pricing.buffer), pricing.tail_s, _ray(pricing.cusp))


def _hope(config: LaboratoryConfig, market: Market, lots: object) -> float | None:
    """Return what takers may hope for as a fraction of the debt: the most a call gains, or a lot leaves."""
    pricing = config.mechanism.pricing
    if isinstance(pricing, RisingBonusPricing):
        return pricing.most
    if isinstance(pricing, RisingDiscountPricing):
        return 1.0 / (1.0 - pricing.most) - 1.0
    if isinstance(pricing, StorefrontPricing):
        return pricing.discount
    if isinstance(pricing, OffsetPricing):
        return pricing.penalty
    if isinstance(pricing, EnglishPricing):
        return pricing.raise_step
    if lots is not None:
        return 0.05  # what competition leaves of a falling or a sealed price
    if isinstance(pricing, OwnPart):
        return max(r.liquidation_bonus for r in market.reserves) / PERCENTAGE_FACTOR - 1.0
    return None


def _own(config: OwnPart, section: str, methods: tuple[str, ...]) -> Any:
    """Make a part of the user's own.

    Raises
    ------
    ScenarioError
        If it is not found, refuses its parameters, or has none of the methods.
    """
    where = f"{WHERE}.{section}"
    part = build_strategy(
        import_object(config.part, f"{where}.part"), config.parameters, f"{where}.parameters"
    )
    if not any(callable(getattr(part, method, None)) for method in methods):
        raise ScenarioError(f"{where}.part = {config.part!r} needs a method {' or '.join(methods)}")
    return part


def _wad(value: float) -> int:
    """Return a number with 18 decimals, exactly as it is written."""
    return int(Decimal(repr(value)) * WAD)


def _ray(value: float) -> int:
    """Return a number with 27 decimals, exactly as it is written."""
    return int(Decimal(repr(value)) * RAY)
