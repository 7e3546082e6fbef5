"""Maker's liquidation trigger of 2021 (dog): which part of a vault goes to auction.

The debt under auction is limited per collateral type (`hole`) and in all (`global_hole`),
so a crash cannot put more on sale than the market is believed to bear. Sources: MODEL
1.4, CASES A01 and the conformance set ``maker_liq2``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, WAD
from .clip import ClipParameters, Sale, kick
from .vat import Ilk, Vault, check_range, checked


@dataclass(frozen=True, slots=True)
class DogParameters:
    """Penalty and limits.

    Parameters
    ----------
    chop : int
        Debt to raise per unit of debt taken, wad; 1.13e18 is a penalty of 13 %.
    hole : int
        Most debt of this collateral type under auction, penalty included, rad.
    global_hole : int
        Most debt of all types under auction (Maker's ``Hole``), rad.
    unsafe : bool
        Accept a negative penalty (`chop` below 1).

    Raises
    ------
    ValueError
        If a setting is one the contract refuses.
    """

    chop: int
    hole: int
    global_hole: int
    unsafe: bool = False

    def __post_init__(self) -> None:
        check_range(
            "dog",
            chop=(self.chop, MAX_UINT256),
            hole=(self.hole, MAX_UINT256),
            global_hole=(self.global_hole, MAX_UINT256),
        )
        if self.chop == 0:
            raise ValueError("Maker dog: chop must be positive, got 0 (the size of a lot divides by it)")
        if self.chop < WAD and not self.unsafe:
            raise ValueError(
                f"Maker dog: chop must be at least {WAD} (file-chop-lt-WAD), got {self.chop}; "
                f"pass unsafe=True to try it all the same"
            )


@dataclass(frozen=True, slots=True)
class Dirt:
    """Debt under auction: of one collateral type and of all, rad."""

    ilk: int = 0
    total: int = 0

    def dig(self, amount: int) -> Dirt:
        """Debt under auction after `amount` (rad) of it was raised or given up."""
        return Dirt(checked(self.ilk - amount), checked(self.total - amount))


@dataclass(frozen=True, slots=True)
class Bark:
    """A vault, or part of it, sent to auction.

    Parameters
    ----------
    vault : Vault
        What is left of it.
    dirt : Dirt
        Debt under auction, the new sale included.
    sale : Sale
        The new sale.
    dink, dart : int
        Collateral and normalised debt taken, wad.
    due : int
        Debt taken in DAI, without penalty, rad; becomes the system's until raised.
    coin : int
        Keeper's reward, rad.
    """

    vault: Vault
    dirt: Dirt
    sale: Sale
    dink: int
    dart: int
    due: int
    coin: int


def minimum_tab(dust: int, chop: int) -> int:
    """`chost` of a collateral type: its smallest debt with the penalty, rad."""
    return dust * chop // WAD


def bark(
    vault: Vault, ilk: Ilk, dog: DogParameters, clip: ClipParameters, *, dirt: Dirt, feed: int, now: int
) -> Bark:
    """Send an unsafe vault to auction, as much of it as the limits allow.

    A part that would leave less than `dust` in the vault takes it all, beyond the limit;
    a part that is itself below `dust` is refused.

    Parameters
    ----------
    vault, ilk : Vault, Ilk
        The vault and its collateral type.
    dog, clip : DogParameters, ClipParameters
        Settings of trigger and auction.
    dirt : Dirt
        Debt under auction.
    feed : int
        Oracle price, ray (`clip.feed_price`).
    now : int
        Time, s.

    Raises
    ------
    Revert
        ``Dog/not-unsafe``, ``Dog/liquidation-limit-hit``,
        ``Dog/dusty-auction-from-partial-liquidation``, ``Dog/null-auction``,
        ``Dog/overflow`` and what `clip.kick` raises.
    """
    if not ilk.is_unsafe(vault):
        raise Revert("Dog/not-unsafe")
    if dog.global_hole <= dirt.total or dog.hole <= dirt.ilk:
        raise Revert("Dog/liquidation-limit-hit")
    room = min(dog.global_hole - dirt.total, dog.hole - dirt.ilk)
    dart = min(vault.art, checked(room * WAD) // ilk.rate // dog.chop)
    if dart < vault.art:
        if (vault.art - dart) * ilk.rate < ilk.dust:
            dart = vault.art
        elif dart * ilk.rate < ilk.dust:
            raise Revert("Dog/dusty-auction-from-partial-liquidation")
    dink = checked(vault.ink * dart) // vault.art
    if dink == 0:
        raise Revert("Dog/null-auction")
    if dart > 2**255 or dink > 2**255:
        raise Revert("Dog/overflow")
    due = dart * ilk.rate
    tab = checked(due * dog.chop) // WAD
    started = kick(clip, tab, dink, feed, now)
    return Bark(
        vault=Vault(vault.ink - dink, vault.art - dart),
        dirt=Dirt(checked(dirt.ilk + tab), checked(dirt.total + tab)),
        sale=started.sale,
        dink=dink,
        dart=dart,
        due=due,
        coin=started.coin,
    )
