"""What a liquidated borrower loses others get, to the last base unit, each side measured on its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.world.cost_table import PARTS, cost_table
from liquidarium.experiments.world.costs import Purse
from liquidarium.experiments.world.journal import Journal
from liquidarium.experiments.world.outcome import run_tables
from liquidarium.protocols.lending.pool import Sale

CRASH = ("clock.start=2021-05-19T12:50:00Z", "clock.duration_s=1500")
ALONE = ("agents.searcher.count=0", "borrowers.reaction_scale=0")
"""Nobody trades or pays gas but liquidators."""

LOTS = (
    "protocol.mechanism.rest.kind=reserves",
    "protocol.mechanism.sizing={kind='full'}",
    "protocol.mechanism.keeper={tip_usd=300, chip=0.005}",
)
"""What auctions of the laboratory share."""

KINDS = {
    "aave-v2": (),
    "aave-v3": (),
    "aave-v4-style": (),
    "compound-v2": ("protocol.protocol_seize_share=0.028",),
    "morpho-blue": (),
    "euler-v1": (),
    "euler-v2": (),
    "silo": (),
    "fluid": (),
    "ajna": (),
    "llamma": (),
    "comet": (),
    "maker": ("protocol.collateral.ETH.step_s=9", "protocol.collateral.BTC.step_s=9"),
    "maker-flip": ("protocol.collateral.ETH.bid_s=60", "protocol.collateral.BTC.bid_s=60"),
    "liquity": (),
    "liquity-v2": (),
    "laboratory sealed-second": (*LOTS, "protocol.mechanism.pricing={kind='sealed-second', window_s=60}"),
    "laboratory batch": (*LOTS, "protocol.mechanism.pricing={kind='batch', window_s=60}"),
    "laboratory dutch-stairs": (*LOTS, "protocol.mechanism.pricing={kind='dutch-stairs'}"),
    "laboratory english": (*LOTS, "protocol.mechanism.pricing={kind='english', bid_s=60}"),
}
SEEDS = (2, 4, 7)


def settings_of(kind: str) -> tuple[str, ...]:
    return (*CRASH, f"protocol.kind={kind.split(maxsplit=1)[0]}", *KINDS[kind])


def finished(kind: str, seed: int, *overrides: str, scenario: str = "quickstart") -> LiquidationMarket:
    model = LiquidationMarket(scenario, seed, (*settings_of(kind), *overrides), collect_every=0)
    model.run()
    return model


def gaps(costs: pd.DataFrame) -> list[int]:
    """Return what is left of each borrower's loss once all parts are taken off, base units."""
    return (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).tolist()


@pytest.fixture(scope="module")
def called():
    return finished("aave-v2", 1)


@pytest.fixture(scope="module", params=KINDS)
def alone(request):
    model = finished(request.param, 7, *ALONE)
    return model, run_tables(model)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_parts_add_up_to_the_last_unit_in_every_row(kind, seed):
    model = finished(kind, seed)
    costs = cost_table(model)
    assert len(costs) > 3
    assert not any(gaps(costs))
    assert (costs.dtypes[["borrower_loss", *PARTS, "liquidator_net"]] == np.int64).all()


@pytest.mark.parametrize("decimals", [4, 9])
def test_parts_add_up_where_debt_is_counted_in_other_units_than_cash(decimals):
    """The desk rounds a swap once, with what the account held before: the refund of a bid, for one."""
    changes = ("borrowers.count=800", f"assets.DAI.decimals={decimals}")
    for kind in ("aave-v2", "maker-flip", "maker"):
        model = finished(kind, 3, *changes, scenario="may-2021")
        costs = cost_table(model)
        assert "DAI" in {row[5] for row in model.recorder.liquidations}
        assert not any(gaps(costs))
        if kind == "maker-flip":
            assert (costs.kind == "sale").any()
            assert any(pay.held for cost in model.recorder.costs for pay in cost.moved.payments)


def test_raises_of_one_bidder_add_up_and_another_bidder_begins_anew(called):
    journal, ledger, quote = Journal(called), called.ledger, called.quote
    first, second = (bot.account for bot in called.bots[:2])
    sale = Sale(5, "bids", 0, collateral=0, debt=quote, units=10, price=1.0, most=100)
    for bidder, pay, total in ((first, 40, 40), (first, 70, 70), (second, 90, 90)):
        journal.bid(0, sale, bidder, Purse(ledger, bidder, quote, 0, quote), pay, "book", 0.03)
        assert sum(payment.units for payment in journal.won(0, sale, bidder, 10).payments) == total


