"""Options on a margin venue: exact money, margin by accounts, decisions that can be checked, settlement."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from liquidarium.experiments.figures.options import KINDS, _kinds, draw_options
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs import RunFolderError, RunResult
from liquidarium.experiments.runs.margin_check import check_margin
from liquidarium.experiments.runs.margin_metrics import volatility_error
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.experiments.world.margin.records import UNDERLYING_COLUMNS
from liquidarium.experiments.world.outcome import run_tables

CRASH = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=900",
    "borrowers.count=50",
    "venues.options.traders.count=300",
    "assets.P2600D.option.expiry_s=600",
    "assets.P2600D.option.average_s=60",
)
"""Fifteen minutes in which the price falls by a fifth and one option expires."""

POOR = ("venues.options.insurance_fund_usd=1000", "venues.options.index.delay_s=120")
"""A fund that cannot pay for an index that is late."""


def venue_text(margin: str) -> tuple[str, ...]:
    return CRASH if margin == "portfolio" else (*CRASH, f"venues.options.margin={margin}")


def crash(*changes: str, seed: int = 3) -> LiquidationMarket:
    model = LiquidationMarket("option-crash", seed=seed, overrides=[*CRASH, *changes], collect_every=0)
    model.run()
    return model


def tables(model: LiquidationMarket) -> RunResult:
    return RunResult(model.scenario, model.root_seed, run_tables(model), {})


@pytest.fixture(scope="module")
def usual() -> RunResult:
    return tables(crash())


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("venues.options.margin=cross", *POOR),
        ("venues.options.margin=isolated", *POOR),
        ("venues.options.liquidation.sizing=full", "venues.options.deleveraging=capped-pro-rata", *POOR),
        ("venues.options.liquidation.sizing=tranche", "venues.options.deleveraging=none", *POOR),
        ("venues.options.grid=paradex", "venues.options.option_mark={kind='mid'}"),
        (
            "venues.options.grid=derive",
            "venues.options.traders.parameters.most_leverage=5",
            "venues.options.backstop={capital_usd=5_000_000}",
        ),
        (
            "venues.options.option_mark={kind='hybrid', parameters={depth_low_usd=1e4, depth_high_usd=1e5}}",
            "venues.options.volatility={kind='realised', start=1.8, half_life_s=3600, publish_every_s=30}",
        ),
        (
            "volatility.smile={rho=-0.336, eta=0.954, long_run=1.04, half_life_days=27.2}",
            "venues.options.index={source='book-mid', delay_s=6}",
        ),
        (
            "volatility.smile={rho=-0.336, eta=0.954}",
            "venues.options.volatility={kind='realised', start=1.8, smile={rho=0.2, eta=0.5}}",
        ),
        ("venues.options.liquidation.execution={kind='iceberg', horizon_s=60}",),
        (
            "venues.options.liquidation.execution={kind='auction'}",
            "agents.bidders={kind='position-bidder', name='bidders', count=2, capital_usd=20e6}",
        ),
        (
            "venues.options.index={source='book-mid', delay_s=6}",
            "venues.options.liquidation.execution={kind='twap', horizon_s=20, slices=5}",
        ),
    ],
    ids=lambda changes: " ".join(changes).replace("venues.options.", "")[:50] or "as packaged",
)
def test_no_unit_is_lost_and_every_decision_follows_from_its_inputs(changes):
    model = crash(*changes)
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert model.conservation.error_usd(model.oracle_prices) == 0.0
    result = tables(model)
    found = result.margin_liquidations
    assert check_margin(result) == len(found)
    assert (found.equity_usd < found.requirement_usd).all()
    held = result.margin_positions.groupby("instrument", observed=True).size()
    assert {"ETHPERP", "P2400W"} <= set(held.index)
    model.close()


def test_at_expiry_positions_are_closed_at_the_final_price_and_the_venue_holds_none():
    model = crash()
    (venue,) = model.venues
    column = model.scenario.venues[0].contracts.index("P2600D")
    assert not venue.accounts.lots[:, column].any()
    assert venue.accounts.lots[:, column + 1].any()
    assert not model.ledger.balances[:, model.ledger.asset_index["P2600D"]].any()
    marks = tables(model).marks
    last = marks[marks.instrument == "P2600D"].t_s.max()
    assert last == 597.0
    assert marks.t_s.max() == 897.0


def test_positions_that_offset_each_other_need_less_together_than_alone():
    whole, alone = (
        LiquidationMarket("option-crash", overrides=venue_text(m)) for m in ("portfolio", "cross")
    )
    for model in (whole, alone):
        model.step()
    hedged = np.flatnonzero((whole.venues[0].accounts.lots[:90] != 0).sum(axis=1) == 2)
    assert len(hedged) > 20
    apart = alone.venues[0].accounts
    assert np.array_equal(whole.venues[0].accounts.lots, apart.lots)
    ratio = [
        whole.venues[0].maintenance.required(row) / alone.venues[0].maintenance.required(row)
        for row in hedged.tolist()
    ]
    assert np.median(ratio) < 1.0


def test_naked_shorts_are_closed_before_hedges(usual):
    sizes = usual.margin_positions
    puts = sizes[sizes.instrument.isin(["P2000W", "P2400W"])]
    assert (puts.lots < 0).mean() > 0.5  # sellers, not buyers


def test_the_table_of_underlyings_says_what_was_believed_and_is_read_by_the_check(usual):
    assert tuple(usual.underlyings.columns) == UNDERLYING_COLUMNS
    for table, column in (("underlyings", "volatility"), ("underlyings", "spot"), ("marks", "model")):
        changed = {name: frame.copy() for name, frame in usual.tables.items()}
        changed[table][column] *= 1.01
        with pytest.raises(RunFolderError, match="options: "):
            check_margin(RunResult(usual.scenario, usual.seed, changed, usual.summary))


def test_the_page_lists_the_columns_of_the_table():
    page = Path(__file__).parents[2] / "docs" / "option-venues.md"
    body = page.read_text(encoding="utf-8").split("### `underlyings`")[1]
    assert tuple(re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE)) == UNDERLYING_COLUMNS


def test_the_picture_of_a_venue_with_options_is_drawn_and_counts_every_account(usual, tmp_path):
    assert draw_options(usual, tmp_path).stat().st_size > 10_000
    kinds = _kinds(usual, "options")
    assert len(kinds) == len(usual.margin_liquidations)
    assert {KINDS[0], KINDS[3]} <= set(kinds)


def test_who_swings_the_index_liquidates_sellers_where_the_venue_measures_volatility_itself():
    attack = (
        "clock.start=2021-05-19T09:30:00Z", "clock.duration_s=900", "borrowers.count=50",
        "venues.options.traders.count=300", "volatility={kind='fixed', annual=1.5}",
        "assets.ETH.book.size_scale=1", "venues.options.index.source=book-mid",
        "assets.P2000W.option.strike_usd=2600", "assets.P2400W.option.strike_usd=2800",
        "assets.P2600D.option.strike_usd=2850",
        "venues.options.volatility={kind='realised', start=1.5, half_life_s=600}",
        "agents.attacker={kind='volatility-manipulator', name='attacker', capital_usd=20e6, "
        "inventory_usd={ETH=20e6, P2400W=1e6}, parameters={underlying='ETH', option='P2400W', start_s=120, "
        "for_s=600, swing_usd=3e6, period_s=60, max_slippage=0.01}}",
    )  # fmt: skip
    found = {}
    for name, changes in {
        "pushed": (),
        "fixed": ("venues.options.volatility={kind='fixed', annual=1.5}",),
    }.items():
        model = LiquidationMarket("option-crash", seed=3, overrides=[*attack, *changes], collect_every=0)
        model.run()
        result = tables(model)
        assert not model.conservation.residual.any()
        check_margin(result)
        found[name] = (len(result.margin_liquidations), volatility_error(result))
    assert found["pushed"][0] > 2 * found["fixed"][0]
    assert found["pushed"][1] > 100.0
    assert found["fixed"][1] == 0.0


def test_a_venue_without_the_smile_of_the_world_values_the_wings_at_the_level():
    worlds = {
        "surface": (),
        "flat": ("venues.options.volatility={kind='fixed', annual=1.5}",),
    }
    calm = ("clock.duration_s=60", "volatility={kind='fixed', annual=1.5, smile={rho=-0.4, eta=0.8}}")
    first = {name: tables(crash(*calm, *changes)).marks for name, changes in worlds.items()}
    wing = {name: rows[rows.instrument == "P2000W"].iloc[0] for name, rows in first.items()}
    assert wing["surface"].model == pytest.approx(wing["surface"].reference)
    assert wing["flat"].model < 0.95 * wing["flat"].reference
    assert wing["flat"].reference == wing["surface"].reference


def test_same_seed_gives_the_same_bytes(usual):
    again = tables(crash())
    for name, frame in usual.tables.items():
        assert frame.equals(again.tables[name]), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["venues.options.margin=cross", "venues.options.grid=derive"], "grid = 'derive' does nothing with"),
        (["venues.options.mark.haircut_deviations=1"], "haircut_deviations goes with margin by tiers"),
        (["venues.options.liquidation.sizing=greedy"], "greedy' goes with margin by tiers"),
        (["venues.options.option_mark={kind='funding-basis'}"], "funding, which options have none of"),
        (["venues.options.traders.parameters.most_leverage=50"], "accounts below maintenance at the start"),
        (["venues.options.traders.count=20"], "too few"),
        (["volatility.smile={rho=-0.9, eta=1.9}"], "volatility.smile: .* admit butterfly arbitrage"),
        (["volatility.smile={rho=-1}"], "volatility.smile.rho = -1; allowed: a number above -1"),
        (
            [
                "venues.options.volatility={kind='fixed', annual=20, smile={eta=1.9}}",
                "assets.C3000W.option.expiry_s=3e6",
            ],
            "venues.options.volatility.smile: .* at a volatility of 20",
        ),
        (
            ["assets.ETHPERP.future={expiry_s=600, average_s=0}"],
            "without a perpetual on ETH, by whose index it is valued",
        ),
        (["venues.options.traders.parameters.writer_share=2"], "writer_share must be from 0 to 1"),
    ],
)
def test_a_venue_that_cannot_run_is_refused_by_name(changes, message):
    with pytest.raises(ScenarioError, match=message):
        LiquidationMarket("option-crash", overrides=[*CRASH, *changes])


def test_settings_of_options_are_refused_where_there_are_none():
    with pytest.raises(ScenarioError, match="option_mark does nothing here"):
        load_scenario("perp-crash", ["venues.perps.option_mark={kind='mid'}"])


def test_perpetuals_alone_may_be_margined_by_scenarios():
    changes = ["clock.duration_s=120", "borrowers.count=50", "venues.perps.traders.count=300"]
    model = LiquidationMarket(
        "perp-crash",
        overrides=[
            *changes,
            "venues.perps.margin=portfolio",
            "venues.perps.traders.parameters.most_leverage=7",
        ],
    )
    model.run()
    assert not model.conservation.residual.any()
    check_margin(tables(model))
