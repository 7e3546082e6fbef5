"""The settings of every lending protocol, one module for each family."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .aave import AaveV2Config, AaveV3Config, AaveV4StyleConfig, AaveV36Config
from .ajna import AjnaConfig
from .base import LendingConfig
from .comet import CometConfig
from .compound import CompoundConfig, VenusConfig
from .euler import EulerV1Config, EulerV2Config
from .fluid import FluidConfig
from .laboratory import LaboratoryConfig
from .liquity import LiquityV1Config, LiquityV2Config
from .llamma import LlammaConfig
from .maker import MakerConfig, MakerFlipConfig
from .morpho import MorphoBlueConfig
from .silo import SiloConfig

__all__ = ["LendingConfig", "ProtocolConfig"]

ProtocolConfig = Annotated[
    AaveV2Config
    | AaveV3Config
    | AaveV36Config
    | AaveV4StyleConfig
    | CompoundConfig
    | VenusConfig
    | CometConfig
    | MorphoBlueConfig
    | EulerV1Config
    | EulerV2Config
    | SiloConfig
    | FluidConfig
    | AjnaConfig
    | LlammaConfig
    | MakerConfig
    | MakerFlipConfig
    | LiquityV1Config
    | LiquityV2Config
    | LaboratoryConfig,
    Field(discriminator="kind"),
]
"""What a scenario may say of a protocol, by its ``kind``."""
