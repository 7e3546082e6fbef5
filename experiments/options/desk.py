"""A venue for options in small: order books, a maker who quotes from a model, customers on portfolio margin.

One step, in order:

1. The underlying moves. Options that have reached expiry are settled at their payoff.
2. The maker renews its quotes in every option's book and hedges its delta at the outside price plus a cost.
3. Customers arrive (Poisson) and buy or sell at the market, if they would be safe at initial margin after it.
4. A manipulator, if there is one, takes the offers of one option away and shows quotes of its own while
   everyone is marked, by default by the model.
5. The maker renews its quotes. Who has less than the maintenance margin of the scenario grid closes what they
   take, and what it still owes without positions is paid by the insurance fund, which may go below 0.

Premiums are settled as for futures: a position gains and loses with its mark and nothing is paid in advance.
Balances and positions are whole numbers in `MarginAccounts`, so that what is paid in stays in, to the unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...agents.strategies.option_maker import OptionBookState, OptionMaker
from ...market.order_book import BUY, SELL, OrderBook
from ...market.prices.diffusions import GeometricBrownianMotion
from ...market.prices.reference import ReferencePrice
from ...market.streams import Streams
from ...protocols.margin.account_margin import ContractList, ContractPrices, ScenarioMargin
from ...protocols.margin.accounts import MarginAccounts
from ...protocols.margin.contracts import Contract, LinearContract, OptionContract, Right
from ...protocols.margin.listed_options import ListedOptions
from ...protocols.margin.marks import MarkInputs, MarkMemory, MarkRule, ModelMark, observe
from ...protocols.margin.portfolio import Requirement, requirements, scan_accounts
from ...protocols.margin.scenario_grid import DERIBIT, ScenarioGrid
from ...protocols.margin.tiers import MarginTiers

Floats = NDArray[np.float64]

UNIT = 10**6
"""Base units in a USD."""
LOTS_PER_COIN = 100
_PER_LOT_TICK = UNIT // LOTS_PER_COIN
_TICKS = 1 << 20
OUTSIDE, FUND, MAKER, MANIPULATOR, FIRST_CUSTOMER = range(5)
"""Rows: the outside market for hedges, the insurance fund, the maker, a manipulator, customers."""


@dataclass(frozen=True, slots=True)
class Push:
    """A manipulator of one option's book.

    Parameters
    ----------
    option : int
        In the order of listing: by expiry, strike, call before put.
    from_s, to_s : float
        While it is at work.
    factor : float
        Its quotes over the price of the model, above 1.
    lots : int
        That it shows on each side.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    option: int
    from_s: float
    to_s: float
    factor: float = 2.0
    lots: int = 1

    def __post_init__(self) -> None:
        if not self.factor > 1.0 or self.lots < 1 or self.option < 0:
            raise ValueError(
                "a push needs factor above 1, lots at least 1 and option at least 0; "
                f"got {self.factor}, {self.lots} and {self.option}"
            )


@dataclass(frozen=True)
class DeskPlan:
    """What to run; prices in whole USD.

    Parameters
    ----------
    prices : ReferencePrice
        Of one underlying.
    maker : OptionMaker
    model_volatility : float
        Of the maker's and the venue's Black-Scholes model.
    strikes : sequence of int
        Each listed as call and put.
    days : sequence of int
        Expiries.
    horizon_days, step_s : float
    customers : int
    collateral_usd : int
        Of each customer.
    arrivals : float
        Customers per day.
    largest_order : int
        Lots.
    hedge_cost : float
        Fraction of the value traded.
    fund_usd, maker_usd : int
    grid : ScenarioGrid
    mark : MarkRule
        Its index is the model's price, its depth the notional at the best quotes.
    push : Push, optional
    """

    prices: ReferencePrice = field(
        default_factory=lambda: GeometricBrownianMotion({"BTC": 50_000.0}, volatility=0.7)
    )
    maker: OptionMaker = field(default_factory=OptionMaker)
    model_volatility: float = 0.7
    strikes: Sequence[int] = (40_000, 45_000, 50_000, 55_000, 60_000)
    days: Sequence[int] = (14, 30)
    horizon_days: float = 14.0
    step_s: float = 3_600.0
    customers: int = 60
    collateral_usd: int = 20_000
    arrivals: float = 100.0
    largest_order: int = 50
    hedge_cost: float = 0.0005
    fund_usd: int = 50_000
    maker_usd: int = 5_000_000
    grid: ScenarioGrid = DERIBIT
    mark: MarkRule = field(default_factory=ModelMark)
    push: Push | None = None