def test_rows_are_those_of_liquidations_and_sales(alone):
    _, tables = alone
    costs, done, sales = tables["costs"], tables["liquidations"], tables["sales"]
    calls = costs[costs.kind.isin(["call", "kick"])]
    for rows, table, who in ((calls, done, "liquidator"), (costs[costs.kind == "sale"], sales, "buyer")):
        assert rows.id.tolist() == list(range(len(table)))
        assert rows.account.tolist() == table.account.tolist()
        assert rows.block.tolist() == table.block.tolist()
        assert rows.liquidator.tolist() == table[who].tolist()
        assert rows.collateral.tolist() == table.collateral.tolist()


def of_payment(entry, fee):
    (payment,) = entry.moved.payments
    entry.moved = entry.moved._replace(payments=(payment._replace(fee=payment.fee + fee),))


def of_moved(entry, **change):
    entry.moved = entry.moved._replace(**change)


def of_exit(entry, **change):
    entry.exits[-1] = entry.exits[-1]._replace(**change)


ASTRAY = {
    "cash of the call, by the ledger": lambda cost: of_moved(cost, cash=cost.moved.cash - 1),
    "fee of the loan, by the rule": lambda cost: of_payment(cost, 1),
    "proceeds, by the market": lambda cost: of_exit(cost, received=cost.exits[-1].received + 1),
    "proceeds, by the ledger": lambda cost: of_exit(cost, cash=cost.exits[-1].cash + 1),
    "collateral, by the ledger": lambda cost: of_moved(
        cost, gained=tuple((asset, units + 1000) for asset, units in cost.moved.gained)
    ),
}
"""What one side says is changed by a base unit, of the collateral by a thousandth of a cent."""


@pytest.mark.parametrize("what", ASTRAY)
def test_a_unit_that_goes_astray_on_one_side_is_noticed(what, called):
    cost = next(c for c in called.recorder.costs if c.exits)
    kept = cost.moved, list(cost.exits)
    assert not any(gaps(cost_table(called)))
    ASTRAY[what](cost)
    wrong = np.count_nonzero(gaps(cost_table(called)))
    cost.moved, cost.exits = kept
    assert wrong == 1


def test_dropping_any_one_leg_is_noticed(alone):
    """Every part that is not zero everywhere is needed."""
    _, tables = alone
    costs = tables["costs"]
    for part in PARTS:
        if costs[part].any():
            without = costs[[p for p in PARTS if p != part]].sum(axis=1)
            assert (costs.borrower_loss != without).any()


RESTARTED = tuple(
    f"protocol.collateral.{symbol}.{key}"
    for symbol in ("ETH", "BTC")
    for key in ("tail_s=36", "buffer=1.6", "tip=300", "step_s=9")
)
"""Maker's auctions begin so high that they must be restarted, which pays."""


@pytest.mark.parametrize("kind", [*KINDS, "maker restarted"])
def test_totals_are_those_of_the_summary(kind):
    """A float of USD in each row there, a rounding down to 1e-6 USD of each value here."""
    restarted = kind.endswith(" restarted")
    kind = kind.removesuffix(" restarted")
    result = run("quickstart", 7, overrides=(*settings_of(kind), *(RESTARTED if restarted else ())))
    costs, summary = result.costs, result.summary
    near = {"abs": 4e-6 * len(costs) + 1e-6}
    assert costs.borrower_loss.sum() / 1e6 == pytest.approx(summary["borrower_loss_usd"], **near)
    assert costs.liquidators_net.sum() / 1e6 == pytest.approx(summary["liquidator_profit_usd"], **near)
    gas = costs[["gas_floor", "builder", "reverted_gas", "upkeep_gas"]].to_numpy().sum() / 1e6
    assert gas == pytest.approx(summary["gas_usd"], **near)
    assert (costs.kind == "chore").any() == restarted


@pytest.mark.parametrize("kind", ["aave-v3", "aave-v4-style", "compound-v2"])
def test_a_call_takes_what_its_liquidator_and_the_protocol_get(kind):
    result = run("quickstart", 7, overrides=settings_of(kind))
    done, costs = result.liquidations, result.costs
    calls = costs[costs.kind == "call"].reset_index()
    assert (calls.protocol_revenue > 0).any()
    fee = done.seized_usd - done.repaid_usd - done.bonus_usd
    assert fee.to_numpy() == pytest.approx(calls.protocol_revenue / 1e6, abs=4e-6)


