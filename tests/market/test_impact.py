"""Impact by closed form."""

from __future__ import annotations

import pytest
from liquidarium.market.impact import square_root_impact


def test_x08_square_root_impact():
    assert square_root_impact(0.03, 1.0, 100.0) == pytest.approx(0.003, rel=1e-12)


def test_four_times_the_order_moves_the_price_twice_as_far():
    assert square_root_impact(0.05, 8.0, 100.0) == pytest.approx(2 * square_root_impact(0.05, 2.0, 100.0))


def test_a_market_without_volume_has_no_impact_to_speak_of():
    with pytest.raises(ValueError, match="the volume be positive"):
        square_root_impact(0.03, 1.0, 0.0)
