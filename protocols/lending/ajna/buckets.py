"""The price grid on which lenders deposit, and what is read off their deposits.

Prices are quote tokens per collateral token, wad. A bucket's index counts downwards in price, half a
per cent apart; deposits are (index, amount) pairs, the highest price first, amounts wad. The contract
works its prices out with a binary logarithm; here they are exact powers, which agree with the
contract's to about 1e-14. Sources: MODEL 1.10; ajna-core 0f59e780, ``PoolHelper.sol``, ``Deposits.sol``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import floor, log

from ...fixed_point import WAD, ceil_div

STEP_ABOVE, STEP_BELOW = 201, 200
"""Ratio of a bucket's price to the next: 1.005."""
INDEX_OF_ONE = 4_156
"""Index of the bucket at price 1."""
LAST_INDEX = 7_388
"""Index of the bucket with the lowest price."""

Deposits = tuple[tuple[int, int], ...]
"""Bucket index and deposit (wad), the highest price first."""


@cache
def price_at(index: int) -> int:
    """Return the price of a bucket, wad.

    Raises
    ------
    ValueError
        If there is no such bucket.
    """
    if not 0 <= index <= LAST_INDEX:
        raise ValueError(f"Ajna: bucket index must be 0 to {LAST_INDEX}, got {index}")
    steps = INDEX_OF_ONE - index
    above: int = STEP_ABOVE ** abs(steps)
    below: int = STEP_BELOW ** abs(steps)
    return WAD * above // below if steps >= 0 else WAD * below // above


def index_below(price: int) -> int:
    """Return the bucket with the highest price that is not above `price` (wad).

    Raises
    ------
    ValueError
        If the price lies outside the grid.
    """
    if not price_at(LAST_INDEX) <= price <= price_at(0):
        raise ValueError(f"Ajna: a price must be 1e-7 to 1e9 quote tokens, got {price / WAD:g}")
    steps = floor(log(price / WAD) / log(STEP_ABOVE / STEP_BELOW))
    index = min(max(INDEX_OF_ONE - steps, 0), LAST_INDEX)
    while index > 0 and price_at(index - 1) <= price:
        index -= 1
    while price_at(index) > price:
        index += 1
    return index


def total(deposits: Deposits) -> int:
    """Return the sum of all deposits, wad."""
    return sum(amount for _, amount in deposits)


def index_of_sum(deposits: Deposits, amount: int) -> int:
    """Return the first bucket, from the top, at which deposits add up to `amount` (wad)."""
    so_far = 0
    for index, deposit in deposits:
        so_far += deposit
        if so_far >= amount:
            return index
    return LAST_INDEX


def lowest_utilized_price(deposits: Deposits, debt: int) -> int:
    """Return the LUP: the price of the lowest bucket that the pool's debt (wad) draws on, wad."""
    return price_at(index_of_sum(deposits, debt))


def locked(deposits: Deposits, auctioned: int) -> Deposits:
    """Return the deposits that may not move: those on top that cover the debt in auctions (wad)."""
    so_far = 0
    for k, (_, amount) in enumerate(deposits):
        if so_far >= auctioned:
            return deposits[:k]
        so_far += amount
    return deposits if auctioned else ()


def ladder(deposits: Deposits, auctioned: int, top: int, rungs: int) -> Deposits:
    """Return the deposits spread evenly over `rungs` buckets from `top` down, but for those locked."""
    return spread(deposits, locked(deposits, auctioned), top, rungs)


def spread(deposits: Deposits, kept: Deposits, top: int, rungs: int) -> Deposits:
    """Return the deposits but for those `kept` on top spread evenly over `rungs` buckets from `top` down."""
    free = total(deposits[len(kept) :])
    moved = dict(kept)
    for k in range(rungs):
        index = min(top + k, LAST_INDEX)
        share = free // rungs + (free % rungs if k == 0 else 0)
        if share:
            moved[index] = moved.get(index, 0) + share
    return tuple(sorted(moved.items()))


def removed(deposits: Deposits, amount: int) -> Deposits:
    """Return the deposits with an amount (wad, at most what is there) taken out of the highest bucket."""
    (index, there), *others = deposits
    left = there - amount
    return ((index, left), *others) if left else tuple(others)


def credited(deposits: Sequence[tuple[int, int]], interest: int, least_price: int) -> tuple[Deposits, int]:
    """Pay interest to the buckets at `least_price` or above, in proportion; return what was paid, too.

    Amounts and price wad; what rounding leaves is not paid.
    """
    earning = sum(amount for index, amount in deposits if price_at(index) >= least_price)
    if not earning or interest <= 0:
        return tuple(deposits), 0
    grown, paid = [], 0
    for index, amount in deposits:
        more = amount * interest // earning if price_at(index) >= least_price else 0
        grown.append((index, amount + more))
        paid += more
    return tuple(grown), paid


def units_above(amount: int, scale: int) -> int:
    """Round a wad up to whole token units of 10**(18 - decimals) = `scale` wad."""
    return ceil_div(amount, scale) * scale
