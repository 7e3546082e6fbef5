"""Contests for one liquidation: what is fought by which rule, played in batches.

A contest is a frozen dataclass of its parameters; `play` takes what bidders do, one row
for each contest and one column for each bidder, and returns an `Outcome`. How bidders
choose is not decided here. Money is float64 in any one unit: these are the batches that
statistics and games live on, not the ledger. Sources: MODEL 3.1 to 3.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .contest_kernels import (
    FIRST_COME,
    GAS_AUCTION,
    PRIORITY_FEE,
    RANDOM,
    TIME_BOOST,
    play_attrition,
    play_block,
    play_dutch,
    play_kick,
    play_sealed,
)

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

BLOCK_RULES = {
    "priority-fee": PRIORITY_FEE,
    "first-come": FIRST_COME,
    "random": RANDOM,
    "time-boost": TIME_BOOST,
    "priority-gas-auction": GAS_AUCTION,
}
"""Inclusion rules that execute the first call and let later ones revert."""


class Outcome(NamedTuple):
    """How a batch of contests ended.

    Attributes
    ----------
    winners : int64 ndarray, shape (n_contests,)
        Column of the winner, -1 where nobody came or all bids were below the reserve.
    prices : float64 ndarray, shape (n_contests,)
        What the winner pays, cost and fee; 0 where there is none. Of a Dutch auction: the price taken.
    paid : float64 ndarray, shape (n_contests, n)
        What each bidder pays; of a Dutch auction gas only, the price being part of the payoff.
    payoffs : float64 ndarray, shape (n_contests, n)
    ended : float64 ndarray, shape (n_contests,)
        Steps of a Dutch auction (-1 without a sale), blocks of a war of attrition, else 0.
    """

    winners: Integers
    prices: Floats
    paid: Floats
    payoffs: Floats
    ended: Floats


@dataclass(frozen=True, slots=True)
class BlockContest:
    """Calls on one account that race for a block (MODEL 3.1, 3.3, 3.4).

    Parameters
    ----------
    rule : str
        One of `BLOCK_RULES`; ``priority-fee`` with `cost` 0 and `revert_share` 1 is the all-pay auction,
        ``random`` the entry game.
    cost : float
        Of a call that succeeds, fee apart.
    revert_share : float
        Share of cost and fee that a call pays when it reverts (phi); 0 is revert protection.
    minimum_raise, rounds : float, int
        Of ``priority-gas-auction``.
    boost_s, half_price : float
        Of ``time-boost``: the head start that no price quite buys, and the price that buys half of it.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    rule: str = "priority-fee"
    cost: float = 0.0
    revert_share: float = 1.0
    minimum_raise: float = 0.125
    rounds: int = 10
    boost_s: float = 0.5
    half_price: float = 100.0

    def __post_init__(self) -> None:
        if self.rule not in BLOCK_RULES:
            raise ValueError(f"rule must be one of {', '.join(BLOCK_RULES)}, got {self.rule!r}")
        _least("cost", self.cost)
        _share("revert_share", self.revert_share)
        _positive("minimum_raise", self.minimum_raise)
        _positive("boost_s", self.boost_s)
        _positive("half_price", self.half_price)
        if self.rounds < 0:
            raise ValueError(f"rounds must not be negative, got {self.rounds}")

    def play(
        self,
        bids: ArrayLike,
        values: ArrayLike,
        ties: ArrayLike,
        *,
        arrivals: ArrayLike = 0.0,
        ceilings: ArrayLike | None = None,
    ) -> Outcome:
        """Play one contest for each row of bids.

        Parameters
        ----------
        bids : array_like, shape (n_contests, n)
            Fee on top of the cost; NaN stays out.
        values : array_like, broadcastable to bids
            Worth of winning.
        ties : array_like, broadcastable to bids
            Draws that break ties, and that decide under ``random``.
        arrivals : array_like, broadcastable to bids
            Seconds; decide under ``first-come`` and ``time-boost``, break ties elsewhere.
        ceilings : array_like, broadcastable to bids, optional
            Most that each would raise the fee to in a gas auction; the value less the cost if left out.
        """
        given = _table(bids)
        worth = _table(values, given.shape)
        tops = worth - self.cost if ceilings is None else _table(ceilings, given.shape)
        if self.rule == "priority-gas-auction" and (given + self.cost <= 0.0).any():
            raise ValueError(
                "bids and cost must be positive in a gas auction: a share of nothing is no raise"
            )
        out = _outcome(given.shape)
        play_block(
            BLOCK_RULES[self.rule], worth, self.cost, self.revert_share, self.boost_s, self.half_price,
            self.minimum_raise, self.rounds, given, tops,
            _table(arrivals, given.shape), _table(ties, given.shape), *out[:4],
        )  # fmt: skip
        return out


