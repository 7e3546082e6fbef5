"""Contests by the name that a game file uses: their rule, their parameters, and who gains what.

Who wins is decided by `market.contests`; here the money is booked. Gains of all groups sum to
zero in every contest: what liquidators win is lost by borrowers, fees go to the builder, gas
is burned, and bad debt is what falling prices took from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...agents.strategies import closed_forms as forms
from ...agents.strategies.contest_bidder import ContestStrategy, ShareBidder, Waiter
from ...market.contests.contest import BlockContest, DutchSale, KickGame, SealedBid, stair_prices
from ..scenarios.objects import build_strategy, import_object
from .contest_payoffs import Actions, Batch, ContestPayoffs, Fight, Settled
from .payoff_source import GameRole
from .profiles import FloatArray, GameError

_ONLY = {
    "minimum_raise": "priority-gas-auction",
    "rounds": "priority-gas-auction",
    "boost_s": "time-boost",
    "half_price": "time-boost",
}
"""Parameters of a block contest that only one rule uses."""


@dataclass(frozen=True)
class BlockFight:
    """Calls on one account race for a block; bids are shares of what is left of the value after the cost.

    Parameters
    ----------
    value : float or mapping of role to float
        What the bonus is worth to the winner after its exit; the borrower loses as much.
    contest : BlockContest
    private : bool
    shortfall : float
    latency_s, jitter_s : mapping of role to float
        Mean arrival and its standard deviation.
    """

    value: float | Mapping[str, float]
    contest: BlockContest
    private: bool
    shortfall: float
    latency_s: Mapping[str, float]
    jitter_s: Mapping[str, float]

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters."""
        return {"kind": "block", **asdict(self)}

    def worth(self, values: FloatArray) -> FloatArray:
        """Value less cost."""
        return values - self.contest.cost

    def arrival_s(self, roles: tuple[str, ...], n: int, rng: np.random.Generator) -> FloatArray:
        """Arrivals with normal jitter (MODEL 3.3)."""
        if not any(self.latency_s.values()) and not any(self.jitter_s.values()):
            return np.zeros((1, 1))
        mean = np.array([self.latency_s[role] for role in roles])
        jitter = np.array([self.jitter_s[role] for role in roles])
        return mean + jitter * rng.standard_normal((n, len(roles)))

    def settle(self, batch: Batch) -> Settled:
        """Play; fees beyond the cost go to the builder, the cost itself is burned."""
        out = self.contest.play(batch.actions, batch.values, batch.ties, arrivals=batch.arrivals)
        came = (~np.isnan(batch.actions)).sum(axis=1)
        sold = out.winners >= 0
        burned = self.contest.cost * (sold + self.contest.revert_share * (came - sold))
        won = np.take_along_axis(batch.values, np.maximum(out.winners, 0)[:, None], axis=1)[:, 0] * sold
        groups = {"borrowers": -won, "burned": burned, "builder": out.paid.sum(axis=1) - burned}
        return Settled(out.winners, out.payoffs, groups)

    def closed_form(self, players: int) -> Actions | None:
        """MODEL 3.3 by fees, MODEL 3.1 where the winner is drawn."""
        value, cost, phi = self.value, self.contest.cost, self.contest.revert_share
        if isinstance(value, Mapping) or self.private or players < 2 or cost > value:
            return None
        if self.contest.rule == "priority-fee" and phi > 0:
            return forms.gas_auction(players, value, cost, phi).bids
        if self.contest.rule == "random" and phi == 1:
            p = forms.entry_probability(players, value, cost)
            return lambda u: forms.entry_bids(u, p)
        return None


