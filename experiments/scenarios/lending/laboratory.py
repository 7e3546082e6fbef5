"""Settings of the laboratory: a protocol of one's own, its liquidation mechanism made of parts.

Each part is a table with a `kind`. What cannot go together is refused with the reason.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ..base import Rows, Section, Share
from .aave import AaveMarketConfig

OWN = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"


class OwnPart(Section):
    """A part of one's own: a class named ``module:Class`` and its parameters."""

    kind: Literal["own"] = Field(description="a class of one's own")
    part: str = Field(pattern=OWN, description="class, as module:Class")
    parameters: dict[str, Any] = Field(default_factory=dict, description="its parameters")


class HealthTrigger(Section):
    """Accounts may be liquidated below a health factor."""

    kind: Literal["health-factor"] = Field(default="health-factor", description="who may be liquidated")
    below: float = Field(default=1.0, ge=0.5, le=1.5, description="health factor below which")


class SizingConfig(Section):
    """What all sizings share: dust, and how soon an account may be liquidated again."""

    dust_usd: float = Field(
        default=0.0, ge=0, le=1e9, description="least debt and collateral that may be left, USD; 0 for none"
    )
    cool_off_s: int = Field(
        default=0, ge=0, le=10**7, description="seconds between two liquidations of an account"
    )
    one_per_block: bool = Field(default=False, description="at most one liquidation of an account in a block")


class CloseFactorSizing(SizingConfig):
    """A share of the debt, larger far below 1 if wanted."""

    kind: Literal["close-factor"] = Field(default="close-factor", description="how much one call may repay")
    share: float = Field(default=0.5, ge=1e-4, le=1, description="largest share of a debt")
    full_share: float | None = Field(
        default=None, ge=1e-4, le=1, description="share far below 1; the same if left out"
    )
    full_below: float = Field(
        default=0.95, ge=0, lt=1, description="health factor at or below which full_share holds"
    )


class WholePositionSizing(SizingConfig):
    """A share of all that an account owes, of which one debt may be repaid in full."""

    kind: Literal["whole-position"] = Field(description="how much one call may repay")
    share: float = Field(default=0.5, ge=1e-4, le=1, description="largest share of the whole debt")
    full_below: float = Field(
        default=0.95, ge=0, lt=1, description="health factor at or below which all may be repaid"
    )


class TargetHealthSizing(SizingConfig):
    """What restores a health factor."""

    kind: Literal["target-health"] = Field(description="how much one call may repay")
    target: float = Field(default=1.05, ge=1, le=10, description="health factor after a call")


class FullSizing(SizingConfig):
    """All or nothing."""

    kind: Literal["full"] = Field(description="how much one call repays")


class AnyAmountSizing(SizingConfig):
    """The taker chooses."""

    kind: Literal["takers-choice"] = Field(description="how much one call may repay")


class TrancheSizing(SizingConfig):
    """Shares that grow step by step as health falls."""

    kind: Literal["tranches"] = Field(description="how much one call may repay")
    steps: Rows[Rows[float]] = Field(
        min_length=1, description="pairs of a health factor and the share of the debt below it"
    )


class DepthAwareSizing(SizingConfig):
    """No more than the market takes."""

    kind: Literal["depth-aware"] = Field(description="how much one call may repay")
    share: float = Field(
        default=0.02, ge=1e-4, le=1, description="largest share of a market's depth that one call may seize"
    )
    depth_usd: dict[str, float] = Field(
        default_factory=dict, description="depth by collateral, USD; that of its pool if left out"
    )


class PriceBandSizing(SizingConfig):
    """Equal parts, one for each step that the price falls."""

    kind: Literal["price-bands"] = Field(description="how much one call may repay")
    bands: int = Field(default=10, ge=1, le=1000, description="parts into which a debt is divided")
    width: float = Field(
        default=0.01, ge=1e-4, le=0.5, description="fall of the price from one part to the next, a fraction"
    )


