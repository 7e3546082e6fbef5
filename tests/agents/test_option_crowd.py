"""A crowd that writes and buys options: each short has its long, and hedges are hedges."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.agents.option_crowd import ContractSide, OptionLaw

PERP = ContractSide(20_000, np.nan)
PUT = ContractSide(5_000, -0.04)
CALL = ContractSide(8_000, 0.05)


USUAL = OptionLaw()


def draw(law: OptionLaw = USUAL, count: int = 400, seed: int = 1):
    return law.draw(np.random.default_rng(seed), count, [PERP, PUT, CALL])


def test_each_short_has_its_long_and_open_interest_is_what_was_asked_for():
    lots = draw().lots
    assert (lots.sum(axis=0) == 0).all()
    assert np.maximum(lots, 0).sum(axis=0).tolist() == [20_000, 5_000, 8_000]
    assert (lots != 0).any(axis=1).all()


def test_writers_are_short_and_buyers_long_one_option_each():
    lots = draw().lots
    assert ((lots[:120, 1:] < 0).sum(axis=1) == 1).all()
    assert ((lots[120:240, 1:] > 0).sum(axis=1) == 1).all()
    assert not lots[240:, 1:].any()


def test_hedged_writers_hold_the_delta_of_what_they_sold():
    lots = draw(OptionLaw(hedged_share=1.0)).lots[:120]
    assert np.abs(lots @ [1.0, PUT.delta, CALL.delta]).max() <= 0.5 + 1e-9
    assert not draw(OptionLaw(hedged_share=0.0)).lots[:240, 0].any()


def test_nobody_puts_up_less_than_the_least_cushion():
    traders = draw(OptionLaw(median_cushion=1.0, least_cushion=1.2))
    assert traders.cushion.min() == 1.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"writer_share": 0.6, "buyer_share": 0.5}, "writer_share"),
        ({"hedged_share": 2.0}, "hedged_share"),
        ({"least_cushion": 0.5}, "least_cushion"),
        ({"median_leverage": 0.0}, "median_leverage"),
    ],
)
def test_a_law_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        OptionLaw(**change)


def test_too_few_traders_or_lots_are_refused():
    with pytest.raises(ValueError, match="too few"):
        draw(count=5)
    with pytest.raises(ValueError, match="cannot hold"):
        OptionLaw().draw(np.random.default_rng(1), 400, [PERP, ContractSide(10, -0.1)])
