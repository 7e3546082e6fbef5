"""Models for marks and for risk: functions over whole books of options, arrays in and arrays out."""

from __future__ import annotations

from .black_scholes import Greeks, ImpliedVolatility, Outcome, implied_volatility
from .first_passage import liquidation_probability
from .heston import HestonVolatility
from .inputs import (
    ArbitrageError,
    ExpiredOptionError,
    InstrumentError,
    NotConvergedError,
    OptionModelError,
    ParameterError,
)
from .leland import leland_volatility
from .merton import MertonJumps
from .model_free import interpolated_volatility, strip_variance
from .realised_volatility import FeedMemory, VolatilityFeed, close_to_close, parkinson
from .settlement_queue import queue_wait
from .smile import Smile, SmileFit, fit_smile
from .structural_default import StructuralDefault, structural_default
from .surface import SurfaceFit, TermStructure, VolatilitySurface, fit_surface, violations
from .svi import SliceFit, SviSlice, Violation, fit_slice
from .tail_risk import TailRisk, delay_margin, normal_tail
from .zero_coupon import zero_coupon_yield

__all__ = [
    "ArbitrageError",
    "ExpiredOptionError",
    "FeedMemory",
    "Greeks",
    "HestonVolatility",
    "ImpliedVolatility",
    "InstrumentError",
    "MertonJumps",
    "NotConvergedError",
    "OptionModelError",
    "Outcome",
    "ParameterError",
    "SliceFit",
    "Smile",
    "SmileFit",
    "StructuralDefault",
    "SurfaceFit",
    "SviSlice",
    "TailRisk",
    "TermStructure",
    "Violation",
    "VolatilityFeed",
    "VolatilitySurface",
    "close_to_close",
    "delay_margin",
    "fit_slice",
    "fit_smile",
    "fit_surface",
    "implied_volatility",
    "interpolated_volatility",
    "leland_volatility",
    "liquidation_probability",
    "normal_tail",
    "parkinson",
    "queue_wait",
    "strip_variance",
    "structural_default",
    "violations",
    "zero_coupon_yield",
]
