"""A margin venue in the world: exact money, decisions that can be checked, rules that do what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.figures import write_report
from liquidarium.experiments.figures.margin import draw_margin
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs import SUMMARY_KEYS, RunFolderError, RunResult, margin_metrics
from liquidarium.experiments.runs.margin_check import check_margin
from liquidarium.experiments.runs.margin_metrics import false_liquidations
from liquidarium.experiments.runs.metrics import venue_measures
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.runs.tables import content_hash
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.sweeps import load_plan
from liquidarium.experiments.world.margin.records import (
    AUCTION_COLUMNS,
    BACKSTOP_COLUMNS,
    CROWD_COLUMNS,
    DELEVERAGING_COLUMNS,
    FUNDING_COLUMNS,
    LATE_COLUMNS,
    LIQUIDATION_COLUMNS,
    MARK_COLUMNS,
    POSITION_COLUMNS,
    ROUND_COLUMNS,
    SETTLEMENT_COLUMNS,
)
from typer.testing import CliRunner

COLUMNS = {
    "marks": MARK_COLUMNS,
    "margin_liquidations": LIQUIDATION_COLUMNS,
    "margin_positions": POSITION_COLUMNS,
    "deleveragings": DELEVERAGING_COLUMNS,
    "funding": FUNDING_COLUMNS,
    "late_liquidations": LATE_COLUMNS,
}

CRASH = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=900",
    "venues.perps.traders.count=300",
    "borrowers.count=50",
)
"""Fifteen minutes in which the price falls by a fifth."""

CALM = ("clock.duration_s=20", "borrowers.count=50", "venues.perps.traders.count=300")
"""Twenty seconds before that."""

POOR = ("venues.perps.insurance_fund_usd=1000", "venues.perps.mark={kind='model'}")
"""A fund that cannot pay for a mark that is late."""


def crash(*changes: str, seed: int = 3) -> RunResult:
    return run("perp-crash", seed, overrides=[*CRASH, *changes])


@pytest.fixture(scope="module")
def usual() -> RunResult:
    return crash()


@pytest.fixture(scope="module")
def poor() -> RunResult:
    return crash(*POOR)


@pytest.mark.parametrize(
    "changes",
    [
        (*POOR, "venues.perps.deleveraging=queue"),
        (*POOR, "venues.perps.deleveraging=pro-rata"),
        (*POOR, "venues.perps.deleveraging=capped-pro-rata"),
        (*POOR, "venues.perps.deleveraging=min-max"),
        (*POOR, "venues.perps.deleveraging=none"),
        (*POOR, "venues.perps.backstop={capital_usd=1_000_000}"),
        ("venues.perps.breaker={parameters={width=0.02, limit_s=4, pause_s=60}}",),
        ("venues.perps.funding.interval_s=60", "venues.perps.mark.haircut_deviations=2"),
        ("venues.perps.index={source='book-mid', delay_s=6}", "venues.perps.mark={kind='median'}"),
        ("venues.perps.dynamic_margin={horizon_s=3600, step=0.01}", "venues.perps.check_every_s=10"),
        ("venues.perps.liquidation={sizing='to-target', execution={kind='twap', horizon_s=20, slices=5}}",),
        ("venues.perps.liquidation={sizing='greedy', failure=0.3, cancel_latency_s=4, dispose_latency_s=6}",),
    ],
    ids=lambda changes: changes[-1].removeprefix("venues.perps.")[:40],
)
def test_no_unit_is_lost_whatever_closes_positions(changes):
    model = LiquidationMarket("perp-crash", seed=3, overrides=[*CRASH, *changes], collect_every=0)
    model.run()
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert model.conservation.error_usd(model.oracle_prices) == 0.0
    assert venue.accounts.balances[venue.fund] >= 0
    check_margin(run_result(model))
    model.close()


def run_result(model: LiquidationMarket) -> RunResult:
    from liquidarium.experiments.world.outcome import run_tables

    return RunResult(model.scenario, model.root_seed, run_tables(model), {})


def test_same_seed_gives_the_same_bytes(usual):
    assert crash().content_hash == usual.content_hash


MORE_COLUMNS = {
    "deleveraging_rounds": ROUND_COLUMNS,
    "position_auctions": AUCTION_COLUMNS,
    "backstop": BACKSTOP_COLUMNS,
    "crowd_trades": CROWD_COLUMNS,
}
"""Tables that are there only if something stands in them."""


def test_a_world_without_venues_has_none_of_their_tables():
    tables = run("quickstart", overrides=["clock.duration_s=60"]).tables
    assert not set(COLUMNS) & set(tables)


def test_tables_of_venues_have_the_columns_they_promise(poor):
    assert {name: tuple(poor.tables[name].columns) for name in COLUMNS} == COLUMNS
    assert all(len(poor.tables[name]) for name in ("marks", "margin_liquidations", "deleveragings"))


def test_the_page_lists_every_table_and_column_of_a_venue():
    text = (Path(__file__).parents[2] / "docs" / "margin-studies.md").read_text(encoding="utf-8")
    parts = re.split(r"^### `(\w+)`$", text, flags=re.MULTILINE)[1:]
    told = {
        name: tuple(re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE))
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
    assert told == COLUMNS | MORE_COLUMNS | {"settlements": SETTLEMENT_COLUMNS}


def test_who_is_sound_again_when_its_case_would_begin_gets_none():
    model = LiquidationMarket("perp-crash", seed=3, overrides=CRASH, collect_every=0)
    (venue,) = model.venues
    everybody, unsafe = np.arange(venue.n_traders), venue.maintenance.unsafe
    venue.maintenance.unsafe = lambda ticks: (unsafe(ticks), everybody)[1]  # as if all had traded since
    for _ in range(20):
        model.step()
    assert 0 < len(venue.records.cases) < venue.n_traders / 2
    model.close()


def test_an_account_is_only_liquidated_below_its_maintenance(usual):
    cases = usual.margin_liquidations
    assert (cases["equity_usd"] < cases["requirement_usd"]).all()
    assert check_margin(usual) == len(cases) > 0


@pytest.mark.parametrize(
    ("table", "column", "change"),
    [
        ("marks", "last", 0.99),
        ("marks", "mark", 1.01),
        ("margin_liquidations", "balance_units", 2),
        ("margin_positions", "entry_units", 2),
    ],
)
def test_a_decision_that_does_not_follow_from_its_inputs_is_found(usual, table, column, change):
    tables = {name: frame.copy() for name, frame in usual.tables.items()}
    tables[table][column] = (tables[table][column] * change).astype(tables[table][column].dtype)
    with pytest.raises(RunFolderError, match="perps: "):
        check_margin(RunResult(usual.scenario, usual.seed, tables, usual.summary))


def test_verify_says_what_it_checked_and_finds_a_tampered_table(usual, tmp_path, capsys):
    def verify() -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            app(args=["verify", str(folder)], prog_name="liquidarium")
        return int(stop.value.code or 0), "".join(capsys.readouterr())

    folder = usual.save(tmp_path / "run")
    code, said = verify()
    assert code == 0
    assert f"{len(usual.margin_liquidations):,} margin liquidations" in said

    tables = dict(usual.tables)
    tables["margin_liquidations"] = usual.margin_liquidations.assign(
        balance_units=usual.margin_liquidations["balance_units"] + 10**12
    )
    tables["margin_liquidations"].to_parquet(folder / "margin_liquidations.parquet", index=False)
    code, said = verify()
    assert code == 2
    assert "have changed" in said

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["content_hash"] = content_hash(tables)  # whoever tampers may also forge the hash
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, said = verify()
    assert code == 2
    assert "by the rule" in said


def test_only_the_book_is_fooled_by_a_manipulator_of_the_book():
    morning = ("clock.duration_s=600", "borrowers.count=50")
    by = {
        kind: run("thin-perp", 1, overrides=[*morning, f"venues.perps.mark={{kind='{kind}'}}"])
        for kind in ("last", "index")
    }
    assert len(by["last"].margin_liquidations) > len(by["index"].margin_liquidations)
    assert not by["index"].margin_liquidations["is_false"].any()
    assert by["last"].margin_liquidations["is_false"].any()


def test_a_run_says_what_its_venues_did(tmp_path):
    short = [part for change in CALM for part in ("--set", change)]
    called = CliRunner().invoke(
        app, ["run", "perp-crash", *short, "--json", "--no-figures", "--out", str(tmp_path / "json")]
    )
    said = json.loads(called.stdout)
    assert list(said) == [*SUMMARY_KEYS, "venues"]
    assert said["venues"] == venue_measures(RunResult.load(tmp_path / "json"))
    called = CliRunner().invoke(
        app, ["run", "perp-crash", *short, "--no-figures", "--out", str(tmp_path / "text")]
    )
    assert all(name in called.stdout for name in said["venues"])


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(
    ("lots", "move", "false"), [(10, -0.05, 0), (10, 0.05, 1), (-10, -0.05, 1), (-10, 0.05, 0)]
)
def test_who_would_have_been_liquidated_within_ten_minutes_is_not_falsely_liquidated(
    lots, move, false, inverse
):
    times = np.arange(0.0, 900.0, 3.0)
    reference = np.where(times < 300.0, 2_000.0, 2_000.0 * (1.0 + move))
    marks = pd.DataFrame({"venue": "perps", "instrument": "ETHPERP", "t_s": times, "reference": reference})
    case = {
        "venue": "perps", "id": 0, "t_s": 30.0, "is_false": True, "outcome": "sold",
        "reference_notional_usd": 20_000.0, "reference_requirement_usd": 200.0, "reference_equity_usd": 400.0,
    }  # fmt: skip
    tables = {
        "marks": marks,
        "margin_liquidations": pd.DataFrame([case]),
        "margin_positions": pd.DataFrame(
            [{"venue": "perps", "id": 0, "instrument": "ETHPERP", "lots": lots}]
        ),
    }
    scenario = load_scenario("perp-crash", overrides=[f"assets.ETHPERP.inverse={str(inverse).lower()}"])
    assert false_liquidations(SimpleNamespace(scenario=scenario, tables=tables, **tables)) == false


def test_false_liquidations_cost_what_owners_lost_against_the_outside_price(monkeypatch):
    cases = pd.DataFrame(
        {
            "notional_usd": [1000.0, 1000.0, 1000.0],
            "reference_equity_usd": [100.0, 10.0, 50.0],
            "equity_usd": [40.0, -50.0, 0.0],
            "closed_usd": [500.0, 1200.0, 1000.0],
            "slippage_usd": [3.0, 0.0, 1.0],
            "fee_usd": [2.0, 0.0, 1.0],
            "fund_paid_usd": [0.0, 50.0, 0.0],
            "haircut_usd": [0.0, 0.0, 0.0],
            "deficit_usd": [0.0, 0.0, 1.0],
        }
    )
    result = SimpleNamespace(margin_liquidations=cases, tables={"margin_liquidations": cases})
    monkeypatch.setattr(margin_metrics, "false_cases", lambda _: np.array([True, True, False]))
    assert (
        margin_metrics.false_cost_usd(result) == 0.5 * 60.0 + 3.0 + 2.0 + 10.0
    )  # nobody loses more than all
    assert margin_metrics.mark_cost_usd(result) == 45.0 + 51.0


def test_a_hybrid_mark_is_best_between_the_depths_of_the_two_dangers():
    study = load_plan("hybrid-threshold")
    cost = {}
    for threshold in (0, 300_000, 20_000_000):
        at = [f"venues.perps.mark.parameters.depth_{end}_usd={threshold}" for end in ("low", "high")]
        cost[threshold] = margin_metrics.mark_cost_usd(run("thin-perp", 1, overrides=[*study.set, *at]))
    assert 3.0 * cost[300_000] < min(cost[0], cost[20_000_000])


def test_a_case_that_the_outside_price_would_open_too_is_not_false(usual):
    unsafe_here_only = usual.margin_liquidations["is_false"].sum()
    assert 0 <= false_liquidations(usual) <= unsafe_here_only


def test_deleveraging_takes_from_winners_and_leaves_the_account_with_nothing_owed(poor):
    given, cases = poor.deleveragings, poor.margin_liquidations
    assert (given["equity_before_usd"] > 0).all()
    assert (given["haircut_usd"] >= 0).all()
    closed = cases[cases["outcome"] == "deleveraged"]
    assert len(closed)
    assert (closed["deficit_usd"] == 0).all()
    assert given.groupby("id")["haircut_usd"].sum().sum() == pytest.approx(cases["haircut_usd"].sum())


def test_without_deleveraging_somebody_is_left_with_a_loss(poor):
    alone = crash(*POOR, "venues.perps.deleveraging=none")
    assert not len(alone.deleveragings)
    assert alone.margin_liquidations["deficit_usd"].sum() > 0


def test_capped_pro_rata_spreads_what_a_queue_concentrates(poor):
    spread = crash(*POOR, "venues.perps.deleveraging=capped-pro-rata")
    assert spread.deleveragings["account"].nunique() > poor.deleveragings["account"].nunique()


def test_partial_liquidation_closes_less_than_a_full_one(usual):
    partly = crash("venues.perps.liquidation.sizing=to-target")
    first = partly.margin_liquidations.drop_duplicates("account")
    whole = usual.margin_liquidations.drop_duplicates("account")
    assert (first["outcome"] == "reduced").any()
    shares = [(cases["closed_usd"] / cases["notional_usd"]).mean() for cases in (first, whole)]
    assert shares[0] < 0.9 < shares[1]


def test_stages_take_their_time():
    late = crash(
        "venues.perps.liquidation.cancel_latency_s=10", "venues.perps.liquidation.dispose_latency_s=20"
    )
    done = late.margin_liquidations.dropna(subset="t_done_s")
    assert (done["t_done_s"] - done["t_s"]).min() >= 30.0


def test_a_halted_book_does_not_trade_and_opens_again():
    halted = crash("venues.perps.breaker={parameters={width=0.02, limit_s=4, pause_s=60}}")
    marks, trades = halted.marks, halted.trades
    resting = marks.loc[marks["halted"], "block"]
    assert 0 < len(resting) < len(marks)
    assert not marks["halted"].iloc[-1] or len(resting.diff().value_counts()) > 1
    contracts = trades[trades["asset"] == "ETHPERP"]
    assert not set(contracts["block"]) & set(resting[resting.diff() == 1])


def test_margin_that_follows_volatility_rises_in_the_crash_and_calls_more_accounts(usual):
    dynamic = crash("venues.perps.dynamic_margin={horizon_s=3600, maintenance=1.0}")
    assert dynamic.marks["margin_add_on"].max() > dynamic.marks["margin_add_on"].iloc[0]
    assert dynamic.margin_liquidations["account"].nunique() > usual.margin_liquidations["account"].nunique()


def test_a_manipulator_raises_the_margin_that_follows_the_volatility_of_its_book():
    morning = ("clock.duration_s=500", "borrowers.count=50", "venues.perps.dynamic_margin={horizon_s=3600}")
    add_on = {
        count: run("thin-perp", 1, overrides=[*morning, f"agents.attacker.count={count}"]).marks[
            "margin_add_on"
        ]
        for count in (0, 1)
    }
    assert add_on[1].max() > add_on[0].max()


def test_margin_is_checked_as_often_as_the_venue_says():
    seldom = crash("venues.perps.check_every_s=60")
    assert (seldom.margin_liquidations["t_s"] % 60 == 0).all()


def test_a_venue_is_drawn_whether_or_not_anybody_is_liquidated(usual, tmp_path):
    quiet = run("perp-crash", 1, overrides=[*CALM, "venues.perps.breaker={}"])
    assert not len(quiet.margin_liquidations)
    for result in (quiet, usual):
        assert draw_margin(result, tmp_path).read_bytes().startswith(b"\x89PNG")
        assert "## Margin venues" in write_report(result, tmp_path, []).read_text()


def test_a_halt_that_does_not_end_stops_the_run_with_its_name():
    parameters = "width=0.02, limit_s=4, pause_s=20, collar=1e-9, extension_s=20, longest_s=60"
    with pytest.raises(ScenarioError, match=r"venues\.perps\.breaker: halt that began .* has not ended"):
        crash(f"venues.perps.breaker={{parameters={{{parameters}}}}}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("venues.perps.mark={kind='hybrid'}", "depth_low_usd is missing"),
        ("venues.perps.mark={kind='median', parameters={index_wait=2}}", "did you mean 'index_weight'"),
        ("venues.perps.instrument=ETH", "allowed: assets with an underlying, ETHPERP"),
        ("assets.ETHPERP.underlying=USDC", "allowed: assets whose price moves, ETH"),
        ("venues.perps.traders.parameters={most_leverage=60}", "allowed: below 50"),
        ("venues.perps.traders.parameters={stop_share=2}", "stop_share must be from 0 to 1"),
        ("venues.perps.tiers=[{up_to_usd=1e6, maintenance=0.02},{maintenance=0.01}]", "venues.perps.tiers: "),
        (
            "venues.perps.tiers=[{maintenance=0.01},{maintenance=0.015}]",
            "tiers.0.up_to_usd is missing; only the last",
        ),
        ("venues.perps.dynamic_margin={level=2}", "venues.perps.dynamic_margin: "),
        ("venues.perps.liquidation.execution=hold", "allowed: market, auction, or a schedule: twap, iceberg"),
        (
            "venues.perps.liquidation.execution=twp",
            "did you mean 'twap'?; allowed: market, auction, twap, iceberg",
        ),
        ("venues.perps.breaker={parameters={pause_s=90000}}", "longest_s must be at least"),
        ("agents.basis-desks.parameters.contract=BTCPERP", "allowed: assets with a book"),
        ("agents.basis-desks.latency_ms=50", "latency_ms does nothing for kind = 'arbitrageur'"),
        ("venues=[]", "assets.ETHPERP is a contract without a venue"),
    ],
)
def test_a_venue_that_cannot_run_is_refused_by_name(change, says):
    with pytest.raises(ScenarioError) as error:
        LiquidationMarket("perp-crash", overrides=[change])
    assert says in str(error.value)
    assert "\n" not in str(error.value)
