"""What an Euler v2 vault may be: discount cap, socialisation, cool-off, interest.

Holds no state and no prices. Thresholds (liquidation LTVs) belong to a collateral, see
`liquidation.Collateral`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...fixed_point import PERCENTAGE_FACTOR

MAX_ALLOWED_RATE = 291_867_278_914_945_094_175
"""Interest per second above which a vault cuts its model off, ray: a million per cent a year."""
UTILISATION_SCALE = 2**32 - 1
"""Utilisation of 1 in the kinked interest model."""


@dataclass(frozen=True, slots=True)
class KinkedRate:
    """Interest by utilisation: two straight lines that meet at the kink.

    Parameters
    ----------
    base_rate : int
        Interest per second of a vault that lends nothing, ray.
    slope1, slope2 : int
        Interest per unit of utilisation below and above the kink, ray.
    kink : int
        Utilisation, 2^32 - 1 is 1.

    Raises
    ------
    ValueError
        If a setting is negative or the kink is above 1.
    """

    base_rate: int = 0
    slope1: int = 0
    slope2: int = 0
    kink: int = UTILISATION_SCALE

    def __post_init__(self) -> None:
        for name in ("base_rate", "slope1", "slope2", "kink"):
            if getattr(self, name) < 0:
                raise ValueError(f"Euler v2: {name} must not be negative, got {getattr(self, name)}")
        if self.kink > UTILISATION_SCALE:
            raise ValueError(
                f"Euler v2: kink must be at most {UTILISATION_SCALE} (all lent), got {self.kink}"
            )

    def rate(self, cash: int, borrows: int) -> int:
        """Interest per second, ray.

        Parameters
        ----------
        cash, borrows : int
            What lies in the vault and what it is owed, base units.
        """
        assets = cash + borrows
        used = borrows * UTILISATION_SCALE // assets if assets else 0
        below = min(used, self.kink)
        rate = self.base_rate + below * self.slope1 + (used - below) * self.slope2
        return min(rate, MAX_ALLOWED_RATE)


@dataclass(frozen=True, slots=True)
class VaultParameters:
    """Settings of one borrowable vault, as governance may set them.

    Parameters
    ----------
    max_discount : int
        Most that collateral is sold below its price, basis points, below 10000.
    socialize_debt : bool
        Whether debt that no collateral is left for leaves the vault at once.
    interest_fee : int
        Share of the interest that is paid out in fresh shares, basis points.
    cool_off : int
        Seconds between the last check of an account and its liquidation.
    interest : KinkedRate
        What borrowing costs.

    Raises
    ------
    ValueError
        If a setting is one that the contract refuses.
    """

    max_discount: int = 1_500
    socialize_debt: bool = True
    interest_fee: int = 1_000
    cool_off: int = 1
    interest: KinkedRate = KinkedRate()

    def __post_init__(self) -> None:
        # A discount of 100 % would divide by zero, so the contract refuses it by name.
        for name, top in (("max_discount", PERCENTAGE_FACTOR - 1), ("interest_fee", PERCENTAGE_FACTOR)):
            if not 0 <= getattr(self, name) <= top:
                raise ValueError(
                    f"Euler v2: {name} must be from 0 to {top} basis points, got {getattr(self, name)}"
                )
        if not 0 <= self.cool_off < 2**16:
            raise ValueError(f"Euler v2: cool_off must be from 0 to {2**16 - 1} seconds, got {self.cool_off}")
