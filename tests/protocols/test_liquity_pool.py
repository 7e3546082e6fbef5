"""A Liquity pool moves the ledger by what its rules say, to the last unit, or not at all."""

from __future__ import annotations

import dataclasses
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import OUTSIDE, Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, WAD
from liquidarium.protocols.lending.liquity import (
    BRANCH_PRESETS,
    LiquityParameters,
    LiquitySystem,
    liquidate,
    liquidate_branch,
)
from liquidarium.protocols.lending.liquity.crowd import times_wad
from liquidarium.protocols.lending.liquity.pool import LiquityPool
from liquidarium.protocols.lending.liquity.pool_v1 import LiquityV1Pool
from liquidarium.protocols.lending.liquity.pool_v2 import LiquityV2Pool
from liquidarium.protocols.lending.liquity.redemption import decay
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC = range(3)
ASSETS = (Asset("ETH", 9), Asset("BTC", 8), Asset("USDC", 6))
UNIT = [asset.unit for asset in ASSETS]
SAFE, MIDDLE, RISKY, BITCOIN, SAFE_BITCOIN, DEBTLESS, TINY = range(7)
CROWD = (
    # collateral asset, tokens, debt in USDC
    (ETH, 40.0, 20_000.0),
    (ETH, 10.0, 12_000.0),
    (ETH, 10.0, 17_000.0),
    (BTC, 0.5, 16_000.0),
    (BTC, 1.0, 15_000.0),
    (ETH, 3.0, 0.0),
    (ETH, 0.1, 150.0),
)
CALM = [2000 * 10**8, 40_000 * 10**8, 10**8]
FALLEN = [1850 * 10**8, 40_000 * 10**8, 10**8]
VERSIONS = (1, 2)


def make_pool(version: int, crowd=CROWD, stability_pool: float = 0.9, prices=CALM) -> LiquityPool:
    ledger = Ledger(ASSETS)
    pool: LiquityPool
    if version == 1:
        terms = {ETH: LiquityParameters(), BTC: LiquityParameters()}
        pool = LiquityV1Pool(ledger, terms, USDC, len(crowd), 0, stability_pool)
    else:
        branches = {ETH: BRANCH_PRESETS["WETH"], BTC: BRANCH_PRESETS["wstETH"]}
        pool = LiquityV2Pool(ledger, branches, USDC, ETH, len(crowd), 0, stability_pool)
    collateral, debt = np.zeros((len(crowd), 3), np.int64), np.zeros((len(crowd), 3), np.int64)
    for row, (asset, tokens, owed) in enumerate(crowd):
        collateral[row, asset] = ASSETS[asset].to_units(tokens)
        debt[row, USDC] = ASSETS[USDC].to_units(owed)
    pool.endow(collateral, debt)
    pool.set_prices(prices)
    return pool


def customer(pool: LiquityPool, usd: int = 100_000) -> int:
    account = pool.ledger.open_account("customer")
    pool.ledger.endow(USDC, account, usd * UNIT[USDC])
    pool.ledger.endow(ETH, account, 100 * UNIT[ETH])
    return account


def bare(pool: LiquityPool, asset: int) -> LiquitySystem:
    """Return the same system in the plain books that the contract's records are compared with."""
    system, plain = pool.systems[asset], LiquitySystem(pool.systems[asset].parameters)
    for row in system.troves:
        debt, collateral = system.debt_and_collateral(system.troves[row])
        plain.add_trove(row, debt, collateral)
    plain.pool = deepcopy(system.pool)
    return plain


def state_of(pool: LiquityPool):
    """Everything that a call may change."""
    crowd = pool.crowd
    arrays = [
        array.copy()
        for array in (
            pool.positions.amounts, crowd.system_of, crowd.stakes, crowd.pending, crowd.marks,
            crowd.set_aside, pool.ledger.balances, pool.ledger.volumes,
        )
    ]  # fmt: skip
    books = [
        [getattr(system, f.name) for f in dataclasses.fields(LiquitySystem) if f.name != "troves"]
        + [system.unowned_debt, system.unowned_collateral, system.roundings, len(system.troves)]
        for system in pool.systems.values()
    ]
    others = (pool.minted, pool.burnt, pool._gas_held, list(pool._parked), list(pool._fees))
    rates = dict(getattr(pool, "base_rates", {})), set(getattr(pool, "shut_down", ()))
    return arrays, deepcopy(books), others, rates


