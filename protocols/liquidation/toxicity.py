"""When a liquidation worsens what it should mend, and the two calls that beat a close factor.

Closed forms in plain numbers, for design checks and tests (MODEL 3.6 and 3.7).
"""

from __future__ import annotations

from typing import NamedTuple


def toxic_health(threshold: float, bonus: float) -> float:
    """Health factor below which each further repayment lowers health: ``LT (1 + b)`` (CASES L08).

    Above 1 a design is toxic at the trigger already.
    """
    return threshold * (1.0 + bonus)


def toxic_loan_to_value(bonus: float, collateral_usd: float = 0.0, depth_usd: float = float("inf")) -> float:
    """Loan to value above which repayments worsen it, with slippage at the exit (CASES L08, X05).

    Parameters
    ----------
    bonus : float
    collateral_usd : float
        Value of the collateral that is sold.
    depth_usd : float
        Quote reserves of the constant-product pool in which it is sold.
    """
    return 1.0 / ((1.0 + bonus) * (1.0 + 2.0 * collateral_usd / depth_usd))


def health_after(
    collateral_usd: float, debt_usd: float, threshold: float, bonus: float, repay_usd: float
) -> float:
    """Health factor after a repayment: ``LT (C - (1 + b) r) / (D - r)`` (MODEL 1.1)."""
    return threshold * (collateral_usd - (1.0 + bonus) * repay_usd) / (debt_usd - repay_usd)


class TwoStep(NamedTuple):
    """Repayments of a first call that leaves health just below 1 and of the second, and the gain over one."""

    first: float
    second: float
    gain: float


def two_step(
    collateral_usd: float, debt_usd: float, threshold: float, bonus: float, close_factor: float
) -> TwoStep:
    """Best two calls against a close factor (Qin et al.; MODEL 3.7, CASES G15).

    Raises
    ------
    ValueError
        If the bonus is toxic at the trigger, or the first call would exceed the close factor.
    """
    keeps = 1.0 - toxic_health(threshold, bonus)
    if keeps <= 0.0:
        raise ValueError(f"two-step: LT (1 + b) must be below 1, got {1.0 - keeps:g}")
    first = (debt_usd - threshold * collateral_usd) / keeps
    if first > close_factor * debt_usd:
        raise ValueError(
            f"two-step: the first repayment {first:g} exceeds the close factor's {close_factor * debt_usd:g}"
        )
    second = close_factor * (debt_usd - first)
    return TwoStep(first, second, (first + second) / (close_factor * debt_usd) - 1.0)
