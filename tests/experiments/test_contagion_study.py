"""Measured against predicted: the study of a run, its command and its folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
from liquidarium.experiments import LiquidationMarket
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.contagion.agreement import MEASURES, METRICS, agreement
from liquidarium.experiments.contagion.crash import find_crash
from liquidarium.experiments.contagion.errors import ContagionError
from liquidarium.experiments.contagion.study import study_scenario
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from typer.testing import CliRunner

SMALL = ["borrowers.count=300", "recording.snapshot_every_s=300"]


@pytest.fixture(scope="module")
def result():
    return run("two-protocols-one-collateral", seed=1, overrides=SMALL)


def test_crash_is_the_largest_fall_and_its_snapshot_is_before(result):
    crash = find_crash(result)
    assert 0.0 <= crash.start_s < crash.end_s <= 3600.0
    assert crash.returns["ETH"] < -0.2
    taken = result.positions[result.positions.snapshot == crash.snapshot].t_s.iloc[0]
    assert crash.start_s - 300.0 < taken <= crash.start_s
    assert all(impact > 0.0 for impact in crash.impact_per_usd.values())


def test_prediction_knows_nothing_of_what_happened_after_the_snapshot(result):
    found = agreement(result)
    blind = agreement(
        type(result)(
            result.scenario, result.seed,
            {**result.tables, "liquidations": result.liquidations.iloc[:0]}, result.summary,
        )
    )  # fmt: skip
    columns = [*MEASURES, *(f"{name} fails" for name in MEASURES)]
    assert found.accounts[columns].equals(blind.accounts[columns])
    assert (blind.metrics.measured_debt_usd == 0.0).all()
    assert blind.metrics.rank_correlation.isna().all()


def test_sets_are_nested_as_their_definitions_are(result):
    accounts = agreement(result).accounts
    assert (accounts["fire sale fails"] >= accounts["threshold fails"]).all(), "sales only lower prices"
    assert (accounts["threshold fails"] >= accounts["clearing fails"]).all(), "liquidated before insolvent"
    assert (accounts["clearing fails"] == accounts["debtrank fails"]).all(), "equity is gone"


def test_metrics_are_what_their_names_say(result):
    found = agreement(result)
    accounts, row = found.accounts, found.metrics.loc["threshold"]
    fails, hit = accounts["threshold fails"], accounts.repaid_usd > 0
    assert row.jaccard == pytest.approx((fails & hit).sum() / (fails | hit).sum())
    assert row.measured_debt_usd == pytest.approx(accounts.debt_usd[hit].sum())
    assert row.hit_rate == pytest.approx(accounts.debt_usd[fails & hit].sum() / accounts.debt_usd[hit].sum())
    assert accounts.repaid_usd.sum() == pytest.approx(result.liquidations.repaid_usd.sum(), rel=0.05)


def test_both_protocols_of_the_packaged_scenario_are_hit(result):
    done = result.liquidations.groupby("protocol", observed=True).repaid_usd.sum()
    assert set(done.index.astype(str)) == {"bank", "mint"}
    graph = LiquidationMarket(result.scenario).exposures()
    held = graph.matrix("oracle").toarray()[graph.of_type("protocol")]
    assert (held[0] * held[1] > 0).any(), "they share collateral"
    coins = graph.of_kind("issuance")
    assert [graph.names[k] for k in graph.source[coins]] == ["DAI"]
    assert [graph.names[k] for k in graph.target[coins]] == ["mint"]


def test_study_is_the_same_each_time_and_reads_as_json():
    scenario = load_scenario("quickstart", ["clock.duration_s=1200", "borrowers.count=100"])
    one, two = (study_scenario(scenario, [1, 2]).to_dict() for _ in range(2))
    assert one == two
    assert json.loads(json.dumps(one, allow_nan=False)) == one
    assert set(one["measures"]) == set(MEASURES)
    assert set(METRICS) <= set(one["measures"]["threshold"])


def test_run_without_quotes_is_refused():
    with pytest.raises(ContagionError, match=r"recording\.quotes = true"):
        find_crash(run("quickstart", 1, overrides=["clock.duration_s=120", "recording.quotes=false"]))


def test_calm_run_has_no_defaults_and_still_a_report():
    calm = [
        "clock.duration_s=120",
        'prices={kind="gbm",volatility_per_year=0.01}',
        "borrowers.count=50",
        "chain.gas.episode=may-2021",
    ]
    calm += ["assets.ETH.price_usd=3000", "assets.BTC.price_usd=40000"]
    study = study_scenario(load_scenario("quickstart", calm), [1])
    assert np.isnan(study.table()["mean"].to_dict()["clearing", "hit_rate"])
    assert "| clearing | - |" in study.to_markdown()


def test_command_leaves_table_accounts_and_figures(result, tmp_path):
    saved = result.save(tmp_path / "run")
    out = tmp_path / "study"
    done = CliRunner().invoke(app, ["contagion", str(saved), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["seeds"] == [1]
    names = {path.name for path in out.iterdir()}
    assert names == {
        "contagion.json", "report.md", "accounts.parquet", "cause_events.parquet", "cause_edges.parquet",
        "network.png", "cascade.png", "shock.png", "agreement.png",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["contagion", "nowhere"], "nowhere"),
        (["contagion", "quickstart", "--seeds", "0"], "--seeds = '0'; allowed: a whole number from 1"),
        (["contagion", "{run}", "--seeds", "3"], "neither --seeds nor --set"),
    ],
)
def test_bad_arguments_end_in_one_line_and_write_nothing(arguments, text, result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved = result.save(tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(app, [word.format(run=saved) for word in arguments])
    assert done.exit_code == 2
    assert text in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
