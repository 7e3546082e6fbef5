"""A conformance report as plain text."""

from __future__ import annotations

from .runner import ConformanceReport


def render_report(report: ConformanceReport, max_disagreements: int = 10) -> str:
    """Lay out a report as a table, with the first disagreements of each set below it.

    Parameters
    ----------
    report : ConformanceReport
        What `conform` returned.
    max_disagreements : int
        How many disagreeing fields to list per set.
    """
    width = max(len("set"), *(len(r.name) for r in report.sets), len("total"))
    lines = [f"{'set':<{width}}  {'cases':>6}  {'agree':>6}  {'disagree':>8}  {'fields':>8}"]
    rows = [(r.name, r.cases, r.agree, r.fields) for r in report.sets]
    rows.append(("total", report.cases, report.agree, sum(r.fields for r in report.sets)))
    lines += [
        f"{name:<{width}}  {cases:>6}  {agree:>6}  {cases - agree:>8}  {fields:>8}"
        for name, cases, agree, fields in rows
    ]
    for r in report.sets:
        lines += [
            f"{r.name} case {d.case_id}: {d.field}: expected {d.expected}, got {d.got}"
            for d in r.disagreements[:max_disagreements]
        ]
        hidden = len(r.disagreements) - max_disagreements
        if hidden > 0:
            lines.append(f"{r.name}: {hidden} more disagreeing fields")
    return "\n".join(lines)
