"""Comet in a world: absorptions and sales in a crash, and the settings behind them."""

from __future__ import annotations

import pytest
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.scenarios.lending.comet import CometConfig
from liquidarium.experiments.scenarios.loading import validate
from liquidarium.experiments.world.lending.comet import MARKETS, build_params, terms

CRASH = ("clock.start=2021-05-19T13:00:00Z", "clock.duration_s=900", "protocol.kind=comet")


def params_of(name="may-2021", **changes):
    """Return the settings that a scenario gives the contract."""
    scenario = load_scenario(name)
    return build_params(CometConfig.model_validate({"kind": "comet"} | changes), scenario)


@pytest.fixture(scope="module")
def crash():
    return run("quickstart", 7, overrides=CRASH)


def test_a_crash_is_absorbed_sold_and_conserved_to_the_last_unit(crash):
    assert crash.summary["liquidations"] > 0
    assert crash.summary["debt_repaid_usd"] > 0
    assert crash.summary["conservation_error_usd"] == 0.0
    sales = crash.tables["sales"]
    assert len(sales) > 0
    assert (sales.paid_usd <= sales.bought_usd + 0.01).all(), "the storefront sells below the oracle"


def test_absorptions_are_whole_and_only_of_the_unsafe(crash):
    rows = crash.tables["liquidations"]
    assert (rows.hf_before < 1.0).all()
    assert (rows.hf_after > 1e6).all(), "no debt is left"
    assert rows.account.is_unique


def test_same_seed_leaves_the_same_bytes(crash):
    assert run("quickstart", 7, overrides=CRASH).summary["content_hash"] == crash.summary["content_hash"]


def test_where_reserves_are_full_nobody_absorbs_for_nothing():
    full = ("protocol.initial_reserves=1.0", "protocol.target_reserves=0.0")
    result = run("quickstart", 7, overrides=(*CRASH, *full))
    assert result.summary["liquidations"] == 0
    assert result.summary["conservation_error_usd"] == 0.0


def test_comet_shares_a_world_with_another_protocol():
    data = load_scenario("quickstart", CRASH).model_dump(exclude_none=True)
    del data["protocol"]
    data["protocols"] = [{"kind": "aave-v2"}, {"kind": "comet", "name": "compound"}]
    result = run(validate(data), 7)
    assert set(result.tables["liquidations"].protocol) == {"aave-v2", "compound"}
    assert result.summary["conservation_error_usd"] == 0.0


def test_settings_are_those_of_the_deployment_at_the_scenarios_decimals():
    params = params_of()
    assert (params.base_symbol, params.base_decimals, params.base_borrow_min) == ("USDC", 6, 100_000_000)
    assert params.store_front_price_factor == 5 * 10**17
    listed = {
        a.symbol: (a.decimals, a.liquidate_collateral_factor, a.liquidation_factor) for a in params.assets
    }
    assert listed == {
        "ETH": (9, 895 * 10**15, 95 * 10**16),
        "BTC": (8, 77 * 10**16, 95 * 10**16),
        "LINK": (9, 85 * 10**16, 93 * 10**16),
        "AAVE": (9, 70 * 10**16, 93 * 10**16),
    }
    assert terms(CometConfig(kind="comet"), load_scenario("may-2021")).debt == "USDC"


@pytest.mark.parametrize("market", MARKETS)
def test_every_deployment_that_lends_dollars_takes_the_packaged_collateral(market):
    params = params_of(market=market)
    assert [asset.symbol for asset in params.assets] == ["ETH", "BTC", "LINK", "AAVE"]
    assert all(0 < asset.liquidate_collateral_factor < 10**18 for asset in params.assets)


def test_a_deployment_lends_its_own_dollar_where_there_is_one_and_else_the_quote():
    assert params_of(market="mainnet/usdt").base_symbol == "USDT"
    assert params_of("quickstart", market="mainnet/usdt").base_symbol == "USDC"
    assert params_of(base="DAI").base_symbol == "DAI"


def test_changes_keep_the_digits_they_are_written_with():
    params = params_of(
        store_front_price_factor=0.6,
        borrow_curve={"kink": 0.9, "base": 0.02},
        collateral={"ETH": {"liquidate_collateral_factor": 0.8953}},
    )
    assert params.store_front_price_factor == 6 * 10**17
    assert (params.borrow_curve.kink, params.borrow_curve.base) == (9 * 10**17, 2 * 10**16)
    assert params.borrow_curve.slope_low == 35 * 10**15
    assert params.assets[0].liquidate_collateral_factor == 8953 * 10**14
    assert params.assets[0].borrow_collateral_factor == 825 * 10**15


REFUSED = [
    ({"market": "mainnet/weth"}, r"protocol.market = 'mainnet/weth'; allowed: .*mainnet/usdc"),
    ({"base": "ETH"}, r"protocol.base = 'ETH'; allowed: USDC, USDT, DAI"),
    ({"collateral": {"USDC": {}}}, r"protocol.collateral.USDC .* allowed: ETH, BTC, LINK, AAVE"),
    (
        {"collateral": {"ETH": {"borrow_collateral_factor": 0.9}}},
        r"protocol: Comet: ETH.borrow_collateral_factor = .*BorrowCFTooLarge.*protocol.unsafe = true",
    ),
    (
        {"collateral": {"ETH": {"liquidation_factor": 0.89}}},
        r"Comet: ETH.liquidation_factor = 0.89 is toxic, .* at least the liquidate factor 0.895 .*= true",
    ),
    ({"store_front_price_factor": 1.1}, r"store_front_price_factor = .* at most 1e18 \(BadDiscount\)"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_what_the_contract_refuses_is_refused_with_its_rule(changes, words):
    with pytest.raises(ScenarioError, match=words) as refusal:
        params_of(**changes)
    assert "\n" not in str(refusal.value)


def test_what_only_the_contract_forbids_runs_if_meant():
    toxic = params_of(unsafe=True, collateral={"ETH": {"liquidation_factor": 0.5}})
    assert toxic.assets[0].liquidation_factor == 5 * 10**17
    assert params_of(unsafe=True, store_front_price_factor=1.1).store_front_price_factor == 11 * 10**17
    unsafe = ("protocol.unsafe=true", "protocol.store_front_price_factor=2.0")
    result = run("quickstart", 7, overrides=(*CRASH, *unsafe))
    assert result.summary["liquidations"] > 0
    assert result.summary["conservation_error_usd"] == 0.0


def test_an_asset_no_comet_lists_needs_all_three_factors():
    scenario = load_scenario("quickstart")
    unheard = scenario.assets[1].model_copy(update={"symbol": "XYZ"})
    scenario = scenario.model_copy(update={"assets": (scenario.assets[0], unheard, scenario.assets[2])})
    assert [a.symbol for a in build_params(CometConfig(kind="comet"), scenario).assets] == ["ETH"]
    some = {"liquidate_collateral_factor": 0.7, "borrow_collateral_factor": 0.6}
    with pytest.raises(ScenarioError, match=r"protocol.collateral.XYZ.liquidation_factor is missing"):
        build_params(CometConfig.model_validate({"kind": "comet", "collateral": {"XYZ": some}}), scenario)
    factors = some | {"liquidation_factor": 0.9}
    config = CometConfig.model_validate({"kind": "comet", "collateral": {"XYZ": factors}})
    assert build_params(config, scenario).assets[1].liquidation_factor == 9 * 10**17
