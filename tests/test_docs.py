"""The pages say what is so: examples run, links lead somewhere, commands exist, tables are those of a run."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import re
import shlex
from pathlib import Path

import pytest
import typer
from liquidarium.agents.strategies.exits import SCHEDULES
from liquidarium.agents.strategies.liquidator import Liquidator
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario, scenario_names
from liquidarium.experiments.world.build import STRATEGIES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = [*PAGES, ROOT / "CONTRIBUTING.md"]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED_FILE = re.compile(r"^`([\w.-]+)`:\n+```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:\$ )?(?:[A-Z]+=\S+ )*(?:\S*/)?liquidarium (.*)")


class MarkdownExamples(doctest.DocTestParser):
    """Examples between the fences of Markdown; a fence is no output."""

    def parse(self, string: str, name: str = "<string>"):
        return super().parse(re.sub(r"^```.*$", "", string, flags=re.MULTILINE), name)


def write_named_files(page: Path, folder: Path) -> None:
    """Write the files that a page shows: a fence below a line that holds only their name."""
    for name, text in NAMED_FILE.findall(page.read_text(encoding="utf-8")):
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_a_page_give_what_it_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_named_files(page, tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testfile(
        str(page), module_relative=False, optionflags=flags, parser=MarkdownExamples(), encoding="utf-8"
    )
    assert outcome.failed == 0


def headings(page: Path) -> set[str]:
    """Anchors of a page, as a code forge makes them from its headings."""
    lines = re.findall(r"^#+ (.*)$", re.sub(FENCE, "", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_relative_links_lead_to_files_and_headings(page):
    for link in LINK.findall(re.sub(FENCE, "", page.read_text(encoding="utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in headings(target), f"{link}: no such heading"


def commands_of(page: Path) -> list[str]:
    """Arguments of every call of the command that a page shows, in shell fences or inline."""
    text = page.read_text(encoding="utf-8")
    shells = [body for kind, body in FENCE.findall(text) if kind in ("", "bash", "sh", "console")]
    lines = [part.strip() for body in shells for line in body.splitlines() for part in line.split("&&")]
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", re.sub(FENCE, "", text))]
    return [match[1] for line in lines if (match := COMMAND.fullmatch(line))]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_commands_of_a_page_exist_with_their_options_and_overrides(page):
    root = typer.main.get_command(app)
    for line in commands_of(page):
        name, *rest = shlex.split(line.partition("|")[0], comments=True)
        if name.startswith("-"):
            continue
        assert name in root.commands, f"liquidarium {line}: no such command"
        if not rest:  # the command is only named
            continue
        with root.make_context("liquidarium", [name, *rest], resilient_parsing=True) as context:
            given = root.commands[name].make_context(name, list(rest), parent=context).params
        if given.get("scenario") in scenario_names():
            load_scenario(given["scenario"], given.get("overrides") or ())


def documented_tables() -> dict[str, list[str]]:
    """Table -> columns, as docs/tables.md lists them."""
    text = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    sections = re.split(r"^## `(\w+)`.*$", text, flags=re.MULTILINE)[1:]
    return {
        name: re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE)
        for name, body in zip(sections[::2], sections[1::2], strict=True)
    }


def test_tables_page_lists_every_table_and_column_of_a_run_and_no_other():
    pool = "assets.ETH.pool={kind='concentrated', depth_usd=1e6}"
    result = run("quickstart", overrides=["clock.duration_s=120", "oracle.auction.recapture=1", pool])
    real = {name: list(table.columns) for name, table in result.tables.items()}
    assert documented_tables() == real


def test_strategies_page_lists_every_option_of_liquidators_searchers_and_exits():
    text = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    parts = re.split(r"^#{2,3} (.+)$", text, flags=re.MULTILINE)[1:]
    told = {name.strip("`"): body for name, body in zip(parts[::2], parts[1::2], strict=True)}
    shared = {field.name for field in dataclasses.fields(Liquidator)}
    assert set(re.findall(r"^\| `(\w+)` \|", told["What all liquidators share"], re.MULTILINE)) == shared
    for name, (kind, cls) in STRATEGIES.items():
        if kind not in ("liquidator", "searcher", "manipulator", "range-provider"):
            continue
        options = {field.name for field in dataclasses.fields(cls)} - shared
        if kind != "liquidator":
            options = {field.name for field in dataclasses.fields(cls)}
        elif name != "threshold":
            options -= {"bid_share", "escalation", "raise_limit"}
        assert set(re.findall(r"^\| `([a-z_]+)` \|", told[name], re.MULTILINE)) >= options, name
    for name, schedule in SCHEDULES.items():
        (row,) = re.findall(rf"^\| `{name}` \|.*$", told["Exits"], re.MULTILINE)
        for field in dataclasses.fields(schedule):
            assert f"`{field.name}`" in row + told["Exits"].split("| `kind`")[0], field.name


def test_files_named_in_the_architecture_page_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    trees = [body for kind, body in FENCE.findall(text) if kind == "text" and body.startswith("market/")]
    assert len(trees) == 1
    path: list[str] = []
    for line in trees[0].splitlines():
        if not line.strip():
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        path[depth:] = [name]
        assert ROOT.joinpath(*path).exists(), "/".join(path)


def test_block_is_described_in_the_order_of_the_step():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    described = re.findall(r"^\d+\. \*\*`([\w.]+)`\*\*", text, re.MULTILINE)
    step = inspect.getsource(LiquidationMarket.step)
    assert described == [name for name in re.findall(r"self\.([\w.]+)\(", step) if name != "_finish"]
