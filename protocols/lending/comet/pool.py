"""A Comet inside a simulation: the crowd as arrays, every event by the exact rules.

The pool keeps principals and collateral of all accounts, the market's state and a
ledger account that holds base tokens and collateral. An event takes one account out,
runs the integer rule on it and writes it back; the ledger moves what the rule says.
An absorption moves nothing on the ledger: collateral and reserves lie in the pool's
account before and after, only their owner changes. Base units are the simulated
asset's, and the rules run at its decimals, so nothing is rounded at the border.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import MAX_UINT256, WAD
from ...revert import Revert
from ..pool import Bought, Kicked, LendingPool, Sale
from .absorb import absorb
from .account import account_health, balance_of
from .operations import Change, supply_base, supply_collateral, withdraw_base, withdraw_collateral
from .params import FACTOR_SCALE, INDEX_SCALE, PRICE_SCALE, CometParams
from .rates import accrue, reserves
from .state import CometAccount, CometState, Prices, empty_market
from .storefront import buy_collateral, collateral_reserves, most_payment, store_price

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class CometPool(LendingPool):
    """One Comet market with its crowd.

    Columns are ledger assets. In the base column, `positions.collateral` holds the principal of
    those who supply and `positions.debt` that of those who owe: an account never has both. Lenders
    are the last row, one account that supplies.

    Absorbers are paid in points only. What they may hope for is to buy what they have seized at the
    storefront, where they are no better placed than anybody else.

    Parameters
    ----------
    ledger : Ledger
        Has the base asset and every collateral, by symbol and with the same decimals.
    params : CometParams
        Its `target_reserves` give way to the share below once the market opens.
    n_borrowers : int
    start_s : int
        Unix time at which the indices start, seconds.
    name : str
        In tables.
    utilisation : float
        Borrowed share of what lenders supply at the start, in (0, 1).
    initial_reserves, target_reserves : float
        Reserves at the start, and those from which on nothing is sold; shares of the debt at the start.

    Attributes
    ----------
    state : CometState
        The market as stored.
    base : int
        Column of the asset that is lent.

    Raises
    ------
    ValueError
        If ledger and parameters do not fit together.
    """

    kicked = True
    kick_pays = False
    caution = 1e-5
    """The rules floor each collateral and debt to 1e-8 USD: less than this from a debt of one cent."""
    close_factor = 1.0

    def __init__(
        self,
        ledger: Ledger,
        params: CometParams,
        n_borrowers: int,
        start_s: int,
        *,
        name: str = "comet",
        utilisation: float = 0.7,
        initial_reserves: float,
        target_reserves: float,
    ) -> None:
        super().__init__(ledger, name, n_borrowers, start_s)
        self.params = params
        self.utilisation = utilisation
        self.initial_reserves, self.target_reserves = initial_reserves, target_reserves
        self.base = self._column(params.base_symbol, params.base_decimals)
        self._columns = [self._column(asset.symbol, asset.decimals) for asset in params.assets]
        if len({self.base, *self._columns}) <= len(self._columns):
            raise ValueError(f"{name}: base and collateral assets must be distinct")
        self._listed = {column: k for k, column in enumerate(self._columns)}
        self.state = empty_market(len(params.assets), start_s)
        self.prices = Prices(0, (0,) * len(params.assets))
        self.thresholds = self._by_column([a.liquidate_collateral_factor for a in params.assets])
        self._credited = self._by_column([a.liquidation_factor for a in params.assets])
        self._discounts = self._by_column(
            [FACTOR_SCALE - store_price(params, k, FACTOR_SCALE) for k in range(len(params.assets))]
        )
        left = 1.0 - self._discounts
        self.bonus = np.divide(self._discounts, left, out=np.zeros_like(left), where=left > 0.0)
        self._rows_before: dict[int, Integers] = {}
        self._state_before: CometState | None = None
        self._hopeless: set[int] = set()

    @property
    def penalty(self) -> Floats:
        """What the protocol keeps of seized collateral, per unit of debt that it pays for."""
        kept = self._credited
        return np.divide(1.0 - kept, kept, out=np.zeros_like(kept), where=kept > 0.0)

    def open(self) -> None:
        """Start the market: lenders supply what is borrowed over `utilisation`; borrowed money has left.

        Raises
        ------
        ValueError
            If a borrower has put up or owes what this market does not take or lend.
        """
        crowd = self.positions.amounts[: self.lenders]
        sums = crowd.sum(axis=0).tolist()
        n = self.positions.n_assets
        for column, asset in enumerate(self.ledger.assets):
            if column != self.base and sums[n + column]:
                raise ValueError(f"{self.name} lends {self.params.base_symbol} only, not {asset.symbol}")
            if column not in self._listed and sums[column]:
                raise ValueError(f"{self.name} takes no {asset.symbol} as collateral")
        owed = sums[n + self.base]
        lent = int(owed / self.utilisation)
        self.positions.collateral[self.lenders, self.base] = lent
        held = tuple(sums[column] for column in self._columns)
        cash = lent - owed + int(owed * self.initial_reserves)
        self.params = dataclasses.replace(self.params, target_reserves=int(owed * self.target_reserves))
        self.state = CometState(
            total_supply_base=lent,
            total_borrow_base=owed,
            last_accrual_time=self.start_s,
            base_balance=cash,
            total_supply_asset=held,
            asset_balance=held,
        )
        for column, amount in zip((self.base, *self._columns), (cash, *held), strict=True):
            if amount:
                self.ledger.endow(column, self.account, amount)

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by ledger asset."""
        self.prices = Prices(answers[self.base], tuple([answers[column] for column in self._columns]))

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one unit in `positions` counts for at the oracle's prices, USD.

        Returns
        -------
        collateral, debt, seized : float64 ndarray, shape (n_assets,)
            Collateral times liquidate collateral factor (0 for the base asset, which cannot secure
            itself), debt, and collateral in full, with base supplies at their index.
        """
        state = self._accrued(now_s)
        value = self._values()
        debt = np.zeros_like(value)
        debt[self.base] = value[self.base] * (state.base_borrow_index / INDEX_SCALE)
        value[self.base] *= state.base_supply_index / INDEX_SCALE
        return value * self.thresholds, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Weighted collateral over debt at accrued indices, wad: below one exactly if `kick` takes it."""
        return self._health(self._accrued(now_s), self._take(row))

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        if asset != self.base:
            return 0
        return max(0, -balance_of(self._accrued(now_s), self._take(row)))

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up of an asset now, or supplies of the base asset, base units."""
        if asset != self.base:
            return int(self.positions.collateral[row, asset])
        return max(0, balance_of(self._accrued(now_s), self._take(row)))

    def reserves(self, now_s: int) -> int:
        """Return the protocol's own base tokens, base units; negative where it has covered losses."""
        return reserves(self.params, self.state, self.start_s + now_s)

    def kick(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Absorb an account: collateral to the protocol, debt paid by reserves, a surplus credited.

        Raises
        ------
        Revert
            ``NotLiquidatable``, or ``BadPrice``; nothing has changed then.
        """
        account, accrued = self._take(row), self._accrued(now_s)
        result = absorb(self.params, accrued, account, self.prices, self.start_s + now_s)
        health, owed = self._health(accrued, account), -balance_of(accrued, account)
        self._put(row, result.account, result.state)
        self.positions.touched |= self._hopeless
        self._hopeless.clear()
        credit = result.base_paid_out - owed
        return Kicked(
            debt=((self.base, owed),),
            collateral=tuple([(self._columns[taken.asset], taken.amount) for taken in result.collateral]),
            reward=(),
            health_factor=health,
            credit=((self.base, credit),) if credit else (),
        )

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return the storefront discount on what each account would leave there, USD.

        Absorbers receive points only, so this is what they may hope for, not what they get: others may
        buy first. It is 0 where reserves would still stand at their target after the absorption; such
        accounts are reported as changed once reserves have fallen.
        """
        values = self._values()
        values[self.base] = 0.0
        held = self.positions.collateral[rows] * values
        paid_out = np.maximum(debt_usd, held @ self._credited)
        state, base_usd = self.state, self.prices.base / (PRICE_SCALE * self.params.base_scale)
        own = reserves(self.params, state, state.last_accrual_time) - self.params.target_reserves
        opens = own * base_usd < paid_out
        self._hopeless.update(rows[~opens].tolist())
        return np.where(opens, held @ self._discounts, 0.0)

    def sales(self, now_s: int) -> Sequence[Sale]:
        """Return the storefront: one sale per collateral the protocol holds, while reserves are short.

        A sale is numbered by its ledger asset. The contract looks at reserves before a purchase only, so
        one buyer may take all that is held even if that lifts them above their target.
        """
        if self.reserves(now_s) >= self.params.target_reserves:
            return ()
        offers = []
        for k, column in enumerate(self._columns):
            most = most_payment(self.params, self.state, k, self.prices)
            if most:
                units = collateral_reserves(self.state, k)
                offers.append(Sale(column, "price", -1, column, self.base, units, self._price(k), most))
        return offers

    def buy(self, number: int, pay: int, worst_price: float, buyer: int, now_s: int) -> Bought:
        """Buy absorbed collateral with at most `pay` base units, at no more than `worst_price`.

        Raises
        ------
        Revert
            ``BadAsset``, ``NotForSale``, ``TooMuchSlippage`` (also for a payment too small to buy
            anything), ``InsufficientReserves``, ``BadPrice``, or if the buyer cannot pay.
        """
        k = self._place(number)
        pay = min(pay, most_payment(self.params, self.state, k, self.prices))
        sale = buy_collateral(
            self.params,
            self.state,
            self.prices,
            self.start_s + now_s,
            asset=k,
            base_amount=pay,
            min_amount=1,
        )
        if self._price(k) > worst_price:
            raise Revert("TooMuchSlippage")
        self._can_pay(buyer, self.base, pay)
        self._store(sale.state)
        self.ledger.transfer(self.base, buyer, self.account, sale.base_paid, Reason.REPAY)
        self.ledger.transfer(number, self.account, buyer, sale.collateral, Reason.SEIZE)
        return Bought(buyer, sale.base_paid, sale.collateral)

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid.

        Raises
        ------
        Revert
            If nothing is owed, nothing would be paid, or the payer does not hold the amount.
        """
        if asset != self.base:
            raise Revert("BadAsset")
        amount = min(amount, self.debt_units(row, asset, now_s))
        return self._pay_in(row, amount, payer, now_s, Reason.REPAY)

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Supply collateral to an account; base tokens repay its debt first, as in the contract.

        Raises
        ------
        Revert
            If the payer does not hold the amount, it is 0, or the market does not take the asset.
        """
        if asset == self.base:
            self._pay_in(row, amount, payer, now_s, Reason.SUPPLY)
            return
        k = self._place(asset)
        _some(amount)
        self._can_pay(payer, asset, amount)
        change = supply_collateral(self.params, self.state, self._take(row), asset=k, amount=amount)
        self._put(row, change.account, change.state)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral, or base tokens that are supplied, to a ledger account; return base units.

        Raises
        ------
        Revert
            ``NotCollateralized`` at borrow collateral factors, if more is taken than there is, or if the
            pool lacks base tokens.
        """
        _some(amount)
        account = self._take(row)
        change: Change
        if asset == self.base:
            if amount > self.collateral_units(row, asset, now_s):
                raise Revert("more than is supplied; the rest would be borrowed")
            change = withdraw_base(
                self.params, self.state, account, self.prices, self.start_s + now_s, amount=amount
            )
        else:
            k = self._place(asset)
            change = withdraw_collateral(
                self.params, self.state, account, self.prices, asset=k, amount=amount
            )
        self._put(row, change.account, change.state)
        self.ledger.transfer(asset, self.account, target, change.amount, Reason.WITHDRAW)
        return change.amount

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account (-1 for none) and the whole market; calling the result restores them."""
        amounts = self.positions.amounts[row].copy() if row >= 0 else None
        state = self.state

        def restore() -> None:
            self.state = state
            if amounts is not None:
                self.positions.amounts[row] = amounts
                self.positions.touched.add(row)

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        if self._state_before is None:
            return np.zeros(self.positions.n_assets, np.int64)
        gap = self._totals(self.state) - self._totals(self._state_before)
        for row, before in self._rows_before.items():
            gap -= self.positions.amounts[row] - before
        self._rows_before.clear()
        self._state_before = None
        return self._disagreement(gap)

    def residual(self) -> Integers:
        """Disagreement between positions, market and ledger, per asset, in base units.

        Sums every account's principal and collateral and compares them with the totals the rules
        keep, and the tokens the rules count with what the ledger holds.
        """
        return self._disagreement(self._totals(self.state) - self.positions.amounts.sum(axis=0))

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and lenders own less what they owe; see `LendingPool.claims`.

        The rest of the pool's ledger account is the protocol's: reserves and collateral it has seized.
        """
        state = self._accrued(now_s)
        supplied, owed = np.ones(self.positions.n_assets), np.zeros(self.positions.n_assets)
        supplied[self.base] = state.base_supply_index / INDEX_SCALE
        owed[self.base] = state.base_borrow_index / INDEX_SCALE
        collateral, debt = self.positions.collateral, self.positions.debt
        return {
            "borrowers": collateral[:-1].sum(axis=0) * supplied - debt[:-1].sum(axis=0) * owed,
            "lenders": collateral[-1] * supplied,
        }

    def deficit(self) -> Integers:
        """Return negative reserves at stored indices, by asset, base units.

        Collateral that still waits for a buyer counts at its price in the storefront, as an absorption
        is paid at once and earns later.
        """
        own = reserves(self.params, self.state, self.state.last_accrual_time)
        own += sum(most_payment(self.params, self.state, k, self.prices) for k in range(len(self._columns)))
        deficit = np.zeros(self.positions.n_assets, np.int64)
        deficit[self.base] = max(0, -own)
        return deficit

    def _pay_in(self, row: int, amount: int, payer: int, now_s: int, reason: Reason) -> int:
        _some(amount)
        self._can_pay(payer, self.base, amount)
        change = supply_base(self.params, self.state, self._take(row), self.start_s + now_s, amount=amount)
        self._put(row, change.account, change.state)
        self.ledger.transfer(self.base, payer, self.account, change.amount, reason)
        return change.amount

    def _price(self, k: int) -> float:
        """Storefront price of a listed asset, whole base tokens per whole token."""
        return store_price(self.params, k, self.prices.assets[k]) / self.prices.base

    def _values(self) -> Floats:
        """USD per base unit of each asset of this market, 0 for others."""
        values = np.zeros(self.positions.n_assets)
        values[self.base] = self.prices.base / (PRICE_SCALE * self.params.base_scale)
        for column, asset, price in zip(self._columns, self.params.assets, self.prices.assets, strict=True):
            values[column] = price / (PRICE_SCALE * asset.scale)
        return values

    def _health(self, accrued: CometState, account: CometAccount) -> int:
        collateral, debt = account_health(self.params, accrued, account, self.prices)
        return collateral * WAD // debt if debt else MAX_UINT256

    def _accrued(self, now_s: int) -> CometState:
        return accrue(self.params, self.state, self.start_s + now_s)

    def _take(self, row: int) -> CometAccount:
        collateral, debt = self.positions.rows(row)
        return CometAccount(
            collateral[self.base] - debt[self.base], tuple([collateral[column] for column in self._columns])
        )

    def _put(self, row: int, account: CometAccount, state: CometState) -> None:
        """Write back an account and the market that a rule returned."""
        positions = self.positions
        if row not in self._rows_before:
            self._rows_before[row] = positions.amounts[row].copy()
        self._store(state)
        positions.collateral[row, self._columns] = account.collateral
        positions.collateral[row, self.base] = max(0, account.principal)
        positions.debt[row, self.base] = max(0, -account.principal)
        positions.touched.add(row)

    def _store(self, state: CometState) -> None:
        if self._state_before is None:
            self._state_before = self.state
        self.state = state

    def _totals(self, state: CometState) -> Integers:
        """Return the rules' totals in the layout of `positions.amounts`."""
        totals = np.zeros(2 * self.positions.n_assets, np.int64)
        totals[self._columns] = state.total_supply_asset
        totals[self.base] = state.total_supply_base
        totals[self.positions.n_assets + self.base] = state.total_borrow_base
        return totals

    def _disagreement(self, gap: Integers) -> Integers:
        """Return the gaps of collateral and debt, and between the rules' holdings and the ledger's."""
        n = self.positions.n_assets
        held = np.zeros(n, np.int64)
        held[self._columns] = self.state.asset_balance
        held[self.base] = self.state.base_balance
        return np.asarray(
            np.abs(gap[:n]) + np.abs(gap[n:]) + np.abs(held - self.ledger.balances[self.account])
        )

    def _can_pay(self, payer: int, asset: int, amount: int) -> None:
        if self.ledger.balances[payer, asset] < amount:
            raise Revert("ERC20: transfer amount exceeds balance")

    def _place(self, column: int) -> int:
        """Return the place of a ledger asset in the listing."""
        if column not in self._listed:
            raise Revert("BadAsset")
        return self._listed[column]

    def _column(self, symbol: str, decimals: int) -> int:
        column = self.ledger.asset_index.get(symbol)
        if column is None:
            raise ValueError(f"{self.name}: the ledger has no {symbol}")
        held = self.ledger.assets[column].decimals
        if held != decimals:
            raise ValueError(f"{self.name}: {symbol} has {decimals} decimals, {held} in the ledger")
        return column

    def _by_column(self, factors: Sequence[int]) -> Floats:
        """Spread factors (1e18) of the listed assets over ledger assets, as fractions."""
        values = np.zeros(len(self.ledger.assets))
        for column, factor in zip(self._columns, factors, strict=True):
            values[column] = factor / FACTOR_SCALE
        return values


def _some(amount: int) -> None:
    if amount < 1:
        raise Revert("nothing to move")
