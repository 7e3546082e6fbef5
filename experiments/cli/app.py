"""The `liquidarium` command: which commands there are and how errors end.

Exit codes: 0 done, 1 a replayed contract disagrees, 2 bad input, 130 interrupted.
Bad input ends in one line on stderr, a wrong option as well as a wrong scenario.
Commands import what they need when they are called, so that help is quick.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from . import inspect_commands, run_commands, search_commands, study_commands, sweep_commands
from .options import interrupted

_UsageError: type[Any] = typer.BadParameter.__mro__[1]  # typer has no public name for it
"""What is raised for a command or an option that does not exist."""


class Commands(TyperGroup):
    """The commands; what the user caused ends in one line on stderr."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Parse what comes before the command.

        Raises
        ------
        typer.Exit
            With 2 for an option that does not exist.
        """
        if not args:  # typer shows the help
            return super().make_context(info_name, args, *rest, **extra)
        try:
            return super().make_context(info_name, args, *rest, **extra)
        except _UsageError as error:
            raise _refused(error.format_message()) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command.

        Raises
        ------
        typer.Exit
            With 2 for bad input and 130 for an interrupt.
        """
        try:
            with _remembered_interrupts():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("interrupted; a run folder appears only when it is complete", err=True)
            raise typer.Exit(130) from None
        except _UsageError as error:
            raise _refused(error.format_message()) from None
        except MemoryError as error:
            raise _refused(f"this does not fit into memory ({error}); make the scenario smaller") from None
        except Exception as error:
            if not isinstance(error, _user_errors()):
                raise
            raise _refused(str(error)) from None


@contextmanager
def _remembered_interrupts() -> Iterator[None]:
    """Note Ctrl-C beside raising it, so that a run stops even where the exception was swallowed."""

    def interrupt(*_: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    interrupted.clear()
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()  # only there signals can be handled
    if not main or before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _refused(message: str) -> typer.Exit:
    """Say in one line what is wrong; return what ends the command."""
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return typer.Exit(2)


def _user_errors() -> tuple[type[Exception], ...]:
    from ...market.prices.bars import PriceDataError
    from ...protocols.margin.models.inputs import OptionModelError
    from ..conformance.files import VectorFileError
    from ..contagion.errors import ContagionError
    from ..runs.folders import RunFolderError
    from ..scenarios.base import ScenarioError
    from ..world.intents import IntentError

    return (
        ScenarioError,
        PriceDataError,
        OptionModelError,
        RunFolderError,
        VectorFileError,
        IntentError,
        ContagionError,
    )


app = typer.Typer(
    cls=Commands,
    help="A laboratory for liquidation games: lending protocols, order books and MEV in one market.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(metadata.version("liquidarium"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command("run")(run_commands.run)
app.command("scenarios")(inspect_commands.scenarios)
app.command("protocols")(inspect_commands.protocols)
app.command("show")(inspect_commands.show)
app.command("check")(inspect_commands.check)
app.command("report")(run_commands.report)
app.command("verify")(run_commands.verify)
app.command("backtest")(study_commands.backtest)
app.command("calibrate")(search_commands.calibrate)
app.command("compare")(study_commands.compare)
app.command("sweep")(sweep_commands.sweep)
app.command("optimize")(search_commands.optimize)
app.command("conform")(study_commands.conform)
app.command("contagion")(study_commands.contagion)
app.command("margin")(study_commands.margin)
app.command("facts")(search_commands.facts)
app.command("options")(search_commands.options)
app.command("rare")(search_commands.rare)
app.command("game")(study_commands.game)


def main() -> None:
    """Run the command line; the console script."""
    app(prog_name="liquidarium")
