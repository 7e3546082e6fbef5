"""Compound v2 and Venus run in the worlds that Aave runs in, under their own rules."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.scenarios.loading import validate
from liquidarium.experiments.world.lending.compound import build_params, terms
from liquidarium.protocols.lending.compound_v2 import WAD, Fork

KINDS = pytest.mark.parametrize("kind", ["compound-v2", "venus"])
CRASH = ("clock.start=2021-05-19T12:45:00Z", "clock.duration_s=1200")


def quickstart(*changes: str):
    return load_scenario("quickstart", changes)


@KINDS
def test_a_crash_liquidates_and_every_unit_is_accounted_for(kind):
    scenario = quickstart(*CRASH, f"protocol.kind={kind}")
    result = run(scenario, 3)
    done = result.liquidations
    assert len(done) > 10
    assert (done.hf_before < 1.0).all()
    assert (done.protocol == kind).all()
    assert result.summary["conservation_error_usd"] == 0.0
    assert run(scenario, 3).content_hash == result.content_hash


@pytest.mark.parametrize(("kind", "paid"), [("compound-v2", 1.08), ("venus", 1.10)])
def test_collateral_seized_is_the_debt_and_the_incentive(kind, paid):
    """MODEL 1.3: an incentive of 8 % in Compound, 10 % in Venus, at the oracle's prices."""
    done = run(quickstart(*CRASH, f"protocol.kind={kind}"), 3).liquidations
    large = done[done.repaid_usd > 100]
    assert (large.seized_usd / large.repaid_usd).to_numpy() == pytest.approx(paid, rel=1e-4)


def test_no_call_repays_more_than_the_close_factor_of_a_debt():
    model = LiquidationMarket(quickstart(*CRASH, "protocol.kind=compound-v2"), 3, collect_every=0)
    pool, shares = model.lending.pool, []
    liquidate = pool.liquidate

    def watched(row, collateral, debt, cover, liquidator, now_s):
        owed = pool.debt_units(row, debt, now_s)
        result = liquidate(row, collateral, debt, cover, liquidator, now_s)
        shares.append(result.debt_repaid / owed)
        return result

    pool.liquidate = watched
    model.run()
    assert shares
    assert max(shares) <= 0.5


def test_later_compound_keeps_a_share_of_what_is_seized():
    """From proposal 48 on, 2.8 % of seized collateral went to the reserves (MODEL 1.3)."""
    model = LiquidationMarket(
        quickstart(*CRASH, "protocol.kind=compound-v2", "protocol.listing=2022-23"), 3, collect_every=0
    )
    model.run()
    markets = model.lending.pool.markets
    assert markets[model.scenario.symbols.index("ETH")].total_reserves > 0
    assert model.conservation.error_usd(model.oracle_prices) == 0.0


def test_both_share_a_world_with_aave():
    data = quickstart(*CRASH).model_dump(exclude_none=True)
    del data["protocol"]
    data["protocols"] = [
        {"kind": "aave-v2"},
        {"kind": "compound-v2", "share": 2.0},
        {"kind": "venus", "name": "fork"},
    ]
    result = run(validate(data), 3)
    assert set(result.liquidations.protocol.astype(str)) >= {"compound-v2", "fork"}
    assert result.summary["conservation_error_usd"] == 0.0


def test_each_asset_of_the_day_has_its_real_listing():
    """Sources in `presets`: governance threads for Compound, the recorded comptroller for Venus."""
    compound = load_scenario("may-2021", ("protocol.kind=compound-v2",))
    assert dict(terms(compound.protocol, compound).thresholds) == {
        "ETH": 0.75,
        "BTC": 0.65,
        "LINK": 0.5,
        "AAVE": 0.5,
        "USDC": 0.75,
        "DAI": 0.75,
    }
    venus = load_scenario("may-2021", ("protocol.kind=venus",))
    listed = terms(venus.protocol, venus).thresholds
    assert (listed["ETH"], listed["BTC"], listed["LINK"], listed["AAVE"]) == (0.8, 0.8, 0.6, 0.55)


