"""The laboratory's pool where a call is served at once: repay, and receive collateral.

Positions, interest and the liquidation call are Aave's (v3.0.2, which serves v2 as well); sizing
and pricing are parts that may differ by collateral. This pool adds what a call alone cannot know:
the rest between two liquidations of an account, and who bears debt that no collateral is left for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger
from ...fixed_point import RAY, WAD
from ...liquidation import (
    BadDebt,
    CloseFactor,
    FixedBonus,
    KeeperReward,
    LiquidationMechanism,
    NoRemainder,
    Pace,
    PriceBands,
    WholePositionCloseFactor,
)
from ...liquidation.bad_debt import redistributed_index, socialised_index, split
from ...liquidation.bands import Ladder
from ...revert import Revert
from ..aave.parameters import Market
from ..aave.pool import AavePool
from ..aave.state import Account
from ..pool import Called, Quotes

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LaboratoryRules:
    """What a mechanism is made of, beside the price.

    Parameters
    ----------
    mechanisms : tuple of LiquidationMechanism
        By ledger asset of the collateral; they share trigger and residual.
    threshold : int
        Health factor below which accounts may be liquidated; wad.
    pace : Pace
    bands : PriceBands, optional
        What limits calls on an account while the price falls.
    bad_debt : BadDebt
    fund : float
        Insurance fund at the start, as a share of what is owed of each asset.
    keeper : KeeperReward
        For whoever takes an account over.
    penalty : int
        Added to the debt that an auction is to raise, the protocol's; wad.
    cover : int
        Collateral put up for auction beyond the value of the debt, at most; basis points.
    """

    mechanisms: tuple[LiquidationMechanism, ...]
    threshold: int = WAD
    pace: Pace = field(default_factory=Pace)
    bands: PriceBands | None = None
    bad_debt: BadDebt = field(default_factory=BadDebt)
    fund: float = 0.0
    keeper: KeeperReward = field(default_factory=KeeperReward)
    penalty: int = 0
    cover: int = 2_500


class LaboratoryPool(AavePool):
    """Aave's positions under a mechanism of one's own.

    Parameters
    ----------
    ledger : Ledger
    market : Market
        Reserves; its mechanism is that of the first asset.
    rules : LaboratoryRules
    n_borrowers : int
    start_s : int
        Unix time at which the indices start, s.
    utilisation : float
        As in `AavePool`.
    most_bonus : float, optional
        Largest bonus that the pricing may give, as a fraction; the reserves' own if left out.

    Attributes
    ----------
    fund : list of int
        Insurance fund by asset, base units; it lies on the pool's ledger account.
    """

    def __init__(
        self,
        ledger: Ledger,
        market: Market,
        rules: LaboratoryRules,
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.7,
        most_bonus: float | None = None,
    ) -> None:
        super().__init__(ledger, market, n_borrowers, start_s, utilisation)
        self.parts = rules
        self.scale = rules.threshold / WAD
        self.thresholds = self.thresholds / self.scale
        if most_bonus is not None:
            fees = np.array([r.liquidation_protocol_fee / 1e4 for r in market.reserves])
            self._penalty = np.where(self.thresholds > 0.0, most_bonus, 0.0)
            self.bonus = self._penalty * (1.0 - fees)
        self.paced = rules.pace.rests
        mechanism = market.mechanism
        plain = isinstance(mechanism.sizing, CloseFactor | WholePositionCloseFactor)
        self.quoted = not (plain and isinstance(mechanism.pricing, FixedBonus))
        self.fund = [0] * len(ledger.assets)
        self._ladders: dict[tuple[int, int, int], Ladder] = {}  # by account, collateral and debt
        self._last: dict[int, int] = {}  # when each account was liquidated last, unix time

    def open(self) -> None:
        """Start as Aave does, and fill the insurance fund from outside."""
        super().open()
        owed = self.positions.debt[: self.lenders].sum(axis=0).tolist()
        for asset, units in enumerate(owed):
            self.fund[asset] = int(units * self.parts.fund)
            if self.fund[asset]:
                self.ledger.endow(asset, self.account, self.fund[asset])

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one scaled base unit counts for; see `LendingPool.weights`."""
        collateral, debt, value = super().weights(now_s)
        return collateral / self.scale, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health factor over the trigger's threshold, wad: below one it may be liquidated."""
        health = super().health_factor(row, now_s)
        return health if self.parts.threshold == WAD else health * WAD // self.parts.threshold

    def resting(self, rows: Integers, now_s: int) -> NDArray[np.bool_]:
        """Return which accounts may not be liquidated again yet."""
        now, pace = self.start_s + now_s, self.parts.pace
        return np.array(
            [pace.refusal(self._last.get(row), now) is not None for row in rows.tolist()], np.bool_
        )

    def quote(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return exact terms of a call on each account for a pair of assets."""
        quotes = np.zeros((3, len(rows)))
        for k, (row, collateral, debt) in enumerate(
            zip(rows.tolist(), collaterals.tolist(), debts.tolist(), strict=True)
        ):
            context = self._context(row, collateral, debt, now_s)
            rule = self.parts.mechanisms[collateral]
            if not (context.debt and context.collateral):
                continue
            most = rule.sizing.max_repay(context)
            if self.parts.bands is not None:
                ladder = self._ladder(row, collateral, debt, now_s)
                most = min(most, self.parts.bands.room(ladder, self._price(collateral, debt)))
                if most <= 0:
                    continue
            repay, seized, fee = rule.pricing.seize(context, most)
            if repay <= 0 or (rule.residual and rule.residual.refusal(context, repay, seized)):
                continue
            paid = repay / context.debt_unit * context.debt_price / 1e8
            got = (seized - fee) / context.collateral_unit * context.collateral_price / 1e8
            quotes[:, k] = paid, got / paid - 1.0, paid * 0.999 if type(rule.residual) is NoRemainder else 0.0
        return Quotes(*quotes)

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call by the parts; see `LendingPool.liquidate`."""
        now = self.start_s + now_s
        self._check_pace(row, now)
        bands, ladder = self.parts.bands, None
        if bands is not None and 0 < self.health_factor(row, now_s) < WAD:
            ladder = self._ladder(row, collateral, debt, now_s)
            cover = min(cover, bands.room(ladder, self._price(collateral, debt)))
            if cover <= 0:
                raise Revert("PriceBandSold")
        result = super().liquidate(row, collateral, debt, cover, liquidator, now_s)
        if ladder is not None:
            repaid = ladder.repaid + result.debt_repaid
            self._ladders[row, collateral, debt] = ladder._replace(repaid=repaid)
        self._last[row] = now
        self._write_off(row, now)
        return result

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account, some reserves, the fund, rests and bands; the result restores them."""
        before, fund, last = super().checkpoint(row, assets), list(self.fund), self._last.get(row)
        ladders = dict(self._ladders)

        def restore() -> None:
            before()
            self.fund = fund
            self._ladders = ladders
            self._last.pop(row, None)
            if last is not None:
                self._last[row] = last

        return restore

    def _set_aside(self, asset: int) -> int:
        return self.fund[asset]

    def _check_pace(self, row: int, now: int) -> None:
        refusal = self.parts.pace.refusal(self._last.get(row), now)
        if refusal is not None:
            raise Revert(refusal)

    def _ladder(self, row: int, collateral: int, debt: int, now_s: int) -> Ladder:
        """Return the price bands of an account below the trigger for a pair of assets."""
        assert self.parts.bands is not None
        return self.parts.bands.ladder(
            self._ladders.get((row, collateral, debt)),
            self._price(collateral, debt),
            self.health_factor(row, now_s),
            self.debt_units(row, debt, now_s),
        )

    def _price(self, collateral: int, debt: int) -> int:
        """Oracle's price of a collateral in units of a debt; wad."""
        return self.prices[collateral] * WAD // self.prices[debt]

    def _mechanism(self, collateral: int) -> LiquidationMechanism:
        return self.parts.mechanisms[collateral]

    def _write_off(self, row: int, now: int) -> None:
        """Let the fund and then the bearer take what an account owes once it has no collateral left."""
        account = self._take(row)
        if any(account.supplied) or not any(account.borrowed):
            return
        self._remember(row, *self._owed(row))
        for asset in self._owed(row):
            self._bear(account, asset, now)
        self._put(row, account)

    def _bear(self, account: Account, asset: int, now: int) -> None:
        """Let the fund and then the bearer take what an account without collateral owes of an asset."""
        state, terms, bearer = self.reserves[asset], self.market.reserves[asset], self.parts.bad_debt.bearer
        self.rules.accrue(state, terms, now)
        owed = self.rules.debt_balance(account.borrowed[asset], state.variable_borrow_index)
        burden = split(owed, self.fund[asset])
        if scaled(burden.from_fund, state.variable_borrow_index):
            self.fund[asset] -= burden.from_fund
            self.rules.repay(self.reserves, self.market, now, account, reserve=asset, amount=burden.from_fund)
            state.deficit += burden.from_fund
        left = account.borrowed[asset]
        if bearer == "stays" or not left:
            return
        loss = self.rules.debt_balance(left, state.variable_borrow_index)
        account.borrowed[asset] = 0
        account.borrowing_mask &= ~(1 << asset)
        state.scaled_variable_debt -= left
        state.deficit += loss
        if bearer == "socialised":
            supplied = self.rules.atoken_balance(state.scaled_supply, state.liquidity_index)
            borne = min(loss, supplied - supplied // 10**6)  # an index of 0 could never rise again
            state.liquidity_index = socialised_index(state.liquidity_index, supplied, borne)
        elif bearer == "redistributed":
            others = self.rules.debt_balance(state.scaled_variable_debt, state.variable_borrow_index)
            if others > loss:  # beyond that reserves take it
                state.variable_borrow_index = redistributed_index(state.variable_borrow_index, others, loss)
        self.rules.update_rates(state, terms, 0, 0)


def scaled(amount: int, index: int) -> int:
    """Scaled base units of an amount at an index (ray), rounded half up."""
    return (amount * RAY + index // 2) // index
