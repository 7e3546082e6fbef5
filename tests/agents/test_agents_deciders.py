"""Who decides when, and what it learns: agents alone, with a world that only answers questions."""

from __future__ import annotations

import mesa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.base import DecidingAgent, Liquidate, Opportunity, PendingLiquidation, SetQuotes
from liquidarium.agents.borrowers import ATTENTION_S, BorrowerCohort, RebalancingCohort
from liquidarium.agents.liquidators import PRIOR_WIN_RATE, LiquidatorBot
from liquidarium.agents.makers import LOSS_CHECKS, MarketMaker
from liquidarium.agents.searchers import MEVSearcher
from liquidarium.agents.strategies.avellaneda_stoikov import AvellanedaStoikov
from liquidarium.agents.strategies.borrower import BorrowerPolicy
from liquidarium.agents.strategies.searcher import SearcherStrategy
from liquidarium.agents.strategies.threshold_liquidator import ThresholdLiquidator
from liquidarium.market.streams import Streams

ACCOUNT = 5


class FakeWorld(mesa.Model):
    """Answers what agents may ask for."""

    def __init__(self, cash=1e6, gain=0.0):
        super().__init__()
        self.stream = Streams(3)
        self.cash, self.gain, self.gains_asked = cash, gain, 0

    def cash_usd(self, account):
        assert account == ACCOUNT
        return self.cash

    def gain_usd(self, account):
        self.gains_asked += 1
        return self.gain

    def option_board(self):
        return None


def offers(n=1):
    return [Opportunity(account, 0.97, 0, 1, 200_000.0, 0.05) for account in range(n)]


def liquidator(world=None, **settings):
    return LiquidatorBot(world or FakeWorld(), "bot", ACCOUNT, ThresholdLiquidator(), **settings)


def test_agent_is_asked_once_for_each_piece_of_news():
    bot = liquidator()
    assert [bot.due(version, block) for block, version in enumerate([1, 1, 2, 2, 3])] == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_agent_without_decide_says_so(make_view):
    with pytest.raises(NotImplementedError):
        DecidingAgent(FakeWorld(), "nobody", ACCOUNT, None).decide(make_view())


def test_delay_has_the_median_and_spread_that_were_asked_for():
    """The logarithm of the delay is normal: median `latency_s`, spread in relation to it."""
    bot = liquidator(latency_s=0.2, latency_jitter_s=0.05)
    logs = np.log([bot.delay_s() for _ in range(4000)])
    assert np.exp(np.median(logs)) == pytest.approx(0.2, rel=0.03)
    assert logs.std() == pytest.approx(0.25, rel=0.05)
    assert liquidator(latency_s=0.2).delay_s() == 0.2
    assert liquidator().delay_s() == 0.0


def test_bots_with_equal_names_in_equal_worlds_draw_the_same_delays():
    one, other = (liquidator(latency_s=0.2, latency_jitter_s=0.05) for _ in range(2))
    assert [one.delay_s() for _ in range(5)] == [other.delay_s() for _ in range(5)]


def test_bot_learns_its_chance_of_winning(make_view):
    bot = liquidator()
    assert bot.win_rate == PRIOR_WIN_RATE
    for _ in range(100):
        bot.learn(True)
    assert bot.win_rate == pytest.approx(1.0, abs=1e-3)
    for _ in range(100):
        bot.learn(False)
    assert bot.win_rate == pytest.approx(0.0, abs=1e-3)


@given(st.lists(st.booleans(), max_size=60), st.floats(0.01, 1.0))
def test_learned_chance_stays_a_chance(outcomes, rate):
    bot = liquidator(learning_rate=rate)
    for won in outcomes:
        bot.learn(won)
        assert 0.0 <= bot.win_rate <= 1.0


def test_bot_that_stays_out_slowly_believes_again(make_view):
    """Without that a run of bad luck would keep it out for good."""
    bot = liquidator()
    for _ in range(60):
        bot.learn(False)
    view = make_view(opportunities=offers())
    rounds = 0
    while not bot.decide(view):
        rounds += 1
        assert rounds < 10_000
    assert rounds > 10
    assert bot.win_rate < PRIOR_WIN_RATE


def test_bot_without_cash_or_opportunities_asks_for_nothing(make_view):
    assert liquidator(FakeWorld(cash=0.0)).decide(make_view(opportunities=offers())) == []
    bot = liquidator()
    assert bot.decide(make_view()) == []
    assert bot.win_rate == PRIOR_WIN_RATE, "nothing to stay out of"


def test_bot_looks_at_its_losses_after_each_outcome(make_view):
    world = FakeWorld(gain=-1e9)
    bot = liquidator(world)
    view = make_view(opportunities=offers())
    assert bot.decide(view), "it has not played yet, so it cannot have lost"
    bot.learn(True)
    assert bot.decide(view) == []
    assert world.gains_asked == 1


