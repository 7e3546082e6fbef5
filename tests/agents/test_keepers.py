"""How keepers bid, buy and fail (MODEL 1.4, 10.2; CASES A10)."""

from __future__ import annotations

import mesa
import numpy as np
import pytest
from liquidarium.agents.base import Buy, Errand, Offer, PlaceBid, Work
from liquidarium.agents.keepers import KeeperBot
from liquidarium.agents.strategies.keeper import Keeper
from liquidarium.agents.strategies.threshold_liquidator import OwnState
from liquidarium.market.streams import Streams
from liquidarium.protocols.lending.pool import Chore, Sale

ME = 7
RICH = OwnState(1e9, 0.5, 0.0, ME)


def auction(tokens: float, least_bid: int, most: int, number: int = 2, **changes) -> Offer:
    sale = Sale(number, "bids", 3, 0, 1, int(tokens * 1e9), 0.0, most, least_bid=least_bid)
    return Offer(0, sale._replace(**changes), 0.0, most * 1e-6, tokens, 1e-6)


def dutch(price_usd: float, tokens: float = 1.0, tab_usd: float = 1e9) -> Offer:
    most = min(tokens * price_usd, tab_usd)
    return Offer(
        0,
        Sale(1, "price", 3, 0, 1, int(tokens * 1e9), price_usd, int(most * 1e6)),
        price_usd,
        most,
        tokens,
        1e-6,
    )


def gas(view) -> float:
    return view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei


def test_a_keeper_bids_what_selling_the_lot_would_bring_less_margin_and_gas(make_view):
    """10 ETH into 5 M USD within 1 % move the price by 40 basis points for each million, half on average."""
    view = make_view(offers=[auction(10.0, 1, int(1e12))])
    (bid,) = Keeper(bid_margin=0.05).decide(view, RICH)
    worth = 20_000.0 * (1.0 - 0.01 * 20_000.0 / (2 * 5e6))
    assert isinstance(bid, PlaceBid)
    assert bid.pay_units == int((0.95 * worth - gas(view)) * 1e6)


def test_a_keeper_never_offers_more_than_the_debt_nor_than_it_has_left_for_all_lots(make_view):
    lots = [auction(10.0, 1, int(15_000e6), number) for number in range(1, 5)]
    bids = Keeper().decide(make_view(offers=lots), RICH._replace(cash_usd=36_000.0))
    assert [bid.pay_units for bid in bids[:2]] == [15_000_000_000] * 2
    assert sum(bid.pay_units for bid in bids) * 1e-6 < 36_000.0 - Keeper().gas_reserve_usd


def test_once_the_debt_is_bid_a_keeper_asks_for_less_collateral_down_to_its_margin(make_view):
    falling = auction(10.0, 0, int(15_000e6), most_units=int(9.7e9), bidder=3)
    (bid,) = Keeper(bid_margin=0.05).decide(make_view(offers=[falling]), RICH)
    assert bid.pay_units == 15_000_000_000
    assert 7.9e9 < bid.units < 8.1e9
    tight = auction(10.0, 0, int(15_000e6), most_units=int(7e9), bidder=3)
    assert Keeper(bid_margin=0.05).decide(make_view(offers=[tight]), RICH) == []


def test_a_lone_lowballer_opens_with_next_to_nothing_and_never_raises(make_view):
    """A10: a lot of 50 ETH at 110 USD for a bid of about 0 gains 5500, and the vault recovers nothing."""
    lowballer = Keeper(opening_usd=0.001, gas_reserve_usd=0.0)
    view = make_view(mids=[110.0, 1.0], oracle=[110.0, 1.0], offers=[auction(50.0, 1, int(5_000e6))])
    (bid,) = lowballer.decide(view, RICH)
    assert bid.pay_units * 1e-6 == pytest.approx(0.001, abs=2e-6)
    gain = 50 * 110.0 - bid.pay_units * 1e-6
    assert gain == pytest.approx(5_500.0, abs=0.01)
    beaten = auction(50.0, 1_030, int(5_000e6), bidder=3)
    assert lowballer.decide(view._replace(offers=[beaten]), RICH) == []


def test_nobody_bids_against_itself(make_view):
    mine = auction(10.0, 1_000, int(15_000e6), bidder=ME)
    assert Keeper().decide(make_view(offers=[mine]), RICH) == []


