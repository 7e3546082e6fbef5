"""Liquity v1 against the numeric cases, its modes, and what it refuses."""

from __future__ import annotations

import copy

import pytest
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.liquity import (
    LiquityParameters,
    LiquitySystem,
    StabilityPool,
    adjust_trove,
    batch_liquidate,
    close_trove,
    liquidate,
    liquidate_troves,
    open_trove,
    withdraw_deposit,
)

WAD = 10**18


def system_of(*troves: tuple[float, int], pool: int = 0) -> LiquitySystem:
    """Troves 0, 1, ... of (collateral, debt) in whole units, and one depositor."""
    system = LiquitySystem()
    for trove_id, (collateral, debt) in enumerate(troves):
        system.add_trove(trove_id, debt * WAD, round(collateral * 10**6) * 10**12)
    if pool:
        system.pool.provide(99, pool * WAD)
    return system


def test_l16_full_offset() -> None:
    system = system_of((10, 17_000), (1000, 100_000), pool=20_000)
    price = 1850 * WAD
    assert system.ratio(0, price) / WAD == pytest.approx(1.088235294, rel=1e-8)
    batch = liquidate(system, 0, price)
    trove = batch.troves[0]
    assert trove.gas_compensation == 5 * WAD // 100
    assert trove.collateral_to_pool == 995 * WAD // 100
    gain_usd = trove.collateral_to_pool * 1850 / WAD - 17_000
    assert gain_usd == pytest.approx(1407.5, rel=1e-8)
    assert gain_usd / 17_000 == pytest.approx(0.08279411765, rel=1e-8)
    assert system.pool.collateral_gain(99) == pytest.approx(trove.collateral_to_pool, abs=20_000)
    assert system.pool.compounded(99) == pytest.approx(3_000 * WAD, abs=20_000)
    assert batch.gas_compensation_deposit == 200 * WAD