def test_settings_of_a_scenario_reach_the_rules():
    scenario = quickstart(
        "protocol.kind=venus",
        "protocol.close_factor=0.4",
        "protocol.markets.ETH.collateral_factor=0.7",
        "protocol.markets.ETH.liquidation_threshold=0.75",
        "protocol.markets.ETH.incentive=0.06",
        "protocol.markets.USDC.base_rate=0.05",
        "protocol.markets.USDC.kink=0.9",
        "protocol.markets.USDC.reserve_factor=0.25",
    )
    params = build_params(scenario.protocol, scenario)
    eth, _, usdc = params.markets
    assert params.fork is Fork.VENUS_CORE
    assert params.close_factor == 4 * 10**17
    assert (eth.collateral_factor, eth.liquidation_threshold) == (7 * 10**17, 75 * 10**16)
    assert eth.liquidation_incentive == 106 * 10**16
    assert usdc.rate_model.base_rate_per_block == 5 * 10**16 // 10_512_000
    assert (usdc.rate_model.kink, usdc.reserve_factor) == (9 * 10**17, 25 * 10**16)
    scenario = quickstart(
        "protocol.kind=compound-v2",
        "protocol.incentive=0.05",
        "protocol.protocol_seize_share=0.01",
        "protocol.markets.BTC.collateral_factor=0.6",
    )
    eth, btc, _ = build_params(scenario.protocol, scenario).markets
    assert {eth.liquidation_incentive, btc.liquidation_incentive} == {105 * 10**16}
    assert eth.protocol_seize_share == WAD // 100
    assert btc.liquidation_threshold == btc.collateral_factor == 6 * 10**17


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            ("kind=compound-v2", "close_factor=0.95"),
            "compound-v2: Compound v2: close_factor = 0.95 is refused, allowed: 0.05 to 0.9 (unsafe = true "
            "allows what only the contract forbids)",
        ),
        (
            ("kind=compound-v2", "markets.ETH.collateral_factor=0.95"),
            "compound-v2: Compound v2: ETH.collateral_factor = 0.95 is refused, allowed: at most 0.9 "
            "(collateralFactorMaxMantissa) (unsafe = true allows what only the contract forbids)",
        ),
        (
            ("kind=venus", "markets.ETH.liquidation_threshold=0.7"),
            "venus: Venus core: ETH.collateral_factor = 0.8 is refused, allowed: at most the liquidation "
            "threshold 0.7 (unsafe = true allows what only the contract forbids)",
        ),
        (
            ("kind=venus", "markets.ETC.base_rate=0.1"),
            "venus: markets.ETC is not an asset, did you mean 'ETH'?; allowed: ETH, BTC, USDC",
        ),
        (
            ("kind=compound-v2", "incentive=0.5"),
            "compound-v2: Compound v2: ETH.incentive = 0.5 is toxic, liquidating at the threshold 0.75 "
            "leaves the account worse; allowed: below 0.3333 (unsafe = true allows it)",
        ),
        (
            ("kind=venus", "markets.BTC.incentive=0.25"),
            "venus: Venus core: BTC.incentive = 0.25 is toxic, liquidating at the threshold 0.8 leaves "
            "the account worse; allowed: below 0.25 (unsafe = true allows it)",
        ),
        (
            ("kind=compound-v2", "markets.USDC.jump_multiplier=100", "markets.USDC.kink=0.5"),
            "compound-v2: markets.USDC: a borrow rate of 2.38e-05 a block at full use; allowed: up to "
            "5e-06 (borrowRateMaxMantissa)",
        ),
    ],
)
def test_what_the_contract_refuses_is_refused_in_one_line(changes, complaint):
    scenario = quickstart(*(f"protocol.{change}" for change in changes))
    with pytest.raises(ScenarioError) as caught:
        build_params(scenario.protocol, scenario)
    assert str(caught.value) == complaint


def test_an_asset_without_a_listing_is_refused():
    data = quickstart("protocol.kind=venus").model_dump(exclude_none=True)
    data["assets"] = [*data["assets"], {"symbol": "FRAX", "decimals": 6, "stable": True}]
    scenario = validate(data)
    with pytest.raises(ScenarioError, match="venus: FRAX has no listing there; allowed: BNB, BTC, ETH"):
        build_params(scenario.protocol, scenario)


def test_what_is_unsafe_runs_if_one_insists():
    scenario = quickstart(
        *CRASH, "protocol.kind=compound-v2", "protocol.close_factor=1.0", "protocol.incentive=0.5",
        "protocol.unsafe=true",
    )  # fmt: skip
    summary = run(scenario, 3).summary
    assert summary["conservation_error_usd"] == 0.0
    assert summary["unsafe_settings"] == "compound-v2"
