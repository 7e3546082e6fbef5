"""What a LLAMMA remembers: bands, shares, its last oracle price and its interest.

Amounts in bands have 18 decimals whatever the tokens have. The rules of the sibling
modules change an `Amm` in place, and only once nothing can refuse any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...fixed_point import WAD
from .parameters import AmmParameters

DEAD_SHARES = 1000
"""Shares nobody owns, added to the total of every band against inflation of the first share."""


@dataclass(slots=True)
class Deposit:
    """Shares of one user in consecutive bands.

    Parameters
    ----------
    first, last : int
        Bands n1 to n2.
    shares : list of int
        One number a band; empty once everything was withdrawn.
    """

    first: int
    last: int
    shares: list[int]


@dataclass(frozen=True, slots=True)
class Limiter:
    """The oracle price last stored by an exchange, the fee stored with it, and when (s)."""

    price: int
    fee: int
    time: int


@dataclass(frozen=True, slots=True)
class Interest:
    """How base prices grow: multiplier at `time` (wad), simple interest since (wad per second)."""

    multiplier: int
    rate_per_second: int
    time: int

    def at(self, now: int) -> int:
        """Return the multiplier now, wad."""
        return self.multiplier * (WAD + self.rate_per_second * (now - self.time)) // WAD


@dataclass(slots=True)
class Amm:
    """One LLAMMA.

    Parameters
    ----------
    parameters : AmmParameters
        Settings.
    limiter : Limiter
        Last stored oracle price.
    interest : Interest
        Growth of the base price.
    active_band, min_band, max_band : int
        Where the price is, and between which bands there may be liquidity.
    bands_x, bands_y, total_shares : dict of int to int
        Borrowed token, collateral and shares by band, absent where 0.
    admin_fees_x, admin_fees_y : int
        Collected for the admin, token units.
    deposits : dict
        User to shares.
    """

    parameters: AmmParameters
    limiter: Limiter
    interest: Interest
    active_band: int = 0
    min_band: int = 0
    max_band: int = 0
    bands_x: dict[int, int] = field(default_factory=dict)
    bands_y: dict[int, int] = field(default_factory=dict)
    total_shares: dict[int, int] = field(default_factory=dict)
    admin_fees_x: int = 0
    admin_fees_y: int = 0
    deposits: dict[int, Deposit] = field(default_factory=dict)

    @classmethod
    def new(cls, parameters: AmmParameters, oracle_price: int, now: int, rate_per_second: int = 0) -> Amm:
        """Return an empty LLAMMA deployed now at an oracle price (wad)."""
        return cls(parameters, Limiter(oracle_price, 0, now), Interest(WAD, rate_per_second, now))

    def copy(self, user: int | None = None) -> Amm:
        """Return the same state, to go back to; given a user, the shares of all others are not copied."""
        deposits = dict(self.deposits)
        for owner in deposits if user is None else (user,):
            if owner in deposits:
                held = deposits[owner]
                deposits[owner] = Deposit(held.first, held.last, list(held.shares))
        return Amm(
            self.parameters,
            self.limiter,
            self.interest,
            self.active_band,
            self.min_band,
            self.max_band,
            dict(self.bands_x),
            dict(self.bands_y),
            dict(self.total_shares),
            self.admin_fees_x,
            self.admin_fees_y,
            deposits,
        )

    def base_price(self, now: int) -> int:
        """Return the upper oracle price of band 0 with interest, wad."""
        return self.parameters.base_price * self.interest.at(now) // WAD

    def set_band(self, band: int, x: int, y: int) -> None:
        """Store what a band holds, 18 decimals."""
        _store(self.bands_x, band, x)
        _store(self.bands_y, band, y)

    def set_shares(self, band: int, shares: int) -> None:
        """Store the shares of a band."""
        _store(self.total_shares, band, shares)

    def precisions(self) -> tuple[int, int]:
        """Return what scales borrowed and collateral amounts to 18 decimals."""
        return self.parameters.borrowed_precision, self.parameters.collateral_precision


def _store(amounts: dict[int, int], band: int, amount: int) -> None:
    if amount:
        amounts[band] = amount
    else:
        amounts.pop(band, None)
