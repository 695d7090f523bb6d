"""Commands about review: review."""

from pathlib import Path
from typing import Annotated

import typer

from survey.cli.app import app

Moved = Annotated[list[Path] | None, typer.Option("--images", metavar="PATH", help="Where moved imagery lies now.")]
Extra = Annotated[Path | None, typer.Option(metavar="DIR", help="Output of `survey patterns` or `survey prioritise`.")]


@app.command()
def review(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    *,
    images: Moved = None,
    patterns: Extra = None,
    priority: Extra = None,
    host: Annotated[str, typer.Option(help="Address to listen on; any but this computer's own asks for a token.")] = (
        "127.0.0.1"
    ),
    name: Annotated[list[str] | None, typer.Option(help="Further name that browsers may use for the server.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8765,
    token: Annotated[bool, typer.Option("--token", help="Ask for a token on this computer too.")] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show decisions, take none.")] = False,
    tiles: Annotated[float, typer.Option(min=0, max=1, help="Share of the searched tiles drawn for a look.")] = 0.02,
    seed: Annotated[int, typer.Option(min=0, help="Of that draw.")] = 0,
    language: Annotated[str, typer.Option(help="en, az, ru or uk; the page can change it.")] = "en",
    take_in: Annotated[
        list[Path] | None, typer.Option("--take-in", metavar="RUN", help="Take in the decisions of another run first.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the decisions to a GeoPackage and end.")
    ] = None,
) -> None:
    """Judge on a map what a run found, and what it may have missed."""
    from survey.page.serve import ReviewSettings, serve_review
    from survey.review.handover import take_in_decisions, write_decisions

    def tell(line: str) -> None:
        typer.echo(f"survey: {line}", err=True)

    for other in take_in or ():
        tell(take_in_decisions(run_folder, other))
    if export is not None:
        typer.echo(write_decisions(run_folder, export))
        return
    settings = ReviewSettings(
        images=tuple(images or ()),
        patterns=patterns,
        priority=priority,
        host=host,
        names=tuple(name or ()),
        port=port,
        token=token,
        read_only=read_only,
        tile_share=tiles,
        seed=seed,
        language=language,
    )
    serve_review(run_folder, settings, tell=tell)
