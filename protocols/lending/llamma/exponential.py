"""The exponential function as the AMM computes it, with the contract's own error.

Arguments are reduced by powers of two, then a rational function of degree 6/7 with
96-bit fractions. Source: snekmate's ``wad_exp`` in ``AMM.vy``; conformance set
``curve_llamma``.
"""

from __future__ import annotations

from functools import lru_cache

from ....market.revert import Revert
from ...fixed_point import EMPTY_REVERT, WAD

_ONE = 2**96
_LN2 = 54916777467707473351141471128
_SCALE = 3822833074963236453042738258902158003155416615667
_SMALLEST = -41446531673892821376
_LARGEST = 135305999368893231589
_LOWEST_RESULT = 1000
_DENOMINATOR = (
    50020603652535783019961831881945,
    -533845033583426703283633433725380,
    3604857256930695427073651918091429,
    -14423608567350463180887372962807573,
    26449188498355588339934803723976023,
)


@lru_cache(maxsize=4096)
def wad_exp(exponent: int) -> int:
    """Return e to the power of a wad, as a wad.

    Parameters
    ----------
    exponent : int
        Wad, signed.

    Raises
    ------
    Revert
        Without a reason, if the argument or the result leaves the contract's range.
    """
    if not _SMALLEST < exponent < _LARGEST:
        raise Revert(EMPTY_REVERT)
    x = _truncated(exponent * _ONE, WAD)
    k = _truncated(_truncated(x * _ONE, _LN2) + 2**95, _ONE)
    x -= k * _LN2
    y = _product(x + 1346386616545796478920950773328, x) + 57155421227552351082224309758442
    p = _product(y + x - 94201549194550492254356042504812, y) + 28719021644029726153956944680412240
    p = p * x + 4385272521454847904659076985693276 * _ONE
    q = x - 2855989394907223263936484059900
    for constant in _DENOMINATOR:
        q = _product(q, x) + constant
    result = _truncated(p, q) * _SCALE >> (195 - k)
    if result <= _LOWEST_RESULT:
        raise Revert(EMPTY_REVERT)
    return result


def _truncated(numerator: int, denominator: int) -> int:
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def _product(a: int, b: int) -> int:
    return _truncated(a * b, _ONE)
