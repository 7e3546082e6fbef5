"""How orders move prices: Kyle's lambda, and the exponent with which impact grows with size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BINS = 12
"""Bins of equal counts into which bars are sorted by their flow."""


def equilibrium_lambda(value_sd: float, noise_sd: float) -> float:
    """Return the price impact of Kyle's single auction, ``sigma_v / (2 sigma_u)`` (1985; case B06).

    Parameters
    ----------
    value_sd : float
        Standard deviation of the value, USD per token.
    noise_sd : float
        Standard deviation of the flow of noise traders, tokens.

    Returns
    -------
    float
        USD per token, for each token of flow.

    Examples
    --------
    >>> equilibrium_lambda(2.0, 1000.0)
    0.001
    """
    return value_sd / (2.0 * noise_sd)


def estimated_lambda(changes: ArrayLike, flow: ArrayLike) -> float:
    """Return the slope of price changes on signed flow; nan without flow."""
    change, signed = np.asarray(changes, np.float64), np.asarray(flow, np.float64)
    if len(signed) < 3 or not np.ptp(signed) > 0.0:
        return math.nan
    return float(np.polyfit(signed, change, 1)[0])


def impact_curve(changes: ArrayLike, flow: ArrayLike, bins: int = BINS) -> tuple[Floats, Floats]:
    """Return mean size of flow and mean change in its direction, by bins of equal counts.

    Returns
    -------
    sizes, impacts : float64 ndarray, shape (bins,)
        nan if there are not four bars with flow for each bin.
    """
    change, signed = np.asarray(changes, np.float64), np.asarray(flow, np.float64)
    moved = signed != 0.0
    size, gain = np.abs(signed[moved]), change[moved] * np.sign(signed[moved])
    if len(size) < 4 * bins:
        return np.full(bins, np.nan), np.full(bins, np.nan)
    order = np.array_split(np.argsort(size, kind="stable"), bins)
    return np.array([size[part].mean() for part in order]), np.array([gain[part].mean() for part in order])


def impact_exponent(changes: ArrayLike, flow: ArrayLike, bins: int = BINS) -> float:
    """Return d of an impact that grows as ``size ** d``.

    It is nan if fewer than half of the bins have a positive impact.

    Examples
    --------
    >>> flow = np.linspace(-50.0, 50.0, 400)
    >>> round(impact_exponent(np.sign(flow) * np.abs(flow) ** 0.5, flow), 1)
    0.5
    """
    sizes, impacts = impact_curve(changes, flow, bins)
    usable = np.nan_to_num(impacts) > 0.0
    if usable.sum() < bins / 2:
        return math.nan
    return float(np.polyfit(np.log(sizes[usable]), np.log(impacts[usable]), 1)[0])
