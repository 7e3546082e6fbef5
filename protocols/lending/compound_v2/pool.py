"""A Compound v2 or Venus pool inside a simulation: the crowd as arrays, every event by the exact rules.

A column of `positions.collateral` holds cTokens. A column of `positions.debt` holds
debts at the market's first borrow index, which all borrowers share until their debt
changes; from then on the exact principal and index of that debt are kept beside the
array, and the array holds the same debt at the first index, rounded up, so that
screening never takes a debt for smaller than it is.

Markets accrue only when they are used, as in the contract: a call brings the two
markets it names up to date and values all others as they were stored last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import MAX_UINT256, SECONDS_PER_YEAR, ceil_div
from ...revert import Revert
from ..pool import Called, LendingPool
from .account import Health, account_health
from .interest import accrue_interest, borrow_balance, exchange_rate
from .liquidation import best_repay, liquidate_borrow
from .operations import mint, redeem, repay_borrow
from .params import WAD, PoolParams, blocks_per_year
from .state import Holding, MarketState

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

TOO_LITTLE = "ERC20: transfer amount exceeds balance"

_LARGEST = 2**63 - 1

_NOTHING = Holding()


class CompoundPool(LendingPool):
    """One pool of markets with its crowd.

    Rows of `positions` are the borrowers in order and, last, the lenders as one
    account that supplies and never borrows. Columns are ledger assets. Every
    account has entered every market in which it has something.

    Parameters
    ----------
    ledger : Ledger
    params : PoolParams
        One market per ledger asset, in the ledger's order and with its decimals.
    n_borrowers : int
    start_s : int
        Unix time of the world's second 0, at which interest starts.
    name : str
        In tables and of the ledger account.
    utilisation : float
        Borrowed share of what lenders supply at the start, in (0, 1).

    Raises
    ------
    ValueError
        If the markets do not fit the ledger's assets, a base unit of an asset is not a whole
        number of cTokens at the start, or a market is under forced liquidation (there is no
        health then to screen by).

    Notes
    -----
    Interest accrues per block of 15 s (Compound) or 3 s (Venus), by which governance divides
    rates per year, so that those hold however long the blocks of the world are.
    """

    caution = 1e-9  # weights are those of the rule in float64

    def __init__(
        self,
        ledger: Ledger,
        params: PoolParams,
        n_borrowers: int,
        start_s: int,
        *,
        name: str,
        utilisation: float = 0.7,
    ) -> None:
        _check(ledger, params)
        super().__init__(ledger, name, n_borrowers, start_s)
        self.params = params
        self._block_s = SECONDS_PER_YEAR // blocks_per_year(params.fork)
        self.utilisation = utilisation
        n = len(ledger.assets)
        self.markets = [MarketState(accrual_block=self.block(0)) for _ in range(n)]
        self.prices = [0] * n
        self.thresholds = np.array([m.liquidation_threshold / WAD for m in params.markets])
        self.bonus = np.array(
            [m.liquidation_incentive / WAD * (1.0 - m.protocol_seize_share / WAD) for m in params.markets]
        )
        self.bonus -= 1.0
        self.close_factor = params.close_factor / WAD
        self._debts: dict[int, dict[int, tuple[int, int]]] = {}  # row, asset: principal and its index
        self._uncharged = [0] * n  # interest in `total_borrows` that is in nobody's principal yet
        self._roundings = [0] * n  # accruals and changes of debts so far
        self._known: list[tuple[MarketState, MarketState]] = [(m, m) for m in self.markets]
        self._rows_before: dict[int, tuple[list[int], list[int]]] = {}
        self._totals_before: dict[int, tuple[int, int]] = {}

    def block(self, now_s: int) -> int:
        """Return the number of the block by which interest is counted at a second of the world."""
        return (self.start_s + now_s) // self._block_s

    def open(self) -> None:
        """Start the markets: lenders supply what is borrowed over `utilisation`; borrowed money has left.

        Raises
        ------
        OverflowError
            If the cTokens of a market do not fit in int64.
        """
        collateral = self.positions.collateral
        supplied = collateral.sum(axis=0).tolist()
        owed = self.positions.debt.sum(axis=0).tolist()
        for i, p in enumerate(self.params.markets):
            lent, per_unit = int(owed[i] / self.utilisation), WAD // p.first_exchange_rate
            tokens = (supplied[i] + lent) * per_unit
            if tokens > _LARGEST:
                raise OverflowError(
                    f"{self.name}: {tokens} cTokens of {p.symbol} do not fit in int64; "
                    "give the asset fewer decimals or the market a higher initial exchange rate"
                )
            if per_unit > 1:
                collateral[:, i] *= per_unit
            collateral[self.lenders, i] = lent * per_unit
            cash = supplied[i] + lent - owed[i]
            self.markets[i] = MarketState(cash, owed[i], 0, tokens, WAD, self.block(0))
            if cash:
                self.ledger.endow(i, self.account, cash)

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset.

        The comptroller's mantissas have 36 decimals less those of the underlying; nothing is rounded.
        """
        self.prices = [
            int(answer) * 10 ** (28 - p.underlying_decimals)
            for answer, p in zip(answers, self.params.markets, strict=True)
        ]

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one cToken, and one base unit of debt at the first index, counts for; USD.

        Debts count with the interest until now and collateral without what its market has not
        booked, as the worst that any call could find.

        Returns
        -------
        collateral, debt, seized : float64 ndarray, shape (n_assets,)
            Collateral times liquidation threshold, debt, and collateral with all interest and
            without the threshold.
        """
        block = self.block(now_s)
        n = len(self.markets)
        collateral, debt, seized = np.empty(n), np.empty(n), np.empty(n)
        for i, (p, stored, price) in enumerate(
            zip(self.params.markets, self.markets, self.prices, strict=True)
        ):
            market = self._market(i, block)
            collateral[i] = p.liquidation_threshold * exchange_rate(p, stored) // WAD * price / 10**54
            debt[i] = price * market.borrow_index / 10**54
            seized[i] = exchange_rate(p, market) * price / 10**54
        return collateral, debt, seized

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health of an account, wad: the lowest that any liquidation call would find now.

        A call accrues the market it repays and the market it seizes from, so an account with
        several debts or collaterals may look different to different calls.
        """
        account, block = self._take(row), self.block(now_s)
        owed = [i for i, holding in enumerate(account) if holding.principal]
        backed = [i for i, holding in enumerate(account) if holding.tokens] or owed
        health = MAX_UINT256
        for debt in owed:
            for collateral in backed:
                book = self._accrued(block, debt, collateral)
                health = min(health, _wad(account_health(self.params, book, account, self.prices)))
        return health

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        return borrow_balance(self._take(row)[asset], self._market(asset, self.block(now_s)))

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what the cTokens of an account are worth now, base units of the underlying."""
        rate = exchange_rate(self.params.markets[asset], self._market(asset, self.block(now_s)))
        return rate * int(self.positions.collateral[row, asset]) // WAD

    def largest_repay(self, row: int, collateral: int, debt: int, now_s: int) -> int:
        """Return the most that a call may repay now, base units: close factor, and cTokens to be seized."""
        return self._largest_repay(
            self._take(row), self._accrued(self.block(now_s), debt, collateral), collateral, debt
        )

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call for a ledger account, and redeem what it seized.

        The rule clamps nothing and refuses whoever asks for too much, so the caller reads
        `largest_repay` in the same transaction and asks for no more; nor does it pay for nothing.
        The cTokens it receives are redeemed at once, rounded down, which fails where the market
        has too little cash.

        See `LendingPool.liquidate` for parameters and errors.
        """
        block = self.block(now_s)
        account = self._take(row)
        book = self._accrued(block, debt, collateral)
        result = liquidate_borrow(
            self.params,
            book,
            account,
            self.prices,
            block,
            borrowed=debt,
            collateral=collateral,
            repay_amount=max(0, min(cover, self._largest_repay(account, book, collateral, debt))),
        )
        if result.error is not None:
            raise Revert(result.error)
        if not result.liquidator_tokens:
            raise Revert("nothing to seize")
        received = [_NOTHING] * len(self.markets)
        received[collateral] = Holding(tokens=result.liquidator_tokens)
        redeemed = redeem(
            self.params,
            result.markets,
            received,
            self.prices,
            block,
            index=collateral,
            tokens=result.liquidator_tokens,
        )
        if self.ledger.balances[liquidator, debt] < result.repaid:
            raise Revert(TOO_LITTLE)
        self._remember(row, collateral, debt)
        self._charge(account[debt], book, debt)
        for i in {collateral, debt}:
            self._book(i, book[i], redeemed.market if i == collateral else result.markets[i])
            self._put(row, i, result.holdings[i])
        self.ledger.transfer(debt, liquidator, self.account, result.repaid, Reason.REPAY)
        self.ledger.transfer(collateral, self.account, liquidator, redeemed.underlying, Reason.SEIZE)
        lost = exchange_rate(self.params.markets[collateral], book[collateral]) * result.seize_tokens // WAD
        return Called(result.repaid, redeemed.underlying, _wad(result.health), lost - redeemed.underlying)

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid.

        No more than the market counts as borrowed, which rounding may leave a unit below the
        debt of a last borrower; the contract refuses to take that unit.

        Raises
        ------
        Revert
            If there is nothing to repay or the payer does not hold the amount.
        """
        before, block = self._take(row)[asset], self.block(now_s)
        market = self._market(asset, block)
        amount = min(amount, borrow_balance(before, market), market.total_borrows)
        if amount <= 0:
            raise Revert("nothing to repay")
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(TOO_LITTLE)
        change = repay_borrow(self.params, market, before, block, index=asset, amount=amount)
        self._remember(row, asset)
        self._charge(before, {asset: market}, asset)
        self._book(asset, market, change.market)
        self._put(row, asset, change.holding)
        self.ledger.transfer(asset, payer, self.account, change.underlying, Reason.REPAY)
        return change.underlying

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Mint cTokens for an account from a ledger account, rounded down.

        Raises
        ------
        Revert
            If the payer does not hold the amount, or it buys no cToken.
        """
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(TOO_LITTLE)
        block = self.block(now_s)
        market = self._market(asset, block)
        change = mint(self.params, market, self._take(row)[asset], block, index=asset, amount=amount)
        if not change.tokens:
            raise Revert("too little for one cToken")
        self._remember(row, asset)
        self._book(asset, market, change.market)
        self._put(row, asset, change.holding)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Redeem cTokens of an account to a ledger account; return base units withdrawn.

        The whole amount there is redeems every cToken; less burns cTokens rounded down, as the contract does.

        Raises
        ------
        Revert
            If the account would owe more than its collateral factors allow or the market lacks cash.
        """
        account, block = self._take(row), self.block(now_s)
        book = self._accrued(block, asset)
        everything = (
            amount == exchange_rate(self.params.markets[asset], book[asset]) * account[asset].tokens // WAD
        )
        change = redeem(
            self.params,
            book,
            account,
            self.prices,
            block,
            index=asset,
            tokens=account[asset].tokens if everything else None,
            underlying=None if everything else amount,
        )
        self._remember(row, asset)
        self._book(asset, book[asset], change.market)
        self._put(row, asset, change.holding)
        self.ledger.transfer(asset, self.account, target, change.underlying, Reason.WITHDRAW)
        return change.underlying

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account (-1 for none) and some markets; calling the result restores them."""
        amounts = None if row < 0 else self.positions.amounts[row].copy()
        debts = dict(self._debts.get(row, {}))
        kept = [(i, self.markets[i], self._uncharged[i], self._roundings[i]) for i in set(assets)]

        def restore() -> None:
            if amounts is not None:
                self.positions.amounts[row] = amounts
                self.positions.touched.add(row)
                self._debts.pop(row, None)
                if debts:
                    self._debts[row] = debts.copy()
            for i, market, uncharged, roundings in kept:
                self.markets[i] = market
                self._uncharged[i], self._roundings[i] = uncharged, roundings

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        n = len(self.markets)
        residual = np.zeros(n, np.int64)
        if not self._totals_before:
            return residual
        tokens, principal = [0] * n, [0] * n
        for row, before in self._rows_before.items():
            for i, (had, owed) in enumerate(zip(*before, strict=True)):
                tokens[i] += int(self.positions.collateral[row, i]) - had
                principal[i] += self._principal(row, i) - owed
                residual[i] += self._mislaid(row, i)
        for i, (supply, charged) in self._totals_before.items():
            market = self.markets[i]
            residual[i] += abs(market.total_supply - supply - tokens[i])
            residual[i] += abs(market.total_borrows - self._uncharged[i] - charged - principal[i])
            residual[i] += abs(market.cash - self.ledger.balance(self.account, i))
        self._rows_before.clear()
        self._totals_before.clear()
        return residual

    def residual(self) -> Integers:
        """Disagreement between positions, markets and ledger, per asset, in base units.

        Four sums must agree. cTokens of all accounts are the supply. Principals of all accounts,
        and the interest that markets have booked but no principal contains yet, are the total
        borrowed. Cash is what the ledger holds. And all debts grown by their own indices are the
        total borrowed but for what rounding explains: an accrual floors the total by less than one
        unit and the index by less than 1e-18 of at most 2**63 units, a change floors one debt.
        """
        n = len(self.markets)
        sums = self.positions.amounts.sum(axis=0).tolist()
        principal, grown = list(sums[n:]), [0] * n
        residual = np.zeros(n, np.int64)
        for row, debts in self._debts.items():
            for i, (exact, index) in debts.items():
                shown = int(self.positions.debt[row, i])
                principal[i] += exact - shown
                sums[n + i] -= shown
                grown[i] += exact * self.markets[i].borrow_index // index
                residual[i] += self._mislaid(row, i)
        changed = len(self._debts)
        for i, market in enumerate(self.markets):
            grown[i] += sums[n + i] * market.borrow_index // WAD
            growth = market.borrow_index // WAD + 1
            explained = (11 * self._roundings[i] + changed + 1) * growth
            residual[i] += abs(market.total_supply - sums[i])
            residual[i] += abs(market.total_borrows - self._uncharged[i] - principal[i])
            residual[i] += abs(market.cash - self.ledger.balance(self.account, i))
            residual[i] += max(0, abs(market.total_borrows - grown[i]) - explained)
        return residual

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and lenders own less what they owe; see `LendingPool.claims`."""
        book = self._accrued(self.block(now_s), *range(len(self.markets)))
        pairs = list(zip(self.params.markets, book, strict=True))
        income = np.array([exchange_rate(p, market) / WAD for p, market in pairs])
        debt = np.array([market.borrow_index / WAD for market in book])
        collateral, owed = self.positions.collateral, self.positions.debt
        return {
            "borrowers": collateral[:-1].sum(axis=0) * income - owed[:-1].sum(axis=0) * debt,
            "lenders": collateral[-1] * income,
        }

    def _market(self, asset: int, block: int) -> MarketState:
        """Return a market accrued up to a block, worked out once for all who ask in that block."""
        stored = self.markets[asset]
        before, market = self._known[asset]
        if before is not stored or market.accrual_block != block:
            market = accrue_interest(self.params.markets[asset], stored, block)
            self._known[asset] = stored, market
        return market

    def _accrued(self, block: int, *assets: int) -> list[MarketState]:
        """Return all markets, the named ones accrued and the others as stored."""
        book = list(self.markets)
        for i in assets:
            book[i] = self._market(i, block)
        return book

    def _largest_repay(
        self, account: Sequence[Holding], book: Sequence[MarketState], collateral: int, debt: int
    ) -> int:
        most = best_repay(self.params, book, account, self.prices, borrowed=debt, collateral=collateral)
        return min(most, book[debt].total_borrows)

    def _take(self, row: int) -> list[Holding]:
        n = len(self.markets)
        amounts = self.positions.amounts[row].tolist()
        changed = self._debts.get(row)
        account = [_NOTHING] * n
        for i in range(n):
            tokens, principal, index = amounts[i], amounts[n + i], WAD
            if changed is not None and i in changed:
                principal, index = changed[i]
            if tokens or principal:
                account[i] = Holding(tokens, principal, index if principal else 0, True)
        return account

    def _put(self, row: int, asset: int, holding: Holding) -> None:
        """Write one holding back; a debt whose index is no longer the first one is kept exactly."""
        self.positions.collateral[row, asset] = holding.tokens
        debts = self._debts.setdefault(row, {})
        if holding.principal and holding.interest_index != WAD:
            debts[asset] = holding.principal, holding.interest_index
        else:
            debts.pop(asset, None)
        if not debts:
            del self._debts[row]
        self.positions.debt[row, asset] = _at_first_index(holding.principal, holding.interest_index)
        self.positions.touched.add(row)

    def _book(self, asset: int, accrued: MarketState, after: MarketState) -> None:
        """Store a market after a call, noting the interest that its accrual booked."""
        self._uncharged[asset] += accrued.total_borrows - self.markets[asset].total_borrows
        self._roundings[asset] += 1
        self.markets[asset] = after

    def _charge(
        self, before: Holding, book: Sequence[MarketState] | dict[int, MarketState], asset: int
    ) -> None:
        """Note the interest that goes into a principal when its debt changes."""
        self._uncharged[asset] -= borrow_balance(before, book[asset]) - before.principal
        self._roundings[asset] += 1

    def _principal(self, row: int, asset: int) -> int:
        exact = self._debts.get(row, {}).get(asset)
        return int(self.positions.debt[row, asset]) if exact is None else exact[0]

    def _mislaid(self, row: int, asset: int) -> int:
        """Difference between the debt that positions show and the one that is kept exactly, if one is."""
        exact = self._debts.get(row, {}).get(asset)
        return 0 if exact is None else abs(int(self.positions.debt[row, asset]) - _at_first_index(*exact))

    def _remember(self, row: int, *assets: int) -> None:
        if row not in self._rows_before:
            n = len(self.markets)
            amounts = self.positions.amounts[row].tolist()
            for i, (principal, _) in self._debts.get(row, {}).items():
                amounts[n + i] = principal
            self._rows_before[row] = amounts[:n], amounts[n:]
        for i in assets:
            if i not in self._totals_before:
                market = self.markets[i]
                self._totals_before[i] = market.total_supply, market.total_borrows - self._uncharged[i]


def _wad(health: Health | None) -> int:
    """Return weighted collateral over debt, wad."""
    return health.collateral * WAD // health.debt if health and health.debt else MAX_UINT256


def _at_first_index(principal: int, index: int) -> int:
    """Debt at the first index of its market, rounded up."""
    return ceil_div(principal * WAD, index) if principal else 0


def _check(ledger: Ledger, params: PoolParams) -> None:
    if len(params.markets) != len(ledger.assets):
        raise ValueError(
            f"{params.fork.label}: {len(params.markets)} markets for {len(ledger.assets)} assets"
        )
    for p, asset in zip(params.markets, ledger.assets, strict=True):
        at = f"{params.fork.label}: {p.symbol}"
        if p.underlying_decimals != asset.decimals:
            raise ValueError(
                f"{at}.underlying_decimals = {p.underlying_decimals}; allowed: those of {asset.symbol} "
                f"in the ledger, {asset.decimals}"
            )
        if WAD % p.first_exchange_rate:
            raise ValueError(
                f"{at}.initial_exchange_rate = {p.first_exchange_rate}; allowed: a divisor of 1e18, so that "
                "a base unit is a whole number of cTokens"
            )
        if p.forced_liquidation:
            raise ValueError(
                f"{at}.forced_liquidation = True; allowed: False, as a crowd is screened by health"
            )
