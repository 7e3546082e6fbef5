"""Undo: what a pool has done, so that it can be taken back to any earlier moment.

Every change leaves the step that undoes it. Whoever wants to return to a moment holds
the place in the list at that moment; steps that nobody can return across are forgotten by
themselves, as places point forward only.
"""

from __future__ import annotations

from collections.abc import Callable


class _Place:
    """A moment between two steps: the step that undoes what came next, and the place after it."""

    __slots__ = ("after", "undo")

    def __init__(self) -> None:
        self.undo: Callable[[], None] | None = None
        self.after: _Place | None = None


class Journal:
    """Steps that undo what was done, oldest first."""

    def __init__(self) -> None:
        self._now = _Place()

    def note(self, undo: Callable[[], None]) -> None:
        """Remember how to undo what is done next."""
        place = self._now
        place.undo = undo
        place.after = self._now = _Place()

    def checkpoint(self) -> Callable[[], None]:
        """Return what takes everything back that is noted from now on, newest first.

        Of several checkpoints the newest is taken back first, or an older one alone.
        """
        here = self._now

        def restore() -> None:
            steps: list[Callable[[], None]] = []
            place: _Place | None = here
            while place is not None:
                if place.undo is not None:
                    steps.append(place.undo)
                place.undo, place.after, place = None, None, place.after
            self._now = here
            for undo in reversed(steps):
                undo()

        return restore
