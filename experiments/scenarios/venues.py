"""The [clock], [[assets]], [flow] and [oracle] sections: time, what trades and what is believed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, Strict, field_validator, model_validator

from ...market.pools.concentrated_pool import TICK_SPACING
from ...protocols.margin.contracts import Right
from .base import SYMBOL, Rows, Section, Share

if TYPE_CHECKING:
    from ...protocols.margin.models import Smile

MAX_BLOCKS = 10_000_000
"""Blocks of the longest run; a year of 12 s blocks has 2.6 million."""

MAX_ARRIVALS = 100_000_000
"""Orders of one book whose times Hawkes flow may hold at once."""


def in_utc(time: datetime) -> datetime:
    """Return an instant in UTC.

    Raises
    ------
    ValueError
        If it has no time zone, or lies before all years.
    """
    if time.tzinfo is None:
        raise ValueError(f"{time:%Y-%m-%dT%H:%M:%S} has no time zone; write it as {time:%Y-%m-%dT%H:%M:%S}Z")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{time.isoformat()} is before the year 1 in UTC") from None


class ClockConfig(Section):
    """How long a run lasts and how time is cut into blocks."""

    start: Annotated[datetime, Strict(False)] | None = Field(
        default=None, description="UTC time of the first block, for prices or gas that are replayed"
    )
    duration_s: float = Field(gt=0, le=31_622_400, description="simulated time, seconds")
    block_time_s: float = Field(default=12.0, ge=0.05, le=3600, description="time between blocks, seconds")

    @field_validator("start")
    @classmethod
    def _utc(cls, start: datetime | None) -> datetime | None:
        return None if start is None else in_utc(start)

    @model_validator(mode="after")
    def _not_endless(self) -> Self:
        if self.n_blocks > MAX_BLOCKS:
            raise ValueError(
                f"duration_s = {self.duration_s:,.12g} is {self.n_blocks:,} blocks of {self.block_time_s:g} s"
                f"; allowed: up to {MAX_BLOCKS:,} blocks"
            )
        return self

    @property
    def n_blocks(self) -> int:
        """Whole blocks in the simulated time."""
        return int(self.duration_s / self.block_time_s + 1e-9)


class HaltConfig(Section):
    """Time in which a book does not trade."""

    start_s: float = Field(ge=0, le=31_622_400, description="beginning, seconds since the start")
    duration_s: float = Field(gt=0, le=31_622_400, description="how long, seconds")


class HourConfig(Section):
    """How deep a book is from a time on."""

    from_s: float = Field(ge=0, le=31_622_400, description="beginning, seconds since the start")
    scale: float = Field(gt=0, le=1e3, description="`size_scale` counts so many times from then on")


class BookConfig(Section):
    """The order book of an asset against the quote asset."""

    tick_usd: float = Field(gt=0, le=1e6, description="smallest price step, quote per token")
    lot: float = Field(gt=0, le=1e9, description="smallest quantity, tokens")
    size_scale: float = Field(
        default=1.0,
        gt=0,
        le=1e6,
        description="multiplies background order sizes and makers' quotes here: how deep this market is",
    )
    hours: Rows[HourConfig] = Field(
        default=(),
        max_length=10_000,
        description="times from which this market is deeper or thinner than `size_scale` says",
    )
    halt: HaltConfig | None = Field(default=None, description="when nothing trades here")

    @model_validator(mode="after")
    def _hours_in_order(self) -> Self:
        for before, after in pairwise(self.hours):
            if after.from_s <= before.from_s:
                raise ValueError(
                    f"hours begin at {before.from_s:g} and then at {after.from_s:g} s; allowed: rising times"
                )
        return self


class PoolConfig(Section):
    """The pool of an asset against the quote asset."""

    kind: Literal["constant-product", "concentrated"] = Field(
        default="constant-product",
        description="all liquidity at all prices (Uniswap v2), or in ranges of prices (Uniswap v3)",
    )
    depth_usd: float = Field(gt=0, le=1e12, description="quote reserve at the start, USD")
    fee_bps: float = Field(
        default=30.0,
        ge=0,
        le=1000,
        multiple_of=1,
        description="fee on the input, whole basis points; 1, 5, 30 or 100 in a concentrated pool",
    )
    band: float | None = Field(
        default=None,
        ge=0.001,
        le=100,
        description="half width of a range around the first price that holds `band_share`, as a fraction",
    )
    band_share: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="share of the quote reserve in that range, half if left out; the rest lies at all prices",
    )

    @model_validator(mode="after")
    def _kinds_differ(self) -> Self:
        if self.kind == "constant-product":
            for key in ("band", "band_share"):
                if getattr(self, key) is not None:
                    raise ValueError(
                        f"{key} = {getattr(self, key):g} does nothing in a constant-product pool; "
                        "allowed with kind = 'concentrated'"
                    )
        elif self.fee_bps not in TICK_SPACING:
            allowed = ", ".join(map(str, TICK_SPACING))
            raise ValueError(f"fee_bps = {self.fee_bps:g} in a concentrated pool; allowed: {allowed}")
        elif self.band is None and self.band_share is not None:
            raise ValueError(
                f"band_share = {self.band_share:g} does nothing without band, the range it is in"
            )
        return self


class FutureConfig(Section):
    """Terms of a dated future (MODEL 2.1)."""

    expiry_s: float = Field(
        gt=0, le=31_622_400, description="final settlement and end of trade, seconds since the start"
    )
    carry_per_year: float = Field(
        default=0.0,
        ge=-5,
        le=5,
        description="rate by which it stands above its underlying until then; nothing is left at expiry",
    )
    average_s: float = Field(
        default=1800.0,
        ge=0,
        le=31_622_400,
        description="time before expiry over which the final price is the mean of the underlying's, seconds",
    )
    variation_s: float = Field(
        default=86_400.0,
        gt=0,
        le=31_622_400,
        description="time between payments of variation, seconds",
    )

    @model_validator(mode="after")
    def _averages_the_future(self) -> Self:
        if self.average_s > self.expiry_s:
            raise ValueError(
                f"average_s = {self.average_s:g} begins before the run; allowed: up to expiry_s, "
                f"{self.expiry_s:g}"
            )
        return self


class OptionConfig(Section):
    """A European option on one token of the asset's underlying, settled in cash."""

    right: Literal["call", "put"] = Field(description="right to buy or to sell")
    strike_usd: float = Field(gt=0, le=1e9, description="price of the right, USD")
    expiry_s: float = Field(gt=0, le=1e9, description="when it is settled, seconds since the start")
    average_s: float = Field(
        default=1800.0,
        ge=0,
        le=86_400,
        description="it settles at the mean outside price of the underlying over this time before, seconds",
    )

    @property
    def side(self) -> Right:
        """The right as margin rules name it."""
        return Right.CALL if self.right == "call" else Right.PUT


