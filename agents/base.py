"""What every deciding agent has in common, and what it may see and ask for.

An agent is *who*: an account, a latency, a random stream. Its strategy is *how*:
a frozen dataclass of parameters with a pure ``decide``. Agents do not know the
model: they get a `PublicView` and answer with intents, which the world turns
into orders and transactions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import mesa
import numpy as np
from numpy.typing import NDArray

from ..protocols.lending.liquity.pool import SystemStatus
from ..protocols.lending.pool import Chore, Sale
from ..protocols.margin.listed_options import ListedOptions
from .strategies.exits import Exit
from .strategies.position_bidder import PositionOffer


class Opportunity(NamedTuple):
    """An account that may be liquidated now, at its most rewarding pair of assets.

    Attributes
    ----------
    account : int
        Row of the account in the protocol.
    health_factor : float
    collateral, debt : int
        Assets to seize and to repay.
    repay_usd : float
        Most that the protocol lets one call repay, USD; the whole debt where accounts are kicked.
    bonus : float
        Reward as a fraction of `repay_usd`.
    protocol : int
        Number of the lending protocol in the world.
    kick : bool
        Whether the account is taken over by a `Kick` rather than repaid by a `Liquidate`.
    pays : bool
        Whether the call itself brings the reward; if not, it lies in buying what is sold after it.
    least_usd : float
        A call that repays less is refused.
    stake_usd : float
        What a kick has to stake, and gets back later with more or less.
    """

    account: int
    health_factor: float
    collateral: int
    debt: int
    repay_usd: float
    bonus: float
    protocol: int = 0
    kick: bool = False
    pays: bool = True
    least_usd: float = 0.0
    stake_usd: float = 0.0


class PendingLiquidation(NamedTuple):
    """The highest bid on an account in the public mempool.

    Where it sells what it seizes in the pool, `pool_tokens` is how much (whole tokens), else 0, and
    `least_usd` the least that it accepts for that, 0 if nothing binds it.
    """

    opportunity: Opportunity
    repay_usd: float
    price_gwei: float
    sender: int
    arrival_s: float
    pool_tokens: float = 0.0
    least_usd: float = 0.0


class Offer(NamedTuple):
    """Collateral that a protocol sells now.

    Attributes
    ----------
    protocol : int
        Number of the lending protocol in the world.
    sale : Sale
    price_usd : float
        Per whole token: what it costs now, or for ``bids`` what the standing bid pays.
    most_usd : float
        Most that buyers together may still pay, USD.
    tokens : float
        Whole tokens for sale.
    usd_per_unit : float
        Worth of one base unit of the asset paid with, USD.
    """

    protocol: int
    sale: Sale
    price_usd: float
    most_usd: float
    tokens: float
    usd_per_unit: float


class PastBid(NamedTuple):
    """A liquidation call that a past block included, done or come too late.

    Attributes
    ----------
    block, protocol, account : int
    sender : int
        Ledger account.
    usd_per_gas : float
        Gas price that it paid, USD per unit.
    reward_usd : float
        Bonus on what it wanted to repay.
    """

    block: int
    protocol: int
    account: int
    sender: int
    usd_per_gas: float
    reward_usd: float


class Errand(NamedTuple):
    """Upkeep of a protocol that anyone may do now."""

    protocol: int
    chore: Chore


class StabilitySystem(NamedTuple):
    """A system of troves with its stability pool; amounts USD at face value."""

    protocol: int
    status: SystemStatus
    debt_usd: float
    deposited_usd: float


class OptionBoard(NamedTuple):
    """What anybody may know of the options that trade on books; one entry an option.

    Attributes
    ----------
    assets, underlying : int64 ndarray, shape (n_options,)
        Assets.
    terms : ListedOptions
        Those that have expired stay in the list.
    tick_usd : float64 ndarray, shape (n_options,)
        Least price.
    volatility, age_s : float64 ndarray, shape (n_options,)
        Published for the underlying, per square root of a year, and its age.
    """

    assets: NDArray[np.int64]
    underlying: NDArray[np.int64]
    terms: ListedOptions
    tick_usd: NDArray[np.float64]
    volatility: NDArray[np.float64]
    age_s: NDArray[np.float64]


class PublicView(NamedTuple):
    """What anybody may know at the moment of deciding. Lists run over assets.

    Prices are USD per token, depths USD, volatility per square root of a second,
    gas prices gwei; `usd_per_gas_gwei` is what one unit of gas at one gwei costs.
    `depth_usd` is what bids within `depth_band` of the mid would buy; `pool_depth_usd` is the quote
    reserve of a constant-product pool as deep as the asset's pool over a fall by `depth_band`, and
    `pool_keeps` the share of a sale that the pool's fee leaves. No call on a listed
    account earns `most_usd` before gas, whatever its exit, so that most bots need not look.
    """

    block: int
    time_s: float
    block_time_s: float
    mids: list[float]
    oracle: list[float]
    volatility: list[float]
    depth_usd: list[float]
    depth_band: float
    pool_price: list[float]
    pool_depth_usd: list[float]
    pool_keeps: list[float]
    gas_floor_gwei: float
    gas_standard_gwei: float
    gas_urgent_gwei: float
    usd_per_gas_gwei: float
    gas_liquidation: int
    gas_swap: int
    revert_gas_share: float
    flash_fee: float
    opportunities: list[Opportunity]
    pending: list[PendingLiquidation]
    most_usd: float = math.inf
    offers: Sequence[Offer] = ()
    errands: Sequence[Errand] = ()
    stability: Sequence[StabilitySystem] = ()
    past: Sequence[PastBid] = ()
    positions: Sequence[PositionOffer] = ()


class Liquidate(NamedTuple):
    """Ask for one liquidation call.

    `exit` says what becomes of the seized collateral: ``book``, ``pool``, ``hold`` or
    a schedule of `strategies.exits`; with `flash_loan` the pool exit happens inside the transaction and
    pays the loan back, or everything reverts. In a priority gas auction the price is
    raised up to `ceiling_gwei` when others bid more. In a pool `max_slippage` counts from
    `limit_price_usd`, or from the price that is found there if that is 0.
    """

    opportunity: Opportunity
    repay_usd: float
    price_gwei: float
    flash_loan: bool
    exit: Exit
    max_slippage: float
    ceiling_gwei: float = 0.0
    limit_price_usd: float = 0.0


class RightBid(NamedTuple):
    """Offer to pay for the right to make a call before a price is published; USD."""

    call: Liquidate
    bid_usd: float


class Kick(NamedTuple):
    """Ask that a protocol take over an unhealthy account."""

    opportunity: Opportunity
    price_gwei: float


class Buy(NamedTuple):
    """Buy collateral from a protocol at the price of the moment.

    At most `spend_usd` at no more than `worst_usd` per token; `flash_loan`, `exit` and
    `max_slippage` as in `Liquidate`.
    """

    offer: Offer
    spend_usd: float
    worst_usd: float
    price_gwei: float
    flash_loan: bool
    exit: Exit
    max_slippage: float


class PlaceBid(NamedTuple):
    """Bid `pay_units` of the debt asset for `units` of collateral in an auction by bids; base units."""

    offer: Offer
    pay_units: int
    units: int
    price_gwei: float
    exit: Exit
    max_slippage: float


class Work(NamedTuple):
    """Do a protocol's upkeep."""

    errand: Errand
    price_gwei: float