@dataclass(frozen=True)
class SealedFight:
    """Sealed bids for a liquidation, or for a share of its bonus; the price goes to the protocol.

    Bids are shares of the part that is auctioned, `recapture` times the value. They count up to that part,
    so that who wins keeps the rest; without such a cap bidders would bid for the rest, too. With `recapture`
    between 0 and 1 entry lies between MODEL 3.1 and 3.2.

    Parameters
    ----------
    value : float or mapping of role to float
        The bonus; with `private` values the largest of them, the rest being the winner's cost of exit.
    contest : SealedBid
    private : bool
    shortfall : float
    recapture : float
    """

    value: float | Mapping[str, float]
    contest: SealedBid
    private: bool
    shortfall: float
    recapture: float

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters."""
        return {"kind": "sealed-bid", **asdict(self)}

    def worth(self, values: FloatArray) -> FloatArray:
        """Auctioned part of the value."""
        return self.recapture * values

    def arrival_s(self, roles: tuple[str, ...], n: int, rng: np.random.Generator) -> FloatArray:
        """Sealed bids know no first."""
        return np.zeros((1, 1))

    def settle(self, batch: Batch) -> Settled:
        """Play; entry is burned, exits go to the market."""
        bids = np.minimum(batch.actions, self.worth(batch.values))
        out = self.contest.play(bids, batch.values, batch.ties)
        sold = out.winners >= 0
        won = np.take_along_axis(batch.values, np.maximum(out.winners, 0)[:, None], axis=1)[:, 0] * sold
        bonus = won if not self.private else _largest(self.value) * sold
        burned = self.contest.entry_cost * (~np.isnan(batch.actions)).sum(axis=1)
        groups = {"borrowers": -bonus, "protocol": out.prices, "burned": burned, "market": bonus - won}
        return Settled(out.winners, out.payoffs, groups)

    def closed_form(self, players: int) -> Actions | None:
        """MODEL 3.4 for private values, MODEL 3.1 and 3.2 for entry to a second-price auction."""
        value, contest = self.value, self.contest
        if isinstance(value, Mapping) or players < 2:
            return None
        if self.private:
            if contest.entry_cost or self.recapture < 1:
                return None
            least = contest.reserve / value
            if contest.price == "first":
                return lambda u: value * forms.first_price_bid(u, players, least)
            return lambda u: value * forms.second_price_bid(u, least)
        if contest.price == "second" and contest.reserve == 0:
            p = forms.recapture_entry_probability(players, value, contest.entry_cost, self.recapture)
            return lambda u: np.where(np.asarray(u) < p, self.recapture * value, np.nan)
        return None


@dataclass(frozen=True)
class DutchFight:
    """A lot at a falling price; what bidders choose is how long they wait.

    Parameters
    ----------
    sale : DutchSale
    step_s : float
    shortfall : float
    """

    sale: DutchSale
    step_s: float
    shortfall: float

    value = 1.0
    private = False

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters."""
        return {"kind": "dutch", **asdict(self)}

    def worth(self, values: FloatArray) -> FloatArray:
        """Return the values, which waits do not depend on."""
        return values

    def arrival_s(self, roles: tuple[str, ...], n: int, rng: np.random.Generator) -> FloatArray:
        """Return nothing of importance: takes of one step are ordered by draws."""
        return np.zeros((1, 1))

    def settle(self, batch: Batch) -> Settled:
        """Play; the borrower loses what the taker earns, gas is burned."""
        step = np.ceil(batch.actions / self.step_s - 1e-9)
        takes = np.where(step < len(self.sale.prices), step, -1.0)
        out = self.sale.play(np.where(np.isnan(takes), -1.0, takes).astype(np.int64), batch.ties)
        surplus = self.sale.surplus[np.maximum(out.ended, 0).astype(np.int64)] * (out.winners >= 0)
        groups = {"borrowers": -surplus, "burned": out.paid.sum(axis=1)}
        return Settled(out.winners, out.payoffs, groups)

    def closed_form(self, players: int) -> Actions | None:
        """MODEL 3.5: the first step that does not lose, or entry games by backward induction."""
        if players < 2:
            return None
        if self.sale.revert_share == 0:
            step = forms.competitive_take(self.sale.surplus, self.sale.gas)
            return lambda u: np.full(np.shape(u), self.step_s * step if step >= 0 else np.nan)
        if self.sale.revert_share == 1:
            chances = forms.dutch_entry(self.sale.surplus, players, self.sale.gas)

            def waits(u: FloatArray) -> FloatArray:
                steps = forms.first_try(u, chances)
                return np.where(steps >= 0, self.step_s * steps, np.nan)

            return waits
        return None