def same(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one[0], other[0], strict=True)) and one[1:] == other[1:]


def proves_itself(pool: LiquityPool) -> bool:
    return not pool.residual_touched().any() and not pool.residual().any()


@pytest.mark.parametrize("version", VERSIONS)
def test_opened_pool_agrees_with_the_ledger_and_deposits_are_the_share_asked_for(version):
    pool = make_pool(version, stability_pool=0.5)
    assert proves_itself(pool)
    assert not pool.ledger.imbalance().any()
    for system in pool.systems.values():
        assert system.pool.deposited == system.debt // 2
    assert pool.minted == int(pool.positions.debt.sum())
    assert pool.health_factor(DEBTLESS, 0) == MAX_UINT256


def test_gas_compensation_is_part_of_the_debt_on_v1_and_ether_beside_it_on_v2():
    """MODEL 1.5: 200 LUSD of every trove's debt; 0.0375 ETH. A debt below that sets all of it aside."""
    first, second = make_pool(1), make_pool(2)
    assert first.crowd.set_aside[[SAFE, TINY, DEBTLESS]].tolist() == [200 * UNIT[USDC], 150 * UNIT[USDC], 0]
    assert second.crowd.set_aside[[SAFE, TINY, DEBTLESS]].tolist() == [37_500_000, 37_500_000, 0]
    assert first.ledger.volumes[Reason.MINT, USDC] == 5 * 200 * UNIT[USDC] + 150 * UNIT[USDC]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((ETH, 1.0, 0.0, BTC), "more than one collateral"),
        ((USDC, 5.0, 0.0, USDC), "USDC is no collateral"),
    ],
)
def test_accounts_that_no_system_takes_are_refused(row, message):
    pool = LiquityV1Pool(Ledger(ASSETS), {ETH: LiquityParameters(), BTC: LiquityParameters()}, USDC, 1, 0)
    pool.positions.collateral[0, row[0]] = pool.positions.collateral[0, row[3]] = 10**6
    with pytest.raises(ValueError, match=message):
        pool.open()


# the rule and nothing but the rule


def test_kick_is_the_contract_s_rule_and_moves_what_it_says():
    """CASES L16, in base units: 10 ETH against 17000 at 1850, all of it offset."""
    pool = make_pool(1, prices=FALLEN)
    kicker, plain = customer(pool), bare(pool, ETH)
    batch = liquidate(plain, RISKY, pool.prices[ETH])
    before = pool.ledger.balances.copy()
    result = pool.kick(RISKY, kicker, 0)
    moved = pool.ledger.balances - before
    trove = batch.troves[0]
    assert trove.gas_compensation == int(0.05 * UNIT[ETH])
    assert trove.collateral_to_pool == int(9.95 * UNIT[ETH])
    assert moved[kicker].tolist() == [trove.gas_compensation, 0, 200 * UNIT[USDC]]
    assert moved[OUTSIDE].tolist() == [0, 0, 17_000 * UNIT[USDC]]
    assert result.reward == ((ETH, trove.gas_compensation), (USDC, 200 * UNIT[USDC]))
    assert result.debt == ((USDC, 17_000 * UNIT[USDC]),)
    assert result.collateral == ((ETH, 10 * UNIT[ETH]),)
    assert result.health_factor < WAD
    assert pool.systems[ETH].pool == plain.pool
    assert pool.positions.amounts[RISKY].tolist() == [0] * 6
    assert pool.ledger.volumes[Reason.BURN, USDC] == 17_000 * UNIT[USDC]
    assert proves_itself(pool)


