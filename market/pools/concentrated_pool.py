"""A pool of concentrated liquidity in the simulation: its money on the ledger, its rules Uniswap v3's.

Quotes and sizes come from the rules as well: a hypothetical swap walks the ranges, and the
amount that reaches a price is what it took on the way. Prices in this module are whole tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, inf, isfinite, sqrt
from typing import NamedTuple

from ..ledger import Ledger
from ..revert import Revert
from . import concentrated_liquidity as rules
from .concentrated_liquidity import ConcentratedParameters, ConcentratedState, fees_earned
from .concentrated_steps import FEE_SCALE
from .concentrated_ticks import MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, Q96, sqrt_price_at_tick
from .ledger_pool import INT64_MAX, LedgerPool

TICK_SPACING = {1: 1, 5: 10, 30: 60, 100: 200}
"""Tick spacing of every fee that the factory allows, basis points."""

_ENDLESS = 2**127
"""More than any pool can take."""

Key = tuple[int, int, int]
"""Owner's ledger account, lower and upper tick."""


class RangePosition(NamedTuple):
    """Liquidity of one owner between two ticks.

    Attributes
    ----------
    liquidity : int
    growth0, growth1 : int
        Fees per unit of liquidity inside the range when it was last touched, Q128.
    owed0, owed1 : int
        Fees until then that have not been collected, base units.
    """

    liquidity: int = 0
    growth0: int = 0
    growth1: int = 0
    owed0: int = 0
    owed1: int = 0


class PoolState(NamedTuple):
    """Everything that a pool stores; replaced, never changed, so it may be kept as a snapshot.

    Attributes
    ----------
    core : ConcentratedState
        Price, liquidity and ticks.
    reserve0, reserve1 : int
        What has come in less what has gone out by the rules, base units.
    positions : mapping of Key to RangePosition
    tick_seconds : int
        Sum of tick times seconds until `updated_s`.
    updated_s : int
        Second of the last change.
    """

    core: ConcentratedState
    reserve0: int = 0
    reserve1: int = 0
    positions: Mapping[Key, RangePosition] = {}
    tick_seconds: int = 0
    updated_s: int = 0


