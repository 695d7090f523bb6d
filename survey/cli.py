"""The command line: parse, call, print. What is heavy is imported inside the commands."""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.errors import ConfigError, SurveyError, explain

if TYPE_CHECKING:
    from survey.config import RunConfig

EXIT_BUG = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130
OWNER_ONLY = 0o077
"""umask: places of suspected hazards are nobody else's to read, whichever library writes them."""

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
    from survey.progress import choose_progress  # noqa: PLC0415

    with choose_progress(json_events=json) as progress:
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
    from survey.progress import choose_progress  # noqa: PLC0415

    with choose_progress(json_events=json) as progress:
        from survey.demo import run_demo  # noqa: PLC0415

        result = run_demo(out, progress=progress)
    typer.echo(result.text, err=json)
    raise typer.Exit(result.exit_code)


@app.command()
def info(
    images: Images,
    *,
    config: ConfigFile = None,
    overrides: Overrides = None,
    aoi: Aoi = None,
    model: ModelName = None,
    json: Json = False,
) -> None:
    """Tell what the imagery is and what a run would do with it."""
    settings = _settings(config, overrides=overrides, model=model)
    from survey.pipeline import describe  # noqa: PLC0415
    from survey.progress import JsonProgress  # noqa: PLC0415

    for image in describe(images, config=settings, aoi=aoi):
        if json:
            JsonProgress().image(asdict(image))
        else:
            typer.echo(image)


@app.command()
def render(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the bank: new, empty or unfinished.")],
    count: Annotated[int, typer.Option(min=1, help="Number of sprites.")] = 540,
    seed: Annotated[int, typer.Option(min=0, help="Decides every sprite.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that render.")] = 1,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE", help="PNG that shows what was rendered.")] = None,
) -> None:
    """Render ordnance and clutter for training; an interrupted bank goes on."""
    from survey.simulate.render import load_bank, make_bank, write_sheet  # noqa: PLC0415

    logging.basicConfig(format="survey: %(message)s", level=logging.INFO)
    typer.echo(make_bank(out, count=count, seed=seed, workers=workers))
    if sheet is not None:
        write_sheet(sheet, load_bank(out))
        typer.echo(sheet)


@app.command()
def train(  # noqa: PLR0913 - one argument an option
    path: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="YAML with the keys that differ from configs/train.yaml.")
    ] = None,
    *,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder that the data list's paths lie below.")],
    out: Out,
    name: Annotated[str, typer.Option(metavar="ID", help="Name that the model goes by.")],
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The same as CONFIG.")] = None,
    overrides: Overrides = None,
    evaluation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="evaluation.json of the same run with sites held out.")
    ] = None,
) -> None:
    """Train a model on items laid on real ground; an interrupted training goes on."""
    from survey.config import load_config  # noqa: PLC0415
    from survey.train import TrainConfig  # noqa: PLC0415
    from survey.train import train as train_model  # noqa: PLC0415

    logging.basicConfig(format="survey: %(message)s", level=logging.INFO)
    if path is not None and config is not None:
        msg = f"--config {config}: the settings are given as {path} too; give one of them"
        raise ConfigError(msg)
    settings = load_config(TrainConfig, config if path is None else path, overrides=overrides or ())
    typer.echo(train_model(settings, data=data, out=out, model_id=name, evaluation=evaluation))