@dataclass(frozen=True)
class KickFight:
    """Upkeep that one pays for and all gain from; a player kicks if it comes.

    Parameters
    ----------
    contest : KickGame
    shortfall : float
    """

    contest: KickGame
    shortfall: float

    private = False

    @property
    def value(self) -> float:
        """What everybody gains."""
        return self.contest.value

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters."""
        return {"kind": "kick", **asdict(self)}

    def worth(self, values: FloatArray) -> FloatArray:
        """Bids do not matter."""
        return values

    def arrival_s(self, roles: tuple[str, ...], n: int, rng: np.random.Generator) -> FloatArray:
        """Kicks are ordered by draws."""
        return np.zeros((1, 1))

    def settle(self, batch: Batch) -> Settled:
        """Play; the common benefit comes from outside, the tip from the protocol."""
        out = self.contest.play(~np.isnan(batch.actions), batch.ties)
        done = (out.winners >= 0).astype(np.float64)
        groups = {
            "protocol": -self.contest.tip * done,
            "burned": out.paid.sum(axis=1),
            "outside": -batch.actions.shape[1] * self.contest.value * done,
        }
        return Settled(out.winners, out.payoffs, groups)

    def closed_form(self, players: int) -> Actions | None:
        """MODEL 3.5: the volunteer's dilemma."""
        game = self.contest
        if game.revert_share < 1 or (0 < game.tip < game.cost):
            return None
        p = forms.volunteer_probability(players, game.value, game.cost, game.tip)
        return lambda u: forms.entry_bids(u, p)


def block_contest(
    roles: Sequence[GameRole],
    value: float | Mapping[str, float],
    rule: str = "priority-fee",
    cost: float = 0.0,
    revert_share: float = 1.0,
    private: bool = False,
    shortfall: float = 0.0,
    latency_ms: float | Mapping[str, float] = 0.0,
    latency_jitter_ms: float | Mapping[str, float] = 0.0,
    minimum_raise: float | None = None,
    rounds: int | None = None,
    boost_s: float | None = None,
    half_price: float | None = None,
) -> ContestPayoffs:
    """Build calls that race for a block, under any inclusion rule of `BlockContest`.

    Raises
    ------
    GameError
        If a parameter is out of range or does nothing.
    """
    given = {"minimum_raise": minimum_raise, "rounds": rounds, "boost_s": boost_s, "half_price": half_price}
    kept = {key: number for key, number in given.items() if number is not None}
    for key in kept:
        if rule != _ONLY[key]:
            raise GameError(f"contest.{key} does nothing under rule = {rule!r}")
    if rule == "random" and (latency_ms or latency_jitter_ms):
        raise GameError("contest.latency_ms does nothing under rule = 'random'")
    contest = BlockContest(rule=rule, cost=cost, revert_share=revert_share, **kept)  # type: ignore[arg-type]
    fight = BlockFight(
        _value(roles, value),
        contest,
        private,
        _shortfall(shortfall),
        _by_role(roles, "latency_ms", latency_ms),
        _by_role(roles, "latency_jitter_ms", latency_jitter_ms),
    )
    return _payoffs(fight, roles, ShareBidder)


def sealed_contest(
    roles: Sequence[GameRole],
    value: float | Mapping[str, float],
    price: str = "first",
    reserve: float = 0.0,
    entry_cost: float = 0.0,
    recapture: float = 1.0,
    private: bool = False,
    shortfall: float = 0.0,
) -> ContestPayoffs:
    """Build sealed bids for the bonus or a share of it.

    Raises
    ------
    GameError
        If a parameter is out of range.
    """
    if not 0 <= recapture <= 1:
        raise GameError(f"contest.recapture = {recapture}; allowed: from 0 to 1")
    worth = _value(roles, value)
    if reserve > recapture * _largest(worth):
        raise GameError(
            f"contest.reserve = {reserve:g} is above what is auctioned, {recapture * _largest(worth):g}: "
            "nothing can clear"
        )
    contest = SealedBid(price, reserve, entry_cost)
    return _payoffs(
        SealedFight(worth, contest, private, _shortfall(shortfall), recapture), roles, ShareBidder
    )


