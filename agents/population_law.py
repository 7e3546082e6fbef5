"""The law of a crowd of borrowers: sizes, health factors, collateral, reactions, as data.

A `PopulationLaw` is plain numbers (JSON in, JSON out); `population` turns it into arrays. Nothing is drawn
here except health factors, which each law knows how to draw for itself.

Sizes follow a rank law, so that one law means the same market at 1e4, 1e5 or 1e6 borrowers. The k-th
largest account weighs ``(G_k + k0)^(-1/a) (1 + G_k/k1)^(1/a - g)`` with ``G_1 < G_2 < ...`` the points of a
unit Poisson process: a Pareto tail of exponent ``a`` (MODEL 5.5: 1.1-1.5), its top rounded off at the rank
``k0`` (no account outgrows the market), and beyond rank ``k1`` a steeper fall ``g > 1`` whose sum
converges. More borrowers then means more dust below, not smaller whales.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SizeLaw:
    """Debt of an account by its rank.

    Attributes
    ----------
    tail_exponent
        Pareto exponent ``a`` of the largest accounts.
    top_rank
        ``k0``: ranks below it weigh about the same; large means no dominating whale.
    body_rank
        ``k1``: rank where the steeper body begins.
    body_slope
        ``g > 1``: decay of weight with rank in the body.
    """

    tail_exponent: float = 1.2
    top_rank: float = 1.0
    body_rank: float = 1000.0
    body_slope: float = 2.5

    def __post_init__(self) -> None:
        for name in ("tail_exponent", "top_rank", "body_rank"):
            if getattr(self, name) <= 0:
                raise ValueError(f"SizeLaw.{name} is {getattr(self, name)}; it must be above 0")
        if self.body_slope <= 1:
            raise ValueError(
                f"SizeLaw.body_slope is {self.body_slope}; it must be above 1 to have a finite sum"
            )

    def weights(self, ranks: FloatArray) -> FloatArray:
        """Unnormalised debt at (real-valued) ranks."""
        tail = 1.0 / self.tail_exponent
        return np.asarray(
            (ranks + self.top_rank) ** -tail * (1.0 + ranks / self.body_rank) ** (tail - self.body_slope)
        )


@dataclass(frozen=True)
class LognormalHealth:
    """Health factor ``1 + exp(N(log excess, sigma))``, a mixture (MODEL 5.5).

    Attributes
    ----------
    weights
        Shares of the components, summing to 1.
    median_excess
        Median of ``health_factor - 1`` by component (0.05: loopers; 1.0: passive).
    sigmas
        Standard deviation of its logarithm.
    """

    weights: tuple[float, ...] = (0.25, 0.75)
    median_excess: tuple[float, ...] = (0.05, 1.0)
    sigmas: tuple[float, ...] = (0.6, 0.8)
    kind: Literal["lognormal"] = "lognormal"

    def __post_init__(self) -> None:
        if not len(self.weights) == len(self.median_excess) == len(self.sigmas):
            raise ValueError("LognormalHealth: weights, median_excess and sigmas must have one length")
        if abs(sum(self.weights) - 1.0) > 1e-9 or min(self.weights) < 0:
            raise ValueError(f"LognormalHealth.weights are {self.weights}; they must be >= 0 and sum to 1")
        if min(self.median_excess) <= 0 or min(self.sigmas) <= 0:
            raise ValueError("LognormalHealth: median_excess and sigmas must be above 0")

    def draw(self, size: int, rng: Generator) -> FloatArray:
        """Health factors, shape (size,)."""
        component = rng.choice(len(self.weights), size=size, p=self.weights)
        noise = rng.standard_normal(size)
        return np.asarray(
            1.0 + np.take(self.median_excess, component) * np.exp(np.take(self.sigmas, component) * noise)
        )


@dataclass(frozen=True)
class TabulatedHealth:
    """Health factor from a table: uniform in its logarithm inside each bin.

    Attributes
    ----------
    edges
        Increasing bin edges of the health factor, first >= 1, one more than `shares`.
    shares
        Share of accounts by bin, summing to 1.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    kind: Literal["table"] = "table"

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.shares) + 1:
            raise ValueError(f"TabulatedHealth: {len(self.edges)} edges do not bound {len(self.shares)} bins")
        if self.edges[0] < 1 or min(np.diff(self.edges)) <= 0:
            raise ValueError("TabulatedHealth.edges must start at 1 or above and increase")
        if abs(sum(self.shares) - 1.0) > 1e-6 or min(self.shares) < 0:
            raise ValueError("TabulatedHealth.shares must be >= 0 and sum to 1")

    def draw(self, size: int, rng: Generator) -> FloatArray:
        """Health factors, shape (size,)."""
        cumulative = np.concatenate(([0.0], np.cumsum(self.shares)))
        return np.asarray(
            np.exp(np.interp(rng.random(size) * cumulative[-1], cumulative, np.log(self.edges)))
        )


@dataclass(frozen=True)
class CollateralLaw:
    """Accounts whose main collateral is one asset.

    Attributes
    ----------
    symbol
        Asset, as in the prices handed to `draw_population`.
    share
        Share of accounts (and, in expectation, of debt).
    liquidation_threshold, bonus
        Rule of the lending protocol, fractions.
    health
        Law of the initial health factor.
    reset_health
        Law of the health factor that a borrower sets when it changes its position of its own accord.
    """

    symbol: str
    share: float
    liquidation_threshold: float
    bonus: float
    health: LognormalHealth | TabulatedHealth = field(default_factory=LognormalHealth)
    reset_health: LognormalHealth | TabulatedHealth = field(default_factory=LognormalHealth)

    def __post_init__(self) -> None:
        if not 0 < self.liquidation_threshold < 1:
            raise ValueError(
                f"CollateralLaw {self.symbol}: liquidation_threshold is {self.liquidation_threshold}; "
                "allowed: between 0 and 1"
            )
        if not self.share >= 0:
            raise ValueError(f"CollateralLaw {self.symbol}: share is {self.share}; it must be 0 or above")


