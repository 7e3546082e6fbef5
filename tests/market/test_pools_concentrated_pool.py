"""A concentrated pool on the ledger: the bare rules, money conserved, quotes true, ranges walked exactly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger
from liquidarium.market.pools import LiquidityPool, PoolTwap
from liquidarium.market.pools import concentrated_liquidity as rules
from liquidarium.market.pools.concentrated_pool import ConcentratedPool
from liquidarium.market.revert import Revert

ETH, DAI = 0, 1
FULL = (-887_220, 887_220)


def world(bands=((1.1, 3.0),), quote=2_000_000.0, price=2000.0, **options):
    """Pool at 2000 with a full range worth `quote` and bands (factor of the price, times that liquidity)."""
    ledger = Ledger([Asset("ETH", 9), Asset("DAI", 6)])
    owner, trader = ledger.open_account("owner"), ledger.open_account("trader")
    for account in (owner, trader):
        ledger.endow(ETH, account, 10**15)
        ledger.endow(DAI, account, 10**16)
    pool = ConcentratedPool(ledger, ETH, DAI, price=price, **options)
    base = pool.liquidity_for(*pool.range_around(0.0, 1e30), round(quote / price * 1e9), round(quote * 1e6))
    pool.add_liquidity(owner, *pool.range_around(0.0, 1e30), base, now_s=0)
    for factor, times in bands:
        ticks = pool.range_around(price / factor, price * factor)
        pool.add_liquidity(owner, *ticks, int(base * times), now_s=0)
    return ledger, pool, owner, trader


def total(ledger):
    return ledger.balances.sum(axis=0).tolist()


class PoolMachine(RuleBasedStateMachine):
    """Anybody does anything; a refusal changes nothing, and everybody could always be paid."""

    def __init__(self):
        super().__init__()
        self.ledger, self.pool, *self.accounts = world()
        self.now_s = 0
        self.total = total(self.ledger)

    def attempt(self, operation):
        self.now_s += 13
        state, balances = self.pool.state, self.ledger.balances.copy()
        try:
            operation()
        except Revert:
            assert self.pool.state is state
            assert (self.ledger.balances == balances).all()

    who, asset = st.integers(0, 1), st.sampled_from([ETH, DAI])
    size = st.integers(0, 10**16)
    bounds = st.tuples(st.integers(-40, 39), st.integers(1, 30))

    @rule(who=who, asset=asset, amount=size)
    def swap(self, who, asset, amount):
        self.attempt(lambda: self.pool.swap(self.accounts[who], asset, amount, now_s=self.now_s))

    @rule(who=who, asset=asset, amount=size)
    def swap_for_exact(self, who, asset, amount):
        self.attempt(lambda: self.pool.swap_for_exact(self.accounts[who], asset, amount, now_s=self.now_s))

    @rule(who=who, bounds=bounds, liquidity=st.integers(0, 10**15))
    def add(self, who, bounds, liquidity):
        middle = self.pool.state.core.tick // 60
        lower, upper = (middle + bounds[0]) * 60, (middle + bounds[0] + bounds[1]) * 60
        self.attempt(
            lambda: self.pool.add_liquidity(self.accounts[who], lower, upper, liquidity, now_s=self.now_s)
        )

    @rule(place=st.integers(0, 5), share=st.sampled_from([0, 1, 2]))
    def remove(self, place, share):
        positions = list(self.pool.state.positions.items())
        key, held = positions[place % len(positions)]
        if key[2] - key[1] > 10**6:
            share = 0  # the full range stays
        self.attempt(lambda: self.pool.remove_liquidity(*key, held.liquidity * share // 2, now_s=self.now_s))

    @invariant()
    def nothing_is_lost(self):
        assert self.pool.residual() == (0, 0)
        assert total(self.ledger) == self.total
        for reserve, claim in zip(self.pool.reserves, self.pool.claims(), strict=True):
            assert 0 <= reserve - claim < 1_000, "what rounding keeps is dust"


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 10**13)), min_size=1, max_size=6))
def test_the_pool_does_what_the_bare_rules_do(trades):
    ledger, pool, _, trader = world()
    bare = pool.state.core
    for zero_for_one, amount in trades:
        before = ledger.balances[trader].copy()
        done = rules.swap(bare, pool.parameters, zero_for_one, amount)
        bare = done.state
        pool.swap(trader, ETH if zero_for_one else DAI, amount, now_s=1)
        assert pool.state.core == bare
        assert (ledger.balances[trader] - before).tolist() == [-done.amount0, -done.amount1]


@pytest.mark.parametrize("asset", [ETH, DAI])
@pytest.mark.parametrize("share", [1e-4, 0.01, 0.3])
def test_a_full_range_trades_like_a_constant_product_pool(asset, share):
    """They differ by the fee, which v2 leaves in the reserves, and by that alone."""
    ledger, pool, _, _ = world(bands=())
    other = LiquidityPool(ledger, ETH, DAI, name="v2")
    owner = ledger.open_account("v2-owner")
    ledger.endow(ETH, owner, 10**12)
    ledger.endow(DAI, owner, 2 * 10**12)
    other.add_liquidity(owner, 10**12, 2 * 10**12, now_s=0)
    tokens = share * (1_000.0 if asset == ETH else 2e6)
    assert pool.price(asset) == pytest.approx(other.price(asset), rel=1e-9)
    assert pool.quote_out(asset, tokens) == pytest.approx(other.quote_out(asset, tokens), rel=1e-6)
    out = pool.quote_out(asset, tokens)
    assert pool.quote_in(1 - asset, out) == pytest.approx(tokens, rel=1e-6)
    assert pool.slippage(asset, tokens) == pytest.approx(other.slippage(asset, tokens), rel=1e-4)
    assert pool.depth_towards(1000.0) == pytest.approx(other.depth_towards(1000.0), rel=1e-6)
    assert pool.virtual_reserves == pytest.approx(other.virtual_reserves, rel=1e-6)
    target = 0.8 * pool.price(asset)
    assert pool.tokens_to_price(asset, target) == pytest.approx(
        other.tokens_to_price(asset, target), rel=2e-3
    )
    assert pool.tokens_to_arbitrage(asset, target) == pytest.approx(
        other.tokens_to_arbitrage(asset, target), rel=1e-6
    ), "the best trade is the same, as the fee comes off the input in both"


@pytest.mark.parametrize("asset", [ETH, DAI])
def test_an_arbitrage_across_ranges_is_the_best_there_is(asset):
    """Three ranges are crossed; no other size earns more, and the price ends at the edge of the band."""
    _, pool, _, trader = world(bands=((1.02, 30.0), (1.1, 5.0)))
    outside = 0.75 * pool.price(asset)
    best = pool.tokens_to_arbitrage(asset, outside)

    def gain(tokens):
        return pool.quote_out(asset, tokens) - tokens * outside

    sizes = [best * k / 50 for k in range(1, 120)]
    assert gain(best) >= max(map(gain, sizes)) - 1e-6 * abs(gain(best))
    pool.swap(trader, asset, int(best * (1e9 if asset == ETH else 1e6)), now_s=5)
    assert pool.price(asset) == pytest.approx(outside / 0.997, rel=1e-6)
    assert pool.tokens_to_arbitrage(asset, outside) == pytest.approx(0.0, abs=1e-4 * best)
    assert pool.tokens_to_arbitrage(1 - asset, 1.0 / outside) == 0.0


def test_depth_on_the_way_counts_every_range():
    """The quote tokens that a fall takes out are those of a constant-product pool of that depth."""
    _, pool, _, _ = world(bands=((1.02, 30.0), (1.1, 5.0)))
    for target in (1990.0, 1900.0, 1500.0, 2030.0, 2500.0):
        depth, factor = pool.depth_towards(target), target / 2000.0
        if factor < 1.0:
            out = pool.quote_out(ETH, pool.tokens_to_price(ETH, target))
        else:
            out = 0.997 * pool.tokens_to_price(DAI, 1.0 / target)
        assert out == pytest.approx(depth * abs(factor**0.5 - 1.0), rel=1e-5)
    assert pool.depth_towards(1990.0) > 5 * pool.depth_towards(1500.0)


def test_a_narrow_position_earns_the_fees_of_the_trades_in_its_range():
    ledger, pool, owner, trader = world(bands=())
    ticks = pool.range_around(1900.0, 2100.0)
    full = pool.state.core.liquidity
    pool.add_liquidity(owner, *ticks, 3 * full, now_s=1)
    pool.swap(trader, ETH, 10**9, now_s=2)
    assert pool.fees(owner, *ticks)[0] == pytest.approx(0.75 * 0.003 * 1e9, rel=1e-6)
    out = pool.tokens_to_price(ETH, 1000.0)
    pool.swap(trader, ETH, int(out * 1e9), now_s=3)
    earned = pool.fees(owner, *ticks)
    pool.swap(trader, ETH, 10**10, now_s=4)
    assert pool.fees(owner, *ticks) == earned, "out of its range it earns nothing"
    before = ledger.balances[owner].copy()
    principal = pool.principal(owner, *ticks)
    assert principal[1] == 0, "all of it is in the asset that fell"
    pool.remove_liquidity(owner, *ticks, 3 * full, now_s=5)
    assert (ledger.balances[owner] - before).tolist() == [principal[k] + earned[k] for k in (0, 1)]
    assert (owner, *ticks) not in pool.state.positions


def test_a_snapshot_brings_everything_back():
    ledger, pool, owner, trader = world()
    kept, ticks = pool.snapshot(), pool.range_around(1990.0, 2010.0)
    ledger.begin()
    pool.swap(trader, ETH, 10**11, now_s=7)
    pool.add_liquidity(owner, *ticks, 10**12, now_s=8)
    ledger.rollback()
    pool.restore(kept)
    assert pool.snapshot() is kept
    assert pool.residual() == (0, 0)


def test_a_range_around_any_prices_is_one_that_the_pool_allows():
    _, pool, owner, _ = world()
    for low, high in ((1e-300, 2e-300), (1e250, 2e250), (2000.0, 2000.0), (1e-300, 1e300)):
        lower, upper = pool.range_around(low, high)
        assert lower < upper
        pool.add_liquidity(owner, lower, upper, 1, now_s=1)


def test_its_average_is_the_geometric_mean():
    """Half of the time at 2000 and half at 500 gives 1000 (MODEL 3.8: geometric)."""
    _, pool, _, trader = world()
    twap = PoolTwap(pool, ETH, 1e6, [100.0 * k for k in range(5)])
    twap.observe(0)
    pool.swap(trader, ETH, int(pool.tokens_to_price(ETH, 500.0) * 1e9), now_s=100)
    assert twap.observe(2) == pytest.approx(1000.0, rel=1e-3)
    inverse = PoolTwap(pool, DAI, 1e6, [200.0, 300.0])
    inverse.observe(0)
    assert inverse.observe(1) == pytest.approx(1 / 500.0, rel=1e-3)


def test_what_it_refuses():
    ledger, pool, _, trader = world()
    poor = ledger.open_account("poor")
    with pytest.raises(Revert, match="STF"):
        pool.swap(poor, ETH, 10**9, now_s=1)
    with pytest.raises(Revert, match="Too little received"):
        pool.swap(trader, ETH, 10**9, 2_000 * 10**6, now_s=1)
    with pytest.raises(Revert, match="Too much requested"):
        pool.swap_for_exact(trader, ETH, 10**9, 2_000 * 10**6, now_s=1)
    with pytest.raises(Revert, match="liquidity ends"):
        pool.swap_for_exact(trader, ETH, 10**15, now_s=1)
    with pytest.raises(Revert, match="NP"):
        pool.remove_liquidity(trader, *pool.range_around(1900.0, 2100.0), 1, now_s=1)
    with pytest.raises(Revert, match="STF"):
        pool.add_liquidity(poor, *pool.range_around(1900.0, 2100.0), 10**9, now_s=1)
    with pytest.raises(ValueError, match="fee_bps must be one of 1, 5, 30, 100, got 7"):
        ConcentratedPool(ledger, ETH, DAI, price=1.0, fee_bps=7)
    with pytest.raises(ValueError, match="price must be positive"):
        ConcentratedPool(ledger, ETH, DAI, price=0.0)
