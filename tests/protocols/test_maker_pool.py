"""Maker's vaults with a crowd: the bare rules decide, the ledger moves what they say, nothing is lost."""

from __future__ import annotations

import dataclasses
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import OUTSIDE, InsufficientFundsError, Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, RAY, WAD
from liquidarium.protocols.lending.maker import RAD, Dirt, FlipParameters, Vault, bark, bite, take
from liquidarium.protocols.lending.maker.cat import CatParameters
from liquidarium.protocols.lending.maker.clip_pool import ClipPool
from liquidarium.protocols.lending.maker.flip_pool import FlipPool
from liquidarium.protocols.lending.maker.jug import duty_of
from liquidarium.protocols.lending.maker.market import FlipType
from liquidarium.protocols.lending.maker.presets import july_2020, march_2020, may_2021
from liquidarium.protocols.revert import Revert

ETH, BTC, DAI = range(3)
UNIT = [10**9, 10**8, 10**6]
START = 1_621_382_400
BIG, SMALL, COIN, SAFE, EMPTY = range(5)
PRICES = [1_500 * 10**8, 30_000 * 10**8, 10**8]
HOUR = 3600


def make_ledger() -> Ledger:
    return Ledger([Asset("ETH", 9), Asset("BTC", 8), Asset("DAI", 6)])


def fill(pool):
    """Five vaults at prices at which the first three are unsafe."""
    collateral, debt = np.zeros((5, 3), np.int64), np.zeros((5, 3), np.int64)
    collateral[BIG, ETH], debt[BIG, DAI] = 120 * UNIT[ETH] + 7, 130_000 * UNIT[DAI] + 3
    collateral[SMALL, ETH], debt[SMALL, DAI] = 7 * UNIT[ETH], 7_500 * UNIT[DAI]
    collateral[COIN, BTC], debt[COIN, DAI] = 2 * UNIT[BTC] + 1, 45_000 * UNIT[DAI]
    collateral[SAFE, ETH], debt[SAFE, DAI] = 50 * UNIT[ETH], 20_000 * UNIT[DAI]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def clip_pool(hole: int | None = None) -> ClipPool:
    types = {ETH: may_2021("ETH"), BTC: may_2021("BTC")}
    if hole is not None:
        dog = dataclasses.replace(types[ETH].dog, hole=hole * RAD)
        types[ETH] = dataclasses.replace(types[ETH], dog=dog)
    return fill(ClipPool(make_ledger(), "maker", types, DAI, 5, START))


def flip_pool() -> FlipPool:
    return fill(
        FlipPool(
            make_ledger(),
            "maker-flip",
            {ETH: march_2020("ETH", 195.0), BTC: march_2020("BTC", 7_800.0)},
            DAI,
            5,
            START,
        )
    )


POOLS = pytest.mark.parametrize("make", [clip_pool, flip_pool])


def customer(pool, name: str = "customer") -> int:
    account = pool.ledger.open_account(name)
    for asset, tokens in ((ETH, 100), (BTC, 10), (DAI, 1_000_000)):
        pool.ledger.endow(asset, account, tokens * UNIT[asset])
    return account


def state_of(pool):
    """Everything that a call may change."""
    return deepcopy(
        (
            pool.positions.amounts.tolist(),
            pool._remainders,
            pool._type_of.tolist(),
            pool.types,
            pool.books,
            pool.lots,
            pool.gem,
            pool._next_lot,
            pool.ledger.balances.tolist(),
            pool.ledger.volumes.tolist(),
        )
    )


def proven(pool) -> bool:
    return not (pool.residual_touched().any() or pool.residual().any() or pool.ledger.imbalance().any())


# terms


def test_yearly_fees_are_the_growth_per_second_that_was_voted():
    """7 % and 8 % as filed by the votes of March 2020 (their ``bc`` loses two units in the last place)."""
    assert duty_of("0.07") == 1000000002145441671308778766
    assert abs(duty_of(0.08) - 1000000002440418608258400030) <= 2
    assert duty_of(0) == RAY
    with pytest.raises(ValueError, match="above -1"):
        duty_of(-1)


