"""Replay of Maker's Liquidations 2.0 (set ``maker_liq2``): price functions and auctions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...market.revert import Revert
from ...protocols.lending.maker import (
    Abacus,
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
    redo,
    sale_status,
    take,
)
from .compare import Check, compare


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Replay one case: a price, or an auction from its start through its steps.

    Parameters
    ----------
    case : Mapping
        One case of the file.
    header : Mapping
        The file's header; the rules need nothing of it.

    Returns
    -------
    list of Check
    """
    del header
    if case["kind"] == "abacus":
        return _replay_price(case)
    if case["kind"] == "auction":
        return _replay_auction(case)
    raise ValueError(f"kind must be 'abacus' or 'auction', got {case['kind']!r}")


def _replay_price(case: Mapping[str, Any]) -> list[Check]:
    got: dict[str, Any] = {"revert": None}
    try:
        got["price"] = _abacus(case["calc"], case["params"]).price(int(case["top"]), int(case["dur"]))
    except Revert as error:
        got["revert"] = error.reason
    return compare(case["out"], got)


def _replay_auction(case: Mapping[str, Any]) -> list[Check]:
    vat, spotter, terms, settings = case["vat"], case["spotter"], case["dog"], case["clip"]
    vault = Vault(int(vat["ink"]), int(vat["art"]))
    ilk = Ilk(int(vat["rate"]), int(vat["spot"]), int(vat["dust"]))
    dog = DogParameters(chop=int(terms["chop"]), hole=int(terms["hole"]), global_hole=int(terms["Hole"]))
    clip = ClipParameters(
        buf=int(settings["buf"]),
        tail=int(settings["tail"]),
        cusp=int(settings["cusp"]),
        chip=int(settings["chip"]),
        tip=int(settings["tip"]),
        chost=int(settings["chost"]),
    )
    abacus = _abacus(case["calc"]["kind"], case["calc"])
    dirt = Dirt(int(terms["dirt"]), int(terms["Dirt"]))
    par, price_wad, now = int(spotter["par"]), int(spotter["feedPriceWad"]), int(case["timestamp"])
    try:
        started = bark(vault, ilk, dog, clip, dirt=dirt, feed=feed_price(price_wad, par), now=now)
    except Revert as error:
        return compare(case["bark"], {"revert": error.reason}, "bark")
    checks = compare(
        case["bark"],
        {
            "revert": None,
            "dink": started.dink,
            "dart": started.dart,
            "due": started.due,
            "top": started.sale.top,
            "tab": started.sale.tab,
            "lot": started.sale.lot,
            "coin": started.coin,
            "Dirt": started.dirt.total,
            "dirt": started.dirt.ilk,
            "inkAfter": started.vault.ink,
            "artAfter": started.vault.art,
        },
        "bark",
    )
    if case["bark"]["revert"] is not None:
        return checks
    sale: Sale | None = started.sale
    dirt, coins = started.dirt, started.coin
    for i, step in enumerate(case["steps"]):
        if sale is None:
            return [*checks, (f"steps[{i}]", step["out"], "the auction is over")]
        now += int(step["dt"])
        price_wad = int(step.get("feedPriceWad", price_wad))
        status = sale_status(sale, clip, abacus, now)
        answered = {
            "needsRedo": status.needs_redo,
            "price": status.price,
            "lot": sale.lot,
            "tab": sale.tab,
        }
        checks += compare(step["status"], answered, f"steps[{i}].status")
        got: dict[str, Any] = {"revert": None}
        try:
            if step["action"] == "take":
                bought = take(sale, clip, abacus, amt=int(step["amt"]), max_price=int(step["max"]), now=now)
                sale, dirt = bought.sale, dirt.dig(bought.dug)
                got |= {
                    "price": bought.price,
                    "owe": bought.owe,
                    "slice": bought.slice,
                    "tab": bought.tab,
                    "lot": bought.lot,
                    "closed": bought.sale is None,
                    "returnedToUrn": bought.returned,
                    "Dirt": dirt.total,
                    "dirt": dirt.ilk,
                }
            elif step["action"] == "redo":
                restarted = redo(sale, clip, abacus, feed=feed_price(price_wad, par), now=now)
                sale, coins = restarted.sale, coins + restarted.coin
                got |= {"top": sale.top, "tab": sale.tab, "lot": sale.lot, "coin": restarted.coin}
            else:
                raise ValueError(f"action must be 'take' or 'redo', got {step['action']!r}")
        except Revert as error:
            got["revert"] = error.reason
        checks += compare(step["out"], got, f"steps[{i}].out")
    return checks + compare(case["keeperCoinTotal"], coins, "keeperCoinTotal")


def _abacus(kind: str, settings: Mapping[str, Any]) -> Abacus:
    if kind == "linear":
        return LinearDecrease(tau=int(settings["tau"]))
    if kind == "stairstep":
        return StairstepExponentialDecrease(cut=int(settings["cut"]), step=int(settings["step"]))
    if kind == "exponential":
        return ExponentialDecrease(cut=int(settings["cut"]))
    raise ValueError(f"calc must be linear, stairstep or exponential, got {kind!r}")
