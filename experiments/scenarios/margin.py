"""The [[venues]] section: where leveraged contracts trade, how they are marked, margined and liquidated.

A venue belongs to one asset with an ``underlying``, whose order book it uses, or to several. Rules are
named, with parameters of their own, as strategies of agents are.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .base import NAME, SYMBOL, Rows, Section, Share
from .venues import AnyVolatility

Rate = Annotated[float, Field(gt=0, le=1)]

OpenInterest = Annotated[float, Field(gt=0, le=1e12)]

MARKS = ("index", "last", "mid", "median", "funding-basis", "model", "hybrid", "hybrid-switch")
GRIDS = ("deribit", "derive", "paradex")
SIZINGS = ("full", "to-target", "tranche", "greedy")
DELEVERAGING = ("queue", "pro-rata", "capped-pro-rata", "min-max", "mirror-descent", "none")


class MarkConfig(Section):
    """The price by which accounts are margined (MODEL 2.1, 2.5)."""

    kind: Literal["index", "last", "mid", "median", "funding-basis", "model", "hybrid", "hybrid-switch"] = (
        Field(default="funding-basis", description=f"how accounts are marked: {', '.join(MARKS)}")
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="parameters of the mark to change")
    haircut_deviations: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="standard deviations of the mark by which each position is valued worse; 0 for none",
    )
    haircut_at_most: Share = Field(default=0.1, description="most that the haircut takes, share of the mark")


class IndexConfig(Section):
    """What the venue knows of the price elsewhere."""

    source: Literal["reference", "book-mid"] = Field(
        default="reference", description="outside price of the underlying, or the mid of its book here"
    )
    delay_s: float = Field(default=0.0, ge=0, le=86_400, description="age of the index, seconds")


class ModelConfig(Section):
    """Fair value by a filter of the index: late, but hard to move."""

    half_life_s: float = Field(
        default=60.0, gt=0, le=86_400, description="half-life of the moving average of the index, seconds"
    )


class TierConfig(Section):
    """One row of a table of maintenance margins."""

    up_to_usd: float | None = Field(
        default=None, gt=0, le=1e12, description="notional up to which it holds; no bound if left out, USD"
    )
    maintenance: Rate = Field(description="maintenance margin, share of the notional")


class FundingConfig(Section):
    """What the heavy side pays the other (MODEL 2.1, CASES P07)."""

    interval_s: float = Field(default=28_800.0, gt=0, le=1e7, description="time between payments, seconds")
    interest: float = Field(default=0.0001, ge=-0.1, le=0.1, description="interest part of the rate")
    clamp: float = Field(
        default=0.0005, ge=0, le=0.1, description="most by which interest pulls the premium, either way"
    )


class LiquidationConfig(Section):
    """From a breach of margin to a closed position: check, cancel, dispose (MODEL 2.2)."""

    sizing: Literal["full", "to-target", "tranche", "greedy"] = Field(
        default="full", description=f"how much is closed: {', '.join(SIZINGS)}"
    )
    target: float = Field(
        default=1.5, ge=1, le=100, description="margin that to-target and greedy restore, in maintenances"
    )
    tranche: Rate = Field(default=0.2, description="share of each position that a tranche closes")
    first: Literal["largest-margin", "deepest-book"] = Field(
        default="largest-margin",
        description="which of an account's positions is closed first: the one that needs most margin, or the "
        "one whose book is deepest for its size",
    )
    execution: str | dict[str, Any] = Field(
        default="market",
        description="market, a schedule (twap, almgren-chriss, percentage-of-volume, iceberg) with its "
        "options, or auction with its settings",
    )
    max_slippage: Share = Field(
        default=0.05, description="worst price of one block's orders, as a fraction beyond the mark"
    )
    fee: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.005, description="paid to the insurance fund, share of the value, while equity lasts"
    )
    cancel_latency_s: float = Field(
        default=0.0, ge=0, le=3600, description="from a failed check until orders are cancelled, seconds"
    )
    dispose_latency_s: float = Field(
        default=0.0, ge=0, le=3600, description="from there until the position is sold, seconds"
    )
    failure: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="chance that a stage fails in a block and is tried again in the next"
    )


class BackstopConfig(Section):
    """A vault that takes positions over before they are bankrupt (CASES P08)."""

    capital_usd: float = Field(gt=0, le=1e12, description="its own money, USD")
    below: Share = Field(
        default=2 / 3, description="it takes over at this share of the maintenance margin, if it can bear it"
    )
    unload: str | dict[str, Any] | None = Field(
        default=None,
        description="how it sells what it took: volume or skewed with its options; it keeps it if left out",
    )


class BreakerConfig(Section):
    """When the venue stops trading (MODEL 2.6, CASES P15)."""

    parameters: dict[str, Any] = Field(
        default_factory=dict, description="settings of the circuit breaker to change"
    )
    flow_shift: Share = Field(
        default=0.5,
        description="share of its background orders that goes to other books of the underlying in a halt",
    )


class TradersConfig(Section):
    """The crowd of leveraged traders."""

    count: int = Field(ge=2, le=1_000_000, description="accounts")
    open_interest_usd: OpenInterest | dict[str, OpenInterest] = Field(
        description="notional of all longs at the start, USD; in each contract, or a table by contract"
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="parameters of the law of leverage, sizes and stops to change"
    )
    trading: dict[str, Any] | None = Field(
        default=None,
        description="parameters of the law by which they open, reduce and open anew; they do not if left out",
    )


class VenueConfig(Section):
    """A margin venue."""

    name: str = Field(pattern=NAME, description="name in tables and streams, unique")
    instrument: str | None = Field(
        default=None, pattern=SYMBOL, description="asset with an underlying, whose book it uses"
    )
    instruments: Rows[Annotated[str, Field(pattern=SYMBOL)]] = Field(
        default=(), description="several of them, instead of instrument"
    )
    margin: Literal["cross", "isolated", "portfolio"] = Field(
        default="cross",
        description="cross: a trader's positions share one margin account; isolated: each has its own; "
        "portfolio: they share one and offset each other by scenarios",
    )
    grid: Literal["deribit", "derive", "paradex"] | None = Field(
        default=None, description=f"scenarios of portfolio margin: {', '.join(GRIDS)}; deribit if left out"
    )
    mark: MarkConfig = Field(default=MarkConfig(), description="price by which accounts are margined")
    option_mark: MarkConfig | None = Field(
        default=None, description="price by which options are margined; that of the model if left out"
    )
    volatility: AnyVolatility | None = Field(
        default=None,
        description="volatility at which the venue values options: realised by its own index, or fixed; "
        "what is published if left out",
    )
    index: IndexConfig = Field(default=IndexConfig(), description="price elsewhere")
    model: ModelConfig = Field(default=ModelConfig(), description="fair value of a model")
    tiers: Rows[TierConfig] = Field(
        default=(TierConfig(maintenance=0.005),), min_length=1, description="maintenance margins by notional"
    )
    dynamic_margin: dict[str, Any] | None = Field(
        default=None,
        description="parameters of maintenance that follows volatility and open interest where that is more "
        "than the tiers; none if left out",
    )
    check_every_s: float = Field(
        default=0.0, ge=0, le=86_400, description="time between margin checks, seconds; 0 for every block"
    )
    funding: FundingConfig = Field(default=FundingConfig(), description="payments between the sides")
    liquidation: LiquidationConfig = Field(default=LiquidationConfig(), description="how accounts are closed")
    insurance_fund_usd: float = Field(
        default=0.0, ge=0, le=1e12, description="insurance fund at the start, USD"
    )
    deleveraging: Literal["queue", "pro-rata", "capped-pro-rata", "min-max", "mirror-descent", "none"] = (
        Field(
            default="queue",
            description=f"who bears what the fund cannot: {', '.join(DELEVERAGING)}",
        )
    )
    backstop: BackstopConfig | None = Field(default=None, description="vault that takes positions over")
    breaker: BreakerConfig | None = Field(default=None, description="when trading stops")
    traders: TradersConfig = Field(description="who holds positions at the start")

    @property
    def contracts(self) -> tuple[str, ...]:
        """Symbols of what the venue trades, in the order of the scenario."""
        return self.instruments if self.instrument is None else (self.instrument,)

    def mark_of(self, is_option: bool) -> MarkConfig:
        """Return how a contract of the venue is marked."""
        return (self.option_mark or MarkConfig(kind="model")) if is_option else self.mark

    @model_validator(mode="after")
    def _suits_its_margin(self) -> Self:
        if self.grid is not None and self.margin != "portfolio":
            raise ValueError(f"grid = {self.grid!r} does nothing with margin = {self.margin!r}")
        if self.margin == "portfolio":
            self.check_by_accounts("margin = 'portfolio'")
        return self

    def check_by_accounts(self, reason: str) -> None:
        """Refuse what goes with tiers only.

        Raises
        ------
        ValueError
            If there is any of it; the message names it and the reason.
        """
        for key, given in (
            ("mark.haircut_deviations", bool(self.mark.haircut_deviations)),
            (
                "option_mark.haircut_deviations",
                bool(self.option_mark and self.option_mark.haircut_deviations),
            ),
            ("dynamic_margin", self.dynamic_margin is not None),
            ("liquidation.sizing = 'greedy'", self.liquidation.sizing == "greedy"),
        ):
            if given:
                raise ValueError(f"{key} goes with margin by tiers, not with {reason}; remove it")

    def check_coin(self, symbol: str) -> None:
        """Refuse what an inverse contract does not go with.

        Raises
        ------
        ValueError
            If there is any of it; the message names it.
        """
        how = self.liquidation.execution
        kind = how.get("kind") if isinstance(how, dict) else how
        for key, given in (
            ("instruments with others", len(self.contracts) > 1),
            ("margin = 'portfolio'", self.margin == "portfolio"),
            (f"liquidation.execution = {kind!r}", kind in ("iceberg", "auction")),
            ("backstop.unload", self.backstop is not None and self.backstop.unload is not None),
            ("traders.trading", self.traders.trading is not None),
        ):
            if given:
                raise ValueError(
                    f"{key} does not go with an inverse contract, {symbol}, which settles in its own coin; "
                    "remove it"
                )

    @model_validator(mode="after")
    def _names_contracts(self) -> Self:
        if self.instrument is None and not self.instruments:
            raise ValueError("instrument is missing; name a contract, or several as instruments")
        if self.instrument is not None and self.instruments:
            raise ValueError(
                f"instrument = {self.instrument!r} and instruments = {list(self.instruments)}; "
                "allowed: one of the two"
            )
        return self