AnySizing = Annotated[
    CloseFactorSizing
    | WholePositionSizing
    | TargetHealthSizing
    | FullSizing
    | AnyAmountSizing
    | TrancheSizing
    | DepthAwareSizing
    | PriceBandSizing
    | OwnPart,
    Field(discriminator="kind"),
]


class FixedBonusPricing(Section):
    """The oracle's price less a fixed bonus."""

    kind: Literal["fixed-bonus"] = Field(default="fixed-bonus", description="what collateral costs")
    bonus: Share | None = Field(default=None, description="for all collaterals; the market's if left out")


class IncentiveFactorPricing(Section):
    """A fixed bonus that follows from the threshold, as in Morpho Blue."""

    kind: Literal["incentive-factor"] = Field(description="what collateral costs")
    cursor: Share = Field(default=0.3, description="how fast the bonus grows as the threshold falls")
    cap: float = Field(default=1.15, ge=1, le=10, description="largest bonus, plus 1")


class RisingBonusPricing(Section):
    """A bonus that rises as health falls, as in Aave v4."""

    kind: Literal["rising-bonus"] = Field(description="what collateral costs")
    base: Share = Field(default=0.01, description="bonus at a health factor of 1")
    most: Share = Field(default=0.1, description="bonus at full_at and below")
    full_at: float = Field(default=0.9, ge=0, lt=1, description="health factor at which it is largest")


class RisingDiscountPricing(Section):
    """A discount that rises as health falls, as in Euler."""

    kind: Literal["rising-discount"] = Field(description="what collateral costs")
    base: float = Field(default=0.0, ge=0, lt=1, description="discount at a health factor of 1")
    slope: float = Field(default=1.0, ge=0, le=100, description="discount per unit of health")
    most: float = Field(default=0.15, ge=0, lt=1, description="largest discount")


class AuctionPricing(Section):
    """What all auctions share."""

    penalty: float = Field(
        default=0.0, ge=0, le=1, description="added to the debt that is to be raised, the protocol's"
    )
    cover: float = Field(
        default=0.25, ge=0, le=10, description="collateral put up beyond the value of the debt, at most"
    )


class DutchPricing(AuctionPricing):
    """What all falling prices share."""

    buffer: float = Field(default=1.1, gt=0, le=1000, description="first price over the oracle's")
    tail_s: int = Field(
        default=10**9, ge=1, le=10**9, description="seconds after which an auction must be restarted"
    )
    cusp: Share = Field(default=0.0, description="share of the first price at which it must be restarted")


class LinearPricing(DutchPricing):
    """A price that falls in a straight line."""

    kind: Literal["dutch-linear"] = Field(description="what collateral costs")
    zero_after_s: int = Field(default=3600, ge=1, le=10**9, description="seconds until the price is 0")


class StairPricing(DutchPricing):
    """A price that falls by the same factor at every step."""

    kind: Literal["dutch-stairs"] = Field(description="what collateral costs")
    cut: float = Field(default=0.99, gt=0, lt=1, description="factor on the price at every step")
    step_s: int = Field(default=60, ge=1, le=10**9, description="seconds between steps")


class ExponentialPricing(DutchPricing):
    """A price that halves in equal times."""

    kind: Literal["dutch-exponential"] = Field(description="what collateral costs")
    half_life_s: int = Field(default=3600, ge=1, le=10**9, description="seconds until the price has halved")


class AjnaPricing(DutchPricing):
    """A price that starts far above the market and halves at first every 20 minutes."""

    kind: Literal["dutch-ajna"] = Field(description="what collateral costs")
    buffer: float = Field(default=256.0, gt=0, le=1000, description="first price over the oracle's")


class ModelPricing(DutchPricing):
    """A share of the model's price of the moment, first falling fast and then slowly (Derive)."""

    kind: Literal["dutch-model-price"] = Field(description="what collateral costs")
    buffer: float = Field(default=0.95, gt=0, le=1000, description="first price over the model's")
    middle: float = Field(default=0.7, gt=0, le=1000, description="price over the model's after fast_s")
    fast_s: int = Field(default=900, ge=1, le=10**9, description="seconds of the fast leg")
    slow_s: int = Field(default=43_200, ge=1, le=10**9, description="seconds of the slow leg, to 0")