@dataclass(frozen=True, eq=False)
class DeskResult:
    """What happened.

    Attributes
    ----------
    steps : DataFrame
        time_s, spot_usd, maker_gain_usd, spread_usd (earned against the model when customers traded),
        hedge_cost_usd, net_delta, net_vega_usd, open_lots, manipulator_gain_usd, conservation_error (base
        units; 0). Gains are at the model's prices.
    liquidations : DataFrame
        time_s, account, equity_usd (at the mark), model_equity_usd, maintenance_usd, lots (closed),
        deficit_usd (paid by the fund).
    """

    steps: pd.DataFrame
    liquidations: pd.DataFrame


def run_desk(plan: DeskPlan, seed: int) -> DeskResult:
    """Run one desk."""
    desk = _Desk(plan, seed)
    times_s = np.arange(0.0, plan.horizon_days * 86_400 + plan.step_s, plan.step_s)
    path = plan.prices.path(times_s, Streams(seed))[:, 0]
    for time_s, spot in zip(times_s.tolist(), path.tolist(), strict=True):
        desk.step(time_s, spot)
    columns = [
        "time_s",
        "account",
        "equity_usd",
        "model_equity_usd",
        "maintenance_usd",
        "lots",
        "deficit_usd",
    ]
    return DeskResult(pd.DataFrame(desk.rows), pd.DataFrame(desk.liquidated, columns=columns))