def test_kick_on_v2_caps_the_penalty_and_leaves_the_surplus_to_the_owner():
    """CASES L18: coll_to_SP 9.648648649, surplus 0.3013513514."""
    pool = make_pool(2, prices=FALLEN)
    kicker, plain = customer(pool), bare(pool, ETH)
    batch = liquidate_branch(plain, pool.branches[ETH], [RISKY], pool.prices[ETH])
    result = pool.kick(RISKY, kicker, 0)
    surplus = batch.troves[0].surplus
    assert surplus == pytest.approx(0.3013513514 * UNIT[ETH], abs=2)
    assert result.reward == ((ETH, int(0.05 * UNIT[ETH])), (ETH, 37_500_000))
    assert pool.collateral_units(RISKY, ETH, 0) == surplus
    assert pool.systems[ETH].pool == plain.pool
    owner = pool.ledger.open_account("owner")
    assert pool.withdraw(RISKY, ETH, surplus, owner, 0) == surplus
    assert pool.ledger.balance(owner, ETH) == surplus
    assert proves_itself(pool)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_stability_pool_cannot_pay_the_other_troves_take(version):
    pool = make_pool(version, stability_pool=0.1, prices=FALLEN)
    plain, before = bare(pool, ETH), pool.positions.amounts.copy()
    if version == 1:
        liquidate(plain, RISKY, pool.prices[ETH])
    else:
        liquidate_branch(plain, pool.branches[ETH], [RISKY], pool.prices[ETH])
    pool.kick(RISKY, customer(pool), 0)
    for row in (SAFE, MIDDLE, TINY):
        expected = plain.debt_and_collateral(plain.troves[row])
        assert (pool.debt_units(row, USDC, 0), pool.collateral_units(row, ETH, 0)) == expected
        assert (pool.positions.amounts[row] >= before[row]).all()
        assert row in pool.positions.touched, "whoever screens health must look again"
    assert np.array_equal(pool.positions.amounts[BITCOIN], before[BITCOIN]), "another system has no part"
    assert proves_itself(pool)


def test_redistributions_in_a_row_leave_every_trove_what_plain_books_say():
    crowd = tuple((ETH, 10.0 + k / 7.0, 9_000.0 + 731.0 * k) for k in range(20))
    pool = make_pool(1, crowd, stability_pool=0.05)
    plain, kicker = bare(pool, ETH), customer(pool)
    price = 2_000
    while len(pool.systems[ETH].troves) > 4:
        price -= 50
        pool.set_prices([price * 10**8, *CALM[1:]])
        for row in list(pool.systems[ETH].troves):
            if row in pool.systems[ETH].troves and pool.health_factor(row, 0) < WAD:
                liquidate(plain, row, pool.prices[ETH])
                pool.kick(row, kicker, 0)
                if row % 3 == 0:
                    safest = max(plain.troves, key=plain.nominal_ratio)
                    debt, collateral = plain.debt_and_collateral(plain.troves[safest])
                    pool.systems[ETH].change_trove(safest, debt, collateral)
                    plain.change_trove(safest, debt, collateral)
    for row in plain.troves:
        expected = plain.debt_and_collateral(plain.troves[row])
        assert (pool.debt_units(row, USDC, 0), pool.collateral_units(row, ETH, 0)) == expected
        assert pool.systems[ETH].troves[row] == plain.troves[row]
    assert pool.systems[ETH].debt_per_stake == plain.debt_per_stake > 0
    assert proves_itself(pool)


