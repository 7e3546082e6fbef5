"""Seconds to solve a symmetric bidding game, with the regret of every answer, beside other solvers.

Each player picks one of several bids for a liquidation worth 1; the highest bid wins, ties share,
losers pay 15 % of theirs. Ours work on counts of bids; nashpy (two players) and pygambit (the whole
tensor) are asked if they are installed. Sampling plays the same contest on the compiled kernel. Run:
``python benchmarks/bench_games.py [--players 5] [--strategies 6] [--rounds 5] [--limit 90]``.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from liquidarium.experiments.games.certificate import certify_exactly
from liquidarium.experiments.games.contest_kinds import block_contest
from liquidarium.experiments.games.count_game import CountGame
from liquidarium.experiments.games.payoff_source import GameRole
from liquidarium.experiments.games.sampling import sample
from liquidarium.experiments.games.solvers.quantal_response import quantal_path
from liquidarium.experiments.games.solvers.regret_matching import regret_matching
from liquidarium.experiments.games.solvers.replicator import replicator
from liquidarium.experiments.games.solvers.support_enumeration import polish, support_enumeration

FAILED_SHARE = 0.15
GAMBIT = ("logit", "simpdiv", "gnm", "ipa", "liap")


def bidding_game(players: int, strategies: int) -> CountGame:
    """Return the game over counts of bids."""
    bids = np.linspace(0.05, 0.9, strategies)

    def payoff(own: int, others: np.ndarray) -> float:
        if others[own + 1 :].any():
            return -FAILED_SHARE * float(bids[own])
        share = 1.0 / (1 + int(others[own]))
        return float(share * (1 - bids[own]) - (1 - share) * FAILED_SHARE * bids[own])

    return CountGame.symmetric(players, [f"bid {bid:.2f}" for bid in bids], payoff)


def tensor(game: CountGame) -> np.ndarray:
    """Payoffs of every player in every profile, the form general solvers need."""
    (role,), (table,) = game.space.roles, game.tables
    n, k = role.players, len(role.strategies)
    values = np.empty((n, *(k,) * n))
    for profile in itertools.product(range(k), repeat=n):
        counts = np.bincount(profile, minlength=k)
        for player, own in enumerate(profile):
            counts[own] -= 1
            values[(player, *profile)] = table[own, game.space.index(0, counts.tolist())]
            counts[own] += 1
    return values


def tensor_regret(values: np.ndarray, mixes: list[np.ndarray]) -> float:
    """Largest gain any player has from deviating."""
    worst = 0.0
    for player in range(len(values)):
        own = values[player]
        for other in reversed(range(len(values))):
            if other != player:
                own = np.tensordot(own, mixes[other], axes=([other], [0]))
        worst = max(worst, float(own.max() - own @ mixes[player]))
    return worst


def supports(game: CountGame) -> str:
    """Support enumeration."""
    found = support_enumeration(game).mixtures
    return f"{len(found)} found, regret {max(map(game.regret, found), default=np.nan):.1e}"


def dynamics(game: CountGame) -> str:
    """Replicator dynamics from ten starts."""
    rests = replicator(game, np.random.default_rng(0))
    told = [f"regret {rest.regret:.1e}" + ("" if rest.converged else " (not an answer)") for rest in rests]
    return ", ".join(told)


def quantal(game: CountGame) -> str:
    """Follow the quantal response path and polish its end."""
    end = polish(game, quantal_path(game).mixtures[-1])
    return "not polished" if end is None else f"1 found, regret {game.regret(end):.1e}"


def matching(game: CountGame) -> str:
    """Regret matching."""
    joint = regret_matching(game, np.random.default_rng(0))
    return f"coarse correlated, regret {certify_exactly(game, joint).regret:.1e}"


def gambit(game: CountGame, solver: str) -> str:
    """One of Gambit's methods on the whole tensor."""
    import pygambit

    values = tensor(game)
    whole = pygambit.Game.from_arrays(*values)
    solve = getattr(pygambit.nash, f"{solver}_solve")
    start = time.perf_counter()
    if solver == "simpdiv":
        result = solve(whole.mixed_strategy_profile(rational=True))
    elif solver == "liap":
        result = solve(whole.mixed_strategy_profile())
    elif solver == "logit":
        result = solve(whole, use_strategic=True)
    else:
        result = solve(whole)
    seconds = time.perf_counter() - start
    regrets = [
        tensor_regret(values, [np.array([float(answer[s]) for s in p.strategies]) for p in whole.players])
        for answer in result.equilibria
    ]
    found = f"{len(regrets)} found, regret {min(regrets):.1e}" if regrets else "none found"
    return f"{seconds:9.3f} s  {found}"


def nashpy_supports(game: CountGame) -> str:
    """Let nashpy enumerate the supports of a two-player game."""
    import nashpy

    matrix = game.tables[0]
    start = time.perf_counter()
    found = list(nashpy.Game(matrix, matrix.T).support_enumeration())
    seconds = time.perf_counter() - start
    values = np.array([matrix, matrix.T])
    regrets = [tensor_regret(values, list(pair)) for pair in found]
    return f"{seconds:9.3f} s  {len(found)} found, regret {max(regrets, default=np.nan):.1e}"


def timed(solve: Callable[[CountGame], str], game: CountGame, rounds: int) -> str:
    """Median and best seconds."""
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        told = solve(game)
        took.append(time.perf_counter() - start)
    return f"{statistics.median(took):9.3f} s  best {min(took):.3f} s, {told}"


def limited(solve: Callable[..., str], arguments: tuple, limit: float) -> str:
    """Run a peer in its own process and give up after `limit` seconds."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        try:
            return pool.apply_async(solve, arguments).get(limit)
        except multiprocessing.TimeoutError:
            return f"   > {limit:.0f} s, stopped"
        except Exception as error:
            return f"   failed: {error}"


def main() -> None:
    """Print one row for each solver."""
    parser = argparse.ArgumentParser(description="Time solvers on a symmetric bidding game.")
    parser.add_argument("--players", type=int, default=5)
    parser.add_argument("--strategies", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=90.0, help="seconds before a peer is stopped")
    parser.add_argument("--contests", type=int, default=10_000, help="plays of each profile in sampling")
    args = parser.parse_args()
    n, k = args.players, args.strategies
    game = bidding_game(n, k)
    print(f"{n} players, {k} strategies, {len(game.space.simulated)} profiles", flush=True)
    for name, solve in (
        ("support enumeration", supports),
        ("quantal response path", quantal),
        ("replicator", dynamics),
        ("regret matching", matching),
    ):
        print(f"{name:22s}{timed(solve, game, args.rounds)}", flush=True)
    if find_spec("pygambit") is None:
        print("pygambit              not installed")
    else:
        for solver in GAMBIT:
            print(f"pygambit {solver:13s}{limited(gambit, (game, solver), args.limit)}", flush=True)
    if n == 2 and find_spec("nashpy") is not None:
        print(f"nashpy                {limited(nashpy_supports, (game,), args.limit)}")
    shares = np.linspace(0.05, 0.9, k).tolist()
    role = GameRole(name="bot", players=n, strategies={f"bid {b:.2f}": {"share": b} for b in shares})
    source = block_contest([role], 1.0, "priority-fee", 0.0, FAILED_SHARE)
    sample(source, 2)  # compiles the kernel
    start, busy = time.perf_counter(), time.process_time()
    sample(source, 20, plays=max(1, args.contests // 20))
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    told = f"{args.contests:,} contests of each profile on the kernel, {busy:.1f} s of processor time"
    print(f"sampling              {seconds:9.3f} s  {told}")


if __name__ == "__main__":
    main()
