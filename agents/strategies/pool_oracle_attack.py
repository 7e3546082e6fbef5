"""When one can dump, liquidate and buy back in the pool that is the oracle, and which fee ends it.

The attacker sells collateral into a constant-product pool whose price the protocol believes, liquidates
what has become unsafe, sells what it seized in the same pool and buys its own back (Sadeghi and
Feinstein, arXiv:2602.12104; MODEL 3.8). Closed forms in floats; nothing here executes. The pool
holds A of collateral and B of cash, its fee is taken off the input and stays out of the reserves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scipy.optimize import brentq


class Loan(NamedTuple):
    """One account: debt in cash, collateral, liquidation threshold, and bonus."""

    debt: float
    collateral: float
    threshold: float
    bonus: float


class CloseRule(NamedTuple):
    """At or below a health factor a call may repay a share of the debt."""

    health: float
    close_share: float


class PoolLiquidation(NamedTuple):
    """Collateral repaid (the bonus comes on top), and what the liquidator earns in cash."""

    amount: float
    profit: float


NONE = PoolLiquidation(0.0, 0.0)


def liquidate_in_pool(loan: Loan, rule: CloseRule, tokens: float, cash: float, fee: float) -> PoolLiquidation:
    """Best liquidation whose collateral is sold at once in the pool (MODEL 3.8, steps 1 to 4).

    Calls go on until health is back at the rule's level, collateral or debt is used up; then one more
    call takes the close share of what is left.
    """
    debt, collateral, threshold, bonus = loan
    kept = (1.0 - fee) * (1.0 + bonus)
    if threshold * cash * collateral / (tokens * debt) > rule.health or kept <= 1.0:
        return NONE
    by_collateral = collateral / (1.0 + bonus)
    by_debt = debt * tokens / (cash - debt * kept)
    q = kept * (cash - debt * kept)
    r = rule.health * tokens * (2.0 * debt * kept - cash) + threshold * tokens * cash * (1.0 + bonus)
    z = tokens * (rule.health * debt * tokens - threshold * cash * collateral)
    by_health = (r + math.sqrt(r * r + 4.0 * rule.health * q * z)) / (2.0 * rule.health * q)
    x = min(by_collateral, by_debt, by_health)
    profit = cash * (kept - 1.0) * x / (tokens + kept * x)
    if x < by_health:
        return PoolLiquidation(x, profit)
    tokens2 = tokens + kept * x
    cash2 = tokens * cash / tokens2
    closing = rule.close_share * (debt - cash * x / tokens2)
    last = min(
        by_collateral - x,
        closing * tokens2 / (cash2 - closing * kept),
        tokens2 * (math.sqrt(kept) - 1.0) / kept,
    )
    extra = cash2 * last * kept / (tokens2 + last * kept) - cash2 * last / tokens2
    return PoolLiquidation(x + last, profit + extra)


def attack_profit(
    loan: Loan, rules: Sequence[CloseRule], tokens: float, cash: float, fee: float, dump: float
) -> float:
    """Return what dumping so many tokens, liquidating and buying them back earns; -inf if that cannot be."""
    tokens1 = tokens + dump * (1.0 - fee)
    cash1 = tokens * cash / tokens1
    proceeds = cash * dump * (1.0 - fee) / tokens1
    done = max((liquidate_in_pool(loan, rule, tokens1, cash1, fee) for rule in rules), key=lambda d: d.profit)
    tokens2 = tokens1 + (1.0 - fee) * (1.0 + loan.bonus) * done.amount
    if tokens2 <= dump:
        return -math.inf
    back = tokens * cash / tokens2 * dump / ((1.0 - fee) * (tokens2 - dump))
    return proceeds + done.profit - back


def fee_that_ends_it(
    loan: Loan,
    rules: Sequence[CloseRule],
    tokens: float,
    cash: float,
    dumps: Iterable[float],
    highest: float = 0.05,
) -> float:
    """Return the pool's fee at which the best attack earns nothing (CASES X06).

    Parameters
    ----------
    loan, rules, tokens, cash
        See `attack_profit`; the better of the rules that apply is used.
    dumps : iterable of float
        Sizes that are tried.
    highest : float
        Fee at which no attack pays any more.
    """
    sizes = tuple(dumps)

    def best(fee: float) -> float:
        return max(attack_profit(loan, rules, tokens, cash, fee, dump) for dump in sizes)

    return float(brentq(best, 0.0, highest, xtol=1e-8))
