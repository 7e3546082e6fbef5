"""Print the polynomials of `protocols/margin/models/normal_kernels.py`.

Both are Chebyshev interpolations, worked out with 60 digits and rounded at the end:

1. Mills' ratio ``R(x) = (1 - N(x)) / phi(x)`` times ``x + C``, by ``t = (x - C) / (x + C)`` in [-1, 1],
   for all x from 0 on (Schonfelder 1978; Shepherd and Laframboise 1981).
2. ``(exp(r) - 1 - r) / r^2`` for r within half of ln 2.

Run: ``python tools/fit_mills_ratio.py [--centre 5] [--degree 22]``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal, getcontext

getcontext().prec = 60
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
FAR = Decimal(9)
"""From here on the continued fraction is as good as the series."""


def cosine(angle: Decimal) -> Decimal:
    """Sum the power series."""
    term = total = Decimal(1)
    for k in range(1, 250):
        term *= -angle * angle / (2 * k * (2 * k - 1))
        total += term
    return total


def mills_ratio(x: Decimal) -> Decimal:
    """Return (1 - N(x)) / phi(x) for x from 0 on."""
    if x > FAR:
        fraction = x
        for k in range(400, 0, -1):
            fraction = x + k / fraction
        return 1 / fraction
    getcontext().prec = 100
    term, total = x, Decimal(0)
    for k in range(1, 800):
        total += term
        term *= x * x / (2 * k + 1)
    found = (PI / 2).sqrt() * (x * x / 2).exp() - total
    getcontext().prec = 60
    return found


def interpolate(function: Callable[[Decimal], Decimal], degree: int) -> list[Decimal]:
    """Coefficients by rising power of the Chebyshev interpolation on [-1, 1]."""
    n = degree + 1
    angles = [PI * (2 * k + 1) / (2 * n) for k in range(n)]
    values = [function(cosine(angle)) for angle in angles]
    series = [
        2 * sum((v * cosine(m * a) for v, a in zip(values, angles, strict=True)), Decimal(0)) / n
        for m in range(n)
    ]
    series[0] /= 2
    before, now = [Decimal(1)], [Decimal(0), Decimal(1)]
    powers = [series[0]] + [Decimal(0)] * degree
    for m in range(1, n):
        powers = [p + series[m] * c for p, c in zip(powers, now + [Decimal(0)] * (n - len(now)), strict=True)]
        longer = [Decimal(0), *(2 * c for c in now)]
        before, now = now, [a - b for a, b in zip(longer, before + [Decimal(0)] * 2, strict=False)]
    return powers


def scaled_mills_ratio(centre: Decimal) -> Callable[[Decimal], Decimal]:
    """Return what the first polynomial stands for."""

    def function(t: Decimal) -> Decimal:
        if t >= 1:
            return Decimal(1)
        x = centre * (1 + t) / (1 - t)
        return mills_ratio(x) * (x + centre)

    return function


def exponential_rest(t: Decimal) -> Decimal:
    """Return what the second polynomial stands for, with t = 1 at half of ln 2."""
    r = t * Decimal(2).ln() / 2
    term, total = Decimal(1) / 2, Decimal(0)
    for k in range(3, 45):
        total += term
        term *= r / k
    return total


def main() -> None:
    """Print coefficients by rising power, and how small the last Chebyshev terms are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--centre", type=Decimal, default=Decimal(5))
    parser.add_argument("--degree", type=int, default=22)
    given = parser.parse_args()
    function = scaled_mills_ratio(given.centre)
    powers = interpolate(function, given.degree)
    print("mills ratio", [float(p) for p in powers])
    worst = Decimal(0)
    for k in range(401):
        t = Decimal(k) / 200 - 1
        value = Decimal(0)
        for p in reversed(powers):
            value = value * t + p
        worst = max(worst, abs(value / function(t) - 1))
    print("largest relative error", float(worst))
    half = Decimal(2).ln() / 2
    rest = [p / half**m for m, p in enumerate(interpolate(exponential_rest, 9))]
    print("exponential", [float(p) for p in rest])


if __name__ == "__main__":
    main()