@given(
    st.lists(st.tuples(st.integers(0, 2**58), st.integers(0, 3)), min_size=1, max_size=30),
    st.lists(st.integers(0, 10**24), min_size=4, max_size=4),
)
def test_arrays_multiply_as_exactly_as_integers(stakes, factors):
    amounts = np.array([stake for stake, _ in stakes], np.int64)
    which = np.array([k for _, k in stakes], np.int32)
    wanted = [stake * factors[k] // WAD for stake, k in stakes]
    assume(max(wanted) < 2**62)
    assert times_wad(amounts, factors, which).tolist() == wanted


def test_riskiest_trove_is_the_one_an_exact_sort_finds_even_among_near_ties():
    crowd = (*((ETH, 1e6 + k * 1e-9, 5e8) for k in (3, 1, 2, 0)), (ETH, 1.0, 100.0))
    system = make_pool(1, crowd).systems[ETH]
    assert list(system.from_riskiest()) == [3, 1, 2, 0, 4]
    assert list(system.from_riskiest()) == sorted(
        system.troves, key=lambda row: (system.nominal_ratio(row), row)
    )


# recovery mode


def test_recovery_mode_is_reported_from_the_start_and_opens_troves_up_to_the_total_ratio():
    """MODEL 1.5: below a total ratio of 150 % riskier troves are open, capped at 110 % of their debt."""
    crowd = ((ETH, 10.0, 12_000.0), (ETH, 10.0, 15_000.0), (ETH, 40.0, 62_000.0))
    pool = make_pool(1, crowd, prices=CALM)
    (status, _) = pool.statuses(0)
    assert status.restricted
    assert status.total_ratio == pytest.approx(120_000 / 89_000)
    assert not make_pool(1).statuses(0)[0].restricted
    assert pool.health_factor(1, 0) < WAD, "133 % is below the total ratio of 135 %"
    assert pool.health_factor(0, 0) > WAD
    assert pool.kick_rewards_usd(np.array([1]), np.array([20_000.0]), np.array([15_000.0]))[
        0
    ] == pytest.approx(200.0 + 0.005 * 1.1 * 15_000.0)
    kicked = pool.kick(1, customer(pool), 0)
    assert kicked.collateral[0][1] == 15_000 * 11 * UNIT[ETH] // 10 // 2_000
    assert pool.collateral_units(1, ETH, 0) == 10 * UNIT[ETH] - kicked.collateral[0][1]
    assert proves_itself(pool)


def test_trove_that_the_pool_cannot_cover_is_neither_open_nor_rewarded_until_it_can():
    crowd = ((ETH, 10.0, 12_000.0), (ETH, 10.0, 15_000.0), (ETH, 40.0, 62_000.0))
    pool = make_pool(1, crowd, stability_pool=0.1)
    rows, usd = np.array([1]), (np.array([20_000.0]), np.array([15_000.0]))
    cw, dw, _ = pool.weights(0)
    assert pool.positions.collateral[1] @ cw < pool.positions.debt[1] @ dw, "screening is the cautious one"
    assert pool.health_factor(1, 0) >= WAD
    assert pool.kick_rewards_usd(rows, *usd).tolist() == [0.0]
    with pytest.raises(Revert, match="nothing to liquidate"):
        pool.kick(1, customer(pool), 0)
    pool.positions.touched.clear()
    pool.deposit(ETH, 20_000 * UNIT[USDC], customer(pool), 0)
    assert 1 in pool.positions.touched, "the pool has grown: look again"
    assert pool.health_factor(1, 0) < WAD
    assert pool.kick_rewards_usd(rows, *usd)[0] > 0.0
    assert pool.kick(1, customer(pool), 0)


def test_version_2_knows_no_recovery_mode():
    crowd = ((ETH, 10.0, 12_000.0), (ETH, 10.0, 15_000.0), (ETH, 40.0, 62_000.0))
    pool = make_pool(2, crowd)
    assert pool.statuses(0)[0].restricted
    assert pool.health_factor(1, 0) > WAD
    with pytest.raises(Revert, match="NothingToLiquidate"):
        pool.kick(1, customer(pool), 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_last_trove_of_a_system_is_never_liquidated(version):
    pool = make_pool(version, ((ETH, 10.0, 17_000.0),), prices=FALLEN)
    assert pool.health_factor(0, 0) >= WAD
    assert pool.kick_rewards_usd(np.array([0]), np.array([18_500.0]), np.array([17_000.0])).tolist() == [0.0]
    with pytest.raises(Revert):
        pool.kick(0, customer(pool), 0)


# borrowers


@pytest.mark.parametrize("version", VERSIONS)
def test_borrower_may_pay_down_to_the_least_debt_or_close(version):
    pool = make_pool(version)
    payer = customer(pool)
    assert pool.repay(MIDDLE, USDC, 11_000 * UNIT[USDC], payer, 0) == 10_000 * UNIT[USDC]
    assert pool.debt_units(MIDDLE, USDC, 0) == 2_000 * UNIT[USDC]
    with pytest.raises(Revert, match="minimum"):
        pool.repay(MIDDLE, USDC, 500 * UNIT[USDC], payer, 0)
    own_gas = 200 if version == 1 else 0
    assert pool.repay(MIDDLE, USDC, 5_000 * UNIT[USDC], payer, 0) == (2_000 - own_gas) * UNIT[USDC]
    assert pool.debt_units(MIDDLE, USDC, 0) == 0
    assert pool.health_factor(MIDDLE, 0) == MAX_UINT256
    left = pool.collateral_units(MIDDLE, ETH, 0)
    assert left == 10 * UNIT[ETH] + (0 if version == 1 else 37_500_000)
    assert pool.withdraw(MIDDLE, ETH, left, payer, 0) == left
    assert pool.ledger.balance(payer, USDC) == (100_000 - 12_000 + own_gas) * UNIT[USDC]
    assert proves_itself(pool)


@pytest.mark.parametrize("version", VERSIONS)
def test_collateral_goes_in_and_out_through_the_ledger(version):
    pool = make_pool(version)
    owner = customer(pool)
    pool.supply(SAFE, ETH, 2 * UNIT[ETH], owner, 0)
    assert pool.collateral_units(SAFE, ETH, 0) == 42 * UNIT[ETH]
    assert pool.withdraw(SAFE, ETH, 3 * UNIT[ETH], owner, 0) == 3 * UNIT[ETH]
    assert pool.ledger.balance(owner, ETH) == 101 * UNIT[ETH]
    assert pool.withdraw(DEBTLESS, ETH, 3 * UNIT[ETH], owner, 0) == 3 * UNIT[ETH]
    assert proves_itself(pool)


REFUSED = {
    "kick the healthy": lambda pool, me: pool.kick(SAFE, me, 0),
    "kick nobody": lambda pool, me: pool.kick(DEBTLESS, me, 0),
    "repay where nothing is owed": lambda pool, me: pool.repay(DEBTLESS, USDC, 10, me, 0),
    "repay in another asset": lambda pool, me: pool.repay(SAFE, ETH, 10, me, 0),
    "repay without money": lambda pool, me: pool.repay(
        SAFE, USDC, 500 * UNIT[USDC], pool.ledger.open_account("poor"), 0
    ),
    "supply another system's collateral": lambda pool, me: pool.supply(BITCOIN, ETH, 10, me, 0),
    "supply what one lacks": lambda pool, me: pool.supply(SAFE, ETH, 101 * UNIT[ETH], me, 0),
    "supply nothing": lambda pool, me: pool.supply(SAFE, ETH, 0, me, 0),
    "withdraw into ill health": lambda pool, me: pool.withdraw(RISKY, ETH, 2 * UNIT[ETH], me, 0),
    "withdraw more than there is": lambda pool, me: pool.withdraw(DEBTLESS, ETH, 4 * UNIT[ETH], me, 0),
    "deposit without money": lambda pool, me: pool.deposit(ETH, 10**12, me, 0),
    "deposit nothing": lambda pool, me: pool.deposit(ETH, 0, me, 0),
    "withdraw a deposit one has not": lambda pool, me: pool.withdraw_deposit(ETH, 10, me, 0),
    "redeem without money": lambda pool, me: pool.redeem(ETH, 10**12, me, 0),
    "redeem nothing": lambda pool, me: pool.redeem(ETH, 0, me, 0),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused_call_changes_nothing(call, version):
    pool = make_pool(version)
    me = customer(pool)
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    pool.ledger.balances[pool.ledger.n_accounts :] = 0
    after = state_of(pool)
    assert same(before, after)
    assert proves_itself(pool)


# depositors and redeemers


@pytest.mark.parametrize("version", VERSIONS)
def test_depositors_pay_the_debt_and_share_the_collateral(version):
    """MODEL 1.5, product and sum: shares of deposits, to a unit."""
    pool = make_pool(version, stability_pool=0.0, prices=FALLEN)
    one, other = customer(pool), customer(pool)
    pool.deposit(ETH, 30_000 * UNIT[USDC], one, 0)
    pool.deposit(ETH, 10_000 * UNIT[USDC], other, 0)
    pool.kick(RISKY, customer(pool), 0)
    left, gain = pool.deposit_of(ETH, one)
    assert left == pytest.approx((30_000 - 12_750) * UNIT[USDC], abs=2)
    assert gain == pytest.approx(pool.systems[ETH].pool.collateral * 3 / 4, abs=2)
    claims = pool.claims(0)
    assert claims["depositors"][USDC] == pytest.approx(23_000 * UNIT[USDC], abs=4)
    assert pool.lent_usd(0)[USDC] == pytest.approx(23_000, abs=1)
    cash = pool.ledger.balance(one, USDC)
    assert pool.withdraw_deposit(ETH, left, one, 0) == (left, gain)
    assert pool.ledger.balance(one, USDC) == cash + left
    assert proves_itself(pool)


def test_deposits_are_locked_while_a_liquidation_is_due_on_v1_only():
    for version in VERSIONS:
        pool = make_pool(version, stability_pool=0.0, prices=FALLEN)
        me = customer(pool)
        pool.deposit(ETH, 5_000 * UNIT[USDC], me, 0)
        if version == 1:
            with pytest.raises(Revert, match="Cannot withdraw while there are troves"):
                pool.withdraw_deposit(ETH, 100, me, 0)
        else:
            assert pool.withdraw_deposit(ETH, 100, me, 0) == (100, 0)
            with pytest.raises(Revert, match="MIN_BOLD_IN_SP"):
                pool.withdraw_deposit(ETH, 5_000 * UNIT[USDC], me, 0)


def test_deposits_of_the_start_can_be_entrusted_to_depositors():
    pool = make_pool(1)
    accounts = [customer(pool) for _ in range(3)]
    deposited = pool.systems[ETH].pool.deposited
    pool.entrust(accounts)
    shares = [pool.deposit_of(ETH, account)[0] for account in accounts]
    assert sum(shares) == deposited
    assert max(shares) - min(shares) <= 1
    assert pool.deposit_of(ETH, pool.depositors) == (0, 0)
    assert proves_itself(pool)


def test_redemption_takes_the_riskiest_healthy_troves_in_order_and_closes_those_redeemed_whole():
    pool = make_pool(1)
    redeemer = customer(pool)
    redeemed = pool.redeem(ETH, 20_000 * UNIT[USDC], redeemer, 0)
    fee_rate = 0.005 + 20_000 / 49_150 / 2
    assert redeemed.debt == 20_000 * UNIT[USDC]
    assert redeemed.collateral == pytest.approx(10 * UNIT[ETH] * (1 - fee_rate), rel=1e-6)
    assert pool.debt_units(RISKY, USDC, 0) == 0, "118 %: redeemed whole, 16,800 and its own 200"
    assert pool.collateral_units(RISKY, ETH, 0) == pytest.approx(1.6 * UNIT[ETH], abs=2)
    assert pool.debt_units(MIDDLE, USDC, 0) == (12_000 - 3_200) * UNIT[USDC]
    assert pool.debt_units(TINY, USDC, 0) == 150 * UNIT[USDC]
    assert pool.ledger.balance(redeemer, USDC) == 80_000 * UNIT[USDC]
    fee = pool.statuses(60)[0].redemption_fee
    assert pool.statuses(12 * 3600)[0].redemption_fee - 0.005 == pytest.approx((fee - 0.005) / 2, rel=1e-2)
    assert proves_itself(pool)


def test_base_rate_halves_in_twelve_hours():
    """``TroveManager.MINUTE_DECAY_FACTOR``."""
    assert decay(0) == WAD
    assert decay(12 * 60) / WAD == pytest.approx(0.5, abs=1e-12)
    assert decay(24 * 60) / WAD == pytest.approx(0.25, abs=1e-12)


def test_redemption_passes_over_troves_that_are_to_be_liquidated():
    pool = make_pool(1, prices=FALLEN)
    pool.redeem(ETH, 1_000 * UNIT[USDC], customer(pool), 0)
    assert pool.debt_units(RISKY, USDC, 0) == 17_000 * UNIT[USDC]
    assert pool.debt_units(MIDDLE, USDC, 0) == 11_000 * UNIT[USDC]


def test_redemption_that_would_leave_less_than_the_minimum_debt_stops_before_it():
    pool = make_pool(1, ((ETH, 10.0, 2_500.0), (ETH, 10.0, 2_900.0)))
    with pytest.raises(Revert, match="Unable to redeem any amount"):
        pool.redeem(ETH, 1_000 * UNIT[USDC], customer(pool), 0)


def test_branch_below_its_shutdown_ratio_is_redeemed_at_a_bonus_and_stays_shut():
    """MODEL 1.5: urgent redemption bonus 2 %."""
    crowd = ((ETH, 10.0, 17_400.0), (ETH, 10.0, 16_800.0), (ETH, 10.0, 17_200.0))
    pool = make_pool(2, crowd)
    redeemer = customer(pool)
    with pytest.raises(Revert, match="NotShutDown"):
        pool.redeem(ETH, 1_000 * UNIT[USDC], redeemer, 0)
    pool.set_prices([1_870 * 10**8, *CALM[1:]])
    assert pool.statuses(0)[0].redemption_bonus == pytest.approx(0.02)
    redeemed = pool.redeem(ETH, 18_000 * UNIT[USDC], redeemer, 0)
    assert redeemed.collateral == pytest.approx(18_000 * 1.02 / 1_870 * UNIT[ETH], rel=1e-6)
    assert pool.debt_units(0, USDC, 0) == 0
    pool.set_prices(CALM)
    assert pool.statuses(0)[0].shut_down
    with pytest.raises(Revert, match="IsShutDown"):
        pool.supply(1, ETH, UNIT[ETH], redeemer, 0)
    assert proves_itself(pool)


# undo and proof


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stability_pool", [0.9, 0.1])
def test_checkpoint_and_rollback_restore_everything(version, stability_pool):
    pool = make_pool(version, stability_pool=stability_pool, prices=FALLEN)
    me = customer(pool)
    pool.residual_touched()
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(RISKY, (ETH, USDC))
    pool.kick(RISKY, me, 0)
    pool.deposit(ETH, 1_000 * UNIT[USDC], me, 0)
    pool.repay(SAFE, USDC, 500 * UNIT[USDC], me, 0)
    pool.repay(MIDDLE, USDC, 50_000 * UNIT[USDC], me, 0)
    pool.supply(SAFE, ETH, UNIT[ETH], me, 0)
    if version == 1:
        pool.redeem(ETH, 1_000 * UNIT[USDC], me, 0)
    assert not same(before, state_of(pool))
    pool.positions.touched.clear()
    restore()
    pool.ledger.rollback()
    assert same(before, state_of(pool))
    assert RISKY in pool.positions.touched, "whoever screens health must look again"
    assert proves_itself(pool)


def test_nested_checkpoints_come_back_one_by_one():
    pool = make_pool(1, stability_pool=0.1, prices=FALLEN)
    me = customer(pool)
    start, first = state_of(pool), pool.checkpoint(-1, ())
    pool.ledger.begin()
    pool.kick(RISKY, me, 0)
    between, second = state_of(pool), pool.checkpoint(MIDDLE, (ETH,))
    pool.supply(MIDDLE, ETH, UNIT[ETH], me, 0)
    second()
    assert state_of(pool)[1] == between[1]
    first()
    pool.ledger.rollback()
    assert same(start, state_of(pool))


@pytest.mark.parametrize("version", VERSIONS)
def test_corrupted_row_is_seen(version):
    pool = make_pool(version, prices=FALLEN)
    pool.kick(RISKY, customer(pool), 0)
    pool.positions.collateral[RISKY, ETH] += 3
    pool.crowd.stakes[SAFE_BITCOIN] += 5
    assert pool.residual_touched().tolist() == [3, 0, 0]
    assert pool.residual().tolist() == [3, 5, 0]


@pytest.mark.parametrize("leg", [Reason.BURN, Reason.SEIZE, Reason.RELEASE])
def test_dropped_leg_is_seen(leg, monkeypatch):
    pool = make_pool(1, prices=FALLEN)
    kicker, transfer = customer(pool), pool.ledger.transfer

    def lossy(asset, source, target, amount, reason):
        if reason != leg:
            transfer(asset, source, target, amount, reason)

    monkeypatch.setattr(pool.ledger, "transfer", lossy)
    pool.kick(RISKY, kicker, 0)
    assert pool.residual_touched().any()
    assert pool.residual().any()


def test_debt_that_nobody_minted_is_seen():
    pool = make_pool(1)
    pool.systems[ETH].active_debt += 1
    assert pool.residual()[USDC] >= 1
    pool = make_pool(1)
    pool.burnt += 1
    assert pool.residual().tolist() == [0, 0, 1]


# what holds whatever happens

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["kick", "repay", "supply", "withdraw", "deposit", "leave", "redeem", "undone kick"]),
        st.integers(0, len(CROWD) - 1),
        st.sampled_from([ETH, BTC]),
        st.integers(1, 4 * 10**10),
        st.sampled_from([2400, 2000, 1850, 1700, 1500, 1200, 900]),
    ),
    max_size=14,
)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=40, deadline=None)
@given(STEPS, st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_no_sequence_of_calls_makes_or_loses_a_unit(version, steps, stability_pool):
    pool = make_pool(version, stability_pool=stability_pool)
    me = customer(pool)
    for now, (kind, row, asset, amount, price) in enumerate(steps):
        pool.set_prices([price * 10**8, price * 20 * 10**8, 10**8])
        try:
            if kind == "kick":
                pool.kick(row, me, now)
            elif kind == "undone kick":
                before, undo = state_of(pool), pool.checkpoint(row, ())
                pool.ledger.begin()
                try:
                    pool.kick(row, me, now)
                finally:
                    undo()
                    pool.ledger.rollback()
                    assert same(before, state_of(pool))
            elif kind == "repay":
                pool.repay(row, USDC, amount, me, now)
            elif kind == "supply":
                pool.supply(row, asset, amount, me, now)
            elif kind == "withdraw":
                pool.withdraw(row, asset, amount, me, now)
            elif kind == "deposit":
                pool.deposit(asset, amount, me, now)
            elif kind == "leave":
                pool.withdraw_deposit(asset, amount, me, now)
            else:
                pool.redeem(asset, amount, me, 60 * now)
        except Revert:
            pass
        assert not pool.residual_touched().any()
    assert not pool.residual().any()
    assert not pool.ledger.imbalance().any()
    assert (pool.ledger.balances[1:] >= 0).all()
    assert (pool.positions.amounts >= 0).all()
    assert (pool.crowd.pending >= 0).all()


@st.composite
def crowds(draw: st.DrawFn):
    """Up to eight troves of 95 % to 250 % at 2000 USD."""
    crowd = []
    for _ in range(draw(st.integers(2, 8))):
        debt = draw(st.integers(2_000, 100_000))
        crowd.append((ETH, debt * draw(st.integers(950, 2_500)) / 2e6, float(debt)))
    return tuple(crowd)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=60, deadline=None)
