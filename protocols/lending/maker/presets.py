"""Settings of Maker's auctions that were in force, by collateral type.

`FLIP_PRESETS` and `CAT_PRESETS`: 12 March 2020 (MODEL 1.4: bids at least 3 % apart, 10
minutes, 6 hours; penalty 13 %, lots of at most 50 ETH) and the contract's defaults for
what-if runs. `CLIP_PRESETS`: the executive vote of 30 April 2021 that moved these
collateral types to Liquidations 2.0.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...fixed_point import RAY, WAD
from .abaci import StairstepExponentialDecrease
from .cat import CatParameters
from .clip import ClipParameters
from .dog import DogParameters, minimum_tab
from .flip import FlipParameters
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