class AssetConfig(Section):
    """An asset and where it trades."""

    symbol: str = Field(pattern=SYMBOL, description="letters and digits, unique")
    decimals: int = Field(ge=0, le=9, description="one token is 10**decimals base units")
    price_usd: float | None = Field(
        default=None,
        gt=0,
        le=1e9,
        description="start price, USD; only for price processes and for stable assets (there 1 if left out)",
    )
    stable: bool = Field(default=False, description="keeps its price unless the price source has one for it")
    book: BookConfig | None = Field(default=None, description="order book against the quote asset")
    pool: PoolConfig | None = Field(default=None, description="liquidity pool against the quote asset")
    underlying: str | None = Field(
        default=None,
        pattern=SYMBOL,
        description="asset whose outside price this one follows: a contract of a margin venue",
    )
    future: FutureConfig | None = Field(
        default=None, description="terms of a contract that ends; a perpetual if left out"
    )
    inverse: bool = Field(
        default=False, description="a contract on so many USD, settled in coin: in its own token"
    )
    option: OptionConfig | None = Field(
        default=None, description="terms that make it an option on its underlying instead"
    )


class FlowConfig(Section):
    """What both kinds of background order flow share (MODEL 10.5); the same for each book."""

    orders_per_block: float = Field(ge=0, le=100_000, description="mean commands a block and book")
    market_share: Share = Field(default=0.15, description="share of commands that are market orders")
    cancel_share: Share = Field(default=0.35, description="share of commands that cancel a resting order")
    resting_orders: float = Field(
        default=400,
        gt=0,
        le=100_000,
        description="background orders a book settles at; sets how fast they are cancelled",
    )
    mean_quantity_usd: float = Field(default=5_000.0, gt=0, le=1e9, description="mean size of an order, USD")
    mean_offset_bps: float = Field(
        default=15.0,
        gt=0,
        le=5_000,
        description="mean distance of a limit order from the fair price, basis points",
    )
    anchor_per_s: float = Field(
        default=0.05, ge=0, le=100, description="speed at which log(mid / reference) decays, a second"
    )

    @model_validator(mode="after")
    def _shares_leave_room(self) -> Self:
        total = self.market_share + self.cancel_share
        if total > 1:
            raise ValueError(f"market_share + cancel_share = {total:g}; allowed: at most 1")
        return self


class ZeroIntelligenceFlow(FlowConfig):
    """Poisson arrivals."""

    kind: Literal["zero-intelligence"]


class HawkesFlow(FlowConfig):
    """Arrivals that excite each other, exponential kernel (CASES B03)."""

    kind: Literal["hawkes"]
    branching_ratio: float = Field(
        ge=0, le=0.95, description="mean number of arrivals that one arrival causes"
    )
    decay_per_s: float = Field(gt=0, le=1_000, description="speed at which excitement decays, a second")