@given(crowds(), st.sampled_from([0.0, 0.2, 0.9]), st.integers(700, 2_500))
def test_whoever_is_kicked_was_screened_and_had_health_below_one_and_value_is_split(
    version, crowd, stability_pool, price
):
    pool = make_pool(version, crowd, stability_pool, [price * 10**8, *CALM[1:]])
    kicker = customer(pool)
    cw, dw, value = pool.weights(0)
    for row in range(len(crowd)):
        amounts = pool.positions
        screened = amounts.collateral[row] @ cw / (amounts.debt[row] @ dw)
        health = pool.health_factor(row, 0)
        held, owed = pool.collateral_units(row, ETH, 0), pool.debt_units(row, USDC, 0)
        totals = pool.systems[ETH].debt, pool.systems[ETH].collateral, pool.systems[ETH].pool.collateral
        undo = pool.checkpoint(row, ())
        pool.ledger.begin()
        try:
            kicked = pool.kick(row, kicker, 0)
        except Revert:
            assert health >= WAD
        else:
            assert health < WAD
            assert screened * (1 - pool.caution) < 1.0
            system, surplus = pool.systems[ETH], pool.collateral_units(row, ETH, 0)
            assert kicked.debt == ((USDC, owed),)
            gained = system.pool.collateral - totals[2]
            assert held == gained + (system.collateral - totals[1] + held) + surplus + kicked.reward[0][1]
            assert totals[0] - system.debt == pool.burnt
            promised = pool.kick_rewards_usd(
                np.array([row]), np.array([held * value[ETH]]), np.array([owed * dw[USDC]])
            )
            assert promised >= 0.0
        undo()
        pool.ledger.rollback()


@settings(max_examples=60, deadline=None)
@given(crowds(), st.sampled_from([0.0, 0.2, 0.9]), st.integers(700, 2_500), st.integers(1, 600))
def test_falling_price_never_makes_a_liquidatable_trove_healthy(crowd, stability_pool, price, fall):
    for version in VERSIONS:
        pool = make_pool(version, crowd, stability_pool, [price * 10**8, *CALM[1:]])
        open_before = [row for row in range(len(crowd)) if pool.health_factor(row, 0) < WAD]
        pool.set_prices([(price - fall) * 10**8, *CALM[1:]])
        assert all(pool.health_factor(row, 0) < WAD for row in open_before)


def test_what_is_promised_to_the_kicker_is_what_it_gets():
    for version in VERSIONS:
        for share in (0.9, 0.1):
            pool = make_pool(version, stability_pool=share, prices=FALLEN)
            promised = pool.kick_rewards_usd(np.array([RISKY]), np.array([18_500.0]), np.array([17_000.0]))[0]
            reward = pool.kick(RISKY, customer(pool), 0).reward
            usd = sum(units / UNIT[asset] * FALLEN[asset] / 1e8 for asset, units in reward)
            assert promised == pytest.approx(usd, rel=1e-3)
