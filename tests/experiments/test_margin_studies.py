"""Studies of margin rules by themselves."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.margin_studies import architectures, model_risk, run_study
from liquidarium.experiments.margin_studies.correlation_break import (
    BOOKS,
    DEGREES,
    correlation_break,
    draw_books,
    excess,
)
from liquidarium.protocols.margin.models import HestonVolatility
from scipy import stats
from typer.testing import CliRunner


@pytest.mark.parametrize("fat", [False, True])
def test_probability_and_mean_of_the_excess_are_those_of_draws(fat):
    rng = np.random.default_rng(1)
    draws = (
        rng.standard_t(DEGREES, 2_000_000) * np.sqrt((DEGREES - 2) / DEGREES)
        if fat
        else rng.normal(size=2_000_000)
    )
    beyond, mean = excess(np.array([2.0]), np.array([1.3]), fat)
    assert beyond[0] == pytest.approx((1.3 * draws > 2.0).mean(), rel=0.02)
    assert mean[0] == pytest.approx(np.maximum(1.3 * draws - 2.0, 0.0).mean(), rel=0.04)


@pytest.mark.parametrize("kind", BOOKS)
def test_books_have_a_gross_notional_of_one(kind):
    books = draw_books(kind, 100, 4, np.random.default_rng(1))
    assert np.abs(books).sum(axis=1) == pytest.approx(np.ones(100))
    if kind == "market neutral":
        assert books.sum(axis=1) == pytest.approx(np.zeros(100))


def test_netted_margin_covers_99_per_cent_until_correlations_move():
    table = correlation_break(np.random.default_rng(1), 50).table
    at_rest = table[(table.margin == "netted") & (table.stress == 0.0)]
    assert at_rest.breach_normal.tolist() == pytest.approx([0.01] * len(BOOKS), rel=1e-6)
    fat = stats.t.sf(2.326347874 * np.sqrt(2.0), DEGREES)
    assert at_rest.breach_fat.tolist() == pytest.approx([fat] * len(BOOKS), rel=1e-6)


def test_long_books_lack_margin_when_correlations_go_to_one_and_hedged_ones_when_they_go():
    table = correlation_break(np.random.default_rng(1), 50).table
    netted = table[table.margin == "netted"].pivot(index="book", columns="stress", values="breach_normal")
    for book, worse in (("long only", 1.0), ("hedged in pairs", -1.0), ("market neutral", -1.0)):
        assert netted.loc[book, worse] > 0.01 > netted.loc[book, -worse]


def test_the_command_saves_table_and_figure_and_refuses_unknown_studies(tmp_path):
    folder = tmp_path / "study"
    outcome = CliRunner().invoke(app, ["margin", "correlation-break", "--json", "--out", str(folder)])
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["study"] == "correlation-break"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["correlation-break.png", "margin_study.json", "table.md", "table.parquet"]
    wrong = CliRunner().invoke(app, ["margin", "nothing", "--out", str(tmp_path / "other")])
    assert wrong.exit_code == 2
    assert "margin study = 'nothing'; allowed: architectures, correlation-break, model-risk" in wrong.output
    assert not (tmp_path / "other").exists()


def test_one_seed_gives_one_table():
    one, two = (run_study("correlation-break", 3).table for _ in range(2))
    assert one.equals(two)


@pytest.fixture(scope="module")
def risks():
    return model_risk.model_risk(np.random.default_rng(1), 12).set_index(["truth", "mark"])


def test_a_mark_that_knows_the_world_is_never_false_nor_late(risks):
    for truth in model_risk.TRUTHS:
        assert risks.loc[(truth, "truth"), ["false", "late"]].tolist() == [0.0, 0.0]
    for truth, mark in (("GBM", "BSM"), ("Merton", "Merton")):
        assert risks.loc[(truth, mark)].tolist() == pytest.approx(
            risks.loc[(truth, "truth")].tolist(), rel=1e-6
        )


def test_a_stale_model_errs_where_volatility_moves(risks):
    errors = risks["false"] + risks["late"]
    assert errors["Heston"].drop("truth").min() > 0.1
    assert errors["GBM", "BSM"] == 0.0


def test_an_account_that_is_marked_and_closed_at_the_truth_owes_only_after_jumps(risks):
    assert risks.deficit["GBM"].max() == 0.0


@pytest.mark.parametrize("truth", model_risk.TRUTHS)
def test_prices_and_option_values_of_a_world_are_martingales(truth):
    world = model_risk.simulate(truth, np.random.default_rng(2), 4_000 if truth != "Heston" else 1_500)
    n = world.spots.shape[1]
    for path, start in (
        (world.spots[-1], world.spots[0, 0]),
        (world.values[-1, :, 2], world.values[0, 0, 2]),
    ):
        assert abs(path.mean() - start) < 3.5 * path.std() / np.sqrt(n)


def test_heston_values_between_nodes_are_near_those_of_their_own_variance():
    rng = np.random.default_rng(3)
    spots, variances = rng.uniform(80, 120, (1, 40)), rng.uniform(0.1, 1.5, (1, 40))
    found = model_risk._heston_values(spots, variances)[0]
    heston = model_risk.HESTON
    for i in range(40):
        own = HestonVolatility(
            variances[0, i],
            heston.long_run_variance,
            heston.mean_reversion,
            heston.vol_of_variance,
            heston.leverage,
        )
        strikes, calls = model_risk._strikes()
        exact = own.price(np.full(6, spots[0, i]), strikes, model_risk.LIFE_YEARS, calls)
        assert found[i] == pytest.approx(exact, abs=0.05)


@pytest.fixture(scope="module")
def crowd():
    return architectures.draw_crowd(np.random.default_rng(1), 40)


def test_tiers_of_the_study_are_those_of_the_rule():
    notional = np.array([0.0, 5e4, 1e5, 7e5, 4e6, 5e7])
    exact = [architectures.TIERS.required(round(each)) for each in notional.tolist()]
    assert architectures.tiered(notional) == pytest.approx(exact, abs=2.0)


def test_a_small_long_position_needs_the_same_everywhere_at_the_start(crowd):
    notionals = np.zeros_like(crowd.notionals)
    notionals[:, :, 1] = crowd.notionals[:1, :1, 1] / crowd.notionals[0, 0, 1] * 1_000.0
    small = replace(crowd, notionals=notionals)
    needs = {name: architectures.maintenance(name, small)[0] for name in architectures.ARCHITECTURES}
    flat = [float(need.reshape(need.shape[0], -1).sum(axis=1)[0]) for need in needs.values()]
    assert flat[:4] == pytest.approx([50.0] * 4)
    assert flat[4] == pytest.approx(flat[5])  # netting weighs an asset by its volatility


def test_a_loss_on_isolated_margin_stays_in_its_position_and_on_cross_margin_gains_carry_it(crowd):
    isolated = architectures.outcomes("isolated", crowd)
    cross = architectures.outcomes("cross", crowd)
    hedged = crowd.kinds != "long only"
    assert isolated.initial.tolist() == pytest.approx(cross.initial.tolist())
    assert (isolated.minute[hedged] >= 0).mean() > (cross.minute[hedged] >= 0).mean()


def test_less_initial_margin_is_paid_for_by_deficits(crowd):
    totals = {
        name: architectures.outcomes(name, crowd)[["initial", "deficit"]].sum()
        for name in ("cross", "netted", "common move")
    }
    assert totals["cross"].initial > totals["netted"].initial > totals["common move"].initial
    assert totals["cross"].deficit <= totals["netted"].deficit <= totals["common move"].deficit
