"""What the page *Adding a protocol* asks of a protocol is so for every kind there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.scenarios.loading import validate
from liquidarium.experiments.world.lending.kinds import lending_kinds
from liquidarium.protocols.lending.pool import LendingPool

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-protocol.md").read_text(encoding="utf-8")
OWN = {"laboratory"}
"""Kinds that are no deployed protocol."""


def test_files_that_the_page_names_exist():
    named = re.findall(r"`((?:[\w-]+/)+[\w.-]*)`", PAGE)
    assert len(named) > 10
    for path in named:
        assert (ROOT / path).exists(), path


def test_the_page_lists_what_a_pool_must_have():
    table = PAGE.partition("| method | what it promises |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == LendingPool.__abstractmethods__


def test_the_comparison_has_every_protocol():
    text = (ROOT / "experiments" / "comparisons" / "one-crash-every-protocol.toml").read_text(
        encoding="utf-8"
    )
    compared = {
        item.removeprefix("protocol.kind=")
        for case in tomllib.loads(text)["cases"]
        for item in case["set"]
        if item.startswith("protocol.kind=")
    }
    assert compared == set(lending_kinds()) - OWN


@pytest.mark.parametrize("kind", sorted(lending_kinds()))
def test_the_kind_alone_is_enough_and_an_unknown_setting_is_refused(kind):
    short = (f"protocol.kind={kind}", "clock.duration_s=120")
    assert LiquidationMarket(load_scenario("quickstart", short), 1).lending.n_borrowers > 0
    with pytest.raises(ScenarioError, match="no_such_setting"):
        load_scenario("quickstart", (*short, "protocol.no_such_setting=1"))


def test_protocols_of_every_kind_of_call_share_one_world():
    data = load_scenario("quickstart").model_dump(exclude_unset=True)
    del data["protocol"]
    kinds = ("aave-v2", "aave-v4-style", "euler-v1", "silo", "fluid")
    model = LiquidationMarket(validate(data | {"protocols": [{"kind": kind} for kind in kinds]}), 3)
    model.run()
    assert {row[1] for row in model.recorder.liquidations} == set(kinds)
    assert model.conservation.error_usd(model.oracle_prices) == 0.0