def test_settings_in_force():
    """Executive votes of 28 May 2021, 12 March 2020 and 24 July 2020 (MODEL 1.4)."""
    eth = may_2021("ETH")
    assert (eth.terms.name, eth.terms.mat, eth.terms.dust) == ("ETH-A", 3 * RAY // 2, 5_000 * RAD)
    assert (eth.dog.chop, eth.dog.hole, eth.clip.tip) == (113 * WAD // 100, 22 * 10**6 * RAD, 300 * RAD)
    assert eth.clip.chost == 5_650 * RAD
    thursday, summer = march_2020("ETH", 195.0), july_2020("ETH", 200.0)
    assert thursday.cat == CatParameters(chop=113 * RAY // 100, lump=50 * WAD)
    assert thursday.flip == FlipParameters(beg=103 * WAD // 100, ttl=600, tau=6 * HOUR)
    assert (summer.cat.lump, summer.flip.ttl) == (500 * WAD, 6 * HOUR)
    assert july_2020("BTC", 9_550.0).cat.lump == WAD
    assert march_2020("ETH", 4_000.0).cat.lump == 25 * WAD, "a lot of 50 would overflow the contract"
    assert may_2021("AAVE").terms.mat == 7 * RAY // 4
    assert may_2021("WBTC") == may_2021("BTC")


@POOLS
def test_opened_vaults_agree_with_the_ledger(make):
    pool = make()
    assert proven(pool)
    assert pool.books.issued == int(pool.positions.debt.sum())
    assert pool.ledger.balance(pool.account, ETH) == 177 * UNIT[ETH] + 7
    assert pool.ledger.balance(pool.account, DAI) == 0, "coins that were borrowed are outside"
    assert not pool.sales(0)


def test_vault_of_two_assets_is_refused():
    pool = ClipPool(make_ledger(), "maker", {ETH: may_2021("ETH"), BTC: may_2021("BTC")}, DAI, 1, START)
    with pytest.raises(ValueError, match="one collateral"):
        pool.endow(np.array([[1, 1, 0]]), np.array([[0, 0, 1]]))


@POOLS
@pytest.mark.parametrize("now_s", [0, 40_000, 10**7])
def test_screening_weights_are_the_exact_health(make, now_s):
    """Fees differ between types, yet one column holds all debts."""
    pool = make()
    backed, debt, _ = pool.weights(now_s)
    for row in (BIG, SMALL, COIN, SAFE):
        screened = pool.positions.collateral[row] @ backed / (pool.positions.debt[row] @ debt)
        assert screened == pytest.approx(pool.health_factor(row, now_s) / WAD, rel=1e-12)


@POOLS
def test_stability_fee_compounds_every_second(make):
    pool = make()
    year = 31_536_000
    fee = {"maker": 1.055, "maker-flip": 1.08}[pool.name]
    assert pool.debt_units(SAFE, DAI, year) == pytest.approx(20_000 * UNIT[DAI] * fee, rel=1e-9)
    payer = customer(pool)
    pool.repay(SAFE, DAI, UNIT[DAI], payer, year)
    assert pool.books.joy > 0, "fees are the system's surplus"
    assert proven(pool)


# owners


@POOLS
def test_repaid_coins_are_burnt(make):
    pool, now = make(), 100_000
    payer = customer(pool)
    issued, outside = pool.books.issued, pool.ledger.balance(OUTSIDE, DAI)
    assert pool.repay(SAFE, DAI, 5_000 * UNIT[DAI], payer, now) == 5_000 * UNIT[DAI]
    assert issued - pool.books.issued == 5_000 * UNIT[DAI] == pool.ledger.balance(OUTSIDE, DAI) - outside
    assert pool.ledger.volumes[Reason.BURN, DAI] == 5_000 * UNIT[DAI]
    owed = pool.debt_units(SAFE, DAI, now)
    assert pool.repay(SAFE, DAI, 10**12, payer, now) == owed
    assert pool.health_factor(SAFE, now) == MAX_UINT256
    assert pool.withdraw(SAFE, ETH, 50 * UNIT[ETH], payer, now) == 50 * UNIT[ETH]
    assert proven(pool)


def test_repayment_leaves_no_dust():
    """vat.sol: a vault owes nothing or at least dust."""
    pool = clip_pool()
    payer = customer(pool)
    paid = pool.repay(SMALL, DAI, 4_000 * UNIT[DAI], payer, 0)
    assert paid == 2_500 * UNIT[DAI]
    with pytest.raises(Revert, match="Vat/dust"):
        pool.repay(SMALL, DAI, UNIT[DAI], payer, 0)
    assert pool.repay(SMALL, DAI, 10**12, payer, 0) == 5_000 * UNIT[DAI]
    assert proven(pool)


@POOLS
@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda p, me: p.kick(SAFE, me, 10), "not-unsafe"),
        (lambda p, me: p.kick(EMPTY, me, 10), "not-unsafe"),
        (lambda p, me: p.liquidate(BIG, ETH, DAI, 1, me, 10), "no liquidation calls"),
        (lambda p, me: p.repay(EMPTY, DAI, 1, me, 10), "nothing-owed"),
        (lambda p, me: p.repay(BIG, ETH, 1, me, 10), "nothing-owed"),
        (lambda p, me: p.repay(BIG, DAI, 10**10, p.ledger.open_account("poor"), 10), "insufficient-balance"),
        (lambda p, me: p.supply(BIG, BTC, 1, me, 10), "takes no BTC"),
        (lambda p, me: p.supply(EMPTY, DAI, 1, me, 10), "takes no DAI"),
        (lambda p, me: p.supply(BIG, ETH, 10**12, me, 10), "exceeds balance"),
        (lambda p, me: p.withdraw(BIG, ETH, 1, me, 10), "not-safe"),
        (lambda p, me: p.withdraw(SAFE, ETH, 40 * UNIT[ETH], me, 10), "not-safe"),
        (lambda p, me: p.withdraw(SAFE, BTC, 1, me, 10), "nothing to withdraw"),
        (lambda p, me: p.buy(1, 10, 1e9, me, 10), "not-running|sells nothing"),
        (lambda p, me: p.work("redo", 1, me, 10), "not-running|no chore"),
        (lambda p, me: p.work("deal", 1, me, 10), "not-finished|no chore"),
    ],
)
def test_refused_call_changes_nothing(make, call, reason):
    pool = make()
    me = customer(pool)
    before = state_of(pool)
    with pytest.raises(Revert, match=reason):
        call(pool, me)
    assert state_of(pool)[:7] == before[:7]
    assert proven(pool)


def test_empty_vault_may_change_its_type():
    pool = clip_pool()
    me = customer(pool)
    pool.supply(EMPTY, BTC, UNIT[BTC], me, 10)
    assert pool.collateral_units(EMPTY, BTC, 10) == UNIT[BTC]
    assert pool.withdraw(EMPTY, BTC, UNIT[BTC], me, 10) == UNIT[BTC]
    assert proven(pool)


# Liquidations 2.0


def test_kick_is_bark_called_directly():
    pool, now = clip_pool(), 5_000
    keeper = customer(pool)
    settings_, vault = pool.settings[ETH], pool._take(BIG)
    assert vault == Vault((120 * UNIT[ETH] + 7) * 10**9, (130_000 * UNIT[DAI] + 3) * 10**12)
    ilk = pool._ilk(ETH, START + now)
    expected = bark(vault, ilk, settings_.dog, settings_.clip, dirt=Dirt(), feed=1_500 * RAY, now=START + now)
    owed, held = pool.debt_units(BIG, DAI, now), pool.ledger.balance(keeper, DAI)
    kicked = pool.kick(BIG, keeper, now)
    coin = expected.coin // pool.books.unit
    assert kicked.debt == ((DAI, owed),)
    assert kicked.collateral == ((ETH, 120 * UNIT[ETH] + 7),)
    assert kicked.reward == ((DAI, coin),)
    assert kicked.health_factor < WAD
    assert pool.ledger.balance(keeper, DAI) - held == coin == pool.ledger.volumes[Reason.MINT, DAI]
    assert pool.lots[1].auction == expected.sale
    assert pool.types[ETH].dirt == expected.dirt.ilk
    assert pool.ledger.volumes[Reason.SEIZE].sum() == 0, "the collateral is the pool's until it is sold"
    assert proven(pool)


def test_hole_limits_what_is_under_auction():
    """A01 in a crowd: part of a vault goes, the rest waits until an auction has made room."""
    pool = clip_pool(hole=60_000)
    keeper = customer(pool)
    pool.kick(BIG, keeper, 0)
    assert pool.types[ETH].dirt == pytest.approx(60_000 * RAD, rel=1e-12)
    assert 0 < pool.health_factor(BIG, 0) < WAD
    assert pool.positions.collateral[BIG, ETH] > 0
    assert proven(pool)
    with pytest.raises(Revert, match=r"liquidation-limit-hit|dusty"):
        pool.kick(SMALL, keeper, 0)
    rows, worth = np.array([BIG, SMALL]), np.array([1e5, 1e4])
    assert pool.kick_rewards_usd(rows, worth, worth).tolist() == [0.0, 0.0]
    pool.positions.touched.clear()
    sale = pool.sales(3_000)[0]
    pool.buy(sale.number, sale.most, sale.price, keeper, 3_000)
    assert {BIG, SMALL} <= pool.positions.touched, "those turned away are looked at again"
    assert pool.kick_rewards_usd(rows, worth, worth).min() > 300.0


def test_reward_is_the_one_that_the_keeper_hopes_for():
    pool = clip_pool()
    keeper = customer(pool)
    rows = np.array([BIG])
    owed = pool.positions.debt[rows] @ pool.weights(0)[1]
    hoped = pool.kick_rewards_usd(rows, owed, owed)[0]
    ((_, paid),) = pool.kick(BIG, keeper, 0).reward
    assert paid / UNIT[DAI] == pytest.approx(hoped, rel=1e-9)


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_purchase_is_take_called_directly(share):
    pool = clip_pool()
    keeper = customer(pool)
    pool.kick(BIG, keeper, 0)
    now = 2_700
    (sale,) = pool.sales(now)
    assert sale.price == pytest.approx(1_500 * 1.3 * 0.99**30)
    lot, pay = pool.lots[1], int(sale.most * share)
    before = pool.ledger.balances.copy()
    bought = pool.buy(1, pay, sale.price, keeper, now)
    price = round(1_950 * 10**9 * 0.99**30) if share == 1 else None
    amount = lot.auction.lot if share == 1.0 else pay * pool.books.unit // _price(pool, lot, now)
    expected = take(
        lot.auction,
        pool.settings[ETH].clip,
        pool.settings[ETH].abacus,
        amt=amount,
        max_price=MAX_UINT256,
        now=START + now,
    )
    assert price is None or price > 0
    assert bought.paid == pool.books.ceil(expected.owe) <= pay
    assert bought.units == expected.slice // 10**9
    assert bought.returned == expected.returned // 10**9
    moved = pool.ledger.balances - before
    assert moved[keeper].tolist() == [bought.units, 0, -bought.paid]
    assert moved[OUTSIDE].tolist() == [0, 0, bought.paid], "what a purchase pays is burnt"
    assert (1 in pool.lots) == (expected.sale is not None)
    assert proven(pool)


def _price(pool, lot, now):
    return pool.settings[ETH].abacus.price(lot.auction.top, START + now - lot.auction.tic)


def test_leftover_is_the_owners_and_out_of_reach():
    """The contract moves it to the owner's gem: no later auction can take it, and it needs no health."""
    pool = clip_pool()
    keeper = customer(pool)
    pool.kick(BIG, keeper, 0)
    bought = pool.buy(1, 10**12, float("inf"), keeper, 2_700)
    assert bought.returned > 0
    assert pool.positions.collateral[BIG, ETH] == 0
    assert pool.claims(2_700)["borrowers"][ETH] == pytest.approx(57 * UNIT[ETH] + bought.returned, abs=1)
    owner = pool.ledger.open_account("owner")
    assert pool.withdraw(BIG, ETH, bought.returned, owner, 2_700) == bought.returned
    assert pool.ledger.balance(owner, ETH) == bought.returned
    assert proven(pool)


def test_small_auction_says_that_it_is_sold_whole():
    """chost: a purchase may not leave less than the smallest debt, so a small tab goes in one piece."""
    pool = clip_pool()
    keeper = customer(pool)
    pool.kick(SMALL, keeper, 0)
    pool.buy(1, 4_000 * UNIT[DAI], float("inf"), keeper, 2_400)
    (sale,) = pool.sales(2_400)
    assert sale.least == sale.most
    with pytest.raises(Revert, match="no-partial-purchase"):
        pool.buy(1, sale.most // 2, float("inf"), keeper, 2_400)
    pool.buy(1, sale.most, sale.price, keeper, 2_400)
    assert not pool.lots
    assert proven(pool)


def test_price_of_an_offer_is_accepted_and_no_lower_one():
    pool = clip_pool()
    keeper = customer(pool)
    pool.kick(BIG, keeper, 0)
    for now in (0, 91, 1_000, 3_333, 8_000):
        (sale,) = pool.sales(now)
        with pytest.raises(Revert, match="too-expensive"):
            pool.buy(1, UNIT[DAI], np.nextafter(sale.price, 0.0) * (1 - 1e-15), keeper, now)
        pool.buy(1, UNIT[DAI] * 10, sale.price, keeper, now)
    assert proven(pool)


def test_stale_auction_is_restarted_for_a_reward_and_not_before():
    """A08: later than tail, or below cusp, which .99 ** 92 is."""
    pool = clip_pool()
    keeper = customer(pool)
    pool.kick(BIG, keeper, 0)
    tail = 92 * 90 - 1
    assert pool.sales(tail)
    assert not pool.chores(tail)
    with pytest.raises(Revert, match="cannot-reset"):
        pool.work("redo", 1, keeper, tail)
    assert not pool.sales(tail + 1)
    with pytest.raises(Revert, match="needs-reset"):
        pool.buy(1, 10**12, float("inf"), keeper, tail + 1)
    pool.set_prices([1_000 * 10**8, *PRICES[1:]])
    (chore,) = pool.chores(tail + 1)
    before = pool.ledger.balance(keeper, DAI)
    assert pool.work(chore.kind, chore.number, keeper, tail + 1) is None
    assert (pool.ledger.balance(keeper, DAI) - before) / UNIT[DAI] == pytest.approx(chore.reward_usd)
    assert pool.sales(tail + 1)[0].price == pytest.approx(1_300)
    assert proven(pool)


def test_auction_that_raises_too_little_leaves_a_deficit():
    pool = clip_pool()
    keeper = customer(pool)
    owed = pool.debt_units(BIG, DAI, 0)
    pool.kick(BIG, keeper, 0)
    bought = pool.buy(1, 10**12, float("inf"), keeper, 8_000)
    assert bought.returned == 0
    assert pool.deficit()[DAI] == pytest.approx(owed - bought.paid, abs=1)
    assert pool.books.sin > 0
    assert proven(pool)


# auctions of 2020


def test_bite_is_the_rule_called_directly_lot_by_lot():
    pool, now = flip_pool(), 5_000
    keeper = customer(pool)
    vault, ilk = pool._take(BIG), pool._ilk(ETH, START + now)
    expected = bite(vault, ilk, pool.settings[ETH].cat, pool.settings[ETH].flip, START + now)
    kicked = pool.kick(BIG, keeper, now)
    assert kicked.collateral == ((ETH, 50 * UNIT[ETH]),)
    assert kicked.reward == ()
    assert pool.lots[1].auction == expected.auction
    assert pool._take(BIG) == expected.vault
    pool.kick(BIG, keeper, now)
    pool.kick(BIG, keeper, now)
    assert [lot.auction.lot // 10**9 for lot in pool.lots.values()] == [50 * UNIT[ETH]] * 2 + [
        20 * UNIT[ETH] + 7
    ]
    assert pool.positions.amounts[BIG].tolist() == [0] * 6
    with pytest.raises(Revert, match="not-unsafe"):
        pool.kick(BIG, keeper, now)
    assert proven(pool)


def test_largest_lot_fits_the_contract_and_not_much_more():
    """cat.sol of 2020 multiplies debt (rad) by penalty (ray) in 256 bits."""
    ledger = make_ledger()
    big = FlipType(
        march_2020("ETH", 1.0).terms, CatParameters(113 * RAY // 100, 10**6 * WAD), FlipParameters()
    )
    for owed, fits in ((100_000, True), (103_000, False)):
        pool = FlipPool(ledger, "maker-flip", {ETH: big}, DAI, 1, START)
        pool.endow(np.array([[UNIT[ETH], 0, 0]]), np.array([[0, 0, owed * UNIT[DAI]]]))
        pool.set_prices(PRICES)
        if fits:
            pool.kick(0, pool.account, 0)
        else:
            with pytest.raises(Revert, match="empty revert data"):
                pool.kick(0, pool.account, 0)


def test_bids_rise_to_the_debt_then_the_lot_falls():
    pool = flip_pool()
    one, two = customer(pool, "one"), customer(pool, "two")
    pool.kick(BIG, one, 0)
    whole = 50 * UNIT[ETH]
    start = pool.ledger.balances.copy()
    pool.bid(1, 1_000 * UNIT[DAI], whole, one, 10)
    (sale,) = pool.sales(10)
    assert (sale.bidder, sale.least_bid, sale.ends_s) == (one, 1_030 * UNIT[DAI], 610.0)
    with pytest.raises(Revert, match="insufficient-increase"):
        pool.bid(1, sale.least_bid - 1, whole, two, 20)
    with pytest.raises(Revert, match="lot-not-matching"):
        pool.bid(1, sale.least_bid, whole - 1, two, 20)
    with pytest.raises(Revert, match="higher-than-tab"):
        pool.bid(1, sale.most + 1, whole, two, 20)
    pool.bid(1, sale.least_bid, whole, two, 20)
    assert (pool.ledger.balances[one] == start[one]).all(), "the first bidder has the money back"
    pool.bid(1, sale.most, whole, one, 30)
    assert pool.ledger.balance(one, DAI) == start[one, DAI] - sale.most
    (sale,) = pool.sales(30)
    assert (sale.least_bid, sale.units) == (0, whole)
    with pytest.raises(Revert, match="insufficient-decrease"):
        pool.bid(1, sale.most, sale.most_units + 1, two, 40)
    with pytest.raises(Revert, match="not-matching-bid"):
        pool.bid(1, sale.most - 1, sale.most_units, two, 40)
    pool.bid(1, sale.most, sale.most_units, two, 40)
    assert pool.gem[BIG, ETH] == 50 * WAD - sale.most_units * 10**9
    assert proven(pool)
    with pytest.raises(Revert, match="not-finished"):
        pool.work("deal", 1, one, 640)
    (closed,) = pool.sales(641)
    assert (closed.least_bid, closed.most_units) == (0, 0), "nothing can be bid any more"
    with pytest.raises(Revert, match="already-finished"):
        pool.bid(1, sale.most, 1, one, 641)
    (chore,) = pool.chores(641)
    assert (chore.kind, chore.beneficiary) == ("deal", two)
    assert chore.gain_usd == pytest.approx(sale.most_units / UNIT[ETH] * 1_500)
    bought = pool.work("deal", 1, one, 641)
    assert bought == (two, sale.most, sale.most_units, 50 * UNIT[ETH] - sale.most_units, 0)
    moved = pool.ledger.balances - start
    assert moved[two].tolist() == [sale.most_units, 0, -sale.most]
    assert not moved[one].any()
    assert not pool.deficit().any()
    assert not pool.chores(641)
    assert proven(pool)


def test_one_bidder_gets_the_lot_for_next_to_nothing():
    """A10: any positive first bid is valid; what it does not raise is the system's loss."""
    pool = flip_pool()
    keeper = customer(pool)
    owed = pool.debt_units(BIG, DAI, 0)
    taken = pool.kick(BIG, keeper, 0).debt[0][1]
    assert owed - pool.debt_units(BIG, DAI, 0) == taken
    assert pool.sales(0)[0].least_bid == 1
    pool.bid(1, 1, 50 * UNIT[ETH], keeper, 0)
    bought = pool.work("deal", 1, keeper, 601)
    assert (bought.units, bought.paid) == (50 * UNIT[ETH], 1)
    assert pool.deficit()[DAI] == pytest.approx(taken - 1, abs=2)
    assert proven(pool)


def test_auction_that_nobody_wanted_can_be_reopened():
    pool = flip_pool()
    keeper = customer(pool)
    pool.kick(BIG, keeper, 0)
    end = 6 * HOUR
    assert not pool.chores(end)
    assert [chore.kind for chore in pool.chores(end + 1)] == ["tick"]
    restore = pool.checkpoint(BIG, (ETH,))
    pool.work("tick", 1, keeper, end + 1)
    assert pool.lots[1].auction.end == START + 2 * end + 1
    restore()
    pool.bid(1, 10, 50 * UNIT[ETH], keeper, end + 1)
    assert pool.lots[1].auction.end == START + 2 * end + 1, "a bid reopens it"
    assert pool.chores(end + 602)[0].kind == "deal"
    assert proven(pool)


def test_offer_follows_its_auction_through_a_bid_that_is_undone():
    pool = flip_pool()
    me = customer(pool)
    pool.kick(BIG, me, 0)
    opened = pool.sales(10)
    pool.ledger.begin()
    restore = pool.checkpoint(BIG, (ETH,))
    pool.bid(1, 1_000 * UNIT[DAI], 50 * UNIT[ETH], me, 10)
    (raised,) = pool.sales(20)
    assert (raised.bidder, raised.least_bid) == (me, 1_030 * UNIT[DAI])
    assert pool.sales(700)[0].least_bid == 0, "it waits for its deal"
    assert pool.sales(20) == [raised]
    pool.ledger.rollback()
    restore()
    assert pool.sales(700) == opened


# proofs


@POOLS
def test_checkpoint_and_rollback_restore_everything(make):
    pool = make()
    me = customer(pool)
    pool.kick(SMALL, me, 0)
    pool.repay(COIN, DAI, 10**9, me, 50)
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(BIG, (ETH, DAI))
    pool.kick(BIG, me, 2_000)
    if make is clip_pool:
        pool.buy(1, 10**12, float("inf"), me, 2_000)
        pool.buy(2, 10**10, float("inf"), me, 2_000)
    else:
        pool.bid(1, 10**6, 7 * UNIT[ETH], me, 2_000)
        pool.work("deal", 1, me, 2_601)
    assert state_of(pool) != before
    pool.positions.touched.clear()
    restore()
    pool.ledger.rollback()
    assert state_of(pool) == before
    assert BIG in pool.positions.touched, "whoever screens health must look again"
    assert proven(pool)


class LossyLedger(Ledger):
    """Loses one of its transfers."""

    lost = -1

    def transfer(self, *args) -> None:
        self.lost -= 1
        if self.lost:
            super().transfer(*args)


def story(pool, me) -> None:
    """Repay, supply, withdraw, kick, buy or bid and deal."""
    pool.repay(SAFE, DAI, 10**9, me, 10)
    pool.supply(SAFE, ETH, UNIT[ETH], me, 10)
    pool.withdraw(SAFE, ETH, UNIT[ETH], me, 10)
    pool.kick(BIG, me, 20)
    if isinstance(pool, ClipPool):
        pool.buy(1, 10**9, float("inf"), me, 2_000)
    else:
        pool.bid(1, 10**9, 50 * UNIT[ETH], me, 30)
        pool.work("deal", 1, me, 700)


@pytest.mark.parametrize(("make", "legs"), [(clip_pool, 9), (flip_pool, 7)])
def test_every_lost_transfer_is_seen(make, legs):
    """Each leg of a repayment, a top-up, a withdrawal, a kick with its reward, a sale."""
    for leg in range(1, legs + 2):
        pool = make()
        me = customer(pool)
        pool.ledger.__class__ = LossyLedger
        pool.ledger.lost = leg
        try:
            story(pool, me)
        except InsufficientFundsError:
            continue
        assert pool.residual_touched().any() == (leg <= legs)
        assert pool.residual().any() == (leg <= legs)


@POOLS
@pytest.mark.parametrize("column", [ETH, 3 + DAI])
def test_corrupted_row_is_seen(make, column):
    pool = make()
    me = customer(pool)
    pool.repay(SAFE, DAI, 10**9, me, 10)
    pool.positions.amounts[SAFE, column] += 3
    assert pool.residual_touched()[column % 3] == 3
    assert pool.residual()[column % 3] == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda p: setattr(p.books, "sin", p.books.sin + 1),
        lambda p: setattr(p.books, "issued", p.books.issued - 1),
        lambda p: setattr(p.types[ETH], "dirt", 0),
        lambda p: p.gem.update({(SAFE, ETH): 1}),
        lambda p: p.lots.clear(),
    ],
)
def test_books_that_are_off_are_seen(change):
    pool = clip_pool()
    pool.kick(BIG, customer(pool), 0)
    change(pool)
    assert pool.residual().any()
    assert pool.residual_touched().any()


CALLS = st.tuples(
    st.sampled_from(["kick", "repay", "supply", "withdraw", "sell", "chore"]),
    st.integers(0, 4),
    st.integers(0, 2),
    st.floats(0.0, 1.2),
    st.integers(0, 4_000),
    st.integers(200, 3_000),
)


@POOLS
@settings(max_examples=40, deadline=None)
@given(st.lists(CALLS, max_size=25))
def test_no_sequence_of_calls_makes_or_loses_a_unit(make, calls):
    pool = make()
    people = [customer(pool, "a"), customer(pool, "b")]
    brought = [pool.ledger.balances[1:, asset].sum() for asset in (ETH, BTC)]
    now = 0
    for k, (kind, row, asset, size, wait, price) in enumerate(calls):
        now += wait
        me = people[k % 2]
        pool.set_prices([price * 10**8, 20 * price * 10**8, 10**8])
        try:
            if kind == "kick":
                pool.kick(row, me, now)
            elif kind == "repay":
                pool.repay(row, DAI, int(size * pool.debt_units(row, DAI, now)), me, now)
            elif kind == "supply":
                pool.supply(row, asset, int(size * UNIT[asset]), me, now)
            elif kind == "withdraw":
                pool.withdraw(row, asset, int(size * 10 * UNIT[asset]), me, now)
            elif kind == "sell":
                sell(pool, me, size, row, now)
            else:
                for chore in pool.chores(now):
                    pool.work(chore.kind, chore.number, me, now)
        except Revert:
            pass
        assert not pool.residual_touched().any()
        backed, debt, _ = pool.weights(now)
        for each in range(5):
            vault = pool._take(each)
            screened = pool.positions.collateral[each] @ backed * (1 - pool.caution)
            unsafe = pool._ilk(int(pool._type_of[each]), START + now).is_unsafe(vault)
            assert unsafe == (pool.health_factor(each, now) < WAD)
            assert not unsafe or screened <= pool.positions.debt[each] @ debt * (1 + 1e-14)
    assert proven(pool)
    assert (pool.ledger.balances[1:] >= 0).all()
    assert (pool.positions.amounts >= 0).all()
    assert [pool.ledger.balances[1:, asset].sum() for asset in (ETH, BTC)] == brought
    assert all(claim.min() >= 0 for group, claim in pool.claims(now).items() if group == "bidders")


def sell(pool, me, size, row, now) -> None:
    """Buy at the price of the moment, or raise the bid, in one of the auctions."""
    sales = pool.sales(now)
    if not sales:
        return
    sale = sales[row % len(sales)]
    if isinstance(pool, ClipPool):
        bought = pool.buy(sale.number, int(size * sale.most), sale.price, me, now)
        assert bought.paid <= sale.most
        assert bought.units + bought.returned <= sale.units
        return
    rising = sale.least_bid > 0
    pay = min(sale.most, max(sale.least_bid, int(size * sale.most))) if rising else sale.most
    pool.bid(sale.number, pay, sale.units if rising else int(sale.most_units * min(size, 1.0)), me, now)


@given(st.integers(1, 10**4), st.integers(1, 10**4), st.integers(0, 10**8))
@settings(max_examples=30, deadline=None)
def test_falling_price_never_heals(first, second, now):
    pool = clip_pool()
    high, low = max(first, second), min(first, second)
    pool.set_prices([high * 10**8, *PRICES[1:]])
    before = [pool.health_factor(row, now) for row in range(5)]
    pool.set_prices([low * 10**8, *PRICES[1:]])
    assert all(pool.health_factor(row, now) <= health for row, health in enumerate(before))


@POOLS
def test_claims_add_up_to_what_the_protocol_holds(make):
    """What is left to the protocol: lots under auction, surplus less unbacked debt."""
    pool = make()
    me = customer(pool)
    pool.kick(BIG, me, 0)
    if make is flip_pool:
        pool.bid(1, 10**9, 50 * UNIT[ETH], me, 0)
    claims = pool.claims(0)
    own = pool.ledger.balances[pool.account] - sum(claims.values())
    lots = sum(lot.auction.lot for lot in pool.lots.values()) / 10**9
    assert own[ETH] == pytest.approx(0 if make is flip_pool else lots, abs=1)
    assert own[DAI] == pytest.approx((pool.books.joy - pool.books.sin) / pool.books.unit, rel=1e-9)
