"""All checks of a scenario, one list."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..model import LiquidationMarket
from ..scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Finding:
    """A warning.

    Attributes
    ----------
    code : str
        Names the check; stable.
    where : str
        Protocol, and asset where it concerns one.
    value : float
        What was found, in the unit that the message names.
    message : str
        What it means and what would change it.
    """

    code: str
    where: str
    value: float
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def check(scenario: Scenario, seed: int | None = None) -> list[Finding]:
    """Build the world of a scenario, run nothing, and return what asks for trouble.

    Parameters
    ----------
    scenario : Scenario
    seed : int, optional
        Of the population; the scenario's own if left out.

    Raises
    ------
    ScenarioError
        If the scenario cannot run.
    """
    from .auctions import auction_findings
    from .bonus import bonus_findings
    from .crowd import crowd_findings
    from .rights import rights_findings

    world = LiquidationMarket(scenario, scenario.seed if seed is None else seed)
    try:
        found = []
        for market in world.credit:
            found += bonus_findings(world, market)
            found += crowd_findings(world, market)
            found += auction_findings(world, market)
        return found + rights_findings(world)
    finally:
        world.close()
