"""Commands about finished runs: verify, trace, report."""

from pathlib import Path
from typing import Annotated

import typer

from survey.cli.app import RoundNumber, app
from survey.errors import ConfigError

Imagery = Annotated[
    list[Path] | None, typer.Option("--images", metavar="DIR", help="Where the imagery is now; repeatable.")
]
Machine = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Evidence = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of `survey evidence`.")]
Patterns = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of `survey patterns`.")]
Plan = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of `survey prioritise`.")]
Candidates = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder with layers of candidate areas.")]


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run, or any folder with a MANIFEST.json.")],
    *,
    images: Imagery = None,
    model: Annotated[
        str | None, typer.Option(metavar="PATH", help="The run's model, if it is no released one.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="What cannot be checked counts as changed.")] = False,
    json: Machine = False,
) -> None:
    """Compare products, imagery, model and blocks with what was recorded, and say what changed.

    Exit status: 0 nothing changed of what could be checked, 2 no manifest, 3 something changed.
    """
    from json import dumps

    from survey.provenance import verify as verify_folder

    told = verify_folder(folder, images=images or (), model=model)
    typer.echo(dumps(told.as_dict(), sort_keys=True) if json else told)
    raise typer.Exit(told.exit_code(strict=strict))


@app.command(context_settings={"ignore_unknown_options": True})
def trace(
    what: Annotated[list[str], typer.Argument(metavar="DETECTION_ID | X Y", help="A sighting's id, or a place.")],
    *,
    run: Annotated[Path, typer.Option("--run", metavar="DIR", help="Folder of a finished run.")],
    crs: Annotated[str | None, typer.Option(metavar="CODE", help="CRS of X and Y, else that of the run.")] = None,
    images: Imagery = None,
    evidence: Evidence = None,
    patterns: Patterns = None,
    plan: Plan = None,
    candidates: Candidates = None,
    number: RoundNumber = None,
    json: Machine = False,
) -> None:
    """Walk from pixel to sighting, item, verdicts, hectare and work area, with a hash at every step."""
    from json import dumps

    from survey.provenance import Folders, trace_detection, trace_place

    folders = Folders(plan=plan, patterns=patterns, candidates=candidates, evidence=evidence)
    if len(what) == 1:
        told = trace_detection(what[0], run=run, images=images or (), folders=folders, number=number)
    else:
        try:
            x, y = (float(number) for number in what)
        except ValueError as error:
            msg = f"{' '.join(what)}: is neither an id nor a place; give one id, or two numbers X Y"
            raise ConfigError(msg) from error
        told = trace_place(x, y, run=run, crs=crs, images=images or (), folders=folders, number=number)
    typer.echo(dumps(told.as_dict(), sort_keys=True) if json else told)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    *,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="HTML file, else report.html in the run.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also write a PDF beside it; needs the extra [report].")] = False,
    evidence: Evidence = None,
    patterns: Patterns = None,
    plan: Plan = None,
    candidates: Candidates = None,
    number: RoundNumber = None,
    flights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV: image, date, time, sensor, height_m, overlap.")
    ] = None,
    images: Imagery = None,
    model: Annotated[
        str | None, typer.Option(metavar="PATH", help="The run's model, if it is no released one.")
    ] = None,
    language: Annotated[str, typer.Option(metavar="CODE", help="Such as en.")] = "en",
    date: Annotated[str | None, typer.Option(metavar="DAY", help="Date to print, such as 2026-05-31.")] = None,
    without_coordinates: Annotated[
        bool, typer.Option("--without-coordinates", help="No coordinates in maps and tables.")
    ] = False,
    most_chips: Annotated[int, typer.Option(min=0, help="Chips shown, the most probable items first.")] = 60,
) -> None:
    """Write one page on a run: flights, searched ground, model, detections, risk, what was not searched, hashes."""
    from survey.report import ReportOptions, write_report

    options = ReportOptions(
        evidence=evidence,
        patterns=patterns,
        plan=plan,
        candidates=candidates,
        number=number,
        flights=flights,
        images=tuple(images or ()),
        model=model,
        language=language,
        date=date,
        coordinates=not without_coordinates,
        most_chips=most_chips,
    )
    for path in write_report(run, out=out, pdf=pdf, options=options):
        typer.echo(path)
