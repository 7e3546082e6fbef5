"""What "the same borrowers" means when protocols are compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.population import Population
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.world.lending.kinds import Terms, lending_kinds
from liquidarium.experiments.world.same_borrowers import same_borrowers

PRICES, DRAWN_AT = np.array([2_000.0, 40_000.0]), np.array([0.8, 0.7])


def crowd(tokens, health) -> Population:
    tokens, health = np.asarray(tokens, float), np.asarray(health, float)
    owed = (tokens * PRICES) @ DRAWN_AT / health
    n = len(health)
    return Population(
        ("ETH", "BTC"), ("USDC", "DAI"), tokens, np.column_stack([0.75 * owed, 0.25 * owed]), health,
        np.ones(n), np.ones(n), np.ones(n), np.ones(n), np.ones(n, np.int8), np.ones(n), health, np.ones(n),
    )  # fmt: skip


amounts = st.floats(0.01, 1e4)
accounts = st.lists(
    st.tuples(amounts, amounts, st.booleans(), st.floats(1.001, 5.0)), min_size=1, max_size=20
)


def drawn(rows) -> Population:
    return crowd([[eth, btc if both else 0.0] for eth, btc, both, _ in rows], [h for *_, h in rows])


@given(accounts, st.floats(0.3, 0.95), st.floats(0.3, 0.95), st.booleans())
def test_everybody_starts_at_the_same_distance_to_the_trigger_with_the_same_collateral(
    rows, eth, btc, single
):
    before = drawn(rows)
    after = same_borrowers(before, PRICES, DRAWN_AT, Terms({"ETH": eth, "BTC": btc}, single))
    backed = (after.collateral_tokens * PRICES) @ [eth, btc]
    assert after.debt_usd.sum(axis=1) * after.health_factor == pytest.approx(backed)
    assert after.collateral_tokens.sum(axis=0) == pytest.approx(before.collateral_tokens.sum(axis=0))
    assert len(after) == (np.count_nonzero(before.collateral_tokens) if single else len(before))
    assert not single or (np.count_nonzero(after.collateral_tokens, axis=1) == 1).all()


@given(accounts)
def test_the_terms_they_were_drawn_at_change_nothing(rows):
    before = drawn(rows)
    after = same_borrowers(before, PRICES, DRAWN_AT, Terms({"ETH": 0.8, "BTC": 0.7}))
    assert np.array_equal(after.debt_usd, before.debt_usd)
    assert np.array_equal(after.collateral_tokens, before.collateral_tokens)


@given(accounts, st.floats(0.3, 0.95))
def test_a_kept_debt_moves_the_health_factor_instead(rows, threshold):
    before = drawn(rows)
    terms = Terms({"ETH": threshold, "BTC": threshold}, debt="DAI")
    after = same_borrowers(before, PRICES, DRAWN_AT, terms, keep_debt=True)
    assert after.debt_symbols == ("DAI",)
    assert after.debt_usd[:, 0] == pytest.approx(before.debt_usd.sum(axis=1))
    backed = (after.collateral_tokens * PRICES).sum(axis=1) * threshold
    assert after.health_factor == pytest.approx(backed / after.debt_usd[:, 0])


def test_accounts_below_the_least_debt_are_left_out():
    before = crowd([[1.0, 0.0], [10.0, 0.0], [0.0, 0.001]], [1.5, 1.5, 1.5])
    terms = Terms({"ETH": 0.8, "BTC": 0.7}, True, "DAI", {"ETH": 5_000.0})
    after = same_borrowers(before, PRICES, DRAWN_AT, terms)
    assert after.collateral_tokens.tolist() == [[10.0, 0.0], [0.0, 0.001]]
    nobody = Terms({"ETH": 0.8, "BTC": 0.7}, True, None, {"ETH": 1e9, "BTC": 1e9})
    with pytest.raises(ScenarioError, match="x: no borrower owes the least debt it allows"):
        same_borrowers(before, PRICES, DRAWN_AT, nobody, name="x")


def test_a_collateral_that_a_protocol_does_not_take_is_an_error():
    with pytest.raises(ScenarioError, match="somewhere: the liquidation threshold of BTC is 0"):
        same_borrowers(crowd([[1.0, 1.0]], [2.0]), PRICES, DRAWN_AT, Terms({"ETH": 0.8}), name="somewhere")


@pytest.mark.parametrize("kind", lending_kinds())
def test_borrowers_of_a_running_world_are_as_healthy_as_they_were_drawn(kind):
    """The exact rule of every protocol finds the health at which the account was drawn."""
    model = LiquidationMarket("quickstart", seed=3, overrides=[f"protocol.kind={kind}"])
    reference = LiquidationMarket("quickstart", seed=3)
    market = model.lending
    exact = np.array([market.pool.health_factor(row, 0) / 1e18 for row in range(market.n_borrowers)])
    screened = market.watch.screen.health_all()[:-1]
    rounding = max(2e-3, market.pool.caution)
    if market.pool.soft:  # health is no line in the price, so the screen's is a bound; a band is a hundredth
        rounding = 0.01
        assert (screened <= exact * (1.0 + rounding)).all()
    else:
        assert exact == pytest.approx(screened, rel=rounding)
    wanted = [reference.lending.pool.health_factor(r, 0) / 1e18 for r in range(reference.lending.n_borrowers)]
    for value in exact[exact < 2.0][:20]:  # few are drawn far above
        assert min(abs(value / other - 1.0) for other in wanted) < rounding
    assert model.lending.unsafe_at_start == 0


def test_kept_debts_tell_who_starts_unsafe():
    overrides = ["protocol.kind=maker", "borrowers.keep_debt=true"]
    market = LiquidationMarket("quickstart", seed=3, overrides=overrides).lending
    exact = [market.pool.health_factor(row, 0) < 10**18 for row in range(market.n_borrowers)]
    assert market.unsafe_at_start == sum(exact) > 0
