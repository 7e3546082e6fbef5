"""What each lending protocol costs: screening a crowd, and liquidating, as one Markdown table.

    python benchmarks/bench_protocols.py [KIND ...] [--quick] [--out FILE.md]

For every kind of `experiments/world/lending/kinds.py`, on the assets of ``may-2021``:

``screening``
    One price update that all of the crowd sees: every price falls by 0.1 %, then `set_prices`,
    `weights` and the screen, as `WatchList.reprice` has it, those found below 1 put on its list.
    A mean over a hundred such updates in a row from the first prices, about 10 % in all, and the
    slowest of them, as work comes in lumps. The crowd is that of the day ten times over (more
    often where small debts are not allowed), with ten times the debt, so that accounts are as
    large as on the day.
``exact rule``
    The function that conforms to the contract's records, bare: no arrays, no ledger. One call
    per account and second, with the accrual that the call itself does in the contract. An account
    has two collaterals and two debts where the protocol allows it. Making the accounts is not in it.
``pool``
    `LendingPool.liquidate` or `kick` as a transaction makes it: a checkpoint, the account out of
    the arrays, the rule, the account back, the ledger's movements in a journal that can be undone.
    The same crowd after a fall of 30 %, largest debts first; one call for each account and block of
    13 s, so that interest accrues before each. Calls that the rule refuses take time too and are
    counted in the remark.

Times are of the processor, and what the set-up left is collected before; every kind and round
has a process of its own, in turns forwards and backwards. Medians of rounds.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench_day import Row, at_least_one, in_own_process, in_turns, markdown, say, setting
from liquidarium.experiments.episodes.fits import load_fit
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.world.lending.kinds import lending_kinds
from liquidarium.experiments.world.watchlist import WatchList
from liquidarium.market.ledger import LARGEST_ENDOWMENT
from liquidarium.market.revert import Revert
from liquidarium.protocols.fixed_point import RAY, WAD
from liquidarium.protocols.lending import compound_v2, morpho
from liquidarium.protocols.lending.aave import Account
from liquidarium.protocols.lending.aave.pool import AavePool
from liquidarium.protocols.lending.aave.pool_v4 import AaveV4Pool
from liquidarium.protocols.lending.ajna import auction as ajna
from liquidarium.protocols.lending.ajna.pool import AjnaPool
from liquidarium.protocols.lending.comet.absorb import absorb
from liquidarium.protocols.lending.comet.pool import CometPool
from liquidarium.protocols.lending.comet.state import CometAccount
from liquidarium.protocols.lending.compound_v2.pool import CompoundPool
from liquidarium.protocols.lending.euler import liquidation as euler
from liquidarium.protocols.lending.euler import v1
from liquidarium.protocols.lending.euler.pool import TO_18_DECIMALS, EulerPool
from liquidarium.protocols.lending.euler.pool_v1 import EulerV1Pool
from liquidarium.protocols.lending.euler.vault import DEBT_SHIFT
from liquidarium.protocols.lending.euler.vault import accrue as accrue_vault
from liquidarium.protocols.lending.euler.vault import repay as repay_vault
from liquidarium.protocols.lending.fluid import vault as fluid
from liquidarium.protocols.lending.fluid.pool import FluidPool
from liquidarium.protocols.lending.liquity.liquidation import liquidate as liquidate_trove
from liquidarium.protocols.lending.liquity.parameters import BranchParameters
from liquidarium.protocols.lending.liquity.pool_v1 import LiquityV1Pool
from liquidarium.protocols.lending.liquity.pool_v2 import LiquityV2Pool
from liquidarium.protocols.lending.liquity.troves import LiquitySystem
from liquidarium.protocols.lending.liquity.v2 import liquidate_branch
from liquidarium.protocols.lending.llamma.borrowing import create_loan
from liquidarium.protocols.lending.llamma.liquidation import liquidate as liquidate_loan
from liquidarium.protocols.lending.llamma.oracle import quote as llamma_quote
from liquidarium.protocols.lending.llamma.pool import LlammaPool
from liquidarium.protocols.lending.maker.cat import bite
from liquidarium.protocols.lending.maker.clip import feed_price
from liquidarium.protocols.lending.maker.clip_pool import ClipPool
from liquidarium.protocols.lending.maker.dog import Dirt, bark
from liquidarium.protocols.lending.maker.flip_pool import FlipPool
from liquidarium.protocols.lending.maker.vat import Ilk, Vault
from liquidarium.protocols.lending.morpho.pool import MorphoPool
from liquidarium.protocols.lending.morpho.rates import adaptive_rate
from liquidarium.protocols.lending.silo.liquidation import PositionValue, liquidation_preview
from liquidarium.protocols.lending.silo.market import accrue as accrue_silo
from liquidarium.protocols.lending.silo.market import repay as repay_silo
from liquidarium.protocols.lending.silo.pool import SiloPool

SCENARIO = "may-2021"
ETH, BTC, USDC, DAI = 0, 1, 4, 6
"""Columns of the scenario's assets."""

