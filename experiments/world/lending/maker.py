"""Maker in a world: the packaged collateral types with the changes of a scenario.

Every asset that is not stable may be collateral, one to a vault. What is lent is the
scenario's DAI, or its quote asset where there is none. A token that Maker had not listed
at the time takes the nearest listing, and lots of 2020 are no larger than the contract can
take at the scenario's first prices, see `protocols/lending/maker/presets.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from ....market.ledger import Ledger
from ....protocols.fixed_point import RAY, WAD
from ....protocols.lending.maker import presets
from ....protocols.lending.maker.abaci import StairstepExponentialDecrease
from ....protocols.lending.maker.clip_pool import ClipPool
from ....protocols.lending.maker.dog import minimum_tab
from ....protocols.lending.maker.flip_pool import FlipPool
from ....protocols.lending.maker.jug import duty_of
from ....protocols.lending.maker.market import ClipType, FlipType, VaultTerms
from ....protocols.lending.maker.vat import RAD
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.maker import (
    ClipTypeConfig,
    FlipTypeConfig,
    MakerConfig,
    MakerFlipConfig,
    VaultTypeConfig,
)
from ..assembly import starting_prices
from .kinds import Terms

T = TypeVar("T")

FLIP_PRESETS: dict[str, Callable[[str, float], FlipType]] = {
    "march-2020": presets.march_2020,
    "july-2020": presets.july_2020,
}
"""Packaged settings of the auctions by bids."""


def terms(config: MakerConfig | MakerFlipConfig, scenario: Scenario) -> Terms:
    """Return what Maker's vaults mean for borrowers."""
    kinds: Mapping[str, ClipType | FlipType]
    kinds = clip_types(config, scenario) if isinstance(config, MakerConfig) else flip_types(config, scenario)
    thresholds = {symbol: RAY / kind.terms.mat for symbol, kind in kinds.items()}
    least = {symbol: kind.terms.dust / RAD for symbol, kind in kinds.items()}
    return Terms(thresholds, single_collateral=True, debt=issued(config, scenario), least_debt_usd=least)