def test_totals_are_those_of_welfare(alone):
    """Where nobody but liquidators trades for a gain: their gain, the flash lender's, the validators'."""
    model, tables = alone
    costs, gain = tables["costs"], tables["welfare"].set_index("group").gain_usd
    near = {"abs": 4e-6 * len(costs) + 1e-6}
    # bids and bonds that the protocol still holds at the end
    waiting = gain.get("bidders", 0.0) + gain.get("kickers", 0.0)
    assert costs.liquidators_net.sum() / 1e6 == pytest.approx(gain["liquidators"] + waiting, **near)
    assert costs.flash_fee.sum() / 1e6 == pytest.approx(gain["flash-lender"], **near)
    gas = costs[["gas_floor", "builder", "reverted_gas", "upkeep_gas"]].to_numpy().sum()
    assert gas == model.ledger.balance(model.builder.validators, model.quote)


def usd(model, units) -> float:
    return float(units @ (np.array(model.oracle_prices) / model.world.units))


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.split()[0] not in ("ajna", "maker-flip", "laboratory")]
)
def test_loss_and_revenue_are_what_claims_on_the_protocol_say(kind, monkeypatch):
    """Borrowers' claims fall by their loss; what the protocol has beyond them rises by its revenue.

    In an auction of bids both move with each bid and not with the row; lots of the laboratory stay the
    borrower's until they are sold; a kicker's bond is in the row of its return. Coins in circulation are
    owed.
    """
    model = LiquidationMarket("quickstart", 7, (*settings_of(kind), *ALONE), collect_every=0)
    pool = model.lending.pool
    change: list[list[float]] = [[]]
    noted = {}

    class Noting(list):
        def append(self, cost):
            super().append(cost)
            noted[id(cost)] = change[0]

    def books():
        claims = pool.claims(int(model.time_s))
        held = model.ledger.balances[pool.account].astype(float)
        return claims["borrowers"], held - claims["borrowers"] - claims.get("outside", 0.0)

    def watched(operation):
        def measured(*args):
            before = books()
            result = operation(*args)
            change[0] = [usd(model, now - then) for then, now in zip(before, books(), strict=True)]
            return result

        return measured

    for name in ("liquidate", "kick", "buy"):
        monkeypatch.setattr(pool, name, watched(getattr(pool, name)))
    model.recorder.costs = Noting()
    model.run()
    costs = cost_table(model)
    costs = costs[costs.id >= 0]
    borrowers, others = np.array([noted[id(cost)] for cost in model.recorder.costs if cost.row]).T
    assert -borrowers == pytest.approx(costs.borrower_loss / 1e6, abs=0.01)
    assert others == pytest.approx(costs.protocol_revenue / 1e6, abs=0.01)


def test_gas_of_failed_attempts_is_told_once_and_at_the_account_they_were_for(called):
    """Every unit of it is in one row; what an account cost its row has, and `idle` what led to nothing."""
    tables = run_tables(called)
    costs, bids = tables["costs"], tables["bids"]
    failed = bids[(bids.kind == "liquidation") & ~bids.executed].groupby("account").gas_usd.sum()
    told = costs[costs.id >= 0].groupby("account").reverted_gas.sum() / 1e6
    served = failed[failed.index.isin(told.index)]
    assert len(served) > 3
    assert told[served.index].to_numpy() == pytest.approx(served.to_numpy())
    assert costs.reverted_gas.sum() / 1e6 == pytest.approx(failed.sum())


def test_on_a_book_the_first_unit_loses_half_the_spread_and_size_never_gains(alone):
    model, tables = alone
    costs = tables["costs"]
    assert (costs.spread_and_fee >= -1).all(), "a value may be rounded down by one unit"
    assert (costs.impact >= -1).all()
    assert (costs.builder >= 0).all()
    assert (costs.gas_floor >= 0).all()
    by_row = {id(cost.row): cost for cost in model.recorder.costs if cost.row}
    rows = [*model.recorder.liquidations, *model.recorder.sales]
    on_book = [by_row[id(row)] for row in rows if by_row[id(row)].exits and by_row[id(row)].exits[0].given]
    assert all(sale.price == sale.mid > sale.first for cost in on_book for sale in cost.exits)
