"""Contests as games: whose money it is, what an equilibrium means, regret outside the game, cases."""

from __future__ import annotations

import json

import numpy as np
import pytest
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.games.contest_kinds import (
    block_contest,
    dutch_contest,
    kick_contest,
    sealed_contest,
)
from liquidarium.experiments.games.game_folder import load_game
from liquidarium.experiments.games.liquidation_game import LiquidationGame, game_names, load_game_file
from liquidarium.experiments.games.meaning import meaning
from liquidarium.experiments.games.mixed_profile import MixedProfile
from liquidarium.experiments.games.outcomes import LEDGER
from liquidarium.experiments.games.payoff_source import GameRole
from liquidarium.experiments.games.play import play
from liquidarium.experiments.games.profiles import GameError
from liquidarium.experiments.games.sampling import sample
from liquidarium.experiments.games.series import play_series
from liquidarium.experiments.games.solvers.support_enumeration import support_enumeration
from liquidarium.experiments.scenarios import ScenarioError
from typer.testing import CliRunner

BIDS = {"out": {"enter": 0.0}, "low": {"share": 0.1, "up_to": 0.5}, "high": {"share": 0.6}}
WAITS = {"early": {"wait_s": 372.0}, "late": {"wait_s": 420.0}, "never": {"enter": 0.0}}
STAIRS = {"top": 2040.0, "cut": 0.9992, "step_s": 12.0, "tail_s": 600.0, "exit_value": 1994.0, "lot": 20.0}


def role(strategies, players=3, name="bot"):
    return GameRole(name=name, players=players, strategies=strategies)