AnyFlow = Annotated[ZeroIntelligenceFlow | HawkesFlow, Field(discriminator="kind")]


class RightsAuctionConfig(Section):
    """Sale of the right to liquidate with a price before it is published (MODEL 1.11)."""

    price: Literal["first", "second"] = Field(
        default="first", description="what the winner of the sealed bids pays: its own bid, or the second one"
    )
    window_s: float = Field(
        default=0.5, ge=0, le=3600, description="time for bids after a price has arrived, seconds"
    )
    fallback_delay_s: float = Field(
        default=24.0,
        gt=0,
        le=86_400,
        description="time after which a price that nobody has used is published, seconds",
    )
    recapture: Share = Field(default=0.65, description="share of what the winner pays that the protocol gets")
    rest_to: Literal["validators", "oracle"] = Field(
        default="validators", description="who gets the rest: block builders or the oracle's operator"
    )
    reserve_usd: float = Field(default=0.0, ge=0, le=1e9, description="least bid that counts, USD")

    @model_validator(mode="after")
    def _leaves_time(self) -> Self:
        if self.window_s >= self.fallback_delay_s:
            raise ValueError(
                f"window_s = {self.window_s:g} leaves winners no time before the price is public; "
                f"allowed: below fallback_delay_s, {self.fallback_delay_s:g}"
            )
        return self


class SmileConfig(Section):
    """How volatilities of strikes and expiries follow from the level at the money (SSVI)."""

    rho: float = Field(default=0.0, gt=-1, lt=1, description="tilt; below 0 puts out of the money are dear")
    eta: float = Field(default=0.0, ge=0, le=2, description="curvature; 0 is flat")
    long_run: float | None = Field(
        default=None, gt=0, le=20, description="volatility to which the level returns; never if left out"
    )
    half_life_days: float = Field(
        default=30.0, gt=0, le=36_500, description="in which the variance comes half of the way back, days"
    )

    @model_validator(mode="after")
    def _has_no_arbitrage(self) -> Self:
        self.build()
        return self

    def build(self) -> Smile:
        """Return the surface."""
        from ...protocols.margin.models import Smile  # a second that few scenarios need

        return Smile(self.rho, self.eta, self.long_run, self.half_life_days)


class VolatilityConfig(Section):
    """What both kinds of volatility share: how the level at the money becomes that of each option."""

    smile: SmileConfig | None = Field(
        default=None, description="volatilities of strikes and expiries; all have the level if left out"
    )

    @property
    def surface(self) -> Smile | None:
        """The smile as a model; None takes the level."""
        return None if self.smile is None else self.smile.build()


class FixedVolatility(VolatilityConfig):
    """One level at all times."""

    kind: Literal["fixed"]
    annual: float = Field(gt=0, le=20, description="volatility per square root of a year")

    @property
    def highest(self) -> float:
        """Highest level there can be."""
        return self.annual


class RealisedVolatility(VolatilityConfig):
    """What the underlying's outside price has done of late, as a feed publishes it (MODEL 2.5)."""

    kind: Literal["realised"]
    start: float = Field(gt=0, le=20, description="volatility published at the start, per root of a year")
    half_life_s: float = Field(
        default=86_400.0, gt=0, le=1e8, description="age at which a return weighs half, seconds"
    )
    publish_every_s: float = Field(
        default=0.0, ge=0, le=1e7, description="time between publications, seconds; 0 for every block"
    )
    at_least: float = Field(default=0.1, gt=0, le=20, description="least volatility that is published")
    at_most: float = Field(default=5.0, gt=0, le=20, description="highest volatility that is published")

    @property
    def highest(self) -> float:
        """Highest level there can be."""
        return self.at_most

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.at_least <= self.start <= self.at_most:
            raise ValueError(
                f"start = {self.start:g}; allowed: from at_least, {self.at_least:g}, to at_most, "
                f"{self.at_most:g}"
            )
        return self


AnyVolatility = Annotated[FixedVolatility | RealisedVolatility, Field(discriminator="kind")]

OracleSource = Literal["reference", "book-mid", "pool-twap", "median"]


class OracleConfig(Section):
    """When the price that the protocol believes is renewed, and from what (MODEL F1)."""

    source: OracleSource = Field(
        default="reference",
        description="outside price, book mid, pool time-weighted average, or the median of those there are",
    )
    heartbeat_s: float = Field(
        default=3600.0, gt=0, le=1e7, description="longest time between updates, seconds"
    )
    deviation: float = Field(
        default=0.005, ge=0, le=1, description="relative move that triggers an update (0.005 = 0.5 %)"
    )
    delay_s: float = Field(
        default=0.0, ge=0, le=1e6, description="age of a price when it is published, seconds"
    )
    auction: RightsAuctionConfig | None = Field(
        default=None,
        description="sell the right to liquidate with a price that makes accounts liquidatable "
        "before it is published",
    )
