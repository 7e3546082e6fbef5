"""What plays of a game meant for others than the players: named samples for each profile.

Kept beside the payoffs and made by the same plays; `meaning` reads them at an equilibrium.
"""

from __future__ import annotations

from dataclasses import dataclass

from .profiles import FloatArray, GameError

LEDGER = ("borrowers", "lenders", "protocol", "liquidators", "builder", "burned", "market", "outside")
"""Groups whose gains sum to zero in every play. `burned` is gas that nobody gets, `market` those who trade
with liquidators (slippage, fees of venues and loans), `outside` what falling prices took or gave."""

MEASURES = ("gas", "waste", "bad_debt", "borrower_loss", "no_show")
"""What every source tells beside the ledger: what liquidators pay for blocks, what of it is burned together
with bad debt, bad debt, what borrowers lose by liquidation, and the share that nobody liquidates."""

SERVED = "served "
"""Begins the name of an outcome that says how much those served who use a strategy, as ``served bot.low``."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Samples of named outcomes, in the order of the payoff samples.

    Attributes
    ----------
    names : tuple of str
    samples : ndarray, shape (n_samples, n_profiles, n_names)
        NaN where a profile has fewer samples.

    Raises
    ------
    GameError
        If shapes do not fit.
    """

    names: tuple[str, ...]
    samples: FloatArray

    def __post_init__(self) -> None:
        if self.samples.ndim != 3 or self.samples.shape[2] != len(self.names):
            raise GameError(
                f"outcomes must have shape (n_samples, n_profiles, {len(self.names)}), "
                f"got {self.samples.shape}"
            )

    def of(self, name: str) -> FloatArray:
        """Return the samples of one outcome, shape (n_samples, n_profiles)."""
        return self.samples[:, :, self.names.index(name)]
