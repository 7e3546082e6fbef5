"""Inclusion rules, private order flow and revert protection in a whole world, and contests decided by it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from liquidarium.agents.base import Liquidate
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.world.execution import Liquidation
from liquidarium.market.chain.transaction import Transaction
from liquidarium.market.contests.contest import BLOCK_RULES, BlockContest, SealedBid

CRASH = ("clock.start=2021-05-19T13:00:00Z", "clock.duration_s=600")
N_BOTS = 5


@pytest.fixture(scope="module")
def results():
    """Quickstart's worst minutes under each rule, with the same draws."""
    rules = [*BLOCK_RULES, "sealed-bundle"]
    return {rule: run("quickstart", seed=2, overrides=[*CRASH, f"chain.inclusion={rule}"]) for rule in rules}


def liquidation_bids(result):
    return result.bids[result.bids.kind == "liquidation"]


def won_by_the_best(bids, rank):
    """Share of races for one account in one block that the best by `rank` wins."""
    outcomes = []
    for _, race in bids.groupby(["block", "account"]):
        if len(race) > 1 and race.executed.any():
            outcomes.append(bool(race.loc[rank(race).idxmax(), "executed"]))
    return float(np.mean(outcomes)), len(outcomes)


def test_every_rule_changes_what_happens_and_keeps_the_books(results):
    hashes = {result.summary["content_hash"] for result in results.values()}
    assert len(hashes) == len(results)
    assert all(result.summary["conservation_error_usd"] == 0.0 for result in results.values())
    assert all(result.summary["liquidations"] > 10 for result in results.values())


def test_the_highest_price_wins_under_fees_and_not_under_speed_or_chance(results):
    share = {
        rule: won_by_the_best(liquidation_bids(results[rule]), lambda race: race.price_gwei)
        for rule in ("priority-fee", "priority-gas-auction", "first-come", "random")
    }
    assert all(races > 5 for _, races in share.values())
    assert share["priority-fee"][0] > 0.95
    assert share["priority-gas-auction"][0] > 0.95
    assert share["first-come"][0] < 0.9
    assert share["random"][0] < 0.9


def test_rounds_of_raises_bring_the_winner_nearer_to_the_loser(results):
    """With raises both go on until one gives up: the winner is at most a few raises above."""

    def gap(rule):
        ratios = []
        for _, race in liquidation_bids(results[rule]).groupby(["block", "account"]):
            if len(race) == 2 and race.executed.sum() == 1:
                won, lost = race[race.executed].price_gwei.iloc[0], race[~race.executed].price_gwei.iloc[0]
                ratios.append(won / lost)
        return float(np.median(ratios))

    assert gap("priority-gas-auction") <= 1.125 * 1.01
    assert gap("priority-fee") > 1.0


def test_nobody_pays_for_a_revert_under_sealed_bids_and_losers_do_elsewhere(results):
    for rule, result in results.items():
        reverted = liquidation_bids(result)
        reverted = reverted[~reverted.executed]
        assert (reverted.gas_usd == 0.0).all() == (rule == "sealed-bundle")


def test_sealed_bids_include_one_call_for_an_account_and_block(results):
    done = liquidation_bids(results["sealed-bundle"])
    assert (done.groupby(["block", "account"]).size() == 1).all()


def test_bought_time_helps_those_who_pay_where_speed_decides(results):
    plain = won_by_the_best(liquidation_bids(results["first-come"]), lambda race: race.price_gwei)[0]
    long_boost = run(
        "quickstart", seed=2,
        overrides=[*CRASH, "chain.inclusion=time-boost", "chain.boost_ms=60000", "chain.boost_half_gwei=1e6"],
    )  # fmt: skip
    assert won_by_the_best(liquidation_bids(long_boost), lambda race: race.price_gwei)[0] > plain


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("priority-gas-auction", ("chain.minimum_raise=0.5", "chain.raise_rounds=0")),
        ("time-boost", ("chain.boost_ms=5", "chain.boost_half_gwei=50000")),
        ("sealed-bundle", ("chain.exact_bundles=0",)),
    ],
)
def test_every_parameter_reaches_its_rule(rule, changes):
    names = {
        "chain.minimum_raise": ("minimum_raise", 1.0),
        "chain.raise_rounds": ("rounds", 1.0),
        "chain.boost_ms": ("boost_s", 1e-3),
        "chain.boost_half_gwei": ("half_gwei", 1.0),
        "chain.exact_bundles": ("exact_up_to", 1.0),
    }
    model = LiquidationMarket("quickstart", overrides=[f"chain.inclusion={rule}", *changes])
    for change in changes:
        key, _, value = change.partition("=")
        name, scale = names[key]
        assert getattr(model.mempool.rule, name) == pytest.approx(float(value) * scale)
    model.close()


GAS_AUCTION, SEALED = "chain.inclusion=priority-gas-auction", "chain.inclusion=sealed-bundle"

REFUSED = [
    ([GAS_AUCTION, "chain.minimum_raise=0"], "minimum_raise = 0; allowed: a number above 0"),
    ([SEALED, "chain.exact_bundles=21"], "exact_bundles = 21; allowed: a whole number from 0 to 20"),
    (["chain.boost_ms=10"], "boost_ms = 10 does nothing under inclusion = 'priority-fee'"),
    ([SEALED, "chain.public_delay_ms=5"], "public_delay_ms = 5 does nothing under"),
    ([SEALED, "agents.searcher.private=true"], "agents.searcher.private = true does nothing"),
    (["agents.makers.private=true"], "private = true does nothing for a maker"),
    (["chain.inclusion=auction"], "chain.inclusion = 'auction'; allowed: priority-fee, first-come"),
]