def dutch_contest(
    roles: Sequence[GameRole],
    top: float,
    cut: float,
    step_s: float,
    tail_s: float,
    exit_value: float,
    lot: float = 1.0,
    gas: float = 0.0,
    revert_share: float = 1.0,
    shortfall: float = 0.0,
) -> ContestPayoffs:
    """Build the sale of a lot at Maker's stair-step price; strategies are waits.

    Raises
    ------
    GameError
        If a parameter is out of range or nothing can clear.
    """
    sale = DutchSale(stair_prices(top, cut, step_s, tail_s), exit_value, lot, gas, revert_share)
    return _payoffs(DutchFight(sale, step_s, _shortfall(shortfall)), roles, Waiter)


def kick_contest(
    roles: Sequence[GameRole],
    value: float,
    cost: float,
    tip: float = 0.0,
    revert_share: float = 1.0,
    shortfall: float = 0.0,
) -> ContestPayoffs:
    """Build a game of who pays for upkeep; strategies say with which probability they come (``enter``).

    Raises
    ------
    GameError
        If a parameter is out of range.
    """
    fight = KickFight(KickGame(value, cost, tip, revert_share), _shortfall(shortfall))
    return _payoffs(fight, roles, ShareBidder)


KINDS: dict[str, Callable[..., ContestPayoffs]] = {
    "block": block_contest,
    "sealed-bid": sealed_contest,
    "dutch": dutch_contest,
    "kick": kick_contest,
}
"""Contests on the compiled kernels by the name that a game file uses."""


def _payoffs(fight: Fight, roles: Sequence[GameRole], usual: type[Any]) -> ContestPayoffs:
    strategies: list[ContestStrategy] = []
    for role in roles:
        for name, parameters in role.strategies.items():
            given, where = dict(parameters), f"roles.{role.name}.strategies.{name}"
            own = given.pop("strategy", None)
            cls = usual if own is None else import_object(own, f"{where}.strategy")
            strategies.append(build_strategy(cls, given, where))
    return ContestPayoffs(fight, tuple(roles), tuple(strategies))


def _value(roles: Sequence[GameRole], value: float | Mapping[str, float]) -> float | Mapping[str, float]:
    found = _by_role(roles, "value", value)
    for role, number in found.items():
        if not 0 < number < np.inf:
            raise GameError(f"contest.value = {number} of {role}; allowed: above 0 and finite")
    return found if isinstance(value, Mapping) else float(value)


def _by_role(roles: Sequence[GameRole], key: str, value: float | Mapping[str, float]) -> Mapping[str, float]:
    """One number for each role; milliseconds become seconds."""
    names = [role.name for role in roles]
    scale = 1e-3 if key.endswith("_ms") else 1.0
    given = value if isinstance(value, Mapping) else dict.fromkeys(names, value)
    if sorted(given) != sorted(names):
        raise GameError(
            f"contest.{key} has {', '.join(given)}; allowed: a number for each of {', '.join(names)}"
        )
    for name, number in given.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < np.inf:
            raise GameError(f"contest.{key} = {number!r} of {name}; allowed: finite and not negative")
    return {name: scale * float(given[name]) for name in names}


def _largest(value: float | Mapping[str, float]) -> float:
    return max(value.values()) if isinstance(value, Mapping) else value


def _shortfall(shortfall: float) -> float:
    if not 0 <= shortfall < np.inf:
        raise GameError(f"contest.shortfall = {shortfall}; allowed: finite and not negative")
    return float(shortfall)