class Deposit(NamedTuple):
    """Put money into the stability pool of a collateral."""

    protocol: int
    collateral: int
    amount_usd: float
    price_gwei: float


class WithdrawDeposit(NamedTuple):
    """Take money out of a stability pool, 0 for none, with all collateral earned, which goes to its book."""

    protocol: int
    collateral: int
    amount_usd: float
    price_gwei: float
    max_slippage: float


class Redeem(NamedTuple):
    """Redeem stablecoin for collateral at face value; the collateral goes to its book."""

    protocol: int
    collateral: int
    amount_usd: float
    price_gwei: float
    max_slippage: float


class ArbitragePool(NamedTuple):
    """Trade the pool of an asset towards the book's mid and square the position on the book."""

    asset: int
    price_gwei: float
    min_profit_usd: float


class ConvertBands(NamedTuple):
    """Trade with a protocol's bands of a collateral towards the book, and square the position there.

    Attributes
    ----------
    protocol, collateral : int
    price_gwei : float
    min_profit_usd : float
        The trade is as large as pays most, and reverts below this.
    """

    protocol: int
    collateral: int
    price_gwei: float
    min_profit_usd: float


class SandwichPool(NamedTuple):
    """Sell tokens to the pool of an asset just before somebody else does, and buy them back just after.

    The first trade pays `front_gwei` for gas and brings at least `least_usd`, the second pays `back_gwei`.
    Both are sent once the other sale has been seen, at `seen_s`.
    """

    asset: int
    tokens: float
    least_usd: float
    front_gwei: float
    back_gwei: float
    seen_s: float = 0.0


class SellToPool(NamedTuple):
    """Sell tokens of an asset to its pool, for at least `least_usd`."""

    asset: int
    tokens: float
    least_usd: float
    price_gwei: float


class SetRange(NamedTuple):
    """Replace a provider's range in the concentrated pool of an asset.

    What it has there is taken out with its fees; then `deposit_usd` goes into the range of prices
    from `lower_usd` to `upper_usd`, 0 to stay out, and `keep_usd` of cash is left. What is too much of
    one asset is swapped in the pool before, as far as that moves its price by at most `max_slippage`.
    """

    asset: int
    lower_usd: float
    upper_usd: float
    deposit_usd: float
    keep_usd: float
    max_slippage: float
    price_gwei: float