def build_clip(
    config: MakerConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> ClipPool:
    """Build vaults with falling-price auctions for a crowd."""
    kinds = {ledger.asset_index[symbol]: kind for symbol, kind in clip_types(config, scenario).items()}
    debt = ledger.asset_index[issued(config, scenario)]
    return ClipPool(ledger, config.name or config.kind, kinds, debt, n_borrowers, start_s)


def build_flip(
    config: MakerFlipConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> FlipPool:
    """Build vaults with auctions by bids for a crowd."""
    kinds = {ledger.asset_index[symbol]: kind for symbol, kind in flip_types(config, scenario).items()}
    debt = ledger.asset_index[issued(config, scenario)]
    return FlipPool(ledger, config.name or config.kind, kinds, debt, n_borrowers, start_s)


def issued(config: MakerConfig | MakerFlipConfig, scenario: Scenario) -> str:
    """Symbol of the stable asset that vaults owe."""
    stable = [asset.symbol for asset in scenario.assets if asset.stable]
    if config.debt is None:
        return "DAI" if "DAI" in stable else scenario.quote
    if config.debt not in stable:
        raise ScenarioError(f"{_path(config)}.debt = {config.debt!r}; allowed: {', '.join(stable)}")
    return config.debt


def clip_types(config: MakerConfig, scenario: Scenario) -> dict[str, ClipType]:
    """Collateral types by symbol of the scenario."""

    def changed(kind: ClipType, change: ClipTypeConfig) -> ClipType:
        vault, dog, clip, abacus = _terms(kind.terms, change, config), kind.dog, kind.clip, kind.abacus
        if change.penalty is not None:
            dog = replace(dog, chop=_fixed(1, change.penalty, WAD), unsafe=config.unsafe)
        if change.hole is not None:
            dog = replace(dog, hole=_fixed(0, change.hole, RAD))
        if config.total_hole is not None:
            dog = replace(dog, global_hole=_fixed(0, config.total_hole, RAD))
        given = {
            "buf": (change.buffer, RAY),
            "cusp": (change.cusp, RAY),
            "tip": (change.tip, RAD),
            "chip": (change.chip, WAD),
        }
        clip = replace(
            clip, **{k: _fixed(0, value, one) for k, (value, one) in given.items() if value is not None}
        )
        if change.tail_s is not None:
            clip = replace(clip, tail=change.tail_s)
        clip = replace(clip, chost=minimum_tab(vault.dust, dog.chop))
        if isinstance(abacus, StairstepExponentialDecrease):
            cut = abacus.cut if change.cut is None else _fixed(0, change.cut, RAY)
            step = abacus.step if change.step_s is None else change.step_s
            abacus = StairstepExponentialDecrease(cut=cut, step=step, unsafe=config.unsafe)
        return ClipType(vault, dog, clip, abacus)

    return _types(config, scenario, presets.may_2021, config.collateral, ClipTypeConfig(), changed)


def flip_types(config: MakerFlipConfig, scenario: Scenario) -> dict[str, FlipType]:
    """Collateral types by symbol of the scenario."""

    def changed(kind: FlipType, change: FlipTypeConfig) -> FlipType:
        cat, flip = kind.cat, kind.flip
        if change.penalty is not None:
            if change.penalty < 0 and not config.unsafe:
                raise ValueError(
                    f"Maker cat: penalty must be at least 0, got {change.penalty}; "
                    "pass unsafe=True to try it all the same"
                )
            cat = replace(cat, chop=_fixed(1, change.penalty, RAY))
        if change.lot is not None:
            cat = replace(cat, lump=_fixed(0, change.lot, WAD))
        if change.raise_step is not None:
            flip = replace(flip, beg=_fixed(1, change.raise_step, WAD))
        if change.bid_s is not None:
            flip = replace(flip, ttl=change.bid_s)
        if change.auction_s is not None:
            flip = replace(flip, tau=change.auction_s)
        return FlipType(_terms(kind.terms, change, config), cat, flip)

    preset, prices = FLIP_PRESETS[config.preset], starting_prices(scenario)

    def packaged(symbol: str) -> FlipType:
        return preset(symbol, prices[symbol])

    return _types(config, scenario, packaged, config.collateral, FlipTypeConfig(), changed)


C = TypeVar("C", bound=VaultTypeConfig)


def _types(
    config: MakerConfig | MakerFlipConfig,
    scenario: Scenario,
    preset: Callable[[str], T],
    changes: Mapping[str, C],
    unchanged: C,
    changed: Callable[[T, C], T],
) -> dict[str, T]:
    symbols = [asset.symbol for asset in scenario.risky]
    path = f"{_path(config)}.collateral"
    for symbol in changes:
        if symbol not in symbols:
            raise ScenarioError(f"unknown key {path}.{symbol}; allowed: {', '.join(symbols)}")
    types = {}
    for symbol in symbols:
        try:
            types[symbol] = changed(preset(symbol), changes.get(symbol, unchanged))
        except ValueError as error:
            advice = str(error).replace("pass unsafe=True", f"set {_path(config)}.unsafe = true")
            raise ScenarioError(f"{path}.{symbol}: {advice}") from error
    return types


def _terms(terms: VaultTerms, change: VaultTypeConfig, config: MakerConfig | MakerFlipConfig) -> VaultTerms:
    mat, duty, dust = terms.mat, terms.duty, terms.dust
    if change.liquidation_ratio is not None:
        mat = _fixed(0, change.liquidation_ratio, RAY)
    if change.stability_fee is not None:
        duty = duty_of(change.stability_fee)
    if change.dust is not None:
        dust = _fixed(0, change.dust, RAD)
    return VaultTerms(terms.name, mat, duty, dust, unsafe=config.unsafe)


def _fixed(offset: int, value: float, one: int) -> int:
    """Fixed-point number whose unit is `one`, from decimal digits as they are written."""
    return int((offset + Decimal(repr(value))) * one)


def _path(config: MakerConfig | MakerFlipConfig) -> str:
    return f"protocols.{config.name}" if config.name else "protocol"
