"""Several lending protocols in one world: they share prices, books and the block, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.experiments import run
from liquidarium.experiments.model import LiquidationMarket
from liquidarium.experiments.runs.result import RunResult
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.scenarios.loading import validate

PAIR = [{"name": "left", "kind": "aave-v2"}, {"name": "right", "kind": "maker", "share": 3.0}]


def scenario(protocols=PAIR, **changes):
    data = load_scenario("quickstart").model_dump(exclude_unset=True)
    del data["protocol"]
    return validate(data | {"protocols": protocols} | changes)


def test_borrowers_are_spread_by_share_and_everybody_is_somewhere():
    model = LiquidationMarket(scenario())
    left, right = model.credit
    alone = LiquidationMarket("quickstart").lending
    assert left.n_borrowers + right.n_borrowers + right.left_out >= alone.n_borrowers
    assert 0.15 < left.n_borrowers / alone.n_borrowers < 0.35
    wallets = [market.wallet(row) for market in model.credit for row in range(market.n_borrowers)]
    assert len(set(wallets)) == len(wallets)


def test_one_protocol_sells_and_the_other_is_hit():
    """The same borrowers of one protocol lose more beside a crowd whose collateral is sold."""
    thin = {"flow.orders_per_block=4", "assets.ETH.pool.depth_usd=1e6", "assets.BTC.pool.depth_usd=1e6"}
    both = load_scenario(
        scenario([PAIR[0], {"name": "right", "kind": "aave-v2", "share": 9.0}]),
        ["oracle.source=book-mid", "borrowers.total_debt_usd=400e6", *thin],
    )
    calm = load_scenario(both, ["protocols.right.reserves.ETH.liquidation_threshold=0.82"])
    lost = []
    for chosen in (both, calm):
        model = LiquidationMarket(chosen, seed=2)
        if chosen is calm:
            model.credit[1].pool.liquidate = _nobody
        model.run()
        assert model.conservation.error_usd(model.oracle_prices) == 0.0
        lost.append(sum(row[11] for row in model.recorder.liquidations if row[1] == "left"))
    assert lost[0] > lost[1]


def _nobody(*_):
    from liquidarium.market.revert import Revert

    raise Revert("closed")


def test_a_run_with_several_is_saved_and_read_again(tmp_path):
    result = run(scenario(clock={"start": "2021-05-19T12:20:00Z", "duration_s": 600.0, "block_time_s": 12.0}))
    assert result.summary["conservation_error_usd"] == 0.0
    loaded = RunResult.load(result.save(tmp_path / "run"))
    assert [config.name for config in loaded.scenario.protocols] == ["left", "right"]
    assert set(loaded.positions.protocol.unique()) == {"left", "right"}
    assert loaded.content_hash == result.content_hash


def test_rates_and_positions_of_one_do_not_depend_on_the_rules_of_the_other():
    one, other = (
        LiquidationMarket(scenario([PAIR[0], {"name": "right", "kind": kind, "share": 3.0}]))
        for kind in ("maker", "comet")
    )
    assert np.array_equal(one.credit[0].pool.positions.amounts, other.credit[0].pool.positions.amounts)


@pytest.mark.parametrize(
    ("protocols", "message"),
    [
        ([PAIR[0], PAIR[0]], "name 'left' is given twice"),
        ([{"kind": "aave-v2"}, {"kind": "aave-v2"}], "name 'aave-v2' is given twice"),
        ([PAIR[0], {"name": "x", "kind": "mkaer"}], r"kind = 'mkaer'.*'maker'"),
        ([PAIR[0], {"name": "x", "kind": "maker", "share": 0.0}], "share = 0"),
    ],
)
def test_bad_rows_are_refused_in_one_line(protocols, message):
    with pytest.raises(ScenarioError, match=message) as error:
        scenario(protocols)
    assert "\n" not in str(error.value)


def test_protocol_and_protocols_together_are_refused():
    with pytest.raises(ScenarioError, match="protocol and protocols are both given"):
        scenario(protocol={"kind": "aave-v2"})
