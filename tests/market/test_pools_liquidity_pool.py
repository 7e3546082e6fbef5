"""A pool on the ledger: money is conserved, reserves are what the account holds, quotes are true."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.market.pools import LiquidityPool, PoolTwap
from liquidarium.market.revert import Revert

ETH, DAI = 0, 1


def world(eth=1000.0, dai=2_000_000.0, **options):
    ledger = Ledger([Asset("ETH", 9), Asset("DAI", 6)])
    owner, trader = ledger.open_account("owner"), ledger.open_account("trader")
    for account in (owner, trader):
        ledger.endow(ETH, account, 10**15)
        ledger.endow(DAI, account, 10**16)
    pool = LiquidityPool(ledger, ETH, DAI, **options)
    pool.add_liquidity(owner, round(eth * 1e9), round(dai * 1e6), now_s=0)
    return ledger, pool, owner, trader


class PoolMachine(RuleBasedStateMachine):
    """Anybody does anything; the pool must own exactly its reserves after each of them."""

    def __init__(self):
        super().__init__()
        self.ledger = Ledger([Asset("ETH", 9), Asset("DAI", 6)])
        self.accounts = [self.ledger.open_account(name) for name in ("a", "b", "protocol")]
        for account in self.accounts[:2]:
            self.ledger.endow(ETH, account, 10**13)
            self.ledger.endow(DAI, account, 10**13)
        self.pool = LiquidityPool(self.ledger, ETH, DAI, protocol_fee=True, fee_to=self.accounts[2])
        self.now_s = 0

    def attempt(self, operation):
        self.now_s += 13
        state, balances = self.pool.state, self.ledger.balances.copy()
        try:
            operation()
        except Revert:
            assert self.pool.state == state
            assert (self.ledger.balances == balances).all()

    who = st.integers(0, 1)
    size = st.integers(0, 2 * 10**13)

    @rule(who=who, asset=st.sampled_from([ETH, DAI]), amount=size)
    def swap(self, who, asset, amount):
        self.attempt(lambda: self.pool.swap(self.accounts[who], asset, amount, now_s=self.now_s))

    @rule(who=who, asset=st.sampled_from([ETH, DAI]), amount=size)
    def swap_for_exact(self, who, asset, amount):
        self.attempt(lambda: self.pool.swap_for_exact(self.accounts[who], asset, amount, now_s=self.now_s))

    @rule(who=who, amount0=size, amount1=size)
    def deposit(self, who, amount0, amount1):
        self.attempt(lambda: self.pool.add_liquidity(self.accounts[who], amount0, amount1, now_s=self.now_s))

    @rule(who=st.integers(0, 2), percent=st.integers(0, 101))
    def withdraw(self, who, percent):
        account = self.accounts[who]
        shares = self.pool.shares(account) * percent // 100
        self.attempt(lambda: self.pool.remove_liquidity(account, shares, now_s=self.now_s))

    @invariant()
    def the_account_holds_the_reserves(self):
        assert self.pool.residual() == (0, 0)

    @invariant()
    def shares_add_up(self):
        assert self.pool.shares_residual() == 0

    @invariant()
    def nothing_is_lost(self):
        assert (self.ledger.imbalance() == 0).all()
        assert (self.ledger.balances[1:] >= 0).all()


PoolMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestPoolMachine = PoolMachine.TestCase


def test_a_swap_moves_both_legs_and_says_why():
    ledger, pool, _, trader = world()
    held = ledger.balance(trader, DAI)
    paid = pool.swap(trader, ETH, 10 * 10**9, now_s=13)
    assert paid / 1e6 == pytest.approx(19743.16069, abs=1e-5)  # CASES X01
    assert ledger.balance(trader, DAI) == held + paid
    assert ledger.volumes[Reason.SWAP].tolist() == [10 * 10**9, paid]


def test_a_swap_below_the_minimum_changes_nothing():
    ledger, pool, _, trader = world()
    before = ledger.balances.copy()
    with pytest.raises(Revert, match="UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT"):
        pool.swap(trader, ETH, 10 * 10**9, min_out=19_744 * 10**6, now_s=13)
    assert (ledger.balances == before).all()


def test_an_account_cannot_swap_more_than_it_holds():
    _, pool, _, trader = world()
    with pytest.raises(Revert, match="TRANSFER_FROM_FAILED"):
        pool.swap(trader, ETH, 10**15 + 1, now_s=13)


@given(
    eth=st.floats(1, 1e5),
    dai=st.floats(1e3, 1e9),
    tokens=st.floats(1e-3, 1e4),
    fee=st.sampled_from([0, 30, 100]),
)
@settings(deadline=None)
def test_float_quotes_are_what_a_swap_pays_but_for_the_last_units(eth, dai, tokens, fee):
    _, pool, _, trader = world(eth, dai, fee_bps=fee)
    quoted = pool.quote_out(ETH, tokens)
    assume(quoted > 1e-3)
    needed = pool.quote_in(DAI, quoted)
    paid = pool.swap(trader, ETH, round(tokens * 1e9), now_s=13) / 1e6
    assert paid == pytest.approx(quoted, rel=1e-6, abs=2e-6 + 1e-9 * dai / eth)
    assert needed == pytest.approx(tokens, rel=1e-9)


@given(target=st.floats(0.2, 0.999), fee=st.sampled_from([0, 30, 100]), asset=st.sampled_from([ETH, DAI]))
@settings(deadline=None)
def test_the_amount_that_moves_the_price_to_a_target_does(target, fee, asset):
    ledger, pool, _, trader = world(fee_bps=fee)
    goal = pool.price(asset) * target
    tokens = pool.tokens_to_price(asset, goal)
    pool.swap(trader, asset, ledger.assets[asset].to_units(tokens), now_s=13)
    assert pool.price(asset) == pytest.approx(goal, rel=1e-7)
    assert pool.tokens_to_price(asset, goal * 1.001) == 0.0


@given(ratio=st.floats(0.3, 1.2), fee=st.sampled_from([0, 30, 100]))
@settings(deadline=None)
def test_no_other_size_earns_an_arbitrageur_more(ratio, fee):
    _, pool, _, _ = world(fee_bps=fee)
    outside = pool.price(ETH) * ratio

    def profit(tokens):
        return pool.quote_out(ETH, tokens) - tokens * outside

    best = pool.tokens_to_arbitrage(ETH, outside)
    if ratio >= 1 - fee / 1e4:
        assert best == pytest.approx(0.0, abs=1e-9)  # inside the no-arbitrage band, MODEL 10.5
    for other in (0.0, 0.9 * best, 0.99 * best, 1.01 * best, 1.1 * best + 0.01):
        assert profit(other) <= profit(best) + 1e-6


def test_reserves_that_a_ledger_cannot_hold_are_refused():
    ledger = Ledger([Asset("ETH", 9), Asset("DAI", 6)])
    owner = ledger.open_account("owner")
    for asset in (ETH, DAI):
        ledger.endow(asset, owner, 2**62)
    pool = LiquidityPool(ledger, ETH, DAI)
    pool.add_liquidity(owner, 2**62, 2**62, now_s=0)
    ledger.endow(ETH, owner, 2**62)
    with pytest.raises(Revert, match="UniswapV2: OVERFLOW"):
        pool.swap(owner, ETH, 2**62, now_s=13)
    assert pool.residual() == (0, 0)


def test_slippage_begins_at_the_fee_and_grows_with_size():
    _, pool, _, _ = world()
    assert pool.slippage(ETH, 0.0) == pytest.approx(0.003)
    losses = [pool.slippage(ETH, tokens) for tokens in (1e-6, 1.0, 10.0, 100.0)]
    assert losses == sorted(losses)
    assert losses[0] == pytest.approx(0.003, abs=1e-8)


def test_a_deposit_keeps_the_price_and_returns_what_is_too_much():
    _, pool, owner, trader = world()
    minted, used_eth, used_dai = pool.add_liquidity(trader, 10 * 10**9, 10**12, now_s=13)
    assert (used_eth, used_dai) == (10 * 10**9, 20_000 * 10**6)
    assert pool.price(ETH) == pytest.approx(2000.0)
    assert minted / pool.shares(owner) == pytest.approx(0.01, rel=1e-6)
    with pytest.raises(Revert, match="INSUFFICIENT_B_AMOUNT"):
        pool.add_liquidity(trader, 10 * 10**9, 10**12, min1=20_001 * 10**6, now_s=26)


def test_nobody_withdraws_the_shares_of_others():
    _, pool, _, trader = world()
    with pytest.raises(Revert, match="ds-math-sub-underflow"):
        pool.remove_liquidity(trader, 1, now_s=13)


def test_a_snapshot_brings_back_state_and_shares():
    _, pool, _, trader = world()
    kept = pool.snapshot()
    before = pool.state
    pool.add_liquidity(trader, 10**9, 2 * 10**9, now_s=13)
    pool.restore(kept)
    assert (pool.state, pool.shares(trader)) == (before, 0)


def test_a_twap_is_the_average_of_the_prices_that_held():
    _, pool, _, trader = world(fee_bps=0)
    times = [0, 10, 20, 30, 40, 50]
    twap = PoolTwap(pool, ETH, 30, times)
    held = []
    readings = []
    for block, now in enumerate(times):
        readings.append(twap.observe(block))
        pool.swap(trader, ETH, 20 * 10**9, now_s=now)  # after the reading: holds until the next block
        held.append(pool.price(ETH))
    assert readings[0] != readings[0]  # no time has passed
    assert readings[1] == pytest.approx(held[0])
    assert readings[3] == pytest.approx(sum(held[:3]) / 3)
    assert readings[5] == pytest.approx(sum(held[2:5]) / 3)


def test_one_block_cannot_move_a_twap_that_is_read_in_the_same_block():
    _, pool, _, trader = world()
    twap = PoolTwap(pool, DAI, 60, [0, 13, 26])
    twap.observe(0)
    before = twap.observe(1)
    pool.swap(trader, ETH, 500 * 10**9, now_s=13)
    assert twap.observe(1) == before == pytest.approx(1 / 2000)
    assert twap.observe(2) > before


def test_a_pool_names_what_is_wrong_with_it():
    ledger = Ledger([Asset("ETH", 9), Asset("DAI", 6)])
    with pytest.raises(ValueError, match="two different assets"):
        LiquidityPool(ledger, ETH, ETH)
    with pytest.raises(ValueError, match="fee_to"):
        LiquidityPool(ledger, ETH, DAI, protocol_fee=True)
    with pytest.raises(ValueError, match="trades assets"):
        LiquidityPool(ledger, ETH, DAI).price(7)
