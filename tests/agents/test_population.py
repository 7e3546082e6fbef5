"""A drawn crowd keeps what its law says: total debt, health above 1, shares, concentration, repeatability."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.agents.population import (
    MIN_HEALTH_FACTOR,
    PANIC,
    PASSIVE,
    WATCHER,
    CollateralLaw,
    LognormalHealth,
    PopulationLaw,
    ReactionLaw,
    SizeLaw,
    TabulatedHealth,
    draw_population,
    population_from_table,
)

PRICES = {"ETH": 3380.0, "BTC": 42_850.0, "LINK": 45.0}
LAW = PopulationLaw(
    collateral=(
        CollateralLaw("ETH", 0.6, 0.825, 0.05),
        CollateralLaw("BTC", 0.3, 0.75, 0.10, TabulatedHealth((1.0, 1.1, 2.0, 4.0), (0.1, 0.5, 0.4))),
        CollateralLaw("LINK", 0.1, 0.75, 0.10),
    ),
    debt_mix={"USDC": 0.5, "USDT": 0.3, "DAI": 0.2},
    reaction=ReactionLaw(shares=(0.5, 0.4, 0.1), reset_mean_s=86_400.0),
    second_collateral=0.2,
)


def draw(n=20_000, total=1e9, seed=1, law=LAW):
    return draw_population(law, n, total, PRICES, np.random.default_rng(seed))


def implied_health(population, law=LAW):
    weights = [PRICES[entry.symbol] * entry.liquidation_threshold for entry in law.collateral]
    return population.collateral_tokens @ np.array(weights) / population.debt_usd.sum(axis=1)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 5000), total=st.floats(1e3, 1e12), seed=st.integers(0, 2**32 - 1), twice=st.floats(0, 1)
)
def test_total_debt_is_exact_and_every_account_starts_healthy(n, total, seed, twice):
    law = dataclasses.replace(LAW, second_collateral=twice)
    population = draw(n, total, seed, law)
    assert len(population) == n
    assert population.debt_usd.sum() == pytest.approx(total, rel=1e-12)
    assert (population.health_factor >= MIN_HEALTH_FACTOR).all()
    assert np.allclose(implied_health(population, law), population.health_factor, rtol=1e-12)
    assert (population.collateral_tokens >= 0).all()
    assert ((population.debt_usd > 0).sum(axis=1) == 1).all()


def test_shares_of_collateral_debt_and_types_are_those_of_the_law():
    population = draw(100_000)
    main = (population.collateral_tokens * np.array(list(PRICES.values()))).argmax(axis=1)
    assert np.bincount(main) / len(main) == pytest.approx([0.6, 0.3, 0.1], abs=0.02)
    assert (population.debt_usd > 0).mean(axis=0) == pytest.approx([0.5, 0.3, 0.2], abs=0.01)
    assert np.bincount(population.type_code) / len(main) == pytest.approx([0.5, 0.4, 0.1], abs=0.01)
    assert ((population.collateral_tokens > 0).sum(axis=1) == 2).mean() == pytest.approx(0.2, abs=0.01)


def test_more_borrowers_add_dust_and_leave_the_large_accounts_alone():
    """Total debt fixed: the top 100 keep their share, accounts above 2,000 USD saturate."""
    small, large = (draw(n).debt_usd.sum(axis=1) for n in (10_000, 1_000_000))
    assert large[:100].sum() == pytest.approx(small[:100].sum(), rel=0.02)
    assert (large > 2000).sum() < 1.5 * (small > 2000).sum()
    assert (np.diff(large) <= 0).all()


def test_the_tail_of_sizes_is_pareto_with_the_law_s_exponent():
    """Between the rounded top and the body, weight falls as rank^(-1/alpha) (MODEL 5.5)."""
    law = SizeLaw(tail_exponent=1.25, top_rank=0.01, body_rank=1e9, body_slope=2.0)
    ranks = np.array([10.0, 1000.0])
    slope = np.diff(np.log(law.weights(ranks))) / np.diff(np.log(ranks))
    assert slope[0] == pytest.approx(-0.8, abs=1e-3)


def test_reactions_lie_between_liquidation_and_the_own_margin():
    population = draw()
    reacts = population.type_code != PASSIVE
    alert = population.alert_level
    assert (alert[~reacts] == 0).all()
    assert (population.target_health[~reacts] == 0).all()
    assert (alert[reacts] > 1).all()
    assert (alert[reacts] < population.health_factor[reacts]).all()
    assert (population.target_health[reacts] >= alert[reacts]).all()
    assert set(np.unique(population.type_code)) == {PASSIVE, WATCHER, PANIC}
    assert np.median(population.delay_s) == pytest.approx(LAW.reaction.delay_median_s, rel=0.05)


def test_resets_come_at_the_law_s_rate_and_never_without_one():
    population = draw(100_000)
    assert population.reset_s.mean() == pytest.approx(86_400.0, rel=0.02)
    assert (population.reset_health >= MIN_HEALTH_FACTOR).all()
    still = dataclasses.replace(LAW, reaction=dataclasses.replace(LAW.reaction, reset_mean_s=0.0))
    assert np.isinf(draw(law=still).reset_s).all()


def test_the_same_generator_draws_the_same_crowd():
    first, again, other = draw(seed=3), draw(seed=3), draw(seed=4)
    for field in dataclasses.fields(first):
        assert np.array_equal(getattr(first, field.name), getattr(again, field.name)), field.name
    assert not np.array_equal(first.health_factor, other.health_factor)


def test_a_law_survives_json():
    assert PopulationLaw.from_json(LAW.to_json()) == LAW
    assert PopulationLaw.from_dict(LAW.to_dict()) == LAW


def test_lognormal_health_has_the_law_s_median():
    law = LognormalHealth((1.0,), (0.7,), (1.0,))
    assert np.median(law.draw(100_000, np.random.default_rng(0))) == pytest.approx(1.7, rel=0.01)


def test_tabulated_health_fills_its_bins():
    law = TabulatedHealth((1.0, 1.2, 2.0, 3.0), (0.2, 0.0, 0.8))
    drawn = law.draw(50_000, np.random.default_rng(0))
    counts, _ = np.histogram(drawn, law.edges)
    assert counts / len(drawn) == pytest.approx(law.shares, abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: SizeLaw(body_slope=1.0), "body_slope is 1.0"),
        (lambda: LognormalHealth((0.5,), (0.1,), (0.1,)), "sum to 1"),
        (lambda: TabulatedHealth((0.9, 2.0), (1.0,)), "start at 1"),
        (lambda: ReactionLaw(shares=(0.5, 0.1, 0.1)), "sum to 1"),
        (lambda: CollateralLaw("ETH", 1.0, 1.2, 0.05), "liquidation_threshold is 1.2"),
        (lambda: dataclasses.replace(LAW, debt_mix={"USDC": 0.4}), "debt_mix sums to 0.4"),
        (lambda: draw(n=0), "n_borrowers is 0"),
        (lambda: draw(total=0.0), "total_debt_usd is 0.0"),
    ],
)
def test_impossible_laws_are_refused_with_the_value(change, message):
    with pytest.raises(ValueError, match=message):
        change()


def table(n=500):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"debt_value": rng.pareto(1.2, n) + 1, "health_factor": 1 + rng.lognormal(0, 0.5, n)})


@pytest.mark.parametrize("n", [100, 500, 5000])
def test_table_populations_keep_total_and_health(n):
    rows = table()
    drawn = population_from_table(rows, LAW, n, 1e8, PRICES, np.random.default_rng(0))
    assert drawn.debt_usd.sum() == pytest.approx(1e8, rel=1e-12)
    assert np.isin(drawn.health_factor, rows.health_factor).all()
    if n >= len(rows):
        largest = rows.debt_value.nlargest(10).to_numpy()
        assert drawn.debt_usd.sum(axis=1)[:10] / 1e8 == pytest.approx(
            largest / rows.debt_value.sum(), rel=0.25
        )


def test_a_table_without_usable_rows_is_refused():
    empty = pd.DataFrame({"debt_value": [1.0], "health_factor": [0.9]})
    with pytest.raises(ValueError, match="no row"):
        population_from_table(empty, LAW, 10, 1e6, PRICES, np.random.default_rng(0))
