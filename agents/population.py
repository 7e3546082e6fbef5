"""Draw a crowd of borrowers: who owes how much, against what, how close to liquidation, and how they react.

A `PopulationLaw` is data (JSON in, JSON out); `draw_population` turns it into arrays for any number of
borrowers with the same total debt. It does not open accounts and knows no protocol: a scenario does that.

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
import pandas as pd
from numpy.random import Generator

FloatArray = npt.NDArray[np.float64]

#: Codes of `Population.type_code`.
PASSIVE, WATCHER, PANIC = 0, 1, 2
#: No account is drawn closer than this to liquidation: it must survive the first block.
MIN_HEALTH_FACTOR = 1.0005


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
        entries = [
            CollateralLaw(
                **{
                    key: _health_law(value) if key in ("health", "reset_health") else value
                    for key, value in entry.items()
                }
            )
            for entry in data["collateral"]
        ]
        reaction = {k: tuple(v) if isinstance(v, Sequence) else v for k, v in data["reaction"].items()}
        return cls(
            collateral=tuple(entries),
            debt_mix=dict(data["debt_mix"]),
            size=SizeLaw(**data["size"]),
            reaction=ReactionLaw(**reaction),
            second_collateral=data["second_collateral"],
        )


def _health_law(data: Mapping[str, Any]) -> LognormalHealth | TabulatedHealth:
    laws: dict[str, type[LognormalHealth] | type[TabulatedHealth]]
    laws = {"lognormal": LognormalHealth, "table": TabulatedHealth}
    if data["kind"] not in laws:
        raise ValueError(f"health law {data['kind']!r} is unknown; allowed: {', '.join(laws)}")
    return laws[data["kind"]](
        **{key: value if key == "kind" else tuple(value) for key, value in data.items()}
    )


@dataclass(frozen=True, eq=False)
class Population:
    """Borrowers as arrays, largest debt first; n accounts, c collateral assets, s borrowed assets.

    Attributes
    ----------
    collateral_symbols, debt_symbols
        Order of the columns.
    collateral_tokens : ndarray, shape (n, c)
        Whole tokens.
    debt_usd : ndarray, shape (n, s)
        Debt in USD.
    health_factor : ndarray, shape (n,)
        At the drawing prices; above 1.
    alert_level, target_health : ndarray, shape (n,)
        Health factor at which a reaction is decided, and what it restores; 0 for passive accounts.
    delay_s : ndarray, shape (n,)
        From alarm to reaction, seconds.
    wealth : ndarray, shape (n,)
        Funds for top-ups as a fraction of debt.
    type_code : ndarray of int8, shape (n,)
        PASSIVE, WATCHER or PANIC.
    reset_s : ndarray, shape (n,)
        When the borrower sets its position anew, seconds from the start; infinite for never.
    reset_health, reset_alert_level : ndarray, shape (n,)
        Health factor it then sets by moving collateral in or out, and its alert level from then on.
    """

    collateral_symbols: tuple[str, ...]
    debt_symbols: tuple[str, ...]
    collateral_tokens: FloatArray
    debt_usd: FloatArray
    health_factor: FloatArray
    alert_level: FloatArray
    target_health: FloatArray
    delay_s: FloatArray
    wealth: FloatArray
    type_code: npt.NDArray[np.int8]
    reset_s: FloatArray
    reset_health: FloatArray
    reset_alert_level: FloatArray

    def __len__(self) -> int:
        return len(self.health_factor)


def draw_population(
    law: PopulationLaw,
    n_borrowers: int,
    total_debt_usd: float,
    prices: Mapping[str, float],
    rng: Generator,
) -> Population:
    """Draw accounts from a law; the same arguments and generator state give the same arrays.

    Parameters
    ----------
    law
        What the crowd looks like.
    n_borrowers
        Number of accounts.
    total_debt_usd
        Sum of all debts, whatever `n_borrowers` is.
    prices
        Collateral symbol -> USD per token, at which `health_factor` holds.
    rng
        Random stream.

    Raises
    ------
    ValueError
        `n_borrowers` below 1 or `total_debt_usd` not above 0.
    KeyError
        A collateral of the law has no price.
    """
    _check(n_borrowers, total_debt_usd)
    ranks = np.cumsum(rng.standard_exponential(n_borrowers))
    weights = law.size.weights(ranks)
    debt = weights * (total_debt_usd / weights.sum())
    main = rng.choice(
        len(law.collateral), size=n_borrowers, p=_shares([entry.share for entry in law.collateral])
    )
    health = _draw_by_main(law, main, rng, reset=False)
    return _assemble(law, main, health, debt, prices, rng)


def population_from_table(  # noqa: PLR0917
    table: pd.DataFrame,
    law: PopulationLaw,
    n_borrowers: int,
    total_debt_usd: float,
    prices: Mapping[str, float],
    rng: Generator,
) -> Population:
    """Draw accounts whose sizes and health factors come from recorded positions.

    Every row of the table appears once (largest first) before any is repeated; further accounts take the
    health of a random row and the size law's body below the table's smallest debt, so concentration at
    the top is the table's at every `n_borrowers`. Fewer accounts than rows: a random subset. Collateral,
    borrowed asset and reactions are drawn from `law`. Rows at or below a health factor of 1 are left out.

    Parameters
    ----------
    table
        Columns ``debt_value`` (any unit) and ``health_factor``.
    law, n_borrowers, total_debt_usd, prices, rng
        As in `draw_population`; the law's sizes beyond the table and its health laws are not used for rows.

    Raises
    ------
    ValueError
        No usable row.
    """
    _check(n_borrowers, total_debt_usd)
    usable = table[(table.debt_value > 0) & (table.health_factor > MIN_HEALTH_FACTOR)]
    if usable.empty:
        raise ValueError("position table has no row with debt and a health factor above 1")
    sizes = usable.debt_value.to_numpy(dtype=np.float64)
    healths = usable.health_factor.to_numpy(dtype=np.float64)
    if n_borrowers <= len(sizes):
        rows = rng.choice(len(sizes), size=n_borrowers, replace=False)
        debt, health = sizes[rows], healths[rows]
    else:
        extra = n_borrowers - len(sizes)
        ranks = 1.0 + np.arange(1, extra + 1) / len(sizes)
        debt = np.concatenate((sizes, sizes.min() * ranks**-law.size.body_slope))
        health = np.concatenate((healths, healths[rng.integers(len(healths), size=extra)]))
    order = np.argsort(-debt, kind="stable")
    debt, health = debt[order] * (total_debt_usd / debt.sum()), health[order]
    main = rng.choice(
        len(law.collateral), size=n_borrowers, p=_shares([entry.share for entry in law.collateral])
    )
    return _assemble(law, main, health, debt, prices, rng)


def _check(n_borrowers: int, total_debt_usd: float) -> None:
    if n_borrowers < 1:
        raise ValueError(f"n_borrowers is {n_borrowers}; it must be at least 1")
    if not total_debt_usd > 0:
        raise ValueError(f"total_debt_usd is {total_debt_usd}; it must be above 0")


def _shares(values: Sequence[float]) -> FloatArray:
    shares = np.asarray(values, dtype=np.float64)
    return np.asarray(shares / shares.sum())


def _assemble(  # noqa: PLR0917
    law: PopulationLaw,
    main: npt.NDArray[np.int64],
    health: FloatArray,
    debt: FloatArray,
    prices: Mapping[str, float],
    rng: Generator,
) -> Population:
    """Give accounts collateral, a borrowed asset and reactions."""
    size, n_collateral = len(debt), len(law.collateral)
    health = np.maximum(health, MIN_HEALTH_FACTOR)
    row = np.arange(size)
    value = np.zeros((size, n_collateral))
    value[row, main] = 1.0
    if law.second_collateral > 0 and n_collateral > 1:
        holders = np.flatnonzero(rng.random(size) < law.second_collateral)
        second = (main[holders] + rng.integers(1, n_collateral, size=len(holders))) % n_collateral
        part = 0.5 * rng.random(len(holders))
        value[holders, main[holders]] = 1.0 - part
        value[holders, second] = part
    # Columns hold shares of threshold-weighted value: sum_c tokens_c p_c LT_c = health * debt.
    per_token = np.array([prices[entry.symbol] * entry.liquidation_threshold for entry in law.collateral])
    value *= (health * debt)[:, None]
    value /= per_token
    debt_symbols = tuple(law.debt_mix)
    owed = np.zeros((size, len(debt_symbols)))
    owed[row, rng.choice(len(debt_symbols), size=size, p=_shares(list(law.debt_mix.values())))] = debt

    rule = law.reaction
    type_code = rng.choice(3, size=size, p=_shares(rule.shares)).astype(np.int8)
    reacts = type_code != PASSIVE
    fraction = rng.uniform(*rule.alert_fraction, size=size)
    alert = np.minimum(1.0 + (health - 1.0) * fraction, rule.alert_cap)
    delay = rule.delay_median_s * np.exp(rule.delay_sigma * rng.standard_normal(size))
    wealth = rule.wealth_median * np.exp(rule.wealth_sigma * rng.standard_normal(size))
    reset_s, reset_health = np.full(size, np.inf), health
    if rule.reset_mean_s > 0:
        reset_s = rule.reset_mean_s * rng.standard_exponential(size)
        reset_health = np.maximum(_draw_by_main(law, main, rng, reset=True), MIN_HEALTH_FACTOR)
    reset_alert = np.minimum(1.0 + (reset_health - 1.0) * fraction, rule.alert_cap)
    return Population(
        collateral_symbols=tuple(entry.symbol for entry in law.collateral),
        debt_symbols=debt_symbols,
        collateral_tokens=value,
        debt_usd=owed,
        health_factor=health,
        alert_level=np.where(reacts, alert, 0.0),
        target_health=np.where(reacts, np.maximum(np.minimum(health, rule.target_cap), alert), 0.0),
        delay_s=delay,
        wealth=wealth,
        type_code=type_code,
        reset_s=reset_s,
        reset_health=reset_health,
        reset_alert_level=np.where(reacts, reset_alert, 0.0),
    )


def _draw_by_main(law: PopulationLaw, main: npt.NDArray[np.int64], rng: Generator, reset: bool) -> FloatArray:
    """Health factors by each account's main collateral, initial or after a reset."""
    health = np.empty(len(main))
    for index, entry in enumerate(law.collateral):
        members = np.flatnonzero(main == index)
        health[members] = (entry.reset_health if reset else entry.health).draw(len(members), rng)
    return health
