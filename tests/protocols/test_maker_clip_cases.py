"""Maker's falling-price auctions (dog, clip, abaci) against the numeric cases."""

from __future__ import annotations

import pytest
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.maker import (
    CLIP_PRESETS,
    RAD,
    Bark,
    ClipParameters,
    Dirt,
    DogParameters,
    ExponentialDecrease,
    Ilk,
    LinearDecrease,
    Sale,
    StairstepExponentialDecrease,
    Vault,
    bark,
    feed_price,
    kick,
    minimum_tab,
    redo,
    sale_status,
    take,
)

WAD = 10**18
RAY = 10**27
FLAT = ClipParameters(buf=RAY, tail=3600, cusp=0)
# A price that stays where it started.
CONSTANT = StairstepExponentialDecrease(cut=RAY, step=1)


def dusty_vault(hole: int, dust: int = 20) -> Bark:
    return bark(
        Vault(40 * WAD, 100 * WAD),
        Ilk(rate=RAY, spot=2 * RAY, dust=dust * RAD),
        DogParameters(chop=WAD, hole=hole * RAD, global_hole=1000 * RAD),
        FLAT,
        dirt=Dirt(),
        feed=feed_price(4 * WAD),
        now=0,
    )


def test_a01_a_partial_auction_leaves_no_dust() -> None:
    sent = dusty_vault(hole=80)
    assert (sent.sale.tab, sent.sale.lot) == (80 * RAD, 32 * WAD)
    assert sent.vault == Vault(8 * WAD, 20 * WAD)
    assert sent.dirt == Dirt(80 * RAD, 80 * RAD)


def test_a_rest_below_dust_goes_to_auction_with_the_rest_beyond_the_limit() -> None:
    sent = dusty_vault(hole=81)
    assert sent.vault == Vault(0, 0)
    assert sent.sale.tab == 100 * RAD


def test_an_auction_of_exactly_dust_is_allowed_and_one_below_refused() -> None:
    assert dusty_vault(hole=20).sale.tab == 20 * RAD
    with pytest.raises(Revert, match="Dog/dusty-auction-from-partial-liquidation"):
        dusty_vault(hole=19)


def test_the_hole_is_shared_by_all_auctions_and_dug_free_again() -> None:
    dog = DogParameters(chop=WAD, hole=80 * RAD, global_hole=100 * RAD)
    full = Dirt(ilk=30 * RAD, total=100 * RAD)
    unsafe, ilk = Vault(40 * WAD, 100 * WAD), Ilk(rate=RAY, spot=2 * RAY)

    def send(dirt: Dirt) -> Bark:
        return bark(unsafe, ilk, dog, FLAT, dirt=dirt, feed=RAY, now=0)

    with pytest.raises(Revert, match="Dog/liquidation-limit-hit"):
        send(full)
    assert send(full.dig(10 * RAD)).sale.tab == 10 * RAD


def test_a_vault_at_its_limit_is_safe() -> None:
    ilk = Ilk(rate=RAY, spot=5 * RAY)
    assert not ilk.is_unsafe(Vault(20 * WAD, 100 * WAD))
    assert ilk.is_unsafe(Vault(20 * WAD - 1, 100 * WAD))
    assert not Ilk(rate=RAY, spot=0).is_unsafe(Vault(0, 100 * WAD))


