"""Replays of contract vectors through the rules the simulation executes.

A vector file says what a published contract did: ``{"header": {...}, "cases": [...]}``,
integers as decimal strings, one ``out`` per case, ``out.revert`` null or the error's
name. `conform` sends every case of a file through the adapter of its set and
compares each checked field exactly.

Adding a set
------------
1. Write the module ``<set>.py`` in this package (`morpho_blue.py` for the set
   ``morpho_blue``), with one function::

       def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
           ...

   It parses the case, calls the very functions that the simulation executes
   (never a second implementation of a rule), and returns one triplet
   ``(field path, expected, got)`` for every field the set checks, among them
   ``("revert", ...)``. `compare` builds triplets from the case's nested
   ``out`` and a nested answer of plain ints, bools, None and dicts::

       got: dict[str, Any] = {"revert": None}
       try:
           result = liquidate(...)          # the protocol's own pure function
       except Revert as error:
           got["revert"] = error.reason
       else:
           got["seizedAssets"] = result.seized
       return compare(case["out"], got)

   Every leaf of ``expected`` must be answered: a key absent on one side is a
   disagreement, so on a revert give only what ``out`` holds then. Decimal
   strings in ``expected`` count as integers. What the case cannot supply may
   simply raise: `KeyError`, `TypeError` and `ValueError` are reported as a
   malformed case, with its file and id; any other exception counts as a
   disagreement of that case.
2. Its line in `registry.REGISTRY` names the set and how its header begins.
3. Put the file, compressed, into ``experiments/data/vectors/<set>.json.gz``
   with `files.pack` (deterministic: same input, same bytes).

A file is recognised by its stem (``aave_v3_6.json.gz``); if the stem is no set,
by ``header["protocol"]``; then by a stem that begins with a set's name. Adapters
never look at a case's id.
"""

from __future__ import annotations

from .compare import Check, compare
from .files import VectorFileError
from .registry import REGISTRY, available_sets
from .render import render_report
from .runner import ConformanceReport, Disagreement, SetReport, conform

__all__ = [
    "REGISTRY",
    "Check",
    "ConformanceReport",
    "Disagreement",
    "SetReport",
    "VectorFileError",
    "available_sets",
    "compare",
    "conform",
    "render_report",
]
