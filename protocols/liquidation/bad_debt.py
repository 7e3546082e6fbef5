"""Who bears debt that no collateral is left for (MODEL 1.12, last column)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

BEARERS = ("stays", "reserves", "socialised", "redistributed")
"""Nobody yet: the debt stays on the account (Aave v2); the protocol's reserves (Aave v3.3); lenders at
once (Morpho Blue); the other borrowers of the asset (Liquity)."""


@dataclass(frozen=True, slots=True)
class BadDebt:
    """Who bears bad debt, after an insurance fund if there is one.

    Parameters
    ----------
    bearer : str
        One of `BEARERS`.

    Raises
    ------
    ValueError
        If there is no such bearer.
    """

    bearer: str = "stays"

    def __post_init__(self) -> None:
        if self.bearer not in BEARERS:
            raise ValueError(f"bad debt: bearer must be one of {', '.join(BEARERS)}, got {self.bearer!r}")


class Burden(NamedTuple):
    """How a loss is split: what an insurance fund pays, and what is left to the bearer; base units."""

    from_fund: int
    to_bearer: int


def split(loss: int, fund: int) -> Burden:
    """Let a fund pay first; base units."""
    paid = min(loss, fund)
    return Burden(paid, loss - paid)


def socialised_index(index: int, supplied: int, loss: int) -> int:
    """Index of supplied amounts after lenders have borne a loss, rounded down (CASES L26).

    Parameters
    ----------
    index : int
        Before, ray.
    supplied, loss : int
        Base units; no more is lost than was supplied.
    """
    return index * max(supplied - loss, 0) // supplied if supplied > 0 else index


def redistributed_index(index: int, others: int, debt: int) -> int:
    """Index of debts after the other borrowers have taken one over in proportion, rounded up.

    Parameters
    ----------
    index : int
        Before, ray.
    others, debt : int
        What the others owe, and what is spread over them; base units.
    """
    return -(-index * (others + debt) // others) if others > 0 else index
