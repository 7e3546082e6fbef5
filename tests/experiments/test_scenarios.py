"""A scenario either runs or says in one line what to change."""

from __future__ import annotations

import pytest
from liquidarium.experiments.scenarios import ScenarioError, load_scenario, scenario_names
from liquidarium.experiments.scenarios.toml_text import to_toml

GBM = "prices={kind='gbm', volatility_per_year=0.8}"
NO_REPLAY = [
    GBM,
    "assets.ETH.price_usd=2500",
    "assets.BTC.price_usd=38000",
    "chain.gas={kind='constant', price_gwei=50}",
]


def refused(*overrides: str, source: str = "quickstart") -> str:
    with pytest.raises(ScenarioError) as error:
        load_scenario(source, overrides)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", scenario_names())
def test_packaged_scenario_survives_being_shown_and_loaded_again(name, tmp_path):
    scenario = load_scenario(name)
    copy = tmp_path / "copy.toml"
    copy.write_text(to_toml(scenario))
    assert load_scenario(copy) == scenario
    copy.write_text(to_toml(scenario, comments=False))
    assert load_scenario(copy) == scenario


def test_packaged_scenarios_have_the_size_they_promise():
    day, hour = load_scenario("may-2021"), load_scenario("quickstart")
    assert (day.clock.n_blocks, day.borrowers.count) == (6646, 10_000)
    assert (hour.clock.n_blocks, hour.borrowers.count) == (300, 500)


def test_override_takes_toml_values_and_bare_words():
    scenario = load_scenario(
        "quickstart",
        [
            "borrowers.count=50",
            "protocol.close_factor=.25",
            "chain.inclusion=first-come",
            "agents.makers.count=3",
            "assets.0.pool.depth_usd=1e6",
            "protocol.reserves.ETH.bonus=0.1",
        ],
    )
    assert scenario.borrowers.count == 50
    assert scenario.protocol.close_factor == 0.25
    assert scenario.chain.inclusion == "first-come"
    assert next(agent for agent in scenario.agents if agent.name == "makers").count == 3
    assert scenario.asset("ETH").pool.depth_usd == 1e6
    assert scenario.protocol.reserves["ETH"].bonus == 0.1


def test_override_adds_a_group_of_agents_under_a_new_name():
    plain = load_scenario("quickstart")
    more = load_scenario(
        "quickstart", ["agents.late={kind='liquidator', capital_usd=1e6}", "agents.late.count=2"]
    )
    assert [agent.name for agent in more.agents] == [*(agent.name for agent in plain.agents), "late"]
    assert more.agents[-1].count == 2
    for wrong in ("agents.late={count=2}", "agents.late.count=2", "agents.9={kind='liquidator'}"):
        with pytest.raises(ScenarioError, match="does not exist; there are fast-bots"):
            load_scenario("quickstart", [wrong])


def test_override_leaves_the_scenario_it_started_from_alone():
    scenario = load_scenario("quickstart")
    assert load_scenario(scenario, ["agents.makers.count=9"]) != scenario
    assert scenario == load_scenario("quickstart")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("protocl.close_factor=0.5", "unknown key protocl, did you mean 'protocol'?"),
        ("protocol.close_fctor=0.5", "unknown key protocol.close_fctor, did you mean 'close_factor'?"),
        ("protocol.reserves.ETH.bnus=.1", "unknown key protocol.reserves.ETH.bnus, did you mean 'bonus'?"),
        ("assets.ETH.book.tick=1", "unknown key assets.ETH.book.tick, did you mean 'tick_usd'?"),
    ],
)
def test_unknown_key_is_answered_with_the_nearest_one(override, message):
    assert refused(override) == message


