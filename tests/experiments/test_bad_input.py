"""Bad input ends in one line that says what to change, with exit code 2 and nothing written.

Each case is a mistake that a user could make, or a legal extreme: those run with a conservation error of
exactly 0. Everything goes through the real command line; only the clock is short and the crowd small.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario

TINY = """
name = "tiny"
quote = "USDC"
clock = { duration_s = 60 }
prices = { kind = "gbm", volatility_per_year = 1.0 }
flow = { kind = "zero-intelligence", orders_per_block = 20 }
borrowers = { law = "may-2021", count = 30, total_debt_usd = 5e6 }

[[assets]]
symbol = "ETH"
decimals = 9
price_usd = 2500
book = { tick_usd = 0.1, lot = 0.001 }
pool = { depth_usd = 50e6 }

[[assets]]
symbol = "BTC"
decimals = 8
price_usd = 38000
book = { tick_usd = 1, lot = 0.00001 }

[[assets]]
symbol = "USDC"
decimals = 6
stable = true

[[agents]]
kind = "liquidator"
name = "bots"
count = 2
capital_usd = 1e6

[[agents]]
kind = "maker"
name = "makers"
count = 2
capital_usd = 10e6

[[agents]]
kind = "searcher"
name = "searcher"
capital_usd = 1e6
flash_loans = true
"""
START_S = 1_600_000_020
BARS = [(START_S + 60 * k, 2500 - 5 * k) for k in range(10)]
CRASH = ["prices.drift_per_year=-5000", "clock.duration_s=480"]
NO_BOOKS = [
    "assets.ETH={symbol='ETH', decimals=9, price_usd=2500, pool={depth_usd=1e7}}",
    "assets.BTC={symbol='BTC', decimals=8, price_usd=38000, pool={depth_usd=1e7}}",
]


def files_in(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Call the command line in a folder with ``tiny.toml``; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            app(args=[str(argument) for argument in arguments], prog_name="liquidarium")
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


@pytest.fixture
def refused(command, tmp_path):
    """Call it with a mistake; gives the one line that it says."""

    def call(*arguments: object) -> str:
        before = files_in(tmp_path)
        code, out, err = command(*arguments)
        assert code == 2
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert files_in(tmp_path) == before
        return err

    return call


def sets(overrides: list[str]) -> list[str]:
    return [part for override in overrides for part in ("--set", override)]


@pytest.fixture
def refused_run(refused):
    return lambda *overrides: refused("run", "tiny.toml", "--json", *sets(list(overrides)))


@pytest.fixture
def runs(command):
    """Run a legal extreme; money is neither lost nor made, and nothing is warned of."""

    def call(*overrides: str) -> dict[str, object]:
        code, out, err = command("run", "tiny.toml", "--json", "--no-figures", *sets(list(overrides)))
        assert code == 0, err
        assert err == "saved in runs/tiny-0\n"
        summary = json.loads(out)
        assert summary["conservation_error_usd"] == 0.0
        return summary

    return call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "quikstart"], "did you mean 'quickstart'?"),
        (["run", ""], "no scenario ''"),
        (["run", "."], "no scenario '.'"),
        (["run", "a\0b.toml"], "no scenario"),
        (["run", "none.toml"], "scenario file none.toml does not exist"),
        (["run"], "Missing argument 'SCENARIO'"),
        (["run", "quickstart", "more"], "unexpected extra argument"),
        (["rnu"], "No such command 'rnu'"),
        (["--rnu"], "No such option: --rnu"),
        (["run", "quickstart", "--sed", "3"], "No such option: --sed"),
        (
            ["run", "quickstart", "--seed", "-1"],
            "--seed = '-1'; allowed: a whole number from 0 to 9,223,372,",
        ),
        (["run", "quickstart", "--seed", str(2**63)], f"--seed = '{2**63}'; allowed"),
        (["run", "quickstart", "--seed", "1.5"], "--seed = '1.5'; allowed"),
        (["game", "quik"], "no game 'quik', did you mean 'quick'?"),
        (["game", "quick", "--seeds", "1"], "--seeds = '1'; allowed: a whole number from 2 to 10,000"),
        (["game", "quick", "--seeds", "many", "--json"], "--seeds = 'many'; allowed"),
        (["backtest", "may-2021", "--seeds", "0"], "--seeds = '0'; allowed: a whole number from 1"),
        (["compare", "halts", "--seeds", "1"], "--seeds = '1'; allowed: a whole number from 2 to 10,000"),
        (["rare", "tiny.toml", "--tilt", "ETH=-2", "--tilt", "ETH=-3"], "--tilt ETH is given twice"),
        (["backtest", "quickstart"], "does not replay the whole day"),
        (["backtest", "tiny.toml", "--json"], "tiny"),
        (["show", "quickstart", "--set", "seed"], "--set 'seed' must read path.to.key=value"),
        (["verify", "nowhere"], "nowhere holds no run"),
        (["report", "tiny.toml"], "tiny.toml"),
    ],
)
def test_wrong_command_line_is_answered_in_one_line(refused, arguments, words):
    assert words in refused(*arguments)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("=3", "--set '=3' must read path.to.key=value"),
        ("a..b=3", "must read path.to.key=value"),
        ("name.x=1", "name is a value, not a table"),
        ("assets.9.decimals=9", "assets.9 does not exist; there are ETH, BTC, USDC"),
        ("agents.-1.count=9", "agents.-1 does not exist; there are bots, makers, searcher"),
        ("seed=3\n[flow]", r"seed = '3\n[flow]'; allowed: a whole number"),
        ("seed=" + "[" * 5000, "seed = '[[["),
        ("seed=" + "9" * 5000, "seed = '999"),
        ("seed=true", "seed = true; allowed: a whole number from 0 to 9,223,372,036,854,775,807"),
        ("assets.ETH=5", "assets.0 = 5; allowed: a table"),
        ("protocol.reserves=3", "protocol.reserves = 3; allowed: a table of tables"),
        ("protocol.reserves.ETH=3", "protocol.reserves.ETH = 3; allowed: a table"),
        ("protocol.close_factor=1e-5", "protocol.close_factor = 1e-05; allowed: a number from 0.0001 to 1"),
        ("protocol.utilisation=1", "protocol.utilisation = 1; allowed: a number above 0, below 1"),
        ("prices.volatility_per_year=-1", "prices.volatility_per_year = -1"),
        ("assets.ETH.price_usd=nan", "assets.ETH.price_usd = nan; allowed: a number above 0"),
        ("assets.ETH={symbol='ETH', decimals=9, pool={depth_usd=1e6}}", "assets.ETH.price_usd is missing"),
        ("assets.ETH.symbol=SOL", "no reserve 'SOL'; known reserves: "),
        ("assets.ETH.pool.fee_bps=0.3", "assets.ETH.pool.fee_bps = 0.3"),
        ("assets.ETH.pool.depth_usd=1e-9", "assets.ETH.pool.depth_usd = 1e-09 makes no pool"),
        (
            "clock.start=0001-01-01T00:00:00+10:00",
            "clock.start: 0001-01-01T00:00:00+10:00 is before the year 1",
        ),
        (
            "clock={duration_s=31e6, block_time_s=0.05}",
            "620,000,000 blocks of 0.05 s; allowed: up to 10,000,000",
        ),
        (
            "flow={kind='hawkes', orders_per_block=20, branching_ratio=0.9, decay_per_s=1e-9}",
            "flow.decay_per_s",
        ),
        ("borrowers.count=0", "borrowers.count = 0; allowed: a whole number from 1"),
        ("borrowers.total_debt_usd=-5", "borrowers.total_debt_usd = -5"),
        ("borrowers.parameters=3", "borrowers.parameters = 3; allowed: a table"),
        ("borrowers.parameters.reaction=5", "borrowers.parameters.reaction = 5; allowed: a table"),
        ("borrowers.parameters.reaction.foo=1", "unknown key borrowers.parameters.reaction.foo"),
        ("borrowers.parameters.reaction.wealth_median=-1", "wealth_median is -1.0; it must be 0 or above"),
        ("borrowers.parameters.size.tail_exponent=x", "size.tail_exponent = 'x'; allowed: a number"),
        ("borrowers.parameters.second_collateral=nan", "second_collateral = nan; allowed: a finite number"),
        ("borrowers.parameters.collateral=5", "collateral = 5; allowed: a list of tables"),
        ("borrowers.parameters.debt_mix={USDC=-1.0}", "debt_mix sums to"),
    ],
)
def test_wrong_value_names_its_path_and_what_is_allowed(refused_run, override, words):
    assert words in refused_run(override)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["assets.ETH.price_usd=1e-9"], "prices: ETH costs 1e-09 USD after 0 s; allowed: 1e-07 to 1e+10 USD"),
        (["assets.ETH.price_usd=1e-6"], "assets.ETH.book.tick_usd = 0.1 does not suit prices from"),
        (["assets.ETH.book.tick_usd=1e-6", "assets.ETH.book.lot=1"], "assets.ETH.book.tick_usd = 1e-06"),
        (
            ["assets.ETH.book={tick_usd=1, lot=1e9}"],
            "assets.ETH.book.lot = 1e+09 is more than an order can hold",
        ),
        (
            ["prices.drift_per_year=100000", "clock={duration_s=86400, block_time_s=3600}"],
            "prices: ETH costs",
        ),
        (
            ["prices.drift_per_year=-100000", "clock={duration_s=86400, block_time_s=3600}"],
            "prices: ETH costs",
        ),
        (
            ["assets.ETH.price_usd=1e-6", "assets.ETH.book={tick_usd=1e-9, lot=1000.0}"],
            "base units of ETH does not fit in int64; give the asset fewer decimals",
        ),
        (
            ["borrowers.total_debt_usd=1e12", "assets.USDC.decimals=9"],
            "lower total_debt_usd, or assets.USDC.decimals",
        ),
        (["protocol.utilisation=1e-300"], "borrowers: money to lend of inf base units of USDC"),
        (
            ["protocol.reserves.ETH={ltv=0.0, liquidation_threshold=0.0}", "protocol.unsafe=true"],
            "aave-v2: the liquidation threshold of ETH is 0; allowed for a collateral",
        ),
        (["protocol.reserves.ETH.ltv=0.99"], "raise it or set protocol.unsafe = true"),
        (
            ["protocol.kind=aave-v3.6", "protocol.reserves.ETH.bonus=0.4"],
            "protocol.reserves.ETH: aave-v3.6: reserve ETH: toxic bonus",
        ),
        (["assets.ETH.symbol=UNI", "assets.BTC.symbol=MKR"], "the law needs a collateral among ETH, BTC"),
        (["flow.orders_per_block=0", "agents=[]"], "assets.BTC has no liquidity; its book needs"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused_before_the_first_block(refused_run, overrides, words):
    assert words in refused_run(*overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        [
            "assets.ETH={symbol='ETH', decimals=3, price_usd=1e-6, book={tick_usd=1e-9, lot=1000.0}}",
            "agents.makers.capital_usd=1e5",
        ],
        ["assets.ETH.price_usd=1e7", "assets.ETH.book.tick_usd=100"],
        ["clock={duration_s=2, block_time_s=0.05}"],
        ["clock={duration_s=12}"],
        ["clock={duration_s=7200, block_time_s=3600}"],
        ["agents=[]"],
        ["borrowers.count=1"],
        ["prices.volatility_per_year=0"],
        ["prices.volatility_per_year=30", "clock.duration_s=600"],
        [
            "prices={kind='merton', volatility_per_year=1, jumps_per_year=1e5, "
            "jump_mean_log=-0.3, jump_sd_log=0.1}"
        ],
        [
            "prices={kind='heston', variance_start=1e4, variance_mean=1e4, variance_reversion_per_year=1e6, "
            "volatility_of_variance=1000, price_variance_correlation=-1}"
        ],
        [*CRASH, "recording={trades=false, quotes=false, bids=false}"],
        [*CRASH, "recording.snapshot_every_s=12"],
        [*CRASH, "chain.gas={kind='eip1559', base_fee_gwei=1e6}"],
        [*CRASH, "chain.gas={kind='lognormal', median_gwei=50, sd_log=5}"],
        [*CRASH, "chain.gas={kind='constant', price_gwei=0}", "chain.inclusion=first-come"],
        [*CRASH, "flow={kind='hawkes', orders_per_block=20, branching_ratio=0.95, decay_per_s=1}"],
        [*CRASH, "oracle={source='book-mid', delay_s=30, deviation=0}"],
        [*CRASH, "oracle={source='median', delay_s=30, heartbeat_s=0.001}"],
        [*CRASH, *NO_BOOKS, "oracle={source='pool-twap', delay_s=1e6}"],
        [*CRASH, "assets.BTC.pool.depth_usd=1", "flow.orders_per_block=0", "agents.makers.count=0"],
    ],
    ids=lambda overrides: overrides[-1][:60],
)
def test_legal_extremes_run_and_conserve_money(runs, overrides):
    runs(*overrides)


def with_files(eth: str) -> list[str]:
    return [
        f"prices={{kind='file', path={{ETH={eth!r}, BTC='btc.csv'}}}}",
        "assets.ETH={symbol='ETH', decimals=9, book={tick_usd=0.1, lot=0.001}}",
        "assets.BTC={symbol='BTC', decimals=8, book={tick_usd=1, lot=0.00001}}",
        "clock={start=2020-09-13T12:27:00Z, duration_s=240}",
    ]


def csv(rows, head: str = "ts,close") -> str:
    return head + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def changed(at: int, value: object) -> str:
    return csv([(t, value if k == at else price) for k, (t, price) in enumerate(BARS)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed(1, "abc"), "row 2, 2020-09-13T12:28:00Z: close is missing or not a number"),
        (changed(1, ""), "row 2, 2020-09-13T12:28:00Z: close is missing or not a number"),
        (changed(1, "inf"), "close must be positive, got inf"),
        (changed(1, 0), "close must be positive, got 0"),
        (changed(1, -1), "close must be positive, got -1"),
        (changed(1, 1e-12), "prices: ETH costs"),
        (csv(BARS[:2] + BARS[4:]), "gap of 180 s after 2020-09-13T12:28:00Z"),
        (csv(BARS[:2] + BARS[1:]), "row 3, 2020-09-13T12:28:00Z: stamp is a duplicate"),
        (csv([BARS[1], BARS[0], *BARS[2:]]), "row 2, 2020-09-13T12:27:00Z: stamp is earlier"),
        (csv(BARS[:1]), "has 1 rows; a series needs at least two"),
        (csv([]), "has 0 rows; a series needs at least two"),
        ("", "cannot be read: No columns"),
        ("ts,close\n1,2\n1,2,3\n", "cannot be read: Error tokenizing"),
        (csv([(1000 * t, price) for t, price in BARS]), "must be in seconds, not in milliseconds"),
        (csv([("noon", price) for _, price in BARS]), "stamp is missing or not a time"),
        (csv([("13/09/2020", price) for _, price in BARS]), "stamp is missing or not a time"),
        (csv(BARS, "time,price"), "column ts and close missing; needed are ts and close, found time, price"),
        (csv([(t, p, p, p - 9, p - 2) for t, p in BARS], "ts,close,open,high,low"), "high is below low"),
        (csv([(t, p, p) for t, p in BARS], "ts,close,high"), "give open, high and low together"),
        (
            csv([(t - 86400, p) for t, p in BARS]),
            "clock.start = 2020-09-13T12:27:00Z with duration_s = 240 lies",
        ),
        (csv([(t + 86400, p) for t, p in BARS]), "allowed: 2020-09-14T12:27:00Z to 2020-09-14T12:37:00Z"),
    ],
)
def test_damaged_price_file_is_named_with_key_row_and_value(refused_run, tmp_path, content, words):
    (tmp_path / "btc.csv").write_text(csv([(t, 38_000) for t, _ in BARS]))
    (tmp_path / "eth.csv").write_text(content)
    message = refused_run(*with_files(str(tmp_path / "eth.csv")))
    assert words in message
    assert "ETH" in message


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "does not exist"),
        ("eth.txt", b"ts,close\n1,2\n", "must end in .csv, .csv.gz or .parquet"),
        ("folder.csv", "folder", "cannot be read: Is a directory"),
        (
            "eth.csv.gz",
            gzip.compress(csv(BARS).encode(), mtime=0)[:-12],
            "cannot be read: Compressed file ended",
        ),
        ("eth.csv.gz", b"ts,close\n1,2\n", "cannot be read"),
        ("eth.csv", b"\xff\xfe\x00" * 9, "cannot be read"),
        ("eth.parquet", b"PAR1" + b"x" * 99, "cannot be read"),
    ],
)
def test_price_file_that_cannot_be_read_is_named(refused_run, tmp_path, name, content, words):
    (tmp_path / "btc.csv").write_text(csv([(t, 38_000) for t, _ in BARS]))
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    message = refused_run(*with_files(str(tmp_path / name)))
    assert f"prices.path.ETH: {'file ' if content is None else ''}{tmp_path / name}" in message
    assert words in message


def test_stamps_with_a_zone_are_the_same_instants_as_unix_seconds(runs, tmp_path):
    (tmp_path / "btc.csv").write_text(csv([(t, 38_000) for t, _ in BARS]))
    tokyo = [(pd.Timestamp(t, unit="s", tz="Asia/Tokyo").isoformat(), price) for t, price in BARS]
    hashes = set()
    for k, content in enumerate((csv(BARS), csv(tokyo))):
        (tmp_path / f"eth{k}.csv").write_text(content)
        hashes.add(runs(*with_files(str(tmp_path / f"eth{k}.csv")))["content_hash"])
        (tmp_path / "runs/tiny-0").rename(tmp_path / f"kept{k}")
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "has 0 rows, none with a debt and a health factor above 1.0005"),
        ("0,1.5\n", "has 1 rows, none with a debt"),
        ("1000,0.9\n", "has 1 rows, none with a debt and a health factor above 1.0005"),
        ("1000,1.5\n,1.5\n", "row 2: debt_value = nan; allowed: a number from 0 to 1e+15"),
        ("1000,1.5\n1000,inf\n", "row 2: health_factor = inf; allowed"),
        ("-1000,1.5\n", "row 1: debt_value = -1000; allowed"),
        ("1000,much\n", "row 1: health_factor = much; allowed"),
        ("1e14,1e14\n", "base units of"),
    ],
)
def test_damaged_table_of_borrowers_is_named_with_row_and_value(refused_run, tmp_path, rows, words):
    (tmp_path / "mine.csv").write_text("debt_value,health_factor\n" + rows)
    message = refused_run(f"borrowers={{law='table', path='{tmp_path / 'mine.csv'}'}}")
    assert words in message
    assert message.startswith("error: borrowers")


def test_table_without_its_columns_or_its_file_is_named(refused_run, tmp_path):
    (tmp_path / "mine.csv").write_text("debt_value,hf\n1000,1.5\n")
    table = "borrowers={law='table', path='" + str(tmp_path) + "/%s'}"
    assert "has no column 'health_factor'" in refused_run(table % "mine.csv")
    assert "none.csv does not exist" in refused_run(table % "none.csv")


def test_borrowers_below_a_health_factor_of_1_are_left_out_with_their_debt(runs, tmp_path):
    (tmp_path / "mine.csv").write_text("debt_value,health_factor\n5000,1.5\n7000,0.9\n")
    assert runs(f"borrowers={{law='table', path='{tmp_path / 'mine.csv'}'}}")["borrowers"] == 1
    positions = pd.read_parquet(tmp_path / "runs/tiny-0/positions.parquet")
    assert positions[positions.snapshot == 0].debt_usd.sum() == pytest.approx(5000, rel=1e-6)


MODULE = """
import os
import signal
import sys
import time

