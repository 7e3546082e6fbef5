"""A branch of Liquity v2 (BOLD) against the numeric cases, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.liquity import (
    BRANCH_PRESETS,
    BranchParameters,
    LiquitySystem,
    is_shut_down,
    liquidate_branch,
    split_liquidation,
    urgent_redemption,
)

WAD = 10**18
WETH = BRANCH_PRESETS["WETH"]
PRICE = 1850 * WAD


def branch_of(pool: int) -> LiquitySystem:
    system = LiquitySystem()
    system.add_trove(0, 17_000 * WAD, 10 * WAD)
    system.add_trove(1, 100_000 * WAD, 1000 * WAD)
    # One BOLD always stays in the pool.
    system.pool.provide(99, (pool + 1) * WAD)
    return system


def test_l18_full_offset_caps_the_penalty_and_returns_the_surplus() -> None:
    batch = liquidate_branch(branch_of(20_000), WETH, [0], PRICE)
    trove = batch.troves[0]
    assert trove.collateral_to_pool / WAD == pytest.approx(9.648648649, rel=1e-8)
    assert trove.gas_compensation == 5 * WAD // 100
    assert trove.surplus / WAD == pytest.approx(0.3013513514, rel=1e-8)
    assert batch.gas_compensation_deposit == 375 * WAD // 10_000


def test_l19_mixed_offset_and_redistribution() -> None:
    trove = liquidate_branch(branch_of(6800), WETH, [0], PRICE).troves[0]
    assert (trove.debt_offset, trove.debt_redistributed) == (6800 * WAD, 10_200 * WAD)
    assert trove.collateral_to_pool / WAD == pytest.approx(3.859459459, rel=1e-8)
    assert trove.gas_compensation == 2 * WAD // 100
    assert trove.collateral_redistributed / WAD == pytest.approx(6.064864865, rel=1e-8)
    assert trove.surplus / WAD == pytest.approx(0.05567567568, rel=1e-8)


def test_the_books_keep_what_a_liquidation_did_not_take() -> None:
    system = branch_of(6800)
    trove = liquidate_branch(system, WETH, [0], PRICE).troves[0]
    assert system.debt == (117_000 - 6800) * WAD
    assert system.collateral == 1010 * WAD - (
        trove.gas_compensation + trove.collateral_to_pool + trove.surplus
    )
    assert system.surplus == {0: trove.surplus}
    assert system.pool.deposited == WAD


def test_the_liquidator_s_share_is_capped() -> None:
    trove = split_liquidation(0, 10**6 * WAD, 1000 * WAD, in_pool=10**6 * WAD, price=1050 * WAD, branch=WETH)
    assert trove.gas_compensation == 2 * WAD


def test_refusals() -> None:
    system = branch_of(20_000)
    with pytest.raises(Revert, match="EmptyData"):
        liquidate_branch(system, WETH, [], PRICE)
    with pytest.raises(Revert, match="NothingToLiquidate"):
        liquidate_branch(system, WETH, [1, 5], PRICE)
    with pytest.raises(Revert, match="OnlyOneTroveLeft"):
        liquidate_branch(system, WETH, [0, 1], WAD)
    assert sorted(system.troves) == [0, 1]


def test_a_branch_shuts_down_below_its_ratio_and_then_redeems_at_a_bonus() -> None:
    system = branch_of(0)
    assert not is_shut_down(system, WETH, 128 * WAD)
    assert is_shut_down(system, WETH, 127 * WAD)
    whole = urgent_redemption(17_000 * WAD, 10 * WAD, 1850 * WAD, PRICE, WETH)
    assert (whole.debt, whole.collateral) == (1850 * WAD, 102 * WAD // 100)
    under_water = urgent_redemption(17_000 * WAD, 10 * WAD, 17_000 * WAD, 1000 * WAD, WETH)
    assert under_water.collateral == 10 * WAD
    assert under_water.debt / WAD == pytest.approx(10_000 / 1.02, rel=1e-8)


@given(
    st.integers(2000 * WAD, 10**7 * WAD),
    st.integers(1, 10**5 * WAD),
    st.integers(0, 10**7 * WAD),
    st.integers(WAD, 10**4 * WAD),
    st.sampled_from(sorted(BRANCH_PRESETS)),
)
def test_the_parts_of_a_liquidation_add_up_and_no_penalty_exceeds_its_cap(
    debt: int, collateral: int, in_pool: int, price: int, name: str
) -> None:
    branch = BRANCH_PRESETS[name]
    trove = split_liquidation(0, debt, collateral, in_pool=in_pool, price=price, branch=branch)
    parts = (
        trove.gas_compensation,
        trove.collateral_to_pool,
        trove.collateral_redistributed,
        trove.surplus,
    )
    assert min(parts) >= 0
    assert sum(parts) == collateral
    assert trove.debt_offset + trove.debt_redistributed == debt
    assert trove.collateral_to_pool * price <= trove.debt_offset * (WAD + branch.pool_penalty)
    assert trove.collateral_redistributed * price <= trove.debt_redistributed * (
        WAD + branch.redistribution_penalty
    )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"minimum_ratio": WAD}, "InvalidMCR"),
        ({"critical_ratio": 2 * WAD}, "InvalidCCR"),
        ({"shutdown_ratio": 0}, "InvalidSCR"),
        ({"pool_penalty": WAD // 100}, "SPPenaltyTooLow"),
        ({"pool_penalty": 15 * WAD // 100}, "SPPenaltyGtRedist"),
        ({"redistribution_penalty": WAD // 2}, "RedistPenaltyTooHigh"),
    ],
)
def test_terms_the_contract_refuses_need_to_be_called_unsafe(change: dict[str, int], rule: str) -> None:
    terms = {
        "minimum_ratio": 11 * WAD // 10,
        "critical_ratio": 15 * WAD // 10,
        "shutdown_ratio": 11 * WAD // 10,
        "redistribution_penalty": WAD // 10,
    } | change
    with pytest.raises(ValueError, match=f"Liquity v2.*{rule}"):
        BranchParameters(**terms)
    assert BranchParameters(**terms, unsafe=True).unsafe
