"""The exception by which a protocol refuses a call.

A call that raises `Revert` has changed nothing: rules check and compute before
they write, so no caller ever has to undo one.
"""

from __future__ import annotations


class Revert(Exception):
    """A protocol refused a call and its state is as it was before.

    Parameters
    ----------
    reason : str
        The contract's own error name or string, for example
        ``"HEALTH_FACTOR_NOT_BELOW_THRESHOLD"``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