@dataclass(frozen=True)
class ReactionLaw:
    """How borrowers defend themselves (MODEL 10.1).

    Attributes
    ----------
    shares
        Shares of passive, watcher and panic accounts, summing to 1.
    alert_fraction
        Range of ``(alert - 1) / (initial health - 1)``: an account is alarmed inside its own usual margin.
    alert_cap
        No alert level is above it.
    target_cap
        A reaction restores the initial health, but at most this.
    delay_median_s, delay_sigma
        Lognormal reaction delay.
    wealth_median, wealth_sigma
        Lognormal wealth at hand for top-ups, as a fraction of debt.
    reset_mean_s
        Mean time until a borrower sets its health factor anew, whatever the price does (leverage taken
        up after a crash stands close to liquidation); 0 means never.
    """

    shares: tuple[float, float, float] = (0.7, 0.25, 0.05)
    alert_fraction: tuple[float, float] = (0.3, 0.7)
    alert_cap: float = 1.5
    target_cap: float = 2.0
    delay_median_s: float = 1800.0
    delay_sigma: float = 1.2
    wealth_median: float = 0.1
    wealth_sigma: float = 1.0
    reset_mean_s: float = 0.0

    def __post_init__(self) -> None:
        if abs(sum(self.shares) - 1.0) > 1e-9 or min(self.shares) < 0:
            raise ValueError(f"ReactionLaw.shares are {self.shares}; they must be >= 0 and sum to 1")
        for name in ("delay_median_s", "delay_sigma", "wealth_median", "wealth_sigma"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"ReactionLaw.{name} is {getattr(self, name)}; it must be 0 or above")
        for name in ("alert_cap", "target_cap"):
            if not getattr(self, name) > 1:
                raise ValueError(f"ReactionLaw.{name} is {getattr(self, name)}; it must be above 1")
        if self.reset_mean_s < 0:
            raise ValueError(
                f"ReactionLaw.reset_mean_s is {self.reset_mean_s}; it must be 0 (never) or above"
            )
        low, high = self.alert_fraction
        if not 0 < low <= high < 1:
            raise ValueError(
                f"ReactionLaw.alert_fraction is {self.alert_fraction}; allowed: 0 < low <= high < 1"
            )


@dataclass(frozen=True)
class PopulationLaw:
    """Everything `draw_population` needs besides number, total debt and prices.

    Attributes
    ----------
    collateral
        One entry for each main collateral; shares sum to 1.
    debt_mix
        Borrowed asset -> share of accounts owing it, summing to 1.
    size, reaction
        Sizes and defence.
    second_collateral
        Probability that an account also holds a second of the collaterals (up to half of its
        threshold-weighted value).
    """

    collateral: tuple[CollateralLaw, ...]
    debt_mix: Mapping[str, float]
    size: SizeLaw = field(default_factory=SizeLaw)
    reaction: ReactionLaw = field(default_factory=ReactionLaw)
    second_collateral: float = 0.0

    def __post_init__(self) -> None:
        total = sum(entry.share for entry in self.collateral)
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"PopulationLaw: collateral shares sum to {total}, not 1")
        if abs(sum(self.debt_mix.values()) - 1.0) > 1e-6:
            raise ValueError(f"PopulationLaw: debt_mix sums to {sum(self.debt_mix.values())}, not 1")
        if min(self.debt_mix.values(), default=0.0) < 0:
            raise ValueError(f"PopulationLaw.debt_mix is {dict(self.debt_mix)}; shares must be 0 or above")
        if not 0 <= self.second_collateral <= 1:
            raise ValueError(f"PopulationLaw.second_collateral is {self.second_collateral}; allowed: 0 to 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain containers that `from_dict` reads back to an equal law."""
        data: dict[str, Any] = json.loads(self.to_json())
        return data

    def to_json(self) -> str:
        """JSON text that `from_json` reads back to an equal law."""
        return json.dumps(dataclasses.asdict(self) | {"debt_mix": dict(self.debt_mix)})

    @classmethod
    def from_json(cls, text: str) -> PopulationLaw:
        """Read what `to_json` wrote."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PopulationLaw:
        """Build from plain containers, as found in a fit file."""
        entries = []
        for entry in data["collateral"]:
            values: dict[str, Any] = {
                key: _health_law(value) if key in ("health", "reset_health") else value
                for key, value in entry.items()
            }
            entries.append(CollateralLaw(**values))
        reaction: dict[str, Any] = {
            key: tuple(value) if isinstance(value, Sequence) else value
            for key, value in data["reaction"].items()
        }
        return cls(
            collateral=tuple(entries),
            debt_mix=dict(data["debt_mix"]),
            size=SizeLaw(**data["size"]),
            reaction=ReactionLaw(**reaction),
            second_collateral=data["second_collateral"],
        )


HEALTH_LAWS: dict[str, type[LognormalHealth] | type[TabulatedHealth]] = {
    "lognormal": LognormalHealth,
    "table": TabulatedHealth,
}
"""Laws of the health factor by their `kind`."""


def _health_law(data: Mapping[str, Any]) -> LognormalHealth | TabulatedHealth:
    if data["kind"] not in HEALTH_LAWS:
        raise ValueError(f"health law {data['kind']!r} is unknown; allowed: {', '.join(HEALTH_LAWS)}")
    values: dict[str, Any] = {key: value if key == "kind" else tuple(value) for key, value in data.items()}
    return HEALTH_LAWS[data["kind"]](**values)
