"""Gas prices: the base-fee rule by hand, recorded steps, drawn prices with known moments."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.market.chain.gas import (
    GWEI,
    ConstantGas,
    Eip1559,
    GasQuote,
    LognormalGas,
    ReplayGas,
    next_base_fee,
    volatility_shock,
)

LIMIT = 30_000_000


@pytest.mark.parametrize(
    ("base_fee", "gas_used", "expected"),
    [
        (100 * GWEI, LIMIT, 112_500_000_000),  # full: +12.5 %
        (100 * GWEI, 0, 87_500_000_000),  # empty: -12.5 %
        (100 * GWEI, LIMIT // 2, 100 * GWEI),  # on target
        (100 * GWEI, 22_500_000, 106_250_000_000),  # half way above
        (7, LIMIT, 8),  # an eighth of 7 is 0, but it rises by 1 wei at least
        (7, 0, 7),  # and does not have to fall
        (8, 0, 7),
        (1_000_000_000, 10_000_000, 958_333_334),  # floor of 1e9 / 3 / 8
        (0, LIMIT, 1),
    ],
)
def test_the_base_fee_by_hand(base_fee, gas_used, expected):
    """EIP-1559."""
    assert next_base_fee(base_fee, gas_used, LIMIT) == expected


@given(base_fee=st.integers(0, 10**15), used=st.integers(0, LIMIT))
def test_the_base_fee_moves_towards_demand_and_never_by_more_than_an_eighth(base_fee, used):
    after = next_base_fee(base_fee, used, LIMIT)
    target = LIMIT // 2
    if used > target:
        assert base_fee < after <= base_fee + max(base_fee // 8, 1)
    elif used < target:
        assert base_fee - base_fee // 8 <= after <= base_fee
    else:
        assert after == base_fee


@given(base_fee=st.integers(0, 10**15), less=st.integers(0, LIMIT), more=st.integers(0, LIMIT))
def test_more_gas_used_never_means_a_lower_base_fee(base_fee, less, more):
    less, more = sorted((less, more))
    assert next_base_fee(base_fee, less, LIMIT) <= next_base_fee(base_fee, more, LIMIT)


def test_a_chain_of_full_blocks_pays_more_each_time():
    gas = Eip1559(100.0, tip=2.0, urgent_tip=10.0)
    assert gas.at(0) == GasQuote(100.0, 102.0, 110.0)
    gas.record(LIMIT)
    gas.record(LIMIT)
    assert gas.at(1) == GasQuote(112.5, 114.5, 122.5)
    assert gas.at(2).floor == pytest.approx(126.5625)
    with pytest.raises(IndexError, match="base fee of block 3 is not known"):
        gas.at(3)
    with pytest.raises(ValueError, match="gas_used must be 0 to gas_limit"):
        gas.record(LIMIT + 1)


def rows(n=6):
    return pd.DataFrame(
        {
            "ts": 1_583_971_200 + 600 * np.arange(n),
            "30.0 Perc": np.arange(1, n + 1) * 1e9,
            "60.0 Perc": np.arange(2, n + 2) * 1e9,
            "90.0 Perc": np.arange(5, n + 5) * 1e9,
            "100.0 Perc": 3e11,
        }
    )


def test_recorded_gas_is_a_step_function_of_percentiles():
    times = np.array([0.0, 13.0, 599.0, 600.0, 3599.0])
    gas = ReplayGas.from_frame(rows(), times_s=times, start_s=1_583_971_200)
    assert gas.at(0) == gas.at(1) == gas.at(2) == GasQuote(1.0, 2.0, 5.0)
    assert gas.at(3) == GasQuote(2.0, 3.0, 6.0)
    assert gas.floor.tolist() == [1, 1, 1, 2, 6]
    assert gas.standard.tolist() == [2, 2, 2, 3, 7]
    assert gas.urgent.tolist() == [5, 5, 5, 6, 10]
    with pytest.raises(IndexError, match="block 5 is outside the run, which has blocks 0 to 4"):
        gas.at(5)


def test_damaged_gas_rows_are_named():
    def replay(frame, times=(0.0, 1000.0), start=1_583_971_200):
        return ReplayGas.from_frame(frame, times_s=times, start_s=start, source="gas.csv")

    swapped = rows()
    swapped.loc[2, "30.0 Perc"] = 9e9
    with pytest.raises(ValueError, match=r"gas.csv: row 3: .*floor <= standard <= urgent"):
        replay(swapped)
    missing = rows()
    missing.loc[4, "60.0 Perc"] = np.nan
    with pytest.raises(ValueError, match=r"gas.csv: row 5: "):
        replay(missing)
    with pytest.raises(ValueError, match=r"gas.csv: row 3: stamp .* without gaps"):
        replay(rows().drop(index=2))
    with pytest.raises(ValueError, match=r"gas.csv: blocks .* not covered"):
        replay(rows(), times=(0.0, 3601.0))
    with pytest.raises(ValueError, match=r"gas.csv: column 30.0 Perc missing"):
        replay(rows().drop(columns="30.0 Perc"))


def test_constant_gas_is_constant():
    assert ConstantGas(20.0, 10.0, 50.0).at(0) == ConstantGas(20.0, 10.0, 50.0).at(999) == (10.0, 20.0, 50.0)
    assert ConstantGas(0.0).at(3) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="floor <= standard <= urgent"):
        ConstantGas(20.0, 30.0)


def test_drawn_gas_has_its_stationary_moments_and_memory():
    times = np.arange(200_000) * 13.0
    gas = LognormalGas(times, np.random.default_rng(3), level=40.0, sd=0.5, half_life_s=130.0)
    x = np.log(gas.standard / 40.0)
    effective = len(x) * (1 - 0.5**0.1) / (1 + 0.5**0.1)  # draws that carry as much as independent ones
    assert abs(x.mean()) < 4 * 0.5 / np.sqrt(effective)
    assert x.std() == pytest.approx(0.5, rel=0.03)
    assert np.corrcoef(x[:-10], x[10:])[0, 1] == pytest.approx(0.5, abs=0.03)


def test_gas_rises_with_shocks_and_only_then():
    times = np.arange(1000) * 13.0
    path = np.full(1000, 200.0)
    path[500:520] *= np.exp(np.cumsum(np.full(20, -0.02)))
    path[520:] = path[519]
    shock = volatility_shock(path, half_life_blocks=20)
    options = {"level": 40.0, "sd": 0.3, "half_life_s": 600.0}
    calm = LognormalGas(times, np.random.default_rng(3), **options)
    hit = LognormalGas(times, np.random.default_rng(3), shock=shock, coupling=0.5, **options)
    ratio = hit.standard / calm.standard
    assert ratio[100:500] == pytest.approx(1.0)
    assert ratio[520] > 2.0
    assert (hit.floor <= hit.standard).all()
    assert (hit.standard <= hit.urgent).all()
    assert volatility_shock([1.0, 1.0, 1.0], 5).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 0.0}, "level must be positive"),
        ({"sd": -1.0}, "sd must be"),
        ({"floor_ratio": 1.2}, "floor_ratio <= 1 <= urgent_ratio"),
        ({"shock": [1.0]}, "one value per block"),
    ],
)
def test_wrong_parameters_of_drawn_gas_are_named(change, message):
    options = {"level": 40.0, "sd": 0.3, "half_life_s": 600.0} | change
    with pytest.raises(ValueError, match=message):
        LognormalGas([0.0, 13.0], np.random.default_rng(0), **options)
