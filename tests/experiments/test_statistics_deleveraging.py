"""Figures of deleveragings and cascades, against the cases of October 2025."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.experiments.statistics import cascade_figures, deleveraging_figures, episode_figures
from liquidarium.protocols.margin.deleveraging import ProRata, Queue


def test_e01_to_e03_totals_concentration_and_delay_of_10_october_2025():
    top = [620890947.73, 458008925.03, 276200960.58]
    rest = 2103111430.86 - sum(top)
    figures = cascade_figures(
        [3.127, *np.linspace(3.2, 64.8, 709), 70.0],
        [5511042925.05, *[0.0] * 710],
        [64.831502, 65.0, 66.0, 67.0, 68.0, 69.0],
        [*top, *[rest / 3] * 3],
        ["BTC", "ETH", "SOL", "a", "b", "c"],
    )
    assert figures.ratio == pytest.approx(0.3816176828, rel=1e-9)
    assert figures.top_share == pytest.approx(0.6443314479, rel=1e-9)
    assert figures.delay_s == pytest.approx(61.704502)
    assert figures.liquidations_before == 710


def test_e04_overshoot():
    figures = deleveraging_figures([60108335.328145], 15079669.609008, [10**9])
    assert figures.overshoot == pytest.approx(45028665.72, rel=1e-9)
    assert figures.overshoot_ratio == pytest.approx(3.986051212, rel=1e-9)


def test_a_queue_is_less_fair_and_breaks_fewer_hedges_than_pro_rata():
    capacity, hedged = [100, 100, 100, 100], [True, False, True, False]
    figures = {
        name: deleveraging_figures(rule.allocate(100, capacity, [4, 3, 2, 1]), 100, capacity, hedged)
        for name, rule in (("queue", Queue()), ("pro-rata", ProRata()))
    }
    assert figures["queue"].gini == pytest.approx(0.75)
    assert figures["pro-rata"].gini == pytest.approx(0.0)
    assert (figures["queue"].largest_haircut, figures["pro-rata"].largest_haircut) == (1.0, 0.25)
    assert (figures["queue"].broken_hedges, figures["pro-rata"].broken_hedges) == (0.5, 1.0)


def test_nothing_to_take_and_nobody_to_take_from_have_figures():
    figures = deleveraging_figures([], 0, [])
    assert figures.total == figures.gini == figures.largest_haircut == figures.broken_hedges == 0.0
    assert np.isnan(figures.overshoot_ratio)
    calm = cascade_figures([1.0], [5.0], [], [], [])
    assert (calm.ratio, calm.liquidations_before) == (0.0, 1)
    assert np.isnan(calm.delay_s)


def test_an_episode_sums_rounds_and_compares_each_with_the_same_share_for_all():
    figures = episode_figures([[5, 5, 0], [8, 2, 0]], [10, 9], [[10, 10, 0], [10, 10, 0]])
    assert (figures.overshoot, figures.undershoot) == (1.0, 0.0)
    assert figures.regret == pytest.approx(10 * (0.8 - 0.5))
    assert figures.largest_burden == pytest.approx(1.3)
    assert figures.gini == pytest.approx((1.3 - 0.7) / 2 / 2)
