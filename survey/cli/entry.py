"""The program's entry: exit statuses, and what is said of an error."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from survey.cli.app import app
from survey.errors import SurveyError, explain

EXIT_BUG = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130
OWNER_ONLY = 0o077
"""umask: places of suspected hazards are nobody else's to read, whichever library writes them."""


@app.callback(invoke_without_command=True)
def _survey(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; works behind the command too.")] = False,  # noqa: ARG001 - read by main
) -> None:
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("survey"))
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a bug, 2 bad input, 3 done with unsearched blocks."""
    os.umask(OWNER_ONLY)
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, json_events = "--debug" in given, "--json" in given
    given = [item for item in given if item != "--debug"] or ["--help"]
    try:
        code = app(given, prog_name="survey", standalone_mode=False) or 0
    except (typer.Abort, KeyboardInterrupt):
        code = EXIT_INTERRUPTED
    except Exception as error:  # the last line of defence: a bug is told in one line too
        code, text = _failure(error)
        _tell(text, prefix="error: ", json_events=json_events)
        if debug:
            raise
    if code == EXIT_INTERRUPTED:  # also what typer makes of Ctrl-C
        text = "interrupted; the same command again goes on where this one stopped"
        _tell(text, prefix="", json_events=json_events)
    sys.exit(code)


def _failure(error: Exception) -> tuple[int, str]:
    """Return the exit status of an error and what to say of it, as one line."""
    match error:
        case SurveyError():
            code, text = error.exit_code, str(error)
        case typer.TyperException():
            code, text = error.exit_code, error.format_message()
        case OSError():
            code, text = EXIT_INPUT, explain(error)
        case _:
            text = f"bug: {type(error).__name__}: {error}; run again with --debug and report the traceback"
            code = EXIT_BUG
    return code, " ".join(text.split())


def _tell(text: str, *, prefix: str, json_events: bool) -> None:
    """Say on standard error, and to machines on standard output, why the program ends here."""
    from survey.progress import JsonProgress

    with suppress(BrokenPipeError):  # whoever read the events may be what went away
        if json_events:
            JsonProgress().error(text)
    typer.echo(f"survey: {prefix}{text}", err=True)