class _Desk:
    """State of one run: accounts, books, and what the model says of each option now."""

    def __init__(self, plan: DeskPlan, seed: int) -> None:
        self.plan = plan
        self.rng = Streams(seed)("options.customers")
        listed = [(k, d, right) for d in plan.days for k in plan.strikes for right in (Right.CALL, Right.PUT)]
        self.terms = ListedOptions.of([(k, d * 86_400.0, right) for k, d, right in listed])
        self.listed = ContractList(
            np.full(1 + len(listed), float(_PER_LOT_TICK)), 1 + np.arange(len(listed)), self.terms
        )
        self.live = np.ones(len(listed), np.bool_)
        self.options = [
            OptionContract(f"BTC-{d}d-{k}-{right.name}", _PER_LOT_TICK, d * 86_400, k, right)
            for k, d, right in listed
        ]
        contracts: list[Contract] = [LinearContract("BTC", _PER_LOT_TICK), *self.options]
        self.accounts = MarginAccounts(
            contracts, FIRST_CUSTOMER + plan.customers, [MarginTiers.flat(0.01)] * len(contracts)
        )
        self.books = [OrderBook(_TICKS, 64) for _ in self.options]
        self.paid_in = 0
        for row in range(FIRST_CUSTOMER + plan.customers):
            usd = {OUTSIDE: 0, FUND: plan.fund_usd, MAKER: plan.maker_usd, MANIPULATOR: 0}.get(
                row, plan.collateral_usd
            )
            self.accounts.deposit(row, usd * UNIT)
            self.paid_in += usd * UNIT
        self.memory = MarkMemory()
        self.last_s = np.zeros(len(self.options))
        self.spread = self.hedge_cost = 0.0
        self.rows: list[dict[str, float]] = []
        self.liquidated: list[tuple[float, int, float, float, float, int, float]] = []

    def step(self, time_s: float, spot: float) -> None:
        """Take one step at a price of the underlying."""
        self.time_s = time_s
        self._expire(time_s, spot)
        self._value(time_s, spot)
        self._quote(spot)
        for _ in range(int(self.rng.poisson(self.plan.arrivals * self.plan.step_s / 86_400))):
            self._customer()
        self._push()
        self._mark(spot)
        self._withdraw()
        self._quote(spot)
        self._liquidate(time_s)
        self._record(time_s, spot)

    def _expire(self, time_s: float, spot: float) -> None:
        for i in np.flatnonzero(self.live & ~self.terms.live(time_s)).tolist():
            self.books[i].cancel_owner(MAKER)
            self.accounts.expire(i + 1, self.options[i].payoff(round(spot)), FUND)
            self.live[i] = False

    def _value(self, time_s: float, spot: float) -> None:
        """Model values, Greeks, whole marks, and what a lot gains in each scenario."""
        sigma = self.plan.model_volatility
        self.price, self.delta, self.vega = self.terms.sensitivities(spot, sigma, time_s)
        self.sigma = sigma * np.abs(self.delta) * spot / np.maximum(self.price, 1.0)
        self.fair = _whole(spot, self.price)
        self.accounts.reprice(self.fair)
        n = 1 + len(self.options)
        now = ContractPrices(np.append(spot, self.price), np.full(n, spot), np.full(n, sigma), time_s)
        self.moves = ScenarioMargin(self.plan.grid).moves(self.listed, now)

    def _push(self) -> None:
        push = self.plan.push
        if push is None or not (self.live[push.option] and push.from_s <= self.time_s < push.to_s):
            return
        book = self.books[push.option]
        offered = int(book.depth(SELL)[:, 1].sum())
        if offered:
            self._trade(MANIPULATOR, push.option, BUY, offered)
        at = max(int(push.factor * self.price[push.option]), 1)
        book.limit(BUY, at, push.lots, MANIPULATOR)
        book.market(SELL, push.lots, MANIPULATOR)  # with itself: nothing moves but the last price
        book.limit(BUY, at, push.lots, MANIPULATOR)
        book.limit(SELL, at + 1, push.lots, MANIPULATOR)
        self.last_s[push.option] = self.time_s

    def _withdraw(self) -> None:
        if self.plan.push is not None:
            self.books[self.plan.push.option].cancel_owner(MANIPULATOR)

    def _mark(self, spot: float) -> None:
        """Mark everything by the rule of the plan, from what the books show."""
        n = len(self.options)
        bid, ask, last, depth = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan), np.zeros(n)
        for i in np.flatnonzero(self.live).tolist():
            book = self.books[i]
            best = (book.best_bid, book.best_ask, book.last_price)
            bid[i], ask[i], last[i] = (np.nan if price is None else price for price in best)
            lots = sum(int(book.depth(side, 1)[:, 1].sum()) for side in (BUY, SELL))
            depth[i] = lots / LOTS_PER_COIN * spot
        seen = MarkInputs(
            index_price=self.price,
            bid=bid,
            ask=ask,
            depth_usd=depth,
            last=last,
            model=self.price,
            volatility=self.sigma,
            last_age_s=self.time_s - self.last_s,
        )
        seen, self.memory = observe(self.plan.mark, seen, self.memory, self.time_s)
        marks = np.asarray(self.plan.mark.mark(seen).price, np.float64)
        self.accounts.reprice(_whole(spot, np.where(self.live, marks, 0.0)))

    def _quote(self, spot: float) -> None:
        held = self.accounts.lots[MAKER] / LOTS_PER_COIN
        state = OptionBookState(self.price, self.delta, self.vega, held[1:], float(held[0]))
        bids, asks, trade = self.plan.maker.decide(state)
        for i in np.flatnonzero(self.live).tolist():
            book = self.books[i]
            book.cancel_owner(MAKER)
            if bids[i] >= 1.0:
                book.limit(BUY, int(bids[i]), self.plan.largest_order, MAKER)
            if asks[i] > 0.0:
                book.limit(SELL, int(np.ceil(asks[i])), self.plan.largest_order, MAKER)
        lots = round(trade * LOTS_PER_COIN)
        if lots:
            at = spot * (1.0 + np.sign(lots) * self.plan.hedge_cost)
            self.accounts.trade(MAKER, OUTSIDE, 0, lots, max(round(at), 1))
            self.hedge_cost += abs(lots) / LOTS_PER_COIN * spot * self.plan.hedge_cost

    def _customer(self) -> None:
        options = np.flatnonzero(self.live)
        who = FIRST_CUSTOMER + int(self.rng.integers(self.plan.customers))
        at, side = self.rng.random(), SELL if self.rng.random() < 0.5 else BUY
        lots = int(self.rng.integers(1, self.plan.largest_order + 1))
        if not len(options):
            return
        i = int(options[int(at * len(options))])
        after = self.accounts.lots[who].copy()
        after[i + 1] += lots if side == BUY else -lots
        if self.accounts.equity(who) >= self._required(after[None]).initial[0]:
            self._trade(who, i, side, lots)

    def _required(self, lots: NDArray[np.int64]) -> Requirement:
        return requirements(self.plan.grid, scan_accounts(self.plan.grid, self.moves, lots))

    def _trade(self, who: int, option: int, side: int, lots: int) -> int:
        """Trade at the market with the maker; return the lots traded."""
        book = self.books[option]
        book.market(side, lots, who)
        done = book.filled
        if done:
            self.last_s[option] = self.time_s
            sign = 1 if side == BUY else -1
            value = book.filled_value * _PER_LOT_TICK
            self.accounts.fill_value(who, option + 1, sign * done, sign * value)
            self.accounts.fill_value(MAKER, option + 1, -sign * done, -sign * value)
            fair = self.price[option] * done / LOTS_PER_COIN
            self.spread += sign * (value / UNIT - fair)
        return int(done)

    def _liquidate(self, time_s: float) -> None:
        """Close who is below maintenance, as far as quotes take it, and have the fund pay what is owed."""
        accounts = self.accounts
        customers = np.arange(FIRST_CUSTOMER, len(accounts.balances))
        equity = accounts.states(customers)[:, 0]
        needed = self._required(accounts.lots[customers]).maintenance
        for at in np.flatnonzero(equity < needed).tolist():
            who = int(customers[at])
            closed, fair = 0, accounts.equity(who, self.fair)
            for i in np.flatnonzero(accounts.lots[who, 1:]).tolist():
                held = int(accounts.lots[who, i + 1])
                closed += self._trade(who, i, SELL if held > 0 else BUY, abs(held))
            owed = 0 if accounts.lots[who].any() else max(-int(accounts.balances[who]), 0)
            accounts.transfer(FUND, who, owed)
            numbers = (int(equity[at]) / UNIT, fair / UNIT, int(needed[at]) / UNIT)
            self.liquidated.append((time_s, who, *numbers, closed, owed / UNIT))

    def _record(self, time_s: float, spot: float) -> None:
        accounts = self.accounts
        held = accounts.lots[MAKER] / LOTS_PER_COIN
        self.rows.append(
            {
                "time_s": time_s,
                "spot_usd": spot,
                "maker_gain_usd": accounts.equity(MAKER, self.fair) / UNIT - self.plan.maker_usd,
                "spread_usd": self.spread,
                "hedge_cost_usd": self.hedge_cost,
                "net_delta": float(held[0] + held[1:] @ self.delta),
                "net_vega_usd": float(held[1:] @ self.vega),
                "open_lots": int(np.abs(accounts.lots[FIRST_CUSTOMER:]).sum()),
                "manipulator_gain_usd": accounts.equity(MANIPULATOR, self.fair) / UNIT,
                "conservation_error": accounts.cash_total - self.paid_in,
            }
        )


def _whole(spot: float, prices: Floats) -> NDArray[np.int64]:
    """Ticks of all contracts; none has a mark of 0, and what has expired is held by nobody."""
    marks: NDArray[np.int64] = np.maximum(np.rint(np.append(spot, prices)), 1.0).astype(np.int64)
    return marks
