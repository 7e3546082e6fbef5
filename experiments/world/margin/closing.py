"""From a failed margin check to a closed account: cancel, sell, takeover, deleveraging.

A case waits for its stages and then sells what its sizing asks for, in every block, within what the
account and the insurance fund can bear: by orders that trade at once, by icebergs that rest, or in
auctions. An account that has fallen too far is taken over by the backstop vault; one that owes more than
the fund has is closed against winning traders at its bankruptcy prices.

An account with several positions closes them in the order that the venue states. Once it owes more than
the fund has, positions that have gained are sold first, whatever they bring within the slippage allowed;
the loss is then divided over those that have lost, in proportion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....agents.strategies.exits import Part, Progress, Schedule
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.contracts import Contract
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
from ....protocols.margin.sizing import MarginSizing, largest_requirement_first
from ....protocols.margin.takeover import bankruptcy_ticks, take_over
from ...scenarios.margin import VenueConfig
from .auctions import PositionAuctions
from .listing import Listing
from .maintenance import Maintenance
from .records import Case, Checked, Leg, MarginRecords
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
    listings : sequence of Listing
        By column of the accounts.
    accounts : MarginAccounts
        Rows: traders, insurance fund, and the backstop vault if there is one.
    maintenance : Maintenance
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
    resting : list of RestingOrders
        Icebergs of cases and orders of the vault, by column.
    """

    def __init__(
        self,
        config: VenueConfig,
        listings: Sequence[Listing],
        accounts: MarginAccounts,
        maintenance: Maintenance,
        n_traders: int,
        execution: Schedule | PositionAuctions | None,
        records: MarginRecords,
        rng: np.random.Generator,
        block_time_s: float,
    ) -> None:
        self.rules, self.policy, self.backstop = config.liquidation, config.deleveraging, config.backstop
        self.listings = tuple(listings)
        self.accounts, self.n_traders, self.fund, self.vault = accounts, n_traders, n_traders, n_traders + 1
        self.maintenance = maintenance
        self.schedule = execution if isinstance(execution, Schedule) else None
        self.auctions = execution if isinstance(execution, PositionAuctions) else None
        self.resting = [RestingOrders(listing, accounts) for listing in self.listings]
        self.records = records
        self.open: dict[int, Case] = {}
        self._rate = max(tier.maintenance for tier in config.tiers)
        self._rng = rng
        self._block_time_s = block_time_s
        self._burdens = np.zeros((n_traders, len(self.listings)))

    def begin(self, row: int, block: int, time_s: float, checked: Checked) -> None:
        """Open the case of an account that has failed the margin check."""
        number, accounts = len(self.records.cases), self.accounts
        due = block + math.ceil(self.rules.cancel_latency_s / self._block_time_s)
        case = Case(number, row, block, time_s, checked, self.records.unit, due)
        self.open[row] = case
        self.records.cases.append(case)
        for column in self.held(row):
            symbol = self.listings[column].contract.symbol
            lots, entry = accounts.lots.item(row, column), accounts.entry.item(row, column)
            self.records.positions.append((number, self.records.venue, symbol, lots, entry))

    def held(self, row: int) -> list[int]:
        """Columns of the contracts in which a row has a position."""
        columns: list[int] = np.flatnonzero(self.accounts.lots[row]).tolist()
        return columns

    def shuffled(self, rows: list[int]) -> list[int]:
        """Rows in a random order: nothing is decided by the order of a list."""
        return [rows[i] for i in self._rng.permutation(len(rows))] if len(rows) > 1 else rows

    def collect(self, only: int | None = None) -> list[Traded]:
        """Book what resting orders, or those of one row, have traded since the last look."""
        found = [traded for resting in self.resting if len(resting) for traded in resting.collect(only)]
        for traded in found:
            case = self.open.get(traded.row)
            if case is not None:
                self._credit(case, self._filled(self.listings[traded.column], traded.lots, traded.value))
        return found

    def withdraw(self, row: int) -> None:
        """Take all orders of a row off the books."""
        for resting in self.resting:
            resting.withdraw(row)

    def work(self, block: int, time_s: float) -> None:
        """Carry all cases on by one block."""
        volumes = [listing.lots_since() for listing in self.listings]
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
                    self._dispose(case, block, time_s, volumes)
        for listing in self.listings:
            listing.mark_volume()

    def trade(self, row: int, listing: Listing, lots: int, worst_usd: float = 0.0) -> Filled:
        """Buy lots (sell if negative) on the book for a row, at most `max_slippage` beyond the mark."""
        side = 1 if lots > 0 else -1
        worst = worst_usd or self._slipped_usd(listing, side)
        done, value = listing.take(lots, worst)
        self.accounts.fill_value(row, listing.column, done, value)
        rest = self.accounts.lots.item(row, listing.column)
        if 0 < abs(rest) < listing.least:  # no order is as small; the fund keeps it
            self.accounts.trade(self.fund, row, listing.column, rest, listing.ticks)
        if not done:
            return NOTHING
        return self._filled(listing, done, value)

    # parts of a sale

    def _filled(self, listing: Listing, lots: int, value: int) -> Filled:
        return Filled(lots, abs(value), value - listing.contract.value(lots, listing.ticks))

    def _dispose(self, case: Case, block: int, time_s: float, volumes: Sequence[int]) -> None:
        accounts, row = self.accounts, case.row
        self.collect(row)  # orders of this block may have met its own
        equity, needed = accounts.equity(row), self.maintenance.required(row)
        if case.stage == 1:
            if equity >= needed:
                self._end(case, time_s, "recovered")
                return
            self._start(case, time_s, equity)
        if self._takes_over(row, equity, needed):
            self.withdraw(row)
            case.closed += sum(abs(self._value(row, column)) for column in self.held(row))
            take_over(accounts, row, self.vault)
            self._end(case, time_s, "backstop")
            return
        for leg in case.legs:
            if self.auctions is not None:
                self._auction(case, leg, self.auctions, block, time_s)
            else:
                self._sell(case, leg, self._due(case, leg, time_s, volumes[leg.column]))
        left = self.held(row)
        if left and self.policy != "none" and accounts.equity(row) + self._fund() < 0:
            self._bankrupt(case, left, block, time_s)
        elif not left:
            self._settle(case)
            self._end(case, time_s, "sold")
        elif all(self._left(case, leg) < self.listings[leg.column].least for leg in case.legs):
            self._end(case, time_s, "reduced")

    def _start(self, case: Case, time_s: float, equity: int) -> None:
        """Decide how much of which positions is to be closed, once orders are cancelled."""
        case.stage, case.start_s = 2, time_s
        columns = self._in_order(case.row)
        closing = self.maintenance.lots_to_close(case.row, equity, columns, self._sizing)
        for column in columns:
            if closing[column]:
                self._add_leg(case, column, abs(self.accounts.lots.item(case.row, column)) - closing[column])

    def _sizing(self, column: int, lots: int) -> MarginSizing:
        """How much the rule closes of so many lots of a contract alone."""
        listing = self.listings[column]
        return build_sizing(
            self.rules, self._rate, listing.depth_usd(lots), listing.floor.depth_band,
            listing.ticks * listing.tick_usd, listing.lot_tokens, self.records.unit,
        )  # fmt: skip

    def _add_leg(self, case: Case, column: int, keep: int) -> None:
        lots = self.accounts.lots.item(case.row, column)
        start = self.listings[column].sale_start(lots)
        case.legs.append(Leg(column, keep, abs(lots) - keep, start))

    def _in_order(self, row: int) -> list[int]:
        """Columns of a row's positions in the order in which they are closed."""
        columns = self.held(row)
        if self.rules.first == "largest-margin":
            parts = self.maintenance.parts(row)
            return [columns[i] for i in largest_requirement_first([parts[column] for column in columns])]
        depths = {
            column: self.listings[column].depth_usd(self.accounts.lots.item(row, column))
            / max(abs(self._value(row, column)), 1)
            for column in columns
        }
        return sorted(columns, key=lambda column: (-depths[column], column))

    def _left(self, case: Case, leg: Leg) -> int:
        """Lots of a leg that are still to be closed, without sign."""
        return max(abs(self.accounts.lots.item(case.row, leg.column)) - leg.keep, 0)

    def _due(self, case: Case, leg: Leg, time_s: float, traded: int) -> Part:
        """Lots to close now, without sign: all that is ordered, or the schedule's part."""
        listing, left = self.listings[leg.column], self._left(case, leg)
        elapsed_s = time_s - case.start_s
        if self.schedule is None or elapsed_s >= self.schedule.horizon_s:
            return Part(left)
        price = listing.ticks * listing.tick_usd * listing.lot_tokens
        part = self.schedule.part(Progress(leg.start, elapsed_s, leg.ordered, left, traded, 0, price))
        return part._replace(units=min(part.units, left))

    def _sell(self, case: Case, leg: Leg, part: Part) -> None:
        """Sell or buy back on the book, within what the account and the fund can bear."""
        row, listing, resting = case.row, self.listings[leg.column], self.resting[leg.column]
        lots = -part.units if self.accounts.lots.item(row, leg.column) > 0 else part.units
        if not part.shown:
            resting.withdraw(row)
            if lots:
                self._credit(case, self.trade(row, listing, lots, self._worst_usd(row, listing, lots)))
            return
        worst, (bid, ask) = self._worst_usd(row, listing, lots), listing.touch()
        best, own = (min(bid, worst) if lots > 0 else max(ask, worst)), resting.price_of(row)
        if resting.lots_of(row) == lots and (best <= own <= worst if lots > 0 else worst <= own <= best):
            return  # at the best price, which may be its own
        resting.withdraw(row)
        if 0.0 < best < math.inf and listing.trades:
            traded = resting.place(row, lots, part.shown, best)
            self._credit(case, self._filled(listing, traded.lots, traded.value))

    def _auction(self, case: Case, leg: Leg, auctions: PositionAuctions, block: int, time_s: float) -> None:
        """Let bidders take what they have bid for, and offer the rest."""
        accounts, listing = self.accounts, self.listings[leg.column]
        lots = self._left(case, leg) * (1 if accounts.lots.item(case.row, leg.column) > 0 else -1)
        bears = None if self.policy == "none" else accounts.equity(case.row) + self._fund()
        if lots:
            done, value, left = auctions.work(case, listing, lots, block, time_s, bears)
            if done:
                accounts.fill_value(case.row, leg.column, done, value)
                self._credit(case, self._filled(listing, done, value))
                auctions.set_aside(case, left)

    def _worst_usd(self, row: int, listing: Listing, lots: int) -> float:
        """Worst price at which lots of a row may be bought, or sold if negative; USD."""
        accounts, side = self.accounts, 1 if lots > 0 else -1
        worst = self._slipped_usd(listing, side)
        if self.policy != "none" and not self._others_lost(row, listing.column):
            limit = listing.limit_usd(lots, accounts.equity(row) + self._fund())
            worst = min(worst, limit) if side > 0 else max(worst, limit)
        return max(worst, listing.tick_usd)

    def _credit(self, case: Case, filled: Filled) -> None:
        """Add what was traded to the case, and take the fee while equity lasts."""
        accounts, row = self.accounts, case.row
        fee = min(int(self.rules.fee * filled.value), max(accounts.equity(row), 0))
        accounts.transfer(row, self.fund, fee)
        case.closed += filled.value
        case.slippage += filled.slippage
        case.fee += fee

    def _slipped_usd(self, listing: Listing, side: int) -> float:
        """Return the mark and the slippage allowed, USD."""
        return listing.ticks * listing.tick_usd * (1.0 + side * self.rules.max_slippage * listing.reach)

    def _settle(self, case: Case) -> None:
        """Let the fund pay what a closed account owes."""
        burden = cover(self.accounts, case.row, self.fund)
        case.fund_paid += burden.from_fund
        case.deficit += max(-self.accounts.balances.item(case.row), 0)

    def settle_expired(self, rows: list[int], block: int, time_s: float) -> None:
        """Let the fund pay what accounts owe that an expiry has left without positions."""
        for row in rows:
            owed = self.accounts.balances.item(row)
            if owed >= 0 or row in self.open or self.held(row):
                continue
            checked = Checked(owed, owed, 0, 0, owed, 0, 0)
            case = Case(len(self.records.cases), row, block, time_s, checked, self.records.unit, block)
            self.records.cases.append(case)
            self.open[row] = case
            self._settle(case)
            self._end(case, time_s, "expired")

    def _takes_over(self, row: int, equity: int, needed: int) -> bool:
        """Whether it is time for the backstop vault, and it can bear the account."""
        if self.backstop is None or not 0 <= equity < self.backstop.below * needed:
            return False
        vault = self.vault
        return self.accounts.equity(vault) + equity >= self.maintenance.required(vault) + needed

    # what the fund cannot pay

    def _value(self, row: int, column: int) -> int:
        """Value of a position at the mark; base units."""
        listing = self.listings[column]
        return listing.contract.value(self.accounts.lots.item(row, column), listing.ticks)

    def _gain(self, row: int, column: int) -> int:
        """Open profit of a position at the mark; base units."""
        return self._value(row, column) - self.accounts.entry.item(row, column)

    def _others_lost(self, row: int, column: int) -> bool:
        """Whether a position has gained and others are there to take the account's loss."""
        others = [other for other in self.held(row) if other != column]
        return (
            bool(others)
            and self._gain(row, column) >= 0
            and any(self._gain(row, other) < 0 for other in others)
        )

    def _bankrupt(self, case: Case, columns: list[int], block: int, time_s: float) -> None:
        """Close all of an account, against winners once no position with a gain is left to sell."""
        row = case.row
        self.withdraw(row)
        if len(columns) > 1:
            for leg in case.legs:
                leg.keep = 0
            planned = [leg.column for leg in case.legs]
            for column in columns:
                if column not in planned:
                    self._add_leg(case, column, 0)
            lost = [column for column in columns if self._gain(row, column) < 0]
            if 0 < len(lost) < len(columns):
                return
        self._deleverage(case, columns, block, time_s)

    def _deleverage(self, case: Case, columns: list[int], block: int, time_s: float) -> None:
        """Close what is left against winners, at prices at which the account ends with nothing."""
        accounts, row = self.accounts, case.row
        fund = self._fund()
        accounts.transfer(self.fund, row, fund)
        case.fund_paid += fund
        losses = [max(-self._gain(row, column), 0) for column in columns]
        left, total = accounts.equity(row), sum(losses)
        for column, loss in zip(columns, losses, strict=True):
            share = left * loss // total if total else left
            left, total = left - share, total - loss
            price = bankruptcy_ticks(accounts, row, column, share)
            self._close_against(case, self.listings[column], price, block, time_s)
        if not self.held(row):
            rest = max(accounts.balances.item(row), 0)  # less than a tick for each lot
            accounts.transfer(row, self.fund, rest)
            self._settle(case)
            self._end(case, time_s, "deleveraged")

    def _close_against(self, case: Case, listing: Listing, price: int, block: int, time_s: float) -> None:
        """Close one position against winners at a price."""
        accounts, row, column, records = self.accounts, case.row, listing.column, self.records
        contract, mark = listing.contract, listing.ticks
        lots = accounts.lots.item(row, column)
        rows, gains, equities = self._winners(1 if lots > 0 else -1, listing)
        room = held = np.abs(accounts.lots[rows, column]).tolist()
        if self.policy in ("capped-pro-rata", "mirror-descent"):
            costs = [_cost(contract, h, price, mark) for h in held]
            room = [
                min(h, h * gain // cost) if cost else h
                for h, gain, cost in zip(held, gains, costs, strict=True)
            ]
        notional = [abs(contract.value(h, mark)) for h in held]
        score = ranking(gains, np.abs(accounts.entry[rows, column]), notional, equities)
        burdens = self._burdens[rows, column]
        taken = self._rule(equities, burdens.tolist()).allocate(abs(lots), room, score.tolist())
        self._burdens[rows, column] = burdens_after(burdens, taken, room)
        shares = [part / h for part, h in zip(taken, held, strict=True)]
        haircut = sum(_cost(contract, part, price, mark) for part in taken)
        records.rounds.append(
            (
                case.number, records.venue, contract.symbol, block, time_s, len(held), abs(lots), sum(taken),
                haircut / records.unit, max(shares, default=0.0), sum(taken) / max(sum(held), 1),
            )
        )  # fmt: skip
        given = [each for each in zip(rows, taken, equities, strict=True) if each[1]]
        close_against(accounts, row, column, [g[0] for g in given], [g[1] for g in given], price)
        price_usd, mark_usd = price * listing.tick_usd, mark * listing.tick_usd
        side = 1 if lots > 0 else -1
        records.deleveragings += [
            (
                case.number, records.venue, contract.symbol, block, time_s, winner, part, price_usd,
                mark_usd, listing.feed.truth, _cost(contract, part, price, mark) / records.unit,
                listing.forgone_usd(side * part, price_usd), equity / records.unit,
            )
            for winner, part, equity in given
        ]  # fmt: skip
        case.haircut += haircut
        case.closed += abs(contract.value(sum(taken), mark))

    def _rule(self, equities: list[int], burdens: list[float]) -> DeleveragingRule:
        if self.policy == "capped-pro-rata":
            return CappedProRata(tuple(equities))
        if self.policy == "mirror-descent":
            return MirrorDescent(tuple(burdens))
        rules: dict[str, DeleveragingRule] = {"queue": Queue(), "pro-rata": ProRata(), "min-max": MinMax()}
        return rules[self.policy]

    def _winners(self, side: int, listing: Listing) -> tuple[list[int], list[int], list[int]]:
        """Rows that hold the opposite of a position and have gained on it, their gains and equities."""
        accounts, n = self.accounts, self.n_traders
        lots = accounts.lots[:n, listing.column]
        gains = accounts.gains(listing.column, listing.ticks)[:n]
        won = (lots * side < 0) & (gains > 0)
        won[list(self.open)] = False
        rows = np.flatnonzero(won)
        equities = accounts.states(rows)[:, 0]
        alive = equities > 0
        rows = rows[alive]
        return rows.tolist(), gains[rows].tolist(), equities[alive].tolist()

    def _fund(self) -> int:
        return max(self.accounts.balances.item(self.fund), 0)

    def _end(self, case: Case, time_s: float, outcome: str) -> None:
        case.outcome, case.done_s = outcome, time_s
        self.withdraw(case.row)
        if self.auctions is not None:
            self.auctions.end(case)
        del self.open[case.row]


def _cost(contract: Contract, lots: int, price: int, mark: int) -> int:
    """Cost of giving up lots at a price against the mark; base units."""
    return abs(contract.value(lots, price) - contract.value(lots, mark))
