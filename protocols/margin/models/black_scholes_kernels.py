"""Black-Scholes-Merton prices, Greeks and implied volatility, one option after another, compiled."""

from __future__ import annotations

import math

from numba import njit

ROOT_HALF = math.sqrt(0.5)
ROOT_TWO_PI = math.sqrt(2.0 * math.pi)

SOLVED = 0
NO_QUOTE = 1
BELOW_INTRINSIC = 2
NO_TIME_VALUE = 3
ABOVE_LIMIT = 4
NOT_CONVERGED = 5


@njit(cache=True)
def normal_cdf(x):
    """Return the standard normal distribution function."""
    return 0.5 * math.erfc(-x * ROOT_HALF)


@njit(cache=True)
def forward_value(forward, strike, deviation, sign):
    """Undiscounted value of a call (sign 1) or put (-1); `deviation` is sigma sqrt(T)."""
    if deviation <= 0.0:
        return max(sign * (forward - strike), 0.0)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    return sign * (forward * normal_cdf(sign * d1) - strike * normal_cdf(sign * (d1 - deviation)))


@njit(cache=True)
def prices(spot, strike, years, is_call, volatility, rate, dividend_yield, out):
    """Value each option."""
    for i in range(out.size):
        t = years[i]
        forward = spot[i] * math.exp((rate[i] - dividend_yield[i]) * t)
        sign = 1.0 if is_call[i] else -1.0
        value = forward_value(forward, strike[i], volatility[i] * math.sqrt(t), sign)
        out[i] = value * math.exp(-rate[i] * t)


@njit(cache=True)
def greeks(spot, strike, years, is_call, volatility, rate, dividend_yield, out):
    """Value each option with its sensitivities; `out` has a row for each figure, as `Greeks` names them."""
    for i in range(out.shape[1]):
        t, s, sigma, r, q = years[i], spot[i], volatility[i], rate[i], dividend_yield[i]
        root = math.sqrt(t)
        sign = 1.0 if is_call[i] else -1.0
        growth, discount = math.exp(-q * t), math.exp(-r * t)
        deviation = sigma * root
        d1 = math.log(s / strike[i]) / deviation + ((r - q) / sigma + 0.5 * sigma) * root
        d2 = d1 - deviation
        density = math.exp(-0.5 * d1 * d1) / ROOT_TWO_PI
        asset = s * growth * normal_cdf(sign * d1)
        cash = strike[i] * discount * normal_cdf(sign * d2)
        vega = s * growth * density * root
        out[0, i] = sign * (asset - cash)
        out[1, i] = sign * growth * normal_cdf(sign * d1)
        out[2, i] = growth * density / (s * deviation)
        out[3, i] = vega
        out[4, i] = -0.5 * vega * sigma / t + sign * (q * asset - r * cash)
        out[5, i] = sign * t * cash
        out[6, i] = -growth * density * d2 / sigma
        out[7, i] = vega * d1 * d2 / sigma


@njit(cache=True)
def _normalised(x, s):
    """Value of the option out of the money over sqrt(F K), at log-moneyness ``x = -abs(ln(F/K))``."""
    h, t = x / s, 0.5 * s
    return math.exp(0.5 * x) * normal_cdf(h + t) - math.exp(-0.5 * x) * normal_cdf(h - t)


@njit(cache=True)
def _deviation(value, x):
    """Solve ``_normalised(x, s) = value`` for s; negative if it does not converge.

    The function is convex below its inflection ``sqrt(2 abs(x))`` and concave above. Newton's method runs on
    ``1 / ln(value)`` below (Jaeckel 2006) and on the logarithm of the distance to the upper limit above,
    inside a bracket that each step makes narrower.
    """
    limit = math.exp(0.5 * x)
    middle = math.sqrt(-2.0 * x)
    at_middle = _normalised(x, middle) if middle > 0.0 else 0.0
    low, high = 0.0, middle
    if value > at_middle:
        low, high = middle, max(2.0 * middle, 1.0)
        while _normalised(x, high) < value:
            low = high
            high *= 2.0
            if high > 1e3:
                return -1.0
    s = middle if value < at_middle or middle > 0.0 else ROOT_TWO_PI * value
    if not low < s < high:
        s = 0.5 * (low + high)
    for _ in range(200):
        b = _normalised(x, s)
        if b > value:
            high = s
        else:
            low = s
        h, t = x / s, 0.5 * s
        slope = math.exp(-0.5 * (h * h + t * t)) / ROOT_TWO_PI
        new = -1.0
        if 0.0 < b < limit and slope > 0.0:
            if value < at_middle:
                goal, now = math.log(value), math.log(b)
                new = s + (1.0 - now / goal) * now * b / slope
            else:
                new = s + math.log((limit - b) / (limit - value)) * (limit - b) / slope
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - s) <= 1e-12 * s or high - low <= 1e-15 * high:
            return new
        s = new
    return -1.0


@njit(cache=True)
def implied(price, forward, strike, years, is_call, discount, volatility, outcome):
    """Volatility and outcome for each quote."""
    for i in range(price.size):
        volatility[i] = math.nan
        f, k = forward[i], strike[i]
        value = price[i] / discount[i]
        if not (price[i] >= 0.0 and value < math.inf):
            outcome[i] = NO_QUOTE
            continue
        intrinsic = max(f - k, 0.0) if is_call[i] else max(k - f, 0.0)
        bound = f if is_call[i] else k
        time_value = value - intrinsic
        rounding = 4e-16 * (value + f + k)
        if value >= bound:
            outcome[i] = ABOVE_LIMIT
        elif time_value < -rounding:
            outcome[i] = BELOW_INTRINSIC
        elif time_value <= rounding and (intrinsic > 0.0 or time_value <= 0.0):
            outcome[i] = NO_TIME_VALUE
        else:
            s = _deviation(time_value / math.sqrt(f * k), -abs(math.log(f / k)))
            outcome[i] = SOLVED if s > 0.0 else NOT_CONVERGED
            if s > 0.0:
                volatility[i] = s / math.sqrt(years[i])
