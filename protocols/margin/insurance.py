"""Insurance fund: what it pays, how it grows, and how large it should be (MODEL 2.2, CASES P12).

The fund of a venue is a row of its `MarginAccounts`. What a deficit takes from it first is the split of
`liquidation.bad_debt`; what is left falls to deleveraging.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..liquidation.bad_debt import Burden, split
from .accounts import MarginAccounts


def cover(accounts: MarginAccounts, account: int, fund: int) -> Burden:
    """Let the fund pay what a row without positions owes, as far as it can.

    Returns
    -------
    Burden
        Base units that the fund paid, and that the row still owes.

    Raises
    ------
    ValueError
        If the row has open positions: what it owes is not known before they are closed.
    """
    if accounts.lots[account].any():
        raise ValueError(f"margin account {account} has open positions; close or take them over first")
    owed = max(-accounts.balances.item(account), 0)
    burden = split(owed, max(accounts.balances.item(fund), 0))
    accounts.transfer(fund, account, burden.from_fund)
    return burden


def fund_after(
    fund: float,
    fees: float,
    surplus: float,
    volume: float,
    funding: float,
    deficit: float,
    fee_share: float = 1.0,
    volume_rate: float = 0.0,
    funding_share: float = 0.0,
) -> float:
    """Next size of a fund (Chitra, arXiv:2512.01112): what it earns less the deficit, as far as it reaches.

    ``IF' = IF + alpha fees + surplus + eta V + beta funding - min(IF, D)``.

    Parameters
    ----------
    fund : float
        Size before, whole units.
    fees : float
        Fees earned, of which the fund gets `fee_share`.
    surplus : float
        What liquidations brought above bankruptcy.
    volume : float
        Value traded, of which it gets `volume_rate`.
    funding : float
        Funding paid by all, of which it gets `funding_share`.
    deficit : float
        What bankrupt accounts owe.
    """
    earned = fee_share * fees + surplus + volume_rate * volume + funding_share * funding
    return fund + earned - min(fund, deficit)


def newsvendor_target(quantile: Callable[[float], float], carrying: float, socialisation: float) -> float:
    """Size of the fund that costs least: ``VaR`` of the deficit at ``1 - r / kappa`` (CASES P12).

    Parameters
    ----------
    quantile : callable
        Quantile function of the deficit of one period.
    carrying : float
        Cost of holding one unit for the period, ``r``.
    socialisation : float
        Cost of one unit of deficit that is not covered, ``kappa``.

    Returns
    -------
    float
        0 if holding costs as much as not being covered.

    Raises
    ------
    ValueError
        If a cost is not positive.
    """
    for key, cost in (("carrying", carrying), ("socialisation", socialisation)):
        if not cost > 0.0:
            raise ValueError(f"newsvendor target: {key} must be positive, got {cost:g}")
    return quantile(1.0 - carrying / socialisation) if carrying < socialisation else 0.0


def newsvendor_target_of_sample(deficits: ArrayLike, carrying: float, socialisation: float) -> float:
    """Return the same for recorded or simulated deficits: the smallest of them that reaches the level."""
    sample = np.asarray(deficits, np.float64)
    return newsvendor_target(
        lambda level: float(np.quantile(sample, level, method="inverted_cdf")), carrying, socialisation
    )