class EnglishPricing(AuctionPricing):
    """Open bids that rise; in two phases bidders then ask for less of the lot."""

    kind: Literal["english"] = Field(description="what collateral costs")
    phases: Literal[1, 2] = Field(default=2, description="2: after a bid of the debt, bids ask for less")
    raise_step: float = Field(
        default=0.03, gt=0, le=10, description="least raise over the last bid, as a fraction"
    )
    bid_s: int = Field(default=600, ge=1, le=10**9, description="seconds a bid stands before it wins")
    auction_s: int = Field(default=21_600, ge=1, le=10**9, description="seconds an auction lasts at most")


class SealedPricing(AuctionPricing):
    """Sealed bids for a whole lot."""

    kind: Literal["sealed-first", "sealed-second"] = Field(description="what collateral costs")
    window_s: int = Field(default=120, ge=1, le=10**9, description="seconds for which bids are taken")
    reserve: float = Field(
        default=0.5, ge=0, lt=1, description="least price as a share of the oracle's at the start"
    )


class BatchPricing(AuctionPricing):
    """Sealed bids for parts of a lot, all served at one price."""

    kind: Literal["batch"] = Field(description="what collateral costs")
    window_s: int = Field(default=120, ge=1, le=10**9, description="seconds for which bids are taken")
    reserve: float = Field(
        default=0.5, ge=0, lt=1, description="least price as a share of the oracle's at the start"
    )


class OffsetPricing(Section):
    """Deposits of a stability pool pay the debt and take the collateral."""

    kind: Literal["pool-offset"] = Field(description="what collateral costs")
    deposits: float = Field(
        default=0.5, gt=0, le=10, description="deposits at the start as a share of the debt"
    )
    penalty: Share = Field(default=0.05, description="collateral beyond the debt that depositors receive")


class StorefrontPricing(Section):
    """The protocol absorbs accounts and sells their collateral at a fixed discount (Comet)."""

    kind: Literal["storefront"] = Field(description="what collateral costs")
    credit: float = Field(
        default=0.95, gt=0, le=1, description="share of the collateral's value credited to the account"
    )
    discount: float = Field(default=0.025, ge=0, lt=1, description="discount to buyers")


CALLS = ("fixed-bonus", "incentive-factor", "rising-bonus", "rising-discount")
"""Pricings at which a call is served at once."""

AnyPricing = Annotated[
    FixedBonusPricing
    | IncentiveFactorPricing
    | RisingBonusPricing
    | RisingDiscountPricing
    | LinearPricing
    | StairPricing
    | ExponentialPricing
    | AjnaPricing
    | ModelPricing
    | EnglishPricing
    | SealedPricing
    | BatchPricing
    | OffsetPricing
    | StorefrontPricing
    | OwnPart,
    Field(discriminator="kind"),
]


class RestConfig(Section):
    """Who bears debt that no collateral is left for."""

    kind: Literal["stays", "reserves", "socialised", "redistributed"] = Field(
        default="stays", description="who bears bad debt"
    )
    insurance_fund: float = Field(
        default=0.0, ge=0, le=10, description="fund that pays first, as a share of the debt at the start"
    )


class KeeperConfig(Section):
    """What whoever takes an account over is paid; its debt grows by it."""

    tip_usd: float = Field(default=0.0, ge=0, le=1e9, description="flat part, USD")
    chip: Share = Field(default=0.0, description="share of the debt taken over")


