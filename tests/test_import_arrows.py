"""Imports run one way: market <- protocols <- agents <- experiments (docs/architecture.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("market", "protocols", "agents", "experiments")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported_rooms(source: str, parts: tuple[str, ...]) -> Iterator[str]:
    """Rooms of ours that a module imports; `parts` is its path below the root."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ["liquidarium", *parts[:-1]][: len(parts) + 1 - node.level] if node.level else []
            stem = [*base, *(node.module.split(".") if node.module else [])]
            names = [".".join([*stem, alias.name]) for alias in node.names]
        else:
            continue
        for name in names:
            first, *rest = name.split(".")
            if first == "liquidarium" and rest:
                yield rest[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_imports_only_rooms_before_its_own(path):
    parts = path.relative_to(ROOT).parts
    allowed = ROOMS[: ROOMS.index(parts[0]) + 1]
    assert set(imported_rooms(path.read_text(encoding="utf-8"), parts)) <= set(allowed)


@pytest.mark.parametrize(
    ("line", "room"),
    [
        ("from ..agents.base import Agent", "agents"),
        ("from .. import agents", "agents"),
        ("from liquidarium.agents import base", "agents"),
        ("import liquidarium.experiments.runs", "experiments"),
        ("from liquidarium import experiments", "experiments"),
        ("def f():\n    from ...agents import base", "agents"),
    ],
)
def test_import_against_the_arrows_is_seen(line, room):
    parts = ("market", "pools", "pair.py") if "..." in line else ("market", "ledger.py")
    assert room in set(imported_rooms(line, parts))


def test_a_run_does_not_wait_for_libraries_that_it_does_not_use():
    code = (
        "import sys; from liquidarium.experiments.runs.run import run; "
        "run('may-2021', 1, overrides=['clock.duration_s=120', 'borrowers.count=50']); "
        "print(*({'scipy.stats', 'matplotlib', 'seaborn', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
