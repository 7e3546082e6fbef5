"""Aave vectors: what the deployed contracts did, through the rules the simulation executes."""

from __future__ import annotations

from importlib import resources

import pytest
from liquidarium.experiments.conformance import conform
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.lending.aave import liquidation_v3_0_2, liquidation_v3_6
from liquidarium.protocols.liquidation import (
    CloseFactor,
    DustFloor,
    HealthFactorTrigger,
    WholePositionCloseFactor,
)

FOLDER = resources.files("liquidarium.experiments").joinpath("data", "vectors")


def replay(name):
    (report,) = conform([str(FOLDER.joinpath(f"{name}.json.gz"))]).sets
    return report


@pytest.mark.parametrize(
    ("name", "cases"), [("aave_v3_0_2", 314), ("aave_interest", 360), ("aave_v3_6", 425)]
)
def test_every_field_of_every_vector_agrees(name, cases):
    report = replay(name)
    assert report.disagreements == ()
    assert (report.cases, report.agree) == (cases, cases)


def at_least_instead_of_above(sizing):
    exact = sizing.max_repay

    def loose(self, context):
        on_the_limit = context.health_factor == self.full_below
        return exact(self, context._replace(health_factor=context.health_factor + on_the_limit))

    return loose


@pytest.mark.parametrize(
    ("name", "sizing"), [("aave_v3_0_2", CloseFactor), ("aave_v3_6", WholePositionCloseFactor)]
)
def test_a_close_factor_that_compares_with_at_least_is_noticed(monkeypatch, name, sizing):
    monkeypatch.setattr(sizing, "max_repay", at_least_instead_of_above(sizing))
    assert replay(name).disagreements


@pytest.mark.parametrize("name", ["aave_v3_0_2", "aave_v3_6"])
def test_a_trigger_that_includes_1_is_noticed(monkeypatch, name):
    monkeypatch.setattr(
        HealthFactorTrigger, "is_liquidatable", lambda self, health_factor: health_factor <= WAD
    )
    assert replay(name).disagreements


def test_a_dust_floor_off_by_one_is_noticed(monkeypatch):
    exact = DustFloor.refusal
    stricter = DustFloor(1_000 * 10**8 + 1)
    monkeypatch.setattr(
        DustFloor, "refusal", lambda self, context, repay, seized: exact(stricter, context, repay, seized)
    )
    assert replay("aave_v3_6").disagreements


@pytest.mark.parametrize(
    ("name", "module"), [("aave_v3_0_2", liquidation_v3_0_2), ("aave_v3_6", liquidation_v3_6)]
)
def test_an_index_off_by_one_is_noticed(monkeypatch, name, module):
    exact = module.normalized_debt
    monkeypatch.setattr(module, "normalized_debt", lambda state, now: exact(state, now) + 1)
    assert replay(name).disagreements