RULES = ("priority-fee", "first-come", "random", "time-boost", "priority-gas-auction")
SOURCES = {
    **{rule: block_contest([role(BIDS)], 1000.0, rule, 50.0, 0.3, shortfall=99.0) for rule in RULES},
    "private values": block_contest([role(BIDS)], 1000.0, cost=50.0, private=True, shortfall=99.0),
    "two roles": block_contest(
        [role(BIDS, 2, "fast"), role(BIDS, 1, "slow")], {"fast": 900.0, "slow": 1000.0}, "first-come", 50.0,
        latency_ms={"fast": 5.0, "slow": 25.0}, latency_jitter_ms=20.0,
    ),
    "first price": sealed_contest([role(BIDS)], 100.0, entry_cost=3.0, private=True, shortfall=99.0),
    "second price": sealed_contest([role(BIDS)], 100.0, "second", 10.0, 3.0, recapture=0.7, shortfall=99.0),
    "dutch": dutch_contest([role(WAITS)], gas=90.0, revert_share=0.5, shortfall=99.0, **STAIRS),
    "kick": kick_contest([role({"kick": {}, "wait": {"enter": 0.0}})], 10.0, 3.0, 1.0, shortfall=99.0),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_gains_of_all_groups_sum_to_zero_in_every_contest_of_every_profile(name):
    source = SOURCES[name]
    game = sample(source, 2, plays=50)
    for profile in game.space.simulated:
        plays = source.play(profile, 7, 100)
        ledger = plays.outcomes[:, : len(LEDGER)]
        np.testing.assert_allclose(ledger.sum(axis=1), 0.0, atol=1e-9)
        liquidators = plays.outcomes[:, LEDGER.index("liquidators")]
        np.testing.assert_allclose((plays.payoffs * profile).sum(axis=1), liquidators, atol=1e-9)
        served = plays.outcomes[:, -len(profile) :].sum(axis=1)
        nobody = plays.outcomes[:, source.outcome_names.index("no_show")]
        np.testing.assert_array_equal(served + nobody, 1.0)
        bad_debt = -plays.outcomes[:, LEDGER.index("lenders")]
        np.testing.assert_allclose(bad_debt, source.fight.shortfall * nobody)


def test_who_is_faster_wins_first_come_races_as_often_as_the_formula_says():
    """CASES G17: a lead of 5 ms with jitter of 20 ms each wins with .5701581."""
    bids = {"come": {"share": 0.5}}
    source = block_contest(
        [role(bids, 1, "fast"), role(bids, 1, "slow")], 100.0, "first-come",
        latency_ms={"fast": 5.0, "slow": 10.0}, latency_jitter_ms=20.0,
    )  # fmt: skip
    served = source.play(np.array([1, 1]), 1, 200_000).outcomes[:, -2]
    assert served.mean() == pytest.approx(forms.race_win_probability(0.005, 0.020), abs=0.004)


def test_entry_game_of_g01_means_what_the_case_says():
    """Five bots, value 100, cost 30: .0043 of the liquidations find nobody, all rent is burned as cost."""
    entry = {"enter": {"share": 0.0}, "wait": {"enter": 0.0}}
    source = block_contest([role(entry, 5)], 100.0, "random", 30.0, shortfall=500.0)
    game = sample(source, 10, plays=400)
    (mixture,) = support_enumeration(game.mean).mixtures
    told = meaning(game, MixedProfile.symmetric(game.space, mixture))
    assert mixture[0] == pytest.approx(0.6638033068, abs=1e-8)
    assert told.outcomes["no_show"].value == pytest.approx(0.004295039745, abs=1e-9)
    assert told.outcomes["gas"].value == pytest.approx(99.57049603, abs=1e-6)
    assert told.outcomes["lenders"].value == pytest.approx(-500 * 0.004295039745, abs=1e-6)
    assert told.dissipated == pytest.approx(1.0)
    assert told.hhi == pytest.approx(0.2)
    assert told.planner == "1 bot.enter, 4 bot.wait"
    assert told.planner_waste == pytest.approx(30.0)
    assert told.price_of_anarchy == pytest.approx((99.57049603 + 500 * 0.004295039745) / 30.0)
    assert abs(told.imbalance) < 1e-9


def test_one_bot_that_serves_everything_is_a_monopoly():
    source = SOURCES["first price"]
    game = sample(source, 2, plays=50)
    alone = MixedProfile.pure(game.space, [2, 1, 0])
    assert meaning(game, alone).hhi == pytest.approx(1.0)


def test_outcomes_are_saved_with_the_samples_and_read_back(tmp_path):
    game = sample(SOURCES["dutch"], 3, plays=20, folder=tmp_path / "dutch")
    again = load_game(tmp_path / "dutch")
    assert again.outcomes.names == game.outcomes.names
    np.testing.assert_array_equal(again.outcomes.samples, game.outcomes.samples)
    resumed = sample(SOURCES["dutch"], 3, plays=20, folder=tmp_path / "dutch")
    np.testing.assert_array_equal(resumed.outcomes.samples, game.outcomes.samples)
    (tmp_path / "dutch" / "outcomes.parquet").unlink()
    with pytest.raises(GameError, match=r"outcomes\.parquet is missing"):
        load_game(tmp_path / "dutch")


def test_bids_above_what_is_auctioned_buy_nothing():
    """Else bidders would bid for the part that the winner keeps, and nothing of it would be kept."""
    bids = {"all": {"share": 1.0}, "more": {"share": 1.8}}
    source = sealed_contest([role(bids, 2)], 100.0, "second", entry_cost=10.0, recapture=0.5)
    payoffs = source.payoffs(np.array([1, 1]), 3, 100_000)
    assert payoffs.sum(axis=1).mean() == pytest.approx(100.0 - 50.0 - 20.0)
    np.testing.assert_allclose(payoffs.mean(axis=0), [15.0, 15.0], atol=0.5)


def sealed(shares, samples=20, **changes):
    plan = load_game_file("sealed-bid")
    strategies = {f"{share:g}": {"share": share} for share in shares}
    bot = plan.roles[0].model_copy(update={"strategies": strategies})
    return play(plan.model_copy(update={"roles": (bot,), **changes}), samples)


def test_regret_outside_the_game_is_found_where_it_is_and_not_where_it_is_not():
    """Shading to half is an equilibrium of a game of half and 95 %, but bidding more pays (CASES G08)."""
    (half,) = sealed([0.5, 0.95]).equilibria
    assert half.certificate.verdict == "equilibrium"
    assert half.outside.interval[0] > 1.0
    assert 0.5 < half.outside.value < 0.75
    (form,) = (a for a in sealed([0.75, 0.95]).equilibria if a.play.mixture[0] == 1.0)
    assert form.outside.interval[0] <= 0.05


def test_every_packaged_game_tells_regret_outside_or_that_there_is_no_outside():
    for name in ("entry", "hawk-dove"):
        assert load_game_file(name).complete
    for name in set(game_names()) - {"entry", "hawk-dove"}:
        assert load_game_file(name).search is not None
    told = play("tullock", 4).to_dict()
    for answer in told["equilibria"]:
        assert answer["outside_regret"] >= 0.0
        assert len(answer["outside_regret_interval"]) == 2
    assert "outside_regret" not in play("entry", 4).to_dict()["equilibria"][0]


def test_packaged_dutch_game_takes_at_the_steps_of_the_closed_form():
    """MODEL 3.5: every step is an entry game."""
    report = play("dutch-timing", 2, outside=False)
    mixed = next(a.play for a in report.equilibria if a.play.is_symmetric)
    source = report.game.source()
    chances = forms.dutch_entry(source.fight.sale.surplus, 3, source.fight.sale.gas)
    reach = np.concatenate(([1.0], np.cumprod(1.0 - chances)))
    expected = (reach[:-1] - reach[1:])[12:17]
    np.testing.assert_allclose(mixed.mixture[:5], expected, atol=1e-6)


def test_cases_of_the_frontier_pay_more_and_come_less_the_more_is_auctioned(tmp_path):
    """MODEL 3.2: full recapture raises no-shows; protocol revenue hardly rises at the end."""
    plan = load_game_file("oev-frontier").model_copy(
        update={"vary": {"contest.recapture": (0.0, 0.8, 1.0), "roles.bot.players": (5,)}, "plays": 50}
    )
    series = play_series(plan, 2, outside=False, folder=tmp_path / "oev")
    told = json.loads((tmp_path / "oev" / "equilibria.json").read_text())
    assert all({"mixture", "regret", "regret_interval"} <= answer.keys() for answer in told["equilibria"])
    symmetric = [
        next(e for e in told["equilibria"] if e["case"] == case["case"] and "players" not in e)["meaning"][
            "outcomes"
        ]
        for case in told["cases"]
    ]
    nobody = [one["no_show"]["mean"] for one in symmetric]
    revenue = [one["protocol"]["mean"] for one in symmetric]
    assert nobody == sorted(nobody)
    assert nobody[-1] == pytest.approx(0.1 ** (5 / 4), abs=1e-6)  # CASES G02
    assert revenue[0] == 0.0 < revenue[1] < revenue[2]
    files = {path.name for path in (tmp_path / "oev").iterdir()}
    assert {"frontier.png", "mixtures.png", "recapture-0.8-players-5"} <= files
    assert "recapture-1.0-players-5" in series.to_text()
    again = play_series(plan, 2, outside=False, folder=tmp_path / "oev")  # nothing is played again
    assert again.to_dict() == series.to_dict()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    with pytest.raises(GameError, match="holds no case of this game"):
        play_series(plan, 2, outside=False, folder=tmp_path / "other")


def test_league_changes_only_the_mechanism():
    cases = load_game_file("mechanism-league").variants()
    assert len(cases) >= 6
    scenarios = [case.game.source().base for case in cases]
    first = scenarios[0].model_dump(exclude={"protocol"})
    assert all(one.model_dump(exclude={"protocol"}) == first for one in scenarios)
    assert len({str(one.protocol) for one in scenarios}) == len(cases)


def test_command_plays_cases_and_draws_distributions(tmp_path):
    call = ["game", "sealed-bid", "--seeds", "2", "--no-outside", "--json", "--out", str(tmp_path / "sealed")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["equilibria"]
    assert (tmp_path / "sealed" / "distribution.png").stat().st_size > 5_000


def game_of(contest, strategies=None, **more):
    roles = [{"name": "bot", "players": 3, "strategies": strategies or BIDS}]
    return LiquidationGame.model_validate({"name": "mine", "contest": contest, "roles": roles, **more})


@pytest.mark.parametrize(
    ("contest", "words"),
    [
        ({"kind": "block"}, "missing 1 required"),
        ({"kind": "block", "value": 100.0, "rule": "fastest"}, "rule must be one of"),
        ({"kind": "block", "value": 100.0, "rounds": 3}, r"contest\.rounds does nothing under rule"),
        ({"kind": "block", "value": 100.0, "rule": "random", "latency_ms": 3.0}, "latency_ms does nothing"),
        ({"kind": "block", "value": -1.0}, r"contest\.value = -1.0 of bot"),
        ({"kind": "block", "value": {"fast": 1.0}}, r"contest\.value has fast; allowed: .*bot"),
        ({"kind": "block", "value": 1.0, "cots": 3.0}, r"unknown key contest\.cots, did you mean 'cost'"),
        ({"kind": "block", "value": 1.0, "shortfall": -3.0}, r"contest\.shortfall = -3.0"),
        ({"kind": "sealed-bid", "value": 100.0, "recapture": 1.5}, r"contest\.recapture = 1.5"),
        ({"kind": "sealed-bid", "value": 100.0, "reserve": 101.0}, "nothing can clear"),
        ({"kind": "dutch", **STAIRS, "exit_value": 100.0}, "nothing can clear"),
        ({"kind": "blok", "value": 1.0}, "did you mean 'block'"),
    ],
)
def test_wrong_contests_are_refused(contest, words):
    strategies = WAITS if contest["kind"] == "dutch" else BIDS
    with pytest.raises(ScenarioError, match=words):
        game_of(contest, strategies).source()


@pytest.mark.parametrize(
    ("strategies", "words"),
    [
        ({"a": {"share": -0.5}}, r"roles\.bot\.strategies\.a: share = -0.5"),
        ({"a": {"share": 0.5, "up_to": 0.1}}, "up_to = 0.1; allowed: at least share"),
        ({"a": {"enter": 2.0}}, "enter = 2.0; allowed: from 0 to 1"),
        ({"a": {"shar": 0.5}}, r"unknown key roles\.bot\.strategies\.a\.shar, did you mean 'share'"),
    ],
)
def test_wrong_bids_are_refused(strategies, words):
    with pytest.raises(ScenarioError, match=words):
        game_of({"kind": "block", "value": 100.0}, strategies).source()


SEARCH = {"role": "bot", "parameter": "share", "low": 0.0, "high": 1.0, "epsilon": 1.0}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"vary": {"contest.kind": ["block"]}}, r"vary\.contest\.kind; allowed: contest\.KEY"),
        ({"vary": {"roles.bots.players": [2]}}, r"vary\.roles\.bots\.players; allowed"),
        ({"vary": {"contest.cost": []}}, r"vary\.contest\.cost = \[\]; allowed"),
        ({"cases": [{"name": "one"}]}, "cases do nothing for a contest"),
        ({"complete": True, "search": SEARCH}, "nothing to search"),
        ({"search": SEARCH | {"role": "bots"}}, r"search\.role = 'bots'; allowed: bot"),
        ({"search": SEARCH | {"parameter": "shar"}}, "is a number of no strategy"),
    ],
)  # fmt: skip
def test_wrong_cases_and_searches_are_refused(more, words):
    with pytest.raises(ValueError, match=words):
        game_of({"kind": "block", "value": 100.0}, **more)
