"""Measures of contagion: one file each, plain arrays in, named results out."""

from __future__ import annotations

from .cascade import Wall, branching_ratio, critical_leverage, critical_shock, total_cascade, wall_of_loans
from .centrality import core_numbers, eigenvector_centrality, katz_centrality, spectral_radius, strength
from .cifuentes_ferrucci_shin import cifuentes_ferrucci_shin
from .concentration import effective_number, gini, herfindahl, portfolio_overlap, share_backed_by_claims
from .debtrank import debtrank, debtrank_linear, impact_matrix
from .eisenberg_noe import eisenberg_noe
from .furfine import furfine
from .greenwood_landier_thesmar import greenwood_landier_thesmar
from .impact_susceptibility import impact_fluidity, impact_susceptibility
from .neva import eisenberg_noe_value, furfine_value, linear_debtrank_value, merton_value, neva
from .rogers_veraart import rogers_veraart

__all__ = [
    "Wall",
    "branching_ratio",
    "cifuentes_ferrucci_shin",
    "core_numbers",
    "critical_leverage",
    "critical_shock",
    "debtrank",
    "debtrank_linear",
    "effective_number",
    "eigenvector_centrality",
    "eisenberg_noe",
    "eisenberg_noe_value",
    "furfine",
    "furfine_value",
    "gini",
    "greenwood_landier_thesmar",
    "herfindahl",
    "impact_fluidity",
    "impact_matrix",
    "impact_susceptibility",
    "katz_centrality",
    "linear_debtrank_value",
    "merton_value",
    "neva",
    "portfolio_overlap",
    "rogers_veraart",
    "share_backed_by_claims",
    "spectral_radius",
    "strength",
    "total_cascade",
    "wall_of_loans",
]
