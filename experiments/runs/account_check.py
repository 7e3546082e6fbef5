"""What whole accounts needed, computed again from the tables of a run: prices, volatilities and the rule.

Options marked by a model are valued again at the price and volatility that the venue wrote down.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...protocols.margin.account_margin import ContractPrices, Needs
from ..scenarios.margin import VenueConfig
from ..world.margin.option_venue import believed_smile, build_contract_list
from ..world.margin.rules import build_account_margin
from .folders import RunFolderError
from .result import RunResult


class StoredNeeds:
    """The rule of a venue that margins whole accounts, at what its tables say.

    Parameters
    ----------
    result : RunResult
    config : VenueConfig
    marks : mapping
        Rows of ``marks`` by block and instrument.
    """

    def __init__(
        self, result: RunResult, config: VenueConfig, marks: Mapping[tuple[int, str], dict[Any, Any]]
    ) -> None:
        scenario = result.scenario
        unit = 10 ** scenario.asset(scenario.quote).decimals
        self._config, self._marks = config, marks
        self._contracts = build_contract_list(scenario, config)
        self._rule = build_account_margin(config, unit)
        self._smile = believed_smile(scenario, config)
        assets = [scenario.asset(symbol) for symbol in config.contracts]
        self._names = [str(asset.underlying) for asset in assets]
        self._tick_usd = np.array([asset.book.tick_usd for asset in assets if asset.book is not None])
        self._believed: dict[tuple[int, str], dict[Any, Any]] = {}
        if len(self._contracts.options):
            rows = result.underlyings[result.underlyings["venue"] == config.name].to_dict("records")
            self._believed = {(row["block"], str(row["underlying"])): row for row in rows}

    def at(self, block: int) -> Needs:
        """Return what positions needed at the marks of a block.

        Raises
        ------
        RunFolderError
            If a model's value does not follow from the price and volatility that are stored.
        """
        n = len(self._names)
        mark, spot, volatility, time_s = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan), 0.0
        rows = [self._marks.get((block, symbol)) for symbol in self._config.contracts]
        for column, row in enumerate(rows):
            if row is not None:  # an option that has expired has none
                mark[column], time_s = row["mark_ticks"] * self._tick_usd[column], row["t_s"]
        at = self._contracts.options
        if len(at):
            seen = [self._believed[block, self._names[column]] for column in at.tolist()]
            spot[at] = [row["spot"] for row in seen]
            level = [row["volatility"] for row in seen]
            volatility[at] = self._contracts.terms.volatilities(self._smile, level, spot[at], time_s)
            values = self._contracts.terms.sensitivities(spot[at], volatility[at], time_s).price
            for column, value in zip(
                at.tolist(), np.maximum(values, self._tick_usd[at]).tolist(), strict=True
            ):
                row = rows[column]
                if row is not None and not math.isclose(value, row["model"], rel_tol=1e-9):
                    raise RunFolderError(
                        f"{self._config.name}: the model's value of {self._config.contracts[column]} in "
                        f"block {block} is {value:.10g}, the table says {row['model']:.10g}"
                    )
        return self._rule.at(self._contracts, ContractPrices(mark, spot, volatility, time_s))
