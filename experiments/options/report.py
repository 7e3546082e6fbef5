"""What a chain implies, as a list, as JSON and as a folder."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .analysis import ChainAnalysis
from .figures import days, draw_chain
from .marks import compare_marks

DESCRIPTION = "options.json"
"""File that makes a folder one of a chain."""


def is_options(folder: Path) -> bool:
    """Whether a folder holds what a chain implies."""
    return (folder / DESCRIPTION).is_file()


@dataclass(frozen=True, eq=False)
class ChainReport:
    """One fitted chain, for people and for programs."""

    found: ChainAnalysis

    def table(self) -> pd.DataFrame:
        """One row an expiry, volatilities as fractions.

        Returns
        -------
        DataFrame
            Columns ``expiry, years, forward_usd, quotes, volatility, skew, miss, model_free, repaired``; skew
            is the derivative of volatility by log-moneyness at the forward, miss the weighted root mean
            square distance of the slice from the quotes, repaired what the best fit violated.
        """
        found = self.found
        terms = found.fit.surface.term_structure()
        strips = dict(zip(found.model_free.years, found.model_free.volatility, strict=True))
        rows = []
        for i, fit in enumerate(found.fit.slices):
            years = fit.slice.years
            stamp = int(found.quotes.expiry_ts[found.quotes.years == years].iloc[0])
            rows.append(
                {
                    "expiry": pd.Timestamp(stamp, unit="s").strftime("%Y-%m-%d %H:%M"),
                    "years": years,
                    "forward_usd": float(terms.forward[i]),
                    "quotes": fit.n_quotes,
                    "volatility": float(terms.volatility[i]),
                    "skew": float(terms.skew[i]),
                    "miss": fit.rms_volatility,
                    "model_free": float(strips.get(years, math.nan)),
                    "repaired": "; ".join(sorted({each.kind for each in fit.repaired})),
                }
            )
        return pd.DataFrame(rows)

    def to_markdown(self) -> str:
        """Return the list as a table."""
        chain = self.found.chain
        heads = "expiry (UTC) | left | quotes | forward (USD) | volatility (%) | skew | miss (%) "
        heads += "| model-free (%) | repaired"
        lines = [
            f"{chain.title}: {len(chain.quotes)} options, {int(self.found.quotes.fitted.sum())} fitted",
            "",
            f"| {heads} |",
            "|---|---|---:|---:|---:|---:|---:|---:|---|",
        ]
        lines += [
            f"| {row['expiry']} | {days(row['years'])} | {row['quotes']} | {row['forward_usd']:,.0f} | "
            f"{100 * row['volatility']:.1f} | {row['skew']:.2f} | {100 * row['miss']:.2f} | "
            f"{_percent(row['model_free'])} | {row['repaired'] or 'nothing'} |"
            for row in self.table().to_dict("records")
        ]
        lines.append("")
        if not math.isnan(self.found.volatility_14d):
            text = f"Model-free volatility of 14 days: {_percent(self.found.volatility_14d)} %"
            published = chain.published_14d_volatility
            text += "" if math.isnan(published) else f", published: {_percent(published)} %"
            lines += [f"{text}.", ""]
        lines += [self._smile_text(), ""]
        lines += [
            "| mark | options | off the exchange's (bps) | 95 % of them below | own uncertainty (bps) |",
            "|---|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {row['mark']} | {row['options']} | {row['median_bps']:.1f} | {row['p95_bps']:.0f} | "
            f"{row['uncertainty_bps']:.1f} |"
            for row in compare_marks(self.found).to_dict("records")
        ]
        return "\n".join([*lines, ""])

    def _smile_text(self) -> str:
        """Say which surface of a scenario comes nearest."""
        found = self.found.smile
        given = [f"{key} = {value:.3g}" for key, value in asdict(found.smile).items() if value is not None]
        return (
            f"One surface of a level and few numbers misses by {100 * found.rms_volatility:.2f} %; in a "
            f"scenario: level {found.level:.3g}, `smile = {{ {', '.join(given)} }}`."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what does not exist is None."""
        found = self.found
        rows = []
        for row, fit in zip(self.table().to_dict("records"), found.fit.slices, strict=True):
            one = fit.slice
            slice_ = {name: getattr(one, name) for name in ("a", "b", "rho", "m", "sigma")}
            repaired = [
                {**each._asdict(), "log_moneyness": _finite(each.log_moneyness)} for each in fit.repaired
            ]
            strip = _finite(row["model_free"])
            rows.append({**row, "model_free": strip, "svi": slice_, "repaired": repaired})
        return {
            "chain": found.chain.name,
            "title": found.chain.title,
            "snapshot_ts": found.chain.snapshot_ts,
            "options": len(found.quotes),
            "outcomes": {str(name): int(n) for name, n in found.quotes.outcome.value_counts().items()},
            "model_free_14d": _finite(found.volatility_14d),
            "published_14d": _finite(found.chain.published_14d_volatility),
            "smile": {
                **asdict(found.smile.smile),
                "level": found.smile.level,
                "miss": found.smile.rms_volatility,
            },
            "expiries": rows,
            "marks": compare_marks(found).to_dict("records"),
        }

    def save(self, folder: Path) -> None:
        """Write description, quotes with their volatilities, list and figure."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")
        self.found.quotes.to_parquet(folder / "quotes.parquet", index=False)
        (folder / "table.md").write_text(self.to_markdown(), encoding="utf-8")
        draw_chain(self.found, folder)


def _percent(volatility: float) -> str:
    return "" if math.isnan(volatility) else f"{100 * volatility:.2f}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