RISKY = ("ETH", "BTC", "LINK", "AAVE")
CROWDS = {"maker": 29, "maker-flip": 10, "liquity": 20, "liquity-v2": 20}
"""How often the crowd of the day is drawn, where ten times leave fewer than 100,000 accounts."""

UNLIMITED = ["protocol.total_hole=1e14", *(f"protocol.collateral.{symbol}.hole=1e14" for symbol in RISKY)]
"""Room for every vault at once, as Maker would refuse most of them until the first are sold."""

MOVE = 0.999
UPDATES = 100
CRASH = 0.7

Run = Callable[[], None]


# the crowd


def crowded(kind: str, crowds: int) -> LiquidationMarket:
    """Return the world of the day with this protocol and the crowd drawn so many times over."""
    fit = load_fit(SCENARIO)
    return LiquidationMarket(
        SCENARIO,
        overrides=[
            f"protocol.kind={kind}",
            f"borrowers.count={crowds * 10_000}",
            f"borrowers.total_debt_usd={crowds * fit.total_debt_usd}",
            f"borrowers.parameters.size.top_rank={crowds * fit.law.size.top_rank}",
            f"borrowers.parameters.size.body_rank={crowds * fit.law.size.body_rank}",
            *(UNLIMITED if kind == "maker" else []),
        ],
    )


def answers(prices: Sequence[float], factor: float) -> list[int]:
    """Oracle prices of which those of collateral, and of everything else, are `factor` of the first."""
    return [round(price * factor * 1e8) for price in prices]


def screen(world: LiquidationMarket) -> tuple[float, float]:
    """Milliseconds of one update of all prices: mean and slowest over a fall of a hundred steps."""
    pool, prices = world.lending.pool, world.oracle_prices
    steps = [answers(prices, MOVE**k) for k in range(1, UPDATES + 1)]
    pool.set_prices(answers(prices, 1.0))
    watch = WatchList(pool, world.lending.watch.screen.levels[:-1])
    watch.reprice(0.0)
    taken = []
    gc.collect()
    for second, step in enumerate(steps):
        started = time.process_time()
        pool.set_prices(step)
        watch.reprice(13.0 * second)
        taken.append((time.process_time() - started) * 1e3)
    return sum(taken) / UPDATES, max(taken)


def crash(world: LiquidationMarket, calls: int) -> tuple[float, int, int]:
    """Liquidations per second of the pool, how many there were, and how many calls it refused."""
    pool, ledger, watch = world.lending.pool, world.ledger, world.lending.watch
    first = answers(world.oracle_prices, 1.0)
    fallen = [round(price * CRASH) if column < len(RISKY) else price for column, price in enumerate(first)]
    pool.set_prices(fallen)
    watch.reprice(0.0)
    rows = watch.awake
    best = pool.best_calls(watch.screen, rows, watch.values)
    caller = ledger.open_account("caller")
    for asset in range(len(RISKY), len(ledger.assets)):
        ledger.endow(asset, caller, LARGEST_ENDOWMENT)
    owed = pool.positions.debt[rows] @ watch.debt_values
    todo = []
    for i in np.argsort(-owed, kind="stable")[:calls].tolist():
        collateral, debt = int(best.collateral_asset[i]), int(best.debt_asset[i])
        cover = int(best.repay_usd[i] * ledger.assets[debt].unit)
        todo.append((int(rows[i]), collateral, debt, cover))
    refused = 0
    gc.collect()
    started = time.process_time()
    for block, (row, collateral, debt, cover) in enumerate(todo):
        ledger.begin()
        restore = pool.checkpoint(row, (collateral, debt))
        try:
            if pool.kicked:
                pool.kick(row, caller, 13 * block)
            else:
                pool.liquidate(row, collateral, debt, cover, caller, 13 * block)
        except Revert:
            ledger.rollback()
            restore()
            refused += 1
        else:
            ledger.commit()
    seconds = time.process_time() - started
    if pool.residual().any():
        raise AssertionError(f"{pool.name}: books and ledger disagree by {pool.residual()}")
    return (len(todo) - refused) / seconds, len(todo) - refused, refused


