"""What can be wrong with a network: one named error each, all of them `ContagionError`."""

from __future__ import annotations


class ContagionError(ValueError):
    """A network, a balance sheet or a parameter cannot be used; the text says which and why."""


class EmptyGraphError(ContagionError):
    """There are no nodes."""


class NotSquareError(ContagionError):
    """A matrix between nodes has not as many rows as columns, or not one for each node."""


class NegativeClaimError(ContagionError):
    """An amount owed, held or weighed is negative."""


class SelfClaimError(ContagionError):
    """A node owes itself."""


class UnknownNodeError(ContagionError):
    """A claim names a node that is not in the graph."""


class RelativeLiabilitiesError(ContagionError):
    """Shares of a node's debts do not add up to one."""


class MarginError(ContagionError):
    """No network without self-claims has these row and column sums."""


class SingularSystemError(ContagionError):
    """The equations of a measure have no solution, or infinitely many."""


class NotConvergedError(ContagionError):
    """An iteration ended before it was accurate."""
