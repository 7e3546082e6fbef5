"""Parts of mechanisms, each by its case (CASES) and by what holds for any input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import RAY, WAD
from liquidarium.protocols.lending.maker.abaci import (
    ExponentialDecrease,
    LinearDecrease,
    StairstepExponentialDecrease,
)
from liquidarium.protocols.liquidation import (
    AnyAmount,
    BadDebt,
    CloseFactor,
    DepthAware,
    DustFloor,
    FixedBonus,
    KeeperReward,
    LiquidationContext,
    NoRemainder,
    Pace,
    PriceBands,
    RisingBonus,
    RisingDiscount,
    SealedBids,
    TargetHealthFactor,
    TrancheSchedule,
    WholePositionCloseFactor,
)
from liquidarium.protocols.liquidation.bad_debt import redistributed_index, socialised_index, split
from liquidarium.protocols.liquidation.curves import AjnaDecrease, ConstantPrice, TwoLegDecrease, root_of_half
from liquidarium.protocols.liquidation.sealed import SealedBid, check_bid, settle
from liquidarium.protocols.liquidation.toxicity import (
    health_after,
    toxic_health,
    toxic_loan_to_value,
    two_step,
)
from liquidarium.protocols.revert import Revert

USD = 10**8


def context(
    health: float = 0.97, debt: int = 100, collateral: int = 110, **change: int
) -> LiquidationContext:
    """100 USD of a token with 6 decimals against 110 USD of one with 9, in whole tokens."""
    seen = LiquidationContext(
        health_factor=int(health * WAD),
        total_collateral_base=collateral * USD,
        total_debt_base=debt * USD,
        liquidation_threshold=8_500,
        collateral_threshold=8_500,
        debt=debt * 10**6,
        collateral=collateral * 10**9,
        debt_price=USD,
        collateral_price=USD,
        debt_unit=10**6,
        collateral_unit=10**9,
        bonus=10_500,
        protocol_fee=1_000,
        now=0,
    )
    return seen._replace(**change)


# sizing


def test_l09_and_l31_and_l32_target_health():
    assert TargetHealthFactor(105 * WAD // 100).max_repay(context()) == pytest.approx(73.01587302e6, abs=1)
    # L31 and L32 are the same algebra with a target of 1: debt 80, collateral 100, 70 %, 5 %
    silo = context(debt=80, collateral=100, liquidation_threshold=7_000, collateral_threshold=7_000)
    assert TargetHealthFactor(WAD).max_repay(silo) == pytest.approx(37.73584906e6, abs=1)
    fluid = context(
        debt=92, collateral=100, liquidation_threshold=9_000, collateral_threshold=9_000, bonus=10_100
    )
    assert TargetHealthFactor(WAD).max_repay(fluid) == pytest.approx(21.97802198e6, abs=1)


def test_tranches_grow_as_health_falls():
    tranches = TrancheSchedule(((WAD, 2_500), (97 * WAD // 100, 5_000), (90 * WAD // 100, 10_000)))
    shares = [tranches.max_repay(context(h)) / 100e6 for h in (1.0, 0.99, 0.97, 0.95, 0.89)]
    assert shares == [0.0, 0.25, 0.25, 0.5, 1.0]


@pytest.mark.parametrize(
    "steps", [(), ((WAD, 0),), ((WAD, 5_000), (WAD, 6_000)), ((WAD, 5_000), (WAD // 2, 4_000))]
)
def test_tranches_out_of_order_are_refused(steps):
    with pytest.raises(ValueError, match="tranches"):
        TrancheSchedule(steps)


def test_depth_bounds_what_is_seized():
    sizing = DepthAware(depth_base=1_000 * USD, share=500)
    repay = sizing.max_repay(context())
    _, seized, _ = FixedBonus().seize(context(), repay)
    assert seized <= 50 * 10**9
    assert seized == pytest.approx(50 * 10**9, rel=1e-6)


def test_taker_may_choose_all_and_whole_means_all():
    assert AnyAmount().max_repay(context()) == 100 * 10**6
    assert NoRemainder().refusal(context(), 99 * 10**6, 10**9) == "MustLiquidateWhole"
    assert NoRemainder().refusal(context(), 100 * 10**6, 10**9) is None
    assert NoRemainder().refusal(context(), 10**6, 110 * 10**9) is None


def test_pace_lets_an_account_rest():
    pace = Pace(cool_off_s=60)
    assert [pace.refusal(last, 100) for last in (None, 100, 41, 40)] == [
        None,
        "CoolingOff",
        "CoolingOff",
        None,
    ]
    assert Pace(one_per_block=True).refusal(100, 100) == "OneLiquidationPerBlock"
    assert Pace(one_per_block=True).refusal(88, 100) is None
    assert not Pace().rests


SIZINGS = [
    CloseFactor(),
    CloseFactor.flat(5_000),
    WholePositionCloseFactor(),
    TargetHealthFactor(11 * WAD // 10),
    AnyAmount(),
    TrancheSchedule(((WAD, 1_000), (9 * WAD // 10, 10_000))),
    DepthAware(50 * USD, 1_000),
]
PRICINGS = [FixedBonus(), RisingBonus(100, 1_000, 8 * WAD // 10), RisingDiscount(200, 2_000)]


@pytest.mark.parametrize("sizing", SIZINGS, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("pricing", PRICINGS, ids=lambda part: type(part).__name__)
@given(health=st.floats(0.5, 0.999), debt=st.integers(1, 10**6), collateral=st.integers(1, 10**6))
def test_any_pair_conserves_value(sizing, pricing, health, debt, collateral):
    """Collateral seized is what taker and protocol get; no more is repaid or seized than there is."""
    seen = context(health, debt, collateral)
    offered = sizing.max_repay(seen)
    assert 0 <= offered <= seen.debt
    repay, seized, fee = pricing.seize(seen, offered)
    assert 0 <= repay <= offered + 1
    assert 0 <= fee <= seized <= seen.collateral


@pytest.mark.parametrize("pricing", PRICINGS, ids=lambda part: type(part).__name__)
@given(health=st.floats(0.3, 1.2), fall=st.floats(0.0, 0.3), repay=st.integers(1, 10**8))
def test_worse_health_never_makes_collateral_dearer(pricing, health, fall, repay):
    seen = context(collateral=10_000)
    before = pricing.seize(seen._replace(health_factor=int(health * WAD)), repay)
    after = pricing.seize(seen._replace(health_factor=int((health - fall) * WAD)), repay)
    assert after[1] >= before[1]


# pricing


def test_l21_l22_l23_euler():
    assert RisingDiscount(base=200, most=2_000).discount(95 * WAD // 100) == 7 * WAD // 100
    second = RisingDiscount(base=0, most=1_500)
    assert second.discount(95 * WAD // 100) == 5 * WAD // 100
    full = context(0.95, debt=10_000, collateral=10_800, protocol_fee=0)
    repay, seized, _ = second.seize(full, full.debt)
    assert repay == full.debt
    assert seized / 1e9 == pytest.approx(10_526.31579, rel=1e-9)
    short = context(0.95, debt=10_000, collateral=10_200, protocol_fee=0)
    repay, seized, _ = second.seize(short, short.debt)
    assert seized == short.collateral
    assert repay / 1e6 == pytest.approx(9_690, rel=1e-8)


def test_rising_bonus_interpolates():
    part = RisingBonus(base=100, most=900, full_at=8 * WAD // 10)
    assert [part.bonus(int(h * 10) * WAD // 10) for h in (1.1, 1.0, 0.9, 0.8, 0.5)] == [
        10_100, 10_100, 10_500, 10_900, 10_900
    ]  # fmt: skip


def test_a06_a07_maker_curves():
    assert [LinearDecrease(3_600).price(1_000 * RAY, t) / RAY for t in (360, 1_800, 3_600)] == [900, 500, 0]
    assert ExponentialDecrease(root_of_half(900)).price(4_000 * RAY, 900) / RAY == pytest.approx(2_000)


def test_a11_ajna():
    top = 256 * 86_785 * RAY // 10
    prices = [AjnaDecrease().price(top, 60 * m) / RAY for m in (0, 60, 240, 360, 480, 900)]
    assert prices == pytest.approx([2_221_696, 277_712, 17_357, 8_678.5, 4_339.25, 271.203125], rel=1e-10)


def test_a14_derive():
    curve = TwoLegDecrease(8 * WAD // 10, 600, 7_200)
    assert [curve.price(RAY, t) / RAY for t in (300, 600, 960)] == pytest.approx([0.9, 0.8, 0.76])


CURVES = [
    LinearDecrease(3_600),
    StairstepExponentialDecrease(99 * RAY // 100, 60),
    ExponentialDecrease(root_of_half(900)),
    AjnaDecrease(),
    TwoLegDecrease(7 * WAD // 10, 900, 43_200),
    ConstantPrice(),
]


@pytest.mark.parametrize("curve", CURVES, ids=lambda part: type(part).__name__)
@given(start=st.integers(0, 10**5), wait=st.integers(0, 10**5))
def test_no_curve_ever_rises(curve, start, wait):
    assert 0 <= curve.price(RAY, start + wait) <= curve.price(RAY, start) <= RAY


# bids

LOT, MARK = 1_000, 2 * RAY


def bids(*amounts: int) -> list[SealedBid]:
    return [SealedBid(k, pay, LOT) for k, pay in enumerate(amounts)]


def test_first_price_pays_its_bid_and_second_price_the_next_or_the_reserve():
    first, second = SealedBids("first"), SealedBids("second", reserve=WAD // 2)
    offered = bids(1_500, 1_800, 1_700)
    assert settle(first, offered, lot=LOT, wanted=1_600, mark=MARK) == [(1, LOT, 1_800)]
    assert settle(second, offered, lot=LOT, wanted=1_600, mark=MARK) == [(1, LOT, 1_700)]
    assert settle(second, bids(1_800), lot=LOT, wanted=1_600, mark=MARK) == [(0, LOT, 1_000)]
    assert settle(first, bids(1_800, 1_800), lot=LOT, wanted=1_600, mark=MARK) == [(0, LOT, 1_800)]
    assert settle(first, [], lot=LOT, wanted=1_600, mark=MARK) == []


def test_a_batch_has_one_price_and_serves_the_best_first():
    batch = SealedBids("uniform")
    offered = [SealedBid(0, 400, 400), SealedBid(1, 900, 500), SealedBid(2, 750, 500)]
    assert settle(batch, offered, lot=LOT, wanted=10**6, mark=MARK) == [(1, 500, 750), (2, 500, 750)]
    partly = settle(batch, offered, lot=LOT, wanted=600, mark=MARK)
    assert partly == [(1, 333, 600)]  # the debt is raised by the best bid alone, at its own price


@given(
    offered=st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**4)), min_size=1, max_size=8),
    lot=st.integers(1, 10**4),
    wanted=st.integers(1, 10**6),
    payment=st.sampled_from(("first", "second", "uniform")),
)
def test_nobody_pays_more_than_they_bid_and_no_more_than_the_lot_is_sold(offered, lot, wanted, payment):
    rules = SealedBids(payment)
    placed = [
        SealedBid(k, pay, min(units, lot) if rules.divisible else lot)
        for k, (pay, units) in enumerate(offered)
    ]
    awards = settle(rules, placed, lot=lot, wanted=wanted, mark=MARK)
    assert sum(award.units for award in awards) <= lot
    for award in awards:
        bid = placed[award.bidder]
        assert award.paid <= bid.pay
        assert award.units <= bid.units


@pytest.mark.parametrize(
    ("bid", "now", "reason"),
    [
        (SealedBid(9, 1_500, LOT), 121, "AuctionOver"),
        (SealedBid(0, 1_500, LOT), 0, "AlreadyBid"),
        (SealedBid(9, 1_500, LOT + 1), 0, "BadAmount"),
        (SealedBid(9, 0, LOT), 0, "BadAmount"),
        (SealedBid(9, 1_500, 10), 0, "NotTheWholeLot"),
        (SealedBid(9, 999, LOT), 0, "BelowReserve"),
    ],
)
def test_bids_that_break_the_rules_are_refused(bid, now, reason):
    with pytest.raises(Revert, match=reason):
        check_bid(SealedBids(reserve=WAD // 2), bids(1_200), bid, lot=LOT, mark=MARK, now=now, end=120)


def test_a_reserve_of_the_whole_value_can_never_clear():
    with pytest.raises(ValueError, match="nobody pays the whole value"):
        SealedBids(reserve=WAD)


# the rest


def test_l26_lenders_bear_a_loss_at_once():
    assert socialised_index(RAY, 1_000_000, 5_000) / RAY == pytest.approx(0.995, rel=1e-12)


@given(others=st.integers(1, 10**15), debt=st.integers(0, 10**15))
def test_redistribution_leaves_no_debt_unowed(others, debt):
    index = redistributed_index(RAY, others, debt)
    assert others + debt <= -(-others * index // RAY) <= others + debt + 1


def test_a_fund_pays_first():
    assert split(10, 4) == (4, 6)
    assert split(3, 4) == (3, 0)
    with pytest.raises(ValueError, match="bearer"):
        BadDebt("nobody")


def test_a02_keeper_reward():
    keeper = KeeperReward(tip_base=100 * USD, chip=2 * WAD // 100)
    assert keeper.reward(110 * 10**6, USD, 10**6) == 102_200_000


def test_dust_floor_reads_value():
    assert DustFloor(50 * USD).refusal(context(), 60 * 10**6, 63 * 10**9) == "MustNotLeaveDust"


# when liquidation worsens


def test_l08_toxic_boundary():
    assert toxic_health(0.8, 0.05) == pytest.approx(0.84)
    assert toxic_loan_to_value(0.05) == pytest.approx(0.9523809524)
    for health, after in ((0.83, 0.8288423989), (0.85, 0.8511888112)):
        debt = 0.8 * 100 / health
        assert health_after(100, debt, 0.8, 0.05, 10) == pytest.approx(after, rel=1e-9)


def test_x05_slippage_lowers_the_frontier():
    assert toxic_loan_to_value(0.05, 1e6, 20e6) == pytest.approx(0.8658008658, rel=1e-9)


def test_g15_two_calls_beat_the_close_factor():
    steps = two_step(120, 100, 0.8, 0.05, 0.5)
    assert (steps.first, steps.second, steps.gain) == pytest.approx((25, 37.5, 0.25))
    with pytest.raises(ValueError, match="exceeds the close factor"):
        two_step(101, 100, 0.8, 0.05, 0.5)


@given(
    threshold=st.floats(0.3, 0.95),
    bonus=st.floats(0.0, 0.3),
    health=st.floats(0.3, 0.999),
    share=st.floats(0.01, 0.5),
)
def test_repaying_heals_exactly_above_the_boundary(threshold, bonus, health, share):
    boundary = toxic_health(threshold, bonus)
    debt = threshold * 100 / health
    after = health_after(100, debt, threshold, bonus, share * min(debt, 100 / (1 + bonus)))
    if abs(health - boundary) > 1e-6:
        assert (after < health) == (health < boundary)


def test_price_bands_sell_an_equal_part_in_each_band_of_llamma():
    """MODEL 1.8: band edges are those of crvUSD's AMM with A = 100, whose loan holds as much in each."""
    bands, top = PriceBands(10, 100), 2000 * WAD
    ladder = bands.ladder(None, top, WAD, 1_000)
    for band in range(10):
        inside = top * 99**band // 100**band * 999 // 1000
        assert bands.entered(ladder, inside) == band + 1
        assert bands.room(ladder, inside) == 100 * (band + 1)
    assert bands.room(ladder, WAD) == 1_000
    assert bands.room(ladder, top + 1) == 0


