"""Settings of Maker's auctions that were in force, by collateral type.

`FLIP_PRESETS` and `CAT_PRESETS`: 12 March 2020 (MODEL 1.4: bids at least 3 % apart, 10
minutes, 6 hours; penalty 13 %, lots of at most 50 ETH) and the contract's defaults for
what-if runs. `CLIP_PRESETS`: the executive vote of 30 April 2021 that moved these
collateral types to Liquidations 2.0.

`may_2021`, `march_2020` and `july_2020` give whole collateral types by token, as the executive
votes of the time state them in their tests (makerdao/spells-mainnet): 28 May 2021, 12 March 2020
("existing" settings) and 24 July 2020.
Tokens that were not listed then take the terms of the nearest listing, see each function.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...fixed_point import MAX_UINT256, RAY, WAD
from .abaci import StairstepExponentialDecrease
from .cat import CatParameters
from .clip import ClipParameters
from .dog import DogParameters, minimum_tab
from .flip import FlipParameters
from .jug import duty_of
from .market import ClipType, FlipType, VaultTerms
from .vat import RAD

FLIP_PRESETS: dict[str, FlipParameters] = {
    "ETH-A 2020-03-12": FlipParameters(beg=103 * WAD // 100, ttl=600, tau=6 * 3600),
    "contract defaults": FlipParameters(),
}

CAT_PRESETS: dict[str, CatParameters] = {
    "ETH-A 2020-03-12": CatParameters(chop=113 * RAY // 100, lump=50 * WAD),
}


@dataclass(frozen=True, slots=True)
class ClipPreset:
    """Settings of Liquidations 2.0 for one collateral type, without its smallest debt.

    Parameters
    ----------
    dog : DogParameters
        Trigger.
    clip : ClipParameters
        Auction, with `chost` 0; `with_dust` sets it.
    abacus : StairstepExponentialDecrease
        Price function.
    """

    dog: DogParameters
    clip: ClipParameters
    abacus: StairstepExponentialDecrease

    def with_dust(self, dust: int) -> ClipParameters:
        """Auction settings for a smallest vault debt of `dust`, rad."""
        clip = self.clip
        return ClipParameters(
            buf=clip.buf,
            tail=clip.tail,
            cusp=clip.cusp,
            chip=clip.chip,
            tip=clip.tip,
            chost=minimum_tab(dust, self.dog.chop),
            stopped=clip.stopped,
        )


def _april_2021(hole_millions: int) -> ClipPreset:
    return ClipPreset(
        dog=DogParameters(
            chop=113 * WAD // 100, hole=hole_millions * 10**6 * RAD, global_hole=100 * 10**6 * RAD
        ),
        clip=ClipParameters(
            buf=130 * RAY // 100, tail=140 * 60, cusp=40 * RAY // 100, chip=WAD // 1000, tip=0
        ),
        abacus=StairstepExponentialDecrease(cut=99 * RAY // 100, step=90),
    )


CLIP_PRESETS: dict[str, ClipPreset] = {
    "ETH-A 2021-04-30": _april_2021(22),
    "ETH-B 2021-04-30": _april_2021(8),
    "ETH-C 2021-04-30": _april_2021(5),
    "WBTC-A 2021-04-30": _april_2021(15),
}
"""The global limit of 100 M DAI was set with the trigger itself and is shared by all types."""

_MAY_2021 = {
    "ETH": ("ETH-A", 150, "0.055", 22_000),
    "BTC": ("WBTC-A", 150, "0.045", 15_000),
    "LINK": ("LINK-A", 175, "0.05", 6_000),
    "AAVE": ("AAVE-A", 175, "0.03", 5_000),
    "YFI": ("YFI-A", 175, "0.055", 5_000),
    "COMP": ("COMP-A", 175, "0.03", 2_000),
    "BAL": ("BAL-A", 175, "0.02", 3_000),
    "BAT": ("BAT-A", 150, "0.05", 1_500),
    "ZRX": ("ZRX-A", 175, "0.04", 1_000),
    "MANA": ("MANA-A", 175, "0.03", 1_000),
    "KNC": ("KNC-A", 175, "0.05", 500),
    "LRC": ("LRC-A", 175, "0.04", 500),
}
"""Token -> type, liquidation ratio in per cent, stability fee a year, hole in thousands."""

_2020 = {
    "ETH": ("ETH-A", 150, "0", 500),
    "BTC": ("WBTC-A", 150, "0.02", 1),
    "BAT": ("BAT-A", 150, "0", 50_000),
    "KNC": ("KNC-A", 175, "0.04", 50_000),
    "ZRX": ("ZRX-A", 175, "0.04", 100_000),
}
"""Token -> type, liquidation ratio in per cent, stability fee a year, lot; as of 24 July 2020."""

LARGEST_LOT_USD = 100_000
"""Worth of the largest lot: above about 102,000 coins of debt (rad) times penalty (ray) leaves 256 bits."""


def may_2021(token: str) -> ClipType:
    """Falling-price auctions as of 28 May 2021; a token that was not listed takes the terms of COMP-A."""
    name, ratio, fee, thousands = _MAY_2021.get(_plain(token), _MAY_2021["COMP"])
    dust = 5_000 * RAD
    preset = _april_2021(0)
    dog = DogParameters(chop=preset.dog.chop, hole=thousands * 1_000 * RAD, global_hole=100 * 10**6 * RAD)
    clip = preset.clip
    auction = ClipParameters(
        buf=clip.buf,
        tail=clip.tail,
        cusp=clip.cusp,
        chip=clip.chip,
        tip=300 * RAD,
        chost=minimum_tab(dust, dog.chop),
    )
    terms = VaultTerms(name, ratio * RAY // 100, duty_of(fee), dust)
    return ClipType(terms, dog, auction, preset.abacus)


def march_2020(token: str, price: float) -> FlipType:
    """Auctions of bids as of 12 March 2020, when only ETH and BAT were listed, with a fee of 8 %.

    Other tokens, and BAT's lot, are as of July. The contract of 2020 cannot start an auction for
    much more than `LARGEST_LOT_USD` of debt, so no lot is worth more at `price`.

    Parameters
    ----------
    token : str
    price : float
        USD per token when the auctions are set up.
    """
    flip = FLIP_PRESETS["ETH-A 2020-03-12"]
    return _flip_2020(token, price, flip, fee="0.08", lot=50 if _plain(token) == "ETH" else None)


def july_2020(token: str, price: float) -> FlipType:
    """Auctions of bids as of 24 July 2020; see `march_2020`.

    A token that was not listed takes the terms of KNC-A, and the largest lot.
    """
    return _flip_2020(token, price, FlipParameters(beg=103 * WAD // 100, ttl=6 * 3600, tau=6 * 3600))


def _flip_2020(
    token: str, price: float, flip: FlipParameters, *, fee: str | None = None, lot: int | None = None
) -> FlipType:
    name, ratio, fee_then, lot_then = _2020.get(_plain(token), (*_2020["KNC"][:3], MAX_UINT256 // WAD))
    lump = min((lot or lot_then) * WAD, int(LARGEST_LOT_USD / price * WAD))
    terms = VaultTerms(name, ratio * RAY // 100, duty_of(fee or fee_then), 20 * RAD)
    return FlipType(terms, CatParameters(chop=113 * RAY // 100, lump=lump), flip)


def _plain(token: str) -> str:
    return {"WETH": "ETH", "WBTC": "BTC"}.get(token, token)
