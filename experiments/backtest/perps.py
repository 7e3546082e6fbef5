"""Score a crowd of leveraged traders against the recorded liquidations of a perpetual.

The crowd is fitted on the first half of the record and scored on the second, hour by hour, longs and shorts.
The trivial predictor knows the price alone: an hour's volume is proportional to its largest adverse move, at
the ratio of the first half.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ...market.streams import Streams
from .perp_crowd import CrowdLaw, by_hour, crossings, drawn, fit

Floats = NDArray[np.float64]

QUIET_ETH = 50.0
"""Added before logarithms: hours below this are equally quiet."""

SIDES = {"long": 1, "short": -1}


@dataclass(frozen=True)
class SideScore:
    """One side of the market in the second half.

    Attributes
    ----------
    law : CrowdLaw
        Fitted on the first half.
    recorded_eth, simulated_eth, trivial_eth : float
        Liquidated in the second half; simulated is the mean over seeds.
    rank_correlation, trivial_rank_correlation : float
        Spearman, by hour.
    log_error, trivial_log_error : float
        Mean over hours of ``|ln((simulated + q) / (recorded + q))|``, q = `QUIET_ETH`.
    coverage : float
        Share of hours whose recorded volume lies in the central 90 % of the seeds.
    """

    law: CrowdLaw
    recorded_eth: float
    simulated_eth: float
    trivial_eth: float
    rank_correlation: float
    trivial_rank_correlation: float
    log_error: float
    trivial_log_error: float
    coverage: float


@dataclass(frozen=True)
class PerpReport:
    """Outcome of the backtest.

    Attributes
    ----------
    name : str
    hours : int
        Scored.
    seeds : sequence of int
    sides : dict of str to SideScore
    worst : list of dict
        Hours with most recorded liquidations of longs: start, recorded and simulated, ETH.
    """

    name: str
    hours: int
    seeds: Sequence[int]
    sides: dict[str, SideScore]
    worst: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"seeds": list(self.seeds)}

    def to_text(self) -> str:
        """Two tables for a terminal."""
        lines = [
            f"{self.name}: crowd fitted on the first half, scored on {self.hours} hours of the second, "
            f"{len(self.seeds)} seeds",
            "",
            f"{'':32}{'longs':>12}{'shorts':>12}",
        ]
        scores = [self.sides[side] for side in SIDES]
        rows: list[tuple[str, Callable[[SideScore], float], str]] = [
            ("recorded, ETH", lambda s: s.recorded_eth, ",.0f"),
            ("simulated, ETH", lambda s: s.simulated_eth, ",.0f"),
            ("trivial predictor, ETH", lambda s: s.trivial_eth, ",.0f"),
            ("rank correlation by hour", lambda s: s.rank_correlation, ".2f"),
            ("  of the trivial predictor", lambda s: s.trivial_rank_correlation, ".2f"),
            ("mean absolute log error", lambda s: s.log_error, ".2f"),
            ("  of the trivial predictor", lambda s: s.trivial_log_error, ".2f"),
            ("hours inside the seeds' 90 %", lambda s: s.coverage, ".2f"),
            ("median distance", lambda s: s.law.median_distance, ".4f"),
            ("spread of its logarithm", lambda s: s.law.distance_sd_log, ".2f"),
            ("lifetime, h", lambda s: s.law.lifetime_h, ".1f"),
            ("opened, ETH an hour", lambda s: s.law.rate_eth_per_h, ",.0f"),
        ]
        for label, value, form in rows:
            lines.append(f"{label:32}" + "".join(f"{format(value(score), form):>12}" for score in scores))
        lines += ["", f"{'worst hours of longs, UTC':32}{'recorded':>12}{'simulated':>12}"]
        lines += [
            f"{row['start']:32}{row['recorded_eth']:>12,.0f}{row['simulated_eth']:>12,.0f}"
            for row in self.worst
        ]
        return "\n".join(lines)


def recorded_perps() -> list[str]:
    """Names of the packaged records, sorted."""
    return sorted(file.name.removesuffix(".csv.gz") for file in _files() if file.name.endswith(".csv.gz"))


def load_perps(name: str) -> pd.DataFrame:
    """Read a packaged record.

    Returns
    -------
    DataFrame
        ``ts`` (Unix s, rising), ``mid_usd``, ``long_eth``, ``short_eth`` (liquidated in the minute).
    """
    (file,) = (file for file in _files() if file.name == f"{name}.csv.gz")
    return pd.read_csv(io.BytesIO(gzip.decompress(file.read_bytes())))


def backtest_perps(
    name: str, seeds: Sequence[int], progress: Callable[[int, int], None] | None = None
) -> PerpReport:
    """Fit a crowd on the first half of a record and score it on the second.

    Parameters
    ----------
    name : str
        One of `recorded_perps`.
    seeds : sequence of int
        Root seeds of simulated crowds.
    progress : callable, optional
        Told the parts done and their total.
    """
    record = load_perps(name)
    times, prices = record["ts"].to_numpy(float), record["mid_usd"].to_numpy(float)
    hour = ((times - times[0]) // 3600).astype(np.int64)
    n_hours = int(hour[-1])  # the last one is not whole
    half = n_hours // 2
    sides: dict[str, SideScore] = {}
    means: dict[str, Floats] = {}
    for k, (side, sign) in enumerate(SIDES.items()):
        recorded = by_hour(hour, record[f"{side}_eth"].to_numpy(float), n_hours)
        seen = crossings(times, prices, sign)
        law = fit(recorded[:half], seen)
        simulated = np.array(
            [drawn(law, seen, n_hours, Streams(seed)(f"perp-crowd/{side}")) for seed in seeds]
        )
        moves = _adverse_moves(hour, prices, sign, n_hours)
        trivial = moves * recorded[:half].sum() / moves[:half].sum()
        sides[side] = _score(law, recorded[half:], simulated[:, half:], trivial[half:])
        means[side] = simulated.mean(axis=0)
        if progress is not None:
            progress(k + 1, len(SIDES))
    longs = by_hour(hour, record["long_eth"].to_numpy(float), n_hours)
    worst = half + np.argsort(-longs[half:], kind="stable")[:8]
    rows = [
        {
            "start": f"{pd.Timestamp(times[0] + 3600 * h, unit='s'):%Y-%m-%d %H:%M}",
            "recorded_eth": float(longs[h]),
            "simulated_eth": float(means["long"][h]),
        }
        for h in sorted(worst.tolist())
    ]
    return PerpReport(name, n_hours - half, seeds, sides, rows)


def _score(law: CrowdLaw, recorded: Floats, simulated: Floats, trivial: Floats) -> SideScore:
    mean = simulated.mean(axis=0)
    low, high = np.quantile(simulated, [0.05, 0.95], axis=0)
    return SideScore(
        law,
        float(recorded.sum()),
        float(mean.sum()),
        float(trivial.sum()),
        float(spearmanr(mean, recorded).statistic),
        float(spearmanr(trivial, recorded).statistic),
        _log_error(mean, recorded),
        _log_error(trivial, recorded),
        float(((low <= recorded) & (recorded <= high)).mean()),
    )


def _log_error(guess: Floats, recorded: Floats) -> float:
    return float(np.abs(np.log((guess + QUIET_ETH) / (recorded + QUIET_ETH))).mean())


def _adverse_moves(hour: NDArray[np.int64], prices: Floats, side: int, n_hours: int) -> Floats:
    """Largest move against a side within each hour, from the hour's first price; fraction."""
    groups = pd.Series(prices).groupby(hour)
    extreme = groups.min() if side > 0 else groups.max()
    moves = side * (1.0 - extreme / groups.first())
    return np.asarray(moves.reindex(range(n_hours), fill_value=0.0), np.float64)


def _files() -> list[Traversable]:
    return list(files("liquidarium.experiments").joinpath("data").joinpath("perps").iterdir())