@dataclass(frozen=True, slots=True)
class SealedBid:
    """Sealed bids for one lot (MODEL 3.2, 3.4).

    Parameters
    ----------
    price : str
        ``first``: the winner pays its bid. ``second``: the next bid, or the reserve.
    reserve : float
        Least bid that counts.
    entry_cost : float
        What everybody who bids pays, winning or not.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    price: str = "first"
    reserve: float = 0.0
    entry_cost: float = 0.0

    def __post_init__(self) -> None:
        if self.price not in ("first", "second"):
            raise ValueError(f"price must be 'first' or 'second', got {self.price!r}")
        _least("reserve", self.reserve)
        _least("entry_cost", self.entry_cost)

    def play(self, bids: ArrayLike, values: ArrayLike, ties: ArrayLike) -> Outcome:
        """Play one contest for each row of bids; shapes as in `BlockContest.play`.

        Raises
        ------
        ValueError
            If the reserve is above every value that is the same in all contests, so that nothing can
            ever clear.
        """
        given = _table(bids)
        worth = _table(values, given.shape)
        highest = float(worth.max())
        if self.reserve > highest and (len(worth) == 1 or (worth == worth[:1]).all()):
            raise ValueError(f"reserve = {self.reserve:g} is above every value (at most {highest:g}): "
                             "nothing can clear")  # fmt: skip
        out = _outcome(given.shape)
        play_sealed(
            worth, self.entry_cost, self.reserve, self.price == "second",
            given, _table(ties, given.shape), *out[:4],
        )  # fmt: skip
        return out


@dataclass(frozen=True, slots=True)
class DutchSale:
    """A lot at a price that falls by steps until somebody takes all of it (MODEL 3.5).

    Parameters
    ----------
    prices : tuple of float
        Price of a unit at each step; see `stair_prices`.
    exit_value : float
        What a unit brings its taker, slippage deducted.
    lot : float
        Units.
    gas : float
        Cost of a take that succeeds.
    revert_share : float
        Share of it that a take costs which comes too late.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the price never falls so far that a take pays.
    """

    prices: tuple[float, ...]
    exit_value: float
    lot: float = 1.0
    gas: float = 0.0
    revert_share: float = 1.0

    def __post_init__(self) -> None:
        if not self.prices:
            raise ValueError("prices must hold one step at least")
        _positive("exit_value", self.exit_value)
        _positive("lot", self.lot)
        _least("gas", self.gas)
        _share("revert_share", self.revert_share)
        best = float(self.surplus.max()) - self.gas
        if best < 0:
            raise ValueError(
                f"prices end at {min(self.prices):g}, where a take loses {-best:g}: nothing can clear"
            )

    @property
    def surplus(self) -> Floats:
        """What taking earns at each step before gas, shape (n_steps,)."""
        return self.lot * (self.exit_value - np.array(self.prices))

    def play(self, takes: ArrayLike, ties: ArrayLike) -> Outcome:
        """Play one sale for each row.

        Parameters
        ----------
        takes : array_like of int, shape (n_contests, n)
            Step at which each bidder takes if nobody has; -1 for never.
        ties : array_like, broadcastable to takes
            Draws that order takes of the same step.
        """
        steps = np.ascontiguousarray(takes, np.int64)
        if steps.ndim != 2:
            raise ValueError(f"takes must have a row for each contest, got shape {steps.shape}")
        out = _outcome(steps.shape)
        play_dutch(
            self.surplus, np.array(self.prices), self.gas, self.revert_share, steps,
            _table(ties, steps.shape), out.ended, *out[:4],
        )  # fmt: skip
        return out


@dataclass(frozen=True, slots=True)
class KickGame:
    """Upkeep that one must pay for and all gain from: the volunteer's dilemma (MODEL 3.5).

    Parameters
    ----------
    value : float
        What everybody gains if it is done.
    cost : float
        Of the call that does it.
    tip : float
        What the protocol pays for that call.
    revert_share : float
        Share of the cost that calls pay which come too late; 1 is the textbook's game.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    value: float
    cost: float
    tip: float = 0.0
    revert_share: float = 1.0

    def __post_init__(self) -> None:
        _positive("value", self.value)
        _positive("cost", self.cost)
        _least("tip", self.tip)
        _share("revert_share", self.revert_share)

    def play(self, kicks: ArrayLike, ties: ArrayLike) -> Outcome:
        """Play one game for each row of `kicks`: who sends the call, shape (n_contests, n)."""
        given = np.ascontiguousarray(kicks, np.bool_)
        if given.ndim != 2:
            raise ValueError(f"kicks must have a row for each contest, got shape {given.shape}")
        out = _outcome(given.shape)
        play_kick(
            self.value, self.cost, self.tip, self.revert_share, given, _table(ties, given.shape), *out[:4]
        )
        return out


