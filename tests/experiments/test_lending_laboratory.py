"""The laboratory in a running world: every mechanism that may be put together, and those that may not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import ScenarioError, load_scenario
from liquidarium.protocols.liquidation import LiquidationContext

M = "protocol.mechanism."
KEEPER = (f"{M}keeper.tip_usd=3000", f"{M}keeper.chip=0.001")
FULL = f"{M}sizing.kind=full"
CLOSE = f"{M}sizing.kind=close-factor"


def laboratory(*changes: str) -> list[str]:
    return ["protocol.kind=laboratory", *changes]


def auction(kind: str, *changes: str) -> tuple[str, ...]:
    return (f"{M}pricing.kind={kind}", FULL, *KEEPER, *changes)


CALLS: dict[str, tuple[str, ...]] = {
    "whole-position": (f"{M}sizing.kind=whole-position", f"{M}sizing.dust_usd=1000"),
    "target-health": (f"{M}sizing.kind=target-health",),
    "full": (FULL,),
    "takers-choice": (f"{M}sizing.kind=takers-choice",),
    "tranches": (f"{M}sizing.kind=tranches", f"{M}sizing.steps=[[1.0,0.25],[0.97,0.5],[0.95,1.0]]"),
    "depth-aware": (f"{M}sizing.kind=depth-aware", f"{M}sizing.share=0.005"),
    "price-bands": (f"{M}sizing.kind=price-bands", f"{M}sizing.bands=20"),
    "dust-and-pace": (
        CLOSE,
        f"{M}sizing.dust_usd=1000",
        f"{M}sizing.cool_off_s=60",
        f"{M}sizing.one_per_block=true",
    ),
    "late-trigger": (f"{M}trigger.below=0.98",),
    "incentive-factor": (f"{M}pricing.kind=incentive-factor",),
    "rising-bonus": (f"{M}pricing.kind=rising-bonus", f"{M}sizing.kind=target-health"),
    "rising-discount": (f"{M}pricing.kind=rising-discount",),
    "reserves": (
        f"{M}rest.kind=reserves",
        f"{M}pricing.kind=fixed-bonus",
        f"{M}pricing.bonus=0.2",
        "protocol.unsafe=true",
    ),
    "socialised": (
        f"{M}rest.kind=socialised",
        f"{M}pricing.kind=fixed-bonus",
        f"{M}pricing.bonus=0.2",
        "protocol.unsafe=true",
    ),
    "redistributed": (
        f"{M}rest.kind=redistributed",
        f"{M}pricing.kind=fixed-bonus",
        f"{M}pricing.bonus=0.2",
        "protocol.unsafe=true",
    ),
    "insurance-fund": (
        f"{M}rest.insurance_fund=0.01",
        f"{M}pricing.kind=fixed-bonus",
        f"{M}pricing.bonus=0.2",
        "protocol.unsafe=true",
    ),
}
AUCTIONS: dict[str, tuple[str, ...]] = {
    "dutch-linear": auction("dutch-linear", f"{M}pricing.penalty=0.05"),
    "dutch-linear-half": (f"{M}pricing.kind=dutch-linear", f"{M}pricing.cover=0.05", *KEEPER),
    "dutch-without-keeper": (f"{M}pricing.kind=dutch-linear", FULL),
    "dutch-restarts": auction(
        "dutch-linear", f"{M}pricing.tail_s=96", f"{M}pricing.buffer=1.3", f"{M}pricing.zero_after_s=400"
    ),
    "dutch-stairs": auction("dutch-stairs"),
    "dutch-exponential": auction("dutch-exponential", f"{M}pricing.half_life_s=1800"),
    "dutch-ajna": auction("dutch-ajna", f"{M}pricing.buffer=2"),
    "dutch-model-price": auction("dutch-model-price"),
    "english-1": auction("english", f"{M}pricing.phases=1", f"{M}pricing.bid_s=60"),
    "english-2": auction("english", f"{M}pricing.bid_s=60"),
    "sealed-first": auction("sealed-first"),
    "sealed-second": auction("sealed-second", f"{M}pricing.reserve=0.8"),
    "batch": auction("batch"),
    "pool-offset": auction("pool-offset"),
    "storefront": auction("storefront", f"{M}rest.kind=reserves"),
    "storefront-socialised": auction("storefront", f"{M}rest.kind=socialised"),
}


def test_flat_half_with_fixed_bonus_is_aave_v2():
    """The same liquidations to the last digit, in a crash."""
    ours = run("quickstart", overrides=laboratory()).liquidations
    aave = run("quickstart", overrides=["protocol.kind=aave-v2"]).liquidations
    assert len(aave) > 50
    assert ours.drop(columns="protocol").equals(aave.drop(columns="protocol"))


@pytest.mark.parametrize("name", CALLS)
def test_calls_run_and_conserve(name):
    result = run("quickstart", overrides=laboratory(*CALLS[name]))
    assert result.summary["conservation_error_usd"] == 0.0
    assert result.summary["liquidations"] > 0
    assert len(result.sales) == 0


@pytest.mark.parametrize("name", AUCTIONS)
def test_auctions_run_and_conserve(name):
    changes = laboratory(*AUCTIONS[name])
    result = run("quickstart", overrides=changes)
    assert result.summary["conservation_error_usd"] == 0.0
    assert result.summary["liquidations"] > 0
    assert (len(result.sales) > 0) == (name != "pool-offset")
    assert result.welfare.gain_usd.sum() == pytest.approx(0.0, abs=1.0)


def test_one_per_block_stops_the_second_call():
    kept = run("quickstart", overrides=laboratory(CLOSE, f"{M}sizing.one_per_block=true")).liquidations
    assert not kept.duplicated(["account", "block"]).any()


def test_price_bands_sell_no_more_than_the_price_has_entered():
    """As in LLAMMA (MODEL 1.8) part k of 20 is sold 0.01 further down than the one before."""
    changes = laboratory(f"{M}sizing={{kind='price-bands', bands=20, width=0.01}}")
    result = run("quickstart", overrides=changes)
    calls = result.liquidations[result.liquidations.collateral == "ETH"]
    assert calls.groupby("account").size().max() > 5  # little by little
    prices = result.oracle_updates[result.oracle_updates.asset == "ETH"]
    start = result.positions[result.positions.snapshot == 0].set_index("account").debt_usd
    for account, of_one in calls.groupby("account"):
        first = of_one.iloc[0]
        before = prices[prices.t_s <= first.t_done_s].price.iloc[-1]
        lowest = prices[prices.t_s <= of_one.t_done_s.iloc[-1]].price.min()
        fallen = math.log(before / first.hf_before / lowest) / -math.log(0.99)
        if first.hf_before > 0.99:  # else the bands begin above its first call
            assert of_one.repaid_usd.sum() <= start[account] * (math.floor(fallen) + 1.001) / 20 * 1.001


def test_price_bands_take_less_of_a_crash_that_turns_than_selling_all():
    """Selling while the price falls leaves the rest to those who are there when it comes back."""
    bands = run("quickstart", overrides=laboratory(f"{M}sizing={{kind='price-bands', bands=40}}"))
    whole = run("quickstart", overrides=laboratory(FULL))
    assert 0.0 < bands.summary["debt_repaid_usd"] < 0.7 * whole.summary["debt_repaid_usd"]


def test_a_trigger_below_one_waits():
    late = run("quickstart", overrides=laboratory(f"{M}trigger.below=0.9")).liquidations
    assert late.hf_before.max() < 0.9 + 1e-9


def test_tighter_depth_limits_every_call():
    small = run(
        "quickstart",
        overrides=laboratory(f"{M}sizing.kind=depth-aware", f"{M}sizing.depth_usd={{ETH=1e6,BTC=1e6}}"),
    ).liquidations
    assert small.seized_usd.max() <= 20_000 * 1.001


@dataclass(frozen=True)
class Third:
    """A third of the debt."""

    parts: int = 3

    def max_repay(self, context: LiquidationContext) -> int:
        return context.debt // self.parts


@dataclass(frozen=True)
class Halving:
    """Half the price every two minutes."""

    def price(self, top: int, elapsed: int) -> int:
        return top >> (elapsed // 120)


def test_parts_of_ones_own():
    mine = __name__
    third = run(
        "quickstart",
        overrides=laboratory(
            f"{M}sizing.kind=own", f"{M}sizing.part={mine}:Third", f"{M}sizing.parameters={{parts=4}}"
        ),
    )
    assert third.summary["liquidations"] > 0
    halving = run(
        "quickstart",
        overrides=laboratory(f"{M}pricing.kind=own", f"{M}pricing.part={mine}:Halving", FULL, *KEEPER),
    )
    assert len(halving.sales) > 0
    for result in (third, halving):
        assert result.summary["conservation_error_usd"] == 0.0
    with pytest.raises(ScenarioError, match="needs a method max_repay"):
        run("quickstart", overrides=laboratory(f"{M}sizing.kind=own", f"{M}sizing.part={mine}:Halving"))
    with pytest.raises(ScenarioError, match="unknown key"):
        run(
            "quickstart",
            overrides=laboratory(
                f"{M}sizing.kind=own", f"{M}sizing.part={mine}:Third", f"{M}sizing.parameters={{x=1}}"
            ),
        )


REFUSED = {
    "the caller has the bonus": KEEPER,
    "nobody would send the transaction": (f"{M}pricing.kind=pool-offset", FULL),
    "a part is sold when": (*auction("dutch-linear"), f"{M}sizing={{kind='price-bands'}}"),
    "absorbed whole": (f"{M}pricing.kind=storefront", f"{M}rest.kind=reserves"),
    "owes nothing any more": (f"{M}pricing.kind=storefront", FULL),
    "which leaves nothing": (FULL, f"{M}sizing.dust_usd=100"),
    "would leave accounts liquidatable": (f"{M}sizing.kind=target-health", f"{M}sizing.target=1.0"),
    "before its first step": (*auction("dutch-stairs", f"{M}pricing.tail_s=30"),),
    "above the oracle's price": (*auction("dutch-linear", f"{M}pricing.cusp=0.95"),),
    "pricing.raise_step": (*auction("english", f"{M}pricing.raise_step=0"),),
    "pricing.reserve = 1": (*auction("sealed-first", f"{M}pricing.reserve=1"),),
    "at most auction_s": (*auction("english", f"{M}pricing.bid_s=30000"),),
    "at most pricing.most": (f"{M}pricing.kind=rising-bonus", f"{M}pricing.base=0.5"),
    "fixed-bonus, incentive-factor": (f"{M}pricing.kind=fixed",),
    "at most pricing.buffer": (*auction("dutch-model-price", f"{M}pricing.middle=0.99"),),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_makes_no_sense_is_refused_with_the_reason(reason):
    with pytest.raises(ScenarioError) as refused:
        run("quickstart", overrides=laboratory(*REFUSED[reason]))
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (f"{M}pricing.bonus=0.3", "toxic bonus"),
        (f"{M}sizing.depth_usd={{DOGE=1e6}}", "not an asset whose price moves"),
        (f"{M}sizing.steps=[[1.0,0.5],[0.9,0.2]]", "smaller shares"),
    ],
)
def test_parameters_that_a_part_refuses_are_named(change, reason):
    kinds = {
        "depth": "sizing.kind=depth-aware",
        "steps": "sizing.kind=tranches",
        "bonus": "pricing.kind=fixed-bonus",
    }
    needed = [M + kind for key, kind in kinds.items() if key in change]
    with pytest.raises(ScenarioError, match=reason):
        run("quickstart", overrides=laboratory(*needed, change))


def test_scenario_shows_its_mechanism():
    shown = load_scenario("quickstart", laboratory(*auction("batch"))).protocol.model_dump()
    assert shown["mechanism"]["pricing"]["kind"] == "batch"
    assert shown["mechanism"]["keeper"]["tip_usd"] == 3000
