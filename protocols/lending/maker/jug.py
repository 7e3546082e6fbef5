"""Maker's stability fee (jug): an index for each collateral type that grows every second.

Source: makerdao/dss fa4f663, ``jug.sol``; its ``base`` is 0 as in all deployed settings.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

from ...fixed_point import RAY
from .abaci import rpow
from .vat import checked

SECONDS_PER_YEAR = 31_536_000


def duty_of(yearly: float | str) -> int:
    """Fee per second that compounds to a yearly fee.

    Parameters
    ----------
    yearly : float or str
        Fee a year as a fraction, above -1; its decimal digits are taken as they are written.

    Returns
    -------
    int
        Growth factor per second, ray, rounded down. (Votes quote it from ``bc``, whose last digit or
        two differ.)

    Raises
    ------
    ValueError
        If `yearly` is -1 or less.
    """
    factor = 1 + Decimal(str(yearly))
    if not factor > 0:
        raise ValueError(f"Maker jug: stability fee must be above -1, got {yearly}")
    with localcontext() as context:
        context.prec = 60
        return int((factor.ln() / SECONDS_PER_YEAR).exp() * RAY)


def drip(rate: int, duty: int, elapsed: int) -> int:
    """Accumulated fee after another `elapsed` seconds.

    Parameters
    ----------
    rate : int
        Accumulated fee at the last drip, ray.
    duty : int
        Growth factor per second, ray.
    elapsed : int
        Seconds since the last drip, not negative.

    Returns
    -------
    int
        Ray, rounded down.
    """
    return checked(rpow(duty, elapsed) * rate) // RAY
