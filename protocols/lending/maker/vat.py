"""Maker's ledger of vaults (vat): a vault, its collateral type, and how an owner changes it.

Stability fees are in `jug`; debt ceilings are not modelled, as owners only ever repay.
Source: makerdao/dss fa4f663, ``vat.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256

RAD = 10**45


@dataclass(frozen=True, slots=True)
class Vault:
    """A vault (Maker's urn).

    Parameters
    ----------
    ink : int
        Collateral, wad.
    art : int
        Normalised debt, wad; the debt in DAI is ``art * rate``, rad.
    """

    ink: int
    art: int


@dataclass(frozen=True, slots=True)
class Ilk:
    """A collateral type.

    Parameters
    ----------
    rate : int
        Accumulated stability fee, ray.
    spot : int
        Oracle price divided by the liquidation ratio, ray; 0 switches liquidation off.
    dust : int
        Smallest debt a vault may have, rad.
    """

    rate: int
    spot: int
    dust: int = 0

    def is_unsafe(self, vault: Vault) -> bool:
        """Whether collateral at `spot` no longer covers the debt; equality is safe."""
        return self.spot > 0 and checked(vault.ink * self.spot) < checked(vault.art * self.rate)


def frob(vault: Vault, ilk: Ilk, *, dink: int = 0, dart: int = 0) -> Vault:
    """Change collateral and normalised debt of a vault.

    Parameters
    ----------
    vault, ilk : Vault, Ilk
        The vault and its collateral type.
    dink, dart : int
        Changes of collateral and normalised debt, wad, signed.

    Raises
    ------
    Revert
        ``Vat/not-safe`` for a change that is no improvement and leaves the vault unsafe;
        ``Vat/dust`` for any change that leaves a debt below `dust`; without a reason
        for more than there is.
    """
    after = Vault(checked(vault.ink + dink), checked(vault.art + dart))
    debt = checked(after.art * ilk.rate)
    if not (dart <= 0 <= dink) and debt > checked(after.ink * ilk.spot):
        raise Revert("Vat/not-safe")
    if after.art and debt < ilk.dust:
        raise Revert("Vat/dust")
    return after


def check_range(owner: str, **values: tuple[int, int]) -> None:
    """Refuse settings outside the integer type the contract stores them in.

    Parameters
    ----------
    owner : str
        Contract, for the message.
    **values : tuple of int
        Setting -> (value, largest value).

    Raises
    ------
    ValueError
        Naming the setting, its value and the range.
    """
    for name, (value, largest) in values.items():
        if not 0 <= value <= largest:
            raise ValueError(f"Maker {owner}: {name} must be 0 to {largest}, got {value}")


def checked(value: int) -> int:
    """Pass an amount that fits 256 bits; the contracts give no reason otherwise."""
    if not 0 <= value <= MAX_UINT256:
        raise Revert("empty revert data")
    return value
