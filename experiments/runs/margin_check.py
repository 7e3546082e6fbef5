"""Check the decisions of margin venues from the tables of a run alone.

Each mark is computed again from its stored inputs, and each liquidated account's equity and requirement
from its stored balance and positions at that mark, by the rules that the scenario names. An account
that was liquidated although its equity covered the requirement is a fault.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...protocols.margin.marks import MarkInputs, MarkRule
from ..scenarios import Scenario
from ..scenarios.margin import VenueConfig
from ..world.margin.auctions import position_price
from ..world.margin.contracts import build_contract, settlement_unit
from ..world.margin.rules import build_auction, build_mark, build_tiers
from .account_check import StoredNeeds
from .folders import RunFolderError
from .result import RunResult

CLOSE = 1e-9
"""Relative difference to which a mark must agree: other machines may round a root differently."""


def check_margin(result: RunResult) -> int:
    """Compute every margin decision of a run again.

    Parameters
    ----------
    result : RunResult

    Returns
    -------
    int
        Liquidations that were checked; 0 where the scenario has no venue.

    Raises
    ------
    RunFolderError
        If a mark is not that of its inputs, or an account was liquidated that the rule spares.
    """
    return sum(_check_venue(result, config) for config in result.scenario.venues)


def _check_venue(result: RunResult, config: VenueConfig) -> int:
    name, scenario = config.name, result.scenario
    marks = result.marks[result.marks["venue"] == name]
    rules = {
        symbol: build_mark(config.mark_of(scenario.asset(symbol).option is not None), f"venues.{name}")
        for symbol in config.contracts
    }
    contracts = {symbol: build_contract(scenario, symbol) for symbol in config.contracts}
    seen = {(row["block"], row["instrument"]): row for row in marks.to_dict("records")}
    for row in seen.values():
        _check_mark(row, rules[row["instrument"]], _tick_usd(scenario, row["instrument"]), name)
    unit = settlement_unit(scenario, config, float(marks["reference"].iloc[0])) if len(marks) else 1
    whole = StoredNeeds(result, config, seen) if _by_accounts(scenario, config) else None
    positions_of = result.margin_positions[result.margin_positions["venue"] == name]
    held = dict(iter(positions_of.groupby("id")))
    cases = result.margin_liquidations[result.margin_liquidations["venue"] == name]
    for case in cases.to_dict("records"):
        where = f"{name}: liquidation {case['id']} of account {case['account']} in block {case['block']}"
        if case["outcome"] == "expired":  # found at settlement, without a position
            continue
        positions = held.get(case["id"])
        if positions is None or any(
            (case["block"], symbol) not in seen for symbol in positions["instrument"]
        ):
            raise RunFolderError(f"{where} has no mark or no position")
        values, needed, lots_of = [], 0, dict.fromkeys(config.contracts, 0)
        for symbol, lots in zip(positions["instrument"], positions["lots"], strict=True):
            row = seen[case["block"], symbol]
            values.append(contracts[symbol].value(int(lots), int(row["mark_ticks"])))
            lots_of[symbol] = int(lots)
            needed += build_tiers(config, unit, row["margin_add_on"]).required(abs(values[-1]))
        equity = case["balance_units"] + sum(values) - int(positions["entry_units"].sum())
        if whole is not None:
            needs = whole.at(case["block"])(np.array([list(lots_of.values())]))
            needed = int(needs.maintenance[0])
            if math.isclose(needed, case["requirement_units"], rel_tol=CLOSE):
                needed = case["requirement_units"]
        if (equity, needed) != (case["equity_units"], case["requirement_units"]):
            raise RunFolderError(
                f"{where}: equity and requirement are {equity} and {needed} base units by the rule, "
                f"the table says {case['equity_units']} and {case['requirement_units']}"
            )
        if equity >= needed:
            raise RunFolderError(f"{where}: equity {equity} covers the requirement {needed} (base units)")
    _check_auctions(result, config)
    return len(cases)


def _by_accounts(scenario: Scenario, config: VenueConfig) -> bool:
    """Whether the venue margins whole accounts rather than positions by tiers."""
    options = any(scenario.asset(symbol).option is not None for symbol in config.contracts)
    return options or config.margin == "portfolio"


def _check_auctions(result: RunResult, config: VenueConfig) -> None:
    """Compute the price of every position that was auctioned again."""
    terms = build_auction(config.liquidation, f"venues.{config.name}")
    sales = result.tables.get("position_auctions")
    if terms is None or sales is None:
        return
    rule = terms[0]
    for sale in sales[sales["venue"] == config.name].to_dict("records"):
        gain = rule.concession(sale["equity_units"], sale["requirement_units"], sale["elapsed_s"])
        gain, held = min(gain, sale["bears_units"]), abs(sale["position_lots"])
        contract = build_contract(result.scenario, sale["instrument"])
        worth = abs(contract.value(held, sale["value_ticks"]))
        gain = gain * worth // sale["positions_units"]
        price = position_price(contract, sale["lots"], sale["value_ticks"], gain, held)
        if price != sale["paid_units"]:
            raise RunFolderError(
                f"{config.name}: {sale['lots']} lots of liquidation {sale['id']} cost {price} base units "
                f"in block {sale['block']} by the rule, the table says {sale['paid_units']}"
            )


def _check_mark(row: dict[Any, Any], rule: MarkRule, tick_usd: float, venue: str) -> None:
    inputs = MarkInputs(*(row[key] for key in MarkInputs._fields))
    price = float(rule.mark(inputs).price)
    ticks = max(round(price / tick_usd), 1)
    if not math.isclose(price, row["mark"], rel_tol=CLOSE) or ticks != row["mark_ticks"]:
        raise RunFolderError(
            f"{venue}: the mark of {row['instrument']} in block {row['block']} is {price:.10g} by its "
            f"inputs, the table says {row['mark']:.10g}"
        )


def _tick_usd(scenario: Scenario, symbol: str) -> float:
    book = scenario.asset(symbol).book
    assert book is not None
    return book.tick_usd
