"""Maker's two liquidation systems in a running world."""

from __future__ import annotations

import pytest
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.world.lending import maker
from liquidarium.protocols.fixed_point import RAY, WAD
from liquidarium.protocols.lending.maker import RAD

SYSTEMS = {
    "maker": ("collateral.ETH.step_s=9", "collateral.BTC.step_s=9"),
    "maker-flip": ("collateral.ETH.bid_s=60", "collateral.BTC.bid_s=60"),
}
"""Auctions fast enough for the hour of the scenario."""


def crash(kind: str):
    return run("quickstart", overrides=settings_of(kind, *SYSTEMS[kind]))


def settings_of(kind: str, *changes: str) -> list[str]:
    return [f"protocol.kind={kind}", *(f"protocol.{change}" for change in changes)]


@pytest.mark.parametrize("kind", SYSTEMS)
def test_vaults_are_sold_in_a_crash_and_no_money_is_lost(kind):
    first, again = crash(kind), crash(kind)
    assert first.summary["liquidations"] > 0
    assert len(first.tables["sales"]) > 0
    assert first.summary["conservation_error_usd"] == 0.0
    assert first.summary["content_hash"] == again.summary["content_hash"]


@pytest.mark.parametrize("kind", SYSTEMS)
def test_kind_alone_is_enough(kind):
    scenario = load_scenario("may-2021", settings_of(kind))
    terms = maker.terms(scenario.protocol, scenario)
    assert terms.single_collateral
    assert terms.debt == "DAI"
    assert terms.thresholds["ETH"] == pytest.approx(2 / 3)
    assert set(terms.thresholds) == {"ETH", "BTC", "LINK", "AAVE"}


def test_settings_reach_the_rules():
    scenario = load_scenario(
        "quickstart",
        settings_of(
            "maker",
            "total_hole=1e6",
            "collateral.ETH={liquidation_ratio=1.7, penalty=0.2, dust=100, hole=2e5, buffer=1.1, tip=5}",
            "collateral.BTC={chip=0.002, cusp=0.5, cut=0.98, tail_s=600, step_s=30, stability_fee=0}",
        ),
    )
    kinds = maker.clip_types(scenario.protocol, scenario)
    eth, btc = kinds["ETH"], kinds["BTC"]
    assert maker.issued(scenario.protocol, scenario) == "USDC"
    assert (eth.terms.mat, eth.terms.dust, eth.dog.chop) == (17 * RAY // 10, 100 * RAD, 12 * WAD // 10)
    assert (eth.dog.hole, eth.dog.global_hole) == (2 * 10**5 * RAD, 10**6 * RAD)
    assert (eth.clip.buf, eth.clip.tip, eth.clip.chost) == (11 * RAY // 10, 5 * RAD, 120 * RAD)
    assert (btc.clip.chip, btc.clip.cusp, btc.clip.tail) == (WAD // 500, RAY // 2, 600)
    assert (btc.abacus.cut, btc.abacus.step, btc.terms.duty) == (98 * RAY // 100, 30, RAY)
    scenario = load_scenario(
        "quickstart",
        settings_of(
            "maker-flip", "preset=july-2020", "collateral.ETH={lot=10, raise_step=0.05, auction_s=99}"
        ),
    )
    eth, btc = (maker.flip_types(scenario.protocol, scenario)[symbol] for symbol in ("ETH", "BTC"))
    assert btc.cat.lump == WAD
    assert (eth.cat.lump, eth.flip.beg, eth.flip.ttl, eth.flip.tau) == (
        10 * WAD,
        105 * WAD // 100,
        21_600,
        99,
    )


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (
            "maker",
            "collateral.ETH.penalty=-0.1",
            r"protocol\.collateral\.ETH: Maker dog: chop .* protocol\.unsafe = true",
        ),
        ("maker", "collateral.ETH.liquidation_ratio=0.9", r"ETH-A: mat must be at least"),
        ("maker", "collateral.ETH.cut=1.1", r"cut must be at most"),
        ("maker", "collateral.XRP.tip=1", r"unknown key protocol\.collateral\.XRP; allowed: ETH, BTC"),
        ("maker", "debt=ETH", r"protocol\.debt = 'ETH'; allowed: USDC"),
        (
            "maker-flip",
            "collateral.ETH.penalty=-0.1",
            r"penalty must be at least 0.* protocol\.unsafe = true",
        ),
    ],
)
def test_what_the_contract_refuses_is_refused(kind, change, message):
    scenario = load_scenario("quickstart", settings_of(kind, change))
    with pytest.raises(ScenarioError, match=message):
        maker.terms(scenario.protocol, scenario)


@pytest.mark.parametrize("change", ["collateral.ETH.penalty=-0.1", "collateral.ETH.cut=1.1"])
def test_unsafe_settings_may_be_tried(change):
    scenario = load_scenario("quickstart", settings_of("maker", "unsafe=true", change))
    assert maker.terms(scenario.protocol, scenario).thresholds
