"""A collateral type as governance sets it up: vault terms, trigger and auction.

A market is one such type for each asset that vaults may hold. `ClipType` is sold by
falling-price auctions (Liquidations 2.0), `FlipType` by auctions of bids (2020).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...fixed_point import MAX_UINT256, RAY
from .abaci import Abacus
from .cat import CatParameters
from .clip import ClipParameters
from .dog import DogParameters
from .flip import FlipParameters
from .vat import check_range


@dataclass(frozen=True, slots=True)
class VaultTerms:
    """On which terms vaults borrow against one collateral.

    Parameters
    ----------
    name : str
        Maker's name of the type, for example ``ETH-A``.
    mat : int
        Liquidation ratio, ray; 1.5e27 asks for 150 % of the debt.
    duty : int
        Stability fee, growth factor per second, ray; see `jug.duty_of`.
    dust : int
        Smallest debt a vault may have, rad.
    unsafe : bool
        Accept a liquidation ratio below 1 and a negative fee.

    Raises
    ------
    ValueError
        If a setting does not fit, or vaults would be worth less than their debt.
    """

    name: str
    mat: int
    duty: int
    dust: int
    unsafe: bool = False

    def __post_init__(self) -> None:
        check_range(
            self.name,
            mat=(self.mat, MAX_UINT256),
            duty=(self.duty, MAX_UINT256),
            dust=(self.dust, MAX_UINT256),
        )
        if self.mat == 0 or self.duty == 0:
            raise ValueError(
                f"Maker {self.name}: mat and duty must be positive, got {self.mat} and {self.duty}"
            )
        for setting, value in (("mat", self.mat), ("duty", self.duty)):
            if value < RAY and not self.unsafe:
                raise ValueError(
                    f"Maker {self.name}: {setting} must be at least {RAY}, got {value}; "
                    f"pass unsafe=True to try it all the same"
                )


@dataclass(frozen=True, slots=True)
class ClipType:
    """A collateral type of Liquidations 2.0: terms, trigger, auction and price function."""

    terms: VaultTerms
    dog: DogParameters
    clip: ClipParameters
    abacus: Abacus


@dataclass(frozen=True, slots=True)
class FlipType:
    """A collateral type of 2020: terms, trigger and auction."""

    terms: VaultTerms
    cat: CatParameters
    flip: FlipParameters
