"""Score simulated hours of liquidations against the real ones and against a trivial predictor.

Like with like: liquidated stablecoin debt (USD) against the same collaterals, by hour of the day. The
trivial predictor knows the price and nothing else: an hour's volume is proportional to ETH's fall
``1 - low/open`` in it, scaled to the simulation's own total, so that it is beaten on shape, not on level.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr

from ..episodes import Episode

FloatArray = npt.NDArray[np.float64]

#: Hours (UTC) that held four fifths of the real volume of 19 May 2021.
PEAK_HOURS = (11, 12, 13, 14)
#: Added before logarithms: hours below this are equally quiet, USD.
QUIET_USD = 50_000.0
BOOTSTRAPS = 2000


@dataclass(frozen=True)
class BacktestScore:
    """How well seeds x hours of simulated volume match one real day; intervals are 90 % over seeds.

    Attributes
    ----------
    n_seeds
        Simulated days.
    real_total_usd, simulated_total_usd
        Volumes of the day; simulated: mean over seeds.
    total_ratio, total_ratio_interval
        Simulated over real.
    rank_correlation, rank_correlation_interval
        Spearman between real hours and mean simulated hours.
    trivial_rank_correlation
        The same for the trivial predictor.
    peak_hours, real_peak_share, simulated_peak_share, simulated_peak_share_interval
        Share of the day's volume in the peak hours.
    coverage
        Share of hours whose real volume lies in the central 90 % of the seeds.
    mean_log_error, mean_log_error_interval, trivial_mean_log_error
        Mean over hours of ``|ln((simulated + q) / (real + q))|``, q = `QUIET_USD`.
    crps_usd, trivial_crps_usd
        Mean over hours of the continuous ranked probability score of the seeds; for the trivial point
        predictor this is its absolute error.
    crps_skill, crps_skill_interval
        ``1 - crps / trivial``: above 0 the simulation beats the trivial predictor.
    """

    n_seeds: int
    real_total_usd: float
    simulated_total_usd: float
    total_ratio: float
    total_ratio_interval: tuple[float, float]
    rank_correlation: float
    rank_correlation_interval: tuple[float, float]
    trivial_rank_correlation: float
    peak_hours: tuple[int, ...]
    real_peak_share: float
    simulated_peak_share: float
    simulated_peak_share_interval: tuple[float, float]
    coverage: float
    mean_log_error: float
    mean_log_error_interval: tuple[float, float]
    trivial_mean_log_error: float
    crps_usd: float
    trivial_crps_usd: float
    crps_skill: float
    crps_skill_interval: tuple[float, float]

    def to_dict(self) -> dict[str, object]:
        """Plain containers, as written to JSON."""
        return dataclasses.asdict(self)

    def to_text(self) -> str:
        """Table for a terminal: measure, simulated (90 % over seeds), real or trivial."""

        def interval(bounds: tuple[float, float], scale: float = 1.0) -> str:
            return f"[{bounds[0] * scale:.2f}, {bounds[1] * scale:.2f}]"

        rows = [
            ("measure", "simulated", "90 % over seeds", "real / trivial"),
            (
                "total, M USD",
                f"{self.simulated_total_usd / 1e6:.1f}",
                interval(self.total_ratio_interval, self.real_total_usd / 1e6),
                f"{self.real_total_usd / 1e6:.1f}",
            ),
            ("total over real", f"{self.total_ratio:.2f}", interval(self.total_ratio_interval), "1"),
            (
                "rank correlation of hours",
                f"{self.rank_correlation:.2f}",
                interval(self.rank_correlation_interval),
                f"{self.trivial_rank_correlation:.2f} trivial",
            ),
            (
                f"share in hours {self.peak_hours[0]}-{self.peak_hours[-1]}",
                f"{self.simulated_peak_share:.2f}",
                interval(self.simulated_peak_share_interval),
                f"{self.real_peak_share:.2f}",
            ),
            ("hours inside central 90 %", f"{self.coverage:.2f}", "", "0.90"),
            (
                "mean absolute log error",
                f"{self.mean_log_error:.2f}",
                interval(self.mean_log_error_interval),
                f"{self.trivial_mean_log_error:.2f} trivial",
            ),
            (
                "CRPS, M USD an hour",
                f"{self.crps_usd / 1e6:.2f}",
                "",
                f"{self.trivial_crps_usd / 1e6:.2f} trivial",
            ),
            ("CRPS skill over trivial", f"{self.crps_skill:.2f}", interval(self.crps_skill_interval), "0"),
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )


def hourly_fall(bars: pd.DataFrame) -> FloatArray:
    """Fall ``1 - low/open`` in each hour of minute bars(ts, open, low), shape (n_hours,)."""
    hour = bars.ts // 3600
    opens = bars.groupby(hour).open.first().to_numpy(dtype=np.float64)
    lows = bars.groupby(hour).low.min().to_numpy(dtype=np.float64)
    return np.asarray(1.0 - lows / opens, dtype=np.float64)


def hourly_volume(
    liquidations: pd.DataFrame,
    start_s: float = 0.0,
    collaterals: Collection[str] | None = None,
    hours: int = 24,
) -> FloatArray:
    """Repaid debt by hour from a run's ``liquidations`` table.

    Parameters
    ----------
    liquidations
        Columns ``t_done_s`` (seconds), ``repaid_usd`` and ``collateral``.
    start_s
        Value of ``t_done_s`` at which the first hour begins.
    collaterals
        Count these only; None counts all.
    hours
        Number of hours; later and earlier liquidations are left out.

    Returns
    -------
    ndarray, shape (hours,)
        USD.
    """
    chosen = liquidations
    if collaterals is not None:
        chosen = chosen[chosen.collateral.isin(list(collaterals))]
    hour = np.floor((chosen.t_done_s.to_numpy(dtype=np.float64) - start_s) / 3600.0)
    inside = (hour >= 0) & (hour < hours)
    volume = np.zeros(hours)
    np.add.at(volume, hour[inside].astype(np.int64), chosen.repaid_usd.to_numpy(dtype=np.float64)[inside])
    return volume


def score_hours(
    real_usd: FloatArray,
    simulated_usd: FloatArray,
    eth_fall: FloatArray,
    peak_hours: tuple[int, ...] = PEAK_HOURS,
    bootstrap_seed: int = 0,
) -> BacktestScore:
    """Score simulated hourly volumes.

    Parameters
    ----------
    real_usd : ndarray, shape (h,)
        Real liquidated debt by hour.
    simulated_usd : ndarray, shape (n_seeds, h)
        Simulated, the same debts and collaterals.
    eth_fall : ndarray, shape (h,)
        ``1 - low/open`` of ETH by hour (`hourly_fall`), the trivial predictor's shape.
    peak_hours
        Hours whose share is compared.
    bootstrap_seed
        Of the resampling of seeds.

    Raises
    ------
    ValueError
        Shapes disagree or nothing was really liquidated.
    """
    real = np.asarray(real_usd, dtype=np.float64)
    simulated = np.atleast_2d(np.asarray(simulated_usd, dtype=np.float64))
    fall = np.asarray(eth_fall, dtype=np.float64)
    if simulated.shape[1] != len(real) or len(fall) != len(real):
        raise ValueError(f"hours disagree: real {real.shape}, simulated {simulated.shape}, fall {fall.shape}")
    if real.sum() <= 0:
        raise ValueError("real_usd is zero in every hour; there is nothing to score")
    peaks = list(peak_hours)

    def measures(sample: FloatArray) -> tuple[float, float, float, float, float]:
        mean = sample.mean(axis=0)
        trivial = _trivial(fall, mean.sum())
        trivial_error = float(np.abs(trivial - real).mean())
        skill = 1.0 - _crps(sample, real) / trivial_error if trivial_error > 0 else np.nan
        return (
            float(mean.sum() / real.sum()),
            _rank_correlation(mean, real),
            _share(mean, peaks),
            _log_error(mean, real),
            skill,
        )

    ratio, correlation, share, log_error, skill = measures(simulated)
    rng = np.random.default_rng(bootstrap_seed)
    picks = rng.integers(len(simulated), size=(BOOTSTRAPS, len(simulated)))
    spread = np.array([measures(simulated[pick]) for pick in picks])
    bounds = [(float(low), float(high)) for low, high in np.nanquantile(spread, [0.05, 0.95], axis=0).T]
    low, high = np.quantile(simulated, [0.05, 0.95], axis=0)
    mean = simulated.mean(axis=0)
    trivial = _trivial(fall, mean.sum())
    return BacktestScore(
        n_seeds=len(simulated),
        real_total_usd=float(real.sum()),
        simulated_total_usd=float(mean.sum()),
        total_ratio=ratio,
        total_ratio_interval=bounds[0],
        rank_correlation=correlation,
        rank_correlation_interval=bounds[1],
        trivial_rank_correlation=_rank_correlation(fall, real),
        peak_hours=tuple(peak_hours),
        real_peak_share=_share(real, peaks),
        simulated_peak_share=share,
        simulated_peak_share_interval=bounds[2],
        coverage=float(((real >= low) & (real <= high)).mean()),
        mean_log_error=log_error,
        mean_log_error_interval=bounds[3],
        trivial_mean_log_error=_log_error(trivial, real),
        crps_usd=_crps(simulated, real),
        trivial_crps_usd=float(np.abs(trivial - real).mean()),
        crps_skill=skill,
        crps_skill_interval=bounds[4],
    )


def score_episode(episode: Episode, simulated_usd: FloatArray) -> BacktestScore:
    """Score simulated hours against an episode's real stablecoin liquidations of its priced collaterals."""
    real = np.asarray(episode.stable_debt_by_hour(), dtype=np.float64)
    return score_hours(real, simulated_usd, hourly_fall(episode.day_bars("ETH")))


def _trivial(fall: FloatArray, total: float) -> FloatArray:
    return (
        np.asarray(fall * (total / fall.sum())) if fall.sum() > 0 else np.full(len(fall), total / len(fall))
    )


def _rank_correlation(left: FloatArray, right: FloatArray) -> float:
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        # No ranking at all ranks nothing.
        return 0.0
    return float(spearmanr(left, right).statistic)


def _share(volume: FloatArray, hours: list[int]) -> float:
    return float(volume[hours].sum() / volume.sum()) if volume.sum() > 0 else 0.0


def _log_error(simulated: FloatArray, real: FloatArray) -> float:
    return float(np.abs(np.log((simulated + QUIET_USD) / (real + QUIET_USD))).mean())


def _crps(sample: FloatArray, real: FloatArray) -> float:
    """Mean over hours of E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007, eq. 21)."""
    distance = np.abs(sample - real).mean(axis=0)
    ordered = np.sort(sample, axis=0)
    n = len(sample)
    # Sum over pairs |x_i - x_j| of a sorted sample in one pass.
    weights = 2.0 * np.arange(1, n + 1) - n - 1.0
    spread = 2.0 * (weights @ ordered) / n**2
    return float((distance - spread / 2.0).mean())
