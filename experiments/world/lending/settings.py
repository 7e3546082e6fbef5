"""What settings of several protocols have in common: values by asset, the asset that is lent, interest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ....protocols.interest import KinkedCurve
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError


class TwoSlopes(Protocol):
    """Settings of an interest curve that is steeper beyond its kink; rates a year, as fractions."""

    @property
    def kink(self) -> float: ...  # noqa: D102
    @property
    def rate_at_kink(self) -> float: ...  # noqa: D102
    @property
    def rate_at_full(self) -> float: ...  # noqa: D102


def wad(fraction: float) -> int:
    """Return a fraction as a wad in whole billionths: what a scenario says, not what its float adds."""
    return round(fraction * 10**9) * 10**9


def by_collateral(
    key: str, given: Mapping[str, float], packaged: Mapping[str, float], scenario: Scenario
) -> dict[str, float]:
    """Return a setting of each asset whose price moves, without those that have none.

    Parameters
    ----------
    key : str
        Name of the setting.
    given : mapping of str to float
        What the scenario says, by symbol.
    packaged : mapping of str to float
        What holds where it says nothing, by symbol in capitals.
    scenario : Scenario

    Raises
    ------
    ScenarioError
        If the scenario names an asset that has no moving price.
    """
    risky = [asset.symbol for asset in scenario.risky]
    for symbol in given:
        if symbol not in risky:
            raise ScenarioError(
                f"protocol.{key}.{symbol} is not an asset whose price moves; allowed: {', '.join(risky)}"
            )
    values = {symbol: given.get(symbol, packaged.get(symbol.upper(), 0.0)) for symbol in risky}
    return {symbol: value for symbol, value in values.items() if value}


def lent_asset(asked: str | None, scenario: Scenario) -> str:
    """Return the symbol of the only asset that is lent: the one asked for, or the quote asset.

    Raises
    ------
    ScenarioError
        If the one asked for is no stable asset of the scenario.
    """
    stable = [asset.symbol for asset in scenario.assets if asset.stable]
    if asked is None:
        return scenario.quote
    if asked not in stable:
        raise ScenarioError(f"protocol.debt = {asked!r}; allowed: {', '.join(stable)}")
    return asked


def check_slopes(config: TwoSlopes) -> None:
    """Refuse interest that falls beyond the kink.

    Raises
    ------
    ScenarioError
        With both rates.
    """
    if config.rate_at_full < config.rate_at_kink:
        raise ScenarioError(
            f"protocol.rate_at_full must be at least rate_at_kink ({config.rate_at_kink:g}), "
            f"got {config.rate_at_full:g}"
        )


def kinked_curve(config: TwoSlopes) -> KinkedCurve:
    """Return the interest curve of these settings; errors as `check_slopes`."""
    check_slopes(config)
    return KinkedCurve.from_fractions(
        config.kink, 0, config.rate_at_kink, config.rate_at_full - config.rate_at_kink
    )
