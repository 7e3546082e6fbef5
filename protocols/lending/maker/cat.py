"""Maker's liquidation trigger of 2020 (cat): an unsafe vault is sold lot by lot.

The version in force on 12 March 2020, which limited the size of a lot and nothing else;
the later limit on the total under auction is `dog`'s. Source: MODEL 1.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, RAY
from .flip import FlipAuction, FlipParameters, kick_flip
from .vat import Ilk, Vault, check_range, checked


@dataclass(frozen=True, slots=True)
class CatParameters:
    """Penalty and lot size.

    Parameters
    ----------
    chop : int
        Debt to raise per unit of debt taken, ray; 1.13e27 is a penalty of 13 %.
    lump : int
        Most collateral in one lot, wad.

    Raises
    ------
    ValueError
        If a setting does not fit where the contract stores it, or takes nothing at all.
    """

    chop: int
    lump: int

    def __post_init__(self) -> None:
        check_range("cat", chop=(self.chop, MAX_UINT256), lump=(self.lump, MAX_UINT256))
        if self.chop == 0 or self.lump == 0:
            raise ValueError(f"Maker cat: chop and lump must be positive, got {self.chop} and {self.lump}")


@dataclass(frozen=True, slots=True)
class Bite:
    """A lot of a vault sent to auction.

    Parameters
    ----------
    vault : Vault
        What is left of it; still unsafe if it held more than a lot.
    auction : FlipAuction
        The new auction.
    ink, art : int
        Collateral and normalised debt taken, wad.
    due : int
        Debt taken in DAI, without penalty, rad; becomes the system's until raised.
    """

    vault: Vault
    auction: FlipAuction
    ink: int
    art: int
    due: int


def bite(vault: Vault, ilk: Ilk, cat: CatParameters, flip: FlipParameters, now: int) -> Bite:
    """Send at most one lot of an unsafe vault to auction.

    Parameters
    ----------
    vault, ilk : Vault, Ilk
        The vault and its collateral type.
    cat, flip : CatParameters, FlipParameters
        Settings of trigger and auction.
    now : int
        Time, s.

    Raises
    ------
    Revert
        ``Cat/not-unsafe``; ``Cat/overflow``; ``invalid opcode`` for a vault with debt
        and no collateral, which the contract divides by.
    """
    if not ilk.is_unsafe(vault):
        raise Revert("Cat/not-unsafe")
    if vault.ink == 0:
        raise Revert("invalid opcode")
    lot = min(vault.ink, cat.lump)
    art = min(vault.art, checked(lot * vault.art) // vault.ink)
    if lot > 2**255 or art > 2**255:
        raise Revert("Cat/overflow")
    due = art * ilk.rate
    tab = checked(due * cat.chop) // RAY
    return Bite(Vault(vault.ink - lot, vault.art - art), kick_flip(flip, tab, lot, now), lot, art, due)
