"""How a bot learns which of several ways to liquidate pays: EXP3 and regret matching on its own profits.

Both see only what the chosen option earned, so what others would have earned is estimated by
weighting with the chance of the choice. Played against each other, learners without internal regret
come to *coarse correlated* equilibria on average, not to Nash equilibria (MODEL 3.10).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .threshold_liquidator import ThresholdLiquidator

Floats: TypeAlias = NDArray[np.float64]

RULES = ("exp3", "regret-matching")


@dataclass(frozen=True, slots=True)
class LearningLiquidator:
    """Choose among ways to liquidate by what each has earned.

    ``exp3`` weighs options by the exponential of their estimated gains (Auer, Cesa-Bianchi, Freund and
    Schapire 2002, "The nonstochastic multiarmed bandit problem"). ``regret-matching`` plays options in
    proportion to the positive part of their estimated regrets (Hart and Mas-Colell 2001, "A
    reinforcement procedure leading to correlated equilibrium").

    Parameters
    ----------
    options : dict of str to dict
        Name -> parameters of a `ThresholdLiquidator`; two at least.
    rule : str
        One of `RULES`.
    exploration : float
        Share of rounds in which an option is drawn evenly, above 0 and up to 1.
    round_s : float
        Shortest time that an option is kept, seconds. A round ends only once something was sent in it.
    scale_usd : float
        Profit or loss of a round that counts as full; more is cut off.

    Raises
    ------
    ValueError
        If a parameter is out of range, or an option is none.
    """

    options: dict[str, dict[str, Any]]
    rule: str = "exp3"
    exploration: float = 0.1
    round_s: float = 60.0
    scale_usd: float = 10_000.0

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule = {self.rule!r}; allowed: {', '.join(RULES)}")
        if len(self.options) < 2:
            raise ValueError(f"options has {len(self.options)}; allowed: two or more ways to liquidate")
        if not 0 < self.exploration <= 1:
            raise ValueError(f"exploration = {self.exploration}; allowed: above 0, up to 1")
        if not 0 < self.round_s < np.inf:
            raise ValueError(f"round_s = {self.round_s}; allowed: above 0 and finite")
        if not 0 < self.scale_usd < np.inf:
            raise ValueError(f"scale_usd = {self.scale_usd}; allowed: above 0 and finite")
        _ = self.ways()

    def ways(self) -> tuple[ThresholdLiquidator, ...]:
        """Return the options, in order."""
        made = []
        for name, parameters in self.options.items():
            try:
                made.append(ThresholdLiquidator(**parameters))
            except (TypeError, ValueError) as error:
                text = str(error).removeprefix("ThresholdLiquidator.__init__() ")
                raise ValueError(f"options.{name}: {text}") from None
        return tuple(made)

    def mixture(self, scores: Floats) -> Floats:
        """Return the probability of each option.

        Parameters
        ----------
        scores : ndarray, shape (n_options,)
            Estimated gains, or regrets, so far; zeros at the start.
        """
        k = len(scores)
        if self.rule == "exp3":
            weights = np.exp(self.exploration / k * (scores - scores.max()))
        else:
            weights = np.maximum(scores, 0.0)
            if not weights.any():
                weights = np.ones(k)
        shares = (1.0 - self.exploration) * weights / weights.sum()
        return np.asarray(shares + self.exploration / k)

    def learn(self, scores: Floats, chosen: int, profit_usd: float) -> Floats:
        """Return the scores after a round in which an option earned a profit.

        Parameters
        ----------
        scores : ndarray, shape (n_options,)
        chosen : int
        profit_usd : float
        """
        gain = float(np.clip(profit_usd / self.scale_usd, -1.0, 1.0))
        estimate = np.zeros(len(scores))
        if self.rule == "exp3":
            gain = 0.5 * (1.0 + gain)  # EXP3 asks for gains from 0 to 1
        estimate[chosen] = gain / self.mixture(scores)[chosen]
        if self.rule == "exp3":
            return scores + estimate
        return scores + estimate - gain
