"""dYdX v4: fillable price, liquidation fee, bankruptcy price, and margin by open interest (MODEL 2.1).

Follows dydxprotocol/v4-chain 84d4664 (`liquidations`, `liquidity_tier`). Floats in quote units.
"""

from __future__ import annotations

from .funding import clamp


def fillable_price(
    size: float,
    notional: float,
    maintenance: float,
    net_collateral: float,
    total_maintenance: float,
    bankruptcy_adjustment: float = 1.0,
    spread: float = 0.1,
) -> float:
    """Limit price at which a liquidation may be filled (CASES P04).

    ``(PNNV - ABR * SMMR * PMMR) / PS`` with ``ABR = clamp(BA (1 - TNC/TMMR), 0, 1)``.

    Parameters
    ----------
    size : float
        Position size, negative if short.
    notional : float
        Its signed value at the oracle price.
    maintenance : float
        Its maintenance requirement.
    net_collateral, total_maintenance : float
        Of the whole account.
    bankruptcy_adjustment : float
        How soon the price is given up as the account nears bankruptcy.
    spread : float
        Spread to maintenance margin ratio.
    """
    rating = clamp(bankruptcy_adjustment * (1.0 - net_collateral / total_maintenance), 0.0, 1.0)
    return (notional - rating * spread * maintenance) / size


def liquidation_fee(filled: float, bankruptcy_value: float, largest_share: float = 0.005) -> float:
    """Return what the insurance fund gains by a fill; negative if it pays (CASES P05).

    Parameters
    ----------
    filled : float
        Signed value at the fill price of what was closed: positive if a long was sold.
    bankruptcy_value : float
        The same at the bankruptcy price.
    largest_share : float
        Largest fee, a share of the filled notional.
    """
    return min(largest_share * abs(filled), filled - bankruptcy_value)


def bankruptcy_price(
    closed: float,
    closed_notional: float,
    closed_maintenance: float,
    net_collateral: float,
    total_maintenance: float,
) -> float:
    """Price of a partial close that uses up its part of the account's collateral.

    ``(DNNV + TNC |DMMR| / |TMMR|) / delta``, with ``delta`` the signed change of the position.

    Parameters
    ----------
    closed : float
        Change of the position: negative if a long is sold.
    closed_notional : float
        Change of its signed notional at the oracle price.
    closed_maintenance : float
        Change of its maintenance requirement.
    net_collateral, total_maintenance : float
        Of the whole account.
    """
    share = net_collateral * abs(closed_maintenance) / abs(total_maintenance)
    return (closed_notional + share) / closed


def open_interest_margin(base: float, open_interest: float, lower_cap: float, upper_cap: float) -> float:
    """Return the initial margin rate, which rises to 1 as open interest fills its caps (CASES P06).

    ``base + (1 - base) clamp((OI - lo)/(hi - lo), 0, 1)``; without caps (both 0) it is `base`.

    Raises
    ------
    ValueError
        If the upper cap is below the lower one.
    """
    if upper_cap < lower_cap:
        raise ValueError(
            f"open-interest margin: upper_cap must be at least lower_cap, {lower_cap:g}, got {upper_cap:g}"
        )
    if upper_cap == 0:
        return base
    if upper_cap == lower_cap:
        return 1.0 if open_interest > upper_cap else base
    return base + (1.0 - base) * clamp((open_interest - lower_cap) / (upper_cap - lower_cap), 0.0, 1.0)
