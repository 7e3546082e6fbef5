"""crvUSD inside a simulation: a LLAMMA and a controller for each collateral, and a crowd of loans.

Collateral lies in bands. As the oracle falls through them, whoever trades with the AMM (`trade`) turns it
into the borrowed token, and back as it recovers; a loan is taken over by a call only once its health is
below 0. A call hands over what is in the loan's bands, which may be both tokens: the borrowed token pays
debt before the liquidator does.

What is kept. Loans that nobody has touched are numbers in arrays (`crowd`), the others are the rules' own
objects. `positions` holds what each loan's shares stand for, both tokens side by side, as of the last call
of `weights`, which brings it up to date for the loans that trades have reached. The weights count both
tokens so that an account reaches 1 just before its first band is converted: from there on, the screen looks
at it at every price, and `resting` says which of these loans may not be liquidated.

The stablecoin is minted by the protocol: repaid coins are burnt. It counts at the oracle's price.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import OUTSIDE, Ledger, Reason
from ...fixed_point import MAX_UINT256, WAD, ceil_div
from ...revert import Revert
from ..pool import Called, LendingPool, Quotes
from .arbitrage import amount_for_price, current_price
from .bands import oracle_price_down, oracle_price_up
from .collateral import add_collateral, remove_collateral
from .crowd import Crowd, ShareTable, per_share, weighted
from .deposits import amounts_of
from .exchange import BORROWED, exchange, walk
from .health import full_health
from .liquidation import liquidate, repay
from .loans import Controller, Loan
from .oracle import Quote, quote
from .parameters import AmmParameters, ControllerParameters
from .screening import LoanScreen
from .state import Amm, Deposit, Interest, Limiter

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_FUNDS = "ERC20: transfer amount exceeds balance"
ROUNDING = 1e-9
"""Part by which rounding to base units may make a loan poorer than the arrays say."""
NEAR = 1e-6
"""How near to 0 a health worked out in floats may be before the exact rule is asked."""
WHOLE_OFFER = 1e-6
"""Part by which a quote overstates a debt, so that an offer in floats clears all of it."""


@dataclass(frozen=True, slots=True)
class LlammaTerms:
    """What holds for every market.

    Parameters
    ----------
    amplification : int
        A.
    fee, admin_fee : int
        Of exchanges, and the admin's share of it, wad.
    loans : ControllerParameters
    bands : int
        N of every loan.
    """

    amplification: int
    fee: int
    admin_fee: int
    loans: ControllerParameters
    bands: int

    @property
    def threshold(self) -> float:
        """Debt over the value of bands at which the screen begins to look, a little before conversion.

        The smaller of two bounds: what bands yield at least on the way down, less the liquidation
        discount; and the most that may be borrowed at a price, one band lower for rounding.
        """
        ratio = (self.amplification - 1.0) / self.amplification
        yields = (1.0 - self.loans.liquidation_discount / WAD) * ratio**self.bands
        mean = ratio**0.5 * sum(ratio**k for k in range(self.bands)) / self.bands
        lends = (1.0 - self.loans.loan_discount / WAD) * mean * ratio
        return float(min(yields, lends) * (1.0 - 1e-6))


@dataclass(slots=True)
class Market:
    """One collateral's loans.

    Parameters
    ----------
    controller : Controller
        With its AMM.
    crowd : Crowd
        Loans as they were opened.
    touched : ShareTable
        Those that the rules have as objects.
    screen : LoanScreen
        Their health, roughly.
    deepest : int
        Lowest band in price that anybody has traded in.
    shares : int
        Shares of all loans, added up loan by loan.
    calls : int
        Calls so far that may have left a fraction of a unit of each token behind, times how many.
    written : bool
        Whether `positions` holds what shares stand for now.
    sums : tuple of int or None
        What `totals` returned, until something changes.
    """

    controller: Controller
    crowd: Crowd
    touched: ShareTable
    screen: LoanScreen
    deepest: int = 0
    shares: int = 0
    calls: int = 0
    written: bool = False
    sums: tuple[int, int, int] | None = None

    @property
    def amm(self) -> Amm:
        """The AMM of this market."""
        return self.controller.amm

    def changed(self) -> None:
        """Take note that bands, or somebody's shares of them, are not what they were."""
        self.written = False
        self.sums = None
        self.screen.forget()

    def totals(self) -> tuple[int, int, int]:
        """Borrowed token, collateral (18 decimals) and shares of all bands."""
        if self.sums is None:
            amm = self.amm
            self.sums = (
                sum(amm.bands_x.values()), sum(amm.bands_y.values()), sum(amm.total_shares.values())
            )  # fmt: skip
        return self.sums