@pytest.mark.parametrize("opening", [0.0, 0.001])
def test_at_a_falling_price_every_keeper_buys_the_whole_lot_once_its_margin_is_left(make_view, opening):
    keeper = Keeper(bid_margin=0.05, opening_usd=opening)
    assert keeper.decide(make_view(offers=[dutch(1_890.0, 50.0)]), RICH) != []
    assert keeper.decide(make_view(offers=[dutch(1_920.0, 50.0)]), RICH) == []
    (buy,) = keeper.decide(make_view(offers=[dutch(1_800.0, 50.0, tab_usd=45_000.0)]), RICH)
    assert isinstance(buy, Buy)
    assert buy.spend_usd == 45_000.0
    assert keeper.decide(make_view(offers=[dutch(1_800.0, 50.0)]), RICH._replace(cash_usd=50_000.0)) == []


def test_upkeep_is_done_for_oneself_or_for_a_reward(make_view):
    mine, other = Chore(1, "deal", 0.0, ME, 5_000.0), Chore(2, "deal", 0.0, 3, 5_000.0)
    paid = Chore(3, "redo", 300.0)
    done = Keeper().decide(make_view(errands=[Errand(0, c) for c in (mine, other, paid)]), RICH)
    assert [work.errand.chore.number for work in done if isinstance(work, Work)] == [1, 3]


class _World(mesa.Model):
    def __init__(self, seed: int) -> None:
        super().__init__(rng=seed)
        self.stream = Streams(seed)

    def cash_usd(self, account: int) -> float:
        return 1e6


def live(bot: KeeperBot, make_view, gwei: list[float], minutes: float = 1.0) -> list[bool]:
    states = []
    for k, price in enumerate(gwei):
        bot.trade(make_view(time_s=60.0 * (1.0 + minutes * k), gas_standard_gwei=price))
        states.append(bot.live)
    return states


def keeper(seed: int, name: str, **parameters) -> KeeperBot:
    strategy = Keeper(gas_headroom=2.0, repair_s=1e9, **parameters)
    return KeeperBot(_World(seed), name, ME, strategy)


def test_a_keeper_is_down_while_gas_costs_more_than_it_is_set_up_for(make_view):
    assert live(keeper(1, "a"), make_view, [10.0, 19.0, 21.0, 50.0, 20.0]) == [True, True, False, False, True]


def test_a_repaired_keeper_is_set_up_for_the_gas_of_that_moment(make_view):
    bot = keeper(1, "a")
    bot.strategy = Keeper(gas_headroom=2.0, repair_s=1e-6)
    assert live(bot, make_view, [10.0, 50.0, 50.0, 99.0]) == [True, False, True, True]


def test_keepers_of_one_operator_fail_and_return_together_and_others_do_not(make_view):
    prices = np.geomspace(10.0, 400.0, 60).tolist()
    settings = {"headroom_sd_log": 0.8, "operator": "shared"}

    def histories(**parameters):
        bots = [keeper(5, name, **parameters) for name in "abc"]
        for bot in bots:
            bot.strategy = Keeper(gas_headroom=2.0, repair_s=600.0, **parameters)
        return [live(bot, make_view, prices) for bot in bots]

    shared = histories(**settings)
    assert shared[0] == shared[1] == shared[2]
    assert False in shared[0]
    alone = histories(headroom_sd_log=0.8)
    assert alone[0] != alone[1]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bid_margin", 1.0),
        ("gas_headroom", 0.5),
        ("repair_s", 0.0),
        ("opening_usd", -1.0),
        ("max_slippage", 2.0),
    ],
)
def test_bad_parameters_are_refused_by_name(key, value):
    with pytest.raises(ValueError, match=key):
        Keeper(**{key: value})


def test_a_keeper_that_is_down_asks_for_nothing(make_view):
    bot = keeper(1, "a")
    offers = [auction(10.0, 1, int(15_000e6))]
    assert bot.trade(make_view(time_s=60.0, gas_standard_gwei=10.0, offers=offers))
    assert bot.trade(make_view(time_s=120.0, gas_standard_gwei=30.0, offers=offers)) == []
    assert not bot.live
