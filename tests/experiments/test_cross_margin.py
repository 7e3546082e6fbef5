"""A venue with several contracts: exact money, stated order of closing, hedges that cross margin keeps."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.agents.portfolio_crowd import PortfolioLaw
from liquidarium.experiments.figures.margin import draw_margin
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs import RunResult
from liquidarium.experiments.runs.margin_check import check_margin
from liquidarium.experiments.runs.margin_metrics import false_liquidations
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError
from liquidarium.experiments.world.outcome import run_tables

CRASH = (
    "clock.start=2021-05-19T12:45:00Z",
    "clock.duration_s=600",
    "venues.perps.traders.count=400",
    "borrowers.count=50",
)
"""Ten minutes in which the price falls by a fifth."""

POOR = ("venues.perps.insurance_fund_usd=1000", "venues.perps.mark={kind='model'}")
"""A fund that cannot pay for a mark that is late."""


def crash(*changes: str, seed: int = 3) -> RunResult:
    return run("cross-crash", seed, overrides=[*CRASH, *changes])


@pytest.fixture(scope="module")
def cross() -> RunResult:
    return crash()


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("venues.perps.margin=isolated",),
        (*POOR, "venues.perps.deleveraging=queue"),
        (*POOR, "venues.perps.deleveraging=capped-pro-rata"),
        (*POOR, "venues.perps.deleveraging=none"),
        (*POOR, "venues.perps.margin=isolated", "venues.perps.backstop={capital_usd=1_000_000}"),
        ("venues.perps.breaker={parameters={width=0.02, limit_s=4, pause_s=60}}",),
        ("venues.perps.funding.interval_s=60", "venues.perps.mark.haircut_deviations=2"),
        ("venues.perps.dynamic_margin={horizon_s=3600, step=0.01}", "venues.perps.check_every_s=10"),
        ("venues.perps.liquidation={sizing='to-target', execution={kind='twap', horizon_s=20, slices=5}}",),
        ("venues.perps.liquidation={sizing='greedy', first='deepest-book', failure=0.3}",),
        ("venues.perps.liquidation={sizing='tranche', tranche=0.5}",),
    ],
    ids=lambda changes: ",".join(changes).replace("venues.perps.", "")[-40:],
)
def test_no_unit_is_lost_whatever_closes_positions_in_several_contracts(changes):
    model = LiquidationMarket("cross-crash", seed=3, overrides=[*CRASH, *changes], collect_every=0)
    model.run()
    (venue,) = model.venues
    assert len(venue.records.cases) > 20
    assert not model.conservation.residual.any()
    assert venue.accounts.balances[venue.fund] >= 0
    result = RunResult(model.scenario, model.root_seed, run_tables(model), {})
    assert check_margin(result) == len(venue.records.cases)
    model.close()


def test_each_contract_is_marked_and_held(cross):
    assert set(cross.marks["instrument"]) == {"ETHPERP", "ETHFUT", "BTCPERP"}
    assert set(cross.margin_positions["instrument"]) == {"ETHPERP", "ETHFUT", "BTCPERP"}
    assert cross.marks.groupby("instrument", observed=True).size().nunique() == 1
    assert cross.margin_positions.groupby("id").size().max() == 3


def test_same_seed_gives_the_same_bytes(cross):
    assert crash().content_hash == cross.content_hash


def test_isolated_margin_breaks_hedges_that_cross_margin_keeps(cross):
    """A hedge's loss in one contract may use what the other has gained only on cross margin (MODEL 2.1)."""
    hedgers = [
        f"venues.perps.traders.parameters.{change}"
        for change in ("hedged_share=0.6", "basket_share=0", "median_leverage=10")
    ]
    together, apart = crash(*hedgers), crash(*hedgers, "venues.perps.margin=isolated")
    closed = [result.margin_liquidations["closed_usd"].sum() for result in (together, apart)]
    assert closed[0] < 0.9 * closed[1]
    assert apart.margin_positions.groupby("id").size().max() == 1


