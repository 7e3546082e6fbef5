"""The [chain] section: gas, the room in a block and how transactions reach it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ...market.chain.builder_kernels import MOST_EXACT
from .base import Section, Share

Gwei = Annotated[float, Field(ge=0, le=1e6)]
Gas = Annotated[int, Field(ge=21_000, le=30_000_000)]


class EpisodeGas(Section):
    """Gas prices recorded in a packaged episode."""

    kind: Literal["episode"]
    episode: str | None = Field(
        default=None, min_length=1, description="name of the episode; that of the prices if left out"
    )


class ConstantGas(Section):
    """One gas price for the whole run."""

    kind: Literal["constant"]
    price_gwei: Gwei = Field(description="gas price, gwei")


class Eip1559Gas(Section):
    """A base fee that follows how full blocks are (EIP-1559)."""

    kind: Literal["eip1559"]
    base_fee_gwei: Gwei = Field(description="base fee at the start, gwei")
    others_share: float = Field(
        default=0.5, ge=0, le=1, description="share of each block's gas that the rest of the chain uses"
    )


class LognormalGas(Section):
    """A log price that returns to its median."""

    kind: Literal["lognormal"]
    median_gwei: float = Field(gt=0, le=1e6, description="median gas price, gwei")
    sd_log: float = Field(ge=0, le=5, description="standard deviation of the log price in the long run")
    reversion_per_s: float = Field(default=0.001, gt=0, le=10, description="speed of the return, a second")


AnyGas = Annotated[EpisodeGas | ConstantGas | Eip1559Gas | LognormalGas, Field(discriminator="kind")]


PARAMETERS = {
    "minimum_raise": "priority-gas-auction",
    "raise_rounds": "priority-gas-auction",
    "exact_bundles": "sealed-bundle",
    "boost_ms": "time-boost",
    "boost_half_gwei": "time-boost",
}
"""Parameters of inclusion rules, and the rule that each belongs to."""


class ChainConfig(Section):
    """Blocks and their order."""

    inclusion: Literal[
        "priority-fee", "first-come", "priority-gas-auction", "sealed-bundle", "random", "time-boost"
    ] = Field(
        default="priority-fee",
        description="what a block includes and in which order: by the fee bid, by arrival, by the fee after "
        "rounds of raises, the bundles that pay a builder most, at random, or by arrival less bought time",
    )
    minimum_raise: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="priority-gas-auction: least raise over the leading bid, a fraction; 0.125 if left out",
    )
    raise_rounds: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="priority-gas-auction: rounds of raises that fit into a block; 10 if left out",
    )
    exact_bundles: int | None = Field(
        default=None,
        ge=0,
        le=MOST_EXACT,
        description="sealed-bundle: bundles up to which the best set is found exactly; 20 if left out",
    )
    boost_ms: float | None = Field(
        default=None,
        gt=0,
        le=600_000,
        description="time-boost: head start that no bid quite buys, ms; 500 if left out",
    )
    boost_half_gwei: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="time-boost: gas price that buys half of it, gwei; 100 if left out",
    )
    gas: AnyGas = Field(description="gas price model")
    block_gas_limit: int = Field(
        default=15_000_000, ge=100_000, le=10_000_000_000, description="gas that fits in a block"
    )
    gas_per_liquidation: Gas = Field(default=450_000, description="gas of a liquidation call")
    gas_per_repay: Gas = Field(default=250_000, description="gas of a repayment or top-up")
    gas_per_swap: Gas = Field(default=150_000, description="gas of a swap in a pool")
    revert_gas_share: Share = Field(
        default=0.3,
        description="gas of a reverted call as a share of its gas when it succeeds (MODEL 3.3, phi)",
    )
    flash_loan_fee: float = Field(
        default=0.0009, ge=0, le=1, description="price of a flash loan as a fraction; that of Aave v2"
    )
    patience_s: float = Field(
        default=60.0, gt=0, le=1e6, description="time after which senders withdraw what no block has included"
    )
    public_delay_ms: float = Field(
        default=0.0, ge=0, le=600_000, description="time until a public transaction is seen by the others, ms"
    )

    @model_validator(mode="after")
    def _parameters_of_the_rule(self) -> Self:
        for key, rule in PARAMETERS.items():
            value = getattr(self, key)
            if value is not None and self.inclusion != rule:
                raise ValueError(
                    f"{key} = {value:g} does nothing under inclusion = {self.inclusion!r}; "
                    f"it belongs to {rule!r}"
                )
        if self.public_delay_ms and self.inclusion == "sealed-bundle":
            raise ValueError(
                f"public_delay_ms = {self.public_delay_ms:g} does nothing under inclusion = 'sealed-bundle', "
                "where nobody sees the requests of others"
            )
        return self
