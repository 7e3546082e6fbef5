"""What made each account liquidatable: the oracle's update, and whose sales had moved the price it read.

The test is *but for*: had the update said the outside price, would the account have become
liquidatable? If so, the outside price is the cause. If not, the distance between both prices is, and
it is shared out among the forced sales before the update by what is left of their impact; what they
do not explain is the market's own noise. Nothing is recorded for this beside the tables of a run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...market.streams import Streams
from ..runs import RunResult
from ..world.assembly import build_outside
from .claims import Floats
from .errors import ContagionError

LEAST_IMPACT = 1e-9
"""Log price move below which a sale counts as without impact."""

LEAST_GAP = 1e-7
"""Log distance of an update from the outside price that is no more than its rounding to 8 decimals."""

AUCTIONED = ("maker", "maker-flip")
"""Kinds of protocols that give a borrower back what an auction need not sell."""

LEAST_LOT_USD = 1.0
"""Collateral worth less than this is what rounding leaves of an auction that is over."""

JUST_LIQUIDATABLE = 1.0 - 1e-12
"""Highest health factor of an account that may be liquidated."""


@dataclass(frozen=True, eq=False)
class Causes:
    """Who failed in a run, and why.

    Attributes
    ----------
    events : DataFrame
        One row for each liquidation, in their order, and then one for each account that is under water at
        the end; see `EVENT_COLUMNS`.
    edges : DataFrame
        ``child`` (row of `events`), ``parent`` (name), ``event`` (row of `events` that the parent is, -1 for
        a root) and ``weight``; the weights of a child add up to 1. Roots are ``outside/ASSET``,
        ``market/ASSET`` (noise of books and pools), ``defence/PROTOCOL-ACCOUNT`` (a borrower who sold to
        repay), ``sale/PROTOCOL`` (collateral that no kick of the run had brought), ``start`` (liquidatable
        from the first block) and ``own`` (interest, or the account's doing).
    """

    events: pd.DataFrame
    edges: pd.DataFrame


EVENT_COLUMNS = {
    "kind": "liquidation, or default for an account under water at the end",
    "protocol": "where",
    "account": "borrower",
    "liquidator": "agent that called, empty for a default",
    "asset": "collateral that was seized, or the main one",
    "block": "block of the call; of the last one for a default",
    "t_eligible_s": "when the account became liquidatable",
    "oracle_asset": "asset whose update made it so, empty if none did",
    "oracle_price": "price that the update said, USD per token; NaN without one",
    "outside_price": "price outside when it was read, USD per token",
    "outside_enough": "whether the outside price would have done it then, too",
    "sooner_s": "by how much the outside price alone would have been later, seconds; NaN for never",
    "loss_usd": "loss of the borrower: collateral taken, and not on its way back, less debt taken off",
    "bad_debt_usd": "loss of the protocol's creditors",
}
"""Columns of `Causes.events`, with their meaning."""


def find_causes(result: RunResult) -> Causes:
    """Find what caused every liquidation and default of a run.

    An account is taken to depend on the collateral that is seized, and to have been until the call as it
    was at the call. A book or pool forgets a sale at the scenario's ``flow.anchor_per_s``. Losses that a
    protocol has taken in auctions are spread over those that did not raise the debt.

    Raises
    ------
    ContagionError
        If the run has no table of forced sales.
    """
    if "forced_sales" not in result.tables:
        raise ContagionError("the run has no table forced_sales; needed: a run of this version")
    events = failures(result)
    sales = _sales(result)
    updates = _Updates(result)
    found: list[dict[str, object]] = []
    edges: list[tuple[int, str, int, float]] = []
    parents: dict[tuple[str, float], tuple[list[tuple[str, int, float]], float]] = {}
    columns = ("t_eligible_s", "t_s", "asset", "debt", "health_factor", "number")
    for row in zip(*(events[name].tolist() for name in columns), strict=True):
        t_eligible, t_s, asset, debt, health, number = row
        update = updates.at(t_eligible, asset, debt)
        if update is None:
            found.append({"oracle_asset": "", "outside_enough": True, "sooner_s": 0.0})
            edges.append((number, "start" if t_eligible <= 0.0 else "own", -1, 1.0))
            continue
        seen = updates.read(update, t_s, health, debt)
        found.append(seen.row)
        if seen.row["outside_enough"]:
            edges.append((number, f"outside/{update[0]}", -1, 1.0))
            continue
        if update not in parents:
            parents[update] = _parents(sales, update[0], seen.block, seen.gap, result)
        shares, rest = parents[update]
        edges += [(number, name, event, weight) for name, event, weight in shares]
        if rest > 0.0:
            edges.append((number, f"market/{update[0]}", -1, rest))
    described = pd.DataFrame(
        found, columns=["oracle_asset", "oracle_price", "outside_price", "outside_enough", "sooner_s"]
    )
    table = pd.concat([events.drop(columns=["t_s", "debt", "health_factor", "number"]), described], axis=1)
    links = pd.DataFrame.from_records(edges, columns=["child", "parent", "event", "weight"])
    whole = {"child": np.int64, "event": np.int64, "weight": np.float64}
    return Causes(table[list(EVENT_COLUMNS)], links.astype(whole | {"parent": "str"}))


def kick_of_sale(result: RunResult) -> NDArray[np.int64]:
    """Return, for each row of ``sales``, the row of ``liquidations`` that brought the collateral.

    It is the latest kick of the account, or of that collateral where a sale belongs to no account; -1
    if there is none.
    """
    done, sales = result.liquidations, result.sales
    latest: dict[tuple[str, str | int], int] = {}
    kicks = zip(
        done.protocol.astype(str), done.account.tolist(), done.collateral.astype(str), done.block.tolist(),
        strict=True,
    )  # fmt: skip
    waiting = list(enumerate(kicks))
    found = np.full(len(sales), -1, np.int64)
    rows = zip(
        sales.protocol.astype(str), sales.account.tolist(), sales.collateral.astype(str),
        sales.block.tolist(), strict=True,
    )  # fmt: skip
    reached = 0
    for k, (protocol, account, collateral, block) in enumerate(rows):
        while reached < len(waiting) and waiting[reached][1][3] <= block:
            number, (where, who, what, _) = waiting[reached]
            latest[where, who] = latest[where, what] = number
            reached += 1
        found[k] = latest.get((protocol, account if account >= 0 else collateral), -1)
    return found


def failures(result: RunResult) -> pd.DataFrame:
    """Return liquidations, then accounts under water at the end, without their causes.

    Columns are those of `EVENT_COLUMNS` up to the oracle's, with ``loss_usd`` and ``bad_debt_usd``, and
    what is needed to judge an account: ``debt, t_s, health_factor, number``.
    """
    done, unit = result.liquidations, 10 ** result.scenario.asset(result.scenario.quote).decimals
    n = len(done)
    loss, costs, kicks = np.zeros(n), result.costs, kick_of_sale(result)
    for kind, number, amount in zip(
        costs.kind.astype(str), costs.id.tolist(), costs.borrower_loss.tolist(), strict=True
    ):
        event = number if kind in ("call", "kick") else kicks[number] if kind == "sale" else -1
        if event >= 0:
            loss[event] += amount / unit
    loss -= _still_for_sale(result, kicks)
    calls = pd.DataFrame(
        {
            "kind": "liquidation",
            "protocol": done.protocol.astype("str"),
            "account": done.account.astype(np.int64),
            "liquidator": done.liquidator.astype("str"),
            "asset": done.collateral.astype("str"),
            "debt": done.debt.astype("str"),
            "block": done.block.astype(np.int64),
            "t_s": done.t_done_s.astype(float),
            "t_eligible_s": done.t_eligible_s.astype(float),
            "health_factor": done.hf_before.astype(float),
            "loss_usd": loss,
            "bad_debt_usd": done.bad_debt_usd.astype(float),
        }
    )
    # all calls on an account since it became liquidatable are judged by its health at the first
    first = calls.groupby(["protocol", "account", "t_eligible_s"])
    calls["health_factor"] = first.health_factor.transform("first")
    calls["t_s"] = first.t_s.transform("first")
    last = result.positions[result.positions.snapshot == result.positions.snapshot.max()]
    under = last[(last.debt_usd > last.collateral_usd) & last.eligible_since_s.notna()]
    defaults = pd.DataFrame(
        {
            "kind": "default",
            "protocol": under.protocol.astype("str"),
            "account": under.account.astype(np.int64),
            "liquidator": "",
            "asset": under.main_collateral.astype("str"),
            "debt": "",
            "block": len(result.blocks) - 1,
            "t_s": under.t_s.astype(float),
            "t_eligible_s": under.eligible_since_s.astype(float),
            "health_factor": under.health_factor.astype(float),
            "loss_usd": 0.0,
            "bad_debt_usd": under.debt_usd - under.collateral_usd,
        }
    )
    # what stands on an account at the end is counted there, not at the call that left it
    key = ["protocol", "account"]
    if len(defaults) and len(calls):
        both = pd.MultiIndex.from_frame(calls[key]).isin(pd.MultiIndex.from_frame(defaults[key]))
        calls.loc[both, "bad_debt_usd"] = 0.0
    events = calls if not len(defaults) else pd.concat([calls, defaults], ignore_index=True)
    events["number"] = np.arange(len(events))
    short = _auction_losses(result, kicks)
    left = max(float(result.summary["bad_debt_usd"]) - float(events.bad_debt_usd.sum()), 0.0)
    if short.sum() > 0.0:
        events.loc[: n - 1, "bad_debt_usd"] += short * min(left / float(short.sum()), 1.0)
    return events


def _still_for_sale(result: RunResult, kicks: NDArray[np.int64]) -> Floats:
    """Return what a vault may expect back of each kick, as its collateral is not sold at the end; USD.

    That is collateral beyond the debt that its sale has still to raise, at the oracle's price of the kick.
    """
    done, sales = result.liquidations, result.sales
    kinds = {config.name or config.kind: config.kind for config in result.scenario.lending}
    auctioned = done.protocol.astype(str).map(kinds).isin(AUCTIONED).to_numpy()
    if not auctioned.any():
        return np.zeros(len(done))
    updates = _Updates(result)

    def price(rows: pd.DataFrame, times: str) -> Floats:
        pairs = zip(rows.collateral.astype(str), rows[times].tolist(), strict=True)
        return np.array([updates.price(asset, t_s) for asset, t_s in pairs], float)

    at_kick = price(done, "t_done_s")
    tokens = done.seized_usd.to_numpy(float) / at_kick
    owed = done.repaid_usd.to_numpy(float).copy()
    mine = kicks >= 0
    gone = (sales.bought_usd + sales.returned_usd).to_numpy(float) / price(sales, "t_s")
    np.subtract.at(tokens, kicks[mine], gone[mine])
    np.subtract.at(owed, kicks[mine], sales.paid_usd.to_numpy(float)[mine])
    worth = np.where(tokens * at_kick > LEAST_LOT_USD, tokens * at_kick, 0.0)
    return np.where(auctioned, np.maximum(worth - np.maximum(owed, 0.0), 0.0), 0.0)


def _auction_losses(result: RunResult, kicks: NDArray[np.int64]) -> Floats:
    """Return, for each kick whose auction has sold something, the debt that the money did not cover; USD."""
    mine = (kicks >= 0) & (result.sales.account.to_numpy() >= 0)
    paid, sold = np.zeros(len(result.liquidations)), np.zeros(len(result.liquidations), np.bool_)
    np.add.at(paid, kicks[mine], result.sales.paid_usd.to_numpy(float)[mine])
    sold[kicks[mine]] = True
    return np.where(sold, np.maximum(result.liquidations.repaid_usd.to_numpy(float) - paid, 0.0), 0.0)


def _sales(result: RunResult) -> pd.DataFrame:
    """Return forced sales with impact: ``asset, block, impact`` (log), ``event`` and ``name``."""
    sales, kicks = result.forced_sales, kick_of_sale(result)
    impact = np.log(sales.price_before.to_numpy(float) / sales.price_after.to_numpy(float))
    event, names = np.full(len(sales), -1, np.int64), []
    columns = (
        sales.source.astype(str), sales.id.tolist(), sales.protocol.astype(str), sales.account.tolist(),
    )  # fmt: skip
    for k, (source, number, protocol, account) in enumerate(zip(*columns, strict=True)):
        if source != "defence":
            event[k] = kicks[number] if source == "sale" else number
        root = f"defence/{protocol}-{account}" if source == "defence" else f"sale/{protocol}"
        names.append(root if event[k] < 0 else f"liquidation/{event[k]}")
    table = pd.DataFrame(
        {
            "asset": sales.asset.astype("str"),
            "block": sales.block.astype(np.int64),
            "impact": impact,
            "event": event,
            "name": np.array(names, dtype=object),
        }
    )
    return table[table.impact > LEAST_IMPACT]


def _parents(
    sales: pd.DataFrame, asset: str, block: int, gap: float, result: RunResult
) -> tuple[list[tuple[str, int, float]], float]:
    """Share a gap between outside and oracle out among sales before a block; return the rest, too."""
    clock, flow = result.scenario.clock, result.scenario.flow
    before = sales[(sales.asset == asset) & (sales.block < block)]
    age_s = (block - before.block.to_numpy(float)) * clock.block_time_s
    left: Floats = before.impact.to_numpy(float) * np.exp(-flow.anchor_per_s * age_s)
    total = float(left.sum())
    if total <= LEAST_IMPACT:
        return [], 1.0
    explained = min(total / gap, 1.0)
    shares: dict[tuple[str, int], float] = {}
    weights = (left * (explained / total)).tolist()
    for node in zip(before.name.tolist(), before.event.tolist(), weights, strict=True):
        shares[node[:2]] = shares.get(node[:2], 0.0) + node[2]
    return [(name, event, weight) for (name, event), weight in shares.items()], 1.0 - explained


@dataclass(frozen=True, slots=True)
class _Reading:
    """What an update said of an account: the block it was read, log distance to the outside price, row."""

    block: int
    gap: float
    row: dict[str, object]


class _Updates:
    """The oracle's updates of a run beside the outside prices when they were read."""

    def __init__(self, result: RunResult) -> None:
        scenario = result.scenario
        self.path = build_outside(scenario, Streams(result.seed)).path
        self.symbols = scenario.symbols
        self.block_time_s, self.delay_s = scenario.clock.block_time_s, scenario.oracle.delay_s
        table = result.oracle_updates
        self.times: dict[str, Floats] = {}
        self.prices: dict[str, Floats] = {}
        for asset, rows in table.groupby(table.asset.astype("str")):
            self.times[str(asset)] = rows.t_s.to_numpy(float)
            self.prices[str(asset)] = rows.price.to_numpy(float)
        pairs = zip(table.asset.astype(str), table.t_s.tolist(), strict=True)
        self.keys: dict[float, list[str]] = {}
        for asset, t_s in pairs:
            self.keys.setdefault(t_s, []).append(asset)

    def at(self, t_s: float, collateral: str, debt: str) -> tuple[str, float] | None:
        """Return the update at a moment that concerns an account, as (asset, time)."""
        assets = self.keys.get(t_s, [])
        for asset in (collateral, debt, *assets):
            if asset in assets:
                return asset, t_s
        return None

    def price(self, asset: str, t_s: float) -> float:
        """Return the oracle's price after all updates until a moment; the outside price before the first."""
        times = self.times.get(asset, np.empty(0))
        place = int(np.searchsorted(times, t_s, side="right")) - 1
        return float(self.prices[asset][place]) if place >= 0 else float(self._outside(asset)[0])

    def read(self, update: tuple[str, float], t_s: float, health: float, debt: str) -> _Reading:
        """Judge an account with a health factor at a later moment by an update."""
        asset, at_s = update
        outside = self._outside(asset)
        block = max(int((at_s - self.delay_s) / self.block_time_s + 1e-9), 0)
        price, fair = self.price(asset, at_s), float(outside[block])
        sign = -1.0 if asset == debt else 1.0  # a debt grows with its price
        then = min(health * (price / self.price(asset, t_s)) ** sign, JUST_LIQUIDATABLE)
        gap = sign * float(np.log(fair / price))
        enough = gap < LEAST_GAP or then * float(np.exp(gap)) < 1.0
        sooner = 0.0
        if not enough:
            later = np.flatnonzero(then * (outside[block:] / price) ** sign < 1.0)
            sooner = float(later[0]) * self.block_time_s if len(later) else np.nan
        row: dict[str, object] = {
            "oracle_asset": asset,
            "oracle_price": price,
            "outside_price": fair,
            "outside_enough": enough,
            "sooner_s": sooner,
        }
        return _Reading(block, gap, row)

    def _outside(self, asset: str) -> Floats:
        return np.asarray(self.path[:, self.symbols.index(asset)])
