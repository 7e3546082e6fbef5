"""How losses travel: the exposure graph of a world, and the measures of contagion on any network.

Every measure stands alone: it takes plain arrays (or sparse ones) and knows nothing of a
simulation. Networks of debts are always written ``L[i, j]``: *i owes j*. Names are loaded when they are
first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .causes import Causes, find_causes
    from .claims import liabilities_from_claims, liabilities_from_relative
    from .errors import (
        ContagionError,
        EmptyGraphError,
        MarginError,
        NegativeClaimError,
        NotConvergedError,
        NotSquareError,
        RelativeLiabilitiesError,
        SelfClaimError,
        SingularSystemError,
        UnknownNodeError,
    )
    from .exposure_graph import ExposureGraph
    from .forest import CausalForest, causal_forest
    from .history import difference, read_history, totals
    from .interventions import Intervention, parse_intervention
    from .measures import (
        Wall,
        branching_ratio,
        cifuentes_ferrucci_shin,
        core_numbers,
        critical_leverage,
        critical_shock,
        debtrank,
        debtrank_linear,
        effective_number,
        eigenvector_centrality,
        eisenberg_noe,
        eisenberg_noe_value,
        furfine,
        furfine_value,
        gini,
        greenwood_landier_thesmar,
        herfindahl,
        impact_fluidity,
        impact_matrix,
        impact_susceptibility,
        katz_centrality,
        linear_debtrank_value,
        merton_value,
        neva,
        portfolio_overlap,
        rogers_veraart,
        share_backed_by_claims,
        spectral_radius,
        strength,
        total_cascade,
        wall_of_loans,
    )
    from .networks import load_eba_2011, maximum_entropy, minimum_density, network_ensemble
    from .paired import InterventionStudy, leave_one_out, try_interventions
    from .snapshots import take_snapshot

__all__ = [
    "CausalForest",
    "Causes",
    "ContagionError",
    "EmptyGraphError",
    "ExposureGraph",
    "Intervention",
    "InterventionStudy",
    "MarginError",
    "NegativeClaimError",
    "NotConvergedError",
    "NotSquareError",
    "RelativeLiabilitiesError",
    "SelfClaimError",
    "SingularSystemError",
    "UnknownNodeError",
    "Wall",
    "branching_ratio",
    "causal_forest",
    "cifuentes_ferrucci_shin",
    "core_numbers",
    "critical_leverage",
    "critical_shock",
    "debtrank",
    "debtrank_linear",
    "difference",
    "effective_number",
    "eigenvector_centrality",
    "eisenberg_noe",
    "eisenberg_noe_value",
    "find_causes",
    "furfine",
    "furfine_value",
    "gini",
    "greenwood_landier_thesmar",
    "herfindahl",
    "impact_fluidity",
    "impact_matrix",
    "impact_susceptibility",
    "katz_centrality",
    "leave_one_out",
    "liabilities_from_claims",
    "liabilities_from_relative",
    "linear_debtrank_value",
    "load_eba_2011",
    "maximum_entropy",
    "merton_value",
    "minimum_density",
    "network_ensemble",
    "neva",
    "parse_intervention",
    "portfolio_overlap",
    "read_history",
    "rogers_veraart",
    "share_backed_by_claims",
    "spectral_radius",
    "strength",
    "take_snapshot",
    "total_cascade",
    "totals",
    "try_interventions",
    "wall_of_loans",
]

_HOMES = {
    "CausalForest": ".forest",
    "Causes": ".causes",
    "ContagionError": ".errors",
    "EmptyGraphError": ".errors",
    "ExposureGraph": ".exposure_graph",
    "Intervention": ".interventions",
    "InterventionStudy": ".paired",
    "MarginError": ".errors",
    "NegativeClaimError": ".errors",
    "NotConvergedError": ".errors",
    "NotSquareError": ".errors",
    "RelativeLiabilitiesError": ".errors",
    "SelfClaimError": ".errors",
    "SingularSystemError": ".errors",
    "UnknownNodeError": ".errors",
    "Wall": ".measures",
    "branching_ratio": ".measures",
    "causal_forest": ".forest",
    "cifuentes_ferrucci_shin": ".measures",
    "core_numbers": ".measures",
    "critical_leverage": ".measures",
    "critical_shock": ".measures",
    "debtrank": ".measures",
    "debtrank_linear": ".measures",
    "difference": ".history",
    "effective_number": ".measures",
    "eigenvector_centrality": ".measures",
    "eisenberg_noe": ".measures",
    "eisenberg_noe_value": ".measures",
    "find_causes": ".causes",
    "furfine": ".measures",
    "furfine_value": ".measures",
    "gini": ".measures",
    "greenwood_landier_thesmar": ".measures",
    "herfindahl": ".measures",
    "impact_fluidity": ".measures",
    "impact_matrix": ".measures",
    "impact_susceptibility": ".measures",
    "katz_centrality": ".measures",
    "leave_one_out": ".paired",
    "liabilities_from_claims": ".claims",
    "liabilities_from_relative": ".claims",
    "linear_debtrank_value": ".measures",
    "load_eba_2011": ".networks",
    "maximum_entropy": ".networks",
    "merton_value": ".measures",
    "minimum_density": ".networks",
    "network_ensemble": ".networks",
    "neva": ".measures",
    "parse_intervention": ".interventions",
    "portfolio_overlap": ".measures",
    "read_history": ".history",
    "rogers_veraart": ".measures",
    "share_backed_by_claims": ".measures",
    "spectral_radius": ".measures",
    "strength": ".measures",
    "take_snapshot": ".snapshots",
    "total_cascade": ".measures",
    "totals": ".history",
    "try_interventions": ".paired",
    "wall_of_loans": ".measures",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
