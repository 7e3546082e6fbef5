"""Studies of margin rules by themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.margin_studies import run_study
from liquidarium.experiments.margin_studies.correlation_break import (
    BOOKS,
    DEGREES,
    correlation_break,
    draw_books,
    excess,
)
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
    assert "margin study = 'nothing'; allowed: correlation-break" in wrong.output
    assert not (tmp_path / "other").exists()


def test_one_seed_gives_one_table():
    one, two = (run_study("correlation-break", 3).table for _ in range(2))
    assert one.equals(two)
