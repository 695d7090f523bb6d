"""The command line: parse, call, print. What is heavy is imported inside the commands."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.errors import SurveyError

if TYPE_CHECKING:
    from survey.config import RunConfig
    from survey.progress import Progress

EXIT_BUG = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="survey",
    help="From drone flight imagery to per-hectare explosive-ordnance risk.",
    epilog="Exit status: 0 done, 1 a bug, 2 bad input, 3 done but with blocks that could not be searched.",
    pretty_exceptions_enable=False,
    add_completion=False,
)

Images = Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Orthomosaics: files, folders or globs.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results: new, empty or of this run.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="YAML with the keys that differ.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace one key of the configuration.")
]
Aoi = Annotated[Path | None, typer.Option("--aoi", metavar="FILE", help="Polygons; only what lies inside is searched.")]
ModelName = Annotated[str | None, typer.Option("--model", metavar="ID|PATH", help="Released model or model folder.")]
Resume = Annotated[bool, typer.Option("--resume/--no-resume", help="Go on with an interrupted run, or start over.")]
Json = Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")]


@app.callback(invoke_without_command=True)
def _survey(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; works behind the command too.")] = False,  # noqa: ARG001 - read by main
) -> None:
    if version:
        from importlib.metadata import version as version_of  # noqa: PLC0415

        typer.echo(version_of("survey"))
        raise typer.Exit


@app.command()
def run(  # noqa: PLR0913 - one argument an option
    images: Images,
    *,
    out: Out,
    config: ConfigFile = None,
    overrides: Overrides = None,
    aoi: Aoi = None,
    model: ModelName = None,
    resume: Resume = True,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Search only share I (from 0) of N; auto: as the scheduler says.")
    ] = None,
    json: Json = False,
) -> None:
    """Search orthomosaics and write risk per hectare, disturbed ground and candidate detections."""
    settings = _settings(config, overrides=overrides, model=model)
    with _reporting(json_events=json) as progress:
        from survey import pipeline  # noqa: PLC0415
        from survey.engine import Shard  # noqa: PLC0415

        result = pipeline.run(
            images,
            out,
            config=settings,
            aoi=aoi,
            resume=resume,
            progress=progress,
            shard=Shard.parse(shard) if shard else None,
        )
    raise typer.Exit(result.exit_code)


@app.command()
def demo(*, out: Out, json: Json = False) -> None:
    """Simulate a flight with known truth, search it, and say what was found and what was missed."""
    with _reporting(json_events=json) as progress:
        from survey.demo import run_demo  # noqa: PLC0415

        result = run_demo(out, progress=progress)
    typer.echo(result.text, err=json)
    raise typer.Exit(result.exit_code)


@app.command()
def info(images: Images) -> None:
    """Tell what the imagery is and what a run would do with it."""
    from survey.pipeline import describe  # noqa: PLC0415

    for image in describe(images):
        typer.echo(image)


@app.command()
def train(
    *,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder that the data list's paths lie below.")],
    out: Out,
    name: Annotated[str, typer.Option(metavar="ID", help="Name that the model goes by.")],
    config: ConfigFile = None,
    overrides: Overrides = None,
    evaluation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="evaluation.json of the same run with sites held out.")
    ] = None,
) -> None:
    """Train a model on cut-outs over real ground; an interrupted training goes on."""
    from survey.config import load_config  # noqa: PLC0415
    from survey.train import TrainConfig  # noqa: PLC0415
    from survey.train import train as train_model  # noqa: PLC0415

    logging.basicConfig(format="survey: %(message)s", level=logging.INFO)
    settings = load_config(TrainConfig, config, overrides=overrides or ())
    typer.echo(train_model(settings, data=data, out=out, model_id=name, evaluation=evaluation))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a bug, 2 bad input, 3 done with unsearched blocks."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [item for item in given if item != "--debug"] or ["--help"]
    try:
        code = app(given, prog_name="survey", standalone_mode=False)
    except (SurveyError, typer.TyperException) as error:
        code = _fail(error, text=_text(error), code=error.exit_code, debug=debug)
    except typer.Abort:
        code = EXIT_INTERRUPTED
    except OSError as error:
        text = f"{error.filename or 'input or output'}: {error.strerror or error}"
        code = _fail(error, text=text, code=EXIT_INPUT, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is told in one line too
        text = f"bug: {type(error).__name__}: {error}; run again with --debug and report the traceback"
        code = _fail(error, text=text, code=EXIT_BUG, debug=debug)
    if code == EXIT_INTERRUPTED:  # also what typer makes of Ctrl-C
        typer.echo("survey: interrupted; the same command again goes on where this one stopped", err=True)
    sys.exit(code or 0)


def _fail(error: Exception, *, text: str, code: int, debug: bool) -> int:
    """Print an error as one line, or raise it where the user asked for tracebacks."""
    if debug:
        raise error
    typer.echo(f"survey: error: {' '.join(text.split())}", err=True)
    return code


def _text(error: SurveyError | typer.TyperException) -> str:
    """Return the message as its class formats it."""
    return error.format_message() if isinstance(error, typer.TyperException) else str(error)


def _settings(path: Path | None, *, overrides: Sequence[str] | None, model: str | None) -> "RunConfig":
    """Return the configuration of a run; `--model` wins over `--set model=`."""
    from survey.config import RunConfig, load_config  # noqa: PLC0415

    settings = load_config(RunConfig, path, overrides=overrides or ())
    return settings.model_copy(update={"model": model}) if model else settings


@contextmanager
def _reporting(*, json_events: bool) -> Iterator["Progress"]:
    """Yield the progress that fits the terminal, and tell it of errors."""
    from survey.progress import choose_progress  # noqa: PLC0415

    with choose_progress(json_events=json_events) as progress:
        try:
            yield progress
        except SurveyError as error:
            progress.error(str(error))
            raise