class ConcentratedPool(LedgerPool):
    """A pool of two assets whose liquidity lies in ranges of prices (Uniswap v3).

    Every operation is whole: it raises `Revert` and leaves pool and ledger as they
    were, or happens. Amounts are base units, `now_s` counts in whole seconds.

    Parameters
    ----------
    ledger : Ledger
        Where the pool opens an account of its own.
    asset0, asset1 : int
        Ledger indices of its two assets.
    price : float
        Of asset 0 in asset 1 at the start, whole tokens.
    name : str
        Name of the ledger account.
    fee_bps : int
        Fee on the input, one of `TICK_SPACING`.

    Raises
    ------
    ValueError
        If the assets are one, the fee is none that the factory allows or the price is no price.
    """

    unpaid = "STF"

    def __init__(
        self,
        ledger: Ledger,
        asset0: int,
        asset1: int,
        *,
        price: float,
        name: str = "pool",
        fee_bps: int = 30,
    ) -> None:
        if fee_bps not in TICK_SPACING:
            allowed = ", ".join(map(str, TICK_SPACING))
            raise ValueError(f"pool {name}: fee_bps must be one of {allowed}, got {fee_bps}")
        if not (isfinite(price) and price > 0):
            raise ValueError(f"pool {name}: price must be positive and finite, got {price}")
        super().__init__(ledger, asset0, asset1, name)
        self.fee_bps = fee_bps
        self.parameters = ConcentratedParameters(fee_bps * FEE_SCALE // 10_000, TICK_SPACING[fee_bps])
        self.state = PoolState(rules.opened(self._root(price)))

    def swap(self, account: int, asset_in: int, amount_in: int, min_out: int = 0, *, now_s: float) -> int:
        """Sell `amount_in` of one asset; return the base units of the other paid out.

        Raises
        ------
        Revert
            If less than `min_out` would be paid, the account holds too little, the
            liquidity ends before all is sold, or the pool refuses.
        """
        zero_for_one = self._direction(asset_in)
        done = rules.swap(self.state.core, self.parameters, zero_for_one, amount_in)
        taken, paid = _in_and_out(done, zero_for_one)
        if taken < amount_in:
            raise Revert("liquidity ends before all is sold")
        if paid < min_out:
            raise Revert("Too little received")
        self._exchange(account, zero_for_one, done, now_s)
        return paid

    def swap_for_exact(
        self, account: int, asset_out: int, amount_out: int, max_in: int | None = None, *, now_s: float
    ) -> int:
        """Buy `amount_out` of one asset; return the base units of the other taken.

        Raises
        ------
        Revert
            If more than `max_in` would be taken, the account holds too little, the
            pool does not hold that much, or refuses.
        """
        zero_for_one = not self._direction(asset_out)
        done = rules.swap(self.state.core, self.parameters, zero_for_one, -amount_out)
        taken, paid = _in_and_out(done, zero_for_one)
        if paid < amount_out:
            raise Revert("liquidity ends before all is bought")
        if max_in is not None and taken > max_in:
            raise Revert("Too much requested")
        self._exchange(account, zero_for_one, done, now_s)
        return taken

    def add_liquidity(
        self, account: int, lower: int, upper: int, liquidity: int, *, now_s: float
    ) -> tuple[int, int]:
        """Add liquidity between two ticks; return the base units of both assets taken.

        Raises
        ------
        Revert
            If the account holds too little, there is nothing to add, or the pool refuses the range.
        """
        if liquidity <= 0:
            raise Revert("empty revert data")
        state, _ = self._changed(account, lower, upper, liquidity, now_s)
        taken = (state.reserve0 - self.state.reserve0, state.reserve1 - self.state.reserve1)
        self._take_in(account, taken)
        self.state = state
        return taken

    def remove_liquidity(
        self, account: int, lower: int, upper: int, liquidity: int, *, now_s: float
    ) -> tuple[int, int]:
        """Take liquidity out, 0 for none, and collect all fees; return the base units of both assets paid.

        Raises
        ------
        Revert
            If the account has no such position, or less than that.
        """
        if liquidity < 0 or (account, lower, upper) not in self.state.positions:
            raise Revert("NP")
        state, paid = self._changed(account, lower, upper, -liquidity, now_s)
        self._pay_out(account, paid)
        self.state = state
        return paid

    def liquidity_for(self, lower: int, upper: int, amount0: int, amount1: int) -> int:
        """Most liquidity that two amounts buy between two ticks at the present price."""
        low, high = sqrt_price_at_tick(lower), sqrt_price_at_tick(upper)
        here = min(max(self.state.core.sqrt_price, low), high)
        most = []
        if here < high:
            most.append(amount0 * here * high // Q96 // (high - here))
        if here > low:
            most.append(amount1 * Q96 // (here - low))
        liquidity = min(most)
        # The formula rounds in between; the deposit rounds up.
        while liquidity > 0:
            cost = rules.amounts_for(self.state.core, lower, upper, liquidity)
            if cost[0] <= amount0 and cost[1] <= amount1:
                break
            liquidity -= 1 + (liquidity >> 40)
        return liquidity

    def range_around(self, low_price: float, high_price: float) -> tuple[int, int]:
        """Ticks that bound the smallest allowed range which holds two prices of asset 0."""
        spacing, ends = self.parameters.tick_spacing, self.full_range
        lower = rules.opened(self._root(low_price)).tick // spacing * spacing
        upper = (rules.opened(self._root(high_price)).tick // spacing + 1) * spacing
        lower = min(max(lower, ends[0]), ends[1] - spacing)
        return lower, max(min(upper, ends[1]), lower + spacing)

    @property
    def full_range(self) -> tuple[int, int]:
        """Ticks that bound the range of all prices."""
        end = MAX_TICK // self.parameters.tick_spacing * self.parameters.tick_spacing
        return -end, end

    def cost_of(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Return the base units of both assets that liquidity between two ticks costs now."""
        return rules.amounts_for(self.state.core, lower, upper, liquidity)

    def price_at(self, tick: int) -> float:
        """Price of asset 0 at a tick."""
        root = sqrt_price_at_tick(tick) / Q96
        return root * root * self._units[0] / self._units[1]

    def position(self, account: int, lower: int, upper: int) -> RangePosition:
        """Return what an account has between two ticks."""
        return self.state.positions.get((account, lower, upper), RangePosition())

    def principal(self, account: int, lower: int, upper: int) -> tuple[int, int]:
        """Return the base units of both assets that a position would pay out now, fees not included."""
        held = self.position(account, lower, upper).liquidity
        amount0, amount1 = rules.amounts_for(self.state.core, lower, upper, -held)
        return -amount0, -amount1

    def fees(self, account: int, lower: int, upper: int) -> tuple[int, int]:
        """Return the base units of both assets that a position has earned and not collected."""
        held = self.position(account, lower, upper)
        now = rules.change_position(self.state.core, self.parameters, lower, upper, 0)
        return (
            held.owed0 + fees_earned(held.liquidity, held.growth0, now.fee_growth_inside0),
            held.owed1 + fees_earned(held.liquidity, held.growth1, now.fee_growth_inside1),
        )

    def claims(self) -> tuple[int, int]:
        """Return the base units of both assets that all positions together could take out now."""
        total0 = total1 = 0
        for key in self.state.positions:
            for part0, part1 in (self.principal(*key), self.fees(*key)):
                total0, total1 = total0 + part0, total1 + part1
        return total0, total1

    @property
    def reserves(self) -> tuple[int, int]:
        """Base units of both assets in the pool, uncollected fees included."""
        return self.state.reserve0, self.state.reserve1

    @property
    def virtual_reserves(self) -> tuple[float, float]:
        """Reserves of the constant-product pool that trades alike at the present price, base units."""
        core = self.state.core
        root = core.sqrt_price / Q96
        return core.liquidity / root, core.liquidity * root

    def residual(self) -> tuple[int, int]:
        """Return the base units of both assets that are missing or too many; zero unless money was lost.

        Counts what the ledger and the reserves disagree about, and what the reserves lack
        to pay all positions and their fees.
        """
        found = []
        for asset, reserve, claim in zip(self.assets, self.reserves, self.claims(), strict=True):
            found.append(abs(self._ledger.balance(self.account, asset) - reserve) + max(claim - reserve, 0))
        return found[0], found[1]

    def snapshot(self) -> PoolState:
        """Return what `restore` needs to undo a transaction, apart from the ledger."""
        return self.state

    def restore(self, snapshot: PoolState) -> None:
        """Return to a snapshot; whoever calls it restores the ledger too."""
        self.state = snapshot

    def price(self, asset: int) -> float:
        """Marginal price of `asset` in the other one, whole tokens and without the fee."""
        root = self.state.core.sqrt_price / Q96
        price = root * root * self._units[0] / self._units[1]
        return price if self._direction(asset) else 1.0 / price

    def quote_out(self, asset_in: int, tokens_in: float) -> float:
        """Tokens paid out for `tokens_in`, or for as much of it as finds liquidity."""
        zero_for_one = self._direction(asset_in)
        unit_in, unit_out = self._units if zero_for_one else self._units[::-1]
        units = int(tokens_in * unit_in)
        if units <= 0:
            return 0.0
        done = rules.swap(self.state.core, self.parameters, zero_for_one, units)
        return _in_and_out(done, zero_for_one)[1] / unit_out

    def quote_in(self, asset_out: int, tokens_out: float) -> float:
        """Tokens taken for `tokens_out`; infinite if the pool does not hold that much."""
        zero_for_one = not self._direction(asset_out)
        unit_in, unit_out = self._units if zero_for_one else self._units[::-1]
        units = int(tokens_out * unit_out)
        if units <= 0:
            return 0.0
        done = rules.swap(self.state.core, self.parameters, zero_for_one, -units)
        taken, paid = _in_and_out(done, zero_for_one)
        return taken / unit_in if paid == units else inf

    def slippage(self, asset_in: int, tokens_in: float) -> float:
        """Share of the value at the marginal price that a sale loses, fee included."""
        if tokens_in <= 0:
            return self.fee_bps / 10_000.0
        return 1.0 - self.quote_out(asset_in, tokens_in) / (tokens_in * self.price(asset_in))

    def depth_towards(self, price: float) -> float:
        """Quote reserve of a constant-product pool as deep as this one on the way to a price.

        The mean liquidity over the square roots of the prices on the way, which makes the
        quote tokens that go there those of the constant-product pool.

        Parameters
        ----------
        price : float
            Of asset 0 in asset 1, whole tokens.

        Returns
        -------
        float
            Whole tokens of asset 1.
        """
        core = self.state.core
        here, there = core.sqrt_price, self._root(price)
        liquidity, area, place = core.liquidity, 0, here
        if there < here:
            for tick in reversed(core.ticks):
                bound = sqrt_price_at_tick(tick.number)
                if tick.number > core.tick:
                    continue
                if bound <= there:
                    break
                area += liquidity * (place - bound)
                liquidity, place = liquidity - tick.liquidity_net, bound
        else:
            for tick in core.ticks:
                if tick.number <= core.tick:
                    continue
                bound = sqrt_price_at_tick(tick.number)
                if bound >= there:
                    break
                area += liquidity * (bound - place)
                liquidity, place = liquidity + tick.liquidity_net, bound
        area += liquidity * abs(there - place)
        mean = area / abs(there - here) if there != here else float(liquidity)
        return mean * (here / Q96) / self._units[1]

    def tokens_to_price(self, asset_in: int, target_price: float) -> float:
        """Tokens of `asset_in` whose sale brings its marginal price down to `target_price`.

        Along each range on the way the closed form of its liquidity, the fee included; 0 if the
        price is there already.
        """
        if not (isfinite(target_price) and target_price > 0):
            raise ValueError(f"target_price must be positive and finite, got {target_price}")
        zero_for_one = self._direction(asset_in)
        limit = self._root(target_price if zero_for_one else 1.0 / target_price)
        here = self.state.core.sqrt_price
        if (limit >= here) if zero_for_one else (limit <= here):
            return 0.0
        done = rules.swap(self.state.core, self.parameters, zero_for_one, _ENDLESS, limit)
        return _in_and_out(done, zero_for_one)[0] / self._units[not zero_for_one]

    def tokens_to_arbitrage(self, asset_in: int, outside_price: float) -> float:
        """Tokens of `asset_in`, bought outside at `outside_price`, whose sale here earns most.

        Fees stay out of the curve: the last unit pays what it cost at the marginal price
        ``outside_price / (1 - fee)``; 0 inside the no-arbitrage band.
        """
        return self.tokens_to_price(asset_in, outside_price / (1.0 - self.fee_bps / 10_000.0))

    def cumulative_prices(self, now_s: float) -> tuple[int, int]:
        """Return the sum of tick times seconds at `now_s`, and the same with the other sign."""
        total = self._tick_seconds(int(now_s))
        return total, -total

    def average_price(self, asset: int, earlier: int, later: int, seconds: float) -> float:
        """Geometric mean price of `asset` between two of its readings, whole tokens.

        The mean tick is rounded down as ``OracleLibrary.consult`` of v3-periphery does.
        """
        if not seconds > 0:
            raise ValueError(f"a time-weighted price needs a positive time, got {seconds} s")
        first = self._direction(asset)
        mean = floor((later - earlier if first else earlier - later) / seconds)
        return self.price_at(mean) if first else 1.0 / self.price_at(mean)

    def _root(self, price: float) -> int:
        """Square root of a price of asset 0 in base units, Q64.96, within what ticks can express."""
        root = int(sqrt(price * self._units[1] / self._units[0]) * Q96)
        return min(max(root, MIN_SQRT_PRICE + 1), MAX_SQRT_PRICE - 1)

    def _tick_seconds(self, now_s: int) -> int:
        state = self.state
        return state.tick_seconds + state.core.tick * max(now_s - state.updated_s, 0)

    def _changed(
        self, account: int, lower: int, upper: int, liquidity: int, now_s: float
    ) -> tuple[PoolState, tuple[int, int]]:
        """Return the state after a position changes, and what it is paid if liquidity does not grow."""
        state, key = self.state, (account, lower, upper)
        held = self.position(*key)
        if held.liquidity + liquidity < 0:
            raise Revert("LS")
        change = rules.change_position(state.core, self.parameters, lower, upper, liquidity)
        growths = change.fee_growth_inside0, change.fee_growth_inside1
        owed0 = held.owed0 + fees_earned(held.liquidity, held.growth0, growths[0])
        owed1 = held.owed1 + fees_earned(held.liquidity, held.growth1, growths[1])
        paid, positions = (0, 0), dict(state.positions)
        reserve0, reserve1 = state.reserve0 + change.amount0, state.reserve1 + change.amount1
        if liquidity <= 0:
            paid = owed0 - change.amount0, owed1 - change.amount1
            reserve0, reserve1, owed0, owed1 = reserve0 - owed0, reserve1 - owed1, 0, 0
        if max(reserve0, reserve1) > INT64_MAX:
            raise Revert(self.unpaid)
        left = RangePosition(held.liquidity + liquidity, *growths, owed0, owed1)
        if left.liquidity:
            positions[key] = left
        else:
            del positions[key]
        now = int(now_s)
        after = PoolState(change.state, reserve0, reserve1, positions, self._tick_seconds(now), now)
        return after, paid

    def _exchange(self, account: int, zero_for_one: bool, done: rules.Swap, now_s: float) -> None:
        state, now = self.state, int(now_s)
        after = state._replace(
            core=done.state,
            reserve0=state.reserve0 + done.amount0,
            reserve1=state.reserve1 + done.amount1,
            tick_seconds=self._tick_seconds(now),
            updated_s=now,
        )
        taken, paid = _in_and_out(done, zero_for_one)
        if max(after.reserve0, after.reserve1) > INT64_MAX:
            raise Revert(self.unpaid)
        self._trade(account, zero_for_one, taken, paid)
        self.state = after


def _in_and_out(done: rules.Swap, zero_for_one: bool) -> tuple[int, int]:
    """Return what came in and what went out."""
    return (done.amount0, -done.amount1) if zero_for_one else (done.amount1, -done.amount0)