# the rules, bare


def size_usd(i: int) -> int:
    """Value of the collateral of account `i`, above every least debt, USD."""
    return 10_000 + 1_000 * (i % 7)


def units(pool: Any, prices: Sequence[float], asset: int, usd: float) -> int:
    """Return the base units of an asset that are worth so much."""
    return int(usd / prices[asset] * pool.ledger.assets[asset].unit)


def priced(pool: Any) -> list[tuple[int, Any]]:
    """Oracle price and asset of every ledger column."""
    return list(zip(pool.prices, pool.ledger.assets, strict=True))


def mixed(pool: Any, prices: Sequence[float], i: int) -> tuple[int, int, int, int]:
    """Units of ETH, BTC, USDC and DAI of an account at a health of 0.97."""
    usd = size_usd(i)
    owed = usd * (0.6 * pool.thresholds[ETH] + 0.4 * pool.thresholds[BTC]) / 0.97
    return (
        units(pool, prices, ETH, 0.6 * usd),
        units(pool, prices, BTC, 0.4 * usd),
        units(pool, prices, USDC, 0.8 * owed),
        units(pool, prices, DAI, 0.2 * owed),
    )


def simple(pool: Any, prices: Sequence[float], i: int, debt: int) -> tuple[int, int]:
    """Units of ETH, and of a debt, of an account at a health of 0.97."""
    usd = size_usd(i)
    return units(pool, prices, ETH, usd), units(pool, prices, debt, usd * pool.thresholds[ETH] / 0.97)


def aave_rule(pool: AavePool, prices: Sequence[float], calls: int) -> Run:
    """`liquidation_call` of the pool's version."""
    accounts = []
    for i in range(calls):
        eth, btc, usdc, dai = mixed(pool, prices, i)
        collateral, debt = [eth, btc, 0, 0, 0, 0, 0], [0, 0, 0, 0, usdc, 0, dai]
        accounts.append(Account(collateral, debt, 0b0000011, 0b1010000))
    reserves = [dataclasses.replace(state) for state in pool.reserves]

    def run() -> None:
        for i, account in enumerate(accounts):
            pool.rules.liquidation_call(
                reserves,
                pool.market,
                pool.prices,
                pool.start_s + i,
                account,
                collateral=ETH,
                debt=USDC,
                debt_to_cover=10**15,
            )

    return run


