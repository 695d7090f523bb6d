"""Commands that search flights: run, demo, info."""

from dataclasses import asdict
from typing import Annotated

import typer

from survey.cli.app import (
    Aoi,
    ConfigFile,
    EvidenceFolder,
    Images,
    Json,
    ModelName,
    Out,
    Overrides,
    Resume,
    app,
    run_settings,
)


@app.command()
def run(
    images: Images,
    *,
    out: Out,
    config: ConfigFile = None,
    overrides: Overrides = None,
    aoi: Aoi = None,
    model: ModelName = None,
    evidence: EvidenceFolder = None,
    resume: Resume = True,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Search only share I (from 0) of N; auto: as the scheduler says.")
    ] = None,
    json: Json = False,
) -> None:
    """Search orthomosaics and write risk per hectare, disturbed ground and candidate detections."""
    settings = run_settings(config, overrides=overrides, model=model, evidence=evidence)
    from survey.progress import choose_progress

    with choose_progress(json_events=json) as progress:
        from survey import pipeline
        from survey.engine import Shard

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
    from survey.progress import choose_progress

    with choose_progress(json_events=json) as progress:
        from survey.demo import run_demo

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
    evidence: EvidenceFolder = None,
    json: Json = False,
) -> None:
    """Tell what the imagery is and what a run would do with it."""
    settings = run_settings(config, overrides=overrides, model=model, evidence=evidence)
    from survey.pipeline import describe
    from survey.progress import JsonProgress

    for image in describe(images, config=settings, aoi=aoi):
        if json:
            JsonProgress().image(asdict(image))
        else:
            typer.echo(image)