def test_key_that_this_kind_does_not_read_is_unknown():
    assert refused("flow.branching_ratio=.5").startswith("unknown key flow.branching_ratio; allowed: ")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("protocol.close_factor=1.5", "protocol.close_factor = 1.5; allowed: a number from 0.0001 to 1"),
        (
            "agents.makers.count=many",
            "agents.makers.count = 'many'; allowed: a whole number from 0 to 10,000",
        ),
        ("oracle.source=mid", "oracle.source = 'mid'; allowed: reference, book-mid, pool-twap, median"),
        (
            "chain.gas={kind='constat'}",
            "chain.gas.kind = 'constat', did you mean 'constant'?; allowed: episode, "
            "constant, eip1559, lognormal",
        ),
        ("clock.duration_s=inf", "clock.duration_s = inf; allowed: a number above 0, up to 31,622,400"),
        ("recording.trades=1", "recording.trades = 1; allowed: true or false"),
    ],
)
def test_bad_value_is_answered_with_path_value_and_range(override, message):
    assert refused(override) == message


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("borrowers.count=0", "borrowers.count = 0; allowed: a whole number from 1"),
        ("assets.ETH.pool.depth_usd=0", "assets.ETH.pool.depth_usd = 0; allowed: a number above 0"),
        ("assets.ETH={symbol='ETH', decimals=9}", "assets.ETH has no liquidity"),
        ("assets.ETH.book={lot=0.001}", "assets.ETH.book.tick_usd is missing"),
        ("assets.ETH.book.lot=1e-10", "assets.ETH.book.lot = 1e-10 is 0.1 base units of ETH"),
        ("assets.ETH.book.tick_usd=1e-4", "assets.ETH.book.tick_usd = 0.0001 is 0.1 base units of USDC"),
        (
            "assets.ETH.book.hours=[{from_s=60, scale=2}, {from_s=60, scale=1}]",
            "hours begin at 60 and then at 60 s; allowed: rising times",
        ),
        (
            "assets.ETH.book.hours=[{from_s=1e6, scale=2}]",
            "assets.ETH.book.hours.0.from_s = 1e+06 is after the run",
        ),
        ("assets.ETH.book.hours=[{from_s=0, scale=0}]", "scale = 0; allowed: a number above 0"),
        ("assets.ETH.price_usd=-1", "assets.ETH.price_usd = -1; allowed: a number above 0"),
        ("assets.ETH.price_usd=2500", "assets.ETH.price_usd does nothing here"),
        ("assets.ETH.symbol=BTC", "assets: symbol 'BTC' is given twice"),
        (
            "assets.ETH.symbol=SOL",
            "assets.SOL has no price in episode 'may-2021'; allowed: AAVE, BTC, ETH, LINK",
        ),
        ("clock.start=2021-05-25T00:00:00Z", "allowed: 2021-05-14T00:00:00Z to 2021-05-22T00:00:00Z"),
        ("clock.start=2021-05-19T23:30:00Z", "lies outside the gas prices in 'may-2021'"),
        ("clock.start=2021-05-19T12:00:00", "has no time zone"),
        ("clock.duration_s=5", "clock.duration_s = 5 holds no block of 12 s"),
        ("flow.market_share=.9", "flow: market_share + cancel_share = 1.25; allowed: at most 1"),
        ("flow.cancel_share=-.1", "flow.cancel_share = -0.1; allowed: a number from 0 to 1"),
        ("quote=ETH", "quote = 'ETH' must be a stable asset"),
        ("chain.gas_per_liquidation=20_000_000", "chain.gas_per_liquidation = 20000000 fits in no block"),
        (
            "agents.makers.capital_usd=0",
            "agents.makers: capital_usd = 0 leaves the agent nothing to act with",
        ),
        ("agents.makers.flash_loans=true", "agents.makers: flash_loans = true does nothing for a maker"),
        ("agents.makers.kind=makr", "agents.makers.kind: 'makr', did you mean 'maker'?"),
        ("agents.makers.name=searcher", "agents: name 'searcher' is given twice"),
        ("prices.episode=may2021", "prices.episode = 'may2021', did you mean 'may-2021'?"),
        ("recording.snapshot_every_s=1", "recording.snapshot_every_s = 1; allowed: at least a block, 12 s"),
        ("protocol.reserves.ETHH.bonus=.1", "protocol.reserves.ETHH is not an asset, did you mean 'ETH'?"),
        ("assets.ETHH.decimals=9", "assets.ETHH does not exist, did you mean 'ETH'?"),
        ("seed", "--set 'seed' must read path.to.key=value"),
        ("seed.root=1", "seed is a value, not a table"),
    ],
)
def test_what_cannot_run_is_refused(override, words):
    assert words in refused(override)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([GBM], "assets.ETH.price_usd is missing; a gbm process needs a start price"),
        (NO_REPLAY, "clock.start does nothing here"),
        (["prices={kind='gbm', volatility_per_year={ETH=-1.0}}"], "prices.volatility_per_year.ETH = -1.0"),
        (["prices={kind='gbm', volatility_per_year={ETH=1.0}}"], "prices.volatility_per_year.BTC is missing"),
        (
            ["prices={kind='gbm', volatility_per_year=1.0, correlation=[[1.0, 2.0], [2.0, 1.0]]}"],
            "prices.correlation",
        ),
        (
            ["prices={kind='gbm', volatility_per_year=1.0, correlation=[[1.0]]}"],
            "must be 2 rows of 2 numbers, for ETH, BTC",
        ),
        (["prices={kind='gbm'}", "chain.gas={kind='episode'}"], "prices.volatility_per_year is missing"),
        (
            [
                "flow.orders_per_block=0",
                "agents=[]",
                "assets.ETH={symbol='ETH', decimals=9, book={tick_usd=0.1, lot=0.001}}",
            ],
            "assets.ETH has no liquidity; its book needs flow.orders_per_block > 0, a maker or a pool",
        ),
    ],
)
def test_price_process_or_market_that_cannot_run_is_refused(overrides, words):
    assert words in refused(*overrides)


