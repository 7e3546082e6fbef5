"""The summary of a run: a dozen numbers, each with a unit and a sign.

`docs/summary.md` holds the same table of keys. Everything that the tables hold
is computed from them; what they do not hold is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

SUMMARY_KEYS: dict[str, tuple[str, str]] = {
    "scenario": ("text", "name of the scenario"),
    "seed": ("integer", "root seed"),
    "blocks": ("count", "blocks simulated"),
    "borrowers": ("count", "accounts with a position at the start"),
    "left_out": ("count", "accounts that owe less than their protocol allows, and so are not there"),
    "unsafe_at_start": ("count", "accounts that could be liquidated before the first block"),
    "restricted_at_start": (
        "count",
        "parts of the protocols that begin in recovery mode or below their critical ratio",
    ),
    "unsafe_settings": (
        "text",
        "protocols with parameters that are toxic or that the contract would refuse (`unsafe = true`), "
        "empty for none",
    ),
    "market_events": ("count", "book commands, trades, transactions and oracle updates"),
    "liquidations": ("count", "liquidation calls that went through, and accounts that protocols took over"),
    "debt_repaid_usd": ("USD, >= 0", "debt taken off liquidated accounts, at oracle prices"),
    "collateral_seized_usd": (
        "USD, >= 0",
        "what was taken from them and not given back, at oracle prices: bonus, the protocol's fee and what "
        "owners of troves had set aside included",
    ),
    "liquidator_profit_usd": (
        "USD, + is a gain",
        "profit of all liquidators, pay for upkeep included, after the gas of all their bids",
    ),
    "unsold_usd": ("USD, >= 0", "collateral that liquidators still hold at the end, at the last mids"),
    "gas_usd": ("USD, >= 0", "gas of liquidations, purchases and bids, of those that failed too"),
    "borrower_loss_usd": ("USD, + is a loss", "collateral seized less debt repaid"),
    "bad_debt_usd": (
        "USD, >= 0",
        "debt beyond collateral at the end, summed over accounts, and losses that protocols have taken",
    ),
    "conservation_error_usd": ("USD, exactly 0", "money that the ledger lost or made"),
    "content_hash": ("text", "hash of all result tables; equal for equal runs"),
    "wall_s": ("s", "time from the first to the last block; the only number that differs between equal runs"),
}
"""Key -> (unit and sign, meaning), in the order of the summary."""

Summary = dict[str, str | int | float]


def summarise(
    tables: Mapping[str, pd.DataFrame],
    *,
    scenario: str,
    seed: int,
    borrowers: int,
    left_out: int,
    unsafe_at_start: int,
    restricted_at_start: int,
    unsafe_settings: str,
    market_events: int,
    conservation_error_usd: float,
    bad_debt_usd: float,
    other_gas_usd: float,
    upkeep_pay_usd: float,
    unsold_usd: float,
    content_hash: str,
    wall_s: float,
) -> Summary:
    """Compute the summary of a run.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``blocks``, ``liquidations`` and ``sales``.
    scenario, seed, borrowers, left_out, unsafe_at_start, restricted_at_start, unsafe_settings, market_events
    conservation_error_usd, bad_debt_usd, content_hash, wall_s
        What the tables do not hold, see `SUMMARY_KEYS`.
    other_gas_usd : float
        Gas of liquidators' transactions that failed or stand in no row of these tables, USD; not
        taken from the table of bids, which a run may leave out.
    upkeep_pay_usd : float
        What protocols have paid for upkeep such as restarting an auction, USD.
    unsold_usd : float
        See `SUMMARY_KEYS`.

    Returns
    -------
    dict
        Keys of `SUMMARY_KEYS`, plain numbers and text.
    """
    done, sales = tables["liquidations"], tables["sales"]
    repaid = float(done["repaid_usd"].sum())
    seized = float(done["seized_usd"].sum()) - float(sales["returned_usd"].sum())
    profit = float(done["profit_usd"].sum()) + float(sales["profit_usd"].sum())
    gas = float(done["gas_usd"].sum()) + float(sales["gas_usd"].sum()) + other_gas_usd
    return {
        "scenario": scenario,
        "seed": seed,
        "blocks": len(tables["blocks"]),
        "borrowers": borrowers,
        "left_out": left_out,
        "unsafe_at_start": unsafe_at_start,
        "restricted_at_start": restricted_at_start,
        "unsafe_settings": unsafe_settings,
        "market_events": market_events,
        "liquidations": len(done),
        "debt_repaid_usd": repaid,
        "collateral_seized_usd": seized,
        "liquidator_profit_usd": profit + upkeep_pay_usd - other_gas_usd,
        "unsold_usd": unsold_usd,
        "gas_usd": gas,
        "borrower_loss_usd": seized - repaid,
        "bad_debt_usd": bad_debt_usd,
        "conservation_error_usd": conservation_error_usd,
        "content_hash": content_hash,
        "wall_s": wall_s,
    }
