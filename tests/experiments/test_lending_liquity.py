"""Liquity in a world: liquidations in a crash, who pays for them, and the settings behind them."""

from __future__ import annotations

import pytest
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.scenarios.loading import validate
from liquidarium.experiments.world.lending.kinds import lending_kinds
from liquidarium.experiments.world.recorder import LIQUIDATION_COLUMNS

CRASH = ("clock.start=2021-05-19T12:50:00Z", "clock.duration_s=900")
KINDS = ("liquity", "liquity-v2")
DEPOSITORS = {"kind": "stability-depositor", "name": "depositors", "count": 2, "capital_usd": 1e6}
REDEEMER = {"kind": "redeemer", "name": "redeemer", "capital_usd": 5e6}


def crash(kind, *overrides, **sections):
    data = load_scenario("quickstart", CRASH).model_dump(exclude_none=True)
    data["protocol"] = {"kind": kind}
    data = validate(data | sections).model_dump(exclude_none=True)
    return load_scenario(validate(data), overrides)


@pytest.fixture(scope="module", params=KINDS)
def ran(request):
    return run(crash(request.param), 7)


def test_a_crash_liquidates_and_conserves_to_the_last_unit(ran):
    assert ran.summary["liquidations"] > 0
    assert ran.summary["debt_repaid_usd"] > 0
    assert ran.summary["conservation_error_usd"] == 0.0


def test_only_the_unsafe_lose_their_whole_debt_and_once(ran):
    rows = ran.tables["liquidations"]
    assert (rows.hf_before < 1.0).all()
    assert (rows.hf_after > 1e6).all(), "no debt is left"
    assert rows.account.is_unique


def test_gains_sum_to_zero_and_depositors_are_those_who_gain(ran):
    gains = ran.tables["welfare"].set_index("group").gain_usd
    assert gains.sum() == pytest.approx(0.0, abs=1.0)
    assert gains["protocol"] == pytest.approx(0.0, abs=1.0), "nobody owes the protocol, it owes nobody"
    assert gains["outside"] == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_leaves_the_same_bytes(kind):
    hashes = {run(crash(kind), 3).summary["content_hash"] for _ in range(2)}
    assert len(hashes) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_without_deposits_the_other_troves_take_everything(kind):
    eager = ('chain.gas={kind="constant", price_gwei=10}', "agents.fast-bots.parameters={min_profit_usd=5.0}")
    model = LiquidationMarket(crash(kind, "protocol.stability_pool=0.0", *eager), seed=7)
    model.run()
    pool = model.credit[0].pool
    assert len(model.recorder.liquidations) > 0
    assert all(system.pool.collateral == 0 for system in pool.systems.values())
    assert sum(system.debt_per_stake for system in pool.systems.values()) > 0
    assert model.conservation.error_usd(model.oracle_prices) == 0.0


def test_version_2_pays_too_little_for_a_kick_when_nobody_has_deposited_and_gas_is_dear():
    """MODEL 1.5: the half per cent comes out of what the pool offsets, so 0.0375 ETH is all there is."""
    dear = 'chain.gas={kind="constant", price_gwei=1000}'
    result = run(crash("liquity-v2", "protocol.stability_pool=0.0", dear), 7)
    assert result.summary["liquidations"] == 0


def test_recovery_mode_at_the_start_is_reported_and_conserves():
    """MODEL 1.5: below a total ratio of 150 % troves below it are open."""
    borrowers = {"law": "may-2021", "count": 200, "total_debt_usd": 50e6}
    unsafe = ("protocol.critical_ratio=3.0", "protocol.unsafe=true")
    model = LiquidationMarket(crash("liquity", *unsafe, borrowers=borrowers), seed=7)
    pool = model.credit[0].pool
    assert all(status.restricted for status in pool.statuses(0))
    assert len(model.credit[0].watch.awake) > 0
    model.run()
    closed = [row[LIQUIDATION_COLUMNS.index("account")] for row in model.recorder.liquidations]
    assert pool.positions.collateral[closed].sum() > 0, "capped at 110 %, the rest is the owner's"
    assert model.conservation.error_usd(model.oracle_prices) == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_depositors_hold_the_pool_from_the_start_and_leave_in_stress(kind):
    anxious = DEPOSITORS | {"parameters": {"leave_below": 5.0, "return_above": 6.0}}
    base = load_scenario("quickstart").model_dump(exclude_none=True)["agents"]
    model = LiquidationMarket(crash(kind, agents=[*base, anxious]), seed=7)
    pool = model.credit[0].pool
    before = [system.pool.deposited for system in pool.systems.values()]
    agents = [agent for agent in model.world.deciders if agent.role == "depositor"]
    assert [pool.deposit_of(asset, pool.depositors) for asset in pool.systems] == [(0, 0)] * len(before)
    for asset, system in pool.systems.items():
        assert sum(pool.deposit_of(asset, a.account)[0] for a in agents) == system.pool.deposited
    model.run()
    assert sum(system.pool.deposited for system in pool.systems.values()) < 0.9 * sum(before)
    assert model.conservation.error_usd(model.oracle_prices) == 0.0