def compound_rule(pool: CompoundPool, prices: Sequence[float], calls: int) -> Run:
    """`liquidate_borrow`, both markets accrued in every call."""
    nothing = compound_v2.Holding()
    accounts = []
    for i in range(calls):
        eth, btc, usdc, dai = mixed(pool, prices, i)
        holdings = [nothing] * 7
        holdings[ETH] = compound_v2.Holding(tokens=eth, entered=True)
        holdings[BTC] = compound_v2.Holding(tokens=btc, entered=True)
        holdings[USDC] = compound_v2.Holding(0, usdc, WAD, True)
        holdings[DAI] = compound_v2.Holding(0, dai, WAD, True)
        accounts.append((holdings, 2 * usdc // 5))
    first = pool.block(0)

    def run() -> None:
        markets: Sequence[compound_v2.MarketState] = pool.markets
        for i, (holdings, repay) in enumerate(accounts):
            markets = compound_v2.liquidate_borrow(
                pool.params,
                markets,
                holdings,
                pool.prices,
                first + i,
                borrowed=USDC,
                collateral=ETH,
                repay_amount=repay,
            ).markets

    return run


def morpho_rule(pool: MorphoPool, prices: Sequence[float], calls: int) -> Run:
    """Adaptive rate, `accrue` and `liquidate`: what one call of the contract does."""
    book, accounts = pool.books[ETH, USDC], []
    for i in range(calls):
        eth, usdc = simple(pool, prices, i, USDC)
        shares = usdc * 10**6
        accounts.append((morpho.Position(0, shares, eth), shares // 2))
    assets = pool.ledger.assets
    scale = morpho.price_scale(assets[USDC].decimals, assets[ETH].decimals)
    price = pool.prices[ETH] * scale // pool.prices[USDC]

    def run() -> None:
        market, at_target, parameters = book.market, book.rate_at_target, book.parameters
        for i, (position, shares) in enumerate(accounts):
            now = pool.start_s + i
            rate, at_target = adaptive_rate(market, at_target, now)
            market = morpho.accrue(market, parameters, rate, now).market
            market = morpho.liquidate(market, position, parameters, price, repaid_shares=shares).market

    return run


def comet_rule(pool: CometPool, prices: Sequence[float], calls: int) -> Run:
    """`absorb`, with its accrual."""
    listed = [pool.ledger.asset_index[asset.symbol] for asset in pool.params.assets]
    accounts = []
    for i in range(calls):
        eth, btc, usdc, dai = mixed(pool, prices, i)
        held = {ETH: eth, BTC: btc}
        owed = usdc + dai * pool.ledger.assets[USDC].unit // pool.ledger.assets[DAI].unit
        accounts.append(CometAccount(-owed, tuple(held.get(column, 0) for column in listed)))

    def run() -> None:
        state = pool.state
        for i, account in enumerate(accounts):
            state = absorb(pool.params, state, account, pool.prices, pool.start_s + i).state

    return run


def maker_rule(pool: ClipPool | FlipPool, prices: Sequence[float], calls: int) -> Run:
    """`bark` of 2021 or `bite` of 2020, of a collateral type that is dripped already."""
    terms, feed = pool.terms[ETH], feed_price(pool.prices[ETH] * 10**10)
    ilk = Ilk(RAY, feed * RAY // terms.mat, 0)
    vaults = []
    for i in range(calls):
        eth, dai = simple(pool, prices, i, DAI)
        assets = pool.ledger.assets
        vaults.append(Vault(eth * 10**18 // assets[ETH].unit, dai * 10**18 // assets[DAI].unit))

    def barked() -> None:
        assert isinstance(pool, ClipPool)
        dog, clip = pool.settings[ETH].dog, pool.settings[ETH].clip
        for i, vault in enumerate(vaults):
            bark(vault, ilk, dog, clip, dirt=Dirt(), feed=feed, now=pool.start_s + i)

    def bitten() -> None:
        assert isinstance(pool, FlipPool)
        cat, flip = pool.settings[ETH].cat, pool.settings[ETH].flip
        for i, vault in enumerate(vaults):
            bite(vault, ilk, cat, flip, pool.start_s + i)

    return barked if isinstance(pool, ClipPool) else bitten


def liquity_rule(pool: LiquityV1Pool | LiquityV2Pool, prices: Sequence[float], calls: int) -> Run:
    """`liquidate`, or `liquidate_branch`, of one trove against a stability pool that pays it all."""
    system, price = LiquitySystem(pool.systems[ETH].parameters), pool.prices[ETH]
    for i in range(calls):
        eth, usdc = simple(pool, prices, i, pool.debt_asset)
        system.add_trove(i, usdc, eth)
    owed = system.debt
    system.add_trove(calls, owed, 10 * system.collateral)
    system.pool.provide(0, 2 * owed)

    def one() -> None:
        for i in range(calls):
            liquidate_trove(system, i, price)

    def branch_of(pool: LiquityV2Pool) -> Run:
        branch: BranchParameters = pool.branches[ETH]

        def run() -> None:
            for i in range(calls):
                liquidate_branch(system, branch, [i], price)

        return run

    return branch_of(pool) if isinstance(pool, LiquityV2Pool) else one


def euler_rule(pool: EulerPool, prices: Sequence[float], calls: int) -> Run:
    """`accrue`, `liquidate` and the liquidator's `repay`."""
    quotes = [euler.Quote(price * TO_18_DECIMALS, asset.decimals) for price, asset in priced(pool)]
    accounts = []
    for i in range(calls):
        eth, usdc = simple(pool, prices, i, USDC)
        accounts.append(([euler.Collateral(eth, quotes[ETH], pool.ltv[ETH])], usdc << DEBT_SHIFT))

    def run() -> None:
        vault = pool.books[USDC].vault
        for held, owed in accounts:
            vault = accrue_vault(vault, pool.parameters, 1)
            done = euler.liquidate(vault, pool.parameters, held, 0, owed, 0, quotes[USDC], since_check=10**9)
            vault = repay_vault(done.vault, done.liquidator_debt, done.repaid).vault

    return run


def euler_v1_rule(pool: EulerV1Pool, prices: Sequence[float], calls: int) -> Run:
    """`liquidate_v1` of all that one call may repay, which asks for that first."""
    factors, assets = pool.factors[ETH], pool.ledger.assets
    assert factors is not None
    price_of = [price * TO_18_DECIMALS for price, _ in priced(pool)]
    accounts = []
    for i in range(calls):
        eth, usdc = simple(pool, prices, i, USDC)
        held, owed = eth * 10**18 // assets[ETH].unit, usdc * 10**18 // assets[USDC].unit
        value = held * price_of[ETH] // WAD * factors.collateral_factor // (4 * 10**9)
        liability = owed * price_of[USDC] // WAD * 4 * 10**9 // factors.borrow_factor
        accounts.append(v1.V1Account(value, liability, held, owed, price_of[ETH], price_of[USDC]))

    def run() -> None:
        for account in accounts:
            most = v1.check_liquidation_v1(factors, account)
            v1.liquidate_v1(factors, account, most.repay)

    return run


def silo_rule(pool: SiloPool, prices: Sequence[float], calls: int) -> Run:
    """`accrue`, `liquidation_preview` and `repay`."""
    terms, silo, assets = pool.parameters[ETH], pool.silos[ETH, USDC], pool.ledger.assets
    assert terms is not None
    (eth_price, _), (usdc_price, _) = priced(pool)[ETH], priced(pool)[USDC]
    accounts = []
    for i in range(calls):
        eth, usdc = simple(pool, prices, i, USDC)
        held = eth * eth_price * TO_18_DECIMALS // assets[ETH].unit
        owed = usdc * usdc_price * TO_18_DECIMALS // assets[USDC].unit
        accounts.append(PositionValue(eth, held, usdc, owed))

    def run() -> None:
        books = silo
        for i, account in enumerate(accounts):
            books = accrue_silo(books, terms, pool.start_s + i)
            done = liquidation_preview(terms, account, account.debt_assets)
            books = repay_silo(books, done.repaid, account.debt_assets).silo

    return run


def fluid_rule(pool: FluidPool, prices: Sequence[float], calls: int) -> Run:
    """`limits` and `liquidate` of a vault with ten ticks, two of them above the threshold."""
    terms = pool.parameters[ETH]
    assert terms is not None
    (eth_price, eth_asset), (usdc_price, usdc_asset) = priced(pool)[ETH], priced(pool)[USDC]
    price = eth_price * usdc_asset.unit * RAY // (usdc_price * eth_asset.unit)
    vaults = []
    for i in range(calls):
        vault = fluid.FluidVault()
        eth, usdc = simple(pool, prices, i, USDC)
        for step in range(10):
            owed = usdc * (99 - 2 * step) // 97
            vault, _ = fluid.join(vault, fluid.tick_of(owed, eth), owed, eth)
        vaults.append(vault)

    def run() -> None:
        for vault in vaults:
            bounds = fluid.limits(terms, price)
            whole, _ = fluid.absorb(vault, bounds.maximum)
            fluid.liquidate(whole, bounds, fluid.most(whole, bounds), absorbed=False)

    return run


def ajna_rule(pool: AjnaPool, prices: Sequence[float], calls: int) -> Run:
    """`kick`, and the `take` that pays the debt once the price has fallen far enough."""
    wad = WAD // pool.ledger.assets[ETH].unit
    price = int(prices[ETH] / prices[pool.debt] * 1e18)
    loans = []
    for i in range(calls):
        eth = units(pool, prices, ETH, size_usd(i)) * wad
        loans.append((eth * price // WAD * 98 // 100, eth))

    def run() -> None:
        for i, (owed, held) in enumerate(loans):
            now = pool.start_s + i
            kicked = ajna.kick(owed, held, price, pool.ratio, price, now)
            ajna.take(kicked, owed, held, held, wad, now + 7 * 3600)

    return run


def llamma_rule(pool: LlammaPool, prices: Sequence[float], calls: int) -> Run:
    """`liquidate` of a loan among all others in the same bands, its health asked for first."""
    market = pool.markets[ETH]
    controller, now = market.controller, pool.start_s
    price = int(prices[ETH] / prices[pool.debt] * 1e18)
    seen = llamma_quote(controller.amm, price, now)
    first = 10**9
    for i in range(calls):
        held = units(pool, prices, ETH, size_usd(i))
        owed = units(pool, prices, pool.debt, 0.75 * size_usd(i))
        create_loan(controller, seen, first + i, held, owed, pool.terms.bands)
    fallen = llamma_quote(controller.amm, price * 7 // 10, now)

    def run() -> None:
        for i in range(calls):
            liquidate_loan(controller, fallen, first + i)

    return run


RULES: dict[type, tuple[str, Callable[[Any, Sequence[float], int], Run]]] = {
    AavePool: ("liquidation call, two debts", aave_rule),
    CompoundPool: ("liquidateBorrow, two debts", compound_rule),
    MorphoPool: ("rate, accrual and liquidation", morpho_rule),
    CometPool: ("absorb, two collaterals", comet_rule),
    ClipPool: ("bark", maker_rule),
    FlipPool: ("bite", maker_rule),
    LiquityV1Pool: ("liquidation, pool pays", liquity_rule),
    LiquityV2Pool: ("liquidation, pool pays", liquity_rule),
    AaveV4Pool: ("liquidation call, two debts", aave_rule),
    EulerPool: ("accrual, liquidation, repayment", euler_rule),
    EulerV1Pool: ("liquidation", euler_v1_rule),
    SiloPool: ("accrual, liquidation, repayment", silo_rule),
    FluidPool: ("limits and liquidation, ten ticks", fluid_rule),
    AjnaPool: ("kick and take", ajna_rule),
    LlammaPool: ("health and liquidation, bands shared", llamma_rule),
}


def exact_rule(kind: str, calls: int) -> tuple[float, str]:
    """Return calls per second of the bare rule, and what it is."""
    world = crowded(kind, 1)
    name, make = RULES[type(world.lending.pool)]
    run = make(world.lending.pool, world.oracle_prices, calls)
    gc.collect()
    started = time.process_time()
    run()
    return calls / (time.process_time() - started), name


# one process for each kind and round


def measure(kind: str, crowds: int, calls: int) -> dict[str, Any]:
    """Everything once."""
    world = crowded(kind, crowds)
    accounts = int(np.count_nonzero(world.lending.pool.positions.debt.any(axis=1)))
    screen_ms, slowest_ms = screen(world)
    pool_s, done, refused = crash(world, calls)
    del world
    rule_s, rule = exact_rule(kind, calls)
    return {
        "accounts": accounts,
        "screen_ms": screen_ms,
        "slowest_ms": slowest_ms,
        "rule_s": rule_s,
        "rule": rule,
        "pool_s": pool_s,
        "done": done,
        "refused": refused,
    }


def rows_of(kind: str, seen: Sequence[dict[str, Any]]) -> list[Row]:
    """Return the lines of one protocol."""
    first = seen[0]
    refused = f", {first['refused']:,} more refused" if first["refused"] else ""

    def of(key: str) -> list[float]:
        return [numbers[key] for numbers in seen]

    return [
        Row(kind, "screening, 0.1 % down", of("screen_ms"), "ms", f"{first['accounts']:,} accounts"),
        Row(kind, "screening, slowest of a hundred", of("slowest_ms"), "ms"),
        Row(kind, "exact rule", of("rule_s"), "calls/s", first["rule"]),
        Row(kind, "pool", of("pool_s"), "calls/s", f"{first['done']:,} accounts{refused}"),
    ]


def main() -> None:
    """Measure the kinds asked for and print one table."""
    kinds = lending_kinds()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"all, or some of {', '.join(kinds)}")
    parser.add_argument("--quick", action="store_true", help="everything once, in a tenth of the crowd")
    parser.add_argument("--rounds", type=at_least_one, metavar="N", help="rounds; 5, quick: 1")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the table there, too")
    options = parser.parse_args()
    wanted = options.kinds or list(kinds)
    for kind in wanted:
        if kind not in kinds:
            parser.error(f"unknown kind {kind!r}; allowed: {', '.join(kinds)}")
    calls = 500 if options.quick else 5_000
    header = setting(("liquidarium", "numpy", "numba"))
    started = time.perf_counter()
    seen: dict[str, list[dict[str, Any]]] = {kind: [] for kind in wanted}
    in_own_process(measure, wanted[0], 1, 10)  # fills the cache of compiled code
    for turn in in_turns(wanted, options.rounds or (1 if options.quick else 5)):
        for kind in turn:
            crowds = CROWDS.get(kind, 10)
            seen[kind].append(in_own_process(measure, kind, crowds // 10 if options.quick else crowds, calls))
            numbers = seen[kind][-1]
            say(
                f"{kind}: screening {numbers['screen_ms']:.2f} ms, rule {numbers['rule_s']:,.0f}/s, "
                f"pool {numbers['pool_s']:,.0f}/s"
            )
    text = header + markdown([row for kind in wanted for row in rows_of(kind, seen[kind])])
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")
    say(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