def test_pool_oracle_needs_a_pool_for_each_asset():
    no_pool = "assets.BTC={symbol='BTC', decimals=8, book={tick_usd=1, lot=0.00001}}"
    assert "needs a pool for each asset; assets.BTC has none" in refused(no_pool, "oracle.source=pool-twap")


def test_matrix_that_no_returns_can_have_is_no_correlation(tmp_path):
    scenario = tmp_path / "three.toml"
    scenario.write_text(
        "name = 'three'\n[clock]\nduration_s = 60\n[prices]\nkind = 'gbm'\nvolatility_per_year = 1.0\n"
        "correlation = [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]\n"
        + "".join(
            f"[[assets]]\nsymbol = '{s}'\ndecimals = 6\nprice_usd = 1.0\npool = {{depth_usd=1e6}}\n"
            for s in "ABC"
        )
        + "[[assets]]\nsymbol = 'USDC'\ndecimals = 6\nstable = true\n"
        + "[borrowers]\nlaw = 'generator'\ncount = 5\ntotal_debt_usd = 1e3\n"
    )
    assert "negative eigenvalue" in refused(source=str(scenario))


def test_prices_of_ones_own_are_found_beside_the_scenario(tmp_path):
    start = 1_700_000_000
    rows = "".join(f"{start + 60 * i},{2500 + i}\n" for i in range(100))
    (tmp_path / "eth.csv").write_text("ts,close\n" + rows)
    (tmp_path / "btc.csv").write_text("ts,close\n" + rows)
    text = to_toml(load_scenario("quickstart"), comments=False)
    text = text.replace(
        'kind = "episode"\nepisode = "may-2021"', "kind = 'file'\npath = {ETH='eth.csv', BTC='btc.csv'}"
    )
    text = text.replace('[chain.gas]\nkind = "episode"', "[chain.gas]\nkind = 'constant'\nprice_gwei = 50.0")
    scenario = tmp_path / "own.toml"
    scenario.write_text(text)
    at_start = "clock.start=2023-11-14T22:13:20Z"
    loaded = load_scenario(scenario, [at_start])
    assert loaded.prices.path["ETH"] == str(tmp_path / "eth.csv")
    assert load_scenario(loaded) == loaded
    assert "lies outside the prices of ETH" in refused(
        "clock.start=2023-11-14T22:00:00Z", source=str(scenario)
    )
    (tmp_path / "btc.csv").write_text("ts,close\n1,5\n2,0\n")
    assert "row 2, 1970-01-01T00:00:02Z: close must be positive, got 0" in refused(
        at_start, source=str(scenario)
    )
    (tmp_path / "btc.csv").write_text("ts,open\n1,5\n2,6\n")
    assert "column close missing" in refused(at_start, source=str(scenario))
    (tmp_path / "btc.csv").unlink()
    assert "does not exist" in refused(at_start, source=str(scenario))


def test_scenario_that_is_not_there_is_answered_with_the_nearest_name(tmp_path):
    assert refused(source="quikstart").startswith("no scenario 'quikstart', did you mean 'quickstart'?")
    assert "does not exist" in refused(source=str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("name = \n")
    assert "is not TOML" in refused(source=str(broken))


@pytest.mark.parametrize("overrides", ["clock.duration_s=60", {"clock.duration_s": 60}, [60]])
def test_overrides_that_are_no_list_of_texts_are_refused(overrides):
    with pytest.raises(ScenarioError, match="allowed: a list of texts such as"):
        load_scenario("quickstart", overrides)
