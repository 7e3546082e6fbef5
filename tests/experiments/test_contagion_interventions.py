"""Interventions: each does what its name says, differences are paired, and nonsense ends in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.contagion.errors import ContagionError
from liquidarium.experiments.contagion.interventions import INTERVENTIONS, World, parse_intervention
from liquidarium.experiments.contagion.paired import (
    ALL,
    BASELINE,
    leave_one_out,
    measure,
    try_interventions,
)
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.base import ScenarioError
from typer.testing import CliRunner

SMALL = ["borrowers.count=300", "clock.duration_s=3000"]


@pytest.fixture(scope="module")
def scenario():
    return load_scenario("two-protocols-one-collateral", SMALL)


def only(text, scenario):
    (world,) = parse_intervention(text).worlds(scenario)
    return world.scenario


def start(scenario, seed=1):
    positions = run(load_scenario(scenario, ["clock.duration_s=12"]), seed).positions
    return positions[positions.snapshot == 0].astype({"protocol": str})


@pytest.mark.replay
def test_losses_of_one_protocol_fall_when_the_link_to_the_other_is_cut():
    whole = load_scenario("two-protocols-one-collateral")
    study = try_interventions(whole, [parse_intervention("ring-fence:protocol=mint")], range(1, 11))
    table = study.table().loc[study.cases[0]]
    assert table.loc[("loss_usd", "mint"), "high"] < 0.0, "the other's sales hit it"
    assert table.loc[("loss_usd", ALL), "high"] < 0.0


def test_ring_fence_is_each_protocol_in_a_world_of_its_own(scenario):
    alone, others = parse_intervention("ring-fence:protocol=mint").worlds(scenario)
    assert (alone.counted, others.counted) == (("mint",), ("bank",))
    assert set(start(alone.scenario).protocol) == {"mint"}
    assert set(start(others.scenario).protocol) == {"bank"}
    both = start(scenario)
    for world in (alone, others):
        mine = both[both.protocol == world.counted[0]]
        assert np.array_equal(start(world.scenario).debt_usd, mine.debt_usd), "the same borrowers"


def test_sums_over_protocols_are_the_whole_and_the_baseline_differs_from_nothing(scenario):
    ring = [parse_intervention("ring-fence:protocol=bank")]
    study = try_interventions(scenario, ring, [1, 2])
    for metric in ("loss_usd", "debt_repaid_usd", "sold_usd", "bad_debt_usd"):
        columns = study.runs[metric]
        assert np.allclose(columns[ALL], columns["bank"] + columns["mint"])
    table = study.table().reset_index()
    assert (table[table.case == BASELINE].difference == 0.0).all()
    assert json.loads(json.dumps(study.to_dict(), allow_nan=False))["seeds"] == [1, 2]
    again = try_interventions(scenario, ring, [1, 2])
    assert study.runs.equals(again.runs)


def test_capped_accounts_owe_no_more_at_the_same_health(scenario):
    before, after = start(scenario), start(only("cap-exposure:usd=500000", scenario))
    assert after.debt_usd.max() == pytest.approx(5e5, rel=1e-6)
    assert len(before) == len(after)
    assert np.allclose(before.health_factor, after.health_factor, rtol=1e-4)
    small = (before.debt_usd < 4.99e5).to_numpy()
    assert np.array_equal(before.debt_usd.to_numpy()[small], after.debt_usd.to_numpy()[small])


def test_capped_collateral_is_no_more_in_that_protocol_and_untouched_elsewhere(scenario):
    capped = run(
        load_scenario(
            only("cap-exposure:usd=1e7,asset=ETH,protocol=bank", scenario), ["clock.duration_s=12"]
        ),
        1,
    )
    free = run(load_scenario(scenario, ["clock.duration_s=12"]), 1)

    def held(result, protocol):
        rows = result.exposures
        rows = rows[(rows.t_s == 0) & (rows.source == protocol) & (rows.target == "ETH")]
        return rows[rows.kind == "oracle"].weight_usd.sum()

    assert held(free, "bank") > 1.1e7
    assert held(capped, "bank") == pytest.approx(1e7, rel=1e-6)
    assert held(capped, "mint") == held(free, "mint")


def test_fund_pays_bad_debt_as_far_as_it_goes():
    nobody = [f"agents.{name}.count=0" for name in ("fast-bots", "flash-bots", "searcher")]
    end_low = ["clock.duration_s=3000", "borrowers.count=300", "borrowers.reaction_scale=0"]
    crash = load_scenario("two-protocols-one-collateral", [*nobody, *end_low])
    whole = measure(World(crash, ("bank",)), 1)["bad_debt_usd", ALL]
    assert whole > 1e4
    funds = [parse_intervention(f"insurance-fund:protocol=bank,usd={usd:.3f}") for usd in (whole / 2, 1e9)]
    study = try_interventions(crash, funds, [1])
    left = study.runs["bad_debt_usd"]["bank"].tolist()
    assert left == pytest.approx([whole, whole / 2, 0.0], abs=0.01)
    assert study.runs["loss_usd"]["mint"].nunique() == 1, "it changes nothing else"


def test_stability_pool_buys_and_sells_nothing_on(scenario):
    done = run(only("stability-pool:usd=2e7", scenario), 1)
    mine = done.liquidations[done.liquidations.liquidator == "stability-pool"]
    assert mine.repaid_usd.sum() > 0.0
    assert "stability-pool" not in set(done.forced_sales.seller.astype(str))
    assert done.summary["conservation_error_usd"] == 0.0


def test_liquity_gets_a_depositor_as_its_stability_pool():
    with_liquity = load_scenario("quickstart", ["protocol.kind=liquity", "clock.duration_s=600"])
    changed = only("stability-pool:usd=1e6", with_liquity)
    assert changed.agents[-1].kind == "stability-depositor"
    assert run(changed, 1).summary["conservation_error_usd"] == 0.0


def test_nothing_trades_on_a_halted_book_and_it_opens_at_the_outside_price(scenario):
    done = run(only("halt-venue:asset=ETH,start_s=1200,duration_s=600", scenario), 1)
    trades, quotes = done.trades, done.quotes[done.quotes.asset == "ETH"].set_index("block")
    eth = trades[trades.asset == "ETH"]
    assert not eth.block.between(100, 149).any()
    assert eth.block.isin([99, 150]).any()
    assert trades[trades.asset == "BTC"].block.between(100, 149).any()
    assert (quotes.loc[100:149].depth_bid_usd == 0.0).all()
    assert quotes.loc[100:149].mid.nunique() == 1
    again = quotes.loc[150]
    assert again.fair == pytest.approx(again.reference, rel=0.02)
    assert done.summary["conservation_error_usd"] == 0.0


@pytest.mark.parametrize(
    "text", ["without:account=bank-3", "without:protocol=mint", "without:agents=fast-bots"]
)
def test_node_that_is_left_out_is_not_there(text, scenario):
    changed = only(text, scenario)
    there = start(changed)
    if "account" in text:
        before = start(scenario)
        gone = before[(before.protocol == "bank") & (before.account == 3)]
        assert len(gone) == 1
        assert len(there) == len(before) - 1
        assert there.account[there.protocol == "bank"].isin([3]).sum() == 0
        assert run(load_scenario(changed, ["clock.duration_s=12"]), 1).summary["borrowers"] == len(there)
    elif "protocol" in text:
        assert set(there.protocol) == {"bank"}
    else:
        assert not run(changed, 1).bids.agent.astype(str).str.startswith("fast-bots").any()


def test_leaving_out_somebody_who_never_sold_moves_no_price(scenario):
    """Common random numbers: all other draws stay, and interest on a smaller pool moves no trade."""
    whole = run(scenario, 1)
    sold = set(zip(whole.forced_sales.protocol.astype(str), whole.forced_sales.account, strict=True))
    sold |= set(zip(whole.liquidations.protocol.astype(str), whole.liquidations.account, strict=True))
    there = start(scenario)
    rows = zip(there.protocol, there.account, strict=True)
    quiet = next(
        account for protocol, account in rows if protocol == "bank" and (protocol, account) not in sold
    )
    assert run(only(f"without:account=bank-{quiet}", scenario), 1).quotes.equals(whole.quotes)
    loud = whole.forced_sales[whole.forced_sales.protocol == "bank"].account.iloc[0]
    assert not run(only(f"without:account=bank-{loud}", scenario), 1).quotes.equals(whole.quotes)


def test_leaving_out_compares_the_losses_of_all_others(scenario):
    table = leave_one_out(scenario, [1], top=2)
    assert table["rank"].tolist() == [1, 2]
    assert (table.passed_on_usd.diff().dropna() <= 0.0).all()
    first = table.iloc[0]
    whole = measure(World(scenario, ("bank", "mint")), 1)
    (without,) = parse_intervention(f"without:account={first.protocol}-{first.account}").worlds(scenario)
    left = measure(without, 1)["loss_usd", ALL]
    assert first.added_usd == pytest.approx(whole["loss_usd", ALL] - first.own_usd - left)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ring-fnce:protocol=mint",
            "intervention 'ring-fnce', did you mean 'ring-fence'?; allowed: ring-fence",
        ),
        ("ring-fence", "protocol is missing"),
        ("ring-fence:protcol=mint", "'protcol=mint' is not understood; allowed: each once of protocol=..."),
        ("cap-exposure:usd=-1", "usd = -1"),
        ("cap-exposure:usd=lots", "usd = 'lots'"),
        ("cap-exposure:usd=nan", "usd = nan"),
        ("cap-exposure:usd=1,usd=2", "'usd=2' is not understood"),
        ("cap-exposure:usd=1,protocol=bank", "protocol needs asset"),
        ("without:account=bank-1,agents=x", "needs one of account, protocol and agents"),
        ("without", "needs one of account, protocol and agents"),
    ],
)
def test_intervention_that_means_nothing_is_refused_in_one_line(text, message):
    with pytest.raises(ContagionError) as error:
        parse_intervention(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ring-fence:protocol=nowhere", "has no protocol 'nowhere'; allowed: bank, mint"),
        ("cap-exposure:usd=1,asset=DOGE", "collateral_caps_usd.DOGE is not an asset"),
        ("cap-exposure:usd=1,asset=USDC", "caps what nobody holds; allowed: ETH, BTC"),
        ("halt-venue:asset=USDC,start_s=0,duration_s=60", "USDC has no book; allowed: ETH, BTC"),
        ("halt-venue:asset=ETH,start_s=99999,duration_s=60", "start_s = 99999 is after the run"),
        ("without:account=bank-99999", "allowed: bank-0 to bank-"),
        ("without:account=nobody-1", "names 'nobody-1'; allowed: PROTOCOL-ACCOUNT with bank, mint"),
        ("without:agents=nobody", "no agents 'nobody'; allowed: fast-bots"),
    ],
)
def test_intervention_that_a_scenario_has_no_place_for_is_refused(text, message, scenario):
    with pytest.raises((ContagionError, ScenarioError)) as error:
        run(parse_intervention(text).worlds(scenario)[0].scenario, 1)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_ring_fence_needs_somebody_to_be_fenced_from():
    with pytest.raises(ContagionError, match="needed: two at least"):
        parse_intervention("ring-fence:protocol=aave-v2").worlds(load_scenario("quickstart"))


def test_every_intervention_is_named_in_the_help_and_on_the_page():
    page = (Path(__file__).parents[2] / "docs" / "contagion.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in INTERVENTIONS)
    assert all(name in (study_help()) for name in INTERVENTIONS)


def study_help() -> str:
    command = typer.main.get_command(app).commands["contagion"]
    return " ".join(str(getattr(option, "help", "")) for option in command.params)


def test_command_leaves_causes_interventions_and_their_figures(tmp_path):
    out = tmp_path / "study"
    words = ["contagion", "two-protocols-one-collateral", "--seeds", "1", "--out", str(out), "--json"]
    words += [word for change in SMALL for word in ("--set", change)]
    words += ["--intervention", "cap-exposure:usd=1e6", "--leave-one-out", "1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert set(found["interventions"]) == {BASELINE, "cap-exposure:usd=1e+06"}
    assert len(found["leave_one_out"]) == 1
    assert sum(found["causes"]["loss_share_by_root"].values()) == pytest.approx(1.0)
    names = {path.name for path in out.iterdir()}
    assert {
        "interventions.json", "interventions.parquet", "interventions.png", "leave_one_out.parquet",
        "cause_events.parquet", "cause_edges.parquet", "cascade.png",
    } <= names  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--intervention", "nonsense"], "intervention 'nonsense'"),
        (
            ["--intervention", "ring-fence:protocol=mint", "--intervention", "ring-fence:protocol=mint"],
            "twice",
        ),
        (["--leave-one-out", "-1"], "--leave-one-out = '-1'; allowed: a whole number from 0"),
        (["--intervention", "cap-exposure:usd=1,asset=DOGE"], "DOGE is not an asset"),
    ],
)
def test_bad_words_end_in_one_line_and_write_nothing(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["contagion", "two-protocols-one-collateral", *words])
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