class SetQuotes(NamedTuple):
    """Replace a maker's standing quote in one book; see `strategies.avellaneda_stoikov`."""

    asset: int
    half_spread: float
    skew_per_usd: float
    size_usd: float
    levels: int
    level_step: float
    limit_usd: float


class QuoteSides(NamedTuple):
    """Replace a maker's standing quote in one book by one bid and one ask.

    `below` and `above` are their distances from the fair price, as fractions of it; infinite for none.
    """

    asset: int
    below: float
    above: float
    size_usd: float


class Sell(NamedTuple):
    """Sell up to an amount of an asset on its book at once, not below a limit."""

    asset: int
    amount_usd: float
    max_slippage: float


class BuyOnBook(NamedTuple):
    """Buy an amount of an asset on its book at once, with own cash, not above a limit."""

    asset: int
    amount_usd: float
    max_slippage: float


class TakePosition(NamedTuple):
    """Bid for lots of a position that a venue auctions, at the price of the next block if it is no worse."""

    offer: PositionOffer
    lots: int
    worst_usd: float


class Together(NamedTuple):
    """Send liquidations and arbitrages as one bundle: next to each other, all or none, unseen by others."""

    intents: tuple[Liquidate | ArbitragePool, ...]


Intent = (
    Liquidate | Kick | Buy | PlaceBid | Work | Deposit | WithdrawDeposit | Redeem
    | ArbitragePool | ConvertBands | SandwichPool | SellToPool | SetRange | SetQuotes | QuoteSides | Sell
    | BuyOnBook | TakePosition | Together
)  # fmt: skip


class World(Protocol):
    """What an agent may ask the model for, beside the view it is given."""

    assets: Sequence[Any]

    def gain_usd(self, account: int) -> float:
        """Change of an account's value since its endowment, at present mids, USD."""
        ...

    def cash_usd(self, account: int) -> float:
        """Return what an account holds of the quote asset, USD."""
        ...

    def tokens(self, account: int, asset: int) -> float:
        """Return what an account holds of an asset, whole tokens."""
        ...

    def holdings(self, account: int) -> NDArray[np.int64]:
        """Return what an account owns of each asset, resting orders included; base units."""
        ...

    def option_board(self) -> OptionBoard | None:
        """Return what anybody may know of the options that trade, or None where there are none."""
        ...

    def deposit_usd(self, account: int, protocol: int, collateral: int) -> tuple[float, float]:
        """Return what an account has left in a stability pool and has earned there, USD."""
        ...

    def position(self, opportunity: Opportunity) -> tuple[float, float, float, float]:
        """Return an account's debts and the debt a call would repay (USD), threshold and exact health."""
        ...

    def price_to_overtake(self, price_gwei: float, behind_s: float) -> float | None:
        """Return the gas price that puts a transaction before one that arrived earlier; None for none."""
        ...

    def sale_prices(self, offer: Offer, times_s: Sequence[float]) -> list[float]:
        """Return what an offer will cost at later times if nobody buys, USD per token; NaN once it ended."""
        ...

    def stream(self, name: str) -> np.random.Generator:
        """Random stream of a named component."""
        ...


class DecidingAgent(mesa.Agent):  # type: ignore[misc]
    """A bot, maker or searcher: asked for intents when it is due.

    Parameters
    ----------
    model : mesa.Model
    name : str
        Names the agent's random stream and its rows in the tables.
    account : int
        Ledger account.
    strategy : object
        Frozen dataclass of parameters.
    latency_s, latency_jitter_s : float
        Median time from seeing to being seen, and the spread of its logarithm times the median.

    Attributes
    ----------
    private : bool
        Whether its transactions are not seen by others before they are executed.
    revert_protection : bool
        Whether transactions of its that revert pay nothing.
    """

    role = "agent"
    private = False
    revert_protection = False

    def __init__(
        self,
        model: Any,
        name: str,
        account: int,
        strategy: Any,
        latency_s: float = 0.0,
        latency_jitter_s: float = 0.0,
    ) -> None:
        super().__init__(model)
        self.world: World = model
        self.name = name
        self.account = account
        self.strategy = strategy
        self.latency_s = latency_s
        self.latency_jitter_s = latency_jitter_s
        self.stream: np.random.Generator = model.stream(f"agent/{name}")
        self.seen_version = -1

    def due(self, view_version: int, block: int) -> bool:
        """Whether the agent wants to be asked in this block.

        `view_version` changes when the list of opportunities or the gas price does.
        """
        if view_version == self.seen_version:
            return False
        self.seen_version = view_version
        return True

    def decide(self, view: PublicView) -> list[Intent]:
        """Return what the agent wants done; called only when due."""
        raise NotImplementedError

    def delay_s(self) -> float:
        """Draw the time from seeing to being seen, seconds."""
        if self.latency_jitter_s <= 0.0 or self.latency_s <= 0.0:
            return self.latency_s
        spread = self.latency_jitter_s / self.latency_s
        return self.latency_s * math.exp(spread * self.stream.standard_normal())
