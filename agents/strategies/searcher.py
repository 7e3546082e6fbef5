"""How a searcher outbids pending liquidations and trades pools back to the book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...market.pools.analytics import sandwich, sandwich_of, swap_out
from ..base import ArbitragePool, ConvertBands, Liquidate, PublicView, SandwichPool
from .threshold_liquidator import ExitTerms, ThresholdLiquidator

NUDGE = 1e-3
"""How much less than its victim the second trade of a sandwich pays for gas, as a fraction."""

TOLERANCE = 1e-3
"""How much less than reckoned with the first trade of a sandwich may bring, as a fraction."""


@dataclass(frozen=True, slots=True)
class SearcherStrategy:
    """Parameters of a searcher.

    Parameters
    ----------
    liquidation : ThresholdLiquidator
        How it values and sends liquidations of its own, back-runs of oracle updates included.
    raise_share : float
        Least raise over the bid it copies (most nodes replace at 10 to 12.5 %; MODEL 3.3).
    copies : int
        Pending liquidations it copies per block at most; 0 leaves others alone.
    arbitrage_share : float
        Share of an arbitrage's profit it offers as gas.
    min_profit_usd : float
        Least profit of a copy, an arbitrage or a sandwich.
    sandwiches : int
        Pending liquidations that sell in a pool which it trades around per block at most; needs a stock of
        the asset (`inventory_usd` of the agent), and blocks in which a price overtakes what is seen.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    liquidation: ThresholdLiquidator = field(
        default_factory=lambda: ThresholdLiquidator(exit="pool", flash_loan=True)
    )
    raise_share: float = 0.125
    copies: int = 1
    arbitrage_share: float = 0.5
    min_profit_usd: float = 250.0
    sandwiches: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.raise_share <= 10:
            raise ValueError(f"raise_share must be in [0, 10], got {self.raise_share}")
        if self.copies < 0:
            raise ValueError(f"copies must not be negative, got {self.copies}")
        if self.sandwiches < 0:
            raise ValueError(f"sandwiches must not be negative, got {self.sandwiches}")
        if not 0 <= self.arbitrage_share <= 1:
            raise ValueError(f"arbitrage_share must be in [0, 1], got {self.arbitrage_share}")

    def outbid(self, view: PublicView, account: int, cash_usd: float) -> list[Liquidate]:
        """Copy the most rewarding pending liquidations of others at a raised bid, while they pay."""
        inner = self.liquidation
        gas = view.gas_liquidation + (view.gas_swap if inner.exit == "pool" else 0)
        usd_per_gwei = gas * view.usd_per_gas_gwei
        raised = usd_per_gwei * (1.0 + self.raise_share)
        terms: dict[int, ExitTerms] = {}
        found: list[tuple[float, Liquidate]] = []
        for pending in view.pending:
            if pending.sender == account:
                continue
            wanted = pending.opportunity
            ceiling = wanted.repay_usd * wanted.bonus - pending.price_gwei * raised
            if ceiling <= self.min_profit_usd:
                continue
            if wanted.collateral not in terms:
                terms[wanted.collateral] = inner.exit_terms(wanted.collateral, wanted.bonus, view)
            limit = wanted.repay_usd if inner.flash_loan else min(wanted.repay_usd, cash_usd)
            repay, gross = inner.size(terms[wanted.collateral], limit)
            profit = gross - pending.price_gwei * raised
            if profit > self.min_profit_usd:
                price = pending.price_gwei * (1.0 + self.raise_share)
                ceiling = min(inner.raise_limit * gross, cash_usd) / usd_per_gwei
                call = Liquidate(
                    wanted, repay, price, inner.flash_loan, inner.exit, inner.max_slippage, ceiling
                )
                found.append((profit, call))
        found.sort(key=lambda item: (-item[0], item[1].opportunity.account))
        return [call for _, call in found[: self.copies]]

    def sandwich(
        self,
        view: PublicView,
        account: int,
        stock: Callable[[int], float],
        overtake: Callable[[float], float | None],
    ) -> list[SandwichPool]:
        """Trade around pending liquidations that sell in a pool, those that pay most first (MODEL 3.8).

        The front-run is as large as leaves the victim the least that it accepts, or the stock of the
        asset, which `stock` returns (whole tokens). `overtake` says what puts it before a victim that pays
        so much for gas (gwei), None for nothing.
        """
        found: list[tuple[float, SandwichPool]] = []
        for pending in view.pending:
            asset = pending.opportunity.collateral
            if pending.sender == account or pending.pool_tokens <= 0.0 or view.pool_price[asset] <= 0.0:
                continue
            cash, held = view.pool_depth_usd[asset], stock(asset)
            tokens, fee = cash / view.pool_price[asset], 1.0 - view.pool_keeps[asset]
            if pending.least_usd > 0.0:
                plan = sandwich(tokens, cash, pending.pool_tokens, pending.least_usd, fee)
                held = min(plan.front_run, held)
            front, back = overtake(pending.price_gwei), pending.price_gwei * (1.0 - NUDGE)
            if held <= 0.0 or front is None:
                continue
            plan = sandwich_of(tokens, cash, pending.pool_tokens, held, fee)
            gas_usd = (front + back) * view.gas_swap * view.usd_per_gas_gwei
            profit = plan.profit * view.pool_price[asset] - gas_usd
            if profit > self.min_profit_usd and back >= view.gas_floor_gwei:
                least = swap_out(tokens, cash, held, fee) * (1.0 - TOLERANCE)
                found.append((profit, SandwichPool(asset, held, least, front, back, pending.arrival_s)))
        found.sort(key=lambda item: (-item[0], item[1].asset))
        return [trade for _, trade in found[: self.sandwiches]]

    def arbitrage(
        self, view: PublicView, gains: dict[int, float], win_rate: float, cash_usd: float
    ) -> list[ArbitragePool]:
        """Trade pools whose gap to the book pays, lost races included.

        `gains` is what closing each gap earns before gas, by asset, USD.
        """
        calls: list[ArbitragePool] = []
        for asset, gain in gains.items():
            price = self._gas_price(view, gain, win_rate, cash_usd)
            if price is not None:
                calls.append(ArbitragePool(asset, price, self.min_profit_usd))
        return calls

    def convert(
        self, view: PublicView, gains: Mapping[tuple[int, int], float], win_rate: float, cash_usd: float
    ) -> list[ConvertBands]:
        """Trade with bands whose gap to the book pays; `gains` by protocol and collateral, USD."""
        calls: list[ConvertBands] = []
        for (protocol, collateral), gain in gains.items():
            price = self._gas_price(view, gain, win_rate, cash_usd)
            if price is not None:
                calls.append(ConvertBands(protocol, collateral, price, self.min_profit_usd))
        return calls

    def _gas_price(self, view: PublicView, gain: float, win_rate: float, cash_usd: float) -> float | None:
        """Return what to offer for the gas of an arbitrage, gwei; None if it does not pay."""
        usd_per_gwei = view.gas_swap * view.usd_per_gas_gwei
        price = max(view.gas_standard_gwei, self.arbitrage_share * gain / usd_per_gwei)
        gas_usd = price * usd_per_gwei
        lost_share = (1.0 - win_rate) * view.revert_gas_share
        expected = win_rate * (gain - gas_usd) - lost_share * gas_usd
        return price if expected > self.min_profit_usd and gas_usd <= cash_usd else None
