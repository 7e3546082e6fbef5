"""Games between bots in a scenario: the packaged one, game files, the report and the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.games import scenario_payoffs
from liquidarium.experiments.games.liquidation_game import game_names, load_game_file
from liquidarium.experiments.games.play import play
from liquidarium.experiments.games.scenario_payoffs import PROFIT, ScenarioPayoffs, profit_usd
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError
from typer.testing import CliRunner

PLAYERS = ("bot-a", "bot-b")
SMALL = ("clock.duration_s=1800", "borrowers.count=80", "flow.orders_per_block=5")
SINGLE_CONTESTS = [
    name
    for name in game_names()
    if load_game_file(name).contest is not None and not load_game_file(name).vary
]
VERDICTS = {"equilibrium", "possible equilibrium", "not an equilibrium"}


def quick() -> ScenarioPayoffs:
    source = load_game_file("quick").source(SMALL)
    assert isinstance(source, ScenarioPayoffs)
    return source


def test_profits_of_the_players_add_up_to_what_the_run_says_liquidators_earned():
    """Gas of failed calls included: the summary takes it from the world, the game from the bids."""
    result = run(quick().profile_scenario(np.array([1, 1])), seed=1)
    assert len(result.liquidations) > 0
    assert not result.bids.executed.all()
    assert sum(profit_usd(result, player) for player in PLAYERS) == pytest.approx(
        result.summary["liquidator_profit_usd"]
    )


def test_players_differ_only_in_strategy():
    scenario = quick().profile_scenario(np.array([1, 1]))
    first, second = (agent for agent in scenario.agents if agent.name in PLAYERS)
    assert first.parameters != second.parameters
    left_out = {"name", "parameters"}
    assert first.model_dump(exclude=left_out) == second.model_dump(exclude=left_out)
    assert {agent.kind for agent in scenario.agents} == {"liquidator", "maker"}


def test_symmetric_reduction_needs_each_count_of_strategies_once(monkeypatch):
    """Seat and seed are coded in the payoffs, so each sample shows where it came from."""
    code = {0.1: 1.0, 0.5: 2.0}
    played = []

    def stand_in(scenario, seed):
        pair = [code[a.parameters["bid_share"]] for a in scenario.agents if a.name in PLAYERS]
        played.append((*pair, seed))
        return pair, seed

    def payoff(result, player):
        pair, seed = result
        seat = PLAYERS.index(player)
        return 1000.0 * seed + 100.0 * seat + 10.0 * pair[seat] + pair[1 - seat]

    monkeypatch.setattr(scenario_payoffs, "run", stand_in)
    monkeypatch.setattr(scenario_payoffs, "profit_usd", payoff)
    monkeypatch.setattr(scenario_payoffs, "run_outcomes", lambda result: [0.0] * 14)
    monkeypatch.setattr(scenario_payoffs, "served_usd", lambda result, players: 0.0)
    told = []
    game = load_game_file("quick").sample(2, progress=lambda done, total: told.append((done, total)))
    assert sorted(played) == sorted((*pair, seed) for seed in (1, 2) for pair in ((1, 1), (1, 2), (2, 2)))
    assert told == [(i, 3) for i in range(1, 4)]
    # Equal strategies: mean over the seats (50); different ones: patient sits first, aggressive second.
    np.testing.assert_array_equal(game.samples[0], [1061.0, 1012.0, 1121.0, 1072.0])
    np.testing.assert_array_equal(game.samples[1] - game.samples[0], np.full(4, 1000.0))


def test_other_columns_and_the_cost_of_capital_are_payoffs_too():
    source = quick()
    result = run(source.profile_scenario(np.array([1, 1])), seed=1)
    repaid = ScenarioPayoffs("quickstart", source.players, SMALL, payoff="repaid_usd")
    mine = result.liquidations[result.liquidations.liquidator == "bot-a"]
    assert repaid.earned(result, "bot-a") == pytest.approx(mine.repaid_usd.sum())
    costly = ScenarioPayoffs("quickstart", source.players, SMALL, capital_rate=0.1)
    cost = 0.1 * 2e6 * 1800 / (365 * 86_400)
    assert source.earned(result, "bot-a") - costly.earned(result, "bot-a") == pytest.approx(cost)
    with pytest.raises(ScenarioError, match=r"payoff = 'profits'; allowed: .*profit_usd"):
        ScenarioPayoffs("quickstart", source.players, SMALL, payoff="profits").earned(result, "bot-a")
    assert source.payoff == PROFIT


def test_roles_and_strategy_classes_come_from_the_file(tmp_path):
    path = tmp_path / "two-roles.toml"
    path.write_text(
        """
name = "two-roles"
scenario = "quickstart"
set = ["clock.duration_s=600", "borrowers.count=40"]

[[roles]]
name = "rich"
players = 1
agent = { kind = "liquidator", capital_usd = 5e6 }
strategies = { calm = { bid_share = 0.1 }, keen = { bid_share = 0.6 } }