class LlammaPool(LendingPool):
    """Markets of some collateral assets that lend one stablecoin, with their crowd.

    Rows of `positions` are the borrowers in order and, last, an empty row. Columns are ledger assets.

    Parameters
    ----------
    ledger : Ledger
    name : str
    collaterals : sequence of int
        Ledger assets with a market.
    debt : int
        Ledger asset that is minted and lent.
    terms : LlammaTerms
    n_borrowers : int
    start_s : int
        Unix time at which interest begins, seconds.
    base_prices : mapping of int to int
        Price of each collateral in the stablecoin at the start, wad: where bands are counted from.

    Raises
    ------
    ValueError
        If there is no collateral, or the asset that is lent is one.
    """

    close_factor = 1.0
    quoted = True
    soft = True
    caution = ROUNDING

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        collaterals: Sequence[int],
        debt: int,
        terms: LlammaTerms,
        n_borrowers: int,
        start_s: int,
        base_prices: Mapping[int, int],
    ) -> None:
        if not collaterals or debt in collaterals:
            raise ValueError(
                f"{name}: needs at least one collateral, and {ledger.assets[debt].symbol} is none"
            )
        n = len(ledger.assets)
        super().__init__(ledger, name, n_borrowers, start_s)
        self.collaterals, self.debt, self.terms = tuple(sorted(collaterals)), debt, terms
        self.base_prices = dict(base_prices)
        self.thresholds = np.zeros(n)
        self.thresholds[[*self.collaterals, debt]] = terms.threshold
        discount = terms.loans.liquidation_discount / WAD
        self.bonus = np.zeros(n)
        self.bonus[list(self.collaterals)] = discount / (1.0 - discount)
        self.prices = [0] * n
        self.markets: dict[int, Market] = {}
        self.issued = 0
        """Coins lent at the start less coins burnt since, base units."""
        self._asset_of: NDArray[np.int8] = np.full(n_borrowers + 1, self.collaterals[0], np.int8)
        self._rows_before: dict[int, tuple[int, int]] = {}
        self._quotes: dict[int, tuple[tuple[Limiter, Interest, int, int], Quote]] = {}
        self._checked = True

    def open(self) -> None:
        """Open all loans at once; their collateral comes in, their debt circulates outside.

        Raises
        ------
        ValueError
            If a loan has two collaterals, one without a market, brings too little, or owes another asset.
        """
        held, owed = self.positions.collateral, self.positions.debt[:, self.debt]
        for asset, symbol in enumerate(a.symbol for a in self.ledger.assets):
            if asset != self.debt and self.positions.debt[:, asset].any():
                raise ValueError(f"{self.name}: loans cannot owe {symbol}")
            if asset not in self.collaterals and held[:, asset].any():
                raise ValueError(f"{self.name}: {symbol} is no collateral")
        if (np.count_nonzero(held, axis=1) > 1).any() or ((owed > 0) & ~held.any(axis=1)).any():
            raise ValueError(f"{self.name}: a loan has one collateral")
        if (held.any(axis=1) & (owed == 0)).any():
            raise ValueError(f"{self.name}: a loan owes something")
        decimals = [asset.decimals for asset in self.ledger.assets]
        for asset in self.collaterals:
            base, terms = self.base_prices[asset], self.terms
            parameters = AmmParameters.derived(
                terms.amplification, base, terms.fee, terms.admin_fee, decimals[self.debt], decimals[asset]
            )
            amm = Amm.new(parameters, base, self.start_s, terms.loans.rate_per_second)
            controller, rows = Controller(terms.loans, amm), np.flatnonzero(held[:, asset] > 0)
            self._asset_of[rows] = asset
            crowd = Crowd(
                controller,
                quote(amm, base, self.start_s),
                rows,
                held[rows, asset].copy(),
                owed[rows].copy(),
                terms.bands,
            )
            shares = sum(amm.total_shares.values())
            touched = ShareTable(terms.bands, len(held))
            screen = LoanScreen(controller, crowd, touched)
            self.markets[asset] = Market(controller, crowd, touched, screen, shares=shares)
            units = int(held[rows, asset].sum())
            if units:
                self.ledger.endow(asset, self.account, units)
        self.issued = int(owed.sum())

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset."""
        self.prices = list(answers)

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one unit in `positions` counts for, USD; see `LendingPool.weights`.

        Brings `positions` up to date where trades have changed what shares stand for.
        """
        value = np.array([p / (1e8 * a.unit) for p, a in zip(self.prices, self.ledger.assets, strict=True)])
        debt, growth, lag = value.copy(), 1.0, 0.0
        for asset, market in self.markets.items():
            seen = self._seen(asset, now_s)
            growth = max(growth, market.amm.interest.at(seen.now) / WAD)
            lag = max(lag, _lag(market, seen))
            self._update(asset, value)
        debt[self.debt] *= growth
        self.caution = ROUNDING + lag
        return value * self.thresholds, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """One more than the contract's full health, wad: below one the loan may be liquidated."""
        market, seen = self._at(row, now_s)
        if not self._load(row):
            return MAX_UINT256
        return max(0, WAD + full_health(market.controller, seen, row))

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        if asset != self.debt or not self._load(row):
            return 0
        market, seen = self._at(row, now_s)
        return market.controller.debt(row, seen.now)

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account's shares stand for now, of an asset; base units."""
        if not self._load(row):
            return 0
        x, y = amounts_of(self._market(row).amm, row)
        return x if asset == self.debt else y if asset == self._asset_of[row] else 0

    def resting(self, rows: Integers, now_s: int) -> NDArray[np.bool_]:
        """Return which loans may not be liquidated, though the price has reached their bands."""
        resting = np.ones(len(rows), np.bool_)
        kinds = self._asset_of[rows]
        for asset, market in self.markets.items():
            mine = np.flatnonzero(kinds == asset)
            if not len(mine):
                continue
            seen = self._seen(asset, now_s)
            deepest = max(market.deepest, market.amm.active_band, _band_of_price(market, seen)) + 1
            owed = self.positions.debt[rows[mine], self.debt]
            health = market.screen.health(seen, deepest, rows[mine], owed)
            resting[mine] = health >= 0.0
            for k in np.flatnonzero(np.abs(health) <= NEAR).tolist():
                resting[mine[k]] = self.health_factor(int(rows[mine[k]]), now_s) >= WAD
        return resting

    def pairs(self, rows: Integers) -> tuple[Integers, Integers]:
        """Return the collateral and the debt that a call on each account names."""
        return self._asset_of[rows].astype(np.int64), np.full(len(rows), self.debt, np.int64)

    def quote(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return terms of a call on each account: all of its debt for all that was last seen in its bands."""
        value = np.array([p / (1e8 * a.unit) for p, a in zip(self.prices, self.ledger.assets, strict=True)])
        growth = np.ones(len(value))
        for asset, market in self.markets.items():
            growth[asset] = market.amm.interest.at(self.start_s + now_s) / WAD
        kinds = self._asset_of[rows]
        owed = self.positions.debt[rows, self.debt] * value[self.debt] * growth[kinds]
        owed[collaterals != kinds] = 0.0
        got = self.positions.collateral[rows] @ value
        bonus = got / np.maximum(owed, 1e-9) - 1.0
        return Quotes(owed * (1.0 + WHOLE_OFFER), bonus, np.zeros(len(rows)))

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call for a ledger account; see `LendingPool.liquidate`.

        Clears at most `cover` of the debt. The liquidator brings what the borrowed token in the bands
        does not pay, and gets what of it is left.
        """
        if debt != self.debt or collateral != self._asset_of[row] or not self._load(row):
            raise Revert("Loan doesn't exist")
        market, seen = self._at(row, now_s)
        controller, health = market.controller, self.health_factor(row, now_s)
        owed = controller.debt(row, seen.now)
        fraction = WAD if cover >= owed else cover * WAD // owed
        undo = self._keep(row)
        try:
            self._remember(row)
            done = liquidate(controller, seen, row, fraction)
            if self.ledger.balance(liquidator, debt) < -done.borrowed_delta:
                raise Revert(NO_FUNDS)
        except Revert:
            undo()
            raise
        self._settle(row, self.terms.bands)
        self._pay(liquidator, done.borrowed_delta, done.debt)
        self.ledger.transfer(collateral, self.account, liquidator, done.collateral_received, Reason.SEIZE)
        return Called(done.debt, done.collateral_received, health, debt_received=done.borrowed_received)

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid.

        Repaying all closes the loan: the borrowed token in its bands pays first, and the payer gets
        what is left in them.

        Raises
        ------
        Revert
            If nothing is owed or the payer does not hold the amount.
        """
        if asset != self.debt or amount <= 0 or not self._load(row):
            raise Revert("Loan doesn't exist")
        market, seen = self._at(row, now_s)
        amount = min(amount, market.controller.debt(row, seen.now))
        undo = self._keep(row)
        try:
            self._remember(row)
            done = repay(market.controller, seen, row, amount)
            if self.ledger.balance(payer, asset) < -done.borrowed_delta:
                raise Revert(NO_FUNDS)
        except Revert:
            undo()
            raise
        self._settle(row, self.terms.bands)
        self._pay(payer, done.borrowed_delta, amount)
        if done.collateral_delta:
            kind = int(self._asset_of[row])
            self.ledger.transfer(kind, self.account, payer, done.collateral_delta, Reason.WITHDRAW)
        return amount

    def converting(self, row: int) -> bool:
        """Whether a loan has a band that holds borrowed token: its bands cannot be moved then."""
        if not self._load(row):
            return False
        amm = self._market(row).amm
        held = amm.deposits[row]
        return any(band in amm.bands_x for band in range(held.first, held.last + 1))

    def self_liquidate(self, row: int, fraction: int, payer: int, now_s: int) -> Called:
        """Let a borrower clear a part of its debt (wad) with the same part of its bands, at any health.

        Raises
        ------
        Revert
            As `liquidate`.
        """
        if not self._load(row):
            raise Revert("Loan doesn't exist")
        (market, seen), kind = self._at(row, now_s), int(self._asset_of[row])
        health, undo = self.health_factor(row, now_s), self._keep(row)
        try:
            self._remember(row)
            done = liquidate(market.controller, seen, row, fraction, by_owner=True)
            if self.ledger.balance(payer, self.debt) < -done.borrowed_delta:
                raise Revert(NO_FUNDS)
        except Revert:
            undo()
            raise
        self._settle(row, self.terms.bands)
        self._pay(payer, done.borrowed_delta, done.debt)
        self.ledger.transfer(kind, self.account, payer, done.collateral_received, Reason.WITHDRAW)
        return Called(done.debt, done.collateral_received, health, debt_received=done.borrowed_received)

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Add collateral to a loan that is not being converted, from a ledger account.

        Raises
        ------
        Revert
            If there is no loan, it is being converted, or the payer does not hold the amount.
        """
        self._change(row, asset, amount, now_s, lambda: self.ledger.balance(payer, asset) >= amount)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral of a loan to a ledger account; return base units withdrawn.

        Raises
        ------
        Revert
            If there is no loan, it is being converted, or would owe more than may be borrowed.
        """
        self._change(row, asset, -amount, now_s, lambda: True)
        self.ledger.transfer(asset, self.account, target, amount, Reason.WITHDRAW)
        return amount

    def _change(self, row: int, asset: int, amount: int, now_s: int, can_pay: Callable[[], bool]) -> None:
        if asset != self._asset_of[row] or not amount or not self._load(row):
            raise Revert("Loan doesn't exist")
        if not can_pay():
            raise Revert(NO_FUNDS)
        market, seen = self._at(row, now_s)
        undo = self._keep(row)
        try:
            self._remember(row)
            if amount > 0:
                add_collateral(market.controller, seen, row, amount)
            else:
                remove_collateral(market.controller, seen, row, -amount)
        except Revert:
            undo()
            raise
        self._settle(row, self.terms.bands)

    # where arbitrageurs trade

    def price(self, asset: int, now_s: int) -> float:
        """Return the price at which the AMM of a collateral trades now, stablecoin per whole token."""
        market, seen = self.markets[asset], self._seen(asset, now_s)
        return current_price(market.amm, seen) / WAD

    def tokens_to_price(self, asset: int, price: float, now_s: int) -> tuple[int, bool]:
        """Return what moves the AMM's price to a target: base units, and whether of the stablecoin."""
        try:
            return amount_for_price(
                self.markets[asset].amm, self._seen(asset, now_s), int(price * 10**9) * 10**9
            )
        except Revert:
            return 0, True

    def trade_amounts(self, asset: int, coin_in: int, amount: int, now_s: int) -> tuple[int, int]:
        """Return what a trade would take and give, base units; `coin_in` is 0 for the stablecoin."""
        amm = self.markets[asset].amm
        precisions = amm.precisions() if coin_in == BORROWED else amm.precisions()[::-1]
        done = walk(amm, self._seen(asset, now_s), coin_in, amount * precisions[0], exact_in=True)
        return done.amount_in // precisions[0], done.amount_out // precisions[1]

    def trade(self, asset: int, coin_in: int, amount: int, trader: int, now_s: int) -> tuple[int, int]:
        """Trade with the bands of a collateral; return base units taken and given.

        Parameters
        ----------
        asset : int
            Collateral.
        coin_in : int
            0 if the stablecoin goes in, 1 if collateral does.
        amount : int
            Most that goes in, base units.
        trader : int
            Ledger account.
        now_s : int

        Raises
        ------
        Revert
            If nothing would be traded, or the trader holds too little.
        """
        market, seen = self.markets[asset], self._seen(asset, now_s)
        given, taken = (self.debt, asset) if coin_in == BORROWED else (asset, self.debt)
        amount_in, amount_out = self.trade_amounts(asset, coin_in, amount, now_s)
        if not amount_in or not amount_out:
            raise Revert("nothing traded")
        if self.ledger.balance(trader, given) < amount_in:
            raise Revert(NO_FUNDS)
        exchange(market.amm, seen, coin_in, amount)
        market.deepest = max(market.deepest, market.amm.active_band)
        self._settle(-1, 1, market)
        self.ledger.transfer(given, trader, self.account, amount_in, Reason.SWAP)
        self.ledger.transfer(taken, self.account, trader, amount_out, Reason.SWAP)
        return amount_in, amount_out

    # proof

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember a loan (-1 for none), its market and those of `assets`; the result restores them."""
        keep = self._keep(row, assets)
        amounts, issued = self.positions.amounts[row].copy(), self.issued

        def restore() -> None:
            keep()
            self.issued = issued
            if row >= 0:
                self.positions.amounts[row] = amounts
                self.positions.touched.add(row)

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        residual = np.zeros(len(self.prices), np.int64)
        if self._checked:
            return residual
        for row, (asset, shares) in self._rows_before.items():
            self.markets[asset].shares += self._shares(row) - shares
        self._rows_before.clear()
        self._checked = True
        for asset, market in self.markets.items():
            wrong = market.totals()[2] - market.shares
            residual[asset] += _units(wrong, market)
        return residual + self._residual_held()

    def residual(self) -> Integers:
        """Disagreement between loans, bands and ledger, per asset, in base units.

        The shares of every loan, derived for those that nobody touched, are compared with the total of
        each band; the sum of debts with the controller's own total, and bands and fees with what the
        ledger holds, both but for the fractions of a unit that each call may leave behind.
        """
        residual = np.zeros(len(self.prices), np.int64)
        for asset, market in self.markets.items():
            market.sums = None
            amm, controller = market.amm, market.controller
            seen = market.crowd.shares(self._loaded(asset))
            for held in amm.deposits.values():
                for band, shares in zip(range(held.first, held.last + 1), held.shares, strict=False):
                    seen[band] = seen.get(band, 0) + shares
            for band in {*seen, *amm.total_shares}:
                residual[asset] += _units(seen.get(band, 0) - amm.total_shares.get(band, 0), market)
            mine = self._asset_of == asset
            loaded = np.fromiter(self._loaded(asset), np.int64)
            units = int(self.positions.debt[mine, self.debt].sum())
            units -= int(self.positions.debt[loaded, self.debt].sum())
            now = amm.interest.time
            owed = units * amm.interest.at(now) // WAD
            owed += sum(controller.debt(row, now) for row in controller.loans)
            wrong = abs(controller.total_debt(now) - owed)
            residual[self.debt] += max(0, wrong - market.calls - len(controller.loans) - 1)
        return residual + self._residual_held()

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers own in the bands less what they owe, and what circulates."""
        n, now = len(self.prices), self.start_s + now_s
        borrowers, outside = np.zeros(n), np.zeros(n)
        for asset, market in self.markets.items():
            unit_x, unit_y = market.amm.precisions()
            borrowers[asset] += sum(market.amm.bands_y.values()) / unit_y
            borrowers[self.debt] += sum(market.amm.bands_x.values()) / unit_x
            borrowers[self.debt] -= market.controller.total_debt(now)
        outside[self.debt] = self.issued
        return {"borrowers": borrowers, "outside": outside}

    def _residual_held(self) -> Integers:
        """Compare bands and fees with the ledger."""
        residual = np.zeros(len(self.prices), np.int64)
        borrowed = calls = 0
        for asset, market in self.markets.items():
            (unit_x, unit_y), (x, y, _) = market.amm.precisions(), market.totals()
            there = self.ledger.balance(self.account, asset) - market.amm.admin_fees_y
            residual[asset] += _beyond(there * unit_y - y, market.calls * unit_y, unit_y)
            borrowed += x // unit_x + market.amm.admin_fees_x
            calls += market.calls + 1
        there = self.ledger.balance(self.account, self.debt)
        residual[self.debt] += _beyond(there - borrowed, calls, 1)
        return residual

    # what the rules see

    def _market(self, row: int) -> Market:
        return self.markets[int(self._asset_of[row])]

    def _at(self, row: int, now_s: int) -> tuple[Market, Quote]:
        asset = int(self._asset_of[row])
        return self.markets[asset], self._seen(asset, now_s)

    def _seen(self, asset: int, now_s: int) -> Quote:
        """Return what a call sees now of a market's outside."""
        amm, price = self.markets[asset].amm, self.prices[asset] * WAD // self.prices[self.debt]
        asked = amm.limiter, amm.interest, price, now_s
        known = self._quotes.get(asset)
        if known is None or known[0] != asked:
            known = self._quotes[asset] = asked, quote(amm, price, self.start_s + now_s)
        return known[1]

    def _load(self, row: int) -> bool:
        """Give the rules an account's loan as an object, if it has one."""
        market = self._market(row)
        controller = market.controller
        if row in controller.loans:
            return True
        owed = int(self.positions.debt[row, self.debt])
        if not owed:
            return False
        controller.loans[row] = Loan(owed, WAD)
        market.amm.deposits[row] = market.crowd.deposit(row)
        market.touched.put(row, market.amm.deposits[row])
        market.changed()
        controller.others = len(market.crowd.rows) - len(market.amm.deposits)
        return True

    def _loaded(self, asset: int) -> set[int]:
        """Loans of the start that the rules have, or had, as objects."""
        market = self.markets[asset]
        return set(market.amm.deposits)

    def _shares(self, row: int) -> int:
        market = self._market(row)
        held = market.amm.deposits.get(row) or market.crowd.deposit(row)
        return sum(held.shares)

    def _remember(self, row: int) -> None:
        if row not in self._rows_before:
            self._rows_before[row] = int(self._asset_of[row]), self._shares(row)

    def _settle(self, row: int, fractions: int, market: Market | None = None) -> None:
        """Take note that a call has changed a market, and the loan it was for."""
        self._checked = False
        market = self._market(row) if market is None else market
        market.calls += 2 + fractions
        market.changed()
        if row < 0:
            return
        loan = market.controller.loans.get(row)
        market.touched.put(row, market.amm.deposits[row])
        self._write(row, market)
        owed = 0 if loan is None else ceil_div(loan.initial_debt * WAD, loan.multiplier)
        self.positions.debt[row, self.debt] = owed
        self.positions.touched.add(row)

    def _write(self, row: int, market: Market) -> None:
        """Bring `positions` up to date with what a loan's shares stand for."""
        held = self.positions.collateral[row]
        held[self.debt], held[self._asset_of[row]] = amounts_of(market.amm, row)

    def _pay(self, account: int, received: int, debt: int) -> None:
        """Let an account pay, or get, the stablecoin, and burn what debt has been cleared."""
        if received < 0:
            self.ledger.transfer(self.debt, account, self.account, -received, Reason.REPAY)
        elif received:
            self.ledger.transfer(self.debt, self.account, account, received, Reason.SEIZE)
        self.ledger.transfer(self.debt, self.account, OUTSIDE, debt, Reason.BURN)
        self.issued -= debt

    def _keep(self, row: int, assets: Sequence[int] = ()) -> Callable[[], None]:
        """Remember what calls may change in the rules' objects: of one loan, its market and others."""
        kept = []
        concerned = {*assets, self._asset_of.item(row)} if row >= 0 else assets
        for market in (self.markets[asset] for asset in self.markets if asset in concerned):
            amm, controller = market.amm, market.controller
            bands = dict(amm.bands_x), dict(amm.bands_y), dict(amm.total_shares)
            place = amm.active_band, amm.min_band, amm.max_band, amm.admin_fees_x, amm.admin_fees_y
            kept.append(
                (market, amm, bands, place, amm.limiter, amm.interest, controller.total, market.deepest,
                 market.calls, market.shares)
            )  # fmt: skip
        loan = held = owner = None
        if row >= 0 and self.markets:
            owner = self._market(row)
            loan, held = owner.controller.loans.get(row), owner.amm.deposits.get(row)
            held = None if held is None else Deposit(held.first, held.last, list(held.shares))

        def restore() -> None:
            for market, amm, bands, place, limiter, interest, total, deepest, calls, shares in kept:
                market.controller.amm = amm
                amm.bands_x, amm.bands_y, amm.total_shares = (dict(part) for part in bands)
                amm.active_band, amm.min_band, amm.max_band, amm.admin_fees_x, amm.admin_fees_y = place
                amm.limiter, amm.interest = limiter, interest
                market.controller.total = total
                market.deepest, market.calls, market.shares = deepest, calls, shares
                market.changed()
            if owner is not None:
                owner.controller.loans.pop(row, None)
                owner.amm.deposits.pop(row, None)
                if loan is not None:
                    owner.controller.loans[row] = loan
                if held is not None:
                    owner.amm.deposits[row] = Deposit(held.first, held.last, list(held.shares))
                owner.touched.put(row, held or owner.crowd.deposit(row))
                owner.controller.others = len(owner.crowd.rows) - len(owner.amm.deposits)

        return restore

    # screening

    def _update(self, asset: int, value: Floats) -> None:
        """Bring `positions` up to date where trades have reached."""
        market = self.markets[asset]
        if market.written:
            return
        market.written = True
        crowd, amm = market.crowd, market.amm
        count = crowd.begun(market.deepest)
        touched, first, shares = market.touched.begun(market.deepest)
        bands, units = _bands(market.deepest, first, self.terms.bands), amm.precisions()
        parts = per_share(amm, bands)
        untouched = market.touched.slots(crowd.rows[:count]) < 0
        rows = np.concatenate((crowd.rows[:count][untouched], touched))
        if not len(rows):
            return
        after = np.zeros((len(rows), 2), np.int64)
        for column, (part, unit) in enumerate(zip(parts, units, strict=True)):
            of_crowd = crowd.sums(count, part, bands.start)[untouched]
            of_touched = weighted(first, shares, part, bands.start)
            after[:, column] = np.concatenate((of_crowd, of_touched)) / unit
        columns = np.array([self.debt, asset])
        before = self.positions.collateral[np.ix_(rows, columns)]
        changed = (before != after).any(axis=1)
        self.positions.collateral[np.ix_(rows, columns)] = after
        worth = after @ value[columns] * self.terms.threshold
        safe = worth >= self.positions.debt[rows, self.debt] * value[self.debt]
        self.positions.mark(rows[changed & safe])


def _bands(deepest: int, first: Integers, bands: int) -> range:
    """Bands that loans may have which begin at `deepest` or above, given where touched ones begin."""
    return range(min(1, int(first.min()) if len(first) else 1), deepest + bands + 1)


def _band_of_price(market: Market, seen: Quote) -> int:
    """Band that the oracle's price lies in, or one next to it."""
    ratio = market.amm.parameters.log_a_ratio / WAD
    return math.floor(math.log(seen.base_price / seen.price) / ratio) + 1


def _lag(market: Market, seen: Quote) -> float:
    """Part of its worth that a loan loses at most because nobody has traded since the price moved.

    Collateral in a band above the oracle's price sells below it, by the square of the way to the band;
    borrowed token in a band below buys above it likewise.
    """
    amm, price = market.amm, seen.price

    def edges(band: int) -> int:
        up = oracle_price_up(amm.parameters, seen, band)
        return up * oracle_price_down(amm.parameters, seen, band)

    lag = 0.0
    top = next((band for band in range(amm.active_band, amm.max_band + 1) if band in amm.bands_y), None)
    if top is not None:
        lag = 1.0 - price * price / edges(top)
    bottom = next(
        (band for band in range(amm.active_band, amm.min_band - 1, -1) if band in amm.bands_x), None
    )
    if bottom is not None:
        lag = max(lag, 1.0 - edges(bottom) / (price * price))
    return max(lag, 0.0)


def _units(shares: int, market: Market) -> int:
    """Whole base units of collateral that shares stood for at the start, rounded up."""
    return ceil_div(abs(shares), 1000 * market.amm.precisions()[1])


def _beyond(dust: int, most: int, unit: int) -> int:
    """Whole units by which what is left over is negative, or more than roundings explain."""
    return ceil_div(max(-dust, dust - most, 0), unit)
