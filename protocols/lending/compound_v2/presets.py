"""Settings of the real Compound v2 pool (Ethereum) and Venus core pool (BNB chain).

Collateral factors of 2022-23 are those a portfolio reader recorded from the deployed
comptrollers (Centic-io/defi-state-querier, `compound_eth.py`, `venus_bsc.py`).
Those of Compound in May 2021 are the earliest that governance threads state as
current, with no vote in between: WBTC 65 % (lowered by proposal 39 early in 2021,
comp.xyz thread 1244; still so in thread 2688 of 30 November 2021), COMP and UNI
60 % (thread 2688), USDC 75 % (thread 2486 of 25 October 2021); LINK and AAVE,
listed soon after, with their first known 50 % (thread 2486); ETH and DAI 75 % from
memory. The protocol's share of what is seized came with proposal 48 (thread 1723),
in the summer of 2021 from memory, so May has none; later it was 2.8 % (MODEL 1.3).

Compound's rate models are deployed ones (compound-protocol,
`networks/mainnet.json`), each applied to a market of its kind. Close factor 50 %
and incentive 8 % are MODEL 1.3. Reserve factors and every Venus rate and incentive
(10 %) are usual values from memory, unverified.
"""

from __future__ import annotations

from .params import (
    BNB_BLOCKS_PER_YEAR,
    WAD,
    JumpRateModel,
    MarketParams,
    PoolParams,
    compound_pool,
    venus_pool,
)

_BP = WAD // 10_000

STABLE_JUMP = JumpRateModel.per_year(200 * _BP, 2_000 * _BP, 20_000 * _BP, 9_000 * _BP)
"""Base 2 %, slope 20 %, jump 200 % beyond 90 %: cUSDT's, 2020."""
LINEAR_10 = JumpRateModel.per_year(200 * _BP, 1_000 * _BP, 1_000 * _BP, WAD)
"""Base 2 %, slope 10 %, no kink: cETH's, 2020."""
LINEAR_30 = JumpRateModel.per_year(200 * _BP, 3_000 * _BP, 3_000 * _BP, WAD)
"""Base 2 %, slope 30 %, no kink: volatile tokens, 2019-20."""

_VENUS_STABLE = JumpRateModel.per_year(0, 1_000 * _BP, 25_000 * _BP, 8_000 * _BP, BNB_BLOCKS_PER_YEAR)
_VENUS_VOLATILE = JumpRateModel.per_year(0, 900 * _BP, 20_000 * _BP, 7_500 * _BP, BNB_BLOCKS_PER_YEAR)


def _compound(
    symbol: str,
    decimals: int,
    factor_bps: int,
    reserve_bps: int,
    model: JumpRateModel,
    seize_share_bps: int = 280,
) -> MarketParams:
    return MarketParams(
        symbol=symbol,
        underlying_decimals=decimals,
        rate_model=model,
        collateral_factor=factor_bps * _BP,
        liquidation_threshold=factor_bps * _BP,
        liquidation_incentive=10_800 * _BP,
        reserve_factor=reserve_bps * _BP,
        protocol_seize_share=seize_share_bps * _BP,
    )


def _venus(symbol: str, factor_bps: int, reserve_bps: int, model: JumpRateModel) -> MarketParams:
    return MarketParams(
        symbol=symbol,
        underlying_decimals=18,
        rate_model=model,
        collateral_factor=factor_bps * _BP,
        liquidation_threshold=factor_bps * _BP,
        liquidation_incentive=11_000 * _BP,
        reserve_factor=reserve_bps * _BP,
    )


COMPOUND_V2_MAINNET: PoolParams = compound_pool(
    (
        _compound("ETH", 18, 8_250, 2_000, LINEAR_10),
        _compound("WBTC", 8, 7_000, 2_000, LINEAR_30),
        _compound("USDC", 6, 8_550, 750, STABLE_JUMP),
        _compound("DAI", 18, 8_350, 1_500, STABLE_JUMP),
        _compound("USDT", 6, 0, 750, STABLE_JUMP),
        _compound("COMP", 18, 6_000, 2_500, LINEAR_30),
        _compound("UNI", 18, 7_500, 2_500, LINEAR_30),
        _compound("LINK", 18, 7_900, 2_500, LINEAR_30),
        _compound("AAVE", 18, 7_300, 2_500, LINEAR_30),
    )
)
"""Compound v2 on Ethereum in 2022-23; a market's position is its place in `markets`."""

COMPOUND_V2_MAY_2021: PoolParams = compound_pool(
    (
        _compound("ETH", 18, 7_500, 2_000, LINEAR_10, 0),
        _compound("WBTC", 8, 6_500, 2_000, LINEAR_30, 0),
        _compound("USDC", 6, 7_500, 750, STABLE_JUMP, 0),
        _compound("DAI", 18, 7_500, 1_500, STABLE_JUMP, 0),
        _compound("USDT", 6, 0, 750, STABLE_JUMP, 0),
        _compound("COMP", 18, 6_000, 2_500, LINEAR_30, 0),
        _compound("UNI", 18, 6_000, 2_500, LINEAR_30, 0),
        _compound("LINK", 18, 5_000, 2_500, LINEAR_30, 0),
        _compound("AAVE", 18, 5_000, 2_500, LINEAR_30, 0),
    )
)
"""Compound v2 on Ethereum as of the crash of 19 May 2021; see the module's text for LINK and AAVE."""

VENUS_CORE_BNB: PoolParams = venus_pool(
    (
        _venus("BNB", 7_500, 3_000, _VENUS_VOLATILE),
        _venus("BTCB", 8_000, 2_000, _VENUS_VOLATILE),
        _venus("ETH", 8_000, 2_000, _VENUS_VOLATILE),
        _venus("USDC", 8_250, 1_000, _VENUS_STABLE),
        _venus("USDT", 8_000, 1_000, _VENUS_STABLE),
        _venus("BUSD", 8_250, 1_000, _VENUS_STABLE),
        _venus("XVS", 5_500, 2_000, _VENUS_VOLATILE),
        _venus("DAI", 6_000, 1_000, _VENUS_STABLE),
        _venus("LINK", 6_000, 2_000, _VENUS_VOLATILE),
        _venus("AAVE", 5_500, 2_000, _VENUS_VOLATILE),
    )
)
"""Venus core pool on BNB chain, before liquidation thresholds were split from collateral factors."""
