"""The exception by which a protocol refuses a call; the same one that undoes any transaction."""

from __future__ import annotations

from ..market.revert import Revert

__all__ = ["Revert"]