[[roles]]
name = "flash"
players = 2
agent = { kind = "liquidator", flash_loans = true, parameters = { exit = "pool" } }
strategies = { calm = { bid_share = 0.1 }, keen = { strategy = "threshold", bid_share = 0.6 } }
"""
    )
    plan = load_game_file(path)
    report = play(plan, 2)
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert [role["name"] for role in told["roles"]] == ["rich", "flash"]
    assert len(report.measured.space.simulated) == 2 * 3
    assert {a["verdict"] for a in told["equilibria"] + told["other_profiles"]} <= VERDICTS
    agents = plan.source().profile_scenario(np.array([0, 1, 1, 1])).agents  # type: ignore[attr-defined]
    assert [a.name for a in agents[:3]] == ["rich-a", "flash-a", "flash-b"]
    assert [a.parameters["bid_share"] for a in agents[:3]] == [0.6, 0.1, 0.6]


def test_a_game_played_twice_says_the_same_as_text_and_as_json():
    report, again = (play("quick", 2, overrides=SMALL, outside=False) for _ in range(2))
    assert report.to_text() == again.to_text()
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told == again.to_dict()
    assert len(told["payoffs"]) == 4
    assert {a["verdict"] for a in told["equilibria"] + told["other_profiles"]} <= VERDICTS
    for name in ("patient", "aggressive"):
        assert f"against {name}" in report.to_text()


@pytest.mark.parametrize("name", SINGLE_CONTESTS)
@pytest.mark.parametrize("solver", ["supports", "replicator", "quantal-response", "regret-matching"])
def test_packaged_contests_are_solved_by_every_solver(name, solver):
    plan = load_game_file(name).model_copy(update={"plays": 200})
    report = play(plan, 4, solver=solver, outside=False)
    told = report.to_dict()
    if (name, solver) == ("dutch-timing", "quantal-response"):  # the branch ends beside it
        assert told["other_profiles"]
        return
    assert report.equilibria
    for answer in told["equilibria"]:
        assert answer["regret"] <= answer["regret_interval"][1]
        for shares in answer["mixture"].values():
            assert sum(shares.values()) == pytest.approx(1.0)
    if solver == "regret-matching":
        assert "coarse correlated" in told["equilibria"][0]["verdict"]


def test_command_lists_equilibria_as_json_and_keeps_everything_in_a_folder(tmp_path):
    out = tmp_path / "entry"
    call = ["game", "entry", "--seeds", "8", "--json", "--out", str(out)]
    first = CliRunner().invoke(app, call)
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    mixed = next(e for e in told["equilibria"] if "players" not in e)
    assert mixed["mixture"]["bot"]["enter"] == pytest.approx(0.6638, abs=0.02)
    assert mixed["regret"] <= 1e-6
    assert len(mixed["regret_interval"]) == 2
    assert json.loads((out / "equilibria.json").read_text()) == told
    assert (out / "samples.parquet").exists()
    again = CliRunner().invoke(app, call)  # nothing is played again
    assert json.loads(again.stdout) == told


def test_search_shows_regret_inside_and_outside_the_strategies(tmp_path):
    report = play("tullock", 6, search_rounds=3, folder=tmp_path / "tullock")
    search = report.to_dict()["search"]
    assert {"regret", "regret_interval", "outside_regret", "outside_regret_interval"} <= search.keys()
    assert search["rounds"][0]["gain_outside"] > 1.0
    assert "best replies outside" in report.to_text()
    assert {"search.parquet", "regret_by_round.png"} <= {p.name for p in (tmp_path / "tullock").iterdir()}


GAME = """
name = "mine"
[contest]
kind = "entry"
value = 100.0
cost = 30.0
[[roles]]
name = "bot"
players = 3
strategies = { enter = { enter = true }, wait = { enter = false } }
"""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("value = 100.0", "valu = 100.0"), r"unknown key contest\.valu, did you mean 'value'"),
        (("value = 100.0", "value = -1.0"), r"contest\.value = -1\.0; allowed: above 0"),
        (('kind = "entry"', 'kind = "entrance"'), r"contest\.kind = 'entrance', did you mean 'entry'"),
        (('kind = "entry"', 'kind = "no.such:Game"'), "no module 'no'"),
        (("players = 3", "players = 0"), r"roles\.bot\.players = 0; allowed: greater than or equal to 1"),
        (("players = 3", "plyers = 3"), r"unknown key roles\.bot\.plyers, did you mean 'players'"),
        (("strategies = { enter = { enter = true }, wait = { enter = false } }", ""), "has no strategies"),
        (('name = "mine"', 'name = "mine"\nscenario = "quickstart"'), "either scenario or contest"),
        (('name = "mine"', 'name = "mine"\npayoff = "gas_usd"'), "payoff does nothing for a contest"),
        (('name = "mine"', 'name = "mine"\nreduced = { bot = 5 }'), r"reduced\.bot = 5; allowed .*: 2, 3"),
        (('name = "mine"', "name = "), "is not TOML"),
    ],
)
def test_game_files_that_cannot_be_played_are_refused(tmp_path, change, words):
    assert change[0] in GAME
    path = tmp_path / "mine.toml"
    path.write_text(GAME.replace(*change))
    with pytest.raises(ScenarioError, match=words):
        play(path, 2)


def test_unknown_parameter_of_a_strategy_is_refused_before_anything_runs(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        """
name = "mine"
scenario = "quickstart"
[[roles]]
name = "bot"
players = 2
agent = { kind = "liquidatr", capital_usd = 1e6 }
strategies = { one = {}, two = { bid_share = 0.4 } }
"""
    )
    with pytest.raises(ScenarioError, match="did you mean 'liquidator'"):
        play(path, 2)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("quik", {}, "did you mean 'quick'"),
        ("quick", {"samples": 1}, "samples = 1; allowed: 2 or more"),
        ("entry", {"solver": "gnm"}, "allowed: supports, replicator"),
        ("entry", {"overrides": ["seed=1"]}, "a contest has no scenario"),
        ("entry", {"search_rounds": 2}, r"has no \[search\]"),
        ("entry", {"tolerance": -1.0}, "tolerance = -1"),
        ("gas-auction", {"search_rounds": 1}, "'share' is no number of strategy 'out'"),
        ("oev-frontier", {}, "has several cases"),
    ],
)
def test_a_game_that_cannot_be_played_is_refused(name, options, words):
    with pytest.raises(ScenarioError, match=words):
        play(name, **options)
