"""Commands that hand results over: export."""

from pathlib import Path
from typing import Annotated

import typer

from survey.cli.app import RoundNumber, app


@app.command()
def export(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, or of such products.")],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="New, empty or an earlier export; else RUN/export.")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="NAME", help="gis, imsma, flatgeobuf, tablets, parquet or stac; else all."),
    ] = None,
    extras: Annotated[
        list[Path] | None,
        typer.Option("--with", metavar="DIR", help="Folder that patterns, prioritise, candidates or evidence wrote."),
    ] = None,
    redact: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT", help="coarsen[:METRES], withhold, people or names: what does not leave."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML of the fields of your forms; see configs/imsma.yaml.")
    ] = None,
    number: RoundNumber = None,
    flown: Annotated[
        str | None, typer.Option(metavar="DAY[/DAY]", help="Day of the flights, or first and last.")
    ] = None,
) -> None:
    """Write a folder to hand over: GIS layers, IMSMA's forms, files for tablets, data tables and a catalogue entry."""
    from survey.deliver import Redaction, export_run

    result = export_run(
        run_folder,
        out=out,
        formats=formats or (),
        extras=extras or (),
        redaction=Redaction.parse(redact or ()),
        mapping=mapping,
        flown=flown,
        number=number,
    )
    typer.echo("\n".join(result.lines))
    raise typer.Exit(result.exit_code)
