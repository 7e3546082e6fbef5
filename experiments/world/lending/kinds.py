"""Which lending protocols a scenario may name, and how each is built.

One module for each family beside this file says what its rules mean for borrowers
(`Terms`) and builds the pool; this one only lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....market.ledger import Ledger
from ....protocols.lending.pool import LendingPool
from ...scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Terms:
    """What the rules of a protocol mean for those who borrow there.

    Attributes
    ----------
    thresholds : mapping of str to float
        Weight in health of each collateral it takes, as a fraction; an asset that is missing is refused.
    single_collateral : bool
        Whether an account has one collateral only, so that a borrower with two needs two accounts.
    debt : str, optional
        Symbol of the only asset that is lent, or None where every stable asset of the scenario is.
    least_debt_usd : mapping of str to float
        Least debt of an account by its only collateral, USD; none where it is missing.
    """

    thresholds: Mapping[str, float]
    single_collateral: bool = False
    debt: str | None = None
    least_debt_usd: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LendingKind:
    """One kind of lending protocol.

    Attributes
    ----------
    line : str
        What it is, in one line.
    terms : callable
        ``(config, scenario) -> Terms``; raises `ScenarioError`.
    build : callable
        ``(config, scenario, ledger, n_borrowers, start_s) -> LendingPool`` with empty positions and
        named ``config.name or config.kind``; raises `ScenarioError`.
    """

    line: str
    terms: Callable[[Any, Scenario], Terms]
    build: Callable[[Any, Scenario, Ledger, int, int], LendingPool]


def lending_kinds() -> dict[str, LendingKind]:
    """Return every kind of lending protocol by the name that scenarios give it."""
    from . import (
        aave,
        ajna,
        comet,
        compound,
        euler,
        fluid,
        laboratory,
        liquity,
        llamma,
        maker,
        morpho,
        silo,
    )  # fmt: skip

    return {
        "aave-v2": LendingKind("half of a debt at any health below 1, fixed bonus", aave.terms, aave.build),
        "aave-v3": LendingKind(
            "version 3.0.2: all of a debt at health .95 or below, a fee on the bonus", aave.terms, aave.build
        ),
        "aave-v3.6": LendingKind(
            "half of a whole position, no dust left, bad debt written off", aave.terms, aave.build
        ),
        "aave-v4-style": LendingKind(
            "a bonus that rises as health falls, repayment to a target health", aave.terms, aave.build_v4
        ),
        "compound-v2": LendingKind(
            "half of a debt at any shortfall, cTokens seized, nothing clamped", compound.terms, compound.build
        ),
        "venus": LendingKind(
            "Compound's engine with thresholds and incentives for each market", compound.terms, compound.build
        ),
        "comet": LendingKind(
            "Compound III: accounts absorbed whole, their collateral sold at a discount",
            comet.terms,
            comet.build,
        ),
        "morpho-blue": LendingKind(
            "isolated markets, any size, lenders bear bad debt at once", morpho.terms, morpho.build
        ),
        "euler-v1": LendingKind(
            "a discount of the shortfall and a fee, repayment to a health score, bad debt stays",
            euler.terms_v1,
            euler.build_v1,
        ),
        "euler-v2": LendingKind(
            "vault kit: a discount as large as the shortfall, debt without collateral socialised",
            euler.terms_v2,
            euler.build_v2,
        ),
        "silo": LendingKind(
            "Silo v2: isolated pairs, liquidated down to a target loan-to-value", silo.terms, silo.build
        ),
        "fluid": LendingKind(
            "whole ranges of ticks liquidated down to the threshold, the worst absorbed",
            fluid.terms,
            fluid.build,
        ),
        "ajna": LendingKind(
            "no oracle: lenders name prices, kickers stake bonds, collateral sold at falling prices",
            ajna.terms,
            ajna.build,
        ),
        "llamma": LendingKind(
            "crvUSD: collateral in bands converted by arbitrage, hard liquidation after",
            llamma.terms,
            llamma.build,
        ),
        "maker": LendingKind("vaults sold by falling-price auctions (2021)", maker.terms, maker.build_clip),
        "maker-flip": LendingKind("vaults sold by bids (2020)", maker.terms, maker.build_flip),
        "liquity": LendingKind(
            "a stability pool pays, other troves take the rest; recovery mode",
            liquity.terms_v1,
            liquity.build_v1,
        ),
        "liquity-v2": LendingKind(
            "a stability pool pays for each branch; penalties capped, the surplus is the owner's",
            liquity.terms_v2,
            liquity.build_v2,
        ),
        "laboratory": LendingKind(
            "one of your own: Aave's positions, liquidation by a mechanism made of parts",
            laboratory.terms,
            laboratory.build,
        ),
    }
