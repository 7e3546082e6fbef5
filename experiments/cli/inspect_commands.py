"""Commands that look at scenarios without running them."""

from __future__ import annotations

import typer

from .options import JsonOption, ScenarioArgument, SetOption, echo_json


def scenarios(as_json: JsonOption = False) -> None:
    """List the packaged scenarios."""
    from ..scenarios import load_scenario, scenario_names

    loaded = [load_scenario(name) for name in scenario_names()]
    if as_json:
        echo_json({scenario.name: scenario.description for scenario in loaded})
        return
    width = max(len(scenario.name) for scenario in loaded)
    for scenario in loaded:
        typer.echo(f"{scenario.name:<{width}}  {scenario.description}")


def protocols(as_json: JsonOption = False) -> None:
    """List the kinds of lending protocols that a scenario may name."""
    from ..world.lending.kinds import lending_kinds

    lines = {name: kind.line for name, kind in lending_kinds().items()}
    if as_json:
        echo_json(lines)
        return
    width = max(map(len, lines))
    for name, line in lines.items():
        typer.echo(f"{name:<{width}}  {line}")


def show(scenario: ScenarioArgument, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Print a scenario as TOML, with defaults, units and overrides in place."""
    from ..scenarios import load_scenario
    from ..scenarios.toml_text import to_toml

    loaded = load_scenario(scenario, overrides or ())
    if as_json:
        echo_json(loaded.model_dump(mode="json", exclude_none=True))
    else:
        typer.echo(to_toml(loaded), nl=False)


def check(scenario: ScenarioArgument, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Warn about parameters that ask for trouble, without running; exit 2 if the scenario cannot run."""
    from ..check import check as look
    from ..scenarios import load_scenario

    loaded = load_scenario(scenario, overrides or ())
    found = look(loaded)
    if as_json:
        echo_json({"scenario": loaded.name, "warnings": [finding.to_dict() for finding in found]})
        return
    for finding in found:
        typer.echo(f"warning: {finding.where}: {finding.message} [{finding.code}]")
    typer.echo(f"{loaded.name}: {len(found) or 'no'} warning{'' if len(found) == 1 else 's'}")
