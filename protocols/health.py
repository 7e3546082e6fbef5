"""Who must be looked at: health screening of a crowd, and the accounts that sleep.

`HealthScreen` finds, after every price move, the accounts whose health factor has come
down to their level, and looks only at those that could have. `Sleepers` keeps the
underwater accounts that are not worth their gas. Both are analysis in float64: what may
be liquidated, and for how much, is decided by a protocol's exact rules.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import bucket_kernels, health_kernels
from .positions import Positions, aligned_zeros

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_NO_LEVELS: Floats = np.empty(0)
_NO_ACCOUNTS: Integers = np.empty(0, np.int64)


def _records(n_accounts: int) -> tuple[Floats, NDArray[np.int32]]:
    """Make records of accounts in no bucket: marks and links over the same memory."""
    links = aligned_zeros(n_accounts, 8, np.int32)
    links[:, bucket_kernels.SLOT] = bucket_kernels.NOWHERE
    return links.view(np.float64), links


def _parts(n_accounts: int, n_columns: int) -> int:
    """Into how many parts to divide shares of collateral.

    More parts let baskets sleep longer but make more lanes, each of which costs some ten
    nanoseconds per price change; a kind has to fit in an int64.
    """
    wanted = 6 if n_accounts >= 200_000 else 2
    return min(wanted, (63 - n_columns) // health_kernels.PART_BITS)


class Opportunities(NamedTuple):
    """What liquidating each of some accounts would bring; one entry per account."""

    health_factor: Floats
    collateral_asset: Integers
    debt_asset: Integers
    repay_usd: Floats
    bonus_usd: Floats


class HealthScreen:
    """Finds the accounts whose health factor is at or below their level.

    ``HF = sum(collateral * cw) / sum(debt * dw)`` (MODEL 1.1), with ``cw = price *
    liquidation_threshold * index / 10**decimals`` and ``dw = price * index / 10**decimals``
    in USD per base unit. An account without debt is never due. After every `reprice`, no
    account that is queued is at or below its level, for any basket; how, and why that is
    exact, stands in `health_kernels`.

    Parameters
    ----------
    positions : Positions
        Accounts that `Positions` reports as touched are looked at in the next `reprice`.
    levels : array_like of float, shape (n_accounts,)
        Health factor at which each account is next of interest; below 0 for never. Copied.

    Raises
    ------
    ValueError
        If there is not one level per account, or one is not a number.
    """

    def __init__(self, positions: Positions, levels: ArrayLike) -> None:
        n_accounts, n_columns = positions.amounts.shape
        wanted = np.asarray(levels, np.float64)
        if wanted.shape != (n_accounts,):
            raise ValueError(f"levels must have shape ({n_accounts},), one per account, got {wanted.shape}")
        if np.isnan(wanted).any():
            raise ValueError(f"level of account {int(np.isnan(wanted).argmax())} is not a number")
        self.positions = positions
        self._marks, self._links = _records(n_accounts)
        self._marks[:, health_kernels.LEVEL] = wanted
        self._heads = np.empty(health_kernels.MAX_LANES * health_kernels.N_BUCKETS, np.int32)
        self._pool = bucket_kernels.new_pool(n_accounts, len(self._heads))
        self._lanes = np.zeros((health_kernels.MAX_LANES, health_kernels.ANCHOR + 2 * n_columns))
        self._lane_sets = np.zeros((health_kernels.MAX_LANES, 2), np.int64)
        group_columns = health_kernels.LANES + len(health_kernels.TOLERANCES)
        self._groups = np.full((health_kernels.CATCH_ALL + 1, group_columns), -1, np.int64)
        self._weights = np.full((3, n_columns), np.nan)
        self._counts = np.zeros(5, np.int64)
        self._counts[health_kernels.PARTS] = _parts(n_accounts, n_columns)
        self._out = np.empty(n_accounts, np.int64)
        self._woken = np.empty((health_kernels.MAX_LANES, 2))
        self._incoming_collateral = self._weights[health_kernels.INCOMING, : positions.n_assets]
        self._incoming_debt = self._weights[health_kernels.INCOMING, positions.n_assets :]
        self._terms = np.empty((2, positions.n_assets))
        self._rule: tuple[float, ...] = ()
        self._closing = np.empty(4)
        self._state = (
            positions.amounts,
            self._marks,
            self._links,
            self._heads,
            self._pool,
            self._lanes,
            self._lane_sets,
            self._groups,
            self._weights,
            self._counts,
            self._out,
            np.empty((health_kernels.BATCH, 3)),
            np.empty(health_kernels.BATCH, np.int64),
        )

    @property
    def looks(self) -> int:
        """Accounts looked at so far, each time counted: the work done."""
        return int(self._counts[health_kernels.LOOKS])

    @property
    def levels(self) -> Floats:
        """Health factor at which each account is next of interest (a copy)."""
        return self._marks[:, health_kernels.LEVEL].copy()

    @property
    def queued(self) -> NDArray[np.bool_]:
        """Whether each account sleeps until prices could have brought it to its level."""
        return np.greater_equal(self._links[:, bucket_kernels.SLOT], 0)

    @property
    def due(self) -> NDArray[np.bool_]:
        """Whether each account has been reported as due and not been touched since."""
        return np.equal(self._links[:, bucket_kernels.SLOT], health_kernels.DUE)

    def reprice(self, cw: ArrayLike, dw: ArrayLike) -> Integers:
        """Screen at new weights; also look at the accounts whose position changed.

        The first call looks at every account.

        Parameters
        ----------
        cw, dw : array_like of float, shape (n_assets,)
            USD per base unit of collateral (times liquidation threshold) and of debt.

        Returns
        -------
        int64 ndarray
            Accounts now at or below their level, ascending. They leave the queue until
            they are touched.

        Raises
        ------
        ValueError
            If a shape is wrong, or a weight is neither 0 nor between 1e-200 and 1e200.
        """
        n_assets = self.positions.n_assets
        if np.shape(cw) != (n_assets,) or np.shape(dw) != (n_assets,):
            raise ValueError(
                f"cw and dw must have shape ({n_assets},), got {np.shape(cw)} and {np.shape(dw)}"
            )
        self._incoming_collateral[:] = cw
        self._incoming_debt[:] = dw
        forced = 0
        if self.positions.touched:
            forced = len(self.positions.touched)
            self._out[:forced] = self.positions.take_touched()
        count = health_kernels.reprice(*self._state, self._woken, forced)
        if count < 0:
            self.positions.mark(self._out[:forced])
            raise ValueError(f"weights must be 0 or between 1e-200 and 1e200, got cw={cw!r}, dw={dw!r}")
        return self._due(count)

    def touch(self, accounts: ArrayLike, levels: ArrayLike | None = None) -> Integers:
        """Look at accounts now, with new levels if given, at the weights in force.

        Before the first `reprice` there are no weights: levels are noted and none is due.

        Parameters
        ----------
        accounts : array_like of int
        levels : array_like of float, optional
            One per account, or one for all.

        Returns
        -------
        int64 ndarray
            Those at or below their level, ascending; the others are queued again.

        Raises
        ------
        IndexError
            If an account does not exist.
        ValueError
            If `levels` does not fit `accounts` or holds NaN.
        """
        looked = np.atleast_1d(np.asarray(accounts, np.int64))
        wanted = _NO_LEVELS
        if levels is not None:
            wanted = np.empty(looked.shape)  # a writable copy: read-only arrays are a type of their own
            wanted[:] = levels
        count = health_kernels.touch(*self._state, looked, wanted)
        if count < 0:
            if np.isnan(wanted).any():
                raise ValueError(f"levels must be numbers, got {levels!r}")
            raise self._unknown(accounts)
        if self.positions.touched:
            self.positions.touched.difference_update(looked.tolist())
        return self._due(count)

    def health(self, accounts: ArrayLike) -> Floats:
        """Health factors of some accounts at the weights in force; infinite without debt.

        Raises
        ------
        RuntimeError
            Before the first `reprice`.
        IndexError
            If an account does not exist.
        """
        wanted = self._asked(accounts)
        factors = np.empty(len(wanted))
        if not health_kernels.health_of(self.positions.amounts, self._weights, wanted, factors):
            raise self._unknown(accounts)
        return factors

    def health_all(self) -> Floats:
        """Health factors of all accounts at the weights in force; infinite without debt."""
        return self.health(np.arange(self.positions.n_accounts))

    def opportunities(
        self,
        accounts: ArrayLike,
        collateral_usd: ArrayLike,
        bonus: ArrayLike,
        close_factor: float,
        full_below: float = 0.0,
        *,
        small_usd: float = 0.0,
        whole_position: bool = False,
    ) -> Opportunities:
        """Best pair of each account by gross bonus in USD, at the weights in force.

        ``bonus_usd = min(share * debt_usd[d], collateral_usd[c] / (1 + bonus[c])) * bonus[c]``,
        where the share is 1 if ``HF <= full_below`` and the close factor otherwise. With
        `whole_position` it is taken of all debts together, and no more than ``debt_usd[d]``.

        Parameters
        ----------
        accounts : array_like of int
        collateral_usd : array_like of float, shape (n_assets,)
            USD per base unit of collateral, without the liquidation threshold.
        bonus : array_like of float, shape (n_assets,)
            Liquidation bonus of each collateral as a fraction, e.g. 0.05.
        close_factor : float
            Share of a debt that may be repaid in one call, above 0 up to 1.
        full_below : float
            Health factor at or below which all of a debt may be repaid: 0.95 in Aave v3
            (CASES L04), 0 where there is no such rule.
        small_usd : float
            Value of the debt or the collateral below which all of the debt may be repaid.
        whole_position : bool
            Whether the close factor is a share of the account's whole debt (CASES L06).

        Returns
        -------
        Opportunities
            Assets are -1 and amounts 0 where an account lacks collateral or debt.

        Raises
        ------
        RuntimeError
            Before the first `reprice`.
        IndexError
            If an account does not exist.
        ValueError
            If a shape or the close factor is wrong, or a bonus or price is negative.
        """
        n_assets = self.positions.n_assets
        prices = np.asarray(collateral_usd, np.float64)
        bonuses = np.asarray(bonus, np.float64)
        if prices.shape != (n_assets,) or bonuses.shape != (n_assets,):
            raise ValueError(
                f"collateral_usd and bonus must have shape ({n_assets},), "
                f"got {prices.shape} and {bonuses.shape}"
            )
        terms = self._terms
        terms[0], terms[1] = prices, bonuses
        if not np.minimum.reduce(terms, axis=None) >= 0:  # what `terms.min()` comes to, sooner
            raise ValueError(f"collateral_usd and bonus must not be negative, got {prices} and {bonuses}")
        if not 0.0 < close_factor <= 1.0:
            raise ValueError(f"close_factor must be above 0 and at most 1, got {close_factor}")
        wanted = self._asked(accounts)
        values = np.empty((3, len(wanted)))
        pairs = np.empty((2, len(wanted)), np.int64)
        rule = (close_factor, full_below, small_usd, whole_position)
        if rule != self._rule:
            self._rule, self._closing = rule, np.array(rule, np.float64)
        if not health_kernels.opportunities(
            self.positions.amounts, self._weights, wanted, terms, self._closing, values, pairs
        ):
            raise self._unknown(accounts)
        return Opportunities(values[0], pairs[0], pairs[1], values[1], values[2])

    def _due(self, count: int) -> Integers:
        if count == 0:
            return _NO_ACCOUNTS
        accounts = self._out[:count].copy()
        accounts.sort()
        return accounts

    def _asked(self, accounts: ArrayLike) -> Integers:
        if self._counts[health_kernels.PRIMED] == 0:
            raise RuntimeError("no weights are in force yet: call reprice(cw, dw) first")
        return np.atleast_1d(np.asarray(accounts, np.int64))

    def _unknown(self, accounts: ArrayLike) -> IndexError:
        return IndexError(f"accounts must be 0 to {self.positions.n_accounts - 1}, got {accounts!r}")


class Sleepers:
    """Underwater accounts that are not worth their gas, until gas falls.

    Accounts lie in buckets by the logarithm of their worth; as long as gas costs more
    than the best of them is worth, `wake` is one comparison however many sleep. The
    worth is that of the moment of `sleep`: whoever wants it to follow prices puts the
    account to sleep again.

    Parameters
    ----------
    n_accounts : int
        Accounts there are, asleep or not; at least 1.
    """

    def __init__(self, n_accounts: int) -> None:
        if not 1 <= n_accounts < 2**31:
            raise ValueError(f"n_accounts must be 1 to 2**31 - 1, got {n_accounts}")
        self.n_accounts = n_accounts
        self._marks, self._links = _records(n_accounts)
        self._heads = np.full(bucket_kernels.N_WORTH_SLOTS, bucket_kernels.NOWHERE, np.int32)
        self._pool = bucket_kernels.new_pool(n_accounts, len(self._heads))
        self._highest = -math.inf  # no sleeper is worth more
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, account: int) -> bool:
        return 0 <= account < self.n_accounts and bool(self._links[account, bucket_kernels.SLOT] >= 0)

    def among(self, accounts: Integers) -> Integers:
        """Return those of some accounts that are asleep, in the order given.

        Parameters
        ----------
        accounts : int64 ndarray
            Accounts that exist.
        """
        return np.asarray(accounts[self._links[accounts, bucket_kernels.SLOT] >= 0])

    def worth_usd(self, account: int) -> float:
        """Worth of a sleeping account, in USD.

        Raises
        ------
        KeyError
            If the account is not asleep.
        """
        if account not in self:
            raise KeyError(f"account {account} is not asleep")
        return float(self._marks[account, 0])

    def sleep(self, accounts: ArrayLike, worth_usd: ArrayLike) -> None:
        """Put accounts to sleep; one that sleeps already gets the new worth.

        Parameters
        ----------
        accounts : int or array_like of int
        worth_usd : float or array_like of float
            Gas cost, in USD, at or below which an account is worth waking; one per
            account, or one for all.

        Raises
        ------
        IndexError
            If an account does not exist.
        ValueError
            If a worth is not a number, or there is not one per account.
        """
        sleeping = np.atleast_1d(np.asarray(accounts, np.int64))
        worths = np.ascontiguousarray(np.broadcast_to(np.asarray(worth_usd, np.float64), sleeping.shape))
        added = bucket_kernels.sleep(self._links, self._heads, self._pool, self._marks, sleeping, worths)
        if added < 0:
            if np.isnan(worths).any():
                raise ValueError(f"worth_usd must be numbers, got {worth_usd!r}")
            raise IndexError(f"accounts must be 0 to {self.n_accounts - 1}, got {accounts!r}")
        self._count += added
        if len(worths):
            self._highest = max(self._highest, float(worths.max()))

    def wake(self, gas_cost_usd: float) -> Integers:
        """Wake the accounts worth at least `gas_cost_usd`; they sleep no longer.

        Returns
        -------
        int64 ndarray
            Accounts woken, ascending.

        Raises
        ------
        ValueError
            If the cost is not a number.
        """
        if gas_cost_usd > self._highest:
            return _NO_ACCOUNTS
        if math.isnan(gas_cost_usd):
            raise ValueError("gas_cost_usd is not a number")
        accounts = np.empty(self._count, np.int64)
        count, self._highest = bucket_kernels.wake(
            self._links, self._heads, self._pool, self._marks, float(gas_cost_usd), self._highest, accounts
        )
        self._count -= count
        woken = accounts[:count].copy()
        woken.sort()
        return woken

    def remove(self, account: int) -> bool:
        """Take an account out, e.g. because it was repaid; whether it was asleep."""
        if account not in self:
            return False
        bucket_kernels.unlink(self._links, self._heads, self._pool, account)
        self._count -= 1
        return True

    def remove_all(self, accounts: Integers) -> None:
        """Take accounts out, whether or not they are asleep.

        Parameters
        ----------
        accounts : int64 ndarray
            Accounts that exist.
        """
        self._count -= bucket_kernels.unlink_all(self._links, self._heads, self._pool, accounts)
