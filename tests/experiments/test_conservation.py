"""Money is neither made nor lost in a run, and the check that says so can tell."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.market.ledger import OUTSIDE, Ledger, Reason

CRASH = ("clock.start=2021-05-19T13:00:00Z", "clock.duration_s=600")
"""Ten minutes in which the market falls and accounts are liquidated."""


def error_usd(model: LiquidationMarket) -> float:
    return model.conservation.error_usd(model.oracle_prices)


def test_run_conserves_every_unit_of_every_asset():
    model = LiquidationMarket("quickstart", seed=6, overrides=CRASH)
    model.run()
    assert len(model.recorder.liquidations) > 0
    assert model.n_transactions > len(model.recorder.liquidations)
    assert not model.conservation.residual.any()
    assert error_usd(model) == 0.0
    assert not model.ledger.imbalance().any()
    moved = {Reason(r).name for r in np.flatnonzero(model.ledger.volumes.any(axis=1))}
    assert {"ESCROW", "RELEASE", "TRADE", "GAS", "SWAP", "REPAY", "SEIZE", "WITHDRAW", "FLASH_LOAN"} <= moved


def test_nobody_but_the_outside_world_owes_the_ledger():
    model = LiquidationMarket("quickstart", seed=2, overrides=CRASH)
    model.run()
    assert (model.ledger.balances[OUTSIDE] <= 0).all()
    assert (model.ledger.balances[OUTSIDE + 1 :] >= 0).all()
    assert (model.lending.pool.positions.amounts >= 0).all()


@pytest.mark.parametrize("reason", [Reason.REPAY, Reason.SEIZE, Reason.SWAP, Reason.GAS, Reason.FLASH_LOAN])
@pytest.mark.parametrize("leg", ["source", "target"])
def test_a_movement_that_loses_one_leg_is_seen(monkeypatch, reason, leg):
    whole = Ledger.transfer
    lost: list[int] = []

    def transfer(self, asset, source, target, amount, why):
        if why is reason and amount and not lost:
            lost.append(amount)
            if leg == "target":
                self.balances[source, asset] -= amount
            else:
                self.balances[target, asset] += amount
            return
        whole(self, asset, source, target, amount, why)

    monkeypatch.setattr(Ledger, "transfer", transfer)
    model = LiquidationMarket("quickstart", seed=6, overrides=CRASH)
    model.run()
    assert len(lost) == 1
    assert error_usd(model) > 0.0


@pytest.mark.parametrize("reason", [Reason.REPAY, Reason.SEIZE, Reason.WITHDRAW])
def test_a_movement_of_the_wrong_amount_is_seen_by_whoever_holds_the_funds(monkeypatch, reason):
    """Both legs are written, so the ledger balances: only the pool's own count can tell."""
    whole = Ledger.transfer
    changed: list[int] = []

    def transfer(self, asset, source, target, amount, why):
        if why is reason and amount > 1 and not changed:
            changed.append(amount)
            amount -= 1
        whole(self, asset, source, target, amount, why)

    monkeypatch.setattr(Ledger, "transfer", transfer)
    model = LiquidationMarket("quickstart", seed=6, overrides=CRASH)
    model.run()
    assert len(changed) == 1
    assert not model.ledger.imbalance().any()
    assert error_usd(model) > 0.0


def half_way() -> LiquidationMarket:
    model = LiquidationMarket("quickstart", seed=6, overrides=CRASH)
    while model.block < 25:
        model.step()
    assert error_usd(model) == 0.0
    return model


def one_unit_from_nowhere(model):
    model.ledger.balances[model.bots[0].account, model.quote] += 1


def a_position_that_grew(model):
    model.lending.pool.positions.collateral[7, 0] += 1


def a_reserve_that_grew(model):
    model.lending.pool.reserves[0].available += 1


def a_pool_that_believes_in_more(model):
    pool = model.pools[0]
    pool.state = pool.state._replace(reserve0=pool.state.reserve0 + 1)


def an_escrow_that_leaks(model):
    ledger = model.ledger
    (escrow,) = (first for first, _, name in ledger.runs() if name == "escrow/ETH")
    ledger.transfer(0, escrow, OUTSIDE, 1, Reason.TRANSFER)


@pytest.mark.parametrize(
    "damage",
    [
        one_unit_from_nowhere,
        a_position_that_grew,
        a_reserve_that_grew,
        a_pool_that_believes_in_more,
        an_escrow_that_leaks,
    ],
)
def test_one_unit_of_damage_in_mid_run_is_seen_at_the_end(damage):
    model = half_way()
    damage(model)
    model.run()
    assert error_usd(model) > 0.0


@pytest.mark.parametrize("damage", [a_pool_that_believes_in_more, an_escrow_that_leaks])
def test_damage_to_venues_is_seen_in_the_same_block(damage):
    model = half_way()
    damage(model)
    model.step()
    assert error_usd(model) > 0.0


def test_error_is_worth_what_is_missing():
    model = half_way()
    model.conservation.residual[model.quote] = 3
    model.conservation.residual[0] = 10
    eth = model.oracle_prices[0]
    assert error_usd(model) == pytest.approx(3e-6 + 10e-9 * eth, rel=1e-12)


@pytest.mark.replay
def test_whole_days_conserve_money_and_differ_by_seed():
    results = [run("may-2021", seed=seed) for seed in (1, 2)]
    for result in results:
        assert result.summary["conservation_error_usd"] == 0.0
        assert result.summary["liquidations"] > 100
    hashes = {result.summary["content_hash"] for result in results}
    assert len(hashes) == 2