def test_l17_partial_offset_then_redistribution() -> None:
    system = system_of((10, 17_000), (1000, 100_000), pool=6800)
    trove = liquidate(system, 0, 1850 * WAD).troves[0]
    assert (trove.debt_offset, trove.debt_redistributed) == (6800 * WAD, 10_200 * WAD)
    assert trove.collateral_to_pool == 398 * WAD // 100
    assert trove.collateral_redistributed == 597 * WAD // 100
    debt, collateral = system.pending(system.troves[1])
    assert debt == pytest.approx(10_200 * WAD, rel=1e-15)
    assert collateral == pytest.approx(597 * WAD // 100, rel=1e-15)


def test_l20_product_and_sum_accounting() -> None:
    pool = StabilityPool()
    pool.provide(0, 10_000 * WAD)
    pool.provide(1, 5_000 * WAD)
    pool.offset(3_000 * WAD, 2 * WAD)
    pool.provide(2, 3_000 * WAD)
    pool.offset(3_000 * WAD, 19 * WAD // 10)
    assert pool.product / WAD == pytest.approx(0.64, rel=1e-8)
    left = [pool.compounded(depositor) / WAD for depositor in range(3)]
    gains = [pool.collateral_gain(depositor) / WAD for depositor in range(3)]
    assert left == pytest.approx([6400, 3200, 2400], rel=1e-8)
    assert gains == pytest.approx([2.346666667, 1.173333333, 0.38], rel=1e-8)


def test_e10_the_pool_of_may_2021_bought_at_a_discount() -> None:
    """19 May 2021: 93.5 M LUSD against 48,668 ETH, 121 troves in normal and 189 in recovery mode."""
    lusd, ether, price = 93_500_000, 48_668, 2100 * WAD
    part = (ether / 0.995 / 310, lusd / 310)
    system = LiquitySystem()
    for trove_id in range(310):
        system.add_trove(trove_id, round(part[1] * 10**6) * 10**12, round(part[0] * 10**6) * 10**12)
    system.add_trove(310, 10**9 * WAD, 155 * 10**9 * WAD // 210_000)
    system.pool.provide(99, 100_000_000 * WAD)
    assert not system.is_recovery_mode(price)
    closed = batch_liquidate(system, range(121), price).troves
    assert system.is_recovery_mode(2000 * WAD)
    closed += batch_liquidate(system, range(121, 310), 2000 * WAD).troves
    assert len(closed) == 310
    paid = 100_000_000 - system.pool.compounded(99) / WAD
    gained = system.pool.collateral_gain(99) / WAD
    assert (paid, gained) == (pytest.approx(lusd, rel=1e-8), pytest.approx(ether, rel=1e-8))
    assert paid / gained == pytest.approx(1921.180242, rel=1e-8)
    assert gained * 2100 / paid - 1 == pytest.approx(0.09307807487, rel=1e-7)


def test_normal_mode_opens_only_troves_below_110_per_cent() -> None:
    system = system_of((11, 10_000), (1000, 100_000), pool=50_000)
    price = 1000 * WAD
    assert not system.is_recovery_mode(price)
    before = copy.deepcopy(system)
    with pytest.raises(Revert, match="nothing to liquidate"):
        liquidate(system, 0, price)
    assert system == before
    assert liquidate(system, 0, price - 1).troves[0].debt_offset == 10_000 * WAD


def test_recovery_mode_starts_strictly_below_150_per_cent() -> None:
    system = system_of((15, 10_000))
    assert not system.is_recovery_mode(1000 * WAD)
    assert system.is_recovery_mode(1000 * WAD - 1)


@pytest.mark.parametrize(
    ("collateral", "offset", "surplus"),
    [(9.9, 0, 0), (10.0, 0, 0), (10.5, 10_000, 0), (11.0, 10_000, 0), (13.0, 10_000, 2)],
)
def test_recovery_mode_bands(collateral: float, offset: int, surplus: int) -> None:
    # MODEL 1.5: redistribute only up to 100 %, offset up to 110 %, capped claim up to the total.
    system = system_of((collateral, 10_000), (145, 100_000), pool=50_000)
    trove = liquidate(system, 0, 1000 * WAD).troves[0]
    assert trove.debt_offset == offset * WAD
    assert trove.debt_redistributed == (10_000 - offset) * WAD
    assert trove.surplus == system.surplus.get(0, 0) == surplus * WAD


def test_above_110_per_cent_the_pool_must_cover_the_whole_trove() -> None:
    system = system_of((13, 10_000), (145, 100_000), pool=9_999)
    with pytest.raises(Revert, match="nothing to liquidate"):
        liquidate(system, 0, 1000 * WAD)
    system.pool.provide(99, WAD)
    assert liquidate(system, 0, 1000 * WAD).troves[0].capped


def test_a_trove_at_or_above_the_total_ratio_is_not_open() -> None:
    system = system_of((14, 10_000), (140, 100_000), pool=50_000)
    with pytest.raises(Revert, match="nothing to liquidate"):
        liquidate(system, 0, 1000 * WAD)


def test_the_last_trove_is_never_closed() -> None:
    system = system_of((10, 17_000), pool=20_000)
    with pytest.raises(Revert, match="nothing to liquidate"):
        liquidate_troves(system, 10, 1000 * WAD)


def test_a_closed_or_unknown_trove_is_refused_alone_and_skipped_in_a_batch() -> None:
    system = system_of((10, 17_000), (10, 17_000), (1000, 100_000), pool=50_000)
    price = 1850 * WAD
    batch = batch_liquidate(system, [0, 0, 77, 1], price)
    assert [trove.trove_id for trove in batch.troves] == [0, 1]
    for trove_id in (0, 77):
        with pytest.raises(Revert, match="does not exist or is closed"):
            liquidate(system, trove_id, price)
    with pytest.raises(Revert, match="must not be empty"):
        batch_liquidate(system, [], price)


def test_the_outcome_of_a_batch_depends_on_its_order() -> None:
    # The pool covers one trove; whoever comes second is redistributed (MODEL 1.12).
    outcomes = []
    for order in ([0, 1], [1, 0]):
        system = system_of((10, 17_000), (9.4, 16_500), (1000, 100_000), pool=17_000)
        batch = batch_liquidate(system, order, 1850 * WAD)
        outcomes.append({trove.trove_id: trove.debt_offset // WAD for trove in batch.troves})
        assert sum(outcomes[-1].values()) == 17_000
    assert outcomes == [{0: 17_000, 1: 0}, {1: 16_500, 0: 500}]


def test_leaving_recovery_mode_on_the_way_closes_the_rest_only_below_110_per_cent() -> None:
    # Trove 0 (60 % of all debt) brings the total above 150 %; trove 1 is then out of reach.
    troves = ((66.5, 60_000), (13, 10_000), (55, 30_000))
    system = system_of(*troves, pool=90_000)
    assert system.is_recovery_mode(1000 * WAD)
    assert [t.trove_id for t in batch_liquidate(system, [0, 1], 1000 * WAD).troves] == [0]
    reversed_order = system_of(*troves, pool=90_000)
    batch = batch_liquidate(reversed_order, [1, 0], 1000 * WAD)
    assert [t.trove_id for t in batch.troves] == [1, 0]


def test_a_pool_used_up_starts_a_new_epoch_and_owes_old_depositors_only_collateral() -> None:
    pool = StabilityPool()
    pool.provide(1, 100 * WAD)
    pool.offset(100 * WAD, WAD)
    assert (pool.epoch, pool.product, pool.compounded(1)) == (1, WAD, 0)
    pool.provide(2, 50 * WAD)
    pool.offset(25 * WAD, WAD)
    assert pool.collateral_gain(1) == WAD
    assert pool.collateral_gain(2) == WAD
    assert pool.withdraw(1, 10) == (0, WAD)
    with pytest.raises(Revert, match="User must have a non-zero deposit"):
        pool.withdraw(1, 10)


def test_a_nearly_used_up_pool_changes_scale_and_forgets_nobody_before_the_next() -> None:
    pool = StabilityPool()
    pool.provide(1, 10**10 * WAD)
    pool.offset(10**10 * WAD - WAD // 10, WAD)
    assert pool.scale == 1
    assert pool.compounded(1) == pytest.approx(0, abs=WAD // 10)
    assert pool.collateral_gain(1) == pytest.approx(WAD, rel=1e-6)


@pytest.mark.parametrize(("left", "scale", "product"), [(10**9, 0, 10**9), (10**9 - 1, 1, WAD - 10**9)])
def test_the_product_is_scaled_up_only_below_1e9(left: int, scale: int, product: int) -> None:
    pool = StabilityPool()
    pool.provide(1, WAD)
    # The loss per unit is rounded up by one, so one wei more stays in the pool.
    pool.offset(WAD - left - 1, 0)
    assert (pool.scale, pool.product) == (scale, product)


def test_deposits_stay_while_a_liquidation_is_due() -> None:
    system = system_of((10, 17_000), (1000, 100_000), pool=20_000)
    with pytest.raises(Revert, match="Cannot withdraw while there are troves with ICR < MCR"):
        withdraw_deposit(system, 99, WAD, 1850 * WAD)
    assert withdraw_deposit(system, 99, 0, 1850 * WAD) == (0, 0)
    assert withdraw_deposit(system, 99, WAD, 1900 * WAD) == (WAD, 0)


def test_borrowers_keep_their_own_and_the_system_s_ratio() -> None:
    system, price = LiquitySystem(), 1000 * WAD
    with pytest.raises(Revert, match="net debt must be greater than minimum"):
        open_trove(system, 0, 1799 * WAD, 100 * WAD, price)
    open_trove(system, 0, 9800 * WAD, 16 * WAD, price)
    assert system.troves[0].debt == 10_000 * WAD
    with pytest.raises(Revert, match="TCR < CCR"):
        open_trove(system, 1, 9800 * WAD, 12 * WAD, price)
    with pytest.raises(Revert, match="ICR < MCR"):
        open_trove(system, 1, 9800 * WAD, 109 * WAD // 10, price)
    with pytest.raises(Revert, match="TCR < CCR"):
        adjust_trove(system, 0, 1000 * WAD, 0, price)
    open_trove(system, 1, 9800 * WAD, 40 * WAD, price)
    adjust_trove(system, 0, 1000 * WAD, 0, price)
    assert system.lowest_first == [0, 1]
    adjust_trove(system, 0, -7000 * WAD, 30 * WAD, price)
    assert system.lowest_first == [1, 0]
    assert close_trove(system, 0, price) == (3800 * WAD, 46 * WAD)
    assert (system.debt, system.collateral) == (10_000 * WAD, 40 * WAD)
    with pytest.raises(Revert, match="Only one trove"):
        close_trove(system, 1, price)


def test_recovery_mode_lets_borrowers_only_improve() -> None:
    system, price = system_of((145, 100_000), (160, 100_000)), 900 * WAD
    for debt, collateral, reason in (
        (0, -WAD, "Collateral withdrawal not permitted"),
        (WAD, 0, "ICR >= CCR"),
        (WAD, 200 * WAD, None),
        (-WAD, 0, None),
    ):
        if reason is None:
            adjust_trove(system, 0, debt, collateral, price)
            system = system_of((145, 100_000), (160, 100_000))
        else:
            with pytest.raises(Revert, match=reason):
                adjust_trove(system, 0, debt, collateral, price)
    with pytest.raises(Revert, match="ICR >= CCR"):
        open_trove(system, 2, 9800 * WAD, 16 * WAD, price)
    with pytest.raises(Revert, match="not permitted during Recovery Mode"):
        close_trove(system, 0, price)


def test_terms_other_than_the_contract_s_need_to_be_called_unsafe() -> None:
    with pytest.raises(ValueError, match="Liquity v1: minimum_ratio is fixed at"):
        LiquityParameters(minimum_ratio=105 * WAD // 100)
    assert LiquityParameters(minimum_ratio=105 * WAD // 100, unsafe=True).critical_ratio == 15 * WAD // 10
    with pytest.raises(ValueError, match="must be positive"):
        LiquityParameters(gas_compensation_divisor=0, unsafe=True)