from liquidarium.agents.base import DecidingAgent, Liquidate, Opportunity, Sell, SetQuotes
from liquidarium.agents.makers import MarketMaker


class Idle(DecidingAgent):
    pass


class Narrow(DecidingAgent):
    def __init__(self, model):
        pass

    def decide(self, view):
        return []


class Sleeper(DecidingAgent):
    def due(self, view_version, block):
        print("begun", file=sys.stderr, flush=True)
        time.sleep(60)

    def decide(self, view):
        return []


class Swallower(Sleeper):
    def due(self, view_version, block):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            return False


class Empty:
    pass


class Patient:
    def decide(self, view, own):
        return []


NUMBER = 5


def always(answer, base=DecidingAgent):
    class Fixed(base):
        def due(self, view_version, block):
            return True

        def decide(self, view):
            return answer

    return Fixed


Nothing = always(None)
NotANumber = always([Sell(0, float("nan"), 0.1)])
NoAsset = always([Sell(99, 5.0, 0.1)])
NoMaker = always([SetQuotes(0, 0.1, 0.0, 1e5, 2, 0.1, 1e6)])
NineLevels = always([SetQuotes(0, 0.1, 0.0, 1e5, 9, 0.1, 1e6)], MarketMaker)
NoPool = always([Liquidate(Opportunity(0, 0.9, 1, 2, 100.0, 0.05), 100.0, 50.0, False, "pool", 0.1)])
Negative = always([Liquidate(Opportunity(0, 0.9, 0, 2, 100.0, 0.05), 100.0, -1.0, False, "book", 0.1)])
"""


@pytest.fixture
def user_modules(tmp_path, monkeypatch):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "rude_agents.py").write_text(MODULE)
    (folder / "rude_import.py").write_text("raise RuntimeError('two\\nlines')\n")
    (folder / "rude_exit.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in ("rude_agents", "rude_import", "rude_exit"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("kind='makr'", "agents.a.kind: 'makr', did you mean 'maker'?"),
        ("kind='no_module:Bot'", "there is no module 'no_module'"),
        ("kind='rude_import:Bot'", "importing 'rude_import' failed with RuntimeError: two lines"),
        ("kind='rude_exit:Bot'", "importing 'rude_exit' failed with SystemExit"),
        ("kind='rude_agents:Empty'", "must be a class derived from agents.base.DecidingAgent"),
        ("kind='rude_agents:Idle'", "must have a method decide(view)"),
        ("kind='rude_agents:Narrow'", "agents.a: Narrow failed with TypeError"),
        ("kind='rude_agents:Nothing'", "a answered None; allowed: a list of intents"),
        ("kind='rude_agents:NotANumber'", "amount_usd=nan, max_slippage=0.1); allowed: finite numbers"),
        ("kind='rude_agents:NoAsset'", "assets have numbers from 0 to 2"),
        (
            "kind='rude_agents:NoMaker'",
            "a sets quotes; allowed for agents derived from agents.makers.MarketMaker",
        ),
        (
            "kind='rude_agents:NineLevels', strategy='avellaneda-stoikov'",
            "a quotes levels = 9; allowed: 0 to 4",
        ),
        ("kind='rude_agents:NoPool'", "a wants the pool of BTC, which has none"),
        ("kind='rude_agents:Negative'", "a bids price_gwei = -1.0; allowed: 0 or more"),
        ("kind='liquidator', strategy='rude_agents:Empty'", "must be a class with a method decide"),
        ("kind='liquidator', strategy='rude_agents:NUMBER'", "must be a class with a method decide"),
        ("kind='maker', strategy='rude_agents:Patient'", "agents.a: MarketMaker failed with AttributeError"),
        (
            "kind='liquidator', strategy='rude_agents:NineLevels'",
            "is an agent, not a strategy; name it in agents.a.kind",
        ),
        ("kind='liquidator', strategy='x'", "agents.a.strategy = 'x'; allowed: threshold"),
        ("kind='liquidator', parameters={foo=1}", "unknown key agents.a.parameters.foo"),
        ("kind='liquidator', parameters={max_calls=1.5}", "max_calls = 1.5; allowed: a whole number"),
        ("kind='liquidator', parameters={max_calls=0}", "max_calls must be at least 1, got 0"),
        ("kind='liquidator', parameters={bid_share=nan}", "bid_share = nan; allowed: a finite number"),
        (
            "kind='liquidator', parameters={exit='twpa'}",
            "exit = 'twpa', did you mean 'twap'?; allowed: book, pool",
        ),
        (
            "kind='liquidator', parameters={exit=5}",
            "agents.a.parameters.exit = 5; allowed: book, pool, hold, twap",
        ),
        ("kind='liquidator', parameters={exit={slices=5}}", "exit.kind is missing; allowed: book, pool"),
        (
            "kind='liquidator', parameters={exit={kind='book', slices=5}}",
            "exit.slices does nothing for exit = 'book'",
        ),
        (
            "kind='liquidator', parameters={exit={kind='twap', horizon_s=0}}",
            "horizon_s must be above 0, got 0",
        ),
        ("kind='liquidator', parameters={exit={kind='twap', slice=5}}", "exit.slice, did you mean 'slices'?"),
        (
            "kind='liquidator', parameters={exit={kind='twap', slices=2.5}}",
            "slices = 2.5; allowed: a whole number",
        ),
        (
            "kind='liquidator', parameters={exit={kind='percentage-of-volume', participation=1.5}}",
            "participation must be above 0 and at most 1, got 1.5",
        ),
        ("kind='liquidator', parameters={exit='fractions:Fraction'}", "must be a class derived from"),
        ("kind='liquidator', parameters={exit='twap', flash_loan=true}", "flash_loan needs exit = 'pool'"),
        ("kind='searcher', parameters={liquidation={exit='otc'}}", "liquidation.exit = 'otc'; allowed: book"),
        ("kind='liquidator', parameters={hold_s=-1}", "hold_s must not be negative, got -1.0"),
        ("kind='maker', parameters={levels=9}", "levels must be 1 to 4, got 9"),
        ("kind='maker', parameters={level_step=-0.1}", "level_step must not be negative, got -0.1"),
        ("kind='searcher', parameters={liquidation=5}", "parameters.liquidation = 5; allowed: a table"),
        ("kind='liquidator', count=-1", "agents.a.count = -1"),
        ("kind='maker', capital_usd=0", "leaves the agent nothing to act with"),
    ],
)
def test_agent_that_cannot_act_is_refused_by_name(refused_run, user_modules, agent, words):
    if "capital_usd" not in agent:
        agent += ", capital_usd=1e6"
    assert words in refused_run(f"agents=[{{name='a', {agent}}}]")


def test_run_never_replaces_what_it_did_not_write(command, refused, tmp_path):
    arguments = ("run", "tiny.toml", "--no-figures")
    assert command(*arguments)[0] == 0
    assert "runs/tiny-0 exists" in refused(*arguments)
    assert command(*arguments, "--overwrite")[0] == 0
    app_folder = tmp_path / "my-app"
    app_folder.mkdir()
    (app_folder / "manifest.json").write_text('{"name": "a web app, no run"}')
    for folder in ("my-app", ".", "/"):
        assert "holds no run, so it is not overwritten" in refused(*arguments, "--out", folder, "--overwrite")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for place, words in (
        ("tiny.toml", "tiny.toml is not a folder"),
        ("tiny.toml/run", "is not a folder"),
        ("link", "link is not a folder"),
        ("link/run", "is not a folder"),
        ("x" * 250, "File name too long"),
        ("a\0b", "null "),  # byte or character, as the Python says
    ):
        assert words in refused(*arguments, "--out", place)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_is_refused_before_the_run(refused, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "no permission to write" in refused("run", "tiny.toml", "--out", "locked/run")


def test_failed_save_leaves_no_folder_behind(tmp_path):
    def fail(folder):
        raise OSError(28, "No space left on device")

    result = run("quickstart", overrides=["clock.duration_s=12", "borrowers.count=5"])
    with pytest.raises(Exception, match="No space left on device"):
        result.save(tmp_path / "a/b/c", also=fail)
    assert files_in(tmp_path) == set()


def test_run_without_liquidations_still_verifies(command):
    """Tables without rows keep the types of their columns on disk."""
    assert command("run", "tiny.toml", "--no-figures", "--out", "r", "--set", "agents=[]")[0] == 0
    assert command("verify", "r")[0] == 0
    assert len(pd.read_parquet("r/liquidations.parquet")) == 0


def edited_manifest(**values):
    def edit(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(manifest | values))

    return edit


def other_gas(folder: Path) -> None:
    blocks = pd.read_parquet(folder / "blocks.parquet")
    blocks.loc[2, "gas_used"] += 1
    blocks.to_parquet(folder / "blocks.parquet", index=False)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (other_gas, "have changed: their hash is"),
        (lambda folder: (folder / "trades.parquet").unlink(), "trades.parquet is missing"),
        (lambda folder: (folder / "trades.parquet").write_bytes(b"PAR1"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").unlink(), "holds no run: there is no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text(""), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "is not the manifest of a run"),
        (edited_manifest(format=2), "has format 2; this version reads format 1"),
        (edited_manifest(tables={}), "have changed"),
        (edited_manifest(tables=5), "holds no tables of a run"),
        (edited_manifest(summary=None), "holds no summary of a run"),
        (edited_manifest(seed="x"), "holds no seed of a run"),
        (edited_manifest(content_hash=None), "have changed"),
        (edited_manifest(scenario={}), "cannot be read: name is missing"),
    ],
)
def test_damaged_run_is_neither_verified_nor_reported(command, refused, tmp_path, damage, words):
    assert command("run", "tiny.toml", "--no-figures", "--out", "r", "--set", "clock.duration_s=36")[0] == 0
    damage(tmp_path / "r")
    for name in ("verify", "report"):
        assert words in refused(name, "r")


def vectors(name: str) -> dict:
    packed = resources.files("liquidarium.experiments") / "data" / "vectors" / f"{name}.json.gz"
    content = json.loads(gzip.decompress(packed.read_bytes()))
    return content | {"cases": content["cases"][:3]}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.json", None, "cannot be read (No such file or directory)"),
        ("aave_v3_6.txt", b"{}", "vector files end in .json or .json.gz"),
        ("aave_v3_6.json", b"", "not valid JSON"),
        ("aave_v3_6.json", b"\xff\xfe", "not valid JSON"),
        ("aave_v3_6.json", b"[" * 100_000, "not valid JSON"),
        ("aave_v3_6.json", b"[]", "not a vector file"),
        ("aave_v3_6.json", b'{"header": {"protocol": "x"}, "cases": []}', "at least one case"),
        ("aave_v3_6.json", b'{"header": {"protocol": "x"}, "cases": [{"id": 1}]}', "case 1 is malformed"),
        ("foo.json", b'{"header": {"protocol": "Foo"}, "cases": [{"id": 1}]}', "unknown set 'foo'"),
        ("aave_v3_6.json.gz", b"no gzip", "cannot be read"),
        ("aave_v3_6.json.gz", gzip.compress(b"{" * 5000, mtime=0)[:-9], "not valid JSON"),
        (
            "maker_liq2.json",
            json.dumps(
                {
                    "header": {"protocol": "MakerDAO"},
                    "cases": [
                        next(c for c in vectors("maker_liq2")["cases"] if c["kind"] == "abacus") | {"dur": -1}
                    ],
                }
            ).encode(),
            "exponent must not be negative",
        ),
    ],
)
def test_vector_file_that_cannot_be_replayed_is_named(refused, tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    for options in ([], ["--json"]):
        message = refused("conform", name, *options)
        assert name in message
        assert words in message


def test_changed_field_of_a_vector_is_named_with_expected_and_got(command, tmp_path):
    content = vectors("morpho_blue")
    out = content["cases"][1]["out"]
    field = next(key for key, value in out.items() if isinstance(value, str) and value.isdigit())
    was, out[field] = out[field], str(int(out[field]) + 1)
    (tmp_path / "morpho_blue.json").write_text(json.dumps(content))
    code, text, _ = command("conform", "morpho_blue.json")
    assert code == 1
    assert f"{field}: expected {out[field]}, got {was}" in text
    code, text, _ = command("conform", "morpho_blue.json", "--json")
    (wrong,) = json.loads(text)["sets"][0]["disagreements"]
    assert (code, wrong["field"], wrong["expected"], wrong["got"]) == (1, field, out[field], was)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "7"])
def test_python_front_doors_take_the_seeds_of_the_command_line(seed):
    for front_door in (run, LiquidationMarket):
        with pytest.raises(ScenarioError, match="allowed: a whole number from 0 to 9,223"):
            front_door("quickstart", seed)


def test_python_front_doors_take_numpy_integers():
    assert LiquidationMarket("quickstart", np.int64(3), overrides=["borrowers.count=5"]).root_seed == 3


@pytest.mark.parametrize(("source", "overrides"), [(None, ()), (5, ()), ({}, ()), ("quickstart", "seed=3")])
def test_what_is_no_scenario_is_refused(source, overrides):
    with pytest.raises(ScenarioError, match="allowed"):
        load_scenario(source, overrides)


def test_scenario_without_a_protocol_section_takes_changes_to_it(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    assert load_scenario(tmp_path / "tiny.toml", ["protocol.close_factor=0.3"]).protocol.close_factor == 0.3


def agent(kind: str) -> str:
    return f"agents=[{{name='a', kind='rude_agents:{kind}', capital_usd=1e6}}]"


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_during_a_run_exits_130_and_leaves_nothing(user_modules, tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    before = files_in(tmp_path)
    code = "import sys; sys.path.insert(0, 'modules'); sys.dont_write_bytecode = True\n"
    code += "from liquidarium.experiments.cli.app import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "run", "tiny.toml", "--json", "--set", agent("Sleeper")],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err == "interrupted; a run folder appears only when it is complete\n"
    assert files_in(tmp_path) == before


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_that_somebody_swallowed_still_ends_the_run(command, user_modules, tmp_path):
    """Callbacks of compiled code print an exception and go on."""
    code, out, _ = command("run", "tiny.toml", "--json", "--set", agent("Swallower"))
    assert (code, out) == (130, "")
    assert not (tmp_path / "runs").exists()
