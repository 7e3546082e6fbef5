"""Simulate a game: every distinct count profile with common random numbers, and more where it matters.

Finished profiles are kept on disk as they come, so that a killed run goes on from there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...market.streams import Streams
from ..runs.executors import Workers, opened
from ..runs.parallel import Progress, run_all
from .certificate import Certificate, Play, certify
from .empirical_game import EmpiricalGame
from .game_folder import Journal
from .mixed_profile import MixedProfile
from .outcomes import Outcomes
from .payoff_source import PayoffSource, outcome_names, play_all
from .profiles import MEMORY_LIMIT_BYTES, FloatArray, GameError, IntArray, ProfileSpace
from .solvers.support_enumeration import support_enumeration

MAX_SAMPLES = 10_000
EXPLAINED = 0.8
"""Share of a regret's variance whose profiles are sampled more in a round."""

Solve = Callable[[EmpiricalGame], list[Play]]


def sample(
    source: PayoffSource,
    samples: int = 20,
    *,
    plays: int = 1,
    first_block: int = 0,
    half_width: float | None = None,
    max_samples: int = MAX_SAMPLES,
    reduced: Mapping[str, int] | None = None,
    solve: Solve | None = None,
    workers: Workers = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> EmpiricalGame:
    """Play every distinct count profile, all with the same draws.

    1. Every profile gets `samples` samples; sample b of each is made with the draws of block b.
    2. If a target is given: solve the mean payoffs, take the answer whose regret is least certain, and
       find the profiles that make most of the variance of its most tempting deviation. These get half
       as many samples again.
    3. Repeat until every answer's interval is narrow enough.

    Parameters
    ----------
    source : PayoffSource
    samples : int
        Of each profile at the start, two at least.
    plays : int
        Plays whose mean is one sample.
    first_block : int
        Draws of the first sample.
    half_width : float, optional
        Sample until no answer's regret interval is wider than twice this, in units of payoff.
    max_samples : int
        Most samples of one profile.
    reduced : mapping of str to int, optional
        Players of each role in the game that is solved; see `ProfileSpace`.
    solve : callable, optional
        Which profiles must be certain; `symmetric_equilibria` if left out.
    workers : int or Executor
        Processes, or where to run instead; the result does not depend on how many.
    folder : Path, optional
        Where finished profiles are kept; a run with the same settings goes on from there.
    progress : callable, optional
        Told the profiles done and the total of a round.

    Raises
    ------
    GameError
        If a number is out of range, a payoff is not finite, the game does not fit into memory, the
        folder holds another game, or the precision needs more than `max_samples`.
    """
    _check(samples, plays, half_width, max_samples)
    space = profile_space(source, reduced)
    if 8 * space.size * samples > MEMORY_LIMIT_BYTES:
        raise GameError(
            f"samples = {samples:,} of {space.size:,} payoffs do not fit into memory; take fewer samples "
            "of more plays each, or the deviation-preserving reduction"
        )
    journal = None
    if folder is not None:
        journal = Journal(folder, _settings(source, space, plays, first_block))
    names = outcome_names(source)
    width = space.n_columns + len(names)
    if 8 * len(space.simulated) * width * samples > MEMORY_LIMIT_BYTES:
        raise GameError(
            f"samples = {samples:,} of {len(space.simulated):,} profiles do not fit into memory; take fewer "
            "samples of more plays each, or the deviation-preserving reduction"
        )
    values = np.full((samples, len(space.simulated), width), np.nan)
    counts = np.zeros(len(space.simulated), np.int64)
    wanted = np.full_like(counts, samples)
    with opened(workers) as executor:
        while True:
            values = _play(
                source, space, values, counts, wanted, plays, first_block, executor, journal, progress
            )
            counts = wanted
            outcomes = Outcomes(names, values[:, :, space.n_columns :]) if names else None
            game = EmpiricalGame(space, values[:, space.profile, space.column], counts, outcomes)
            if half_width is None:
                break
            plays_found = (solve or symmetric_equilibria)(game)
            certificates = certify(game, plays_found, Streams(0)("games/bootstrap"))
            widest = max(range(len(certificates)), key=lambda i: certificates[i].half_width, default=None)
            if widest is None or certificates[widest].half_width <= half_width:
                break
            wanted = _more(game, plays_found[widest], counts)
            if wanted.max() > max_samples:
                raise GameError(
                    _too_few(certificates[widest], half_width, int(counts.max()), max_samples, folder)
                )
    if journal is not None:
        journal.finish(game)
    return game


def profile_space(source: PayoffSource, reduced: Mapping[str, int] | None = None) -> ProfileSpace:
    """Profiles of a source's game, reduced or not.

    Raises
    ------
    GameError
        If `reduced` names no role, or the game does not fit into memory.
    """
    names = [role.name for role in source.roles]
    for name in reduced or {}:
        if name not in names:
            raise GameError(f"reduced.{name} is no role; allowed: {', '.join(names)}")
    sizes = None if reduced is None else [reduced.get(role.name, role.players) for role in source.roles]
    return ProfileSpace(source.roles, sizes)


def symmetric_equilibria(game: EmpiricalGame) -> list[Play]:
    """Role-symmetric equilibria of the mean payoffs."""
    found = support_enumeration(game.mean).mixtures
    return [MixedProfile.symmetric(game.space, mixture) for mixture in found]


def play_profile(
    source: PayoffSource,
    profile: IntArray,
    first: int,
    samples: int,
    plays: int,
    journal: Journal | None,
    name: int,
) -> FloatArray:
    """Make samples of one profile, shape (samples, n_columns + n_outcomes), and keep them.

    Raises
    ------
    GameError
        If a payoff is not finite.
    """
    used = np.append(profile > 0, np.ones(len(outcome_names(source)), np.bool_))
    values = np.full((samples, len(used)), np.nan)
    for b in range(samples):
        got = play_all(source, profile, first + b, plays)
        bad = used & ~np.isfinite(got).all(axis=0)
        if bad.any():
            raise GameError(_not_finite(source, profile, int(np.flatnonzero(bad)[0]), first + b))
        values[b, used] = got[:, used].mean(axis=0)
    if journal is not None:
        journal.keep(name, first, values)
    return values


def _play(
    source: PayoffSource,
    space: ProfileSpace,
    values: FloatArray,
    counts: IntArray,
    wanted: IntArray,
    plays: int,
    first_block: int,
    workers: Workers,
    journal: Journal | None,
    progress: Progress | None,
) -> FloatArray:
    """Return values with the samples that are wanted and not there; kept ones are read."""
    longer = np.full((int(wanted.max()), *values.shape[1:]), np.nan)
    longer[: len(values)] = values
    jobs, places = [], []
    for p in np.flatnonzero(wanted > counts).tolist():
        low, high = int(counts[p]), int(wanted[p])
        kept = None if journal is None else journal.kept(p, first_block + low, high - low)
        if kept is None:
            jobs.append((source, space.simulated[p], first_block + low, high - low, plays, journal, p))
            places.append((p, low, high))
        else:
            longer[low:high, p] = kept
    if jobs:
        for (p, low, high), got in zip(places, run_all(play_profile, jobs, progress, workers), strict=True):
            longer[low:high, p] = got
    return longer


def _more(game: EmpiricalGame, play: Play, counts: IntArray) -> IntArray:
    """Say how many samples are wanted next: half as many again where they narrow the regret most."""
    coefficients = play.gain_coefficients()
    spread = np.zeros((len(coefficients), len(counts)))
    for p, n in enumerate(counts.tolist()):
        mine = game.space.profile == p
        part = game.samples[:n, mine] @ coefficients[:, mine].T
        spread[:, p] = part.var(axis=0, ddof=1) / n
    gains = coefficients @ game.mean.payoffs
    deviation = int(np.argmax(gains + 2.0 * np.sqrt(spread.sum(axis=1))))
    shares = spread[deviation] / spread[deviation].sum()
    order = np.argsort(-shares, kind="stable")
    needed = int(np.searchsorted(np.cumsum(shares[order]), EXPLAINED)) + 1
    wanted = counts.copy()
    chosen = order[:needed]
    # All numbers lie on one ladder, so that they are equal or differ by two at least.
    wanted[chosen] = np.maximum(counts[chosen] + 2, -(-3 * counts[chosen] // 2))
    return wanted


def _check(samples: int, plays: int, half_width: float | None, max_samples: int) -> None:
    if samples < 2:
        raise GameError(f"samples = {samples}; allowed: 2 or more, as an interval needs two")
    if plays < 1:
        raise GameError(f"plays = {plays}; allowed: 1 or more")
    if half_width is not None and not 0 < half_width < math.inf:
        raise GameError(f"half_width = {half_width}; allowed: above 0")
    if max_samples < samples:
        raise GameError(f"max_samples = {max_samples}; allowed: {samples} (samples) or more")


def _too_few(certificate: Certificate, target: float, taken: int, most: int, folder: Path | None) -> str:
    needed = math.ceil(taken * (certificate.half_width / target) ** 2)
    kept = f"; what was sampled is kept in {folder}" if folder is not None else ""
    return (
        f"half_width = {target:g} is not reached with {taken:,} samples of a profile "
        f"(it is {certificate.half_width:.4g}); about {needed:,} would be needed, "
        f"max_samples = {most:,}: raise one of the two{kept}"
    )


def _not_finite(source: PayoffSource, profile: IntArray, column: int, block: int) -> str:
    names = [f"{role.name}.{strategy}" for role in source.roles for strategy in role.strategies]
    who = ", ".join(f"{n} {name}" for n, name in zip(profile.tolist(), names, strict=True) if n)
    if column >= len(names):
        outcome = outcome_names(source)[column - len(names)]
        return f"outcomes must be finite: {outcome!r} in {who} is not, with the draws of block {block}"
    return f"payoffs must be finite: that of {names[column]} in {who} is not, with the draws of block {block}"


def _settings(source: PayoffSource, space: ProfileSpace, plays: int, first_block: int) -> dict[str, Any]:
    settings = {
        "source": dict(source.settings),
        "roles": [[role.name, role.players, list(role.strategies)] for role in space.roles],
        "players": list(space.players),
        "plays": plays,
        "first_block": first_block,
        "outcomes": list(outcome_names(source)),
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain
