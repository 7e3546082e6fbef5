"""What moving a constant-product pool costs and earns: closed forms in floats.

For agents that look for a profit and for analysis; nothing here executes. Reserves
and amounts are whole tokens, `fee` is a fraction of the input that stays in the reserves.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple


class Sandwich(NamedTuple):
    """Best sandwich around one swap.

    Attributes
    ----------
    front_run : float
        Input tokens to spend before the victim; 0 if its limit leaves no room.
    victim_out : float
        Output tokens the victim gets.
    profit : float
        Input tokens left after everything bought is sold back, before gas; may be negative.
    """

    front_run: float
    victim_out: float
    profit: float


def swap_out(reserve_in: float, reserve_out: float, amount_in: float, fee: float = 0.0) -> float:
    """Output of a swap, ``Y k dx / (X + k dx)`` with ``k = 1 - fee`` (CASES X01)."""
    effective = (1.0 - fee) * amount_in
    return reserve_out * effective / (reserve_in + effective)


def sandwich(
    reserve_in: float, reserve_out: float, victim_in: float, victim_min_out: float, fee: float = 0.0
) -> Sandwich:
    """Size a front-run so that the victim gets exactly its minimum (MODEL 3.8, CASES X02).

    The profit grows with the size of the front-run, so the victim's limit binds.

    Parameters
    ----------
    reserve_in, reserve_out : float
        Reserves in the direction of the victim's swap.
    victim_in, victim_min_out : float
        What the victim spends and the least it accepts.
    fee : float
        Fraction of the input.
    """
    if victim_in <= 0 or victim_min_out <= 0:
        raise ValueError(f"victim amounts must be positive, got {victim_in} and {victim_min_out}")
    kept = 1.0 - fee
    # (X + k a)(X + a + k v) = X Y k v / min_out, a quadratic in the front-run a
    linear = reserve_in * (1.0 + kept) + kept * kept * victim_in
    room = reserve_in * (reserve_out * kept * victim_in / victim_min_out - reserve_in - kept * victim_in)
    if room <= 0.0:
        return Sandwich(0.0, swap_out(reserve_in, reserve_out, victim_in, fee), 0.0)
    front_run = 2.0 * room / (linear + sqrt(linear * linear + 4.0 * kept * room))
    return sandwich_of(reserve_in, reserve_out, victim_in, front_run, fee)


def sandwich_of(
    reserve_in: float, reserve_out: float, victim_in: float, front_run: float, fee: float = 0.0
) -> Sandwich:
    """Return what a sandwich with a front-run of a given size does; parameters as in `sandwich`."""
    bought = swap_out(reserve_in, reserve_out, front_run, fee)
    x, y = reserve_in + front_run, reserve_out - bought
    victim_out = swap_out(x, y, victim_in, fee)
    sold = swap_out(y - victim_out, x + victim_in, bought, fee)
    return Sandwich(front_run, victim_out, sold - front_run)


def manipulation_trade(quote_reserve: float, factor: float) -> float:
    """Quote tokens that move the price by `factor`, without fee: ``Y (sqrt k - 1)`` (CASES X03)."""
    return quote_reserve * (sqrt(factor) - 1.0)


def manipulation_loss(quote_reserve: float, factor: float) -> float:
    """Loss if the move by `factor` is arbitraged back: ``Y (sqrt k + 1/sqrt k - 2)`` (CASES X03)."""
    root = sqrt(factor)
    return quote_reserve * (root + 1.0 / root - 2.0)


def twap_spot_factor(factor: float, n_blocks: int, *, geometric: bool = False) -> float:
    """Spot factor of one block that moves an `n_blocks` average by `factor` (MODEL 3.8, CASES X04)."""
    return float(factor**n_blocks) if geometric else 1.0 + n_blocks * (factor - 1.0)


def impermanent_loss(factor: float) -> float:
    """Value of a share over holding its tokens, less one, after a price move by `factor` (CASES X14)."""
    return 2.0 * sqrt(factor) / (1.0 + factor) - 1.0


def loss_versus_rebalancing(volatility: float) -> float:
    """Share of the pool's value lost to arbitrage per year, ``sigma^2 / 8`` (CASES X14).

    Parameters
    ----------
    volatility : float
        Per square root of a year.
    """
    return volatility**2 / 8.0
