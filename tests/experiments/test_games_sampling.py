"""Sampling: common draws, only distinct profiles, more where it matters, and going on after a kill."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from liquidarium.experiments.games import sampling
from liquidarium.experiments.games.certificate import certify
from liquidarium.experiments.games.game_folder import load_game, save_game
from liquidarium.experiments.games.profiles import GameError, Role
from liquidarium.experiments.games.sampling import sample, symmetric_equilibria
from liquidarium.experiments.games.textbook import EntryGame, MatrixGame

HAWK_DOVE = ((-1.0, 4.0), (0.0, 2.0))


@dataclass
class Recorder:
    """A source that remembers what was asked and codes it in the payoffs."""

    roles: tuple[Role, ...] = (Role("bot", 3, ("a", "b")),)
    asked: list = field(default_factory=list)
    fails_at: int = -1
    value: float = 1.0

    @property
    def settings(self):
        return {"recorder": self.value}

    def payoffs(self, profile, seed_block, n):
        if len(self.asked) == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append((tuple(profile.tolist()), seed_block))
        draw = np.random.default_rng(seed_block).normal(size=(n, len(profile)))
        return self.value * profile + draw


def test_every_distinct_profile_is_played_once_with_every_block():
    source = Recorder()
    game = sample(source, 4, first_block=7)
    profiles = [(3, 0), (2, 1), (1, 2), (0, 3)]
    assert sorted(source.asked) == sorted((p, b) for p in profiles for b in range(7, 11))
    assert game.samples.shape == (4, 6)


def test_profiles_share_their_draws():
    """What differs between two profiles of the same block is the profile alone."""
    game = sample(Recorder(), 5)
    table = game.samples.reshape(5, 2, 3)  # own a or b; others (2, 0), (1, 1), (0, 2)
    np.testing.assert_allclose(table[:, 0, 0] - table[:, 0, 1], 1.0)
    np.testing.assert_allclose(table[:, 1, 2] - table[:, 1, 1], 1.0)


def test_only_profiles_of_the_reduction_are_played():
    source = Recorder(roles=(Role("bot", 9, ("a", "b")),))
    sample(source, 2, reduced={"bot": 3})
    assert {p for p, _ in source.asked} == {(9, 0), (8, 1), (5, 4), (4, 5), (1, 8), (0, 9)}


def test_reduced_linear_game_has_the_equilibrium_of_the_whole():
    """Hawk-dove against the mean of 100 others: two thirds are hawks however many stand for them."""
    source = MatrixGame(HAWK_DOVE, ("hawk", "dove"), players=101)
    (answer,) = symmetric_equilibria(sample(source, 2, reduced={"player": 3}))
    np.testing.assert_allclose(answer.mixture, [2 / 3, 1 / 3], atol=1e-9)


def test_sampled_entry_game_covers_its_closed_form():
    """CASES G01: p = .6638 for n 5, v 100, c 30; the interval of its regret begins at 0."""
    game = sample(EntryGame(100.0, 30.0, 5), 40, plays=2000)
    (answer,) = symmetric_equilibria(game)
    assert answer.mixture[0] == pytest.approx(0.6638, abs=0.01)
    (certificate,) = certify(game, [answer], np.random.default_rng(0))
    assert certificate.interval[0] == 0.0
    assert certificate.interval[1] < 0.5


def test_adaptive_sampling_reaches_its_target_and_spends_where_the_variance_is():
    source = MatrixGame(HAWK_DOVE, ("hawk", "dove"), players=6, noise=1.0)
    game = sample(source, 10, half_width=0.05)
    certificates = certify(game, symmetric_equilibria(game), np.random.default_rng(0))
    assert all(c.half_width < 0.06 for c in certificates)
    everywhere = sample(source, int(game.counts.max()))
    assert game.counts.sum() < 0.9 * everywhere.counts.sum()
    # Profiles near the mixture, four hawks and two doves, count most.
    at = {tuple(row): n for row, n in zip(game.space.simulated.tolist(), game.counts.tolist(), strict=True)}
    assert at[4, 2] == max(at.values())
    assert at[0, 6] == min(at.values()) == 10


def test_killed_run_goes_on_where_it_was_and_ends_the_same(tmp_path):
    whole = sample(Recorder(), 6, folder=tmp_path / "whole")
    broken = Recorder(fails_at=15)  # in the middle of the third profile
    with pytest.raises(KeyboardInterrupt):
        sample(broken, 6, folder=tmp_path / "broken")
    again = Recorder()
    game = sample(again, 6, folder=tmp_path / "broken")
    assert len(again.asked) == 12  # two profiles of four were kept
    np.testing.assert_array_equal(game.samples, whole.samples)
    a, b = (tmp_path / name / "samples.parquet" for name in ("whole", "broken"))
    assert a.read_bytes() == b.read_bytes()


def test_finished_adaptive_run_is_read_and_not_played_again(tmp_path):
    source = EntryGame(100.0, 30.0, 3)
    first = sample(source, 10, plays=200, half_width=1.0, folder=tmp_path / "entry")
    played = []

    def count(*job):
        played.append(job)
        return sampling.play_profile(*job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "run_all", lambda function, jobs, *rest: [count(*job) for job in jobs])
        again = sample(source, 10, plays=200, half_width=1.0, folder=tmp_path / "entry")
    assert not played
    np.testing.assert_array_equal(first.samples, again.samples)


def test_result_does_not_depend_on_the_number_of_processes():
    source = EntryGame(100.0, 30.0, 3)
    one, two = (sample(source, 4, plays=50, workers=workers) for workers in (1, 2))
    np.testing.assert_array_equal(one.samples, two.samples)


def test_saved_game_is_read_back_as_it_was(tmp_path):
    source = MatrixGame(HAWK_DOVE, ("hawk", "dove"), players=6, noise=1.0)
    for name, game in (
        ("plain", sample(Recorder(), 3)),
        ("unequal", sample(source, 10, half_width=0.2)),
        ("reduced", sample(Recorder(roles=(Role("bot", 9, ("a", "b")),)), 3, reduced={"bot": 3})),
    ):
        save_game(game, tmp_path / name)
        read = load_game(tmp_path / name)
        np.testing.assert_array_equal(read.samples, game.samples)
        np.testing.assert_array_equal(read.counts, game.counts)
        assert read.space.roles == game.space.roles
        assert read.space.players == game.space.players


def test_changed_or_missing_files_are_refused(tmp_path):
    with pytest.raises(GameError, match="holds no measured game"):
        load_game(tmp_path)
    save_game(sample(Recorder(), 3), tmp_path / "one")
    save_game(sample(Recorder(value=2.0), 3), tmp_path / "two")
    (tmp_path / "two" / "samples.parquet").replace(tmp_path / "one" / "samples.parquet")
    with pytest.raises(GameError, match="have changed"):
        load_game(tmp_path / "one")


def test_folder_of_another_game_is_refused(tmp_path):
    sample(Recorder(), 2, folder=tmp_path / "game")
    with pytest.raises(GameError, match="another game"):
        sample(Recorder(value=3.0), 2, folder=tmp_path / "game")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("text")
    with pytest.raises(GameError, match="holds no game"):
        sample(Recorder(), 2, folder=tmp_path / "mine")


def test_too_few_samples_for_the_precision_say_how_many_are_needed():
    with pytest.raises(
        GameError, match=r"half_width = 0\.001 is not reached .* about [\d,]+ would be needed"
    ):
        sample(EntryGame(100.0, 30.0, 3), 10, plays=10, half_width=0.001, max_samples=50)


def test_payoff_that_is_no_number_is_named_with_its_profile_and_block():
    class Broken(Recorder):
        def payoffs(self, profile, seed_block, n):
            values = super().payoffs(profile, seed_block, n)
            return np.where((profile == [1, 2]) & (seed_block == 1), np.nan, values)

    with pytest.raises(GameError, match=r"that of bot\.a in 1 bot\.a, 2 bot\.b is not, .* block 1"):
        sample(Broken(), 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": 1}, "samples = 1; allowed: 2 or more"),
        ({"samples": 5, "plays": 0}, "plays = 0"),
        ({"samples": 5, "half_width": 0.0}, "half_width = 0.0"),
        ({"samples": 5, "max_samples": 4}, "max_samples = 4"),
        ({"samples": 5, "reduced": {"bat": 2}}, r"reduced\.bat is no role; allowed: bot"),
        ({"samples": 500_000_000, "max_samples": 500_000_000}, "do not fit into memory"),
    ],
)
def test_wrong_numbers_are_refused(options, words):
    with pytest.raises(GameError, match=words):
        sample(Recorder(), **options)