@pytest.mark.parametrize(("overrides", "message"), REFUSED)
def test_parameters_that_do_nothing_or_can_never_clear_are_refused(overrides, message):
    with pytest.raises(ScenarioError) as caught:
        load_scenario("quickstart", overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_private_calls_are_not_copied():
    """With bots that nobody sees, a searcher that only copies has nothing to do."""
    only_copies = ["agents.searcher.parameters={liquidation={min_profit_usd=1e9}, arbitrage_share=0.0}"]

    def copied(*more):
        result = run("quickstart", seed=2, overrides=[*CRASH, *only_copies, *more])
        return int((liquidation_bids(result).agent == "searcher").sum())

    hidden = [f"agents.{group}.private=true" for group in ("fast-bots", "flash-bots")]
    assert copied() > 0
    assert copied(*hidden) == 0


def test_protected_bots_pay_nothing_for_reverts_and_the_others_do():
    result = run("quickstart", seed=2, overrides=[*CRASH, "agents.flash-bots.revert_protection=true"])
    reverted = liquidation_bids(result)
    reverted = reverted[~reverted.executed]
    free = reverted.agent.astype(str).str.startswith("flash-bots")
    assert free.any()
    assert (reverted.gas_usd[free] == 0.0).all()
    assert (reverted.gas_usd[~free] > 0.0).all()


# one liquidation, fought for by real calls in the real block


@pytest.fixture
def arena():
    """Build a crash in which nobody is fast enough to act."""

    def build(rule):
        model = LiquidationMarket(
            "quickstart", seed=1,
            overrides=[
                "clock.start=2021-05-19T13:00:00Z", f"chain.inclusion={rule}", "borrowers.reaction_scale=0",
                f"agents.fast-bots.count={N_BOTS}", "agents.fast-bots.latency_ms=600000",
                "agents.flash-bots.latency_ms=600000", "agents.searcher.latency_ms=600000",
            ],
        )  # fmt: skip
        while len(model.lending.watch.opportunities) < 8 and model.block < 200:
            model.step()
        model.mempool.pending.clear()
        return model

    return build


@pytest.mark.parametrize("rule", [*BLOCK_RULES, "sealed-bundle"])
def test_a_block_of_the_market_decides_a_contest_as_the_batch_does(arena, rule):
    """Winner, last price and what each pays, to the base unit, for several accounts and random bids."""
    world = arena(rule)
    rng = np.random.default_rng(len(rule))
    bots = [bot for bot in world.bots if bot.name.startswith("fast-bots")]
    chain, decided = world.scenario.chain, 0
    gas, revert_gas = chain.gas_per_liquidation, int(chain.gas_per_liquidation * chain.revert_gas_share)
    usd = world.gas_usd(gas, 1.0)
    world.gas = world.gas._replace(floor=0.0)
    for target in list(world.lending.watch.opportunities):
        prices = rng.integers(1, 60, N_BOTS).astype(float)
        prices[rng.random(N_BOTS) < 0.2] = math.nan
        arrivals, ties = world.time_s - 5.0 + rng.integers(0, 3, N_BOTS) / 10.0, rng.random(N_BOTS)
        ceilings = prices * rng.uniform(1.0, 3.0, N_BOTS)
        if rule == "sealed-bundle":
            out = SealedBid().play(prices * usd, np.full(N_BOTS, 1e6), ties)
        else:
            contest = BlockContest(
                rule, 0.0, revert_gas / gas, boost_s=0.5, half_price=100.0 * usd, rounds=10
            )
            out = contest.play(
                prices * usd, np.full(N_BOTS, 1e6), ties, arrivals=arrivals, ceilings=ceilings * usd
            )
        if rule == "sealed-bundle":
            arrivals = np.full(N_BOTS, world.time_s - 5.0)
        cash = [world.ledger.balance(bot.account, world.quote) for bot in bots]
        calls = len(world.recorder.liquidations)
        for k, bot in enumerate(bots):
            if math.isfinite(prices[k]):
                intent = Liquidate(target, target.repay_usd, prices[k], False, "book", 0.05)
                world.mempool.submit(
                    Transaction(
                        bot.account, "liquidation", gas, revert_gas, prices[k], arrivals[k], ties[k],
                        Liquidation(bot, intent), target.account, 0, ceiling_gwei=ceilings[k],
                        protected=world.mempool.rule.sealed,
                    )
                )  # fmt: skip
        world.builder.build(10**9)
        world.mempool.pending.clear()
        rows = world.recorder.liquidations[calls:]
        if len(rows) > 1:
            continue  # one call did not heal this account: no contest of one prize
        decided += 1
        repaid = [0] * N_BOTS
        winner = out.winners[0]
        assert [row[3] for row in rows] == ([] if winner < 0 else [bots[winner].name])
        if winner >= 0:
            repaid[winner] = round(rows[0][11] * 1e6)
        for k, bot in enumerate(bots):
            spent = cash[k] - world.ledger.balance(bot.account, world.quote) - repaid[k]
            assert spent / 1e6 == pytest.approx(out.paid[0, k], abs=2e-6)
    assert decided >= 4
    world.conservation.full()
    world.close()