@app.command()
def evaluate(  # noqa: PLR0913 - one argument an option
    *,
    out: Out,
    model: Annotated[str, typer.Option("--model", metavar="ID|PATH", help="Released model or folder.")] = "default",
    data_list: Annotated[str | None, typer.Option("--list", metavar="FILE", help="Data list.")] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the data list's or COCO's paths.")] = None,
    site: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Sites of the list; name of the site.")] = None,
    images: Annotated[list[str] | None, typer.Option(metavar="IMAGE", help="Files, folders or globs.")] = None,
    labels: Annotated[Path | None, typer.Option(metavar="DIR", help="YOLO label files of the images.")] = None,
    classes: Annotated[str | None, typer.Option(metavar="A,B", help="Names of YOLO's class numbers.")] = None,
    coco: Annotated[Path | None, typer.Option(metavar="FILE", help="COCO file of boxes.")] = None,
    gsd: Annotated[float | None, typer.Option(metavar="M", help="Ground distance of a pixel, metres.")] = None,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Points or polygons of the items.")] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --truth.")] = None,
    class_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the class.")] = None,
    size_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the size in metres.")] = None,
    run_folder: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="Finished run to take instead of searching.")
    ] = None,
    score: Annotated[float | None, typer.Option(metavar="S", help="Operating point, else the model's own.")] = None,
    allow_trained_sites: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Measure on this site although it was trained on.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Measure a model on labelled pictures or orthomosaics: recall against false alarms per hectare."""
    from survey.evaluate.run import run_evaluation  # noqa: PLC0415
    from survey.evaluate.source import Options  # noqa: PLC0415
    from survey.progress import choose_progress  # noqa: PLC0415

    options = Options(
        sites=tuple(site or ()),
        data_list=data_list,
        data=data,
        images=tuple(images or ()),
        labels=labels,
        classes=tuple(name.strip() for name in classes.split(",")) if classes else (),
        coco=coco,
        gsd_m=gsd,
        truth=truth,
        layer=layer,
        class_column=class_column,
        size_column=size_column,
        run=run_folder,
        overrides=tuple(overrides or ()),
    )
    with choose_progress(json_events=False) as progress:
        result = run_evaluation(
            options,
            model=model,
            out=out,
            score=score,
            allow_trained_sites=tuple(allow_trained_sites or ()),
            progress=progress,
        )
    typer.echo(result.text)


@app.command()
def audit(  # noqa: PLR0913 - one argument an option
    *,
    out: Out,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="[SITE=]ID|PATH", help="Model that did not train on the site; repeatable."),
    ] = None,
    data_list: Annotated[str | None, typer.Option("--list", metavar="FILE", help="Data list.")] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the data list's or COCO's paths.")] = None,
    site: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Sites of the list; name of the site.")] = None,
    images: Annotated[list[str] | None, typer.Option(metavar="IMAGE", help="Files, folders or globs.")] = None,
    labels: Annotated[Path | None, typer.Option(metavar="DIR", help="YOLO label files of the images.")] = None,
    classes: Annotated[str | None, typer.Option(metavar="A,B", help="Names of YOLO's class numbers.")] = None,
    coco: Annotated[Path | None, typer.Option(metavar="FILE", help="COCO file of boxes.")] = None,
    gsd: Annotated[float | None, typer.Option(metavar="M", help="Ground distance of a pixel, metres.")] = None,
    score: Annotated[float | None, typer.Option(metavar="S", help="Operating point, else the model's own.")] = None,
    overrides: Overrides = None,
) -> None:
    """Look for faults in labels: copies, odd boxes and sizes, swapped classes, labels that may be missing.

    Status 0 with findings too.
    """
    from survey.audit import run_audit  # noqa: PLC0415
    from survey.evaluate.source import Options  # noqa: PLC0415

    options = Options(
        sites=tuple(site or ()),
        data_list=data_list,
        data=data,
        images=tuple(images or ()),
        labels=labels,
        classes=tuple(name.strip() for name in classes.split(",")) if classes else (),
        coco=coco,
        gsd_m=gsd,
        overrides=tuple(overrides or ()),
    )
    typer.echo(run_audit(options, out=out, models=tuple(model or ()), score=score).text)


@app.command()
def characterise(
    *,
    model: Annotated[str, typer.Option("--model", metavar="ID|PATH", help="Model folder; it is written to.")],
    data_list: Annotated[str, typer.Option("--list", metavar="FILE", help="Data list.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder that the data list's paths lie below.")],
    out: Out,
    overrides: Overrides = None,
) -> None:
    """Measure what imagery a model knows and how cover, size and blur hide items; store both in its folder."""
    from survey.characterise import CharacteriseConfig  # noqa: PLC0415
    from survey.characterise import characterise as characterise_model  # noqa: PLC0415
    from survey.config import load_config  # noqa: PLC0415

    logging.basicConfig(format="survey: %(message)s", level=logging.INFO)
    settings = load_config(CharacteriseConfig, overrides=overrides or ())
    typer.echo(characterise_model(settings, model=model, data_list=data_list, data=data, out=out))


@app.command(name="calibrate-risk")
def calibrate_risk(
    *,
    out: Out,
    hectares: Annotated[int, typer.Option(min=1000, help="Simulated hectares of each world.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything drawn.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads; they change no result.")] = 1,
) -> None:
    """Check on simulated campaigns whether the risk is right about its own uncertainty, and where it is not."""
    from survey.worlds import calibrate_risk as calibrate  # noqa: PLC0415

    typer.echo(calibrate(out, hectares=hectares, seed=seed, threads=threads).text)


prior_app = typer.Typer(help="Learn from ground whose past is known how likely other ground is contaminated.")
app.add_typer(prior_app, name="prior")


@prior_app.command("fit")
def prior_fit(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV: a row a cell, with features, label and place.")],
    *,
    out: Out,
    config: ConfigFile = None,
    overrides: Overrides = None,
    test: Annotated[Path | None, typer.Option(metavar="TABLE", help="Other cells, scored once at the end.")] = None,
) -> None:
    """Learn the probability of contamination, choosing and calibrating on blocks of ground left out."""
    from survey.config import load_config  # noqa: PLC0415
    from survey.prior import PriorConfig, fit_prior  # noqa: PLC0415

    settings = load_config(PriorConfig, config, overrides=overrides or ())
    typer.echo(fit_prior(settings, table=table, out=out, test=test))


@prior_app.command("apply")
def prior_apply(
    model: Annotated[Path, typer.Argument(metavar="PRIOR", help="Folder that `survey prior fit` wrote.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV with the same features.")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Table (.csv) or raster (.tif) to write.")],
) -> None:
    """Write the prior probability of each cell, and how far from training its features lie."""
    from survey.prior import apply_prior  # noqa: PLC0415

    typer.echo(apply_prior(model, table=table, out=out))


@app.command()
def patterns(  # noqa: PLR0913 - one argument an option
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    *,
    out: Out,
    least: Annotated[float, typer.Option(min=0, max=1, help="Least probability of an item.")] = 0.0,
    width: Annotated[float, typer.Option(metavar="M", help="Largest standard deviation across a row.")] = 0.5,
    gap: Annotated[float, typer.Option(metavar="M", help="Longest stretch of a row without a sighting.")] = 20.0,
    level: Annotated[float, typer.Option(help="Chance of any false row.")] = 0.05,
    simulations: Annotated[int, typer.Option(help="Sites simulated for the p-values.")] = 199,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulations.")] = 0,
) -> None:
    """Find rows in which items were laid, and where along and beyond them some may have been left behind."""
    from survey.patterns import PatternSettings, run_patterns  # noqa: PLC0415

    settings = PatternSettings(
        width_m=width, gap_m=gap, jitter_m=10 * width, level=level, simulations=simulations, seed=seed
    )
    typer.echo(run_patterns(run_folder, out=out, settings=settings, least=least))


@app.command()
def prioritise(
    risk: Annotated[Path, typer.Argument(metavar="RUN|RASTER", help="Finished run, or raster of risk per hectare.")],
    *,
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="YAML as configs/priority.yaml.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the plan.")],
) -> None:
    """Plan work areas by risk and exposure: method, order and dates within teams, budget and horizon."""
    from survey.priority import prioritise as plan_work  # noqa: PLC0415

    typer.echo(plan_work(risk, settings=config, out=out).text)


@app.command()
def evidence(
    path: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML of the layers; see configs/evidence.yaml.")],
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the prior: new, empty or an earlier one.")
    ],
    like: Annotated[Path | None, typer.Option(metavar="RASTER", help="Raster that covers the area.")] = None,
    bounds: Annotated[
        tuple[float, float, float, float] | None, typer.Option(help="X_MIN Y_MIN X_MAX Y_MAX in metres of --crs.")
    ] = None,
    crs: Annotated[str | None, typer.Option(metavar="CODE", help="Such as EPSG:32633.")] = None,
) -> None:
    """Turn layers of evidence into a prior for each hectare and group of ordnance."""
    from survey.evidence import grid_from, run_evidence  # noqa: PLC0415

    result = run_evidence(path, out, grid=grid_from(like=like, bounds=bounds, crs=crs))
    typer.echo("\n".join(result.lines))
    raise typer.Exit(result.exit_code)


@app.command("explain", context_settings={"ignore_unknown_options": True})
def explain_cell(
    x: Annotated[float, typer.Argument(metavar="X", help="East, or longitude with --crs EPSG:4326.")],
    y: Annotated[float, typer.Argument(metavar="Y", help="North, or latitude.")],
    *,
    evidence: Annotated[Path, typer.Option(metavar="DIR", help="Folder written by `survey evidence`.")],
    crs: Annotated[str | None, typer.Option(metavar="CODE", help="CRS of X and Y, else that of the evidence.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say why a hectare has its prior: the background, and what each layer of evidence did to it."""
    from json import dumps  # noqa: PLC0415

    from survey.evidence import explain as explanation_of  # noqa: PLC0415

    explanation = explanation_of(x, y, evidence=evidence, crs=crs)
    typer.echo(dumps(explanation.as_dict(), sort_keys=True) if json else explanation)


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
    from survey.progress import JsonProgress  # noqa: PLC0415

    with suppress(BrokenPipeError):  # whoever read the events may be what went away
        if json_events:
            JsonProgress().error(text)
    typer.echo(f"survey: {prefix}{text}", err=True)


def _settings(path: Path | None, *, overrides: Sequence[str] | None, model: str | None) -> "RunConfig":
    """Return the configuration of a run; `--model` wins over `--set model=`."""
    from survey.config import RunConfig, load_config  # noqa: PLC0415

    settings = load_config(RunConfig, path, overrides=overrides or ())
    return settings.model_copy(update={"model": model}) if model else settings
