"""Strategies that bid, split, wait and volunteer, in running worlds (MODEL 3.1 to 3.7)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from liquidarium.agents.base import Together
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.agents.strategies.best_responder import rivals_best
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.world.cost_table import PARTS
from liquidarium.experiments.world.outcome import run_tables
from liquidarium.protocols.liquidation.toxicity import toxic_health, two_step
from scipy import stats

CRASH = ("clock.start=2021-05-19T12:50:00Z", "clock.duration_s=1800", "agents.searcher.count=0")
ALONE = (*CRASH, "agents.flash-bots.count=0")


def bots(strategy: str, count: int, **parameters) -> tuple[str, ...]:
    """Return overrides that make the first bots of quickstart play a strategy, and leave out the others."""
    given = [f"agents.fast-bots.parameters.{key}={value}" for key, value in parameters.items()]
    return (*ALONE, f"agents.fast-bots.strategy={strategy}", f"agents.fast-bots.count={count}", *given)


def watched(world: LiquidationMarket, method: str = "decide") -> list:
    """Run; return (view, agent, intents) of each time that a bot was asked to ``decide`` or to ``trade``."""
    seen = []

    def watch(agent):
        ask = getattr(agent, method)

        def asked(view):
            intents = ask(view)
            seen.append((view, agent, list(intents)))
            return intents

        setattr(agent, method, asked)

    for bot in world.bots:
        watch(bot)
    world.run()
    return seen


def assert_sound(world: LiquidationMarket):
    assert world.conservation.error_usd(world.oracle_prices) == 0.0
    costs = run_tables(world)["costs"]
    assert not (costs.borrower_loss - costs[list(PARTS)].sum(axis=1)).any()


@pytest.mark.parametrize("contest", ["entry", "gas-auction"])
def test_mixed_bidders_enter_and_bid_as_the_closed_form_says(contest):
    """Bids are brought to the unit interval by their own distribution: uniform, the rest is no-shows."""
    entered, expected, variance, ranks = 0, 0.0, 0.0, []
    for seed in (1, 2, 3):
        overrides = bots("mixed", 4, contest=contest, rivals=3, max_calls=16)
        world = LiquidationMarket("quickstart", seed, overrides, collect_every=0)
        strategy = world.bots[0].strategy
        for view, _, intents in watched(world):
            gas_usd = view.gas_liquidation * view.usd_per_gas_gwei
            cost, phi = view.gas_standard_gwei * gas_usd, view.revert_gas_share
            first = view.opportunities[0]  # nothing has been spent before it
            terms = strategy.exit_terms(first.collateral, first.bonus, view)
            repay, gross = strategy.size(terms, first.repay_usd)
            value = gross - strategy.min_profit_usd
            if value <= cost or repay > 1e5:  # beyond that cash may bind
                continue
            bids = [i.price_gwei * gas_usd - cost for i in intents if i.opportunity == first]
            if contest == "entry":
                chance = strategy.entry_chance(value, cost, phi)
            else:
                game = forms.gas_auction(4, value, cost, phi)
                chance = 1.0 - game.stay_out
                ranks += [(game.bid_cdf(fee) - game.stay_out) / chance for fee in bids]
            entered += len(bids)
            expected += chance
            variance += chance * (1.0 - chance)
    assert expected > 30
    assert abs(entered - expected) < 3.5 * math.sqrt(variance) + 1e-9
    if contest == "gas-auction":
        assert stats.kstest(ranks, "uniform").pvalue > 0.01


def test_the_draws_are_a_stream_of_their_own():
    """Same seed, same bids; and bidding at random leaves prices and everybody's latency as they were."""
    runs = [LiquidationMarket("quickstart", 5, bots("mixed", 3), collect_every=0) for _ in range(2)]
    one, other = (watched(world) for world in runs)
    assert [i for _, _, i in one] == [i for _, _, i in other]
    plain = LiquidationMarket("quickstart", 5, bots("threshold", 3), collect_every=0)
    assert np.array_equal(plain.outside.path, runs[0].outside.path)


