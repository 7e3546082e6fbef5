"""How a liquidator bids that has watched its rivals: the bid that earns most against what they bid before.

On a public chain everybody sees what past blocks included, what came too late and reverted too. In
every past contest the best rival's gas price, as a multiple of the reward at stake, is one draw
from the distribution that the next bid meets. Bids are best replies to it (MODEL 3.10, 10.2), not
an equilibrium.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..base import PastBid, PublicView
from .liquidator import Liquidator, OwnState

STEP = 1.001
"""How much more than a rival's price wins against it."""

GRID = tuple((k + 0.5) / 10 for k in range(10))
"""Shares of the reward that an inexperienced bot takes rivals to pay, each as likely."""


@dataclass(frozen=True, slots=True)
class BestResponder(Liquidator):
    """Bid what earns most against the observed distribution of rivals' best bids.

    Parameters
    ----------
    memory : int
        Past contests that count, the newest.
    prior : float
        Contests for which the belief of the start counts: rivals pay any share of the reward, all as likely.

    Further parameters are those of `Liquidator`.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    memory: int = 200
    prior: float = 5.0

    def __post_init__(self) -> None:
        Liquidator.__post_init__(self)
        if self.memory < 1:
            raise ValueError(f"memory must be at least 1, got {self.memory}")
        if not 0 < self.prior < float("inf"):
            raise ValueError(f"prior must be above 0, got {self.prior}")

    def gas_price(self, gross_usd: float, gas: int, view: PublicView, own: OwnState) -> float | None:
        """Return the gas price that earns most on average, gwei; None if none earns enough."""
        per_gwei, floor = gas * view.usd_per_gas_gwei, view.gas_standard_gwei
        least = floor * per_gwei
        if gross_usd <= least + self.min_profit_usd:
            return None
        rivals = rivals_best(view.past, own.account, self.memory)
        belief = [(ratio * gross_usd * gas, 1.0) for ratio in rivals]
        belief += [(share * gross_usd, self.prior / len(GRID)) for share in GRID]
        best, earns = best_reply(belief, gross_usd, least, view.revert_gas_share)
        return best / per_gwei if earns > self.min_profit_usd else None


def rivals_best(past: Sequence[PastBid], me: int, memory: int) -> list[float]:
    """Return the best rival's price in each of the last contests, USD per unit of gas and USD of reward.

    A contest is all that a block included for one account; 0 where no rival was seen.
    """
    best: dict[tuple[int, int, int], float] = {}
    for bid in reversed(past):
        contest = (bid.block, bid.protocol, bid.account)
        if contest not in best:
            if len(best) == memory:
                break
            best[contest] = 0.0
        if bid.sender != me and bid.reward_usd > 0.0:
            best[contest] = max(best[contest], bid.usd_per_gas / bid.reward_usd)
    return list(best.values())


def best_reply(
    belief: Sequence[tuple[float, float]], value: float, least: float, revert_share: float
) -> tuple[float, float]:
    """Return the payment that earns most, and what it earns on average.

    Paying b wins with the chance W that rivals' best is below, and earns ``W (v - b) - (1 - W) phi b``.

    Parameters
    ----------
    belief : sequence of (float, float)
        What beats the best rival, and how likely that is; weights need not add up to 1.
    value, least : float
        Of winning; least payment that is included at all.
    revert_share : float
        Share of the payment that is lost with the contest (phi).
    """
    total = sum(weight for _, weight in belief)
    chosen, most, beaten = least, float("-inf"), 0.0
    steps = sorted((max(rival * STEP, least) if rival > 0.0 else least, weight) for rival, weight in belief)
    for i, (pay, weight) in enumerate(steps):
        beaten += weight
        if i + 1 < len(steps) and steps[i + 1][0] == pay:
            continue
        chance = beaten / total
        earns = chance * (value - pay) - (1.0 - chance) * revert_share * pay
        if earns > most:
            chosen, most = pay, earns
    return chosen, most
