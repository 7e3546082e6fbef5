"""What the settings of every lending protocol share."""

from __future__ import annotations

from pydantic import Field

from ..base import NAME, Section


class LendingConfig(Section):
    """A lending protocol and what a scenario changes in it."""

    kind: str
    name: str | None = Field(
        default=None, pattern=NAME, description="name in tables and streams; the kind if left out"
    )
    share: float = Field(
        default=1.0, gt=0, le=1e6, description="weight by which borrowers spread over several protocols"
    )
    unsafe: bool = Field(
        default=False,
        description="accept parameters that are toxic or that the contract's own checks would refuse",
    )