@given(st.lists(st.integers(1, 2 * 10**21), min_size=1, max_size=30), st.integers(1, 60))
def test_price_bands_never_sell_more_than_the_lowest_price_allows(prices, n):
    bands = PriceBands(n, 150)
    ladder = bands.ladder(None, 2 * 10**21, WAD, 10**6)
    for price in prices:
        ladder = ladder._replace(repaid=ladder.repaid + bands.room(ladder, price))
        assert ladder.repaid <= 10**6 * bands.entered(ladder, min(prices)) // n


def test_price_bands_begin_where_health_was_one_and_anew_above_it():
    bands = PriceBands(10, 100)
    first = bands.ladder(None, 1900 * WAD, 95 * WAD // 100, 1_000)
    assert first.top == 2000 * WAD
    assert bands.entered(first, 1900 * WAD) == 6  # a gap sells what it has crossed
    assert bands.ladder(first._replace(repaid=600), 1800 * WAD, WAD // 2, 500).repaid == 600
    assert bands.ladder(first, 2100 * WAD, 99 * WAD // 100, 500).repaid == 0


@pytest.mark.parametrize(("n", "width"), [(0, 100), (10, 0), (10, 10_000)])
def test_price_bands_that_cannot_be_are_refused(n, width):
    with pytest.raises(ValueError, match="price bands"):
        PriceBands(n, width)
