"""The command line: what it prints where, its exit codes, and what it leaves on disk.

The run itself is replaced by a quick stand-in with the same signature; a real
run of the installed command is the smoke run of `.ci/run`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.cli import run_commands
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.runs import SUMMARY_KEYS, RunResult, summarise
from liquidarium.experiments.runs.tables import content_hash
from liquidarium.experiments.scenarios import Scenario, scenario_names


def stand_in(
    scenario: Scenario, seed: int | None = None, progress: Callable[[int, int], None] | None = None
) -> RunResult:
    used = scenario.seed if seed is None else seed
    blocks = pd.DataFrame({"block": np.arange(scenario.clock.n_blocks)})
    liquidations = pd.DataFrame(
        {name: [] for name in ("repaid_usd", "seized_usd", "gas_usd", "profit_usd")},
        dtype=float,
    )
    for name in ("liquidator", "collateral", "t_done_s", "t_eligible_s"):
        liquidations[name] = pd.Series([], dtype=object if name in ("liquidator", "collateral") else float)
    sales = pd.DataFrame({name: [] for name in ("returned_usd", "gas_usd", "profit_usd")}, dtype=float)
    tables = {"blocks": blocks, "liquidations": liquidations, "sales": sales}
    if progress is not None:
        for block in range(len(blocks)):
            progress(block + 1, len(blocks))
    summary = summarise(
        tables,
        scenario=scenario.name,
        seed=used,
        borrowers=1,
        left_out=0,
        unsafe_at_start=0,
        restricted_at_start=0,
        unsafe_settings="",
        market_events=0,
        conservation_error_usd=0.0,
        bad_debt_usd=0.0,
        content_hash=content_hash(tables),
        wall_s=0.1,
        other_gas_usd=0.0,
        upkeep_pay_usd=0.0,
        unsold_usd=0.0,
    )
    return RunResult(scenario, used, tables, summary)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Call the command line in an empty folder; gives exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType("liquidarium.experiments.runs.run")
    module.run = stand_in
    monkeypatch.setitem(sys.modules, "liquidarium.experiments.runs.run", module)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            app(args=[str(argument) for argument in arguments], prog_name="liquidarium")
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    call.module = module
    return call


@pytest.fixture(autouse=True)
def run_is_registered():
    if not any(info.callback is run_commands.run for info in app.registered_commands):
        app.command("run")(run_commands.run)


def test_json_run_puts_one_object_on_stdout_and_nothing_else(command):
    code, out, err = command("run", "quickstart", "--json", "--seed", "5")
    assert code == 0
    assert list(json.loads(out)) == list(SUMMARY_KEYS)
    assert out.count("\n") == 1
    assert "saved in runs/quickstart-5" in err
    assert Path("runs/quickstart-5/manifest.json").exists()
    assert Path("runs/quickstart-5/report.md").exists()


def test_run_prints_the_summary_and_draws_figures_unless_told_not_to(command):
    code, out, _ = command("run", "quickstart", "--out", "here", "--no-figures")
    assert code == 0
    assert "bad_debt_usd" in out
    assert "collateral_seized_usd" in out  # the longest keys are not cut off in 80 columns
    assert not Path("here/figures").exists()
    code, _, _ = command("report", "here")
    assert code == 0
    assert Path("here/figures/time_to_liquidation.png").exists()
    assert command("verify", "here")[0] == 0


def test_override_reaches_the_run(command):
    _, out, _ = command("run", "quickstart", "--json", "--no-figures", "--set", "clock.duration_s=120")
    assert json.loads(out)["blocks"] == 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "quikstart"], "did you mean 'quickstart'?"),
        (["run", "quickstart", "--set", "borrowers.count=0"], "borrowers.count = 0; allowed:"),
        (["run", "quickstart", "--set", "borowers.count=5"], "unknown key borowers"),
        (["run", "quickstart", "--seed", "-1"], "--seed"),
        (["run"], "SCENARIO"),
        (["rnu"], "No such command"),
        (["show", "none.toml"], "scenario file none.toml does not exist"),
        (["report", "nowhere"], "nowhere holds no run"),
        (["verify", "nowhere"], "nowhere holds no run"),
        (["conform", "none.json"], "none.json"),
    ],
)
def test_bad_input_exits_2_with_a_message_and_leaves_nothing(command, tmp_path, arguments, words):
    code, out, err = command(*arguments)
    assert code == 2
    assert words in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_refused_before_the_run_begins(command):
    assert command("run", "quickstart", "--no-figures", "--json")[0] == 0

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the run began")

    command.module.run = never
    code, _, err = command("run", "quickstart", "--no-figures")
    assert code == 2
    assert "exists" in err
    command.module.run = stand_in
    assert command("run", "quickstart", "--no-figures", "--json", "--overwrite")[0] == 0


def test_interrupt_exits_130_and_leaves_no_folder(command, tmp_path):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    command.module.run = interrupted
    code, out, err = command("run", "quickstart", "--json")
    assert (code, out) == (130, "")
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []


def test_shown_scenario_can_be_run_again(command):
    code, out, _ = command("show", "quickstart", "--set", "borrowers.count=42")
    assert code == 0
    Path("mine.toml").write_text(out)
    assert json.loads(command("show", "mine.toml", "--json")[1])["borrowers"]["count"] == 42


def test_scenarios_are_listed_with_one_line_each(command):
    code, out, _ = command("scenarios")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == scenario_names()
    assert set(json.loads(command("scenarios", "--json")[1])) == set(scenario_names())


def test_disagreement_with_a_contract_exits_1(command, monkeypatch):
    from liquidarium.experiments import conformance
    from liquidarium.experiments.conformance import ConformanceReport, Disagreement, SetReport

    def report(agree: int) -> ConformanceReport:
        wrong = (Disagreement(2, "seized", 1, 2),) * (3 - agree)
        return ConformanceReport((SetReport("some_set", "some.json", 3, agree, 9, wrong),))

    for agree, code in ((3, 0), (2, 1)):
        monkeypatch.setattr(conformance, "conform", lambda paths, agree=agree: report(agree))
        assert command("conform", "some.json")[0] == code
        got, out, _ = command("conform", "some.json", "--json")
        assert got == code
        assert json.loads(out)["agree"] == agree


def test_help_imports_nothing_heavy(command):
    code = (
        "import sys; from liquidarium.experiments.cli.app import app\n"
        "try: app(args=['--help'], prog_name='liquidarium')\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'numba', 'mesa', 'matplotlib', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
