"""Commands that make and measure models: render, train, evaluate, audit, characterise."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from survey.cli.app import Out, Overrides, app
from survey.errors import ConfigError

# What labelled ground is given as, to measure a model on it or to audit its labels.
Listed = Annotated[str | None, typer.Option("--list", metavar="FILE", help="Data list.")]
Data = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the data list's or COCO's paths.")]
Sites = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Sites of the list; name of the site.")]
Pictures = Annotated[list[str] | None, typer.Option(metavar="IMAGE", help="Files, folders or globs.")]
Labels = Annotated[Path | None, typer.Option(metavar="DIR", help="YOLO label files of the images.")]
Classes = Annotated[str | None, typer.Option(metavar="A,B", help="Names of YOLO's class numbers.")]
Coco = Annotated[Path | None, typer.Option(metavar="FILE", help="COCO file of boxes.")]
Gsd = Annotated[float | None, typer.Option(metavar="M", help="Ground distance of a pixel, metres.")]
Score = Annotated[float | None, typer.Option(metavar="S", help="Operating point, else the model's own.")]


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
    from survey.simulate.render import load_bank, make_bank, write_sheet

    logging.basicConfig(format="survey: %(message)s", level=logging.INFO)
    typer.echo(make_bank(out, count=count, seed=seed, workers=workers))
    if sheet is not None:
        write_sheet(sheet, load_bank(out))
        typer.echo(sheet)


@app.command()
def train(
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
    from_review: Annotated[
        list[str] | None,
        typer.Option(metavar="[SITE=]RUN", help="Reviewed run to learn from too; SITE, else its folder's name."),
    ] = None,
    images: Annotated[
        list[Path] | None, typer.Option("--images", metavar="PATH", help="Where moved imagery of these runs lies now.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="ID|PATH", help="Model to train on, instead of ImageNet's weights.")
    ] = None,
) -> None:
    """Train a model on items laid on real ground; an interrupted training goes on."""
    from survey.config import load_config
    from survey.datasets import reviewed_runs
    from survey.train import TrainConfig
    from survey.train import train as train_model

    logging.basicConfig(format="survey: %(message)s", level=logging.INFO)
    if path is not None and config is not None:
        msg = f"--config {config}: the settings are given as {path} too; give one of them"
        raise ConfigError(msg)
    settings = load_config(TrainConfig, config if path is None else path, overrides=overrides or ())
    if start is not None:
        settings = settings.model_copy(update={"start": start})
    reviews = reviewed_runs(from_review or (), images=images or ())
    typer.echo(train_model(settings, data=data, out=out, model_id=name, evaluation=evaluation, reviews=reviews))


@app.command()
def evaluate(
    *,
    out: Out,
    model: Annotated[str, typer.Option("--model", metavar="ID|PATH", help="Released model or folder.")] = "default",
    data_list: Listed = None,
    data: Data = None,
    site: Sites = None,
    images: Pictures = None,
    labels: Labels = None,
    classes: Classes = None,
    coco: Coco = None,
    gsd: Gsd = None,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Points or polygons of the items.")] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --truth.")] = None,
    class_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the class.")] = None,
    size_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the size in metres.")] = None,
    run_folder: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="Finished run to take instead of searching.")
    ] = None,
    score: Score = None,
    allow_trained_sites: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Measure on this site although it was trained on.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Measure a model on labelled pictures or orthomosaics: recall against false alarms per hectare."""
    from survey.evaluate.run import run_evaluation
    from survey.evaluate.source import Options
    from survey.progress import choose_progress

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
def audit(
    *,
    out: Out,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="[SITE=]ID|PATH", help="Model that did not train on the site; repeatable."),
    ] = None,
    data_list: Listed = None,
    data: Data = None,
    site: Sites = None,
    images: Pictures = None,
    labels: Labels = None,
    classes: Classes = None,
    coco: Coco = None,
    gsd: Gsd = None,
    score: Score = None,
    overrides: Overrides = None,
) -> None:
    """Look for faults in labels: copies, odd boxes and sizes, swapped classes, labels that may be missing.

    Status 0 with findings too.
    """
    from survey.audit import run_audit
    from survey.evaluate.source import Options

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
    from survey.characterise import CharacteriseConfig
    from survey.characterise import characterise as characterise_model
    from survey.config import load_config

    logging.basicConfig(format="survey: %(message)s", level=logging.INFO)
    settings = load_config(CharacteriseConfig, overrides=overrides or ())
    typer.echo(characterise_model(settings, model=model, data_list=data_list, data=data, out=out))
