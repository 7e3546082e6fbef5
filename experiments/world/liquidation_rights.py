"""The right to liquidate with a price that is not public yet, sold to liquidators (MODEL 1.11).

A price that has arrived and makes accounts liquidatable is shown to bidders first. For each such
account they make sealed bids; the winner's call is put at the top of a block together with the
price, which is public from then on. What the winner pays goes to the protocol and to whoever the
scenario names. Where nobody bids, or no call goes through, the price is published after the
fallback delay and the ordinary race begins. Prices that make nobody liquidatable never wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from ...agents.base import Opportunity, RightBid
from ...agents.liquidators import LiquidatorBot
from ...market.chain.transaction import Transaction
from ...market.contests.auction_kernels import sealed_price
from ...market.ledger import InsufficientFundsError, Reason
from ...market.oracle import ANSWER_DECIMALS
from ...market.private_oracle import PrivateOracle
from ...market.revert import Revert
from ..scenarios.base import ScenarioError
from .execution import Liquidation
from .uncovered import uncovered_accounts

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from ..scenarios import Scenario
    from .credit import CreditMarket

COLUMNS = (
    "t_s", "protocol", "account", "collateral", "debt", "repay_usd", "bonus_usd", "bidders", "winner",
    "bid_usd", "price_usd", "outcome", "t_done_s", "protocol_usd", "rest_usd",
)  # fmt: skip
OUTCOMES = ("used", "reverted", "lapsed", "unsold")

_price = sealed_price.py_func


class Right(NamedTuple):
    """A right that was sold.

    Attributes
    ----------
    since_s : float
        When it was offered.
    price_units, protocol_units : int
        What its owner pays when it uses it, and how much of it the protocol gets; of the quote asset.
    treasury, rest : int
        Ledger accounts of the protocol and of who gets the rest.
    row : dict
        In the table.
    """

    since_s: float
    price_units: int
    protocol_units: int
    treasury: int
    rest: int
    row: dict[str, Any]

    def use(self, world: LiquidationMarket, owner: int) -> tuple[int, int]:
        """Pay for it with a call that has gone through; return quote units to the protocol and to others.

        Raises
        ------
        Revert
            If the owner cannot pay.
        """
        ledger, quote = world.ledger, world.quote
        shared = self.protocol_units, self.price_units - self.protocol_units
        try:
            for target, units in zip((self.treasury, self.rest), shared, strict=True):
                ledger.transfer(quote, owner, target, units, Reason.TRANSFER)
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        unit = world.assets[quote].unit
        self.row.update(
            outcome="used", t_done_s=world.time_s, protocol_usd=shared[0] / unit, rest_usd=shared[1] / unit
        )
        return shared


class LiquidationRights:
    """Sales of rights in a run.

    Parameters
    ----------
    world : LiquidationMarket

    Attributes
    ----------
    rows : list of dict
        One for each right that was offered; see `table`.
    """

    def __init__(self, world: LiquidationMarket, oracle: PrivateOracle) -> None:
        config = world.scenario.oracle.auction
        assert config is not None
        self.world, self.oracle, self.config = world, oracle, config
        self.rows: list[dict[str, Any]] = []
        self._ties = world.stream("oracle/auction")
        open_account = world.ledger.open_account
        self._treasuries = [open_account(f"protocol/{market.pool.name}/treasury") for market in world.credit]
        self._rest = (
            world.builder.validators if config.rest_to == "validators" else open_account("oracle-operator")
        )
        self._sold: list[Transaction] = []
        self._rights: list[Right] = []
        self._closes_s = self._lapses_s = math.inf
        self._published = False

    def look(self) -> bool:
        """Sell rights if prices have arrived that make somebody liquidatable, else publish them.

        Returns
        -------
        bool
            Whether prices have become public since the last look.
        """
        world, oracle = self.world, self.oracle
        published, self._published = self._published, False
        if self._sold and world.time_s >= self._lapses_s:
            self._finish("lapsed")
        if self._sold or not oracle.fresh:
            return published
        oracle.fresh = False
        if not oracle.holds:
            return published
        found = self._uncovered()
        if found:
            self.sell(found)
            return published
        oracle.release(world.time_s)
        self._believe(oracle.answer.tolist())
        return True

    def execute(
        self, closes_s: float, gas_limit: int, run: Callable[[Transaction], tuple[int, int, int]]
    ) -> tuple[int, int, int]:
        """Let owners use their rights at the top of a block sealed at `closes_s`, as long as gas lasts.

        Returns
        -------
        tuple of int
            Gas used, transactions executed, and of these reverted.
        """
        if not self._sold or self._closes_s > closes_s or self._sold[0].gas > gas_limit:
            return 0, 0, 0
        world, oracle = self.world, self.oracle
        total = [0, 0, 0]
        with self._at(oracle.preview()):
            for call, right in zip(self._sold, self._rights, strict=True):
                if total[0] + call.gas > gas_limit:
                    right.row["outcome"] = "lapsed"
                    continue
                done = run(call)
                total = [a + b for a, b in zip(total, done, strict=True)]
        self._finish("reverted")
        if total[1] > total[2]:
            oracle.release(world.time_s)
            self._believe(oracle.answer.tolist())
            self._published = True
        return total[0], total[1], total[2]

    def table(self) -> pd.DataFrame:
        """Return one row for each right that was offered; columns are `COLUMNS`."""
        frame = pd.DataFrame(self.rows, columns=list(COLUMNS))
        for name in ("protocol", "collateral", "debt", "winner"):
            frame[name] = pd.Categorical(frame[name].astype("str"))
        frame["outcome"] = pd.Categorical(frame.outcome, OUTCOMES)
        return frame

    def _uncovered(self) -> list[Opportunity]:
        """Return accounts that are sound in public and not at the prices that wait, richest first."""
        world, public, waiting = self.world, self.oracle.answer.tolist(), self.oracle.preview()
        stables = world.desk.stables  # what is owed; all else only secures
        if not any(
            new > old if asset in stables else new < old
            for asset, (old, new) in enumerate(zip(public, waiting, strict=True))
        ):
            return []
        gas_usd = world.gas_usd(world.scenario.chain.gas_per_liquidation, world.gas.floor)
        before = [market.pool.weights(int(world.time_s)) for market in world.credit]
        found: list[Opportunity] = []
        with self._at(waiting):
            for market, weights in zip(world.credit, before, strict=True):
                found += uncovered_accounts(market.pool, market.number, weights, world.time_s, gas_usd)
        return sorted(found, key=lambda o: (-o.bonus * o.repay_usd, o.protocol, o.account))

    def sell(self, found: list[Opportunity]) -> None:
        """Hold a sealed auction for each account in turn: whoever has won has so much less to spend."""
        world, config = self.world, self.config
        self._closes_s = world.time_s + config.window_s
        self._lapses_s = world.time_s + config.fallback_delay_s
        bidders = [bot for bot in world.bots if bot.delay_s() <= config.window_s]
        won: dict[int, list[RightBid]] = {bot.account: [] for bot in bidders}
        with self._at(self.oracle.preview()):
            view = world.market_view()
            for opportunity in found:
                bids: list[tuple[float, float, LiquidatorBot, RightBid]] = []
                for bot in bidders:
                    bid = bot.bid_for_right(opportunity, view, won[bot.account], config.price == "second")
                    if bid is not None and bid.bid_usd >= config.reserve_usd:
                        bids.append((bid.bid_usd, float(self._ties.random()), bot, bid))
                row = self._offer(opportunity, len(bids))
                if bids:
                    bids.sort(key=lambda item: item[:2], reverse=True)
                    second = bids[1][0] if len(bids) > 1 else -math.inf
                    bid_usd, tie, bot, bid = bids[0]
                    won[bot.account].append(bid)
                    price = _price(bid_usd, second, config.reserve_usd, config.price == "second")
                    self._award(row, bot, bid, price, tie)

    def _offer(self, opportunity: Opportunity, bidders: int) -> dict[str, Any]:
        world, assets = self.world, self.world.assets
        row: dict[str, Any] = {
            "t_s": world.time_s,
            "protocol": world.credit[opportunity.protocol].pool.name,
            "account": opportunity.account,
            "collateral": assets[opportunity.collateral].symbol,
            "debt": assets[opportunity.debt].symbol,
            "repay_usd": opportunity.repay_usd,
            "bonus_usd": opportunity.repay_usd * opportunity.bonus,
            "bidders": bidders,
            "winner": "",
            "bid_usd": 0.0,
            "price_usd": 0.0,
            "outcome": "unsold",
            "t_done_s": math.nan,
            "protocol_usd": 0.0,
            "rest_usd": 0.0,
        }
        self.rows.append(row)
        return row

    def _award(
        self, row: dict[str, Any], winner: LiquidatorBot, bid: RightBid, price_usd: float, tie: float
    ) -> None:
        """Put the winner's call down for the next block that is sealed after the bids have closed."""
        world, chain, call = self.world, self.world.scenario.chain, bid.call
        row.update(winner=winner.name, bid_usd=bid.bid_usd, price_usd=price_usd)
        price = int(price_usd * world.assets[world.quote].unit)
        number = call.opportunity.protocol
        right = Right(
            world.time_s, price, int(price * self.config.recapture), self._treasuries[number], self._rest, row
        )
        self._rights.append(right)
        gas = chain.gas_per_liquidation + (chain.gas_per_swap if call.exit == "pool" else 0)
        self._sold.append(Transaction(
            winner.account, "right", gas, 0, call.price_gwei, self._closes_s, tie,
            Liquidation(winner, call, right), call.opportunity.account, number, private=True, protected=True,
        ))  # fmt: skip

    def _finish(self, otherwise: str) -> None:
        """Close the sale; rights that were not used end as `otherwise`."""
        for right in self._rights:
            if right.row["outcome"] == "unsold":
                right.row["outcome"] = otherwise
        self._sold, self._rights = [], []

    def _believe(self, answers: list[int]) -> None:
        """Let everybody take these prices, with 8 decimals, for the oracle's."""
        self.world.oracle_prices = [answer / 10**ANSWER_DECIMALS for answer in answers]
        for market in self.world.credit:
            market.pool.set_prices(answers)

    @contextmanager
    def _at(self, answers: list[int]) -> Iterator[None]:
        """Let everybody take these prices for the oracle's, and then the public ones again."""
        self._believe(answers)
        try:
            yield
        finally:
            self._believe(self.oracle.answer.tolist())


def rights_of(world: LiquidationMarket) -> LiquidationRights | None:
    """Build the sales of rights that a scenario asks for, if it does."""
    return LiquidationRights(world, world.oracle) if isinstance(world.oracle, PrivateOracle) else None


def check_rights(scenario: Scenario, credit: list[CreditMarket]) -> None:
    """Refuse to sell rights to calls where there are none.

    Raises
    ------
    ScenarioError
        With the reason.
    """
    if scenario.oracle.auction is None:
        return
    for market in credit:
        if market.pool.kicked:
            raise ScenarioError(
                f"oracle.auction sells the right to a liquidation call, and {market.pool.name} has none: "
                "it takes accounts over, and what they had is sold to anybody; allowed with protocols "
                "that liquidators call"
            )
