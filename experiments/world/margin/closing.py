"""From a failed margin check to a closed position: cancel, sell, takeover, deleveraging.

A case waits for its stages, then sells on the book in every block, within what the account and the
insurance fund can bear. What cannot be sold so is taken over by the backstop vault while the account
still has equity, and is closed against winning traders at the bankruptcy price when it has not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....market.trading import TradingFloor
from ....protocols.margin.accounts import MarginAccounts
from ...scenarios.margin import VenueConfig
from .deleveraging import Winner, shares
from .records import Case, Checked, MarginRecords


class Filled(NamedTuple):
    """What an order on the book did: lots with their sign, their value and its distance from the mark."""

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
    assets : sequence of int
        Ledger column of each contract.
    accounts : MarginAccounts
        Rows: traders, insurance fund, and the backstop vault if there is one.
    n_traders : int
    records : MarginRecords
    rng : Generator
    block_time_s : float

    Attributes
    ----------
    open : dict of int to Case
        Cases under way, by row.
    """

    def __init__(
        self,
        config: VenueConfig,
        floor: TradingFloor,
        clearing: int,
        assets: Sequence[int],
        accounts: MarginAccounts,
        n_traders: int,
        records: MarginRecords,
        rng: np.random.Generator,
        block_time_s: float,
    ) -> None:
        self.rules, self.policy = config.liquidation, config.deleveraging
        self.backstop = config.backstop
        self.floor, self.clearing, self.assets = floor, clearing, tuple(assets)
        self.accounts, self.n_traders, self.fund = accounts, n_traders, n_traders
        self.vault = n_traders + 1
        self.records = records
        self.open: dict[int, Case] = {}
        self._rng = rng
        self._block_time_s = block_time_s
        self._ticks_usd = [floor.spec(asset).tick_usd for asset in assets]

    def begin(self, row: int, block: int, time_s: float, checked: Checked) -> None:
        """Open the case of an account that has failed the margin check."""
        accounts, number = self.accounts, len(self.records.cases)
        due = block + math.ceil(self.rules.cancel_latency_s / self._block_time_s)
        case = Case(number, row, block, time_s, checked, due)
        self.open[row] = case
        self.records.cases.append(case)
        for contract in np.flatnonzero(accounts.lots[row]).tolist():
            self.records.positions.append(
                (
                    number, self.records.venue, accounts.contracts[contract].symbol,
                    int(accounts.lots[row, contract]), int(accounts.entry[row, contract]),
                )
            )  # fmt: skip

    def shuffled(self, rows: list[int]) -> list[int]:
        """Rows in a random order: nothing is decided by the order of a list."""
        return [rows[i] for i in self._rng.permutation(len(rows))] if len(rows) > 1 else rows

    def work(self, block: int, time_s: float, ticks: list[int]) -> None:
        """Carry all cases on by one block."""
        for row in self.shuffled(list(self.open)):
            case = self.open[row]
            while case.due <= block and row in self.open:
                if self.rules.failure and self._rng.random() < self.rules.failure:
                    case.due = block + 1
                    break
                if case.stage == 0:
                    case.stage = 1
                    case.due = block + math.ceil(self.rules.dispose_latency_s / self._block_time_s)
                    continue
                if case.stage == 1:
                    case.stage, case.start_block = 2, block
                    case.lots = self.accounts.lots[row].tolist()
                case.due = block + 1
                self._dispose(case, block, time_s, ticks)

    def trade(
        self, row: int, contract: int, lots: int, ticks: Sequence[int], worst_usd: float = 0.0
    ) -> Filled:
        """Buy lots (sell if negative) on the book for a row, at the market within the slippage allowed."""
        mark_usd, asset = ticks[contract] * self._ticks_usd[contract], self.assets[contract]
        slip = self.rules.max_slippage
        if lots < 0:
            done, value = self.floor.sell(asset, self.clearing, -lots, worst_usd or mark_usd * (1.0 - slip))
            done, value = -done, -value
        else:
            done, value = self.floor.buy(asset, self.clearing, lots, worst_usd or mark_usd * (1.0 + slip))
        if not done:
            return NOTHING
        self.accounts.fill_value(row, contract, done, value)
        at_mark = self.accounts.contracts[contract].value(done, ticks[contract])
        return Filled(done, abs(value), value - at_mark)

    # parts of a sale

    def _dispose(self, case: Case, block: int, time_s: float, ticks: list[int]) -> None:
        accounts, row = self.accounts, case.row
        equity, needed = accounts.equity(row), accounts.requirement(row)
        if self._restored(case, equity, needed):
            self._end(case, time_s, "restored" if case.closed else "recovered")
            return
        if self._take_over(case, equity, needed, ticks):
            self._end(case, time_s, "backstop")
            return
        share = self._share(case, block, equity, needed)
        for contract in np.flatnonzero(accounts.lots[row]).tolist():
            held, start = int(accounts.lots[row, contract]), case.lots[contract]
            target = math.ceil(abs(start) * share) - (abs(start) - abs(held))
            lots = min(max(target, 0), abs(held))
            if lots:
                self._order(case, contract, -lots if held > 0 else lots, ticks)
        if not accounts.lots[row].any():
            self._settle(case)
            self._end(case, time_s, "sold")
            return
        if self.policy != "none" and accounts.equity(row) + self._fund() < 0:
            self._deleverage(case, block, time_s, ticks)

    def _restored(self, case: Case, equity: int, needed: int) -> bool:
        """Whether nothing more has to be closed: full liquidations go on once they have begun."""
        if case.closed == 0:
            return equity >= needed
        target = {"full": math.inf, "tranche": 1.0}.get(self.rules.sizing, self.rules.target)
        return equity >= target * needed

    def _share(self, case: Case, block: int, equity: int, needed: int) -> float:
        """Share of the first position that is to be closed by the end of this block."""
        rules, elapsed = self.rules, (block - case.start_block) * self._block_time_s
        share = 1.0
        if rules.sizing == "tranche":
            share = rules.tranche * (1 + block - case.start_block)
        elif rules.sizing != "full":
            held = self._held_share(case)
            share = 1.0 - held + held * self._to_target(case, equity, needed)
        if rules.execution == "twap" and elapsed < rules.horizon_s:
            share *= (elapsed + self._block_time_s) / rules.horizon_s
        return min(share, 1.0)

    def _held_share(self, case: Case) -> float:
        first, now = sum(map(abs, case.lots)), int(np.abs(self.accounts.lots[case.row]).sum())
        return now / first if first else 0.0

    def _to_target(self, case: Case, equity: int, needed: int) -> float:
        """Smallest share of the present position whose sale restores the target ratio.

        ``equity - fee x V - cost(x) = target (1 - x) M`` with V the notional and M the maintenance; the cost is
        0, or under greedy that of selling into an even book, ``V^2 x^2 band / (2 depth)`` (CASES P11).
        """
        accounts, row, rules = self.accounts, case.row, self.rules
        values = [
            abs(contract.value(int(lots), int(ticks)))
            for contract, lots, ticks in zip(
                accounts.contracts, accounts.lots[row], accounts.ticks, strict=True
            )
        ]
        short, gain = rules.target * needed - equity, rules.target * needed - rules.fee * sum(values)
        if gain <= 0:
            return 1.0
        curve = 0.0
        if rules.sizing == "greedy":
            depths = self._depths(row)
            curve = sum(
                v * v * self.floor.depth_band / (2.0 * d) for v, d in zip(values, depths, strict=True)
            )
        root = gain * gain - 4.0 * curve * short
        if root < 0.0:
            return 1.0
        share = short / gain if curve == 0.0 else (gain - math.sqrt(root)) / (2.0 * curve)
        return min(max(share, 0.0), 1.0)

    def _depths(self, row: int) -> list[float]:
        """Depth that a closing order of the row meets in each book, base units of the quote asset."""
        floor, unit = self.floor, float(self.records.unit)
        bids, asks = floor.bid_depths_usd(), floor.ask_depths_usd()
        return [
            max((bids if lots > 0 else asks)[floor.book_of_asset[asset]] * unit, 1.0)
            for asset, lots in zip(self.assets, self.accounts.lots[row].tolist(), strict=True)
        ]

    def _order(self, case: Case, contract: int, lots: int, ticks: list[int]) -> None:
        """Sell or buy back on the book, within what the account and the fund can bear."""
        accounts, row = self.accounts, case.row
        mark_usd, side = ticks[contract] * self._ticks_usd[contract], 1 if lots > 0 else -1
        worst = mark_usd * (1.0 + side * self.rules.max_slippage)
        if self.policy != "none":
            bears = accounts.equity(row) + self._fund()
            per_tick = abs(lots) * accounts.contracts[contract].multiplier
            limit = (ticks[contract] + side * (bears // per_tick)) * self._ticks_usd[contract]
            worst = min(worst, limit) if side > 0 else max(worst, limit)
        filled = self.trade(row, contract, lots, ticks, max(worst, self._ticks_usd[contract]))
        if not filled.lots:
            return
        case.closed += filled.value
        case.slippage += filled.slippage
        fee = min(int(self.rules.fee * filled.value), max(accounts.equity(row), 0))
        accounts.transfer(row, self.fund, fee)
        case.fee += fee

    def _settle(self, case: Case) -> None:
        """Let the fund pay what a closed account owes."""
        owed = -int(self.accounts.balances[case.row])
        if owed <= 0:
            return
        paid = min(owed, self._fund())
        self.accounts.transfer(self.fund, case.row, paid)
        case.fund_paid += paid
        case.deficit += owed - paid

    def _take_over(self, case: Case, equity: int, needed: int, ticks: list[int]) -> bool:
        """Hand the account to the backstop vault, if it is time and the vault can bear it."""
        accounts, row, vault = self.accounts, case.row, self.vault
        if self.backstop is None or not 0 <= equity < self.backstop.below * needed:
            return False
        if accounts.equity(vault) + equity < accounts.requirement(vault) + needed:
            return False
        for contract in np.flatnonzero(accounts.lots[row]).tolist():
            lots = int(accounts.lots[row, contract])
            accounts.trade(vault, row, contract, lots, ticks[contract])
            case.closed += abs(accounts.contracts[contract].value(lots, ticks[contract]))
        accounts.transfer(row, vault, int(accounts.balances[row]))
        return True

    def _deleverage(self, case: Case, block: int, time_s: float, ticks: list[int]) -> None:
        """Close what is left against winners, at the price at which the account ends with nothing."""
        accounts, row, records = self.accounts, case.row, self.records
        paid = max(self._fund(), 0)
        accounts.transfer(self.fund, row, paid)
        case.fund_paid += paid
        order = np.argsort(-np.abs(accounts.lots[row] * np.array(ticks)), kind="stable").tolist()
        for contract in order:
            lots = int(accounts.lots[row, contract])
            if not lots:
                continue
            rule, side = accounts.contracts[contract], 1 if lots > 0 else -1
            short_by = max(-accounts.equity(row), 0)
            price = ticks[contract] + side * -(-short_by // (abs(lots) * rule.multiplier))
            if price < 1:
                continue
            winners = self._winners(contract, side, ticks[contract])
            for winner, part in shares(
                self.policy, winners, abs(lots), rule.multiplier * abs(price - ticks[contract])
            ):
                equity = accounts.equity(winner.row)
                buyer, seller = (winner.row, row) if side > 0 else (row, winner.row)
                accounts.trade(buyer, seller, contract, part, price)
                cost = part * abs(price - ticks[contract]) * rule.multiplier
                case.haircut += cost
                case.closed += part * ticks[contract] * rule.multiplier
                records.deleveragings.append(
                    (
                        case.number, records.venue, rule.symbol, block, time_s, winner.row, part,
                        price * self._ticks_usd[contract], ticks[contract] * self._ticks_usd[contract],
                        cost / records.unit, equity / records.unit,
                    )
                )  # fmt: skip
        if not accounts.lots[row].any():
            left = int(accounts.balances[row])
            if left > 0:  # less than a tick for each lot
                accounts.transfer(row, self.fund, left)
            self._settle(case)
            self._end(case, time_s, "deleveraged")

    def _winners(self, contract: int, side: int, tick: int) -> list[Winner]:
        """Traders who hold the opposite of a contract and have gained on it."""
        accounts = self.accounts
        lots = accounts.lots[: self.n_traders, contract]
        found = []
        for row in np.flatnonzero(lots * side < 0).tolist():
            if row in self.open:
                continue
            value = accounts.contracts[contract].value(int(lots[row]), tick)
            gain, equity = value - int(accounts.entry[row, contract]), accounts.equity(row)
            if gain > 0 and equity > 0:
                found.append(Winner(row, abs(int(lots[row])), gain, equity, abs(value)))
        return found

    def _fund(self) -> int:
        return max(int(self.accounts.balances[self.fund]), 0)

    def _end(self, case: Case, time_s: float, outcome: str) -> None:
        case.outcome, case.done_s = outcome, time_s
        del self.open[case.row]
