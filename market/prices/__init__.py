"""Reference prices: the outside world's prices for a whole run, replayed or drawn."""

from .bars import Bars, PriceDataError, TimeLike, unix_seconds
from .diffusions import GeometricBrownianMotion, HestonPrice, MertonJumpDiffusion
from .reference import FixedPrice, JointPrice, ReferencePrice, Streams
from .replay import ReplayPrice

__all__ = [
    "Bars",
    "FixedPrice",
    "GeometricBrownianMotion",
    "HestonPrice",
    "JointPrice",
    "MertonJumpDiffusion",
    "PriceDataError",
    "ReferencePrice",
    "ReplayPrice",
    "Streams",
    "TimeLike",
    "unix_seconds",
]