def test_maker_is_due_at_the_start_and_then_at_its_own_phase():
    world = FakeWorld()
    strategy = AvellanedaStoikov(refresh_blocks=8)
    makers = [MarketMaker(world, f"maker-{k}", ACCOUNT, strategy) for k in range(16)]
    due = np.array([[maker.due(0, block) for block in range(80)] for maker in makers])
    assert due[:, 0].all()
    for row in due:
        assert set(np.diff(np.flatnonzero(row[1:]))) == {8}
    assert len({int(np.flatnonzero(row[1:])[0]) for row in due}) > 3, "not all in the same block"


def test_maker_quotes_every_book_and_no_other(make_view):
    maker = MarketMaker(FakeWorld(), "maker", ACCOUNT, AvellanedaStoikov())
    quotes = maker.decide(make_view())
    assert [quote.asset for quote in quotes] == [0]
    assert isinstance(quotes[0], SetQuotes)
    assert quotes[0].size_usd > 0
    assert quotes[0].half_spread > 0


def test_maker_withdraws_and_comes_back(make_view):
    maker = MarketMaker(
        FakeWorld(), "maker", ACCOUNT, AvellanedaStoikov(withdraw_volatility=8.0, return_volatility=4.0)
    )
    sizes = []
    for annual in (1.0, 9.0, 6.0, 3.0, 6.0):
        view = make_view(volatility=[annual / (365 * 86_400.0) ** 0.5, 0.0])
        sizes.append(maker.decide(view)[0].size_usd > 0)
    assert sizes == [True, False, False, True, True]


def test_maker_looks_at_its_loss_now_and_then(make_view):
    world = FakeWorld(gain=-2e6)
    maker = MarketMaker(world, "maker", ACCOUNT, AvellanedaStoikov(loss_limit_usd=1e6))
    for _ in range(2 * LOSS_CHECKS):
        assert maker.decide(make_view())[0].size_usd == 0.0
    assert world.gains_asked == 2


def test_searcher_liquidates_copies_and_arbitrages(make_view):
    searcher = MEVSearcher(FakeWorld(), "searcher", ACCOUNT, SearcherStrategy())
    view = make_view(opportunities=offers())
    assert all(isinstance(call, Liquidate) and call.flash_loan for call in searcher.decide(view))
    rival = PendingLiquidation(offers()[0], 200_000.0, 120.0, ACCOUNT + 1, 121.0)
    own = PendingLiquidation(offers()[0], 200_000.0, 120.0, ACCOUNT, 121.0)
    assert searcher.react(view._replace(pending=[rival]))[0].price_gwei == pytest.approx(135.0)
    assert searcher.react(view._replace(pending=[own])) == []
    assert [call.asset for call in searcher.arbitrage(view, {0: 5_000.0})] == [0]


def test_searcher_learns_arbitrage_apart_from_liquidation(make_view):
    searcher = MEVSearcher(FakeWorld(), "searcher", ACCOUNT, SearcherStrategy())
    for _ in range(60):
        searcher.learn_arbitrage(False)
    assert searcher.arbitrage(make_view(), {0: 5_000.0}) == []
    assert searcher.win_rate == PRIOR_WIN_RATE
    assert 0.0 < searcher.arbitrage_win_rate < PRIOR_WIN_RATE


DELAYS = st.lists(st.one_of(st.floats(0.0, 500.0), st.just(np.inf)), min_size=1, max_size=30)


@given(DELAYS, st.integers(0, 100), st.floats(1.0, 20.0))
def test_every_alerted_borrower_acts_once_on_the_first_round_after_its_delay(delays, block, block_time_s):
    cohort = BorrowerCohort(FakeWorld(), "watchers", BorrowerPolicy(), np.array(delays))
    rows = np.arange(len(delays))
    cohort.alert(rows, block, block_time_s)
    acted = {}
    for now in range(block, block + 700):
        due = cohort.due(now)
        for row in [] if due is None else due.tolist():
            assert row not in acted
            acted[row] = now
    for row, delay in enumerate(delays):
        if np.isinf(delay):
            assert row not in acted
        else:
            waited_s = (acted[row] - block) * block_time_s
            assert acted[row] > block
            assert waited_s >= delay * (1 - 1e-12)
            round_s = max(block_time_s, round(ATTENTION_S / block_time_s) * block_time_s)
            assert waited_s - block_time_s - round_s <= delay * (1 + 1e-12)


def test_borrowers_alerted_at_different_times_may_be_due_together():
    cohort = BorrowerCohort(FakeWorld(), "watchers", BorrowerPolicy(), np.array([24.0, 0.0]))
    cohort.alert(np.array([0]), 0, 12.0)
    cohort.alert(np.array([1]), 2, 12.0)
    assert cohort.due(4) is None
    assert sorted(cohort.due(5).tolist()) == [0, 1]
    assert cohort.due(5) is None


@given(st.lists(st.integers(0, 20), max_size=30))
def test_every_appointment_is_kept_once(blocks):
    accounts = np.arange(100, 100 + len(blocks))
    cohort = RebalancingCohort(FakeWorld(), "rebalancing", np.array(blocks, np.int64), accounts)
    kept = {}
    for block in range(21):
        due = cohort.due(block)
        assert due is None or len(due)
        kept |= dict.fromkeys([] if due is None else due.tolist(), block)
    assert kept == dict(zip(accounts.tolist(), blocks, strict=True))
