"""Nobody who can be liquidated is missed, however few accounts are looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.world.watchlist import LISTED, WAD, WatchList, _may_be_listed
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger
from liquidarium.protocols.lending.aave import aave_v2_main_may_2021
from liquidarium.protocols.lending.aave.pool import AavePool
from liquidarium.protocols.lending.euler.pool import EulerPool
from liquidarium.protocols.lending.pool import ESTIMATE, Quotes

CRASH = ("clock.start=2021-05-19T12:50:00Z", "clock.duration_s=900")
IDLE = tuple(f"agents.{name}.count=0" for name in ("fast-bots", "flash-bots", "searcher"))


class Witness(LiquidationMarket):
    """Compares the published list with every account's exact health in some blocks."""

    every = 5
    screened = False

    def _publish_and_screen(self) -> None:
        looked: list[float] = []
        watch = self.lending.watch
        reprice = watch.reprice

        def noticed(now_s):
            looked.append(now_s)
            return reprice(now_s)

        watch.reprice = noticed
        super()._publish_and_screen()
        watch.reprice = reprice
        self._check_lists()
        self.compared = getattr(self, "compared", 0)
        self.unhealthy_seen = getattr(self, "unhealthy_seen", 0)
        if looked and self.block % self.every == 0:
            self._compare()

    def _check_lists(self) -> None:
        """Nobody is listed twice, or asleep and awake; who is calm will be told again."""
        watch = self.lending.watch
        awake = watch.awake.tolist()
        assert awake == sorted(set(awake))
        assert not any(row in watch.sleepers for row in awake)
        assert len({o.account for o in watch.opportunities}) == len(watch.opportunities)
        health = watch.screen.health_all()
        levels, wanted = watch.screen.levels, watch._alert_levels
        calm = (watch._next_levels > 1.0) & (health > wanted)  # wants to be told, and has not been
        assert np.array_equal(levels[calm], wanted[calm])

    def _compare(self) -> None:
        pool, watch, now = self.lending.pool, self.lending.watch, int(self.time_s)
        gas_usd = self.gas_usd(self.scenario.chain.gas_per_liquidation, self.gas.floor)
        _, debt_usd, worth = pool.weights(now)
        asleep, awake = watch.sleepers, set(watch.awake.tolist())
        listed = [o.account for o in watch.opportunities]
        exact = [row for row in range(self.lending.n_borrowers) if pool.health_factor(row, now) < WAD]
        for row in exact:
            assert row in awake or row in asleep, f"account {row} is missed in block {self.block}"
            collateral = pool.positions.collateral[row] * worth
            debt = float((pool.positions.debt[row] * debt_usd).max())
            bonus = pool.bonus
            best = float((np.minimum(pool.close_factor * debt, collateral / (1 + bonus)) * bonus).max())
            if best > 1.001 * gas_usd:
                assert row in awake, f"account {row} sleeps though it is worth {best:.0f} USD"
            if len(listed) < LISTED and row in awake:
                assert row in listed
            assert not np.isnan(watch.eligible_since[row])
        assert set(listed) <= set(exact), "an account that may not be liquidated is published"
        self.compared += 1
        self.unhealthy_seen = max(self.unhealthy_seen, len(exact))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("idle", [True, False], ids=["nobody liquidates", "bots liquidate"])
def test_every_account_that_may_be_liquidated_is_awake_or_sleeps_for_its_gas(seed, idle):
    """Brute force over all borrowers with the contract's own health factor (MODEL 1.1)."""
    model = Witness("quickstart", seed=seed, overrides=CRASH + (IDLE if idle else ()))
    model.run()
    assert model.compared > 5
    assert model.unhealthy_seen > 5


