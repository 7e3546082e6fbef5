"""What the tests of agents share: a public view of one small market."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from liquidarium.agents.base import PublicView


@pytest.fixture(scope="session")
def make_view() -> Callable[..., PublicView]:
    """Return a maker of views: one risky asset at 2000 USD with a book and a pool, and a stable one."""

    def make(**changes: object) -> PublicView:
        view = PublicView(
            block=10,
            time_s=120.0,
            block_time_s=12.0,
            mids=[2000.0, 1.0],
            oracle=[2000.0, 1.0],
            volatility=[1e-4, 0.0],
            depth_usd=[5e6, -1.0],
            depth_band=0.01,
            pool_price=[2000.0, 0.0],
            pool_depth_usd=[50e6, 0.0],
            pool_keeps=[0.997, 0.0],
            gas_floor_gwei=80.0,
            gas_standard_gwei=100.0,
            gas_urgent_gwei=150.0,
            usd_per_gas_gwei=2e-6,
            gas_liquidation=450_000,
            gas_swap=150_000,
            revert_gas_share=0.3,
            flash_fee=0.0009,
            opportunities=[],
            pending=[],
        )
        return view._replace(**changes)

    return make
