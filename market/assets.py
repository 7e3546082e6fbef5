"""What can be owned: assets counted in whole base units.

An asset says how many decimals it has and nothing about its price.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_DECIMALS = 9
"""Most decimals a simulated asset may have, so that balances fit in int64."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A kind of money or token.

    Parameters
    ----------
    symbol : str
        Short name, unique in a world.
    decimals : int
        One whole token is ``10 ** decimals`` base units; 0 to 9.

    Attributes
    ----------
    unit : int
        Base units in one whole token.

    Raises
    ------
    ValueError
        If `symbol` is empty or `decimals` is out of range.
    """

    symbol: str
    decimals: int
    unit: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.symbol:
            raise ValueError("asset symbol must not be empty")
        if not 0 <= self.decimals <= MAX_DECIMALS:
            raise ValueError(
                f"asset {self.symbol}: decimals must be 0 to {MAX_DECIMALS}, got {self.decimals}"
            )
        object.__setattr__(self, "unit", 10**self.decimals)

    def to_units(self, tokens: float) -> int:
        """Whole base units nearest to an amount in tokens."""
        return round(tokens * self.unit)

    def to_tokens(self, units: int) -> float:
        """Amount in tokens, for display and valuation only."""
        return units / self.unit