def test_a02_kick_sets_the_starting_price_and_pays_the_keeper() -> None:
    clip = ClipParameters(buf=125 * RAY // 100, tail=3600, cusp=0, chip=2 * WAD // 100, tip=100 * RAD)
    started = bark(
        Vault(40 * WAD, 100 * WAD),
        Ilk(rate=RAY, spot=2 * RAY),
        DogParameters(chop=11 * WAD // 10, hole=1000 * RAD, global_hole=1000 * RAD),
        clip,
        dirt=Dirt(),
        feed=feed_price(4 * WAD),
        now=0,
    )
    assert started.sale == Sale(110 * RAD, 40 * WAD, 5 * RAY, 0)
    assert started.coin == 1022 * RAD // 10


def test_a03_a_bid_above_the_debt_pays_the_debt_and_the_rest_goes_back() -> None:
    sale = Sale(110 * RAD, 40 * WAD, 5 * RAY, 0)
    bought = take(sale, FLAT, CONSTANT, amt=25 * WAD, max_price=5 * RAY, now=0)
    assert (bought.owe, bought.slice, bought.returned) == (110 * RAD, 22 * WAD, 18 * WAD)
    assert bought.sale is None


def chost_sale(tab: int) -> tuple[Sale, ClipParameters]:
    chost = minimum_tab(20 * RAD, 11 * WAD // 10)
    assert chost == 22 * RAD
    clip = ClipParameters(buf=RAY, tail=3600, cusp=0, chost=chost)
    return Sale(tab * RAD, 40 * WAD, 5 * RAY, 0), clip


def test_a04_a_partial_bid_leaves_at_least_chost() -> None:
    sale, clip = chost_sale(110)
    bought = take(sale, clip, CONSTANT, amt=18 * WAD, max_price=5 * RAY, now=0)
    assert bought.tab == 22 * RAD
    assert bought.lot == 224 * WAD // 10
    assert bought.owe == 88 * RAD


def test_a_debt_of_chost_or_less_is_bought_whole_or_not_at_all() -> None:
    sale, clip = chost_sale(22)
    with pytest.raises(Revert, match="Clipper/no-partial-purchase"):
        take(sale, clip, CONSTANT, amt=WAD, max_price=5 * RAY, now=0)
    assert take(sale, clip, CONSTANT, amt=5 * WAD, max_price=5 * RAY, now=0).sale is None


def test_a05_a_price_collapse_sells_the_lot_below_the_debt() -> None:
    sale = Sale(110 * RAD, 40 * WAD, 5 * RAY, 0)
    abacus = StairstepExponentialDecrease(cut=99 * RAY // 100, step=1)
    bought = take(sale, FLAT, abacus, amt=40 * WAD, max_price=5 * RAY, now=69)
    assert bought.price / RAY == pytest.approx(2.499185149, rel=1e-8)
    assert bought.owe / RAD == pytest.approx(99.96740598, rel=1e-8)
    assert bought.sale is None
    assert bought.dug == 110 * RAD


@pytest.mark.parametrize(("elapsed", "price"), [(0, 1000), (360, 900), (1800, 500), (3600, 0)])
def test_a06_linear_decrease(elapsed: int, price: int) -> None:
    assert LinearDecrease(tau=3600).price(1000 * RAY, elapsed) == price * RAY


def test_a07_exponential_half_life() -> None:
    abacus = ExponentialDecrease(cut=999230132966 * 10**15)
    assert abacus.price(4000 * RAY, 900) / RAY == pytest.approx(2000, abs=0.001)


def test_an_exponential_decrease_is_a_stairstep_of_one_second() -> None:
    cut = 999230132966 * 10**15
    assert ExponentialDecrease(cut).price(RAY, 77) == StairstepExponentialDecrease(cut, 1).price(RAY, 77)


def test_a08_an_auction_restarts_only_after_its_tail() -> None:
    clip = ClipParameters(buf=125 * RAY // 100, tail=3600, cusp=RAY // 2)
    sale, feed = Sale(110 * RAD, 40 * WAD, 5 * RAY, 0), feed_price(3 * WAD)
    abacus = LinearDecrease(tau=36_000)
    with pytest.raises(Revert, match="Clipper/cannot-reset"):
        redo(sale, clip, abacus, feed=feed, now=3600)
    with pytest.raises(Revert, match="Clipper/needs-reset"):
        take(sale, clip, abacus, amt=WAD, max_price=5 * RAY, now=3601)
    restarted = redo(sale, clip, abacus, feed=feed, now=3601).sale
    assert restarted == Sale(110 * RAD, 40 * WAD, 375 * RAY // 100, 3601)
    assert not sale_status(restarted, clip, abacus, 3601).needs_redo


def test_an_auction_restarts_once_its_price_is_below_cusp() -> None:
    clip = ClipParameters(buf=RAY, tail=10**9, cusp=RAY // 2)
    sale, abacus = Sale(RAD, WAD, RAY, 0), LinearDecrease(tau=1000)
    assert not sale_status(sale, clip, abacus, 500).needs_redo
    assert sale_status(sale, clip, abacus, 501).needs_redo


def test_a_restart_is_rewarded_only_if_the_sale_is_worth_more_than_dust() -> None:
    clip = ClipParameters(buf=RAY, tail=0, cusp=0, tip=RAD, chost=22 * RAD)
    for tab, lot, coin in ((22, 22, RAD), (21, 22, 0), (22, 21, 0)):
        sale = Sale(tab * RAD, lot * WAD, RAY, 0)
        assert redo(sale, clip, CONSTANT, feed=RAY, now=1).coin == coin


@pytest.mark.parametrize("stopped", [0, 1, 2, 3])
def test_breaker_levels_stop_kicks_then_restarts_then_purchases(stopped: int) -> None:
    clip = ClipParameters(buf=RAY, tail=0, cusp=0, stopped=stopped)
    sale = Sale(RAD, WAD, RAY, 0)
    calls = (
        lambda: kick(clip, RAD, WAD, RAY, 0),
        lambda: redo(sale, clip, CONSTANT, feed=RAY, now=1),
        lambda: take(sale, clip, CONSTANT, amt=WAD, max_price=RAY, now=0),
    )
    for call in calls[:stopped]:
        with pytest.raises(Revert, match="Clipper/stopped-incorrect"):
            call()
    for call in calls[stopped:]:
        call()


def test_settings_the_contracts_refuse_need_to_be_called_unsafe() -> None:
    with pytest.raises(ValueError, match=r"Maker dog: chop .*file-chop-lt-WAD"):
        DogParameters(chop=WAD - 1, hole=0, global_hole=0)
    with pytest.raises(ValueError, match=r"Maker ExponentialDecrease: cut .*cut-gt-RAY"):
        ExponentialDecrease(cut=RAY + 1)
    with pytest.raises(ValueError, match=r"Maker StairstepExponentialDecrease: cut .*cut-gt-RAY"):
        StairstepExponentialDecrease(cut=RAY + 1, step=1)
    assert DogParameters(chop=WAD - 1, hole=0, global_hole=0, unsafe=True).chop < WAD
    assert StairstepExponentialDecrease(cut=2 * RAY, step=1, unsafe=True).price(RAY, 3) == 8 * RAY
    for settings in ({"stopped": 4}, {"chip": 2**64}, {"tip": 2**192}, {"buf": -1}):
        with pytest.raises(ValueError, match="Maker clip"):
            ClipParameters(**{"buf": RAY, "tail": 0, "cusp": 0} | settings)


def test_presets_open_a_sale_at_130_per_cent_of_the_oracle_price() -> None:
    preset = CLIP_PRESETS["ETH-A 2021-04-30"]
    clip = preset.with_dust(15_000 * RAD)
    assert clip.chost == 16_950 * RAD
    started = kick(clip, 20_000 * RAD, 10 * WAD, feed_price(2000 * WAD), 0)
    assert started.sale.top == 2600 * RAY
    # 90 seconds a step, 1 % down each.
    assert sale_status(started.sale, clip, preset.abacus, 89).price == 2600 * RAY
    assert sale_status(started.sale, clip, preset.abacus, 90).price == 2574 * RAY
