"""Hybrid marks: the market where its book is deep, the model where it is thin (MODEL 2.5, CASES O14)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .inputs import MarkInputs, MarkMemory, MarkPrice, missing, pick
from .single import MidMark, ModelMark

_MID, _MODEL = MidMark(), ModelMark()


@dataclass(frozen=True, slots=True)
class HybridMark:
    """Mid and model mixed by depth, ``w mid + (1 - w) model``.

    ``w = clamp((depth - depth_low_usd) / (depth_high_usd - depth_low_usd), 0, 1)``. Where one of the two is
    missing the other has all the weight.

    Parameters
    ----------
    depth_low_usd, depth_high_usd : float
        Depth up to which the model decides, and from which the mid does.

    Raises
    ------
    ValueError
        If they are not ``0 <= low < high``.
    """

    depth_low_usd: float
    depth_high_usd: float

    def __post_init__(self) -> None:
        _check_depths(self.depth_low_usd, self.depth_high_usd, equal=False)

    def weight(self, depth_usd: Any) -> Any:
        """Weight of the mid, 0 to 1."""
        share = (depth_usd - self.depth_low_usd) / (self.depth_high_usd - self.depth_low_usd)
        return np.minimum(np.maximum(share, 0.0), 1.0)

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Mixture, its mean age and its standard deviation, which grows with their distance."""
        mid, model = _MID.mark(seen), _MODEL.mark(seen)
        w = pick(missing(seen.mid), 0.0, pick(missing(seen.model), 1.0, self.weight(seen.depth_usd)))
        v = 1.0 - w
        apart = w * v * (mid.price - model.price) ** 2
        return MarkPrice(
            w * mid.price + v * model.price,
            w * mid.age_s + v * model.age_s,
            (w * mid.uncertainty**2 + v * model.uncertainty**2 + apart) ** 0.5,
        )


@dataclass(frozen=True, slots=True)
class HybridSwitch:
    """Mid or model, whole, with hysteresis.

    Model mode begins when the depth falls below `depth_low_usd` and ends after `checks` looks in a row with
    more than `depth_high_usd`. Where the price of the mode is missing the other one is taken.

    Parameters
    ----------
    depth_low_usd, depth_high_usd : float
    checks : int
        At least 1.

    Raises
    ------
    ValueError
        If they are not ``0 <= low <= high`` and ``checks >= 1``.
    """

    depth_low_usd: float
    depth_high_usd: float
    checks: int = 3

    def __post_init__(self) -> None:
        _check_depths(self.depth_low_usd, self.depth_high_usd, equal=True)
        if self.checks < 1:
            raise ValueError(f"checks must be at least 1, got {self.checks}")

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Mark of the mode that the inputs name."""
        mid, model = _MID.mark(seen), _MODEL.mark(seen)
        by_model = pick(missing(seen.mid), True, pick(missing(seen.model), False, seen.by_model))
        return MarkPrice(*(pick(by_model, theirs, ours) for theirs, ours in zip(model, mid, strict=True)))

    def remember(self, memory: MarkMemory, seen: MarkInputs, time_s: float) -> MarkMemory:
        """Count deep looks and change the mode when it is time."""
        thin, deep = seen.depth_usd < self.depth_low_usd, seen.depth_usd > self.depth_high_usd
        was = np.logical_or(memory.by_model, thin)
        looks = pick(np.logical_and(was, deep), memory.deep_checks + 1, 0)
        back = looks >= self.checks
        return memory._replace(
            time_s=time_s,
            by_model=np.logical_and(was, np.logical_not(back)),
            deep_checks=pick(back, 0, looks),
        )


def _check_depths(low: float, high: float, *, equal: bool) -> None:
    in_order = low <= high if equal else low < high
    if not (math.isfinite(high) and low >= 0.0 and in_order):
        allowed = f"0 <= depth_low_usd {'<=' if equal else '<'} depth_high_usd"
        raise ValueError(f"depths must be finite and {allowed}, got {low} and {high}")
