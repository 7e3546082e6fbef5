"""What could be done about contagion: each intervention is another scenario, run with the same seeds.

An intervention is data, as a scenario is. It says in which worlds a scenario is to be run and whose
losses count there; nothing is switched on behind a scenario's back, so every world can be run alone.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import Field, ValidationError, model_validator

from ..scenarios import Scenario
from ..scenarios.base import Section
from ..scenarios.loading import validate
from ..scenarios.scenario import nearest
from .errors import ContagionError

BACKSTOP = {"exit": "hold", "hold_risk": 0.0, "min_profit_usd": 0.0, "max_calls": 16}
"""How the stability pool of a protocol that has none of its own decides: take what it can, and keep it."""


@dataclass(frozen=True, slots=True)
class World:
    """A scenario, the protocols whose losses count in it, and what funds pay of their bad debt, USD."""

    scenario: Scenario
    counted: tuple[str, ...]
    funds_usd: dict[str, float] = field(default_factory=dict)


class Intervention(Section):
    """What all interventions share."""

    name: ClassVar[str]

    def worlds(self, scenario: Scenario) -> tuple[World, ...]:
        """Return the worlds in which it is tried.

        Raises
        ------
        ContagionError, ScenarioError
            If it names what the scenario does not have, or the changed scenario cannot run.
        """
        data = copy.deepcopy(scenario.model_dump(exclude_unset=True))
        self._change(data, scenario)
        return (World(validate(data), protocols(scenario)),)

    def _change(self, data: dict[str, Any], scenario: Scenario) -> None:
        """Change the data of a scenario."""
        raise NotImplementedError

    def label(self) -> str:
        """Return it as it is given to the command."""
        given = self.model_dump(exclude_unset=True).items()
        values = ((key, f"{value:g}" if isinstance(value, float) else value) for key, value in given)
        return f"{self.name}:" + ",".join(f"{key}={value}" for key, value in values)


class RingFence(Intervention):
    """A protocol gets books, pools, makers, bots and an oracle of its own, equal to those that are there."""

    name = "ring-fence"
    protocol: str = Field(description="protocol to set apart")

    def worlds(self, scenario: Scenario) -> tuple[World, ...]:
        """Return the world of the protocol alone, and that of the others."""
        names, inside = protocols(scenario), _protocol(scenario, self.protocol)
        if len(names) < 2:
            raise ContagionError(f"{self.label()}: {scenario.name} has one protocol; needed: two at least")
        worlds = []
        for counted in ((self.protocol,), tuple(name for name in names if name != self.protocol)):
            data = copy.deepcopy(scenario.model_dump(exclude_unset=True))
            for number, row in enumerate(_lending(data)):
                if (number == inside) != (self.protocol in counted):
                    row["scale"] = 0.0
            worlds.append(World(validate(data), counted))
        return tuple(worlds)


class CapExposure(Intervention):
    """No account owes more, or no more of a collateral is put up, than so much at the start."""

    name = "cap-exposure"
    usd: float = Field(
        ge=0, le=1e12, description="largest debt of an account, or collateral in an asset, USD"
    )
    asset: str | None = Field(default=None, description="collateral; accounts are capped if left out")
    protocol: str | None = Field(
        default=None, description="where the asset is capped; everywhere if left out"
    )

    @model_validator(mode="after")
    def _means_something(self) -> CapExposure:
        if self.protocol is not None and self.asset is None:
            raise ValueError("protocol needs asset, the collateral that is capped there")
        return self

    def _change(self, data: dict[str, Any], scenario: Scenario) -> None:
        if self.asset is None:
            data["borrowers"]["largest_debt_usd"] = self.usd
            return
        where = None if self.protocol is None else _protocol(scenario, self.protocol)
        for number, row in enumerate(_lending(data)):
            if where in (None, number):
                row["collateral_caps_usd"] = {**row.get("collateral_caps_usd", {}), self.asset: self.usd}


class InsuranceFund(Intervention):
    """A fund pays bad debt of a protocol as far as it goes; it changes nothing else."""

    name = "insurance-fund"
    protocol: str = Field(description="protocol whose bad debt it pays")
    usd: float = Field(gt=0, le=1e12, description="what is in it, USD")

    def worlds(self, scenario: Scenario) -> tuple[World, ...]:
        """Return the scenario itself, with the fund."""
        _protocol(scenario, self.protocol)
        return (World(scenario, protocols(scenario), {self.protocol: self.usd}),)


class StabilityPool(Intervention):
    """Money that buys what is liquidated, at once, and keeps it, so that nothing is sold on.

    Liquity's own stability pool gets a depositor; elsewhere it is a bot without latency.
    """

    name = "stability-pool"
    usd: float = Field(gt=0, le=1e12, description="what is in it, USD")

    def _change(self, data: dict[str, Any], scenario: Scenario) -> None:
        row: dict[str, Any] = {"name": "stability-pool", "capital_usd": self.usd, "latency_ms": 0.0}
        if any(config.kind.startswith("liquity") for config in scenario.lending):
            row |= {"kind": "stability-depositor"}
        else:
            row |= {"kind": "liquidator", "private": True, "revert_protection": True}
            row |= {"parameters": dict(BACKSTOP)}
        data["agents"] = [*data.get("agents", ()), row]


class HaltVenue(Intervention):
    """The book of an asset does not trade for a while."""

    name = "halt-venue"
    asset: str = Field(description="asset whose book is halted")
    start_s: float = Field(ge=0, description="beginning, seconds since the start")
    duration_s: float = Field(gt=0, description="how long, seconds")

    def _change(self, data: dict[str, Any], scenario: Scenario) -> None:
        rows = [dict(row) for row in data["assets"]]
        places = [k for k, row in enumerate(rows) if row["symbol"] == self.asset and row.get("book")]
        if not places:
            books = [asset.symbol for asset in scenario.assets if asset.book is not None]
            raise ContagionError(f"{self.label()}: {self.asset} has no book; allowed: {', '.join(books)}")
        row = rows[places[0]]
        row["book"] = {**row["book"], "halt": {"start_s": self.start_s, "duration_s": self.duration_s}}
        data["assets"] = rows


class Without(Intervention):
    """A node is not there: an account is empty, a protocol is empty, or a group of agents has no members."""

    name = "without"
    account: str | None = Field(default=None, description="PROTOCOL-ACCOUNT")
    protocol: str | None = Field(default=None, description="name of a protocol")
    agents: str | None = Field(default=None, description="name of a group of agents")

    @model_validator(mode="after")
    def _one_node(self) -> Without:
        if (self.account, self.protocol, self.agents).count(None) != 2:
            raise ValueError("needs one of account, protocol and agents")
        return self

    def _change(self, data: dict[str, Any], scenario: Scenario) -> None:
        if self.account is not None:
            data["borrowers"]["without"] = [*data["borrowers"].get("without", ()), self.account]
        elif self.protocol is not None:
            _lending(data)[_protocol(scenario, self.protocol)]["scale"] = 0.0
        else:
            groups = [group.name for group in scenario.agents]
            if self.agents not in groups:
                raise ContagionError(
                    f"{self.label()}: no agents {self.agents!r}; allowed: {', '.join(groups) or 'none'}"
                )
            data["agents"] = [
                {**row, "count": 0} if row["name"] == self.agents else row for row in data["agents"]
            ]


INTERVENTIONS: dict[str, type[Intervention]] = {
    kind.name: kind for kind in (RingFence, CapExposure, InsuranceFund, StabilityPool, HaltVenue, Without)
}
"""Interventions by the name that the command gives them."""


def parse_intervention(text: str) -> Intervention:
    """Read ``NAME:key=value,key=value``.

    Raises
    ------
    ContagionError
        If the name or a key is unknown, or a value is not allowed.

    Examples
    --------
    >>> parse_intervention("cap-exposure:usd=1e6,asset=ETH").label()
    'cap-exposure:usd=1e+06,asset=ETH'
    """
    name, _, rest = text.partition(":")
    if name not in INTERVENTIONS:
        hint = nearest(name, INTERVENTIONS)
        raise ContagionError(f"intervention {name!r}{hint}; allowed: {', '.join(INTERVENTIONS)}")
    kind = INTERVENTIONS[name]
    given: dict[str, Any] = {}
    for pair in rest.split(",") if rest else ():
        key, equals, value = (part.strip() for part in pair.partition("="))
        if key not in kind.model_fields or not equals or key in given:
            raise ContagionError(
                f"intervention {text!r}: {pair!r} is not understood; allowed: each once of "
                + ", ".join(f"{field}=..." for field in kind.model_fields)
            )
        given[key] = _number(value) if kind.model_fields[key].annotation is float else value
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise ContagionError(f"intervention {text!r}: {_explain(error)}") from None


def protocols(scenario: Scenario) -> tuple[str, ...]:
    """Return the names of a scenario's protocols."""
    return tuple(config.name or config.kind for config in scenario.lending)


def _protocol(scenario: Scenario, name: str) -> int:
    names = protocols(scenario)
    if name not in names:
        raise ContagionError(f"{scenario.name} has no protocol {name!r}; allowed: {', '.join(names)}")
    return names.index(name)


def _lending(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the protocols in the data of a scenario, to be changed."""
    if data.get("protocols"):
        data["protocols"] = [dict(row) for row in data["protocols"]]
        rows: list[dict[str, Any]] = data["protocols"]
        return rows
    data["protocol"] = {"kind": "aave-v2", **data.get("protocol", {})}
    return [data["protocol"]]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where, message = ".".join(map(str, first["loc"])), str(first["msg"])
    message = message.removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"{where} is missing"
    return f"{where} = {first['input']!r}: {message[0].lower()}{message[1:]}" if where else message
