"""Design checks, and the scenario that shows what the first of them is about (MODEL 3.6)."""

from __future__ import annotations

import json

import pytest
from liquidarium.experiments.check import check
from liquidarium.experiments.check.auctions import NEVER, reaches_market_s
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.protocols.fixed_point import RAY
from liquidarium.protocols.lending.maker.abaci import LinearDecrease, StairstepExponentialDecrease
from liquidarium.protocols.lending.maker.clip import ClipParameters
from liquidarium.protocols.liquidation.curves import AjnaDecrease, ConstantPrice
from liquidarium.protocols.liquidation.toxicity import toxic_health
from typer.testing import CliRunner

M = "protocol.mechanism."
LAB = "protocol.kind=laboratory"
KEEPER = (f"{M}sizing.kind=full", f"{M}keeper.tip_usd=3000")


def codes(*changes: str, scenario: str = "quickstart") -> set[str]:
    return {finding.code for finding in check(load_scenario(scenario, changes))}


def test_quickstart_asks_for_no_trouble():
    assert codes() == set()


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("toxic-at-trigger", (LAB, "protocol.unsafe=true", f"{M}pricing={{kind='fixed-bonus', bonus=0.3}}")),
        ("oracle-deviation", ("oracle.deviation=0.2",)),
        ("gas-dearer-than-reward", ("chain.gas={kind='constant', price_gwei=5000.0}",)),
        ("dust-cannot-be-closed", (LAB, f"{M}sizing={{kind='close-factor', dust_usd=50000.0}}")),
        ("auction-cannot-clear", (LAB, *KEEPER, f"{M}pricing={{kind='dutch-linear', tail_s=60}}")),
        ("auction-cannot-clear", (LAB, *KEEPER, f"{M}pricing={{kind='dutch-linear', cusp=0.909}}")),
        ("auction-longer-than-run", (LAB, *KEEPER, f"{M}pricing={{kind='dutch-ajna'}}")),
        ("auction-longer-than-run", (LAB, *KEEPER, f"{M}pricing={{kind='english', bid_s=7200}}")),
        ("nobody-restarts", (LAB, f"{M}sizing.kind=full", f"{M}pricing={{kind='dutch-linear', tail_s=900}}")),
        (
            "lots-beyond-bidders",
            (LAB, *KEEPER, f"{M}pricing={{kind='sealed-first'}}", "borrowers.total_debt_usd=1e9"),
        ),
        ("auction-cannot-clear", ("protocol.kind=maker", "protocol.collateral.ETH.tail_s=10")),
        ("auction-cannot-clear", ("oracle.auction.reserve_usd=1e7",)),
        ("nobody-bids", ("oracle.auction.window_s=0.01",)),
    ],
)
def test_each_warning_appears_where_it_should(code, changes):
    assert code in codes(*changes)


def test_rights_that_can_be_sold_and_restarts_by_volunteers_are_no_finding():
    assert not {"nobody-bids", "auction-cannot-clear"} & set(codes("oracle.auction.reserve_usd=100"))
    stops = (LAB, f"{M}sizing.kind=full", f"{M}pricing={{kind='dutch-linear', tail_s=900}}")
    assert "nobody-restarts" not in codes(*stops, "agents.fast-bots.strategy=volunteer")


def test_a_thin_exit_is_toxic():
    thin = load_scenario("quickstart")
    pool = thin.assets[0].pool
    assets = [
        asset.model_copy(update={"pool": pool and pool.model_copy(update={"depth_usd": 2e6})})
        for asset in thin.risky
    ]
    found = check(thin.model_copy(update={"assets": (*assets, thin.assets[-1])}))
    assert {finding.code for finding in found} == {"toxic-with-slippage"}


def test_a_bonus_just_below_the_boundary_is_not_toxic():
    """Bonus above 1/LT - 1: at a threshold of 82.5 % that is 21.2 %."""
    change = (LAB, "protocol.unsafe=true", "protocol.reserves.BTC.liquidation_threshold=0.825",
              "protocol.reserves.BTC.ltv=0.8", "oracle.deviation=0.0")  # fmt: skip
    assert "toxic-at-trigger" not in codes(*change, f"{M}pricing={{kind='fixed-bonus', bonus=0.21}}")
    assert "toxic-at-trigger" in codes(*change, f"{M}pricing={{kind='fixed-bonus', bonus=0.213}}")


def test_seconds_until_a_falling_price_meets_the_market():
    def clip(buffer: float) -> ClipParameters:
        return ClipParameters(int(buffer * 100) * RAY // 100, NEVER, 0)

    assert reaches_market_s(LinearDecrease(3_600), clip(1.25)) == 720
    assert reaches_market_s(StairstepExponentialDecrease(99 * RAY // 100, 90), clip(1.2)) == 19 * 90  # G11
    assert reaches_market_s(AjnaDecrease(), clip(256)) == 21_600  # A11: the reference after six hours
    assert reaches_market_s(ConstantPrice(), clip(0.97)) == 0
    assert reaches_market_s(ConstantPrice(), clip(1.01)) == NEVER


def test_command_lists_warnings_and_ends_well():
    outcome = CliRunner().invoke(app, ["check", "toxic-spiral"])
    assert outcome.exit_code == 0
    assert "[oracle-deviation]" in outcome.stdout
    assert outcome.stdout.endswith("toxic-spiral: 1 warning\n")
    as_json = json.loads(CliRunner().invoke(app, ["check", "toxic-spiral", "--json"]).stdout)
    assert [warning["code"] for warning in as_json["warnings"]] == ["oracle-deviation"]
    assert set(as_json["warnings"][0]) == {"code", "where", "value", "message"}


def test_command_refuses_what_cannot_run():
    for wrong in (["check", "no-such"], ["check", "quickstart", "--set", "borrowers.count=0"]):
        assert CliRunner().invoke(app, wrong).exit_code == 2


def test_toxic_spiral_turns_at_the_boundary():
    """Below LT (1 + b) every call that leaves debt lowers health; above it every call raises it."""
    result = run("toxic-spiral")
    assert result.summary["conservation_error_usd"] == 0.0
    boundary = toxic_health(0.825, 0.15)
    calls = result.liquidations
    calls = calls[(calls.hf_after < 1e8) & ((calls.hf_before - boundary).abs() > 1e-3)]
    toxic = calls.hf_before < boundary
    assert toxic.sum() > 20
    assert (~toxic).sum() > 20
    assert (calls.hf_after < calls.hf_before)[toxic].all()
    assert (calls.hf_after > calls.hf_before)[~toxic].all()
    assert calls[toxic].groupby("account", observed=True).size().max() > 5  # again and again, to the end
    assert result.summary["bad_debt_usd"] > 0.0


def test_a_smaller_bonus_ends_the_spiral():
    """The same crash with a bonus of 5 %: less bad debt, as a bonus above the boundary raises it."""
    healed = run("toxic-spiral", overrides=[f"{M}pricing.bonus=0.05"])
    spiral = run("toxic-spiral")
    assert healed.summary["bad_debt_usd"] < spiral.summary["bad_debt_usd"]
