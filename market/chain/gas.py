"""What a unit of gas costs: recorded, drawn or set by the chain's own base-fee rule.

Every process answers `at(block)` with a `GasQuote` in gwei. What a transaction
pays, and who is included, is decided by whoever builds the block.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

GWEI = 10**9
"""Wei in one gwei."""

ELASTICITY_MULTIPLIER = 2
BASE_FEE_MAX_CHANGE_DENOMINATOR = 8


class GasQuote(NamedTuple):
    """Gas price of a block, gwei per unit of gas.

    Attributes
    ----------
    floor : float
        Least price that is included at all.
    standard : float
        What an ordinary user pays.
    urgent : float
        What somebody in a hurry pays.
    """

    floor: float
    standard: float
    urgent: float


class GasPrice(Protocol):
    """A gas price process."""

    def at(self, block: int) -> GasQuote:
        """Gas price at a block."""
        ...


class ConstantGas:
    """The same price at every block.

    Parameters
    ----------
    standard : float
        gwei.
    floor, urgent : float, optional
        gwei; by default as `standard`.
    """

    def __init__(self, standard: float, floor: float | None = None, urgent: float | None = None) -> None:
        self._quote = GasQuote(
            standard if floor is None else floor, standard, standard if urgent is None else urgent
        )
        _check_ladder("constant gas", np.array([self._quote]))

    def at(self, block: int) -> GasQuote:
        """Gas price at any block."""
        return self._quote


class _TabulatedGas:
    """Prices known for every block of the run."""

    def __init__(self, table: Floats) -> None:
        self.floor, self.standard, self.urgent = np.ascontiguousarray(table.T)
        self._quotes = [GasQuote(*row) for row in table.tolist()]

    def at(self, block: int) -> GasQuote:
        """Gas price at a block, 0 to the last block of the run."""
        if not 0 <= block < len(self._quotes):
            raise IndexError(
                f"block {block} is outside the run, which has blocks 0 to {len(self._quotes) - 1}"
            )
        return self._quotes[block]


class ReplayGas(_TabulatedGas):
    """Percentiles of the gas prices paid in a recorded time before EIP-1559, a step function of time.

    The 30th percentile serves as `floor`: the least price that is included at all.
    The 60th serves as `standard`: what an ordinary user pays. The 90th serves as
    `urgent`: what somebody in a hurry pays. The 100th, one user's mistake as often
    as not, is not used.

    Parameters
    ----------
    ts : array_like, shape (n_rows,)
        Unix seconds from which a row holds, increasing and evenly spaced.
    p30, p60, p90 : array_like, shape (n_rows,)
        gwei, not negative and in this order.
    times_s : array_like, shape (n_blocks + 1,)
        Block times, seconds since the start.
    start_s : float
        Unix seconds of time 0.
    source : str
        File or series name for error messages.

    Attributes
    ----------
    floor, standard, urgent : float64 ndarray, shape (n_blocks + 1,)

    Raises
    ------
    ValueError
        For damaged rows, gaps and blocks the rows do not cover.
    """

    def __init__(
        self,
        ts: ArrayLike,
        p30: ArrayLike,
        p60: ArrayLike,
        p90: ArrayLike,
        *,
        times_s: ArrayLike,
        start_s: float,
        source: str = "gas",
    ) -> None:
        stamps = np.asarray(ts, np.float64)
        rows = np.column_stack([np.asarray(column, np.float64) for column in (p30, p60, p90)])
        if len(stamps) != len(rows) or len(stamps) < 2:
            raise ValueError(f"{source}: needs two rows or more and a stamp for each, got {len(stamps)}")
        steps = np.diff(stamps)
        step_s = float(np.median(steps))
        if not np.isfinite(stamps).all() or (steps <= 0).any() or (steps > 1.5 * step_s).any():
            wrong = ~np.isfinite(steps) | (steps <= 0) | (steps > 1.5 * step_s)
            at = int(np.argmax(wrong)) + 1
            raise ValueError(
                f"{source}: row {at + 1}: stamp {stamps[at]} after {stamps[at - 1]}; "
                f"stamps must increase by {step_s:g} s without gaps"
            )
        _check_ladder(source, rows)
        at_s = start_s + np.asarray(times_s, np.float64)
        if at_s.min() < stamps[0] or at_s.max() > stamps[-1] + step_s:
            raise ValueError(
                f"{source}: blocks from {at_s.min():.0f} to {at_s.max():.0f} are not covered, "
                f"rows hold from {stamps[0]:.0f} to {stamps[-1] + step_s:.0f} (Unix seconds)"
            )
        super().__init__(rows[np.searchsorted(stamps, at_s, "right") - 1])

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, *, times_s: ArrayLike, start_s: float, source: str = "gas"
    ) -> ReplayGas:
        """Replay a table of the study feed: ``ts`` and ``30.0 Perc``, ``60.0 Perc``, ``90.0 Perc`` in wei."""
        names = ["ts", "30.0 Perc", "60.0 Perc", "90.0 Perc"]
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise ValueError(f"{source}: column {', '.join(missing)} missing, needed are {', '.join(names)}")
        ts, p30, p60, p90 = (np.asarray(frame[name], np.float64) for name in names)
        return cls(ts, p30 / GWEI, p60 / GWEI, p90 / GWEI, times_s=times_s, start_s=start_s, source=source)


class LognormalGas(_TabulatedGas):
    """Mean-reverting lognormal prices that rise with shocks elsewhere (MODEL 5.5).

    ``ln standard = ln level + x + coupling * shock``; ``x`` is an Ornstein-Uhlenbeck
    process stepped exactly, which begins in its stationary distribution.

    Parameters
    ----------
    times_s : array_like, shape (n_blocks + 1,)
        Block times, seconds since the start.
    rng : numpy.random.Generator
    level : float
        Median of the standard price without shocks, gwei.
    sd : float
        Stationary standard deviation of the log price.
    half_life_s : float
        Seconds in which half of a deviation is gone.
    shock : array_like, shape (n_blocks + 1,), optional
        0 in calm times, such as `volatility_shock` of a price path.
    coupling : float
        Log price per unit of shock.
    floor_ratio, urgent_ratio : float
        Floor and urgent price over the standard price; at most and at least 1.
    """

    def __init__(
        self,
        times_s: ArrayLike,
        rng: np.random.Generator,
        *,
        level: float,
        sd: float,
        half_life_s: float,
        shock: ArrayLike | None = None,
        coupling: float = 0.0,
        floor_ratio: float = 0.8,
        urgent_ratio: float = 1.5,
    ) -> None:
        for name, value in (("level", level), ("half_life_s", half_life_s), ("floor_ratio", floor_ratio)):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if not (np.isfinite(sd) and sd >= 0):
            raise ValueError(f"sd must be finite and not negative, got {sd}")
        if not floor_ratio <= 1.0 <= urgent_ratio < np.inf:
            raise ValueError(f"needed floor_ratio <= 1 <= urgent_ratio, got {floor_ratio} and {urgent_ratio}")
        times = np.asarray(times_s, np.float64)
        steps = np.diff(times)
        if not (np.isfinite(times).all() and (steps > 0).all()):
            raise ValueError("times_s must be finite and increase")
        shocks = np.zeros(len(times)) if shock is None else np.asarray(shock, np.float64)
        if shocks.shape != times.shape or not np.isfinite(shocks).all() or not np.isfinite(coupling):
            raise ValueError(f"shock must be finite with one value per block ({len(times)}), and so coupling")
        keep = np.exp2(-steps / half_life_s)
        kicks = np.concatenate(([1.0], np.sqrt(1.0 - keep**2))) * rng.standard_normal(len(times)) * sd
        deviation = kicks.tolist()
        for i, share in enumerate(keep.tolist(), start=1):
            deviation[i] += share * deviation[i - 1]
        standard = level * np.exp(np.array(deviation) + coupling * shocks)
        super().__init__(np.column_stack((floor_ratio * standard, standard, urgent_ratio * standard)))


def volatility_shock(path: ArrayLike, half_life_blocks: float) -> Floats:
    """How unusual recent moves of a price are: 0 in calm times, 1 if twice their usual size.

    Parameters
    ----------
    path : array_like, shape (n_blocks + 1,)
        Prices at block times.
    half_life_blocks : float
        Half-life of the moving average of absolute log returns.

    Returns
    -------
    float64 ndarray, shape (n_blocks + 1,)
        Moving average of absolute log returns over their mean in the whole path,
        less one, cut at 0.
    """
    if not half_life_blocks > 0:
        raise ValueError(f"half_life_blocks must be positive, got {half_life_blocks}")
    moves = np.abs(np.diff(np.log(np.asarray(path, np.float64))))
    usual = float(moves.mean()) if len(moves) else 0.0
    if usual == 0.0:
        return np.zeros(len(moves) + 1)
    average = [usual]
    keep = 0.5 ** (1.0 / half_life_blocks)
    for move in moves.tolist():
        average.append(keep * average[-1] + (1.0 - keep) * move)
    return np.maximum(np.array(average) / usual - 1.0, 0.0)


class Eip1559:
    """Base fee that follows the gas used block by block (EIP-1559), with tips on top.

    The base fee is burned and is the least anybody pays. A block's price is known
    once the gas used in the blocks before it has been recorded.

    Parameters
    ----------
    base_fee : float
        gwei, of block 0.
    gas_limit : int
        Gas a block holds; the target is half of it.
    tip, urgent_tip : float
        gwei above the base fee that an ordinary and a hurried user pay.
    """

    def __init__(
        self, base_fee: float, *, gas_limit: int = 30_000_000, tip: float = 1.0, urgent_tip: float = 5.0
    ) -> None:
        if gas_limit < ELASTICITY_MULTIPLIER:
            raise ValueError(f"gas_limit must be at least {ELASTICITY_MULTIPLIER}, got {gas_limit}")
        if not 0 <= tip <= urgent_tip < np.inf:
            raise ValueError(f"needed 0 <= tip <= urgent_tip, got {tip} and {urgent_tip}")
        if not (np.isfinite(base_fee) and base_fee >= 0):
            raise ValueError(f"base_fee must be finite and not negative, got {base_fee}")
        self.gas_limit = int(gas_limit)
        self._tip, self._urgent_tip = tip, urgent_tip
        self.base_fees: list[int] = [round(base_fee * GWEI)]

    def record(self, gas_used: int) -> None:
        """Close the newest block with the gas it used, which sets the base fee of the next.

        Raises
        ------
        ValueError
            If more gas was used than a block holds.
        """
        if not 0 <= gas_used <= self.gas_limit:
            raise ValueError(f"gas_used must be 0 to gas_limit ({self.gas_limit}), got {gas_used}")
        self.base_fees.append(next_base_fee(self.base_fees[-1], int(gas_used), self.gas_limit))

    def at(self, block: int) -> GasQuote:
        """Gas price at a block, up to the first that is not closed."""
        if not 0 <= block < len(self.base_fees):
            raise IndexError(
                f"base fee of block {block} is not known; the gas used is recorded up to block "
                f"{len(self.base_fees) - 2}"
            )
        base = self.base_fees[block] / GWEI
        return GasQuote(base, base + self._tip, base + self._urgent_tip)


def next_base_fee(base_fee: int, gas_used: int, gas_limit: int) -> int:
    """Return the base fee of the next block, wei (EIP-1559).

    Parameters
    ----------
    base_fee : int
        wei, of this block.
    gas_used, gas_limit : int
        Of this block; the target is ``gas_limit // 2``.
    """
    target = gas_limit // ELASTICITY_MULTIPLIER
    if gas_used == target:
        return base_fee
    change = base_fee * abs(gas_used - target) // target // BASE_FEE_MAX_CHANGE_DENOMINATOR
    return base_fee + max(change, 1) if gas_used > target else base_fee - change


def _check_ladder(source: str, rows: Floats) -> None:
    """Refuse rows of floor, standard and urgent price that are negative or out of order."""
    wrong = ~(np.isfinite(rows) & (rows >= 0)).all(axis=1) | (np.diff(rows, axis=1) < 0).any(axis=1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"{source}: row {at + 1}: gas prices must be finite, not negative, floor <= standard <= urgent, "
            f"got {rows[at].tolist()} gwei"
        )
