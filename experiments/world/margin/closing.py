"""From a failed margin check to a closed position: cancel, sell, takeover, deleveraging.

A case waits for its stages and then sells what its sizing asks for, in every block, within what the
account and the insurance fund can bear: by orders that trade at once, by an iceberg that rests, or in an
auction. An account that has fallen too far is taken over by the backstop vault; one that owes more than the
fund has is closed against winning traders at its bankruptcy price.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ....agents.strategies.exits import Part, Progress, SaleStart, Schedule
from ....market.trading import TradingFloor
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.deleveraging import (
    CappedProRata,
    DeleveragingRule,
    MinMax,
    ProRata,
    Queue,
    close_against,
    ranking,
)
from ....protocols.margin.insurance import cover
from ....protocols.margin.mirror_descent import MirrorDescent, burdens_after
from ....protocols.margin.sizing import MarginPosition
from ....protocols.margin.takeover import bankruptcy_ticks, take_over
from ...scenarios.margin import VenueConfig
from .auctions import PositionAuctions
from .records import Case, Checked, MarginRecords
from .resting import RestingOrders, Traded
from .rules import build_sizing


class Filled(NamedTuple):
    """What an order on the book did: lots with their sign, their value, and its distance from the mark."""

    lots: int
    value: int
    slippage: int


NOTHING = Filled(0, 0, 0)


class Closing:
    """Cases of one venue.

    Parameters
    ----------
    config : VenueConfig
    floor : TradingFloor
    clearing : int
        Ledger account through which the venue trades.
    asset : int
        Ledger column of the contract.
    accounts : MarginAccounts
        Rows: traders, insurance fund, and the backstop vault if there is one.
    n_traders : int
    execution : Schedule, PositionAuctions or None
        How a sale is spread over time, or auctioned; None for all at once.
    records : MarginRecords
    rng : Generator
    block_time_s : float

    Attributes
    ----------
    open : dict of int to Case
        Cases under way, by row.
    resting : RestingOrders
        Icebergs of cases, and orders of the vault.
    """

    def __init__(
        self,
        config: VenueConfig,
        floor: TradingFloor,
        clearing: int,
        asset: int,
        accounts: MarginAccounts,
        n_traders: int,
        execution: Schedule | PositionAuctions | None,
        records: MarginRecords,
        rng: np.random.Generator,
        block_time_s: float,
    ) -> None:
        self.rules, self.policy, self.backstop = config.liquidation, config.deleveraging, config.backstop
        self.floor, self.clearing, self.asset = floor, clearing, asset
        self.accounts, self.n_traders, self.fund, self.vault = accounts, n_traders, n_traders, n_traders + 1
        self.contract = accounts.contracts[0]
        self.schedule = execution if isinstance(execution, Schedule) else None
        self.auctions = execution if isinstance(execution, PositionAuctions) else None
        self.resting = RestingOrders(floor, clearing, asset, accounts, 0)
        self.records = records
        self.open: dict[int, Case] = {}
        self._rate = max(tier.maintenance for tier in config.tiers)
        self._rng = rng
        self._block_time_s = block_time_s
        self._spec, self._book = floor.spec(asset), floor.book_of_asset[asset]
        self.tick_usd = self._spec.tick_usd
        self._traded, self._reference_usd = 0, 0.0
        self._model_ticks = 0
        self._burdens = np.zeros(n_traders)

    def begin(self, row: int, block: int, time_s: float, checked: Checked) -> None:
        """Open the case of an account that has failed the margin check."""
        number = len(self.records.cases)
        due = block + math.ceil(self.rules.cancel_latency_s / self._block_time_s)
        case = Case(number, row, block, time_s, checked, due)
        self.open[row] = case
        self.records.cases.append(case)
        lots, entry = self.accounts.lots.item(row, 0), self.accounts.entry.item(row, 0)
        self.records.positions.append((number, self.records.venue, self.contract.symbol, lots, entry))

    def shuffled(self, rows: list[int]) -> list[int]:
        """Rows in a random order: nothing is decided by the order of a list."""
        return [rows[i] for i in self._rng.permutation(len(rows))] if len(rows) > 1 else rows

    def collect(self) -> list[Traded]:
        """Book what resting orders have traded since the last look, at the marks of that look."""
        found = self.resting.collect() if len(self.resting) else []
        for row, lots, value in found:
            case = self.open.get(row)
            if case is not None:
                mark = self.accounts.ticks.item(0)
                self._credit(case, Filled(lots, abs(value), value - self.contract.value(lots, mark)))
        return found

    def work(self, block: int, time_s: float, mark: int, reference_usd: float, model: int) -> None:
        """Carry all cases on by one block.

        Parameters
        ----------
        block : int
        time_s : float
        mark : int
            Ticks.
        reference_usd : float
            Outside price; written down only.
        model : int
            The venue's model price, for auctions that go by it; ticks.
        """
        self._reference_usd, self._model_ticks = reference_usd, model
        volume = self.floor.lots_traded(self.asset)
        for row in self.shuffled(list(self.open)):
            case = self.open[row]
            while row in self.open and case.due <= block:
                if self.rules.failure and self._rng.random() < self.rules.failure:
                    case.due = block + 1
                elif case.stage == 0:
                    case.stage = 1
                    case.due = block + math.ceil(self.rules.dispose_latency_s / self._block_time_s)
                else:
                    case.due = block + 1
                    self._dispose(case, block, time_s, mark, volume - self._traded)
        self._traded = self.floor.lots_traded(self.asset)

    def trade(self, row: int, lots: int, mark: int, worst_usd: float = 0.0) -> Filled:
        """Buy lots (sell if negative) on the book for a row, at most `max_slippage` beyond the mark."""
        mark_usd, slip = mark * self._spec.tick_usd, self.rules.max_slippage
        if lots < 0:
            sold, got = self.floor.sell(
                self.asset, self.clearing, -lots, worst_usd or mark_usd * (1.0 - slip)
            )
            done, value = -sold, -got
        else:
            done, value = self.floor.buy(
                self.asset, self.clearing, lots, worst_usd or mark_usd * (1.0 + slip)
            )
        if not done:
            return NOTHING
        self.accounts.fill_value(row, 0, done, value)
        return Filled(done, abs(value), value - self.contract.value(done, mark))

    # parts of a sale

    def _dispose(self, case: Case, block: int, time_s: float, mark: int, traded: int) -> None:
        accounts, row = self.accounts, case.row
        equity, needed = accounts.equity(row), accounts.requirement(row)
        if case.stage == 1:
            if equity >= needed:
                self._end(case, time_s, "recovered")
                return
            self._start(case, time_s, equity, mark)
        if self._takes_over(row, equity, needed):
            self.resting.withdraw(row)
            case.closed += abs(self.contract.value(accounts.lots.item(row, 0), mark))
            take_over(accounts, row, self.vault)
            self._end(case, time_s, "backstop")
            return
        if self.auctions is not None:
            self._auction(case, self.auctions, block, time_s, mark)
        else:
            self._sell(case, self._due(case, time_s, mark, traded), mark)
        held = abs(accounts.lots.item(row, 0))
        if held and self.policy != "none" and accounts.equity(row) + self._fund() < 0:
            self.resting.withdraw(row)
            self._deleverage(case, block, time_s, mark)
        elif not held:
            self._settle(case)
            self._end(case, time_s, "sold")
        elif held <= case.keep:
            self._end(case, time_s, "reduced")

    def _start(self, case: Case, time_s: float, equity: int, mark: int) -> None:
        """Decide how much is to be closed, once orders are cancelled."""
        lots = self.accounts.lots.item(case.row, 0)
        depth_usd = self._depth_usd(lots)
        sizing = build_sizing(
            self.rules, self._rate, depth_usd, self.floor.depth_band, mark * self._spec.tick_usd,
            self._spec.lot, self.records.unit,
        )  # fmt: skip
        position = MarginPosition(self.contract, lots, mark, equity, self.accounts.margin[0])
        case.stage, case.keep = 2, abs(lots) - sizing.lots_to_close(position)
        case.ordered = abs(lots) - case.keep
        case.start_s = time_s
        case.start = SaleStart(
            self.floor.volatilities()[self._book], depth_usd, self.floor.depth_band, self._block_time_s
        )

    def _depth_usd(self, lots: int) -> float:
        """Depth that closing a position meets."""
        side = self.floor.bid_depths_usd() if lots > 0 else self.floor.ask_depths_usd()
        return side[self._book]

    def _due(self, case: Case, time_s: float, mark: int, traded: int) -> Part:
        """Lots to close now, without sign: all that is ordered, or the schedule's part."""
        left = self._left(case)
        elapsed_s = time_s - case.start_s
        if self.schedule is None or elapsed_s >= self.schedule.horizon_s:
            return Part(left)
        price = mark * self._spec.tick_usd * self._spec.lot
        progress = Progress(case.start, elapsed_s, case.ordered, left, traded, 0, price)
        part = self.schedule.part(progress)
        return part._replace(units=min(part.units, left))

    def _left(self, case: Case) -> int:
        """Lots that are still to be closed, without sign."""
        return max(abs(self.accounts.lots.item(case.row, 0)) - case.keep, 0)

    def _sell(self, case: Case, part: Part, mark: int) -> None:
        """Sell or buy back on the book, within what the account and the fund can bear."""
        row, resting = case.row, self.resting
        lots = -part.units if self.accounts.lots.item(row, 0) > 0 else part.units
        if not part.shown:
            resting.withdraw(row)
            if lots:
                self._credit(case, self.trade(row, lots, mark, self._worst_usd(row, lots, mark)))
            return
        bid, ask = self.floor.touch(self.asset)
        worst = self._worst_usd(row, lots, mark)
        price, own = (min(bid, worst) if lots > 0 else max(ask, worst)), resting.price_of(row)
        if resting.lots_of(row) == lots and (price <= own <= worst if lots > 0 else worst <= own <= price):
            return  # at the best price, which may be its own
        resting.withdraw(row)
        if 0.0 < price < math.inf:
            _, done, value = resting.place(row, lots, part.shown, price)
            self._credit(case, Filled(done, abs(value), value - self.contract.value(done, mark)))

    def _worst_usd(self, row: int, lots: int, mark: int) -> float:
        """Worst price at which lots of a row may be bought, or sold if negative; USD."""
        side, tick_usd = (1 if lots > 0 else -1), self._spec.tick_usd
        worst = mark * tick_usd * (1.0 + side * self.rules.max_slippage)
        if self.policy != "none":
            bears = self.accounts.equity(row) + self._fund()
            limit = (mark + side * (bears // (abs(lots) * self.contract.multiplier))) * tick_usd
            worst = min(worst, limit) if side > 0 else max(worst, limit)
        return max(worst, tick_usd)

    def _auction(self, case: Case, auctions: PositionAuctions, block: int, time_s: float, mark: int) -> None:
        """Let bidders take what they have bid for, and offer the rest."""
        row, contract = case.row, self.contract
        lots = self._left(case) * (1 if self.accounts.lots.item(row, 0) > 0 else -1)
        if not lots:
            return
        bears = None if self.policy == "none" else self.accounts.equity(row) + self._fund()
        value_ticks = self._model_ticks if auctions.by_model else mark
        done, value = auctions.work(case, lots, block, time_s, value_ticks, bears)
        if done:
            self.accounts.fill_value(row, 0, done, value)
            self._credit(case, Filled(done, abs(value), value - contract.value(done, mark)))

    def _credit(self, case: Case, filled: Filled) -> None:
        """Add what was traded to the case, and take the fee while equity lasts."""
        accounts, row = self.accounts, case.row
        fee = min(int(self.rules.fee * filled.value), max(accounts.equity(row), 0))
        accounts.transfer(row, self.fund, fee)
        case.closed += filled.value
        case.slippage += filled.slippage
        case.fee += fee

    def _settle(self, case: Case) -> None:
        """Let the fund pay what a closed account owes."""
        burden = cover(self.accounts, case.row, self.fund)
        case.fund_paid += burden.from_fund
        case.deficit += max(-self.accounts.balances.item(case.row), 0)

    def _takes_over(self, row: int, equity: int, needed: int) -> bool:
        """Whether it is time for the backstop vault, and it can bear the account."""
        if self.backstop is None or not 0 <= equity < self.backstop.below * needed:
            return False
        accounts, vault = self.accounts, self.vault
        return accounts.equity(vault) + equity >= accounts.requirement(vault) + needed

    def _deleverage(self, case: Case, block: int, time_s: float, mark: int) -> None:
        """Close what is left against winners, at the price at which the account ends with nothing."""
        accounts, row, records = self.accounts, case.row, self.records
        fund = self._fund()
        accounts.transfer(self.fund, row, fund)
        case.fund_paid += fund
        lots = accounts.lots.item(row, 0)
        price = bankruptcy_ticks(accounts, row, 0)
        cost = abs(price - mark) * self.contract.multiplier  # of giving up a lot
        rows, gains, equities = self._winners(1 if lots > 0 else -1, mark)
        held = np.abs(accounts.lots[rows, 0]).tolist()
        room = held
        if self.policy in ("capped-pro-rata", "mirror-descent") and cost:
            room = [min(h, gain // cost) for h, gain in zip(held, gains, strict=True)]
        notional = [abs(self.contract.value(h, mark)) for h in held]
        score = ranking(gains, np.abs(accounts.entry[rows, 0]), notional, equities)
        taken = self._rule(rows, equities).allocate(abs(lots), room, score.tolist())
        self._burdens[rows] = burdens_after(self._burdens[rows], taken, room)
        self._note_round(case, block, time_s, abs(lots), taken, held, cost)
        given = [each for each in zip(rows, taken, equities, strict=True) if each[1]]
        close_against(accounts, row, 0, [g[0] for g in given], [g[1] for g in given], price)
        price_usd, mark_usd = price * self._spec.tick_usd, mark * self._spec.tick_usd
        gap_usd = (price_usd - self._reference_usd) * (1 if lots > 0 else -1) * self._spec.lot
        records.deleveragings += [
            (
                case.number, records.venue, self.contract.symbol, block, time_s, winner, part, price_usd,
                mark_usd, self._reference_usd, part * cost / records.unit, part * gap_usd,
                equity / records.unit,
            )
            for winner, part, equity in given
        ]  # fmt: skip
        case.haircut += sum(taken) * cost
        case.closed += abs(self.contract.value(sum(taken), mark))
        if not accounts.lots.item(row, 0):
            left = max(accounts.balances.item(row), 0)  # less than a tick for each lot
            accounts.transfer(row, self.fund, left)
            self._settle(case)
            self._end(case, time_s, "deleveraged")

    def _note_round(
        self, case: Case, block: int, time_s: float, needed: int, taken: list[int], held: list[int], cost: int
    ) -> None:
        """Write down how even a round was: the largest share of a position, and that of all alike."""
        shares = [part / h for part, h in zip(taken, held, strict=True)]
        self.records.rounds.append(
            (
                case.number, self.records.venue, self.contract.symbol, block, time_s, len(held), needed,
                sum(taken), sum(taken) * cost / self.records.unit, max(shares, default=0.0),
                sum(taken) / max(sum(held), 1),
            )
        )  # fmt: skip

    def _rule(self, rows: list[int], equities: list[int]) -> DeleveragingRule:
        if self.policy == "capped-pro-rata":
            return CappedProRata(tuple(equities))
        if self.policy == "mirror-descent":
            return MirrorDescent(tuple(self._burdens[rows].tolist()))
        rules: dict[str, DeleveragingRule] = {"queue": Queue(), "pro-rata": ProRata(), "min-max": MinMax()}
        return rules[self.policy]

    def _winners(self, side: int, mark: int) -> tuple[list[int], list[int], list[int]]:
        """Rows that hold the opposite of a position and have gained on it, their gains and equities."""
        accounts, n = self.accounts, self.n_traders
        lots = accounts.lots[:n, 0]
        gains = lots * (mark * self.contract.multiplier) - accounts.entry[:n, 0]
        equities = accounts.balances[:n] + gains
        won = (lots * side < 0) & (gains > 0) & (equities > 0)
        won[list(self.open)] = False
        rows = np.flatnonzero(won)
        return rows.tolist(), gains[rows].tolist(), equities[rows].tolist()

    def _fund(self) -> int:
        return max(self.accounts.balances.item(self.fund), 0)

    def _end(self, case: Case, time_s: float, outcome: str) -> None:
        case.outcome, case.done_s = outcome, time_s
        self.resting.withdraw(case.row)
        if self.auctions is not None:
            self.auctions.end(case)
        del self.open[case.row]
