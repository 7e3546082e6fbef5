"""What runs of the whole market mean: ledgers that sum to zero, profits with purchases, over-liquidation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.games.liquidation_game import load_game_file
from liquidarium.experiments.games.market_outcomes import over_liquidated_usd, run_outcomes
from liquidarium.experiments.games.meaning import meaning
from liquidarium.experiments.games.mixed_profile import MixedProfile
from liquidarium.experiments.games.outcomes import LEDGER
from liquidarium.experiments.games.scenario_payoffs import profit_usd
from liquidarium.experiments.runs.run import run

SMALL = ("clock.duration_s=1800", "borrowers.count=80", "flow.orders_per_block=5")
CASES = {case.name: case.game for case in load_game_file("mechanism-league").variants()}


@pytest.mark.parametrize("name", ["half-fixed-bonus", "dutch-stairs", "sealed-second", "storefront"])
def test_profits_of_players_add_up_to_the_runs_under_every_manner_of_liquidation(name):
    """Purchases in auctions and storefronts included; the summary takes it from the world."""
    source = CASES[name].source(SMALL)
    result = run(source.profile_scenario(np.array([2, 1])), seed=1)
    assert len(result.liquidations) > 0
    players = ("bot-a", "bot-b", "bot-c")
    assert sum(profit_usd(result, player) for player in players) == pytest.approx(
        result.summary["liquidator_profit_usd"], abs=0.01
    )
    groups = run_outcomes(result)[: len(LEDGER)]
    assert abs(sum(groups)) < 0.01


def test_outcomes_of_a_sampled_market_are_those_of_its_runs():
    source = CASES["dutch-stairs"].source(SMALL)
    profile = np.array([3, 0])
    plays = source.play(profile, 1, 2)
    told = dict(zip(source.outcome_names, plays.outcomes.T, strict=True))
    for i, seed in enumerate((2, 3)):
        result = run(source.profile_scenario(profile), seed=seed)
        assert told["gas"][i] == pytest.approx(result.summary["gas_usd"])
        assert told["borrower_loss"][i] == pytest.approx(result.summary["borrower_loss_usd"])
        assert told["served bot.patient"][i] == pytest.approx(result.sales.paid_usd.sum())
        assert 0.0 <= told["no_show"][i] <= 1.0
    np.testing.assert_array_equal(told["served bot.aggressive"], 0.0)


def test_equilibrium_of_a_market_says_what_it_means():
    plan = CASES["half-fixed-bonus"]
    game = plan.sample(2, overrides=SMALL)
    told = meaning(game, MixedProfile.symmetric(game.space, [0.5, 0.5]))
    assert abs(told.imbalance) < 0.01
    assert told.hhi == pytest.approx(1 / 3)
    assert told.price_of_anarchy >= 1.0


class Run:
    """Tables of a run with one call: collateral 120 at a threshold of .8, debt 100, then a close factor."""

    def __init__(self, repaid, bonus=0.05):
        seized = repaid * (1 + bonus)
        weight, debt = 0.8 * 120.0, 100.0
        self.liquidations = pd.DataFrame(
            {
                "protocol": ["p"], "account": [1], "repaid_usd": [repaid], "hf_before": [weight / debt],
                "hf_after": [(weight - 0.8 * seized) / (debt - repaid)],
            }
        )  # fmt: skip
        self.positions = pd.DataFrame(
            {"snapshot": [0, 1], "protocol": ["p", "p"], "account": [1, 1], "debt_usd": [debt, debt - repaid]}
        )


def test_over_liquidation_is_what_was_repaid_beyond_health_one():
    """MODEL 1.1, 3.7: health 1 needs (D - LT C) / (1 - LT (1 + b)) = 4 / .16 = 25."""
    assert over_liquidated_usd(Run(50.0)) == pytest.approx(25.0)
    assert over_liquidated_usd(Run(30.0)) == pytest.approx(5.0)
    assert over_liquidated_usd(Run(20.0)) == 0.0  # not healthy yet
