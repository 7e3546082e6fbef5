"""A class named in a scenario is imported and given its parameters, or the message says why not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from liquidarium.experiments.scenarios import ScenarioError
from liquidarium.experiments.scenarios.objects import build_strategy, import_object


@dataclass(frozen=True, slots=True)
class Patient:
    target: float
    wait_s: float = 1.0
    levels: int = 2
    venues: tuple[str, ...] = ()
    limit: float | None = None

    def __post_init__(self) -> None:
        if self.wait_s < 0:
            raise ValueError(f"wait_s must not be negative, got {self.wait_s}")


class Plain:
    def __init__(self, size: int, *, fast: bool = False) -> None:
        self.size, self.fast = size, fast


def test_named_class_is_imported_and_nothing_is_evaluated():
    assert import_object("fractions:Fraction").__name__ == "Fraction"
    for text in (
        "fractions",
        "fractions:",
        "os:system('ls')",
        "a b:C",
        "fractions.Fraction",
        "__import__('os'):x",
    ):
        with pytest.raises(ScenarioError, match="must read module:Class"):
            import_object(text)


def test_import_error_names_what_failed(tmp_path, monkeypatch):
    (tmp_path / "broken_agent_module.py").write_text("1 / 0\n")
    (tmp_path / "needy_agent_module.py").write_text("import no_such_dependency_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    cases = {
        "no_such_module_at_all:Bot": "there is no module 'no_such_module_at_all'",
        "fractions.none:Bot": "there is no module 'fractions.none'",
        "fractions:Fractoin": "has no 'Fractoin', did you mean 'Fraction'?",
        "broken_agent_module:Bot": "failed with ZeroDivisionError: division by zero",
        "needy_agent_module:Bot": "needs 'no_such_dependency_at_all', which is not installed",
    }
    for name, words in cases.items():
        with pytest.raises(ScenarioError) as error:
            import_object(name, "agents.mine.kind")
        assert str(error.value).startswith(f"agents.mine.kind = {name!r}")
        assert words in str(error.value)


def test_parameters_become_a_strategy_with_its_types():
    strategy = build_strategy(Patient, {"target": 2, "venues": ["pool"], "limit": 3})
    assert strategy == Patient(2.0, venues=("pool",), limit=3.0)
    plain = build_strategy(Plain, {"size": 4, "fast": True})
    assert (plain.size, plain.fast) == (4, True)


@pytest.mark.parametrize(
    ("cls", "parameters", "message"),
    [
        (Patient, {"target": 1, "wait": 5}, "unknown key p.wait, did you mean 'wait_s'?"),
        (Patient, {"target": 1, "zz": 5}, "unknown key p.zz; allowed: target, wait_s, levels, venues, limit"),
        (Patient, {}, "p.target is missing; Patient has no default for it"),
        (Patient, {"target": "high"}, "p.target = 'high'; allowed: a number"),
        (Patient, {"target": True}, "p.target = True; allowed: a number"),
        (Patient, {"target": 1, "levels": 2.5}, "p.levels = 2.5; allowed: a whole number"),
        (Patient, {"target": 1, "wait_s": -1}, "p: wait_s must not be negative, got -1.0"),
        (Plain, {"size": 1, "fats": True}, "unknown key p.fats, did you mean 'fast'?"),
    ],
)
def test_wrong_parameter_is_answered_with_the_field_and_its_type(cls, parameters, message):
    with pytest.raises(ScenarioError) as error:
        build_strategy(cls, parameters, "p")
    assert str(error.value) == message
