"""Parts of many whole amounts at once, exact where a product has more than 64 bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .vault import PART_BITS, WHOLE

Integers = NDArray[np.int64]

_LOW = np.uint64(0xFFFF_FFFF)


def part_down(amounts: Integers, part: int) -> Integers:
    """Return a part of each amount, rounded down.

    Parameters
    ----------
    amounts : int64 ndarray
        Not negative.
    part : int
        From 0 to `WHOLE`.
    """
    if part == WHOLE:
        return amounts.copy()
    whole = amounts.astype(np.uint64)
    high, low = whole >> np.uint64(32), whole & _LOW
    first, second = np.uint64(part >> 31), np.uint64(part & 0x7FFF_FFFF)
    # (high 2^32 + low)(first 2^31 + second) / 2^62, where no partial product exceeds 64 bits.
    cross, middle = high * second, low * first
    carried = (
        ((cross & np.uint64(2**30 - 1)) << np.uint64(32))
        + ((middle & np.uint64(2**31 - 1)) << np.uint64(31))
        + low * second
    )
    result = (
        np.uint64(2) * high * first
        + (cross >> np.uint64(30))
        + (middle >> np.uint64(31))
        + (carried >> np.uint64(PART_BITS))
    )
    return np.asarray(result.astype(np.int64))


def part_up(amounts: Integers, part: int) -> Integers:
    """Return a part of each amount, rounded up; arguments as in `part_down`."""
    return amounts - part_down(amounts, WHOLE - part)
