"""Buckets of accounts hold what plain Python sets hold, and their pool always suffices."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.protocols import bucket_kernels
from liquidarium.protocols.bucket_kernels import FRESH, LAST, NOWHERE, PLACE, SLOT

N_ACCOUNTS, N_SLOTS = 40, 6


class Buckets:
    """Compiled buckets, and the bucket of every account in a dictionary."""

    def __init__(self, n_accounts: int, n_slots: int) -> None:
        self.links = np.full((n_accounts, 8), NOWHERE, np.int32)
        self.heads = np.full(n_slots, NOWHERE, np.int32)
        self.pool = bucket_kernels.new_pool(n_accounts, n_slots)
        self.slots: dict[int, int] = {}

    def move(self, account: int, slot: int) -> None:
        """Put an account into a bucket; `NOWHERE` only takes it out."""
        if account in self.slots:
            bucket_kernels.unlink(self.links, self.heads, self.pool, account)
            del self.slots[account]
        if slot != NOWHERE:
            bucket_kernels.link(self.links, self.heads, self.pool, account, slot)
            self.slots[account] = slot

    def drop_last(self, slot: int) -> None:
        """Forget the last account of a bucket, which keeps its record."""
        if self.heads[slot] >= 0:
            account = int(self.pool[self.heads[slot]])
            bucket_kernels.drop_last(self.heads, self.pool, slot)
            self.links[account, SLOT] = NOWHERE
            del self.slots[account]

    def check(self) -> None:
        """Read every bucket and every record back."""
        found = {}
        for slot, head in enumerate(self.heads.tolist()):
            place = head
            while place >= 0:
                assert place & LAST != 0
                account = int(self.pool[place])
                assert account not in found
                assert self.links[account, PLACE] == place
                found[account] = slot
                place = int(bucket_kernels.before(self.pool, place))
        assert found == self.slots
        asleep = {account: slot for account, slot in enumerate(self.links[:, SLOT].tolist()) if slot >= 0}
        assert asleep == self.slots
        chunks = sum(-(-count // LAST) for count in Counter(self.slots.values()).values())
        assert chunks * (LAST + 1) < self.pool[FRESH] <= len(self.pool)


moves = st.tuples(st.just("move"), st.integers(0, N_ACCOUNTS - 1), st.integers(NOWHERE, N_SLOTS - 1))
drops = st.tuples(st.just("drop"), st.just(0), st.integers(0, N_SLOTS - 1))


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.one_of(moves, moves, moves, drops), max_size=200))
def test_buckets_hold_what_sets_hold(steps):
    buckets = Buckets(N_ACCOUNTS, N_SLOTS)
    for kind, account, slot in steps:
        if kind == "move":
            buckets.move(account, slot)
        else:
            buckets.drop_last(slot)
        buckets.check()


@pytest.mark.parametrize(
    ("n_accounts", "n_slots"), [(1, 1), (1, 9), (50, 50), (50, 3), (50, 400), (700, 100)]
)
def test_pool_suffices_however_accounts_lie(n_accounts, n_slots):
    buckets = Buckets(n_accounts, n_slots)
    accounts = np.random.default_rng(1).permutation(n_accounts).tolist()
    spread = [account % n_slots for account in range(n_accounts)]
    crowded = [max(0, n_slots - 1 - account) for account in range(n_accounts)]
    for slots in (spread, [0] * n_accounts, crowded, spread):
        for account in accounts:
            buckets.move(account, slots[account])
        buckets.check()


def test_more_accounts_than_places_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        bucket_kernels.new_pool(2**31 - 1, 840)