@pytest.mark.parametrize("first", ["largest-margin", "deepest-book"])
def test_what_is_closed_first_is_what_the_venue_states(first):
    model = LiquidationMarket(
        "cross-crash", 3,
        overrides=[*CRASH, f"venues.perps.liquidation={{sizing='to-target', first='{first}'}}"],
        collect_every=0,
    )  # fmt: skip
    closing = model.venues[0].closing
    seen = []
    plan = closing._start

    def note(case, time_s, equity):
        plan(case, time_s, equity)
        if len(closing.held(case.row)) > 1:
            parts, held = closing.maintenance.parts(case.row), closing.held(case.row)
            depths = [
                listing.depth_usd(closing.accounts.lots.item(case.row, k)) / abs(closing._value(case.row, k))
                if k in held
                else 0.0
                for k, listing in enumerate(closing.listings)
            ]
            best = parts if first == "largest-margin" else depths
            seen.append((case.legs[0].column, int(np.argmax(best))))

    closing._start = note
    model.run()
    assert len(seen) > 5
    assert all(chosen == best for chosen, best in seen)
    model.close()


def test_a_target_is_restored_before_a_second_position_is_touched():
    partly = crash("venues.perps.liquidation.sizing=to-target")
    assert (partly.margin_liquidations["outcome"] == "reduced").any()


def test_who_stays_sound_at_the_outside_prices_is_falsely_liquidated(cross):
    assert 0 <= false_liquidations(cross) <= cross.margin_liquidations["is_false"].sum()


def test_deleveraging_closes_losing_positions_only_against_winners():
    poor = crash(*POOR)
    closed = poor.margin_liquidations[poor.margin_liquidations["outcome"] == "deleveraged"]
    assert len(closed)
    assert (closed["deficit_usd"] == 0).all()
    assert (poor.deleveragings["equity_before_usd"] > 0).all()
    assert (poor.deleveragings["haircut_usd"] >= 0).all()


def test_every_long_of_the_crowd_has_its_short_in_each_contract():
    law = PortfolioLaw(hedged_share=0.3, basket_share=0.2, stop_share=0.5)
    crowd = law.draw_portfolios(
        np.random.default_rng(1), 500, (4e6, 1e6, 2e6), (2.0, 5.0, 3.0), (2e3, 5e4, 3e3)
    )
    assert not crowd.lots.sum(axis=0).any()
    assert (crowd.lots.clip(min=0).sum(axis=0) == np.array([2_000_000, 200_000, 666_667])).all()
    assert (crowd.lots != 0).any(axis=1).all()
    baskets, hedged, alone = crowd.lots[:100], crowd.lots[100:250], crowd.lots[250:]
    assert (np.abs(np.sign(baskets).sum(axis=1)) == 3).all()
    assert ((np.sign(hedged).sum(axis=1) == 0) & ((hedged != 0).sum(axis=1) == 2)).all()
    assert ((alone != 0).sum(axis=1) == 1).all()
    usd = hedged * np.array([2.0, 5.0, 3.0])
    assert np.abs(usd.sum(axis=1)).max() <= 5.0  # equal but for a lot
    assert np.isnan(crowd.stop_usd[:250]).all()
    assert not np.isnan(crowd.stop_usd[250:]).all()


def test_a_venue_with_several_contracts_is_drawn(cross, tmp_path):
    assert draw_margin(cross, tmp_path).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("venues.perps.instrument=ETHPERP", "allowed: one of the two"),
        ("venues.perps.instruments=[]", "instrument is missing; name a contract"),
        ("venues.perps.instruments=['ETHPERP','ETHPERP']", "'ETHPERP' is given twice"),
        ("venues.perps.instruments=['ETHPERP','BTC']", "venues.perps.instruments = 'BTC'; allowed: assets"),
        (
            "venues.perps.instruments=['ETHPERP']",
            "open_interest_usd is given for ETHPERP, ETHFUT, BTCPERP; allowed: ETHPERP, all",
        ),
        ("venues.perps.traders.open_interest_usd={ETHPERP=1e6}", "allowed: ETHPERP, ETHFUT, BTCPERP, all"),
        ("venues.perps.traders.count=3", "traders are too few"),
        ("venues.perps.traders.parameters={hedged_share=0.7, basket_share=0.4}", "must be below 1, got 1.1"),
        ("venues.perps.liquidation.first=smallest", "allowed: "),
    ],
)
def test_a_venue_with_several_contracts_that_cannot_run_is_refused_by_name(change, says):
    with pytest.raises(ScenarioError) as error:
        LiquidationMarket("cross-crash", overrides=[change])
    assert says in str(error.value)
    assert "\n" not in str(error.value)