def test_a_best_responder_finds_out_what_its_rivals_pay_and_wins_more():
    """Three rivals always pay 30 % of what they expect: the fourth learns to pay a little more."""
    rivals = (
        *CRASH,
        "clock.start=2021-05-19T12:20:00Z",
        "clock.duration_s=3600",
        "agents.fast-bots.count=3",
        "agents.fast-bots.parameters.escalation=0",
        "agents.flash-bots={kind='liquidator', name='flash-bots', latency_ms=80, latency_jitter_ms=20, "
        "capital_usd=2e6, strategy='best-response'}",
    )
    world = LiquidationMarket("quickstart", 7, rivals, collect_every=0)
    me = world.bots[3]
    seen = watched(world)
    learned = rivals_best(world.builder.past_bids, me.account, 200)
    assert len(learned) > 20
    late = [(view, i) for view, agent, intents in seen[len(seen) // 2 :] if agent is me for i in intents]
    assert late
    ratios = []
    for view, call in late:
        wanted = call.opportunity
        terms = me.strategy.exit_terms(wanted.collateral, wanted.bonus, view)
        gross = (terms.margin - terms.cost * call.repay_usd) * call.repay_usd
        ratios.append(call.price_gwei * view.gas_liquidation * view.usd_per_gas_gwei / gross)
    assert 0.25 < np.median(ratios) < 0.6, (
        "30 % of the reward, which is more than what is left of it at the exit"
    )
    profit = run_tables(world)["liquidations"].groupby("liquidator", observed=True).profit_usd.sum()
    assert profit[me.name] > profit.drop(me.name).max()
    assert_sound(world)


def test_the_two_step_attack_takes_what_its_closed_form_says():
    world = LiquidationMarket("quickstart", 7, bots("splitting", 1, pieces=2), collect_every=0)
    asked, before = [], len(world.recorder.liquidations)
    apply = world.requests.apply

    def keep(agent, intents, *rest):
        for bundle in intents:
            if isinstance(bundle, Together):
                asked.append((bundle, world.position(bundle.intents[0].opportunity)))
        apply(agent, intents, *rest)

    world.requests.apply = keep
    world.run()
    assert before == 0
    assert asked
    for bundle, (debt, owed, threshold, health) in asked:
        wanted = bundle.intents[0].opportunity
        if toxic_health(threshold, wanted.bonus) >= health or wanted.repay_usd < 0.49 * owed:
            continue
        if debt - owed > 1e-6 * debt:  # the closed form is for one debt
            continue
        steps = two_step(health * debt / threshold, debt, threshold, wanted.bonus, 0.5)
        assert [call.repay_usd for call in bundle.intents] == pytest.approx(steps[:2], rel=1e-3)
    pairs = [
        (one, two)
        for one, two in zip(world.recorder.liquidations, world.recorder.liquidations[1:], strict=False)
        if one[2] == two[2] and one[8] == two[8]  # account, block
    ]
    assert pairs, "two calls on one account in one block"
    for one, _ in pairs:
        assert 0.8 < one[10] < 1.0, "the first leaves it below 1"
    assert_sound(world)


def test_one_liquidation_in_a_block_stops_the_attack():
    """The countermeasure of MODEL 3.7: bundles revert, whole, and cost nothing."""
    mechanism = (
        "protocol.kind=laboratory",
        "protocol.mechanism.sizing={kind='close-factor', share=0.5, one_per_block=true}",
    )
    free = LiquidationMarket(
        "quickstart", 7, (*bots("splitting", 1), "protocol.kind=laboratory"), collect_every=0
    )
    paced = LiquidationMarket("quickstart", 7, (*bots("splitting", 1), *mechanism), collect_every=0)
    for world in (free, paced):
        world.run()
        assert_sound(world)
    blocks = [[(row[2], row[8]) for row in world.recorder.liquidations] for world in (free, paced)]
    assert len(set(blocks[0])) < len(blocks[0])
    assert len(set(blocks[1])) == len(blocks[1])


DUTCH = (
    "protocol.kind=laboratory",
    "protocol.mechanism.sizing={kind='full'}",
    "protocol.mechanism.pricing={kind='dutch-stairs', buffer=1.05, cut=0.99, step_s=24, tail_s=7200}",
    "protocol.mechanism.keeper={tip_usd=300, chip=0.005}",
)


def test_competitive_takers_buy_at_the_first_price_that_does_not_lose():
    world = LiquidationMarket("quickstart", 7, (*bots("dutch", 3), *DUTCH), collect_every=0)
    bought = 0
    for view, agent, intents in watched(world, "trade"):
        for offer in view.offers:
            taker = agent.strategy
            terms = taker.exit_terms(
                offer.sale.collateral, view.oracle[offer.sale.collateral] / offer.price_usd - 1, view
            )
            _, surplus = taker.size(terms, min(offer.tokens * offer.price_usd, offer.most_usd))
            gas_usd = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
            if any(getattr(intent, "offer", None) == offer for intent in intents):
                assert surplus >= gas_usd * (1 - 1e-9)
                bought += 1
    assert bought > 5
    assert len(world.recorder.sales) > 3
    assert_sound(world)


def test_a_monopolist_pays_less_for_the_same_lots():
    """The gap is what collusion would be worth (MODEL 3.5)."""
    shares = {}
    for kind, more in (("competitive", {}), ("monopolist", {"discount_per_s": 2e-3})):
        overrides = (*bots("dutch", 1, taker_kind=kind, **more), *DUTCH)
        world = LiquidationMarket("quickstart", 7, overrides, collect_every=0)
        world.run()
        sales = run_tables(world)["sales"]
        assert len(sales) > 3
        shares[kind] = sales.paid_usd.sum() / sales.bought_usd.sum()
        assert_sound(world)
    assert shares["monopolist"] < shares["competitive"] - 0.01


def test_kicks_without_reward_come_as_often_as_volunteers_do():
    """Under Comet an absorption pays its caller nothing."""
    kicked = expected = variance = 0.0
    for seed in (1, 2):
        overrides = (*bots("volunteer", 5, rivals=4, benefit_share=0.6, max_calls=16), "protocol.kind=comet")
        world = LiquidationMarket("quickstart", seed, overrides, collect_every=0)
        strategy = world.bots[0].strategy
        for view, _, intents in watched(world):
            for opportunity in view.opportunities:
                chance = strategy.chance(opportunity, view)
                kicked += sum(i.opportunity == opportunity for i in intents)
                expected += chance
                variance += chance * (1.0 - chance)
        assert_sound(world)
    assert expected > 40
    assert abs(kicked - expected) < 3.0 * math.sqrt(variance) < 0.5 * expected


def test_auctions_that_pay_nobody_for_a_restart_wait_for_volunteers():
    """MODEL 3.5: they end above the market after a minute, and tip and chip are 0."""
    stops = "{kind='dutch-stairs', buffer=1.2, cut=0.99, step_s=30, tail_s=60}"
    sales = {}
    for strategy in ("threshold", "volunteer"):
        model = LiquidationMarket(
            "quickstart",
            3,
            (
                "clock.start=2021-05-19T12:50:00Z",
                "clock.duration_s=900",
                "protocol.kind=laboratory",
                "protocol.mechanism.rest.kind=reserves",
                "protocol.mechanism.sizing={kind='full'}",
                f"protocol.mechanism.pricing={stops}",
                f"agents.fast-bots.strategy={strategy}",
                f"agents.flash-bots.strategy={strategy}",
                "agents.searcher.count=0",
            ),
            collect_every=0,
        )
        model.run()
        restarts = [row for row in model.recorder.bids if row[4] == "chore"]
        sales[strategy] = len(restarts), len(model.recorder.sales)
        assert model.recorder.liquidations
        assert model.conservation.error_usd(model.oracle_prices) == 0.0
    assert sales["threshold"] == (0, 0)
    assert min(sales["volunteer"]) > 0