class MechanismConfig(Section):
    """A liquidation mechanism made of parts."""

    trigger: HealthTrigger = Field(default=HealthTrigger(), description="who may be liquidated")
    sizing: AnySizing = Field(default=CloseFactorSizing(), description="how much at once")
    pricing: AnyPricing = Field(default=FixedBonusPricing(), description="what collateral costs")
    rest: RestConfig = Field(default=RestConfig(), description="who bears bad debt")
    keeper: KeeperConfig = Field(default=KeeperConfig(), description="what a kick pays")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        sizing, pricing, keeper = self.sizing, self.pricing, self.keeper
        paid = keeper.tip_usd > 0 or keeper.chip > 0
        if pricing.kind in CALLS and paid:
            raise ValueError(
                f"keeper pays nobody with pricing.kind = {pricing.kind!r}: the caller has the bonus; "
                "remove keeper, or choose an auction"
            )
        if pricing.kind == "pool-offset" and not paid:
            raise ValueError(
                "pricing.kind = 'pool-offset' needs keeper.tip_usd or keeper.chip above 0: depositors have "
                "the gain, so nobody would send the transaction"
            )
        if pricing.kind == "storefront" and sizing.kind != "full":
            raise ValueError(
                "pricing.kind = 'storefront' needs sizing.kind = 'full': an account is absorbed whole"
            )
        if pricing.kind == "storefront" and self.rest.kind == "stays":
            raise ValueError(
                "pricing.kind = 'storefront' needs rest.kind = reserves, socialised or redistributed: an "
                "absorbed account owes nothing any more"
            )
        if sizing.kind == "price-bands" and pricing.kind not in (*CALLS, "own"):
            raise ValueError(
                f"sizing.kind = 'price-bands' does not go with pricing.kind = {pricing.kind!r}: a part is "
                "sold when the price enters its band, a lot later and at another price; "
                f"allowed with {', '.join(CALLS)}"
            )
        if sizing.kind == "full" and sizing.dust_usd > 0:
            raise ValueError("sizing.dust_usd does nothing with kind = 'full', which leaves nothing")
        if sizing.kind == "target-health" and sizing.target <= self.trigger.below:
            raise ValueError(
                f"sizing.target = {sizing.target:g} would leave accounts liquidatable; "
                f"allowed: above trigger.below, {self.trigger.below:g}"
            )
        self._check_bonus()
        self._check_auction()
        return self

    def _check_bonus(self) -> None:
        pricing = self.pricing
        if pricing.kind == "rising-bonus" and pricing.base > pricing.most:
            raise ValueError(
                f"pricing.base = {pricing.base:g}; allowed: at most pricing.most, {pricing.most:g}"
            )
        if pricing.kind == "rising-discount" and pricing.base > pricing.most:
            raise ValueError(
                f"pricing.base = {pricing.base:g}; allowed: at most pricing.most, {pricing.most:g}"
            )

    def _check_auction(self) -> None:
        pricing = self.pricing
        if isinstance(pricing, StairPricing) and pricing.tail_s < pricing.step_s:
            raise ValueError(
                f"pricing.tail_s = {pricing.tail_s} ends an auction before its first step; "
                f"allowed: from step_s, {pricing.step_s}"
            )
        if isinstance(pricing, DutchPricing) and pricing.buffer * pricing.cusp >= 1.0:
            raise ValueError(
                f"pricing.cusp = {pricing.cusp:g} stops every auction above the oracle's price; "
                f"allowed: below 1 / buffer, {1.0 / pricing.buffer:.4g}"
            )
        if isinstance(pricing, ModelPricing) and pricing.middle > pricing.buffer:
            raise ValueError(
                f"pricing.middle = {pricing.middle:g}; allowed: at most pricing.buffer, {pricing.buffer:g}"
            )
        if isinstance(pricing, EnglishPricing) and pricing.bid_s > pricing.auction_s:
            raise ValueError(
                f"pricing.bid_s = {pricing.bid_s}; allowed: at most auction_s, {pricing.auction_s}"
            )


class LaboratoryConfig(AaveMarketConfig):
    """A protocol of one's own: Aave's positions and interest, liquidation by a mechanism made of parts."""

    kind: Literal["laboratory"] = Field(description="rules of the lending protocol")
    protocol_fee: Share = Field(default=0.0, description="treasury's share of the liquidation bonus")
    mechanism: MechanismConfig = Field(default=MechanismConfig(), description="how accounts are liquidated")
