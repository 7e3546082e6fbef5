"""A pool in the simulation: reserves on the ledger, moved by the pair's own arithmetic.

The reserves are exactly what the pool's ledger account holds; shares are kept here.
Prices in this module are token 0 or 1 per token in whole tokens, for agents who
decide in floats; what executes is integer (`constant_product`).
"""

from __future__ import annotations

from math import inf, isfinite, sqrt

from ..ledger import Ledger
from ..revert import Revert
from . import constant_product as pair
from .constant_product import DEFAULT_FEE_BPS, MINIMUM_LIQUIDITY, Q112, PairState
from .ledger_pool import INT64_MAX, LedgerPool


class LiquidityPool(LedgerPool):
    """A constant-product pool of two assets (Uniswap v2).

    Every operation is whole: it raises `Revert` and leaves pool and ledger as they
    were, or happens. Amounts are base units, `now_s` is whole or fractional
    seconds and counts in whole ones, as on chain.

    Parameters
    ----------
    ledger : Ledger
        Where the pool opens an account of its own.
    asset0, asset1 : int
        Ledger indices of its two assets.
    name : str
        Name of the ledger account.
    fee_bps : int
        Fee on the input, hundredths of a percent; it stays in the reserves.
    protocol_fee : bool
        Whether a sixth of the fees goes to `fee_to` in shares.
    fee_to : int, optional
        Ledger account that receives the protocol's shares; needed with `protocol_fee`.

    Attributes
    ----------
    account : int
        Ledger account that holds the reserves.
    state : PairState
        What the pair stores; replaced, never changed, so it may be kept as a snapshot.
    """

    unpaid = "TransferHelper: TRANSFER_FROM_FAILED"

    def __init__(
        self,
        ledger: Ledger,
        asset0: int,
        asset1: int,
        *,
        name: str = "pool",
        fee_bps: int = DEFAULT_FEE_BPS,
        protocol_fee: bool = False,
        fee_to: int | None = None,
    ) -> None:
        if protocol_fee and fee_to is None:
            raise ValueError(f"pool {name}: protocol_fee needs fee_to, the account that receives it")
        pair.fee_fraction(fee_bps)
        super().__init__(ledger, asset0, asset1, name)
        self.fee_bps = fee_bps
        self.protocol_fee = protocol_fee
        self.fee_to = fee_to
        self.state = PairState()
        self._shares: dict[int, int] = {}

    def swap(self, account: int, asset_in: int, amount_in: int, min_out: int = 0, *, now_s: float) -> int:
        """Sell `amount_in` of one asset; return the base units of the other paid out.

        Raises
        ------
        Revert
            If less than `min_out` would be paid, the account holds too little, or
            the pair refuses.
        """
        zero_for_one = self._direction(asset_in)
        after, amount_out = pair.swap_exact_in(
            self.state, zero_for_one, amount_in, int(now_s), min_out=min_out, fee_bps=self.fee_bps
        )
        self._exchange(account, zero_for_one, amount_in, amount_out, after)
        return amount_out

    def swap_for_exact(
        self, account: int, asset_out: int, amount_out: int, max_in: int | None = None, *, now_s: float
    ) -> int:
        """Buy `amount_out` of one asset; return the base units of the other taken.

        Raises
        ------
        Revert
            If more than `max_in` would be taken, the account holds too little, or
            the pair refuses.
        """
        zero_for_one = not self._direction(asset_out)
        after, amount_in = pair.swap_exact_out(
            self.state, zero_for_one, amount_out, int(now_s), max_in=max_in, fee_bps=self.fee_bps
        )
        self._exchange(account, zero_for_one, amount_in, amount_out, after)
        return amount_in

    def add_liquidity(
        self, account: int, amount0: int, amount1: int, min0: int = 0, min1: int = 0, *, now_s: float
    ) -> tuple[int, int, int]:
        """Deposit at most these amounts, in the proportion of the reserves (the router's addLiquidity).

        Returns
        -------
        tuple of int
            Shares minted, and the base units of both assets taken.

        Raises
        ------
        Revert
            If the proportion needs less than `min0` or `min1`, the account holds
            too little, or the deposit is worth no share.
        """
        amount0, amount1 = self._in_proportion(amount0, amount1, min0, min1)
        after, minted = pair.mint(self.state, amount0, amount1, int(now_s), fee_on=self.protocol_fee)
        self._guard(after)
        self._take_in(account, (amount0, amount1))
        self._settle_protocol_shares(after)
        self._shares[account] = self._shares.get(account, 0) + minted
        self.state = after
        return minted, amount0, amount1

    def remove_liquidity(
        self, account: int, shares: int, min0: int = 0, min1: int = 0, *, now_s: float
    ) -> tuple[int, int]:
        """Give shares back; return the base units of both assets paid out.

        Raises
        ------
        Revert
            If the account has fewer shares, or less than `min0` or `min1` would be paid.
        """
        if shares > self._shares.get(account, 0):
            raise Revert(pair.SUB_UNDERFLOW)
        after, amount0, amount1 = pair.burn(self.state, shares, int(now_s), fee_on=self.protocol_fee)
        if amount0 < min0:
            raise Revert("UniswapV2Router: INSUFFICIENT_A_AMOUNT")
        if amount1 < min1:
            raise Revert("UniswapV2Router: INSUFFICIENT_B_AMOUNT")
        self._pay_out(account, (amount0, amount1))
        self._settle_protocol_shares(after)
        self._shares[account] -= shares
        self.state = after
        return amount0, amount1

    @property
    def reserves(self) -> tuple[int, int]:
        """Base units of both assets in the pool."""
        return self.state.reserve0, self.state.reserve1

    @property
    def virtual_reserves(self) -> tuple[float, float]:
        """The reserves themselves, base units: all of them trade at every price."""
        return self.state.reserve0, self.state.reserve1

    def shares(self, account: int) -> int:
        """Liquidity shares of an account."""
        return self._shares.get(account, 0)

    def residual(self) -> tuple[int, int]:
        """Ledger balance less reserve of both assets; zero unless money was lost."""
        held = tuple(self._ledger.balance(self.account, asset) for asset in self.assets)
        return held[0] - self.state.reserve0, held[1] - self.state.reserve1

    def shares_residual(self) -> int:
        """Share supply less what holders and the locked minimum add up to; zero always."""
        locked = MINIMUM_LIQUIDITY if self.state.total_supply else 0
        return self.state.total_supply - locked - sum(self._shares.values())

    def snapshot(self) -> tuple[PairState, dict[int, int]]:
        """Return what `restore` needs to undo a transaction, apart from the ledger."""
        return self.state, dict(self._shares)

    def restore(self, snapshot: tuple[PairState, dict[int, int]]) -> None:
        """Return to a snapshot; whoever calls it restores the ledger too."""
        self.state, self._shares = snapshot[0], dict(snapshot[1])

    def price(self, asset: int) -> float:
        """Marginal price of `asset` in the other one, whole tokens and without the fee; 0 if empty."""
        asset_in, asset_out = self._token_reserves(self._direction(asset))
        return asset_out / asset_in if asset_in else 0.0

    def quote_out(self, asset_in: int, tokens_in: float) -> float:
        """Tokens paid out for `tokens_in`, as a float."""
        reserve_in, reserve_out = self._token_reserves(self._direction(asset_in))
        effective = tokens_in * self._kept
        return reserve_out * effective / (reserve_in + effective) if effective > 0 else 0.0

    def quote_in(self, asset_out: int, tokens_out: float) -> float:
        """Tokens taken for `tokens_out`; infinite if the pool does not hold that much."""
        reserve_in, reserve_out = self._token_reserves(not self._direction(asset_out))
        if tokens_out >= reserve_out:
            return inf
        return reserve_in * tokens_out / ((reserve_out - tokens_out) * self._kept)

    def slippage(self, asset_in: int, tokens_in: float) -> float:
        """Share of the value at the marginal price that a sale loses, fee included."""
        if tokens_in <= 0:
            return 1.0 - self._kept
        price = self.price(asset_in)
        return 1.0 - self.quote_out(asset_in, tokens_in) / (tokens_in * price) if price else 1.0

    def depth_towards(self, price: float) -> float:
        """Quote reserve, whole tokens of asset 1: the same on the way to every price."""
        return self.state.reserve1 / self._units[1]

    def tokens_to_price(self, asset_in: int, target_price: float) -> float:
        """Tokens of `asset_in` whose sale brings its marginal price down to `target_price`.

        The whole input, the fee included, stays in the reserves. 0 if the price is
        there already. An arbitrageur who may sell at a price ``p`` outside the fee
        aims at the marginal price ``p / (1 - fee)``; see `tokens_to_arbitrage`.
        """
        if not (isfinite(target_price) and target_price > 0):
            raise ValueError(f"target_price must be positive and finite, got {target_price}")
        reserve_in, reserve_out = self._token_reserves(self._direction(asset_in))
        if not reserve_in or reserve_out / reserve_in <= target_price:
            return 0.0
        # price after x: x_in * x_out / ((x_in + kept x)(x_in + x)) = target, quadratic in x
        kept = self._kept
        half = 0.5 * reserve_in * (1.0 + kept)
        gap = reserve_in * (reserve_out / target_price - reserve_in)
        return gap / (half + sqrt(half * half + kept * gap)) if gap > 0 else 0.0

    def tokens_to_arbitrage(self, asset_in: int, outside_price: float) -> float:
        """Tokens of `asset_in`, bought outside at `outside_price`, whose sale here earns most.

        The last unit sold pays what it cost: ``d out / d in = outside_price`` with the
        fee; 0 inside the no-arbitrage band.
        """
        if not (isfinite(outside_price) and outside_price > 0):
            raise ValueError(f"outside_price must be positive and finite, got {outside_price}")
        reserve_in, reserve_out = self._token_reserves(self._direction(asset_in))
        best = sqrt(reserve_in * reserve_out * self._kept / outside_price) - reserve_in
        return max(best / self._kept, 0.0)

    def cumulative_prices(self, now_s: float) -> tuple[int, int]:
        """Both cumulative prices at `now_s` (UQ112.112 times seconds, base units)."""
        return pair.cumulative_prices(self.state, int(now_s))

    def average_price(self, asset: int, earlier: int, later: int, seconds: float) -> float:
        """Time-weighted price of `asset` between two readings of its cumulative price, whole tokens."""
        if not seconds > 0:
            raise ValueError(f"a time-weighted price needs a positive time, got {seconds} s")
        first = self._direction(asset)
        scale = self._units[0] / self._units[1] if first else self._units[1] / self._units[0]
        return ((later - earlier) % 2**256) / Q112 / seconds * scale

    @property
    def _kept(self) -> float:
        return 1.0 - self.fee_bps / 10_000.0

    def _token_reserves(self, zero_for_one: bool) -> tuple[float, float]:
        state, units = self.state, self._units
        tokens0, tokens1 = state.reserve0 / units[0], state.reserve1 / units[1]
        return (tokens0, tokens1) if zero_for_one else (tokens1, tokens0)

    def _exchange(
        self, account: int, zero_for_one: bool, amount_in: int, amount_out: int, after: PairState
    ) -> None:
        self._guard(after)
        self._trade(account, zero_for_one, amount_in, amount_out)
        self.state = after

    def _guard(self, after: PairState) -> None:
        """Refuse reserves that the ledger's int64 could not hold, as the pair does at 2**112."""
        if max(after.reserve0, after.reserve1) > INT64_MAX:
            raise Revert("UniswapV2: OVERFLOW")

    def _in_proportion(self, amount0: int, amount1: int, min0: int, min1: int) -> tuple[int, int]:
        reserve0, reserve1 = self.reserves
        if reserve0 == 0 and reserve1 == 0:
            return amount0, amount1
        if amount0 == 0 or amount1 == 0:
            raise Revert("UniswapV2Library: INSUFFICIENT_AMOUNT")
        wanted1 = amount0 * reserve1 // reserve0
        if wanted1 <= amount1:
            if wanted1 < min1:
                raise Revert("UniswapV2Router: INSUFFICIENT_B_AMOUNT")
            return amount0, wanted1
        wanted0 = amount1 * reserve0 // reserve1
        if wanted0 < min0:
            raise Revert("UniswapV2Router: INSUFFICIENT_A_AMOUNT")
        return wanted0, amount1

    def _settle_protocol_shares(self, after: PairState) -> None:
        minted = after.fee_to_shares - self.state.fee_to_shares
        if minted and self.fee_to is not None:
            self._shares[self.fee_to] = self._shares.get(self.fee_to, 0) + minted