def test_redeemers_take_collateral_while_the_oracle_is_late():
    base = load_scenario("quickstart").model_dump(exclude_none=True)["agents"]
    late = {"source": "reference", "deviation": 0.5, "heartbeat_s": 1e6}
    scenario = crash("liquity", "clock.start=2021-05-19T13:10:00Z", agents=[*base, REDEEMER], oracle=late)
    result = run(scenario, 7)
    bids = result.tables["bids"]
    done = bids[(bids.kind == "redemption") & bids.executed]
    assert len(done) > 0
    assert result.summary["conservation_error_usd"] == 0.0
    gains = result.tables["welfare"].set_index("group").gain_usd
    assert gains["redeemers"] > 0.0


def test_a_redemption_that_has_come_too_late_reverts():
    """A rival has raised the fee, or the market has fallen, between decision and execution."""
    late = ("oracle.deviation=0.03", "clock.start=2021-05-19T13:10:00Z", "clock.duration_s=1800")
    rivals = "agents.rivals={kind='redeemer', count=3, capital_usd=5e6, latency_ms=5000}"
    result = run("quickstart", 7, overrides=("protocol.kind=liquity", *late, rivals))
    bids = result.bids[result.bids.kind == "redemption"]
    assert bids.executed.any()
    assert set(bids.reason[~bids.executed]) == {"collateral redeemed is worth less than was paid for it"}
    assert result.summary["conservation_error_usd"] == 0.0


def test_liquity_shares_a_world_with_another_protocol():
    data = load_scenario("quickstart", CRASH).model_dump(exclude_none=True)
    del data["protocol"]
    data["protocols"] = [{"kind": "aave-v2"}, {"kind": "liquity"}, {"kind": "liquity-v2"}]
    result = run(validate(data), 7)
    assert set(result.tables["liquidations"].protocol) == {"aave-v2", "liquity", "liquity-v2"}
    assert result.summary["conservation_error_usd"] == 0.0


# settings


def terms_of(kind, *overrides, name="may-2021"):
    scenario = load_scenario(name, (f"protocol.kind={kind}", *overrides))
    return lending_kinds()[kind].terms(scenario.protocol, scenario)


def test_thresholds_are_one_over_the_minimum_ratio_and_dai_is_minted_where_it_exists():
    """MODEL 1.5: 110 % everywhere on v1; 110 % for WETH and 120 % for the others on v2."""
    first, second = terms_of("liquity"), terms_of("liquity-v2")
    assert set(first.thresholds) == set(second.thresholds) == {"ETH", "BTC", "LINK", "AAVE"}
    assert first.thresholds["LINK"] == pytest.approx(1 / 1.1)
    assert second.thresholds["ETH"] == pytest.approx(1 / 1.1)
    assert second.thresholds["BTC"] == pytest.approx(1 / 1.2)
    assert first.single_collateral
    assert second.single_collateral
    assert (first.debt, second.debt) == ("DAI", "DAI")
    assert terms_of("liquity", "protocol.debt=USDT").debt == "USDT"
    assert terms_of("liquity", name="quickstart").debt == "USDC"


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("liquity", "protocol.minimum_ratio=1.2", "Liquity v1: minimum_ratio is fixed"),
        ("liquity", "protocol.gas_compensation=50.0", "set protocol.unsafe = true"),
        ("liquity", "protocol.debt=ETH", "no stable asset; allowed: USDC, USDT, DAI"),
        ("liquity-v2", "protocol.branches={ETH={pool_penalty=0.01}}", "SPPenaltyTooLow"),
        ("liquity-v2", "protocol.branches={ETH={redistribution_penalty=0.5}}", "RedistPenaltyTooHigh"),
        ("liquity-v2", "protocol.branches={ETH={critical_ratio=2.5}}", "InvalidCCR"),
        ("liquity-v2", "protocol.branches={USDC={}}", "no collateral here"),
    ],
)
def test_terms_that_the_contract_refuses_are_refused_by_name(kind, change, message):
    with pytest.raises(ScenarioError, match=message) as error:
        terms_of(kind, change)
    assert "\n" not in str(error.value)


def test_unsafe_terms_run_if_one_insists():
    assert terms_of("liquity", "protocol.minimum_ratio=1.2", "protocol.unsafe=true").thresholds[
        "ETH"
    ] == pytest.approx(1 / 1.2)


def test_version_2_needs_ether_to_pay_liquidators():
    data = load_scenario("quickstart", ("protocol.kind=liquity-v2",)).model_dump(exclude_none=True)
    data["assets"] = [asset for asset in data["assets"] if asset["symbol"] != "ETH"]
    scenario = validate(data)
    with pytest.raises(ScenarioError, match="pays liquidators in ETH"):
        lending_kinds()["liquity-v2"].terms(scenario.protocol, scenario)
