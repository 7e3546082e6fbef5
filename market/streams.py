"""The one place where randomness is born: a generator for every named component.

A stream depends on the root seed and the component's name alone, so adding an
agent or changing a rule leaves every other stream's draws as they were.
"""

from __future__ import annotations

import hashlib

import numpy as np


class Streams:
    """Independent random generators by name under one root seed.

    Parameters
    ----------
    seed : int
        Root seed, not negative.

    Raises
    ------
    ValueError
        If `seed` is negative.

    Examples
    --------
    >>> a, b = Streams(7), Streams(7)
    >>> _ = b("somebody else").random(5)
    >>> a("prices").random() == b("prices").random()
    True
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"seed must not be negative, got {seed}")
        self.seed = seed

    def __call__(self, name: str) -> np.random.Generator:
        """Return a fresh generator for `name`; the same name starts again from its beginning."""
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        words = tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=words)))
