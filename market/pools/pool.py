"""What a pool of two assets offers to those who trade in it, whatever its curve.

A world holds pools by this protocol alone: constant product (`liquidity_pool`) and
concentrated liquidity (`concentrated_pool`) meet it. Asset 1 is the one that asset 0 is
priced in. Amounts are base units where a pool executes, whole tokens where it quotes.
"""

from __future__ import annotations

from typing import Any, Protocol


class Pool(Protocol):
    """A pool on the ledger; every operation is whole: it raises `Revert` or happens.

    Attributes
    ----------
    name : str
    assets : tuple of int
        Ledger indices of asset 0 and 1.
    account : int
        Ledger account that holds the reserves.
    """

    name: str
    assets: tuple[int, int]
    account: int

    @property
    def fee_bps(self) -> int:
        """Fee on the input, hundredths of a percent."""
        ...

    @property
    def state(self) -> object:
        """What the pool stores; replaced by another object whenever it changes."""
        ...

    @property
    def reserves(self) -> tuple[int, int]:
        """Base units of both assets in the pool."""
        ...

    @property
    def virtual_reserves(self) -> tuple[float, float]:
        """Reserves of the constant-product pool that trades alike at the present price, base units."""
        ...

    def swap(self, account: int, asset_in: int, amount_in: int, min_out: int = 0, *, now_s: float) -> int:
        """Sell `amount_in` of one asset; return the base units of the other paid out."""
        ...

    def swap_for_exact(
        self, account: int, asset_out: int, amount_out: int, max_in: int | None = None, *, now_s: float
    ) -> int:
        """Buy `amount_out` of one asset; return the base units of the other taken."""
        ...

    def price(self, asset: int) -> float:
        """Marginal price of `asset` in the other one, whole tokens and without the fee."""
        ...

    def quote_out(self, asset_in: int, tokens_in: float) -> float:
        """Tokens paid out for `tokens_in`."""
        ...

    def quote_in(self, asset_out: int, tokens_out: float) -> float:
        """Tokens taken for `tokens_out`; infinite if the pool does not hold that much."""
        ...

    def slippage(self, asset_in: int, tokens_in: float) -> float:
        """Share of the value at the marginal price that a sale loses, fee included."""
        ...

    def depth_towards(self, price: float) -> float:
        """Quote reserve of a constant-product pool as deep as this one on the way to a price.

        Parameters
        ----------
        price : float
            Of asset 0 in asset 1, whole tokens.

        Returns
        -------
        float
            Whole tokens of asset 1.
        """
        ...

    def tokens_to_price(self, asset_in: int, target_price: float) -> float:
        """Tokens of `asset_in` whose sale brings its marginal price down to `target_price`."""
        ...

    def tokens_to_arbitrage(self, asset_in: int, outside_price: float) -> float:
        """Tokens of `asset_in`, bought outside at `outside_price`, whose sale here earns most."""
        ...

    def cumulative_prices(self, now_s: float) -> tuple[int, int]:
        """Return readings for both assets that `average_price` compares."""
        ...

    def average_price(self, asset: int, earlier: int, later: int, seconds: float) -> float:
        """Time-weighted price of `asset` between two of its readings, whole tokens."""
        ...

    def residual(self) -> tuple[int, int]:
        """Return the base units of both assets that are missing or too many; zero unless money was lost."""
        ...

    def snapshot(self) -> Any:
        """Return what `restore` needs to undo a transaction, apart from the ledger."""
        ...

    def restore(self, snapshot: Any) -> None:
        """Return to a snapshot; whoever calls it restores the ledger too."""
        ...