@dataclass(frozen=True, slots=True)
class AttritionGame:
    """Waiting for the others to give up, at a cost for each block (MODEL 3.5).

    Parameters
    ----------
    value : float
        What the last one gets.
    cost_per_block : float
        What waiting costs each.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    value: float
    cost_per_block: float

    def __post_init__(self) -> None:
        _positive("value", self.value)
        _positive("cost_per_block", self.cost_per_block)

    def play(self, quits: ArrayLike, ties: ArrayLike) -> Outcome:
        """Play one war for each row of `quits`: blocks that each would wait, shape (n_contests, n)."""
        given = _table(quits)
        if not (given >= 0).all():
            raise ValueError("quits must not be negative")
        out = _outcome(given.shape)
        play_attrition(self.value, self.cost_per_block, given, _table(ties, given.shape), out.ended, *out[:4])
        return out


def stair_prices(top: float, cut: float, step_s: float, tail_s: float) -> tuple[float, ...]:
    """Prices of a falling auction at each step until it ends (Maker's stair-step abacus, CASES G11).

    Parameters
    ----------
    top : float
        Price at the start.
    cut : float
        Share that each step leaves, below 1.
    step_s, tail_s : float
        Seconds between steps, and until the auction ends.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the auction ends before the first step.
    """
    _positive("top", top)
    _positive("step_s", step_s)
    if not 0 < cut < 1:
        raise ValueError(f"cut must be in (0, 1), got {cut}")
    if not tail_s >= step_s:
        raise ValueError(f"tail_s = {tail_s:g} ends before the first step (step_s = {step_s:g}): "
                         "the price never falls")  # fmt: skip
    return tuple(top * cut**k for k in range(int(tail_s // step_s) + 1))


def _table(values: ArrayLike, shape: tuple[int, ...] | None = None) -> Floats:
    """Return values as float64 with two dimensions, each 1 or that of `shape`; a vector is one row."""
    table = np.ascontiguousarray(np.atleast_2d(np.asarray(values, np.float64)))
    if table.ndim != 2 or (shape is not None and np.broadcast_shapes(table.shape, shape) != shape):
        raise ValueError(f"needed one row for each contest and one column for each bidder, or one for all; "
                         f"got shape {table.shape}" + (f" for {shape}" if shape else ""))  # fmt: skip
    return table


def _outcome(shape: tuple[int, ...]) -> Outcome:
    n = shape[0]
    return Outcome(np.empty(n, np.int64), np.empty(n), np.empty(shape), np.empty(shape), np.zeros(n))


def _positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")


def _least(name: str, value: float) -> None:
    if not 0 <= value < np.inf:
        raise ValueError(f"{name} must be finite and not negative, got {value}")


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value}")