def test_rounding_of_the_average_threshold_makes_no_account_slip_through():
    """The contract rounds the average threshold down to a basis point, the screen does not (MODEL 1.1)."""
    decimals = {"WETH": 9, "WBTC": 8, "USDC": 6}
    ledger = Ledger([Asset(symbol, places) for symbol, places in decimals.items()])
    pool = AavePool(ledger, aave_v2_main_may_2021(tuple(decimals), decimals), 1, 0)
    # average threshold 0.79999, which the rule reads as 0.7999; debt between the two
    dollars = np.array([66_653.0, 33_347.0])
    collateral, debt = np.zeros((1, 3), np.int64), np.zeros((1, 3), np.int64)
    collateral[0, :2] = dollars / [2_000.0, 40_000.0] * [10**9, 10**8]
    debt[0, 2] = 79_995 * 10**6
    pool.endow(collateral, debt)
    pool.set_prices([2_000 * 10**8, 40_000 * 10**8, 10**8])
    assert pool.health_factor(0, 0) < WAD
    cw, dw, _ = pool.weights(0)
    assert collateral[0] @ cw > debt[0] @ dw
    watch = WatchList(pool, np.zeros(1))
    watch.reprice(0.0)
    watch.refresh(10.0, 0.0)
    assert [o.account for o in watch.opportunities] == [0]


def test_list_is_ordered_by_reward_and_worth_its_gas():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH + IDLE)
    lengths = []
    while model.running:
        model.step()
        rewards = [o.repay_usd * o.bonus for o in model.lending.watch.opportunities]
        assert rewards == sorted(rewards, reverse=True)
        gas_usd = model.gas_usd(model.scenario.chain.gas_per_liquidation, model.gas.floor)
        assert all(reward >= 0.999 * gas_usd for reward in rewards)
        assert len({o.account for o in model.lending.watch.opportunities}) == len(rewards) <= LISTED
        lengths.append(len(rewards))
    assert max(lengths) == LISTED, "more are eligible than are published"


def test_dear_gas_lets_accounts_sleep_and_cheap_gas_wakes_them():
    model = LiquidationMarket("quickstart", seed=1, overrides=CRASH + IDLE)
    watch = model.lending.watch
    while len(watch.awake) + len(watch.sleepers) <= LISTED:
        model.step()
    eligible = len(watch.awake) + len(watch.sleepers)
    watch.reprice(model.time_s)
    watch.refresh(1e9, model.time_s)
    assert watch.opportunities == []
    assert len(watch.awake) == 0
    assert len(watch.sleepers) == eligible
    watch.refresh(1e-9, model.time_s)
    assert len(watch.sleepers) == 0
    assert len(watch.awake) == eligible
    assert len(watch.opportunities) == LISTED


@given(
    st.lists(
        st.tuples(st.integers(-20, 60) | st.sampled_from([10, 11]), st.floats(-1.0, 1.0), st.integers(0, 9)),
        min_size=1,
        max_size=60,
    )
)
def test_estimates_leave_the_list_as_the_rule_would_have_it(accounts):
    """Gains in whole dollars and slightly off, gas of 10 USD; some accounts have no estimate."""
    gain, noise, luck = (np.array(column, np.float64) for column in zip(*accounts, strict=True))
    repay = np.full(len(gain), 1e5)
    guess = np.where(luck > 0, gain + 0.99 * ESTIMATE * repay * noise, np.nan)
    asked = _may_be_listed(Quotes(repay, guess / repay, np.zeros(len(gain))), 10.0)
    wanted, found = (
        np.argsort(-np.maximum(each, 10.0), kind="stable")[:LISTED]
        for each in (gain, np.where(asked, gain, guess))
    )
    assert wanted.tolist() == found.tolist()
    assert asked[wanted].all(), "what is published is exact"


@pytest.mark.parametrize("kind", ["euler-v1", "euler-v2"])
def test_a_run_does_not_know_that_terms_are_estimated(monkeypatch, kind):
    changes = (*CRASH, f"protocol.kind={kind}")
    before = run("may-2021", seed=1, overrides=changes).content_hash
    monkeypatch.setattr(EulerPool, "estimate", lambda *_: None)
    assert run("may-2021", seed=1, overrides=changes).content_hash == before
