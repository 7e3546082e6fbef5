"""Rows of the table that says what equilibria mean: a label, and a cell made of a `Meaning`."""

from __future__ import annotations

from collections.abc import Callable

from .meaning import Meaning, Measured
from .outcomes import LEDGER

Tell = Callable[[Meaning, float], str]


def _money(measured: Measured, scale: float) -> str:
    value = measured.value / scale
    half = (measured.interval[1] - measured.interval[0]) / (2.0 * scale)
    value, half = (round(number, 9) + 0.0 for number in (value, half))
    return f"{value:,.4g} +- {half:.2g}"


def _gain(name: str) -> Tell:
    def tell(meaning: Meaning, scale: float) -> str:
        measured = meaning.outcomes.get(name)
        if measured is None or (not measured.value and not any(measured.interval)):
            return ""
        return _money(measured, scale)

    return tell


def _share(name: str) -> Tell:
    def tell(meaning: Meaning, scale: float) -> str:
        return f"{meaning.outcomes[name].value:.4f}" if name in meaning.outcomes else ""

    return tell


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


MEANING_ROWS: tuple[tuple[str, Tell], ...] = (
    ("share that nobody liquidates", _share("no_show")),
    ("bad debt", _gain("bad_debt")),
    ("borrowers' loss in liquidations", _gain("borrower_loss")),
    ("repaid beyond need", _gain("over_liquidated")),
    ("gas paid by liquidators", _gain("gas")),
    ("share of rent dissipated in gas", lambda meaning, _: _ratio(meaning.dissipated)),
    ("liquidator HHI", lambda meaning, _: _ratio(meaning.hhi)),
    ("waste (gas burned, bad debt)", _gain("waste")),
    ("price of anarchy", lambda meaning, _: _ratio(meaning.price_of_anarchy)),
    *((f"gain of {name}", _gain(name)) for name in LEDGER),
)
"""Label -> cell; empty where the plays do not tell."""
