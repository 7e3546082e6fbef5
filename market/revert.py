"""How a rule refuses: the one exception that undoes a transaction.

A rule raises `Revert` before it has changed anything, or whoever called it
restores what was there. It is not used for mistakes in a scenario or in code.
"""

from __future__ import annotations


class Revert(Exception):
    """A transaction was refused and leaves the state as it was.

    Parameters
    ----------
    reason : str
        The contract's own error: its name, its string or the panic it raises.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __reduce__(self) -> tuple[type[Revert], tuple[str]]:
        """Pickle by reason, so that workers can hand it back."""
        return type(self), (self.reason,)
